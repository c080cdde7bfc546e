/* SPDX-License-Identifier: Apache-2.0 */
/* The table of schemes: what every row must have, so that help, completion and the parser can rely on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/alloc.h"
#include "endpoint/endpoint.h"
#include "endpoint/option.h"

static void every_scheme_is_found_by_its_name_in_either_case(void **state)
{
	const struct skt_scheme *s;
	size_t n = 0;

	(void)state;
	for (; (s = skt_scheme_at(n)); n++)
		assert_ptr_equal(skt_scheme_find(s->name, strlen(s->name)), s);
	assert_in_range(n, 22, 40);
	assert_ptr_equal(skt_scheme_find("TCP", 3), skt_scheme_find("tcp://h:1", 3));
	assert_null(skt_scheme_find("tcp", 2));
	assert_null(skt_scheme_find("tcp", 0));
	assert_null(skt_scheme_find("tcpx", 4));
}

static void every_scheme_has_words_for_help_and_an_example_that_reads_as_it(void **state)
{
	const struct skt_scheme *s;
	struct skt_endpoint e;
	struct skt_error err;

	(void)state;
	for (size_t i = 0; (s = skt_scheme_at(i)); i++) {
		assert_true(s->summary && s->summary[0]);
		assert_in_range(strlen(s->summary), 1, 60);
		assert_true(s->can_dial);
		if (skt_endpoint_parse(s->example, &e, &err) < 0)
			fail_msg("%s: %s", s->example, err.text);
		assert_true(e.layer[0] == s || s->alias);
		skt_endpoint_release(&e);
	}
}

static void layers_name_what_carries_them_and_transports_do_not(void **state)
{
	const struct skt_scheme *s;

	(void)state;
	for (size_t i = 0; (s = skt_scheme_at(i)); i++) {
		assert_true(s->is_layer == (s->below != NULL));
		assert_true(!s->alias || s->is_layer);
		if (s->below)
			assert_false(skt_scheme_find(s->below, strlen(s->below))->is_layer);
		if (s->form == SKT_FORM_HOST && !s->is_layer)
			assert_non_null(s->protocol);
	}
}

typedef void (*row_check)(const struct skt_scheme *s, const struct skt_optspec *o);

static void each_option(row_check check)
{
	const struct skt_scheme *s;

	for (size_t i = 0; (s = skt_scheme_at(i)); i++)
		for (size_t g = 0; g < SKT_OPTGROUPS_MAX && s->options[g]; g++)
			for (const struct skt_optspec *o = s->options[g]; o->key; o++)
				check(s, o);
}

static void check_words(const struct skt_scheme *s, const struct skt_optspec *o)
{
	assert_int_equal(skt_option_key(o->key), strlen(o->key));
	assert_in_range(strlen(o->help), 1, 60);
	assert_true(o->unit && o->unit[0]);
	assert_true((o->type == SKT_OPT_WORD) == (o->choices != NULL));
	assert_true(o->type != SKT_OPT_INT || o->max > o->min);
	assert_true(!o->read || o->type == SKT_OPT_STRING);
	assert_true(o->role == SKT_ROLE_ANY || s->can_listen);
}

static void every_option_has_a_key_a_unit_and_one_line_of_help(void **state)
{
	(void)state;
	each_option(check_words);
}

static void check_default(const struct skt_scheme *s, const struct skt_optspec *o)
{
	struct skt_error err = { 0 };
	int64_t number;

	if (o->def && skt_option_value(o, o->def, 0, &number, &err) < 0)
		fail_msg("%s: %s=%s: %s", s->name, o->key, o->def, err.text);
}

static void every_default_is_a_value_that_its_option_takes(void **state)
{
	(void)state;
	each_option(check_default);
}

static void check_once(const struct skt_scheme *s, const struct skt_optspec *wanted)
{
	int n = 0;

	for (size_t g = 0; g < SKT_OPTGROUPS_MAX && s->options[g]; g++)
		for (const struct skt_optspec *o = s->options[g]; o->key; o++)
			n += strcmp(o->key, wanted->key) == 0;
	assert_int_equal(n, 1);
	assert_ptr_equal(skt_scheme_option(s, wanted->key), wanted);
}

static void no_scheme_has_an_option_twice(void **state)
{
	(void)state;
	each_option(check_once);
}

static void the_options_that_transports_rely_on_are_where_they_look_for_them(void **state)
{
	static const struct {
		const char *scheme, *keys;
	} cases[] = {
		{ "tcp",
		  "timeout retry linger sndbuf rcvbuf mark priority backlog family bind sport interface tos dscp ttl v6only "
		  "reuseport freebind nodelay keepalive user-timeout mss congestion fastopen defer-accept" },
		{ "tcp4", "timeout bind ttl nodelay" },
		{ "tcp6", "timeout bind v6only nodelay" },
		{ "unix", "timeout retry linger sndbuf backlog mode user group unlink" },
		{ "unix-seqpacket", "timeout sndbuf backlog mode unlink" },
		{ "vsock", "timeout retry linger sndbuf rcvbuf backlog" },
		{ "stdio", "raw half-open linger" },
		{ "fd", "timeout retry linger" },
		{ "file", "read write append follow create mode sync offset length linger" },
		{ "pipe", "read write create mode timeout" },
		{ "exec", "cwd env clear-env stderr pty raw rows cols kill timeout linger" },
		{ "pty", "cwd env clear-env stderr pty raw rows cols kill timeout linger" },
		{ "text", "newline linger" },
		{ "tls", "alpn sni verify pin ca cert key" },
		{ "wss", "path alpn" },
		{ "udp", "broadcast family bind" },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases); i++) {
		const struct skt_scheme *s = skt_scheme_find(cases[i].scheme, strlen(cases[i].scheme));

		for (const char *k = cases[i].keys; *k; k += strspn(k, " ")) {
			char key[32] = "";
			size_t n = strcspn(k, " ");

			memcpy(key, k, n);
			if (!skt_scheme_option(s, key))
				fail_msg("%s has no %s", s->name, key);
			k += n;
		}
		assert_null(skt_scheme_option(s, "no-such-key"));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_scheme_is_found_by_its_name_in_either_case),
		cmocka_unit_test(every_scheme_has_words_for_help_and_an_example_that_reads_as_it),
		cmocka_unit_test(layers_name_what_carries_them_and_transports_do_not),
		cmocka_unit_test(every_option_has_a_key_a_unit_and_one_line_of_help),
		cmocka_unit_test(every_default_is_a_value_that_its_option_takes),
		cmocka_unit_test(no_scheme_has_an_option_twice),
		cmocka_unit_test(the_options_that_transports_rely_on_are_where_they_look_for_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

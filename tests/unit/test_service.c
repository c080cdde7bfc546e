/* SPDX-License-Identifier: Apache-2.0 */
/* Services and port classes: names to ports, ports to names, and the three ranges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/alloc.h"
#include "endpoint/portclass.h"
#include "endpoint/service.h"

static void a_name_gives_its_port_in_either_case_and_by_its_other_names(void **state)
{
	static const struct {
		const char *name, *protocol;
		int port;
	} cases[] = {
		{ "http", NULL, 80 },
		{ "https", "TCP", 443 },
		{ "HTTPS", "UDP", 443 },
		{ "Ssh", "TCP", 22 },
		{ "domain", "UDP", 53 },
		{ "dns", "TCP", 53 },
		{ "postgres", "TCP", 5432 },
		{ "postgresql", "TCP", 5432 },
		{ "ntp", "UDP", 123 },
		{ "ntp", "TCP", 0 },
		{ "ssh", "UDP", 0 },
		{ "syslog", "UDP", 514 },
		{ "shell", "TCP", 514 },
		{ "no-such-service", NULL, 0 },
		{ "", NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases); i++)
		assert_int_equal(skt_service_port(cases[i].name, cases[i].protocol), cases[i].port);
}

static void a_port_gives_its_service_and_the_protocols_that_use_it(void **state)
{
	(void)state;
	assert_string_equal(skt_service_of_port(443, NULL)->name, "https");
	assert_string_equal(skt_service_of_port(443, NULL)->tcp, "HTTPS");
	assert_string_equal(skt_service_of_port(443, "UDP")->udp, "HTTP/3");
	assert_string_equal(skt_service_of_port(514, NULL)->name, "syslog");
	assert_string_equal(skt_service_of_port(514, "TCP")->name, "shell");
	assert_null(skt_service_of_port(22, "UDP"));
	assert_null(skt_service_of_port(49999, NULL));
	assert_null(skt_service_of_port(0, NULL));
}

static void the_table_is_sorted_by_port_without_a_name_twice_and_with_help_for_each(void **state)
{
	const struct skt_service *s, *other;
	size_t n = 0;
	int last = 0;

	(void)state;
	for (; (s = skt_service_at(n)); n++) {
		assert_true(s->port >= last);
		assert_true(s->tcp || s->udp);
		assert_in_range(strlen(s->help), 1, 90);
		assert_in_range(strlen(s->name), 1, SKT_SERVICE_LENGTH - 1);
		assert_int_equal(strspn(s->name, "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(s->name));
		for (size_t i = n + 1; (other = skt_service_at(i)); i++)
			assert_string_not_equal(s->name, other->name);
		last = s->port;
	}
	assert_in_range(n, 150, 400);
}

static void what_the_table_lacks_is_asked_of_the_system(void **state)
{
	char name[SKT_SERVICE_LENGTH];

	(void)state;
	/* A machine may have no services database; where it has one, tcpmux is in it. */
	if (skt_service_system_name(1, "TCP", name))
		assert_string_equal(name, "tcpmux");
	assert_false(skt_service_system_name(49999, "TCP", name));
}

static void the_three_classes_cover_all_ports_with_their_edges_where_the_rfc_has_them(void **state)
{
	static const struct {
		uint16_t port;
		const char *name, *also;
	} cases[] = {
		{ 0, "system", "well-known" },   { 22, "system", "well-known" },  { 1023, "system", "well-known" },
		{ 1024, "user", "registered" },  { 8080, "user", "registered" },  { 49151, "user", "registered" },
		{ 49152, "dynamic", "private" }, { 65535, "dynamic", "private" },
	};
	int next = 0;

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases); i++) {
		assert_string_equal(skt_portclass_of(cases[i].port)->name, cases[i].name);
		assert_string_equal(skt_portclass_of(cases[i].port)->also, cases[i].also);
	}
	for (int i = 0; skt_portclass_at(i); i++) {
		assert_int_equal(skt_portclass_at(i)->first, next);
		next = skt_portclass_at(i)->last + 1;
	}
	assert_int_equal(next, 65536);
	assert_null(skt_portclass_at(-1));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_gives_its_port_in_either_case_and_by_its_other_names),
		cmocka_unit_test(a_port_gives_its_service_and_the_protocols_that_use_it),
		cmocka_unit_test(the_table_is_sorted_by_port_without_a_name_twice_and_with_help_for_each),
		cmocka_unit_test(what_the_table_lacks_is_asked_of_the_system),
		cmocka_unit_test(the_three_classes_cover_all_ports_with_their_edges_where_the_rfc_has_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

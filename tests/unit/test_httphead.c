/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of HTTP/1. */
#include "support.h"

#include <string.h>

#include "base/text.h"
#include "wire/httphead.h"

static int parse(enum skt_headkind kind, const char *text, struct skt_head *ret)
{
	const char *why = NULL;
	int failed = skt_head_parse(kind, text, strlen(text), ret, &why);

	assert_true(failed == 0 || why != NULL);
	return failed;
}

static void a_request_has_a_method_a_target_and_fields(void **state)
{
	struct skt_head h;

	(void)state;
	assert_int_equal(parse(SKT_HEAD_REQUEST,
			       "GET /chat?x=1 HTTP/1.1\r\nHost: a.example\r\nConnection: keep-alive,  Upgrade\r\n"
			       "Empty:\r\nX:\t two words \r\n\r\n",
			       &h),
			 0);
	assert_true(skt_span_is(h.method, "GET") && skt_span_is(h.target, "/chat?x=1"));
	assert_int_equal(h.minor, 1);
	assert_int_equal(h.n_fields, 4);
	assert_true(skt_span_is(skt_head_field(&h, "host"), "a.example"));
	assert_true(skt_span_is(skt_head_field(&h, "x"), "two words"));
	assert_int_equal(skt_head_field(&h, "empty").n, 0);
	assert_null(skt_head_field(&h, "none").s);
	assert_true(skt_head_lists(&h, "connection", "upgrade") && skt_head_lists(&h, "Connection", "keep-alive"));
	assert_false(skt_head_lists(&h, "connection", "keep"));
}

static void an_answer_has_a_status_and_perhaps_a_reason(void **state)
{
	struct skt_head h;

	(void)state;
	assert_int_equal(parse(SKT_HEAD_RESPONSE, "HTTP/1.0 407 Proxy Authentication Required\r\n\r\n", &h), 0);
	assert_int_equal(h.status, 407);
	assert_int_equal(h.minor, 0);
	assert_true(skt_span_is(h.reason, "Proxy Authentication Required"));
	assert_int_equal(parse(SKT_HEAD_RESPONSE, "HTTP/1.1 200\r\n\r\n", &h), 0);
	assert_int_equal(parse(SKT_HEAD_RESPONSE, "HTTP/1.1 200 \r\n\r\n", &h), 0);
	assert_int_equal(h.reason.n, 0);
}

static void what_is_no_head_is_refused(void **state)
{
	static const char *const requests[] = {
		"",
		"\r\n\r\n",
		"GET\r\n\r\n",
		"GET /\r\n\r\n",
		"GET / HTTP/2.0\r\n\r\n",
		"GET / HTTP/1.2\r\n\r\n",
		"GET  / HTTP/1.1\r\n\r\n",
		"G T / HTTP/1.1\r\n\r\n",
		" GET / HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\n\r\n",
		"GET / HTTP/1.1\r\n",
		"GET / HTTP/1.1\r\nHost: a\n\r\n",
		"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
		"GET / HTTP/1.1\r\n: a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\x01\r\n\r\n",
		"GET / HTTP/1.1\r\nHost\r\n\r\n",
		"GET / HTTP/1.1\r\n\r\nmore",
		"GET /\x7f HTTP/1.1\r\n\r\n",
	};
	static const char *const answers[] = {
		"HTTP/1.1\r\n\r\n",        "HTTP/1.1 20 OK\r\n\r\n",   "HTTP/1.1 2000 OK\r\n\r\n",
		"HTTP/1.1 099 OK\r\n\r\n", "HTTP/1.1  200 OK\r\n\r\n", "HTTP/3.1 200 OK\r\n\r\n",
		"SSH-2.0-x\r\n\r\n",       "HTTP/1.1 2x0 OK\r\n\r\n",
	};
	struct skt_head h;

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(requests); i++)
		if (parse(SKT_HEAD_REQUEST, requests[i], &h) == 0)
			fail_msg("taken: %s", requests[i]);
	for (size_t i = 0; i < SKT_LENGTH(answers); i++)
		if (parse(SKT_HEAD_RESPONSE, answers[i], &h) == 0)
			fail_msg("taken: %s", answers[i]);
}

static int parse_fields(int n)
{
	struct skt_text text = { 0 };
	struct skt_head h;
	int failed;

	skt_text_add(&text, "GET / HTTP/1.1\r\n");
	for (int i = 0; i < n; i++)
		skt_text_add(&text, "A: b\r\n");
	skt_text_add(&text, "\r\n");
	failed = parse(SKT_HEAD_REQUEST, skt_text_get(&text), &h);
	skt_text_release(&text);
	return failed;
}

static void too_many_fields_are_refused(void **state)
{
	(void)state;
	assert_int_equal(parse_fields(SKT_HEAD_FIELDS), 0);
	assert_int_equal(parse_fields(SKT_HEAD_FIELDS + 1), -1);
}

static void the_end_is_found_however_the_bytes_come(void **state)
{
	static const char text[] = "HTTP/1.1 101 Switching Protocols\r\nA: b\r\n\r\nbehind";
	size_t end = strlen(text) - strlen("behind"), seen = 0;

	(void)state;
	assert_int_equal(skt_head_end(text, strlen(text), &seen), end);
	seen = 0;
	for (size_t n = 0; n < end; n++)
		assert_int_equal(skt_head_end(text, n, &seen), 0);
	assert_int_equal(skt_head_end(text, end, &seen), end);
}

static void what_speaks_something_else_is_known_early(void **state)
{
	(void)state;
	assert_true(skt_head_begins(SKT_HEAD_RESPONSE, "", 0));
	assert_true(skt_head_begins(SKT_HEAD_RESPONSE, "HTT", 3));
	assert_false(skt_head_begins(SKT_HEAD_RESPONSE, "SSH", 3));
	assert_false(skt_head_begins(SKT_HEAD_RESPONSE, "HTTP/2", 6));
	assert_true(skt_head_begins(SKT_HEAD_REQUEST, "", 0));
	assert_true(skt_head_begins(SKT_HEAD_REQUEST, "GE", 2));
	assert_true(skt_head_begins(SKT_HEAD_REQUEST, "GET /", 5));
	assert_false(skt_head_begins(SKT_HEAD_REQUEST, "\x16\x03\x01", 3));
	assert_false(skt_head_begins(SKT_HEAD_REQUEST, " GET", 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SUPPORT_TEST(a_request_has_a_method_a_target_and_fields),
		SUPPORT_TEST(an_answer_has_a_status_and_perhaps_a_reason),
		SUPPORT_TEST(what_is_no_head_is_refused),
		SUPPORT_TEST(too_many_fields_are_refused),
		SUPPORT_TEST(the_end_is_found_however_the_bytes_come),
		SUPPORT_TEST(what_speaks_something_else_is_known_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

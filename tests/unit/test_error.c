/* SPDX-License-Identifier: Apache-2.0 */
/* Failures: their kinds and words are an interface. */
#include "support.h"

#include "io/stream.h"

static void kinds_keep_their_numbers_and_words(void **state)
{
	static const struct {
		enum skt_err kind;
		int status;
		const char *word;
	} rows[] = {
		{ SKT_OK, 0, "ok" },
		{ SKT_E_IO, 1, "io" },
		{ SKT_E_USAGE, 2, "usage" },
		{ SKT_E_RESOLVE, 3, "resolve" },
		{ SKT_E_REFUSED, 4, "refused" },
		{ SKT_E_TIMEOUT, 5, "timeout" },
		{ SKT_E_DENIED, 6, "denied" },
		{ SKT_E_INUSE, 7, "in-use" },
		{ SKT_E_LIMIT, 8, "limit" },
		{ SKT_E_PEER, 9, "peer" },
		{ SKT_E_CHILD, 10, "child" },
		{ SKT_E_BUG, 70, "bug" },
		{ SKT_AGAIN, 100, "again" },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(rows); i++) {
		assert_int_equal(rows[i].kind, rows[i].status);
		assert_string_equal(skt_err_name(rows[i].kind), rows[i].word);
	}
	assert_string_equal(skt_err_name((enum skt_err)55), "unknown");
}

static void a_failure_holds_its_facts_and_forgets_the_last_hint(void **state)
{
	struct skt_error err = { 0 };

	(void)state;
	assert_int_equal(skt_fail(&err, SKT_E_REFUSED, ECONNREFUSED, "no %s on %d", "one", 7), -SKT_E_REFUSED);
	skt_hint(&err, "try %d", 8);
	assert_int_equal(err.kind, SKT_E_REFUSED);
	assert_int_equal(err.sys, ECONNREFUSED);
	assert_int_equal(err.at, -1);
	assert_string_equal(err.text, "no one on 7");
	assert_string_equal(err.hint, "try 8");
	assert_int_equal(skt_fail_at(&err, 12, "wrong"), -SKT_E_USAGE);
	assert_int_equal(err.at, 12);
	assert_int_equal(err.sys, 0);
	assert_string_equal(err.hint, "");
	assert_int_equal(skt_fail_memory(&err), -SKT_E_LIMIT);
	assert_int_equal(err.sys, ENOMEM);
	assert_true(err.hint[0]);
}

static void nobody_has_to_ask_for_the_details(void **state)
{
	(void)state;
	assert_int_equal(skt_fail(NULL, SKT_E_IO, EIO, "x"), -SKT_E_IO);
	assert_int_equal(skt_fail_at(NULL, 1, "x"), -SKT_E_USAGE);
	assert_int_equal(skt_fail_memory(NULL), -SKT_E_LIMIT);
	skt_hint(NULL, "x");
}

static void texts_that_are_too_long_are_cut_not_overrun(void **state)
{
	struct skt_error err = { 0 };
	char text[1000];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	(void)skt_fail(&err, SKT_E_IO, 0, "%s", text);
	skt_hint(&err, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_int_equal(strlen(err.hint), sizeof(err.hint) - 1);
}

static void a_stream_keeps_its_first_failure(void **state)
{
	struct skt_stream below = { 0 }, s = { .below = &below };
	struct skt_error err = { 0 }, why;

	(void)state;
	below.sys = ENOSPC;
	skt_stream_why(&s, &why); /* the layer below knows */
	assert_int_equal(why.kind, SKT_E_IO);
	assert_string_equal(why.text, "the disk is full");
	assert_true(why.hint[0]);
	(void)skt_fail(&err, SKT_E_PEER, EPROTO, "first");
	assert_int_equal(skt_stream_fail(&s, &err), -SKT_E_PEER);
	(void)skt_fail(&err, SKT_E_IO, EIO, "second");
	assert_int_equal(skt_stream_fail(&s, &err), -SKT_E_IO);
	skt_stream_why(&s, &why);
	assert_string_equal(why.text, "first");
	assert_int_equal(why.kind, SKT_E_PEER);
	skt_free(s.err);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SUPPORT_TEST(kinds_keep_their_numbers_and_words),
		SUPPORT_TEST(a_failure_holds_its_facts_and_forgets_the_last_hint),
		SUPPORT_TEST(nobody_has_to_ask_for_the_details),
		SUPPORT_TEST(texts_that_are_too_long_are_cut_not_overrun),
		SUPPORT_TEST(a_stream_keeps_its_first_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

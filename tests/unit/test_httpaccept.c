/* SPDX-License-Identifier: Apache-2.0 */
/* What a client prefers, and what it has already; base64 and Basic. */
#include "support.h"

#include <string.h>

#include "wire/base64.h"
#include "wire/httpaccept.h"

static struct skt_span span(const char *text)
{
	return (struct skt_span){ text, strlen(text) };
}

static void the_best_coding_is_chosen(void **state)
{
	static const struct {
		const char *field;
		unsigned set;
		enum skt_coding best;
	} rows[] = {
		{ "gzip", 2, SKT_CODING_GZIP },
		{ "gzip, br, zstd", 14, SKT_CODING_BR },
		{ "gzip, zstd", 14, SKT_CODING_ZSTD },
		{ "gzip;q=1, br;q=0.9", 14, SKT_CODING_GZIP },
		{ "*", 14, SKT_CODING_BR },
		{ "*;q=0.5, br;q=0", 14, SKT_CODING_ZSTD },
		{ "identity", 14, SKT_CODING_NONE },
		{ "identity;q=0, gzip;q=0.001", 14, SKT_CODING_GZIP },
		{ "gzip;q=0.5, identity;q=0.6", 14, SKT_CODING_NONE },
		{ "GZip ; Q=1.000", 14, SKT_CODING_GZIP },
		{ "gzip;q=1.001", 14, SKT_CODING_NONE },
		{ "gzip;q=x", 14, SKT_CODING_NONE },
		{ "x-gzip", 14, SKT_CODING_GZIP },
		{ "br", 2, SKT_CODING_NONE },
		{ "", 14, SKT_CODING_NONE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(skt_accept_coding(span(rows[i].field), rows[i].set), rows[i].best);
}

static void types_and_languages_have_weights(void **state)
{
	(void)state;
	assert_int_equal(skt_accept_weight((struct skt_span){ 0 }, "text/html"), 1000);
	assert_int_equal(skt_accept_weight(span("text/html"), "text/html"), 1000);
	assert_int_equal(skt_accept_weight(span("text/*;q=0.3, text/html;q=0.7, */*;q=0.1"), "text/html"), 700);
	assert_int_equal(skt_accept_weight(span("text/*;q=0.3, */*;q=0.1"), "text/html"), 300);
	assert_int_equal(skt_accept_weight(span("text/*;q=0.3, */*;q=0.1"), "application/json"), 100);
	assert_int_equal(skt_accept_weight(span("image/png"), "text/html"), 0);
	assert_int_equal(skt_accept_weight(span("id-ID, id;q=0.9, en;q=0.5"), "id"), 900);
	assert_int_equal(skt_accept_weight(span("id-ID"), "id"), 1000);
	assert_int_equal(skt_accept_weight(span("ido"), "id"), 0);
}

static void tags_are_found_in_lists(void **state)
{
	(void)state;
	assert_true(skt_tags_have(span("\"a\""), "\"a\"", false));
	assert_true(skt_tags_have(span("\"x,y\", \"a\""), "\"a\"", false));
	assert_true(skt_tags_have(span("*"), "\"a\"", false));
	assert_true(skt_tags_have(span("W/\"a\""), "\"a\"", true));
	assert_false(skt_tags_have(span("W/\"a\""), "\"a\"", false));
	assert_false(skt_tags_have(span("a"), "\"a\"", true));
	assert_false(skt_tags_have(span("\"a"), "\"a\"", true));
	assert_false(skt_tags_have(span(""), "\"a\"", true));
	assert_false(skt_tags_have(span("x \"a\""), "\"a\"", true));
}

static void base64_goes_there_and_back(void **state)
{
	unsigned char bytes[64], back[64];
	struct skt_text t = { 0 };

	(void)state;
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		for (size_t i = 0; i < n; i++)
			bytes[i] = (unsigned char)(i * 37 + n);
		skt_text_clear(&t);
		skt_base64_encode(bytes, n, &t);
		assert_int_equal(t.len, (n + 2) / 3 * 4);
		assert_int_equal(skt_base64_decode((struct skt_span){ skt_text_get(&t), t.len }, back, sizeof(back)), n);
		assert_memory_equal(bytes, back, n);
		if (n)
			assert_int_equal(skt_base64_decode((struct skt_span){ t.s, t.len }, back, n - 1), -1);
	}
	skt_text_release(&t);
}

static void base64_is_strict(void **state)
{
	static const char *const bad[] = { "a",    "ab",   "abc",  "a===", "ab==c", "====",
					   "ab=c", "YR==", "YWJ=", "YW J", "Y\nW=" };
	char back[16];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(skt_base64_decode(span(bad[i]), back, sizeof(back)), -1);
}

static void basic_credentials_are_read(void **state)
{
	struct skt_span user, password;
	char room[32];

	(void)state;
	assert_true(skt_basic_parse(span("basic  YTpiOmM="), room, sizeof(room), &user, &password));
	assert_true(skt_span_is(user, "a") && skt_span_is(password, "b:c"));
	assert_false(skt_basic_parse(span("Basic YWJj"), room, sizeof(room), &user, &password));
	assert_false(skt_basic_parse(span("Bearer YTpi"), room, sizeof(room), &user, &password));
	assert_false(skt_basic_parse(span("Basic YQA6Yg=="), room, sizeof(room), &user, &password));
	assert_false(skt_basic_parse(span("Basic YTpiYTpiYTpiYTpiYTpiYTpiYTpiYTpiYTpiYTpiYTpi"), room, sizeof(room),
				     &user, &password));
	assert_false(skt_basic_parse((struct skt_span){ 0 }, room, sizeof(room), &user, &password));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_best_coding_is_chosen), cmocka_unit_test(types_and_languages_have_weights),
		cmocka_unit_test(tags_are_found_in_lists),   cmocka_unit_test(base64_goes_there_and_back),
		cmocka_unit_test(base64_is_strict),          cmocka_unit_test(basic_credentials_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* JSON lines: commas, nesting, and every byte escaped as RFC 8259 asks. */
#include "support.h"

#include "base/json.h"

static void members_and_elements_are_separated_at_every_depth(void **state)
{
	struct skt_json j = { 0 };

	(void)state;
	skt_json_object(&j, NULL);
	skt_json_string(&j, "s", "text");
	skt_json_int(&j, "least", INT64_MIN);
	skt_json_int(&j, "most", INT64_MAX);
	skt_json_bool(&j, "yes", true);
	skt_json_bool(&j, "no", false);
	skt_json_null(&j, "nothing");
	skt_json_string(&j, "none", NULL);
	skt_json_array(&j, "list");
	skt_json_int(&j, NULL, 1);
	skt_json_object(&j, NULL);
	skt_json_end_object(&j);
	skt_json_array(&j, NULL);
	skt_json_end_array(&j);
	skt_json_string(&j, NULL, "x");
	skt_json_end_array(&j);
	skt_json_object(&j, "inner");
	skt_json_int(&j, "a", 0);
	skt_json_end_object(&j);
	skt_json_int(&j, "last", -1);
	skt_json_end_object(&j);
	assert_string_equal(skt_json_get(&j), "{\"s\":\"text\",\"least\":-9223372036854775808,\"most\":9223372036854775807,"
					      "\"yes\":true,\"no\":false,\"nothing\":null,\"none\":null,"
					      "\"list\":[1,{},[],\"x\"],\"inner\":{\"a\":0},\"last\":-1}");
	skt_json_release(&j);
	assert_string_equal(skt_json_get(&j), "");
}

static void strings_are_escaped_and_bytes_that_are_no_utf8_replaced(void **state)
{
	static const char *const rows[][2] = {
		{ "plain", "plain" },
		{ "\"quoted\" \\ back", "\\\"quoted\\\" \\\\ back" },
		{ "a\nb\tc\x01\x1f\x7f", "a\\u000ab\\u0009c\\u0001\\u001f\\u007f" },
		{ "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80" },
		{ "\x80", "\xef\xbf\xbd" }, /* a continuation alone */
		{ "\xc3", "\xef\xbf\xbd" }, /* cut off */
		{ "\xc3(", "\xef\xbf\xbd(" },
		{ "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd" }, /* overlong */
		{ "\xe0\x80\xaf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },                 /* a surrogate */
		{ "\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* above U+10FFFF */
		{ "\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf" },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(rows); i++) {
		struct skt_json j = { 0 };
		char wanted[64];

		skt_json_string(&j, NULL, rows[i][0]);
		(void)snprintf(wanted, sizeof(wanted), "\"%s\"", rows[i][1]);
		assert_string_equal(skt_json_get(&j), wanted);
		skt_json_release(&j);
	}
}

static void keys_are_escaped_too(void **state)
{
	struct skt_json j = { 0 };

	(void)state;
	skt_json_object(&j, NULL);
	skt_json_int(&j, "a\"b", 1);
	skt_json_end_object(&j);
	assert_string_equal(skt_json_get(&j), "{\"a\\\"b\":1}");
	skt_json_release(&j);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SUPPORT_TEST(members_and_elements_are_separated_at_every_depth),
		SUPPORT_TEST(strings_are_escaped_and_bytes_that_are_no_utf8_replaced),
		SUPPORT_TEST(keys_are_escaped_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Media types of files. */
#include "support.h"

#include <string.h>

#include "http/mime.h"

static const char *of(const char *name, const char *begin)
{
	return skt_mime_of(name, begin, strlen(begin));
}

static void what_the_web_is_made_of_has_its_type(void **state)
{
	static const char *const rows[][2] = {
		{ "a.html", "text/html; charset=utf-8" },
		{ "dir.d/a.JS", "text/javascript; charset=utf-8" },
		{ "a.mjs", "text/javascript; charset=utf-8" },
		{ "a.css", "text/css; charset=utf-8" },
		{ "a.json", "application/json" },
		{ "a.svg", "image/svg+xml" },
		{ "a.wasm", "application/wasm" },
		{ "a.woff2", "font/woff2" },
		{ "a.mp4", "video/mp4" },
		{ "a.tar.gz", "application/gzip" },
		{ "7z.7z", "application/x-7z-compressed" },
		{ "x.zst", "application/zstd" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(of(rows[i][0], "\0"), rows[i][1]);
}

static void what_has_no_type_is_told_by_its_first_bytes(void **state)
{
	(void)state;
	assert_string_equal(of("LICENCE-none-has-that", "plain text\n"), "text/plain; charset=utf-8");
	assert_string_equal(of("dir.html/noext", "\xc3\xbc"), "text/plain; charset=utf-8");
	assert_string_equal(of("noext", "\xff\xfe"), "application/octet-stream");
	assert_string_equal(skt_mime_of("noext", "a\0b", 3), "application/octet-stream");
	assert_string_equal(skt_mime_of("noext", "", 0), "text/plain; charset=utf-8");
	/* half a character at the end of what was read is none the less text */
	assert_string_equal(of("noext", "abc\xc3"), "text/plain; charset=utf-8");
	assert_string_equal(of("a.ts", "export {};\n"), "text/plain; charset=utf-8");
	assert_string_equal(skt_mime_of("a.ts", "G\0\0", 3), "video/mp2t");
}

static void some_are_worth_compressing(void **state)
{
	(void)state;
	assert_true(skt_mime_compresses("text/html; charset=utf-8"));
	assert_true(skt_mime_compresses("application/json"));
	assert_true(skt_mime_compresses("image/svg+xml"));
	assert_true(skt_mime_compresses("application/vnd.api+json"));
	assert_false(skt_mime_compresses("image/png"));
	assert_false(skt_mime_compresses("application/jsonx"));
	assert_false(skt_mime_compresses("video/mp4"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_web_is_made_of_has_its_type),
		cmocka_unit_test(what_has_no_type_is_told_by_its_first_bytes),
		cmocka_unit_test(some_are_worth_compressing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Media types of files. */
#include "support.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

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

/* A system of our own: two directories have a file of globs, the first has none. */
static const char first_globs[] = "# a comment\n"
				  "50:text/x-python:*.py\n"
				  "50:text/x-c++src:*.C:cs\n"
				  "60:application/heavy:*.x\n"
				  "50:application/longer:*.long.x\n"
				  "50:application/long:*.two.y\n"
				  "50:application/short:*.y\n"
				  "50:text/x-makefile:makefile\n"
				  "50:text/x-readme:readme*\n"
				  "50:application/numbered:[0-9][0-9].n\n"
				  "50:application/bare:*.\n"
				  "50:application/css:*.css\n" /* the web knows better */
				  "50:x:\n50::\n:\n::::\n50:no/glob\nxx:a/b:*.odd\n50:application/first:*.z";
static const char second_globs[] = "50:application/second:*.z\n50:application/other:*.o2";

static int own_open(const char *path, int flags, mode_t mode)
{
	const char *text = strcmp(path, "/b/mime/globs2") == 0   ? first_globs
			   : strcmp(path, "/c/mime/globs2") == 0 ? second_globs
								 : NULL;
	int fd;

	(void)flags;
	(void)mode;
	if (!text) {
		errno = ENOENT;
		return -1;
	}
	fd = memfd_create("globs2", MFD_CLOEXEC);
	assert_int_equal(pwrite(fd, text, strlen(text), 0), strlen(text));
	return fd;
}

static int own_system(void **state)
{
	(void)state;
	skt_sys.open = own_open;
	return setenv("XDG_DATA_DIRS", "/a::/b:/c", 1);
}

static void other_names_are_looked_up_in_the_system(void **state)
{
	static const char *const rows[][2] = {
		{ "a.py", "text/x-python; charset=utf-8" },
		{ "A.PY", "text/x-python; charset=utf-8" },
		{ "dir/x.py", "text/x-python; charset=utf-8" },
		{ ".py", "text/x-python; charset=utf-8" },
		{ "a.long.x", "application/heavy" }, /* weight before length */
		{ "a.two.y", "application/long" },
		{ "a.too.y", "application/short" },
		{ "Makefile", "text/x-makefile; charset=utf-8" },
		{ "README.first", "text/x-readme; charset=utf-8" },
		{ "42.n", "application/numbered" },
		{ "4.n", "application/octet-stream" },
		{ "ends.", "application/bare" },
		{ "a.css", "text/css; charset=utf-8" },
		{ "a.z", "application/first" },
		{ "a.o2", "application/other" },
		{ "py", "application/octet-stream" },
		{ "", "application/octet-stream" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(skt_mime_of(rows[i][0], "\xff", 1), rows[i][1]);
	assert_ptr_equal(of("a.py", ""), of("b.py", "")); /* types stay */
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
		cmocka_unit_test(other_names_are_looked_up_in_the_system),
		cmocka_unit_test(some_are_worth_compressing),
	};

	return cmocka_run_group_tests(tests, own_system, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Catalogues: what a .mo file says, and files that lie. */
#include <byteswap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/message.h"

/* A text and its translation, with the NULs that separate forms. */
struct entry {
	const char *original, *translation;
	size_t n_original, n_translation;
};

#define ENTRY(original, translation)                                                 \
	{                                                                            \
		original, translation, sizeof(original) - 1, sizeof(translation) - 1 \
	}

/* As msgfmt sorts them. */
static const struct entry one_form[] = {
	ENTRY("", "Language: id\nPlural-Forms: nplurals=1; plural=0;\n"),
	ENTRY("%d file\0%d files", "%d berkas"),
	ENTRY("done", "selesai"),
	ENTRY("empty", ""),
};

static const struct entry two_forms[] = {
	ENTRY("", "Language: xx\nPlural-Forms: nplurals=2; plural=(n != 1);\n"),
	ENTRY("%d file\0%d files", "%d Datei\0%d Dateien"),
	ENTRY("%d port\0%d ports", "%d nur"), /* its second form is missing */
};

struct file {
	char bytes[1024];
	size_t n;
};

static void put(struct file *f, size_t at, uint32_t number, bool swapped)
{
	number = swapped ? bswap_32(number) : number;
	memcpy(f->bytes + at, &number, sizeof(number));
}

static void put_text(struct file *f, size_t at, const char *s, size_t n, bool swapped)
{
	put(f, at, (uint32_t)n, swapped);
	put(f, at + 4, (uint32_t)f->n, swapped);
	memcpy(f->bytes + f->n, s, n);
	f->n += n + 1;
}

static void file_make(struct file *f, const struct entry *entries, size_t n, bool swapped)
{
	const uint32_t header[] = { 0x950412de, 0, (uint32_t)n, 28, (uint32_t)(28 + 8 * n), 0, 0 };

	*f = (struct file){ .n = 28 + 16 * n };
	for (size_t i = 0; i < SKT_LENGTH(header); i++)
		put(f, i * 4, header[i], swapped);
	for (size_t i = 0; i < n; i++) {
		put_text(f, 28 + 8 * i, entries[i].original, entries[i].n_original, swapped);
		put_text(f, 28 + 8 * (n + i), entries[i].translation, entries[i].n_translation, swapped);
	}
}

/* Each catalogue stays in use, so that it must stay where it is. */
static struct file first, other, plurals, broken;

static void without_a_catalogue_the_text_is_its_own_translation(void **state)
{
	(void)state;
	assert_string_equal(_("done"), "done");
	assert_string_equal(_(""), "");
	assert_string_equal(NG_("%d file", "%d files", 1), "%d file");
	assert_string_equal(NG_("%d file", "%d files", 2), "%d files");
}

static void check_one_form(void)
{
	assert_string_equal(_("done"), "selesai");
	assert_string_equal(_("unknown"), "unknown");
	assert_string_equal(_("empty"), "empty");
	assert_string_equal(_(""), "");
	assert_string_equal(NG_("%d file", "%d files", 1), "%d berkas");
	assert_string_equal(NG_("%d file", "%d files", 5), "%d berkas");
	assert_string_equal(NG_("%d cat", "%d cats", 5), "%d cats");
}

static void a_catalogue_translates_what_it_holds_and_leaves_the_rest(void **state)
{
	(void)state;
	file_make(&first, one_form, SKT_LENGTH(one_form), false);
	assert_int_equal(skt_message_catalogue(first.bytes, first.n), 0);
	check_one_form();
}

static void a_catalogue_of_the_other_byte_order_is_read_too(void **state)
{
	(void)state;
	file_make(&other, one_form, SKT_LENGTH(one_form), true);
	assert_int_equal(skt_message_catalogue(other.bytes, other.n), 0);
	check_one_form();
}

static void the_form_follows_the_number(void **state)
{
	(void)state;
	file_make(&plurals, two_forms, SKT_LENGTH(two_forms), false);
	assert_int_equal(skt_message_catalogue(plurals.bytes, plurals.n), 0);
	assert_string_equal(NG_("%d file", "%d files", 1), "%d Datei");
	assert_string_equal(NG_("%d file", "%d files", 0), "%d Dateien");
	assert_string_equal(NG_("%d port", "%d ports", 3), "%d nur");
}

static void a_file_that_is_cut_anywhere_is_refused_and_changes_nothing(void **state)
{
	(void)state;
	file_make(&broken, one_form, SKT_LENGTH(one_form), false);
	for (size_t n = 0; n < broken.n; n++) {
		char *cut = skt_malloc(n ? n : 1); /* on the heap, so that a sanitizer sees a read behind its end */

		assert_non_null(cut);
		memcpy(cut, broken.bytes, n);
		assert_int_equal(skt_message_catalogue(cut, n), -SKT_E_USAGE);
		skt_free(cut);
	}
	assert_string_equal(NG_("%d file", "%d files", 1), "%d Datei");
}

static void numbers_that_lie_do_no_harm(void **state)
{
	static const uint32_t lies[] = { 0, 1, 7, 0x7fffffff, 0xfffffff8, 0xffffffff };

	(void)state;
	for (size_t at = 0; at < 28 + 16 * SKT_LENGTH(one_form); at += 4) {
		for (size_t i = 0; i < SKT_LENGTH(lies); i++) {
			file_make(&broken, one_form, SKT_LENGTH(one_form), false);
			put(&broken, at, lies[i], false);
			if (skt_message_catalogue(broken.bytes, broken.n) == 0)
				assert_true(strlen(_("done")) < sizeof(broken.bytes));
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_catalogue_the_text_is_its_own_translation),
		cmocka_unit_test(a_catalogue_translates_what_it_holds_and_leaves_the_rest),
		cmocka_unit_test(a_catalogue_of_the_other_byte_order_is_read_too),
		cmocka_unit_test(the_form_follows_the_number),
		cmocka_unit_test(a_file_that_is_cut_anywhere_is_refused_and_changes_nothing),
		cmocka_unit_test(numbers_that_lie_do_no_harm),
	};

	return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}

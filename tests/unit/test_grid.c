/* SPDX-License-Identifier: Apache-2.0 */
/* Tables: which columns are left out, what is cut, and that nobody's text steers the terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/column.h"
#include "cli/grid.h"

static const struct skt_grid_column columns[] = {
	{ .title = "PORT", .right = true }, { .title = "NAME", .elastic = true, .least = 6 },
	{ .title = "USER", .rank = 2 },     { .title = "QUEUE", .right = true, .rank = 3 },
	{ .title = "NOTE", .rank = 1 },     { .title = NULL },
};

static void add(struct skt_grid *g, const char *port, const char *name, const char *user, const char *queue,
		const char *note)
{
	skt_grid_add(g, port);
	skt_grid_add(g, name);
	skt_grid_add(g, user);
	skt_grid_add(g, queue);
	skt_grid_add(g, note);
	skt_grid_end_row(g, SKT_INK_GREEN);
}

static void expect(const struct skt_grid *g, int width, const char *expected)
{
	struct skt_text t = { 0 };

	skt_grid_print(g, width, 3, &t); /* no terminal: no colour */
	assert_false(t.failed);
	assert_string_equal(skt_text_get(&t), expected);
	skt_text_release(&t);
}

static void without_a_width_every_column_is_whole(void **state)
{
	struct skt_grid g = { .column = columns };

	(void)state;
	add(&g, "80", "nginx with a long name", "www-data", "0/511", "");
	add(&g, "8080", "node", "me", "", "");
	expect(&g, 0,
	       "PORT  NAME                    USER      QUEUE  NOTE\n"
	       "  80  nginx with a long name  www-data  0/511\n"
	       "8080  node                    me\n");
	skt_grid_release(&g);
}

static void columns_go_by_rank_when_room_is_short(void **state)
{
	struct skt_grid g = { .column = columns };

	(void)state;
	add(&g, "80", "nginx with a long name", "www-data", "0/511", "x");
	expect(&g, 80,
	       "PORT  NAME                    USER      QUEUE  NOTE\n"
	       "  80  nginx with a long name  www-data  0/511  x\n");
	expect(&g, 40,
	       "PORT  NAME         USER      QUEUE  NOTE\n"
	       "  80  nginx wi...  www-data  0/511  x\n");
	expect(&g, 30,
	       "PORT  NAME      USER      NOTE\n"
	       "  80  nginx...  www-data  x\n");
	expect(&g, 24,
	       "PORT  NAME          NOTE\n"
	       "  80  nginx wit...  x\n");
	expect(&g, 14,
	       "PORT  NAME\n"
	       "  80  nginx...\n");
	skt_grid_release(&g);
}

static void no_line_is_wider_than_the_terminal(void **state)
{
	struct skt_grid g = { .column = columns };

	(void)state;
	for (int i = 0; i < 5; i++) {
		skt_grid_addf(&g, "%d", 100000 * i);
		skt_grid_add(&g, "n\xc3\xa4me \xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e and more \x1b[31m");
		skt_grid_end_row(&g, SKT_INK_PLAIN);
	}
	for (int width = 1; width < 60; width++) {
		struct skt_text t = { 0 };

		skt_grid_print(&g, width, 3, &t);
		for (char *line = t.s, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
			*end = '\0';
			if (skt_columns(line) > (size_t)width)
				fail_msg("%d: \"%s\"", width, line);
			assert_true(end == line || end[-1] != ' ');
		}
		skt_text_release(&t);
	}
	skt_grid_release(&g);
}

static void an_empty_column_with_a_rank_is_left_out_of_a_terminal_only(void **state)
{
	struct skt_grid g = { .column = columns };

	(void)state;
	add(&g, "1", "a", "b", "", "");
	expect(&g, 80,
	       "PORT  NAME  USER\n"
	       "   1  a     b\n");
	expect(&g, 0,
	       "PORT  NAME  USER  QUEUE  NOTE\n"
	       "   1  a     b\n");
	skt_grid_release(&g);
}

static void control_characters_become_visible(void **state)
{
	struct skt_grid g = { .column = columns };

	(void)state;
	add(&g, "1", "a\x1b]0;evil\x07\nb\tc", "\xff", "", "");
	expect(&g, 80,
	       "PORT  NAME                     USER\n"
	       "   1  a\\x1b]0;evil\\x07\\x0ab c  \xff\n");
	skt_grid_release(&g);
}

static void rows_may_be_short_and_never_too_long(void **state)
{
	struct skt_grid g = { .column = columns };

	(void)state;
	skt_grid_add(&g, "1");
	skt_grid_end_row(&g, SKT_INK_PLAIN);
	for (int i = 0; i < 9; i++)
		skt_grid_add(&g, "x");
	skt_grid_end_row(&g, SKT_INK_PLAIN);
	expect(&g, 0,
	       "PORT  NAME  USER  QUEUE  NOTE\n"
	       "   1\n"
	       "   x  x     x         x  x\n");
	skt_grid_clear(&g);
	expect(&g, 0, "PORT  NAME  USER  QUEUE  NOTE\n");
	skt_grid_release(&g);
}

static void a_part_has_the_columns_of_the_whole(void **state)
{
	struct skt_grid g = { .column = columns };
	struct skt_text t = { 0 };

	(void)state;
	add(&g, "1", "a", "", "", "");
	add(&g, "2", "a long name", "", "", "");
	add(&g, "3", "c", "u", "", "");
	skt_grid_print_part(&g, 80, 3, 2, 99, &t);
	assert_string_equal(skt_text_get(&t), "PORT  NAME         USER\n"
					      "   3  c            u\n");
	skt_text_release(&t);
	skt_grid_release(&g);
}

static void a_cell_beyond_reason_is_cut(void **state)
{
	struct skt_grid g = { .column = columns };
	struct skt_text t = { 0 };
	char *huge = skt_malloc(100001);

	(void)state;
	memset(huge, 27, 100000);
	huge[100000] = '\0';
	add(&g, "1", huge, "u", "", "");
	skt_grid_print(&g, 30, 3, &t);
	assert_false(t.failed);
	assert_true(t.len < 100);
	assert_null(strchr(skt_text_get(&t), 27));
	skt_text_release(&t);
	skt_grid_release(&g);
	skt_free(huge);
}

static int allocations_left;

static bool fails(void)
{
	return allocations_left-- <= 0;
}

static void without_memory_the_text_has_failed(void **state)
{
	(void)state;
	for (int n = 0; n < 6; n++) {
		struct skt_grid g = { .column = columns };
		struct skt_text t = { 0 };

		allocations_left = n;
		skt_alloc_fails = fails;
		for (int i = 0; i < 100; i++)
			add(&g, "1", "a", "b", "c", "d");
		skt_alloc_fails = NULL;
		skt_grid_print(&g, 80, 3, &t);
		assert_true(t.failed);
		skt_text_release(&t);
		skt_grid_release(&g);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_width_every_column_is_whole),
		cmocka_unit_test(columns_go_by_rank_when_room_is_short),
		cmocka_unit_test(no_line_is_wider_than_the_terminal),
		cmocka_unit_test(an_empty_column_with_a_rank_is_left_out_of_a_terminal_only),
		cmocka_unit_test(control_characters_become_visible),
		cmocka_unit_test(rows_may_be_short_and_never_too_long),
		cmocka_unit_test(a_part_has_the_columns_of_the_whole),
		cmocka_unit_test(a_cell_beyond_reason_is_cut),
		cmocka_unit_test(without_memory_the_text_has_failed),
	};

	(void)setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

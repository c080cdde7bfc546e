/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines: flags, words, what follows "--", and what is said about a mistake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/unit.h"
#include "cli/args.h"

static const struct skt_flag flags[] = {
	{ .name = "max", .letter = 'm', .type = SKT_OPT_INT, .min = 1, .max = 1000, .argument = "N", .help = "" },
	{ .name = "idle", .type = SKT_OPT_DURATION, .min = SKT_MS, .max = SKT_FOREVER, .argument = "DURATION", .help = "" },
	{ .name = "buffer", .type = SKT_OPT_SIZE, .argument = "SIZE", .help = "" },
	{ .name = "rate", .type = SKT_OPT_RATE, .argument = "RATE", .help = "" },
	{ .name = "mode", .type = SKT_OPT_MODE, .argument = "MODE", .help = "" },
	{ .name = "mover", .type = SKT_OPT_WORD, .choices = "auto|copy|splice", .help = "" },
	{ .name = "allow", .type = SKT_OPT_STRING, .argument = "CIDR", .many = true, .help = "" },
	{ .name = "once", .help = "" },
	{ .name = "keep", .letter = 'k', .help = "" },
	{ .name = NULL },
};

static const struct skt_command command = {
	.name = "listen",
	.synopsis = "E [OPTION=VALUE]... [FLAGS]\nE -- CMD",
	.flags = flags,
};

enum { WORDS_MAX = 16 };

/* One command line, read. */
struct reading {
	struct skt_args args;
	struct skt_error err;
	int ret;
};

static struct reading read_words(const char *const *words)
{
	struct reading r = { .err.kind = SKT_OK };
	char *argv[WORDS_MAX + 1] = { NULL };
	static char *kept[WORDS_MAX + 1];
	int argc = 0;

	for (; words[argc]; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc];
	memcpy(kept, argv, sizeof(kept));
	r.ret = skt_args_parse(&command, argc, kept, &r.args, &r.err);
	return r;
}

#define READ(...) read_words((const char *const[]){ __VA_ARGS__, NULL })

static void a_value_may_stand_in_the_next_word_behind_an_equals_sign_or_behind_the_letter(void **state)
{
	static const char *const ways[][3] = {
		{ "--max", "7", NULL }, { "--max=7", NULL }, { "-m", "7", NULL },
		{ "-m7", NULL },        { "-km7", NULL },    { "-vkm", "7", NULL },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(ways); i++) {
		struct reading r = read_words(ways[i]);

		assert_int_equal(r.ret, 0);
		assert_int_equal(skt_args_number(&r.args, "max", -1), 7);
		assert_int_equal(r.args.n_words, 0);
		skt_args_release(&r.args);
	}
}

static void flags_may_stand_anywhere_before_the_two_dashes(void **state)
{
	struct reading r = READ("-k", "tcp://:80", "--once", "nodelay=no", "--", "cat", "--max", "-x");

	(void)state;
	assert_int_equal(r.ret, 0);
	assert_true(skt_args_has(&r.args, "keep"));
	assert_true(skt_args_has(&r.args, "once"));
	assert_false(skt_args_has(&r.args, "max"));
	assert_int_equal(r.args.n_words, 2);
	assert_string_equal(r.args.word[0], "tcp://:80");
	assert_string_equal(r.args.word[1], "nodelay=no");
	assert_true(r.args.has_after);
	assert_int_equal(r.args.n_after, 3);
	assert_string_equal(r.args.after[0], "cat");
	assert_string_equal(r.args.after[2], "-x");
	skt_args_release(&r.args);
}

static void two_dashes_with_nothing_behind_them_are_noticed(void **state)
{
	struct reading r = READ("-", "--");

	(void)state;
	assert_int_equal(r.ret, 0);
	assert_true(r.args.has_after);
	assert_int_equal(r.args.n_after, 0);
	assert_int_equal(r.args.n_words, 1);
	skt_args_release(&r.args);
}

static void values_are_read_by_their_type(void **state)
{
	struct reading r = READ("--idle=250ms", "--buffer=64K", "--rate=10Mbit", "--mode=0640", "--mover=copy");

	(void)state;
	assert_int_equal(r.ret, 0);
	assert_int_equal(skt_args_number(&r.args, "idle", 0), 250 * SKT_MS);
	assert_int_equal(skt_args_number(&r.args, "buffer", 0), 65536);
	assert_int_equal(skt_args_number(&r.args, "rate", 0), 10000000);
	assert_int_equal(skt_args_number(&r.args, "mode", 0), 0640);
	assert_int_equal(skt_args_number(&r.args, "mover", 0), 1);
	assert_string_equal(skt_args_string(&r.args, "mover", "?"), "copy");
	assert_string_equal(skt_args_string(&r.args, "allow", "?"), "?");
	assert_int_equal(skt_args_number(&r.args, "max", 42), 42);
	skt_args_release(&r.args);
}

static void a_flag_that_may_be_repeated_keeps_every_value_in_order(void **state)
{
	struct reading r = READ("--allow", "10.0.0.0/8", "--once", "--allow=::1", "--allow=");

	(void)state;
	assert_int_equal(r.ret, 0);
	assert_string_equal(skt_args_each(&r.args, "allow", 0), "10.0.0.0/8");
	assert_string_equal(skt_args_each(&r.args, "allow", 1), "::1");
	assert_string_equal(skt_args_each(&r.args, "allow", 2), "");
	assert_null(skt_args_each(&r.args, "allow", 3));
	skt_args_release(&r.args);
}

static void of_a_flag_given_twice_the_last_counts(void **state)
{
	struct reading r = READ("--max=1", "--max=2");

	(void)state;
	assert_int_equal(skt_args_number(&r.args, "max", 0), 2);
	skt_args_release(&r.args);
}

static void nothing_behind_help_is_looked_at(void **state)
{
	struct reading r = READ("--help", "--nonsense", "--max");

	(void)state;
	assert_int_equal(r.ret, 0);
	assert_true(skt_args_has(&r.args, "help"));
	skt_args_release(&r.args);
}

static void a_mistake_names_the_flag_and_says_how_to_write_it(void **state)
{
	static const struct {
		const char *words[4];
		const char *text, *hint; /* what they contain */
	} rows[] = {
		{ { "--maxx=5" }, "--maxx", "--max?" },
		{ { "--keeep" }, "--keeep", "--keep?" },
		{ { "-json" }, "-json", "--json?" },
		{ { "-x" }, "-x", "--help" },
		{ { "--zzzzzz" }, "--zzzzzz", "--help" },
		{ { "--max", "five" }, "--max five", "--max 4" },
		{ { "--max", "-5" }, "--max -5", "--max 4" },
		{ { "--max=0" }, "between 1 and 1000", "--max 4" },
		{ { "--max=1001" }, "between 1 and 1000", "--max 4" },
		{ { "--max=" }, "--max", "--max 4" },
		{ { "--max=99999999999999999999" }, "--max", "--max 4" },
		{ { "--max" }, "--max needs a value", "--max 4" },
		{ { "-m" }, "--max needs a value", "--max 4" },
		{ { "--max", "--", "cat" }, "--max needs a value", "--max 4" },
		{ { "--idle", "5" }, "unit", "--idle 5s" },
		{ { "--buffer", "big" }, "a size", "--buffer 64K" },
		{ { "--rate", "10" }, "a rate", "--rate 10Mbit" },
		{ { "--mode", "rw" }, "octal", "--mode 0640" },
		{ { "--mode", "77777" }, "octal", "--mode 0640" },
		{ { "--mover", "cpoy" }, "auto|copy|splice", "copy?" },
		{ { "--mover", "quickly" }, "auto|copy|splice", "--mover auto" },
		{ { "--allow" }, "--allow needs a value", "--allow 10.0.0.0/8" },
		{ { "--once=yes" }, "--once takes no value", "--once alone" },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(rows); i++) {
		struct reading r = read_words(rows[i].words);

		if (r.ret != -SKT_E_USAGE || !strstr(r.err.text, rows[i].text) || !strstr(r.err.hint, rows[i].hint))
			fail_msg("%s: %d \"%s\" / \"%s\"", rows[i].words[0], r.ret, r.err.text, r.err.hint);
		assert_int_equal(r.err.kind, SKT_E_USAGE);
		skt_args_release(&r.args);
	}
}

static void an_endpoint_takes_the_options_behind_it_and_no_more(void **state)
{
	struct reading r = READ("tcp://h:80", "nodelay=no", "-v", "timeout=3s", "unix:/x");
	struct skt_endpoint e = { .n_opt = 0 };
	int at = 0;

	(void)state;
	assert_int_equal(skt_args_endpoint(&r.args, &at, "FROM", &e, &r.err), 0);
	assert_int_equal(at, 3);
	assert_int_equal(e.n_opt, 2);
	assert_string_equal(e.host, "h");
	skt_endpoint_release(&e);
	assert_int_equal(skt_args_endpoint(&r.args, &at, "TO", &e, &r.err), 0);
	assert_int_equal(at, 4);
	assert_string_equal(skt_endpoint_transport(&e)->name, "unix");
	skt_endpoint_release(&e);
	assert_int_equal(skt_args_finish(&r.args, at, &r.err), 0);
	skt_args_release(&r.args);
}

static void a_missing_endpoint_is_called_by_its_place(void **state)
{
	struct reading r = READ("-k");
	struct skt_endpoint e;
	int at = 0;

	(void)state;
	assert_int_equal(skt_args_endpoint(&r.args, &at, "FROM", &e, &r.err), -SKT_E_USAGE);
	assert_non_null(strstr(r.err.text, "FROM"));
	assert_string_equal(r.err.hint, "usage: soket listen E [OPTION=VALUE]... [FLAGS]");
	assert_int_equal(at, 0);
	skt_args_release(&r.args);
}

static void an_option_without_an_endpoint_is_told_where_it_belongs(void **state)
{
	struct reading r = READ("nodelay=no", "tcp://h:80");
	struct skt_endpoint e;
	int at = 0;

	(void)state;
	assert_int_equal(skt_args_endpoint(&r.args, &at, "E", &e, &r.err), -SKT_E_USAGE);
	assert_non_null(strstr(r.err.text, "nodelay=no"));
	assert_int_equal(at, 0);
	skt_args_release(&r.args);
}

static void a_bad_endpoint_leaves_the_place_and_points_into_its_words(void **state)
{
	struct reading r = READ("tcp://h:80", "nodelay=perhaps");
	struct skt_endpoint e;
	int at = 0;

	(void)state;
	assert_int_equal(skt_args_endpoint(&r.args, &at, "E", &e, &r.err), -SKT_E_USAGE);
	assert_int_equal(at, 0);
	assert_in_range(r.err.at, strlen("tcp://h:80 nodelay="), strlen("tcp://h:80 nodelay=perhaps"));
	skt_args_release(&r.args);
}

static void a_word_too_many_is_named(void **state)
{
	struct reading r = READ("tcp://h:80", "more");

	(void)state;
	assert_int_equal(skt_args_finish(&r.args, 1, &r.err), -SKT_E_USAGE);
	assert_non_null(strstr(r.err.text, "more"));
	assert_int_equal(skt_args_finish(&r.args, 2, &r.err), 0);
	skt_args_release(&r.args);
}

static int allocations_left;

static bool no_memory(void)
{
	return allocations_left-- <= 0;
}

static void memory_that_is_short_at_any_moment_is_an_error_like_others(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct reading r;

		allocations_left = i;
		skt_alloc_fails = no_memory;
		r = READ("tcp://h:80", "--once", "-k");
		skt_alloc_fails = NULL;
		assert_int_equal(r.ret, -SKT_E_LIMIT);
		assert_int_equal(r.err.kind, SKT_E_LIMIT);
		skt_args_release(&r.args);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_may_stand_in_the_next_word_behind_an_equals_sign_or_behind_the_letter),
		cmocka_unit_test(flags_may_stand_anywhere_before_the_two_dashes),
		cmocka_unit_test(two_dashes_with_nothing_behind_them_are_noticed),
		cmocka_unit_test(values_are_read_by_their_type),
		cmocka_unit_test(a_flag_that_may_be_repeated_keeps_every_value_in_order),
		cmocka_unit_test(of_a_flag_given_twice_the_last_counts),
		cmocka_unit_test(nothing_behind_help_is_looked_at),
		cmocka_unit_test(a_mistake_names_the_flag_and_says_how_to_write_it),
		cmocka_unit_test(an_endpoint_takes_the_options_behind_it_and_no_more),
		cmocka_unit_test(a_missing_endpoint_is_called_by_its_place),
		cmocka_unit_test(an_option_without_an_endpoint_is_told_where_it_belongs),
		cmocka_unit_test(a_bad_endpoint_leaves_the_place_and_points_into_its_words),
		cmocka_unit_test(a_word_too_many_is_named),
		cmocka_unit_test(memory_that_is_short_at_any_moment_is_an_error_like_others),
	};

	return cmocka_run_group_tests_name("args", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What commands print: lines, errors with their caret, and writes that fail. */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "cli/column.h"
#include "cli/say.h"

/* Standard output or error, led into a pipe. */
struct capture {
	int fd, saved, pipe[2];
	char text[8192];
};

static void capture_begin(struct capture *c, int fd)
{
	c->fd = fd;
	c->saved = fcntl(fd, F_DUPFD_CLOEXEC, 10);
	assert_int_equal(pipe2(c->pipe, O_CLOEXEC), 0);
	assert_int_equal(dup2(c->pipe[1], fd), fd);
}

static const char *capture_end(struct capture *c)
{
	ssize_t n;

	assert_int_equal(dup2(c->saved, c->fd), c->fd);
	(void)close(c->saved);
	(void)close(c->pipe[1]);
	n = read(c->pipe[0], c->text, sizeof(c->text) - 1);
	assert_true(n >= 0);
	c->text[n] = '\0';
	(void)close(c->pipe[0]);
	return c->text;
}

/* What an error looks like. */
static const char *error_text(struct capture *c, const struct skt_error *err, const char *source, bool json)
{
	capture_begin(c, 2);
	assert_int_equal(skt_say_error(err, source, json), err->kind);
	return capture_end(c);
}

static void quiet_hides_lines_and_verbose_shows_more(void **state)
{
	static const char *const expected[] = { "", "soket: one 1\n", "soket: one 1\nsoket: two\n" };
	struct capture c;

	(void)state;
	for (int level = -1; level <= 1; level++) {
		skt_say_level_set(level);
		assert_int_equal(skt_say_level(), level);
		capture_begin(&c, 2);
		skt_say("one %d", 1);
		skt_say_more("two");
		assert_string_equal(capture_end(&c), expected[level + 1]);
	}
	skt_say_level_set(0);
}

static void an_error_is_said_even_when_quiet_with_its_hint_below(void **state)
{
	struct skt_error err = { .kind = SKT_E_INUSE, .at = -1, .text = "it is taken", .hint = "try another" };
	struct capture c;

	(void)state;
	skt_say_level_set(-1);
	assert_string_equal(error_text(&c, &err, "unused", false), "soket: it is taken\n       try another\n");
	skt_say_level_set(0);
}

static void the_caret_stands_under_the_character_that_is_wrong(void **state)
{
	static const struct {
		const char *source;
		int at;
		const char *line, *caret;
	} rows[] = {
		{ "htp://h:80", 0, "htp://h:80", "^" },
		{ "htp://h:80", 8, "htp://h:80", "        ^" },
		{ "htp://h:80", 10, "htp://h:80", "          ^" },
		{ "h:80", 99, "h:80", "    ^" },
		{ "k\xc3\xa4se:80", 6, "k\xc3\xa4se:80", "     ^" },
		{ "k\xc3\xa4se", 2, "k\xc3\xa4se", " ^" },
		{ "\xe6\x97\xa5\xe6\x9c\xac:80", 7, "\xe6\x97\xa5\xe6\x9c\xac:80", "     ^" },
		{ "e\xcc\x81:80", 4, "e\xcc\x81:80", "  ^" },
		{ "a\tb:80", 3, "a b:80", "   ^" },
		{ "a\033[1mb", 5, "a\\x1b[1mb", "        ^" },
		{ "a\xff:80", 2, "a\xff:80", "  ^" },
	};
	struct skt_error err = { .kind = SKT_E_USAGE, .text = "wrong" };
	struct capture c;
	char expected[256];

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(rows); i++) {
		err.at = rows[i].at;
		(void)snprintf(expected, sizeof(expected), "soket: wrong\n  %s\n  %s\n", rows[i].line, rows[i].caret);
		assert_string_equal(error_text(&c, &err, rows[i].source, false), expected);
	}
}

static void of_a_long_source_the_part_around_the_caret_is_shown(void **state)
{
	struct skt_error err = { .kind = SKT_E_USAGE, .at = 500, .text = "wrong" };
	char source[1001] = { 0 };
	const char *line, *caret;
	struct capture c;

	(void)state;
	memset(source, 'a', sizeof(source) - 1);
	source[err.at] = '!';
	line = strchr(error_text(&c, &err, source, false), '\n') + 1;
	caret = strchr(line, '\n') + 1;
	assert_true(caret - line <= SKT_COLUMNS + 1);
	assert_int_equal(line[strchr(caret, '^') - caret], '!');
	assert_memory_equal(line, "  ...aaa", 8);
	assert_memory_equal(caret - 5, "a...\n", 5);
}

static void control_characters_of_strangers_do_not_reach_the_terminal(void **state)
{
	struct skt_error err = { .kind = SKT_E_IO, .at = -1, .text = "no \033[2J\x7f\n\xc2\x9b" };
	struct capture c;

	(void)state;
	assert_string_equal(error_text(&c, &err, NULL, false), "soket: no \\x1b[2J\\x7f\\x0a\\xc2\\x9b\n");
	capture_begin(&c, 2);
	skt_say("%s", "a\rb");
	assert_string_equal(capture_end(&c), "soket: a\\x0db\n");
}

static void an_error_as_json_is_one_object_with_every_member(void **state)
{
	struct skt_error err = { .kind = SKT_E_REFUSED, .sys = 111, .at = -1, .text = "no \"one\"", .hint = "" };
	struct capture c;

	(void)state;
	assert_string_equal(error_text(&c, &err, NULL, true),
			    "{\"event\":\"error\",\"kind\":\"refused\",\"text\":\"no \\\"one\\\"\",\"hint\":null,"
			    "\"errno\":111,\"at\":null}\n");
	err = (struct skt_error){ .kind = SKT_E_USAGE, .at = 3, .text = "t", .hint = "h" };
	assert_string_equal(
		error_text(&c, &err, "abcdef", true),
		"{\"event\":\"error\",\"kind\":\"usage\",\"text\":\"t\",\"hint\":\"h\",\"errno\":null,\"at\":3}\n");
}

static void there_is_no_colour_where_there_is_no_terminal(void **state)
{
	(void)state;
	assert_string_equal(skt_ink(7, SKT_INK_RED), "");
	assert_string_equal(skt_ink(-1, SKT_INK_RED), "");
}

static void the_source_is_the_words_from_the_endpoint_on(void **state)
{
	const char *words[] = { "tcp://a:1", "x=1", "tcp://b:2" };
	struct skt_args args = { .word = words, .n_words = 3 };
	char *s;

	(void)state;
	s = skt_say_source(&args, 0);
	assert_string_equal(s, "tcp://a:1 x=1 tcp://b:2");
	skt_free(s);
	s = skt_say_source(&args, 2);
	assert_string_equal(s, "tcp://b:2");
	skt_free(s);
}

static void a_write_goes_on_where_a_full_pipe_stopped_it(void **state)
{
	enum { N = 1 << 20 };
	struct capture c;
	static char big[N + 1];
	pid_t pid;
	int status;

	(void)state;
	memset(big, 'x', N);
	capture_begin(&c, 1);
	assert_int_equal(fcntl(c.pipe[1], F_SETFL, O_WRONLY | O_NONBLOCK), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		size_t total = 0;
		ssize_t n;

		(void)close(1);
		(void)close(c.pipe[1]);
		while ((n = read(c.pipe[0], c.text, sizeof(c.text))) > 0)
			total += (size_t)n;
		_exit(total == N ? 0 : 1);
	}
	assert_int_equal(skt_say_out(big), 0);
	assert_int_equal(dup2(c.saved, 1), 1);
	(void)close(c.saved);
	(void)close(c.pipe[1]);
	(void)close(c.pipe[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(skt_say_finish(0, false), 0);
}

/* Last: the failure is remembered. */
static void output_that_is_not_taken_is_said_once_and_changes_the_status(void **state)
{
	struct skt_text t = { .failed = true };
	struct capture c;
	int saved = fcntl(1, F_DUPFD_CLOEXEC, 10), full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_true(full >= 0);
	assert_int_equal(dup2(full, 1), 1);
	assert_int_equal(skt_say_out("lost\n"), -SKT_E_IO);
	assert_int_equal(dup2(saved, 1), 1);
	(void)close(full);
	(void)close(saved);
	assert_int_equal(skt_say_text(&t), -SKT_E_IO);
	capture_begin(&c, 2);
	assert_int_equal(skt_say_finish(0, false), SKT_E_IO);
	assert_int_equal(skt_say_finish(SKT_E_USAGE, false), SKT_E_USAGE);
	assert_non_null(strstr(capture_end(&c), strerror(ENOSPC)));
}

static void text_is_wrapped_at_eighty_columns_and_aligned(void **state)
{
	struct skt_text t = { 0 };
	const char *s;

	(void)state;
	skt_column_pad(&t, "label", 10);
	skt_column_wrap(
		&t,
		"one two three four five six seven eight nine ten eleven twelve thirteen \xc3\xa4\xc3\xa4 end\n  kept",
		10, 10);
	s = skt_text_get(&t);
	assert_string_equal(s, "label     one two three four five six seven eight nine ten eleven twelve\n"
			       "          thirteen \xc3\xa4\xc3\xa4 end\n"
			       "            kept\n");
	skt_text_release(&t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(quiet_hides_lines_and_verbose_shows_more),
		cmocka_unit_test(an_error_is_said_even_when_quiet_with_its_hint_below),
		cmocka_unit_test(the_caret_stands_under_the_character_that_is_wrong),
		cmocka_unit_test(of_a_long_source_the_part_around_the_caret_is_shown),
		cmocka_unit_test(control_characters_of_strangers_do_not_reach_the_terminal),
		cmocka_unit_test(an_error_as_json_is_one_object_with_every_member),
		cmocka_unit_test(there_is_no_colour_where_there_is_no_terminal),
		cmocka_unit_test(the_source_is_the_words_from_the_endpoint_on),
		cmocka_unit_test(a_write_goes_on_where_a_full_pipe_stopped_it),
		cmocka_unit_test(text_is_wrapped_at_eighty_columns_and_aligned),
		cmocka_unit_test(output_that_is_not_taken_is_said_once_and_changes_the_status),
	};

	(void)setenv("NO_COLOR", "1", 1);
	(void)setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests_name("say", tests, NULL, NULL);
}

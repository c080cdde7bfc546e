/* SPDX-License-Identifier: Apache-2.0 */
/* What commands print.
 *
 * How it works: each line, and each error with its source and hint, is put together in memory and leaves with one write(2).
 * No stdio: nothing can stay behind in a buffer, and a failed write is known at once. A failure on stdout is remembered, so
 * that main() can report it once, whatever the command made of it. */
#include "cli/say.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/message.h"
#include "cli/column.h"
#include "sys/call.h"

/* How many columns of a long source are shown, and how many of them before the caret. */
enum { SAY_SOURCE_COLUMNS = 72, SAY_SOURCE_BEFORE = 48 };

static int say_level;
static atomic_int say_stdout_errno; /* of the first write to stdout that failed, or 0 */

void skt_say_level_set(int level)
{
	say_level = level;
}

int skt_say_level(void)
{
	return say_level;
}

static bool say_wants_colour(int fd)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return !(no_color && *no_color) && term && strcmp(term, "dumb") != 0 && isatty(fd);
}

const char *skt_ink(int fd, enum skt_ink ink)
{
	static const char *const codes[] = {
		[SKT_INK_PLAIN] = "\033[0m",  [SKT_INK_BOLD] = "\033[1m",   [SKT_INK_DIM] = "\033[2m",
		[SKT_INK_RED] = "\033[1;31m", [SKT_INK_GREEN] = "\033[32m", [SKT_INK_YELLOW] = "\033[33m",
		[SKT_INK_BLUE] = "\033[34m",
	};
	static atomic_int known[3]; /* 0 not asked yet, 1 no, 2 yes */

	if (fd < 0 || fd > 2)
		return "";
	if (known[fd] == 0)
		known[fd] = say_wants_colour(fd) ? 2 : 1;
	return known[fd] == 2 ? codes[ink] : "";
}

/* All of it, also where the descriptor is non-blocking (a terminal may be, when another program left it so).
 * Returns 0 or -errno. */
static int say_write(int fd, const char *s, size_t n)
{
	while (n > 0) {
		ssize_t done = skt_sys.write(fd, s, n);

		if (done >= 0) {
			s += done;
			n -= (size_t)done;
		} else if (errno == EAGAIN) {
			struct pollfd p = { .fd = fd, .events = POLLOUT };

			(void)skt_sys.poll(&p, 1, -1);
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

/* A text for stderr; where memory was too short for it, at least `otherwise`. There is nobody to tell of a failure. */
static void say_stderr(struct skt_text *t, const char *otherwise)
{
	if (t->failed) {
		(void)say_write(2, otherwise, strlen(otherwise));
		(void)say_write(2, "\n", 1);
	} else {
		(void)say_write(2, skt_text_get(t), t->len);
	}
	skt_text_release(t);
}

static void __attribute__((format(printf, 1, 0))) say_line(const char *fmt, va_list ap)
{
	struct skt_text text = { 0 }, line = { 0 };

	skt_text_vaddf(&text, fmt, ap);
	skt_text_add(&line, "soket: ");
	skt_column_add_plain(&line, skt_text_get(&text));
	skt_text_addc(&line, '\n');
	say_stderr(&line, fmt);
	skt_text_release(&text);
}

void skt_say(const char *fmt, ...)
{
	va_list ap;

	if (say_level < 0)
		return;
	va_start(ap, fmt);
	say_line(fmt, ap);
	va_end(ap);
}

void skt_say_more(const char *fmt, ...)
{
	va_list ap;

	if (say_level < 1)
		return;
	va_start(ap, fmt);
	say_line(fmt, ap);
	va_end(ap);
}

void skt_say_plain(const char *text)
{
	(void)say_write(2, text, strlen(text));
}

/* One character of a source as skt_column_add_plain() shows it: its length in bytes, and its columns. */
static size_t say_source_char(const char *s, size_t *columns)
{
	int one;
	size_t n = skt_column_char(s, &one);

	*columns = one >= 0 ? (size_t)one : *s == '\t' ? 1 : 4 * n;
	return n;
}

/* The part of the source that is shown, so that a long one stays on one line. */
struct window {
	size_t from, to; /* bytes */
	size_t caret;    /* column of the caret, from the start of the window */
};

static struct window say_window(const char *source, size_t at)
{
	struct window w = { 0 };
	size_t columns, shown, i = 0;

	while (i < at && source[i]) {
		size_t n = say_source_char(source + i, &columns);

		if (i + n > at)
			break; /* inside of a character: the caret goes under it */
		w.caret += columns;
		i += n;
	}
	while (w.caret > SAY_SOURCE_BEFORE) {
		w.from += say_source_char(source + w.from, &columns);
		w.caret -= columns;
	}
	w.to = w.from;
	for (shown = 0; source[w.to] && shown < SAY_SOURCE_COLUMNS; shown += columns)
		w.to += say_source_char(source + w.to, &columns);
	return w;
}

static void say_add_source(struct skt_text *t, const char *source, size_t at)
{
	struct window w = say_window(source, at);
	const char *before = w.from ? "..." : "";
	char *part = skt_strndup(source + w.from, w.to - w.from);

	if (!part)
		return;
	skt_text_addf(t, "  %s", before);
	skt_column_add_plain(t, part);
	skt_text_add(t, source[w.to] ? "...\n" : "\n");
	skt_text_addf(t, "  %*s", (int)(strlen(before) + w.caret), "");
	skt_text_addf(t, "%s^%s\n", skt_ink(2, SKT_INK_RED), skt_ink(2, SKT_INK_PLAIN));
	skt_free(part);
}

static void say_error_json(const struct skt_error *err)
{
	struct skt_json j = { 0 };

	skt_json_object(&j, NULL);
	skt_json_string(&j, "event", "error");
	skt_json_string(&j, "kind", skt_err_name(err->kind));
	skt_json_string(&j, "text", err->text);
	skt_json_string(&j, "hint", err->hint[0] ? err->hint : NULL);
	if (err->sys)
		skt_json_int(&j, "errno", err->sys);
	else
		skt_json_null(&j, "errno");
	if (err->at >= 0)
		skt_json_int(&j, "at", err->at);
	else
		skt_json_null(&j, "at");
	skt_json_end_object(&j);
	skt_text_addc(&j.text, '\n');
	say_stderr(&j.text, err->text);
}

int skt_say_error(const struct skt_error *err, const char *source, bool json)
{
	struct skt_text t = { 0 };

	if (json) {
		say_error_json(err);
		return (int)err->kind;
	}
	skt_text_addf(&t, "%ssoket:%s ", skt_ink(2, SKT_INK_RED), skt_ink(2, SKT_INK_PLAIN));
	skt_column_add_plain(&t, err->text);
	skt_text_addc(&t, '\n');
	if (source && *source && err->at >= 0)
		say_add_source(&t, source, (size_t)err->at);
	if (err->hint[0]) {
		skt_text_add(&t, "       ");
		skt_column_add_plain(&t, err->hint);
		skt_text_addc(&t, '\n');
	}
	say_stderr(&t, err->text);
	return (int)err->kind;
}

char *skt_say_source(const struct skt_args *args, int from)
{
	struct skt_text t = { 0 };

	for (int i = from; i < args->n_words; i++) {
		if (i > from)
			skt_text_addc(&t, ' ');
		skt_text_add(&t, args->word[i]);
	}
	return skt_text_take(&t);
}

/* Remember the first failure. */
static int say_stdout_failed(int sys)
{
	int none = 0;

	(void)atomic_compare_exchange_strong(&say_stdout_errno, &none, sys);
	return -SKT_E_IO;
}

int skt_say_text(const struct skt_text *t)
{
	int failed = t->failed ? -ENOMEM : say_write(1, skt_text_get(t), t->len);

	return failed < 0 ? say_stdout_failed(-failed) : 0;
}

void skt_say_end_line(struct skt_json *j)
{
	skt_text_addc(&j->text, '\n');
	j->wants_comma = false;
}

int skt_say_json(const struct skt_json *j)
{
	struct skt_text line = { .failed = j->text.failed };
	int ret;

	skt_text_addf(&line, "%s\n", skt_json_get(j));
	ret = skt_say_text(&line);
	skt_text_release(&line);
	return ret;
}

int skt_say_out(const char *text)
{
	int failed = say_write(1, text, strlen(text));

	return failed < 0 ? say_stdout_failed(-failed) : 0;
}

int skt_say_finish(int status, bool json)
{
	struct skt_error err = { 0 };

	if (say_stdout_errno == 0)
		return status;
	skt_fail(&err, SKT_E_IO, say_stdout_errno, _("cannot write to standard output: %s"), strerror(say_stdout_errno));
	skt_say_error(&err, NULL, json);
	return status ? status : (int)SKT_E_IO;
}

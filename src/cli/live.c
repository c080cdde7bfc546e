/* SPDX-License-Identifier: Apache-2.0 */
/* A picture that is drawn again and again.
 *
 * How it works: one poll(2) waits for the next look, a key, or a signal, which arrives as a byte in a pipe. A picture goes out in one
 * write, line over line from the top left corner, each cleared behind its end: nothing flickers, because nothing is blank in
 * between. The terminal is ours between live_enter() and skt_live_leave(), and only there; without a terminal on stdout nothing
 * but the pictures is written. */
#include "cli/live.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/message.h"
#include "cli/say.h"
#include "sys/call.h"
#include "sys/clock.h"
#include "sys/tty.h"

/* Another screen, no cursor, long lines are cut; and back. */
#define LIVE_ENTER "\033[?1049h\033[?25l\033[?7l"
#define LIVE_LEAVE "\033[?7h\033[?25h\033[?1049l"

enum { CTRL_C = 3, CTRL_D = 4, CTRL_L = 12, CTRL_Z = 26, ESCAPE = 27, KEYS_MAX = 64 };

static const int live_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP };

static int live_pipe[2] = { -1, -1 };
static bool live_has_screen;

/* What one wait ended with. */
enum live_event { LIVE_LOOK, LIVE_END, LIVE_SUSPEND };

static void live_on_signal(int signal)
{
	int saved = errno;
	unsigned char byte = (unsigned char)signal;

	(void)!write(live_pipe[1], &byte, 1);
	errno = saved;
}

static void live_enter(void)
{
	if (!isatty(STDOUT_FILENO) || live_has_screen)
		return;
	skt_tty_raw(STDIN_FILENO);
	live_has_screen = true;
	(void)skt_say_out(LIVE_ENTER);
}

void skt_live_leave(void)
{
	if (!live_has_screen)
		return;
	live_has_screen = false;
	(void)skt_say_out(LIVE_LEAVE);
	skt_tty_restore();
}

/* As the shell expects it: the whole group stops, with the terminal as it was. */
static void live_suspend(void)
{
	struct sigaction stop = { .sa_handler = SIG_DFL }, before;

	skt_live_leave();
	(void)sigaction(SIGTSTP, &stop, &before);
	(void)kill(0, SIGTSTP);
	(void)sigaction(SIGTSTP, &before, NULL);
	live_enter();
}

/* The picture's first `rows` lines as the terminal needs them. What was there is erased before a line is written: behind a line
 * that fills its row, the cursor still stands on the last character. */
static void live_draw(const char *picture, int rows)
{
	struct skt_text t = { 0 };

	skt_text_add(&t, "\033[H");
	for (; *picture && rows > 0; rows--) {
		size_t n = strcspn(picture, "\n");

		skt_text_add(&t, "\033[K");
		skt_text_addn(&t, picture, n);
		picture += n + (picture[n] == '\n');
		if (rows > 1)
			skt_text_add(&t, "\r\n");
	}
	if (rows > 0)
		skt_text_add(&t, "\033[J");
	(void)skt_say_text(&t);
	skt_text_release(&t);
}

static int live_look(struct skt_live *live)
{
	struct skt_text picture = { 0 };
	int rows = 0, columns = 0, status;

	if (live_has_screen)
		skt_tty_size(&rows, &columns);
	status = live->look(live, rows, columns, &picture);
	if (status == 0 && live_has_screen)
		live_draw(skt_text_get(&picture), rows);
	else if (status == 0 && picture.len > 0)
		status = -skt_say_text(&picture);
	skt_text_release(&picture);
	return status;
}

/* The key that the sequence at s (n bytes, the first an escape) stands for, and its length in *used; 0: none that is known. */
static int live_sequence(const unsigned char *s, size_t n, size_t *used)
{
	static const struct {
		const char *rest;
		int key;
	} keys[] = {
		{ "[A", SKT_KEY_UP },         { "[B", SKT_KEY_DOWN },  { "[C", SKT_KEY_RIGHT },
		{ "[D", SKT_KEY_LEFT },       { "OA", SKT_KEY_UP },    { "OB", SKT_KEY_DOWN },
		{ "OC", SKT_KEY_RIGHT },      { "OD", SKT_KEY_LEFT },  { "[5~", SKT_KEY_PAGE_UP },
		{ "[6~", SKT_KEY_PAGE_DOWN }, { "[H", SKT_KEY_HOME },  { "OH", SKT_KEY_HOME },
		{ "[1~", SKT_KEY_HOME },      { "[7~", SKT_KEY_HOME }, { "[F", SKT_KEY_END },
		{ "OF", SKT_KEY_END },        { "[4~", SKT_KEY_END },  { "[8~", SKT_KEY_END },
	};

	for (size_t i = 0; i < SKT_LENGTH(keys); i++) {
		size_t length = strlen(keys[i].rest);

		if (n <= length || memcmp(s + 1, keys[i].rest, length) != 0)
			continue;
		*used = length + 1;
		return keys[i].key;
	}
	*used = 2; /* "ESC [" and parameters, up to a letter or a tilde */
	while (*used < n && s[1] == '[' && (s[*used] < 0x40 || s[*used] > 0x7e))
		(*used)++;
	*used += *used < n && s[1] == '[';
	return 0;
}

/* A key: whether there is something to do about it at once, which goes to *ret. */
static bool live_on_key(struct skt_live *live, int key, enum live_event *ret)
{
	if (key == 'q' || key == CTRL_C || key == CTRL_D || key == '\\' - 0x40) {
		*ret = LIVE_END;
		return true;
	}
	if (key == CTRL_Z) {
		*ret = LIVE_SUSPEND;
		return true;
	}
	*ret = LIVE_LOOK;
	return key == CTRL_L || (live->key && live->key(live, key));
}

/* Read what was typed. */
static bool live_on_input(struct skt_live *live, enum live_event *ret)
{
	unsigned char s[KEYS_MAX];
	ssize_t n = skt_sys.read(STDIN_FILENO, s, sizeof(s));
	bool acts = false;

	*ret = LIVE_END;
	if (n <= 0)
		return n == 0 || (errno != EINTR && errno != EAGAIN); /* the terminal is gone */
	for (size_t i = 0, used = 1; i < (size_t)n && !(acts && *ret != LIVE_LOOK); i += used) {
		int key = s[i];

		used = 1;
		if (s[i] == ESCAPE && i + 1 < (size_t)n)
			key = live_sequence(s + i, (size_t)n - i, &used);
		if (key)
			acts |= live_on_key(live, key, ret);
	}
	return acts;
}

static bool live_on_signals(enum live_event *ret)
{
	unsigned char s[KEYS_MAX];
	ssize_t n = skt_sys.read(live_pipe[0], s, sizeof(s));

	*ret = LIVE_LOOK; /* the window has another size */
	for (ssize_t i = 0; i < n; i++) {
		if (s[i] == SIGTSTP)
			*ret = LIVE_SUSPEND;
		else if (s[i] != SIGWINCH)
			*ret = LIVE_END;
		if (*ret == LIVE_END)
			break;
	}
	return n > 0 && (*ret != LIVE_LOOK || live_has_screen);
}

/* Wait for the next look, which is due at that time, or what comes before it. */
static enum live_event live_wait(struct skt_live *live, skt_time due)
{
	bool types = live_has_screen && isatty(STDIN_FILENO);
	struct pollfd p[3] = {
		{ .fd = live_pipe[0], .events = POLLIN },
		{ .fd = types ? STDIN_FILENO : -1, .events = POLLIN },
		{ .fd = STDOUT_FILENO, .events = 0 }, /* POLLERR: nobody reads any more */
	};
	enum live_event event = LIVE_LOOK;

	for (;;) {
		skt_time left = due - skt_now();
		int ms = left <= 0 ? 0 : left > 3600 * SKT_SECOND ? 3600000 : (int)((left + SKT_MS - 1) / SKT_MS);
		int n = skt_sys.poll(p, SKT_LENGTH(p), ms);

		if (n < 0 && errno != EINTR)
			return LIVE_END;
		if (n == 0 && left <= 0)
			return LIVE_LOOK;
		if (n <= 0)
			continue;
		if (p[0].revents && live_on_signals(&event))
			return event;
		if (p[1].revents && live_on_input(live, &event))
			return event;
		if (p[2].revents)
			return LIVE_END;
	}
}

static int live_loop(struct skt_live *live)
{
	skt_time due = skt_now();
	int status;

	for (long round = 1;; round++) {
		enum live_event event;

		status = live_look(live);
		if (status != 0 || (live->rounds && round >= live->rounds))
			return status;
		due += live->every;
		if (due < skt_now()) /* looking takes longer than the interval */
			due = skt_now() + live->every;
		event = live_wait(live, due);
		if (event == LIVE_END)
			return 0;
		if (event == LIVE_SUSPEND)
			live_suspend();
		if (due > skt_now() + live->every / 2 || event == LIVE_SUSPEND)
			due = skt_now(); /* a key came early: a whole interval from now on */
	}
}

static void live_catch(struct sigaction *before)
{
	struct sigaction catch = { .sa_handler = live_on_signal, .sa_flags = SA_RESTART };

	for (size_t i = 0; i < SKT_LENGTH(live_signals); i++) {
		(void)sigaction(live_signals[i], NULL, &before[i]);
		if (before[i].sa_handler != SIG_IGN) /* as with nohup */
			(void)sigaction(live_signals[i], &catch, NULL);
	}
}

int skt_live_run(struct skt_live *live)
{
	struct sigaction before[SKT_LENGTH(live_signals)];
	struct skt_error err = { 0 };
	int status;

	if (skt_sys.pipe2(live_pipe, O_CLOEXEC | O_NONBLOCK) < 0) {
		(void)skt_fail(&err, SKT_E_LIMIT, errno, _("cannot make a pipe: %s"), strerror(errno));
		return skt_say_error(&err, NULL, false);
	}
	live_catch(before);
	live_enter();
	status = live_loop(live);
	skt_live_leave();
	for (size_t i = 0; i < SKT_LENGTH(live_signals); i++)
		(void)sigaction(live_signals[i], &before[i], NULL);
	skt_close(live_pipe[0]);
	skt_close(live_pipe[1]);
	return status;
}

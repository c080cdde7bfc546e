/* SPDX-License-Identifier: Apache-2.0 */
/* exec, pty: a program, joined by its stdin and stdout, or by a terminal of its own.
 *
 * How it works: two pipes (or one pseudo-terminal) are the stream's descriptors. The child is watched by its pidfd and reaped the moment it
 * ends. After the link, finish() closes the descriptors, which ends most programs; a link that is cut sends SIGTERM, and SIGKILL
 * when kill= has passed. The stream is not freed before the child is reaped: no zombie and no orphan is left. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/message.h"
#include "base/text.h"
#include "sys/call.h"
#include "sys/child.h"
#include "sys/pipe.h"
#include "sys/tty.h"
#include "transport/environment.h"
#include "transport/transport.h"

#define EXEC_LOOK (20 * SKT_MS)
#define EXEC_TERMINAL_LOOK (10 * SKT_MS)

/* n_tty drops what an unfinished line has beyond this in canonical mode */
enum { EXEC_PIPE = 256 * 1024, EXEC_LINE = 4095 };

struct exec {
	struct skt_fd fd;
	struct skt_watch ended; /* the pidfd; -1: none, looked at by the timer */
	struct skt_timer timer;
	skt_time kill_after;
	pid_t pid;
	int status;
	bool is_reaped, own_group, asked_to_end, is_pty, told_end;
	size_t line; /* bytes written to a terminal since the last newline */
	int quiet;   /* of skt_tty_end() */
};

static struct exec *exec_of(struct skt_stream *s)
{
	return SKT_OUTER(skt_fd_of(s), struct exec, fd);
}

/* Reap it if it has ended; then nothing reads what we write any more. */
static bool exec_reap(struct exec *x)
{
	if (x->is_reaped)
		return true;
	if (!skt_child_reap(x->pid, &x->status))
		return false;
	x->is_reaped = true;
	x->fd.stream.flags |= SKT_STREAM_GONE;
	if (x->ended.fd >= 0) {
		skt_loop_unwatch(x->fd.loop, &x->ended);
		skt_close(x->ended.fd);
		x->ended.fd = -1;
	}
	return true;
}

static void exec_ended(struct skt_watch *watch, unsigned ready)
{
	struct exec *x = SKT_OUTER(watch, struct exec, ended);

	(void)ready;
	if (exec_reap(x))
		skt_stream_wake(&x->fd.stream);
}

static void exec_timer(struct skt_timer *timer);

static void exec_wait(struct exec *x, skt_time delay)
{
	(void)skt_loop_after(x->fd.loop, &x->timer, delay, exec_timer);
}

/* Due: SIGKILL after SIGTERM was not enough; a look where there is no pidfd; or a terminal that was still read from. */
static void exec_timer(struct skt_timer *timer)
{
	struct exec *x = SKT_OUTER(timer, struct exec, timer);

	if (!exec_reap(x) && x->asked_to_end) {
		skt_child_kill(x->pid, x->own_group, SIGKILL);
		exec_wait(x, EXEC_LOOK);
	}
	if (!x->is_reaped && x->ended.fd < 0)
		exec_wait(x, EXEC_LOOK);
	skt_stream_wake(&x->fd.stream);
}

/* How much of the bytes a terminal that reads lines takes without dropping any: no line may be longer than EXEC_LINE. */
static size_t exec_line_room(const struct exec *x, const char *bytes, size_t n)
{
	size_t line = x->line;

	for (size_t i = 0; i < n; i++) {
		line = bytes[i] == '\n' ? 0 : line + 1;
		if (line > EXEC_LINE)
			return i;
	}
	return n;
}

static int exec_line_too_long(struct skt_stream *s)
{
	struct skt_error err;

	(void)skt_fail(&err, SKT_E_LIMIT, 0, _("a line is longer than the %d bytes that a terminal takes"), EXEC_LINE);
	skt_hint(&err, "%s", _("raw=yes takes lines of any length; so does exec: without a terminal"));
	return skt_stream_fail(s, &err);
}

static ssize_t exec_write(struct skt_stream *s, const void *buf, size_t n)
{
	struct exec *x = exec_of(s);
	const char *bytes = buf;
	size_t room = x->is_pty ? exec_line_room(x, bytes, n) : n;
	ssize_t put;

	if (room < n && !skt_tty_takes_lines(x->fd.in.fd))
		room = n;
	if (room == 0 && n > 0)
		return exec_line_too_long(s);
	put = skt_fd_write(s, buf, room);
	for (ssize_t i = 0; x->is_pty && i < put; i++)
		x->line = bytes[i] == '\n' ? 0 : x->line + 1;
	return put;
}

/* A terminal has no half-close: the reader is told by the end mark, once it has read what came before. */
static int exec_shut(struct skt_stream *s)
{
	struct exec *x = exec_of(s);
	int ret;

	if (!x->is_pty)
		return skt_fd_shut(s);
	if (x->told_end || x->is_reaped || (s->flags & SKT_STREAM_GONE))
		return 0;
	ret = skt_tty_end(x->fd.in.fd, x->line == 0, &x->quiet);
	if (ret == -SKT_AGAIN)
		exec_wait(x, EXEC_TERMINAL_LOOK);
	x->told_end = ret == 0;
	return ret == -SKT_AGAIN ? ret : 0; /* a terminal that is gone needs no telling */
}

static int exec_finish(struct skt_stream *s, bool cut, int *status)
{
	struct exec *x = exec_of(s);

	if (exec_reap(x)) {
		*status = x->status;
		return 0;
	}
	/* closing a terminal hangs it up: a program that has closed it, and is about to end by itself, would be killed */
	if (!x->is_pty || cut || !(x->fd.stream.flags & SKT_STREAM_GONE))
		skt_fd_close(&x->fd);
	if (cut && !x->asked_to_end) {
		x->asked_to_end = true;
		skt_child_kill(x->pid, x->own_group, SIGTERM);
		skt_child_kill(x->pid, x->own_group, SIGCONT); /* a stopped one could not end */
		exec_wait(x, x->kill_after);
	} else if (x->ended.fd < 0 && !skt_timer_is_set(&x->timer)) {
		exec_wait(x, EXEC_LOOK);
	}
	return -SKT_AGAIN;
}

static void exec_free(struct skt_stream *s)
{
	struct exec *x = exec_of(s);
	int status;

	skt_loop_clear(x->fd.loop, &x->timer);
	skt_fd_close(&x->fd);
	if (x->pid > 0 && !exec_reap(x)) { /* only where nobody had the patience to finish() */
		skt_child_kill(x->pid, x->own_group, SIGKILL);
		for (int i = 0; i < 1000 && !skt_child_reap(x->pid, &status); i++)
			(void)skt_sys.poll(NULL, 0, 1);
	}
	if (x->ended.fd >= 0) {
		skt_loop_unwatch(x->fd.loop, &x->ended);
		skt_close(x->ended.fd);
	}
	skt_free(x);
}

static const struct skt_stream_ops exec_ops = {
	.name = "exec",
	.read = skt_fd_read,
	.write = exec_write,
	.shut = exec_shut,
	.raw = skt_fd_raw,
	.finish = exec_finish,
	.free = exec_free,
};

/* The descriptors of both sides: what we keep, and what the child gets as 0, 1 and 2. All -1 at first. */
struct exec_ends {
	int in, out;
	int child[3];
};

static void exec_close_child_ends(struct exec_ends *ends)
{
	if (ends->child[1] != ends->child[0])
		skt_close(ends->child[1]);
	skt_close(ends->child[0]);
	if (ends->child[2] > 2 && ends->child[2] != ends->child[0] && ends->child[2] != ends->child[1])
		skt_close(ends->child[2]);
}

static void exec_close_ends(struct exec_ends *ends)
{
	exec_close_child_ends(ends);
	if (ends->out != ends->in)
		skt_close(ends->out);
	skt_close(ends->in);
}

static int exec_nonblock(int fd)
{
	skt_pipe_widen(fd, EXEC_PIPE);
	return skt_sys.fcntl(fd, F_SETFL, O_NONBLOCK);
}

static int exec_pipes(struct exec_ends *ends)
{
	int to[2], from[2];

	if (skt_sys.pipe2(to, O_CLOEXEC) < 0)
		return -1;
	ends->child[0] = to[0];
	ends->out = to[1];
	if (skt_sys.pipe2(from, O_CLOEXEC) < 0)
		return -1;
	ends->in = from[0];
	ends->child[1] = from[1];
	return exec_nonblock(ends->out) < 0 || exec_nonblock(ends->in) < 0 ? -1 : 0;
}

/* stderr=: ours, nothing, or the same as stdout */
static int exec_stderr(const struct skt_endpoint *e, struct exec_ends *ends)
{
	const char *how = skt_endpoint_string(e, "stderr", "inherit");

	if (strcmp(how, "join") == 0)
		ends->child[2] = ends->child[1];
	else if (strcmp(how, "null") == 0)
		ends->child[2] = skt_sys.open("/dev/null", O_WRONLY | O_CLOEXEC, 0);
	else
		ends->child[2] = STDERR_FILENO;
	return ends->child[2] < 0 ? -1 : 0;
}

static int exec_open_ends(const struct skt_endpoint *e, bool is_pty, struct exec_ends *ends, struct skt_error *err)
{
	int failed = 0;

	*ends = (struct exec_ends){ -1, -1, { -1, -1, -1 } };
	if (is_pty) {
		failed = skt_tty_open(skt_endpoint_number(e, "raw", 0), (int)skt_endpoint_number(e, "rows", 0),
				      (int)skt_endpoint_number(e, "cols", 0), &ends->in, &ends->child[0], err);
		ends->out = ends->in;
		ends->child[1] = ends->child[0];
		ends->child[2] = skt_endpoint_option(e, "stderr") ? -1 : ends->child[0];
		if (failed == 0 && ends->child[2] < 0 && exec_stderr(e, ends) < 0)
			failed = skt_fail(err, SKT_E_LIMIT, errno, _("cannot start %s: %s"), e->argv[0], strerror(errno));
	} else if (exec_pipes(ends) < 0 || exec_stderr(e, ends) < 0) {
		failed = skt_fail(err, SKT_E_LIMIT, errno, _("cannot start %s: %s"), e->argv[0], strerror(errno));
	}
	if (failed)
		exec_close_ends(ends);
	return failed;
}

static int exec_spawn(struct exec *x, const struct skt_endpoint *e, const struct skt_origin *origin,
		      const struct exec_ends *ends, struct skt_error *err)
{
	struct skt_spawn spawn = {
		.argv = e->argv,
		.cwd = skt_endpoint_string(e, "cwd", NULL),
		.fd = { ends->child[0], ends->child[1], ends->child[2] },
		.owns_terminal = x->is_pty,
		.own_group = x->own_group,
	};
	char **envp;
	int ret = skt_environment_new(e, origin, &envp, err);

	if (ret < 0)
		return ret;
	spawn.envp = envp;
	ret = skt_child_spawn(&spawn, &x->pid, &x->ended.fd, err);
	skt_environment_free(envp);
	return ret;
}

static bool exec_wants_pty(const struct skt_endpoint *e)
{
	return skt_endpoint_number(e, "pty", strcmp(skt_endpoint_transport(e)->name, "pty") == 0);
}

static void exec_watch(struct exec *x)
{
	x->ended.fn = exec_ended;
	if (x->ended.fd >= 0 && skt_loop_watch(x->fd.loop, &x->ended, SKT_LEVEL) < 0) {
		skt_close(x->ended.fd);
		x->ended.fd = -1;
	}
	if (x->ended.fd < 0)
		exec_wait(x, EXEC_LOOK);
}

static int exec_dial(struct skt_loop *loop, const struct skt_endpoint *e, const struct skt_origin *origin,
		     struct skt_stream **ret, struct skt_error *err)
{
	struct exec *x = SKT_NEW(struct exec);
	struct exec_ends ends;
	int failed;

	if (!x)
		return skt_fail_memory(err);
	skt_loop_expect_forks();
	x->is_pty = exec_wants_pty(e);
	/* a group of its own can be ended as a whole; a program at our terminal stays in ours, or could not read from it */
	x->own_group = origin->many || x->is_pty || !isatty(STDIN_FILENO);
	x->kill_after = skt_endpoint_number(e, "kill", 2 * SKT_SECOND);
	x->ended.fd = -1;
	x->fd.loop = loop;
	failed = exec_open_ends(e, x->is_pty, &ends, err);
	if (failed) {
		skt_free(x);
		return failed;
	}
	failed = exec_spawn(x, e, origin, &ends, err);
	if (failed) {
		exec_close_ends(&ends);
		skt_free(x);
		return failed;
	}
	exec_close_child_ends(&ends);
	failed = skt_fd_init_pair(&x->fd, &exec_ops, loop, ends.in, ends.out, err);
	x->fd.stream.flags |= SKT_STREAM_CHILD;
	x->fd.stream.flags = (uint16_t)(x->fd.stream.flags & ~SKT_STREAM_TERMINAL);
	if (failed) {
		exec_free(&x->fd.stream);
		return failed;
	}
	exec_watch(x);
	*ret = &x->fd.stream;
	return 0;
}

const struct skt_transport skt_exec = { .scheme = "exec", .n_fds = 3, .dial = exec_dial };
const struct skt_transport skt_pty = { .scheme = "pty", .n_fds = 2, .dial = exec_dial };

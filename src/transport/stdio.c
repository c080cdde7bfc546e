/* SPDX-License-Identifier: Apache-2.0 */
/* stdio, or "-": the terminal or pipe that we run on.
 *
 * How it works: descriptors 0 and 1 are shared with other processes (the shell, the rest of a pipeline), so they are not made
 * non-blocking themselves: pipes and terminals are opened anew. When our output ends, both our descriptor and number 1 itself are
 * closed (1 then points to /dev/null), or the next program in the pipeline would never see the end. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/message.h"
#include "sys/call.h"
#include "sys/pipe.h"
#include "sys/tty.h"
#include "transport/fdnumber.h"
#include "transport/transport.h"

enum { STDIO_PIPE = 1024 * 1024 };

struct stdio {
	struct skt_fd fd;
	bool may_close;  /* the only link of this process: number 1 may be closed at the end */
	bool has_socket; /* one that is shared, and so may block: no splicing */
	int mode[2];     /* of numbers 0 and 1, to be put back where a descriptor could not be opened anew */
};

static struct stdio *stdio_of(struct skt_stream *s)
{
	return SKT_OUTER(skt_fd_of(s), struct stdio, fd);
}

/* Number 1 itself: closed for the reader, but never left free for another descriptor to land on. */
static void stdio_close_output(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (null < 0)
		return;
	(void)dup2(null, STDOUT_FILENO);
	skt_close(null);
}

static int stdio_shut(struct skt_stream *s)
{
	int ret = skt_fd_shut(s);

	if (stdio_of(s)->may_close)
		stdio_close_output();
	return ret;
}

static struct skt_fd *stdio_raw(struct skt_stream *s)
{
	return stdio_of(s)->has_socket ? NULL : skt_fd_of(s);
}

static bool stdio_is_socket(int kind)
{
	return kind == SKT_FD_TCP || kind == SKT_FD_SOCKET || kind == SKT_FD_PACKET;
}

static void stdio_free(struct skt_stream *s)
{
	const struct stdio *io = stdio_of(s);

	for (int fd = 0; fd < 2; fd++)
		if (io->mode[fd] >= 0 && !(io->mode[fd] & O_NONBLOCK))
			(void)skt_sys.fcntl(fd, F_SETFL, io->mode[fd]);
	skt_tty_restore();
	skt_fd_close(skt_fd_of(s));
	skt_free(stdio_of(s));
}

static const struct skt_stream_ops stdio_ops = {
	.name = "stdio",
	.read = skt_fd_read,
	.write = skt_fd_write,
	.shut = stdio_shut,
	.raw = stdio_raw,
	.free = stdio_free,
};

/* One socket on both, as inetd gives it. */
static bool stdio_is_one_socket(void)
{
	struct stat in, out;

	return skt_sys.fstat(STDIN_FILENO, &in) == 0 && skt_sys.fstat(STDOUT_FILENO, &out) == 0 &&
	       S_ISSOCK(in.st_mode) && in.st_dev == out.st_dev && in.st_ino == out.st_ino;
}

static int stdio_failed(struct skt_error *err)
{
	return skt_fail(err, SKT_E_LIMIT, errno, _("cannot use stdin and stdout: %s"), strerror(errno));
}

static int stdio_dial(struct skt_loop *loop, const struct skt_endpoint *e, const struct skt_origin *origin,
		      struct skt_stream **ret, struct skt_error *err)
{
	int mode[2] = { skt_sys.fcntl(STDIN_FILENO, F_GETFL, 0), skt_sys.fcntl(STDOUT_FILENO, F_GETFL, 0) };
	int in = skt_fdnumber_own(STDIN_FILENO, O_RDONLY, true), out, failed;
	struct stdio *io;

	if (in < 0)
		return stdio_failed(err);
	out = stdio_is_one_socket() ? in : skt_fdnumber_own(STDOUT_FILENO, O_WRONLY, true);
	io = out < 0 ? NULL : SKT_NEW(struct stdio);
	if (!io) {
		if (out >= 0)
			errno = ENOMEM;
		failed = stdio_failed(err);
		skt_close(in);
		if (out != in)
			skt_close(out);
		return failed;
	}
	skt_pipe_widen(in, STDIO_PIPE);
	skt_pipe_widen(out, STDIO_PIPE);
	failed = skt_fd_init_pair(&io->fd, &stdio_ops, loop, in, out, err);
	if (failed) {
		skt_free(io);
		return failed;
	}
	io->fd.stream.flags |= SKT_STREAM_STDIO;
	io->has_socket = stdio_is_socket(io->fd.in_kind) || stdio_is_socket(io->fd.out_kind);
	memcpy(io->mode, mode, sizeof(mode));
	io->may_close = !origin->many;
	if (skt_endpoint_number(e, "raw", 0))
		skt_tty_raw(STDIN_FILENO);
	*ret = &io->fd.stream;
	return 0;
}

const struct skt_transport skt_stdio = { .scheme = "stdio", .n_fds = 2, .dial = stdio_dial };

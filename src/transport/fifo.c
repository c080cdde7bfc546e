/* SPDX-License-Identifier: Apache-2.0 */
/* pipe: a FIFO of the file system; fifo(7).
 *
 * How it works: the reading end opens at once and waits for a writer. The writing end cannot open before a reader has (ENXIO), and
 * there is no event for that, so it is tried again until the deadline. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/message.h"
#include "sys/call.h"
#include "sys/pipe.h"
#include "transport/transport.h"

#define FIFO_LOOK (10 * SKT_MS)

enum { FIFO_SIZE = 256 * 1024 };

struct fifo {
	struct skt_fd fd;
	struct skt_timer timer;
	const struct skt_endpoint *e; /* while opening */
	int in;                       /* the reading end, while the writing end opens; or -1 */
	bool writes, is_up;
};

static struct fifo *fifo_of(struct skt_stream *s)
{
	return SKT_OUTER(skt_fd_of(s), struct fifo, fd);
}

static int fifo_failed(const char *path, int sys, struct skt_error *err)
{
	enum skt_err kind = sys == EACCES || sys == EPERM || sys == EROFS     ? SKT_E_DENIED
			    : sys == EMFILE || sys == ENFILE || sys == ENOMEM ? SKT_E_LIMIT
									      : SKT_E_USAGE;

	if (sys == ENOTSUP)
		(void)skt_fail(err, SKT_E_USAGE, 0, _("%.180s is not a FIFO"), path);
	else
		(void)skt_fail(err, kind, sys, _("cannot open the FIFO %.180s: %s"), path, strerror(sys));
	if (sys == ENOENT)
		skt_hint(err, _("create=yes makes it, or: mkfifo %.140s"), path);
	else if (sys == ENOTSUP)
		skt_hint(err, "%s", _("file: reads and writes plain files"));
	return sys == ENOTSUP ? -(int)SKT_E_USAGE : -(int)kind;
}

/* Open one end. Returns the descriptor or -errno. */
static int fifo_open_end(const char *path, int flags)
{
	int fd = skt_sys.open(path, flags | O_NONBLOCK | O_CLOEXEC, 0);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (skt_sys.fstat(fd, &st) < 0 || S_ISFIFO(st.st_mode)) {
		skt_pipe_widen(fd, FIFO_SIZE);
		return fd;
	}
	skt_close(fd);
	return -ENOTSUP;
}

static void fifo_timer(struct skt_timer *timer)
{
	skt_stream_wake(&SKT_OUTER(timer, struct fifo, timer)->fd.stream);
}

static int fifo_open(struct skt_stream *s)
{
	struct fifo *f = fifo_of(s);
	struct skt_error err;
	int out = -1, failed;

	if (f->is_up)
		return 0;
	if (f->writes)
		out = fifo_open_end(f->e->address, O_WRONLY);
	if (out == -ENXIO && skt_loop_after(f->fd.loop, &f->timer, FIFO_LOOK, fifo_timer) == 0)
		return -SKT_AGAIN;
	if (f->writes && out < 0) {
		(void)fifo_failed(f->e->address, -out, &err);
		return skt_stream_fail(s, &err);
	}
	failed = skt_fd_init_pair(&f->fd, s->ops, f->fd.loop, f->in, out, &err);
	f->in = -1;
	if (failed)
		return skt_stream_fail(s, &err);
	f->is_up = true;
	return 0;
}

static void fifo_free(struct skt_stream *s)
{
	struct fifo *f = fifo_of(s);

	skt_loop_clear(f->fd.loop, &f->timer);
	skt_close(f->in);
	skt_fd_close(&f->fd);
	skt_free(f);
}

static const struct skt_stream_ops fifo_ops = {
	.name = "fifo",
	.open = fifo_open,
	.read = skt_fd_read,
	.write = skt_fd_write,
	.shut = skt_fd_shut,
	.raw = skt_fd_raw,
	.free = fifo_free,
};

static int fifo_dial(struct skt_loop *loop, const struct skt_endpoint *e, const struct skt_origin *origin,
		     struct skt_stream **ret, struct skt_error *err)
{
	bool reads = skt_endpoint_number(e, "read", 0), writes = skt_endpoint_number(e, "write", 0);
	struct fifo *f;
	int in = -1;

	if (!reads && !writes)
		reads = !(writes = !origin->is_source);
	if (skt_endpoint_number(e, "create", 0) &&
	    skt_sys.mkfifo(e->address, (mode_t)skt_endpoint_number(e, "mode", 0600)) < 0 && errno != EEXIST)
		return fifo_failed(e->address, errno, err);
	if (reads && (in = fifo_open_end(e->address, O_RDONLY)) < 0)
		return fifo_failed(e->address, -in, err);
	f = SKT_NEW(struct fifo);
	if (!f) {
		skt_close(in);
		return skt_fail_memory(err);
	}
	f->fd.stream.ops = &fifo_ops;
	f->fd.loop = loop;
	f->fd.in.fd = f->fd.out.fd = -1;
	f->in = in;
	f->writes = writes;
	f->e = e;
	*ret = &f->fd.stream;
	return 0;
}

const struct skt_transport skt_fifo = { .scheme = "pipe", .n_fds = 1, .dial = fifo_dial };

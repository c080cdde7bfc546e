/* SPDX-License-Identifier: Apache-2.0 */
/* file: a plain file to read, write, append to, or follow as it grows. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/message.h"
#include "sys/call.h"
#include "transport/transport.h"

#define FILE_LOOK (100 * SKT_MS)

struct file {
	struct skt_fd fd;
	struct skt_timer timer;
	int64_t left; /* of length=; -1: no limit */
	bool follows, syncs;
};

static struct file *file_of(struct skt_stream *s)
{
	return SKT_OUTER(skt_fd_of(s), struct file, fd);
}

static void file_grown(struct skt_timer *timer)
{
	struct file *f = SKT_OUTER(timer, struct file, timer);

	f->fd.ready |= SKT_IN;
	skt_stream_wake(&f->fd.stream);
}

/* At the end of a followed file: look again soon, from the start where it has been cut short. */
static ssize_t file_wait(struct file *f)
{
	struct stat st;
	off_t at = skt_sys.lseek(f->fd.in.fd, 0, SEEK_CUR);

	if (skt_sys.fstat(f->fd.in.fd, &st) == 0 && at > st.st_size)
		(void)skt_sys.lseek(f->fd.in.fd, 0, SEEK_SET);
	f->fd.ready = (uint8_t)(f->fd.ready & ~SKT_IN);
	if (skt_loop_after(f->fd.loop, &f->timer, FILE_LOOK, file_grown) < 0)
		return 0;
	return -SKT_AGAIN;
}

static ssize_t file_read(struct skt_stream *s, void *buf, size_t n)
{
	struct file *f = file_of(s);
	ssize_t got;

	if (f->left >= 0 && (int64_t)n > f->left)
		n = (size_t)f->left;
	if (n == 0)
		return 0;
	got = skt_fd_read(s, buf, n);
	if (got > 0 && f->left >= 0)
		f->left -= got;
	return got == 0 && f->follows ? file_wait(f) : got;
}

static int file_shut(struct skt_stream *s)
{
	struct skt_fd *f = skt_fd_of(s);

	if (file_of(s)->syncs && f->out.fd >= 0 && skt_sys.fsync(f->out.fd) < 0)
		return (int)skt_fd_failed(f);
	return skt_fd_shut(s);
}

/* Only a whole file, read once, is its descriptor's bytes. */
static struct skt_fd *file_raw(struct skt_stream *s)
{
	const struct file *f = file_of(s);

	return f->follows || f->left >= 0 ? NULL : skt_fd_of(s);
}

static void file_free(struct skt_stream *s)
{
	struct file *f = file_of(s);

	skt_loop_clear(f->fd.loop, &f->timer);
	skt_fd_close(&f->fd);
	skt_free(f);
}

static const struct skt_stream_ops file_ops = {
	.name = "file",
	.read = file_read,
	.write = skt_fd_write,
	.shut = file_shut,
	.raw = file_raw,
	.free = file_free,
};

static int file_failed(const char *path, bool writes, struct skt_error *err)
{
	int sys = errno;
	enum skt_err kind = sys == EACCES || sys == EPERM || sys == EROFS                      ? SKT_E_DENIED
			    : sys == EMFILE || sys == ENFILE || sys == ENOSPC || sys == ENOMEM ? SKT_E_LIMIT
											       : SKT_E_USAGE;

	(void)skt_fail(err, kind, sys, writes ? _("cannot write %.180s: %s") : _("cannot read %.180s: %s"), path,
		       strerror(sys));
	if (sys == ENOENT)
		skt_hint(err, "%s",
			 writes ? _("make its directory first") : _("check the path; write=yes makes a new file"));
	else if (kind == SKT_E_DENIED)
		skt_hint(err, "%s", _("check its owner and mode (ls -l)"));
	return -(int)kind;
}

static bool file_asks(const struct skt_endpoint *e, const char *key)
{
	return skt_endpoint_number(e, key, 0) != 0;
}

static int file_open_in(const struct skt_endpoint *e, struct skt_error *err)
{
	int fd = skt_sys.open(e->address, O_RDONLY | O_CLOEXEC | O_NOCTTY, 0);
	struct stat st;
	int64_t offset = skt_endpoint_number(e, "offset", 0);

	if (fd >= 0 && skt_sys.fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		skt_close(fd);
		errno = EISDIR;
		fd = -1;
	}
	if (fd >= 0 && offset && skt_sys.lseek(fd, offset, SEEK_SET) < 0) {
		skt_close(fd);
		fd = -1;
	}
	return fd < 0 ? file_failed(e->address, false, err) : fd;
}

/* Many links append to one file, so that none overwrites another; one alone starts it anew, unless it is also read. */
static int file_open_out(const struct skt_endpoint *e, bool many, bool reads, struct skt_error *err)
{
	bool append = many || file_asks(e, "append");
	int flags = O_WRONLY | O_CLOEXEC | O_NOCTTY | (append ? O_APPEND : reads ? 0 : O_TRUNC);
	int fd;

	if (skt_endpoint_number(e, "create", 1))
		flags |= O_CREAT;
	if (file_asks(e, "sync"))
		flags |= O_DSYNC;
	fd = skt_sys.open(e->address, flags, (mode_t)skt_endpoint_number(e, "mode", 0644));
	return fd < 0 ? file_failed(e->address, true, err) : fd;
}

static int file_dial(struct skt_loop *loop, const struct skt_endpoint *e, const struct skt_origin *origin,
		     struct skt_stream **ret, struct skt_error *err)
{
	bool follows = file_asks(e, "follow"), reads = file_asks(e, "read") || follows;
	bool writes = file_asks(e, "write") || file_asks(e, "append");
	struct file *f;
	int in = -1, out = -1, failed;

	if (!reads && !writes)
		reads = !(writes = !origin->is_source);
	if (reads && (in = file_open_in(e, err)) < 0)
		return in;
	if (writes && (out = file_open_out(e, origin->many, reads, err)) < 0) {
		skt_close(in);
		return out;
	}
	f = SKT_NEW(struct file);
	if (!f) {
		skt_close(in);
		skt_close(out);
		return skt_fail_memory(err);
	}
	f->left = skt_endpoint_number(e, "length", -1);
	f->follows = follows;
	f->syncs = file_asks(e, "sync");
	failed = skt_fd_init_pair(&f->fd, &file_ops, loop, in, out, err);
	if (failed)
		skt_free(f);
	else
		*ret = &f->fd.stream;
	return failed;
}

const struct skt_transport skt_file = { .scheme = "file", .n_fds = 1, .dial = file_dial };

/* SPDX-License-Identifier: Apache-2.0 */
/* The one implementation of a stream over descriptors.
 *
 * How it works: descriptors are watched edge triggered, once. `ready` remembers what the events said; a call is made only while
 * its bit is set, and a bit is cleared only when a call has shown the lack. "A short read means drained" saves the extra
 * read that would say EAGAIN: it holds for TCP unless the end, an error or urgent data is pending (recv stops at the urgent
 * mark, also with SO_OOBINLINE; a unix socket stops at passed descriptors, a terminal at each line). */
#include "io/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/message.h"
#include "sys/call.h"

enum { FD_WATCHES_OUT = 1, FD_IS_SHUT = 2, FD_WATCHES_IN = 4, FD_MAY_BE_COPIED = 8 };

struct skt_fd *skt_fd_of(struct skt_stream *s)
{
	return SKT_OUTER(s, struct skt_fd, stream);
}

static void fd_event(struct skt_fd *f, unsigned ready)
{
	unsigned fresh;

	if (ready & (SKT_HUP | SKT_ERR))
		ready |= SKT_IN | SKT_OUT;
	fresh = ready & ~f->ready;
	f->ready = (uint8_t)(f->ready | ready);
	if (fresh)
		skt_stream_wake(&f->stream);
}

static void fd_in_event(struct skt_watch *watch, unsigned ready)
{
	struct skt_fd *f = SKT_OUTER(watch, struct skt_fd, in);

	fd_event(f, f->in.fd == f->out.fd ? ready : ready & ~(unsigned)SKT_OUT);
}

/* The writing end of a pipe: its HUP and ERR tell nothing about the other way */
static void fd_out_event(struct skt_watch *watch, unsigned ready)
{
	(void)ready;
	fd_event(SKT_OUTER(watch, struct skt_fd, out), SKT_OUT);
}

bool skt_fd_blocked(struct skt_fd *f, unsigned way)
{
	if (errno == EINTR)
		return true;
	if (errno != EAGAIN)
		return false;
	f->ready = (uint8_t)(f->ready & ~way);
	return true;
}

ssize_t skt_fd_failed(struct skt_fd *f)
{
	f->waits_for_shut = false; /* what cannot be written need not be waited for */
	if (!f->stream.sys)
		f->stream.sys = errno;
	return -SKT_E_IO;
}

/* One message. A message of no bytes and the end both read as 0; only a message brings its sender's credentials (SO_PASSCRED).
 * Returns as recv(2); empty messages are passed over, since a stream cannot show them. */
static ssize_t fd_read_packet(int fd, void *buf, size_t n)
{
	for (;;) {
		char control[CMSG_SPACE(12)]; /* struct ucred, and no room for descriptors that a peer may send along */
		struct iovec iov = { buf, n };
		struct msghdr msg = {
			.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
		};
		ssize_t got = skt_sys.recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

		if (got > 0 && (msg.msg_flags & MSG_TRUNC)) {
			errno = EMSGSIZE;
			return -1;
		}
		if (got != 0 || msg.msg_controllen == 0)
			return got;
	}
}

static ssize_t fd_read_by_kind(const struct skt_fd *f, void *buf, size_t n)
{
	switch (f->in_kind) {
	case SKT_FD_TCP:
	case SKT_FD_SOCKET:
		return skt_sys.recv(f->in.fd, buf, n, MSG_DONTWAIT);
	case SKT_FD_PACKET:
		return fd_read_packet(f->in.fd, buf, n);
	default:
		return skt_sys.read(f->in.fd, buf, n);
	}
}

ssize_t skt_fd_read(struct skt_stream *s, void *buf, size_t n)
{
	struct skt_fd *f = skt_fd_of(s);
	ssize_t got;

	if (f->in_kind == SKT_FD_NONE)
		return f->waits_for_shut && !(f->state & FD_IS_SHUT) ? -SKT_AGAIN : 0;
	do {
		if (!(f->ready & SKT_IN))
			return -SKT_AGAIN;
		got = fd_read_by_kind(f, buf, n);
		if (got > 0) {
			if ((size_t)got < n && f->in_kind == SKT_FD_TCP && !(f->ready & ~(SKT_IN | SKT_OUT)))
				f->ready = (uint8_t)(f->ready & ~SKT_IN);
			return got;
		}
		if (got == 0 || (errno == EIO && f->in_kind == SKT_FD_TTY)) {
			if ((f->ready & SKT_HUP) && f->in.fd == f->out.fd && f->in_kind != SKT_FD_TCP)
				s->flags |= SKT_STREAM_GONE;
			return 0;
		}
	} while (skt_fd_blocked(f, SKT_IN));
	return skt_fd_failed(f);
}

static ssize_t fd_write_by_kind(const struct skt_fd *f, const void *buf, size_t n)
{
	if (f->out_kind == SKT_FD_TCP || f->out_kind == SKT_FD_SOCKET || f->out_kind == SKT_FD_PACKET)
		return skt_sys.send(f->out.fd, buf, n,
				    MSG_DONTWAIT | MSG_NOSIGNAL | (f->stream.flags & SKT_STREAM_MORE ? MSG_MORE : 0));
	return skt_sys.write(f->out.fd, buf, n);
}

/* A terminal that nobody has open any more takes bytes until its buffer is full, and then blocks for ever. */
static bool fd_is_hung_up(const struct skt_fd *f)
{
	return f->out_kind == SKT_FD_TTY && f->in.fd == f->out.fd && (f->ready & SKT_HUP);
}

static ssize_t fd_gone(void)
{
	errno = EPIPE;
	return -1;
}

ssize_t skt_fd_write(struct skt_stream *s, const void *buf, size_t n)
{
	struct skt_fd *f = skt_fd_of(s);
	ssize_t put;

	if (f->out_kind == SKT_FD_NONE)
		return (ssize_t)n;
	do {
		if (!(f->ready & SKT_OUT))
			return -SKT_AGAIN;
		put = fd_is_hung_up(f) ? fd_gone() : fd_write_by_kind(f, buf, n);
		if (put >= 0) {
			if ((size_t)put < n && f->out_kind == SKT_FD_TCP)
				f->ready = (uint8_t)(f->ready &
						     ~SKT_OUT); /* short means full: the kernel will tell of room */
			return put;
		}
	} while (skt_fd_blocked(f, SKT_OUT));
	return skt_fd_failed(f);
}

/* Before a descriptor is closed. Those that came from elsewhere may be copies of ones that stay open, and epoll would go on telling
 * of them. */
static void fd_unwatch(struct skt_fd *f, struct skt_watch *watch, uint8_t state)
{
	if (!(f->state & state))
		return;
	f->state = (uint8_t)(f->state & ~state);
	if (f->state & FD_MAY_BE_COPIED)
		skt_loop_unwatch(f->loop, watch);
	else
		skt_loop_forget(f->loop, watch);
}

/* Close the way out where it has a descriptor of its own. Only then can a disk say at last that it is full. */
static int fd_close_out(struct skt_fd *f)
{
	int fd = f->out.fd;

	fd_unwatch(f, &f->out, FD_WATCHES_OUT);
	f->out.fd = -1;
	if (close(fd) < 0 && errno != EINTR)
		return (int)skt_fd_failed(f);
	return 0;
}

int skt_fd_shut(struct skt_stream *s)
{
	struct skt_fd *f = skt_fd_of(s);

	if (f->state & FD_IS_SHUT)
		return 0;
	f->state |= FD_IS_SHUT;
	if (f->out_kind == SKT_FD_NONE || f->out.fd < 0)
		return 0;
	if (f->out.fd != f->in.fd)
		return fd_close_out(f);
	if (f->out_kind != SKT_FD_TTY && f->out_kind != SKT_FD_FILE && skt_sys.shutdown(f->out.fd, SHUT_WR) < 0 &&
	    errno != ENOTCONN)
		return (int)skt_fd_failed(f);
	return 0;
}

struct skt_fd *skt_fd_raw(struct skt_stream *s)
{
	return skt_fd_of(s);
}

void skt_fd_close(struct skt_fd *f)
{
	fd_unwatch(f, &f->in, FD_WATCHES_IN);
	fd_unwatch(f, &f->out, FD_WATCHES_OUT);
	if (f->out.fd != f->in.fd)
		skt_close(f->out.fd);
	skt_close(f->in.fd);
	f->in.fd = f->out.fd = -1;
	skt_free(f->opening);
	f->opening = NULL;
}

static void fd_free(struct skt_stream *s)
{
	struct skt_fd *f = skt_fd_of(s);

	skt_fd_close(f);
	skt_free(f);
}

const struct skt_stream_ops skt_fd_ops = {
	.name = "fd",
	.read = skt_fd_read,
	.write = skt_fd_write,
	.shut = skt_fd_shut,
	.raw = skt_fd_raw,
	.free = fd_free,
};

int skt_fd_kind(int fd)
{
	struct stat st;
	int domain = 0, type = 0;
	socklen_t n = sizeof(int), m = sizeof(int);

	if (fd < 0)
		return SKT_FD_NONE;
	if (skt_sys.fstat(fd, &st) < 0)
		return -1;
	if (S_ISFIFO(st.st_mode))
		return SKT_FD_PIPE;
	if (S_ISCHR(st.st_mode))
		return isatty(fd) ? SKT_FD_TTY : SKT_FD_FILE;
	if (!S_ISSOCK(st.st_mode))
		return SKT_FD_FILE;
	if (skt_sys.getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) < 0 ||
	    skt_sys.getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &m) < 0)
		return -1;
	if (type == SOCK_SEQPACKET)
		return SKT_FD_PACKET;
	return domain == AF_INET || domain == AF_INET6 ? SKT_FD_TCP : SKT_FD_SOCKET;
}

/* Watch one way. A plain file cannot be watched: it is always ready. */
static int fd_watch(struct skt_fd *f, struct skt_watch *watch, unsigned way, uint8_t state, struct skt_error *err)
{
	int ret;

	if (watch->fd < 0)
		return 0;
	ret = skt_loop_watch(f->loop, watch, SKT_EDGE);
	if (ret == 0)
		f->state |= state;
	else if (ret == -SKT_E_USAGE)
		f->ready = (uint8_t)(f->ready | way);
	else
		return skt_fail(err, SKT_E_LIMIT, errno, _("cannot watch a descriptor: %s"), strerror(errno));
	return 0;
}

static void fd_packet_setup(int fd)
{
	int one = 1;

	(void)skt_sys.setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one));
}

int skt_fd_new_socket(struct skt_loop *loop, int fd, enum skt_fdkind kind, struct skt_stream **ret, struct skt_error *err)
{
	struct skt_fd *f = SKT_NEW(struct skt_fd);
	int failed;

	if (!f) {
		skt_close(fd);
		return skt_fail_memory(err);
	}
	f->stream.ops = &skt_fd_ops;
	f->stream.flags = kind == SKT_FD_TCP ? SKT_STREAM_WILL_RESET : kind == SKT_FD_PACKET ? SKT_STREAM_MESSAGES : 0;
	f->loop = loop;
	f->in.fd = f->out.fd = fd;
	f->in.fn = fd_in_event;
	f->in_kind = f->out_kind = (uint8_t)kind;
	f->can_splice_out = kind != SKT_FD_PACKET;
	if (kind == SKT_FD_PACKET)
		fd_packet_setup(fd);
	failed = fd_watch(f, &f->in, SKT_IN | SKT_OUT, FD_WATCHES_IN, err);
	if (failed) {
		fd_free(&f->stream);
		return failed;
	}
	*ret = &f->stream;
	return 0;
}

static int fd_kinds(struct skt_fd *f, struct skt_error *err)
{
	int flags = f->out.fd >= 0 ? skt_sys.fcntl(f->out.fd, F_GETFL, 0) : 0;
	int in = skt_fd_kind(f->in.fd), out = skt_fd_kind(f->out.fd);

	if (flags < 0 || in < 0 || out < 0)
		return skt_fail(err, SKT_E_IO, errno, _("cannot use a descriptor: %s"), strerror(errno));
	f->in_kind = (uint8_t)in;
	f->out_kind = (uint8_t)out;
	f->can_splice_out = !(flags & O_APPEND) && f->out_kind != SKT_FD_PACKET && f->out_kind != SKT_FD_TTY;
	f->waits_for_shut = f->in_kind == SKT_FD_NONE && f->out_kind != SKT_FD_NONE;
	if (f->in_kind == SKT_FD_PACKET)
		fd_packet_setup(f->in.fd);
	if (f->in_kind == SKT_FD_PACKET || f->out_kind == SKT_FD_PACKET)
		f->stream.flags |= SKT_STREAM_MESSAGES;
	if (f->in_kind == SKT_FD_TCP || f->out_kind == SKT_FD_TCP)
		f->stream.flags |= SKT_STREAM_WILL_RESET;
	if (f->in_kind == SKT_FD_TTY)
		f->stream.flags |= SKT_STREAM_TERMINAL;
	return 0;
}

int skt_fd_init_pair(struct skt_fd *f, const struct skt_stream_ops *ops, struct skt_loop *loop, int in, int out,
		     struct skt_error *err)
{
	int ret;

	f->stream.ops = ops ? ops : &skt_fd_ops;
	f->loop = loop;
	f->state |= FD_MAY_BE_COPIED;
	f->in = (struct skt_watch){ .fd = in, .fn = fd_in_event };
	f->out = (struct skt_watch){ .fd = out, .fn = fd_out_event };
	ret = fd_kinds(f, err);
	if (ret == 0)
		ret = fd_watch(f, &f->in, in == out ? SKT_IN | SKT_OUT : SKT_IN, FD_WATCHES_IN, err);
	if (ret == 0 && in != out)
		ret = fd_watch(f, &f->out, SKT_OUT, FD_WATCHES_OUT, err);
	if (ret < 0)
		skt_fd_close(f);
	return ret;
}

int skt_fd_new_pair(struct skt_loop *loop, int in, int out, struct skt_stream **ret, struct skt_error *err)
{
	struct skt_fd *f = SKT_NEW(struct skt_fd);
	int failed;

	if (!f) {
		skt_close(in);
		if (in != out)
			skt_close(out);
		return skt_fail_memory(err);
	}
	failed = skt_fd_init_pair(f, NULL, loop, in, out, err);
	if (failed) {
		skt_free(f);
		return failed;
	}
	*ret = &f->stream;
	return 0;
}

int skt_fd_waiting(const struct skt_fd *f)
{
	int n = 0;

	return skt_sys.ioctl(f->in.fd, FIONREAD, &n) < 0 ? -1 : n;
}

int skt_fd_unacknowledged(const struct skt_fd *f)
{
	int n = 0;

	if (f->out_kind != SKT_FD_TCP || f->out.fd < 0 || skt_sys.ioctl(f->out.fd, SIOCOUTQ, &n) < 0)
		return 0;
	return n;
}

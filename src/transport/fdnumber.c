/* SPDX-License-Identifier: Apache-2.0 */
/* fd: descriptors that we were started with. */
#include "transport/fdnumber.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/message.h"
#include "base/unit.h"
#include "sys/call.h"
#include "transport/transport.h"

enum { FD_FIRST_HANDED = 3 };

/* The place of a name in LISTEN_FDNAMES, as a descriptor, or -1. The variables speak of us only where LISTEN_PID is ours. */
static int fdnumber_named(const char *name)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS"), *at = getenv("LISTEN_FDNAMES");
	int64_t n = 0, own = 0;
	size_t length = strlen(name);

	if (!pid || !count || !at || skt_number_parse(pid, &own) < 0 || own != getpid() || skt_number_parse(count, &n) < 0)
		return -1;
	for (int i = 0; i < n; i++) {
		size_t this = strcspn(at, ":");

		if (this == length && strncmp(at, name, length) == 0)
			return FD_FIRST_HANDED + i;
		at += this;
		if (*at++ == '\0')
			break;
	}
	return -1;
}

int skt_fdnumber_of(const struct skt_endpoint *e, struct skt_error *err)
{
	int64_t number;
	int fd = skt_number_parse(e->address, &number) == 0 && number < INT32_MAX ? (int)number
										  : fdnumber_named(e->address);

	if (fd >= 0 && skt_sys.fcntl(fd, F_GETFD, 0) >= 0)
		return fd;
	(void)skt_fail(err, SKT_E_USAGE, fd < 0 ? 0 : EBADF,
		       fd < 0 ? _("no descriptor named %s was handed over") : _("descriptor %s is not open"), e->address);
	skt_hint(err, "%s",
		 _("names come from FileDescriptorName= of a systemd socket; numbers from the shell: 3< file"));
	return -1;
}

bool skt_fdnumber_listens(const struct skt_endpoint *e)
{
	int fd = skt_fdnumber_of(e, NULL), listens = 0;
	socklen_t n = sizeof(listens);

	return fd >= 0 && skt_sys.getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &n) == 0 && listens;
}

static int fdnumber_nonblock(int fd)
{
	int flags = skt_sys.fcntl(fd, F_GETFL, 0);

	return flags < 0 ? -1 : flags & O_NONBLOCK ? 0 : skt_sys.fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

int skt_fdnumber_own(int fd, int flags, bool shared)
{
	int kind = skt_fd_kind(fd), own;
	char path[40];

	if (kind < 0)
		return -1;
	if (kind == SKT_FD_PIPE || kind == SKT_FD_TTY) {
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		own = skt_sys.open(path, flags | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0);
		if (own >= 0)
			return own;
	}
	own = skt_sys.fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (kind == SKT_FD_FILE || (shared && kind != SKT_FD_PIPE && kind != SKT_FD_TTY))
		return own;
	if (own >= 0 && fdnumber_nonblock(own) < 0) {
		skt_close(own);
		return -1;
	}
	return own;
}

static int fdnumber_failed(const struct skt_endpoint *e, struct skt_error *err)
{
	return skt_fail(err, SKT_E_LIMIT, errno, _("cannot use descriptor %s: %s"), e->address, strerror(errno));
}

static int fdnumber_dial(struct skt_loop *loop, const struct skt_endpoint *e, const struct skt_origin *origin,
			 struct skt_stream **ret, struct skt_error *err)
{
	int fd = skt_fdnumber_of(e, err), mode, own, in = -1, out = -1;

	(void)origin;
	if (fd < 0)
		return -SKT_E_USAGE;
	mode = skt_sys.fcntl(fd, F_GETFL, 0);
	own = mode < 0 ? -1 : skt_fdnumber_own(fd, (mode & O_ACCMODE) == O_WRONLY ? O_WRONLY : O_RDONLY, false);
	if (own < 0)
		return fdnumber_failed(e, err);
	if ((mode & O_ACCMODE) != O_WRONLY)
		in = own;
	if ((mode & O_ACCMODE) != O_RDONLY)
		out = own;
	return skt_fd_new_pair(loop, in, out, ret, err);
}

static int fdnumber_listen(struct skt_loop *loop, const struct skt_endpoint *e, struct skt_listener **ret,
			   struct skt_error *err)
{
	int fd = skt_fdnumber_of(e, err), own, failed;
	int kind = skt_fd_kind(fd);

	if (fd < 0)
		return -SKT_E_USAGE;
	if (kind < 0)
		return fdnumber_failed(e, err);
	if (!skt_fdnumber_listens(e)) {
		(void)skt_fail(err, SKT_E_USAGE, 0, _("descriptor %s is not a listening socket"), e->address);
		skt_hint(err, "%s", _("without listen: it is used as the connection that it is"));
		return -SKT_E_USAGE;
	}
	own = skt_sys.fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (own < 0 || fdnumber_nonblock(own) < 0) {
		skt_close(own);
		return fdnumber_failed(e, err);
	}
	failed = skt_listener_new(loop, (enum skt_fdkind)kind,
				  kind == SKT_FD_TCP      ? "tcp"
				  : kind == SKT_FD_PACKET ? "unix-seqpacket"
							  : "unix",
				  ret, err);
	if (failed) {
		skt_close(own);
		return failed;
	}
	failed = skt_listener_add(*ret, own, err);
	if (failed) {
		skt_listener_free(*ret);
		*ret = NULL;
	}
	return failed;
}

const struct skt_transport skt_fdnumber = { .scheme = "fd", .n_fds = 1, .dial = fdnumber_dial, .listen = fdnumber_listen };

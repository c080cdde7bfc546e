/* SPDX-License-Identifier: Apache-2.0 */
/* unix, unix-seqpacket, unix-dgram: sockets of this machine, by path or by abstract name.
 *
 * A path that is left over from a server that died is replaced, but only when it is a socket and nobody listens on it:
 * connecting to it tells. Two that start at once on the same stale path: one of them wins the bind, the other sees it live. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/message.h"
#include "io/dgconn.h"
#include "io/dgserver.h"
#include "sys/call.h"
#include "transport/connect.h"
#include "transport/listening.h"
#include "transport/sockopt.h"
#include "transport/transport.h"

enum { UNIX_BACKLOG = 4096 };

static bool unix_is_packet(const struct skt_endpoint *e)
{
	return strcmp(skt_endpoint_transport(e)->name, "unix-seqpacket") == 0;
}

static bool unix_is_dgram(const struct skt_endpoint *e)
{
	return skt_endpoint_transport(e)->is_dgram;
}

static enum skt_fdkind unix_kind(const struct skt_endpoint *e)
{
	return unix_is_packet(e) ? SKT_FD_PACKET : SKT_FD_SOCKET;
}

static int unix_socket(const struct skt_endpoint *e, enum skt_role role, struct skt_error *err)
{
	int type = unix_is_packet(e) ? SOCK_SEQPACKET : unix_is_dgram(e) ? SOCK_DGRAM : SOCK_STREAM, ret;
	int fd = skt_sys.socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return skt_fail(err, SKT_E_LIMIT, errno, _("cannot make a unix socket: %s"), strerror(errno));
	ret = skt_sockopt_apply(fd, AF_UNIX, e, role, err);
	if (ret < 0)
		skt_close(fd);
	return ret < 0 ? ret : fd;
}

static int unix_address(const struct skt_endpoint *e, struct skt_addr *ret, struct skt_error *err)
{
	if (skt_addr_from_path(e->address, ret) == 0)
		return 0;
	return skt_fail(err, SKT_E_USAGE, 0, _("the path is longer than %d bytes, the most a unix socket can have"),
			(int)sizeof(ret->un.sun_path) - 1);
}

static int unix_dial(struct skt_loop *loop, const struct skt_endpoint *e, const struct skt_origin *origin,
		     struct skt_stream **ret, struct skt_error *err)
{
	struct skt_addr to;
	int fd = unix_address(e, &to, err);

	(void)origin;
	if (fd == 0)
		fd = unix_socket(e, SKT_ROLE_DIAL, err);
	return fd < 0 ? fd : skt_connect_new(loop, fd, &to, unix_kind(e), ret, err);
}

/* A name of our own, which the kernel picks (unix(7), autobind), so that there is somebody to answer. */
static int unix_dial_dgram(struct skt_loop *loop, const struct skt_endpoint *e, const struct skt_origin *origin,
			   struct skt_stream **ret, struct skt_error *err)
{
	struct skt_addr to, own = { .len = sizeof(sa_family_t), .sa.sa_family = AF_UNIX };
	int fd = unix_address(e, &to, err), failed = 0;

	if (fd == 0)
		fd = unix_socket(e, SKT_ROLE_DIAL, err);
	if (fd < 0)
		return fd;
	if (skt_sys.bind(fd, &own.sa, own.len) < 0)
		failed = skt_fail(err, SKT_E_LIMIT, errno, _("cannot name a unix socket: %s"), strerror(errno));
	else if (skt_sys.connect(fd, &to.sa, to.len) < 0)
		failed = skt_connect_failed(&to, errno, err);
	if (failed == 0)
		return skt_dgconn_new(loop, fd, AF_UNIX, origin->is_tolerant, origin->many, ret, err);
	skt_close(fd);
	return failed;
}

static int unix_taken(const char *path, const char *why, struct skt_error *err)
{
	(void)skt_fail(err, SKT_E_INUSE, EADDRINUSE, _("address in use: %.180s %s"), path, why);
	skt_hint(err, "%s", _("choose another path, or stop the program that listens there"));
	return -SKT_E_INUSE;
}

/* Remove a socket file that nobody listens on. Returns 0, or -SKT_E_INUSE. */
static int unix_remove_stale(const struct skt_endpoint *e, const struct skt_addr *addr, struct skt_error *err)
{
	struct stat st;
	int fd, sys = 0;

	if (e->address[0] == '@')
		return unix_taken(e->address, _("is in use by a program that listens there"), err);
	if (skt_sys.lstat(e->address, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return unix_taken(e->address, _("exists, and is not a socket"), err);
	/* asked with a socket of another type: EPROTOTYPE says that somebody is there, and nobody has to accept us */
	fd = skt_sys.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return skt_fail(err, SKT_E_LIMIT, errno, _("cannot make a unix socket: %s"), strerror(errno));
	if (skt_sys.connect(fd, &addr->sa, addr->len) < 0)
		sys = errno;
	skt_close(fd);
	if (sys != ECONNREFUSED)
		return unix_taken(e->address, _("is in use by a program that listens there"), err);
	return skt_sys.unlink(e->address) < 0 && errno != ENOENT ? skt_listening_failed(addr, errno, err) : 0;
}

/* user= and group=, names or numbers; -1 for not given, -2 for not known. */
static int64_t unix_user(const char *name)
{
	int64_t number;
	const struct passwd *user = name ? getpwnam(name) : NULL;

	if (!name)
		return -1;
	if (user)
		return user->pw_uid;
	return skt_number_parse(name, &number) == 0 ? number : -2;
}

static int64_t unix_group(const char *name)
{
	int64_t number;
	const struct group *group = name ? getgrnam(name) : NULL;

	if (!name)
		return -1;
	if (group)
		return group->gr_gid;
	return skt_number_parse(name, &number) == 0 ? number : -2;
}

static int unix_give_away(const struct skt_endpoint *e, struct skt_error *err)
{
	int64_t user = unix_user(skt_endpoint_string(e, "user", NULL));
	int64_t group = unix_group(skt_endpoint_string(e, "group", NULL));

	if (user == -2 || group == -2)
		return skt_fail(err, SKT_E_USAGE, 0, _("no such user or group: %s"),
				skt_endpoint_string(e, user == -2 ? "user" : "group", ""));
	if ((user >= 0 || group >= 0) && lchown(e->address, (uid_t)user, (gid_t)group) < 0)
		return skt_fail(err, SKT_E_DENIED, errno, _("cannot give %s away: %s"), e->address, strerror(errno));
	return 0;
}

/* Bind with the file mode that was asked for, from the first moment on. */
static int unix_bind(struct skt_listener *l, int fd, const struct skt_endpoint *e, const struct skt_addr *addr,
		     struct skt_error *err)
{
	const struct skt_opt *mode = skt_endpoint_option(e, "mode");
	mode_t old = mode ? umask((mode_t)(0777 & ~mode->number)) : 0;
	int ret = 0;

	if (!unix_is_dgram(e)) {
		ret = skt_listening_bind(l, fd, addr, (int)skt_endpoint_number(e, "backlog", UNIX_BACKLOG), err);
	} else if (skt_sys.bind(fd, &addr->sa, addr->len) < 0) {
		ret = skt_listening_failed(addr, errno, err);
		skt_close(fd);
	} else {
		ret = skt_dgserver_add(l, fd, AF_UNIX, false, err);
	}
	if (mode)
		(void)umask(old);
	return ret;
}

/* Remember the file, so that the end removes this one and no other. */
static int unix_own_file(struct skt_listener *l, const struct skt_endpoint *e, struct skt_error *err)
{
	struct stat st;

	if (e->address[0] == '@')
		return 0;
	if (skt_endpoint_number(e, "unlink", 1) && skt_sys.lstat(e->address, &st) == 0) {
		l->path = skt_strdup(e->address);
		if (!l->path) {
			(void)skt_sys.unlink(e->address);
			return skt_fail_memory(err);
		}
		l->device = st.st_dev;
		l->inode = st.st_ino;
	}
	return unix_give_away(e, err);
}

/* An accepted unix socket inherits none of its listener's options. */
static int unix_tune(struct skt_listener *l, int fd, const struct skt_addr *peer)
{
	(void)peer;
	return skt_sockopt_apply(fd, AF_UNIX, l->tuning, SKT_ROLE_LISTEN, NULL);
}

static int unix_listen(struct skt_loop *loop, const struct skt_endpoint *e, struct skt_listener **ret,
		       struct skt_error *err)
{
	const char *scheme = skt_endpoint_transport(e)->name; /* of the table: it stays */
	struct skt_addr addr;
	struct skt_listener *l = NULL;
	int failed = unix_address(e, &addr, err), fd;

	if (failed == 0)
		failed = unix_is_dgram(e) ? skt_dgserver_new(loop, scheme, &l, err)
					  : skt_listener_new(loop, unix_kind(e), scheme, &l, err);
	for (int i = 0; failed == 0 && i < 2; i++) {
		fd = unix_socket(e, SKT_ROLE_LISTEN, err);
		failed = fd < 0 ? fd : unix_bind(l, fd, e, &addr, err);
		if (failed != -SKT_E_INUSE || i == 1)
			break;
		failed = unix_remove_stale(e, &addr, err);
	}
	if (failed == 0)
		failed = unix_own_file(l, e, err);
	if (failed == 0) {
		l->tuning = e;
		l->tune = e->n_opt ? unix_tune : NULL;
		*ret = l;
	} else {
		skt_listener_free(l);
	}
	return failed;
}

const struct skt_transport skt_unix = { .scheme = "unix", .n_fds = 1, .dial = unix_dial, .listen = unix_listen };
const struct skt_transport skt_unix_seqpacket = {
	.scheme = "unix-seqpacket", .n_fds = 1, .dial = unix_dial, .listen = unix_listen
};
const struct skt_transport skt_unix_dgram = {
	.scheme = "unix-dgram", .n_fds = 1, .dial = unix_dial_dgram, .listen = unix_listen
};

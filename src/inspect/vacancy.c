/* SPDX-License-Identifier: Apache-2.0 */
/* Whether nobody holds an address.
 *
 * Why two questions: bind(2) with SO_REUSEADDR fails for a port that somebody listens on, but not for one that somebody has
 * merely bound with SO_REUSEADDR too (a lease, a server that is about to listen); the table of sockets shows both, but not what
 * else the kernel may object to. Connections in TIME_WAIT do not count: no server is kept waiting by them. */
#include "inspect/vacancy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/message.h"
#include "inspect/socktable.h"
#include "sys/call.h"
#include "transport/listening.h"

/* Bind it for a moment. Returns 0, or the errno. */
static int vacancy_bind(const struct skt_addr *addr, int type)
{
	int one = 1, sys = 0, fd = skt_sys.socket(addr->sa.sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return errno;
	if ((addr->sa.sa_family == AF_INET || addr->sa.sa_family == AF_INET6) && type == SOCK_STREAM)
		(void)skt_sys.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (addr->sa.sa_family == AF_INET6)
		(void)skt_sys.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (skt_sys.bind(fd, &addr->sa, addr->len) < 0)
		sys = errno;
	skt_close(fd);
	return sys;
}

static bool vacancy_is_any(const unsigned char *bytes, int n)
{
	static const unsigned char zero[16];

	return memcmp(bytes, zero, (size_t)n) == 0;
}

/* Whether that socket has the address, or a wildcard that takes it along. */
static bool vacancy_overlaps(const struct skt_sock *s, const struct skt_addr *addr)
{
	struct skt_ip ip = skt_ip_bare(&s->local);
	int n;
	const unsigned char *bytes = skt_addr_bytes(addr, &n);

	if (!bytes || s->local_port != skt_addr_port(addr))
		return false;
	if (n == 4 ? !skt_sock_takes_v4(s) : !skt_sock_takes_v6(s))
		return false;
	if (vacancy_is_any(bytes, n) || vacancy_is_any(ip.bytes, ip.family == 4 ? 4 : 16))
		return true;
	return (ip.family == 4 ? 4 : 16) == n && memcmp(ip.bytes, bytes, (size_t)n) == 0;
}

/* Returns 0, -SKT_E_INUSE, or the failure of reading the table. */
static int vacancy_in_table(enum skt_proto proto, const struct skt_addr *addr, int n, struct skt_error *err)
{
	struct skt_look look = { .protos = 1U << proto, .states = SKT_STATES_BOUND };
	struct skt_socktable t = { 0 };
	int ret = skt_socktable_read(&look, &t, err);

	for (size_t i = 0; ret == 0 && i < t.n; i++)
		for (int k = 0; ret == 0 && k < n; k++)
			if (vacancy_overlaps(&t.sock[i], &addr[k]))
				ret = skt_listening_failed(&addr[k], EADDRINUSE, err);
	skt_socktable_release(&t);
	return ret;
}

static bool vacancy_is_missing(int sys)
{
	return sys == EAFNOSUPPORT || sys == EADDRNOTAVAIL;
}

int skt_vacancy_ip(enum skt_proto proto, const struct skt_addr *addr, int n, bool for_us, struct skt_error *err)
{
	int n_missing = 0, denied = 0, sys, ret;
	struct skt_error why = { 0 };

	for (int i = 0; i < n; i++) {
		sys = vacancy_bind(&addr[i], proto == SKT_PROTO_UDP ? SOCK_DGRAM : SOCK_STREAM);
		if (sys == EACCES || sys == EPERM)
			denied = skt_listening_failed(&addr[i], sys, &why);
		else if (vacancy_is_missing(sys) && n_missing + 1 < n)
			n_missing++;
		else if (sys)
			return skt_listening_failed(&addr[i], sys, err);
	}
	ret = vacancy_in_table(proto, addr, n, err);
	if ((ret == 0 && !(denied && for_us)) || ret == -SKT_E_INUSE || ret == -SKT_E_LIMIT)
		return ret;
	if (denied && err)
		*err = why;
	return denied; /* what bind said is all there is, or what counts */
}

/* A path is asked with a socket of one type: EPROTOTYPE says that one of another type is there, and nobody has to accept us.
 * Returns 0 where nobody is there, or an errno. */
static int vacancy_of_path(const struct skt_addr *addr)
{
	int sys = 0, fd = skt_sys.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return errno;
	if (skt_sys.connect(fd, &addr->sa, addr->len) < 0)
		sys = errno;
	skt_close(fd);
	if (sys == ENOENT || sys == ECONNREFUSED)
		return 0;
	return sys == 0 || sys == EPROTOTYPE || sys == EPERM ? EADDRINUSE
							     : sys; /* EPERM: it is connected to another one */
}

/* Whether the directory of a path is there: 0, or an errno. */
static int vacancy_of_directory(const char *path)
{
	char directory[sizeof(struct sockaddr_un)];
	const char *slash = strrchr(path, '/');
	struct stat st;

	if (!slash)
		return 0;
	(void)snprintf(directory, sizeof(directory), "%.*s/.", (int)(slash - path), path);
	return skt_sys.lstat(directory, &st) < 0 ? errno : 0;
}

int skt_vacancy_unix(const char *path, int type, struct skt_error *err)
{
	struct skt_addr addr;
	struct stat st;
	int sys;

	if (skt_addr_from_path(path, &addr) < 0)
		return skt_fail(err, SKT_E_USAGE, 0,
				_("the path is longer than %d bytes, the most a unix socket can have"),
				(int)sizeof(addr.un.sun_path) - 1);
	sys = path[0] == '@' ? vacancy_bind(&addr, type) : vacancy_of_path(&addr);
	if (sys == 0 && path[0] != '@')
		sys = vacancy_of_directory(path);
	if (sys == 0 && path[0] != '@' && skt_sys.lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode)) {
		(void)skt_fail(err, SKT_E_INUSE, EADDRINUSE, _("address in use: %.180s %s"), path,
			       _("exists, and is not a socket"));
		skt_hint(err, "%s", _("choose another path"));
		return -SKT_E_INUSE;
	}
	return sys ? skt_listening_failed(&addr, sys, err) : 0;
}

int skt_vacancy_vsock(const struct skt_addr *addr, struct skt_error *err)
{
	int sys = vacancy_bind(addr, SOCK_STREAM);

	if (sys == EAFNOSUPPORT) {
		(void)skt_fail(err, SKT_E_REFUSED, sys, _("cannot make a vsock socket: %s"), strerror(sys));
		skt_hint(err, "%s", _("the kernel has no vsock here: load the module vsock"));
		return -SKT_E_REFUSED;
	}
	return sys ? skt_listening_failed(addr, sys, err) : 0;
}

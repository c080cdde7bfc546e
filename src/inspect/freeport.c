/* SPDX-License-Identifier: Apache-2.0 */
/* Free ports.
 *
 * How holding works (ADR 0019; the facts are in tests/kernel). A socket that is bound and does not listen keeps bind(0) and connect(2) from
 * handing its port out, and with SO_REUSEADDR it lets a program with SO_REUSEADDR in. That is also its weakness: a second holder
 * with SO_REUSEADDR would be let in too. Without it, bind(2) is exclusive, but also refuses a port on which the connections of
 * an earlier server still end, so that a server could not be started again on its port for a minute.
 *
 * So a given port is first bound without SO_REUSEADDR on an address of the loopback network that nobody uses, the gate. Every
 * wildcard socket is in its way, and every other gate; connections are not, since they have another address. Then the gate is made
 * shareable, which lets no other gate in, the port is bound on every address with SO_REUSEADDR, and the gate is closed. There is
 * no moment in which two can pass. Where there is no IPv4 loopback, bind(2) without SO_REUSEADDR has to do.
 *
 * A port of the kernel's choice is bound without SO_REUSEADDR: the kernel picks one without conflicts. */
#include "inspect/freeport.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "base/message.h"
#include "endpoint/portclass.h"
#include "endpoint/service.h"
#include "sys/addr.h"
#include "sys/call.h"
#include "sys/proc.h"
#include "transport/listening.h"

#define FREEPORT_GATE "127.83.75.84"

enum {
	FREEPORT_TRIES = 64,       /* of the kernel's picks, until one is free in both families */
	FREEPORT_PREFER = 20000,   /* the preferred ports begin here: few services are registered above */
	FREEPORT_PREFER_MIN = 256, /* of fewer, names would often prefer the same */
	FREEPORT_BACKLOG = 4096,
};

static const char *const freeport_every[] = { "0.0.0.0", "::" };
static const char *const freeport_loopback[] = { "127.0.0.1", "::1" };

static int freeport_set(int fd, int level, int option, int value)
{
	return skt_sys.setsockopt(fd, level, option, &value, sizeof(value));
}

/* What a socket is to be. */
struct freeport_want {
	const char *ip;
	unsigned port;
	int type;
	bool shares; /* SO_REUSEADDR */
	bool dual;   /* IPv6: takes IPv4 too */
	bool local;  /* only through the loopback interface */
};

static int freeport_prepare(int fd, const struct freeport_want *w, int family)
{
	static const char lo[] = "lo";

	if (w->shares && freeport_set(fd, SOL_SOCKET, SO_REUSEADDR, 1) < 0)
		return -1;
	if (family == AF_INET6 && freeport_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, !w->dual) < 0)
		return -1;
	return w->local ? skt_sys.setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, lo, sizeof(lo)) : 0;
}

/* A bound socket: the descriptor, or -errno. */
static int freeport_bind(const struct freeport_want *w)
{
	struct skt_addr addr = { 0 };
	int fd, failed;

	if (skt_addr_parse_ip(w->ip, NULL, (int)w->port, &addr) < 0)
		return -EAFNOSUPPORT;
	fd = skt_sys.socket(addr.sa.sa_family, w->type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (freeport_prepare(fd, w, addr.sa.sa_family) == 0 && skt_sys.bind(fd, &addr.sa, addr.len) == 0)
		return fd;
	failed = errno;
	skt_close(fd);
	return -failed;
}

/* Whether a failure means that the family is not there. */
static bool freeport_is_absent(int failed)
{
	return failed == -EAFNOSUPPORT || failed == -EADDRNOTAVAIL || failed == -EPROTONOSUPPORT;
}

void skt_hold_close(struct skt_hold *h)
{
	for (int i = 0; i < 2; i++) {
		skt_close(h->fd[i]);
		h->fd[i] = -1;
	}
}

/* Bind both families, with the port of the first for the second. Returns 0 or -errno; what is open then is closed. */
static int freeport_both(struct skt_hold *h, bool shares)
{
	struct skt_addr addr;

	for (int i = 0; i < 2; i++) {
		struct freeport_want want = {
			.ip = freeport_every[i], .port = h->port, .type = SOCK_STREAM, .shares = shares
		};
		int fd = freeport_bind(&want);

		if (freeport_is_absent(fd))
			continue;
		if (fd < 0 || (h->port == 0 && skt_addr_of_local(fd, &addr) < 0)) {
			int failed = fd < 0 ? fd : -errno;

			skt_close(fd);
			skt_hold_close(h);
			return failed;
		}
		h->fd[i] = fd;
		h->port = h->port ? h->port : skt_addr_port(&addr);
	}
	return h->fd[0] < 0 && h->fd[1] < 0 ? -EAFNOSUPPORT : 0;
}

/* Let programs with SO_REUSEADDR in. */
static void freeport_share(const struct skt_hold *h)
{
	for (int i = 0; i < 2; i++)
		if (h->fd[i] >= 0)
			(void)freeport_set(h->fd[i], SOL_SOCKET, SO_REUSEADDR, 1);
}

static int freeport_failed(unsigned port, int failed, struct skt_error *err)
{
	struct skt_addr addr;

	if (freeport_is_absent(failed))
		return skt_fail(err, SKT_E_LIMIT, -failed, "%s", _("this machine has neither IPv4 nor IPv6"));
	if (port == 0 && failed == -EADDRINUSE) {
		(void)skt_fail(err, SKT_E_LIMIT, -failed, "%s", _("no port is free for both families"));
		skt_hint(err, "%s", _("widen the range: sysctl net.ipv4.ip_local_port_range"));
		return -SKT_E_LIMIT;
	}
	(void)skt_addr_parse_ip(freeport_every[0], NULL, (int)port, &addr);
	return skt_listening_failed(&addr, -failed, err);
}

static int freeport_hold_any(struct skt_hold *ret)
{
	int failed = -EADDRINUSE;

	for (int i = 0; i < FREEPORT_TRIES && failed == -EADDRINUSE; i++) {
		*ret = (struct skt_hold){ 0, { -1, -1 } };
		failed = freeport_both(ret, false);
	}
	return failed;
}

static int freeport_hold_given(unsigned port, struct skt_hold *ret)
{
	struct freeport_want want = { .ip = FREEPORT_GATE, .port = port, .type = SOCK_STREAM };
	int gate = freeport_bind(&want), failed;

	if (gate < 0 && !freeport_is_absent(gate))
		return gate;
	if (gate >= 0 && freeport_set(gate, SOL_SOCKET, SO_REUSEADDR, 1) < 0) {
		failed = -errno;
		skt_close(gate);
		return failed;
	}
	failed = freeport_both(ret, gate >= 0);
	skt_close(gate);
	return failed;
}

int skt_hold_open(unsigned port, struct skt_hold *ret, struct skt_error *err)
{
	struct skt_hold h = { port, { -1, -1 } };
	int failed = port ? freeport_hold_given(port, &h) : freeport_hold_any(&h);

	if (failed < 0)
		return freeport_failed(port, failed, err);
	freeport_share(&h);
	*ret = h;
	return 0;
}

/* One socket for both families: the wildcard, which loopback alone reaches where it is bound to its interface. Without rights that is
 * possible since Linux 5.7 (socket(7), SO_BINDTODEVICE). */
static int freeport_dual(const struct skt_hold *h, bool any)
{
	struct freeport_want want = {
		.ip = "::", .port = h->port, .type = SOCK_STREAM, .shares = true, .dual = true, .local = !any
	};

	return h->fd[0] >= 0 && h->fd[1] >= 0 ? freeport_bind(&want) : -EAFNOSUPPORT;
}

/* One for each family that is there: how many, or -errno. */
static int freeport_each(const struct skt_hold *h, bool any, int *ret)
{
	int n = 0;

	for (int i = 0; i < 2; i++) {
		struct freeport_want want = { .ip = any ? freeport_every[i] : freeport_loopback[i],
					      .port = h->port,
					      .type = SOCK_STREAM,
					      .shares = true };
		int fd = h->fd[i] >= 0 ? freeport_bind(&want) : -EAFNOSUPPORT;

		if (fd < 0 && !freeport_is_absent(fd)) {
			while (n > 0)
				skt_close(ret[--n]);
			return fd;
		}
		if (fd >= 0)
			ret[n++] = fd;
	}
	return n ? n : -EADDRNOTAVAIL;
}

/* Listen on all of them, or close all of them and return -errno. */
static int freeport_listen(const int *fd, int n)
{
	int failed = 0;

	for (int i = 0; i < n && failed == 0; i++)
		failed = skt_sys.listen(fd[i], FREEPORT_BACKLOG) < 0 ? -errno : 0;
	for (int i = 0; i < n && failed < 0; i++)
		skt_close(fd[i]);
	return failed;
}

int skt_hold_listen(const struct skt_hold *h, bool any, int *ret, struct skt_error *err)
{
	int fd[2] = { freeport_dual(h, any), -1 };
	int n = fd[0] >= 0 ? 1 : freeport_each(h, any, fd);
	int failed = n < 0 ? n : freeport_listen(fd, n);

	if (failed < 0)
		return freeport_failed(h->port, failed, err);
	memcpy(ret, fd, (size_t)n * sizeof(*ret));
	return n;
}

/* The range of preferred ports. False where there are too few. */
static bool freeport_range(unsigned *first, unsigned *last)
{
	const struct skt_portclass *user = skt_portclass_of(FREEPORT_PREFER);
	long local_first = skt_proc_number("sys/net/ipv4/ip_local_port_range", 0);
	long local_last = skt_proc_number("sys/net/ipv4/ip_local_port_range", 1);

	*first = FREEPORT_PREFER;
	*last = user->last;
	if (local_first < 0 || local_first > *last || local_last < *first)
		return true;
	if (local_first >= FREEPORT_PREFER + FREEPORT_PREFER_MIN)
		*last = (unsigned)local_first - 1;
	else
		*first = (unsigned)local_last + 1;
	return *last + 1 >= *first + FREEPORT_PREFER_MIN;
}

unsigned skt_port_preferred(const char *directory, const char *name, int attempt)
{
	uint64_t hash = skt_lease_hash(skt_lease_hash(SKT_LEASE_HASH, directory), name);
	unsigned first, last, port;
	char next[2] = { (char)('a' + attempt), '\0' };

	if (attempt < 0 || attempt >= SKT_PREFERRED || !freeport_range(&first, &last))
		return 0;
	if (attempt > 0)
		hash = skt_lease_hash(hash, next);
	hash ^= hash >> 32; /* the low bits of FNV-1a alone depend on few bits of each byte */
	port = first + (unsigned)(hash % (last - first + 1));
	return skt_service_of_port((uint16_t)port, "TCP") ? port - 1 : port;
}

static int freeport_look(unsigned port, int type)
{
	for (int i = 0; i < 2; i++) {
		struct freeport_want want = { .ip = freeport_every[i], .port = port, .type = type };
		int fd = freeport_bind(&want);

		if (fd < 0 && !freeport_is_absent(fd))
			return fd == -EADDRINUSE ? 0 : fd == -EACCES || fd == -EPERM ? -SKT_E_DENIED : -SKT_E_LIMIT;
		if (fd >= 0)
			skt_close(fd);
	}
	return 1;
}

int skt_port_look(unsigned port, bool udp)
{
	int ret = freeport_look(port, SOCK_STREAM);

	return ret == 1 && udp ? freeport_look(port, SOCK_DGRAM) : ret;
}

/* A search as it goes on. */
struct freeport_hunt {
	struct skt_port_search *search;
	unsigned *ret;
	size_t n, wanted;
	unsigned char seen[(SKT_PORT_MAX + 1) / 8];
};

/* Look at one port, once. Returns 0 or -SKT_E_LIMIT. */
static int freeport_try(struct freeport_hunt *hunt, unsigned port)
{
	unsigned char bit = (unsigned char)(1U << port % 8);
	int state;

	if (hunt->seen[port / 8] & bit)
		return 0;
	hunt->seen[port / 8] |= bit;
	if (hunt->search->leases && skt_leases_of_port(hunt->search->leases, port))
		return 0;
	state = skt_port_look(port, hunt->search->udp);
	if (state == -SKT_E_LIMIT)
		return state;
	hunt->search->n_denied += state == -SKT_E_DENIED;
	if (state == 1)
		hunt->ret[hunt->n++] = port;
	return 0;
}

/* What the kernel would hand out next, or 0. */
static unsigned freeport_pick(void)
{
	struct skt_addr addr;
	unsigned port = 0;

	for (int i = 0; i < 2 && port == 0; i++) {
		struct freeport_want want = { .ip = freeport_every[i], .type = SOCK_STREAM };
		int fd = freeport_bind(&want);

		if (fd >= 0 && skt_addr_of_local(fd, &addr) == 0)
			port = skt_addr_port(&addr);
		if (fd >= 0)
			skt_close(fd);
	}
	return port;
}

static int freeport_scan(struct freeport_hunt *hunt, unsigned first, unsigned last, unsigned begin)
{
	unsigned n = last - first + 1;
	int failed = 0;

	for (unsigned i = 0; i < n && hunt->n < hunt->wanted && failed == 0; i++)
		failed = freeport_try(hunt, first + (begin + i) % n);
	return failed;
}

/* The kernel's picks; when these have become rare, what is left of its range. */
static int freeport_hunt_any(struct freeport_hunt *hunt)
{
	long first = skt_proc_number("sys/net/ipv4/ip_local_port_range", 0);
	long last = skt_proc_number("sys/net/ipv4/ip_local_port_range", 1);
	int failed = 0;

	for (size_t i = 0; i < 2 * hunt->wanted + FREEPORT_TRIES && hunt->n < hunt->wanted && failed == 0; i++) {
		unsigned port = freeport_pick();

		if (port == 0)
			break;
		failed = freeport_try(hunt, port);
	}
	if (failed < 0 || first < 1 || last < first || last > SKT_PORT_MAX)
		return failed;
	return freeport_scan(hunt, (unsigned)first, (unsigned)last, 0);
}

long skt_port_search(struct skt_port_search *search, unsigned *ret, size_t n, struct skt_error *err)
{
	struct freeport_hunt hunt = { .search = search, .ret = ret, .wanted = n };
	unsigned begin = 0;
	int failed;

	search->n_denied = 0;
	if (search->scattered && getrandom(&begin, sizeof(begin), 0) < 0)
		begin = 0;
	if (search->first == 0)
		failed = freeport_hunt_any(&hunt);
	else
		failed = freeport_scan(&hunt, search->first, search->last, begin % (search->last - search->first + 1));
	if (failed < 0)
		return skt_fail(err, SKT_E_LIMIT, errno, _("cannot look for free ports: %s"), strerror(errno));
	return (long)hunt.n;
}

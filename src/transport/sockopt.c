/* SPDX-License-Identifier: Apache-2.0 */
/* Socket options. A TCP socket inherits those of its listener, so they are set once for all that it accepts. */
#include "transport/sockopt.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/message.h"
#include "base/unit.h"
#include "sys/call.h"

enum sockopt_family { OF_ANY, OF_IP4, OF_IP6, OF_IP };

struct sockopt_row {
	const char *key;
	int level, name;
	enum sockopt_family family;
	enum skt_role role;
	int scale;       /* the option's number is divided by this */
	const char *def; /* set also where it is not written: "1" */
};

static const struct sockopt_row sockopt_rows[] = {
	{ "sndbuf", SOL_SOCKET, SO_SNDBUF, OF_ANY, SKT_ROLE_ANY, 2, NULL }, /* the kernel doubles what it is given */
	{ "rcvbuf", SOL_SOCKET, SO_RCVBUF, OF_ANY, SKT_ROLE_ANY, 2, NULL },
	{ "mark", SOL_SOCKET, SO_MARK, OF_ANY, SKT_ROLE_ANY, 1, NULL },
	{ "reuseport", SOL_SOCKET, SO_REUSEPORT, OF_IP, SKT_ROLE_LISTEN, 1, NULL },
	{ "tos", IPPROTO_IP, IP_TOS, OF_IP4, SKT_ROLE_ANY, 1, NULL },
	{ "tos", IPPROTO_IPV6, IPV6_TCLASS, OF_IP6, SKT_ROLE_ANY, 1, NULL },
	{ "ttl", IPPROTO_IP, IP_TTL, OF_IP4, SKT_ROLE_ANY, 1, NULL },
	{ "ttl", IPPROTO_IPV6, IPV6_UNICAST_HOPS, OF_IP6, SKT_ROLE_ANY, 1, NULL },
	{ "broadcast", SOL_SOCKET, SO_BROADCAST, OF_IP, SKT_ROLE_ANY, 1, NULL },
	{ "freebind", IPPROTO_IP, IP_FREEBIND, OF_IP, SKT_ROLE_ANY, 1, NULL },
	{ "v6only", IPPROTO_IPV6, IPV6_V6ONLY, OF_IP6, SKT_ROLE_LISTEN, 1, "1" },
	{ "nodelay", IPPROTO_TCP, TCP_NODELAY, OF_IP, SKT_ROLE_ANY, 1, "1" },
	{ "user-timeout", IPPROTO_TCP, TCP_USER_TIMEOUT, OF_IP, SKT_ROLE_ANY, (int)SKT_MS, NULL },
	{ "rate", SOL_SOCKET, SO_MAX_PACING_RATE, OF_IP, SKT_ROLE_ANY, 8, NULL }, /* bytes; accepted sockets inherit it */
	{ "mss", IPPROTO_TCP, TCP_MAXSEG, OF_IP, SKT_ROLE_ANY, 1, NULL },
	{ "fastopen", IPPROTO_TCP, TCP_FASTOPEN, OF_IP, SKT_ROLE_LISTEN, 1, NULL },
	{ "priority", SOL_SOCKET, SO_PRIORITY, OF_ANY, SKT_ROLE_ANY, 1, NULL }, /* after tos, which sets one of its own */
	{ "defer-accept", IPPROTO_TCP, TCP_DEFER_ACCEPT, OF_IP, SKT_ROLE_LISTEN, (int)SKT_SECOND, NULL },
};

static bool sockopt_fits(const struct sockopt_row *row, int family, enum skt_role role)
{
	static const int wanted[] = { [OF_IP4] = AF_INET, [OF_IP6] = AF_INET6 };

	if (row->role != SKT_ROLE_ANY && row->role != role)
		return false;
	if (row->family == OF_ANY)
		return true;
	if (row->family == OF_IP)
		return family == AF_INET || family == AF_INET6;
	return wanted[row->family] == family;
}

static int sockopt_failed(const char *key, const char *value, struct skt_error *err)
{
	enum skt_err kind = errno == EPERM || errno == EACCES ? SKT_E_DENIED : SKT_E_USAGE;

	(void)skt_fail(err, kind, errno, _("cannot set %s=%s: %s"), key, value, strerror(errno));
	if (kind == SKT_E_DENIED)
		skt_hint(err, "%s", _("that option needs more rights (CAP_NET_ADMIN): run it as root, or leave it out"));
	else if (err && err->sys == ENODEV)
		skt_hint(err, "%s", _("ip link lists those there are"));
	return -(int)kind;
}

static int sockopt_set_int(int fd, int level, int name, int value)
{
	return skt_sys.setsockopt(fd, level, name, &value, sizeof(value));
}

static int sockopt_rows_apply(int fd, int family, const struct skt_endpoint *e, enum skt_role role, struct skt_error *err)
{
	for (size_t i = 0; i < SKT_LENGTH(sockopt_rows); i++) {
		const struct sockopt_row *row = &sockopt_rows[i];
		const struct skt_opt *opt = skt_endpoint_option(e, row->key);
		int64_t value = opt ? opt->number / row->scale : 1;

		if ((!opt && !row->def) || !sockopt_fits(row, family, role) ||
		    (!opt && !skt_scheme_option(skt_endpoint_transport(e), row->key)))
			continue;
		if (opt && value == 0 && opt->number > 0)
			value = 1;
		if (sockopt_set_int(fd, row->level, row->name, (int)(value > INT32_MAX ? INT32_MAX : value)) < 0 && opt)
			return sockopt_failed(row->key, opt->value, err);
	}
	return 0;
}

/* yes: the system's times; a duration: idle time and interval */
static int sockopt_keepalive(int fd, const struct skt_opt *opt, struct skt_error *err)
{
	skt_time time = 0;
	int seconds;

	if (!opt || strcmp(opt->value, "no") == 0)
		return 0;
	if (strcmp(opt->value, "yes") != 0 && skt_duration_parse(opt->value, &time) < 0) {
		(void)skt_fail_at(err, opt->at, _("keepalive=%s is neither yes, no nor a duration"), opt->value);
		skt_hint(err, "%s", _("for example keepalive=30s"));
		return -SKT_E_USAGE;
	}
	seconds = time < SKT_SECOND ? 1 : (int)(time / SKT_SECOND);
	if (sockopt_set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1) < 0 ||
	    (time && (sockopt_set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, seconds) < 0 ||
		      sockopt_set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, seconds) < 0)))
		return sockopt_failed("keepalive", opt->value, err);
	return 0;
}

int skt_sockopt_interface(int fd, const struct skt_endpoint *e, struct skt_error *err)
{
	const struct skt_opt *interface = skt_endpoint_option(e, "interface");

	if (interface && skt_sys.setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface->value,
					    (socklen_t)strlen(interface->value) + 1) < 0)
		return sockopt_failed("interface", interface->value, err);
	return 0;
}

static int sockopt_ip(int fd, int family, const struct skt_endpoint *e, struct skt_error *err)
{
	const struct skt_opt *dscp = skt_endpoint_option(e, "dscp");
	const struct skt_opt *congestion = skt_endpoint_option(e, "congestion");
	bool is_v6 = family == AF_INET6;
	int ret = skt_sockopt_interface(fd, e, err);

	if (ret < 0)
		return ret;
	if (dscp && sockopt_set_int(fd, is_v6 ? IPPROTO_IPV6 : IPPROTO_IP, is_v6 ? IPV6_TCLASS : IP_TOS,
				    (int)dscp->number << 2) < 0)
		return sockopt_failed("dscp", dscp->value, err);
	if (congestion && skt_sockopt_congestion(fd, congestion->value) < 0)
		return sockopt_failed("congestion", congestion->value, err);
	(void)sockopt_set_int(fd, SOL_SOCKET, SO_OOBINLINE, 1); /* urgent bytes are bytes too: nothing-lost */
	return sockopt_keepalive(fd, skt_endpoint_option(e, "keepalive"), err);
}

int skt_sockopt_apply(int fd, int family, const struct skt_endpoint *e, enum skt_role role, struct skt_error *err)
{
	int ret = sockopt_rows_apply(fd, family, e, role, err);

	if (ret == 0 && (family == AF_INET || family == AF_INET6))
		ret = sockopt_ip(fd, family, e, err);
	return ret;
}

int skt_sockopt_not_inherited(int fd, const struct skt_endpoint *e)
{
	const struct skt_opt *priority = skt_endpoint_option(e, "priority");

	return priority ? sockopt_set_int(fd, SOL_SOCKET, SO_PRIORITY, (int)priority->number) : 0;
}

/* What the system uses by default; read once. */
static const char *sockopt_system_congestion(void)
{
	static char name[32];
	ssize_t n;
	int fd;

	if (name[0])
		return name;
	fd = skt_sys.open("/proc/sys/net/ipv4/tcp_congestion_control", O_RDONLY | O_CLOEXEC, 0);
	n = fd < 0 ? 0 : skt_sys.read(fd, name, sizeof(name) - 1);
	skt_close(fd);
	name[n < 0 ? 0 : n] = '\0';
	name[strcspn(name, "\n")] = '\0';
	if (!name[0])
		memcpy(name, "cubic", sizeof("cubic"));
	return name;
}

const char *skt_sockopt_loopback_congestion(const struct skt_endpoint *e)
{
	const char *now = sockopt_system_congestion();

	if (skt_endpoint_option(e, "congestion") || strcmp(now, "cubic") == 0 || strcmp(now, "reno") == 0)
		return NULL;
	return "cubic";
}

int skt_sockopt_congestion(int fd, const char *name)
{
	return skt_sys.setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)strlen(name));
}

bool skt_sockopt_loopback(int fd, const struct skt_addr *addr, const struct skt_endpoint *e)
{
	const char *name;

	if (!skt_addr_is_loopback(addr))
		return false;
	name = skt_sockopt_loopback_congestion(e);
	return name && skt_sockopt_congestion(fd, name) == 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* udp: messages over IP. To dial is to connect(2), so that ICMP errors come back and nobody else is heard; to listen is to bind.
 * Groups of multicast (RFC 1112, RFC 4607) are joined where they are listened on. */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "io/dgconn.h"
#include "io/dgserver.h"
#include "sys/call.h"
#include "transport/connect.h"
#include "transport/inet.h"
#include "transport/listening.h"
#include "transport/regain.h"
#include "transport/sockopt.h"

enum { UDP_BUFFER = 4 * 1024 * 1024 };

static bool udp_is_multicast(const struct skt_addr *a)
{
	if (a->sa.sa_family == AF_INET)
		return IN_MULTICAST(ntohl(a->in.sin_addr.s_addr));
	return a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_MULTICAST(&a->in6.sin6_addr);
}

static bool udp_is_any(const struct skt_addr *a)
{
	static const struct in6_addr any = IN6ADDR_ANY_INIT;

	if (a->sa.sa_family == AF_INET)
		return a->in.sin_addr.s_addr == htonl(INADDR_ANY);
	return memcmp(&a->in6.sin6_addr, &any, sizeof(any)) == 0;
}

static int udp_option_failed(const char *key, const char *value, struct skt_error *err)
{
	int sys = errno;

	(void)skt_fail(err, sys == EPERM || sys == EACCES ? SKT_E_DENIED : SKT_E_USAGE, sys, _("cannot set %s=%s: %s"),
		       key, value, strerror(sys));
	if (sys == ENODEV || sys == EADDRNOTAVAIL)
		skt_hint(err, "%s", _("name the network interface: interface=eth0; ip link lists those there are"));
	return -(int)err->kind;
}

/* The index of interface=, 0 for none. Returns 0 or -SKT_E_USAGE. */
static int udp_interface(const struct skt_endpoint *e, unsigned *ret, struct skt_error *err)
{
	const struct skt_opt *interface = skt_endpoint_option(e, "interface");

	*ret = interface ? if_nametoindex(interface->value) : 0;
	if (!interface || *ret)
		return 0;
	(void)skt_fail_at(err, interface->at, _("no such interface: %s"), interface->value);
	skt_hint(err, "%s", _("ip link lists those there are"));
	return -SKT_E_USAGE;
}

/* Where messages to a group leave, how far they go, and whether we hear them ourselves. */
static int udp_multicast_out(int fd, const struct skt_endpoint *e, const struct skt_addr *to, struct skt_error *err)
{
	bool v6 = to->sa.sa_family == AF_INET6;
	int ttl = (int)skt_endpoint_number(e, "multicast-ttl", 1),
	    loop = (int)skt_endpoint_number(e, "multicast-loop", 1);
	struct ip_mreqn where = { .imr_ifindex = 0 };
	unsigned index;
	int ret = udp_interface(e, &index, err);

	if (ret < 0)
		return ret;
	where.imr_ifindex = (int)index;
	(void)skt_sys.setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MULTICAST_HOPS : IP_MULTICAST_TTL, &ttl,
				 sizeof(ttl));
	(void)skt_sys.setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MULTICAST_LOOP : IP_MULTICAST_LOOP,
				 &loop, sizeof(loop));
	if (index && (v6 ? skt_sys.setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof(index))
			 : skt_sys.setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &where, sizeof(where))) < 0)
		return udp_option_failed("interface", skt_endpoint_string(e, "interface", ""), err);
	return 0;
}

/* Become a member of one group, or of what one source sends to it. */
static int udp_join_one(int fd, const struct skt_addr *group, unsigned index, const struct skt_endpoint *e,
			struct skt_error *err)
{
	const struct skt_opt *source = skt_endpoint_option(e, "source");
	int level = group->sa.sa_family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP, ret;
	struct group_source_req from = { .gsr_interface = index };
	struct group_req any = { .gr_interface = index };
	char text[SKT_ADDR_LENGTH];
	struct skt_addr addr;

	memcpy(&from.gsr_group, group->room, group->len);
	memcpy(&any.gr_group, group->room, group->len);
	if (source && (skt_addr_parse_ip(source->value, NULL, 0, &addr) < 0 || addr.sa.sa_family != group->sa.sa_family))
		return skt_fail_at(err, source->at, _("source=%s is not an address of the group's family"),
				   source->value);
	if (source)
		memcpy(&from.gsr_source, addr.room, addr.len);
	ret = source ? skt_sys.setsockopt(fd, level, MCAST_JOIN_SOURCE_GROUP, &from, sizeof(from))
		     : skt_sys.setsockopt(fd, level, MCAST_JOIN_GROUP, &any, sizeof(any));
	return ret < 0 ? udp_option_failed("join", skt_addr_print_host(group, text), err) : 0;
}

/* The opposite, for an interface that is gone: the kernel keeps such memberships, and a socket has room for few. */
static int udp_leave_one(int fd, const struct skt_addr *group, unsigned index, const struct skt_endpoint *e,
			 struct skt_error *err)
{
	struct group_req any = { .gr_interface = index };

	(void)e, (void)err;
	memcpy(&any.gr_group, group->room, group->len);
	(void)skt_sys.setsockopt(fd, group->sa.sa_family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP, MCAST_LEAVE_GROUP,
				 &any, sizeof(any));
	return 0;
}

typedef int udp_member(int fd, const struct skt_addr *group, unsigned index, const struct skt_endpoint *e,
		       struct skt_error *err);

/* The group that is listened on, and those of join=, as far as they are of the socket's family. */
static int udp_each_group(int fd, const struct skt_endpoint *e, const struct skt_addr *bound, unsigned index,
			  udp_member *member, struct skt_error *err)
{
	int ret = udp_is_multicast(bound) ? member(fd, bound, index, e, err) : 0;

	for (int i = 0; ret == 0 && i < e->n_opt; i++) {
		struct skt_addr group;

		if (strcmp(e->opt[i].spec->key, "join") != 0 ||
		    skt_addr_parse_ip(e->opt[i].value, NULL, 0, &group) < 0 || group.sa.sa_family != bound->sa.sa_family)
			continue;
		if (!udp_is_multicast(&group)) {
			(void)skt_fail_at(err, e->opt[i].at, _("join=%s is not a multicast group"), e->opt[i].value);
			skt_hint(err, "%s", _("groups are 224.0.0.0 to 239.255.255.255, and ff00::/8"));
			return -SKT_E_USAGE;
		}
		ret = member(fd, &group, index, e, err);
	}
	return ret;
}

static int udp_join(int fd, const struct skt_endpoint *e, const struct skt_addr *bound, struct skt_error *err)
{
	unsigned index;
	int all = 0, ret = udp_interface(e, &index, err);

	if (ret < 0)
		return ret;
	/* else a socket hears the groups that any other socket of this machine has joined */
	(void)skt_sys.setsockopt(fd, IPPROTO_IP, IP_MULTICAST_ALL, &all, sizeof(all));
	return udp_each_group(fd, e, bound, index, udp_join_one, err);
}

static int udp_again(int fd, const struct skt_endpoint *e, const struct skt_addr *addr, unsigned before, unsigned now,
		     struct skt_error *err)
{
	int ret = skt_sockopt_interface(fd, e, err);

	if (ret < 0)
		return ret;
	(void)udp_each_group(fd, e, addr, before, udp_leave_one, err);
	return udp_each_group(fd, e, addr, now, udp_join_one, err);
}

/* df=yes: what is longer than the path takes is refused; no: it may be cut on the way. Else the system's own. */
static int udp_fragments(int fd, const struct skt_endpoint *e, int family, struct skt_error *err)
{
	const struct skt_opt *df = skt_endpoint_option(e, "df");
	int how = df && df->number ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT;

	if (df && (family == AF_INET6 ? skt_sys.setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &how, sizeof(how))
				      : skt_sys.setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &how, sizeof(how))) < 0)
		return udp_option_failed("df", df->value, err);
	return 0;
}

/* As large as the system allows: bursts must wait somewhere. Said explicitly, it is left as it was said. */
static void udp_buffers(int fd, const struct skt_endpoint *e)
{
	int size = UDP_BUFFER;

	if (!skt_endpoint_option(e, "rcvbuf"))
		(void)skt_sys.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (!skt_endpoint_option(e, "sndbuf"))
		(void)skt_sys.setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

static int udp_connect(int fd, const struct skt_endpoint *e, const struct skt_addr *to, struct skt_error *err)
{
	int ret = udp_is_multicast(to) ? udp_multicast_out(fd, e, to, err) : 0;

	if (ret == 0)
		ret = udp_fragments(fd, e, to->sa.sa_family, err);
	if (ret == 0)
		ret = skt_inet_bind_source(fd, e, to->sa.sa_family, false, err);
	if (ret == 0 && skt_sys.connect(fd, &to->sa, to->len) < 0) {
		ret = skt_connect_failed(to, errno, err);
		if (err && err->sys == ENETUNREACH && udp_is_multicast(to))
			skt_hint(err, "%s",
				 _("name the network interface: interface=eth0; ip link lists those there are"));
		if (err && err->sys == EACCES)
			skt_hint(err, "%s", _("for a broadcast address say broadcast=yes"));
	}
	return ret;
}

static int udp_start(struct skt_loop *loop, const struct skt_endpoint *e, const struct skt_addr *to,
		     const struct skt_origin *origin, struct skt_stream **ret, struct skt_error *err)
{
	int fd = skt_inet_socket(to->sa.sa_family, SOCK_DGRAM, e, SKT_ROLE_DIAL, err), failed;

	if (fd < 0)
		return fd;
	if (!origin->many)
		udp_buffers(fd, e);
	failed = udp_connect(fd, e, to, err);
	if (failed < 0) {
		skt_close(fd);
		return failed;
	}
	return skt_dgconn_new(loop, fd, to->sa.sa_family, origin->is_tolerant, origin->many, ret, err);
}

static int udp_dial(struct skt_loop *loop, const struct skt_endpoint *e, const struct skt_origin *origin,
		    struct skt_stream **ret, struct skt_error *err)
{
	return skt_inet_dial(loop, e, origin, true, udp_start, ret, err);
}

/* --- listening ---------------------------------------------------------------------------------------------------------- */

/* A bound socket with the endpoint's options; `shares`: others of this program are bound to the same. Returns it, or -kind. */
static int udp_bind(const struct skt_endpoint *e, const struct skt_addr *addr, bool shares, struct skt_error *err)
{
	int fd = skt_inet_socket(addr->sa.sa_family, SOCK_DGRAM, e, SKT_ROLE_LISTEN, err), one = 1, ret;

	if (fd < 0)
		return fd;
	udp_buffers(fd, e);
	if (udp_is_multicast(addr)) /* several programs of a machine may receive one group */
		(void)skt_sys.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (shares)
		(void)skt_sys.setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	ret = skt_sys.bind(fd, &addr->sa, addr->len) < 0 ? skt_listening_failed(addr, errno, err) : 0;
	if (ret < 0 && err && err->sys == EINVAL && udp_is_multicast(addr))
		skt_hint(err, "%s", _("name the network interface: interface=eth0; ip link lists those there are"));
	if (ret == 0)
		ret = udp_fragments(fd, e, addr->sa.sa_family, err);
	if (ret == 0)
		return fd;
	skt_close(fd);
	return ret;
}

static int udp_more(const struct skt_endpoint *e, const struct skt_addr *addr, struct skt_error *err)
{
	return udp_bind(e, addr, true, err);
}

static int udp_listen_one(struct skt_listener *l, const struct skt_endpoint *e, const struct skt_addr *addr,
			  struct skt_error *err)
{
	int fd = udp_bind(e, addr, false, err), ret;

	if (fd < 0)
		return fd;
	ret = udp_join(fd, e, addr, err);
	if (ret < 0) {
		skt_close(fd);
		return ret;
	}
	return skt_dgserver_add(l, fd, addr->sa.sa_family, udp_is_any(addr), err);
}

/* What is sent to a group comes to every socket that has joined it: such sockets are read by one thread. */
static bool udp_can_share(const struct skt_endpoint *e, const struct skt_listener *l)
{
	for (int i = 0; i < l->n; i++)
		if (udp_is_multicast(&l->socket[i].addr))
			return false;
	return !skt_endpoint_option(e, "join");
}

static int udp_listener(struct skt_loop *loop, struct skt_listener **ret, struct skt_error *err)
{
	return skt_dgserver_new(loop, "udp", ret, err);
}

/* source= is about a group. */
static int udp_check_source(const struct skt_endpoint *e, const struct skt_listener *l, struct skt_error *err)
{
	const struct skt_opt *source = skt_endpoint_option(e, "source");

	if (!source || skt_endpoint_option(e, "join") || udp_is_multicast(&l->socket[0].addr))
		return 0;
	(void)skt_fail_at(err, source->at, "%s",
			  _("source= without a group: it chooses who of a multicast group is heard"));
	skt_hint(err, "%s", _("listen on the group, or name it: join=232.1.2.3; --allow chooses among other senders"));
	return -SKT_E_USAGE;
}

static int udp_listen(struct skt_loop *loop, const struct skt_endpoint *e, struct skt_listener **ret,
		      struct skt_error *err)
{
	int failed = skt_inet_listen(loop, e, udp_listener, udp_listen_one, ret, err);

	if (failed < 0)
		return failed;
	failed = udp_check_source(e, *ret, err);
	if (failed < 0) {
		skt_listener_free(*ret);
		*ret = NULL;
		return failed;
	}
	if (udp_can_share(e, *ret))
		skt_dgserver_shares(*ret, e, udp_more);
	skt_regain_start(*ret, e, udp_again);
	return 0;
}

const struct skt_transport skt_udp = { .scheme = "udp", .n_fds = 1, .dial = udp_dial, .listen = udp_listen };

/* SPDX-License-Identifier: Apache-2.0 */
/* tcp, tcp4, tcp6: connections over IP. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "sys/call.h"
#include "transport/connect.h"
#include "transport/inet.h"
#include "transport/listening.h"
#include "transport/sockopt.h"
#include "transport/transport.h"

enum { TCP_PORT_TRIES = 16, TCP_BACKLOG = 4096 };

static int tcp_make(const struct skt_endpoint *e, const struct skt_addr *to, struct skt_error *err)
{
	int family = to->sa.sa_family, fd = skt_inet_socket(family, SOCK_STREAM, e, SKT_ROLE_DIAL, err), ret;

	if (fd < 0)
		return fd;
	(void)skt_sockopt_loopback(fd, to, e);
	ret = skt_inet_bind_source(fd, e, family, true, err);
	if (ret < 0)
		skt_close(fd);
	return ret < 0 ? ret : fd;
}

/* Where bytes are to follow at once, they carry the acknowledgement that ends the handshake: one packet less a connection. Not in
 * a race, whose losers are closed. */
static int tcp_start(struct skt_loop *loop, const struct skt_endpoint *e, const struct skt_addr *to,
		     const struct skt_origin *origin, struct skt_stream **ret, struct skt_error *err)
{
	int fd = tcp_make(e, to, err), zero = 0, one = 1;
	bool has_data = origin && origin->has_data;

	if (fd >= 0 && has_data)
		(void)skt_sys.setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &zero, sizeof(zero));
	/* without bytes to send connect(2) would do nothing at all, and a server that speaks first never hear of us */
	if (fd >= 0 && has_data && skt_endpoint_number(e, "fastopen", 0))
		(void)skt_sys.setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof(one));
	return fd < 0 ? fd : skt_connect_new(loop, fd, to, SKT_FD_TCP, ret, err);
}

static int tcp_dial(struct skt_loop *loop, const struct skt_endpoint *e, const struct skt_origin *origin,
		    struct skt_stream **ret, struct skt_error *err)
{
	return skt_inet_dial(loop, e, origin, false, tcp_start, ret, err);
}

static int tcp_listen_one(struct skt_listener *l, const struct skt_endpoint *e, const struct skt_addr *addr,
			  struct skt_error *err)
{
	int fd = skt_inet_socket(addr->sa.sa_family, SOCK_STREAM, e, SKT_ROLE_LISTEN, err), one = 1;

	if (fd < 0)
		return fd;
	(void)skt_sys.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	(void)skt_sockopt_loopback(fd, addr, e);
	return skt_listening_bind(l, fd, addr, (int)skt_endpoint_number(e, "backlog", TCP_BACKLOG), err);
}

/* A connection from this machine to an address that is not loopback's listener still runs over loopback. */
static int tcp_tune(struct skt_listener *l, int fd, const struct skt_addr *peer)
{
	(void)skt_sockopt_loopback(fd, peer, l->tuning);
	return skt_sockopt_not_inherited(fd, l->tuning);
}

/* One try: all addresses on one port. A family that the machine lacks is left out while another works. */
static int tcp_listen_all(struct skt_listener *l, const struct skt_endpoint *e, struct skt_addr *addr, int n,
			  struct skt_error *err)
{
	struct skt_error first = { 0 };

	for (int i = 0; i < n; i++) {
		int ret = tcp_listen_one(l, e, &addr[i], err);

		if (ret == 0 && e->port == 0)
			for (int k = i + 1; k < n; k++)
				skt_addr_port_set(&addr[k], skt_addr_port(&l->socket[l->n - 1].addr));
		if (ret == 0)
			continue;
		if (!skt_inet_is_missing(err))
			return ret;
		if (first.kind == SKT_OK)
			first = *err;
	}
	if (l->n > 0)
		return 0;
	*err = first;
	return -(int)first.kind;
}

static int tcp_listen(struct skt_loop *loop, const struct skt_endpoint *e, struct skt_listener **ret,
		      struct skt_error *err)
{
	struct skt_addr addr[SKT_LISTEN_MAX];
	struct skt_listener *l;
	struct skt_error own;
	int n, failed = 0;

	if (!err)
		err = &own;
	n = skt_inet_listen_addresses(e, addr, err);
	if (n < 0)
		return n;
	for (int i = 0; i < TCP_PORT_TRIES; i++) {
		failed = skt_listener_new(loop, SKT_FD_TCP, "tcp", &l, err);
		if (failed)
			return failed;
		failed = tcp_listen_all(l, e, addr, n, err);
		if (failed == 0)
			break;
		skt_listener_free(l);
		if (failed != -SKT_E_INUSE || e->port != 0)
			return failed;
		for (int k = 0; k < n; k++) /* the other family had the port that the kernel picked: pick again */
			skt_addr_port_set(&addr[k], 0);
	}
	if (failed)
		return failed;
	l->tuning = e;
	if ((skt_sockopt_loopback_congestion(e) && !skt_addr_is_loopback(&l->socket[0].addr)) ||
	    skt_endpoint_option(e, "priority"))
		l->tune = tcp_tune;
	*ret = l;
	return 0;
}

const struct skt_transport skt_tcp = { .scheme = "tcp", .n_fds = 1, .dial = tcp_dial, .listen = tcp_listen };
const struct skt_transport skt_tcp4 = { .scheme = "tcp4", .n_fds = 1, .dial = tcp_dial, .listen = tcp_listen };
const struct skt_transport skt_tcp6 = { .scheme = "tcp6", .n_fds = 1, .dial = tcp_dial, .listen = tcp_listen };

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
#include "transport/regain.h"
#include "transport/sockopt.h"
#include "transport/transport.h"

enum { TCP_BACKLOG = 4096 };

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

static int tcp_listener(struct skt_loop *loop, struct skt_listener **ret, struct skt_error *err)
{
	return skt_listener_new(loop, SKT_FD_TCP, "tcp", ret, err);
}

static int tcp_again(int fd, const struct skt_endpoint *e, const struct skt_addr *addr, unsigned before, unsigned now,
		     struct skt_error *err)
{
	(void)addr, (void)before, (void)now;
	return skt_sockopt_interface(fd, e, err);
}

static int tcp_listen(struct skt_loop *loop, const struct skt_endpoint *e, struct skt_listener **ret,
		      struct skt_error *err)
{
	struct skt_listener *l;
	int failed = skt_inet_listen(loop, e, tcp_listener, tcp_listen_one, &l, err);

	if (failed)
		return failed;
	skt_regain_start(l, e, tcp_again);
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

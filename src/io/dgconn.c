/* SPDX-License-Identifier: Apache-2.0 */
/* A connected datagram socket.
 *
 * How it works: it is watched edge triggered, once. A receive that brought less than a full batch has shown that nothing waits any
 * more. What the socket has no room for waits in `out`, and while anything waits there nobody is asked for more; for unix sockets,
 * whose messages do not get lost, that is the backpressure. An error that an earlier message has caused is told by the next call,
 * whose own message has not left then: it is sent again. */
#include "io/dgconn.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "sys/call.h"

struct skt_dgconn {
	struct skt_dgram g;
	struct skt_loop *loop;
	struct skt_watch watch;
	struct skt_dgsock sock;
	uint8_t ready; /* SKT_IN | SKT_OUT */
};

static const struct skt_stream_ops dgconn_stream_ops;

static struct skt_dgconn *dgconn_of(struct skt_dgram *g)
{
	return SKT_OUTER(g, struct skt_dgconn, g);
}

static const struct skt_dest dgconn_dest;

static void dgconn_event(struct skt_watch *watch, unsigned ready)
{
	struct skt_dgconn *c = SKT_OUTER(watch, struct skt_dgconn, watch);

	if (ready & (SKT_ERR | SKT_HUP))
		ready |= SKT_IN | SKT_OUT;
	c->ready = (uint8_t)(c->ready | (ready & (SKT_IN | SKT_OUT)));
	skt_stream_wake(&c->g.stream);
}

static void dgconn_count_overflows(struct skt_dgconn *c)
{
	c->g.count.overflowed = c->sock.overflows;
}

static int dgconn_receive(struct skt_dgram *g, const struct skt_msg **ret)
{
	struct skt_dgconn *c = dgconn_of(g);
	struct skt_received *r;

	while (c->ready & SKT_IN) {
		int n = skt_dgsock_receive(&c->sock, c->loop, &r), trouble;

		if (n > 0) {
			if (r->drained)
				c->ready = (uint8_t)(c->ready & ~SKT_IN);
			dgconn_count_overflows(c);
			n = skt_dgram_leave_cut(g, r);
			if (n == 0)
				continue;
			if (n < 0)
				return n;
			g->count.in += skt_msgs_count(r->msg, n);
			*ret = r->msg;
			return n;
		}
		if (n == -SKT_AGAIN)
			c->ready = (uint8_t)(c->ready & ~SKT_IN);
		if (n != -SKT_E_IO)
			return n;
		trouble = skt_dgram_trouble(g, errno, 0, 0);
		if (trouble < 0)
			return trouble;
	}
	return -SKT_AGAIN;
}

/* What the path takes, for the error: the kernel knows it once it was told, or for the interface. */
static int dgconn_limit(const struct skt_dgconn *c)
{
	struct skt_addr to;
	int mtu = 0;
	socklen_t n = sizeof(mtu);
	bool v6;

	if (!c->sock.is_udp || skt_addr_of_peer(c->sock.fd, &to) < 0)
		return 0;
	v6 = to.sa.sa_family == AF_INET6;
	if (skt_sys.getsockopt(c->sock.fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MTU : IP_MTU, &mtu, &n) < 0)
		return SKT_UDP_MAX;
	mtu -= v6 ? 48 : 28;
	return mtu > SKT_UDP_MAX ? SKT_UDP_MAX : mtu;
}

/* Send from a list, as far as that goes now. Returns 0 or -kind. */
static int dgconn_pass(struct skt_dgconn *c, struct skt_rest *rest)
{
	int again = 0;

	for (;;) {
		int sys, trouble;

		c->g.count.out += skt_dgsock_send(&c->sock, &dgconn_dest, rest, &sys);
		if (rest->n == 0)
			return 0;
		if (again == 0 && sys != ECONNREFUSED && skt_dgram_is_passing(sys)) {
			again++;
			continue;
		}
		trouble = skt_dgram_trouble(&c->g, sys, skt_rest_size(rest), sys == EMSGSIZE ? dgconn_limit(c) : 0);
		if (trouble == -SKT_AGAIN) {
			c->ready = (uint8_t)(c->ready & ~SKT_OUT);
			return 0;
		}
		if (trouble < 0)
			return trouble;
		/* an ICMP error of before is told instead of sending: the message has not left, and is tried once more */
		if (sys == ECONNREFUSED && again < 2) {
			again++;
			continue;
		}
		again = 0;
		skt_rest_skip(rest);
		if (rest->n == 0)
			return 0;
	}
}

static int dgconn_keep(struct skt_dgconn *c, struct skt_rest rest)
{
	c->g.count.dropped += skt_dgqueue_add_rest(&c->g.out, rest);
	return 0;
}

static bool dgconn_is_clear(struct skt_dgram *g)
{
	struct skt_dgconn *c = dgconn_of(g);

	while (!skt_dgqueue_is_empty(&g->out) && (c->ready & SKT_OUT)) {
		struct skt_msg msg[SKT_BATCH];
		int n = skt_dgqueue_peek(&g->out, msg, SKT_BATCH);
		struct skt_rest rest = { .msg = msg, .n = n };

		if (dgconn_pass(c, &rest) < 0) { /* the next send tells */
			g->count.dropped += skt_dgqueue_release(&g->out);
			return true;
		}
		skt_dgqueue_drop(&g->out, n - rest.n);
		if (rest.n > 0)
			break;
	}
	return skt_dgqueue_is_empty(&g->out);
}

static int dgconn_send(struct skt_dgram *g, const struct skt_msg *msg, int n)
{
	struct skt_dgconn *c = dgconn_of(g);
	struct skt_rest rest = { .msg = msg, .n = n };
	int r;

	if (!dgconn_is_clear(g))
		return dgconn_keep(c, rest);
	r = dgconn_pass(c, &rest);
	return r < 0 ? r : dgconn_keep(c, rest);
}

static void dgconn_free(struct skt_stream *s)
{
	struct skt_dgconn *c = dgconn_of(skt_dgram_of(s));

	skt_loop_forget(c->loop, &c->watch);
	skt_close(c->sock.fd);
	(void)skt_dgqueue_release(&c->g.in);
	(void)skt_dgqueue_release(&c->g.out);
	skt_free(c);
}

static const struct skt_stream_ops dgconn_stream_ops = {
	.name = "dgconn",
	.read = skt_dgram_read,
	.write = skt_dgram_write,
	.shut = skt_dgram_shut,
	.free = dgconn_free,
};

static const struct skt_dgram_ops dgconn_ops = {
	.receive = dgconn_receive,
	.send = dgconn_send,
	.is_clear = dgconn_is_clear,
};

int skt_dgconn_new(struct skt_loop *loop, int fd, int family, bool tolerant, bool many, struct skt_stream **ret,
		   struct skt_error *err)
{
	struct skt_dgconn *c = SKT_NEW(struct skt_dgconn);

	if (!c) {
		skt_close(fd);
		return skt_fail_memory(err);
	}
	c->g.stream.ops = &dgconn_stream_ops;
	c->g.stream.flags = SKT_STREAM_MESSAGES | SKT_STREAM_DGRAM;
	c->g.ops = &dgconn_ops;
	c->g.is_tolerant = tolerant;
	c->g.drops_long = tolerant && many;
	c->loop = loop;
	c->ready = SKT_OUT;
	c->watch = (struct skt_watch){ .fd = fd, .fn = dgconn_event };
	skt_dgsock_init(&c->sock, fd, family, false, false);
	if (skt_loop_watch(loop, &c->watch, SKT_EDGE) < 0) {
		int sys = errno;

		skt_close(fd);
		skt_free(c);
		return skt_fail(err, SKT_E_LIMIT, sys, _("cannot watch a descriptor: %s"), strerror(sys));
	}
	*ret = &c->g.stream;
	return 0;
}

int skt_dgconn_fd(const struct skt_stream *s)
{
	if (s->ops != &dgconn_stream_ops)
		return -1;
	return SKT_OUTER(s, const struct skt_dgconn, g.stream)->sock.fd;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* One peer of a datagram socket, as a stream of messages.
 *
 * What it sends is pushed or queued by the server; what is sent to it leaves by the server's socket, from the address that it had
 * asked. What the socket has no room for waits here, and the server tries again. */
#include "io/dgsession.h"

#include <errno.h>
#include <string.h>
#include <sys/un.h>

#include "base/alloc.h"

static struct skt_dgsession *session_of(struct skt_dgram *g)
{
	return SKT_OUTER(g, struct skt_dgsession, g);
}

void skt_dgsession_unpend(struct skt_dgsession *s)
{
	struct skt_dgserver *v = s->server;
	struct skt_dgsession **at = &v->first_pending, *before = NULL;

	if (!s->is_pending)
		return;
	for (; *at != s; at = &(*at)->pending)
		before = *at;
	*at = s->pending;
	if (v->last_pending == s)
		v->last_pending = before;
	v->n_pending--;
	s->is_pending = false;
}

static void session_untouch(struct skt_dgsession *s)
{
	struct skt_dgsession **at = &s->server->touched;

	if (!s->is_touched)
		return;
	while (*at && *at != s)
		at = &(*at)->touched;
	if (*at)
		*at = s->touched;
	s->is_touched = false;
}

static void session_free(struct skt_stream *stream)
{
	struct skt_dgsession *s = session_of(skt_dgram_of(stream));
	struct skt_dgserver *v = s->server;

	session_untouch(s);
	skt_dgsession_unpend(s);
	skt_dgring_remove(&s->by_age);
	if (v->merged == s)
		v->merged = NULL;
	else
		skt_dgpeers_take_out(v, s);
	(void)skt_dgqueue_release(&s->g.in);
	(void)skt_dgqueue_release(&s->g.out);
	skt_free(s);
	v->n_sessions--;
	skt_dgserver_unref(v);
}

/* At the end of what was received, for one that was given up. */
static int session_receive(struct skt_dgram *g, const struct skt_msg **ret)
{
	static _Thread_local struct skt_msg msg[SKT_BATCH];
	struct skt_dgsession *s = session_of(g);
	int n;

	skt_dgqueue_drop(&g->in, s->n_lent); /* what the last call gave is done with */
	n = skt_dgqueue_peek(&g->in, msg, SKT_BATCH);
	s->n_lent = (uint8_t)n;
	if (n == 0 && s->server->is_held) { /* the next message of a unix socket is asked for */
		s->server->resume.fn = skt_dgserver_resume;
		skt_loop_defer(s->server->listener.loop, &s->server->resume);
	}
	if (n == 0)
		return s->is_given_up ? 0 : -SKT_AGAIN;
	*ret = msg;
	return n;
}

/* Send from a list, as far as that goes now. Returns 0 or -kind. */
static int session_pass(struct skt_dgsession *s, struct skt_rest *rest)
{
	struct skt_dgserver *v = s->server;
	struct skt_dest to = { .peer = (const struct sockaddr *)(const void *)s->peer,
			       .peer_len = s->peer_len,
			       .local = s->local.family ? &s->local : NULL };
	int again = 0;

	for (;;) {
		int sys, trouble;

		s->g.count.out += skt_dgsock_send(&v->sock[s->socket], &to, rest, &sys);
		if (rest->n == 0)
			return 0;
		if (skt_dgram_is_passing(sys) && again++ < 2)
			continue; /* another peer's error, told to whoever comes next */
		trouble = skt_dgram_trouble(&s->g, sys, skt_rest_size(rest), sys == EMSGSIZE ? SKT_UDP_MAX : 0);
		if (trouble == -SKT_AGAIN)
			return 0;
		if (trouble < 0)
			return trouble;
		again = 0;
		skt_rest_skip(rest);
		if (rest->n == 0)
			return 0;
	}
}

/* Until the socket has room. */
static int session_keep(struct skt_dgsession *s, struct skt_rest rest)
{
	if (rest.n == 0)
		return 0;
	s->g.count.dropped += skt_dgqueue_add_rest(&s->g.out, rest);
	if (!skt_timer_is_set(&s->server->retry))
		(void)skt_loop_after(s->server->listener.loop, &s->server->retry, SKT_DGSERVER_RETRY, skt_dgserver_retry);
	return 0;
}

static bool session_is_clear(struct skt_dgram *g)
{
	struct skt_dgsession *s = session_of(g);

	while (!skt_dgqueue_is_empty(&g->out)) {
		struct skt_msg msg[SKT_BATCH];
		int n = skt_dgqueue_peek(&g->out, msg, SKT_BATCH);
		struct skt_rest rest = { .msg = msg, .n = n };

		if (session_pass(s, &rest) < 0) {
			g->count.dropped += skt_dgqueue_release(&g->out);
			return true;
		}
		skt_dgqueue_drop(&g->out, n - rest.n);
		if (rest.n > 0)
			return false;
	}
	return true;
}

static int session_send(struct skt_dgram *g, const struct skt_msg *msg, int n)
{
	struct skt_dgsession *s = session_of(g);
	struct skt_rest rest = { .msg = msg, .n = n };
	int r;

	if (s->peer_len <= sizeof(sa_family_t)) { /* nobody has spoken yet, or a peer without a name */
		g->count.dropped += (uint32_t)skt_msgs_count(msg, n);
		return 0;
	}
	if (!s->is_answered && s->server->merged != s && !s->is_given_up) {
		s->is_answered = true;
		skt_dgring_append(&s->server->answered, &s->by_age);
	}
	if (!session_is_clear(g))
		return session_keep(s, rest);
	r = session_pass(s, &rest);
	return r < 0 ? r : session_keep(s, rest);
}

static const struct skt_stream_ops session_stream_ops = {
	.name = "session",
	.read = skt_dgram_read,
	.write = skt_dgram_write,
	.shut = skt_dgram_shut,
	.free = session_free,
};

static const struct skt_dgram_ops session_ops = {
	.receive = session_receive,
	.send = session_send,
	.is_clear = session_is_clear,
};

/* One for any peer where `peer` is NULL: room for the largest address. */
struct skt_dgsession *skt_dgsession_new(struct skt_dgserver *v, const struct skt_addr *peer)
{
	size_t room = peer ? peer->len : sizeof(((struct skt_addr *)0)->room);
	struct skt_dgsession *s = skt_zalloc(sizeof(*s) + room);

	if (!s)
		return NULL;
	s->g.stream.ops = &session_stream_ops;
	s->g.stream.flags = SKT_STREAM_MESSAGES | SKT_STREAM_DGRAM;
	s->g.ops = &session_ops;
	s->g.is_tolerant = true;
	s->g.drops_long = true;
	s->server = v;
	skt_dgring_init(&s->by_age);
	v->n_sessions++;
	return s;
}

void skt_dgsession_pend(struct skt_dgsession *s)
{
	struct skt_dgserver *v = s->server;

	s->is_pending = true;
	if (v->last_pending)
		v->last_pending->pending = s;
	else
		v->first_pending = s;
	v->last_pending = s;
	v->n_pending++;
}

int skt_dgserver_local(const struct skt_stream *stream, struct skt_addr *ret)
{
	const struct skt_dgsession *s = SKT_OUTER(stream, const struct skt_dgsession, g.stream);

	if (stream->ops != &session_stream_ops)
		return -1;
	*ret = s->server->listener.socket[s->socket].addr;
	if (s->local.family == AF_INET)
		ret->in.sin_addr = s->local.v4;
	else if (s->local.family == AF_INET6)
		ret->in6.sin6_addr = s->local.v6;
	return 0;
}

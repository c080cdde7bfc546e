/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions: the peers of a datagram socket, each as a stream of messages.
 *
 * How it works: what is received is sorted by peer (and by the local address that was asked, so that answers leave from there), and
 * each session gets its part of the batch in one piece. Where its link can take messages at once it is handed on from the receive
 * buffer itself; else it waits in the session's queue, which has a bound. An unknown peer makes a new session, which waits to be
 * accepted like a connection.
 *
 * At the limit of sessions (the relay pauses us) a new peer takes the place of another: of the one that was silent longest among those
 * that never had an answer, or, where all had one, of one that was silent for SERVER_SPARED. So a flood from many addresses, which
 * nobody answers, only chases itself. Where nobody can go, the newcomer's message is dropped and counted.
 *
 * The order in a batch: first every session gets its messages, then those that must be woken are, then new ones are offered. Waking may
 * receive on other sockets of this thread, which reuses the batch's memory, and may free sessions.
 *
 * The sockets live as long as the listener or any session: closing the listener only ends the coming of new peers. */
#include "io/dgserver.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#include "base/alloc.h"
#include "base/message.h"
#include "sys/call.h"

#define SERVER_SPARED (10 * SKT_SECOND)
#define SERVER_RETRY (2 * SKT_MS)

enum { SERVER_ROUNDS = 16, SERVER_PENDING = 256, SERVER_LEAST_SLOTS = 64 };

/* Session rings: of one list each, by when they last received, the oldest first. */
struct ring {
	struct ring *next, *last;
};

struct session {
	struct skt_dgram g;
	struct server *server;
	struct ring by_age;      /* of the server's quiet or answered sessions */
	struct session *touched; /* the next one that this batch has touched */
	struct session *pending; /* the next one that waits to be accepted */
	skt_time heard_at;
	struct skt_local local;
	uint32_t hash;
	uint16_t first, last; /* of its messages in this batch, plus one */
	uint8_t socket, n_lent;
	bool is_touched, is_pending, is_answered, is_given_up, wants_wake;
	socklen_t peer_len;
	char peer[]; /* struct sockaddr */
};

struct server {
	struct skt_listener listener;
	struct skt_dgsock sock[SKT_LISTEN_MAX];
	uint8_t family[SKT_LISTEN_MAX];
	bool is_any[SKT_LISTEN_MAX];
	struct session **slot; /* a hash table, at least half of it free */
	size_t n_slots, n_sessions;
	struct ring quiet, answered;
	struct session *first_pending, *last_pending, *touched;
	size_t n_pending;
	bool is_paused, is_closed, is_busy, has_told;
	bool is_held;           /* unix: the sockets are not read, because what came is not taken yet */
	struct session *merged; /* the one client of a listener that merges */
	struct skt_timer retry;
	struct skt_task offer;
};

static struct server *server_of(struct skt_listener *l)
{
	return SKT_OUTER(l, struct server, listener);
}

static struct session *session_of(struct skt_dgram *g)
{
	return SKT_OUTER(g, struct session, g);
}

/* --- rings -------------------------------------------------------------------------------------------------------------- */

static void ring_init(struct ring *r)
{
	r->next = r->last = r;
}

static void ring_remove(struct ring *r)
{
	r->next->last = r->last;
	r->last->next = r->next;
	ring_init(r);
}

static void ring_append(struct ring *to, struct ring *r)
{
	ring_remove(r);
	r->next = to;
	r->last = to->last;
	to->last->next = r;
	to->last = r;
}

/* --- the table of peers ------------------------------------------------------------------------------------------------- */

static uint64_t hash_mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15U;
	return hash ^ hash >> 29;
}

static uint32_t hash_of(const struct skt_addr *peer, const struct skt_local *local, int socket)
{
	uint64_t hash = (uint64_t)socket + 1, part;

	if (peer->sa.sa_family == AF_INET) {
		hash = hash_mix(hash, (uint64_t)peer->in.sin_addr.s_addr << 16 | peer->in.sin_port);
	} else {
		for (size_t at = 0; at < peer->len; at += sizeof(part)) {
			part = 0;
			memcpy(&part, peer->room + at, peer->len - at < sizeof(part) ? peer->len - at : sizeof(part));
			hash = hash_mix(hash, part);
		}
	}
	if (local->family == AF_INET)
		hash = hash_mix(hash, local->v4.s_addr);
	for (int i = 0; local->family == AF_INET6 && i < 16; i += 8) {
		memcpy(&part, local->v6.s6_addr + i, sizeof(part));
		hash = hash_mix(hash, part);
	}
	return (uint32_t)(hash >> 16);
}

static bool local_is_same(const struct skt_local *a, const struct skt_local *b)
{
	if (a->family != b->family || a->family == 0)
		return a->family == b->family;
	if (a->family == AF_INET)
		return a->v4.s_addr == b->v4.s_addr;
	return a->interface == b->interface && memcmp(&a->v6, &b->v6, sizeof(a->v6)) == 0;
}

/* An unnamed peer (of a unix socket) cannot be answered, and cannot be told from others: all of them are one. */
static bool session_is(const struct session *s, const struct skt_addr *peer, const struct skt_local *local, int socket)
{
	return s->socket == socket && s->peer_len == peer->len && memcmp(s->peer, peer->room, peer->len) == 0 &&
	       local_is_same(&s->local, local);
}

static struct session *server_find(const struct server *v, const struct skt_addr *peer, const struct skt_local *local,
				   int socket, uint32_t hash)
{
	if (v->n_slots == 0)
		return NULL;
	for (size_t at = hash & (v->n_slots - 1); v->slot[at]; at = (at + 1) & (v->n_slots - 1))
		if (v->slot[at]->hash == hash && session_is(v->slot[at], peer, local, socket))
			return v->slot[at];
	return NULL;
}

static void server_put(struct server *v, struct session *s)
{
	size_t at = s->hash & (v->n_slots - 1);

	while (v->slot[at])
		at = (at + 1) & (v->n_slots - 1);
	v->slot[at] = s;
}

static bool server_reserve(struct server *v)
{
	size_t n = v->n_slots ? 2 * v->n_slots : SERVER_LEAST_SLOTS, before = v->n_slots;
	struct session **old = v->slot, **grown;

	if (2 * (v->n_sessions + 1) <= v->n_slots)
		return true;
	grown = skt_zalloc(n * sizeof(*grown));
	if (!grown)
		return false;
	v->slot = grown;
	v->n_slots = n;
	for (size_t i = 0; i < before; i++)
		if (old[i])
			server_put(v, old[i]);
	skt_free(old);
	return true;
}

/* Take it out, and move those up that stand behind it only because of it. */
static void server_take_out(struct server *v, const struct session *s)
{
	size_t mask = v->n_slots - 1, hole, at;

	if (v->n_slots == 0)
		return;
	for (hole = s->hash & mask; v->slot[hole] != s; hole = (hole + 1) & mask)
		if (!v->slot[hole])
			return;
	for (at = (hole + 1) & mask; v->slot[at]; at = (at + 1) & mask) {
		size_t home = v->slot[at]->hash & mask;

		if (((at - home) & mask) < ((at - hole) & mask))
			continue;
		v->slot[hole] = v->slot[at];
		hole = at;
	}
	v->slot[hole] = NULL;
}

/* --- sessions ----------------------------------------------------------------------------------------------------------- */

static void server_unref(struct server *v);

static void session_unpend(struct session *s)
{
	struct server *v = s->server;
	struct session **at = &v->first_pending, *before = NULL;

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

static void session_untouch(struct session *s)
{
	struct session **at = &s->server->touched;

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
	struct session *s = session_of(skt_dgram_of(stream));
	struct server *v = s->server;

	session_untouch(s);
	session_unpend(s);
	ring_remove(&s->by_age);
	if (v->merged == s)
		v->merged = NULL;
	else
		server_take_out(v, s);
	(void)skt_dgqueue_release(&s->g.in);
	(void)skt_dgqueue_release(&s->g.out);
	skt_free(s);
	v->n_sessions--;
	server_unref(v);
}

/* At the end of what was received, for one that was given up. */
static int session_receive(struct skt_dgram *g, const struct skt_msg **ret)
{
	static _Thread_local struct skt_msg msg[SKT_BATCH];
	struct session *s = session_of(g);
	int n;

	skt_dgqueue_drop(&g->in, s->n_lent); /* what the last call gave is done with */
	n = skt_dgqueue_peek(&g->in, msg, SKT_BATCH);
	s->n_lent = (uint8_t)n;
	if (n == 0)
		return s->is_given_up ? 0 : -SKT_AGAIN;
	*ret = msg;
	return n;
}

static int session_pass(struct session *s, const struct skt_msg *msg, int n)
{
	struct server *v = s->server;
	struct skt_dest to = { .peer = (const struct sockaddr *)(const void *)s->peer,
			       .peer_len = s->peer_len,
			       .local = s->local.family ? &s->local : NULL };
	int done = 0, again = 0;

	while (done < n) {
		int sys, sent = skt_dgsock_send(&v->sock[s->socket], &to, msg + done, n - done, &sys), trouble;

		s->g.count.out += skt_msgs_count(msg + done, sent);
		done += sent;
		if (done == n)
			break;
		if (sys == ECONNREFUSED && again++ < 2)
			continue; /* another peer's error, told to whoever comes next */
		trouble = skt_dgram_trouble(&s->g, sys, msg[done].segment ? msg[done].segment : msg[done].n,
					    sys == EMSGSIZE ? SKT_UDP_MAX : 0);
		if (trouble == -SKT_AGAIN)
			return done;
		if (trouble < 0)
			return trouble;
		done++;
	}
	return done;
}

static void server_retry(struct skt_timer *timer);

/* Until the socket has room. */
static int session_keep(struct session *s, const struct skt_msg *msg, int n)
{
	for (int i = 0; i < n; i++)
		s->g.count.dropped += skt_dgqueue_add(&s->g.out, &msg[i]);
	if (!skt_timer_is_set(&s->server->retry))
		(void)skt_loop_after(s->server->listener.loop, &s->server->retry, SERVER_RETRY, server_retry);
	return 0;
}

static bool session_is_clear(struct skt_dgram *g)
{
	struct session *s = session_of(g);

	while (!skt_dgqueue_is_empty(&g->out)) {
		struct skt_msg msg[SKT_BATCH];
		int n = skt_dgqueue_peek(&g->out, msg, SKT_BATCH), done = session_pass(s, msg, n);

		if (done < 0) {
			g->count.dropped += skt_dgqueue_release(&g->out);
			return true;
		}
		skt_dgqueue_drop(&g->out, done);
		if (done < n)
			return false;
	}
	return true;
}

static int session_send(struct skt_dgram *g, const struct skt_msg *msg, int n)
{
	struct session *s = session_of(g);
	int done;

	if (s->peer_len <= sizeof(sa_family_t)) { /* nobody has spoken yet, or a peer without a name */
		g->count.dropped += (uint32_t)skt_msgs_count(msg, n);
		return 0;
	}
	if (!s->is_answered && s->server->merged != s && !s->is_given_up) {
		s->is_answered = true;
		ring_append(&s->server->answered, &s->by_age);
	}
	if (!session_is_clear(g))
		return session_keep(s, msg, n);
	done = session_pass(s, msg, n);
	if (done < 0)
		return done;
	return done < n ? session_keep(s, msg + done, n - done) : 0;
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
static struct session *session_new(struct server *v, const struct skt_addr *peer)
{
	size_t room = peer ? peer->len : sizeof(((struct skt_addr *)0)->room);
	struct session *s = skt_zalloc(sizeof(*s) + room);

	if (!s)
		return NULL;
	s->g.stream.ops = &session_stream_ops;
	s->g.stream.flags = SKT_STREAM_MESSAGES | SKT_STREAM_DGRAM;
	s->g.ops = &session_ops;
	s->g.is_tolerant = true;
	s->server = v;
	ring_init(&s->by_age);
	v->n_sessions++;
	return s;
}

static void session_pend(struct session *s)
{
	struct server *v = s->server;

	s->is_pending = true;
	if (v->last_pending)
		v->last_pending->pending = s;
	else
		v->first_pending = s;
	v->last_pending = s;
	v->n_pending++;
}

/* --- room for new peers ------------------------------------------------------------------------------------------------- */

static void session_give_up(struct session *s)
{
	s->is_given_up = true;
	s->wants_wake = true;
	s->g.stream.flags |= SKT_STREAM_GONE;
	ring_remove(&s->by_age);
	if (!s->is_touched) {
		s->is_touched = true;
		s->touched = s->server->touched;
		s->server->touched = s;
	}
}

static struct session *ring_first(struct ring *r)
{
	return r->next == r ? NULL : SKT_OUTER(r->next, struct session, by_age);
}

/* Give up one that is accepted, for a newcomer. False where nobody can go. */
static bool server_make_room(struct server *v)
{
	struct session *oldest = NULL;

	for (struct ring *r = v->quiet.next; r != &v->quiet && !oldest; r = r->next)
		if (!SKT_OUTER(r, struct session, by_age)->is_pending)
			oldest = SKT_OUTER(r, struct session, by_age);
	if (!oldest) {
		oldest = ring_first(&v->answered);
		if (oldest && skt_loop_now(v->listener.loop) - oldest->heard_at < SERVER_SPARED)
			oldest = NULL;
	}
	if (oldest)
		session_give_up(oldest);
	return oldest != NULL;
}

/* A peer that nobody knows yet: NULL where it is turned away. */
static struct session *server_welcome(struct server *v, const struct skt_addr *peer, const struct skt_local *local,
				      int socket, uint32_t hash)
{
	struct session *s;

	if (v->is_closed || v->n_pending >= SERVER_PENDING || (v->is_paused && !server_make_room(v)) ||
	    !server_reserve(v))
		return NULL;
	s = session_new(v, peer);
	if (!s)
		return NULL;
	s->hash = hash;
	s->socket = (uint8_t)socket;
	s->local = *local;
	s->peer_len = peer->len;
	memcpy(s->peer, peer->room, peer->len);
	server_put(v, s);
	session_pend(s);
	return s;
}

/* --- receiving ---------------------------------------------------------------------------------------------------------- */

static struct session *server_session(struct server *v, const struct skt_received *r, int i, int socket)
{
	static const struct skt_local none;
	const struct skt_local *local = v->is_any[socket] ? &r->local[i] : &none;
	struct session *s = v->merged;
	uint32_t hash;

	if (v->listener.merges) {
		if (!s)
			return NULL;
		s->socket = (uint8_t)socket;
		s->local = *local;
		s->peer_len = r->peer[i].len;
		memcpy(s->peer, r->peer[i].room, r->peer[i].len);
		return s;
	}
	hash = hash_of(&r->peer[i], local, socket);
	s = server_find(v, &r->peer[i], local, socket, hash);
	if (s && s->is_given_up)
		return NULL;
	return s ? s : server_welcome(v, &r->peer[i], local, socket, hash);
}

static void session_touch(struct session *s)
{
	struct server *v = s->server;

	s->heard_at = skt_loop_now(v->listener.loop);
	if (v->merged != s && !s->is_given_up)
		ring_append(s->is_answered ? &v->answered : &v->quiet, &s->by_age);
	if (s->is_touched)
		return;
	s->is_touched = true;
	s->touched = v->touched;
	v->touched = s;
}

static void server_retry(struct skt_timer *timer);

/* Messages of a unix socket do not get lost: what is not taken stays with the sender, who waits. */
static void server_hold(struct server *v)
{
	v->is_held = true;
	for (int i = 0; v->listener.watching && i < v->listener.n; i++)
		skt_loop_unwatch(v->listener.loop, &v->listener.socket[i].watch);
	v->listener.watching = false;
	if (!skt_timer_is_set(&v->retry))
		(void)skt_loop_after(v->listener.loop, &v->retry, SERVER_RETRY, server_retry);
}

/* Whether everything that came was taken. */
static bool session_has_taken(struct session *s)
{
	if (!skt_dgqueue_is_empty(&s->g.in))
		return false;
	return !s->g.push || s->g.push(s->g.push_user, NULL, 0) != SKT_PUSHED_FULL;
}

static bool server_watch_sockets(struct server *v)
{
	struct skt_listener *l = &v->listener;

	for (int i = 0; !l->watching && i < l->n; i++) {
		if (skt_loop_watch(l->loop, &l->socket[i].watch, SKT_LEVEL) == 0)
			continue;
		while (--i >= 0)
			skt_loop_unwatch(l->loop, &l->socket[i].watch);
		return false;
	}
	l->watching = true;
	return true;
}

/* Go on reading where it was held and all was taken; false where it stays held. */
static bool server_release_hold(struct server *v)
{
	bool taken = v->merged ? session_has_taken(v->merged) : true;

	if (!v->is_held)
		return true;
	for (size_t i = 0; i < v->n_slots && taken; i++)
		taken = !v->slot[i] || session_has_taken(v->slot[i]);
	v->is_held = !(taken && server_watch_sockets(v));
	return !v->is_held;
}

/* Its messages of the batch, in their order, to where they go. */
static void session_deliver(struct session *s, const struct skt_received *r, const uint16_t *next)
{
	struct server *v = s->server;
	struct skt_msg msg[SKT_BATCH];
	enum skt_pushed pushed = SKT_PUSHED_NOT;
	int n = 0;

	for (uint16_t i = s->first; i; i = next[i - 1])
		msg[n++] = r->msg[i - 1];
	s->first = s->last = 0;
	if (n == 0)
		return;
	s->g.count.in += skt_msgs_count(msg, n);
	if (s->g.push && skt_dgqueue_is_empty(&s->g.in))
		pushed = s->g.push(s->g.push_user, msg, n);
	for (int i = 0; pushed == SKT_PUSHED_NOT && i < n; i++)
		s->g.count.dropped += skt_dgqueue_add(&s->g.in, &msg[i]);
	s->wants_wake |= pushed == SKT_PUSHED_NOT;
	if (pushed != SKT_PUSHED_TAKEN && v->family[s->socket] == AF_UNIX)
		server_hold(v);
}

static void server_sort(struct server *v, const struct skt_received *r, int socket, uint16_t *next)
{
	for (int i = 0; i < r->n; i++) {
		struct session *s = server_session(v, r, i, socket);

		next[i] = 0;
		if (!s) {
			v->listener.n_away += skt_msg_count(&r->msg[i]);
			continue;
		}
		if (r->cut[i]) {
			s->g.count.too_long++;
			continue;
		}
		if (s->last)
			next[s->last - 1] = (uint16_t)(i + 1);
		else
			s->first = (uint16_t)(i + 1);
		s->last = (uint16_t)(i + 1);
		session_touch(s);
	}
}

/* Tell those that have something to read; any of them may be freed by that. */
static void server_wake(struct server *v)
{
	struct session *s;

	while ((s = v->touched) != NULL) {
		v->touched = s->touched;
		s->is_touched = false;
		if (!s->wants_wake || s->is_pending)
			continue;
		s->wants_wake = false;
		skt_stream_wake(&s->g.stream);
	}
}

static void server_count_overflows(struct server *v)
{
	uint64_t n = 0;

	for (int i = 0; i < v->listener.n; i++)
		n += v->sock[i].overflows;
	v->listener.n_overflowed = n;
	if (v->merged)
		v->merged->g.count.overflowed = (uint32_t)n;
}

static int server_receive(struct server *v, int socket)
{
	struct skt_received *r;
	uint16_t next[SKT_BATCH];
	int n = skt_dgsock_receive(&v->sock[socket], v->listener.loop, &r);

	if (n <= 0)
		return n;
	server_sort(v, r, socket, next);
	for (struct session *s = v->touched; s; s = s->touched)
		session_deliver(s, r, next);
	server_count_overflows(v);
	return r->drained || v->is_held ? 0 : n;
}

/* An ICMP error, with the address that the message had gone to. Returns false where none is left. */
static bool server_take_error(struct server *v, int socket)
{
	static const struct skt_local none;
	char control[256], data[64];
	struct skt_addr peer = { 0 };
	struct iovec iov = { data, sizeof(data) };
	struct msghdr h = { .msg_name = peer.room,
			    .msg_namelen = sizeof(peer.room),
			    .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct session *s;

	if (skt_sys.recvmsg(v->sock[socket].fd, &h, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
		return false;
	peer.len = h.msg_namelen;
	if (v->listener.merges ||
	    v->is_any[socket]) { /* which of its sessions it was is not told: each that has this peer */
		for (size_t i = 0; i < v->n_slots; i++)
			if (v->slot[i] && v->slot[i]->peer_len == peer.len &&
			    memcmp(v->slot[i]->peer, peer.room, peer.len) == 0)
				v->slot[i]->g.count.refused++;
		if (v->merged)
			v->merged->g.count.refused++;
		return true;
	}
	s = server_find(v, &peer, &none, socket, hash_of(&peer, &none, socket));
	if (s)
		s->g.count.refused++;
	return true;
}

static void server_offer(struct server *v)
{
	if (v->first_pending && !v->is_paused && v->listener.on_ready)
		v->listener.on_ready(v->listener.user);
}

static void server_ready(struct skt_watch *watch, unsigned ready)
{
	struct skt_listening *at = SKT_OUTER(watch, struct skt_listening, watch);
	struct server *v = server_of(at->listener);
	int socket = (int)(at - v->listener.socket), errors = SKT_BATCH;

	v->is_busy = true; /* not freed under our feet */
	while ((ready & SKT_ERR) && errors-- > 0 && server_take_error(v, socket))
		;
	for (int i = 0; i < SERVER_ROUNDS; i++) {
		int n = server_receive(v, socket);

		server_wake(v);
		server_offer(v);
		server_wake(v); /* those who had to make room */
		if (n <= 0)
			break;
	}
	v->is_busy = false;
	if (v->is_closed && v->n_sessions == 0)
		server_unref(v);
}

/* What had no room in the socket: try again. Nothing tells when a peer of a unix socket has room. */
static void server_retry(struct skt_timer *timer)
{
	struct server *v = SKT_OUTER(timer, struct server, retry);
	bool again = false;

	v->is_busy = true;
	for (size_t i = 0; i < v->n_slots; i++) {
		struct session *s = v->slot[i];

		if (!s || skt_dgqueue_is_empty(&s->g.out))
			continue;
		if (!session_is_clear(&s->g)) {
			again = true;
			continue;
		}
		s->wants_wake = true;
		session_touch(s);
	}
	if (v->merged && !session_is_clear(&v->merged->g))
		again = true;
	server_wake(v);
	v->is_busy = false;
	again |= !server_release_hold(v);
	if (again)
		(void)skt_loop_after(v->listener.loop, &v->retry, SERVER_RETRY, server_retry);
	if (v->is_closed && v->n_sessions == 0)
		server_unref(v);
}

/* --- as a listener ------------------------------------------------------------------------------------------------------ */

static int server_accept(struct skt_listener *l, struct skt_stream **ret, struct skt_addr *peer, struct skt_error *err)
{
	struct server *v = server_of(l);
	struct session *s = v->first_pending;

	(void)err;
	if (!s)
		return -SKT_AGAIN;
	session_unpend(s);
	*peer = (struct skt_addr){ .len = s->peer_len };
	memcpy(peer->room, s->peer, s->peer_len);
	*ret = &s->g.stream;
	return 0;
}

/* The one client of a listener that merges is there before anybody has spoken: a recorder waits for its first message. */
static int server_merge(struct server *v)
{
	struct session *s;

	if (!v->listener.merges || v->merged || v->is_closed || v->has_told)
		return 0;
	s = session_new(v, NULL);
	if (!s)
		return -SKT_E_LIMIT;
	v->merged = s;
	v->has_told = true;
	session_pend(s);
	return 0;
}

static void server_offer_later(struct skt_task *task)
{
	struct server *v = SKT_OUTER(task, struct server, offer);

	v->is_busy = true;
	server_offer(v);
	server_wake(v);
	v->is_busy = false;
	server_unref(v);
}

static int server_watch(struct skt_listener *l)
{
	struct server *v = server_of(l);

	v->is_paused = false;
	if (server_merge(v) < 0)
		return -SKT_E_LIMIT;
	if (!v->is_held && !server_watch_sockets(v))
		return -SKT_E_LIMIT;
	if (v->first_pending) {
		v->offer.fn = server_offer_later;
		skt_loop_defer(l->loop, &v->offer);
	}
	return 0;
}

/* No new clients for now; those that there are go on. Each that waits already takes the place of another, where one can go. */
static void server_pause(struct skt_listener *l)
{
	struct server *v = server_of(l);
	size_t n = v->n_pending;

	v->is_paused = true;
	while (n-- > 0 && server_make_room(v))
		;
	if (!v->is_busy)
		server_wake(v);
}

static void server_destroy(struct server *v)
{
	skt_loop_clear(v->listener.loop, &v->retry);
	skt_loop_undefer(v->listener.loop, &v->offer);
	for (int i = 0; i < v->listener.n; i++) {
		if (v->listener.watching)
			skt_loop_unwatch(v->listener.loop, &v->listener.socket[i].watch);
		skt_close(v->listener.socket[i].watch.fd);
	}
	skt_free(v->slot);
	skt_free(v->listener.path);
	skt_free(v);
}

static void server_unref(struct server *v)
{
	if (v->is_closed && v->n_sessions == 0 && !v->is_busy)
		server_destroy(v);
}

static void server_free(struct skt_listener *l)
{
	struct server *v = server_of(l);

	if (v->is_closed)
		return;
	skt_listener_remove_file(l);
	l->on_ready = NULL;
	while (v->first_pending) /* nobody will accept them */
		skt_stream_free(&v->first_pending->g.stream);
	v->is_closed = true;
	server_unref(v);
}

static int server_share(struct skt_listener *l, struct skt_loop *loop, struct skt_listener **ret, struct skt_error *err);

static const struct skt_listener_ops server_ops = {
	.accept = server_accept,
	.watch = server_watch,
	.pause = server_pause,
	.share = server_share,
	.free = server_free,
};

int skt_dgserver_new(struct skt_loop *loop, const char *scheme, struct skt_listener **ret, struct skt_error *err)
{
	struct server *v = SKT_NEW(struct server);

	if (!v)
		return skt_fail_memory(err);
	v->listener.ops = &server_ops;
	v->listener.loop = loop;
	v->listener.scheme = scheme;
	v->listener.is_dgram = true;
	ring_init(&v->quiet);
	ring_init(&v->answered);
	*ret = &v->listener;
	return 0;
}

int skt_dgserver_add(struct skt_listener *l, int fd, int family, bool is_any, struct skt_error *err)
{
	struct server *v = server_of(l);
	int i = l->n, one = 1, ret = skt_listener_add(l, fd, err);

	if (ret < 0)
		return ret;
	l->socket[i].watch.fn = server_ready;
	v->family[i] = (uint8_t)family;
	v->is_any[i] = is_any;
	skt_dgsock_init(&v->sock[i], fd, family, true, is_any);
	if (family == AF_UNIX)
		v->sock[i].most = 1;
	if (family == AF_INET)
		(void)skt_sys.setsockopt(fd, IPPROTO_IP, IP_RECVERR, &one, sizeof(one));
	else if (family == AF_INET6)
		(void)skt_sys.setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &one, sizeof(one));
	return 0;
}

/* Each thread has sockets of its own on the same addresses (SO_REUSEPORT): the kernel spreads the peers over them, and each peer always
 * comes to the same. */
static int server_share_one(struct server *v, int i, struct skt_listener *view, struct skt_error *err)
{
	const struct skt_addr *addr = &v->listener.socket[i].addr;
	int one = 1, fd = skt_sys.socket(addr->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && addr->sa.sa_family == AF_INET6)
		(void)skt_sys.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (fd < 0 || skt_sys.setsockopt(v->sock[i].fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) < 0 ||
	    skt_sys.setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) < 0 ||
	    skt_sys.bind(fd, &addr->sa, addr->len) < 0) {
		int sys = errno;

		skt_close(fd);
		return skt_fail(err, SKT_E_LIMIT, sys, _("cannot share a socket: %s"), strerror(sys));
	}
	return skt_dgserver_add(view, fd, v->family[i], v->is_any[i], err);
}

static int server_share(struct skt_listener *l, struct skt_loop *loop, struct skt_listener **ret, struct skt_error *err)
{
	struct server *v = server_of(l);
	struct skt_listener *view = NULL;
	int failed = skt_dgserver_new(loop, l->scheme, &view, err);

	if (failed < 0)
		return failed;
	for (int i = 0; failed == 0 && i < l->n; i++)
		failed = v->family[i] == AF_UNIX
				 ? skt_fail(err, SKT_E_LIMIT, 0, "%s", _("a unix socket cannot be shared by threads"))
				 : server_share_one(v, i, view, err);
	if (failed < 0)
		skt_listener_free(view);
	else
		*ret = view;
	return failed;
}

int skt_dgserver_local(const struct skt_stream *stream, struct skt_addr *ret)
{
	const struct session *s = SKT_OUTER(stream, const struct session, g.stream);

	if (stream->ops != &session_stream_ops)
		return -1;
	*ret = s->server->listener.socket[s->socket].addr;
	if (s->local.family == AF_INET)
		ret->in.sin_addr = s->local.v4;
	else if (s->local.family == AF_INET6)
		ret->in6.sin6_addr = s->local.v6;
	return 0;
}

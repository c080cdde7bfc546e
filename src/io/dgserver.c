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
#include <linux/errqueue.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#include "base/alloc.h"
#include "base/message.h"
#include "io/dgsession.h"
#include "sys/call.h"

#define SERVER_SPARED (10 * SKT_SECOND)

enum { SERVER_ROUNDS = 16, SERVER_PENDING = 256 };

static struct skt_dgserver *server_of(struct skt_listener *l)
{
	return SKT_OUTER(l, struct skt_dgserver, listener);
}

/* --- room for new peers ------------------------------------------------------------------------------------------------- */

static void session_give_up(struct skt_dgsession *s)
{
	s->is_given_up = true;
	s->wants_wake = true;
	s->g.stream.flags |= SKT_STREAM_GONE;
	skt_dgring_remove(&s->by_age);
	if (!s->is_touched) {
		s->is_touched = true;
		s->touched = s->server->touched;
		s->server->touched = s;
	}
}

static struct skt_dgsession *ring_first(struct skt_dgring *r)
{
	return r->next == r ? NULL : SKT_OUTER(r->next, struct skt_dgsession, by_age);
}

/* Give up one that is accepted, for a newcomer. False where nobody can go. */
static bool server_make_room(struct skt_dgserver *v)
{
	struct skt_dgsession *oldest = NULL;

	for (struct skt_dgring *r = v->quiet.next; r != &v->quiet && !oldest; r = r->next)
		if (!SKT_OUTER(r, struct skt_dgsession, by_age)->is_pending)
			oldest = SKT_OUTER(r, struct skt_dgsession, by_age);
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
static struct skt_dgsession *server_welcome(struct skt_dgserver *v, const struct skt_addr *peer,
					    const struct skt_local *local, int socket, uint32_t hash)
{
	struct skt_dgsession *s;

	if (v->is_closed || v->n_pending >= SERVER_PENDING || (v->is_paused && !server_make_room(v)) ||
	    !skt_dgpeers_reserve(v))
		return NULL;
	s = skt_dgsession_new(v, peer);
	if (!s)
		return NULL;
	s->hash = hash;
	s->socket = (uint8_t)socket;
	s->local = *local;
	s->peer_len = peer->len;
	memcpy(s->peer, peer->room, peer->len);
	skt_dgpeers_put(v, s);
	skt_dgsession_pend(s);
	return s;
}

/* --- receiving ---------------------------------------------------------------------------------------------------------- */

static struct skt_dgsession *server_session(struct skt_dgserver *v, const struct skt_received *r, int i, int socket)
{
	static const struct skt_local none;
	const struct skt_local *local = v->is_any[socket] ? &r->local[i] : &none;
	struct skt_dgsession *s = v->merged;
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
	hash = skt_dgpeers_hash(&r->peer[i], local, socket);
	s = skt_dgpeers_find(v, &r->peer[i], local, socket, hash);
	if (s && s->is_given_up)
		return NULL;
	return s ? s : server_welcome(v, &r->peer[i], local, socket, hash);
}

static void session_touch(struct skt_dgsession *s)
{
	struct skt_dgserver *v = s->server;

	s->heard_at = skt_loop_now(v->listener.loop);
	if (v->merged != s && !s->is_given_up)
		skt_dgring_append(s->is_answered ? &v->answered : &v->quiet, &s->by_age);
	if (s->is_touched)
		return;
	s->is_touched = true;
	s->touched = v->touched;
	v->touched = s;
}

/* Messages of a unix socket do not get lost: what is not taken stays with the sender, who waits. */
static void server_hold(struct skt_dgserver *v)
{
	v->is_held = true;
	for (int i = 0; v->listener.watching && i < v->listener.n; i++)
		skt_loop_unwatch(v->listener.loop, &v->listener.socket[i].watch);
	v->listener.watching = false;
	if (!skt_timer_is_set(&v->retry))
		(void)skt_loop_after(v->listener.loop, &v->retry, SKT_DGSERVER_RETRY, skt_dgserver_retry);
}

/* Whether everything that came was taken. */
static bool session_has_taken(struct skt_dgsession *s)
{
	if (!skt_dgqueue_is_empty(&s->g.in))
		return false;
	return !s->g.push || s->g.push(s->g.push_user, NULL, 0) != SKT_PUSHED_FULL;
}

static bool server_watch_sockets(struct skt_dgserver *v)
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
static bool server_release_hold(struct skt_dgserver *v)
{
	bool taken = v->merged ? session_has_taken(v->merged) : true;

	if (!v->is_held)
		return true;
	for (size_t i = 0; i < v->n_slots && taken; i++)
		taken = !v->slot[i] || session_has_taken(v->slot[i]);
	v->is_held = !(taken && server_watch_sockets(v));
	return !v->is_held;
}

void skt_dgserver_resume(struct skt_task *task)
{
	(void)server_release_hold(SKT_OUTER(task, struct skt_dgserver, resume));
}

/* Its messages of the batch, in their order, to where they go. */
static void session_deliver(struct skt_dgsession *s, const struct skt_received *r, const uint16_t *next)
{
	struct skt_dgserver *v = s->server;
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

static void server_sort(struct skt_dgserver *v, const struct skt_received *r, int socket, uint16_t *next)
{
	for (int i = 0; i < r->n; i++) {
		struct skt_dgsession *s = server_session(v, r, i, socket);

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
static void server_wake(struct skt_dgserver *v)
{
	struct skt_dgsession *s;

	while ((s = v->touched) != NULL) {
		v->touched = s->touched;
		s->is_touched = false;
		if (!s->wants_wake || s->is_pending)
			continue;
		s->wants_wake = false;
		skt_stream_wake(&s->g.stream);
	}
}

static void server_count_overflows(struct skt_dgserver *v)
{
	uint64_t n = 0;

	for (int i = 0; i < v->listener.n; i++)
		n += v->sock[i].overflows;
	v->listener.n_overflowed = n;
	if (v->merged)
		v->merged->g.count.overflowed = (uint32_t)n;
}

static int server_receive(struct skt_dgserver *v, int socket)
{
	struct skt_received *r;
	uint16_t next[SKT_BATCH];
	int n = skt_dgsock_receive(&v->sock[socket], v->listener.loop, &r);

	if (n <= 0)
		return n;
	server_sort(v, r, socket, next);
	for (struct skt_dgsession *s = v->touched; s; s = s->touched)
		session_deliver(s, r, next);
	server_count_overflows(v);
	return r->drained || v->is_held ? 0 : n;
}

static void server_count_error(struct skt_dgcount *count, int sys)
{
	if (sys == EMSGSIZE)
		count->too_long++;
	else
		count->refused++;
}

/* The errno of what was read from an error queue; 0: it does not say. */
static int server_error_of(struct msghdr *h)
{
	struct sock_extended_err e;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c))
		if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
		    (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR)) {
			memcpy(&e, CMSG_DATA(c), sizeof(e));
			return (int)e.ee_errno;
		}
	return 0;
}

/* An ICMP error, with the address that the message had gone to. Returns false where none is left. */
static bool server_take_error(struct skt_dgserver *v, int socket)
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
	struct skt_dgsession *s;
	int sys;

	if (skt_sys.recvmsg(v->sock[socket].fd, &h, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
		return false;
	sys = server_error_of(&h);
	peer.len = h.msg_namelen;
	if (v->listener.merges ||
	    v->is_any[socket]) { /* which of its sessions it was is not told: each that has this peer */
		for (size_t i = 0; i < v->n_slots; i++)
			if (v->slot[i] && v->slot[i]->peer_len == peer.len &&
			    memcmp(v->slot[i]->peer, peer.room, peer.len) == 0)
				server_count_error(&v->slot[i]->g.count, sys);
		if (v->merged)
			server_count_error(&v->merged->g.count, sys);
		return true;
	}
	s = skt_dgpeers_find(v, &peer, &none, socket, skt_dgpeers_hash(&peer, &none, socket));
	if (s)
		server_count_error(&s->g.count, sys);
	return true;
}

static void server_offer(struct skt_dgserver *v)
{
	if (v->first_pending && !v->is_paused && v->listener.on_ready)
		v->listener.on_ready(v->listener.user);
}

static void server_ready(struct skt_watch *watch, unsigned ready)
{
	struct skt_listening *at = SKT_OUTER(watch, struct skt_listening, watch);
	struct skt_dgserver *v = server_of(at->listener);
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
		skt_dgserver_unref(v);
}

/* What had no room in the socket: try again. Nothing tells when a peer of a unix socket has room. */
void skt_dgserver_retry(struct skt_timer *timer)
{
	struct skt_dgserver *v = SKT_OUTER(timer, struct skt_dgserver, retry);
	bool again = false;

	v->is_busy = true;
	for (size_t i = 0; i < v->n_slots; i++) {
		struct skt_dgsession *s = v->slot[i];

		if (!s || skt_dgqueue_is_empty(&s->g.out))
			continue;
		if (!s->g.ops->is_clear(&s->g)) {
			again = true;
			continue;
		}
		s->wants_wake = true;
		session_touch(s);
	}
	if (v->merged && !v->merged->g.ops->is_clear(&v->merged->g))
		again = true;
	server_wake(v);
	v->is_busy = false;
	again |= !server_release_hold(v);
	if (again)
		(void)skt_loop_after(v->listener.loop, &v->retry, SKT_DGSERVER_RETRY, skt_dgserver_retry);
	if (v->is_closed && v->n_sessions == 0)
		skt_dgserver_unref(v);
}

/* --- as a listener ------------------------------------------------------------------------------------------------------ */

static int server_accept(struct skt_listener *l, struct skt_stream **ret, struct skt_addr *peer, struct skt_error *err)
{
	struct skt_dgserver *v = server_of(l);
	struct skt_dgsession *s = v->first_pending;

	(void)err;
	if (!s)
		return -SKT_AGAIN;
	skt_dgsession_unpend(s);
	*peer = (struct skt_addr){ .len = s->peer_len };
	memcpy(peer->room, s->peer, s->peer_len);
	*ret = &s->g.stream;
	return 0;
}

/* The one client of a listener that merges is there before anybody has spoken: a recorder waits for its first message. */
static int server_merge(struct skt_dgserver *v)
{
	struct skt_dgsession *s;

	if (!v->listener.merges || v->merged || v->is_closed || v->has_told)
		return 0;
	s = skt_dgsession_new(v, NULL);
	if (!s)
		return -SKT_E_LIMIT;
	v->merged = s;
	v->has_told = true;
	skt_dgsession_pend(s);
	return 0;
}

static void server_offer_later(struct skt_task *task)
{
	struct skt_dgserver *v = SKT_OUTER(task, struct skt_dgserver, offer);

	v->is_busy = true;
	server_offer(v);
	server_wake(v);
	v->is_busy = false;
	skt_dgserver_unref(v);
}

static int server_watch(struct skt_listener *l)
{
	struct skt_dgserver *v = server_of(l);

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
	struct skt_dgserver *v = server_of(l);
	size_t n = v->n_pending;

	v->is_paused = true;
	while (n-- > 0 && server_make_room(v))
		;
	if (!v->is_busy)
		server_wake(v);
}

static void server_destroy(struct skt_dgserver *v)
{
	skt_loop_clear(v->listener.loop, &v->retry);
	skt_loop_undefer(v->listener.loop, &v->offer);
	skt_loop_undefer(v->listener.loop, &v->resume);
	skt_listener_end_keeper(&v->listener);
	skt_listener_remove_file(&v->listener); /* not before: peers of unix sockets find the sessions by it */
	for (int i = 0; i < v->listener.n; i++) {
		if (v->listener.watching)
			skt_loop_unwatch(v->listener.loop, &v->listener.socket[i].watch);
		skt_close(v->listener.socket[i].watch.fd);
	}
	skt_free(v->slot);
	skt_free(v->listener.path);
	skt_free(v);
}

void skt_dgserver_unref(struct skt_dgserver *v)
{
	if (v->is_closed && v->n_sessions == 0 && !v->is_busy)
		server_destroy(v);
}

static void server_free(struct skt_listener *l)
{
	struct skt_dgserver *v = server_of(l);

	if (v->is_closed)
		return;
	l->on_ready = NULL;
	while (v->first_pending) /* nobody will accept them */
		skt_stream_free(&v->first_pending->g.stream);
	v->is_closed = true;
	skt_dgserver_unref(v);
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
	struct skt_dgserver *v = SKT_NEW(struct skt_dgserver);

	if (!v)
		return skt_fail_memory(err);
	v->listener.ops = &server_ops;
	v->listener.loop = loop;
	v->listener.scheme = scheme;
	v->listener.is_dgram = true;
	skt_dgring_init(&v->quiet);
	skt_dgring_init(&v->answered);
	*ret = &v->listener;
	return 0;
}

int skt_dgserver_add(struct skt_listener *l, int fd, int family, bool is_any, struct skt_error *err)
{
	struct skt_dgserver *v = server_of(l);
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

void skt_dgserver_shares(struct skt_listener *l, const struct skt_endpoint *e, skt_dgserver_more *more)
{
	server_of(l)->endpoint = e;
	server_of(l)->more = more;
}

/* Each thread has sockets of its own on the same addresses (SO_REUSEPORT): the kernel spreads the peers over them, and each peer always
 * comes to the same. */
static int server_share_one(struct skt_dgserver *v, int i, struct skt_listener *view, struct skt_error *err)
{
	int one = 1, fd;

	if (skt_sys.setsockopt(v->sock[i].fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) < 0)
		return skt_fail(err, SKT_E_LIMIT, errno, _("cannot share a socket: %s"), strerror(errno));
	fd = v->more(v->endpoint, &v->listener.socket[i].addr, err);
	return fd < 0 ? fd : skt_dgserver_add(view, fd, v->family[i], v->is_any[i], err);
}

static int server_share(struct skt_listener *l, struct skt_loop *loop, struct skt_listener **ret, struct skt_error *err)
{
	struct skt_dgserver *v = server_of(l);
	struct skt_listener *view = NULL;
	int failed;

	if (!v->more)
		return skt_fail(err, SKT_E_LIMIT, 0, "%s", _("that socket cannot be shared by threads"));
	failed = skt_dgserver_new(loop, l->scheme, &view, err);
	if (failed < 0 || !view)
		return failed;
	for (int i = 0; failed == 0 && i < l->n; i++)
		failed = server_share_one(v, i, view, err);
	if (failed < 0) {
		skt_listener_free(view);
		return failed;
	}
	if (l->keeper)
		l->keeper->share(l->keeper, view);
	*ret = view;
	return 0;
}

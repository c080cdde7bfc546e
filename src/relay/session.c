/* SPDX-License-Identifier: Apache-2.0 */
/* One link's life.
 *
 *   state        dialer   sides          ended by
 *   dials FROM   FROM     none           its error, a cut
 *   dials TO     TO       FROM           its error, a cut
 *   linked       none     both           link done
 *   served       none     the service's  the service's done()
 *   finishing    none     both, closed   the last child reaped
 *
 * A session is freed in one place, session_free(), always from the loop. */
#include "relay/session.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "io/dgconn.h"
#include "io/dgserver.h"
#include "io/filter/media.h"
#include "io/filter/proxyhead.h"
#include "io/filter/ws.h"
#include "relay/mixing.h"
#include "sys/clock.h"
#include "transport/chain.h"

static atomic_uint_fast64_t session_count; /* of all threads */

static void session_name(const struct skt_endpoint *e, char *ret)
{
	struct skt_text text = { 0 };

	if (strcmp(skt_endpoint_transport(e)->name, "stdio") == 0)
		skt_text_add(&text, "stdio");
	else
		skt_endpoint_print_address(e, &text);
	(void)snprintf(ret, SKT_ADDR_LENGTH, "%s", skt_text_get(&text));
	skt_text_release(&text);
}

static void session_event(const struct skt_session *s, enum skt_event_kind kind, struct skt_event *ret)
{
	*ret = (struct skt_event){ .kind = kind };
	if (!s->record)
		return;
	ret->link = s->record->number;
	ret->from = s->record->from;
	ret->to = s->record->to;
	ret->duration = skt_now() - s->record->opened;
}

static void session_free(struct skt_session *s)
{
	struct skt_relay *relay = s->relay;

	skt_dialer_free(s->dialer);
	if (s->served)
		relay->config->service->free(s->served);
	skt_link_release(&s->link);
	s->next->last = s->last;
	s->last->next = s->next;
	relay->n_sessions--;
	skt_free(s->record);
	skt_free(s);
	skt_relay_session_ended(relay);
}

/* The first failure is the outcome of a relay that makes only one link. */
static void session_outcome(struct skt_session *s, const struct skt_error *err)
{
	if (s->relay->is_single && s->relay->outcome.kind == SKT_OK)
		s->relay->outcome = *err;
}

static void session_not_opened(struct skt_session *s, const struct skt_error *err)
{
	struct skt_event event;
	char from[SKT_ADDR_LENGTH];

	s->relay->totals.failed++;
	if (!s->is_opening) /* a client that cannot even begin is not the one that is waited for */
		session_outcome(s, err);
	session_event(s, SKT_EVENT_FAILED, &event);
	event.err = err;
	event.is_passing = s->is_opening;
	if (!event.from) {
		session_name(s->relay->config->from, from);
		event.from = from;
	}
	skt_relay_tell(s->relay, &event);
	session_free(s);
}

/* Which side failed, why, and what was delivered: the promise nothing-lost in words. */
static void session_why(const struct skt_session *s, struct skt_error *ret)
{
	const struct skt_link *link = &s->link;
	const struct skt_relay_config *config = s->relay->config;
	int side = link->failed_side < 0 ? 1 : link->failed_side;
	char name[SKT_ADDR_LENGTH];
	struct skt_error why;

	session_name(side ? config->to : config->from, name);
	if (s->record)
		(void)snprintf(name, sizeof(name), "%s", side ? s->record->to : s->record->from);
	skt_stream_why(link->side[side], &why);
	(void)skt_fail(ret, why.kind, why.sys, _("%.50s: %.110s (%llu bytes delivered to it, %llu lost; %llu from it)"),
		       name, why.text, (unsigned long long)link->flow[!side].given,
		       (unsigned long long)skt_flow_held(&link->flow[!side]), (unsigned long long)link->flow[side].given);
	skt_hint(ret, "%s", why.hint);
}

static bool session_is_dgram(const struct skt_session *s)
{
	return (s->link.side[0]->flags | s->link.side[1]->flags) & SKT_STREAM_DGRAM;
}

static void session_verdict(const struct skt_session *s, struct skt_error *ret)
{
	*ret = (struct skt_error){ 0 };
	if (s->link.end == SKT_END_FAILED)
		session_why(s, ret);
	else if (s->link.end == SKT_END_IDLE && session_is_dgram(s))
		return; /* silence is how datagrams end */
	else if (s->link.end == SKT_END_IDLE)
		(void)skt_fail(ret, SKT_E_TIMEOUT, 0, "%s", _("idle: nothing came from either side for too long"));
	else if (s->link.end == SKT_END_CUT)
		(void)skt_fail(ret, SKT_E_IO, EINTR,
			       _("cut: stopped before the link had ended (%llu bytes sent, %llu received)"),
			       (unsigned long long)s->link.flow[0].given, (unsigned long long)s->link.flow[1].given);
}

/* Counted where the messages are: at FROM, or where that has none, at TO. What was lost, at both. */
static bool session_messages(const struct skt_session *s, struct skt_messages *ret)
{
	const struct skt_dgram *from = skt_dgram_below(s->link.side[0]), *to = skt_dgram_below(s->link.side[1]);

	*ret = (struct skt_messages){ 0 };
	for (int i = 0; i < 2; i++) {
		const struct skt_dgram *g = i ? to : from;

		if (!g)
			continue;
		ret->dropped += g->count.dropped;
		ret->overflowed += g->count.overflowed;
		ret->unreachable += g->count.refused;
		ret->too_long += g->count.too_long;
	}
	ret->sent = from ? from->count.in : to ? to->count.out : 0;
	ret->received = from ? from->count.out : to ? to->count.in : 0;
	return from || to;
}

static bool session_media(const struct skt_session *s, struct skt_media_seen *ret)
{
	for (int i = 0; i < 2; i++) {
		const struct skt_media *m = skt_media_of(s->link.side[i]);

		if (!m || m->received == 0 || !(m->is_rtp || m->is_ts))
			continue;
		*ret = (struct skt_media_seen){ .is_rtp = m->is_rtp,
						.received = m->received,
						.lost = m->lost,
						.duplicates = m->duplicates,
						.reordered = m->reordered,
						.malformed = m->malformed,
						.resyncs = m->resyncs,
						.jitter = m->jitter };
		return true;
	}
	return false;
}

static void session_pings(const struct skt_session *s, struct skt_event *event)
{
	for (int i = 0; i < 2; i++) {
		struct skt_ws_seen seen;

		if (!skt_ws_seen(s->link.side[i], &seen) || !seen.has_rtt)
			continue;
		event->ping = seen.rtt;
		event->best_ping = seen.best_rtt;
		return;
	}
}

void skt_messages_add(struct skt_relay_totals *totals, const struct skt_messages *more)
{
	struct skt_messages *sum = &totals->messages;

	totals->has_messages = true;
	sum->sent += more->sent;
	sum->received += more->received;
	sum->dropped += more->dropped;
	sum->overflowed += more->overflowed;
	sum->unreachable += more->unreachable;
	sum->too_long += more->too_long;
	sum->away += more->away;
}

static void session_say(const struct skt_session *s, const struct skt_endpoint *of, const char *text)
{
	char name[SKT_ADDR_LENGTH];
	struct skt_event event = { .kind = SKT_EVENT_NOTICE, .from = name, .how = text };

	session_name(of, name);
	skt_relay_tell(s->relay, &event);
}

static void session_notice(void *user, const char *text)
{
	const struct skt_session *s = user;

	session_say(s, s->relay->config->from, text);
}

/* A link that is the only one, and sent into nowhere, ends well all the same: datagrams promise nothing. It is said. */
static void session_tell_unreachable(struct skt_session *s, const struct skt_messages *m)
{
	const struct skt_relay_config *config = s->relay->config;
	char text[256];

	if (!s->relay->is_single || m->unreachable == 0)
		return;
	(void)snprintf(text, sizeof(text),
		       NG_("%llu message went nowhere: nobody has that port, or the way there is gone",
			   "%llu messages went nowhere: nobody has that port, or the way there is gone", m->unreachable),
		       (unsigned long long)m->unreachable);
	session_say(s, skt_endpoint_transport(config->to)->is_dgram ? config->to : config->from, text);
}

static void session_closed(struct skt_session *s)
{
	static const char *const how[] = {
		[SKT_END_DONE] = "done", [SKT_END_IDLE] = "idle", [SKT_END_CUT] = "cut", [SKT_END_FAILED] = "failed"
	};
	struct skt_relay_totals *totals = &s->relay->totals;
	struct skt_messages messages;
	struct skt_media_seen media;
	struct skt_event event;
	struct skt_error err;

	session_verdict(s, &err);
	if (err.kind != SKT_OK)
		session_outcome(s, &err);
	totals->sent += s->link.flow[0].given;
	totals->received += s->link.flow[1].given;
	session_event(s, SKT_EVENT_CLOSED, &event);
	event.messages = session_messages(s, &messages) ? &messages : NULL;
	event.media = session_media(s, &media) ? &media : NULL;
	if (event.messages) {
		skt_messages_add(totals, &messages);
		if (err.kind == SKT_OK)
			session_tell_unreachable(s, &messages);
	}
	session_pings(s, &event);
	event.sent = s->link.flow[0].given;
	event.received = s->link.flow[1].given;
	event.how = how[s->link.end];
	event.err = err.kind == SKT_OK ? NULL : &err;
	skt_relay_tell(s->relay, &event);
}

/* Whether the outcome is the child's own: the link ended well, or the child ended before it had read everything. What else went
 * wrong is not told by its status. */
static bool session_is_childs(const struct skt_session *s, int side)
{
	const struct skt_stream *child = s->link.side[side];

	if (s->link.end != SKT_END_FAILED)
		return s->link.end == SKT_END_DONE;
	return s->link.failed_side == side && s->link.flow[!side].sink_failed && !s->link.flow[side].source_failed &&
	       child->sys == EPIPE;
}

/* Wait for children; then it is over. */
static void session_finish(void *user)
{
	struct skt_session *s = user;
	bool cut = s->relay->is_cutting || s->link.end != SKT_END_DONE;
	int waits = 0;

	for (int i = 0; i < 2; i++) {
		int status = -1, ret = s->link.side[i] ? skt_stream_finish(s->link.side[i], cut, &status) : 0;

		waits |= ret == -SKT_AGAIN;
		if (status >= 0 && session_is_childs(s, i))
			s->relay->status = status;
	}
	if (!waits)
		session_free(s);
}

void skt_session_link_done(struct skt_link *link)
{
	struct skt_session *s = SKT_OUTER(link, struct skt_session, link);

	s->is_finishing = true;
	session_closed(s);
	for (int i = 0; i < 2; i++) {
		if (link->side[i]->flags & SKT_STREAM_CHILD) {
			skt_stream_on_wake(link->side[i], session_finish, s);
			continue;
		}
		skt_stream_free(
			link->side[i]); /* closing is what tells its peer: it does not wait for the other side's child */
		link->side[i] = NULL;
	}
	session_finish(s);
}

static void session_record_side(const struct skt_session *s, int side, char *ret)
{
	const struct skt_endpoint *e = side ? s->relay->config->to : s->relay->config->from;
	struct skt_fd *raw = skt_stream_bottom(s->link.side[side]);
	int fd = skt_dgconn_fd(s->link.side[side]);
	struct skt_text scheme = { 0 };
	struct skt_addr addr;

	if (fd >= 0 && skt_addr_of_peer(fd, &addr) == 0 && addr.sa.sa_family != AF_UNIX)
		skt_addr_print_endpoint(&addr, "udp", ret);
	else if (raw && raw->in_kind == SKT_FD_TCP && skt_addr_of_peer(raw->in.fd, &addr) == 0 &&
		 !skt_endpoint_option(e, "via")) {
		skt_endpoint_print_scheme(e, &scheme);
		skt_addr_print_endpoint(&addr, e->n_layer > 1 ? skt_text_get(&scheme) : "tcp", ret);
		skt_text_release(&scheme);
	} else
		session_name(e, ret);
}

static void session_join(struct skt_session *s)
{
	const struct skt_relay_config *config = s->relay->config;
	const struct skt_endpoint *const e[2] = { config->from, config->to };
	const struct skt_mixing_notice notice = { session_notice, s };
	struct skt_stream *side[2];
	struct skt_event event;
	struct skt_error err;

	if (s->record)
		session_record_side(s, 1, s->record->to);
	if (skt_mixing(s->relay->loop, e, s->link.side, &notice, &err) < 0) {
		session_not_opened(s, &err);
		return;
	}
	side[0] = s->link.side[0];
	side[1] = s->link.side[1];
	s->is_linked = true;
	s->relay->totals.links++;
	skt_link_start(&s->link, s->relay->loop, &config->link, side[0], side[1]);
	if (!s->record)
		return;
	session_event(s, SKT_EVENT_OPENED, &event);
	skt_relay_tell(s->relay, &event);
}

static void session_dialled_to(void *user, struct skt_stream *stream, const struct skt_error *err)
{
	struct skt_session *s = user;

	s->dialer = NULL;
	if (!stream) {
		s->link.side[0]->flags |= SKT_STREAM_BROKEN;
		session_not_opened(s, err);
		return;
	}
	s->link.side[1] = stream;
	session_join(s);
}

/* The addresses of the side that is there, for the other side to know. */
static void session_origin(struct skt_session *s, const struct skt_addr *peer, struct skt_origin *ret)
{
	const struct skt_relay_config *config = s->relay->config;
	struct skt_fd *raw = s->link.side[0] ? skt_stream_bottom(s->link.side[0]) : NULL;
	struct skt_proxyhead head;

	*ret = (struct skt_origin){ .is_source = !s->link.side[0], .many = s->relay->listener && !config->once };
	ret->is_tolerant = config->tolerates;
	ret->is_dgram = s->link.side[0] && (s->link.side[0]->flags & SKT_STREAM_DGRAM);
	ret->has_data = skt_endpoint_transport(config->to)->form == SKT_FORM_HOST && raw &&
			raw->in_kind != SKT_FD_NONE && raw->in_kind != SKT_FD_TTY && skt_fd_waiting(raw) > 0;
	if ((skt_endpoint_transport(config->to)->form != SKT_FORM_COMMAND && !skt_endpoint_option(config->to, "proxy")) ||
	    (!raw && !ret->is_dgram))
		return;
	ret->scheme = s->relay->listener ? s->relay->listener->scheme : skt_endpoint_transport(config->from)->name;
	if (peer && ret->is_dgram) {
		ret->peer = *peer;
		(void)skt_dgserver_local(s->link.side[0], &ret->local);
	}
	if (!raw)
		return;
	if (skt_proxyhead_seen(s->link.side[0], &head) && head.peer.len) {
		ret->peer = head.peer;
		ret->local = head.local;
		return;
	}
	(void)skt_addr_of_peer(raw->in.fd, &ret->peer);
	(void)skt_addr_of_local(raw->in.fd, &ret->local);
}

/* The side that is there has gone while the other is being dialled, perhaps again and again: nobody is left to serve. One that has
 * only ended its bytes still wants the answer, and what one has left behind is still delivered: so nothing is concluded where a layer
 * may hold some. */
static void session_from_woken(void *user)
{
	struct skt_session *s = user;
	const struct skt_fd *raw = skt_stream_raw(s->link.side[0]);
	struct skt_error err;

	if (!raw || raw->in.fd != raw->out.fd || !(raw->ready & (SKT_HUP | SKT_ERR)) || skt_fd_waiting(raw) > 0)
		return;
	(void)skt_fail(&err, SKT_E_IO, ECONNRESET, "%s", _("the client went before the link was open"));
	session_not_opened(s, &err);
}

static void session_dial(struct skt_session *s, const struct skt_endpoint *e, const struct skt_addr *peer,
			 skt_dialed *done)
{
	struct skt_origin origin;
	struct skt_error err;

	session_origin(s, peer, &origin);
	if (skt_dialer_new(s->relay->loop, e, &origin, done, s, &s->dialer, &err) < 0)
		session_not_opened(s, &err);
}

static void session_dialled_from(void *user, struct skt_stream *stream, const struct skt_error *err)
{
	struct skt_session *s = user;

	s->dialer = NULL;
	if (!stream) {
		session_not_opened(s, err);
		return;
	}
	s->link.side[0] = stream;
	if (s->record)
		session_record_side(s, 0, s->record->from);
	session_dial(s, s->relay->config->to, NULL, session_dialled_to);
}

static void session_served(struct skt_served *served, const struct skt_error *err)
{
	struct skt_session *s = served->user;
	struct skt_relay_totals *totals = &s->relay->totals;
	struct skt_event event;

	if (err)
		session_outcome(s, err);
	totals->sent += served->taken;
	totals->received += served->given;
	session_event(s, SKT_EVENT_CLOSED, &event);
	event.sent = served->taken;
	event.received = served->given;
	event.how = err ? (err->sys == EINTR ? "cut" : "failed") : "done";
	event.err = err;
	skt_relay_tell(s->relay, &event);
	session_free(s);
}

static void session_serve(struct skt_session *s, struct skt_stream *from, const struct skt_addr *peer)
{
	struct skt_relay *relay = s->relay;
	struct skt_service *service = relay->config->service;
	const struct skt_client client = { s->record ? s->record->number : 0, peer };
	struct skt_event event;
	struct skt_error err;

	if (service->begin(service, relay->place, from, &client, &s->served, &err) < 0) {
		session_not_opened(s, &err);
		return;
	}
	s->served->done = session_served;
	s->served->user = s;
	relay->totals.links++;
	if (!s->record)
		return;
	session_event(s, SKT_EVENT_OPENED, &event);
	skt_relay_tell(relay, &event);
}

/* A client is there: it is served, or whom it wants is dialled. */
static void session_has_from(struct skt_session *s, struct skt_stream *from, const struct skt_addr *peer)
{
	if (s->relay->config->service) {
		session_serve(s, from, peer);
		return;
	}
	s->link.side[0] = from;
	skt_stream_on_wake(from, session_from_woken, s);
	session_dial(s, s->relay->config->to, peer, session_dialled_to);
}

/* Whom a header names; where it names nobody by an IP address, who has sent it. */
static const struct skt_addr *session_told_peer(struct skt_stream *stream, struct skt_proxyhead *head)
{
	const struct skt_fd *bottom = skt_stream_bottom(stream);
	int n;

	if ((!head->peer.len || !skt_addr_bytes(&head->peer, &n)) && bottom)
		(void)skt_addr_of_peer(bottom->in.fd, &head->peer);
	return &head->peer;
}

/* The access list is about the client that a proxy speaks for. False: it was turned away, and the session is gone. */
static bool session_lets_in(struct skt_session *s, struct skt_stream *stream, const struct skt_addr *peer)
{
	if (!skt_access_lets_in(&s->relay->config->access, peer)) {
		skt_relay_refuse(s->relay, stream, peer);
		session_free(s);
		return false;
	}
	if (s->record && peer->len && peer->sa.sa_family != AF_UNIX)
		skt_addr_print_endpoint(peer, s->relay->listener ? s->relay->listener->scheme : "tcp", s->record->from);
	return true;
}

static void session_opened_from(void *user, struct skt_stream *stream, const struct skt_error *err)
{
	struct skt_session *s = user;
	struct skt_proxyhead head = { 0 };
	const struct skt_addr *told;

	s->dialer = NULL;
	if (!stream) {
		session_not_opened(s, err);
		return;
	}
	told = skt_proxyhead_seen(stream, &head) ? session_told_peer(stream, &head) : NULL;
	if (told && !session_lets_in(s, stream, told))
		return;
	s->is_opening = false;
	skt_relay_session_opened(s->relay);
	if (s->relay->config->service)
		session_serve(s, stream, told ? told : session_told_peer(stream, &head));
	else
		session_has_from(s, stream, NULL);
}

/* What was accepted has layers to open first: the client must do its part of a handshake. */
static void session_open_from(struct skt_session *s, struct skt_stream *from)
{
	const struct skt_endpoint *e = s->relay->config->from;
	struct skt_error err;

	s->is_opening = true;
	if (skt_chain_accept(s->relay->loop, e, &from, &err) < 0 ||
	    skt_dialer_new_accepted(s->relay->loop, e, from, session_opened_from, s, &s->dialer, &err) < 0)
		session_not_opened(s, &err);
}

static bool session_record_new(struct skt_session *s, const struct skt_addr *peer)
{
	const struct skt_relay *relay = s->relay;
	struct skt_record *record = SKT_NEW(struct skt_record);

	s->record = record;
	if (!record)
		return false;
	record->number = atomic_fetch_add(&session_count, 1) + 1;
	record->opened = skt_now();
	if (peer && peer->sa.sa_family != AF_UNIX && peer->sa.sa_family != AF_UNSPEC && relay->listener &&
	    !relay->listener->merges)
		skt_addr_print_endpoint(peer, relay->listener->scheme, record->from);
	else
		session_name(relay->config->from, record->from);
	session_name(relay->config->to, record->to);
	return true;
}

void skt_session_start(struct skt_relay *relay, struct skt_stream *from, const struct skt_addr *peer)
{
	struct skt_session *s = SKT_NEW(struct skt_session);
	struct skt_error err;

	if (!s) {
		skt_stream_free(from);
		relay->totals.failed++;
		(void)skt_fail_memory(&relay->outcome);
		skt_relay_session_ended(relay);
		return;
	}
	s->relay = relay;
	s->next = &relay->sessions;
	s->last = relay->sessions.last;
	s->last->next = s;
	relay->sessions.last = s;
	relay->n_sessions++;
	if (relay->config->names_links && !session_record_new(s, peer)) {
		skt_stream_free(from);
		(void)skt_fail_memory(&err);
		session_not_opened(s, &err);
		return;
	}
	if (!from)
		session_dial(s, relay->config->from, NULL, session_dialled_from);
	else if (skt_chain_is_opening(relay->config->from))
		session_open_from(s, from);
	else
		session_has_from(s, from, peer);
}

void skt_session_stop(struct skt_session *s)
{
	if (s->served)
		s->relay->config->service->stop(s->served);
}

void skt_session_end(struct skt_session *s)
{
	if (s->is_linked && !s->is_finishing)
		skt_link_end(&s->link);
}

void skt_session_cut(struct skt_session *s)
{
	struct skt_error err;

	if (s->served) {
		s->relay->config->service->cut(s->served);
	} else if (s->is_finishing) {
		session_finish(s);
	} else if (s->is_linked) {
		skt_link_cut(&s->link);
	} else {
		(void)skt_fail(&err, SKT_E_IO, EINTR, "%s", _("cut: stopped before the link was open"));
		session_not_opened(s, &err);
	}
}

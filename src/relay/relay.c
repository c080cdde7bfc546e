/* SPDX-License-Identifier: Apache-2.0 */
/* Relays: accepting, limits, stopping.
 *
 * How it works: connections are accepted only while there is room: below max, and with the descriptors that a link needs left over, so
 * that a client that was accepted can also be served. Otherwise they wait in the kernel's queue: accepting pauses, and resumes
 * when a link has ended, or after RELAY_PAUSE where the shortage is not ours. Nothing spins at a limit. */
#include "relay/relay.h"

#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "relay/roster.h"
#include "relay/session.h"
#include "sys/limit.h"
#include "transport/chain.h"

#define RELAY_PAUSE (50 * SKT_MS)

enum { RELAY_ACCEPTS = 64, RELAY_SPARE_FDS = 10 };

#define RELAY_IDLE (60 * SKT_SECOND)

void skt_relay_config_dgrams(struct skt_relay_config *config, bool listens, bool person)
{
	const struct skt_scheme *from = skt_endpoint_transport(config->from), *to = skt_endpoint_transport(config->to);

	if (!from->is_dgram && !to->is_dgram)
		return;
	config->merges = from->is_dgram && listens && strcmp(to->name, "stdio") == 0;
	config->tolerates = !person || listens;
	config->link.awaits_peers = from->is_dgram && listens;
	config->link.idle = listens && !person ? RELAY_IDLE : 0;
	config->link.idle = skt_endpoint_number(config->to, "idle", config->link.idle);
	config->link.idle = skt_endpoint_number(config->from, "idle", config->link.idle);
}

void skt_relay_tell(struct skt_relay *relay, const struct skt_event *event)
{
	for (struct skt_observer *o = relay->config->observers; o; o = o->next)
		o->on(o, event);
}

static int relay_fds_of(const struct skt_endpoint *e)
{
	const struct skt_transport *t = skt_transport_of(e, NULL);

	return t ? t->n_fds : 1;
}

/* Peers of a datagram socket share its descriptor. */
static int relay_fds_of_from(const struct skt_relay_config *config, const struct skt_listener *listener)
{
	return listener && listener->is_dgram ? 0 : relay_fds_of(config->from);
}

/* How many links the descriptors that are left can serve; pipes for splicing come out of the spare ones. */
static int relay_room(const struct skt_relay_config *config, const struct skt_listener *listener, int share)
{
	int left = skt_limit_left();
	/* a service's files are open only while they are sent, and many clients share one */
	int a_link = relay_fds_of_from(config, listener) + (config->service ? 0 : relay_fds_of(config->to));
	int spare = RELAY_SPARE_FDS + left / (config->service ? 4 : 32),
	    room = (left - spare) / ((a_link ? a_link : 1) * share);

	if (config->max && config->max < room)
		return config->max;
	return room > 0 ? room : 1;
}

bool skt_relay_is_done(const struct skt_relay *relay)
{
	return relay->n_sessions == 0 && !relay->listener;
}

static void relay_close_listener(struct skt_relay *relay)
{
	skt_listener_free(relay->listener);
	relay->listener = NULL;
}

static void relay_resume(struct skt_relay *relay)
{
	if (!relay->listener || relay->is_stopping || relay->n_sessions >= relay->max)
		return;
	relay->is_full = false;
	if (skt_listener_watch(relay->listener) < 0)
		relay->is_full = true;
}

static void relay_pause_over(struct skt_timer *timer)
{
	relay_resume(SKT_OUTER(timer, struct skt_relay, timer));
}

static void relay_pause(struct skt_relay *relay, bool for_a_while)
{
	skt_listener_pause(relay->listener);
	relay->is_full = true;
	if (for_a_while || relay->n_sessions == 0)
		(void)skt_loop_after(relay->loop, &relay->timer, RELAY_PAUSE, relay_pause_over);
}

void skt_relay_session_opened(struct skt_relay *relay)
{
	if (relay->config->once)
		relay_close_listener(relay);
}

void skt_relay_session_ended(struct skt_relay *relay)
{
	if (relay->is_full)
		relay_resume(relay);
	if (skt_relay_is_done(relay))
		skt_loop_stop(relay->loop);
}

void skt_relay_refuse(struct skt_relay *relay, struct skt_stream *stream, const struct skt_addr *peer)
{
	char from[SKT_ADDR_LENGTH];
	struct skt_event event = { .kind = SKT_EVENT_REFUSED, .from = from };

	relay->totals.refused++;
	skt_addr_print_endpoint(peer, relay->listener ? relay->listener->scheme : "tcp", from);
	skt_relay_tell(relay, &event);
	skt_stream_free(stream);
}

/* A connection was taken, and there was no memory to keep it. */
static void relay_lost(struct skt_relay *relay, const struct skt_addr *peer, const struct skt_error *err)
{
	char from[SKT_ADDR_LENGTH];
	struct skt_event event = { .kind = SKT_EVENT_FAILED, .from = from, .err = err };

	relay->totals.failed++;
	skt_addr_print_endpoint(peer, relay->listener->scheme, from);
	skt_relay_tell(relay, &event);
	if (relay->is_single) {
		relay->outcome = *err;
		relay_close_listener(relay);
		skt_relay_session_ended(relay);
	} else {
		relay_pause(relay, true);
	}
}

/* Behind a proxy the access list is about whom it speaks for, which is known only when it has told. */
static bool relay_lets_in(const struct skt_relay *relay, const struct skt_addr *peer)
{
	const struct skt_endpoint *from = relay->config->from;

	if (skt_endpoint_number(from, "accept-proxy", 0))
		return skt_chain_lets_tell(from, peer);
	return skt_access_lets_in(&relay->config->access, peer);
}

/* Accept one. False where there is none, or no room. */
static bool relay_accept(struct skt_relay *relay)
{
	struct skt_stream *stream;
	struct skt_addr peer;
	struct skt_error err;
	int ret;

	if (!relay->listener)
		return false;
	if (relay->n_sessions >= relay->max) {
		relay_pause(relay, false);
		return false;
	}
	ret = skt_listener_accept(relay->listener, &stream, &peer, &err);
	if (ret == -SKT_AGAIN)
		return false;
	if (ret == -SKT_E_LIMIT && peer.len) {
		relay_lost(relay, &peer, &err);
		return false;
	}
	if (ret == -SKT_E_LIMIT) {
		(void)skt_pipepool_trim(skt_loop_pipes(relay->loop));
		relay_pause(relay, true);
		return false;
	}
	if (ret < 0) {
		if (relay->outcome.kind == SKT_OK)
			relay->outcome = err;
		relay_close_listener(relay);
		skt_relay_session_ended(relay);
		return false;
	}
	if (!relay_lets_in(relay, &peer)) {
		skt_relay_refuse(relay, stream, &peer);
		return true;
	}
	/* of one client only: when it is known to be one */
	if (relay->config->once && skt_chain_is_opening(relay->config->from))
		relay_pause(relay, false);
	skt_session_start(relay, stream, &peer);
	if (relay->config->once && !skt_chain_is_opening(relay->config->from))
		relay_close_listener(relay);
	return !relay->is_full;
}

static void relay_ready(void *user)
{
	struct skt_relay *relay = user;

	for (int i = 0; i < RELAY_ACCEPTS && relay_accept(relay); i++)
		;
}

/* What happened to the listening sockets, at their endpoint. */
static void relay_notice(void *user, const char *text)
{
	struct skt_relay *relay = user;
	struct skt_text from = { 0 };
	struct skt_event event = { .kind = SKT_EVENT_NOTICE, .how = text };

	skt_endpoint_print_address(relay->config->from, &from);
	event.from = skt_text_get(&from);
	skt_relay_tell(relay, &event);
	skt_text_release(&from);
}

void skt_relay_reload(struct skt_relay *relay)
{
	struct skt_error err = { 0 };
	int done = skt_chain_reload(relay->config->from, &err);

	if (done > 0)
		relay_notice(relay, _("the certificates were read again: new clients see them"));
	else if (done < 0)
		relay_notice(relay, err.text);
}

int skt_relay_new(struct skt_loop *loop, const struct skt_relay_config *config, struct skt_listener *listener,
		  int share, struct skt_relay **ret, struct skt_error *err)
{
	struct skt_relay *relay = SKT_NEW(struct skt_relay);
	int failed;

	if (!relay) {
		skt_listener_free(listener);
		return skt_fail_memory(err);
	}
	relay->loop = loop;
	relay->config = config;
	relay->listener = listener;
	relay->sessions.next = relay->sessions.last = &relay->sessions;
	relay->status = -1;
	relay->is_single = !listener || config->once;
	relay->max = config->one_at_a_time ? 1 : relay_room(config, listener, share);
	if (listener)
		listener->merges = config->merges;
	relay->is_dgram = listener && listener->is_dgram;
	if (config->service && (failed = config->service->open(config->service, loop, &relay->place, err)) < 0) {
		skt_listener_free(listener);
		skt_free(relay);
		return failed;
	}
	relay->seat = skt_roster_join(relay);
	*ret = relay;
	return 0;
}

int skt_relay_start(struct skt_relay *relay, struct skt_error *err)
{
	if (!relay->listener) {
		skt_session_start(relay, NULL, NULL);
		return 0;
	}
	relay->listener->on_ready = relay_ready;
	relay->listener->user = relay;
	relay->listener->tell = relay_notice;
	relay->listener->tell_user = relay;
	if (skt_listener_watch(relay->listener) < 0)
		return skt_fail(err, SKT_E_LIMIT, 0, "%s", _("cannot watch the listening sockets"));
	return 0;
}

static void relay_cut(struct skt_relay *relay)
{
	struct skt_session *s = relay->sessions.next;

	relay->is_cutting = true;
	while (s != &relay->sessions) {
		struct skt_session *next = s->next;

		relay->totals.n_cut++;
		skt_session_cut(s);
		s = next;
	}
}

static void relay_grace_over(struct skt_timer *timer)
{
	relay_cut(SKT_OUTER(timer, struct skt_relay, timer));
}

/* What a socket of datagrams has seen and no session has. */
static void relay_count_away(struct skt_relay *relay)
{
	struct skt_messages more = { 0 };

	if (!relay->listener)
		return;
	more.away = relay->listener->n_away;
	more.overflowed = relay->config->merges ? 0 : relay->listener->n_overflowed;
	skt_messages_add(&relay->totals, &more);
}

/* Sessions of datagrams have no end of their own to wait for: they end well, here and now. */
static void relay_end_dgrams(struct skt_relay *relay)
{
	struct skt_session *s = relay->sessions.next, *next;

	for (; s != &relay->sessions; s = next) {
		next = s->next;
		skt_session_end(s);
	}
}

/* Clients of a service that ask for nothing now are let go at once. */
static void relay_finish_served(struct skt_relay *relay)
{
	struct skt_session *s = relay->sessions.next, *next;

	for (; relay->config->service && s != &relay->sessions; s = next) {
		next = s->next;
		skt_session_stop(s);
	}
}

void skt_relay_stop(struct skt_relay *relay)
{
	struct skt_event event = { .kind = SKT_EVENT_STOPPING,
				   .links = (uint64_t)relay->n_sessions,
				   .duration = relay->config->grace };

	if (relay->is_dgram) {
		relay_count_away(relay);
		relay_close_listener(relay);
		relay->is_stopping = true;
		relay_end_dgrams(relay);
		if (skt_relay_is_done(relay))
			skt_loop_stop(relay->loop);
		return;
	}
	if (relay->is_stopping || relay->config->grace == 0) {
		relay_close_listener(relay);
		relay->is_stopping = true;
		relay_cut(relay);
	} else {
		relay->is_stopping = true;
		relay_close_listener(relay);
		relay_finish_served(relay);
		event.links = (uint64_t)relay->n_sessions;
		if (relay->n_sessions)
			skt_relay_tell(relay, &event);
		if (skt_loop_after(relay->loop, &relay->timer, relay->config->grace, relay_grace_over) < 0)
			relay_cut(relay);
	}
	if (skt_relay_is_done(relay))
		skt_loop_stop(relay->loop);
}

void skt_relay_free(struct skt_relay *relay)
{
	if (!relay)
		return;
	skt_roster_leave(relay->seat);
	skt_listener_free(relay->listener);
	skt_loop_clear(relay->loop, &relay->timer);
	if (relay->config->service)
		relay->config->service->close(relay->config->service, relay->place);
	skt_free(relay);
}

const struct skt_relay_totals *skt_relay_totals(const struct skt_relay *relay)
{
	return &relay->totals;
}

void skt_relay_moved(const struct skt_relay *relay, uint64_t *sent, uint64_t *received)
{
	*sent = relay->totals.sent;
	*received = relay->totals.received;
	for (const struct skt_session *s = relay->sessions.next; s != &relay->sessions; s = s->next) {
		if (s->is_finishing)
			continue;
		if (s->served) {
			relay->config->service->look(s->served);
			*sent += s->served->taken;
			*received += s->served->given;
			continue;
		}
		*sent += s->link.flow[0].given;
		*received += s->link.flow[1].given;
	}
}

const struct skt_error *skt_relay_outcome(const struct skt_relay *relay, int *status)
{
	*status = relay->status;
	return &relay->outcome;
}

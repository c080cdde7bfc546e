/* SPDX-License-Identifier: Apache-2.0 */
/* One link's life in a relay: dial, join, finish. Between relay.c, which accepts and counts, and link/, which moves. */
#ifndef SKT_RELAY_SESSION_H
#define SKT_RELAY_SESSION_H

#include "relay/relay.h"
#include "transport/open.h"

struct skt_roster_seat;

/* What events tell of a link; kept only where somebody listens. */
struct skt_record {
	uint64_t number;
	skt_time opened;
	char from[SKT_ADDR_LENGTH], to[SKT_ADDR_LENGTH];
};

struct skt_session {
	struct skt_link link;
	struct skt_relay *relay;
	struct skt_session *next, *last; /* of the relay's ring */
	struct skt_dialer *dialer;       /* while FROM or TO is being dialled */
	struct skt_served *served;       /* while a service has it */
	struct skt_record *record;       /* or NULL */
	bool is_opening;                 /* the handshake of what was accepted is going on */
	bool is_linked, is_finishing;
};

/* What the relay hands to its sessions and hears from them. */
struct skt_relay {
	struct skt_loop *loop;
	const struct skt_relay_config *config;
	struct skt_listener *listener; /* owned, or NULL */
	struct skt_session sessions;   /* head of the ring */
	void *place;                   /* of config->service, for this thread */
	int n_sessions, max;
	bool is_single; /* it makes only one link, whose outcome is its own */
	bool is_stopping, is_cutting, is_full, is_dgram;
	struct skt_roster_seat *seat; /* or NULL */
	struct skt_timer timer;       /* the end of grace, or of a pause in accepting */
	struct skt_relay_totals totals;
	struct skt_error outcome;
	int status;
};

/* Begin with an accepted stream (owned from then on), or with NULL: FROM is dialled first. A failure is told as an event. */
void skt_session_start(struct skt_relay *relay, struct skt_stream *from, const struct skt_addr *peer);
/* The done of every link of a relay: config.link.done. */
void skt_session_link_done(struct skt_link *link);
/* End it now: may free it. */
void skt_session_cut(struct skt_session *session);
/* We were asked to stop: what is served is finished, and nothing new is begun. May free it. */
void skt_session_stop(struct skt_session *session);
/* End it now, where nothing is missing of it. */
void skt_session_end(struct skt_session *session);
/* Of relay.c: read certificates again, and tell. */
void skt_relay_reload(struct skt_relay *relay);
/* Of relay.c: that client is turned away: tell, and release the stream. */
void skt_relay_refuse(struct skt_relay *relay, struct skt_stream *stream, const struct skt_addr *peer);
/* Of relay.c: a client has done its handshake. */
void skt_relay_session_opened(struct skt_relay *relay);
/* Of relay.c: a session has ended and is freed. */
void skt_relay_session_ended(struct skt_relay *relay);
/* Add to the totals what became of messages. */
void skt_messages_add(struct skt_relay_totals *totals, const struct skt_messages *more);
/* Tell all observers. */
void skt_relay_tell(struct skt_relay *relay, const struct skt_event *event);

#endif

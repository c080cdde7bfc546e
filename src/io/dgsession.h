/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of io/dgserver.h: the server of a datagram socket, its sessions (dgsession.c), and how they are found (dgpeers.c). */
#ifndef SKT_IO_DGSESSION_H
#define SKT_IO_DGSESSION_H

#include "io/dgserver.h"

/* After so long what a socket had no room for is tried again. */
#define SKT_DGSERVER_RETRY (2 * SKT_MS)

/* Rings of sessions: of one list each, by when they last received, the oldest first. */
struct skt_dgring {
	struct skt_dgring *next, *last;
};

struct skt_dgsession {
	struct skt_dgram g;
	struct skt_dgserver *server;
	struct skt_dgring by_age;      /* of the server's quiet or answered sessions */
	struct skt_dgsession *touched; /* the next one that this batch has touched */
	struct skt_dgsession *pending; /* the next one that waits to be accepted */
	skt_time heard_at;
	struct skt_local local;
	uint32_t hash;
	uint16_t first, last; /* of its messages in this batch, plus one */
	uint8_t socket, n_lent;
	bool is_touched, is_pending, is_answered, is_given_up, wants_wake;
	socklen_t peer_len;
	char peer[]; /* struct sockaddr */
};

struct skt_dgserver {
	struct skt_listener listener;
	struct skt_dgsock sock[SKT_LISTEN_MAX];
	uint8_t family[SKT_LISTEN_MAX];
	bool is_any[SKT_LISTEN_MAX];
	struct skt_dgsession **slot; /* a hash table, at least half of it free */
	size_t n_slots, n_sessions;
	struct skt_dgring quiet, answered;
	struct skt_dgsession *first_pending, *last_pending, *touched;
	size_t n_pending;
	bool is_paused, is_closed, is_busy, has_told;
	bool is_held;                 /* unix: the sockets are not read, because what came is not taken yet */
	struct skt_dgsession *merged; /* the one client of a listener that merges */
	struct skt_timer retry;
	struct skt_task offer, resume;
	const struct skt_endpoint *endpoint;
	skt_dgserver_more *more; /* or NULL: not shared */
};

/* dgpeers.c */

void skt_dgring_init(struct skt_dgring *r);
/* Out of its ring; nothing where it is in none. */
void skt_dgring_remove(struct skt_dgring *r);
/* To the end of another. */
void skt_dgring_append(struct skt_dgring *to, struct skt_dgring *r);

/* A peer is an address that speaks to one of our sockets, at one of its addresses. */
uint32_t skt_dgpeers_hash(const struct skt_addr *peer, const struct skt_local *local, int socket);
/* Its session, or NULL. */
struct skt_dgsession *skt_dgpeers_find(const struct skt_dgserver *v, const struct skt_addr *peer,
				       const struct skt_local *local, int socket, uint32_t hash);
/* Make room for one more. False: no memory. */
bool skt_dgpeers_reserve(struct skt_dgserver *v);
void skt_dgpeers_put(struct skt_dgserver *v, struct skt_dgsession *s);
/* Nothing where it is not in. */
void skt_dgpeers_take_out(struct skt_dgserver *v, const struct skt_dgsession *s);

/* dgsession.c */

/* One for that peer, in no table and no ring; or, where `peer` is NULL, for any. NULL: no memory. */
struct skt_dgsession *skt_dgsession_new(struct skt_dgserver *v, const struct skt_addr *peer);
/* It waits to be accepted; it does not any more. */
void skt_dgsession_pend(struct skt_dgsession *s);
void skt_dgsession_unpend(struct skt_dgsession *s);

/* dgserver.c */

/* Free it where it is closed and has no session left. */
void skt_dgserver_unref(struct skt_dgserver *v);
/* What had no room in the socket is tried again; what was held is read again. */
void skt_dgserver_retry(struct skt_timer *timer);
void skt_dgserver_resume(struct skt_task *task);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The roster: which links the relays of this process have now, for whoever wants to show them.
 *
 * Each relay's thread writes its own links down when it is asked, at most about once a second; nothing is done, and nothing is locked, while
 * nobody asks. Only links with a name (config.names_links) are listed; all are counted. */
#ifndef SKT_RELAY_ROSTER_H
#define SKT_RELAY_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/unit.h"
#include "endpoint/endpoint.h"
#include "sys/addr.h"

/* At most so many are listed, the youngest. */
enum { SKT_ROSTER_MAX = 500 };

enum skt_roster_state { SKT_ROSTER_OPENING, SKT_ROSTER_OPEN, SKT_ROSTER_CLOSING };

/* One end of a TCP connection, to be compared: IPv4 addresses are mapped ones. Port 0: none. */
struct skt_roster_end {
	uint8_t ip[16];
	uint16_t port;
};

struct skt_roster_row {
	uint64_t id;    /* the link's number, as in events */
	bool is_served; /* a service has it: `to` is not dialled */
	char from[SKT_ADDR_LENGTH], to[SKT_ADDR_LENGTH];
	const char *layers[2][SKT_LAYERS_MAX]; /* of FROM and of TO, from the top down, without the transport; NULL after the last */
	struct skt_roster_end local[2], peer[2]; /* of the sockets to FROM and to TO */
	enum skt_roster_state state;
	uint64_t sent, received; /* bytes from FROM to TO, and back */
	const char *mover[2];    /* of these two flows; NULL: none yet */
	skt_time age, idle;      /* since it began; since a byte last moved */
	int64_t n_requests;      /* served ones; else -1 */
};

struct skt_roster {
	struct skt_roster_row *row; /* youngest first */
	size_t n;
	uint64_t n_links; /* all there are, listed or not */
};

struct skt_relay;
struct skt_loop;
struct skt_roster_seat;

/* Ask all relays to write their links down. Any thread. */
void skt_roster_ask(void);
/* What was written down last. Release also after a failure. Returns 0 or -SKT_E_LIMIT. Any thread. */
int skt_roster_get(struct skt_roster *ret);
void skt_roster_release(struct skt_roster *r);

/* The same address and port of a socket, for comparing with rows. */
void skt_roster_end_of(const struct skt_addr *addr, struct skt_roster_end *ret);
bool skt_roster_end_is(const struct skt_roster_end *a, const struct skt_roster_end *b);

/* A wish that a link be cut, by the thread that has it. */
struct skt_roster_wish;
/* Returns 0 or -SKT_E_LIMIT: no memory, or too many wishes wait. Any thread. */
int skt_roster_end_link(uint64_t id, struct skt_roster_wish **ret);
/* 1: it was cut; 0: there is no such link; -SKT_AGAIN: not all relays have looked yet. */
int skt_roster_outcome(const struct skt_roster_wish *wish);
/* NULL is fine. */
void skt_roster_forget(struct skt_roster_wish *wish);

/* For relays. A seat in the roster, or NULL without memory: its links are not shown then. */
struct skt_roster_seat *skt_roster_join(struct skt_relay *relay);
/* NULL is fine. On the relay's thread, or after it has ended. */
void skt_roster_leave(struct skt_roster_seat *seat);
/* To be called in the poke handler of a loop that has relays: they do what they were asked for. Links may end in it. */
void skt_roster_poked(const struct skt_loop *loop);

#endif

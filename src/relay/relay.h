/* SPDX-License-Identifier: Apache-2.0 */
/* A relay: accepts on one endpoint (or opens it once), dials another for each, and joins them. One relay a loop. */
#ifndef SKT_RELAY_RELAY_H
#define SKT_RELAY_RELAY_H

#include "link/link.h"
#include "link/observer.h"
#include "link/service.h"
#include "relay/access.h"
#include "transport/transport.h"

/* What to relay, and how. Shared by all threads; must outlive them. */
struct skt_relay_config {
	const struct skt_endpoint *from, *to;
	struct skt_service *service; /* serves each client itself, in the name of TO, which is never dialled; or NULL */
	struct skt_link_options link;
	int max;            /* links at once; 0: as many as the descriptors allow */
	bool once;          /* end after one link */
	bool one_at_a_time; /* the next is accepted when the last has ended: for a TO that there is only one of */
	skt_time grace;     /* how long links may go on after we were asked to stop */
	struct skt_access access;
	struct skt_observer *observers;
	bool names_links; /* somebody wants to read from and to in events */
	bool merges;      /* datagrams: all who speak to FROM are one client (there is one stdout to write to) */
	bool tolerates; /* datagrams: what a message causes (nobody has that port) is counted, and does not end a link */
};

struct skt_relay_totals {
	uint64_t links, failed, refused, sent, received;
	uint64_t n_cut; /* links that were cut when grace had passed */
	struct skt_messages messages;
	bool has_messages;
};

/* Set what the config says of datagrams, from its endpoints. `listens`: FROM is listened on. `person`: it is the command of somebody who
 * waits for the outcome (connect, listen): then an error that a message causes is told, and silence ends nothing by itself. To be
 * called before the flags of a command overrule it. */
void skt_relay_config_dgrams(struct skt_relay_config *config, bool listens, bool person);

struct skt_relay;

/* Make a relay on `loop`. With a listener (which the relay then owns) it accepts; without one it opens FROM once.
 * `share` is this relay's part of the descriptors, 1 of n. Returns 0 or -SKT_E_LIMIT. */
int skt_relay_new(struct skt_loop *loop, const struct skt_relay_config *config, struct skt_listener *listener,
		  int share, struct skt_relay **ret, struct skt_error *err);
/* Begin. The loop is stopped when nothing is left to do. */
int skt_relay_start(struct skt_relay *relay, struct skt_error *err);
/* We were asked to stop: stop accepting, let links end for the time of grace. Asked again: cut. */
void skt_relay_stop(struct skt_relay *relay);
/* Whether nothing is left to do. */
bool skt_relay_is_done(const struct skt_relay *relay);
/* Everything must have ended. NULL is fine. */
void skt_relay_free(struct skt_relay *relay);

const struct skt_relay_totals *skt_relay_totals(const struct skt_relay *relay);
/* Bytes delivered so far by all links, those still open too: from FROM to TO, and back. */
void skt_relay_moved(const struct skt_relay *relay, uint64_t *sent, uint64_t *received);
/* The outcome of the one link of a relay that makes only one: its error (kind SKT_OK where it ended well), and the status
 * of its child, or -1. */
const struct skt_error *skt_relay_outcome(const struct skt_relay *relay, int *status);

/* Run the relay on `n_threads` threads, this one included, until it has ended: makes the loops, catches signals. `watch` (may be
 * NULL) is called on the main thread's loop and relay before it runs. *totals are those of all threads.
 * Returns 0, or -kind: of the one link where there is only one, else of what made the relay end. *status as above. */
int skt_relay_run(const struct skt_relay_config *config, struct skt_loop *loop, struct skt_listener *listener,
		  int n_threads, void (*watch)(void *user, struct skt_loop *loop, struct skt_relay *relay), void *user,
		  struct skt_relay_totals *totals, int *status, struct skt_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Who serves an accepted client himself, where a relay would else dial somebody for it: an HTTP server. */
#ifndef SKT_LINK_SERVICE_H
#define SKT_LINK_SERVICE_H

#include "io/stream.h"
#include "loop/loop.h"
#include "sys/addr.h"

/* A client that is being served: a part of the service's own struct. The counts are for the relay to read. */
struct skt_served {
	void (*done)(struct skt_served *served,
		     const struct skt_error *err); /* who is told that it has ended; set by who begins */
	void *user;
	uint64_t taken, given; /* bytes from the client, bytes to it */
	uint64_t n_requests;
	skt_time moved_at; /* when a byte last moved */
};

/* Who is to be served. */
struct skt_client {
	uint64_t number;             /* of the link, in events; 0 where nobody wants to know */
	const struct skt_addr *peer; /* its address, also where a proxy has told it; NULL: not known */
};

struct skt_service {
	/* What a thread's loop needs of its own: *place is given to begin(). Returns 0, or -SKT_E_LIMIT. */
	int (*open)(struct skt_service *service, struct skt_loop *loop, void **place, struct skt_error *err);
	/* Everything that was begun there has ended. */
	void (*close)(struct skt_service *service, void *place);
	/* Serve an open stream, which is owned from then on, also on failure. done() is called once, from the loop and never from within
	 * begin(): with NULL where it ended well. Returns 0, or -SKT_E_LIMIT. */
	int (*begin)(struct skt_service *service, void *place, struct skt_stream *stream,
		     const struct skt_client *client, struct skt_served **ret, struct skt_error *err);
	/* We were asked to stop: what has begun is finished, nothing new is taken. done() may be called from within. */
	void (*stop)(struct skt_served *served);
	/* End it now. done() is called from within. */
	void (*cut)(struct skt_served *served);
	/* Bring the counts up to date. */
	void (*look)(struct skt_served *served);
	/* The stream that it is served on, to look at. */
	struct skt_stream *(*stream)(struct skt_served *served);
	/* After done(), or instead of it. */
	void (*free)(struct skt_served *served);
};

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* pace=: messages given one by one, each when its time has come. */
#ifndef SKT_IO_FILTER_PACE_H
#define SKT_IO_FILTER_PACE_H

#include "io/stream.h"
#include "loop/loop.h"

enum skt_pace {
	SKT_PACE_RATE, /* so many bits a second */
	SKT_PACE_PCR,  /* by the clock in an MPEG transport stream */
};

enum {
	SKT_PACE_PACKETS = 7, /* of a transport stream in one message: 1316 bytes, as RFC 2250 and everyone does */
	SKT_PACE_AHEAD = 2 * 1024 * 1024, /* bytes that are read ahead of their time at most, to find the next PCR */
};

/* Lateness that is made up for; what goes beyond moves the schedule. */
#define SKT_PACE_CATCH_UP (50 * SKT_MS)

struct skt_pacing {
	enum skt_pace kind;
	int64_t bits_per_second; /* RATE: >= 1 */
	/* What the user should know and is no failure, as a sentence; at most once a second for each kind of thing. May be NULL. */
	void (*notice)(void *user, const char *text);
	void *user;
};

/* Read an option's value: a rate such as 20Mbit, or pcr. Returns -1 when it is fine, else the offset of its first wrong byte,
 * and *ret is untouched; only kind and bits_per_second are set. */
int skt_pace_parse(const char *value, struct skt_pacing *ret);

/* A stream of MESSAGES over `below`, which is taken over, also on failure: a stream of MESSAGES for RATE, of bytes for PCR.
 * Returns 0; -SKT_E_LIMIT without memory, or a descriptor for its timer.
 *
 * read: the next message if its time has come; -SKT_AGAIN before, and a wake when it comes. The first is due at once.
 *   RATE: message after message, as if each took as long as its bits do at that rate.
 *   PCR: up to SKT_PACE_PACKETS packets, due when the first of them is, its time lying between those of the PCRs before and after it. Where
 *   no PCR comes, or one that cannot be true, the last rate goes on. The room must have 1316 bytes (else -SKT_E_LIMIT, EMSGSIZE).
 * write, shut: as below. */
int skt_pace_new(struct skt_loop *loop, struct skt_stream *below, const struct skt_pacing *how, struct skt_stream **ret,
		 struct skt_error *err);

#endif

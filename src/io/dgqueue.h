/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that wait, each whole. */
#ifndef SKT_IO_DGQUEUE_H
#define SKT_IO_DGQUEUE_H

#include "io/batch.h"

/* A zeroed struct is empty, and costs nothing. */
struct skt_dgqueue {
	struct skt_dgnode *last; /* of a ring */
	uint32_t n_bytes;        /* what waits, with its overhead */
};

/* How much may wait in one queue. */
enum { SKT_DGQUEUE_MAX = 256 * 1024 };

/* Copy a message, or each of a run, to its end. Returns how many there was no room or memory for. */
uint32_t skt_dgqueue_add(struct skt_dgqueue *q, const struct skt_msg *msg);
/* The same for what was not sent of a list. */
uint32_t skt_dgqueue_add_rest(struct skt_dgqueue *q, struct skt_rest rest);
static inline bool skt_dgqueue_is_empty(const struct skt_dgqueue *q)
{
	return !q->last;
}
/* The first messages, at most `most`: how many. They stay until skt_dgqueue_drop(). */
int skt_dgqueue_peek(const struct skt_dgqueue *q, struct skt_msg *ret, int most);
/* Forget the first n. */
void skt_dgqueue_drop(struct skt_dgqueue *q, int n);
/* Forget all: how many. */
uint32_t skt_dgqueue_release(struct skt_dgqueue *q);

#endif

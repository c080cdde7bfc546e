/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of a transport stream, waiting for their time, which the PCRs around them tell. Pure but for memory. */
#ifndef SKT_IO_FILTER_TSQUEUE_H
#define SKT_IO_FILTER_TSQUEUE_H

#include "base/unit.h"
#include "io/filter/ts.h"

/* The rate of a stream that does not tell its own, in bits a second. */
enum { SKT_TSQUEUE_GUESS = 10000000 };

struct skt_tsslot {
	skt_time due;
	uint8_t bytes[SKT_TS_PACKET];
};

struct skt_tsqueue {
	struct skt_ts ts;
	struct skt_tsslot *slot;     /* slot[head] to slot[head + n - 1] wait; on the heap */
	uint32_t head, n, cap, most; /* most: n never exceeds it */
	int64_t first;               /* packets are numbered from 0: the number of slot[head] */
	int64_t pcr_at;              /* the packet of the last PCR; -1: none yet */
	int64_t timed_at;            /* the last packet that has its time; -1: none yet */
	double timed;                /* its time, in ns */
	double step;                 /* ns from packet to packet, as known last; 0: not known */
	bool is_guessed, has_ended;  /* is_guessed: `step` is SKT_TSQUEUE_GUESS's */
	bool failed;                 /* no memory: packets are missing */
};

/* At most n_bytes of packets will wait. */
void skt_tsqueue_init(struct skt_tsqueue *q, uint32_t n_bytes);
void skt_tsqueue_release(struct skt_tsqueue *q);
/* How many bytes may be fed now; 0: skt_tsqueue_settle() first. */
size_t skt_tsqueue_room(const struct skt_tsqueue *q);
/* Take n bytes of the stream, n <= room. Returns 0, or -SKT_E_LIMIT without memory. */
int skt_tsqueue_feed(struct skt_tsqueue *q, const uint8_t *bytes, size_t n);
/* Wait for no further PCR: all that wait get their time by the last rate. */
void skt_tsqueue_settle(struct skt_tsqueue *q);
/* No more comes. Returns how many bytes were no whole packet. */
size_t skt_tsqueue_end(struct skt_tsqueue *q);
/* Whether a message of `most` packets (fewer at the end) waits, and has its time. */
bool skt_tsqueue_is_ready(const struct skt_tsqueue *q, uint32_t most);
/* When it is due, in ns since the first packet of the stream. It must be ready. */
skt_time skt_tsqueue_due(const struct skt_tsqueue *q);
/* Take at most `most` packets into buf. Returns bytes. */
size_t skt_tsqueue_take(struct skt_tsqueue *q, uint32_t most, uint8_t *buf);

#endif

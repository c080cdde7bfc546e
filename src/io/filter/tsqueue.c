/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of a transport stream, waiting for their time.
 *
 * How it works: a packet gets its time when a PCR comes at or behind it: those between two PCRs are spread evenly between their times.
 * Those before the first PCR get the step that is found between the first two. A PCR that is not to be believed, and one
 * that begins a new clock, do not change the step: the packets up to it follow at the last one.
 *
 *   slot:   | timed ... timed_at | not yet timed ... |
 *            first                pcr_at <= timed_at, unless nothing is timed yet
 *
 * pcr_at < timed_at only after a wild PCR, or skt_tsqueue_settle(). */
#include "io/filter/tsqueue.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

enum { TSQUEUE_FIRST_CAP = 512, TSQUEUE_HELD = 4 };

/* Give all packets up to number `last` their time, `step` apart. */
static void tsqueue_time(struct skt_tsqueue *q, int64_t last, double step)
{
	if (q->timed_at < 0)
		q->timed = -step; /* so that the first packet is due at 0 */
	for (int64_t i = q->timed_at + 1; i <= last; i++) {
		q->timed += step;
		if (i >= q->first)
			q->slot[q->head + (i - q->first)].due = (skt_time)q->timed;
	}
	q->timed_at = last;
}

static void tsqueue_clock(struct skt_tsqueue *q, enum skt_ts_clock clock, int64_t ticks)
{
	int64_t at = q->first + q->n - 1;

	if (clock == SKT_TS_NO_CLOCK)
		return;
	if (clock == SKT_TS_RUNS && at > q->pcr_at && q->pcr_at >= 0) {
		q->step = (double)ticks * ((double)SKT_SECOND / (double)SKT_TS_HZ) / (double)(at - q->pcr_at);
		q->is_guessed = false;
	}
	if (q->step > 0)
		tsqueue_time(q, at, q->step);
	if (clock != SKT_TS_WILD)
		q->pcr_at = at;
}

static int tsqueue_grow(struct skt_tsqueue *q)
{
	uint32_t cap = q->cap ? q->cap * 2 : TSQUEUE_FIRST_CAP;
	struct skt_tsslot *slot;

	if (q->head >= q->cap / 2 && q->head) {
		memmove(q->slot, q->slot + q->head, q->n * sizeof(*q->slot));
		q->head = 0;
		return 0;
	}
	slot = skt_realloc(q->slot, cap * sizeof(*slot));
	if (!slot)
		return -SKT_E_LIMIT;
	q->slot = slot;
	q->cap = cap;
	return 0;
}

static void tsqueue_packet(void *user, const struct skt_ts_packet *packet, enum skt_ts_clock clock, int64_t ticks)
{
	struct skt_tsqueue *q = user;

	if (q->failed || (q->head + q->n == q->cap && tsqueue_grow(q) < 0)) {
		q->failed = true;
		return;
	}
	memcpy(q->slot[q->head + q->n].bytes, packet->bytes, SKT_TS_PACKET);
	q->n++;
	tsqueue_clock(q, clock, ticks);
}

void skt_tsqueue_init(struct skt_tsqueue *q, uint32_t n_bytes)
{
	memset(q, 0, sizeof(*q));
	skt_ts_init(&q->ts, tsqueue_packet, q);
	q->most = n_bytes / SKT_TS_PACKET;
	q->pcr_at = q->timed_at = -1;
}

void skt_tsqueue_release(struct skt_tsqueue *q)
{
	skt_free(q->slot);
	q->slot = NULL;
	q->head = q->n = q->cap = 0;
}

size_t skt_tsqueue_room(const struct skt_tsqueue *q)
{
	return q->n + TSQUEUE_HELD < q->most ? (size_t)(q->most - q->n - TSQUEUE_HELD) * SKT_TS_PACKET : 0;
}

int skt_tsqueue_feed(struct skt_tsqueue *q, const uint8_t *bytes, size_t n)
{
	skt_ts_feed(&q->ts, bytes, n);
	return q->failed ? -SKT_E_LIMIT : 0;
}

void skt_tsqueue_settle(struct skt_tsqueue *q)
{
	if (q->step <= 0) {
		q->step = SKT_TS_PACKET * 8.0 * (double)SKT_SECOND / SKT_TSQUEUE_GUESS;
		q->is_guessed = true;
	}
	tsqueue_time(q, q->first + q->n - 1, q->step);
}

size_t skt_tsqueue_end(struct skt_tsqueue *q)
{
	size_t left = skt_ts_end(&q->ts);

	q->has_ended = true;
	if (q->n)
		skt_tsqueue_settle(q);
	return left;
}

bool skt_tsqueue_is_ready(const struct skt_tsqueue *q, uint32_t most)
{
	return q->n > 0 && q->first <= q->timed_at && (q->n >= most || q->has_ended);
}

skt_time skt_tsqueue_due(const struct skt_tsqueue *q)
{
	return q->slot[q->head].due;
}

size_t skt_tsqueue_take(struct skt_tsqueue *q, uint32_t most, uint8_t *buf)
{
	uint32_t n = q->n < most ? q->n : most;

	for (uint32_t i = 0; i < n; i++)
		memcpy(buf + (size_t)i * SKT_TS_PACKET, q->slot[q->head + i].bytes, SKT_TS_PACKET);
	q->head += n;
	q->n -= n;
	q->first += n;
	if (q->n == 0)
		q->head = 0;
	return (size_t)n * SKT_TS_PACKET;
}

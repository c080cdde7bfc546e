/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a transport stream, all at once and in pieces: nothing crashes, the pieces make no difference, every byte is in a packet, skipped or
 * left over, and packets that wait have times that do not run backwards. The first byte chooses the pieces. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/filter/tsqueue.h"

enum { FUZZ_PACKETS = 7 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_stop(const char *why)
{
	(void)fprintf(stderr, "%s\n", why);
	abort();
}

static void fuzz_packet(void *user, const struct skt_ts_packet *packet, enum skt_ts_clock clock, int64_t ticks)
{
	uint64_t *sum = user;

	if (packet->bytes[0] != SKT_TS_SYNC || packet->pid >= SKT_TS_PIDS || packet->counter > 15 || ticks < 0 ||
	    ticks > SKT_TS_HZ)
		fuzz_stop("a packet that is none");
	for (int i = 0; i < SKT_TS_PACKET; i++)
		*sum = *sum * 31 + packet->bytes[i];
	*sum = *sum * 31 + (uint64_t)clock + (uint64_t)ticks;
}

static void fuzz_parse(const uint8_t *data, size_t n, size_t piece, struct skt_ts *ts, uint64_t *sum)
{
	size_t left, at = 0;

	skt_ts_init(ts, fuzz_packet, sum);
	for (; at < n; at += piece)
		skt_ts_feed(ts, data + at, n - at < piece ? n - at : piece);
	left = skt_ts_end(ts);
	if (left >= SKT_TS_PACKET || ts->counts.packets * SKT_TS_PACKET + ts->counts.skipped + left != n)
		fuzz_stop("bytes that are nowhere");
}

static void fuzz_take(struct skt_tsqueue *q, skt_time *last)
{
	uint8_t message[FUZZ_PACKETS * SKT_TS_PACKET];

	while (skt_tsqueue_is_ready(q, FUZZ_PACKETS)) {
		skt_time due = skt_tsqueue_due(q);

		if (due < *last)
			fuzz_stop("time runs backwards");
		*last = due;
		if (skt_tsqueue_take(q, FUZZ_PACKETS, message) == 0)
			fuzz_stop("a message of nothing");
	}
}

static void fuzz_queue(const uint8_t *data, size_t n, size_t piece)
{
	static struct skt_tsqueue q;
	skt_time last = 0;
	size_t at = 0;

	skt_tsqueue_init(&q, 40 * SKT_TS_PACKET);
	while (at < n) {
		size_t room = skt_tsqueue_room(&q), take = n - at < piece ? n - at : piece;

		take = take < room ? take : room;
		if (take == 0)
			skt_tsqueue_settle(&q);
		if (skt_tsqueue_feed(&q, data + at, take) < 0)
			fuzz_stop("no memory");
		at += take;
		fuzz_take(&q, &last);
	}
	(void)skt_tsqueue_end(&q);
	fuzz_take(&q, &last);
	if (q.n)
		fuzz_stop("packets that never leave");
	skt_tsqueue_release(&q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct skt_ts whole, pieces;
	uint64_t sums[2] = { 0, 0 };

	if (size < 2)
		return 0;
	fuzz_parse(data + 1, size - 1, size - 1, &whole, &sums[0]);
	fuzz_parse(data + 1, size - 1, 1U + data[0], &pieces, &sums[1]);
	if (sums[0] != sums[1] || memcmp(&whole.counts, &pieces.counts, sizeof(whole.counts)) != 0)
		fuzz_stop("the pieces make a difference");
	fuzz_queue(data + 1, size - 1, 1U + data[0]);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* MPEG transport streams: bytes into packets, their clock, and what is missing.
 *
 * How it works: in sync, whole packets are taken where they lie, and only what is left of a packet at the end of the bytes is held. Out of sync the
 * bytes go through `held`: the first place at which every byte that should be 0x47 is one is moved to its beginning, until
 * three such bytes agree. A place is given up as soon as one byte speaks against it, and taken only when three speak for it, so
 * that it does not matter in which pieces the bytes come. */
#include "io/filter/ts.h"

#include <string.h>

enum { TS_AGREE = 2 * SKT_TS_PACKET + 1, TS_OTHERS = 50, TS_SEEN = 0x80, TS_TWICE = 0x40 };

#define TS_WRAP (((int64_t)1 << 33) * 300)

void skt_ts_init(struct skt_ts *ts, skt_ts_fn *fn, void *user)
{
	memset(ts, 0, sizeof(*ts));
	ts->fn = fn;
	ts->user = user;
	ts->pcr = ts->aside = -1;
	ts->clock_pid = SKT_TS_PIDS;
}

/* Packets */

/* 2.4.3.4: program_clock_reference_base of 33 bits, 6 reserved, and an extension of 9 */
static int64_t ts_pcr(const uint8_t *field)
{
	int64_t base = (int64_t)field[0] << 25 | field[1] << 17 | field[2] << 9 | field[3] << 1 | field[4] >> 7;

	return (base * 300 + ((field[4] & 1) << 8 | field[5])) % TS_WRAP;
}

static void ts_look_adaptation(const uint8_t *bytes, struct skt_ts_packet *ret)
{
	unsigned length = bytes[4], flags = bytes[5];

	if (length > SKT_TS_PACKET - 5 - (ret->has_payload ? 1 : 0)) {
		ret->is_damaged = true;
		return;
	}
	if (length == 0)
		return;
	ret->is_discontinuous = flags & 0x80;
	if (flags & 0x10 && length >= 7)
		ret->pcr = ts_pcr(bytes + 6);
}

void skt_ts_look(const uint8_t *bytes, struct skt_ts_packet *ret)
{
	*ret = (struct skt_ts_packet){
		.bytes = bytes,
		.pcr = -1,
		.pid = (uint16_t)((bytes[1] & 0x1f) << 8 | bytes[2]),
		.counter = bytes[3] & 0x0f,
		.has_payload = bytes[3] & 0x10,
		.is_damaged = bytes[1] & 0x80,
	};
	if (!ret->is_damaged && bytes[3] & 0x20)
		ts_look_adaptation(bytes, ret);
}

bool skt_ts_is_whole(const uint8_t *bytes, size_t n)
{
	if (n == 0 || n % SKT_TS_PACKET)
		return false;
	for (size_t i = 0; i < n; i += SKT_TS_PACKET)
		if (bytes[i] != SKT_TS_SYNC)
			return false;
	return true;
}

/* 2.4.3.3: the counter grows with each packet of its PID that has a payload; such a packet may be sent twice, not thrice. */
void skt_ts_count(struct skt_ts *ts, const struct skt_ts_packet *packet)
{
	uint8_t *seen = &ts->seen[packet->pid];
	unsigned last = *seen & 0x0fU, step = (packet->counter - last) & 0x0fU;

	ts->counts.packets++;
	ts->counts.damaged += packet->is_damaged;
	if (packet->pid == SKT_TS_NULL || packet->is_damaged || !packet->has_payload) {
		if (packet->is_discontinuous)
			*seen = 0; /* what comes next is not compared */
		return;
	}
	if (*seen && !packet->is_discontinuous && step == 0 && !(*seen & TS_TWICE)) {
		ts->counts.duplicates++;
		*seen |= TS_TWICE;
		return;
	}
	if (*seen && !packet->is_discontinuous)
		ts->counts.lost += (step - 1) & 0x0fU;
	*seen = (uint8_t)(TS_SEEN | packet->counter);
}

/* The clock */

/* Whether the PCR is of the program whose clock is followed: the first that had one, until only others have them. */
static bool ts_is_followed(struct skt_ts *ts, const struct skt_ts_packet *packet)
{
	if (packet->pid != ts->clock_pid && ts->clock_pid != SKT_TS_PIDS && ++ts->others <= TS_OTHERS)
		return false;
	if (packet->pid != ts->clock_pid)
		ts->pcr = ts->aside = -1;
	ts->clock_pid = packet->pid;
	ts->others = 0;
	return true;
}

static int64_t ts_ticks(int64_t from, int64_t to)
{
	return (to - from + TS_WRAP) % TS_WRAP;
}

/* A PCR that cannot be true is put aside, and those after it are compared with the one before; only a second that agrees with
 * the one put aside is a new clock. */
static enum skt_ts_clock ts_clock(struct skt_ts *ts, const struct skt_ts_packet *packet, int64_t *ticks)
{
	bool begins, runs;

	if (packet->pcr < 0 || !ts_is_followed(ts, packet))
		return SKT_TS_NO_CLOCK;
	if (packet->pcr == ts->pcr || packet->pcr == ts->aside)
		return SKT_TS_NO_CLOCK; /* a packet that was sent twice */
	*ticks = ts_ticks(ts->pcr, packet->pcr);
	begins = ts->pcr < 0 || packet->is_discontinuous;
	runs = !begins && *ticks <= SKT_TS_HZ;
	begins |= !runs && ts->aside >= 0 && ts_ticks(ts->aside, packet->pcr) <= SKT_TS_HZ;
	if (!begins && !runs) {
		ts->aside = packet->pcr;
		ts->counts.wild++;
		return SKT_TS_WILD;
	}
	ts->pcr = packet->pcr;
	ts->aside = -1;
	return runs ? SKT_TS_RUNS : SKT_TS_BEGINS;
}

static void ts_give(struct skt_ts *ts, const uint8_t *bytes)
{
	struct skt_ts_packet packet;
	enum skt_ts_clock clock;
	int64_t ticks = 0;

	skt_ts_look(bytes, &packet);
	skt_ts_count(ts, &packet);
	clock = ts_clock(ts, &packet, &ticks);
	if (ts->fn)
		ts->fn(ts->user, &packet, clock, clock == SKT_TS_RUNS ? ticks : 0);
}

/* Sync */

static void ts_drop(struct skt_ts *ts, size_t n)
{
	ts->n_held = (uint16_t)(ts->n_held - n);
	memmove(ts->held, ts->held + n, ts->n_held);
}

static bool ts_agrees(const struct skt_ts *ts, size_t at)
{
	for (; at < ts->n_held; at += SKT_TS_PACKET)
		if (ts->held[at] != SKT_TS_SYNC)
			return false;
	return true;
}

/* Drop what cannot be the beginning of a packet. */
static void ts_seek(struct skt_ts *ts)
{
	size_t at = 0;

	while (at < ts->n_held && !ts_agrees(ts, at))
		at++;
	ts->counts.skipped += at;
	ts_drop(ts, at);
	ts->is_locked = ts->n_held >= TS_AGREE;
}

static void ts_lose(struct skt_ts *ts)
{
	ts->counts.resyncs++;
	ts->is_locked = false;
}

/* Do what can be done with the bytes that are held. */
static void ts_work(struct skt_ts *ts)
{
	for (;;) {
		if (ts->is_locked && ts->n_held && ts->held[0] != SKT_TS_SYNC)
			ts_lose(ts);
		if (!ts->is_locked)
			ts_seek(ts);
		if (!ts->is_locked || ts->n_held < SKT_TS_PACKET)
			return;
		ts_give(ts, ts->held);
		ts_drop(ts, SKT_TS_PACKET);
	}
}

/* So many bytes as make the next decision possible: no more than a packet while in sync, so that the rest lies where it is. */
static size_t ts_wants(const struct skt_ts *ts)
{
	size_t full = ts->is_locked ? SKT_TS_PACKET : sizeof(ts->held);

	return full > ts->n_held ? full - ts->n_held : 0;
}

void skt_ts_feed(struct skt_ts *ts, const uint8_t *bytes, size_t n)
{
	while (n) {
		size_t take = ts_wants(ts);

		if (ts->is_locked && ts->n_held == 0 && n >= SKT_TS_PACKET && *bytes == SKT_TS_SYNC) {
			ts_give(ts, bytes);
			take = SKT_TS_PACKET;
		} else {
			take = take < n ? take : n;
			memcpy(ts->held + ts->n_held, bytes, take);
			ts->n_held = (uint16_t)(ts->n_held + take);
			ts_work(ts);
		}
		bytes += take;
		n -= take;
	}
}

size_t skt_ts_end(struct skt_ts *ts)
{
	size_t at = 0, left;

	while (ts->n_held - at >= SKT_TS_PACKET && ts->held[at] == SKT_TS_SYNC) {
		ts_give(ts, ts->held + at);
		at += SKT_TS_PACKET;
	}
	left = ts->n_held - at;
	ts->n_held = 0;
	ts->is_locked = false;
	return left;
}

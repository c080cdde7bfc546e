/* SPDX-License-Identifier: Apache-2.0 */
/* MPEG transport streams (ISO/IEC 13818-1): bytes into packets, their clock, and what is missing. Pure. */
#ifndef SKT_IO_FILTER_TS_H
#define SKT_IO_FILTER_TS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SKT_TS_PACKET = 188, /* bytes of a packet */
	SKT_TS_SYNC = 0x47,  /* its first byte */
	SKT_TS_PIDS = 8192,
	SKT_TS_NULL = 0x1fff, /* the PID of packets that only fill */
};

/* Ticks of the program clock reference (PCR, 2.4.3.5) in a second. */
#define SKT_TS_HZ ((int64_t)27000000)

struct skt_ts_packet {
	const uint8_t *bytes; /* SKT_TS_PACKET of them */
	int64_t pcr;          /* in ticks, 0 to 2^33 * 300 - 1; -1: none */
	uint16_t pid;
	uint8_t counter; /* continuity_counter, 0 to 15 */
	bool has_payload;
	bool is_discontinuous; /* discontinuity_indicator: counter or clock begin anew */
	bool is_damaged; /* transport_error_indicator, or an adaptation field that does not fit: only the PID was read */
};

/* What a packet says of the stream's clock. */
enum skt_ts_clock {
	SKT_TS_NO_CLOCK, /* nothing: no PCR, one of another program, or the same as before */
	SKT_TS_BEGINS, /* the first PCR, or of a clock that was changed: discontinuity_indicator, another PID, two wild ones that agree */
	SKT_TS_RUNS, /* `ticks` after the one before */
	SKT_TS_WILD, /* behind the last, or more than a second after it: not to be believed */
};

struct skt_ts_counts {
	uint64_t packets;    /* whole ones */
	uint64_t lost;       /* missing by the continuity counters; at least so many: a counter goes round after 16 */
	uint64_t duplicates; /* packets sent twice, as 2.4.3.3 allows once */
	uint64_t damaged;
	uint64_t skipped; /* bytes between packets, while sync was looked for */
	uint64_t resyncs; /* times that sync was broken */
	uint64_t wild;    /* PCRs that are not to be believed */
};

/* Called for each packet; `packet` and its bytes last as long as the call. `ticks` is set for SKT_TS_RUNS. */
typedef void skt_ts_fn(void *user, const struct skt_ts_packet *packet, enum skt_ts_clock clock, int64_t ticks);

struct skt_ts {
	struct skt_ts_counts counts;
	skt_ts_fn *fn; /* may be NULL */
	void *user;
	int64_t pcr;        /* the last of clock_pid that was believed; -1: none yet */
	int64_t aside;      /* the last, where it was not believed; -1: none */
	uint16_t clock_pid; /* whose PCRs are followed; SKT_TS_PIDS: none yet */
	uint16_t others;    /* PCRs of other PIDs since its last */
	uint16_t n_held;    /* bytes in `held` */
	bool is_locked;     /* in sync: the next packet begins at held[0] */
	uint8_t held[3 * SKT_TS_PACKET];
	uint8_t seen[SKT_TS_PIDS]; /* 0: nothing; else 0x80, 0x40 after a duplicate, and the last counter */
};

void skt_ts_init(struct skt_ts *ts, skt_ts_fn *fn, void *user);
/* Take n bytes as they come: fn is called for each packet that they complete. Sync is found where 0x47 stands three times at a
 * distance of SKT_TS_PACKET; it is lost where a packet does not begin with it. Any division of the bytes into calls gives the
 * same packets. */
void skt_ts_feed(struct skt_ts *ts, const uint8_t *bytes, size_t n);
/* No more comes: the packets that were held, because sync was not certain, are given. Returns how many bytes were left over,
 * the beginning of a packet (0 to 187). */
size_t skt_ts_end(struct skt_ts *ts);

/* Read one packet of SKT_TS_PACKET bytes, of which the first is SKT_TS_SYNC. */
void skt_ts_look(const uint8_t *bytes, struct skt_ts_packet *ret);
/* Count its PID's continuity. fn is not called, and the clock not looked at. */
void skt_ts_count(struct skt_ts *ts, const struct skt_ts_packet *packet);
/* Whether a message of n bytes is whole packets. */
bool skt_ts_is_whole(const uint8_t *bytes, size_t n);

#endif

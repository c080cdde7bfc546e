/* SPDX-License-Identifier: Apache-2.0 */
/* Transport streams for tests: packets with counters and clocks, as a test wants them. */
#ifndef TESTS_UNIT_TSMAKE_H
#define TESTS_UNIT_TSMAKE_H

#include <stdint.h>
#include <string.h>

#include "io/filter/ts.h"

/* What one packet should be. */
struct tsmake {
	uint16_t pid;
	uint8_t counter;
	int64_t pcr;        /* -1: none */
	bool no_payload;    /* an adaptation field alone */
	bool discontinuity; /* needs, as pcr does, an adaptation field */
	bool damaged;       /* transport_error_indicator */
};

/* Write SKT_TS_PACKET bytes. The payload has no 0x47 in it. */
static inline void tsmake_packet(uint8_t *ret, const struct tsmake *how)
{
	bool has_field = how->pcr >= 0 || how->discontinuity || how->no_payload;
	uint64_t base = (uint64_t)(how->pcr < 0 ? 0 : how->pcr) / 300,
		 extra = (uint64_t)(how->pcr < 0 ? 0 : how->pcr) % 300;

	memset(ret, 0x11, SKT_TS_PACKET);
	ret[0] = SKT_TS_SYNC;
	ret[1] = (uint8_t)((how->damaged ? 0x80 : 0) | how->pid >> 8);
	ret[2] = (uint8_t)how->pid;
	ret[3] = (uint8_t)((has_field ? 0x20 : 0) | (how->no_payload ? 0 : 0x10) | how->counter);
	if (!has_field)
		return;
	ret[4] = how->no_payload ? 183 : 7;
	ret[5] = (uint8_t)((how->discontinuity ? 0x80 : 0) | (how->pcr >= 0 ? 0x10 : 0));
	ret[6] = (uint8_t)(base >> 25);
	ret[7] = (uint8_t)(base >> 17);
	ret[8] = (uint8_t)(base >> 9);
	ret[9] = (uint8_t)(base >> 1);
	ret[10] = (uint8_t)((base & 1) << 7 | 0x7e | extra >> 8);
	ret[11] = (uint8_t)extra;
}

/* n packets of one PID, with a PCR in every `every`-th, from the first on, `ticks` apart. */
static inline void tsmake_stream(uint8_t *ret, size_t n, size_t every, int64_t pcr, int64_t ticks)
{
	for (size_t i = 0; i < n; i++) {
		struct tsmake how = { .pid = 0x100,
				      .counter = i & 15,
				      .pcr = every && i % every == 0 ? pcr + (int64_t)(i / every) * ticks : -1 };

		tsmake_packet(ret + i * SKT_TS_PACKET, &how);
		ret[i * SKT_TS_PACKET + 20] = (uint8_t)(i >> 16);
		ret[i * SKT_TS_PACKET + 21] = (uint8_t)(i >> 8 & 0x3f);
		ret[i * SKT_TS_PACKET + 22] = (uint8_t)(i & 0x3f);
	}
}

#endif

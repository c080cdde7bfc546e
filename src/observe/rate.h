/* SPDX-License-Identifier: Apache-2.0 */
/* The rate line: how much has passed, how fast, how long, and how much longer. Pure. */
#ifndef SKT_OBSERVE_RATE_H
#define SKT_OBSERVE_RATE_H

#include <stdint.h>

#include "base/text.h"
#include "base/unit.h"

/* A zeroed struct has seen nothing. */
struct skt_rate {
	skt_time began, last;
	uint64_t n_bytes;  /* at `last` */
	double per_second; /* smoothed over about the last three seconds */
};

/* Note that `n_bytes` have passed in all at the time `now`. */
void skt_rate_note(struct skt_rate *rate, uint64_t n_bytes, skt_time now);
/* Write the line: bytes, rate, time; where `total` is known (> 0) also percent and time left. */
void skt_rate_line(const struct skt_rate *rate, uint64_t total, struct skt_text *ret);
/* The same at the end, with the mean rate. */
void skt_rate_summary(const struct skt_rate *rate, struct skt_text *ret);

#endif

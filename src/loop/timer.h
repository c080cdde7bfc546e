/* SPDX-License-Identifier: Apache-2.0 */
/* Timers, ordered by when they are due: a binary heap of pointers. Pure data; the loop runs them. */
#ifndef SKT_LOOP_TIMER_H
#define SKT_LOOP_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/unit.h"

/* Embedded in whatever waits; a zeroed struct is not set. */
struct skt_timer {
	skt_time due;
	void (*fn)(struct skt_timer *timer);
	uint32_t place; /* its place in the heap, from 1; 0: not set */
};

struct skt_timers {
	struct skt_timer **heap; /* heap[1] is due first */
	uint32_t n, cap;
};

/* Set, or set anew. Returns 0, or -SKT_E_LIMIT without memory: the timer is then as it was. */
int skt_timers_set(struct skt_timers *timers, struct skt_timer *timer, skt_time due, void (*fn)(struct skt_timer *));
/* Unset; nothing where it is not set. */
void skt_timers_clear(struct skt_timers *timers, struct skt_timer *timer);
/* The one due first, or NULL. */
struct skt_timer *skt_timers_first(const struct skt_timers *timers);
bool skt_timer_is_set(const struct skt_timer *timer);
void skt_timers_release(struct skt_timers *timers);

#endif

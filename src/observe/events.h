/* SPDX-License-Identifier: Apache-2.0 */
/* The observer that tells what links do, a line an event: for people, or as JSON. */
#ifndef SKT_OBSERVE_EVENTS_H
#define SKT_OBSERVE_EVENTS_H

#include "link/observer.h"

#include <stdatomic.h>
#include <stdbool.h>

struct skt_events {
	struct skt_observer observer;
	bool json;
	int level;                      /* -1 quiet, 0 normal, 1 also each link */
	bool only_one;                  /* the failure of the only link is said by the command itself, not as a line */
	atomic_bool has_lost;           /* an event could not be told for want of memory */
	void (*line)(const char *line); /* takes one finished line without its newline; called on any thread */
	int64_t (*clock)(void);         /* nanoseconds since 1970 */
};

/* Set the observer up; the caller fills the rest. */
void skt_events_init(struct skt_events *events);

#endif

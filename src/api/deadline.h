/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting on a loop of one's own until something happens or the time is over. */
#ifndef SKT_API_DEADLINE_H
#define SKT_API_DEADLINE_H

#include <stdbool.h>

#include "loop/loop.h"

struct skt_deadline {
	skt_time at;
	bool is_over; /* the last look was taken */
};

/* `ms` from now; negative: never. */
void skt_deadline_init(struct skt_deadline *deadline, int ms);

/* One round of the loop: until something happens, or the deadline. Even at the deadline one look is taken. Returns 0:
 * try again; -SKT_E_TIMEOUT when the try after that look was in vain too: err (may be NULL) says `what` has not come;
 * -SKT_E_IO where waiting itself fails. */
int skt_deadline_round(struct skt_deadline *deadline, struct skt_loop *loop, const char *what, struct skt_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A second listener of soket serve, whose only answer is where https is spoken. */
#ifndef SKT_CLI_REDIRECTING_H
#define SKT_CLI_REDIRECTING_H

#include <stdbool.h>

#include "base/error.h"

struct skt_redirecting;

/* Listen at that endpoint, and answer on a thread of its own, which has no rights but that. Returns 0; -SKT_E_USAGE; what listening gives;
 * -SKT_E_LIMIT. */
int skt_redirecting_start(const char *endpoint, int https_port, struct skt_redirecting **ret, struct skt_error *err);
/* Say where it listens: a line for each URL, or with json an event. */
void skt_redirecting_say(const struct skt_redirecting *r, bool json);
/* Ask it to end, as a signal would, and wait for that. NULL is fine. */
void skt_redirecting_stop(struct skt_redirecting *r);

#endif

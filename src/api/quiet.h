/* SPDX-License-Identifier: Apache-2.0 */
/* SIGPIPE kept away from a program that did not ask for it, without touching what the process does with it. */
#ifndef SKT_API_QUIET_H
#define SKT_API_QUIET_H

#include "loop/loop.h"

#include <signal.h>
#include <stdbool.h>

struct skt_quiet {
	sigset_t mask;    /* before */
	bool was_pending; /* one was waiting already: it is not ours to take */
};

/* Block SIGPIPE in this thread. */
void skt_quiet_begin(struct skt_quiet *quiet);
/* Take the SIGPIPE that came meanwhile, and restore the mask. errno is kept. */
void skt_quiet_end(const struct skt_quiet *quiet);

/* A loop for use in somebody else's process, whose threads may fork whenever they like. Returns as skt_loop_new(). */
int skt_quiet_loop_new(struct skt_loop **ret, struct skt_error *err);

#endif

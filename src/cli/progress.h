/* SPDX-License-Identifier: Apache-2.0 */
/* The rate line on a terminal while data is piped. */
#ifndef SKT_CLI_PROGRESS_H
#define SKT_CLI_PROGRESS_H

#include "observe/rate.h"
#include "relay/relay.h"

struct skt_progress {
	struct skt_timer timer;
	struct skt_loop *loop;
	const struct skt_relay *relay;
	struct skt_rate rate;
	uint64_t total; /* of the file on stdin, or 0 */
	bool is_on;
};

/* Show it, where stderr is a terminal and stdin or stdout is not. Embedded; not moved while it is on. */
void skt_progress_start(struct skt_progress *p, struct skt_loop *loop, const struct skt_relay *relay);
/* Replace it by a summary of the n_bytes that passed. Nothing where it was not on. The relay may be gone. */
void skt_progress_end(struct skt_progress *p, uint64_t n_bytes);
/* Make room for another line on the terminal. */
void skt_progress_clear(void);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What stands between a side of bytes and a side of datagrams: framing, pace, RTP. */
#ifndef SKT_RELAY_MIXING_H
#define SKT_RELAY_MIXING_H

#include "endpoint/endpoint.h"
#include "io/stream.h"
#include "loop/loop.h"

/* What layers tell that is no failure: as a sentence, at most once a second for each kind of thing. */
struct skt_mixing_notice {
	void (*tell)(void *user, const char *text);
	void *user;
};

/* Put the layers that the endpoints ask for on the two opened sides of a link, in place; where no layer is needed, nothing. Returns
 * 0, or -kind: the sides are then as they were, or released and NULL. */
int skt_mixing(struct skt_loop *loop, const struct skt_endpoint *const e[2], struct skt_stream *side[2],
	       const struct skt_mixing_notice *notice, struct skt_error *err);
/* Whether a link of such endpoints joins datagrams with bytes, and nobody said how (frame=). */
bool skt_mixing_is_guessed(const struct skt_endpoint *from, const struct skt_endpoint *to);

/* Whether frame= and pace= have something to do between these two. Returns 0 or -SKT_E_USAGE, at the option. */
int skt_mixing_check(const struct skt_endpoint *from, const struct skt_endpoint *to, struct skt_error *err);

#endif

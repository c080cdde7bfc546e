/* SPDX-License-Identifier: Apache-2.0 */
/* Dialling an endpoint: from text that was parsed to a stream that is up, with one deadline over everything in between
 * (look-up, connecting, layers) and with retries. */
#ifndef SKT_TRANSPORT_OPEN_H
#define SKT_TRANSPORT_OPEN_H

#include "transport/transport.h"

struct skt_dialer;

/* Called once, from the loop: with the stream (the caller's from then on), or NULL and the error. The dialer is gone afterwards. */
typedef void skt_dialed(void *user, struct skt_stream *stream, const struct skt_error *err);

/* Start to dial `e`, which must outlive the dialling; `origin` is copied. Returns 0 (done() is called later), or -SKT_E_LIMIT or
 * -SKT_E_USAGE at once. timeout= (10 s) bounds each attempt; retry= says how many more follow a failed one, with growing,
 * jittered delays. At the limit of descriptors it waits for one until the deadline. */
int skt_dialer_new(struct skt_loop *loop, const struct skt_endpoint *e, const struct skt_origin *origin,
		   skt_dialed *done, void *user, struct skt_dialer **ret, struct skt_error *err);
/* The same for a stream that was accepted at `e` and is opening (skt_chain_accept()): it is owned from then on, also on failure, and has
 * timeout= to be up. */
int skt_dialer_new_accepted(struct skt_loop *loop, const struct skt_endpoint *e, struct skt_stream *stream,
			    skt_dialed *done, void *user, struct skt_dialer **ret, struct skt_error *err);
/* Give it up; done() is not called. NULL is fine. */
void skt_dialer_free(struct skt_dialer *d);

#endif

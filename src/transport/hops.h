/* SPDX-License-Identifier: Apache-2.0 */
/* The proxies on the way to an endpoint: via=. */
#ifndef SKT_TRANSPORT_HOPS_H
#define SKT_TRANSPORT_HOPS_H

#include "transport/transport.h"

struct skt_hops;

/* The proxies that via= of an endpoint names, in their order; NULL where there is none, as with via=env and no ALL_PROXY. `e` outlives them.
 * Returns 0, -SKT_E_USAGE or -SKT_E_LIMIT. */
int skt_hops_new(const struct skt_endpoint *e, struct skt_hops **ret, struct skt_error *err);
void skt_hops_free(struct skt_hops *hops);

/* Their names, without passwords, apart by commas. */
void skt_hops_print(const struct skt_hops *hops, struct skt_text *ret);
/* Dial the first, and ask each for the next, the last for the endpoint itself. As skt_transport.dial. */
int skt_hops_dial(struct skt_loop *loop, const struct skt_hops *hops, const struct skt_origin *origin,
		  struct skt_stream **ret, struct skt_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Dialling a name: its addresses race each other, RFC 8305 (Happy Eyeballs). */
#ifndef SKT_TRANSPORT_RACE_H
#define SKT_TRANSPORT_RACE_H

#include "endpoint/endpoint.h"
#include "io/stream.h"
#include "loop/loop.h"
#include "sys/addr.h"
#include "transport/transport.h"

/* Begin to connect to one address, with the endpoint's options. Of the origin only `many` and
 * `is_tolerant` count in a race. Returns 0 and the stream,
 * which may still be opening, or -kind. */
typedef int skt_race_start(struct skt_loop *loop, const struct skt_endpoint *e, const struct skt_addr *to,
			   const struct skt_origin *origin, struct skt_stream **ret, struct skt_error *err);

/* A stream that opens by racing: look up `host` (or take the n addresses given), start one attempt after the other 250 ms
 * apart, or as soon as one fails; the first to connect wins, the others are closed. `e` must outlive the opening.
 * Returns 0 or -SKT_E_LIMIT. */
int skt_race_new(struct skt_loop *loop, const struct skt_endpoint *e, const char *host, int family,
		 const struct skt_addr *addrs, int n, const struct skt_origin *origin, skt_race_start *start,
		 struct skt_stream **ret, struct skt_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What transports over IP share: addresses to dial and to listen on, sockets with their options. */
#ifndef SKT_TRANSPORT_INET_H
#define SKT_TRANSPORT_INET_H

#include "transport/race.h"
#include "transport/transport.h"

/* The families that the scheme and family= allow: AF_INET, AF_INET6, or AF_UNSPEC for both. */
int skt_inet_family(const struct skt_endpoint *e);
/* A non-blocking socket of that type (SOCK_STREAM, SOCK_DGRAM) with the endpoint's options. Returns it, or -kind. */
int skt_inet_socket(int family, int type, const struct skt_endpoint *e, enum skt_role role, struct skt_error *err);
/* bind= and sport= of a dialling socket; `shares`: others may come from there too, to other places. Returns 0 or -kind. */
int skt_inet_bind_source(int fd, const struct skt_endpoint *e, int family, bool shares, struct skt_error *err);
/* Make an empty listener; bind one address and add it. Each returns 0 or -kind. */
typedef int skt_inet_listener(struct skt_loop *loop, struct skt_listener **ret, struct skt_error *err);
typedef int skt_inet_listen_one(struct skt_listener *l, const struct skt_endpoint *e, const struct skt_addr *addr,
				struct skt_error *err);
/* Listen on every address of the endpoint, all on one port, also where the kernel picks it. Returns 0 or -kind. */
int skt_inet_listen(struct skt_loop *loop, const struct skt_endpoint *e, skt_inet_listener *make,
		    skt_inet_listen_one *one, struct skt_listener **ret, struct skt_error *err);
/* Dial a host: an address at once, a name by racing its addresses; `four_first`: of localhost, IPv4 is tried first. Returns 0 or
 * -kind. */
int skt_inet_dial(struct skt_loop *loop, const struct skt_endpoint *e, const struct skt_origin *origin, bool four_first,
		  skt_race_start *start, struct skt_stream **ret, struct skt_error *err);

#endif

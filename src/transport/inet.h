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
/* The addresses to listen on, into SKT_LISTEN_MAX places: count, or -kind. Waits for the resolver: nothing else runs yet. */
int skt_inet_listen_addresses(const struct skt_endpoint *e, struct skt_addr *ret, struct skt_error *err);
/* Whether an address could not be listened on because this machine lacks its family. */
bool skt_inet_is_missing(const struct skt_error *err);
/* Dial a host: an address at once, a name by racing its addresses; `four_first`: of localhost, IPv4 is tried first. Returns 0 or
 * -kind. */
int skt_inet_dial(struct skt_loop *loop, const struct skt_endpoint *e, const struct skt_origin *origin, bool four_first,
		  skt_race_start *start, struct skt_stream **ret, struct skt_error *err);

#endif

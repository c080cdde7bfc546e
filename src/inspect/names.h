/* SPDX-License-Identifier: Apache-2.0 */
/* Names that many sockets share: of services, users and interfaces. */
#ifndef SKT_INSPECT_NAMES_H
#define SKT_INSPECT_NAMES_H

#include "inspect/census.h"

/* Names that many rows share, found once and remembered; not for several threads.
 * The name of the service on a socket's port, or NULL; static: the own end's for bound
 * sockets, else that of the lower port that has one. */
const char *skt_names_service(const struct skt_sock *s);
/* The same for a port alone, over TCP or UDP. */
const char *skt_names_service_of_port(bool udp, uint32_t port);
/* The name of a user in `room`: a number where there is none. */
const char *skt_names_user(uint32_t uid, char *room, size_t size);
/* The interface that a socket is bound to, in `room`: its name in our own namespace, else its number; NULL where there is none. */
const char *skt_names_interface(const struct skt_census *c, const struct skt_sock *s, char *room, size_t size);
/* A vsock address as endpoints write it: "any", or a number. */
const char *skt_names_cid(uint32_t cid, char *room, size_t size);

#endif

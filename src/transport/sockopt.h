/* SPDX-License-Identifier: Apache-2.0 */
/* Socket options that endpoints ask for, as a table. */
#ifndef SKT_TRANSPORT_SOCKOPT_H
#define SKT_TRANSPORT_SOCKOPT_H

#include "endpoint/endpoint.h"
#include "sys/addr.h"

/* Set on a new socket of that family what the endpoint asks for in that role, and our defaults (TCP: no delay, urgent data in
 * line). Returns 0, -SKT_E_DENIED or -SKT_E_USAGE with an error that names the option. */
int skt_sockopt_apply(int fd, int family, const struct skt_endpoint *e, enum skt_role role, struct skt_error *err);

/* Bind a socket to the interface of interface=, where that is said: once more where it came back under another index. Returns as
 * above. */
int skt_sockopt_interface(int fd, const struct skt_endpoint *e, struct skt_error *err);

/* Set on an accepted TCP socket what it does not inherit from its listener: priority. Returns 0 or -1 with errno. */
int skt_sockopt_not_inherited(int fd, const struct skt_endpoint *e);

/* For loopback: cubic where the system's congestion control paces (bbr paces loopback too, and costs two thirds of the
 * throughput). Nothing where the endpoint names one, or the system's is cubic or reno already. Returns whether it was set. */
bool skt_sockopt_loopback(int fd, const struct skt_addr *addr, const struct skt_endpoint *e);
/* The congestion control that loopback sockets get instead of the system's, or NULL where that is left alone. */
const char *skt_sockopt_loopback_congestion(const struct skt_endpoint *e);
int skt_sockopt_congestion(int fd, const char *name);

#endif

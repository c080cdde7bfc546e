/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets that stay on a network interface which goes away and comes back. */
#ifndef SKT_TRANSPORT_REGAIN_H
#define SKT_TRANSPORT_REGAIN_H

#include "endpoint/endpoint.h"
#include "io/listener.h"

/* Put a socket of the listener back on an interface that was index `before` and is index `now` (interface=, memberships). Returns 0
 * or -kind. */
typedef int skt_regain_again(int fd, const struct skt_endpoint *e, const struct skt_addr *addr, unsigned before,
			     unsigned now, struct skt_error *err);

/* Where the endpoint names an interface: watch it from now on (rtnetlink(7)); when it is gone, and when it is back, say so with the
 * listener's tell(); when it is back, put the sockets on it again. Where the kernel lets nobody watch, nothing. The endpoint
 * outlives the listener, which ends this. */
void skt_regain_start(struct skt_listener *l, const struct skt_endpoint *e, skt_regain_again *again);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A datagram socket that many peers talk to: each peer becomes a client of its own, a session. */
#ifndef SKT_IO_DGSERVER_H
#define SKT_IO_DGSERVER_H

#include "io/dgram.h"
#include "io/listener.h"

struct skt_endpoint;

/* Make an empty one, of that family's scheme ("udp", "unix-dgram"); it is a listener like any other. Returns 0 or -SKT_E_LIMIT. */
int skt_dgserver_new(struct skt_loop *loop, const char *scheme, struct skt_listener **ret, struct skt_error *err);
/* Add a bound socket, which is taken over, also on failure. `is_any`: it is bound to every address. Returns 0 or -SKT_E_LIMIT. */
int skt_dgserver_add(struct skt_listener *l, int fd, int family, bool is_any, struct skt_error *err);
/* How to make another bound socket like one of its own, for one more thread: returns it, or -kind. `e` must outlive the server. Without
 * this its sockets are not shared. */
typedef int skt_dgserver_more(const struct skt_endpoint *e, const struct skt_addr *addr, struct skt_error *err);
void skt_dgserver_shares(struct skt_listener *l, const struct skt_endpoint *e, skt_dgserver_more *more);
/* The address of ours that the peer of a session speaks to. Returns 0, or -1 where the stream is no session. */
int skt_dgserver_local(const struct skt_stream *s, struct skt_addr *ret);

#endif

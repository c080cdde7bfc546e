/* SPDX-License-Identifier: Apache-2.0 */
/* Names to addresses without blocking: getaddrinfo(3) on threads of its own. */
#ifndef SKT_SYS_RESOLVE_H
#define SKT_SYS_RESOLVE_H

#include "base/error.h"
#include "sys/addr.h"

enum { SKT_RESOLVED_MAX = 32 };

struct skt_resolve;

/* Start to resolve `host` for stream sockets; family AF_UNSPEC, AF_INET or AF_INET6. The names of RFC 6761 section 6.3
 * (localhost) never leave the machine. On success *ret has a descriptor that becomes readable when the answer is there.
 * Returns 0, or -SKT_E_LIMIT. */
int skt_resolve_new(const char *host, int port, int family, struct skt_resolve **ret, struct skt_error *err);
/* The descriptor to watch; owned by the look-up. */
int skt_resolve_fd(const struct skt_resolve *r);
/* Take the answer: the count of addresses written to ret[max], interleaved by family as RFC 8305 section 4 asks;
 * -SKT_AGAIN while there is none, -SKT_E_RESOLVE with the resolver's words, -SKT_E_LIMIT. */
int skt_resolve_take(struct skt_resolve *r, struct skt_addr *ret, int max, struct skt_error *err);
/* Give it up, answered or not. NULL is fine. A look-up that hangs in the system's resolver ends by itself later. */
void skt_resolve_free(struct skt_resolve *r);

/* The addresses of localhost, IPv6 first, without a thread: count. */
int skt_resolve_loopback(int port, int family, struct skt_addr *ret);
/* Whether a name is localhost or below it (RFC 6761 section 6.3). */
bool skt_resolve_is_localhost(const char *host);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* via=: a layer that asks a proxy, while it opens, for a connection to a target, and from then on leaves bytes alone. */
#ifndef SKT_IO_FILTER_TUNNEL_H
#define SKT_IO_FILTER_TUNNEL_H

#include "io/stream.h"

enum skt_tunnelkind {
	SKT_TUNNEL_SOCKS5,  /* RFC 1928, with a user and a password RFC 1929 */
	SKT_TUNNEL_SOCKS4A, /* SOCKS4 where the target is an IPv4 address */
	SKT_TUNNEL_CONNECT, /* HTTP (RFC 9110, section 9.3.6), with a user Basic (RFC 7617) */
};

/* Where to. All of it is copied, and forgotten once the tunnel is up. */
struct skt_tunnel_to {
	enum skt_tunnelkind kind;
	const char *user, *password; /* or NULL */
	const char *proxy;           /* how messages call the proxy: "socks5://127.0.0.1:1080" */
	const char *host; /* the target: a name, which the proxy resolves, or an IP address, IPv6 without brackets */
	unsigned port;
};

/* A stream over `below`, a stream of bytes to the proxy, which is taken over, also on failure. Returns 0; -SKT_E_LIMIT without memory;
 * -SKT_E_USAGE where the protocol cannot say it: a name, user or password that is too long, SOCKS4a with an IPv6 address or a
 * password.
 *
 * open: opens below, asks, and waits for the answer, for as long as the dialler lets it. Fails with
 *   SKT_E_REFUSED  the proxy could not reach the target, or does not want to
 *   SKT_E_DENIED   the proxy wants a login, or another one, or its rules forbid it
 *   SKT_E_TIMEOUT  the target did not answer the proxy
 *   SKT_E_PEER     the proxy speaks something else, or closed before it had answered
 * read, write, shut: as below. What came behind the answer is given first; raw() is NULL until it has been taken. */
int skt_tunnel_new(struct skt_stream *below, const struct skt_tunnel_to *to, struct skt_stream **ret,
		   struct skt_error *err);

#endif

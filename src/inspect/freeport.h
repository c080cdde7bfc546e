/* SPDX-License-Identifier: Apache-2.0 */
/* Free ports: finding them, and holding one so that nobody else is handed it. */
#ifndef SKT_INSPECT_FREEPORT_H
#define SKT_INSPECT_FREEPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "inspect/lease.h"

/* A TCP port that is bound on every address and does not listen. The kernel hands it to nobody; a program that sets SO_REUSEADDR
 * may bind it and listen. */
struct skt_hold {
	unsigned port;
	int fd[2]; /* IPv4, IPv6; -1: that family is not there, or the hold is closed */
};

/* Hold that port, or one that the kernel picks where it is 0: of all who hold by this function, whatever their user, one gets
 * it. Connections of an earlier program that still end (TIME_WAIT) do not matter. Returns 0; -SKT_E_INUSE; -SKT_E_DENIED: a
 * system port; -SKT_E_LIMIT: no port is free, or no descriptor. */
int skt_hold_open(unsigned port, struct skt_hold *ret, struct skt_error *err);
void skt_hold_close(struct skt_hold *h);

/* Listen on a held port beside the hold, which stays: on this machine's loopback, or on every interface with `any`. One socket
 * that takes both families where that is possible, because many programs use only the first that they are given; else one for
 * each. Returns how many descriptors are in ret (1 or 2; close-on-exec, blocking), -SKT_E_INUSE or -SKT_E_LIMIT. */
int skt_hold_listen(const struct skt_hold *h, bool any, int *ret, struct skt_error *err);

/* The port that a name in a directory prefers, so that it is the same each time: attempt 0, then others to try, below
 * SKT_PREFERRED. From the user ports outside net.ipv4.ip_local_port_range; 0 where that leaves too few. */
enum { SKT_PREFERRED = 16 };
unsigned skt_port_preferred(const char *directory, const char *name, int attempt);

/* Whether nothing is bound to it on any address of any family: TCP, and UDP too where asked. Returns 1, or 0 where something is;
 * -SKT_E_DENIED: a system port, which we may not try; -SKT_E_LIMIT: no descriptor. */
int skt_port_look(unsigned port, bool udp);

struct skt_port_search {
	unsigned first, last;            /* the range; 0, 0: the kernel picks from its own */
	bool scattered;                  /* begin anywhere in the range, not with the first */
	bool udp;                        /* free for UDP too */
	const struct skt_leases *leases; /* not these */
	size_t n_denied;                 /* out: ports that we may not try */
};

/* Find n different free ports. Returns how many were found, also where these are fewer; or -SKT_E_LIMIT. */
long skt_port_search(struct skt_port_search *search, unsigned *ret, size_t n, struct skt_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Bound sockets as services: what belongs together is one row. */
#ifndef SKT_INSPECT_PORTROW_H
#define SKT_INSPECT_PORTROW_H

#include "inspect/census.h"
#include "inspect/lease.h"

/* Sockets of one service: of the same protocol, port and state, at the same place (every address, this machine, or one
 * address), of the same program and user. So the two families are one row, and so are the workers that share a port. */
struct skt_portrow {
	const struct skt_sock *sock; /* the first of them; protocol, port, state and interface are those of all */
	size_t n_socks;
	bool takes_v4, takes_v6;           /* of all of them together */
	bool has_queue, has_drops;         /* known of at least one */
	uint32_t queue, limit;             /* of the one whose queue is fullest */
	uint64_t drops;                    /* of all */
	const struct skt_process *process; /* the one that runs longest, or NULL: nobody that may be seen has them */
	size_t n_processes;                /* that have one of them open */
	const struct skt_lease *lease;     /* that holds the port, or NULL */
};

struct skt_portrows {
	struct skt_portrow *row;
	size_t n;
};

/* Group sockets of a census (n of them; the array is sorted anew), rows by port, then unix sockets by name. Returns 0, or
 * -SKT_E_LIMIT. The rows point into the census, and into the leases, which may be NULL. */
int skt_portrows_group(const struct skt_census *c, const struct skt_sock **sock, size_t n,
		       const struct skt_leases *leases, struct skt_portrows *ret, struct skt_error *err);
void skt_portrows_release(struct skt_portrows *r);

/* Append the address as a person reads it, without the port: "any", "any (IPv4)", "loopback", "127.0.0.1", "any on eth0" (with
 * `interface`, a name, where that is not NULL), or the name of a unix socket as it is. */
void skt_portrow_print_address(const struct skt_portrow *row, const struct skt_census *c, const char *interface,
			       struct skt_text *ret);

/* Of the leases, those that a socket of this machine's own namespace may show; NULL where the lease of that port is none of it. */
const struct skt_lease *skt_portrow_lease(const struct skt_leases *leases, const struct skt_sock *s);

#endif

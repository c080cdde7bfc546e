/* SPDX-License-Identifier: Apache-2.0 */
/* The bound sockets of this machine, looked at again and again: those that a filter lets through, with their processes and leases. */
#ifndef SKT_INSPECT_PORTLOOK_H
#define SKT_INSPECT_PORTLOOK_H

#include "base/json.h"
#include "inspect/filter.h"
#include "inspect/portrow.h"

/* A zeroed struct is safe to release. It stays where it is. */
struct skt_portlook {
	struct skt_filter *filter;
	struct skt_census_spec spec; /* depth, netns and all_netns are the caller's to set */

	/* of the last look */
	struct skt_census census;
	struct skt_leases leases;
	struct skt_sock *held; /* ports that only the record of a lease tells about */
	size_t n_held;
	const struct skt_sock **sock; /* those that match, in the order of the rows */
	size_t n_socks;
	struct skt_portrows rows;
};

/* Read the filter's words; they must outlive the look. Returns 0 or -kind, with err->at in the words. */
int skt_portlook_open(struct skt_portlook *p, const char *const *words, int n_words, struct skt_error *err);
void skt_portlook_release(struct skt_portlook *p);
/* Look at the machine (again): census, leases, sock and rows. Returns 0 or -kind. */
int skt_portlook_look(struct skt_portlook *p, struct skt_error *err);
/* Append an object for a socket; `event` may be NULL. */
void skt_portlook_add_json(const struct skt_portlook *p, const struct skt_sock *s, const char *event, struct skt_json *j);

#endif

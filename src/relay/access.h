/* SPDX-License-Identifier: Apache-2.0 */
/* Who may connect: networks allowed and denied. */
#ifndef SKT_RELAY_ACCESS_H
#define SKT_RELAY_ACCESS_H

#include "endpoint/cidr.h"
#include "sys/addr.h"

enum { SKT_ACCESS_MAX = 64 };

/* A zeroed struct lets everybody in. */
struct skt_access {
	struct skt_cidr allow[SKT_ACCESS_MAX], deny[SKT_ACCESS_MAX];
	int n_allow, n_deny;
};

/* Add a rule from its text. Returns 0, -SKT_E_USAGE, or -SKT_E_LIMIT after SKT_ACCESS_MAX. */
int skt_access_add(struct skt_access *access, bool allow, const char *cidr, struct skt_error *err);
/* A denied network is out; where networks are allowed, only those are in. Peers without an IP address (unix, vsock) are always
 * in: their file modes and contexts guard them. */
bool skt_access_lets_in(const struct skt_access *access, const struct skt_addr *peer);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The other end of a connection, where both are on this machine. */
#ifndef SKT_INSPECT_COUNTERPART_H
#define SKT_INSPECT_COUNTERPART_H

#include "inspect/socktable.h"

struct skt_counterpart {
	uint64_t key;
	uint32_t row;
};

/* An index of the connections of a table. A zeroed struct has none, and is safe to release. */
struct skt_counterparts {
	const struct skt_socktable *table;
	struct skt_counterpart *by_key;
	size_t n;
};

/* The table must stay as it is while *ret is asked. Returns 0 or -SKT_E_LIMIT: *ret is untouched. */
int skt_counterparts_gather(const struct skt_socktable *t, struct skt_counterparts *ret);
/* The socket at the other end of a connection of that table; NULL where it is on another machine, in a namespace that was not
 * looked into, or gone. Connections over loopback have both ends in one namespace. */
const struct skt_sock *skt_counterpart_of(const struct skt_counterparts *c, const struct skt_sock *s);
void skt_counterparts_release(struct skt_counterparts *c);

#endif

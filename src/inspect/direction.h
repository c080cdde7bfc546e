/* SPDX-License-Identifier: Apache-2.0 */
/* Who dialled: the direction of a connection, which the kernel does not keep. */
#ifndef SKT_INSPECT_DIRECTION_H
#define SKT_INSPECT_DIRECTION_H

#include "inspect/socktable.h"

enum skt_direction { SKT_DIRECTION_UNKNOWN, SKT_DIRECTION_IN, SKT_DIRECTION_OUT };
/* How it is known: a socket waits for others at that end; or only by the range that the port is from, which is a guess. */
enum skt_direction_from { SKT_FROM_NOTHING, SKT_FROM_LISTENER, SKT_FROM_RANGE };

/* Where sockets of a table wait for others, for fast answers. A zeroed struct is safe to release. */
struct skt_listeners {
	uint64_t *key; /* a hash table; see direction.c */
	size_t n, cap;
	int dynamic_first, dynamic_last; /* net.ipv4.ip_local_port_range; 0, 0: unknown, nothing is guessed */
	const struct skt_socktable *table;
	uint32_t *row; /* another: of unix sockets, inode to row + 1; 0 is free */
	size_t cap_rows, n_rows;
};

/* Gather them anew, in the memory that *ret has; the table must have been read with the states of sockets that wait
 * (SKT_STATES_BOUND), and stay where it is while *ret is asked. Returns 0 or -SKT_E_LIMIT: *ret is then empty. */
int skt_listeners_gather(const struct skt_socktable *t, struct skt_listeners *ret);
void skt_listeners_release(struct skt_listeners *l);
/* The direction of a connection of that table, and how it is known. A unix socket says it by its name, which it has from the
 * socket that accepted it. Of a socket that is no connection: unknown. */
enum skt_direction skt_direction_of(const struct skt_listeners *l, const struct skt_sock *s,
				    enum skt_direction_from *from);
/* The other end of a unix socket of that table, or NULL. */
const struct skt_sock *skt_listeners_peer(const struct skt_listeners *l, const struct skt_sock *s);
/* Stable words: "in", "out", or NULL. */
const char *skt_direction_name(enum skt_direction direction);
/* "listener", "range", or NULL. */
const char *skt_direction_from_name(enum skt_direction_from from);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The peers of a datagram socket: a hash table by address, and rings by when they were last heard. */
#include "io/dgsession.h"

#include <string.h>

#include "base/alloc.h"

enum { PEERS_LEAST_SLOTS = 64 };

void skt_dgring_init(struct skt_dgring *r)
{
	r->next = r->last = r;
}

void skt_dgring_remove(struct skt_dgring *r)
{
	r->next->last = r->last;
	r->last->next = r->next;
	skt_dgring_init(r);
}

void skt_dgring_append(struct skt_dgring *to, struct skt_dgring *r)
{
	skt_dgring_remove(r);
	r->next = to;
	r->last = to->last;
	to->last->next = r;
	to->last = r;
}

/* --- the table of peers ------------------------------------------------------------------------------------------------- */

static uint64_t peers_mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15U;
	return hash ^ hash >> 29;
}

uint32_t skt_dgpeers_hash(const struct skt_addr *peer, const struct skt_local *local, int socket)
{
	uint64_t hash = (uint64_t)socket + 1, part;

	if (peer->sa.sa_family == AF_INET) {
		hash = peers_mix(hash, (uint64_t)peer->in.sin_addr.s_addr << 16 | peer->in.sin_port);
	} else {
		for (size_t at = 0; at < peer->len; at += sizeof(part)) {
			part = 0;
			memcpy(&part, peer->room + at, peer->len - at < sizeof(part) ? peer->len - at : sizeof(part));
			hash = peers_mix(hash, part);
		}
	}
	if (local->family == AF_INET)
		hash = peers_mix(hash, local->v4.s_addr);
	for (int i = 0; local->family == AF_INET6 && i < 16; i += 8) {
		memcpy(&part, local->v6.s6_addr + i, sizeof(part));
		hash = peers_mix(hash, part);
	}
	return (uint32_t)(hash >> 16);
}

static bool peers_is_same_local(const struct skt_local *a, const struct skt_local *b)
{
	if (a->family != b->family || a->family == 0)
		return a->family == b->family;
	if (a->family == AF_INET)
		return a->v4.s_addr == b->v4.s_addr;
	return a->interface == b->interface && memcmp(&a->v6, &b->v6, sizeof(a->v6)) == 0;
}

/* An unnamed peer (of a unix socket) cannot be answered, and cannot be told from others: all of them are one. */
static bool peers_is(const struct skt_dgsession *s, const struct skt_addr *peer, const struct skt_local *local, int socket)
{
	return s->socket == socket && s->peer_len == peer->len && memcmp(s->peer, peer->room, peer->len) == 0 &&
	       peers_is_same_local(&s->local, local);
}

struct skt_dgsession *skt_dgpeers_find(const struct skt_dgserver *v, const struct skt_addr *peer,
				       const struct skt_local *local, int socket, uint32_t hash)
{
	if (v->n_slots == 0)
		return NULL;
	for (size_t at = hash & (v->n_slots - 1); v->slot[at]; at = (at + 1) & (v->n_slots - 1))
		if (v->slot[at]->hash == hash && peers_is(v->slot[at], peer, local, socket))
			return v->slot[at];
	return NULL;
}

void skt_dgpeers_put(struct skt_dgserver *v, struct skt_dgsession *s)
{
	size_t at = s->hash & (v->n_slots - 1);

	while (v->slot[at])
		at = (at + 1) & (v->n_slots - 1);
	v->slot[at] = s;
}

bool skt_dgpeers_reserve(struct skt_dgserver *v)
{
	size_t n = v->n_slots ? 2 * v->n_slots : PEERS_LEAST_SLOTS, before = v->n_slots;
	struct skt_dgsession **old = v->slot, **grown;

	if (2 * (v->n_sessions + 1) <= v->n_slots)
		return true;
	grown = skt_zalloc(n * sizeof(*grown));
	if (!grown)
		return false;
	v->slot = grown;
	v->n_slots = n;
	for (size_t i = 0; i < before; i++)
		if (old[i])
			skt_dgpeers_put(v, old[i]);
	skt_free(old);
	return true;
}

/* Take it out, and move those up that stand behind it only because of it. */
void skt_dgpeers_take_out(struct skt_dgserver *v, const struct skt_dgsession *s)
{
	size_t mask = v->n_slots - 1, hole, at;

	if (v->n_slots == 0)
		return;
	for (hole = s->hash & mask; v->slot[hole] != s; hole = (hole + 1) & mask)
		if (!v->slot[hole])
			return;
	for (at = (hole + 1) & mask; v->slot[at]; at = (at + 1) & mask) {
		size_t home = v->slot[at]->hash & mask;

		if (((at - home) & mask) < ((at - hole) & mask))
			continue;
		v->slot[hole] = v->slot[at];
		hole = at;
	}
	v->slot[hole] = NULL;
}

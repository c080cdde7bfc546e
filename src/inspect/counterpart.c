/* SPDX-License-Identifier: Apache-2.0 */
/* The other end of a connection, where both are on this machine.
 *
 * How it works: of IP connections the one has as its local end what the other has as its remote end; each socket is found by a
 * hash of both of its ends, and the other end is what lies under the same hash with the ends swapped. Of unix sockets the kernel
 * tells the inode of the other one. Keys that are equal by chance are told apart by comparing the ends. */
#include "inspect/counterpart.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

static uint64_t counterpart_mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15U;
	return hash ^ hash >> 29;
}

static uint64_t counterpart_mix_end(uint64_t hash, const struct skt_ip *ip, uint32_t port)
{
	struct skt_ip bare = skt_ip_bare(ip);
	uint64_t half[2];

	memcpy(half, bare.bytes, sizeof(half));
	return counterpart_mix(counterpart_mix(hash, half[0] + port), half[1]);
}

static bool counterpart_is_unix(const struct skt_sock *s)
{
	return SKT_PROTOS_UNIX & 1U << s->proto;
}

static bool counterpart_is_connected(const struct skt_sock *s)
{
	return counterpart_is_unix(s) ? s->peer != 0 && s->inode != 0 : s->remote.family != 0 && s->remote_port != 0;
}

/* Of a socket, or with `swapped` of the one that would be its other end. */
static uint64_t counterpart_key(const struct skt_sock *s, bool swapped)
{
	uint64_t hash = s->proto;

	if (counterpart_is_unix(s))
		return swapped ? s->peer : s->inode;
	hash = counterpart_mix_end(hash, swapped ? &s->remote : &s->local, swapped ? s->remote_port : s->local_port);
	return counterpart_mix_end(hash, swapped ? &s->local : &s->remote, swapped ? s->local_port : s->remote_port);
}

static bool counterpart_is_end(const struct skt_ip *a, uint32_t a_port, const struct skt_ip *b, uint32_t b_port)
{
	struct skt_ip x = skt_ip_bare(a), y = skt_ip_bare(b);

	return a_port == b_port && skt_ip_is_same(&x, &y);
}

static bool counterpart_fits(const struct skt_sock *s, const struct skt_sock *other)
{
	if (s->proto != other->proto || s == other)
		return false;
	if (counterpart_is_unix(s))
		return other->inode == s->peer && other->netns == s->netns;
	return (s->netns == other->netns || !skt_ip_is_loopback(&s->local)) &&
	       counterpart_is_end(&s->local, s->local_port, &other->remote, other->remote_port) &&
	       counterpart_is_end(&s->remote, s->remote_port, &other->local, other->local_port);
}

static int counterpart_compare(const void *a, const void *b)
{
	const struct skt_counterpart *x = a, *y = b;

	return x->key < y->key ? -1 : x->key > y->key;
}

int skt_counterparts_gather(const struct skt_socktable *t, struct skt_counterparts *ret)
{
	struct skt_counterparts c = { .table = t, .by_key = skt_malloc((t->n ? t->n : 1) * sizeof(*c.by_key)) };

	if (!c.by_key)
		return -SKT_E_LIMIT;
	for (size_t i = 0; i < t->n; i++)
		if (counterpart_is_connected(&t->sock[i]))
			c.by_key[c.n++] = (struct skt_counterpart){ .key = counterpart_key(&t->sock[i], false),
								    .row = (uint32_t)i };
	if (c.n > 0)
		qsort(c.by_key, c.n, sizeof(*c.by_key), counterpart_compare);
	*ret = c;
	return 0;
}

const struct skt_sock *skt_counterpart_of(const struct skt_counterparts *c, const struct skt_sock *s)
{
	uint64_t key = counterpart_key(s, true);
	size_t first = 0, last = c->n;

	if (!counterpart_is_connected(s))
		return NULL;
	while (first < last) {
		size_t middle = first + (last - first) / 2;

		if (c->by_key[middle].key < key)
			first = middle + 1;
		else
			last = middle;
	}
	for (; first < c->n && c->by_key[first].key == key; first++)
		if (counterpart_fits(s, &c->table->sock[c->by_key[first].row]))
			return &c->table->sock[c->by_key[first].row];
	return NULL;
}

void skt_counterparts_release(struct skt_counterparts *c)
{
	skt_free(c->by_key);
	*c = (struct skt_counterparts){ 0 };
}

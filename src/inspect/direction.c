/* SPDX-License-Identifier: Apache-2.0 */
/* Who dialled.
 *
 * How it works. An accepted connection has the local port of the socket that accepted it, which usually still listens. So every
 * socket that waits for others goes into a hash table, under its namespace, protocol, port and address (an address of zeros stands
 * for any, one for each family), and a connection is looked up by its local end: found, it came in. Else by its remote end: found,
 * and that end is on this machine, it went out. Where nobody waits (any more), the port says it by chance: the kernel takes ports
 * for outgoing connections from net.ipv4.ip_local_port_range, and servers are rarely there. That is marked as a guess.
 *
 * The remote end is on this machine where its address is a loopback one, is that of the local end, or is one that a socket
 * waits at. */
#include "inspect/direction.h"

#include <string.h>

#include "base/alloc.h"
#include "sys/proc.h"

/* An end of a connection, as it is looked up. */
struct place {
	uint8_t proto;
	int16_t netns;
	uint32_t port;
	struct skt_ip ip; /* never a mapped one */
};

static uint64_t place_mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15U;
	return hash ^ hash >> 29;
}

/* 64 bits that name the place; never 0, which marks a free slot. Two places that share a key would need some four thousand
 * million listeners. */
static uint64_t place_key(const struct place *p)
{
	uint64_t hash = place_mix((uint64_t)p->proto << 56 | (uint64_t)(uint16_t)p->netns << 32 | p->port, 1);
	uint64_t half[2] = { 0 };

	memcpy(half, p->ip.bytes, p->ip.family == 4 ? 4 : p->ip.family == 6 ? 16 : 0);
	hash = place_mix(hash, half[0] + (uint64_t)p->ip.family);
	hash = place_mix(hash, half[1]);
	return hash ? hash : 1;
}

static struct place place_of(const struct skt_sock *s, bool remote)
{
	const struct skt_ip *ip = remote ? &s->remote : &s->local;
	struct place p = { .proto = s->proto, .netns = s->netns, .port = remote ? s->remote_port : s->local_port };

	p.ip = skt_ip_bare(ip);
	return p;
}

static bool listeners_have(const struct skt_listeners *l, const struct place *p)
{
	uint64_t key = place_key(p);

	if (l->n == 0)
		return false;
	for (size_t i = key & (l->cap - 1); l->key[i]; i = (i + 1) & (l->cap - 1))
		if (l->key[i] == key)
			return true;
	return false;
}

static void listeners_put(struct skt_listeners *l, const struct place *p)
{
	uint64_t key = place_key(p);
	size_t i = key & (l->cap - 1);

	while (l->key[i] && l->key[i] != key)
		i = (i + 1) & (l->cap - 1);
	l->n += l->key[i] == 0;
	l->key[i] = key;
}

static bool listeners_want(const struct skt_sock *s)
{
	return skt_sock_is_bound(s) && (s->local.family || s->proto == SKT_PROTO_VSOCK);
}

/* Room for so many listeners, each of which may need two places, and half of the slots free. */
static bool listeners_reserve(struct skt_listeners *l, size_t n)
{
	size_t cap = 64;

	while (cap < 4 * n)
		cap *= 2;
	if (cap > l->cap) {
		uint64_t *key = skt_realloc(l->key, cap * sizeof(*key));

		if (!key)
			return false;
		l->key = key;
		l->cap = cap;
	}
	memset(l->key, 0, l->cap * sizeof(*l->key));
	return true;
}

static void listeners_add(struct skt_listeners *l, const struct skt_sock *s)
{
	struct place p = place_of(s, false);

	listeners_put(l, &p);
	if (p.ip.family == 6 && skt_ip_is_any(&p.ip) && skt_sock_takes_v4(s)) {
		p.ip = (struct skt_ip){ .family = 4 };
		listeners_put(l, &p);
	}
}

static bool listeners_is_unix(const struct skt_sock *s)
{
	return (SKT_PROTOS_UNIX >> s->proto & 1U) && s->inode;
}

static size_t listeners_slot(const struct skt_listeners *l, uint64_t inode)
{
	return place_mix(inode, 2) & (l->cap_rows - 1);
}

static bool listeners_reserve_rows(struct skt_listeners *l, size_t n)
{
	size_t cap = 64;

	while (cap < 2 * n)
		cap *= 2;
	if (cap > l->cap_rows) {
		uint32_t *row = skt_realloc(l->row, cap * sizeof(*row));

		if (!row)
			return false;
		l->row = row;
		l->cap_rows = cap;
	}
	memset(l->row, 0, l->cap_rows * sizeof(*l->row));
	return true;
}

static void listeners_add_unix(struct skt_listeners *l, size_t row)
{
	size_t i = listeners_slot(l, l->table->sock[row].inode);

	while (l->row[i])
		i = (i + 1) & (l->cap_rows - 1);
	l->row[i] = (uint32_t)row + 1;
	l->n_rows++;
}

const struct skt_sock *skt_listeners_peer(const struct skt_listeners *l, const struct skt_sock *s)
{
	if (l->n_rows == 0 || s->peer == 0)
		return NULL;
	for (size_t i = listeners_slot(l, s->peer); l->row[i]; i = (i + 1) & (l->cap_rows - 1))
		if (l->table->sock[l->row[i] - 1].inode == s->peer)
			return &l->table->sock[l->row[i] - 1];
	return NULL;
}

static void listeners_read_range(struct skt_listeners *l)
{
	long first = skt_proc_number("sys/net/ipv4/ip_local_port_range", 0);
	long last = skt_proc_number("sys/net/ipv4/ip_local_port_range", 1);
	bool is_known = first > 0 && last >= first;

	l->dynamic_first = is_known ? (int)first : 0;
	l->dynamic_last = is_known ? (int)last : 0;
}

int skt_listeners_gather(const struct skt_socktable *t, struct skt_listeners *ret)
{
	size_t n = 0, n_unix = 0;

	ret->n = ret->n_rows = 0;
	ret->table = t;
	listeners_read_range(ret);
	for (size_t i = 0; i < t->n; i++) {
		n += listeners_want(&t->sock[i]);
		n_unix += listeners_is_unix(&t->sock[i]);
	}
	if (!listeners_reserve(ret, n) || !listeners_reserve_rows(ret, n_unix))
		return -SKT_E_LIMIT;
	for (size_t i = 0; i < t->n; i++) {
		if (listeners_want(&t->sock[i]))
			listeners_add(ret, &t->sock[i]);
		if (listeners_is_unix(&t->sock[i]))
			listeners_add_unix(ret, i);
	}
	return 0;
}

void skt_listeners_release(struct skt_listeners *l)
{
	skt_free(l->key);
	skt_free(l->row);
	*l = (struct skt_listeners){ 0 };
}

/* Whether somebody waits at that end: for this address, or for any; *exactly says which. */
static bool listeners_wait_at(const struct skt_listeners *l, const struct place *p, bool *exactly)
{
	struct place any = *p;

	*exactly = listeners_have(l, p);
	any.ip = (struct skt_ip){ .family = p->ip.family };
	return *exactly || listeners_have(l, &any);
}

static enum skt_direction direction_by_range(const struct skt_listeners *l, const struct skt_sock *s,
					     enum skt_direction_from *from)
{
	uint32_t first = (uint32_t)l->dynamic_first, last = (uint32_t)l->dynamic_last;
	bool local = s->local_port >= first && s->local_port <= last;
	bool remote = s->remote_port >= first && s->remote_port <= last;

	if (last == 0 || !(local || remote))
		return SKT_DIRECTION_UNKNOWN;
	/* both are from the range: a server would most likely still listen, so it is our end that dialled */
	*from = SKT_FROM_RANGE;
	return local ? SKT_DIRECTION_OUT : SKT_DIRECTION_IN;
}

static enum skt_direction direction_of_ip(const struct skt_listeners *l, const struct skt_sock *s,
					  enum skt_direction_from *from)
{
	struct place local = place_of(s, false), remote = place_of(s, true);
	bool exactly, is_ours;

	*from = SKT_FROM_LISTENER;
	if (listeners_wait_at(l, &local, &exactly))
		return SKT_DIRECTION_IN;
	is_ours = skt_ip_is_loopback(&remote.ip) || skt_ip_is_same(&remote.ip, &local.ip);
	if (listeners_wait_at(l, &remote, &exactly) && (is_ours || exactly))
		return SKT_DIRECTION_OUT;
	*from = SKT_FROM_NOTHING;
	return direction_by_range(l, s, from);
}

/* vsock has no addresses to compare: who waits on a port waits on that of every address of ours. */
static enum skt_direction direction_of_vsock(const struct skt_listeners *l, const struct skt_sock *s,
					     enum skt_direction_from *from)
{
	struct place local = place_of(s, false);

	if (!listeners_have(l, &local))
		return SKT_DIRECTION_UNKNOWN;
	*from = SKT_FROM_LISTENER;
	return SKT_DIRECTION_IN;
}

/* An accepted socket has the name of the one that accepted it, and the end that dialled seldom took one. Where both have a name
 * or none has, as after socketpair(2), nothing can be said. */
static enum skt_direction direction_of_unix(const struct skt_listeners *l, const struct skt_sock *s,
					    enum skt_direction_from *from)
{
	const struct skt_sock *peer = skt_listeners_peer(l, s);

	if (!peer || (peer->name_len > 0) == (s->name_len > 0))
		return SKT_DIRECTION_UNKNOWN;
	*from = SKT_FROM_LISTENER;
	return s->name_len > 0 ? SKT_DIRECTION_IN : SKT_DIRECTION_OUT;
}

enum skt_direction skt_direction_of(const struct skt_listeners *l, const struct skt_sock *s, enum skt_direction_from *from)
{
	*from = SKT_FROM_NOTHING;
	if (skt_sock_is_bound(s) || s->state == SKT_STATE_BOUND)
		return SKT_DIRECTION_UNKNOWN;
	if (s->proto == SKT_PROTO_VSOCK)
		return direction_of_vsock(l, s, from);
	if (s->local.family == 0)
		return direction_of_unix(l, s, from);
	return direction_of_ip(l, s, from);
}

const char *skt_direction_name(enum skt_direction direction)
{
	static const char *const names[] = { [SKT_DIRECTION_IN] = "in", [SKT_DIRECTION_OUT] = "out" };

	return (size_t)direction < SKT_LENGTH(names) ? names[direction] : NULL;
}

const char *skt_direction_from_name(enum skt_direction_from from)
{
	static const char *const names[] = { [SKT_FROM_LISTENER] = "listener", [SKT_FROM_RANGE] = "range" };

	return (size_t)from < SKT_LENGTH(names) ? names[from] : NULL;
}

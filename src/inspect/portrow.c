/* SPDX-License-Identifier: Apache-2.0 */
/* Bound sockets as services.
 *
 * How it works: what decides about a socket's row is put beside it once; sorting by that brings together what belongs together, in
 * the order in which it is shown; one pass makes the rows. */
#include "inspect/portrow.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"

/* Where a socket waits. Addresses other than the two of loopback are told apart by their bytes. */
enum place { PLACE_ANY, PLACE_LOOPBACK, PLACE_ADDRESS };

/* The order of what is shown. */
enum kind { KIND_PORT, KIND_VSOCK, KIND_NAME };

struct item {
	const struct skt_sock *sock;
	const struct skt_process *process; /* its holder that began first */
	const char *name;                  /* unix: its name, not NUL-terminated; else NULL */
	enum kind kind;
	enum place place;
	size_t n_processes;
};

static bool item_is_first_loopback(const struct skt_ip *ip)
{
	static const uint8_t v4[4] = { 127, 0, 0, 1 };
	static const uint8_t v6[16] = { [15] = 1 };

	return memcmp(ip->bytes, ip->family == 4 ? v4 : v6, ip->family == 4 ? 4 : 16) == 0;
}

static enum place item_place(const struct skt_sock *s)
{
	enum skt_reach reach = skt_sock_reach(s);

	if (reach == SKT_REACH_ANY || reach == SKT_REACH_INTERFACE)
		return PLACE_ANY;
	return reach == SKT_REACH_LOOPBACK && s->local.family && item_is_first_loopback(&s->local) ? PLACE_LOOPBACK
												   : PLACE_ADDRESS;
}

static struct item item_of(const struct skt_census *c, const struct skt_sock *s)
{
	struct item item = { .sock = s, .place = item_place(s) };
	const struct skt_process *p;

	item.kind = s->local.family ? KIND_PORT : s->proto == SKT_PROTO_VSOCK ? KIND_VSOCK : KIND_NAME;
	if (item.kind == KIND_NAME)
		item.name = skt_socktable_name(&c->table, s);
	for (; (p = skt_census_holder(c, s, item.n_processes, NULL)) != NULL; item.n_processes++)
		if (!item.process || p->ticks < item.process->ticks)
			item.process = p;
	return item;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_names(const struct item *a, const struct item *b)
{
	uint32_t na = a->sock->name_len, nb = b->sock->name_len;
	int ret = na && nb ? memcmp(a->name, b->name, na < nb ? na : nb) : 0;

	return ret ? ret : compare_numbers(na, nb);
}

static int compare_addresses(const struct item *a, const struct item *b)
{
	const struct skt_ip *x = &a->sock->local, *y = &b->sock->local;
	int ret;

	if (a->kind == KIND_VSOCK)
		return compare_numbers(a->sock->local_cid, b->sock->local_cid);
	if (a->place != PLACE_ADDRESS)
		return 0;
	ret = x->family - y->family;
	return ret ? ret : memcmp(x->bytes, y->bytes, x->family == 4 ? 4 : 16);
}

/* Programs by name and user; where nobody can be seen, by the user of the socket. */
static int compare_programs(const struct item *a, const struct item *b)
{
	int ret;

	if (a->process && b->process)
		ret = strcmp(a->process->name, b->process->name);
	else
		ret = compare_numbers(a->process != NULL, b->process != NULL);
	return ret ? ret : compare_numbers(a->sock->uid, b->sock->uid);
}

/* Items that are equal here are one row. */
static int compare_rows(const struct item *a, const struct item *b)
{
	const struct skt_sock *s = a->sock, *t = b->sock;
	int ret = compare_numbers(a->kind, b->kind);

	if (ret == 0)
		ret = a->kind == KIND_NAME ? compare_names(a, b) : compare_numbers(s->local_port, t->local_port);
	if (ret == 0)
		ret = compare_numbers(s->proto, t->proto);
	if (ret == 0)
		ret = compare_numbers((uint64_t)s->netns, (uint64_t)t->netns);
	if (ret == 0)
		ret = compare_numbers(a->place, b->place);
	if (ret == 0)
		ret = compare_addresses(a, b);
	if (ret == 0)
		ret = compare_numbers(s->interface, t->interface);
	if (ret == 0)
		ret = compare_numbers(s->state, t->state);
	return ret ? ret : compare_programs(a, b);
}

/* Within a row IPv4 first, then as the kernel made them. */
static int compare_items(const void *x, const void *y)
{
	const struct item *a = x, *b = y;
	int ret = compare_rows(a, b);

	if (ret == 0)
		ret = a->sock->local.family - b->sock->local.family;
	return ret ? ret : compare_numbers(a->sock->inode, b->sock->inode);
}

/* Unix sockets may have the same name and nothing else in common: the path was made anew. */
static bool item_begins_row(const struct item *item)
{
	return item->kind == KIND_NAME || compare_rows(item, item - 1) != 0;
}

static void row_add_queue(struct skt_portrow *row, const struct skt_sock *s)
{
	/* the share that is used, without dividing by a limit of 0 */
	if (s->has_queue && (!row->has_queue || (uint64_t)s->queue * row->limit > (uint64_t)row->queue * s->limit)) {
		row->queue = s->queue;
		row->limit = s->limit;
		row->has_queue = true;
	}
	row->has_drops |= s->has_drops;
	row->drops += s->has_drops ? s->drops : 0;
}

/* How many different processes have the sockets of items [0, n). */
static size_t items_processes(const struct skt_census *c, const struct item *item, size_t n)
{
	const struct skt_process *seen[256], *p;
	size_t ret = 0;

	if (n == 1)
		return item->n_processes;
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; (p = skt_census_holder(c, item[i].sock, k, NULL)) != NULL; k++) {
			size_t at = 0;

			while (at < ret && seen[at] != p)
				at++;
			if (at == ret && ret < SKT_LENGTH(seen))
				seen[ret++] = p;
		}
	}
	return ret;
}

static struct skt_portrow row_of(const struct skt_census *c, const struct item *item, size_t n,
				 const struct skt_leases *leases)
{
	struct skt_portrow row = { .sock = item->sock, .n_socks = n, .process = item->process };

	for (size_t i = 0; i < n; i++) {
		row.takes_v4 |= skt_sock_takes_v4(item[i].sock);
		row.takes_v6 |= skt_sock_takes_v6(item[i].sock);
		row_add_queue(&row, item[i].sock);
		if (item[i].process && (!row.process || item[i].process->ticks < row.process->ticks))
			row.process = item[i].process;
	}
	row.n_processes = items_processes(c, item, n);
	row.lease = skt_portrow_lease(leases, row.sock);
	return row;
}

static int rows_make(const struct skt_census *c, const struct item *item, size_t n, const struct skt_leases *leases,
		     struct skt_portrows *ret)
{
	struct skt_portrow *row = skt_malloc((n ? n : 1) * sizeof(*row));
	size_t n_rows = 0;

	if (!row)
		return -SKT_E_LIMIT;
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && !item_begins_row(&item[end]);)
			end++;
		row[n_rows++] = row_of(c, item + i, end - i, leases);
	}
	*ret = (struct skt_portrows){ .row = row, .n = n_rows };
	return 0;
}

int skt_portrows_group(const struct skt_census *c, const struct skt_sock **sock, size_t n,
		       const struct skt_leases *leases, struct skt_portrows *ret, struct skt_error *err)
{
	struct item *item = skt_malloc((n ? n : 1) * sizeof(*item));
	int failed = -SKT_E_LIMIT;

	if (item) {
		for (size_t i = 0; i < n; i++)
			item[i] = item_of(c, sock[i]);
		qsort(item, n, sizeof(*item), compare_items);
		for (size_t i = 0; i < n; i++)
			sock[i] = item[i].sock;
		failed = rows_make(c, item, n, leases, ret);
	}
	skt_free(item);
	return failed < 0 ? skt_fail_memory(err) : 0;
}

void skt_portrows_release(struct skt_portrows *r)
{
	skt_free(r->row);
	*r = (struct skt_portrows){ 0 };
}

/* Leases are TCP's, and of the namespace that we are in. */
const struct skt_lease *skt_portrow_lease(const struct skt_leases *leases, const struct skt_sock *s)
{
	if (!leases || s->proto != SKT_PROTO_TCP || s->netns != 0)
		return NULL;
	return skt_leases_of_port(leases, s->local_port);
}

static void row_print_ip(const struct skt_portrow *row, struct skt_text *ret)
{
	char text[SKT_IP_LENGTH];
	bool both = row->takes_v4 && row->takes_v6;

	switch (item_place(row->sock)) {
	case PLACE_ANY:
		skt_text_add(ret, both ? _("any") : row->takes_v4 ? _("any (IPv4)") : _("any (IPv6)"));
		break;
	case PLACE_LOOPBACK:
		skt_text_add(ret, both ? _("loopback") : skt_ip_print(&row->sock->local, text));
		break;
	case PLACE_ADDRESS:
		skt_text_add(ret, skt_ip_print(&row->sock->local, text));
		break;
	}
}

void skt_portrow_print_address(const struct skt_portrow *row, const struct skt_census *c, const char *interface,
			       struct skt_text *ret)
{
	const struct skt_sock *s = row->sock;

	if (s->local.family) {
		row_print_ip(row, ret);
		if (interface)
			skt_text_addf(ret, _(" on %s"), interface);
	} else if (s->proto != SKT_PROTO_VSOCK) {
		skt_socktable_add_name(&c->table, s, ret);
	} else if (s->local_cid == UINT32_MAX) {
		skt_text_add(ret, _("any"));
	} else {
		skt_text_addf(ret, "%u", s->local_cid);
	}
}

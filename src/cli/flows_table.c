/* SPDX-License-Identifier: Apache-2.0 */
/* soket flows: connections as a table for people. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "cli/flows.h"
#include "inspect/names.h"

/* A row while its cells are made. */
struct cells {
	const struct skt_flowlook *f;
	const struct skt_flowrow *row;
	const struct skt_sock *s;
	const struct skt_tcpinfo *info; /* or NULL */
	struct skt_grid *g;
	struct skt_text text;
};

static void cells_add_vsock(const struct skt_sock *s, bool remote, struct skt_text *ret)
{
	char cid[16];

	skt_text_addf(ret, "%s:%u", skt_names_cid(remote ? s->remote_cid : s->local_cid, cid, sizeof(cid)),
		      remote ? s->remote_port : s->local_port);
}

/* The other end of a unix socket: by its name, else by its process. */
static void cells_add_peer(const struct skt_flowlook *f, const struct skt_sock *s, struct skt_text *ret)
{
	const struct skt_sock *peer = skt_listeners_peer(&f->listeners, s);
	const struct skt_process *p = peer ? skt_census_holder(&f->census, peer, 0, NULL) : NULL;

	if (peer && peer->name_len > 0)
		skt_socktable_add_name(&f->census.table, peer, ret);
	else if (p)
		skt_text_addf(ret, "%s %d", p->name, (int)p->pid);
}

void flows_add_end(const struct skt_flowlook *f, const struct skt_sock *s, bool remote, struct skt_text *ret)
{
	const struct skt_ip *ip = remote ? &s->remote : &s->local;

	if (s->proto == SKT_PROTO_VSOCK)
		cells_add_vsock(s, remote, ret);
	else if (ip->family)
		skt_sock_print(ip, s->interface, remote ? s->remote_port : s->local_port, ret);
	else if (remote && s->peer)
		cells_add_peer(f, s, ret);
	else if (!remote)
		skt_socktable_add_name(&f->census.table, s, ret);
}

static void cells_end(struct cells *c, bool remote)
{
	skt_text_clear(&c->text);
	flows_add_end(c->f, c->s, remote, &c->text);
	skt_grid_add(c->g, skt_text_get(&c->text));
}

static void cell_local(struct cells *c)
{
	cells_end(c, false);
}

static void cell_remote(struct cells *c)
{
	cells_end(c, true);
}

/* A guess is marked as one. */
static void cell_direction(struct cells *c)
{
	static const char *const words[] = { "", N_("in"), N_("out") };
	const char *word = words[c->row->m.direction];

	skt_grid_addf(c->g, "%s%s", *word ? _(word) : "", c->row->from == SKT_FROM_RANGE ? "?" : "");
}

static void cell_process(struct cells *c)
{
	const struct skt_process *p = skt_census_holder(&c->f->census, c->s, 0, NULL);
	size_t n = p ? skt_census_n_holders(&c->f->census, c->s) : 0;

	if (!p)
		skt_grid_add(c->g, "");
	else if (n > 1)
		skt_grid_addf(c->g, "%s %d +%zu", p->name, (int)p->pid, n - 1);
	else
		skt_grid_addf(c->g, "%s %d", p->name, (int)p->pid);
}

/* "12.3 MB": the title says that it is by the second. */
static void cells_rate(struct cells *c, double rate)
{
	char room[SKT_UNIT_LENGTH], *slash;

	if (rate < 0) {
		skt_grid_add(c->g, "");
		return;
	}
	skt_rate_print((int64_t)rate, room);
	slash = strchr(room, '/');
	if (slash)
		*slash = '\0';
	skt_grid_add(c->g, (int64_t)rate == 0 ? "0" : room);
}

static void cell_sent_rate(struct cells *c)
{
	cells_rate(c, c->row->m.sent_rate);
}

static void cell_received_rate(struct cells *c)
{
	cells_rate(c, c->row->m.received_rate);
}

static void cells_duration(struct cells *c, skt_time t)
{
	char room[SKT_UNIT_LENGTH];

	skt_grid_add(c->g, t > 0 ? skt_duration_print(t, room) : "");
}

static void cell_rtt(struct cells *c)
{
	cells_duration(c, c->info ? c->info->rtt : 0);
}

static void cell_rtt_min(struct cells *c)
{
	cells_duration(c, c->info ? c->info->rtt_min : 0);
}

static void cell_state(struct cells *c)
{
	skt_grid_add(c->g, skt_sock_state_name(c->s));
}

static void cell_proto(struct cells *c)
{
	skt_grid_add(c->g, skt_proto_name(c->s->proto));
}

/* One unit: an age is no stop-watch. */
static const char *cells_age(skt_time age, char *room)
{
	static const struct {
		skt_time from, one;
		const char *name;
	} units[] = {
		{ 48 * 3600 * SKT_SECOND, 86400 * SKT_SECOND, "d" },
		{ 3600 * SKT_SECOND, 3600 * SKT_SECOND, "h" },
		{ 60 * SKT_SECOND, 60 * SKT_SECOND, "min" },
		{ 0, SKT_SECOND, "s" },
	};
	size_t i = 0;

	while (age < units[i].from)
		i++;
	(void)snprintf(room, SKT_UNIT_LENGTH, "%lld %s", (long long)(age / units[i].one), units[i].name);
	return room;
}

/* Known as well as makes no difference: "3 min"; else at least, ">3 min"; else at most, "<2 h". */
static void cell_age(struct cells *c)
{
	skt_time least = c->row->m.age_least, most = c->row->m.age_most;
	char room[SKT_UNIT_LENGTH];

	if (most < 0)
		most = skt_flowlook_age_most(c->f, c->s, least);
	if (most >= 0 && most - least <= SKT_SECOND + least / 20)
		skt_grid_add(c->g, cells_age(least, room));
	else if (least >= SKT_SECOND)
		skt_grid_addf(c->g, ">%s", cells_age(least, room));
	else if (most >= SKT_SECOND)
		skt_grid_addf(c->g, "<%s", cells_age(most, room));
	else
		skt_grid_add(c->g, "");
}

static void cells_bytes(struct cells *c, bool sent)
{
	uint64_t n[2];
	char room[SKT_UNIT_LENGTH];

	if (!skt_flow_bytes(&c->f->census.table, c->s, &n[0], &n[1]))
		skt_grid_add(c->g, "");
	else
		skt_grid_add(c->g, n[!sent] ? skt_size_print((int64_t)n[!sent], room) : "0");
}

static void cell_sent(struct cells *c)
{
	cells_bytes(c, true);
}

static void cell_received(struct cells *c)
{
	cells_bytes(c, false);
}

static void cell_limited(struct cells *c)
{
	static const char *const words[] = { "", N_("application"), N_("receiver"), N_("send buffer"), N_("network") };
	const char *word = words[c->row->m.limited];

	skt_grid_add(c->g, *word ? _(word) : "");
}

static void cell_retransmits(struct cells *c)
{
	if (c->info && c->info->retransmits)
		skt_grid_addf(c->g, "%u", c->info->retransmits);
	else
		skt_grid_add(c->g, "");
}

/* Received and not read, sent and not acknowledged. */
static void cell_queue(struct cells *c)
{
	if (c->s->has_queue && (c->s->queue || c->s->limit))
		skt_grid_addf(c->g, "%u/%u", c->s->queue, c->s->limit);
	else
		skt_grid_add(c->g, "");
}

static void cell_window(struct cells *c)
{
	if (c->info)
		skt_grid_addf(c->g, "%u", c->info->congestion_window);
	else
		skt_grid_add(c->g, "");
}

/* Nothing for our own, so that the column is only there where others are looked into. */
static void cell_netns(struct cells *c)
{
	const struct skt_netns *netns = &c->f->census.netns[c->s->netns];

	if (netns->name[0] && c->f->spec.all_netns)
		skt_grid_add(c->g, netns->name);
	else if (c->s->netns != 0)
		skt_grid_addf(c->g, _("process %d"), (int)netns->pid);
	else
		skt_grid_add(c->g, "");
}

/* The columns and their cells, in one order. */
static const struct skt_grid_column flows_columns[] = {
	{ .title = N_("PROTO"), .rank = 6 },
	{ .title = N_("LOCAL"), .elastic = true, .least = 15 },
	{ .title = N_("DIR") },
	{ .title = N_("REMOTE"), .elastic = true, .least = 15 },
	{ .title = N_("PROCESS"), .elastic = true, .least = 8 },
	{ .title = N_("OUT/S"), .right = true, .rank = 1 },
	{ .title = N_("IN/S"), .right = true, .rank = 1 },
	{ .title = N_("RTT"), .right = true, .rank = 2 },
	{ .title = N_("AGE"), .right = true, .rank = 3 },
	{ .title = N_("STATE"), .rank = 4 },
	{ .title = N_("LIMITED BY"), .rank = 5 },
	{ .title = N_("SENT"), .right = true, .rank = 7 },
	{ .title = N_("RECEIVED"), .right = true, .rank = 7 },
	{ .title = N_("RETRANS"), .right = true, .rank = 8 },
	{ .title = N_("QUEUES"), .right = true, .rank = 9 },
	{ .title = N_("RTT MIN"), .right = true, .rank = 10 },
	{ .title = N_("WINDOW"), .right = true, .rank = 11 },
	{ .title = N_("NETNS"), .rank = 1 },
	{ .title = NULL },
};

static void (*const flows_cells[])(struct cells *c) = {
	cell_proto,         cell_local,       cell_direction, cell_remote,  cell_process, cell_sent_rate,
	cell_received_rate, cell_rtt,         cell_age,       cell_state,   cell_limited, cell_sent,
	cell_received,      cell_retransmits, cell_queue,     cell_rtt_min, cell_window,  cell_netns,
};

_Static_assert(SKT_LENGTH(flows_cells) + 1 == SKT_LENGTH(flows_columns), "a cell for each column");

struct skt_grid flows_grid(void)
{
	return (struct skt_grid){ .column = flows_columns };
}

/* What is lost now catches the eye; so does what the other end has ended and the program has not. */
static enum skt_ink cells_ink(const struct cells *c)
{
	if (c->info && (c->info->lost || c->info->retransmitting))
		return SKT_INK_YELLOW;
	return c->s->state == SKT_STATE_CLOSE_WAIT ? SKT_INK_DIM : SKT_INK_PLAIN;
}

void flows_add_rows(const struct skt_flowlook *f, size_t first, size_t last, struct skt_grid *g)
{
	struct cells c = { .f = f, .g = g };

	for (size_t i = first; i < last && i < f->n_rows; i++) {
		c.row = &f->row[i];
		c.s = c.row->s;
		c.info = skt_socktable_info(&f->census.table, c.s);
		for (size_t k = 0; k < SKT_LENGTH(flows_cells); k++)
			flows_cells[k](&c);
		skt_grid_end_row(g, cells_ink(&c));
	}
	g->failed |= c.text.failed;
	skt_text_release(&c.text);
}

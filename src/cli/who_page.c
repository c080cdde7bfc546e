/* SPDX-License-Identifier: Apache-2.0 */
/* soket who for people: a page about one place, with tables of its sockets and connections. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "base/unit.h"
#include "cli/explain_facts.h"
#include "cli/explain_page.h"
#include "cli/grid.h"
#include "cli/say.h"
#include "cli/who.h"
#include "inspect/flowrate.h"
#include "inspect/names.h"
#include "sys/clock.h"
#include "sys/netns.h"

/* More than these are counted, unless -v is given. */
enum { PAGE_HOLDERS = 8, PAGE_FLOWS = 20 };

static size_t page_most(size_t n, size_t most)
{
	return skt_say_level() > 0 || n < most ? n : most;
}

/* --- the place ---------------------------------------------------------------------------------------------------------- */

static void page_port(const struct skt_who *w, struct skt_page *p)
{
	bool both = w->spec.protos == SKT_PROTOS_IP, udp = w->spot.protos & 1U << SKT_PROTO_UDP;
	struct skt_portfacts f;

	if (!(w->spot.protos & SKT_PROTOS_IP))
		return;
	skt_portfacts_gather((int)w->spot.port, both ? NULL : udp ? "UDP" : "TCP", &f);
	skt_page_rowf(p, _("class"), f.class->name, _("%d to %d: %s"), f.class->first, f.class->last, _(f.class->help));
	if (f.service)
		skt_page_row(p, _("service"), f.service->name, _(f.service->help));
	else if (f.name[0])
		skt_page_row(p, _("service"), f.name, _("as this system's services database names it"));
}

/* Who can reach it: the widest of its sockets says. */
static void page_reach(const struct skt_who *w, struct skt_page *p)
{
	static const char *const words[] = {
		[SKT_REACH_LOOPBACK] = N_("this machine alone"),
		[SKT_REACH_ADDRESS] = N_("whoever reaches that address"),
		[SKT_REACH_INTERFACE] = N_("whoever comes by one interface"),
		[SKT_REACH_ANY] = N_("whoever reaches this machine, on every interface"),
	};
	enum skt_reach widest = SKT_REACH_LOOPBACK;

	if (w->n_bound == 0 || w->spot.name)
		return;
	for (size_t i = 0; i < w->n_bound; i++)
		if (skt_sock_reach(w->bound[i]) > widest && skt_sock_reach(w->bound[i]) < SKT_REACH_LOCAL)
			widest = skt_sock_reach(w->bound[i]);
	skt_page_row(p, _("open to"), skt_reach_name(widest), _(words[widest]));
}

static void page_lease(const struct skt_lease *l, struct skt_page *p)
{
	char age[SKT_UNIT_LENGTH], room[256];
	int64_t ns = skt_unix_now() - l->since;

	skt_page_rowf(p, _("lease"), l->name[0] ? l->name : _("unnamed"), _("held by soket run (pid %d) for %s, %s, %s"),
		      (int)l->owner, skt_duration_print(ns > 0 ? ns : 0, age),
		      l->directory ? skt_holder_directory(l->directory, room, sizeof(room)) : "?",
		      l->command ? l->command : "?");
}

/* --- who holds it ------------------------------------------------------------------------------------------------------- */

static void page_parents(const struct skt_ancestry *a, struct skt_page *p)
{
	struct skt_text chain = { 0 };

	for (size_t i = 0; i < a->n; i++)
		skt_text_addf(&chain, "%s%s %d", i ? ", " : "", a->process[i].name, (int)a->process[i].pid);
	if (a->is_cut)
		skt_text_add(&chain, a->n ? ", ..." : "...");
	if (chain.len)
		skt_page_row(p, _("parents"), skt_text_get(&chain), NULL);
	p->failed = p->failed || chain.failed;
	skt_text_release(&chain);
}

static void page_known(struct skt_page *p, const char *label, const char *value)
{
	if (value && *value)
		skt_page_row(p, label, value, NULL);
}

/* A namespace that is not ours, by its name where it has one. */
static void page_netns(const struct skt_who *w, const struct skt_process *process, struct skt_page *p)
{
	const char *name = "";

	if (process->netns == 0 || process->netns == skt_netns_of(0))
		return;
	for (size_t i = 0; i < w->h.census.n_netns; i++)
		if (w->h.census.netns[i].inode == process->netns)
			name = w->h.census.netns[i].name;
	skt_page_rowf(p, _("network"), *name ? name : _("another"), _("network namespace %llu"),
		      (unsigned long long)process->netns);
}

static void page_started(const struct skt_process *process, struct skt_page *p)
{
	char age[SKT_UNIT_LENGTH], started[SKT_UNIT_LENGTH], ago[2 * SKT_UNIT_LENGTH];
	int64_t ns = skt_process_age(process);

	if (ns < 0)
		return;
	(void)snprintf(ago, sizeof(ago), _("%s ago"), skt_duration_print(ns, age));
	skt_page_row(p, _("started"), ago, skt_instant_print(process->started, started));
}

static void page_holder(const struct skt_who *w, const struct skt_who_holder *h, struct skt_page *p)
{
	const struct skt_process *process = h->process;
	struct skt_text title = { 0 };
	char user[64], room[256];

	skt_text_addf(&title, w->n_bound > 0 ? _("Held by %s (pid %d, %s)") : _("Used by %s (pid %d, %s)"),
		      process->name[0] ? process->name : "?", (int)process->pid,
		      skt_holder_user(process->uid, user, sizeof(user)));
	skt_page_title(p, skt_text_get(&title));
	page_known(p, _("command"), process->command);
	page_known(p, _("program"), process->program);
	page_known(p, _("directory"),
		   process->directory ? skt_holder_directory(process->directory, room, sizeof(room)) : NULL);
	page_started(process, p);
	page_parents(&h->parents, p);
	page_known(p, _("unit"), process->unit);
	page_known(p, _("container"), process->container);
	page_netns(w, process, p);
	p->failed = p->failed || title.failed;
	skt_text_release(&title);
}

/* The pids of those that are not shown in full. */
static void page_more_holders(const struct skt_who *w, size_t from, struct skt_page *p)
{
	struct skt_text more = { 0 };
	size_t n = w->n_holders - from;

	if (n == 0)
		return;
	skt_text_addf(&more, NG_("And by %zu more (-v shows it):", "And by %zu more (-v shows them):", n), n);
	for (size_t i = from; i < w->n_holders; i++)
		skt_text_addf(&more, "%s %s %d", i > from ? "," : "", w->holder[i].process->name,
			      (int)w->holder[i].process->pid);
	skt_page_text(p, skt_text_get(&more));
	skt_text_release(&more);
}

/* Sockets without a process that we may see. */
static void page_unseen(const struct skt_who *w, struct skt_page *p)
{
	struct skt_text title = { 0 }, words = { 0 };

	for (size_t i = 0; i < w->n_bound && !title.len; i++) {
		if (!skt_who_is_unseen(w, w->bound[i]))
			continue;
		skt_holder_words(&w->h, NULL, w->bound[i], &words);
		skt_text_addf(&title, _("Held by %s"), skt_text_get(&words));
		skt_page_title(p, skt_text_get(&title));
	}
	skt_text_release(&words);
	skt_text_release(&title);
}

static void page_nobody(const struct skt_who *w, struct skt_page *p)
{
	if (w->spot.is_remote)
		skt_page_text(p, w->n_flows
					 ? _("It is on another machine; these programs of this one are connected to it.")
					 : _("It is on another machine, and nothing here is connected to it."));
	else if (w->n_bound == 0 && w->n_flows == 0)
		skt_page_text(p, _("Nobody holds it."));
	else if (w->n_bound == 0)
		skt_page_text(p, _("Nobody waits for clients there; it is one end of the connections below."));
}

/* --- sockets ------------------------------------------------------------------------------------------------------------ */

static const struct skt_grid_column sockets_columns[] = {
	{ .title = N_("PROTO") },
	{ .title = N_("ADDRESS"), .elastic = true, .least = 14 },
	{ .title = N_("STATE"), .rank = 2 },
	{ .title = N_("QUEUE"), .right = true, .rank = 3 },
	{ .title = N_("DROPS"), .right = true, .rank = 4 },
	{ .title = N_("HELD BY"), .elastic = true, .least = 12 },
	{ .title = N_("FD"), .right = true, .rank = 5 },
	{ .title = N_("NETNS"), .rank = 1 },
	{ .title = NULL },
};

static void sockets_add_address(const struct skt_who *w, const struct skt_sock *s, struct skt_grid *g)
{
	struct skt_text address = { 0 };
	char interface[32];

	if (s->local.family) {
		skt_sock_print(&s->local, s->interface, s->local_port, &address);
		if (skt_names_interface(&w->h.census, s, interface, sizeof(interface)))
			skt_text_addf(&address, _(" on %s"), interface);
	} else if (s->proto == SKT_PROTO_VSOCK) {
		skt_text_addf(&address, "%s:%u", skt_names_cid(s->local_cid, interface, sizeof(interface)),
			      s->local_port);
	} else {
		skt_socktable_add_name(&w->h.census.table, s, &address);
	}
	skt_grid_add(g, skt_text_get(&address));
	skt_text_release(&address);
}

static void sockets_add_queue(const struct skt_sock *s, struct skt_grid *g)
{
	char size[SKT_UNIT_LENGTH];

	if (!s->has_queue)
		skt_grid_add(g, "");
	else if (s->state == SKT_STATE_LISTEN)
		skt_grid_addf(g, "%u/%u", s->queue, s->limit);
	else
		skt_grid_add(g, s->queue ? skt_size_print(s->queue, size) : "0");
}

static void sockets_add_process(const struct skt_who *w, const struct skt_sock *s, int *fd, struct skt_grid *g)
{
	const struct skt_process *p = s ? skt_census_holder(&w->h.census, s, 0, fd) : NULL;
	size_t n = p ? skt_census_n_holders(&w->h.census, s) : 0;

	if (!p)
		skt_grid_add(g, "");
	else if (n > 1)
		skt_grid_addf(g, "%s %d +%zu", p->name, (int)p->pid, n - 1);
	else
		skt_grid_addf(g, "%s %d", p->name, (int)p->pid);
}

static void sockets_add_netns(const struct skt_who *w, const struct skt_sock *s, struct skt_grid *g)
{
	const struct skt_netns *netns = &w->h.census.netns[s->netns];

	if (netns->name[0])
		skt_grid_add(g, netns->name);
	else if (s->netns != 0)
		skt_grid_addf(g, _("process %d"), (int)netns->pid);
	else
		skt_grid_add(g, "");
}

static void sockets_add_row(const struct skt_who *w, const struct skt_sock *s, struct skt_grid *g)
{
	bool is_full = s->state == SKT_STATE_LISTEN && s->has_queue && s->limit > 0 && s->queue >= s->limit;
	int fd = -1;

	skt_grid_add(g, skt_proto_name(s->proto));
	sockets_add_address(w, s, g);
	skt_grid_add(g, skt_sock_state_name(s));
	sockets_add_queue(s, g);
	if (s->has_drops && s->drops)
		skt_grid_addf(g, "%u", s->drops);
	else
		skt_grid_add(g, "");
	sockets_add_process(w, s, &fd, g);
	if (fd >= 0)
		skt_grid_addf(g, "%d", fd);
	else
		skt_grid_add(g, "");
	sockets_add_netns(w, s, g);
	skt_grid_end_row(g, is_full || (s->has_drops && s->drops) ? SKT_INK_YELLOW : SKT_INK_PLAIN);
}

/* --- connections -------------------------------------------------------------------------------------------------------- */

static const struct skt_grid_column flows_columns[] = {
	{ .title = N_("PROTO"), .rank = 6 },
	{ .title = N_("FROM"), .elastic = true, .least = 15 },
	{ .title = N_("CLIENT"), .elastic = true, .rank = 1, .least = 8 },
	{ .title = N_("STATE"), .rank = 3 },
	{ .title = N_("RTT"), .right = true, .rank = 4 },
	{ .title = N_("SENT"), .right = true, .rank = 2 },
	{ .title = N_("RECEIVED"), .right = true, .rank = 2 },
	{ .title = N_("QUEUES"), .right = true, .rank = 5 },
	{ .title = N_("HELD BY"), .elastic = true, .rank = 7, .least = 8 },
	{ .title = NULL },
};

/* Where nobody waits at the place, it is not known who is the client. */
static const struct skt_grid_column flows_columns_out[] = {
	{ .title = N_("PROTO"), .rank = 6 },
	{ .title = N_("OTHER END"), .elastic = true, .least = 15 },
	{ .title = N_("ITS PROGRAM"), .elastic = true, .rank = 1, .least = 8 },
	{ .title = N_("STATE"), .rank = 3 },
	{ .title = N_("RTT"), .right = true, .rank = 4 },
	{ .title = N_("SENT"), .right = true, .rank = 2 },
	{ .title = N_("RECEIVED"), .right = true, .rank = 2 },
	{ .title = N_("QUEUES"), .right = true, .rank = 5 },
	{ .title = N_("HELD BY"), .elastic = true, .rank = 7, .least = 8 },
	{ .title = NULL },
};

/* Of a place on another machine the end here is told, else the end that is not at the place. */
static void flows_add_end(const struct skt_who *w, const struct skt_sock *s, struct skt_grid *g)
{
	bool here = w->spot.is_remote;
	struct skt_text end = { 0 };

	if (s->remote.family)
		skt_sock_print(here ? &s->local : &s->remote, s->interface, here ? s->local_port : s->remote_port, &end);
	skt_grid_add(g, skt_text_get(&end));
	skt_text_release(&end);
}

static void flows_add_size(uint64_t n, bool is_known, struct skt_grid *g)
{
	char size[SKT_UNIT_LENGTH];

	skt_grid_add(g, !is_known ? "" : n ? skt_size_print((int64_t)n, size) : "0");
}

static void flows_add_row(const struct skt_who *w, const struct skt_who_flow *f, struct skt_grid *g)
{
	const struct skt_tcpinfo *info = skt_socktable_info(&w->h.census.table, f->s);
	char rtt[SKT_UNIT_LENGTH];
	uint64_t sent, received;
	bool counts = skt_flow_bytes(&w->h.census.table, f->s, &sent, &received);

	skt_grid_add(g, skt_proto_name(f->s->proto));
	flows_add_end(w, f->s, g);
	sockets_add_process(w, w->spot.is_remote ? f->s : f->other, NULL, g);
	skt_grid_add(g, skt_sock_state_name(f->s));
	skt_grid_add(g, info && info->rtt ? skt_duration_print(info->rtt, rtt) : "");
	flows_add_size(counts ? sent : 0, counts, g);
	flows_add_size(counts ? received : 0, counts, g);
	if (f->s->has_queue && (f->s->queue || f->s->limit))
		skt_grid_addf(g, "%u/%u", f->s->queue, f->s->limit);
	else
		skt_grid_add(g, "");
	sockets_add_process(w, w->spot.is_remote ? NULL : f->s, NULL, g);
	skt_grid_end_row(g, f->s->state == SKT_STATE_ESTABLISHED ? SKT_INK_PLAIN : SKT_INK_DIM);
}

/* --- the page ----------------------------------------------------------------------------------------------------------- */

static void page_add_title(struct skt_text *ret, const char *title)
{
	skt_text_addf(ret, "\n%s%s%s\n", skt_ink(1, SKT_INK_BOLD), title, skt_ink(1, SKT_INK_PLAIN));
}

static void page_sockets(const struct skt_who *w, struct skt_text *ret)
{
	struct skt_grid g = { .column = sockets_columns };

	if (w->n_bound == 0)
		return;
	page_add_title(ret, _("Sockets"));
	for (size_t i = 0; i < w->n_bound; i++)
		sockets_add_row(w, w->bound[i], &g);
	skt_grid_print(&g, skt_grid_width(), 1, ret);
	skt_grid_release(&g);
}

static void page_flows_title(const struct skt_who *w, struct skt_text *ret)
{
	struct skt_text title = { 0 };

	if (w->n_bound > 0)
		skt_text_addf(&title, NG_("%zu client now", "%zu clients now", w->n_flows), w->n_flows);
	else
		skt_text_addf(&title, NG_("%zu connection now", "%zu connections now", w->n_flows), w->n_flows);
	if (w->n_ended)
		skt_text_addf(&title,
			      NG_(", and %zu that has ended (TIME_WAIT)", ", and %zu that have ended (TIME_WAIT)",
				  w->n_ended),
			      w->n_ended);
	page_add_title(ret, skt_text_get(&title));
	skt_text_release(&title);
}

static void page_flows(const struct skt_who *w, struct skt_text *ret)
{
	struct skt_grid g = { .column = w->n_bound > 0 ? flows_columns : flows_columns_out };
	size_t most = page_most(w->n_flows, PAGE_FLOWS), more = w->n_flows - most;

	if (w->n_flows == 0 && w->n_ended == 0)
		return;
	page_flows_title(w, ret);
	for (size_t i = 0; i < most; i++)
		flows_add_row(w, &w->flow[i], &g);
	if (g.n_rows > 0)
		skt_grid_print(&g, skt_grid_width(), 1, ret);
	if (more > 0)
		skt_text_addf(ret, NG_("and %zu more: -v shows it\n", "and %zu more: -v shows them\n", more), more);
	skt_grid_release(&g);
}

static void page_verdict(const struct skt_who *w, struct skt_page *p)
{
	const struct skt_error *v = &w->verdict;

	if (!w->has_verdict)
		return;
	skt_page_title(p, w->spec.protos == SKT_PROTOS_IP ? _("If you listened there, over TCP")
							  : _("If you listened there"));
	if (v->kind == SKT_OK) {
		skt_page_row(p, _("result"), _("it would work"), NULL);
		return;
	}
	skt_page_row(p, _("result"), v->text, NULL);
	if (v->hint[0])
		skt_page_row(p, _("advice"), v->hint, NULL);
}

static void page_print(struct skt_page *p, struct skt_text *ret)
{
	skt_page_print(p, ret);
	skt_page_release(p);
}

static void page_title(const struct skt_who *w, struct skt_page *p)
{
	struct skt_text title = { 0 };

	if (w->is_port)
		skt_text_addf(&title, _("Port %s"), skt_text_get(&w->place));
	else
		skt_text_add(&title, skt_text_get(&w->place));
	skt_page_title(p, skt_text_get(&title));
	skt_text_release(&title);
}

int skt_who_page(const struct skt_who *w)
{
	size_t shown = w->spot.is_remote ? 0 : page_most(w->n_holders, PAGE_HOLDERS);
	struct skt_page p = { 0 };
	struct skt_text text = { 0 };
	int ret;

	page_title(w, &p);
	page_port(w, &p);
	page_reach(w, &p);
	if (w->lease)
		page_lease(w->lease, &p);
	page_nobody(w, &p);
	for (size_t i = 0; i < shown; i++)
		page_holder(w, &w->holder[i], &p);
	if (!w->spot.is_remote)
		page_more_holders(w, shown, &p);
	page_unseen(w, &p);
	page_print(&p, &text);
	page_sockets(w, &text);
	page_flows(w, &text);
	page_verdict(w, &p);
	if (p.n_rows > 0)
		skt_text_addc(&text, '\n');
	page_print(&p, &text);
	ret = skt_say_text(&text);
	skt_text_release(&text);
	return -ret;
}

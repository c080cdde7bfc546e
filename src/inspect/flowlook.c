/* SPDX-License-Identifier: Apache-2.0 */
/* The connections of this machine: looking.
 *
 * How it works. The first look is a census, which also finds the namespaces; the following ones read the tables of the same
 * namespaces again, in the memory of the look before last. Sockets that wait for others are read too, for they tell the direction
 * of the rest, and are shown with --all only. TIME_WAIT is asked for only where it is to be shown: there may be very many. */
#include "inspect/flowlook.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "sys/call.h"
#include "sys/clock.h"
#include "sys/netns.h"

/* The protocols that are shown where the filter names none. */
static unsigned flowlook_protos(unsigned asked, bool all)
{
	if (asked && asked != SKT_PROTOS_ALL)
		return asked;
	return all ? 1U << SKT_PROTO_TCP : SKT_PROTOS_IP | 1U << SKT_PROTO_VSOCK;
}

static unsigned flowlook_states(unsigned asked, bool all)
{
	if (asked && (asked & SKT_STATES_ALL) != SKT_STATES_ALL)
		return asked;
	return all ? SKT_STATES_ALL : SKT_STATES_LIVE;
}

static void flowlook_settle(struct skt_flowlook *f, const struct skt_flowlook_spec *spec)
{
	struct skt_look *look = &f->spec.look;

	skt_filter_narrow(f->filter, look);
	f->missed = look->protos && !(look->protos & SKT_PROTOS_IP) ? look->protos : SKT_PROTOS_IP;
	look->protos = flowlook_protos(look->protos, f->all);
	f->states = flowlook_states(look->states, f->all);
	f->is_complete = (f->states & SKT_STATES_LIVE) == SKT_STATES_LIVE;
	look->states = f->states | SKT_STATES_BOUND;
	look->info = !f->all || spec->info || skt_filter_wants_info(f->filter) || skt_filter_wants_rates(f->filter);
	f->spec.depth = spec->command ? SKT_PROCESS_COMMAND : SKT_PROCESS_BRIEF;
}

int skt_flowlook_open(struct skt_flowlook *f, const struct skt_flowlook_spec *spec, struct skt_error *err)
{
	int ret = skt_filter_parse(spec->words, spec->n_words, SKT_FILTER_FLOWS, &f->filter, err);

	if (ret < 0)
		return ret;
	f->spec.netns = spec->netns;
	f->spec.all_netns = spec->all_netns;
	f->all = spec->all;
	f->sort = skt_flowsort_find(spec->sort);
	flowlook_settle(f, spec);
	return 0;
}

void skt_flowlook_release(struct skt_flowlook *f)
{
	for (size_t i = 0; f->netns_fd && i < f->census.n_netns; i++)
		skt_close(f->netns_fd[i]);
	skt_free(f->netns_fd);
	skt_free(f->row);
	skt_filter_free(f->filter);
	skt_flowrate_release(&f->rate);
	skt_listeners_release(&f->listeners);
	skt_socktable_release(&f->before);
	skt_census_release(&f->census);
	*f = (struct skt_flowlook){ 0 };
}

/* Open what the census has found, to look there again; -1: it is ours. */
static int flowlook_open_netns(const struct skt_flowlook *f, const struct skt_netns *netns, struct skt_error *err)
{
	char pid[16];

	if (!f->spec.netns && (!f->spec.all_netns || netns->inode == skt_netns_of(0)))
		return -1;
	if (f->spec.netns)
		return skt_netns_open(f->spec.netns, err);
	(void)snprintf(pid, sizeof(pid), "%d", (int)netns->pid);
	return skt_netns_open(netns->name[0] ? netns->name : pid, err);
}

/* A namespace that has gone since is left out. */
static int flowlook_open_all_netns(struct skt_flowlook *f, struct skt_error *err)
{
	f->netns_fd = skt_malloc(f->census.n_netns * sizeof(*f->netns_fd));
	if (!f->netns_fd)
		return skt_fail_memory(err);
	for (size_t i = 0; i < f->census.n_netns; i++)
		f->netns_fd[i] = flowlook_open_netns(f, &f->census.netns[i], NULL);
	return 0;
}

static int flowlook_read(struct skt_flowlook *f, struct skt_socktable *ret, struct skt_error *err)
{
	int failed = 0;

	for (size_t i = 0; failed == 0 && i < f->census.n_netns; i++) {
		struct skt_look look = f->spec.look;

		look.netns = (int16_t)i;
		look.netns_fd = f->netns_fd[i];
		look.has_netns = f->netns_fd[i] >= 0;
		if (f->netns_fd[i] < -1)
			continue;
		failed = skt_socktable_read(&look, ret, err);
	}
	return failed;
}

/* The table that was becomes `before`, and its memory that of the next look. */
static int flowlook_look_again(struct skt_flowlook *f, struct skt_error *err)
{
	struct skt_socktable next = f->before;

	f->before = f->census.table;
	skt_socktable_clear(&next);
	f->census.table = next;
	return flowlook_read(f, &f->census.table, err);
}

int skt_flowlook_look(struct skt_flowlook *f, struct skt_error *err)
{
	bool is_first = f->census.n_netns == 0;
	skt_time when = skt_now();
	int ret = is_first ? skt_census_take(&f->spec, &f->census, err) : flowlook_look_again(f, err);

	if (ret == 0 && is_first)
		ret = flowlook_open_all_netns(f, err);
	if (ret < 0)
		return ret;
	f->census.table.hidden &= f->missed;
	if (skt_listeners_gather(&f->census.table, &f->listeners) < 0)
		return skt_fail_memory(err);
	if (f->spec.look.info && skt_flowrate_look(&f->rate, &f->census.table, when, f->is_complete) < 0)
		return skt_fail_memory(err);
	return 0;
}

static void flowlook_wait(skt_time until)
{
	for (skt_time left; (left = until - skt_now()) > 0;)
		(void)skt_sys.poll(NULL, 0, (int)(left / SKT_MS) + 1);
}

int skt_flowlook_look_twice(struct skt_flowlook *f, skt_time apart, bool with_owners, struct skt_error *err)
{
	skt_time second = skt_now() + apart;
	int ret = skt_flowlook_look(f, err);

	if (ret == 0 && with_owners)
		ret = skt_flowlook_read_owners(f, err);
	if (ret < 0 || apart == 0)
		return ret;
	flowlook_wait(second);
	return skt_flowlook_look(f, err);
}

bool skt_flowlook_wants(const struct skt_flowlook *f, const struct skt_sock *s, struct skt_measured *m,
			enum skt_direction_from *from)
{
	if (!(f->states >> s->state & 1U) || !skt_filter_may_match(f->filter, &f->census.table, s))
		return false;
	skt_flowrate_measure(&f->rate, &f->census.table, s, m);
	m->direction = (int)skt_direction_of(&f->listeners, s, from);
	if (skt_filter_is_empty(f->filter))
		return true;
	if (m->age_most < 0 && f->census.has_owners)
		m->age_most = skt_flowlook_age_most(f, s, m->age_least);
	return skt_filter_matches(f->filter, &f->census, s, m);
}

static bool flowlook_reserve(struct skt_flowlook *f)
{
	size_t cap = f->cap_rows ? f->cap_rows * 2 : 256;
	struct skt_flowrow *row;

	if (f->n_rows < f->cap_rows)
		return true;
	row = skt_realloc(f->row, cap * sizeof(*row));
	if (!row)
		return false;
	f->row = row;
	f->cap_rows = cap;
	return true;
}

int skt_flowlook_fill(struct skt_flowlook *f, struct skt_error *err)
{
	struct skt_socktable *t = &f->census.table;

	f->n_rows = 0;
	for (size_t i = 0; i < t->n; i++) {
		struct skt_flowrow *row;

		if (!flowlook_reserve(f))
			return skt_fail_memory(err);
		row = &f->row[f->n_rows];
		*row = (struct skt_flowrow){ .s = &t->sock[i] };
		t->sock[i].is_wanted = skt_flowlook_wants(f, row->s, &row->m, &row->from);
		f->n_rows += t->sock[i].is_wanted;
		t->sock[i].is_wanted = t->sock[i].is_wanted && row->s->inode;
	}
	skt_flowlook_sort(f);
	return 0;
}

int skt_flowlook_next(struct skt_flowlook *f, size_t first, size_t n, struct skt_error *err)
{
	bool by_owner = skt_filter_wants_owners(f->filter) || skt_flowsort_wants_owners(f->sort);
	int ret = skt_flowlook_look(f, err);

	if (ret == 0 && !f->census.has_owners)
		ret = skt_flowlook_refresh_owners(f, 0, 0, err);
	if (ret == 0)
		ret = skt_flowlook_fill(f, err);
	if (ret < 0)
		return ret;
	return skt_flowlook_refresh_owners(f, by_owner ? 0 : first, by_owner ? f->n_rows : first + n, err);
}

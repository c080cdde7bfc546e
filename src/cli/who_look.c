/* SPDX-License-Identifier: Apache-2.0 */
/* soket who: looking.
 *
 * How it works: one census of the sockets of the place's protocols, in every state, with the owners of those at the place and of
 * those at the other end of its connections. Who waits for others there holds it; where nobody waits, whoever has a connection
 * there does. What listening there would meet is not derived from that: it is tried, as far as that goes without listening. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "cli/looking.h"
#include "cli/portword.h"
#include "cli/who.h"
#include "inspect/probe.h"

/* --- what is asked for -------------------------------------------------------------------------------------------------- */

/* A port alone: TCP unless it says UDP; both are looked at unless it says one. */
static int who_port(struct skt_who *w, int port, const char *protocol, struct skt_error *err)
{
	bool udp = protocol && strcmp(protocol, "UDP") == 0;
	char text[32];

	(void)snprintf(text, sizeof(text), "%s:%d", udp ? "udp://" : "", port);
	w->is_port = true;
	if (!protocol)
		w->spec.protos = SKT_PROTOS_IP;
	skt_text_addf(&w->place, "%d%s", port, !protocol ? "" : udp ? "/udp" : "/tcp");
	return skt_endpoint_parse(text, &w->e, err);
}

static int who_endpoint(struct skt_who *w, const struct skt_args *args, struct skt_error *err)
{
	const char *protocol;
	int at = 0, port, ret;

	if (args->n_words == 1 && skt_portword_read(args->word[0], &port, &protocol))
		return who_port(w, port, protocol, err);
	ret = skt_args_endpoint(args, &at, _("a port, or an endpoint"), &w->e, err);
	if (ret == 0)
		ret = skt_args_finish(args, at, err);
	if (ret == 0)
		skt_endpoint_print_address(&w->e, &w->place);
	return ret;
}

int skt_who_init(struct skt_who *w, const struct skt_args *args, struct skt_error *err)
{
	struct skt_census_spec where = { 0 };
	int ret;

	*w = (struct skt_who){ .json = skt_args_has(args, "json") };
	w->spec = (struct skt_holders_spec){
		.states = SKT_STATES_ALL, .depth = SKT_PROCESS_FULL, .clients = true, .info = true
	};
	ret = skt_looking_spec(args, &where, err);
	if (ret < 0)
		return ret;
	w->spec.netns = where.netns;
	w->spec.all_netns = where.all_netns;
	ret = who_endpoint(w, args, err);
	if (ret == 0)
		ret = skt_spot_of(&w->e, &w->spot, err);
	if (ret == 0)
		ret = skt_spot_resolve(&w->e, &w->spot, err);
	if (ret < 0)
		return ret;
	if (w->spot.name && w->spot.name[0] != '@')
		w->spec.protos = SKT_PROTOS_UNIX; /* a path is of whatever type has it */
	if (w->spec.netns || w->spec.all_netns)
		w->spot.is_remote = false; /* the addresses of other namespaces are not known here */
	return 0;
}

void skt_who_release(struct skt_who *w)
{
	for (size_t i = 0; i < w->n_holders; i++)
		skt_ancestry_release(&w->holder[i].parents);
	skt_free(w->holder);
	skt_free(w->flow);
	skt_free(w->bound);
	skt_counterparts_release(&w->counterparts);
	skt_holders_release(&w->h);
	skt_text_release(&w->place);
	skt_endpoint_release(&w->e);
}

/* --- what is there ------------------------------------------------------------------------------------------------------ */

/* Where an address was written, the sockets of others are not meant: those that are bound to every address are. */
static bool who_is_at(const struct skt_who *w, const struct skt_sock *s)
{
	if (w->spot.is_remote)
		return skt_spot_is_dialled(&w->spot, s);
	if (!skt_spot_has(&w->spot, &w->h.census.table, s))
		return false;
	if (w->spot.ip.family)
		return skt_spot_conflicts(&w->spot, s);
	return (w->spot.family != 4 || s->local.family == 0 || skt_sock_takes_v4(s)) &&
	       (w->spot.family != 6 || s->local.family == 0 || skt_sock_takes_v6(s));
}

static bool who_is_dead(const struct skt_sock *s)
{
	return s->proto == SKT_PROTO_TCP && s->state == SKT_STATE_CLOSE;
}

static void who_sort_out(struct skt_who *w)
{
	const struct skt_socktable *t = &w->h.census.table;

	for (size_t i = 0; i < t->n; i++) {
		const struct skt_sock *s = &t->sock[i];

		if (who_is_dead(s) || !who_is_at(w, s))
			continue;
		if (skt_sock_is_bound(s) && !w->spot.is_remote)
			w->bound[w->n_bound++] = s;
		else if (s->state == SKT_STATE_TIME_WAIT)
			w->n_ended++;
		else if (!skt_sock_is_bound(s))
			w->flow[w->n_flows++] = (struct skt_who_flow){ .s = s,
								       .other = skt_counterpart_of(&w->counterparts, s) };
	}
}

/* Each process once, in the order of the sockets. */
static int who_add_holder(struct skt_who *w, const struct skt_process *p, struct skt_error *err)
{
	struct skt_who_holder *grown;

	for (size_t i = 0; i < w->n_holders; i++)
		if (w->holder[i].process == p)
			return 0;
	grown = skt_realloc(w->holder, (w->n_holders + 1) * sizeof(*grown));
	if (!grown)
		return skt_fail_memory(err);
	w->holder = grown;
	grown[w->n_holders] = (struct skt_who_holder){ .process = p };
	return skt_ancestry_read(p, SKT_PROCESS_BRIEF, &grown[w->n_holders++].parents, err);
}

static int who_add_holders_of(struct skt_who *w, const struct skt_sock *s, struct skt_error *err)
{
	const struct skt_process *p;
	int ret = 0;

	for (size_t i = 0; ret == 0 && (p = skt_census_holder(&w->h.census, s, i, NULL)) != NULL; i++)
		ret = who_add_holder(w, p, err);
	return ret;
}

static int who_holders(struct skt_who *w, struct skt_error *err)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < w->n_bound; i++)
		ret = who_add_holders_of(w, w->bound[i], err);
	for (size_t i = 0; ret == 0 && w->n_bound == 0 && i < w->n_flows; i++)
		ret = who_add_holders_of(w, w->flow[i].s, err);
	return ret;
}

bool skt_who_is_unseen(const struct skt_who *w, const struct skt_sock *s)
{
	return skt_census_n_holders(&w->h.census, s) == 0;
}

/* --- what listening there would meet ------------------------------------------------------------------------------------ */

struct who_trial {
	struct skt_who *w;
	bool is_done;
};

static void who_tried(void *user, const struct skt_error *err)
{
	struct who_trial *trial = user;

	if (err)
		trial->w->verdict = *err;
	trial->is_done = true;
}

/* Returns 0 where the verdict is known. */
static int who_try(struct skt_who *w, struct skt_loop *loop)
{
	struct who_trial trial = { .w = w };
	struct skt_probe *probe = NULL;
	int ret = skt_probe_new(loop, &w->e, SKT_PROBE_OURS, who_tried, &trial, &probe, NULL);

	while (ret == 0 && !trial.is_done)
		ret = skt_loop_round(loop, SKT_FOREVER, NULL);
	if (!trial.is_done)
		skt_probe_free(probe);
	return ret;
}

/* Not for a place in other namespaces, nor on another machine: it cannot be tried from here. */
static void who_judge(struct skt_who *w)
{
	struct skt_loop *loop = NULL;

	if (w->spec.netns || w->spot.is_remote || skt_probe_prepare(&w->e, SKT_PROBE_OURS, NULL) < 0)
		return;
	if (skt_loop_new(&loop, NULL) < 0)
		return;
	w->has_verdict = who_try(w, loop) == 0;
	skt_loop_free(loop);
	if (w->has_verdict && w->verdict.kind)
		skt_holder_explain(&w->e, &w->verdict);
}

int skt_who_look(struct skt_who *w, struct skt_error *err)
{
	int ret = skt_holders_look(&w->spot, &w->spec, &w->h, err);
	size_t n;

	if (ret < 0)
		return ret;
	n = w->h.census.table.n ? w->h.census.table.n : 1;
	w->bound = skt_malloc(n * sizeof(*w->bound));
	w->flow = skt_malloc(n * sizeof(*w->flow));
	if (!w->bound || !w->flow || skt_counterparts_gather(&w->h.census.table, &w->counterparts) < 0)
		return skt_fail_memory(err);
	who_sort_out(w);
	ret = who_holders(w, err);
	if (w->spot.port && !w->spot.is_remote && !w->spec.netns && w->spot.protos & SKT_PROTOS_IP)
		w->lease = skt_leases_of_port(&w->h.leases, w->spot.port);
	if (ret == 0)
		who_judge(w);
	return ret;
}

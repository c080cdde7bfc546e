/* SPDX-License-Identifier: Apache-2.0 */
/* soket who --json: everything that was seen of one place, as one object. */
#include "base/unit.h"
#include "cli/say.h"
#include "cli/who.h"
#include "endpoint/portclass.h"
#include "inspect/flowrate.h"
#include "inspect/names.h"
#include "inspect/sockjson.h"

static void json_known(struct skt_json *j, const char *key, bool is_known, int64_t value)
{
	if (is_known)
		skt_json_int(j, key, value);
	else
		skt_json_null(j, key);
}

static void json_port(struct skt_json *j, const struct skt_who *w)
{
	struct skt_sock s = { .proto = w->spot.protos & 1U << SKT_PROTO_UDP ? SKT_PROTO_UDP : SKT_PROTO_TCP,
			      .state = SKT_STATE_LISTEN,
			      .local_port = w->spot.port };
	bool is_ip = w->spot.protos & SKT_PROTOS_IP;

	json_known(j, "port", w->spot.port != 0, w->spot.port);
	skt_json_string(j, "class", is_ip ? skt_portclass_of((uint16_t)w->spot.port)->name : NULL);
	skt_json_string(j, "service", is_ip ? skt_names_service(&s) : NULL);
}

static void json_parents(struct skt_json *j, const struct skt_ancestry *a)
{
	skt_json_array(j, "parents");
	for (size_t i = 0; i < a->n; i++) {
		skt_json_object(j, NULL);
		skt_sockjson_add_process(j, &a->process[i]);
		skt_json_end_object(j);
	}
	skt_json_end_array(j);
	skt_json_bool(j, "parents_complete", !a->is_cut);
}

static void json_holder(struct skt_json *j, const struct skt_who_holder *h)
{
	const struct skt_process *p = h->process;

	skt_json_object(j, NULL);
	skt_sockjson_add_process(j, p);
	skt_json_string(j, "directory", p->directory);
	skt_json_string(j, "program", p->program);
	skt_json_string(j, "unit", p->unit);
	skt_json_string(j, "container", p->container);
	json_known(j, "netns", p->netns != 0, (int64_t)p->netns);
	json_parents(j, &h->parents);
	skt_json_end_object(j);
}

/* What TCP knows: nulls for other protocols. */
static void json_measured(struct skt_json *j, const struct skt_socktable *t, const struct skt_sock *s)
{
	const struct skt_tcpinfo *info = skt_socktable_info(t, s);
	uint64_t sent = 0, received = 0;
	bool counts = skt_flow_bytes(t, s, &sent, &received);

	json_known(j, "rtt_ns", info && info->rtt, info ? info->rtt : 0);
	json_known(j, "bytes_sent", counts, (int64_t)sent);
	json_known(j, "bytes_received", counts, (int64_t)received);
	json_known(j, "retransmits", info != NULL, info ? info->retransmits : 0);
}

static void json_flow(struct skt_json *j, const struct skt_who *w, const struct skt_who_flow *f)
{
	skt_json_object(j, NULL);
	skt_sockjson_add(j, &w->h.census, f->s);
	skt_sockjson_add_processes(j, &w->h.census, f->s);
	json_measured(j, &w->h.census.table, f->s);
	if (f->other) {
		skt_json_object(j, "other_end");
		skt_sockjson_add(j, &w->h.census, f->other);
		skt_sockjson_add_processes(j, &w->h.census, f->other);
		skt_json_end_object(j);
	} else {
		skt_json_null(j, "other_end");
	}
	skt_json_end_object(j);
}

static void json_verdict(struct skt_json *j, const struct skt_who *w)
{
	const struct skt_error *v = &w->verdict;

	if (!w->has_verdict) {
		skt_json_null(j, "listen");
		return;
	}
	skt_json_object(j, "listen");
	skt_json_bool(j, "possible", v->kind == SKT_OK);
	skt_json_string(j, "kind", v->kind ? skt_err_name(v->kind) : NULL);
	skt_json_string(j, "text", v->kind ? v->text : NULL);
	skt_json_string(j, "hint", v->kind && v->hint[0] ? v->hint : NULL);
	skt_json_end_object(j);
}

static void json_lease(struct skt_json *j, const struct skt_lease *l)
{
	char since[SKT_UNIT_LENGTH];

	if (!l) {
		skt_json_null(j, "lease");
		return;
	}
	skt_json_object(j, "lease");
	skt_json_string(j, "name", l->name);
	skt_json_int(j, "owner", l->owner);
	skt_json_string(j, "since", skt_instant_print(l->since, since));
	skt_json_string(j, "directory", l->directory);
	skt_json_string(j, "command", l->command);
	skt_json_end_object(j);
}

int skt_who_json(const struct skt_who *w)
{
	struct skt_json j = { 0 };
	int ret;

	skt_json_object(&j, NULL);
	skt_json_string(&j, "endpoint", skt_text_get(&w->place));
	json_port(&j, w);
	skt_json_array(&j, "holders");
	for (size_t i = 0; i < w->n_holders; i++)
		json_holder(&j, &w->holder[i]);
	skt_json_end_array(&j);
	skt_json_array(&j, "sockets");
	for (size_t i = 0; i < w->n_bound; i++) {
		skt_json_object(&j, NULL);
		skt_sockjson_add(&j, &w->h.census, w->bound[i]);
		skt_sockjson_add_processes(&j, &w->h.census, w->bound[i]);
		skt_json_end_object(&j);
	}
	skt_json_end_array(&j);
	skt_json_array(&j, "connections");
	for (size_t i = 0; i < w->n_flows; i++)
		json_flow(&j, w, &w->flow[i]);
	skt_json_end_array(&j);
	skt_json_int(&j, "time_wait", (int64_t)w->n_ended);
	json_lease(&j, w->lease);
	json_verdict(&j, w);
	skt_json_end_object(&j);
	ret = skt_say_json(&j);
	skt_json_release(&j);
	return -ret;
}

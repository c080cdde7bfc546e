/* SPDX-License-Identifier: Apache-2.0 */
/* Connections as JSON objects. */
#include "base/alloc.h"
#include "inspect/flowlook.h"
#include "inspect/sockjson.h"

static void json_time(struct skt_json *j, const char *key, skt_time t, bool is_known)
{
	if (is_known)
		skt_json_int(j, key, t);
	else
		skt_json_null(j, key);
}

static void json_rate(struct skt_json *j, const char *key, double rate)
{
	json_time(j, key, (int64_t)(rate + 0.5), rate >= 0);
}

static void json_rates(struct skt_json *j, const struct skt_measured *m)
{
	json_rate(j, "sent_rate", m->sent_rate);
	json_rate(j, "received_rate", m->received_rate);
	json_rate(j, "retransmit_rate", m->retransmit_rate);
}

static void json_bytes(struct skt_json *j, const struct skt_flowlook *f, const struct skt_sock *s)
{
	uint64_t sent = 0, received = 0;
	bool is_known = skt_flow_bytes(&f->census.table, s, &sent, &received);

	json_time(j, "bytes_sent", (int64_t)sent, is_known);
	json_time(j, "bytes_received", (int64_t)received, is_known);
}

/* The counters and sizes of TCP that are plain numbers: one row each, null where TCP knows nothing. */
static void json_counts(struct skt_json *j, const struct skt_tcpinfo *info)
{
	static const struct skt_tcpinfo none;
	const struct skt_tcpinfo *i = info ? info : &none;
	const struct {
		const char *key;
		uint64_t value;
	} counts[] = {
		{ "bytes_acknowledged", i->bytes_acked },
		{ "bytes_retransmitted", i->bytes_retransmitted },
		{ "retransmits", i->retransmits },
		{ "unacknowledged", i->unacknowledged },
		{ "lost", i->lost },
		{ "not_sent", i->not_sent },
		{ "congestion_window", i->congestion_window },
		{ "mss", i->mss_sent },
		{ "segments_sent", i->segments_out },
		{ "segments_received", i->segments_in },
	};

	for (size_t k = 0; k < SKT_LENGTH(counts); k++)
		json_time(j, counts[k].key, (int64_t)counts[k].value, info);
}

/* What 0 or the largest number stands for in the kernel is null here. */
static void json_known_counts(struct skt_json *j, const struct skt_tcpinfo *info)
{
	json_time(j, "slow_start_threshold", info ? info->slow_start_threshold : 0,
		  info && info->slow_start_threshold != UINT32_MAX);
	json_time(j, "delivery_rate", info ? (int64_t)info->delivery_rate : 0, info && info->delivery_rate);
	json_time(j, "pacing_rate", info ? (int64_t)info->pacing_rate : 0, info && info->pacing_rate);
	skt_json_string(j, "congestion", info && info->congestion[0] ? info->congestion : NULL);
}

static void json_times(struct skt_json *j, const struct skt_tcpinfo *info)
{
	json_time(j, "rtt_ns", info ? info->rtt : 0, info && info->rtt);
	json_time(j, "rtt_variance_ns", info ? info->rtt_variance : 0, info && info->rtt);
	json_time(j, "rtt_min_ns", info ? info->rtt_min : 0, info && info->rtt_min);
}

static void json_measured(struct skt_json *j, const struct skt_flowlook *f, const struct skt_flowrow *row)
{
	const struct skt_measured *m = &row->m;
	skt_time most = m->age_most >= 0 ? m->age_most : skt_flowlook_age_most(f, row->s, m->age_least);

	skt_json_string(j, "direction", skt_direction_name((enum skt_direction)m->direction));
	skt_json_string(j, "direction_from", skt_direction_from_name(row->from));
	skt_json_int(j, "age_least_ns", m->age_least);
	json_time(j, "age_most_ns", most, most >= 0);
	json_rates(j, m);
	skt_json_string(j, "limited_by", skt_limited_name(m->limited));
}

/* A unix socket's other end: its inode, and its name where it has one. */
static void json_peer(struct skt_json *j, const struct skt_flowlook *f, const struct skt_sock *s)
{
	const struct skt_sock *peer = skt_listeners_peer(&f->listeners, s);
	struct skt_text name = { 0 };

	if (!(SKT_PROTOS_UNIX >> s->proto & 1U))
		return;
	json_time(j, "peer_inode", (int64_t)s->peer, s->peer != 0);
	if (peer)
		skt_socktable_add_name(&f->census.table, peer, &name);
	skt_json_string(j, "peer_path", name.len > 0 ? skt_text_get(&name) : NULL);
	skt_text_release(&name);
}

void skt_flowjson_add(const struct skt_flowlook *f, const struct skt_flowrow *row, const char *time, struct skt_json *j)
{
	const struct skt_tcpinfo *info = skt_socktable_info(&f->census.table, row->s);

	skt_json_object(j, NULL);
	if (time) {
		skt_json_string(j, "event", "flow");
		skt_json_string(j, "time", time);
	}
	skt_sockjson_add(j, &f->census, row->s);
	json_peer(j, f, row->s);
	json_measured(j, f, row);
	json_bytes(j, f, row->s);
	json_times(j, info);
	json_counts(j, info);
	json_known_counts(j, info);
	skt_sockjson_add_processes(j, &f->census, row->s);
	skt_json_end_object(j);
}

void skt_flowjson_add_gone(const struct skt_flowlook *f, const struct skt_sample *gone, const char *time,
			   struct skt_json *j)
{
	struct skt_census before = f->census; /* borrowed: only its table is another */
	const struct skt_sock *s = &f->before.sock[gone->row];

	before.table = f->before;
	skt_json_object(j, NULL);
	skt_json_string(j, "event", "gone");
	skt_json_string(j, "time", time);
	skt_sockjson_add(j, &before, s);
	json_time(j, "bytes_sent", (int64_t)gone->sent, gone->has_counters);
	json_time(j, "bytes_received", (int64_t)gone->received, gone->has_counters);
	skt_json_end_object(j);
}

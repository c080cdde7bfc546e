/* SPDX-License-Identifier: Apache-2.0 */
/* event: links. */
#include "view/parts.h"

enum { LINKS_CHAIN = 16 };

static void links_layers(struct skt_json *j, const char *key, const char *const *layer)
{
	skt_json_array(j, key);
	for (int i = 0; i < SKT_LAYERS_MAX && layer[i]; i++)
		skt_json_string(j, NULL, layer[i]);
	skt_json_end_array(j);
}

static void links_add(struct skt_json *j, const struct skt_roster_row *row, bool is_this)
{
	static const char *const states[] = {
		[SKT_ROSTER_OPENING] = "opening", [SKT_ROSTER_OPEN] = "open", [SKT_ROSTER_CLOSING] = "closing"
	};

	skt_json_object(j, NULL);
	skt_json_int(j, "id", (int64_t)row->id);
	skt_json_string(j, "kind", row->is_served ? "served" : "link");
	skt_json_string(j, "from", row->from);
	skt_json_string(j, "to", row->to);
	links_layers(j, "from_layers", row->layers[0]);
	links_layers(j, "to_layers", row->layers[1]);
	skt_json_string(j, "state", states[row->state]);
	skt_json_int(j, "sent", (int64_t)row->sent);
	skt_json_int(j, "received", (int64_t)row->received);
	skt_json_array(j, "mover");
	skt_json_string(j, NULL, row->mover[0]);
	skt_json_string(j, NULL, row->mover[1]);
	skt_json_end_array(j);
	skt_json_int(j, "age_ns", row->age);
	skt_json_int(j, "idle_ns", row->idle);
	if (row->n_requests >= 0)
		skt_json_int(j, "requests", row->n_requests);
	else
		skt_json_null(j, "requests");
	skt_json_bool(j, "this", is_this);
	skt_json_end_object(j);
}

struct skt_news *skt_links_news(struct skt_reader *r)
{
	const struct skt_roster *roster = &r->view->roster;
	uint64_t chain[LINKS_CHAIN];
	int n = skt_chain_to(roster, r->client, chain, LINKS_CHAIN);
	struct skt_json j = { 0 };

	skt_json_object(&j, NULL);
	skt_json_int(&j, "total", (int64_t)roster->n_links);
	skt_json_array(&j, "links");
	for (size_t i = 0; i < roster->n; i++) {
		bool is_this = roster->row[i].id == r->connection;

		for (int k = 0; k < n; k++)
			is_this |= roster->row[i].id == chain[k];
		links_add(&j, &roster->row[i], is_this);
	}
	skt_json_end_array(&j);
	skt_json_end_object(&j);
	return skt_news_new("links", &j);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A session as a row of the roster. */
#include "relay/rosterrow.h"

#include <stdio.h>
#include <string.h>

#include "sys/clock.h"

void skt_roster_end_of(const struct skt_addr *addr, struct skt_roster_end *ret)
{
	int n;
	const unsigned char *bytes = addr->len ? skt_addr_bytes(addr, &n) : NULL;

	*ret = (struct skt_roster_end){ 0 };
	if (!bytes)
		return;
	if (n == 4)
		ret->ip[10] = ret->ip[11] = 0xff;
	memcpy(ret->ip + sizeof(ret->ip) - (size_t)n, bytes, (size_t)n);
	ret->port = (uint16_t)skt_addr_port(addr);
}

bool skt_roster_end_is(const struct skt_roster_end *a, const struct skt_roster_end *b)
{
	return a->port != 0 && a->port == b->port && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

static void row_socket(struct skt_stream *stream, struct skt_roster_end *local, struct skt_roster_end *peer)
{
	struct skt_fd *raw = stream ? skt_stream_bottom(stream) : NULL;
	struct skt_addr addr;

	if (!raw || raw->in_kind != SKT_FD_TCP)
		return;
	if (skt_addr_of_local(raw->in.fd, &addr) == 0)
		skt_roster_end_of(&addr, local);
	if (skt_addr_of_peer(raw->in.fd, &addr) == 0)
		skt_roster_end_of(&addr, peer);
}

static void row_layers(const struct skt_endpoint *e, const char **ret)
{
	for (int i = 0; i + 1 < e->n_layer; i++)
		ret[i] = e->layer[i]->name;
}

/* A way that was never there has not ended. */
static bool row_flow_is_over(const struct skt_flow *flow)
{
	struct skt_stream *source = skt_flow_source(flow);
	const struct skt_fd *raw = source ? skt_stream_bottom(source) : NULL;

	return flow->state != SKT_FLOW_MOVES && !(raw && raw->in_kind == SKT_FD_NONE);
}

static enum skt_roster_state row_state(const struct skt_session *s)
{
	if (s->is_finishing)
		return SKT_ROSTER_CLOSING;
	if (!s->is_linked)
		return SKT_ROSTER_OPENING;
	if (s->link.is_over || row_flow_is_over(&s->link.flow[0]) || row_flow_is_over(&s->link.flow[1]))
		return SKT_ROSTER_CLOSING;
	return SKT_ROSTER_OPEN;
}

static void row_link(const struct skt_session *s, skt_time now, struct skt_roster_row *ret)
{
	const struct skt_link *link = &s->link;

	ret->state = row_state(s);
	ret->sent = link->flow[0].given;
	ret->received = link->flow[1].given;
	for (int i = 0; i < 2; i++) {
		ret->mover[i] = link->flow[i].mover ? link->flow[i].mover->name : NULL;
		row_socket(link->side[i], &ret->local[i], &ret->peer[i]);
	}
	ret->idle = s->is_linked && now > link->moved_at ? now - link->moved_at : 0;
}

/* What the client sent goes to what is served, and comes back from there. */
static void row_served(const struct skt_session *s, skt_time now, struct skt_roster_row *ret)
{
	struct skt_service *service = s->relay->config->service;

	service->look(s->served);
	ret->is_served = true;
	ret->state = SKT_ROSTER_OPEN;
	ret->sent = s->served->taken;
	ret->received = s->served->given;
	ret->n_requests = (int64_t)s->served->n_requests;
	ret->idle = now > s->served->moved_at && s->served->moved_at ? now - s->served->moved_at : 0;
	row_socket(service->stream(s->served), &ret->local[0], &ret->peer[0]);
}

void skt_roster_row_write(const struct skt_session *s, struct skt_roster_row *ret)
{
	const struct skt_relay_config *config = s->relay->config;
	skt_time now = skt_now();

	*ret = (struct skt_roster_row){ .id = s->record->number, .age = now - s->record->opened, .n_requests = -1 };
	(void)snprintf(ret->from, sizeof(ret->from), "%s", s->record->from);
	(void)snprintf(ret->to, sizeof(ret->to), "%s", s->record->to);
	row_layers(config->from, ret->layers[0]);
	row_layers(config->to, ret->layers[1]);
	if (s->served)
		row_served(s, now, ret);
	else
		row_link(s, now, ret);
}

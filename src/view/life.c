/* SPDX-License-Identifier: Apache-2.0 */
/* event: life: what happens to the connections of the page's own server.
 *
 * What is known of a connection lies in a table by its number; a later one takes the place of an earlier one of the same place. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "inspect/tcpinfo.h"
#include "io/fd.h"
#include "sys/clock.h"
#include "view/parts.h"

enum { LIFE_PATH = 256 };

static struct skt_known_life *life_known(struct skt_view *view, uint64_t id)
{
	struct skt_known_life *k = &view->known[id % SKT_LIFE_KNOWN];

	if (k->id != id)
		*k = (struct skt_known_life){ .id = id };
	return k;
}

int64_t skt_life_opened(const struct skt_view *view, uint64_t connection)
{
	const struct skt_known_life *k = &view->known[connection % SKT_LIFE_KNOWN];

	return k->id == connection ? k->opened : 0;
}

static void life_learn(struct skt_view *view, const struct skt_http_event *event)
{
	struct skt_known_life *k = life_known(view, event->connection);
	const struct skt_fd *bottom = skt_stream_bottom(event->stream);
	struct skt_addr peer;

	k->opened = skt_unix_now();
	if (bottom && skt_addr_of_peer(bottom->in.fd, &peer) == 0)
		(void)skt_addr_print(&peer, k->peer);
}

static void life_add_opened(struct skt_json *j, const struct skt_http_event *event)
{
	const struct skt_fd *bottom = skt_stream_bottom(event->stream);
	struct skt_tcpinfo info;
	unsigned state;

	if (bottom && skt_tcpinfo_ask(bottom->in.fd, &info, &state) == 0 && info.rtt > 0)
		skt_json_int(j, "rtt_ns", info.rtt);
	else
		skt_json_null(j, "rtt_ns");
}

static void life_add_span(struct skt_json *j, const char *key, struct skt_span span)
{
	char text[LIFE_PATH];

	(void)snprintf(text, sizeof(text), "%.*s", span.n < LIFE_PATH ? (int)span.n : LIFE_PATH - 1,
		       span.s ? span.s : "");
	skt_json_string(j, key, text);
}

/* Without the token: who looks at the page may show it to others. */
static struct skt_span life_path(const struct skt_view *view, struct skt_span path)
{
	const struct skt_span token = { path.s + 1, SKT_TOKEN_LENGTH };

	if (!path.s || path.n < SKT_TOKEN_LENGTH + 1 || !skt_token_is(view->token, token))
		return path;
	path.s += SKT_TOKEN_LENGTH + 1;
	path.n -= SKT_TOKEN_LENGTH + 1;
	return path;
}

static void life_add(const struct skt_view *view, struct skt_json *j, const struct skt_http_event *event, uint64_t request)
{
	static const char *const by[] = {
		[SKT_HTTP_BY_US] = "us", [SKT_HTTP_BY_PEER] = "peer", [SKT_HTTP_BY_FAILURE] = "failure"
	};

	switch (event->what) {
	case SKT_HTTP_OPENED:
		life_add_opened(j, event);
		break;
	case SKT_HTTP_REQUEST:
		life_add_span(j, "method", event->method);
		life_add_span(j, "path", life_path(view, event->path));
		skt_json_int(j, "bytes", (int64_t)request);
		break;
	case SKT_HTTP_ANSWERED:
		skt_json_int(j, "status", event->status);
		skt_json_int(j, "bytes", (int64_t)event->bytes);
		break;
	case SKT_HTTP_CLOSED:
		skt_json_string(j, "by", by[event->by]);
		skt_json_int(j, "sent", (int64_t)event->given);
		skt_json_int(j, "received", (int64_t)event->taken);
		break;
	}
}

static struct skt_news *life_news(const struct skt_view *view, const struct skt_http_event *event,
				  const struct skt_known_life *k, bool is_this)
{
	static const char *const what[] = {
		[SKT_HTTP_OPENED] = "opened", [SKT_HTTP_REQUEST] = "request", [SKT_HTTP_ANSWERED] = "answered", [SKT_HTTP_CLOSED] = "closed"
	};
	struct skt_json j = { 0 };

	skt_json_object(&j, NULL);
	skt_json_int(&j, "id", (int64_t)event->connection);
	skt_json_string(&j, "what", what[event->what]);
	skt_json_int(&j, "at_ns", skt_now() - view->zero);
	skt_json_string(&j, "peer", k->peer[0] ? k->peer : NULL);
	skt_json_bool(&j, "this", is_this);
	life_add(view, &j, event, event->taken - k->taken);
	skt_json_end_object(&j);
	return skt_news_new("life", &j);
}

static void life_tell(struct skt_view *view, const struct skt_http_event *event, const struct skt_known_life *k)
{
	struct skt_reader *next;

	for (struct skt_reader *r = view->readers.next; r != &view->readers; r = next) {
		bool is_this = r->connection == event->connection;

		next = r->next;
		if (!(r->wants & SKT_WANTS_LIFE) || (is_this && event->what == SKT_HTTP_CLOSED))
			continue;
		skt_reader_tell_life(r, life_news(view, event, k, is_this));
	}
}

void skt_life_on(struct skt_http_watch *watch, const struct skt_http_event *event)
{
	struct skt_view *view = SKT_OUTER(watch, struct skt_view, watch);
	struct skt_known_life *k;

	if (event->what == SKT_HTTP_OPENED)
		life_learn(view, event);
	k = life_known(view, event->connection);
	life_tell(view, event, k);
	k->taken = event->taken;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The live page's requests: page/PROTOCOL.md. */
#include <string.h>

#include "base/alloc.h"
#include "view/parts.h"

/* A page that can be made to run somebody else's script could end links: it loads its own files, speaks to its own server, and is not framed. */
static const char page_lines[] =
	"Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
	"X-Content-Type-Options: nosniff\r\n"
	"Referrer-Policy: no-referrer\r\n"
	"Cross-Origin-Opener-Policy: same-origin\r\n"
	"Cross-Origin-Resource-Policy: same-origin\r\n";

static struct skt_view *page_of(struct skt_http_handler *handler)
{
	return SKT_OUTER(handler, struct skt_view, handler);
}

static bool span_is(struct skt_span span, const char *text)
{
	return span.n == strlen(text) && memcmp(span.s, text, span.n) == 0;
}

/* Cut off what is before the first slash, and the slash. */
static struct skt_span span_segment(struct skt_span *rest)
{
	const char *slash = memchr(rest->s, '/', rest->n);
	struct skt_span first = { rest->s, slash ? (size_t)(slash - rest->s) : rest->n };

	rest->s += first.n + (slash != NULL);
	rest->n -= first.n + (slash != NULL);
	return first;
}

static void page_refuse_method(struct skt_exchange *x, const char *allowed)
{
	skt_exchange_field(x, "Allow", allowed);
	skt_exchange_reply_status(x, 405, NULL);
}

static bool page_reads(struct skt_exchange *x)
{
	enum skt_method method = skt_exchange_request(x)->method;

	return method == SKT_METHOD_GET || method == SKT_METHOD_HEAD;
}

static void page_no_store(struct skt_exchange *x)
{
	skt_exchange_field(x, "Cache-Control", "no-store");
}

static void page_events(struct skt_view *view, struct skt_exchange *x)
{
	const struct skt_request *r = skt_exchange_request(x);
	struct skt_reader *reader;

	page_no_store(x);
	if (r->method == SKT_METHOD_HEAD) {
		skt_exchange_reply(x, 200, "text/event-stream", NULL, 0);
		return;
	}
	reader = skt_reader_new(view, x, r->query);
	if (!reader) {
		skt_exchange_field(x, "Retry-After", "5");
		skt_exchange_reply_status(x, 503, "too many read events already");
		return;
	}
	skt_exchange_reply_stream(x, 200, "text/event-stream", &reader->stream, -1);
	skt_round_begin(view);
}

/* For the page to watch a connection from its handshake to its end. */
static void page_hello(struct skt_exchange *x)
{
	static const char body[] = "{\"hello\":\"soket\"}\n";
	struct skt_span query = skt_exchange_request(x)->query;

	page_no_store(x);
	if (query.s && span_is(query, "close=1"))
		skt_exchange_close_after(x);
	skt_exchange_reply(x, 200, "application/json", body, sizeof(body) - 1);
}

static void page_end_link(struct skt_view *view, struct skt_exchange *x, struct skt_span id)
{
	if (!skt_guard_origin(skt_exchange_request(x))) {
		skt_exchange_reply_status(x, 403, "only the page itself may ask for this");
		return;
	}
	page_no_store(x);
	skt_ending_begin(view, x, id);
}

/* What is behind the token. */
static void page_route(struct skt_view *view, struct skt_exchange *x, struct skt_span path)
{
	struct skt_span whole = path, first = span_segment(&path), id = span_segment(&path);

	if (span_is(first, "links") && id.n && span_is(path, "end")) {
		if (skt_exchange_request(x)->method == SKT_METHOD_POST)
			page_end_link(view, x, id);
		else
			page_refuse_method(x, "POST");
		return;
	}
	if (!page_reads(x)) {
		page_refuse_method(x, "GET, HEAD");
		return;
	}
	if (span_is(whole, "events"))
		page_events(view, x);
	else if (span_is(whole, "hello"))
		page_hello(x);
	else if (!skt_asset_answer(x, whole))
		skt_exchange_reply_status(x, 404, NULL);
}

/* Cut the token off. False where the path is not below it. */
static bool page_is_below(const struct skt_view *view, struct skt_span *path)
{
	struct skt_span rest = *path, token;

	if (!rest.s || rest.n == 0 || rest.s[0] != '/')
		return false;
	rest.s++;
	rest.n--;
	if (!memchr(rest.s, '/', rest.n))
		return false;
	token = span_segment(&rest);
	*path = rest;
	return skt_token_is(view->token, token);
}

void skt_page_handle(struct skt_http_handler *handler, struct skt_exchange *x)
{
	struct skt_view *view = page_of(handler);
	const struct skt_request *r = skt_exchange_request(x);
	struct skt_span path = r->path;
	bool is_below = page_is_below(view, &path);

	if (!is_below && view->rest) {
		view->rest->handle(view->rest, x);
		return;
	}
	skt_exchange_lines(x, page_lines, sizeof(page_lines) - 1);
	if (!skt_guard_host(r->field[SKT_FIELD_HOST]))
		skt_exchange_reply_status(
			x, 421,
			"this page is for a browser on the same machine: its host is 127.0.0.1, [::1] or localhost");
	else if (!is_below)
		skt_exchange_reply_status(
			x, 404, "the address of the page is the one that soket has printed, to its last character");
	else
		page_route(view, x, path);
}

void skt_page_ended(struct skt_http_handler *handler, struct skt_exchange *x, bool good)
{
	struct skt_view *view = page_of(handler);

	/* an exchange of the page's own has no user, and means nothing to the other handler */
	if (!skt_ending_forget(view, x) && view->rest && view->rest->ended)
		view->rest->ended(view->rest, x, good);
}

int skt_page_open(struct skt_http_handler *handler, struct skt_loop *loop, void **place, struct skt_error *err)
{
	struct skt_http_handler *rest = page_of(handler)->rest;

	return rest && rest->open ? rest->open(rest, loop, place, err) : 0;
}

void skt_page_close(struct skt_http_handler *handler, void *place)
{
	struct skt_http_handler *rest = page_of(handler)->rest;

	if (rest && rest->close)
		rest->close(rest, place);
}

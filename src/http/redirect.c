/* SPDX-License-Identifier: Apache-2.0 */
/* From http to https. */
#include "http/redirect.h"

#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

/* The host as the client has named it, without its port: [::1]:80 is [::1]. */
static struct skt_span redirect_host(const struct skt_request *r)
{
	struct skt_span host = skt_request_field(r, SKT_FIELD_HOST);
	const char *from = host.n && host.s[0] == '[' ? memchr(host.s, ']', host.n) : host.s;
	const char *colon = from ? memchr(from, ':', (size_t)(host.s + host.n - from)) : NULL;

	if (colon)
		host.n = (size_t)(colon - host.s);
	return host;
}

static void redirect_handle(struct skt_http_handler *handler, struct skt_exchange *x)
{
	const struct skt_redirect *redirect = SKT_OUTER(handler, struct skt_redirect, handler);
	const struct skt_request *r = skt_exchange_request(x);
	struct skt_span host = redirect_host(r);
	struct skt_text to = { 0 };

	if (host.n == 0) {
		skt_exchange_reply_status(x, 400, "without Host nobody knows where to go");
		return;
	}
	skt_text_addf(&to, "https://%.*s", (int)host.n, host.s);
	if (redirect->port != 443)
		skt_text_addf(&to, ":%d", redirect->port);
	skt_text_addn(&to, r->path.s, skt_span_is(r->path, "*") ? 0 : r->path.n);
	if (r->query.s)
		skt_text_addf(&to, "?%.*s", (int)r->query.n, r->query.s);
	skt_exchange_field(x, "Location", skt_text_get(&to));
	skt_text_release(&to);
	skt_exchange_reply_status(x, 308, "it is spoken behind TLS");
}

void skt_redirect_init(struct skt_redirect *r, int port)
{
	*r = (struct skt_redirect){ .handler = { .handle = redirect_handle }, .port = port };
}

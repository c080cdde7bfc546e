/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the live page. */
#include <string.h>
#include <zlib.h>

#include "base/alloc.h"
#include "view/assets.h"
#include "view/parts.h"
#include "wire/httpaccept.h"

static const struct skt_asset *asset_find(struct skt_span name)
{
	for (int i = 0; i < skt_n_assets; i++)
		if (strlen(skt_assets[i].name) == name.n && memcmp(skt_assets[i].name, name.s, name.n) == 0)
			return &skt_assets[i];
	return NULL;
}

/* Caller frees; NULL without memory. */
static void *asset_plain(const struct skt_asset *a)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)a->gzip, .avail_in = (uInt)a->n_gzip, .avail_out = (uInt)a->n_plain };
	void *plain = skt_malloc(a->n_plain + 1);
	int ret;

	z.next_out = plain;
	if (!plain || inflateInit2(&z, 15 + 16) != Z_OK) {
		skt_free(plain);
		return NULL;
	}
	ret = inflate(&z, Z_FINISH);
	(void)inflateEnd(&z);
	if (ret == Z_STREAM_END && z.avail_out == 0)
		return plain;
	skt_free(plain);
	return NULL;
}

static void asset_inflated(struct skt_exchange *x, const struct skt_asset *a)
{
	void *plain = asset_plain(a);

	if (plain)
		skt_exchange_reply(x, 200, a->type, plain, a->n_plain);
	else
		skt_exchange_reply_status(x, 500, NULL);
	skt_free(plain);
}

bool skt_asset_answer(struct skt_exchange *x, struct skt_span name)
{
	const struct skt_request *r = skt_exchange_request(x);
	const struct skt_asset *a = asset_find(name);
	bool gzip;

	if (!a)
		return false;
	gzip = skt_accept_coding(r->field[SKT_FIELD_ACCEPT_ENCODING], 1U << SKT_CODING_GZIP) == SKT_CODING_GZIP;
	skt_exchange_field(x, "Cache-Control", "private, no-cache");
	skt_exchange_field(x, "Vary", "Accept-Encoding");
	/* the browser opens a second connection for it: closed, none is idle, and what the page opens later is seen from its handshake on */
	if (strcmp(a->name, "page.js") == 0)
		skt_exchange_close_after(x);
	/* a strong tag is of the bytes that are sent: those of the other form have another */
	skt_exchange_fieldf(x, "ETag", "%s%s", gzip ? "" : "W/", a->etag);
	if (r->field[SKT_FIELD_IF_NONE_MATCH].s && skt_tags_have(r->field[SKT_FIELD_IF_NONE_MATCH], a->etag, true)) {
		skt_exchange_reply(x, 304, NULL, NULL, 0);
		return true;
	}
	if (!gzip) {
		asset_inflated(x, a);
		return true;
	}
	skt_exchange_field(x, "Content-Encoding", "gzip");
	skt_exchange_reply(x, 200, a->type, a->gzip, a->n_gzip);
	return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Content compressed while it is sent. */
#include "http/gzipped.h"

#include <zlib.h>

#include "base/alloc.h"
#include "base/message.h"

enum { GZIPPED_ROOM = 32 * 1024, GZIPPED_LEVEL = 5, GZIPPED_BITS = 15 + 16 };

struct gzipped {
	struct skt_stream stream;
	z_stream z;
	bool has_ended; /* the source has, and deflate was told */
	bool is_done;
	Bytef in[GZIPPED_ROOM];
};

static struct gzipped *gzipped_of(struct skt_stream *s)
{
	return SKT_OUTER(s, struct gzipped, stream);
}

static ssize_t gzipped_fill(struct gzipped *g)
{
	ssize_t got = skt_stream_read(g->stream.below, g->in, sizeof(g->in));

	if (got < 0)
		return got;
	g->z.next_in = g->in;
	g->z.avail_in = (uInt)got;
	g->has_ended = got == 0;
	return got;
}

static ssize_t gzipped_read(struct skt_stream *s, void *buf, size_t n)
{
	struct gzipped *g = gzipped_of(s);
	ssize_t got;
	int said;

	if (g->is_done)
		return 0;
	g->z.next_out = buf;
	g->z.avail_out = (uInt)n;
	while (g->z.avail_out == n) {
		if (g->z.avail_in == 0 && !g->has_ended && (got = gzipped_fill(g)) < 0)
			return got;
		said = deflate(&g->z, g->has_ended ? Z_FINISH : Z_NO_FLUSH);
		if (said == Z_STREAM_END) {
			g->is_done = true;
			break;
		}
		if (said != Z_OK && said != Z_BUF_ERROR)
			return -SKT_E_BUG;
	}
	return (ssize_t)(n - g->z.avail_out);
}

static void gzipped_free(struct skt_stream *s)
{
	struct gzipped *g = gzipped_of(s);

	(void)deflateEnd(&g->z);
	skt_stream_free(s->below);
	skt_free(g);
}

static void gzipped_woken(void *user)
{
	skt_stream_wake(user);
}

static const struct skt_stream_ops gzipped_ops = { .name = "gzip", .read = gzipped_read, .free = gzipped_free };

int skt_gzipped_new(struct skt_stream *source, struct skt_stream **ret, struct skt_error *err)
{
	struct gzipped *g = SKT_NEW(struct gzipped);

	if (!g || deflateInit2(&g->z, GZIPPED_LEVEL, Z_DEFLATED, GZIPPED_BITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
		skt_free(g);
		skt_stream_free(source);
		return skt_fail_memory(err);
	}
	g->stream.ops = &gzipped_ops;
	g->stream.below = source;
	skt_stream_on_wake(source, gzipped_woken, &g->stream);
	*ret = &g->stream;
	return 0;
}

char *skt_gzipped_bytes(const char *bytes, size_t n, size_t *n_ret)
{
	z_stream z = { 0 };
	char *ret = skt_malloc(n);
	int said = Z_OK;

	if (!ret || deflateInit2(&z, GZIPPED_LEVEL, Z_DEFLATED, GZIPPED_BITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
		skt_free(ret);
		return NULL;
	}
	z.next_in = (Bytef *)(uintptr_t)bytes;
	z.avail_in = (uInt)n;
	z.next_out = (Bytef *)ret;
	z.avail_out = (uInt)n;
	said = deflate(&z, Z_FINISH);
	*n_ret = n - z.avail_out;
	(void)deflateEnd(&z);
	if (said == Z_STREAM_END)
		return ret;
	skt_free(ret);
	return NULL;
}

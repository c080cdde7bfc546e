/* SPDX-License-Identifier: Apache-2.0 */
/* The two compressors of one WebSocket.
 *
 * How it works: a message is what deflate makes of it with a sync flush, without the four bytes that such a flush ends with; whoever
 * inflates adds them again. A compressor that may keep its window (the sender's "context takeover") lives from the first message to the
 * end; one that may not is given back after each, because not to hold that memory is what no_context_takeover is asked for.
 *
 * A window of 256 bytes can be agreed on, but zlib cannot deflate with it: matches of distance 1 alone (Z_RLE) fit into any window.
 * A sender may end a deflate stream within a message (BFINAL): the next begins behind it, with the same window. */
#include "io/filter/wsdeflate.h"

#include <assert.h>
#include <limits.h>
#include <string.h>
#include <zlib.h>

#include "base/alloc.h"

enum { ZIP_LEVEL = 6, ZIP_MEMORY = 8, ZIP_TAIL = 4, ZIP_BLOCK_ENDS = 128, ZIP_BITS = 63 };

static const unsigned char zip_tail[ZIP_TAIL] = { 0x00, 0x00, 0xff, 0xff };

struct skt_wszip {
	struct skt_wszipping how;
	z_stream *in, *out; /* NULL until needed */
	uint8_t n_tail;     /* so many bytes of the tail have gone in */
	bool is_server, waits;
	bool is_fresh; /* a deflate stream has just ended, and nothing has begun behind it */
};

static voidpf zip_alloc(voidpf opaque, uInt n, uInt size)
{
	(void)opaque;
	return skt_malloc((size_t)n * size);
}

static void zip_release(voidpf opaque, voidpf p)
{
	(void)opaque;
	skt_free(p);
}

static z_stream *zip_stream(void)
{
	z_stream *ret = SKT_NEW(z_stream);

	if (!ret)
		return NULL;
	ret->zalloc = zip_alloc;
	ret->zfree = zip_release;
	return ret;
}

struct skt_wszip *skt_wszip_new(const struct skt_wszipping *agreed, bool is_server)
{
	struct skt_wszip *z = SKT_NEW(struct skt_wszip);

	if (!z)
		return NULL;
	z->how = *agreed;
	z->is_server = is_server;
	return z;
}

static void zip_drop_in(struct skt_wszip *z)
{
	if (z->in)
		(void)inflateEnd(z->in);
	skt_free(z->in);
	z->in = NULL;
}

static void zip_drop_out(struct skt_wszip *z)
{
	if (z->out)
		(void)deflateEnd(z->out);
	skt_free(z->out);
	z->out = NULL;
}

void skt_wszip_free(struct skt_wszip *z)
{
	if (!z)
		return;
	zip_drop_in(z);
	zip_drop_out(z);
	skt_free(z);
}

/* Deflating */

static bool zip_make_out(struct skt_wszip *z)
{
	int bits = z->is_server ? z->how.server_bits : z->how.client_bits;
	bool is_least = bits == SKT_WSZIP_BITS_MIN;

	if (z->out)
		return true;
	z->out = zip_stream();
	if (!z->out)
		return false;
	if (deflateInit2(z->out, ZIP_LEVEL, Z_DEFLATED, is_least ? -9 : -bits, ZIP_MEMORY,
			 is_least ? Z_RLE : Z_DEFAULT_STRATEGY) == Z_OK)
		return true;
	skt_free(z->out);
	z->out = NULL;
	return false;
}

int skt_wszip_deflate(struct skt_wszip *z, const void *bytes, size_t n, size_t before, char **ret, size_t *n_ret)
{
	size_t room;
	char *to;
	int said;

	assert(n > 0 && n < UINT_MAX / 2);
	if (!zip_make_out(z))
		return -1;
	room = deflateBound(z->out, n) + 16; /* what a flush adds to the bound of an end */
	to = skt_malloc(before + room);
	if (!to)
		return -1;
	z->out->next_in = (z_const Bytef *)bytes;
	z->out->avail_in = (uInt)n;
	z->out->next_out = (Bytef *)to + before;
	z->out->avail_out = (uInt)room;
	said = deflate(z->out, Z_SYNC_FLUSH);
	assert(said == Z_OK && z->out->avail_in == 0 && z->out->avail_out > 0);
	(void)said;
	*n_ret = room - z->out->avail_out - ZIP_TAIL;
	*ret = to;
	if (z->is_server ? z->how.server_forgets : z->how.client_forgets)
		zip_drop_out(z);
	return 0;
}

/* Inflating */

static bool zip_make_in(struct skt_wszip *z)
{
	int bits = z->is_server ? z->how.client_bits : z->how.server_bits;

	if (z->in)
		return true;
	z->in = zip_stream();
	if (!z->in)
		return false;
	if (inflateInit2(z->in, -bits) == Z_OK)
		return true;
	skt_free(z->in);
	z->in = NULL;
	return false;
}

/* One call of inflate() with what is set in z->in. inflateResetKeep() keeps the window, which inflateReset() forgets. */
static int zip_step(struct skt_wszip *z, int flush)
{
	uInt left = z->in->avail_in;
	int said = inflate(z->in, flush);

	if (z->in->avail_in < left)
		z->is_fresh = false;
	if (said == Z_STREAM_END) {
		z->is_fresh = true;
		said = inflateResetKeep(z->in);
	}
	return said == Z_OK || said == Z_BUF_ERROR ? SKT_WSZIP_FINE
	       : said == Z_MEM_ERROR               ? SKT_WSZIP_NO_MEMORY
						   : SKT_WSZIP_WRONG;
}

static int zip_run(struct skt_wszip *z, const void *bytes, size_t n, void *to, size_t room, int flush,
		   struct skt_wszipped *ret)
{
	uInt before, room_before;
	int said;

	*ret = (struct skt_wszipped){ 0 };
	if (!zip_make_in(z))
		return SKT_WSZIP_NO_MEMORY;
	n = n < UINT_MAX ? n : UINT_MAX;
	room = room < UINT_MAX ? room : UINT_MAX;
	z->in->next_in = (z_const Bytef *)bytes;
	z->in->avail_in = (uInt)n;
	z->in->next_out = to;
	z->in->avail_out = (uInt)room;
	do {
		before = z->in->avail_in;
		room_before = z->in->avail_out;
		said = zip_step(z, flush);
	} while (said == SKT_WSZIP_FINE && z->in->avail_in > 0 &&
		 (z->in->avail_in != before || z->in->avail_out != room_before));
	*ret = (struct skt_wszipped){ .used = n - z->in->avail_in, .given = room - z->in->avail_out };
	z->waits = said == SKT_WSZIP_FINE && z->in->avail_out == 0;
	return said;
}

int skt_wszip_inflate(struct skt_wszip *z, const void *bytes, size_t n, void *to, size_t room, struct skt_wszipped *ret)
{
	return zip_run(z, bytes, n, to, room, Z_SYNC_FLUSH, ret);
}

/* Z_BLOCK makes inflate() say whether the last byte of the tail ended a block, to its last bit: it does, unless the message was cut.
 * What such a message still holds is given first. */
int skt_wszip_inflate_end(struct skt_wszip *z, void *to, size_t room, struct skt_wszipped *ret, bool *is_whole)
{
	bool has_ended = z->n_tail == 0 && z->is_fresh, ends_block;
	int said = SKT_WSZIP_FINE;

	*ret = (struct skt_wszipped){ 0 };
	if (!has_ended)
		said = zip_run(z, zip_tail + z->n_tail, (size_t)(ZIP_TAIL - z->n_tail), to, room, Z_BLOCK, ret);
	if (said != SKT_WSZIP_FINE)
		return said;
	z->n_tail = (uint8_t)(z->n_tail + ret->used);
	ends_block = has_ended || z->is_fresh || (z->in->data_type & (ZIP_BLOCK_ENDS | ZIP_BITS)) == ZIP_BLOCK_ENDS;
	*is_whole = has_ended || (z->n_tail == ZIP_TAIL && (ends_block || !z->waits));
	if (!*is_whole)
		return SKT_WSZIP_FINE;
	if (!ends_block)
		return SKT_WSZIP_WRONG;
	z->n_tail = 0;
	z->waits = false;
	z->is_fresh = false;
	if (z->is_server ? z->how.client_forgets : z->how.server_forgets)
		zip_drop_in(z);
	return SKT_WSZIP_FINE;
}

bool skt_wszip_waits(const struct skt_wszip *z)
{
	return z->waits;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of requests.
 *
 * How it works: a body of known length is counted. Chunks are llhttp's: a parser is made that has seen the head of a chunked request
 * and goes on with the body; it stops behind the last chunk and its trailer, so that what follows is the next request. The lines that
 * tell sizes must end in CRLF and hold no blanks, where llhttp itself is lenient. */
#include "http/inbody.h"

#include <llhttp.h>
#include <string.h>

#include "base/alloc.h"

static const char inbody_head[] = "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

enum { INBODY_OVERHEAD_MAX = 32 * 1024 }; /* bytes of extensions and trailers in a row */

struct skt_inbody {
	llhttp_t parser; /* first: callbacks get its address */
	skt_inbody_take *take;
	void *user;
	int64_t left; /* of a body of known length */
	size_t content;
	size_t overhead; /* bytes since the last that was content */
	int status;
	bool is_chunked, is_done;
};

static struct skt_inbody *inbody_of(llhttp_t *parser)
{
	return SKT_OUTER(parser, struct skt_inbody, parser);
}

static int inbody_bytes(llhttp_t *parser, const char *at, size_t n)
{
	struct skt_inbody *b = inbody_of(parser);

	b->content += n;
	b->status = b->take ? b->take(b->user, at, n) : 0;
	return b->status ? HPE_USER : 0;
}

static int inbody_complete(llhttp_t *parser)
{
	inbody_of(parser)->is_done = true;
	return HPE_PAUSED;
}

static const llhttp_settings_t inbody_settings = { .on_body = inbody_bytes, .on_message_complete = inbody_complete };

struct skt_inbody *skt_inbody_new(const struct skt_request *r, skt_inbody_take *take, void *user)
{
	struct skt_inbody *b = SKT_NEW(struct skt_inbody);

	if (!b)
		return NULL;
	b->take = take;
	b->user = user;
	b->left = r->length;
	b->is_chunked = r->is_chunked;
	b->is_done = !r->is_chunked && r->length == 0;
	if (!b->is_chunked)
		return b;
	llhttp_init(&b->parser, HTTP_REQUEST, &inbody_settings);
	if (llhttp_execute(&b->parser, inbody_head, sizeof(inbody_head) - 1) != HPE_OK) {
		skt_free(b);
		return NULL;
	}
	return b;
}

void skt_inbody_free(struct skt_inbody *b)
{
	skt_free(b);
}

static int inbody_count(struct skt_inbody *b, const char *bytes, size_t n, size_t *used)
{
	*used = (int64_t)n > b->left ? (size_t)b->left : n;
	b->left -= (int64_t)*used;
	b->is_done = b->left == 0;
	return *used && b->take ? b->take(b->user, bytes, *used) : 0;
}

static int inbody_chunks(struct skt_inbody *b, const char *bytes, size_t n, size_t *used)
{
	llhttp_errno_t said;

	b->content = 0;
	said = llhttp_execute(&b->parser, bytes, n);
	*used = n;
	if (said == HPE_PAUSED)
		*used = (size_t)(llhttp_get_error_pos(&b->parser) - bytes);
	else if (said != HPE_OK)
		return b->status ? b->status : 400;
	b->overhead = b->content ? 0 : b->overhead + *used;
	return b->overhead > INBODY_OVERHEAD_MAX ? 400 : 0;
}

int skt_inbody_feed(struct skt_inbody *b, const char *bytes, size_t n, size_t *used)
{
	*used = 0;
	if (b->is_done || n == 0)
		return 0;
	return b->is_chunked ? inbody_chunks(b, bytes, n, used) : inbody_count(b, bytes, n, used);
}

bool skt_inbody_is_done(const struct skt_inbody *b)
{
	return b->is_done;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of requests.
 *
 * How it works: a body of known length is counted. Chunks are read by states, strictly: a size of hexadecimal digits and nothing around it,
 * extensions and trailers of visible characters, every line in CRLF. Whoever stands before us must see the end at the same byte. llhttp, which
 * parses heads, lets bare LF and folded lines pass in trailers; so it does not parse these.
 *
 *   state      bytes are                              then
 *   SIZE       digits of a chunk's size               EXTENSION, SIZE_LF
 *   EXTENSION  thrown away up to CR                   SIZE_LF
 *   SIZE_LF    the LF                                 DATA, or TRAILER behind the last chunk
 *   DATA       content                                DATA_CR
 *   DATA_CR    the CR, then in DATA_LF the LF         SIZE
 *   TRAILER    a line of the trailer, kept            TRAILER, or done at an empty one */
#include "http/inbody.h"

#include <string.h>

#include "base/alloc.h"

enum { INBODY_OVERHEAD_MAX = 32 * 1024, INBODY_DIGITS = 15 }; /* bytes in a row that are not content; of a size */

enum inbody_state {
	BODY_COUNTED,
	BODY_SIZE,
	BODY_EXTENSION,
	BODY_SIZE_LF,
	BODY_DATA,
	BODY_DATA_CR,
	BODY_DATA_LF,
	BODY_TRAILER,
	BODY_DONE
};

struct skt_inbody {
	skt_inbody_take *take;
	void *user;
	int64_t left; /* of the body, or of the chunk */
	size_t overhead;
	enum inbody_state state;
	int n_digits;
	bool has_colon, has_name; /* of the trailer's line */
	char last;                /* byte of the trailer's line; 0 at its beginning */
};

struct skt_inbody *skt_inbody_new(const struct skt_request *r, skt_inbody_take *take, void *user)
{
	struct skt_inbody *b = SKT_NEW(struct skt_inbody);

	if (!b)
		return NULL;
	b->take = take;
	b->user = user;
	b->left = r->is_chunked ? 0 : r->length;
	b->state = r->is_chunked ? BODY_SIZE : r->length ? BODY_COUNTED : BODY_DONE;
	return b;
}

void skt_inbody_free(struct skt_inbody *b)
{
	skt_free(b);
}

bool skt_inbody_is_done(const struct skt_inbody *b)
{
	return b->state == BODY_DONE;
}

static int inbody_give(struct skt_inbody *b, const char *bytes, size_t n)
{
	return n && b->take ? b->take(b->user, bytes, n) : 0;
}

/* Content, as much as there is. */
static int inbody_content(struct skt_inbody *b, const char *bytes, size_t n, size_t *used)
{
	*used = (int64_t)n > b->left ? (size_t)b->left : n;
	b->left -= (int64_t)*used;
	b->overhead = 0;
	if (b->left == 0)
		b->state = b->state == BODY_COUNTED ? BODY_DONE : BODY_DATA_CR;
	return inbody_give(b, bytes, *used);
}

static bool inbody_is_text(char c)
{
	return c == '\t' || ((unsigned char)c >= ' ' && c != 127);
}

static bool inbody_size(struct skt_inbody *b, char c)
{
	int digit = c >= '0' && c <= '9'   ? c - '0'
		    : c >= 'a' && c <= 'f' ? c - 'a' + 10
		    : c >= 'A' && c <= 'F' ? c - 'A' + 10
					   : -1;

	if (digit >= 0) {
		if (b->n_digits++ == INBODY_DIGITS)
			return false;
		b->left = b->left * 16 + digit;
		return true;
	}
	b->state = c == ';' ? BODY_EXTENSION : BODY_SIZE_LF;
	return b->n_digits > 0 && (c == ';' || c == '\r');
}

static bool inbody_is_token(char c)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       memchr(others, c, sizeof(others) - 1);
}

/* A byte of the trailer: lines of a name, a colon and text, as in a head. */
static bool inbody_trailer(struct skt_inbody *b, char c)
{
	char last = b->last;

	b->last = c;
	if (last == '\r') {
		if (c != '\n')
			return false;
		if (!b->has_name) /* an empty line: the end */
			b->state = BODY_DONE;
		b->has_name = b->has_colon = false;
		b->last = 0;
		return true;
	}
	if (c == '\r')
		return !b->has_name || b->has_colon;
	if (b->has_colon)
		return inbody_is_text(c);
	if (c == ':') {
		b->has_colon = true;
		return b->has_name;
	}
	b->has_name = true;
	return inbody_is_token(c);
}

/* A byte that is not content. False: it cannot be there. */
static bool inbody_byte(struct skt_inbody *b, char c)
{
	switch (b->state) {
	case BODY_SIZE:
		return inbody_size(b, c);
	case BODY_EXTENSION:
		if (c == '\r')
			b->state = BODY_SIZE_LF;
		return c == '\r' || inbody_is_text(c);
	case BODY_SIZE_LF:
		b->state = b->left ? BODY_DATA : BODY_TRAILER;
		b->n_digits = 0;
		return c == '\n';
	case BODY_DATA_CR:
		b->state = BODY_DATA_LF;
		return c == '\r';
	case BODY_DATA_LF:
		b->state = BODY_SIZE;
		return c == '\n';
	default:
		return inbody_trailer(b, c);
	}
}

int skt_inbody_feed(struct skt_inbody *b, const char *bytes, size_t n, size_t *used)
{
	size_t taken;
	int status;

	for (*used = 0; *used < n && b->state != BODY_DONE;) {
		if (b->state == BODY_COUNTED || b->state == BODY_DATA) {
			status = inbody_content(b, bytes + *used, n - *used, &taken);
			*used += taken;
			if (status)
				return status;
			continue;
		}
		if (!inbody_byte(b, bytes[(*used)++]) || ++b->overhead > INBODY_OVERHEAD_MAX)
			return 400;
	}
	return 0;
}

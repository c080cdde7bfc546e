/* SPDX-License-Identifier: Apache-2.0 */
/* The head of an HTTP/1 message: its first line and its fields (RFC 9112), as far as handshakes need it. Pure.
 *
 * Strict where leniency has let requests be smuggled: lines end in CRLF, field names are tokens with nothing before the colon, no line
 * is folded, no control character passes. */
#ifndef SKT_WIRE_HTTPHEAD_H
#define SKT_WIRE_HTTPHEAD_H

#include <stdbool.h>
#include <stddef.h>

enum { SKT_HEAD_MAX = 16384, SKT_HEAD_FIELDS = 100 };

/* Bytes of the text that was parsed. */
struct skt_span {
	const char *s;
	size_t n;
};

struct skt_head {
	struct skt_span method, target; /* of a request */
	int status;                     /* of a response: 100 to 999 */
	struct skt_span reason;         /* of a response; may be empty */
	int minor;                      /* of HTTP/1.x: 0 or 1 */
	struct {
		struct skt_span name, value; /* without the blanks around it */
	} field[SKT_HEAD_FIELDS];
	int n_fields;
};

enum skt_headkind { SKT_HEAD_REQUEST, SKT_HEAD_RESPONSE };

/* Whether these first bytes can be how a head of that kind begins: said before a whole head has come, for peers that speak something
 * else and wait. No bytes can be anything. */
bool skt_head_begins(enum skt_headkind kind, const char *bytes, size_t n);
/* Where the head ends: the offset behind its empty line, or 0 where that has not come. *seen is where to go on looking: 0 at first. */
size_t skt_head_end(const char *bytes, size_t n, size_t *seen);
/* Parse a whole head of n bytes, its empty line included. Returns 0; or -1 where it is none, and *why a sentence about it, marked
 * with N_(). *ret points into the bytes. */
int skt_head_parse(enum skt_headkind kind, const char *bytes, size_t n, struct skt_head *ret, const char **why);

/* The value of the field of that name (in any case), of the first where there are several; .s is NULL where there is none. */
struct skt_span skt_head_field(const struct skt_head *head, const char *name);
/* How many fields of that name there are. */
int skt_head_count(const struct skt_head *head, const char *name);
/* Whether a field of that name holds a list, its elements apart by commas, that has the token (in any case). */
bool skt_head_lists(const struct skt_head *head, const char *name, const char *token);

/* Whether a span is this word; in any case. */
bool skt_span_is(struct skt_span span, const char *word);
bool skt_span_is_nocase(struct skt_span span, const char *word);
/* Take the next element of a list that is apart by commas off *list: false at its end. Blanks around it are left out; empty elements
 * are passed over. */
bool skt_span_next(struct skt_span *list, struct skt_span *ret);
/* The same up to any separator. Quotes are not known: for lists of tokens. */
bool skt_span_split(struct skt_span *list, char separator, struct skt_span *ret);

#endif

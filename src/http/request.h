/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a request, parsed and judged (RFC 9110, RFC 9112). Pure: points into the bytes that were received. */
#ifndef SKT_HTTP_REQUEST_H
#define SKT_HTTP_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "wire/httphead.h"

enum skt_method {
	SKT_METHOD_OTHER, /* one that is known to HTTP and not served here */
	SKT_METHOD_GET,
	SKT_METHOD_HEAD,
	SKT_METHOD_OPTIONS,
	SKT_METHOD_POST,
	SKT_METHOD_PUT,
	SKT_METHOD_DELETE,
};

/* The fields that anybody here looks at. Others are passed over. */
enum skt_field {
	SKT_FIELD_ACCEPT,
	SKT_FIELD_ACCEPT_ENCODING,
	SKT_FIELD_ACCEPT_LANGUAGE,
	SKT_FIELD_REQUEST_HEADERS, /* Access-Control-Request-Headers */
	SKT_FIELD_REQUEST_METHOD,  /* Access-Control-Request-Method */
	SKT_FIELD_AUTHORIZATION,
	SKT_FIELD_CONNECTION,
	SKT_FIELD_CONTENT_ENCODING,
	SKT_FIELD_CONTENT_LENGTH,
	SKT_FIELD_CONTENT_RANGE,
	SKT_FIELD_CONTENT_TYPE,
	SKT_FIELD_EXPECT,
	SKT_FIELD_HOST,
	SKT_FIELD_IF_MATCH,
	SKT_FIELD_IF_MODIFIED_SINCE,
	SKT_FIELD_IF_NONE_MATCH,
	SKT_FIELD_IF_RANGE,
	SKT_FIELD_IF_UNMODIFIED_SINCE,
	SKT_FIELD_LAST_EVENT_ID,
	SKT_FIELD_ORIGIN,
	SKT_FIELD_RANGE,
	SKT_FIELD_REFERER,
	SKT_FIELD_FETCH_SITE, /* Sec-Fetch-Site */
	SKT_FIELD_TRANSFER_ENCODING,
	SKT_FIELD_UPGRADE,
	SKT_FIELD_USER_AGENT,
	SKT_FIELDS,
};

/* Limits of a head: what is longer gets 431 or 414. */
enum { SKT_REQUEST_HEAD_MAX = 32 * 1024, SKT_REQUEST_FIELDS_MAX = 128, SKT_REQUEST_TARGET_MAX = 8 * 1024 };

struct skt_request {
	enum skt_method method;
	struct skt_span method_text, target; /* as they came */
	struct skt_span path, query; /* of the target: from its first slash on, still encoded; behind '?', or .s is NULL */
	struct skt_span field[SKT_FIELDS]; /* .s is NULL where it did not come; lists that came in parts: see `repeated` */
	uint32_t repeated;                 /* bit of a field that came more than once: `field` holds the first */
	struct skt_span fields;            /* all field lines */
	int minor;                         /* HTTP/1.x */
	bool keeps_alive;                  /* the client wants the connection to go on */
	bool is_chunked;                   /* the body's length is told by chunks */
	bool expects_continue;
	int64_t length; /* of the body, where it is not chunked; 0: there is none */
};

/* Parse a whole head of n bytes, its empty line included (llhttp, and stricter where leniency has let requests be smuggled: CRLF only, no
 * folding, nothing before a colon, one Host, not both lengths). Returns 0, or the status to answer with (400, 414, 431, 501, 505), and *why a
 * sentence about it, in English; the connection must be closed then, because nobody knows where the next request begins. */
int skt_request_parse(const char *bytes, size_t n, struct skt_request *ret, const char **why);

/* The value of a field that is a list: where it came in several lines, they are joined in `room`, which the caller releases. .s is NULL where it
 * did not come. */
struct skt_span skt_request_list(const struct skt_request *r, enum skt_field field, struct skt_text *room);
/* The value of a field, or an empty span. */
struct skt_span skt_request_field(const struct skt_request *r, enum skt_field field);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of requests.
 *
 * How it works: the lines are looked at first, because that is where leniency has let one server see another request than the next one:
 * each ends in CRLF and holds no other CR, LF or NUL, none is a continuation, none has a blank before its colon, and there are not too many.
 * Then llhttp parses the head, which is whole and in one piece, so that each of its callbacks gives a whole name, value or target. What it
 * lets pass and HTTP does not is judged last. */
#include "http/request.h"

#include <llhttp.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"

/* The names, in the order of enum skt_field. */
static const struct skt_span request_names[SKT_FIELDS] = {
#define NAME(field, text) [field] = { text, sizeof(text) - 1 }
	NAME(SKT_FIELD_ACCEPT, "accept"),
	NAME(SKT_FIELD_ACCEPT_ENCODING, "accept-encoding"),
	NAME(SKT_FIELD_ACCEPT_LANGUAGE, "accept-language"),
	NAME(SKT_FIELD_REQUEST_HEADERS, "access-control-request-headers"),
	NAME(SKT_FIELD_REQUEST_METHOD, "access-control-request-method"),
	NAME(SKT_FIELD_AUTHORIZATION, "authorization"),
	NAME(SKT_FIELD_CONNECTION, "connection"),
	NAME(SKT_FIELD_CONTENT_ENCODING, "content-encoding"),
	NAME(SKT_FIELD_CONTENT_LENGTH, "content-length"),
	NAME(SKT_FIELD_CONTENT_RANGE, "content-range"),
	NAME(SKT_FIELD_CONTENT_TYPE, "content-type"),
	NAME(SKT_FIELD_EXPECT, "expect"),
	NAME(SKT_FIELD_HOST, "host"),
	NAME(SKT_FIELD_IF_MATCH, "if-match"),
	NAME(SKT_FIELD_IF_MODIFIED_SINCE, "if-modified-since"),
	NAME(SKT_FIELD_IF_NONE_MATCH, "if-none-match"),
	NAME(SKT_FIELD_IF_RANGE, "if-range"),
	NAME(SKT_FIELD_IF_UNMODIFIED_SINCE, "if-unmodified-since"),
	NAME(SKT_FIELD_LAST_EVENT_ID, "last-event-id"),
	NAME(SKT_FIELD_ORIGIN, "origin"),
	NAME(SKT_FIELD_RANGE, "range"),
	NAME(SKT_FIELD_REFERER, "referer"),
	NAME(SKT_FIELD_FETCH_SITE, "sec-fetch-site"),
	NAME(SKT_FIELD_TRANSFER_ENCODING, "transfer-encoding"),
	NAME(SKT_FIELD_UPGRADE, "upgrade"),
	NAME(SKT_FIELD_USER_AGENT, "user-agent"),
#undef NAME
};

static const struct {
	uint8_t llhttp;
	enum skt_method method;
} request_methods[] = {
	{ HTTP_GET, SKT_METHOD_GET },   { HTTP_HEAD, SKT_METHOD_HEAD }, { HTTP_OPTIONS, SKT_METHOD_OPTIONS },
	{ HTTP_POST, SKT_METHOD_POST }, { HTTP_PUT, SKT_METHOD_PUT },   { HTTP_DELETE, SKT_METHOD_DELETE },
};

/* Fields that may say only one thing: saying it twice is how requests are smuggled. */
#define REQUEST_ONCE                                                                                    \
	(1U << SKT_FIELD_HOST | 1U << SKT_FIELD_CONTENT_LENGTH | 1U << SKT_FIELD_TRANSFER_ENCODING |    \
	 1U << SKT_FIELD_CONTENT_RANGE | 1U << SKT_FIELD_CONTENT_TYPE | 1U << SKT_FIELD_AUTHORIZATION | \
	 1U << SKT_FIELD_ORIGIN | 1U << SKT_FIELD_EXPECT)

struct request_parse {
	llhttp_t parser;
	struct skt_request *request;
	int at; /* the field whose value comes next, or -1 */
};

static struct request_parse *parse_of(llhttp_t *parser)
{
	return SKT_OUTER(parser, struct request_parse, parser);
}

static int parse_url(llhttp_t *parser, const char *at, size_t n)
{
	struct skt_request *r = parse_of(parser)->request;

	r->target = (struct skt_span){ at, n };
	return 0;
}

static int parse_field(llhttp_t *parser, const char *at, size_t n)
{
	struct request_parse *p = parse_of(parser);

	for (p->at = SKT_FIELDS - 1; p->at >= 0; p->at--)
		if (request_names[p->at].n == n && strncasecmp(request_names[p->at].s, at, n) == 0)
			break;
	return 0;
}

static int parse_value(llhttp_t *parser, const char *at, size_t n)
{
	struct request_parse *p = parse_of(parser);

	if (p->at < 0)
		return 0;
	while (n && (at[n - 1] == ' ' || at[n - 1] == '\t'))
		n--;
	if (p->request->field[p->at].s)
		p->request->repeated |= 1U << p->at;
	else
		p->request->field[p->at] = (struct skt_span){ at, n };
	p->at = -1;
	return 0;
}

static int parse_complete(llhttp_t *parser)
{
	struct skt_request *r = parse_of(parser)->request;

	r->keeps_alive = llhttp_should_keep_alive(parser) || (parser->upgrade && r->minor > 0);
	r->is_chunked = (parser->flags & F_CHUNKED) != 0;
	return 2; /* the body is not parsed here */
}

static const llhttp_settings_t request_settings = {
	.on_url = parse_url,
	.on_header_field = parse_field,
	.on_header_value = parse_value,
	.on_headers_complete = parse_complete,
};

static bool request_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool request_is_token(struct skt_span s)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < s.n; i++) {
		char c = s.s[i];

		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		      memchr(others, c, sizeof(others) - 1)))
			return false;
	}
	return s.n > 0;
}

/* One line of the head, without its CRLF. NULL, or why it is none. */
static const char *request_line(const char *line, size_t n, bool is_first)
{
	const char *colon;

	if (memchr(line, '\r', n) || memchr(line, '\0', n))
		return "a line holds a bare CR or a NUL";
	if (is_first)
		return n ? NULL : "the request line is missing";
	if (request_is_blank(line[0]))
		return "a field is folded over two lines";
	colon = memchr(line, ':', n);
	if (!colon || colon == line)
		return "a field has no name, or no colon";
	if (request_is_blank(colon[-1]))
		return "a blank stands before a field's colon";
	return request_is_token((struct skt_span){ line, (size_t)(colon - line) }) ? NULL : "a field's name is malformed";
}

/* All lines. Returns 0 or a status. */
static int request_lines(const char *bytes, size_t n, struct skt_request *ret, const char **why)
{
	const char *line = bytes, *end = bytes + n - 2; /* without the empty line */
	int n_lines = 0;

	while (line < end) {
		const char *lf = memchr(line, '\n', (size_t)(end - line));

		if (!lf || lf == line || lf[-1] != '\r') {
			*why = "a line does not end in CRLF";
			return 400;
		}
		*why = request_line(line, (size_t)(lf - 1 - line), n_lines == 0);
		if (*why)
			return 400;
		line = lf + 1;
		if (n_lines++ == 0)
			ret->fields.s = line;
		if (n_lines > SKT_REQUEST_FIELDS_MAX + 1) {
			*why = "there are too many fields";
			return 431;
		}
	}
	ret->fields.n = (size_t)(end - ret->fields.s);
	return 0;
}

/* The request line by itself: what llhttp says of it is less than who sent it needs. Returns 0 or a status. */
static int request_first_line(const char *bytes, struct skt_request *ret, const char **why)
{
	struct skt_span line = { bytes, (size_t)(ret->fields.s - 2 - bytes) }, version;
	const char *blank = memchr(line.s, ' ', line.n), *last = blank;

	for (const char *p = blank; p && p < line.s + line.n; p++)
		if (*p == ' ')
			last = p;
	*why = "its first line is no request of HTTP/1";
	if (!blank || blank == last || last - blank < 2 || memchr(blank + 1, ' ', (size_t)(last - blank - 1)))
		return 400;
	ret->method_text = (struct skt_span){ line.s, (size_t)(blank - line.s) };
	version = (struct skt_span){ last + 1, (size_t)(line.s + line.n - last - 1) };
	if (!request_is_token(ret->method_text) || version.n != 8 || memcmp(version.s, "HTTP/", 5) != 0 ||
	    version.s[6] != '.')
		return 400;
	if (version.s[5] != '1' || (version.s[7] != '0' && version.s[7] != '1')) {
		*why = "only HTTP/1.0 and HTTP/1.1 are spoken here";
		return version.s[5] >= '0' && version.s[5] <= '9' ? 505 : 400;
	}
	if (last - blank - 1 > SKT_REQUEST_TARGET_MAX) {
		*why = "the target is too long";
		return 414;
	}
	ret->minor = version.s[7] - '0';
	return 0;
}

static int request_llhttp(struct request_parse *p, const char *bytes, size_t n, const char **why)
{
	llhttp_errno_t said;

	llhttp_init(&p->parser, HTTP_REQUEST, &request_settings);
	said = llhttp_execute(&p->parser, bytes, n);
	if (said == HPE_OK || said == HPE_PAUSED_UPGRADE)
		return 0;
	if (said == HPE_INVALID_METHOD) {
		*why = "the method is not known here";
		return 501;
	}
	*why = said == HPE_INVALID_URL                 ? "the target is no URL"
	       : said == HPE_UNEXPECTED_CONTENT_LENGTH ? "there are two lengths of the body"
	       : said == HPE_INVALID_CONTENT_LENGTH    ? "Content-Length is no number"
	       : said == HPE_INVALID_TRANSFER_ENCODING ? "Transfer-Encoding does not end in chunked"
						       : "a field is malformed";
	return 400;
}

/* Content-Length and Transfer-Encoding: one of them, and one meaning. Returns 0 or a status. */
static int request_length(struct skt_request *r, const char **why)
{
	struct skt_span length = r->field[SKT_FIELD_CONTENT_LENGTH], coding = r->field[SKT_FIELD_TRANSFER_ENCODING];

	if (coding.s && (length.s || r->minor == 0)) {
		*why = length.s ? "there are two lengths of the body" : "HTTP/1.0 has no Transfer-Encoding";
		return 400;
	}
	if (coding.s && !skt_span_is_nocase(coding, "chunked")) {
		*why = "only the transfer coding chunked is known here";
		return 501;
	}
	r->is_chunked = coding.s != NULL;
	if (length.s && length.n == 0) {
		*why = "Content-Length is no number";
		return 400;
	}
	for (size_t i = 0; length.s && i < length.n; i++) {
		if (length.s[i] < '0' || length.s[i] > '9' || r->length > (INT64_MAX - 9) / 10) {
			*why = "Content-Length is no number";
			return 400;
		}
		r->length = r->length * 10 + (length.s[i] - '0');
	}
	return 0;
}

static bool request_is_host(struct skt_span host)
{
	for (size_t i = 0; host.s && i < host.n; i++)
		if ((unsigned char)host.s[i] <= ' ' || strchr("/?#@\\\"<>,", host.s[i]) || (unsigned char)host.s[i] >= 127)
			return false;
	return true;
}

/* http://host/path: the host is the request's, whatever Host says (RFC 9112, section 3.2.2), and the rest is what is asked for: *t, empty for
 * the root. False: it is no such URL. */
static bool request_absolute(struct skt_request *r, struct skt_span *t)
{
	size_t scheme = t->n > 7 && strncasecmp(t->s, "http://", 7) == 0    ? 7
			: t->n > 8 && strncasecmp(t->s, "https://", 8) == 0 ? 8
									    : 0;
	struct skt_span host = { t->s + scheme, 0 };

	while (host.s + host.n < t->s + t->n && host.s[host.n] != '/' && host.s[host.n] != '?')
		host.n++;
	if (!scheme || host.n == 0 || !request_is_host(host))
		return false;
	r->field[SKT_FIELD_HOST] = host;
	*t = (struct skt_span){ host.s + host.n, (size_t)(t->s + t->n - host.s) - host.n };
	return true;
}

/* Origin form, absolute form, or the asterisk of OPTIONS. Returns 0 or a status. */
static int request_target(struct skt_request *r, const char **why)
{
	struct skt_span t = r->target;
	const char *query;

	*why = "the target is neither a path nor a URL of http";
	r->path = t;
	if (skt_span_is(t, "*"))
		return r->method == SKT_METHOD_OPTIONS ? 0 : 400;
	if (t.n == 0 || (t.s[0] != '/' && !request_absolute(r, &t)))
		return 400;
	query = t.n ? memchr(t.s, '?', t.n) : NULL;
	r->path = (struct skt_span){ t.s, query ? (size_t)(query - t.s) : t.n };
	if (query)
		r->query = (struct skt_span){ query + 1, (size_t)(t.s + t.n - query - 1) };
	if (r->path.n == 0)
		r->path = (struct skt_span){ "/", 1 };
	return 0;
}

static int request_judge(struct skt_request *r, const char **why)
{
	struct skt_span host = r->field[SKT_FIELD_HOST], expect = r->field[SKT_FIELD_EXPECT];
	int status;

	if (r->repeated & REQUEST_ONCE) {
		*why = "a field that may come once came twice";
		return 400;
	}
	if ((!host.s && r->minor > 0) || !request_is_host(host)) {
		*why = host.s ? "Host is malformed" : "Host is missing";
		return 400;
	}
	status = request_length(r, why);
	if (status == 0)
		status = request_target(r, why);
	if (status)
		return status;
	if (expect.s && !skt_span_is_nocase(expect, "100-continue")) {
		*why = "only 100-continue can be expected";
		return 417;
	}
	r->expects_continue = expect.s && r->minor > 0 && (r->length > 0 || r->is_chunked);
	return 0;
}

int skt_request_parse(const char *bytes, size_t n, struct skt_request *ret, const char **why)
{
	struct request_parse p = { .request = ret, .at = -1 };
	int status;

	*ret = (struct skt_request){ 0 };
	status = request_lines(bytes, n, ret, why);
	if (status == 0)
		status = request_first_line(bytes, ret, why);
	if (status == 0)
		status = request_llhttp(&p, bytes, n, why);
	if (status)
		return status;
	for (size_t i = 0; i < SKT_LENGTH(request_methods); i++)
		if (request_methods[i].llhttp == p.parser.method)
			ret->method = request_methods[i].method;
	return request_judge(ret, why);
}

struct skt_span skt_request_field(const struct skt_request *r, enum skt_field field)
{
	return r->field[field];
}

struct skt_span skt_request_list(const struct skt_request *r, enum skt_field field, struct skt_text *room)
{
	struct skt_span lines = r->fields, line, value;

	if (!(r->repeated & (1U << field)))
		return r->field[field];
	skt_text_clear(room);
	while (skt_span_split(&lines, '\n', &line)) {
		size_t n = request_names[field].n;

		if (line.n <= n || line.s[n] != ':' || strncasecmp(line.s, request_names[field].s, n) != 0)
			continue;
		value = (struct skt_span){ line.s + n + 1, line.n - n - 1 };
		if (value.n && value.s[value.n - 1] == '\r')
			value.n--;
		skt_text_add(room, room->len ? ", " : "");
		skt_text_addn(room, value.s, value.n);
	}
	return (struct skt_span){ skt_text_get(room), room->len };
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The head of an HTTP/1 message. */
#include "wire/httphead.h"

#include <string.h>
#include <strings.h>

#include "base/message.h"

static bool is_token_byte(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* What a field's value may hold: visible characters, blanks, and bytes of other character sets (RFC 9110, section 5.5). */
static bool is_text_byte(unsigned char c)
{
	return c == '\t' || (c >= ' ' && c != 127);
}

bool skt_span_is(struct skt_span span, const char *word)
{
	return span.s && span.n == strlen(word) && memcmp(span.s, word, span.n) == 0;
}

bool skt_span_is_nocase(struct skt_span span, const char *word)
{
	return span.s && span.n == strlen(word) && strncasecmp(span.s, word, span.n) == 0;
}

static struct skt_span span_trim(struct skt_span span)
{
	while (span.n && is_blank(span.s[0])) {
		span.s++;
		span.n--;
	}
	while (span.n && is_blank(span.s[span.n - 1]))
		span.n--;
	return span;
}

bool skt_span_split(struct skt_span *list, char separator, struct skt_span *ret)
{
	while (list->n) {
		const char *at = memchr(list->s, separator, list->n);
		size_t n = at ? (size_t)(at - list->s) : list->n, taken = at ? n + 1 : n;

		*ret = span_trim((struct skt_span){ list->s, n });
		list->s += taken;
		list->n -= taken;
		if (ret->n)
			return true;
	}
	return false;
}

bool skt_span_next(struct skt_span *list, struct skt_span *ret)
{
	return skt_span_split(list, ',', ret);
}

/* A first line that is whole ends with a version: what speaks in words, as mail does, is known by that. */
static bool head_line_may_be(const char *bytes, size_t n)
{
	const char *end = memchr(bytes, '\n', n);
	size_t length = end ? (size_t)(end - bytes) : 0;

	return !end || (length > 10 && end[-1] == '\r' && memcmp(end - 10, " HTTP/", 6) == 0);
}

bool skt_head_begins(enum skt_headkind kind, const char *bytes, size_t n)
{
	static const char version[] = "HTTP/1.";
	size_t most = sizeof(version) - 1;

	if (kind == SKT_HEAD_RESPONSE)
		return memcmp(bytes, version, n < most ? n : most) == 0;
	for (size_t i = 0; i < n; i++)
		if (!is_token_byte((unsigned char)bytes[i]))
			return bytes[i] == ' ' && i > 0 && i < 32 && head_line_may_be(bytes, n);
	return n < 32;
}

size_t skt_head_end(const char *bytes, size_t n, size_t *seen)
{
	for (; *seen + 4 <= n; (*seen)++)
		if (memcmp(bytes + *seen, "\r\n\r\n", 4) == 0)
			return *seen + 4;
	return 0;
}

static bool head_version(const char *s, int *minor)
{
	if (memcmp(s, "HTTP/1.", 7) != 0 || (s[7] != '0' && s[7] != '1'))
		return false;
	*minor = s[7] - '0';
	return true;
}

static const char *head_request_line(struct skt_span line, struct skt_head *ret)
{
	const char *blank = memchr(line.s, ' ', line.n), *target = blank ? blank + 1 : NULL, *end = line.s + line.n;
	const char *last = target ? memchr(target, ' ', (size_t)(end - target)) : NULL;

	if (!last || end - last != 9 || !head_version(last + 1, &ret->minor))
		return N_("its first line is no request of HTTP/1");
	ret->method = (struct skt_span){ line.s, (size_t)(blank - line.s) };
	ret->target = (struct skt_span){ target, (size_t)(last - target) };
	for (size_t i = 0; i < ret->method.n; i++)
		if (!is_token_byte((unsigned char)ret->method.s[i]))
			return N_("its method is not a word");
	for (size_t i = 0; i < ret->target.n; i++)
		if (ret->target.s[i] <= ' ' || ret->target.s[i] == 127)
			return N_("its target holds characters that no address has");
	return ret->method.n && ret->target.n ? NULL : N_("its first line is no request of HTTP/1");
}

static const char *head_status_line(struct skt_span line, struct skt_head *ret)
{
	const char *s = line.s;

	if (line.n < 12 || !head_version(s, &ret->minor) || s[8] != ' ' || (line.n > 12 && s[12] != ' '))
		return N_("its first line is no answer of HTTP/1");
	for (int i = 9; i < 12; i++) {
		if (s[i] < '0' || s[i] > '9')
			return N_("its status is not a number of three digits");
		ret->status = ret->status * 10 + (s[i] - '0');
	}
	if (ret->status < 100)
		return N_("its status is not a number of three digits");
	if (line.n > 13)
		ret->reason = (struct skt_span){ s + 13, line.n - 13 };
	return NULL;
}

static const char *head_field(struct skt_span line, struct skt_head *ret)
{
	const char *colon = memchr(line.s, ':', line.n);
	size_t n = colon ? (size_t)(colon - line.s) : 0;

	if (n == 0)
		return N_("one of its lines is no field");
	for (size_t i = 0; i < n; i++)
		if (!is_token_byte((unsigned char)line.s[i]))
			return N_("the name of a field is not a word");
	if (ret->n_fields == SKT_HEAD_FIELDS)
		return N_("it has too many fields");
	ret->field[ret->n_fields].name = (struct skt_span){ line.s, n };
	ret->field[ret->n_fields++].value = span_trim((struct skt_span){ colon + 1, line.n - n - 1 });
	return NULL;
}

static const char *head_line(enum skt_headkind kind, struct skt_span line, bool is_first, struct skt_head *ret)
{
	for (size_t i = 0; i < line.n; i++)
		if (!is_text_byte((unsigned char)line.s[i]))
			return N_("it holds a control character");
	if (!is_first)
		return head_field(line, ret);
	return kind == SKT_HEAD_REQUEST ? head_request_line(line, ret) : head_status_line(line, ret);
}

int skt_head_parse(enum skt_headkind kind, const char *bytes, size_t n, struct skt_head *ret, const char **why)
{
	size_t at = 0;

	memset(ret, 0, sizeof(*ret));
	for (bool is_first = true;; is_first = false) {
		const char *end = memchr(bytes + at, '\n', n - at);
		size_t length = end ? (size_t)(end - bytes) - at : 0;

		*why = N_("a line does not end in CR and LF");
		if (!end || length == 0 || end[-1] != '\r')
			return -1;
		if (length == 1 && !is_first) {
			*why = N_("bytes follow its empty line");
			return at + 2 == n ? 0 : -1;
		}
		*why = head_line(kind, (struct skt_span){ bytes + at, length - 1 }, is_first, ret);
		if (*why)
			return -1;
		at += length + 1;
	}
}

struct skt_span skt_head_field(const struct skt_head *head, const char *name)
{
	for (int i = 0; i < head->n_fields; i++)
		if (skt_span_is_nocase(head->field[i].name, name))
			return head->field[i].value;
	return (struct skt_span){ NULL, 0 };
}

int skt_head_count(const struct skt_head *head, const char *name)
{
	int n = 0;

	for (int i = 0; i < head->n_fields; i++)
		n += skt_span_is_nocase(head->field[i].name, name);
	return n;
}

bool skt_head_lists(const struct skt_head *head, const char *name, const char *token)
{
	for (int i = 0; i < head->n_fields; i++) {
		struct skt_span list = head->field[i].value, one;

		if (!skt_span_is_nocase(head->field[i].name, name))
			continue;
		while (skt_span_next(&list, &one))
			if (skt_span_is_nocase(one, token))
				return true;
	}
	return false;
}

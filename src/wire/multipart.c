/* SPDX-License-Identifier: Apache-2.0 */
/* Forms with files.
 *
 * How it works: the mark that ends a part is CRLF, two dashes and the boundary; the first one has no CRLF before it, so parsing begins as if
 * one had just come. Bytes of a part are given on as soon as they cannot be part of a mark. Where a mark breaks off, what looked like it was
 * content, and a new one can begin only at its CR: a boundary holds none.
 *
 *   state     bytes are
 *   CONTENT   a part's, or before the first one (thrown away)
 *   BEHIND    what follows a mark: CRLF, or two dashes at the end
 *   HEAD      a part's fields, up to an empty line
 *   DONE      thrown away */
#include "wire/multipart.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { M_CONTENT, M_BEHIND, M_HEAD, M_DONE };

static bool multipart_boundary(struct skt_span type, struct skt_span *ret)
{
	struct skt_span one;

	if (!skt_span_split(&type, ';', &one) || !skt_span_is_nocase(one, "multipart/form-data"))
		return false;
	while (skt_span_split(&type, ';', &one)) {
		if (one.n < 9 || strncasecmp(one.s, "boundary=", 9) != 0)
			continue;
		*ret = (struct skt_span){ one.s + 9, one.n - 9 };
		if (ret->n >= 2 && ret->s[0] == '"' && ret->s[ret->n - 1] == '"')
			*ret = (struct skt_span){ ret->s + 1, ret->n - 2 };
		return true;
	}
	return false;
}

bool skt_multipart_init(struct skt_multipart *m, struct skt_span type, const struct skt_multipart_ops *ops, void *user)
{
	struct skt_span boundary;

	if (!multipart_boundary(type, &boundary) || boundary.n == 0 || boundary.n > SKT_MULTIPART_BOUNDARY)
		return false;
	for (size_t i = 0; i < boundary.n; i++)
		if ((unsigned char)boundary.s[i] < ' ' || (unsigned char)boundary.s[i] > 126)
			return false;
	m->ops = ops;
	m->user = user;
	m->state = M_CONTENT;
	m->n_mark = (size_t)snprintf(m->mark, sizeof(m->mark), "\r\n--%.*s", (int)boundary.n, boundary.s);
	m->matched = 2;
	m->n_head = 0;
	m->n_parts = 0;
	return true;
}

bool skt_multipart_is_done(const struct skt_multipart *m)
{
	return m->state == M_DONE;
}

static int multipart_give(struct skt_multipart *m, const char *bytes, size_t n)
{
	return n && m->n_parts ? m->ops->bytes(m->user, bytes, n) : 0;
}

/* --- a part's head */

static int multipart_hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* A quoted value: browsers write %22, %0D and %0A for what cannot stand in it, others a backslash before quotes. */
static bool multipart_unquote(struct skt_span s, char *ret, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.s[i];

		if (c == '\\' && i + 1 < s.n && (s.s[i + 1] == '"' || s.s[i + 1] == '\\'))
			c = s.s[++i];
		else if (c == '%' && i + 2 < s.n && s.s[i + 1] == '2' && s.s[i + 2] == '2') {
			c = '"';
			i += 2;
		} else if (c == '%' && i + 2 < s.n && s.s[i + 1] == '0' && strchr("AaDd", s.s[i + 2])) {
			c = (char)multipart_hex(s.s[i + 2]);
			i += 2;
		}
		if (n + 1 >= size || c == '\0')
			return false;
		ret[n++] = c;
	}
	ret[n] = '\0';
	return true;
}

static struct skt_span multipart_rest(struct skt_span s, const char *from)
{
	return (struct skt_span){ from, (size_t)(s.s + s.n - from) };
}

/* The value behind a '=', taken off *s: in quotes, or a token up to the next semicolon (HttpClient of .NET writes those). False: the quotes
 * are not closed. */
static bool multipart_value(struct skt_span *s, struct skt_span *ret)
{
	size_t n = 0;

	if (s->n == 0 || s->s[0] != '"') {
		while (n < s->n && s->s[n] != ';')
			n++;
		*ret = (struct skt_span){ s->s, n };
		*s = multipart_rest(*s, s->s + n);
		while (ret->n && strchr(" \t", ret->s[ret->n - 1]))
			ret->n--;
		return true;
	}
	*s = multipart_rest(*s, s->s + 1);
	for (n = 0; n < s->n && s->s[n] != '"'; n++)
		if (s->s[n] == '\\')
			n++;
	if (n >= s->n)
		return false;
	*ret = (struct skt_span){ s->s, n };
	*s = multipart_rest(*s, s->s + n + 1);
	return true;
}

/* The parameter `key` of a Content-Disposition: 1 with *ret, as it was written; 0: there is none; -1: malformed. */
static int multipart_parameter(struct skt_span s, const char *key, struct skt_span *ret)
{
	const char *semicolon;
	bool is_it;

	while ((semicolon = memchr(s.s, ';', s.n)) != NULL) {
		size_t n = 0;

		s = multipart_rest(s, semicolon + 1);
		while (s.n && (s.s[0] == ' ' || s.s[0] == '\t'))
			s = multipart_rest(s, s.s + 1);
		while (n < s.n && s.s[n] != '=' && s.s[n] != ';')
			n++;
		if (n == s.n || s.s[n] == ';')
			continue;
		is_it = skt_span_is_nocase((struct skt_span){ s.s, n }, key);
		s = multipart_rest(s, s.s + n + 1);
		if (!multipart_value(&s, ret))
			return -1;
		if (is_it)
			return 1;
	}
	return 0;
}

/* "UTF-8'en'%e2%82%ac.txt" (RFC 8187): forms ought not to have it (RFC 7578), but some clients write it beside a name that is worse. */
static bool multipart_extended(struct skt_span s, char *ret, size_t size)
{
	const char *language = memchr(s.s, '\'', s.n), *value;
	size_t n = 0;

	if (!language || !skt_span_is_nocase((struct skt_span){ s.s, (size_t)(language - s.s) }, "UTF-8"))
		return false;
	s = multipart_rest(s, language + 1);
	value = memchr(s.s, '\'', s.n);
	if (!value)
		return false;
	s = multipart_rest(s, value + 1);
	for (size_t i = 0; i < s.n; i++) {
		int c = (unsigned char)s.s[i], high, low;

		if (c == '%') {
			high = i + 2 < s.n ? multipart_hex(s.s[i + 1]) : -1;
			low = high < 0 ? -1 : multipart_hex(s.s[i + 2]);
			c = low < 0 ? 0 : high * 16 + low;
			i += 2;
		}
		if (c == 0 || n + 1 >= size)
			return false;
		ret[n++] = (char)c;
	}
	ret[n] = '\0';
	return n > 0;
}

/* The file's name, where there is one: 1; 0: the part is no file; -1: malformed. */
static int multipart_file(struct skt_span line, char *ret, size_t size)
{
	struct skt_span plain, extended;
	int has_plain = multipart_parameter(line, "filename", &plain);

	if (multipart_parameter(line, "filename*", &extended) == 1 && multipart_extended(extended, ret, size))
		return 1;
	return has_plain == 1 && !multipart_unquote(plain, ret, size) ? -1 : has_plain;
}

static int multipart_begin(struct skt_multipart *m)
{
	static const char wanted[] = "content-disposition:";
	struct skt_span lines = { m->head, m->n_head }, line, found = { 0 }, value;
	char name[SKT_MULTIPART_NAME], file[SKT_MULTIPART_NAME];
	int has_file;

	if (++m->n_parts > SKT_MULTIPART_PARTS)
		return 413;
	while (skt_span_split(&lines, '\n', &line)) {
		if (line.n < sizeof(wanted) - 1 || strncasecmp(line.s, wanted, sizeof(wanted) - 1) != 0)
			continue;
		line.n -= line.s[line.n - 1] == '\r';
		found = line;
	}
	if (!found.s || multipart_parameter(found, "name", &value) != 1 || !multipart_unquote(value, name, sizeof(name)))
		return 400;
	has_file = multipart_file(found, file, sizeof(file));
	return has_file < 0 ? 400 : m->ops->begin(m->user, name, has_file ? file : NULL);
}

/* A byte of a part's head, or of what follows a mark. */
static int multipart_head_byte(struct skt_multipart *m, char c)
{
	if (m->n_head == sizeof(m->head))
		return 413;
	m->head[m->n_head++] = c;
	if (m->state == M_BEHIND) {
		if (m->n_head == 2 && memcmp(m->head, "--", 2) == 0) {
			m->state = M_DONE;
		} else if (m->n_head >= 2 && m->head[m->n_head - 1] == '\n') {
			/* blanks may stand between the boundary and its line's end (RFC 2046) */
			m->state = M_HEAD;
			if (m->head[m->n_head - 2] != '\r' || strspn(m->head, " \t") < m->n_head - 2)
				return 400;
			memcpy(m->head, "\r\n", 2); /* an empty head ends at once */
			m->n_head = 2;
		} else if (m->n_head > 80) {
			return 400;
		}
		return 0;
	}
	if (m->n_head < 4 || memcmp(m->head + m->n_head - 4, "\r\n\r\n", 4) != 0)
		return 0;
	m->state = M_CONTENT;
	m->matched = 0;
	return multipart_begin(m);
}

/* --- content */

/* A mark is whole: the part has ended. */
static int multipart_marked(struct skt_multipart *m)
{
	m->state = M_BEHIND;
	m->n_head = 0;
	m->matched = 0;
	return m->n_parts ? m->ops->end(m->user) : 0;
}

/* Content up to a mark or the end of the bytes. *used: how many were taken. */
static int multipart_content(struct skt_multipart *m, const char *bytes, size_t n, size_t *used)
{
	size_t i = 0, from = 0; /* [from, i) are to be given on */
	int status = 0;

	while (i < n && status == 0) {
		if (m->matched == 0) {
			const char *cr = memchr(bytes + i, '\r', n - i);

			i = cr ? (size_t)(cr - bytes) : n;
			status = multipart_give(m, bytes + from, i - from);
			from = i;
			if (!cr)
				break;
		}
		if (bytes[i] == m->mark[m->matched]) {
			i++;
			if (++m->matched == m->n_mark) {
				*used = i;
				return status ? status : multipart_marked(m);
			}
			continue;
		}
		/* what looked like a mark was content; before the first part there is none to give it to */
		status = status ? status : multipart_give(m, m->mark, m->matched);
		m->matched = 0;
		from = i;
	}
	*used = i;
	return status;
}

int skt_multipart_feed(struct skt_multipart *m, const char *bytes, size_t n)
{
	int status = 0;
	size_t used;

	while (n && status == 0 && m->state != M_DONE) {
		if (m->state == M_CONTENT) {
			status = multipart_content(m, bytes, n, &used);
		} else {
			status = multipart_head_byte(m, *bytes);
			used = 1;
		}
		bytes += used;
		n -= used;
	}
	return status;
}

const char *skt_multipart_file_name(const char *name)
{
	const char *last = name;

	for (const char *s = name; *s; s++) {
		if (*s == '/' || *s == '\\')
			last = s + 1;
		if ((unsigned char)*s < ' ' || *s == 127)
			return NULL;
	}
	if (!*last || strcmp(last, ".") == 0 || strcmp(last, "..") == 0 || strlen(last) > 255)
		return NULL;
	return last;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The path of a request's target.
 *
 * How it works: segment by segment. Each is decoded behind what is there already, then judged: "." and nothing are taken back, ".." takes
 * the one before it back too. So a dot that was written %2e is a dot, and nothing is decoded twice. */
#include "wire/httppath.h"

#include <string.h>

#include "wire/utf8.h"

static int path_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* One segment, decoded to ret + at. Returns the new end, or 0 with *fault. */
static size_t path_segment(struct skt_span s, char *ret, size_t at, size_t size, enum skt_pathfault *fault)
{
	*fault = SKT_PATH_MALFORMED;
	for (size_t i = 0; i < s.n; i++) {
		int c = (unsigned char)s.s[i], high, low;

		if (c == '%') {
			if (i + 2 >= s.n)
				return 0;
			high = path_digit(s.s[i + 1]);
			low = path_digit(s.s[i + 2]);
			c = high < 0 || low < 0 ? 0 : high * 16 + low;
			i += 2;
			if (c == '/')
				return 0;
		}
		if (c == 0)
			return 0;
		if (at + 2 > size) {
			*fault = SKT_PATH_LONG;
			return 0;
		}
		ret[at++] = (char)c;
	}
	return at;
}

/* Take the last segment back, and the slash in front of it. False: there is none. */
static bool path_up(char *ret, size_t *end)
{
	if (*end == 0)
		return false;
	while (*end > 0 && ret[*end - 1] != '/')
		(*end)--;
	if (*end > 0)
		(*end)--;
	return true;
}

/* One segment onto the path that ends at *end. */
static enum skt_pathfault path_take(struct skt_span segment, bool is_last, char *ret, size_t *end, size_t size,
				    struct skt_httppath *facts)
{
	size_t begin = *end ? *end + 1 : 0, now;
	enum skt_pathfault fault;

	facts->ends_in_slash = false;
	if (segment.n == 0) {
		facts->has_empty |= !is_last;
		facts->ends_in_slash = is_last;
		return SKT_PATH_GOOD;
	}
	if (*end)
		ret[*end] = '/';
	now = path_segment(segment, ret, begin, size, &fault);
	if (now == 0)
		return fault;
	if (now - begin == 1 && ret[begin] == '.') {
		facts->ends_in_slash = is_last;
	} else if (now - begin == 2 && ret[begin] == '.' && ret[begin + 1] == '.') {
		facts->ends_in_slash = is_last;
		return path_up(ret, end) ? SKT_PATH_GOOD : SKT_PATH_CLIMBS;
	} else {
		*end = now;
	}
	return SKT_PATH_GOOD;
}

enum skt_pathfault skt_httppath_decode(struct skt_span path, char *ret, size_t size, struct skt_httppath *facts)
{
	size_t end = 0;
	const char *s = path.s, *stop = path.s + path.n;
	enum skt_pathfault fault;

	*facts = (struct skt_httppath){ 0 };
	if (path.n == 0 || *s != '/' || size < 2)
		return SKT_PATH_MALFORMED;
	while (s < stop) { /* at a slash */
		const char *next = memchr(s + 1, '/', (size_t)(stop - s - 1));
		struct skt_span segment = { s + 1, (size_t)((next ? next : stop) - s - 1) };

		fault = path_take(segment, !next, ret, &end, size, facts);
		if (fault != SKT_PATH_GOOD)
			return fault;
		s = next ? next : stop;
	}
	ret[end] = '\0';
	facts->ends_in_slash |= end == 0;
	for (size_t i = 0; i < end; i++)
		facts->is_hidden |= ret[i] == '.' && (i == 0 || ret[i - 1] == '/');
	return SKT_PATH_GOOD;
}

void skt_httppath_encode(const char *name, struct skt_text *ret)
{
	static const char hex[] = "0123456789ABCDEF";

	for (; *name; name++) {
		unsigned char c = (unsigned char)*name;

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || strchr("-._~/", c)) {
			skt_text_addc(ret, (char)c);
		} else {
			skt_text_addc(ret, '%');
			skt_text_addc(ret, hex[c >> 4]);
			skt_text_addc(ret, hex[c & 15]);
		}
	}
}

static const char *path_entity(unsigned char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return c < ' ' || c == 127 ? "\xef\xbf\xbd" : NULL;
	}
}

/* How many bytes the character at s has; 0: it is none. */
static size_t path_character(const char *s)
{
	struct skt_utf8 u = { 0 };
	size_t n = 0;

	do
		if (!s[n] || skt_utf8_add(&u, s + n, 1) != 1)
			return 0;
	while (++n < 4 && !skt_utf8_is_whole(&u));
	return skt_utf8_is_whole(&u) ? n : 0;
}

void skt_httppath_escape(const char *name, struct skt_text *ret)
{
	while (*name) {
		size_t n = path_character(name);
		const char *entity = n == 1 ? path_entity((unsigned char)*name) : NULL;

		if (entity)
			skt_text_add(ret, entity);
		else if (n)
			skt_text_addn(ret, name, n);
		else
			skt_text_add(ret, "\xef\xbf\xbd");
		name += n ? n : 1;
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Display columns. */
#include "cli/column.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <wchar.h>

/* The code point of the UTF-8 sequence at s, whose length goes to *n; a byte that begins none gives 0xfffd. RFC 3629. */
static uint32_t column_decode(const unsigned char *s, size_t *n)
{
	size_t len = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;
	uint32_t code = len == 1 ? s[0] : s[0] & (0x7fU >> len);

	*n = 1;
	if (len == 0)
		return 0xfffd;
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0xfffd;
		code = code << 6 | (s[i] & 0x3f);
	}
	*n = len;
	return code;
}

size_t skt_column_char(const char *s, int *columns)
{
	size_t n;
	uint32_t code;
	int width;

	*columns = 0;
	if (!*s)
		return 0;
	code = column_decode((const unsigned char *)s, &n);
	if (code < 0x20 || (code >= 0x7f && code < 0xa0)) {
		*columns = -1;
		return n;
	}
	width = code < 0x7f ? 1 : wcwidth((wchar_t)code);
	*columns = width < 0 ? 1 : width; /* the C locale knows no width beyond ASCII */
	return n;
}

size_t skt_columns(const char *s)
{
	size_t ret = 0;

	while (*s) {
		int columns;

		s += skt_column_char(s, &columns);
		if (columns > 0)
			ret += (size_t)columns;
	}
	return ret;
}

void skt_column_pad(struct skt_text *t, const char *s, size_t width)
{
	skt_text_add(t, s);
	for (size_t i = skt_columns(s); i < width; i++)
		skt_text_addc(t, ' ');
}

void skt_column_add_plain(struct skt_text *t, const char *s)
{
	while (*s) {
		int columns;
		size_t n = skt_column_char(s, &columns);

		if (columns >= 0)
			skt_text_addn(t, s, n);
		else if (*s == '\t')
			skt_text_addc(t, ' ');
		else
			for (size_t i = 0; i < n; i++)
				skt_text_addf(t, "\\x%02x", (unsigned char)s[i]);
		s += n;
	}
}

/* Where a wrapped text stands. */
struct place {
	struct skt_text *t;
	size_t at, indent;
	size_t blanks;    /* seen since the last word */
	bool line_begins; /* no word on this line yet */
};

static void place_blanks(struct place *p, size_t n)
{
	for (; n > 0; n--, p->at++)
		skt_text_addc(p->t, ' ');
}

static void place_new_line(struct place *p)
{
	skt_text_addc(p->t, '\n');
	p->at = 0;
	p->blanks = 0;
	p->line_begins = true;
}

static void place_word(struct place *p, const char *s, size_t n)
{
	size_t columns = 0;

	for (size_t i = 0; i < n;) {
		int one;

		i += skt_column_char(s + i, &one);
		columns += one > 0 ? (size_t)one : 0;
	}
	if (!p->line_begins && p->at + p->blanks + columns > SKT_COLUMNS)
		place_new_line(p);
	if (p->at < p->indent)
		place_blanks(p, p->indent - p->at);
	place_blanks(p, p->blanks);
	skt_text_addn(p->t, s, n);
	p->at += columns;
	p->blanks = 0;
	p->line_begins = false;
}

void skt_column_wrap(struct skt_text *t, const char *s, size_t at, size_t indent)
{
	struct place p = { .t = t, .at = at, .indent = indent, .line_begins = true };

	while (*s) {
		size_t n = strcspn(s, " \n");

		if (n > 0)
			place_word(&p, s, n);
		else if (*s == ' ')
			p.blanks++;
		else
			place_new_line(&p);
		s += n > 0 ? n : 1;
	}
	skt_text_addc(t, '\n');
}

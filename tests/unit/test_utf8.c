/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8: what is one, what is not and where, in whatever pieces it comes. */
#include "support.h"

#include <string.h>

#include "wire/utf8.h"

#define BYTES(text) text, sizeof(text) - 1

static const struct {
	const char *bytes;
	size_t n;
	int wrong; /* offset of the first wrong byte; -1: none */
	int seen;  /* of a character that is not whole at the end */
} cases[] = {
	{ BYTES(""), -1, 0 },
	{ BYTES("plain"), -1, 0 },
	{ BYTES("\0\177"), -1, 0 },
	{ BYTES("\302\200\337\277"), -1, 0 },
	{ BYTES("\340\240\200\357\277\277"), -1, 0 },
	{ BYTES("\355\237\277\356\200\200"), -1, 0 },
	{ BYTES("\360\220\200\200\364\217\277\277"), -1, 0 },
	{ BYTES("\316\272\341\275\271\317\203\316\274\316\265"), -1, 0 },
	{ BYTES("a\302"), -1, 1 },
	{ BYTES("a\342\202"), -1, 2 },
	{ BYTES("\360\237\230"), -1, 3 },
	{ BYTES("\200"), 0, 0 },
	{ BYTES("a\277"), 1, 0 },
	{ BYTES("\300\200"), 0, 0 },             /* overlong */
	{ BYTES("\301\277"), 0, 0 },             /* overlong */
	{ BYTES("\340\237\277"), 1, 0 },         /* overlong */
	{ BYTES("\360\217\277\277"), 1, 0 },     /* overlong */
	{ BYTES("\355\240\200"), 1, 0 },         /* a surrogate */
	{ BYTES("\355\277\277"), 1, 0 },         /* a surrogate */
	{ BYTES("\364\220\200\200"), 1, 0 },     /* beyond U+10FFFF */
	{ BYTES("\365\200\200\200"), 0, 0 },     /* beyond U+10FFFF */
	{ BYTES("\370\210\200\200\200"), 0, 0 }, /* five bytes */
	{ BYTES("\376"), 0, 0 },
	{ BYTES("\377"), 0, 0 },
	{ BYTES("\302a"), 1, 0 },
	{ BYTES("\342\202a"), 2, 0 },
	{ BYTES("\360\237\230\302"), 3, 0 },
	{ BYTES("0123456789012345678901234567890123456789\302\251x0123456789012345678901234567890123456789\377"), 83, 0 },
};

/* Returns the offset of the first wrong byte, or -1. */
static int look(const char *bytes, size_t n, size_t piece, struct skt_utf8 *u)
{
	memset(u, 0, sizeof(*u));
	for (size_t at = 0; at < n; at += piece) {
		size_t part = n - at < piece ? n - at : piece, good = skt_utf8_add(u, bytes + at, part);

		if (good < part)
			return (int)(at + good);
	}
	return -1;
}

static void good_and_bad_text_is_told_apart_in_whatever_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases); i++)
		for (size_t piece = 1; piece <= cases[i].n + 1; piece++) {
			struct skt_utf8 u;
			int wrong = look(cases[i].bytes, cases[i].n, piece, &u);

			if (wrong != cases[i].wrong)
				fail_msg("case %zu in pieces of %zu: %d instead of %d", i, piece, wrong, cases[i].wrong);
			if (wrong >= 0)
				continue;
			assert_int_equal(u.seen, cases[i].seen);
			assert_int_equal(skt_utf8_is_whole(&u), cases[i].seen == 0);
		}
}

/* The plain way: decode, and compare with what the number's own form would be. */
static bool is_good_by_number(const unsigned char *s, size_t n)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t c;
	size_t width = s[0] < 0x80 ? 1 : s[0] >= 0xf0 && s[0] < 0xf8 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc0 ? 2 : 9;

	if (width != n || s[0] >= 0xf8)
		return false;
	c = width == 1 ? s[0] : s[0] & (0x7fU >> width);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return false;
		c = c << 6 | (s[i] & 0x3fU);
	}
	return c >= least[width] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
}

static void every_sequence_of_up_to_three_bytes_and_the_edges_of_four_are_right(void **state)
{
	(void)state;
	for (uint32_t v = 0; v < 1U << 24; v++) {
		unsigned char s[4] = { (unsigned char)(v >> 16), (unsigned char)(v >> 8), (unsigned char)v, 0x80 };
		struct skt_utf8 u = { 0 };
		size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc0 ? 2 : 1;
		bool good;

		if ((n == 1 && (v & 0xffff)) || (n == 2 && (v & 0xff)))
			continue;
		good = skt_utf8_add(&u, s, n) == n && skt_utf8_is_whole(&u);
		if (good != is_good_by_number(s, n))
			fail_msg("%06x", v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SUPPORT_TEST(good_and_bad_text_is_told_apart_in_whatever_pieces),
		SUPPORT_TEST(every_sequence_of_up_to_three_bytes_and_the_edges_of_four_are_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8, checked in whatever pieces it comes. */
#include "wire/utf8.h"

#include <string.h>

#include "base/alloc.h"

/* What may begin a sequence, and what may be its second byte (the Unicode Standard, table 3-7). The others are 80 to BF. */
static const struct utf8_first {
	uint8_t from, to, left, low, high;
} utf8_firsts[] = {
	{ 0xc2, 0xdf, 1, 0x80, 0xbf }, { 0xe0, 0xe0, 2, 0xa0, 0xbf }, { 0xe1, 0xec, 2, 0x80, 0xbf },
	{ 0xed, 0xed, 2, 0x80, 0x9f }, { 0xee, 0xef, 2, 0x80, 0xbf }, { 0xf0, 0xf0, 3, 0x90, 0xbf },
	{ 0xf1, 0xf3, 3, 0x80, 0xbf }, { 0xf4, 0xf4, 3, 0x80, 0x8f },
};

/* How many of n bytes are ASCII before the first that is not. */
static size_t utf8_ascii(const unsigned char *s, size_t n)
{
	size_t at = 0;

	for (; n - at >= 32; at += 32) {
		uint64_t word[4];

		memcpy(word, s + at, sizeof(word));
		if ((word[0] | word[1] | word[2] | word[3]) & UINT64_C(0x8080808080808080))
			break;
	}
	while (at < n && s[at] < 0x80)
		at++;
	return at;
}

static bool utf8_begin(struct skt_utf8 *u, unsigned char c)
{
	for (size_t i = 0; i < SKT_LENGTH(utf8_firsts); i++) {
		const struct utf8_first *f = &utf8_firsts[i];

		if (c < f->from || c > f->to)
			continue;
		*u = (struct skt_utf8){ .seen = 1, .left = f->left, .low = f->low, .high = f->high };
		return true;
	}
	return false;
}

static bool utf8_go_on(struct skt_utf8 *u, unsigned char c)
{
	if (c < u->low || c > u->high)
		return false;
	u->low = 0x80;
	u->high = 0xbf;
	u->left--;
	u->seen = u->left ? (uint8_t)(u->seen + 1) : 0;
	return true;
}

size_t skt_utf8_add(struct skt_utf8 *u, const void *bytes, size_t n)
{
	const unsigned char *s = bytes;
	size_t at = 0;

	for (;;) {
		if (u->left == 0)
			at += utf8_ascii(s + at, n - at);
		if (at == n)
			return n;
		if (u->left ? !utf8_go_on(u, s[at]) : !utf8_begin(u, s[at]))
			return at;
		at++;
	}
}

bool skt_utf8_is_whole(const struct skt_utf8 *u)
{
	return u->left == 0;
}

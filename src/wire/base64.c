/* SPDX-License-Identifier: Apache-2.0 */
/* Base64, and Basic credentials. */
#include "wire/base64.h"

#include <string.h>
#include <strings.h>

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void skt_base64_encode(const void *bytes, size_t n, struct skt_text *ret)
{
	const unsigned char *b = bytes;

	for (size_t i = 0; i < n; i += 3) {
		unsigned group = (unsigned)b[i] << 16 | (i + 1 < n ? (unsigned)b[i + 1] << 8 : 0) | (i + 2 < n ? b[i + 2] : 0);

		skt_text_addc(ret, base64_digits[group >> 18 & 63]);
		skt_text_addc(ret, base64_digits[group >> 12 & 63]);
		skt_text_addc(ret, i + 1 < n ? base64_digits[group >> 6 & 63] : '=');
		skt_text_addc(ret, i + 2 < n ? base64_digits[group & 63] : '=');
	}
}

static int base64_value(char c)
{
	const char *at = c ? strchr(base64_digits, c) : NULL;

	return at ? (int)(at - base64_digits) : -1;
}

ssize_t skt_base64_decode(struct skt_span text, void *ret, size_t size)
{
	unsigned char *out = ret;
	size_t n = 0, pads = 0;

	if (text.n % 4)
		return -1;
	if (text.n && text.s[text.n - 1] == '=')
		pads = text.s[text.n - 2] == '=' ? 2 : 1;
	for (size_t i = 0; i < text.n; i += 4) {
		size_t has = i + 4 == text.n ? 4 - pads : 4;
		unsigned group = 0;

		for (size_t k = 0; k < 4; k++) {
			int value = k < has ? base64_value(text.s[i + k]) : 0;

			if (value < 0)
				return -1;
			group = group << 6 | (unsigned)value;
		}
		if ((has == 3 && (group & 0xff)) || (has == 2 && (group & 0xffff)) || n + has - 1 > size)
			return -1;
		for (size_t k = 0; k + 1 < has; k++)
			out[n++] = (unsigned char)(group >> (16 - 8 * k));
	}
	return (ssize_t)n;
}

bool skt_basic_parse(struct skt_span field, char *room, size_t size, struct skt_span *user, struct skt_span *password)
{
	const char *colon;
	ssize_t n;

	if (field.n < 7 || strncasecmp(field.s, "Basic ", 6) != 0)
		return false;
	field.s += 6;
	field.n -= 6;
	while (field.n && field.s[0] == ' ') {
		field.s++;
		field.n--;
	}
	n = skt_base64_decode(field, room, size);
	colon = n > 0 ? memchr(room, ':', (size_t)n) : NULL;
	if (!colon || memchr(room, '\0', (size_t)n))
		return false;
	*user = (struct skt_span){ room, (size_t)(colon - room) };
	*password = (struct skt_span){ colon + 1, (size_t)(room + n - colon - 1) };
	return true;
}

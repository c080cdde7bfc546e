/* SPDX-License-Identifier: Apache-2.0 */
/* What a peer said, fit for a message. */
#include "wire/printable.h"

#include <string.h>

/* One byte, escaped if it must be, to `to`. Returns how many were written. */
static size_t printable_byte(unsigned char c, char *to)
{
	static const char plain[] = "\r\n\t\"\\", letters[] = "rnt\"\\", digits[] = "0123456789abcdef";
	const char *found = c ? strchr(plain, c) : NULL;

	if (found) {
		to[0] = '\\';
		to[1] = letters[found - plain];
		return 2;
	}
	if (c >= ' ' && c < 127) {
		to[0] = (char)c;
		return 1;
	}
	to[0] = '\\';
	to[1] = 'x';
	to[2] = digits[c >> 4];
	to[3] = digits[c & 15];
	return 4;
}

char *skt_printable(const void *bytes, size_t n, char *ret)
{
	const unsigned char *s = bytes;
	size_t at = 0;

	for (size_t i = 0; i < n && i < SKT_PRINTABLE_BYTES; i++)
		at += printable_byte(s[i], ret + at);
	if (n > SKT_PRINTABLE_BYTES) {
		memcpy(ret + at, "...", 3);
		at += 3;
	}
	ret[at] = '\0';
	return ret;
}

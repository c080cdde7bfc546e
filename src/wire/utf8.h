/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 (RFC 3629), checked in whatever pieces it comes: no overlong form, no surrogate, nothing beyond U+10FFFF. Pure. */
#ifndef SKT_WIRE_UTF8_H
#define SKT_WIRE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A zeroed struct is the beginning of a text. */
struct skt_utf8 {
	uint8_t seen,
		left; /* bytes of a sequence that has begun and is not whole: those that came, those that must come */
	uint8_t low, high; /* what the next of them may be */
};

/* Go on with n bytes. Returns n; or the offset of the first byte that cannot be there: the struct is then of no use any more. */
size_t skt_utf8_add(struct skt_utf8 *u, const void *bytes, size_t n);
/* Whether the text may end here. Where it may not, the last u->seen bytes are the beginning of a sequence. */
bool skt_utf8_is_whole(const struct skt_utf8 *u);

#endif

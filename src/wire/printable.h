/* SPDX-License-Identifier: Apache-2.0 */
/* What a peer said, fit for a message: its first bytes, with escapes for what cannot be shown. Pure. */
#ifndef SKT_WIRE_PRINTABLE_H
#define SKT_WIRE_PRINTABLE_H

#include <stddef.h>

/* The most bytes that are shown, and the room that their text takes with "..." and a NUL. */
enum { SKT_PRINTABLE_BYTES = 40, SKT_PRINTABLE_LENGTH = 4 * SKT_PRINTABLE_BYTES + 4 };

/* The first SKT_PRINTABLE_BYTES of n bytes as ASCII without quotes around them: \r \n \t, \" and \\, \xNN for all else that has no
 * shape; "..." follows where there are more. `ret` has SKT_PRINTABLE_LENGTH. Returns ret. */
char *skt_printable(const void *bytes, size_t n, char *ret);

#endif

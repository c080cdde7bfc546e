/* SPDX-License-Identifier: Apache-2.0 */
/* Display columns: how wide text is on a terminal, and breaking it into lines. UTF-8, whatever the locale says. */
#ifndef SKT_CLI_COLUMN_H
#define SKT_CLI_COLUMN_H

#include <stddef.h>

#include "base/text.h"

/* The width that help is written for. */
enum { SKT_COLUMNS = 80 };

/* The length in bytes of the character at s (never 0, except at the end), and in *columns what a terminal needs for it: 0 to
 * 2. A byte that is not UTF-8 is one character of one column; a control character has none and gives -1. */
size_t skt_column_char(const char *s, int *columns);

/* The columns of the whole of s; control characters count as none. */
size_t skt_columns(const char *s);

/* Append s, and blanks up to column `width` (none where s is as wide). */
void skt_column_pad(struct skt_text *t, const char *s, size_t width);

/* Append s with control characters made visible: a tab as one blank, the others as \xNN. What strangers send cannot steer the
 * terminal this way. */
void skt_column_add_plain(struct skt_text *t, const char *s);

/* Append s, broken at blanks into lines of at most SKT_COLUMNS; the text stands at column `at` already, further lines begin at
 * column `indent`. A newline in s begins a new line (its leading blanks are kept). Ends with a newline. */
void skt_column_wrap(struct skt_text *t, const char *s, size_t at, size_t indent);

#endif

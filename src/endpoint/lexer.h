/* SPDX-License-Identifier: Apache-2.0 */
/* Words of a one-string endpoint: separated by blanks, with values in double quotes. Pure. */
#ifndef SKT_ENDPOINT_LEXER_H
#define SKT_ENDPOINT_LEXER_H

#include <stddef.h>

#include "base/error.h"
#include "base/text.h"

/* Where reading stands; start with { .text = text }. */
struct skt_lexer {
	const char *text;
	size_t at;
};

/* Read the next word, without its quotes, into *ret (cleared first). *start is its offset in the text.
 * Returns 1, 0 at the end, or -SKT_E_USAGE with err->at. */
int skt_lexer_next(struct skt_lexer *l, struct skt_text *ret, int *start, struct skt_error *err);

/* The offset in the text of byte i (from 0) of the word that begins at `start`; behind its last byte, where it ends. */
int skt_lexer_source(const char *text, int start, int i);

/* Append s so that skt_lexer_next() reads it back, behind a ':' or a '=': in quotes where it needs them. */
void skt_lexer_quote(const char *s, struct skt_text *ret);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The query of a request: NAME=VALUE pairs, percent-encoded, with & between them. Pure. */
#ifndef SKT_VIEW_QUERY_H
#define SKT_VIEW_QUERY_H

#include "base/text.h"
#include "wire/httphead.h"

/* Append the value of that name, decoded ('+' is a blank); of several the first. Returns 1; 0 where it is not there; -1 where it has a NUL or
 * a percent sign without two digits. */
int skt_query_get(struct skt_span query, const char *name, struct skt_text *ret);

enum { SKT_QUERY_WORDS = 64 };

/* A text cut into words at its blanks. A word that begins with a quote goes on to the next one: people write filters as in a shell, where
 * 'rtt>100ms' needs them. */
struct skt_query_words {
	char *text; /* owned */
	const char *word[SKT_QUERY_WORDS];
	int n;
};

/* Returns 0; -SKT_E_LIMIT: no memory, or more words than that. */
int skt_query_words(const char *text, struct skt_query_words *ret);
/* An offset in the words joined by one blank, as one in the text. */
int skt_query_words_at(const struct skt_query_words *w, int at);
void skt_query_words_release(struct skt_query_words *w);

#endif

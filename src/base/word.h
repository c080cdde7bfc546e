/* SPDX-License-Identifier: Apache-2.0 */
/* Words that people mistype: the nearest known one. Pure. */
#ifndef SKT_BASE_WORD_H
#define SKT_BASE_WORD_H

#include <stddef.h>

/* How many single edits (insert, delete, change, swap of neighbours) turn a into b; words longer than 63 bytes count as far. */
size_t skt_word_distance(const char *a, const char *b);

/* Remembers the nearest of the words it is shown. Start with { .wanted = word }. */
struct skt_nearest {
	const char *wanted;
	const char *word; /* the nearest so far, or NULL: it is never further than a third of the word's length, at least 1 */
	size_t distance;
};

void skt_nearest_offer(struct skt_nearest *n, const char *word);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Words that people mistype. */
#include "base/word.h"

#include <stdint.h>
#include <string.h>

enum { WORD_MAX = 64 };

static size_t word_min(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t skt_word_distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	uint8_t row[3][WORD_MAX + 1]; /* optimal string alignment: this row and the two before it */

	if (n >= WORD_MAX || m >= WORD_MAX)
		return WORD_MAX;
	for (size_t j = 0; j <= m; j++)
		row[0][j] = (uint8_t)j;
	for (size_t i = 1; i <= n; i++) {
		uint8_t *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];

		now[0] = (uint8_t)i;
		for (size_t j = 1; j <= m; j++) {
			size_t best = word_min(last[j] + 1U, now[j - 1] + 1U);

			best = word_min(best, last[j - 1] + (a[i - 1] != b[j - 1] ? 1U : 0U));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = word_min(best, before[j - 2] + 1U);
			now[j] = (uint8_t)best;
		}
	}
	return row[n % 3][m];
}

void skt_nearest_offer(struct skt_nearest *n, const char *word)
{
	size_t limit = strlen(n->wanted) / 3, distance = skt_word_distance(n->wanted, word);

	if (limit < 1)
		limit = 1;
	if (distance > limit || (n->word && distance >= n->distance))
		return;
	n->word = word;
	n->distance = distance;
}

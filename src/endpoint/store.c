/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of one endpoint: a list of pieces, each beginning with the address of the next. */
#include "endpoint/store.h"

#include <stdint.h>
#include <string.h>

#include "base/alloc.h"

void *skt_store_take(char **store, size_t n_bytes)
{
	char *piece = n_bytes < SIZE_MAX - sizeof(char *) ? skt_zalloc(sizeof(char *) + n_bytes) : NULL;

	if (!piece)
		return NULL;
	memcpy(piece, store, sizeof(char *));
	*store = piece;
	return piece + sizeof(char *);
}

char *skt_store_text(char **store, const char *s, size_t n)
{
	char *copy = skt_store_take(store, n + 1);

	if (copy)
		memcpy(copy, s, n);
	return copy;
}

void skt_store_release(char **store)
{
	while (*store) {
		char *piece = *store;

		memcpy(store, piece, sizeof(char *));
		skt_free(piece);
	}
}

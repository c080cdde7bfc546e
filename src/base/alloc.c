/* SPDX-License-Identifier: Apache-2.0 */
/* Memory, through one door. */
#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

bool (*skt_alloc_fails)(void);

static bool alloc_refused(void)
{
	return skt_alloc_fails && skt_alloc_fails();
}

void *skt_malloc(size_t n_bytes)
{
	return alloc_refused() ? NULL : malloc(n_bytes);
}

void *skt_zalloc(size_t n_bytes)
{
	return alloc_refused() ? NULL : calloc(1, n_bytes);
}

void *skt_realloc(void *p, size_t n_bytes)
{
	return alloc_refused() ? NULL : realloc(p, n_bytes);
}

char *skt_strndup(const char *s, size_t n)
{
	char *copy = skt_malloc(n + 1);

	if (!copy)
		return NULL;
	memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

char *skt_strdup(const char *s)
{
	return skt_strndup(s, strlen(s));
}

void skt_free(void *p)
{
	free(p);
}

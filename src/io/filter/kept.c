/* SPDX-License-Identifier: Apache-2.0 */
/* A few bytes that a layer keeps while its connection begins. */
#include "io/filter/kept.h"

#include <string.h>

#include "base/alloc.h"

struct skt_kept *skt_kept_new(size_t cap)
{
	struct skt_kept *k = skt_malloc(sizeof(*k) + cap);

	if (k)
		*k = (struct skt_kept){ .cap = cap };
	return k;
}

struct skt_kept *skt_kept_new_of(const void *bytes, size_t n)
{
	struct skt_kept *k = skt_kept_new(n);

	if (!k)
		return NULL;
	memcpy(k->bytes, bytes, n);
	k->n = n;
	return k;
}

void skt_kept_drop(struct skt_kept **k)
{
	if (*k)
		explicit_bzero((*k)->bytes, (*k)->at + (*k)->n);
	skt_free(*k);
	*k = NULL;
}

const char *skt_kept_bytes(const struct skt_kept *k)
{
	return k->bytes + k->at;
}

ssize_t skt_kept_fill(struct skt_kept *k, struct skt_stream *below, size_t most)
{
	size_t room = k->cap - k->n;
	ssize_t got;

	if (k->at) {
		memmove(k->bytes, k->bytes + k->at, k->n);
		k->at = 0;
	}
	got = skt_stream_read(below, k->bytes + k->n, most < room ? most : room);
	if (got > 0)
		k->n += (size_t)got;
	return got;
}

int skt_kept_flush(struct skt_kept *k, struct skt_stream *below)
{
	while (k->n) {
		ssize_t put = skt_stream_write(below, k->bytes + k->at, k->n);

		if (put <= 0)
			return put < 0 ? (int)put : -SKT_AGAIN;
		k->at += (size_t)put;
		k->n -= (size_t)put;
	}
	return 0;
}

void skt_kept_skip(struct skt_kept **k, size_t n)
{
	(*k)->at += n;
	(*k)->n -= n;
	if ((*k)->n == 0)
		skt_kept_drop(k);
}

size_t skt_kept_take(struct skt_kept **k, void *buf, size_t n)
{
	size_t give = n < (*k)->n ? n : (*k)->n;

	memcpy(buf, skt_kept_bytes(*k), give);
	skt_kept_skip(k, give);
	return give;
}

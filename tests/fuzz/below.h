/* SPDX-License-Identifier: Apache-2.0 */
/* What lies below a layer that is fuzzed: a stream that gives bytes in pieces, with pauses, and takes what is written in pieces too. */
#ifndef TESTS_FUZZ_BELOW_H
#define TESTS_FUZZ_BELOW_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "io/stream.h"

struct fuzz_below {
	struct skt_stream stream;
	const uint8_t *data;
	size_t n, at;
	size_t piece; /* 0: all at once, and no pauses */
	size_t n_written;
	bool blink;
};

static inline ssize_t fuzz_read(struct skt_stream *s, void *buf, size_t n)
{
	struct fuzz_below *b = SKT_OUTER(s, struct fuzz_below, stream);
	size_t give = b->n - b->at < n ? b->n - b->at : n;

	b->blink = !b->blink;
	if (b->piece && b->blink)
		return -SKT_AGAIN;
	if (b->piece && give > b->piece)
		give = b->piece;
	if (give)
		memcpy(buf, b->data + b->at, give);
	b->at += give;
	return (ssize_t)give;
}

static inline ssize_t fuzz_write(struct skt_stream *s, const void *buf, size_t n)
{
	struct fuzz_below *b = SKT_OUTER(s, struct fuzz_below, stream);
	size_t take = b->piece && n > b->piece ? b->piece : n;

	(void)buf;
	b->n_written += take;
	return (ssize_t)take;
}

static inline void fuzz_free(struct skt_stream *s)
{
	(void)s;
}

static inline int fuzz_shut(struct skt_stream *s)
{
	(void)s;
	return 0;
}

static const struct skt_stream_ops fuzz_ops = {
	.name = "fuzz", .read = fuzz_read, .write = fuzz_write, .shut = fuzz_shut, .free = fuzz_free
};

static inline void fuzz_stop(const char *why)
{
	(void)fprintf(stderr, "%s\n", why);
	abort();
}

#endif

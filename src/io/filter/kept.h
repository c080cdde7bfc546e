/* SPDX-License-Identifier: Apache-2.0 */
/* A few bytes that a layer keeps while its connection begins: what it has to say first, or what it has read and will give later. */
#ifndef SKT_IO_FILTER_KEPT_H
#define SKT_IO_FILTER_KEPT_H

#include "io/stream.h"

/* bytes[at] to bytes[at + n - 1] are kept; cap is the room. */
struct skt_kept {
	size_t at, n, cap;
	char bytes[];
};

/* An empty one with room for cap bytes, or NULL without memory. skt_kept_drop() releases it. */
struct skt_kept *skt_kept_new(size_t cap);
/* One that keeps a copy of n bytes, or NULL. */
struct skt_kept *skt_kept_new_of(const void *bytes, size_t n);
/* Release it, if any, and wipe it: it may have held a password. */
void skt_kept_drop(struct skt_kept **k);

/* Where the first byte is. */
const char *skt_kept_bytes(const struct skt_kept *k);
/* Read once from below, at most `most` bytes and what there is room for (which must be some). Returns as skt_stream_read(). */
ssize_t skt_kept_fill(struct skt_kept *k, struct skt_stream *below, size_t most);
/* Write to below until nothing is left. Returns 0 then, -SKT_AGAIN, -kind. */
int skt_kept_flush(struct skt_kept *k, struct skt_stream *below);
/* Forget the first n bytes; it is dropped with its last. */
void skt_kept_skip(struct skt_kept **k, size_t n);
/* Give at most n of the first bytes, and forget them likewise. Returns their count. */
size_t skt_kept_take(struct skt_kept **k, void *buf, size_t n);

#endif

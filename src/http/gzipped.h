/* SPDX-License-Identifier: Apache-2.0 */
/* Content compressed while it is sent (gzip, RFC 1952). */
#ifndef SKT_HTTP_GZIPPED_H
#define SKT_HTTP_GZIPPED_H

#include "io/stream.h"

/* A stream that gives `source` compressed; it owns it, also on failure. Returns 0 or -SKT_E_LIMIT. */
int skt_gzipped_new(struct skt_stream *source, struct skt_stream **ret, struct skt_error *err);
/* n bytes at once, compressed: NULL without memory, or where they would not become fewer. */
char *skt_gzipped_bytes(const char *bytes, size_t n, size_t *n_ret);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A layer that encrypts, and proves who the peer is: TLS 1.2 and 1.3 (RFC 5246, RFC 8446), by OpenSSL. */
#ifndef SKT_IO_FILTER_TLS_H
#define SKT_IO_FILTER_TLS_H

#include "io/filter/tlscontext.h"
#include "io/stream.h"
#include "loop/loop.h"

/* The layer on `below`, which is owned from then on, also on failure; the context is kept for it. skt_stream_open() does the handshake.
 * The end of our bytes, and of the peer's, is a close_notify; the end of below without one is a failure: what came may have been cut
 * short. Returns 0 or -SKT_E_LIMIT. */
int skt_tls_new(struct skt_loop *loop, struct skt_stream *below, struct skt_tls_context *context,
		struct skt_stream **ret, struct skt_error *err);

/* The connection of a stream that is one, or of the TLS layer below it; NULL where there is none. It stays the layer's own. */
const SSL *skt_tls_of(const struct skt_stream *s);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* permessage-deflate: how two ends agree on compressing messages (RFC 7692, section 7.1). Pure. */
#ifndef SKT_WIRE_WSEXTENSION_H
#define SKT_WIRE_WSEXTENSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "wire/httphead.h"

enum { SKT_WSZIP_BITS_MIN = 8, SKT_WSZIP_BITS = 15 };

/* What was agreed on. Bits: the logarithm of a sender's window, SKT_WSZIP_BITS_MIN to SKT_WSZIP_BITS. */
struct skt_wszipping {
	bool is_on;
	bool server_forgets,
		client_forgets; /* no_context_takeover: each message of that sender begins with an empty window */
	uint8_t server_bits, client_bits;
};

/* What a client offers: all that is ours to choose is left to the server. */
#define SKT_WSZIP_OFFER "permessage-deflate; client_max_window_bits"

/* What a server agrees to: the first offer in the request whose parameters are all known, well-formed and there once; *ret is off where
 * there is none. */
void skt_wszip_choose(const struct skt_head *request, struct skt_wszipping *ret);
/* Add the value of the field with which a server says so. */
void skt_wszip_compose(const struct skt_wszipping *agreed, struct skt_text *ret);
/* What a server agreed to, read by the client; `offered`: whether SKT_WSZIP_OFFER was sent. NULL when it is fine, else a sentence marked
 * with N_(). */
const char *skt_wszip_check(const struct skt_head *answer, bool offered, struct skt_wszipping *ret);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The small services in their form for datagrams: each message is answered by at most one. */
#ifndef SKT_TRANSPORT_MSGSERVICE_H
#define SKT_TRANSPORT_MSGSERVICE_H

#include "io/dgqueue.h"
#include "io/stream.h"

/* What answers a message: the bytes of the answer, of which *n are, or NULL for none. They stay until the next call. `text` is what
 * the service was made with. */
typedef const char *skt_msgservice_answer(const char *text, const void *message, size_t *n);

/* A stream of messages that answers with `answer`; takes `text` over (skt_free()), also on failure. Returns 0 or -SKT_E_LIMIT. */
int skt_msgservice_new(skt_msgservice_answer *answer, char *text, struct skt_stream **ret, struct skt_error *err);

/* RFC 862: the same. RFC 863: nothing. RFC 864: up to 512 characters, how many by chance. RFC 867, and a text: `text`. */
skt_msgservice_answer skt_msgservice_echo, skt_msgservice_discard, skt_msgservice_chargen, skt_msgservice_daytime,
	skt_msgservice_text;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Who may speak to the live page: its token, and what browsers say about where a request comes from. Pure but for making a token. */
#ifndef SKT_VIEW_GUARD_H
#define SKT_VIEW_GUARD_H

#include <stdbool.h>

#include "http/request.h"

enum { SKT_TOKEN_LENGTH = 32 };

/* A new token, hexadecimal digits and a NUL, from the kernel's random numbers. Returns 0, or -1 with errno. */
int skt_token_make(char ret[SKT_TOKEN_LENGTH + 1]);
/* Whether that is the token; takes as long for a wrong one as for a right one of its length. */
bool skt_token_is(const char *token, struct skt_span other);

/* Whether a Host is a name or address of the loopback network, with any port or none. A name that somebody else's DNS leads here (DNS
 * rebinding) is none. */
bool skt_guard_host(struct skt_span host);
/* Whether a request that changes something comes from the page itself, or from no page at all: Origin and Sec-Fetch-Site. */
bool skt_guard_origin(const struct skt_request *r);

#endif

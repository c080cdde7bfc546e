/* SPDX-License-Identifier: Apache-2.0 */
/* A request's body as it comes: so many bytes, or chunks (RFC 9112, sections 6 and 7). */
#ifndef SKT_HTTP_INBODY_H
#define SKT_HTTP_INBODY_H

#include "http/request.h"

struct skt_inbody;

/* Where the content of a body goes: 0, or a status that ends it. */
typedef int skt_inbody_take(void *user, const char *bytes, size_t n);

/* For the body of that request, or NULL without memory. */
struct skt_inbody *skt_inbody_new(const struct skt_request *r, skt_inbody_take *take, void *user);
void skt_inbody_free(struct skt_inbody *b);

/* Give it what came. *used is how many bytes were the body's. Returns 0; or a status: 400 where it is malformed, or what take() said. */
int skt_inbody_feed(struct skt_inbody *b, const char *bytes, size_t n, size_t *used);
/* Whether it has come whole. */
bool skt_inbody_is_done(const struct skt_inbody *b);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648, section 4), and credentials of the scheme Basic (RFC 7617). Pure. */
#ifndef SKT_WIRE_BASE64_H
#define SKT_WIRE_BASE64_H

#include <sys/types.h>

#include "base/text.h"
#include "wire/httphead.h"

void skt_base64_encode(const void *bytes, size_t n, struct skt_text *ret);
/* Strict: whole groups, padding where it belongs, nothing else. Returns the count of bytes in ret, which has room for size; or -1. */
ssize_t skt_base64_decode(struct skt_span text, void *ret, size_t size);

/* From an Authorization: the user and the password, in `room` of `size` bytes. False: it is not Basic, or malformed. */
bool skt_basic_parse(struct skt_span field, char *room, size_t size, struct skt_span *user, struct skt_span *password);

#endif

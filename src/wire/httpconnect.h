/* SPDX-License-Identifier: Apache-2.0 */
/* The request that asks an HTTP proxy for a tunnel: CONNECT (RFC 9110, section 9.3.6). Its answer is for httphead.h. Pure. */
#ifndef SKT_WIRE_HTTPCONNECT_H
#define SKT_WIRE_HTTPCONNECT_H

#include "base/text.h"

/* The longest name, and the longest user or password. */
enum { SKT_HTTPCONNECT_NAME_MAX = 255, SKT_HTTPCONNECT_TEXT_MAX = 4096 };

/* Why this cannot be asked for: a sentence marked with N_(), or NULL where it can. `user` and `password` may be NULL; `host` is a
 * name or an IP address without brackets. */
const char *skt_httpconnect_objection(const char *user, const char *password, const char *host);
/* Add the whole request. `authority` is host:port, IPv6 in brackets; where there is a user or a password they go along in the clear
 * (Basic, RFC 7617). What is added must have passed. */
void skt_httpconnect_add(struct skt_text *to, const char *authority, const char *user, const char *password);

#endif

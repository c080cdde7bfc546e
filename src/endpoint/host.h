/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts and ports of endpoints: [//]host:port. Pure but for services, see service.h. */
#ifndef SKT_ENDPOINT_HOST_H
#define SKT_ENDPOINT_HOST_H

#include "base/error.h"
#include "endpoint/endpoint.h"

/* Read `s`, "host:port", ":port", or "port" alone where `may_be_bare`, into host, zone, family, port and service of e.
 * Hosts are names (RFC 1123 section 2.1, underscores tolerated), IPv4 addresses, IPv6 addresses in brackets with an
 * optional %zone (RFC 4007), any, or *. `at` is the offset of s in its word. Returns 0, -SKT_E_USAGE with err->at, or
 * -SKT_E_LIMIT. */
int skt_host_read(struct skt_endpoint *e, const char *s, int at, bool may_be_bare, struct skt_error *err);

#endif

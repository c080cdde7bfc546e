/* SPDX-License-Identifier: Apache-2.0 */
/* What kind of address an IP address is, by the block that it lies in, and the RFC that says so. Pure. */
#ifndef SKT_ENDPOINT_ADDRKIND_H
#define SKT_ENDPOINT_ADDRKIND_H

#include "endpoint/ip.h"

struct skt_addrkind {
	const char *name; /* stable, for scripts: "loopback", "private", "shared", "link-local", "documentation", ... */
	const char *network; /* the block: "192.168.0.0/16" */
	const char *rfc;     /* the document: "RFC 1918" */
	const char *help;    /* one line, marked with N_() */
};

/* The kind of an address; never NULL: the last rows are "public". A mapped address is "v4-mapped"; ask again for the
 * inner one. */
const struct skt_addrkind *skt_addrkind_of(const struct skt_ip *ip);
/* Row i of the table, most particular blocks first, or NULL after the last. */
const struct skt_addrkind *skt_addrkind_at(size_t i);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The PROXY protocol, versions 1 and 2: a header in which a proxy tells who its client was (haproxy's proxy-protocol.txt, sections
 * 2.1 and 2.2). Pure. */
#ifndef SKT_WIRE_PROXYPROTO_H
#define SKT_WIRE_PROXYPROTO_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

enum {
	SKT_PROXYPROTO_V1_MAX = 107, /* bytes of a line of version 1, its CRLF included: the protocol's own bound */
	SKT_PROXYPROTO_MAX = 4096,   /* bytes of a header of version 2 that are accepted; the protocol allows 65551 */
	SKT_PROXYPROTO_ROOM = 16 + 216, /* for any header composed here */
};

/* One end of a connection, as socket calls take it. A zeroed struct (len 0) is not known. */
struct skt_proxyend {
	socklen_t len;
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	};
};

struct skt_proxyproto {
	int version;                      /* 1 or 2 */
	struct skt_proxyend source, dest; /* not known: UNKNOWN of version 1, LOCAL or UNSPEC of version 2 */
	size_t n;                         /* bytes of the header: what follows belongs to the client */
};

/* Compose a header into SKT_PROXYPROTO_ROOM bytes and return its length. IPv4 addresses mapped into IPv6 become IPv4. Ends that are
 * not both of IPv4 or both of IPv6 (version 2: or both of unix) are UNKNOWN in version 1, LOCAL in version 2. */
size_t skt_proxyproto_compose(int version, const struct skt_proxyend *source, const struct skt_proxyend *dest,
			      unsigned char *ret);

/* Whether these first bytes can be how a header of either version begins. No bytes can. */
bool skt_proxyproto_begins(const void *bytes, size_t n);

/* Parse the header at the beginning of n bytes. Returns
 *   0   it is whole: *ret is filled;
 *   1   more must come: *need, at least 1, is how many bytes certainly belong to the header still;
 *   -1  it is none, or malformed: *why is a sentence marked with N_().
 * Version 1 is as strict as its text, but that IPv6 addresses may end in an IPv4 one, as haproxy itself writes those that are mapped.
 * Of version 2, LOCAL and UNSPEC are not looked at beyond their length; elsewhere what follows the addresses must have the shape of
 * TLVs, and a CRC32c among them must be right. */
int skt_proxyproto_parse(const void *bytes, size_t n, struct skt_proxyproto *ret, size_t *need, const char **why);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* proxy=: layers that send or read a header of the PROXY protocol before anything else, and from then on leave bytes alone. */
#ifndef SKT_IO_FILTER_PROXYHEAD_H
#define SKT_IO_FILTER_PROXYHEAD_H

#include "io/stream.h"
#include "sys/addr.h"

/* Who the client is, and which address it connected to. */
struct skt_proxyhead {
	int version;                 /* 1 or 2 */
	struct skt_addr peer, local; /* .len 0: not known: UNKNOWN (version 1), LOCAL (version 2) */
};

/* Both make a stream over `below`, a stream of bytes, which is taken over, also on failure. They return 0, or -SKT_E_LIMIT without
 * memory. Once up, read, write, shut and raw() are as below.
 *
 * open of a sender: opens below and sends *head, which is copied. Without a peer it speaks for the connection below itself. IPv4
 * addresses mapped into IPv6 go as IPv4; two that are not of one family, or of one that the version has not (1: IPv4, IPv6; 2:
 * unix too), as not known. */
int skt_proxyhead_new_sender(struct skt_stream *below, const struct skt_proxyhead *head, struct skt_stream **ret,
			     struct skt_error *err);
/* open of a reader: opens below and reads a header of version 1 or 2, of at most 4096 bytes; -SKT_E_PEER where none comes, or a
 * malformed one. What came behind it is given first by read(); raw() is NULL until it has been taken. */
int skt_proxyhead_new_reader(struct skt_stream *below, struct skt_stream **ret, struct skt_error *err);

/* The header that a reader has read, looking through `s` and what is below it: true and *ret, or false. */
bool skt_proxyhead_seen(const struct skt_stream *s, struct skt_proxyhead *ret);

#endif

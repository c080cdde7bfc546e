/* SPDX-License-Identifier: Apache-2.0 */
/* What a receiver of media counts, wherever in its chain it is counted. */
#ifndef SKT_IO_FILTER_MEDIA_H
#define SKT_IO_FILTER_MEDIA_H

#include "base/unit.h"
#include "io/stream.h"

/* With RTP the unit is a datagram, without it a packet of the transport stream. */
struct skt_media {
	uint64_t received;   /* given on; no duplicates among them */
	uint64_t lost;       /* expected and not received; one that comes late after all is not lost */
	uint64_t duplicates; /* RTP: dropped; else given on */
	uint64_t reordered;  /* RTP: came after one that was sent later, and given on in that order */
	uint64_t malformed; /* RTP: no RTP packets, passed over; else messages or packets that are no transport stream's */
	uint64_t resyncs;   /* RTP: times that another source spoke, or its numbers jumped too far back to be late */
	skt_time jitter;    /* RTP: interarrival jitter, RFC 3550 section 6.4.1; else 0 */
	bool is_rtp, is_ts; /* what was seen: RTP; a transport stream */
};

/* The counts of the RTP layer of this chain, else of its layer that counts transport stream packets, else NULL. They belong to the
 * stream. */
const struct skt_media *skt_media_of(const struct skt_stream *s);

/* A layer over `below`, a stream of MESSAGES, that passes everything on and counts transport stream packets in what is read, if the
 * first message is whole packets. `below` is taken over, also on failure. Returns 0, or -SKT_E_LIMIT without memory. */
int skt_tscount_new(struct skt_stream *below, struct skt_stream **ret, struct skt_error *err);

/* For layers that count: the first members of their structs. */
struct skt_counting {
	struct skt_stream stream;
	struct skt_media media;
};
extern const struct skt_stream_ops skt_rtp_ops, skt_tscount_ops;

#endif

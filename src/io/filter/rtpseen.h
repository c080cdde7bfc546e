/* SPDX-License-Identifier: Apache-2.0 */
/* RTP packets (RFC 3550): their header, and what their numbers tell of the way they came. Pure. */
#ifndef SKT_IO_FILTER_RTPSEEN_H
#define SKT_IO_FILTER_RTPSEEN_H

#include <stddef.h>

#include "io/filter/media.h"

enum {
	SKT_RTP_HEADER = 12, /* bytes of the header that we write: no CSRCs, no extension */
	SKT_RTP_TS = 33,     /* payload type of a transport stream (RFC 3551), and RFC 2250 says how it lies in it */
	SKT_RTP_HZ = 90000,  /* its clock */
	SKT_RTP_LATE = 100,  /* packets by which one may be late (MAX_MISORDER in A.1) */
};

struct skt_rtp {
	uint8_t payload_type; /* 0 to 127 */
	bool marker;
	uint16_t sequence;
	uint32_t timestamp, ssrc;
	size_t at, n; /* the payload: n bytes from byte `at` of the packet */
};

/* Read a packet of n bytes: padding, an extension and CSRCs are left out of the payload. Returns 0, or -SKT_E_PEER where it is no RTP
 * packet, and *ret is untouched. Packets of RTCP (types 72 to 76 with a marker, RFC 5761) are none. */
int skt_rtp_parse(const uint8_t *packet, size_t n, struct skt_rtp *ret);
/* Write a header without CSRCs, extension or padding; `at` and `n` are not used. */
void skt_rtp_print(const struct skt_rtp *rtp, uint8_t ret[SKT_RTP_HEADER]);

/* One receiver. Zeroed: nothing has come. */
struct skt_rtpseen {
	struct skt_media media;
	uint64_t received;    /* of this source, since it began */
	uint64_t lost_before; /* of those before it */
	int64_t base, most;   /* the first and the highest number, with the times they went round in the upper bits */
	uint64_t window[2];   /* bit i of window[i / 64]: most - i has come */
	uint32_t ssrc;
	skt_time transit;  /* of the last packet: its arrival, less its timestamp */
	skt_time jitter16; /* 16 times the jitter (A.8) */
	uint32_t timestamp;
	bool has_begun;
};

/* A packet has arrived at `now`. Returns false where it is a duplicate, to be dropped; everything is counted in seen->media. */
bool skt_rtpseen_take(struct skt_rtpseen *seen, const struct skt_rtp *rtp, skt_time now);

#endif

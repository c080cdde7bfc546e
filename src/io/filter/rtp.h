/* SPDX-License-Identifier: Apache-2.0 */
/* rtp=: a header of RTP (RFC 3550) before each message that is written, and off each that is read. */
#ifndef SKT_IO_FILTER_RTP_H
#define SKT_IO_FILTER_RTP_H

#include "io/filter/media.h"
#include "loop/loop.h"

/* A stream of MESSAGES over `below`, another, which is taken over, also on failure. skt_media_of() has what was received. Returns 0; -SKT_E_LIMIT
 * without memory; -SKT_E_IO where the kernel gives no random numbers.
 *
 * write: the message as the payload of a packet of type 33, a transport stream (RFC 2250), stamped with the time of writing. -SKT_E_LIMIT (EMSGSIZE)
 * where it does not fit into a datagram with its header: nothing is sent then, and the next may be.
 * read: the payload of the next packet; -SKT_EMPTY for one without. Duplicates and what is no RTP packet are counted and passed
 * over; packets that come late are given late. */
int skt_rtp_new(struct skt_loop *loop, struct skt_stream *below, struct skt_stream **ret, struct skt_error *err);

#endif

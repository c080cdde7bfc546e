/* SPDX-License-Identifier: Apache-2.0 */
/* A connected datagram socket: messages of one peer only, and ICMP errors come back to it. */
#ifndef SKT_IO_DGCONN_H
#define SKT_IO_DGCONN_H

#include "io/dgram.h"

/* A stream over a connected datagram socket (udp, unix-dgram) of that family. Takes fd over, also on failure. Where `tolerant`, what
 * single messages cause does not end it; `many`: it is one of several, and one that is too long does not end it either. Returns 0 or -SKT_E_LIMIT. */
int skt_dgconn_new(struct skt_loop *loop, int fd, int family, bool tolerant, bool many, struct skt_stream **ret,
		   struct skt_error *err);
/* Its descriptor, or -1 where the stream is none. */
int skt_dgconn_fd(const struct skt_stream *s);

#endif

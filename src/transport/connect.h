/* SPDX-License-Identifier: Apache-2.0 */
/* One connecting socket as a stream: opening it waits until the kernel has the verdict. */
#ifndef SKT_TRANSPORT_CONNECT_H
#define SKT_TRANSPORT_CONNECT_H

#include "io/fd.h"
#include "sys/addr.h"

/* Begin to connect the non-blocking socket fd, which is taken over, also on failure. `to` is printed in errors.
 * Returns 0 (the stream may still be opening), or -kind when the kernel refuses at once. */
int skt_connect_new(struct skt_loop *loop, int fd, const struct skt_addr *to, enum skt_fdkind kind,
		    struct skt_stream **ret, struct skt_error *err);

/* What a failed connect to that address means. Returns -kind. */
int skt_connect_failed(const struct skt_addr *to, int sys, struct skt_error *err);

#endif

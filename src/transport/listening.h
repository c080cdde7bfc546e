/* SPDX-License-Identifier: Apache-2.0 */
/* Binding and listening, and what a failure of them means: for every transport that listens. */
#ifndef SKT_TRANSPORT_LISTENING_H
#define SKT_TRANSPORT_LISTENING_H

#include "io/listener.h"

/* Bind fd (taken over, also on failure) to addr, listen, and add it to l. Returns 0 or -kind. */
int skt_listening_bind(struct skt_listener *l, int fd, const struct skt_addr *addr, int backlog, struct skt_error *err);
/* What a failed bind(2) or listen(2) on that address means. Returns -kind. */
int skt_listening_failed(const struct skt_addr *addr, int sys, struct skt_error *err);

#endif

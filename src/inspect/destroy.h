/* SPDX-License-Identifier: Apache-2.0 */
/* Ending a connection in the kernel, without its process. */
#ifndef SKT_INSPECT_DESTROY_H
#define SKT_INSPECT_DESTROY_H

#include "base/error.h"
#include "inspect/sock.h"

/* Whether the kernel can end such a socket at all: TCP in any state, UDP. */
bool skt_destroy_can(const struct skt_sock *s);

/* End it: its program sees ECONNABORTED, the other end a reset. `fd` is of skt_netlink_open() in the socket's namespace. The
 * socket is named by its ends and its cookie, so it is this one or none. sock_diag(7), SOCK_DESTROY; Linux >= 4.5.
 * Returns 0; 1 where it had gone already; -SKT_E_DENIED: without CAP_NET_ADMIN there; -SKT_E_IO: this kernel cannot
 * (CONFIG_INET_DIAG_DESTROY), or failed. */
int skt_destroy(int fd, const struct skt_sock *s, struct skt_error *err);

#endif

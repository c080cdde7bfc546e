/* SPDX-License-Identifier: Apache-2.0 */
/* What TCP knows about a connection, taken over from the kernel's struct tcp_info. tcp(7), linux/tcp.h. */
#ifndef SKT_INSPECT_TCPINFO_H
#define SKT_INSPECT_TCPINFO_H

#include "inspect/sock.h"

/* From n bytes of a struct tcp_info, which may be shorter or longer than the one we know. `congestion` is not touched. */
void skt_tcpinfo_read(const void *kernel, size_t n, struct skt_tcpinfo *ret);
/* Of a socket of our own. *state is an enum skt_sockstate. Returns 0, or -1 with errno: it is no TCP socket. */
int skt_tcpinfo_ask(int fd, struct skt_tcpinfo *ret, unsigned *state);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors that this process was started with, by number or by the name that systemd gave them; sd_listen_fds(3). */
#ifndef SKT_TRANSPORT_FDNUMBER_H
#define SKT_TRANSPORT_FDNUMBER_H

#include "endpoint/endpoint.h"

/* The descriptor that the endpoint means, or -1 with an error: no such name, or not open. */
int skt_fdnumber_of(const struct skt_endpoint *e, struct skt_error *err);
/* Whether it is a listening socket. */
bool skt_fdnumber_listens(const struct skt_endpoint *e);
/* A descriptor of our own for the same pipe, terminal, socket or file, made non-blocking without touching the one that other
 * processes share, where the kernel lets us: pipes and terminals are opened anew through /proc. `flags` is O_RDONLY or O_WRONLY.
 * A socket is made non-blocking only where it is not `shared`: receiving and sending do without. Returns it, or -1 with errno. */
int skt_fdnumber_own(int fd, int flags, bool shared);

#endif

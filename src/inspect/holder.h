/* SPDX-License-Identifier: Apache-2.0 */
/* Who holds a port that we wanted: the other half of "address in use". */
#ifndef SKT_INSPECT_HOLDER_H
#define SKT_INSPECT_HOLDER_H

#include "endpoint/endpoint.h"
#include "sys/addr.h"

/* A process that holds a listening socket. */
struct skt_holder {
	int pid;
	unsigned user; /* uid of the socket */
	char name[32]; /* of the program */
	char cwd[128]; /* its working directory, or "" where we may not see it */
	int64_t age;   /* nanoseconds since it started, or -1 */
};

/* The holder of a TCP port (any address), or of a unix socket path. Returns 0; -SKT_E_DENIED where somebody holds it but the
 * process cannot be seen (holder->user is set, pid is 0); -SKT_E_RESOLVE where nobody does. Reads /proc. */
int skt_holder_of_port(unsigned port, struct skt_holder *ret);
int skt_holder_of_path(const char *path, struct skt_holder *ret);

/* Rewrite an SKT_E_INUSE error of listening on that endpoint: who holds it, and what to do. */
void skt_holder_explain(const struct skt_endpoint *e, struct skt_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The environment that a program behind an endpoint gets: ours, what env= adds, and both addresses of its peer. */
#ifndef SKT_TRANSPORT_ENVIRONMENT_H
#define SKT_TRANSPORT_ENVIRONMENT_H

#include "transport/transport.h"

/* SOKET_PROTOCOL, SOKET_REMOTE_ADDRESS, SOKET_REMOTE_PORT, SOKET_LOCAL_ADDRESS, SOKET_LOCAL_PORT; for TCP also those of the UCSPI-TCP
 * convention (PROTO, TCPREMOTEIP, TCPREMOTEPORT, TCPLOCALIP, TCPLOCALPORT). Returns 0 or -SKT_E_LIMIT. */
int skt_environment_new(const struct skt_endpoint *e, const struct skt_origin *origin, char ***ret,
			struct skt_error *err);
void skt_environment_free(char **envp);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Listening, for listeners and links of soket.h. */
#ifndef SKT_API_LISTENER_H
#define SKT_API_LISTENER_H

#include "endpoint/endpoint.h"
#include "io/listener.h"

/* Where it listens, as texts. */
struct skt_api_addresses {
	int n;
	char text[SKT_LISTEN_MAX][SKT_ADDR_LENGTH];
};

/* Listen on a settled endpoint, which must outlive the listener. An address in use is explained by its holder.
 * Returns 0 or -kind; *names is filled. */
int skt_api_listen(struct skt_loop *loop, const struct skt_endpoint *e, struct skt_listener **ret,
		   struct skt_api_addresses *names, struct skt_error *err);
/* Text i, or NULL. */
const char *skt_api_address(const struct skt_api_addresses *names, int i);

#endif

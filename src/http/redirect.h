/* SPDX-License-Identifier: Apache-2.0 */
/* A handler that sends everybody to the same place behind TLS. */
#ifndef SKT_HTTP_REDIRECT_H
#define SKT_HTTP_REDIRECT_H

#include "http/exchange.h"

struct skt_redirect {
	struct skt_http_handler handler;
	int port; /* where https is spoken */
};

void skt_redirect_init(struct skt_redirect *r, int port);

#endif

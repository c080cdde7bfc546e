/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP/1.1 server: the service of a relay (link/service.h), which accepts, limits and ends; a handler answers. */
#ifndef SKT_HTTP_SERVER_H
#define SKT_HTTP_SERVER_H

#include "http/exchange.h"
#include "http/watch.h"
#include "link/link.h"
#include "link/service.h"

struct skt_http_log;

/* Must outlive the service. */
struct skt_http_options {
	struct skt_http_handler *handler;
	struct skt_http_log *log;     /* or NULL */
	struct skt_http_watch *watch; /* or NULL */
	skt_time idle; /* how long a connection may be without a request, or an answer without progress; 0: 60 s */
	skt_time head; /* how long a head may take to come whole; 0: 10 s */
	enum skt_mover_choice mover; /* of bodies */
	bool is_tls;                 /* clients speak https */
};

/* Returns 0 or -SKT_E_LIMIT. */
int skt_http_server_new(const struct skt_http_options *options, struct skt_service **ret, struct skt_error *err);
/* NULL is fine. */
void skt_http_server_free(struct skt_service *service);

#endif

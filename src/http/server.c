/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server as the service of a relay: what its connections share, and what each thread has of its own. */
#include "base/alloc.h"
#include "http/conn.h"

struct http_server {
	struct skt_service service;
	struct skt_http_options options;
};

static int server_open(struct skt_service *service, struct skt_loop *loop, void **ret, struct skt_error *err)
{
	const struct http_server *server = SKT_OUTER(service, struct http_server, service);
	struct skt_http_handler *handler = server->options.handler;
	struct skt_http_place *place = SKT_NEW(struct skt_http_place);
	int failed;

	if (!place)
		return skt_fail_memory(err);
	place->loop = loop;
	place->options = &server->options;
	place->body.mover = server->options.mover;
	if (handler->open && (failed = handler->open(handler, loop, &place->handlers, err)) < 0) {
		skt_free(place);
		return failed;
	}
	*ret = place;
	return 0;
}

static void server_close(struct skt_service *service, void *at)
{
	const struct http_server *server = SKT_OUTER(service, struct http_server, service);
	struct skt_http_place *place = at;

	if (server->options.handler->close)
		server->options.handler->close(server->options.handler, place->handlers);
	skt_text_release(&place->answer);
	skt_free(place->spare);
	skt_free(place);
}

int skt_http_server_new(const struct skt_http_options *options, struct skt_service **ret, struct skt_error *err)
{
	struct http_server *server = SKT_NEW(struct http_server);

	if (!server)
		return skt_fail_memory(err);
	server->service = (struct skt_service){ .open = server_open,
						.close = server_close,
						.begin = skt_conn_begin,
						.stop = skt_conn_stop,
						.cut = skt_conn_cut,
						.look = skt_conn_look,
						.stream = skt_conn_stream,
						.free = skt_conn_free };
	server->options = *options;
	if (!server->options.idle)
		server->options.idle = 60 * SKT_SECOND;
	if (!server->options.head)
		server->options.head = 10 * SKT_SECOND;
	*ret = &server->service;
	return 0;
}

void skt_http_server_free(struct skt_service *service)
{
	if (service)
		skt_free(SKT_OUTER(service, struct http_server, service));
}

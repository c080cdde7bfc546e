/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of soket demo share. */
#ifndef SKT_CLI_DEMO_H
#define SKT_CLI_DEMO_H

#include "base/json.h"
#include "http/site.h"
#include "relay/relay.h"
#include "transport/open.h"
#include "view/view.h"

enum { DEMO_PINGS = 200, DEMO_PING_SIZE = 64, DEMO_BULK = 32 * 1024 * 1024 };

#define DEMO_PATIENCE (20 * SKT_SECOND)

/* A relay on the demo's loop. */
struct demo_service {
	struct skt_endpoint from, to;
	struct skt_relay_config config;
	struct skt_relay *relay;
	struct skt_addr addr; /* where it listens */
	char name[SKT_ADDR_LENGTH];
};

/* demo_service.c */

/* Listen on `from`, on a port that the kernel picks, and lead each client to `to`. Returns 0 or -kind; release in any case. */
int demo_service_start(struct demo_service *s, struct skt_loop *loop, const char *from, const char *to,
		       struct skt_error *err);
/* Stop taking clients, and cut those that are there. A service that was not started is done. */
void demo_service_stop(struct demo_service *s);
bool demo_service_is_done(const struct demo_service *s);
void demo_service_release(struct demo_service *s);

/* A client that soket dials itself; a part of one that has something to say. */
struct demo_client {
	struct skt_loop *loop;
	struct skt_endpoint target;
	struct skt_dialer *dialer;
	struct skt_stream *stream;
	void (*step)(struct demo_client *c); /* the stream is up, or can go on */
	struct skt_error err;
	bool is_over; /* err.kind says whether well */
};

/* demo_client.c */

/* Dial, and run the loop until the client is over, a signal comes, or DEMO_PATIENCE has passed. Returns 0 or -kind. Release in any case. */
int demo_client_run(struct demo_client *c, struct skt_loop *loop, const char *target, struct skt_error *err);
/* It is over, because of what its stream says (< 0), because what came back is wrong (> 0), or well (0). */
void demo_client_end(struct demo_client *c, int how);
void demo_client_release(struct demo_client *c);

/* One message there and back, again and again. */
struct demo_pings {
	struct demo_client client;
	skt_time began, took[DEMO_PINGS]; /* sorted when it is over */
	int n;
	size_t sent, received; /* of the one under way */
};

void demo_pings_step(struct demo_client *c);
void demo_pings_sort(struct demo_pings *p);

/* demo_web.c: a web server with files and the live page, a relay in front of it, and a UDP echo. */
struct demo_web {
	char dir[128];
	struct skt_site *site;
	struct skt_view *view; /* NULL: this build has no page, and then there is no web server */
	struct demo_service front, udp;
	char server[SKT_ADDR_LENGTH]; /* "tcp://127.0.0.1:40001" */
	char url[256];                /* of the page, through the relay */
	struct demo_pings pings;
	uint64_t fetched;
	skt_time fetch_took;
};

int demo_web_start(struct demo_web *w, struct skt_loop *loop, struct skt_error *err);
int demo_web_measure(struct demo_web *w, struct skt_loop *loop, struct skt_error *err);
void demo_web_add_text(const struct demo_web *w, struct skt_text *t);
void demo_web_add_json(const struct demo_web *w, struct skt_json *j);
void demo_web_stop(struct demo_web *w);
bool demo_web_is_done(const struct demo_web *w);
void demo_web_release(struct demo_web *w);

#endif

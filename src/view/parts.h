/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the live page share. All of it belongs to the page's thread. */
#ifndef SKT_VIEW_PARTS_H
#define SKT_VIEW_PARTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "http/server.h"
#include "relay/relay.h"
#include "relay/roster.h"
#include "view/guard.h"
#include "view/news.h"
#include "view/view.h"

enum { SKT_READERS_MAX = 32, SKT_LIFE_QUEUE = 64, SKT_LIFE_KNOWN = 256 };

/* Kinds of events of which the newest counts, in the order in which they are given. */
enum skt_news_kind {
	SKT_NEWS_HELLO,
	SKT_NEWS_SOCKET,
	SKT_NEWS_LINKS,
	SKT_NEWS_PORTS,
	SKT_NEWS_FLOWS,
	SKT_NEWS_NO_PORTS, /* trouble with that filter */
	SKT_NEWS_NO_FLOWS,
	SKT_NEWS_KINDS,
};

/* What a reader may want; trouble comes with what it is about. */
enum {
	SKT_WANTS_HELLO = 1 << SKT_NEWS_HELLO,
	SKT_WANTS_SOCKET = 1 << SKT_NEWS_SOCKET,
	SKT_WANTS_LINKS = 1 << SKT_NEWS_LINKS,
	SKT_WANTS_PORTS = 1 << SKT_NEWS_PORTS,
	SKT_WANTS_FLOWS = 1 << SKT_NEWS_FLOWS,
	SKT_WANTS_LIFE = 1 << SKT_NEWS_KINDS,
};

struct skt_sight;
struct skt_ending;

/* Somebody who reads events: the stream that gives them. Freed with the answer that it is. */
struct skt_reader {
	struct skt_stream stream;
	struct skt_view *view;
	struct skt_reader *next, *last; /* of the view's ring */
	struct skt_task task;           /* there is something to read */
	struct skt_stream *client;      /* the connection, which outlives the reader */
	uint64_t connection, n_requests;
	bool is_tls;
	unsigned wants;
	struct skt_sight *ports, *flows; /* or NULL */
	struct skt_news *newest[SKT_NEWS_KINDS];
	bool waits[SKT_NEWS_KINDS]; /* the newest was not given yet */
	struct skt_news *life[SKT_LIFE_QUEUE];
	unsigned first_life, n_life;
	struct skt_news *now; /* is being given, from `at` on */
	size_t at;
	skt_time given_at; /* when something was given last */
	skt_time opened;   /* the connection, in the clock of 1970 */
	bool has_looked;   /* for the process at the other end */
	int peer_pid;      /* 0: not known */
	char peer_name[64];
};

/* What is known of a connection of the page's server, by its number. */
struct skt_known_life {
	uint64_t id, taken;
	int64_t opened; /* nanoseconds since 1970 */
	char peer[SKT_ADDR_LENGTH];
};

struct skt_view {
	struct skt_endpoint from, to;
	struct skt_relay_config config;
	struct skt_http_handler handler;
	struct skt_http_watch watch;
	struct skt_http_options http;
	struct skt_service *service;
	struct skt_loop *loop;
	struct skt_relay *relay;
	struct skt_http_handler *rest; /* or NULL */
	const char *page, *version;
	char token[SKT_TOKEN_LENGTH + 1];
	char url[SKT_ADDR_LENGTH + SKT_TOKEN_LENGTH + 16];
	int64_t started; /* the process, nanoseconds since 1970 */
	skt_time zero;   /* the same on the monotonic clock: life events count from it */

	struct skt_reader readers; /* head of the ring */
	int n_readers;
	struct skt_sight *sights;
	struct skt_ending *endings;
	struct skt_timer timer;
	bool has_asked; /* the timer is for what the relays answer */
	struct skt_roster roster;
	struct skt_known_life known[SKT_LIFE_KNOWN];

	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool has_ended; /* under the lock */
	pid_t thread;   /* its number; the same */
	atomic_bool is_stopping;
};

/* page.c: the handler of requests. */
int skt_page_open(struct skt_http_handler *handler, struct skt_loop *loop, void **place, struct skt_error *err);
void skt_page_close(struct skt_http_handler *handler, void *place);
void skt_page_handle(struct skt_http_handler *handler, struct skt_exchange *x);
void skt_page_ended(struct skt_http_handler *handler, struct skt_exchange *x, bool good);

/* asset.c: answer with a file of the page; false where there is none of that name. */
bool skt_asset_answer(struct skt_exchange *x, struct skt_span name);

/* ending.c: POST links/ID/end. */
void skt_ending_begin(struct skt_view *view, struct skt_exchange *x, struct skt_span id);
/* Whether the exchange was one that waits for an end; it does so no longer. */
bool skt_ending_forget(struct skt_view *view, const struct skt_exchange *x);

/* reader.c: a new one, which is to be given to skt_exchange_reply_stream(); NULL without memory, or where there are too many. */
struct skt_reader *skt_reader_new(struct skt_view *view, struct skt_exchange *x, struct skt_span query);
/* News of that kind, which is taken over; dropped where it says the same as before. May be NULL. */
void skt_reader_tell(struct skt_reader *r, enum skt_news_kind kind, struct skt_news *news);
void skt_reader_tell_life(struct skt_reader *r, struct skt_news *news);

/* round.c: once a second, as long as somebody reads. */
void skt_round_begin(struct skt_view *view);
void skt_round_end(struct skt_view *view);

/* sight.c: looks at the machine through a filter, shared by all who have the same. NULL without memory. */
struct skt_sight *skt_sight_get(struct skt_view *view, bool of_flows, const char *filter);
void skt_sight_drop(struct skt_view *view, struct skt_sight *sight);
/* Look where it is time, and tell the readers. */
void skt_sight_look(struct skt_view *view, struct skt_sight *sight);
struct skt_sight *skt_sight_next(const struct skt_sight *sight);
/* What it has seen last, to a reader that comes later. */
void skt_sight_tell(const struct skt_sight *sight, struct skt_reader *r);

/* Events as JSON; NULL without memory. */
struct skt_news *skt_hello_news(const struct skt_view *view);
struct skt_news *skt_self_news(struct skt_reader *r);
struct skt_news *skt_links_news(struct skt_reader *r);

/* chain.c: the links that lead to a connection of ours, outermost first. Returns how many, at most `most`. */
int skt_chain_to(const struct skt_roster *roster, struct skt_stream *client, uint64_t *ret, int most);

/* life.c: of the HTTP server. */
void skt_life_on(struct skt_http_watch *watch, const struct skt_http_event *event);
/* When that connection was opened, in the clock of 1970; 0: not known. */
int64_t skt_life_opened(const struct skt_view *view, uint64_t connection);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What conn.c, connio.c, exchange.c, outbody.c and server.c share: a connection, and the request that is being answered on it. */
#ifndef SKT_HTTP_CONN_H
#define SKT_HTTP_CONN_H

#include "base/text.h"
#include "http/inbody.h"
#include "http/server.h"

/* Bytes on the heap, of which n from `at` on are unread, or unsent. */
struct skt_bytes {
	uint32_t at, n, cap;
	char s[];
};

/* A server on one thread. */
struct skt_http_place {
	struct skt_loop *loop;
	const struct skt_http_options *options;
	struct skt_link_options body; /* of links that carry bodies */
	void *handlers;               /* of the handler, for this thread */
	struct skt_text answer;       /* where answers are composed; its memory is kept */
	struct skt_bytes *spare;      /* to read into, or NULL: a connection has it */
	int64_t date_at;              /* what `date` says, in seconds; 0: nothing yet */
	char date[32];
};

enum skt_conn_state {
	SKT_CONN_READS,   /* the next request, or none yet */
	SKT_CONN_ANSWERS, /* there is an exchange */
	SKT_CONN_LINGERS, /* our end is told; what still comes is thrown away, so that the answer is not destroyed */
	SKT_CONN_OVER,
};

/* What an idle connection costs: bench/ http-idle. */
struct skt_conn {
	struct skt_served served;
	struct skt_http_place *place;
	struct skt_stream *stream; /* owned */
	struct skt_exchange *x;    /* or NULL */
	struct skt_bytes *in;      /* what was read and is not a whole request yet, or NULL */
	struct skt_bytes *out;     /* what a short write left, or NULL */
	struct skt_timer timer;
	struct skt_task task;
	skt_time since; /* when the head, or lingering, began; 0: it has not */
	uint64_t number;
	uint64_t acknowledged; /* bytes that the client had taken when its time was up last */
	struct skt_error *err; /* why it failed, or NULL */
	char *remote;          /* whose connection it is, where it is logged, else NULL */
	uint8_t state;         /* enum skt_conn_state */
	uint8_t by;            /* enum skt_http_closer */
	bool is_stopping;      /* after this exchange it is over */
	bool is_busy;          /* conn_step() is on the stack */
};

enum skt_exchange_state {
	SKT_X_HANDLED,  /* the handler has it */
	SKT_X_RECEIVES, /* the body comes, to the handler's sink */
	SKT_X_HEAD,     /* the answer's head, or all of it, is being sent */
	SKT_X_BODY,     /* a link carries the answer's body */
	SKT_X_WASTES,   /* answered; the request's body, that nobody wanted, still comes */
	SKT_X_DONE,
};

struct skt_outbody;

struct skt_exchange {
	struct skt_conn *conn;
	struct skt_request request;
	char *head; /* a copy that the request points into, once the handler has kept it waiting; or NULL */
	uint64_t number;
	void *user;
	struct skt_text fields; /* lines of the answer */
	const struct skt_http_sink *sink;
	void *sink_user;
	struct skt_inbody *in;
	struct skt_outbody *out;
	struct skt_http_entry *entry; /* for the log, or NULL */
	char *name;                   /* of the user who has shown a password, or NULL */
	uint64_t n_body;              /* bytes of the answer's body that were sent */
	int status;
	int sink_status; /* what the sink said */
	uint8_t state;   /* enum skt_exchange_state */
	bool closes;     /* the connection ends after it */
};

/* Of connio.c. Read behind what is there: bytes, 0 at the end, -SKT_AGAIN, -kind. */
ssize_t skt_conn_read(struct skt_conn *conn);
/* Keep no more room than there are bytes. */
void skt_conn_trim(struct skt_conn *conn);
/* Give the buffer back to the thread, or free it. */
void skt_conn_give_back(struct skt_conn *conn);
/* A byte has moved: deadlines begin anew. */
void skt_conn_moved(struct skt_conn *conn);
/* Send what was kept. True when nothing is left. */
bool skt_conn_flush(struct skt_conn *conn);
/* It is over; done() is told from the outermost call. */
void skt_conn_over(struct skt_conn *conn, enum skt_http_closer by);

/* Of conn.c, for server.c: the operations of a service. */
int skt_conn_begin(struct skt_service *service, void *place, struct skt_stream *stream, const struct skt_client *client,
		   struct skt_served **ret, struct skt_error *err);
void skt_conn_stop(struct skt_served *served);
void skt_conn_cut(struct skt_served *served);
void skt_conn_look(struct skt_served *served);
struct skt_stream *skt_conn_stream(struct skt_served *served);
void skt_conn_free(struct skt_served *served);

/* Write to the client: what it does not take at once is kept. 0, or -kind: the connection has failed then. */
int skt_conn_write(struct skt_conn *conn, const char *bytes, size_t n, bool more_follows);
/* Go on: something has changed outside of the connection's own events. May free it. */
void skt_conn_go_on(struct skt_conn *conn);
/* It has failed because of what its stream says, or for that reason; over, but not freed yet. */
void skt_conn_fail(struct skt_conn *conn, const struct skt_error *err);
/* Give the client notice that it may send the body. */
void skt_conn_continue(struct skt_conn *conn);

/* Of exchange.c: release what it holds. */
void skt_exchange_free(struct skt_exchange *x);
/* Of exchange.c: answer with an error before there is a handler for it. */
void skt_exchange_refuse(struct skt_exchange *x, int status, const char *why);
/* Of exchange.c: the time, as answers tell it. */
const char *skt_exchange_date(struct skt_http_place *place);

/* Of outbody.c: a body that a link carries; the stream is owned. `length` -1: chunked. NULL without memory (the stream is freed). */
struct skt_outbody *skt_outbody_new(struct skt_exchange *x, struct skt_stream *source, int64_t length);
void skt_outbody_start(struct skt_outbody *b);
/* The client's stream has woken. */
void skt_outbody_woken(struct skt_outbody *b);
/* Count what was sent so far. */
void skt_outbody_look(struct skt_outbody *b);
void skt_outbody_free(struct skt_outbody *b);

#endif

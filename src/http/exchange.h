/* SPDX-License-Identifier: Apache-2.0 */
/* One request and its answer, for those who answer.
 *
 * A handler gets the exchange when the head is complete. It answers by exactly one of the skt_exchange_reply...() functions: at once or
 * later from the loop. Fields are added before. Where the request has a body that the handler wants, it calls
 * skt_exchange_receive() first, and answers when the body has come; a body that nobody wants is passed over, or the connection is closed. */
#ifndef SKT_HTTP_EXCHANGE_H
#define SKT_HTTP_EXCHANGE_H

#include "http/request.h"
#include "io/stream.h"
#include "loop/loop.h"
#include "sys/addr.h"

struct skt_exchange;

/* Who answers. Shared by the connections of all threads: what changes is guarded. */
struct skt_http_handler {
	/* What each thread needs of its own: *place is what skt_exchange_place() gives. Both may be NULL. open returns 0 or -kind. */
	int (*open)(struct skt_http_handler *handler, struct skt_loop *loop, void **place, struct skt_error *err);
	void (*close)(struct skt_http_handler *handler, void *place);
	/* The head has come: see above. The request is valid until the answer is begun; what is needed longer is copied. */
	void (*handle)(struct skt_http_handler *handler, struct skt_exchange *x);
	/* The exchange has ended: everything was sent (good), or the connection failed. Frees what the handler keeps by `user`. May be NULL. */
	void (*ended)(struct skt_http_handler *handler, struct skt_exchange *x, bool good);
};

/* Takes a request's body, piece by piece. */
struct skt_http_sink {
	/* Bytes, each once and in order: 0, or a status (400 to 599) with which the handler is to answer; nothing more is given then. */
	int (*take)(void *user, struct skt_exchange *x, const char *bytes, size_t n);
	/* The body has ended whole (good), or was cut short: the connection is gone then, and nothing can be answered. */
	void (*end)(void *user, struct skt_exchange *x, bool good);
};

const struct skt_request *skt_exchange_request(const struct skt_exchange *x);
struct skt_loop *skt_exchange_loop(const struct skt_exchange *x);
/* The client's stream: to look at its sockets, not to move bytes by. */
struct skt_stream *skt_exchange_stream(const struct skt_exchange *x);
/* Number of the connection in this process, as in events; and of the request on it, from 1. */
uint64_t skt_exchange_connection(const struct skt_exchange *x);
uint64_t skt_exchange_number(const struct skt_exchange *x);
/* The status that was answered with, or 0. */
int skt_exchange_status(const struct skt_exchange *x);
bool skt_exchange_is_tls(const struct skt_exchange *x);
/* What the handler's open() made for this thread, or NULL. */
void *skt_exchange_place(const struct skt_exchange *x);
/* The handler's own, NULL at first. */
void *skt_exchange_user(const struct skt_exchange *x);
void skt_exchange_set_user(struct skt_exchange *x, void *user);

/* Add a field to the answer. Value: no control characters. Failures of memory show when it is answered. */
void skt_exchange_field(struct skt_exchange *x, const char *name, const char *value);
void skt_exchange_fieldf(struct skt_exchange *x, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Lines that are ready, each with its CRLF. */
void skt_exchange_lines(struct skt_exchange *x, const char *lines, size_t n);
/* The user who has shown a password, for the log. */
void skt_exchange_set_name(struct skt_exchange *x, const char *name, size_t n);
/* The connection is closed after this answer. */
void skt_exchange_close_after(struct skt_exchange *x);

/* Take the request's body; 100 Continue is sent where the client waits for it. To be called from handle(). */
void skt_exchange_receive(struct skt_exchange *x, const struct skt_http_sink *sink, void *user);

/* What the sink's take() said, or 400 where the body was malformed; 0: nothing yet. */
int skt_exchange_sink_status(const struct skt_exchange *x);

/* Answer with bytes, which are copied. `type` may be NULL where n is 0. To HEAD only the head is sent. */
void skt_exchange_reply(struct skt_exchange *x, int status, const char *type, const void *body, size_t n);
/* The same where the lines of fields that describe the body (its type and length among them), each with its CRLF, are known already. */
void skt_exchange_reply_ready(struct skt_exchange *x, int status, const char *lines, size_t n_lines, const void *body,
			      size_t n);
/* Answer with a short page that says the status and that sentence (in English; NULL: none). */
void skt_exchange_reply_status(struct skt_exchange *x, int status, const char *why);
/* Answer with what a stream gives, which is then owned: `length` bytes, or to its end where that is -1 (chunked then). A stream that fails,
 * or ends before its length, breaks the connection, so that the client knows. It may say AGAIN and wake later: events, for example. */
void skt_exchange_reply_stream(struct skt_exchange *x, int status, const char *type, struct skt_stream *body,
			       int64_t length);

#endif

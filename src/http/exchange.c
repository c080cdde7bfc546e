/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: their head, and the body where it is small.
 *
 * How it works: status line, fields and a small body are composed in the thread's text and leave with one call. A body that a stream
 * gives is carried by a link (outbody.c), behind its head. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "http/conn.h"
#include "http/log.h"
#include "http/status.h"
#include "io/fd.h"
#include "sys/clock.h"
#include "wire/httpdate.h"

const struct skt_request *skt_exchange_request(const struct skt_exchange *x)
{
	return &x->request;
}

struct skt_loop *skt_exchange_loop(const struct skt_exchange *x)
{
	return x->conn->place->loop;
}

struct skt_stream *skt_exchange_stream(const struct skt_exchange *x)
{
	return x->conn->stream;
}

uint64_t skt_exchange_connection(const struct skt_exchange *x)
{
	return x->conn->number;
}

uint64_t skt_exchange_number(const struct skt_exchange *x)
{
	return x->number;
}

int skt_exchange_status(const struct skt_exchange *x)
{
	return x->status;
}

bool skt_exchange_is_tls(const struct skt_exchange *x)
{
	return x->conn->place->options->is_tls;
}

void *skt_exchange_place(const struct skt_exchange *x)
{
	return x->conn->place->handlers;
}

void *skt_exchange_user(const struct skt_exchange *x)
{
	return x->user;
}

void skt_exchange_set_user(struct skt_exchange *x, void *user)
{
	x->user = user;
}

void skt_exchange_field(struct skt_exchange *x, const char *name, const char *value)
{
	skt_text_add(&x->fields, name);
	skt_text_add(&x->fields, ": ");
	skt_text_add(&x->fields, value);
	skt_text_add(&x->fields, "\r\n");
}

void skt_exchange_fieldf(struct skt_exchange *x, const char *name, const char *fmt, ...)
{
	va_list ap;

	skt_text_add(&x->fields, name);
	skt_text_add(&x->fields, ": ");
	va_start(ap, fmt);
	skt_text_vaddf(&x->fields, fmt, ap);
	va_end(ap);
	skt_text_add(&x->fields, "\r\n");
}

void skt_exchange_lines(struct skt_exchange *x, const char *lines, size_t n)
{
	skt_text_addn(&x->fields, lines, n);
}

void skt_exchange_set_name(struct skt_exchange *x, const char *name, size_t n)
{
	skt_free(x->name);
	x->name = skt_strndup(name, n);
}

void skt_exchange_close_after(struct skt_exchange *x)
{
	x->closes = true;
}

int skt_exchange_sink_status(const struct skt_exchange *x)
{
	return x->sink_status;
}

static int exchange_take(void *user, const char *bytes, size_t n)
{
	struct skt_exchange *x = user;

	return x->sink->take(x->sink_user, x, bytes, n);
}

void skt_exchange_receive(struct skt_exchange *x, const struct skt_http_sink *sink, void *user)
{
	struct skt_error err;

	x->sink = sink;
	x->sink_user = user;
	x->in = skt_inbody_new(&x->request, exchange_take, x);
	if (!x->in) {
		(void)skt_fail_memory(&err);
		skt_conn_fail(x->conn, &err);
		return;
	}
	x->state = SKT_X_RECEIVES;
	if (x->request.expects_continue)
		skt_conn_continue(x->conn);
	skt_conn_go_on(x->conn);
}

/* The date is composed once a second. */
const char *skt_exchange_date(struct skt_http_place *place)
{
	int64_t now = skt_unix_now() / SKT_SECOND;

	if (now != place->date_at) {
		(void)skt_httpdate_print(now, place->date);
		place->date_at = now;
	}
	return place->date;
}

/* 204 and 304 have no body, and neither has an answer to HEAD. */
static bool exchange_has_body(const struct skt_exchange *x, int status)
{
	return x->request.method != SKT_METHOD_HEAD && status != 204 && status != 304;
}

/* The head up to the lines that describe the body. */
static struct skt_text *exchange_head(struct skt_exchange *x, int status)
{
	struct skt_http_place *place = x->conn->place;
	struct skt_text *t = &place->answer;

	x->status = status;
	if (place->options->log)
		skt_http_log_begin(place->options->log, x);
	skt_text_clear(t);
	if (status == 200)
		skt_text_addn(t, "HTTP/1.1 200 OK\r\nDate: ", 23);
	else
		skt_text_addf(t, "HTTP/1.1 %d %s\r\nDate: ", status, skt_status_phrase(status));
	skt_text_add(t, skt_exchange_date(place));
	skt_text_addn(t, "\r\n", 2);
	if (x->fields.len)
		skt_text_addn(t, x->fields.s, x->fields.len);
	if (x->closes)
		skt_text_add(t, "Connection: close\r\n");
	else if (x->request.minor == 0)
		skt_text_add(t, "Connection: keep-alive\r\n");
	return t;
}

static void exchange_out_of_memory(struct skt_exchange *x)
{
	struct skt_error err;

	(void)skt_fail_memory(&err);
	skt_conn_fail(x->conn, &err);
	skt_conn_go_on(x->conn);
}

/* Send what was composed; more of it follows where a link carries the body. */
static void exchange_send(struct skt_exchange *x, struct skt_text *t, bool more_follows)
{
	if (t->failed || x->fields.failed) {
		skt_text_release(t);
		exchange_out_of_memory(x);
		return;
	}
	x->state = SKT_X_HEAD;
	(void)skt_conn_write(x->conn, t->s, t->len, more_follows);
	if (t->cap > 256 * 1024) /* a large answer is rare: its memory is not kept */
		skt_text_release(t);
	skt_conn_go_on(x->conn);
}

static void exchange_send_small(struct skt_exchange *x, struct skt_text *t, const void *body, size_t n)
{
	skt_text_addn(t, "\r\n", 2);
	if (n && exchange_has_body(x, x->status)) {
		skt_text_addn(t, body, n);
		x->n_body = n;
	}
	exchange_send(x, t, false);
}

void skt_exchange_reply_ready(struct skt_exchange *x, int status, const char *lines, size_t n_lines, const void *body,
			      size_t n)
{
	struct skt_text *t = exchange_head(x, status);

	skt_text_addn(t, lines, n_lines);
	exchange_send_small(x, t, body, n);
}

/* The lines that describe a body. An answer that cannot have one has none. */
static void exchange_describe(const struct skt_exchange *x, struct skt_text *t, const char *type, int64_t length)
{
	if (type)
		skt_text_addf(t, "Content-Type: %s\r\n", type);
	if (x->status == 204 || x->status == 304 || x->status < 200)
		return;
	if (length >= 0)
		skt_text_addf(t, "Content-Length: %lld\r\n", (long long)length);
	else if (x->request.minor > 0)
		skt_text_add(t, "Transfer-Encoding: chunked\r\n");
}

void skt_exchange_reply(struct skt_exchange *x, int status, const char *type, const void *body, size_t n)
{
	struct skt_text *t = exchange_head(x, status);

	exchange_describe(x, t, type, (int64_t)n);
	exchange_send_small(x, t, body, n);
}

void skt_exchange_reply_stream(struct skt_exchange *x, int status, const char *type, struct skt_stream *body,
			       int64_t length)
{
	struct skt_text *t;

	if (length < 0 && x->request.minor == 0) /* its end is told by closing */
		x->closes = true;
	t = exchange_head(x, status);
	exchange_describe(x, t, type, length);
	skt_text_addn(t, "\r\n", 2);
	if (!exchange_has_body(x, status)) {
		skt_stream_free(body);
		exchange_send(x, t, false);
		return;
	}
	x->out = skt_outbody_new(x, body, length);
	if (!x->out)
		exchange_out_of_memory(x);
	else
		exchange_send(x, t, length > 0); /* events may be long in coming: their head is not held back */
}

static bool exchange_is_browser(const struct skt_exchange *x)
{
	struct skt_span accept = x->request.field[SKT_FIELD_ACCEPT];

	return accept.s && memmem(accept.s, accept.n, "text/html", 9);
}

void skt_exchange_reply_status(struct skt_exchange *x, int status, const char *why)
{
	const char *phrase = skt_status_phrase(status);
	char body[768];

	if (exchange_is_browser(x))
		(void)snprintf(body, sizeof(body),
			       "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" "
			       "content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\"><title>%d %s"
			       "</title>\n<h1>%d %s</h1>\n<p>%s</p>\n</html>\n",
			       status, phrase, status, phrase, why ? why : "");
	else
		(void)snprintf(body, sizeof(body), "%d %s%s%s\n", status, phrase, why ? ": " : "", why ? why : "");
	skt_exchange_reply(x, status, exchange_is_browser(x) ? "text/html; charset=utf-8" : "text/plain; charset=utf-8",
			   body, strlen(body));
}

void skt_exchange_refuse(struct skt_exchange *x, int status, const char *why)
{
	/* what was parsed of it may be wrong */
	x->request.method = x->request.method == SKT_METHOD_HEAD ? SKT_METHOD_HEAD : SKT_METHOD_OTHER;
	x->request.minor = 1;
	x->request.length = 0;
	x->request.is_chunked = x->request.expects_continue = false;
	x->closes = true;
	skt_exchange_reply_status(x, status, why);
}

void skt_exchange_free(struct skt_exchange *x)
{
	skt_inbody_free(x->in);
	skt_outbody_free(x->out);
	skt_text_release(&x->fields);
	skt_http_entry_free(x->entry);
	skt_free(x->name);
	skt_free(x->head);
	skt_free(x);
}

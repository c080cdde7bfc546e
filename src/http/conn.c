/* SPDX-License-Identifier: Apache-2.0 */
/* A connection of the HTTP server.
 *
 * How it works: one request after the other. Bytes are read into a buffer that the thread lends; a connection keeps one only while part of
 * a request is in it. A whole head becomes an exchange, which the handler answers, at once or later. Nothing more is read until it is
 * answered: that is the backpressure, and pipelined requests wait where they are.
 *
 *   state     exchange  reads                    ends by
 *   READS     none      heads                    a head; the peer's end; idle; a head that takes too long (408)
 *   ANSWERS   one       the body, where wanted   the answer sent whole
 *   LINGERS   none      and throws away          the peer's end, or CONN_LINGER
 *   OVER      none      nothing                  done() told, from the outermost call
 *
 * Everything happens in conn_step(), which is entered from the stream's wake, the timer, a task, and from answers that come later; a
 * call from within it only changes the state. One timer serves all deadlines: it is set for the nearest, and looks again when it fires early. */
#include "http/conn.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "http/log.h"
#include "io/fd.h"
#include "sys/clock.h"

enum {
	CONN_ROUNDS = 256,           /* steps of one connection before others have their turn */
	CONN_WASTE_MAX = 256 * 1024, /* of a body that nobody wants */
};

#define CONN_LINGER (2 * SKT_SECOND)

static struct skt_conn *conn_of(struct skt_served *served)
{
	return SKT_OUTER(served, struct skt_conn, served);
}

/* --- requests */

static void conn_happened(struct skt_conn *conn, struct skt_http_event *event)
{
	struct skt_http_watch *watch = conn->place->options->watch;

	if (!watch)
		return;
	event->connection = conn->number;
	event->stream = conn->stream;
	event->taken = conn->served.taken;
	event->given = conn->served.given;
	watch->on(watch, event);
}

static struct skt_exchange *conn_exchange(struct skt_conn *conn)
{
	struct skt_exchange *x = SKT_NEW(struct skt_exchange);

	if (!x) {
		struct skt_error err;

		(void)skt_fail_memory(&err);
		skt_conn_fail(conn, &err);
		return NULL;
	}
	x->conn = conn;
	x->number = ++conn->served.n_requests;
	conn->x = x;
	conn->state = SKT_CONN_ANSWERS;
	conn->since = 0;
	return x;
}

static void span_move(struct skt_span *span, const char *old, size_t n, const char *now)
{
	if (span->s >= old && span->s <= old + n)
		span->s = now + (span->s - old);
}

/* The handler answers later: what it was given must stay, while the buffer goes. */
static void conn_keep_head(struct skt_conn *conn, struct skt_exchange *x, const char *head, size_t n)
{
	struct skt_request *r = &x->request;
	struct skt_error err;

	x->head = skt_malloc(n);
	if (!x->head) {
		(void)skt_fail_memory(&err);
		skt_conn_fail(conn, &err);
		return;
	}
	memcpy(x->head, head, n);
	span_move(&r->method_text, head, n, x->head);
	span_move(&r->target, head, n, x->head);
	span_move(&r->path, head, n, x->head);
	span_move(&r->query, head, n, x->head);
	span_move(&r->fields, head, n, x->head);
	for (int i = 0; i < SKT_FIELDS; i++)
		span_move(&r->field[i], head, n, x->head);
}

static void conn_handle(struct skt_conn *conn, const char *head, size_t n)
{
	struct skt_http_handler *handler = conn->place->options->handler;
	struct skt_exchange *x = conn_exchange(conn);
	struct skt_http_event event = { .what = SKT_HTTP_REQUEST };
	const char *why = NULL;
	int status;

	if (!x)
		return;
	status = skt_request_parse(head, n, &x->request, &why);
	event.request = x->number;
	event.method = x->request.method_text;
	event.path = x->request.path;
	conn_happened(conn, &event);
	if (status) {
		skt_exchange_refuse(x, status, why);
		return;
	}
	if (!x->request.keeps_alive || conn->is_stopping)
		x->closes = true;
	handler->handle(handler, x);
	if (conn->x == x && (x->state == SKT_X_HANDLED || x->state == SKT_X_RECEIVES))
		conn_keep_head(conn, x, head, n);
}

/* A head that will never be one, or never ends. True where it was answered. */
static bool conn_refuse_head(struct skt_conn *conn, size_t end)
{
	const struct skt_bytes *in = conn->in;
	bool begins = skt_head_begins(SKT_HEAD_REQUEST, in->s + in->at, in->n) || (in->n == 1 && in->s[in->at] == '\r');
	struct skt_exchange *x;

	if (end || (begins && in->n < SKT_REQUEST_HEAD_MAX))
		return false;
	x = conn_exchange(conn);
	if (!x)
		return true;
	if (!begins)
		skt_exchange_refuse(x, 400,
				    in->s[in->at] == 0x16 ? "this is TLS, and plain HTTP is spoken here"
							  : "this is no request of HTTP/1");
	else if (!memchr(in->s + in->at, '\n', SKT_REQUEST_TARGET_MAX))
		skt_exchange_refuse(x, 414, "the target is too long");
	else
		skt_exchange_refuse(x, 431, "the head is too long");
	return true;
}

/* An empty line before a request is passed over (RFC 9112, section 2.2). */
static void conn_skip_line(struct skt_bytes *in)
{
	if (in->n >= 2 && in->s[in->at] == '\r' && in->s[in->at + 1] == '\n') {
		in->at += 2;
		in->n -= 2;
	}
}

/* One request out of what is there. True where there was one. */
static bool conn_take(struct skt_conn *conn)
{
	struct skt_bytes *in = conn->in;
	size_t end, seen = 0;
	uint32_t at;

	if (!in || in->n == 0)
		return false;
	if (conn->x == NULL && in->s[in->at] == '\r')
		conn_skip_line(in);
	if (in->n == 0)
		return false;
	end = skt_head_end(in->s + in->at, in->n < SKT_REQUEST_HEAD_MAX ? in->n : SKT_REQUEST_HEAD_MAX, &seen);
	if (conn_refuse_head(conn, end))
		return true;
	if (!end) {
		if (!conn->since)
			conn->since = skt_loop_now(conn->place->loop);
		return false;
	}
	at = in->at;
	in->at += (uint32_t)end;
	in->n -= (uint32_t)end;
	conn_handle(conn, in->s + at, end);
	return true;
}

/* --- a request's body */

/* Feed what came; what is behind the body stays. True where something was used. */
static bool conn_feed(struct skt_conn *conn, struct skt_exchange *x)
{
	struct skt_bytes *in = conn->in;
	size_t used;
	int status;

	if (!in || in->n == 0)
		return false;
	status = skt_inbody_feed(x->in, in->s + in->at, in->n, &used);
	in->at += (uint32_t)used;
	in->n -= (uint32_t)used;
	if (status == 0)
		return used > 0;
	x->closes = true; /* where the next request begins is not known */
	if (x->state == SKT_X_WASTES) {
		x->state = SKT_X_DONE;
		return true;
	}
	x->sink_status = status;
	x->sink->end(x->sink_user, x, false);
	if (x->state == SKT_X_RECEIVES)
		skt_exchange_reply_status(x, status, NULL);
	return true;
}

static void conn_body_ended(struct skt_conn *conn, ssize_t got)
{
	struct skt_error err;

	if (got < 0) {
		skt_conn_fail(conn, NULL);
		return;
	}
	(void)skt_fail(&err, SKT_E_IO, 0, "%s", _("the client ended before its request was whole"));
	skt_conn_fail(conn, &err);
}

/* A step of a body. True where something progressed. */
static bool conn_receive(struct skt_conn *conn, struct skt_exchange *x)
{
	ssize_t got;

	if (skt_inbody_is_done(x->in)) {
		if (x->state == SKT_X_WASTES) {
			x->state = SKT_X_DONE;
		} else {
			x->state = SKT_X_HANDLED;
			x->sink->end(x->sink_user, x, true);
		}
		return true;
	}
	if (x->state == SKT_X_WASTES && skt_loop_now(conn->place->loop) - conn->since > CONN_LINGER) {
		x->closes = true;
		x->state = SKT_X_DONE;
		return true;
	}
	if (conn_feed(conn, x))
		return true;
	got = skt_conn_read(conn);
	if (got > 0)
		return true;
	if (got != -SKT_AGAIN)
		conn_body_ended(conn, got);
	return false;
}

/* --- the life of an exchange */

/* The answer is out. A body that nobody has taken is passed over where it is small and surely comes. */
static void conn_answered(struct skt_conn *conn, struct skt_exchange *x)
{
	const struct skt_request *r = &x->request;
	bool has_body = r->length > 0 || r->is_chunked;
	struct skt_http_event event = {
		.what = SKT_HTTP_ANSWERED, .request = x->number, .status = x->status, .bytes = x->n_body
	};

	conn_happened(conn, &event);
	if (conn->place->options->log)
		skt_http_log_end(conn->place->options->log, x);
	x->state = SKT_X_DONE;
	if (!has_body || x->closes || (x->in && skt_inbody_is_done(x->in)))
		return;
	if (x->sink || r->expects_continue || r->length > CONN_WASTE_MAX || r->is_chunked) {
		x->closes = true;
		return;
	}
	x->in = skt_inbody_new(r, NULL, NULL);
	conn->since = skt_loop_now(conn->place->loop);
	x->state = x->in ? SKT_X_WASTES : SKT_X_DONE;
	x->closes |= !x->in;
}

static void conn_linger(struct skt_conn *conn)
{
	const struct skt_fd *raw = skt_stream_raw(conn->stream);

	/* nothing more will be read from it, and nothing waits: closing is enough, and saves a call */
	if (raw && !(raw->ready & SKT_IN) && (!conn->in || conn->in->n == 0) && !conn->x->request.is_chunked &&
	    conn->x->request.length == 0 && conn->x->status < 400) {
		skt_conn_over(conn, SKT_HTTP_BY_US);
		return;
	}
	conn->state = SKT_CONN_LINGERS;
	conn->since = skt_loop_now(conn->place->loop);
	conn->by = SKT_HTTP_BY_US;
}

static void conn_end_exchange(struct skt_conn *conn)
{
	struct skt_exchange *x = conn->x;
	struct skt_http_handler *handler = conn->place->options->handler;
	bool good = x->state == SKT_X_DONE;

	if (!good && x->state == SKT_X_RECEIVES && x->sink)
		x->sink->end(x->sink_user, x, false);
	skt_conn_look(&conn->served);
	if (!good && x->entry) /* what was not sent whole is logged as far as it came */
		skt_http_log_end(conn->place->options->log, x);
	if (handler->ended)
		handler->ended(handler, x, good);
	if (conn->state == SKT_CONN_ANSWERS) {
		conn->state = SKT_CONN_READS;
		conn->since = 0;
		if (x->closes || conn->is_stopping)
			conn_linger(conn);
	}
	conn->x = NULL;
	skt_exchange_free(x);
}

/* One step of the exchange. True where something progressed. */
static bool conn_exchange_step(struct skt_conn *conn)
{
	struct skt_exchange *x = conn->x;

	switch (x->state) {
	case SKT_X_RECEIVES:
		return skt_conn_flush(conn) && conn_receive(conn, x);
	case SKT_X_WASTES:
		return conn_receive(conn, x);
	case SKT_X_HEAD:
		if (!skt_conn_flush(conn))
			return false;
		if (x->out) {
			x->state = SKT_X_BODY;
			skt_outbody_start(x->out);
			return false;
		}
		conn_answered(conn, x);
		return true;
	case SKT_X_DONE:
		conn_end_exchange(conn);
		return true;
	default: /* HANDLED: the handler's turn; BODY: the link's */
		return false;
	}
}

/* Read on for a request. True where something came. */
static bool conn_wait(struct skt_conn *conn)
{
	ssize_t got;

	if (conn_take(conn))
		return true;
	if (conn->is_stopping && (!conn->in || conn->in->n == 0)) {
		skt_conn_over(conn, SKT_HTTP_BY_US);
		return false;
	}
	got = skt_conn_read(conn);
	if (got > 0)
		return true;
	/* reset between requests: that is how many clients leave */
	if (got == 0 || (got != -SKT_AGAIN && conn->served.n_requests && (!conn->in || conn->in->n == 0)))
		skt_conn_over(conn, SKT_HTTP_BY_PEER);
	else if (got != -SKT_AGAIN)
		skt_conn_fail(conn, NULL);
	return false;
}

/* Our end is told, then what comes is thrown away. True where something came. */
static bool conn_waste(struct skt_conn *conn)
{
	ssize_t got;
	int told = skt_stream_shut(conn->stream);

	if (told == -SKT_AGAIN)
		return false;
	got = told < 0 ? told : skt_stream_read(conn->stream, skt_loop_scratch(conn->place->loop), 64 * 1024);
	if (got == -SKT_AGAIN)
		return false;
	if (got > 0)
		conn->served.taken += (uint64_t)got;
	if (got <= 0 || skt_loop_now(conn->place->loop) - conn->since > CONN_LINGER)
		skt_conn_over(conn, SKT_HTTP_BY_US);
	return got > 0;
}

/* --- deadlines */

/* When to look again, and what for. */
static skt_time conn_due(const struct skt_conn *conn)
{
	const struct skt_http_options *options = conn->place->options;

	if (conn->state == SKT_CONN_LINGERS || (conn->x && conn->x->state == SKT_X_WASTES))
		return conn->since + CONN_LINGER;
	if (conn->x)
		return conn->x->state == SKT_X_HANDLED ? SKT_FOREVER : conn->served.moved_at + options->idle;
	return conn->since ? conn->since + options->head : conn->served.moved_at + options->idle;
}

/* Whether the client has taken something since this was asked last: what the kernel holds for it may be megabytes, so that nothing is
 * written for a long time while it reads slowly. */
static bool conn_is_read(struct skt_conn *conn)
{
	const struct skt_fd *bottom = skt_stream_bottom(conn->stream);
	uint64_t taken = conn->served.given - (bottom ? (uint64_t)skt_fd_unacknowledged(bottom) : 0);
	bool is_read = taken != conn->acknowledged;

	conn->acknowledged = taken;
	if (is_read)
		skt_conn_moved(conn);
	return is_read;
}

/* Its time is up. */
static void conn_late(struct skt_conn *conn)
{
	struct skt_exchange *x = conn->x;
	struct skt_error err;

	if (conn->state == SKT_CONN_LINGERS || (!x && !conn->since)) {
		skt_conn_over(conn, SKT_HTTP_BY_US);
		return;
	}
	if (!x) { /* the head did not come whole */
		x = conn_exchange(conn);
		if (x)
			skt_exchange_refuse(x, 408, "the request did not come whole in time");
		return;
	}
	if (x->state == SKT_X_WASTES) {
		x->closes = true;
		x->state = SKT_X_DONE;
		return;
	}
	if (x->state != SKT_X_RECEIVES && conn_is_read(conn))
		return;
	(void)skt_fail(&err, SKT_E_TIMEOUT, 0, "%s",
		       x->state == SKT_X_RECEIVES ? _("the request's body stopped coming")
						  : _("the client stopped reading"));
	skt_conn_fail(conn, &err);
}

static void conn_fired(struct skt_timer *timer);

static void conn_watch_time(struct skt_conn *conn)
{
	skt_time due = conn_due(conn), now = skt_loop_now(conn->place->loop);

	if (due == SKT_FOREVER || (skt_timer_is_set(&conn->timer) && conn->timer.due <= due))
		return;
	(void)skt_loop_after(conn->place->loop, &conn->timer, due > now ? due - now : 0, conn_fired);
}

/* --- the step */

static void conn_tell(struct skt_conn *conn)
{
	struct skt_http_event event = { .what = SKT_HTTP_CLOSED, .by = (enum skt_http_closer)conn->by };
	struct skt_error err;

	if (conn->x)
		conn_end_exchange(conn);
	conn_happened(conn, &event);
	skt_loop_clear(conn->place->loop, &conn->timer);
	skt_loop_undefer(conn->place->loop, &conn->task);
	if (conn->err)
		err = *conn->err;
	conn->served.done(&conn->served, conn->err ? &err : NULL); /* frees it */
}

static bool conn_round(struct skt_conn *conn)
{
	switch (conn->state) {
	case SKT_CONN_ANSWERS:
		return conn_exchange_step(conn);
	case SKT_CONN_READS:
		return conn_wait(conn);
	case SKT_CONN_LINGERS:
		return skt_conn_flush(conn) && conn_waste(conn);
	default:
		return false;
	}
}

static void conn_step(struct skt_conn *conn)
{
	int rounds = 0;

	conn->is_busy = true;
	while (rounds < CONN_ROUNDS && conn_round(conn))
		rounds++;
	conn->is_busy = false;
	if (conn->state == SKT_CONN_OVER) {
		conn_tell(conn);
		return;
	}
	skt_conn_trim(conn);
	if (rounds == CONN_ROUNDS)
		skt_loop_defer(conn->place->loop, &conn->task);
	conn_watch_time(conn);
}

void skt_conn_go_on(struct skt_conn *conn)
{
	if (!conn->is_busy)
		conn_step(conn);
}

static void conn_woken(void *user)
{
	struct skt_conn *conn = user;

	if (conn->x && conn->x->state == SKT_X_BODY)
		skt_outbody_woken(conn->x->out);
	else
		skt_conn_go_on(conn);
}

static void conn_task(struct skt_task *task)
{
	skt_conn_go_on(SKT_OUTER(task, struct skt_conn, task));
}

static void conn_fired(struct skt_timer *timer)
{
	struct skt_conn *conn = SKT_OUTER(timer, struct skt_conn, timer);

	skt_conn_look(&conn->served);
	if (conn_due(conn) <= skt_loop_now(conn->place->loop))
		conn_late(conn);
	skt_conn_go_on(conn);
}

/* --- the service */

int skt_conn_begin(struct skt_service *service, void *place, struct skt_stream *stream, const struct skt_client *client,
		   struct skt_served **ret, struct skt_error *err)
{
	struct skt_conn *conn = SKT_NEW(struct skt_conn);
	struct skt_http_event event = { .what = SKT_HTTP_OPENED };
	char remote[SKT_ADDR_LENGTH];

	(void)service;
	if (!conn) {
		skt_stream_free(stream);
		return skt_fail_memory(err);
	}
	conn->place = place;
	conn->stream = stream;
	conn->number = client->number;
	if (conn->place->options->log && client->peer)
		conn->remote = skt_strdup(skt_addr_print_host(client->peer, remote));
	conn->task.fn = conn_task;
	skt_conn_moved(conn);
	skt_stream_on_wake(stream, conn_woken, conn);
	skt_loop_defer(conn->place->loop, &conn->task);
	conn_happened(conn, &event);
	*ret = &conn->served;
	return 0;
}

void skt_conn_stop(struct skt_served *served)
{
	struct skt_conn *conn = conn_of(served);

	conn->is_stopping = true;
	if (conn->x)
		conn->x->closes = true;
	skt_conn_go_on(conn);
}

void skt_conn_cut(struct skt_served *served)
{
	struct skt_conn *conn = conn_of(served);
	struct skt_error err;

	(void)skt_fail(&err, SKT_E_IO, EINTR, "%s", _("cut: stopped before the answer was sent"));
	if (conn->x)
		skt_conn_fail(conn, &err);
	skt_conn_over(conn, SKT_HTTP_BY_US);
	skt_conn_go_on(conn);
}

void skt_conn_look(struct skt_served *served)
{
	struct skt_conn *conn = conn_of(served);

	if (conn->x && conn->x->out)
		skt_outbody_look(conn->x->out);
}

struct skt_stream *skt_conn_stream(struct skt_served *served)
{
	return conn_of(served)->stream;
}

void skt_conn_free(struct skt_served *served)
{
	struct skt_conn *conn = conn_of(served);

	if (conn->x)
		skt_exchange_free(conn->x);
	skt_loop_clear(conn->place->loop, &conn->timer);
	skt_loop_undefer(conn->place->loop, &conn->task);
	skt_stream_free(conn->stream);
	skt_conn_give_back(conn);
	skt_free(conn->out);
	skt_free(conn->err);
	skt_free(conn->remote);
	skt_free(conn);
}

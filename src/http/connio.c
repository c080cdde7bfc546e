/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a connection: what was read and is not used yet, what was written and is not sent yet, and how it fails. */
#include <string.h>

#include "base/alloc.h"
#include "http/conn.h"
#include "io/fd.h"

enum {
	CONN_BUFFER = 16 * 1024, /* what the thread lends */
	CONN_ROOM = 4 * 1024,    /* at least this much is read */
};

void skt_conn_give_back(struct skt_conn *conn)
{
	struct skt_bytes *in = conn->in;

	conn->in = NULL;
	if (in && in->cap == CONN_BUFFER && !conn->place->spare)
		conn->place->spare = in;
	else
		skt_free(in);
}

/* A buffer with room for CONN_ROOM bytes more behind what it has. */
static bool conn_make_room(struct skt_conn *conn)
{
	struct skt_bytes *in = conn->in;

	if (!in && conn->place->spare) {
		conn->in = conn->place->spare;
		conn->place->spare = NULL;
		conn->in->at = conn->in->n = 0;
		return true;
	}
	if (in && in->at) {
		memmove(in->s, in->s + in->at, in->n);
		in->at = 0;
	}
	if (in && in->cap - in->n >= CONN_ROOM)
		return true;
	in = skt_realloc(in, sizeof(*in) + (in ? in->n + CONN_BUFFER : CONN_BUFFER));
	if (!in)
		return false;
	if (!conn->in)
		in->at = in->n = 0;
	in->cap = conn->in ? in->n + CONN_BUFFER : CONN_BUFFER;
	conn->in = in;
	return true;
}

/* Keep no more than there is. */
void skt_conn_trim(struct skt_conn *conn)
{
	struct skt_bytes *in = conn->in, *less;

	if (!in)
		return;
	if (in->n == 0) {
		skt_conn_give_back(conn);
		return;
	}
	if (in->cap - in->at - in->n < CONN_ROOM / 4)
		return;
	if (in->at)
		memmove(in->s, in->s + in->at, in->n);
	in->at = 0;
	less = skt_realloc(in, sizeof(*in) + in->n);
	conn->in = less ? less : in;
	conn->in->cap = conn->in->n;
}

void skt_conn_over(struct skt_conn *conn, enum skt_http_closer by)
{
	if (conn->state == SKT_CONN_OVER)
		return;
	conn->state = SKT_CONN_OVER;
	conn->by = (uint8_t)by;
}

void skt_conn_fail(struct skt_conn *conn, const struct skt_error *err)
{
	struct skt_error why;

	if (conn->state == SKT_CONN_OVER)
		return;
	if (!err) {
		skt_stream_why(conn->stream, &why);
		err = &why;
	}
	conn->err = SKT_NEW(struct skt_error);
	if (conn->err)
		*conn->err = *err;
	conn->stream->flags |= SKT_STREAM_BROKEN;
	skt_conn_over(conn, SKT_HTTP_BY_FAILURE);
}

void skt_conn_moved(struct skt_conn *conn)
{
	conn->served.moved_at = skt_loop_now(conn->place->loop);
}

/* Read behind what is there. Returns bytes, 0 at the end, -SKT_AGAIN, -kind. */
ssize_t skt_conn_read(struct skt_conn *conn)
{
	struct skt_bytes *in;
	ssize_t got;

	if (!conn_make_room(conn)) {
		struct skt_error err;

		(void)skt_fail_memory(&err);
		skt_conn_fail(conn, &err);
		return -SKT_E_LIMIT;
	}
	in = conn->in;
	got = skt_stream_read(conn->stream, in->s + in->n, in->cap - in->n);
	if (got <= 0)
		return got;
	in->n += (uint32_t)got;
	conn->served.taken += (uint64_t)got;
	skt_conn_moved(conn);
	return got;
}

static int conn_keep_out(struct skt_conn *conn, const char *bytes, size_t n)
{
	struct skt_bytes *old = conn->out, *out;
	size_t kept = old ? old->n : 0;

	out = n + kept < UINT32_MAX ? skt_malloc(sizeof(*out) + kept + n) : NULL;
	if (!out) {
		struct skt_error err;

		(void)skt_fail_memory(&err);
		skt_conn_fail(conn, &err);
		return -SKT_E_LIMIT;
	}
	out->at = 0;
	out->n = out->cap = (uint32_t)(kept + n);
	if (old)
		memcpy(out->s, old->s + old->at, kept);
	memcpy(out->s + kept, bytes, n);
	skt_free(old);
	conn->out = out;
	return 0;
}

int skt_conn_write(struct skt_conn *conn, const char *bytes, size_t n, bool more_follows)
{
	ssize_t put = -SKT_AGAIN;

	if (conn->state == SKT_CONN_OVER)
		return -SKT_E_IO;
	if (!conn->out) {
		if (more_follows)
			conn->stream->flags |= SKT_STREAM_MORE;
		put = skt_stream_write(conn->stream, bytes, n);
		conn->stream->flags &= (uint16_t)~SKT_STREAM_MORE;
	}
	if (put < 0 && put != -SKT_AGAIN) {
		skt_conn_fail(conn, NULL);
		return (int)put;
	}
	if (put > 0) {
		conn->served.given += (uint64_t)put;
		skt_conn_moved(conn);
		bytes += put;
		n -= (size_t)put;
	}
	return n ? conn_keep_out(conn, bytes, n) : 0;
}

/* Send what was kept. True when nothing is left. */
bool skt_conn_flush(struct skt_conn *conn)
{
	while (conn->out) {
		struct skt_bytes *out = conn->out;
		ssize_t put = skt_stream_write(conn->stream, out->s + out->at, out->n);

		if (put == -SKT_AGAIN || put == 0)
			return false;
		if (put < 0) {
			skt_conn_fail(conn, NULL);
			return false;
		}
		conn->served.given += (uint64_t)put;
		skt_conn_moved(conn);
		out->at += (uint32_t)put;
		out->n -= (uint32_t)put;
		if (out->n)
			continue;
		skt_free(out);
		conn->out = NULL;
	}
	return true;
}

void skt_conn_continue(struct skt_conn *conn)
{
	static const char line[] = "HTTP/1.1 100 Continue\r\n\r\n";

	(void)skt_conn_write(conn, line, sizeof(line) - 1, false);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* An answer's body: a one-way link from a stream to the client.
 *
 * How it works: the link's sink is a layer over the client's stream that belongs to the connection and stays when the link has ended. Where
 * the length is known its bytes are the client's bytes, so that the link may use sendfile; else it writes chunks. The way back has ended from the
 * start: nobody reads the client meanwhile. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "http/conn.h"

enum { OUTBODY_CHUNK = 64 * 1024, OUTBODY_SIZE_LINE = 20 };

struct skt_outbody {
	struct skt_link link;
	struct skt_link_options options;
	struct skt_stream sink; /* link.side[1]; below is the client's stream, which is not owned */
	struct skt_exchange *x;
	struct skt_stream *source; /* until the link has it */
	int64_t length;            /* -1: chunked, or to the end where the client knows no chunks */
	bool is_linked, is_told;
};

static struct skt_outbody *outbody_of(struct skt_stream *s)
{
	return SKT_OUTER(s, struct skt_outbody, sink);
}

static bool outbody_has_chunks(const struct skt_outbody *b)
{
	return b->length < 0 && b->x->request.minor > 0;
}

/* What the connection has kept goes first. 0 when nothing is left, -SKT_AGAIN, -kind. */
static int outbody_flush(struct skt_outbody *b)
{
	struct skt_conn *conn = b->x->conn;

	while (conn->out) {
		struct skt_bytes *out = conn->out;
		ssize_t put = skt_stream_write(conn->stream, out->s + out->at, out->n);

		if (put <= 0)
			return put ? (int)put : -SKT_AGAIN;
		out->at += (uint32_t)put;
		out->n -= (uint32_t)put;
		conn->served.given += (uint64_t)put;
		if (out->n)
			continue;
		skt_free(out);
		conn->out = NULL;
	}
	b->sink.flags &= (uint16_t)~SKT_STREAM_HOLDS;
	return 0;
}

/* A chunk is taken whole: what the client does not take of it is kept by the connection. */
static ssize_t outbody_chunk(struct skt_outbody *b, const void *buf, size_t n)
{
	struct skt_conn *conn = b->x->conn;
	char *room = skt_loop_take_room(conn->place->loop),
	     *own = room ? NULL : skt_malloc(OUTBODY_CHUNK + OUTBODY_SIZE_LINE + 2);
	char *at = room ? room : own;
	int head, ret = -SKT_E_LIMIT;

	if (n > OUTBODY_CHUNK)
		n = OUTBODY_CHUNK;
	if (at) {
		head = snprintf(at, OUTBODY_SIZE_LINE, "%zx\r\n", n);
		memcpy(at + head, buf, n);
		at[(size_t)head + n] = '\r';
		at[(size_t)head + n + 1] = '\n';
		skt_loop_give_room(conn->place->loop, room);
		ret = skt_conn_write(conn, at, (size_t)head + n + 2, false);
	}
	skt_free(own);
	if (conn->out)
		b->sink.flags |= SKT_STREAM_HOLDS;
	return ret < 0 ? ret : (ssize_t)n;
}

static ssize_t outbody_write(struct skt_stream *s, const void *buf, size_t n)
{
	struct skt_outbody *b = outbody_of(s);
	int ret;

	if (!outbody_has_chunks(b))
		return skt_stream_write(s->below, buf, n);
	ret = outbody_flush(b);
	return ret < 0 ? ret : outbody_chunk(b, buf, n);
}

/* The connection goes on after this body. Only a chunked one has an end of its own. */
static int outbody_shut(struct skt_stream *s)
{
	struct skt_outbody *b = outbody_of(s);
	bool is_broken = s->flags & SKT_STREAM_BROKEN;

	if (!outbody_has_chunks(b) || is_broken)
		return 0;
	if (!b->is_told && skt_conn_write(b->x->conn, "0\r\n\r\n", 5, false) < 0)
		return -SKT_E_IO;
	b->is_told = true;
	return outbody_flush(b);
}

static struct skt_fd *outbody_raw(struct skt_stream *s)
{
	return outbody_has_chunks(outbody_of(s)) ? NULL : skt_stream_raw(s->below);
}

static void outbody_free_sink(struct skt_stream *s)
{
	(void)s; /* part of the body; the client's stream is the connection's */
}

static const struct skt_stream_ops outbody_ops = {
	.name = "body",
	.write = outbody_write,
	.shut = outbody_shut,
	.raw = outbody_raw,
	.free = outbody_free_sink,
};

void skt_outbody_look(struct skt_outbody *b)
{
	struct skt_conn *conn = b->x->conn;
	uint64_t sent = b->is_linked ? b->link.flow[0].given : b->x->n_body, more = sent - b->x->n_body;

	b->x->n_body = sent;
	if (!more)
		return;
	if (!outbody_has_chunks(b)) /* chunks are counted where they are written */
		conn->served.given += more;
	conn->served.moved_at = b->link.moved_at;
}

/* Why it did not come whole, or kind SKT_OK. */
static void outbody_verdict(struct skt_outbody *b, struct skt_error *ret)
{
	const struct skt_link *link = &b->link;

	*ret = (struct skt_error){ 0 };
	if (link->end == SKT_END_IDLE)
		(void)skt_fail(ret, SKT_E_TIMEOUT, 0, "%s", _("the client stopped reading"));
	else if (link->end == SKT_END_CUT)
		(void)skt_fail(ret, SKT_E_IO, EINTR, "%s", _("cut: stopped before the answer was sent"));
	else if (link->end == SKT_END_FAILED)
		skt_stream_why(link->side[link->failed_side < 0 ? 1 : link->failed_side], ret);
	else if (b->length >= 0 && link->flow[0].given != (uint64_t)b->length)
		(void)skt_fail(ret, SKT_E_IO, 0, "%s", _("the file became shorter while it was sent"));
}

static void outbody_done(struct skt_link *link)
{
	struct skt_outbody *b = SKT_OUTER(link, struct skt_outbody, link);
	struct skt_exchange *x = b->x;
	struct skt_conn *conn = x->conn;
	struct skt_error err;

	outbody_verdict(b, &err);
	skt_outbody_look(b);
	skt_link_release(link);
	b->is_linked = false;
	x->out = NULL;
	skt_free(b);
	if (err.kind != SKT_OK)
		skt_conn_fail(conn, &err);
	else
		x->state = SKT_X_HEAD; /* whatever is still kept is sent, then it is answered */
	skt_conn_go_on(conn);
}

struct skt_outbody *skt_outbody_new(struct skt_exchange *x, struct skt_stream *source, int64_t length)
{
	struct skt_outbody *b = SKT_NEW(struct skt_outbody);

	if (!b) {
		skt_stream_free(source);
		return NULL;
	}
	b->x = x;
	b->source = source;
	b->length = length;
	b->options = x->conn->place->body;
	b->options.waits_for_stdin = true;
	b->options.done = outbody_done;
	b->sink.ops = &outbody_ops;
	b->sink.below = x->conn->stream;
	return b;
}

void skt_outbody_start(struct skt_outbody *b)
{
	struct skt_stream *source = b->source;

	b->source = NULL;
	b->is_linked = true;
	skt_link_start(&b->link, b->x->conn->place->loop, &b->options, source, &b->sink);
	skt_link_one_way(&b->link);
}

void skt_outbody_woken(struct skt_outbody *b)
{
	skt_stream_wake(&b->sink);
}

void skt_outbody_free(struct skt_outbody *b)
{
	if (!b)
		return;
	if (b->is_linked)
		skt_link_release(&b->link);
	skt_stream_free(b->source);
	skt_free(b);
}

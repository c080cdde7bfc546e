/* SPDX-License-Identifier: Apache-2.0 */
/* The small services of the early Internet, made in this process: echo (RFC 862), discard (863), chargen (864), daytime (867), and a
 * text of one's own.
 *
 * Their streams have no descriptor and need no wake: what changes them is the other flow of the same link, which takes its
 * steps in turn with this one. Those that only speak throw away what they are sent, as their RFCs say. */
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/text.h"
#include "transport/msgservice.h"
#include "transport/transport.h"

enum { SERVICE_RING = 64 * 1024, CHARGEN_LINE = 72, CHARGEN_FIRST = 0x20, CHARGEN_CHARS = 95 };

struct service {
	struct skt_stream stream;
	bool is_shut;
	size_t at, n; /* echo: the ring; chargen: the line and column; others: the part of `bytes` that is left */
	char *bytes;
};

static struct service *service_of(struct skt_stream *s)
{
	return SKT_OUTER(s, struct service, stream);
}

static int service_shut(struct skt_stream *s)
{
	service_of(s)->is_shut = true;
	return 0;
}

static void service_free(struct skt_stream *s)
{
	skt_free(service_of(s)->bytes);
	skt_free(service_of(s));
}

static ssize_t discard_write(struct skt_stream *s, const void *buf, size_t n)
{
	(void)s;
	(void)buf;
	return (ssize_t)n;
}

/* Nothing to say; ends when the other side has. */
static ssize_t discard_read(struct skt_stream *s, void *buf, size_t n)
{
	(void)buf;
	(void)n;
	return service_of(s)->is_shut ? 0 : -SKT_AGAIN;
}

static ssize_t echo_read(struct skt_stream *s, void *buf, size_t n)
{
	struct service *e = service_of(s);
	size_t run = SERVICE_RING - e->at;

	if (e->n == 0)
		return e->is_shut ? 0 : -SKT_AGAIN;
	if (run > e->n)
		run = e->n;
	if (n > run)
		n = run;
	memcpy(buf, e->bytes + e->at, n);
	e->at = (e->at + n) % SERVICE_RING;
	e->n -= n;
	return (ssize_t)n;
}

static ssize_t echo_write(struct skt_stream *s, const void *buf, size_t n)
{
	struct service *e = service_of(s);
	size_t end = (e->at + e->n) % SERVICE_RING, room = SERVICE_RING - e->n, run = SERVICE_RING - end;

	if (room == 0)
		return -SKT_AGAIN;
	if (n > room)
		n = room;
	if (n > run)
		n = run;
	memcpy(e->bytes + end, buf, n);
	e->n += n;
	return (ssize_t)n;
}

/* Lines of 72 characters, each beginning one further in the printable characters. RFC 864. */
static ssize_t chargen_read(struct skt_stream *s, void *buf, size_t n)
{
	struct service *c = service_of(s);
	char *to = buf;

	if (c->is_shut) {
		s->flags |= SKT_STREAM_GONE;
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		size_t column = c->at++;

		to[i] = column < CHARGEN_LINE    ? (char)(CHARGEN_FIRST + (c->n + column) % CHARGEN_CHARS)
			: column == CHARGEN_LINE ? '\r'
						 : '\n';
		if (column > CHARGEN_LINE) {
			c->at = 0;
			c->n = (c->n + 1) % CHARGEN_CHARS;
		}
	}
	return (ssize_t)n;
}

static ssize_t text_read(struct skt_stream *s, void *buf, size_t n)
{
	struct service *t = service_of(s);

	if (t->n == 0) {
		s->flags |= SKT_STREAM_GONE;
		return 0;
	}
	if (n > t->n)
		n = t->n;
	memcpy(buf, t->bytes + t->at, n);
	t->at += n;
	t->n -= n;
	return (ssize_t)n;
}

#define SERVICE_OPS(service, reads, writes)                                                                  \
	static const struct skt_stream_ops service##_ops = {                                                 \
		.name = #service, .read = reads, .write = writes, .shut = service_shut, .free = service_free \
	}

SERVICE_OPS(echo, echo_read, echo_write);
SERVICE_OPS(discard, discard_read, discard_write);
SERVICE_OPS(chargen, chargen_read, discard_write);
SERVICE_OPS(text, text_read, discard_write);

static int service_new(const struct skt_stream_ops *ops, char *bytes, size_t n, struct skt_stream **ret,
		       struct skt_error *err)
{
	struct service *s = bytes || ops == &discard_ops || ops == &chargen_ops ? SKT_NEW(struct service) : NULL;

	if (!s) {
		skt_free(bytes);
		return skt_fail_memory(err);
	}
	s->stream.ops = ops;
	s->bytes = bytes;
	s->n = n;
	*ret = &s->stream;
	return 0;
}

static int echo_dial(struct skt_loop *loop, const struct skt_endpoint *e, const struct skt_origin *origin,
		     struct skt_stream **ret, struct skt_error *err)
{
	(void)loop;
	(void)e;
	if (origin->is_dgram)
		return skt_msgservice_new(skt_msgservice_echo, NULL, ret, err);
	return service_new(&echo_ops, skt_malloc(SERVICE_RING), 0, ret, err);
}

static int discard_dial(struct skt_loop *loop, const struct skt_endpoint *e, const struct skt_origin *origin,
			struct skt_stream **ret, struct skt_error *err)
{
	(void)loop;
	(void)e;
	if (origin->is_dgram)
		return skt_msgservice_new(skt_msgservice_discard, NULL, ret, err);
	return service_new(&discard_ops, NULL, 0, ret, err);
}

static int chargen_dial(struct skt_loop *loop, const struct skt_endpoint *e, const struct skt_origin *origin,
			struct skt_stream **ret, struct skt_error *err)
{
	(void)loop;
	(void)e;
	if (origin->is_dgram)
		return skt_msgservice_new(skt_msgservice_chargen, NULL, ret, err);
	return service_new(&chargen_ops, NULL, 0, ret, err);
}

/* "Weekday, Month Day, Year Time-Zone", the first of the two forms that RFC 867 suggests. */
static int daytime_dial(struct skt_loop *loop, const struct skt_endpoint *e, const struct skt_origin *origin,
			struct skt_stream **ret, struct skt_error *err)
{
	char line[128];
	time_t now = time(NULL);
	struct tm tm = { 0 };
	size_t n;

	(void)loop;
	(void)e;
	if (origin->is_dgram)
		return skt_msgservice_new(skt_msgservice_daytime, NULL, ret, err);
	(void)localtime_r(&now, &tm);
	n = strftime(line, sizeof(line), "%A, %B %d, %Y %H:%M:%S-%Z\r\n", &tm);
	return service_new(&text_ops, skt_strndup(line, n), n, ret, err);
}

static int text_dial(struct skt_loop *loop, const struct skt_endpoint *e, const struct skt_origin *origin,
		     struct skt_stream **ret, struct skt_error *err)
{
	struct skt_text text = { 0 };
	size_t n;

	(void)loop;
	skt_text_add(&text, e->address);
	if (skt_endpoint_number(e, "newline", 0))
		skt_text_addc(&text, '\n');
	n = text.len;
	if (origin->is_dgram && !text.failed)
		return skt_msgservice_new(skt_msgservice_text, n ? skt_text_take(&text) : skt_strdup(""), ret, err);
	return service_new(&text_ops, skt_text_take(&text), n, ret, err);
}

const struct skt_transport skt_echo = { .scheme = "echo", .dial = echo_dial };
const struct skt_transport skt_discard = { .scheme = "discard", .dial = discard_dial };
const struct skt_transport skt_chargen = { .scheme = "chargen", .dial = chargen_dial };
const struct skt_transport skt_daytime = { .scheme = "daytime", .dial = daytime_dial };
const struct skt_transport skt_text_transport = { .scheme = "text", .dial = text_dial };

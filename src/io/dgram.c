/* SPDX-License-Identifier: Apache-2.0 */
/* What all datagram endpoints share. */
#include "io/dgram.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"

struct skt_dgram *skt_dgram_of(struct skt_stream *s)
{
	while (!s->ops->read && s->below) /* a race that was won passes everything on */
		s = s->below;
	return s->ops->read == skt_dgram_read ? SKT_OUTER(s, struct skt_dgram, stream) : NULL;
}

struct skt_dgram *skt_dgram_below(struct skt_stream *s)
{
	while (s && s->ops->read != skt_dgram_read)
		s = s->below;
	return s ? SKT_OUTER(s, struct skt_dgram, stream) : NULL;
}

uint64_t skt_msgs_bytes(const struct skt_msg *msg, int n)
{
	uint64_t ret = 0;

	for (int i = 0; i < n; i++)
		ret += msg[i].n;
	return ret;
}

uint64_t skt_msgs_count(const struct skt_msg *msg, int n)
{
	uint64_t ret = 0;

	for (int i = 0; i < n; i++)
		ret += skt_msg_count(&msg[i]);
	return ret;
}

/* Take what waits into the queue, so that it can be read one by one. */
static int dgram_fill(struct skt_dgram *g)
{
	const struct skt_msg *msg = NULL;
	int n = g->ops->receive(g, &msg);

	for (int i = 0; i < n; i++)
		g->count.dropped += skt_dgqueue_add(&g->in, &msg[i]);
	return n;
}

ssize_t skt_dgram_read(struct skt_stream *s, void *buf, size_t n)
{
	struct skt_dgram *g = SKT_OUTER(s, struct skt_dgram, stream);
	struct skt_msg msg;
	int ret;

	if (skt_dgqueue_is_empty(&g->in) && (ret = dgram_fill(g)) <= 0)
		return ret;
	if (skt_dgqueue_peek(&g->in, &msg, 1) == 0)
		return -SKT_AGAIN;
	if (msg.n > n) {
		s->sys = EMSGSIZE;
		return -SKT_E_LIMIT;
	}
	if (msg.n > 0)
		memcpy(buf, msg.data, msg.n);
	n = msg.n;
	skt_dgqueue_drop(&g->in, 1);
	return n > 0 ? (ssize_t)n : -SKT_EMPTY;
}

ssize_t skt_dgram_write(struct skt_stream *s, const void *buf, size_t n)
{
	struct skt_dgram *g = SKT_OUTER(s, struct skt_dgram, stream);
	struct skt_msg msg = { .data = buf, .n = (uint32_t)n };
	int ret;

	if (!g->ops->is_clear(g))
		return -SKT_AGAIN;
	ret = n > UINT32_MAX ? skt_dgram_trouble(g, EMSGSIZE, n, 0) : g->ops->send(g, &msg, 1);
	return ret < 0 ? ret : (ssize_t)n;
}

int skt_dgram_shut(struct skt_stream *s)
{
	struct skt_dgram *g = SKT_OUTER(s, struct skt_dgram, stream);

	return g->ops->is_clear(g) ? 0 : -SKT_AGAIN;
}

static int dgram_too_long(struct skt_dgram *g, size_t size, int limit)
{
	struct skt_error err;

	if (limit > 0)
		(void)skt_fail(&err, SKT_E_LIMIT, EMSGSIZE,
			       _("a message of %zu bytes is too long: at most %d bytes pass there"), size, limit);
	else
		(void)skt_fail(&err, SKT_E_LIMIT, EMSGSIZE, _("a message of %zu bytes is too long for that endpoint"),
			       size);
	skt_hint(&err, "%s", _("send smaller messages (frame=chunk=1400), or let them be cut on the way (df=no)"));
	return skt_stream_fail(&g->stream, &err);
}

/* Those that one message causes, and that may be over with the next. */
bool skt_dgram_is_passing(int sys)
{
	static const int passing[] = { ECONNREFUSED, ENETUNREACH, EHOSTUNREACH,  ENETDOWN,   EHOSTDOWN, EPERM, EACCES,
				       ENOENT,       ENODEV,      EADDRNOTAVAIL, ECONNRESET, ENOTCONN,  EPIPE };

	for (size_t i = 0; i < SKT_LENGTH(passing); i++)
		if (passing[i] == sys)
			return true;
	return false;
}

int skt_dgram_trouble(struct skt_dgram *g, int sys, size_t size, int limit)
{
	if (sys == EAGAIN || sys == ENOBUFS || sys == ENOMEM)
		return -SKT_AGAIN;
	if (sys == EMSGSIZE) {
		g->count.too_long++;
		return g->drops_long ? 0 : dgram_too_long(g, size, limit);
	}
	if (skt_dgram_is_passing(sys))
		g->count.refused++;
	if (g->is_tolerant && skt_dgram_is_passing(sys))
		return 0;
	if (!g->stream.sys)
		g->stream.sys = sys;
	return sys == ECONNREFUSED ? -SKT_E_REFUSED : -SKT_E_IO;
}

int skt_dgram_leave_cut(struct skt_dgram *g, struct skt_received *r)
{
	struct skt_error err;
	int n = 0;

	for (int i = 0; i < r->n; i++) {
		if (!r->cut[i])
			r->msg[n++] = r->msg[i];
		else if (g->count.too_long++ == 0 && !g->drops_long)
			n = -1;
		if (n < 0)
			break;
	}
	r->n = n < 0 ? 0 : n;
	if (n >= 0)
		return n;
	(void)skt_fail(&err, SKT_E_LIMIT, EMSGSIZE, _("a message that came is too long: at most %d bytes can be taken"),
		       SKT_MESSAGE_MAX);
	return skt_stream_fail(&g->stream, &err);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What all streams share. */
#include "io/stream.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"

int skt_stream_open(struct skt_stream *s)
{
	if (s->ops->open)
		return s->ops->open(s);
	return s->below ? skt_stream_open(s->below) : 0;
}

ssize_t skt_stream_read(struct skt_stream *s, void *buf, size_t n)
{
	return s->ops->read ? s->ops->read(s, buf, n) : skt_stream_read(s->below, buf, n);
}

ssize_t skt_stream_write(struct skt_stream *s, const void *buf, size_t n)
{
	return s->ops->write ? s->ops->write(s, buf, n) : skt_stream_write(s->below, buf, n);
}

int skt_stream_shut(struct skt_stream *s)
{
	return s->ops->shut ? s->ops->shut(s) : skt_stream_shut(s->below);
}

struct skt_fd *skt_stream_raw(struct skt_stream *s)
{
	return s->ops->raw ? s->ops->raw(s) : NULL;
}

int skt_stream_finish(struct skt_stream *s, bool cut, int *status)
{
	if (s->ops->finish)
		return s->ops->finish(s, cut, status);
	return s->below ? skt_stream_finish(s->below, cut, status) : 0;
}

void skt_stream_free(struct skt_stream *s)
{
	if (!s)
		return;
	skt_free(s->err);
	s->err = NULL;
	s->ops->free(s);
}

void skt_stream_on_wake(struct skt_stream *s, void (*wake)(void *user), void *user)
{
	s->wake = wake;
	s->user = user;
}

void skt_stream_wake(struct skt_stream *s)
{
	if (s->wake)
		s->wake(s->user);
}

int skt_stream_fail(struct skt_stream *s, const struct skt_error *err)
{
	if (!s->err && !s->sys) {
		s->sys = err->sys;
		s->err = SKT_NEW(struct skt_error);
		if (s->err)
			*s->err = *err;
	}
	return -(int)err->kind;
}

/* The reasons that deserve better words than strerror's. */
static const char *stream_reason(int sys)
{
	switch (sys) {
	case ECONNRESET:
		return _("the connection was reset by the peer");
	case EPIPE:
		return _("the reader has gone");
	case ENOSPC:
		return _("the disk is full");
	case ETIMEDOUT:
		return _("the peer does not answer any more");
	case ENOMEM:
		return _("out of memory");
	default:
		return sys ? strerror(sys) : _("it failed");
	}
}

void skt_stream_why(const struct skt_stream *s, struct skt_error *ret)
{
	while (!s->err && !s->sys && s->below)
		s = s->below;
	if (s->err) {
		*ret = *s->err;
		return;
	}
	(void)skt_fail(ret, s->sys == ENOMEM ? SKT_E_LIMIT : SKT_E_IO, s->sys, "%s", stream_reason(s->sys));
	if (s->sys == ENOSPC)
		skt_hint(ret, "%s", _("make room (df -h shows where), then run it again"));
}

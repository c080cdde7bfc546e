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

struct skt_fd *skt_stream_bottom(struct skt_stream *s)
{
	while (s->below)
		s = s->below;
	return skt_stream_raw(s);
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

/* The reasons that deserve better words than strerror's, and what to do about them. */
static const struct stream_reason {
	int sys;
	enum skt_err kind;
	const char *text, *hint;
} stream_reasons[] = {
	{ ECONNRESET, SKT_E_IO, N_("the connection was reset by the peer"),
	  N_("the program at that end stopped, or something between cut it: look at its log") },
	{ ECONNREFUSED, SKT_E_REFUSED, N_("refused: nobody there has that port"),
	  N_("start the server, or check the address and the port") },
	{ EPIPE, SKT_E_IO, N_("the reader has gone"),
	  N_("it ended before it had read everything: look at its own messages") },
	{ ENOSPC, SKT_E_IO, N_("the disk is full"), N_("make room (df -h shows where), then run it again") },
	{ EDQUOT, SKT_E_IO, N_("the disk quota is used up"), N_("make room (quota shows how much), then run it again") },
	{ EFBIG, SKT_E_IO, N_("the file would grow beyond its limit"), N_("raise the limit of file sizes (ulimit -f)") },
	{ ETIMEDOUT, SKT_E_IO, N_("the peer does not answer any more"), N_("check the network and the other machine") },
	{ EMSGSIZE, SKT_E_LIMIT, N_("a message is too long"),
	  N_("messages may have up to 256 KiB here, and what the peer's buffers take") },
	{ ENOMEM, SKT_E_LIMIT, N_("out of memory"), N_("close other programs, or raise the memory limit of this one") },
};

void skt_stream_why(const struct skt_stream *s, struct skt_error *ret)
{
	while (!s->err && !s->sys && s->below)
		s = s->below;
	if (s->err) {
		*ret = *s->err;
		return;
	}
	for (size_t i = 0; i < SKT_LENGTH(stream_reasons); i++) {
		const struct stream_reason *r = &stream_reasons[i];

		if (r->sys != s->sys)
			continue;
		(void)skt_fail(ret, r->kind, s->sys, "%s", _(r->text));
		skt_hint(ret, "%s", _(r->hint));
		return;
	}
	(void)skt_fail(ret, SKT_E_IO, s->sys, "%s", s->sys ? strerror(s->sys) : _("it failed"));
}

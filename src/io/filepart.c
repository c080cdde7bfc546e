/* SPDX-License-Identifier: Apache-2.0 */
/* A part of an open plain file. */
#include "io/filepart.h"

#include <errno.h>

#include "base/alloc.h"
#include "base/message.h"
#include "sys/call.h"

struct skt_filepart *skt_filepart_of(const struct skt_fd *f)
{
	return SKT_OUTER(f, struct skt_filepart, fd);
}

ssize_t skt_filepart_short(struct skt_filepart *p)
{
	struct skt_error err;

	(void)skt_fail(&err, SKT_E_IO, 0, "%s", _("the file became shorter while it was sent"));
	return skt_stream_fail(&p->fd.stream, &err);
}

static ssize_t filepart_read(struct skt_stream *s, void *buf, size_t n)
{
	struct skt_filepart *p = skt_filepart_of(skt_fd_of(s));
	ssize_t got;

	if (p->left == 0)
		return 0;
	if ((int64_t)n > p->left)
		n = (size_t)p->left;
	do
		got = skt_sys.pread(p->fd.in.fd, buf, n, p->at);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return skt_fd_failed(&p->fd);
	if (got == 0)
		return skt_filepart_short(p);
	p->at += got;
	p->left -= got;
	return got;
}

static ssize_t filepart_write(struct skt_stream *s, const void *buf, size_t n)
{
	(void)s;
	(void)buf;
	return (ssize_t)n;
}

static int filepart_shut(struct skt_stream *s)
{
	(void)s;
	return 0;
}

static void filepart_free(struct skt_stream *s)
{
	struct skt_filepart *p = skt_filepart_of(skt_fd_of(s));

	p->let_go(p->user);
	skt_free(p);
}

static const struct skt_stream_ops filepart_ops = {
	.name = "file",
	.read = filepart_read,
	.write = filepart_write,
	.shut = filepart_shut,
	.raw = skt_fd_raw,
	.free = filepart_free,
};

int skt_filepart_new(struct skt_loop *loop, int fd, int64_t offset, int64_t length, void (*let_go)(void *user),
		     void *user, struct skt_stream **ret, struct skt_error *err)
{
	struct skt_filepart *p = SKT_NEW(struct skt_filepart);

	if (!p) {
		let_go(user);
		return skt_fail_memory(err);
	}
	p->fd.stream.ops = &filepart_ops;
	p->fd.loop = loop;
	p->fd.in.fd = fd;
	p->fd.out.fd = -1;
	p->fd.in_kind = SKT_FD_PART;
	p->fd.out_kind = SKT_FD_NONE;
	p->fd.ready = SKT_IN | SKT_OUT;
	p->at = offset;
	p->left = length;
	p->let_go = let_go;
	p->user = user;
	*ret = &p->fd.stream;
	return 0;
}

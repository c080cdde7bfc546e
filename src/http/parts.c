/* SPDX-License-Identifier: Apache-2.0 */
/* Several parts of a file as one body.
 *
 * How it works: the body is a row of pieces, heads and parts in turn, and the closing boundary; each is read to its end before the next. */
#include "http/parts.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "io/filepart.h"
#include "sys/call.h"

struct parts {
	struct skt_stream stream;
	struct skt_loop *loop;
	struct skt_file *file;
	const char *type;
	struct skt_stream *part; /* the one that is being read, or NULL: its head is */
	struct skt_text head;
	size_t head_sent;
	int at; /* which part; ranges.n: the closing boundary */
	char boundary[SKT_BOUNDARY_SIZE];
	struct skt_ranges ranges;
};

static struct parts *parts_of(struct skt_stream *s)
{
	return SKT_OUTER(s, struct parts, stream);
}

static void parts_head(const struct parts *p, int at, struct skt_text *ret)
{
	const struct skt_range *r = &p->ranges.part[at];

	if (at == p->ranges.n)
		skt_text_addf(ret, "\r\n--%s--\r\n", p->boundary);
	else
		skt_text_addf(ret, "%s--%s\r\nContent-Type: %s\r\nContent-Range: bytes %lld-%lld/%lld\r\n\r\n",
			      at ? "\r\n" : "", p->boundary, p->type, (long long)r->first, (long long)r->last,
			      (long long)p->file->st.st_size);
}

static void parts_let_go(void *user)
{
	skt_file_let_go(user);
}

static int parts_open(struct parts *p)
{
	const struct skt_range *r = &p->ranges.part[p->at];
	struct skt_error err;

	p->file->n_users++;
	if (skt_filepart_new(p->loop, p->file->fd, r->first, r->last - r->first + 1, parts_let_go, p->file, &p->part,
			     &err) < 0)
		return skt_stream_fail(&p->stream, &err);
	return 0;
}

static ssize_t parts_read_head(struct parts *p, char *buf, size_t n)
{
	size_t left;

	if (p->head.len == 0)
		parts_head(p, p->at, &p->head);
	if (p->head.failed) {
		struct skt_error err;

		(void)skt_fail_memory(&err);
		return skt_stream_fail(&p->stream, &err);
	}
	left = p->head.len - p->head_sent;
	n = n < left ? n : left;
	memcpy(buf, p->head.s + p->head_sent, n);
	p->head_sent += n;
	if (p->head_sent < p->head.len)
		return (ssize_t)n;
	skt_text_clear(&p->head);
	p->head_sent = 0;
	if (p->at == p->ranges.n)
		p->at++;
	else if (parts_open(p) < 0)
		return -SKT_E_LIMIT;
	return (ssize_t)n;
}

static ssize_t parts_read(struct skt_stream *s, void *buf, size_t n)
{
	struct parts *p = parts_of(s);
	ssize_t got;

	if (p->at > p->ranges.n)
		return 0;
	if (!p->part)
		return parts_read_head(p, buf, n);
	got = skt_stream_read(p->part, buf, n);
	if (got < 0) {
		struct skt_error err;

		skt_stream_why(p->part, &err);
		return skt_stream_fail(s, &err);
	}
	if (got > 0)
		return got;
	skt_stream_free(p->part);
	p->part = NULL;
	p->at++;
	return parts_read_head(p, buf, n);
}

static void parts_free(struct skt_stream *s)
{
	struct parts *p = parts_of(s);

	skt_stream_free(p->part);
	skt_text_release(&p->head);
	skt_file_let_go(p->file);
	skt_free(p);
}

static const struct skt_stream_ops parts_ops = { .name = "parts", .read = parts_read, .free = parts_free };

/* Random, so that no content can be taken for it on purpose. */
static void parts_boundary(char ret[SKT_BOUNDARY_SIZE])
{
	unsigned char random[(SKT_BOUNDARY_SIZE - 1) / 2] = { 0 };

	(void)skt_sys.getrandom(random, sizeof(random), 0);
	for (size_t i = 0; i < sizeof(random); i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", random[i]);
}

int skt_parts_new(struct skt_loop *loop, struct skt_file *file, const char *type, const struct skt_ranges *ranges,
		  struct skt_stream **ret, int64_t *length, char boundary[SKT_BOUNDARY_SIZE], struct skt_error *err)
{
	struct parts *p = SKT_NEW(struct parts);

	if (!p)
		return skt_fail_memory(err);
	p->stream.ops = &parts_ops;
	p->loop = loop;
	p->ranges = *ranges;
	parts_boundary(p->boundary);
	memcpy(boundary, p->boundary, SKT_BOUNDARY_SIZE);
	p->file = file;
	p->type = type;
	file->n_users++;
	*length = 0;
	for (int i = 0; i <= ranges->n; i++) {
		parts_head(p, i, &p->head);
		*length += (int64_t)p->head.len;
		skt_text_clear(&p->head);
		if (i < ranges->n)
			*length += ranges->part[i].last - ranges->part[i].first + 1;
	}
	*ret = &p->stream;
	return 0;
}

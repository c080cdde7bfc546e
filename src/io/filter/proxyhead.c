/* SPDX-License-Identifier: Apache-2.0 */
/* proxy=: layers that send or read a header of the PROXY protocol before anything else.
 *
 * How it works: both are one struct, which differs in how it opens. A sender keeps the header until below has taken it. A reader reads
 * what is there, up to 4 KiB, into what it keeps, until a whole header stands at its beginning; what is left is given by the
 * first reads, and the memory given back.
 *
 *   status   -SKT_AGAIN while it opens, 0 when up, or -kind
 *   kept     while it opens: the header, as far as it has not gone or as far as it has come; afterwards NULL, or a reader's rest */
#include "io/filter/proxyhead.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "io/fd.h"
#include "io/filter/kept.h"
#include "io/filter/layer.h"
#include "wire/printable.h"
#include "wire/proxyproto.h"

struct proxyhead {
	struct skt_stream stream;
	struct skt_kept *kept;
	int status;
	bool is_below_up;
	bool is_own; /* a sender that speaks for nobody else: its own addresses, which are known once below is up */
	struct skt_proxyhead head; /* a reader's, once it is up */
};

static_assert(sizeof(((struct skt_proxyend *)0)->un) <= sizeof(((struct skt_addr *)0)->room),
	      "an address has room for any end");

static struct proxyhead *proxyhead_of(struct skt_stream *s)
{
	return SKT_OUTER(s, struct proxyhead, stream);
}

/* Ends and addresses */

/* Families that no header has become not known. */
static struct skt_proxyend end_of(const struct skt_addr *a)
{
	struct skt_proxyend ret;

	memset(&ret, 0, sizeof(ret));
	ret.len = a->len;
	if (a->len == 0)
		return ret;
	if (a->sa.sa_family == AF_INET)
		ret.in = a->in;
	else if (a->sa.sa_family == AF_INET6)
		ret.in6 = a->in6;
	else if (a->sa.sa_family == AF_UNIX)
		ret.un = a->un;
	else
		ret.len = 0;
	return ret;
}

static struct skt_addr end_addr(const struct skt_proxyend *end)
{
	struct skt_addr ret;

	memset(&ret, 0, sizeof(ret));
	ret.len = end->len;
	memcpy(ret.room, &end->un, sizeof(end->un));
	return ret;
}

/* Reading */

static int proxyhead_fail(struct proxyhead *p, const char *why)
{
	const char *bytes = skt_kept_bytes(p->kept);
	char said[SKT_PRINTABLE_LENGTH];
	struct skt_error err;

	skt_printable(bytes, p->kept->n, said);
	if (skt_proxyproto_begins(bytes, p->kept->n))
		(void)skt_fail(&err, SKT_E_PEER, 0, _("the PROXY header is malformed: %s: \"%s\""), _(why), said);
	else
		(void)skt_fail(&err, SKT_E_PEER, 0, _("no PROXY header: it said \"%s\""), said);
	skt_hint(&err, "%s",
		 _("the proxy before this must send one (haproxy: send-proxy-v2), and clients must come through it"));
	return skt_stream_fail(&p->stream, &err);
}

static int proxyhead_fail_end(struct proxyhead *p)
{
	struct skt_error err;

	skt_layer_follow(&p->stream);
	(void)skt_fail(&err, SKT_E_PEER, 0, "%s",
		       p->kept->n ? _("the connection ended within its PROXY header")
				  : _("no PROXY header: the connection ended without a byte"));
	skt_hint(&err, "%s",
		 _("a check whether this port is open does that; else look at the log of the proxy before this"));
	return skt_stream_fail(&p->stream, &err);
}

static void proxyhead_keep(struct proxyhead *p, const struct skt_proxyproto *found)
{
	p->head = (struct skt_proxyhead){
		.version = found->version,
		.peer = end_addr(&found->source),
		.local = end_addr(&found->dest),
	};
	skt_kept_skip(&p->kept, found->n);
}

static int proxyhead_receive(struct proxyhead *p)
{
	for (;;) {
		struct skt_proxyproto found;
		const char *why;
		size_t need;
		int ret = skt_proxyproto_parse(skt_kept_bytes(p->kept), p->kept->n, &found, &need, &why);
		ssize_t got;

		if (ret < 0)
			return proxyhead_fail(p, why);
		if (ret == 0) {
			proxyhead_keep(p, &found);
			return 0;
		}
		got = skt_kept_fill(p->kept, p->stream.below, p->kept->cap);
		if (got == 0)
			return proxyhead_fail_end(p);
		if (got < 0 && got != -SKT_EMPTY)
			return (int)got;
	}
}

/* Opening */

static int proxyhead_begin(struct proxyhead *p, int (*go_on)(struct proxyhead *p))
{
	int ret = p->is_below_up ? 0 : skt_layer_open(&p->stream);

	if (ret < 0)
		return ret;
	p->is_below_up = true;
	return go_on(p);
}

static int proxyhead_open(struct skt_stream *s, int (*go_on)(struct proxyhead *p))
{
	struct proxyhead *p = proxyhead_of(s);

	if (p->status != -SKT_AGAIN)
		return p->status;
	p->status = proxyhead_begin(p, go_on);
	if (p->status < 0 && p->status != -SKT_AGAIN)
		skt_kept_drop(&p->kept);
	return p->status;
}

/* The header with the addresses of the connection below. Where it has none, the one that says so stays. */
static int proxyhead_compose_own(struct proxyhead *p)
{
	const struct skt_fd *bottom = skt_stream_bottom(p->stream.below);
	unsigned char bytes[SKT_PROXYPROTO_ROOM];
	struct skt_proxyend peer, local;
	struct skt_addr addr;

	p->is_own = false;
	if (!bottom || skt_addr_of_local(bottom->in.fd, &addr) < 0)
		return 0;
	peer = end_of(&addr);
	if (skt_addr_of_peer(bottom->in.fd, &addr) < 0)
		return 0;
	local = end_of(&addr);
	skt_kept_drop(&p->kept);
	p->kept = skt_kept_new_of(bytes, skt_proxyproto_compose(p->head.version, &peer, &local, bytes));
	return p->kept ? 0 : skt_layer_fail_memory(&p->stream);
}

static int proxyhead_send(struct proxyhead *p)
{
	int ret = p->is_own ? proxyhead_compose_own(p) : 0;

	if (ret < 0)
		return ret;
	ret = skt_kept_flush(p->kept, p->stream.below);

	if (ret == 0)
		skt_kept_drop(&p->kept);
	return ret;
}

static int sender_open(struct skt_stream *s)
{
	return proxyhead_open(s, proxyhead_send);
}

static int reader_open(struct skt_stream *s)
{
	return proxyhead_open(s, proxyhead_receive);
}

/* Once it is up */

static ssize_t proxyhead_read(struct skt_stream *s, void *buf, size_t n)
{
	struct proxyhead *p = proxyhead_of(s);
	ssize_t got;

	if (p->status < 0)
		return p->status;
	if (p->kept)
		return (ssize_t)skt_kept_take(&p->kept, buf, n);
	got = skt_stream_read(s->below, buf, n);
	if (got == 0)
		skt_layer_follow(s);
	return got;
}

static ssize_t proxyhead_write(struct skt_stream *s, const void *buf, size_t n)
{
	int status = proxyhead_of(s)->status;

	return status < 0 ? status : skt_stream_write(s->below, buf, n);
}

static struct skt_fd *proxyhead_raw(struct skt_stream *s)
{
	const struct proxyhead *p = proxyhead_of(s);

	return p->status == 0 && !p->kept ? skt_stream_raw(s->below) : NULL;
}

static void proxyhead_free(struct skt_stream *s)
{
	struct proxyhead *p = proxyhead_of(s);

	skt_kept_drop(&p->kept);
	skt_stream_free(s->below);
	skt_free(p);
}

static const struct skt_stream_ops sender_ops = {
	.name = "proxyhead-sender",
	.open = sender_open,
	.read = proxyhead_read,
	.write = proxyhead_write,
	.shut = skt_layer_shut,
	.raw = proxyhead_raw,
	.finish = skt_layer_finish,
	.free = proxyhead_free,
};

static const struct skt_stream_ops reader_ops = {
	.name = "proxyhead-reader",
	.open = reader_open,
	.read = proxyhead_read,
	.write = proxyhead_write,
	.shut = skt_layer_shut,
	.raw = proxyhead_raw,
	.finish = skt_layer_finish,
	.free = proxyhead_free,
};

/* Takes over below and kept, which is NULL where there was no memory for it. */
static int proxyhead_new(struct skt_stream *below, const struct skt_stream_ops *ops, struct skt_kept *kept,
			 struct skt_stream **ret, struct skt_error *err)
{
	struct proxyhead *p = kept ? SKT_NEW(struct proxyhead) : NULL;

	if (!p) {
		skt_kept_drop(&kept);
		skt_stream_free(below);
		return skt_fail_memory(err);
	}
	p->kept = kept;
	p->status = -SKT_AGAIN;
	skt_layer_init(&p->stream, ops, below, NULL);
	*ret = &p->stream;
	return 0;
}

int skt_proxyhead_new_sender(struct skt_stream *below, const struct skt_proxyhead *head, struct skt_stream **ret,
			     struct skt_error *err)
{
	struct skt_proxyend peer = end_of(&head->peer), local = end_of(&head->local);
	unsigned char bytes[SKT_PROXYPROTO_ROOM];
	int failed;

	assert(head->version == 1 || head->version == 2);
	failed = proxyhead_new(below, &sender_ops,
			       skt_kept_new_of(bytes, skt_proxyproto_compose(head->version, &peer, &local, bytes)), ret,
			       err);
	if (failed < 0)
		return failed;
	proxyhead_of(*ret)->head.version = head->version;
	proxyhead_of(*ret)->is_own = head->peer.len == 0;
	return 0;
}

int skt_proxyhead_new_reader(struct skt_stream *below, struct skt_stream **ret, struct skt_error *err)
{
	return proxyhead_new(below, &reader_ops, skt_kept_new(SKT_PROXYPROTO_MAX), ret, err);
}

bool skt_proxyhead_seen(const struct skt_stream *s, struct skt_proxyhead *ret)
{
	for (; s; s = s->below) {
		const struct proxyhead *p = s->ops == &reader_ops ? SKT_OUTER(s, struct proxyhead, stream) : NULL;

		if (p && p->status == 0) {
			*ret = p->head;
			return true;
		}
	}
	return false;
}

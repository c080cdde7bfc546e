/* SPDX-License-Identifier: Apache-2.0 */
/* The sockets of this machine.
 *
 * How it works: each kind of socket is one dump (TCP of both families in one). A dump that the kernel's own changes interrupted
 * is taken back and made again; where netlink is closed, the text files of /proc/net take its place, kind by kind. */
#include "inspect/socktable.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "inspect/source.h"
#include "sys/call.h"
#include "sys/netlink.h"
#include "sys/netns.h"

enum { SOCKTABLE_TRIES = 8 };

static int socktable_proc_tcp(const struct skt_look *look, struct skt_socktable *t)
{
	int ret = skt_source_proc_ip("net/tcp", SKT_PROTO_TCP, look, t);
	int also = skt_source_proc_ip("net/tcp6", SKT_PROTO_TCP, look, t);

	return ret < 0 ? ret : also == -ENOENT ? 0 : also;
}

static int socktable_proc_udp(const struct skt_look *look, struct skt_socktable *t)
{
	int ret = skt_source_proc_ip("net/udp", SKT_PROTO_UDP, look, t);
	int also = skt_source_proc_ip("net/udp6", SKT_PROTO_UDP, look, t);

	return ret < 0 ? ret : also == -ENOENT ? 0 : also;
}

static const struct kind {
	unsigned protos;
	int (*dump)(int netlink, const struct skt_look *look, struct skt_socktable *t);
	int (*proc)(const struct skt_look *look, struct skt_socktable *t); /* NULL: /proc does not tell */
} kinds[] = {
	{ 1U << SKT_PROTO_TCP, skt_source_tcp, socktable_proc_tcp },
	{ 1U << SKT_PROTO_UDP, skt_source_udp, socktable_proc_udp },
	{ SKT_PROTOS_UNIX, skt_source_unix, skt_source_proc_unix },
	{ 1U << SKT_PROTO_VSOCK, skt_source_vsock, NULL },
};

/* How far a table is filled, to go back to. */
struct mark {
	size_t n, n_info, names;
};

static struct mark socktable_mark(const struct skt_socktable *t)
{
	return (struct mark){ t->n, t->n_info, t->names.len };
}

static void socktable_go_back(struct skt_socktable *t, struct mark mark)
{
	t->n = mark.n;
	t->n_info = mark.n_info;
	t->names.len = mark.names;
}

static int socktable_dump(const struct kind *kind, int netlink, const struct skt_look *look, struct skt_socktable *t)
{
	struct mark mark = socktable_mark(t);
	int ret;

	for (int tries = 1;; tries++) {
		ret = kind->dump(netlink, look, t);
		if (ret != -EINTR)
			break;
		if (tries == SOCKTABLE_TRIES) {
			t->torn++;
			ret = 0;
			break;
		}
		t->retries++;
		socktable_go_back(t, mark);
	}
	if (ret < 0)
		socktable_go_back(t, mark);
	return ret;
}

/* One kind from the first source that tells. */
static int socktable_kind(const struct kind *kind, int netlink, const struct skt_look *look, struct skt_socktable *t)
{
	struct mark mark = socktable_mark(t);
	int ret = netlink < 0 ? -ENOENT : socktable_dump(kind, netlink, look, t);

	if (ret == 0) {
		t->sources |= SKT_SOURCE_NETLINK;
		return 0;
	}
	if (ret == -ENOMEM)
		return ret;
	/* the files are those of our own namespace */
	ret = kind->proc && !look->has_netns ? kind->proc(look, t) : -ENOENT;
	if (ret == 0) {
		t->sources |= SKT_SOURCE_PROC;
		return 0;
	}
	socktable_go_back(t, mark);
	t->hidden |= kind->protos;
	return ret == -ENOMEM ? ret : 0;
}

/* Kinds that neither source tells about are no failure as long as one is told: vsock is missing on most machines. */
static int socktable_verdict(const struct skt_socktable *t, unsigned wanted, struct skt_error *err)
{
	if ((wanted & ~t->hidden) != 0 || wanted == 1U << SKT_PROTO_VSOCK)
		return 0;
	(void)skt_fail(err, SKT_E_DENIED, 0, "%s",
		       _("the kernel shows us no sockets: neither netlink nor /proc/net is open here"));
	skt_hint(err, "%s", _("in a container, both may be closed: look from outside, with --netns PID"));
	return -SKT_E_DENIED;
}

int skt_socktable_read(const struct skt_look *look, struct skt_socktable *ret, struct skt_error *err)
{
	unsigned wanted = look->protos ? look->protos : (unsigned)SKT_PROTOS_ALL;
	struct mark mark = socktable_mark(ret);
	int netlink = look->no_netlink ? -1 : skt_netlink_open(look->has_netns ? look->netns_fd : -1);
	int failed = 0;

	ret->hidden = 0;
	for (size_t i = 0; failed == 0 && i < SKT_LENGTH(kinds); i++)
		if (kinds[i].protos & wanted)
			failed = socktable_kind(&kinds[i], netlink, look, ret);
	skt_close(netlink);
	if (failed < 0) {
		socktable_go_back(ret, mark);
		return skt_fail_memory(err);
	}
	return socktable_verdict(ret, wanted, err);
}

struct skt_sock *skt_socktable_append(struct skt_socktable *t, const struct skt_look *look, enum skt_proto proto)
{
	struct skt_sock *s;

	if (t->n == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 256;

		s = skt_realloc(t->sock, cap * sizeof(*s));
		if (!s)
			return NULL;
		t->sock = s;
		t->cap = cap;
	}
	s = &t->sock[t->n++];
	*s = (struct skt_sock){ .proto = (uint8_t)proto, .netns = look->netns, .uid = UINT32_MAX, .info = -1 };
	return s;
}

struct skt_tcpinfo *skt_socktable_append_info(struct skt_socktable *t, struct skt_sock *s)
{
	if (t->n_info == t->cap_info) {
		size_t cap = t->cap_info ? 2 * t->cap_info : 64;
		struct skt_tcpinfo *info = skt_realloc(t->info, cap * sizeof(*info));

		if (!info)
			return NULL;
		t->info = info;
		t->cap_info = cap;
	}
	s->info = (int32_t)t->n_info;
	t->info[t->n_info] = (struct skt_tcpinfo){ 0 };
	return &t->info[t->n_info++];
}

int skt_socktable_append_name(struct skt_socktable *t, struct skt_sock *s, const char *name, size_t n)
{
	s->name = (uint32_t)t->names.len;
	s->name_len = (uint32_t)n;
	skt_text_addn(&t->names, name, n);
	return t->names.failed ? -ENOMEM : 0;
}

const char *skt_socktable_name(const struct skt_socktable *t, const struct skt_sock *s)
{
	return s->name_len ? t->names.s + s->name : "";
}

void skt_socktable_add_name(const struct skt_socktable *t, const struct skt_sock *s, struct skt_text *ret)
{
	const char *name = skt_socktable_name(t, s);

	for (size_t i = 0; i < s->name_len; i++)
		skt_text_addc(ret, name[i] ? name[i] : '@');
}

const struct skt_tcpinfo *skt_socktable_info(const struct skt_socktable *t, const struct skt_sock *s)
{
	return s->info >= 0 ? &t->info[s->info] : NULL;
}

void skt_socktable_clear(struct skt_socktable *t)
{
	socktable_go_back(t, (struct mark){ 0 });
	t->sources = t->retries = t->torn = t->hidden = 0;
}

void skt_socktable_release(struct skt_socktable *t)
{
	skt_free(t->sock);
	skt_free(t->info);
	skt_text_release(&t->names);
	*t = (struct skt_socktable){ 0 };
}

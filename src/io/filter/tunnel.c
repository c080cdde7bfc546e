/* SPDX-License-Identifier: Apache-2.0 */
/* via=: a layer that asks a proxy for a connection to a target.
 *
 * How it works: opening is a conversation. `out` is sent, then the reply is read, which either ends the conversation or leaves the next
 * message in `out`. Replies of SOCKS are read to their last byte and no further, because their lengths are known; of an answer of HTTP
 * the end is not, so what comes behind it stays in `in` and is given by the first reads.
 *
 *   status       -SKT_AGAIN while it opens, 0 when up, or -kind
 *   talk         what the conversation needs; NULL once it has ended, in either way
 *   in           while it opens: what has come of the reply; afterwards NULL, or the target's first bytes */
#include "io/filter/tunnel.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "io/filter/kept.h"
#include "io/filter/layer.h"
#include "wire/httpconnect.h"
#include "wire/httphead.h"
#include "wire/printable.h"
#include "wire/socks.h"

/* TUNNEL_REPLY: room for the longest reply of SOCKS. TUNNEL_INTERIM: answers like "103 Early Hints" that are passed over. */
enum { TUNNEL_REPLY = 512, TUNNEL_INTERIM = 16 };

struct tunnel_talk {
	enum skt_tunnelkind kind;
	char *user, *password, *proxy, *host;
	char *target; /* host:port, IPv6 in brackets */
	unsigned port;
	struct skt_kept *out;
	enum skt_socksreply awaited; /* SOCKS */
	size_t seen;                 /* HTTP: for skt_head_end() */
	int n_interim;               /* HTTP: answers passed over */
	bool is_below_up;
};

struct tunnel {
	struct skt_stream stream;
	struct tunnel_talk *talk;
	struct skt_kept *in;
	int status;
};

static struct tunnel *tunnel_of(struct skt_stream *s)
{
	return SKT_OUTER(s, struct tunnel, stream);
}

/* What differs between the protocols. */

static int tunnel_hear_socks(struct tunnel *t);
static int tunnel_hear_http(struct tunnel *t);
static int tunnel_greet_socks5(struct tunnel *t, struct skt_error *err);
static int tunnel_greet_socks4(struct tunnel *t, struct skt_error *err);
static int tunnel_greet_http(struct tunnel *t, struct skt_error *err);

static const struct tunnel_protocol {
	const char *name, *scheme;
	size_t room; /* for replies */
	const char *(*objection)(const char *user, const char *password, const char *host);
	int (*greet)(struct tunnel *t, struct skt_error *err); /* leave the first message in out: 0, or -SKT_E_LIMIT */
	int (*hear)(struct tunnel *t); /* 0: up; 1: there is more to say or to hear; -SKT_AGAIN; -kind */
} tunnel_protocols[] = {
	[SKT_TUNNEL_SOCKS5] = { "SOCKS5", "socks5", TUNNEL_REPLY, skt_socks5_objection, tunnel_greet_socks5,
				tunnel_hear_socks },
	[SKT_TUNNEL_SOCKS4A] = { "SOCKS4", "socks4a", TUNNEL_REPLY, skt_socks4a_objection, tunnel_greet_socks4,
				 tunnel_hear_socks },
	[SKT_TUNNEL_CONNECT] = { "HTTP", "http", SKT_HEAD_MAX, skt_httpconnect_objection, tunnel_greet_http,
				 tunnel_hear_http },
};

static const struct tunnel_protocol *tunnel_protocol(const struct tunnel *t)
{
	return &tunnel_protocols[t->talk->kind];
}

/* Failures */

static int tunnel_fail_foreign(struct tunnel *t)
{
	char said[SKT_PRINTABLE_LENGTH];
	struct skt_error err;

	if (t->in->n < SKT_PRINTABLE_BYTES)
		(void)skt_kept_fill(t->in, t->stream.below, SKT_PRINTABLE_BYTES + 1); /* words tell more than two bytes do */
	(void)skt_fail(&err, SKT_E_PEER, 0, _("%.80s does not speak %s: it said \"%s\""), t->talk->proxy,
		       tunnel_protocol(t)->name, skt_printable(skt_kept_bytes(t->in), t->in->n, said));
	skt_hint(&err, "%s", _("check the address and the scheme in via=: socks5, socks4a or http"));
	return skt_stream_fail(&t->stream, &err);
}

static int tunnel_fail_end(struct tunnel *t)
{
	struct skt_error err;

	skt_layer_follow(&t->stream);
	if (t->in->n == 0)
		(void)skt_fail(&err, SKT_E_PEER, 0, _("%.100s closed the connection before it had answered"),
			       t->talk->proxy);
	else
		(void)skt_fail(&err, SKT_E_PEER, 0, _("%.100s closed the connection in the middle of its answer"),
			       t->talk->proxy);
	skt_hint(&err, _("look at the proxy's log, and check that it speaks %s"), tunnel_protocol(t)->name);
	return skt_stream_fail(&t->stream, &err);
}

/* How to write a login, or that this one is wrong. SOCKS4 has only users, whom nobody proves. */
static void tunnel_hint_login(const struct tunnel *t, struct skt_error *err)
{
	if (t->talk->kind == SKT_TUNNEL_SOCKS4A)
		skt_hint(err, "%s", _("write the user in via=: socks4a://USER@HOST:PORT"));
	else if (t->talk->user || t->talk->password)
		skt_hint(err, "%s", _("check the user and the password in via="));
	else
		skt_hint(err, _("write user and password in via=: %s://USER:PASSWORD@HOST:PORT"),
			 tunnel_protocol(t)->scheme);
}

/* Read at most `most` bytes more of the reply. Returns 0, -SKT_AGAIN, -kind. */
static int tunnel_fill(struct tunnel *t, size_t most)
{
	ssize_t got = skt_kept_fill(t->in, t->stream.below, most);

	if (got == 0)
		return tunnel_fail_end(t);
	return got > 0 || got == -SKT_EMPTY ? 0 : (int)got;
}

/* Leave n bytes as the next message. Returns 0, or -SKT_E_LIMIT. */
static int tunnel_say(struct tunnel *t, const void *bytes, size_t n, struct skt_error *err)
{
	skt_kept_drop(&t->talk->out);
	t->talk->out = skt_kept_new_of(bytes, n);
	return t->talk->out ? 0 : skt_fail_memory(err);
}

/* SOCKS */

static int tunnel_say_socks(struct tunnel *t, unsigned char *bytes, size_t n, enum skt_socksreply awaited,
			    struct skt_error *err)
{
	int ret = tunnel_say(t, bytes, n, err);

	explicit_bzero(bytes, n);
	t->talk->awaited = awaited;
	return ret;
}

static int tunnel_greet_socks5(struct tunnel *t, struct skt_error *err)
{
	unsigned char bytes[SKT_SOCKS_ROOM];
	size_t n = skt_socks5_hello(t->talk->user || t->talk->password, bytes);

	return tunnel_say_socks(t, bytes, n, SKT_SOCKS5_METHOD, err);
}

static int tunnel_greet_socks4(struct tunnel *t, struct skt_error *err)
{
	unsigned char bytes[SKT_SOCKS_ROOM];
	size_t n = skt_socks4a_connect(t->talk->user, t->talk->host, t->talk->port, bytes);

	return tunnel_say_socks(t, bytes, n, SKT_SOCKS4_CONNECT, err);
}

static int tunnel_fail_socks(struct tunnel *t, int code)
{
	const struct skt_sockswhy *why = skt_socks_why(t->talk->awaited, code);
	struct skt_error err;

	if (t->talk->awaited == SKT_SOCKS5_METHOD && !t->talk->user && !t->talk->password)
		(void)skt_fail(&err, why->kind, 0, _("%.100s wants a user and a password"), t->talk->proxy);
	else if (t->talk->awaited == SKT_SOCKS5_METHOD || t->talk->awaited == SKT_SOCKS5_LOGIN)
		(void)skt_fail(&err, why->kind, 0, _("%.100s refused the login: %s"), t->talk->proxy, _(why->text));
	else
		(void)skt_fail(&err, why->kind, 0, _("%.60s did not connect to %.80s: %s (reply %d)"), t->talk->proxy,
			       t->talk->target, _(why->text), code);
	if (t->talk->awaited != SKT_SOCKS5_CONNECT && why->kind == SKT_E_DENIED)
		tunnel_hint_login(t, &err);
	else if (why->kind == SKT_E_DENIED)
		skt_hint(&err, "%s", _("ask whoever runs the proxy, or take another one"));
	else if (why->kind != SKT_E_PEER)
		skt_hint(&err, "%s", _("check the target; the proxy reaches other networks than this machine"));
	return skt_stream_fail(&t->stream, &err);
}

/* What to say after a reply that granted something; 0 where it was the last. */
static int tunnel_go_on_socks(struct tunnel *t, int code)
{
	unsigned char bytes[SKT_SOCKS_ROOM];
	struct tunnel_talk *talk = t->talk;
	struct skt_error err;
	int failed;

	if (talk->awaited == SKT_SOCKS5_CONNECT || talk->awaited == SKT_SOCKS4_CONNECT)
		return 0;
	if (talk->awaited == SKT_SOCKS5_METHOD && code == SKT_SOCKS5_PASSWORD)
		failed = tunnel_say_socks(t, bytes, skt_socks5_login(talk->user, talk->password, bytes),
					  SKT_SOCKS5_LOGIN, &err);
	else
		failed = tunnel_say_socks(t, bytes, skt_socks5_connect(talk->host, talk->port, bytes),
					  SKT_SOCKS5_CONNECT, &err);
	return failed ? skt_stream_fail(&t->stream, &err) : 1;
}

static int tunnel_hear_socks(struct tunnel *t)
{
	for (;;) {
		struct skt_socksanswer a = skt_socks_parse(t->talk->awaited, skt_kept_bytes(t->in), t->in->n);
		int ret;

		if (a.verdict == SKT_SOCKS_REFUSED)
			return tunnel_fail_socks(t, a.code);
		if (a.verdict == SKT_SOCKS_OK) {
			if (a.code == SKT_SOCKS5_PASSWORD && !t->talk->user && !t->talk->password)
				return tunnel_fail_foreign(t); /* it chose what was not offered */
			t->in->n = 0;
			return tunnel_go_on_socks(t, a.code);
		}
		if (a.verdict == SKT_SOCKS_FOREIGN)
			return tunnel_fail_foreign(t);
		ret = tunnel_fill(t, a.n);
		if (ret < 0)
			return ret;
	}
}

/* HTTP */

static int tunnel_greet_http(struct tunnel *t, struct skt_error *err)
{
	struct skt_text request = { 0 };
	int ret;

	skt_httpconnect_add(&request, t->talk->target, t->talk->user, t->talk->password);
	ret = request.failed ? skt_fail_memory(err) : tunnel_say(t, request.s, request.len, err);
	if (request.s)
		explicit_bzero(request.s, request.len);
	skt_text_release(&request);
	return ret;
}

/* What a status other than 2xx is; all that are not here are refusals. */
static const struct {
	int status;
	enum skt_err kind;
} tunnel_statuses[] = {
	{ 401, SKT_E_DENIED },  { 403, SKT_E_DENIED }, { 407, SKT_E_DENIED }, { 408, SKT_E_TIMEOUT },
	{ 504, SKT_E_TIMEOUT }, { 400, SKT_E_PEER },   { 405, SKT_E_PEER },   { 501, SKT_E_PEER },
};

static enum skt_err tunnel_status_kind(int status)
{
	for (size_t i = 0; i < SKT_LENGTH(tunnel_statuses); i++)
		if (tunnel_statuses[i].status == status)
			return tunnel_statuses[i].kind;
	return SKT_E_REFUSED;
}

static int tunnel_fail_status(struct tunnel *t, const struct skt_head *head)
{
	enum skt_err kind = tunnel_status_kind(head->status);
	char reason[SKT_PRINTABLE_LENGTH];
	struct skt_error err;

	skt_printable(head->reason.s, head->reason.n, reason);
	if (head->status == 407 || head->status == 401)
		(void)skt_fail(&err, kind, 0,
			       t->talk->user || t->talk->password
				       ? _("%.100s does not accept this user and password: %d %s")
				       : _("%.100s wants a user and a password: %d %s"),
			       t->talk->proxy, head->status, reason);
	else
		(void)skt_fail(&err, kind, 0, _("%.60s did not connect to %.80s: %d %s"), t->talk->proxy,
			       t->talk->target, head->status, reason);
	if (head->status == 407 || head->status == 401)
		tunnel_hint_login(t, &err);
	else if (kind == SKT_E_DENIED)
		skt_hint(&err, "%s", _("ask whoever runs the proxy, or take another one"));
	else if (kind == SKT_E_PEER)
		skt_hint(&err, "%s", _("check that the address in via= is a proxy's that allows CONNECT"));
	else
		skt_hint(&err, "%s", _("check the target; the proxy reaches other networks than this machine"));
	return skt_stream_fail(&t->stream, &err);
}

static int tunnel_fail_head(struct tunnel *t, const char *why)
{
	struct skt_error err;

	(void)skt_fail(&err, SKT_E_PEER, 0, _("%.80s gave an answer that is none of HTTP: %s"), t->talk->proxy, why);
	skt_hint(&err, "%s", _("check the address and the scheme in via=: socks5, socks4a or http"));
	return skt_stream_fail(&t->stream, &err);
}

/* The head is the first n bytes that have come. */
static int tunnel_judge_head(struct tunnel *t, size_t n)
{
	struct skt_head head;
	const char *why;

	if (skt_head_parse(SKT_HEAD_RESPONSE, skt_kept_bytes(t->in), n, &head, &why) < 0)
		return tunnel_fail_head(t, _(why));
	if (head.status < 200 && head.status != 101 && t->talk->n_interim < TUNNEL_INTERIM) {
		t->talk->n_interim++;
		t->talk->seen = 0;
		t->in->at += n;
		t->in->n -= n;
		return 1;
	}
	if (head.status / 100 != 2)
		return tunnel_fail_status(t, &head);
	t->in->at += n; /* no body follows, whatever its fields say: the rest is the target's */
	t->in->n -= n;
	return 0;
}

static int tunnel_hear_http(struct tunnel *t)
{
	for (;;) {
		const char *bytes = skt_kept_bytes(t->in);
		size_t end;
		int ret;

		if (!skt_head_begins(SKT_HEAD_RESPONSE, bytes, t->in->n))
			return tunnel_fail_foreign(t);
		end = skt_head_end(bytes, t->in->n, &t->talk->seen);
		if (end)
			return tunnel_judge_head(t, end);
		if (t->in->n == SKT_HEAD_MAX)
			return tunnel_fail_head(t, _("its head does not end within 16384 bytes"));
		ret = tunnel_fill(t, SKT_HEAD_MAX);
		if (ret < 0)
			return ret;
	}
}

/* Opening */

static void tunnel_forget(char **text)
{
	if (*text)
		explicit_bzero(*text, strlen(*text));
	skt_free(*text);
	*text = NULL;
}

static void tunnel_end_talk(struct tunnel *t)
{
	struct tunnel_talk *talk = t->talk;

	if (!talk)
		return;
	tunnel_forget(&talk->user);
	tunnel_forget(&talk->password);
	skt_free(talk->proxy);
	skt_free(talk->host);
	skt_free(talk->target);
	skt_kept_drop(&talk->out);
	skt_free(talk);
	t->talk = NULL;
}

static int tunnel_negotiate(struct tunnel *t)
{
	int ret;

	if (!t->talk->is_below_up) {
		ret = skt_layer_open(&t->stream);
		if (ret < 0)
			return ret;
		t->talk->is_below_up = true;
	}
	do {
		ret = t->talk->out ? skt_kept_flush(t->talk->out, t->stream.below) : 0;
		if (ret == 0)
			ret = tunnel_protocol(t)->hear(t);
	} while (ret > 0);
	return ret;
}

static int tunnel_open(struct skt_stream *s)
{
	struct tunnel *t = tunnel_of(s);

	if (t->status != -SKT_AGAIN)
		return t->status;
	t->status = tunnel_negotiate(t);
	if (t->status == -SKT_AGAIN)
		return t->status;
	tunnel_end_talk(t);
	if (t->status < 0 || t->in->n == 0)
		skt_kept_drop(&t->in);
	return t->status;
}

/* Once it is up */

static ssize_t tunnel_read(struct skt_stream *s, void *buf, size_t n)
{
	struct tunnel *t = tunnel_of(s);
	ssize_t got;

	if (t->status < 0)
		return t->status;
	if (t->in)
		return (ssize_t)skt_kept_take(&t->in, buf, n);
	got = skt_stream_read(s->below, buf, n);
	if (got == 0)
		skt_layer_follow(s);
	return got;
}

static ssize_t tunnel_write(struct skt_stream *s, const void *buf, size_t n)
{
	int status = tunnel_of(s)->status;

	return status < 0 ? status : skt_stream_write(s->below, buf, n);
}

static struct skt_fd *tunnel_raw(struct skt_stream *s)
{
	const struct tunnel *t = tunnel_of(s);

	return t->status == 0 && !t->in ? skt_stream_raw(s->below) : NULL;
}

static void tunnel_free(struct skt_stream *s)
{
	struct tunnel *t = tunnel_of(s);

	tunnel_end_talk(t);
	skt_kept_drop(&t->in);
	skt_stream_free(s->below);
	skt_free(t);
}

static const struct skt_stream_ops tunnel_ops = {
	.name = "tunnel",
	.open = tunnel_open,
	.read = tunnel_read,
	.write = tunnel_write,
	.shut = skt_layer_shut,
	.raw = tunnel_raw,
	.finish = skt_layer_finish,
	.free = tunnel_free,
};

static char *tunnel_print_target(const struct skt_tunnel_to *to)
{
	struct skt_text text = { 0 };

	skt_text_addf(&text, strchr(to->host, ':') ? "[%s]:%u" : "%s:%u", to->host, to->port);
	return skt_text_take(&text);
}

static int tunnel_copy(struct tunnel *t, const struct skt_tunnel_to *to, struct skt_error *err)
{
	struct tunnel_talk *talk = t->talk;

	talk->kind = to->kind;
	talk->port = to->port;
	talk->user = to->user ? skt_strdup(to->user) : NULL;
	talk->password = to->password ? skt_strdup(to->password) : NULL;
	talk->proxy = skt_strdup(to->proxy);
	talk->host = skt_strdup(to->host);
	talk->target = tunnel_print_target(to);
	t->in = skt_kept_new(tunnel_protocol(t)->room);
	if ((to->user && !talk->user) || (to->password && !talk->password) || !talk->proxy || !talk->host ||
	    !talk->target || !t->in)
		return skt_fail_memory(err);
	return tunnel_protocol(t)->greet(t, err);
}

static int tunnel_check(const struct skt_tunnel_to *to, struct skt_error *err)
{
	const struct tunnel_protocol *p = &tunnel_protocols[to->kind];
	const char *why = p->objection(to->user, to->password, to->host);

	if (!why)
		return 0;
	(void)skt_fail(err, SKT_E_USAGE, 0, _("cannot ask %.60s for %.80s: %s"), to->proxy, to->host, _(why));
	if (to->kind == SKT_TUNNEL_SOCKS4A)
		skt_hint(err, "%s", _("SOCKS5 has names, IPv6 addresses and passwords: write socks5:// in via="));
	return -SKT_E_USAGE;
}

int skt_tunnel_new(struct skt_stream *below, const struct skt_tunnel_to *to, struct skt_stream **ret,
		   struct skt_error *err)
{
	int failed = tunnel_check(to, err);
	struct tunnel *t = failed ? NULL : SKT_NEW(struct tunnel);

	if (!t) {
		skt_stream_free(below);
		return failed ? failed : skt_fail_memory(err);
	}
	t->status = -SKT_AGAIN;
	skt_layer_init(&t->stream, &tunnel_ops, below, NULL);
	t->talk = SKT_NEW(struct tunnel_talk);
	failed = t->talk ? tunnel_copy(t, to, err) : skt_fail_memory(err);
	if (failed) {
		skt_stream_free(&t->stream);
		return failed;
	}
	*ret = &t->stream;
	return 0;
}

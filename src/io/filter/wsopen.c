/* SPDX-License-Identifier: Apache-2.0 */
/* WebSocket, the handshake.
 *
 * How it works: the steps of enum skt_ws_step, one after the other. The other's head is read into `in`; what comes behind it are frames
 * already and stays there. A peer that speaks something else is found by its first bytes, because it may be waiting for us: it is not
 * answered. One that speaks HTTP and is refused gets an answer, and opening fails once that has gone. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "io/filter/layer.h"
#include "io/filter/wslayer.h"
#include "sys/call.h"

/* How records of TLS begin: an alert (a server that was spoken to without), a handshake (a client that begins one) */
enum { OPEN_EXCERPT = 48, OPEN_TLS_ALERT = 0x15, OPEN_TLS_HANDSHAKE = 0x16 };

/* What a status means to whoever asked. */
static const struct {
	int status;
	enum skt_err kind;
	const char *hint;
} open_statuses[] = {
	{ 200, SKT_E_PEER, N_("an ordinary page is at that path: check the path") },
	{ 400, SKT_E_PEER, N_("it did not understand the request: check the address, or look at its log") },
	{ 401, SKT_E_DENIED, N_("it wants to know who you are: send the field Authorization") },
	{ 403, SKT_E_DENIED, N_("it does not let you in: check the origin and your rights there") },
	{ 404, SKT_E_PEER, N_("nothing is at that path: check the path") },
	{ 407, SKT_E_DENIED, N_("the proxy wants to know who you are: send the field Proxy-Authorization") },
	{ 426, SKT_E_PEER, N_("it wants another version of WebSocket, or another protocol") },
	{ 502, SKT_E_PEER, N_("a proxy answered: the server behind it does not") },
	{ 503, SKT_E_PEER, N_("it is overloaded or being maintained: try again later") },
	{ 504, SKT_E_PEER, N_("a proxy answered: the server behind it does not") },
};

static struct skt_wsask open_ask(const struct skt_ws_config *c)
{
	return (struct skt_wsask){ .host = c->host,
				   .path = c->path,
				   .protocols = c->protocols,
				   .origin = c->origin,
				   .header = c->header,
				   .n_header = c->n_header,
				   .zips = c->deflate };
}

/* Send a text, and release it. */
static int open_say_text(struct skt_ws *w, struct skt_text *text)
{
	int ret = text->failed ? skt_layer_fail_memory(&w->stream) : skt_ws_put(w, skt_text_get(text), text->len);

	skt_text_release(text);
	return ret;
}

static int open_agree(struct skt_ws *w, const struct skt_wsagreed *agreed)
{
	memcpy(w->seen.protocol, agreed->protocol, sizeof(w->seen.protocol));
	if (!agreed->zipping.is_on)
		return 0;
	w->zip = skt_wszip_new(&agreed->zipping, w->is_server);
	return w->zip ? 0 : skt_layer_fail_memory(&w->stream);
}

/* Bytes as a person may see them, to the end of their line. */
static const char *open_excerpt(const char *bytes, size_t n, char ret[OPEN_EXCERPT])
{
	size_t i;

	for (i = 0; i < n && i + 1 < OPEN_EXCERPT && bytes[i] != '\r' && bytes[i] != '\n'; i++)
		ret[i] = bytes[i] >= ' ' && bytes[i] < 127 ? bytes[i] : '.';
	ret[i] = '\0';
	return ret;
}

/* The client's request */

static int open_request(struct skt_ws *w)
{
	struct skt_wsask ask = open_ask(w->config);
	unsigned char nonce[SKT_WS_NONCE] = { 0 };
	struct skt_text text = { 0 };
	struct skt_error err;
	const char *what;

	if (skt_sys.getrandom(nonce, sizeof(nonce), 0) < 0) {
		(void)skt_fail(&err, SKT_E_IO, 0, "%s", _("the kernel gave no random bytes"));
		return skt_stream_fail(&w->stream, &err);
	}
	w->key = skt_malloc(SKT_WS_KEY_ROOM);
	if (!w->key)
		return skt_layer_fail_memory(&w->stream);
	skt_ws_key(nonce, w->key);
	if (skt_wsask_compose(&ask, w->key, &text, &what) < 0) {
		(void)skt_fail(&err, SKT_E_USAGE, 0,
			       _("%s of a WebSocket's request holds a character that cannot be there"), _(what));
		return skt_stream_fail(&w->stream, &err);
	}
	return open_say_text(w, &text);
}

static int step_below(struct skt_ws *w)
{
	int ret = skt_layer_open(&w->stream);

	if (ret < 0)
		return ret;
	w->step = w->is_server ? SKT_WS_HEAR : SKT_WS_ASK;
	return w->is_server ? 0 : open_request(w);
}

static int step_ask(struct skt_ws *w)
{
	int ret = skt_ws_flush(w);

	if (ret == 0)
		w->step = SKT_WS_HEAR;
	return ret;
}

/* The other's head */

static int open_fail(struct skt_ws *w, const struct skt_error *err)
{
	skt_ws_drop(&w->in);
	return skt_stream_fail(&w->stream, err);
}

static int open_fail_end(struct skt_ws *w)
{
	struct skt_error err;

	(void)skt_fail(&err, SKT_E_PEER, 0, "%s",
		       w->is_server ? _("the client ended before it had asked for a WebSocket")
				    : _("the server ended before it had answered the request for a WebSocket"));
	skt_hint(&err, "%s",
		 w->is_server ? _("a check whether the port is open does that")
			      : _("is a WebSocket server there? its log may say why; wss:// where it wants TLS"));
	return open_fail(w, &err);
}

/* The peer speaks something else. */
static int open_fail_stranger(struct skt_ws *w, const char *bytes, size_t n)
{
	char excerpt[OPEN_EXCERPT];
	struct skt_error err;

	if (bytes[0] == OPEN_TLS_ALERT || bytes[0] == OPEN_TLS_HANDSHAKE) {
		(void)skt_fail(&err, SKT_E_PEER, 0, "%s",
			       w->is_server ? _("it is no WebSocket client: it speaks TLS")
					    : _("it is no WebSocket server: it speaks TLS"));
		skt_hint(&err, "%s", _("use wss:// at both ends, or at none"));
		return open_fail(w, &err);
	}
	(void)skt_fail(&err, SKT_E_PEER, 0,
		       w->is_server ? _("it is no WebSocket client: it said %s")
				    : _("it is no WebSocket server: it said %s"),
		       open_excerpt(bytes, n, excerpt));
	skt_hint(&err, "%s", _("another protocol is spoken there: check the address and the port"));
	return open_fail(w, &err);
}

/* The server's decision */

/* Answer with a refusal; opening returns the failure when it has gone. */
static int open_refuse(struct skt_ws *w, const struct skt_wsanswer *answer)
{
	struct skt_text text = { 0 };
	struct skt_error err;

	(void)skt_fail(&err, answer->status == 403 ? SKT_E_DENIED : SKT_E_PEER, 0,
		       _("a request for a WebSocket was refused with %d: %s"), answer->status, _(answer->why));
	if (answer->status == 403)
		skt_hint(&err, "%s", _("origin= lists the pages that are let in"));
	else if (answer->status == 404)
		skt_hint(&err, _("the path that is served is %.100s"), w->config->path ? w->config->path : "/");
	else
		skt_hint(&err, "%s", _("the client is no WebSocket client, or something between changed its request"));
	w->refused = open_fail(w, &err);
	w->step = SKT_WS_SAY;
	skt_wsanswer_compose(answer, &text);
	return open_say_text(w, &text);
}

static int open_refuse_with(struct skt_ws *w, int status, const char *why)
{
	struct skt_wsanswer answer = { .status = status, .why = why };

	return open_refuse(w, &answer);
}

static int open_decide(struct skt_ws *w, const struct skt_head *head)
{
	const struct skt_ws_config *c = w->config;
	struct skt_wsserves serves = { .path = c->path, .protocols = c->protocols, .origin = c->origin, .zips = c->deflate };
	struct skt_wsanswer answer;
	struct skt_text text = { 0 };
	int ret;

	(void)snprintf(w->seen.path, sizeof(w->seen.path), "%.*s", (int)head->target.n, head->target.s);
	skt_wsask_check(head, &serves, &answer);
	if (answer.status != 101)
		return open_refuse(w, &answer);
	ret = open_agree(w, &answer.agreed);
	if (ret < 0)
		return ret;
	w->step = SKT_WS_SAY;
	skt_wsanswer_compose(&answer, &text);
	return open_say_text(w, &text);
}

/* The client's check */

static int open_fail_status(struct skt_ws *w, const struct skt_head *head)
{
	struct skt_span place = skt_head_field(head, "Location");
	struct skt_error err;
	char excerpt[OPEN_EXCERPT];

	(void)skt_fail(&err, SKT_E_PEER, 0, _("the server refused the WebSocket: it answered %d %s"), head->status,
		       open_excerpt(head->reason.n ? head->reason.s : "", head->reason.n, excerpt));
	for (size_t i = 0; i < SKT_LENGTH(open_statuses); i++) {
		if (open_statuses[i].status != head->status)
			continue;
		err.kind = open_statuses[i].kind;
		skt_hint(&err, "%s", _(open_statuses[i].hint));
	}
	if (head->status >= 300 && head->status < 400 && place.s)
		skt_hint(&err, _("it has moved: use %.*s"), (int)(place.n < 100 ? place.n : 100), place.s);
	return open_fail(w, &err);
}

static int open_check(struct skt_ws *w, const struct skt_head *head)
{
	struct skt_wsask ask = open_ask(w->config);
	struct skt_wsagreed agreed;
	struct skt_error err;
	const char *why;

	if (head->status != 101)
		return open_fail_status(w, head);
	if (skt_wsanswer_check(head, &ask, w->key, &agreed, &why) == 0) {
		w->step = SKT_WS_OPEN;
		return open_agree(w, &agreed);
	}
	(void)skt_fail(&err, SKT_E_PEER, 0, _("the server's answer makes no WebSocket: %s"), _(why));
	skt_hint(&err, "%s", _("check the address, path= and protocol=; something between may have changed the answer"));
	return open_fail(w, &err);
}

static int open_fail_head(struct skt_ws *w, const char *why)
{
	struct skt_error err;

	if (w->is_server)
		return open_refuse_with(w, 400, why);
	(void)skt_fail(&err, SKT_E_PEER, 0, _("the server's answer is not HTTP: %s"), _(why));
	skt_hint(&err, "%s", _("another protocol is spoken there: check the address and the port"));
	return open_fail(w, &err);
}

static int open_fail_long(struct skt_ws *w)
{
	struct skt_error err;

	if (w->is_server)
		return open_refuse_with(w, 431, N_("the head of the request is too long"));
	(void)skt_fail(&err, SKT_E_PEER, 0, _("the head of the server's answer has more than %d bytes"), SKT_HEAD_MAX);
	skt_hint(&err, "%s", _("another protocol is spoken there: check the address and the port"));
	return open_fail(w, &err);
}

/* A whole head of n bytes has come. */
static int open_head(struct skt_ws *w, size_t n)
{
	enum skt_headkind kind = w->is_server ? SKT_HEAD_REQUEST : SKT_HEAD_RESPONSE;
	struct skt_head head;
	const char *why = NULL;
	int ret;

	if (skt_head_parse(kind, w->in->bytes, n, &head, &why) < 0)
		return open_fail_head(w, why);
	ret = w->is_server ? open_decide(w, &head) : open_check(w, &head);
	if (ret < 0 || !w->in)
		return ret;
	w->in->at = n;
	w->in->n -= n;
	if (w->in->n == 0)
		skt_ws_drop(&w->in);
	return 0;
}

static int open_heard(struct skt_ws *w, size_t n)
{
	enum skt_headkind kind = w->is_server ? SKT_HEAD_REQUEST : SKT_HEAD_RESPONSE;
	struct skt_ws_held *in = w->in;
	size_t seen = in->n > 3 ? in->n - 3 : 0, end;

	in->n += n;
	if (!skt_head_begins(kind, in->bytes, in->n))
		return open_fail_stranger(w, in->bytes, in->n);
	end = skt_head_end(in->bytes, in->n, &seen);
	if (end)
		return open_head(w, end);
	return in->n == in->cap ? open_fail_long(w) : 0;
}

static int step_hear(struct skt_ws *w)
{
	ssize_t got;

	if (!w->in && skt_ws_hold(w, &w->in, NULL, 0, SKT_HEAD_MAX) < 0)
		return -SKT_E_LIMIT;
	got = skt_stream_read(w->stream.below, w->in->bytes + w->in->n, w->in->cap - w->in->n);
	if (got == -SKT_AGAIN && w->in->n == 0)
		skt_ws_drop(&w->in); /* who waits for the first byte needs no memory */
	if (got > 0)
		return open_heard(w, (size_t)got);
	return got == 0 ? open_fail_end(w) : (int)got;
}

static int step_say(struct skt_ws *w)
{
	int ret = skt_ws_flush(w);

	if (ret < 0)
		return ret;
	if (!w->refused) {
		w->step = SKT_WS_OPEN;
		return 0;
	}
	(void)skt_stream_shut(w->stream.below);
	return w->refused;
}

int skt_ws_open(struct skt_stream *s)
{
	static int (*const steps[])(struct skt_ws * w) = {
		[SKT_WS_BELOW] = step_below,
		[SKT_WS_ASK] = step_ask,
		[SKT_WS_HEAR] = step_hear,
		[SKT_WS_SAY] = step_say,
	};
	struct skt_ws *w = skt_ws_of(s);
	int ret = 0;

	while (ret == 0 && w->step != SKT_WS_OPEN)
		ret = steps[w->step](w);
	if (ret == 0 && w->key) {
		skt_free(w->key);
		w->key = NULL;
	}
	if (ret == 0 && !w->is_read_over && !w->timer.place)
		ret = skt_ws_begin_pings(w);
	skt_ws_follow(w);
	return ret;
}

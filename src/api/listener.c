/* SPDX-License-Identifier: Apache-2.0 */
/* Listeners that wait for one connection at a time. */
#include "api/listener.h"
#include "api/quiet.h"

#include "api/deadline.h"
#include "api/failure.h"
#include "api/stream.h"
#include "base/alloc.h"
#include "base/message.h"
#include "inspect/holder.h"
#include "transport/chain.h"
#include "transport/open.h"

struct soket_listener {
	struct skt_endpoint e;
	struct skt_loop *loop;
	struct skt_loop *spare; /* for the next connection: made before it is accepted, so that none is lost; or NULL */
	struct skt_listener *listener;
	struct skt_api_addresses names;
};

int skt_api_listen(struct skt_loop *loop, const struct skt_endpoint *e, struct skt_listener **ret,
		   struct skt_api_addresses *names, struct skt_error *err)
{
	const struct skt_transport *t = skt_transport_of(e, err);
	int failed;

	if (!t)
		return -SKT_E_USAGE;
	if (!t->listen)
		return skt_fail_at(err, 0, _("%s cannot listen"), t->scheme);
	failed = skt_chain_listen(loop, e, ret, err);
	if (failed < 0)
		skt_holder_explain(e, err);
	if (failed)
		return failed;
	for (names->n = 0; names->n < (*ret)->n; names->n++)
		(void)skt_addr_print_endpoint(&(*ret)->socket[names->n].addr, (*ret)->scheme, names->text[names->n]);
	return 0;
}

const char *skt_api_address(const struct skt_api_addresses *names, int i)
{
	return i >= 0 && i < names->n ? names->text[i] : NULL;
}

static int listener_open(struct soket_listener *l, const char *text, struct skt_error *err)
{
	int failed = skt_endpoint_parse(text, &l->e, err);

	if (failed == 0)
		failed = skt_endpoint_settle(&l->e, SKT_ROLE_LISTEN, err);
	if (failed == 0 && l->e.role == SKT_ROLE_DIAL) {
		failed = skt_fail_at(err, 0, "%s", _("dial: goes to another, and cannot be listened on"));
		skt_hint(err, "%s", _("leave dial: out, or dial it"));
	}
	if (failed == 0)
		failed = skt_quiet_loop_new(&l->loop, err);
	if (failed == 0)
		failed = skt_api_listen(l->loop, &l->e, &l->listener, &l->names, err);
	if (failed == 0)
		l->listener->merges = true; /* datagrams: see listener_take_merged() */
	if (failed == 0 && skt_listener_watch(l->listener) < 0)
		failed = skt_fail(err, SKT_E_LIMIT, 0, "%s", _("cannot watch the listening sockets"));
	return failed;
}

struct soket_listener *soket_listen(const char *text, struct soket_error *err)
{
	struct soket_listener *l = SKT_NEW(struct soket_listener);
	struct skt_error why;
	int failed = l ? listener_open(l, text, &why) : skt_fail_memory(&why);

	if (failed) {
		(void)skt_api_fail(err, &why);
		soket_listener_close(l);
		return NULL;
	}
	return l;
}

const char *soket_listener_address(const struct soket_listener *l, int i)
{
	return skt_api_address(&l->names, i);
}

int soket_listener_fd(const struct soket_listener *l, int i)
{
	return l->listener && i >= 0 && i < l->listener->n ? l->listener->socket[i].watch.fd : -1;
}

/* Accept one onto the spare loop, which it then has for its own. */
static int listener_accept(struct soket_listener *l, struct skt_stream **ret, struct skt_error *err)
{
	struct skt_addr peer = { 0 };
	int failed = l->spare ? 0 : skt_quiet_loop_new(&l->spare, err);

	if (failed)
		return failed;
	l->listener->loop = l->spare; /* where the stream is to live; the watches know their own loop's epoll */
	failed = skt_listener_accept(l->listener, ret, &peer, err);
	l->listener->loop = l->loop;
	if (failed == 0 && !skt_chain_lets_tell(&l->e, &peer)) {
		skt_stream_free(*ret);
		*ret = NULL;
		return -SKT_AGAIN;
	}
	return failed;
}

/* All peers of a datagram endpoint are one stream, the only one, which then has the loop and the sockets: a stream of this library
 * waits on a loop of its own, and sessions would share one. */
static int listener_take_merged(struct soket_listener *l, struct soket_stream **ret, struct skt_error *err)
{
	struct skt_stream *stream;
	struct skt_addr peer;
	struct skt_loop *loop = l->loop;
	int failed;

	if (!l->listener)
		return skt_fail(err, SKT_E_USAGE, 0, "%s",
				_("a datagram endpoint gives one stream, for all peers: it was taken"));
	failed = skt_listener_accept(l->listener, &stream, &peer, err);
	if (failed)
		return failed;
	skt_listener_free(l->listener); /* the stream keeps what it needs of it */
	l->listener = NULL;
	l->loop = NULL;
	return skt_api_stream_new(loop, stream, l->names.text[0], ret, err);
}

/* A stream that was accepted has been opened, or has failed. */
struct listener_opening {
	struct skt_stream *stream;
	struct skt_error err;
	bool is_done;
};

static void listener_opened(void *user, struct skt_stream *stream, const struct skt_error *err)
{
	struct listener_opening *o = user;

	o->is_done = true;
	o->stream = stream;
	if (!stream)
		o->err = *err;
}

/* The handshakes of what was accepted. */
static int listener_open_stream(struct soket_listener *l, struct skt_loop *loop, struct skt_deadline *deadline,
				struct skt_stream **stream, struct skt_error *err)
{
	struct listener_opening o = { 0 };
	struct skt_dialer *dialer;
	int failed;

	if (!skt_chain_is_opening(&l->e))
		return 0;
	failed = skt_chain_accept(loop, &l->e, stream, err);
	if (failed == 0)
		failed = skt_dialer_new_accepted(loop, &l->e, *stream, listener_opened, &o, &dialer, err);
	*stream = NULL;
	if (failed)
		return failed;
	while (failed == 0 && !o.is_done)
		failed = skt_deadline_round(deadline, loop, _("the client does not go on with its handshake"), err);
	if (!o.is_done) {
		skt_dialer_free(dialer);
		return failed;
	}
	*stream = o.stream;
	if (!o.stream)
		*err = o.err;
	return o.stream ? 0 : -(int)err->kind;
}

static int listener_take(struct soket_listener *l, int timeout_ms, struct soket_stream **ret, struct skt_error *err)
{
	struct skt_deadline deadline;
	struct skt_stream *stream;
	struct skt_loop *loop;
	int failed;

	if (!l->listener || l->listener->is_dgram)
		return listener_take_merged(l, ret, err);
	skt_deadline_init(&deadline, timeout_ms);
	while ((failed = listener_accept(l, &stream, err)) == -SKT_AGAIN) {
		failed = skt_deadline_round(&deadline, l->loop, _("nobody has connected"), err);
		if (failed)
			return failed;
	}
	if (failed)
		return failed;
	loop = l->spare;
	l->spare = NULL;
	failed = listener_open_stream(l, loop, &deadline, &stream, err);
	if (failed) {
		skt_loop_free(loop);
		return failed;
	}
	return skt_api_stream_new(loop, stream, l->names.text[0], ret, err);
}

struct soket_stream *soket_accept(struct soket_listener *l, int timeout_ms, struct soket_error *err)
{
	struct soket_stream *s = NULL;
	struct skt_error why;

	if (listener_take(l, timeout_ms, &s, &why) < 0) {
		(void)skt_api_fail(err, &why);
		return NULL;
	}
	return s;
}

void soket_listener_close(struct soket_listener *l)
{
	if (!l)
		return;
	skt_listener_free(l->listener);
	skt_loop_free(l->spare);
	skt_loop_free(l->loop);
	skt_endpoint_release(&l->e);
	skt_free(l);
}

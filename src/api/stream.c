/* SPDX-License-Identifier: Apache-2.0 */
/* Blocking streams.
 *
 * How it works: each stream has a loop of its own, so that streams are independent of each other and of threads. A
 * call is tried; while it says AGAIN the loop takes a round, in which the stream learns what its descriptors are
 * ready for, and it is tried again. Nobody listens to the stream's wake: the call that waits is the only one who
 * could. */
#include "api/stream.h"

#include <errno.h>
#include <string.h>

#include "api/deadline.h"
#include "api/failure.h"
#include "api/quiet.h"
#include "base/alloc.h"
#include "base/message.h"
#include "inspect/holder.h"
#include "io/fd.h"
#include "sys/clock.h"
#include "transport/open.h"

#define STREAM_KILL (2 * SKT_SECOND) /* the default of kill= */
#define STREAM_PATIENCE SKT_SECOND   /* how long the kernel may take to end a program that was killed */

/* The scheme of a socket's addresses. */
static const char *stream_scheme(const struct skt_fd *raw, const struct skt_addr *addr)
{
	if (raw->in_kind == SKT_FD_TCP)
		return "tcp";
	if (addr->sa.sa_family == AF_UNIX)
		return raw->in_kind == SKT_FD_PACKET ? "unix-seqpacket" : "unix";
	return "vsock";
}

static void stream_name_one(const struct skt_fd *raw, int (*ask)(int fd, struct skt_addr *ret), struct skt_text *ret)
{
	char text[SKT_ADDR_LENGTH];
	struct skt_addr addr;

	if (ask(raw->in.fd, &addr) < 0 || skt_addr_print(&addr, text)[0] == '\0')
		return;
	skt_text_add(ret, skt_addr_print_endpoint(&addr, stream_scheme(raw, &addr), text));
}

/* Both ends as texts; `otherwise` where the peer has no address. */
static int stream_name(struct soket_stream *s, const char *otherwise, struct skt_error *err)
{
	const struct skt_fd *raw = skt_stream_bottom(s->stream);

	if (raw && (raw->in_kind == SKT_FD_TCP || raw->in_kind == SKT_FD_SOCKET || raw->in_kind == SKT_FD_PACKET)) {
		stream_name_one(raw, skt_addr_of_peer, &s->peer);
		stream_name_one(raw, skt_addr_of_local, &s->local);
	}
	if (s->peer.len > 0)
		return 0;
	if (otherwise)
		skt_text_add(&s->peer, otherwise);
	else
		skt_endpoint_print_address(&s->e, &s->peer);
	return s->peer.failed ? skt_fail_memory(err) : 0;
}

static void stream_free(struct soket_stream *s)
{
	if (!s)
		return;
	skt_stream_free(s->stream);
	skt_loop_free(s->loop);
	skt_endpoint_release(&s->e);
	skt_text_release(&s->peer);
	skt_text_release(&s->local);
	skt_free(s);
}

int skt_api_stream_new(struct skt_loop *loop, struct skt_stream *stream, const char *from, struct soket_stream **ret,
		       struct skt_error *err)
{
	struct soket_stream *s = SKT_NEW(struct soket_stream);
	int failed;

	if (!s) {
		skt_stream_free(stream);
		skt_loop_free(loop);
		return skt_fail_memory(err);
	}
	s->loop = loop;
	s->stream = stream;
	failed = stream_name(s, from, err);
	if (failed)
		stream_free(s);
	else
		*ret = s;
	return failed;
}

/* What the dialler's callback has to tell. */
struct dialling {
	struct skt_stream *stream;
	struct skt_error err;
	bool is_done;
};

static void stream_dialled(void *user, struct skt_stream *stream, const struct skt_error *err)
{
	struct dialling *d = user;

	d->is_done = true;
	d->stream = stream;
	if (!stream)
		d->err = *err;
}

static int stream_dial_timed_out(const struct skt_endpoint *e, struct skt_error *err)
{
	struct skt_text name = { 0 };

	skt_endpoint_print_address(e, &name);
	(void)skt_fail(err, SKT_E_TIMEOUT, 0, _("timed out: %.180s does not answer"), skt_text_get(&name));
	skt_text_release(&name);
	return -SKT_E_TIMEOUT;
}

/* Descriptors 0 and 1 belong to the program, not to this stream: "many" keeps stdio from closing them. */
static void stream_origin(const struct skt_endpoint *e, struct skt_origin *ret)
{
	*ret = (struct skt_origin){ .many = strcmp(skt_endpoint_transport(e)->name, "stdio") == 0 };
}

static int stream_dial(struct soket_stream *s, int timeout_ms, struct skt_error *err)
{
	struct skt_deadline deadline;
	struct skt_origin origin;
	struct skt_dialer *dialer;
	struct dialling d = { 0 };
	int failed;

	skt_deadline_init(&deadline, timeout_ms);
	stream_origin(&s->e, &origin);
	failed = skt_dialer_new(s->loop, &s->e, &origin, stream_dialled, &d, &dialer, err);
	if (failed)
		return failed;
	while (failed == 0 && !d.is_done)
		failed = skt_deadline_round(&deadline, s->loop, "", err);
	if (!d.is_done) {
		skt_dialer_free(dialer);
		return failed == -SKT_E_TIMEOUT ? stream_dial_timed_out(&s->e, err) : failed;
	}
	s->stream = d.stream;
	if (d.stream)
		return stream_name(s, NULL, err);
	*err = d.err;
	skt_holder_explain_dial(&s->e, NULL, err);
	return -(int)err->kind;
}

static int stream_open(struct soket_stream *s, const char *text, int timeout_ms, struct skt_error *err)
{
	int failed = skt_endpoint_parse(text, &s->e, err);

	if (failed == 0)
		failed = skt_endpoint_settle(&s->e, SKT_ROLE_DIAL, err);
	if (failed == 0 && s->e.role == SKT_ROLE_LISTEN) {
		failed = skt_fail_at(err, 0, "%s", _("listen: waits for others, and cannot be dialled"));
		skt_hint(err, "%s", _("leave listen: out, or listen on it"));
	}
	if (failed == 0)
		failed = skt_quiet_loop_new(&s->loop, err);
	return failed ? failed : stream_dial(s, timeout_ms, err);
}

struct soket_stream *soket_dial(const char *text, int timeout_ms, struct soket_error *err)
{
	struct soket_stream *s = SKT_NEW(struct soket_stream);
	struct skt_error why;
	int failed = s ? stream_open(s, text, timeout_ms, &why) : skt_fail_memory(&why);

	if (failed) {
		(void)skt_api_fail(err, &why);
		stream_free(s);
		return NULL;
	}
	return s;
}

/* The stream has failed: who, and why. */
static int stream_failed(const struct soket_stream *s, struct soket_error *err)
{
	struct skt_error why, ret;

	skt_stream_why(s->stream, &why);
	(void)skt_fail(&ret, why.kind, why.sys, "%.90s: %.160s", skt_text_get(&s->peer), why.text);
	skt_hint(&ret, "%s", why.hint);
	return skt_api_fail(err, &ret);
}

/* A call that this stream, in its state, cannot take. */
static int stream_refuse(const char *text, struct soket_error *err)
{
	struct skt_error why;

	(void)skt_fail(&why, SKT_E_USAGE, 0, "%s", text);
	return skt_api_fail(err, &why);
}

/* A message that the caller had no room for is the caller's matter: the stream goes on. */
static int stream_read_failed(struct soket_stream *s, struct soket_error *err)
{
	struct skt_error why;

	if (s->stream->sys != EMSGSIZE)
		return stream_failed(s, err);
	s->stream->sys = 0;
	(void)skt_fail(&why, SKT_E_LIMIT, EMSGSIZE, "%s", _("a message is longer than the room to read into"));
	return skt_api_fail(err, &why);
}

/* A round of waiting; `what` is what has not come. Returns 0: try again, or -kind. */
static int stream_wait(struct soket_stream *s, struct skt_deadline *deadline, const char *what, struct soket_error *err)
{
	struct skt_error why;
	int failed = skt_deadline_round(deadline, s->loop, what, &why);

	return failed ? skt_api_fail(err, &why) : 0;
}

ssize_t soket_read(struct soket_stream *s, void *buf, size_t n, int timeout_ms, struct soket_error *err)
{
	struct skt_deadline deadline;
	ssize_t got;
	int failed;

	if (n == 0)
		return stream_refuse(_("no room to read into"), err);
	if (s->is_finished)
		return stream_refuse(_("the stream was finished: nothing can be read"), err);
	skt_deadline_init(&deadline, timeout_ms);
	while ((got = skt_stream_read(s->stream, buf, n)) == -SKT_AGAIN) {
		failed = stream_wait(s, &deadline, _("nothing has come"), err);
		if (failed)
			return failed;
	}
	if (got == -SKT_EMPTY)
		return 0; /* of a datagram endpoint, which has no end that 0 could mean */
	if (got < 0)
		return stream_read_failed(s, err);
	s->received += (uint64_t)got;
	return got;
}

/* Whether writing may raise SIGPIPE: sockets are written with MSG_NOSIGNAL. */
static bool stream_may_signal(const struct soket_stream *s)
{
	const struct skt_fd *raw = skt_stream_raw(s->stream);

	return !raw || !(raw->out_kind == SKT_FD_TCP || raw->out_kind == SKT_FD_SOCKET || raw->out_kind == SKT_FD_PACKET);
}

static ssize_t stream_write(struct soket_stream *s, const void *buf, size_t n)
{
	struct skt_quiet quiet;
	ssize_t put;

	if (!stream_may_signal(s))
		return skt_stream_write(s->stream, buf, n);
	skt_quiet_begin(&quiet);
	put = skt_stream_write(s->stream, buf, n);
	skt_quiet_end(&quiet);
	return put;
}

int soket_write(struct soket_stream *s, const void *buf, size_t n, int timeout_ms, struct soket_error *err)
{
	bool is_empty = n == 0 && (s->stream->flags & SKT_STREAM_DGRAM); /* a message all the same */
	const char *from = buf;
	struct skt_deadline deadline;

	if (s->is_shut || s->is_finished)
		return stream_refuse(_("the end was told already: nothing more can be written"), err);
	skt_deadline_init(&deadline, timeout_ms);
	while (n > 0 || is_empty) {
		ssize_t put = stream_write(s, from, n);
		int failed = put == -SKT_AGAIN ? stream_wait(s, &deadline, _("the peer does not take more"), err) : 0;

		if (failed)
			return failed;
		if (put == -SKT_AGAIN)
			continue;
		if (put < 0)
			return stream_failed(s, err);
		is_empty = false;
		s->sent += (uint64_t)put;
		from += put;
		n -= (size_t)put;
	}
	return 0;
}

static int stream_shut(struct soket_stream *s, struct skt_deadline *deadline, struct soket_error *err)
{
	int ret;

	if (s->is_shut || s->is_finished)
		return 0;
	while ((ret = skt_stream_shut(s->stream)) == -SKT_AGAIN) {
		ret = stream_wait(s, deadline, _("the peer does not take more"), err);
		if (ret < 0)
			return ret;
	}
	s->is_shut = true;
	return ret < 0 ? stream_failed(s, err) : 0;
}

int soket_shut(struct soket_stream *s, int timeout_ms, struct soket_error *err)
{
	struct skt_deadline deadline;

	skt_deadline_init(&deadline, timeout_ms);
	return stream_shut(s, &deadline, err);
}

int soket_finish(struct soket_stream *s, int timeout_ms, int *status, struct soket_error *err)
{
	struct skt_deadline deadline;
	int code = -1, ret;

	skt_deadline_init(&deadline, timeout_ms);
	ret = stream_shut(s, &deadline, err);
	if (ret < 0)
		return ret;
	s->is_finished = true;
	while (skt_stream_finish(s->stream, false, &code) == -SKT_AGAIN) {
		ret = stream_wait(s, &deadline, _("the program still runs"), err);
		if (ret < 0)
			return ret;
	}
	if (status)
		*status = code;
	return 0;
}

void soket_close(struct soket_stream *s)
{
	struct skt_deadline deadline = { 0 };
	int status;

	if (!s)
		return;
	deadline.at = skt_now() + STREAM_PATIENCE;
	if (s->e.n_layer)
		deadline.at += skt_endpoint_number(&s->e, "kill", STREAM_KILL);
	while (skt_stream_finish(s->stream, true, &status) == -SKT_AGAIN &&
	       skt_deadline_round(&deadline, s->loop, "", NULL) == 0)
		;
	stream_free(s);
}

int soket_stream_fd(const struct soket_stream *s)
{
	const struct skt_fd *raw = skt_stream_raw(s->stream);

	if (!raw)
		return -1;
	if (raw->in.fd == raw->out.fd || raw->out.fd < 0)
		return raw->in.fd;
	return raw->in.fd < 0 ? raw->out.fd : -1;
}

const char *soket_stream_peer(const struct soket_stream *s)
{
	return skt_text_get(&s->peer);
}

const char *soket_stream_local(const struct soket_stream *s)
{
	return skt_text_get(&s->local);
}

uint64_t soket_stream_sent(const struct soket_stream *s)
{
	return s->sent;
}

uint64_t soket_stream_received(const struct soket_stream *s)
{
	return s->received;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Dialling.
 *
 * How it works: an attempt makes the chain and calls its open() whenever it wakes, until it is up, has failed, or the deadline has
 * passed. After a failure there may be a pause and another attempt. done() is never called from within skt_dialer_new(): what is
 * decided at once is told by a task in the next round. */
#include "transport/open.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "sys/clock.h"
#include "transport/chain.h"

#define DIAL_TIMEOUT (10 * SKT_SECOND)
#define DIAL_FIRST_PAUSE (100 * SKT_MS)
#define DIAL_LONGEST_PAUSE (5 * SKT_SECOND)
#define DIAL_BUSY_PAUSE (20 * SKT_MS)

struct skt_dialer {
	struct skt_loop *loop;
	const struct skt_endpoint *e;
	struct skt_origin origin;
	struct skt_stream *stream;
	struct skt_timer timer; /* the deadline of an attempt, or the end of a pause */
	struct skt_task task;
	skt_time deadline, pause;
	int64_t retries; /* left */
	bool is_decided, is_accepted;
	struct skt_error err;
	skt_dialed *done;
	void *user;
};

void skt_dialer_free(struct skt_dialer *d)
{
	if (!d)
		return;
	skt_loop_clear(d->loop, &d->timer);
	skt_loop_undefer(d->loop, &d->task);
	skt_stream_free(d->stream);
	skt_free(d);
}

static void dialer_tell(struct skt_task *task)
{
	struct skt_dialer *d = SKT_OUTER(task, struct skt_dialer, task);
	struct skt_stream *stream = d->stream;
	struct skt_error err = d->err;
	skt_dialed *done = d->done;
	void *user = d->user;

	d->stream = NULL;
	if (stream)
		skt_stream_on_wake(stream, NULL, NULL);
	skt_dialer_free(d);
	done(user, stream, stream ? NULL : &err);
}

static void dialer_decide(struct skt_dialer *d)
{
	d->is_decided = true;
	skt_loop_clear(d->loop, &d->timer);
	skt_loop_defer(d->loop, &d->task);
}

static void dialer_attempt(struct skt_dialer *d);

static void dialer_again(struct skt_timer *timer)
{
	dialer_attempt(SKT_OUTER(timer, struct skt_dialer, timer));
}

/* Half of the pause for sure, the rest at random, so that many who wait for one server do not come back together. */
static skt_time dialer_jitter(skt_time pause)
{
	return pause / 2 + (skt_time)((uint64_t)random() % (uint64_t)(pause / 2 + 1));
}

/* A full backlog, or, where other links may give some back, no descriptors: not the endpoint's fault, and over in a moment. */
static bool dialer_is_busy(const struct skt_dialer *d)
{
	int sys = d->err.sys;

	return d->err.kind == SKT_E_LIMIT &&
	       (sys == EAGAIN || (d->origin.many && (sys == EMFILE || sys == ENFILE || sys == ENOBUFS)));
}

static void dialer_failed(struct skt_dialer *d)
{
	skt_time pause;

	skt_stream_free(d->stream);
	d->stream = NULL;
	if (!d->is_accepted && dialer_is_busy(d) && skt_now() < d->deadline) {
		(void)skt_pipepool_trim(skt_loop_pipes(d->loop));
		pause = DIAL_BUSY_PAUSE;
	} else if (d->retries > 0 && d->err.kind != SKT_E_USAGE) {
		d->retries--;
		d->deadline = 0;
		pause = dialer_jitter(d->pause);
		d->pause = d->pause * 2 > DIAL_LONGEST_PAUSE ? DIAL_LONGEST_PAUSE : d->pause * 2;
	} else {
		dialer_decide(d);
		return;
	}
	if (skt_loop_after(d->loop, &d->timer, pause, dialer_again) < 0)
		dialer_decide(d);
}

static void dialer_expired(struct skt_timer *timer)
{
	struct skt_dialer *d = SKT_OUTER(timer, struct skt_dialer, timer);
	struct skt_text name = { 0 };

	if (d->is_accepted) {
		(void)skt_fail(&d->err, SKT_E_TIMEOUT, 0, "%s",
			       _("timed out: the client does not go on with its handshake"));
		skt_hint(&d->err, "%s", _("it may speak something else, or be slow: timeout= gives it longer"));
		dialer_failed(d);
		return;
	}
	skt_chain_print(d->e, &name);
	(void)skt_fail(&d->err, SKT_E_TIMEOUT, 0, _("timed out: %.180s does not answer"), skt_text_get(&name));
	skt_hint(&d->err, "%s", _("a firewall may drop it; check the address, or wait longer with timeout="));
	skt_text_release(&name);
	dialer_failed(d);
}

/* What a layer says does not tell whom it was about. */
static void dialer_name(struct skt_dialer *d)
{
	struct skt_error inner = d->err;
	struct skt_text name = { 0 };

	if (!d->e->kept || d->is_accepted || strstr(inner.text, "://"))
		return;
	skt_chain_print(d->e, &name);
	(void)skt_fail(&d->err, inner.kind, inner.sys, "%.100s: %s", skt_text_get(&name), inner.text);
	skt_hint(&d->err, "%s", inner.hint);
	skt_text_release(&name);
}

static void dialer_woken(void *user)
{
	struct skt_dialer *d = user;
	int ret;

	if (d->is_decided || !d->stream)
		return;
	ret = skt_stream_open(d->stream);
	if (ret == -SKT_AGAIN)
		return;
	if (ret == 0) {
		dialer_decide(d);
		return;
	}
	skt_stream_why(d->stream, &d->err);
	dialer_name(d);
	skt_loop_clear(d->loop, &d->timer);
	dialer_failed(d);
}

/* The stream is there: open it, before the deadline. */
static void dialer_begin(struct skt_dialer *d, skt_time now)
{
	skt_stream_on_wake(d->stream, dialer_woken, d);
	if (d->deadline != SKT_FOREVER && skt_loop_after(d->loop, &d->timer, d->deadline - now, dialer_expired) < 0) {
		(void)skt_fail_memory(&d->err);
		dialer_failed(d);
		return;
	}
	dialer_woken(d);
}

static skt_time dialer_deadline(const struct skt_dialer *d, skt_time now)
{
	skt_time timeout = skt_endpoint_number(d->e, "timeout", DIAL_TIMEOUT);

	return timeout ? now + timeout : SKT_FOREVER;
}

static void dialer_attempt(struct skt_dialer *d)
{
	skt_time now = skt_now();

	if (d->deadline < now)
		d->deadline = dialer_deadline(d, now);
	if (skt_chain_dial(d->loop, d->e, &d->origin, &d->stream, &d->err) < 0)
		dialer_failed(d);
	else
		dialer_begin(d, now);
}

static int dialer_retries(const struct skt_endpoint *e, int64_t *ret, struct skt_error *err)
{
	const struct skt_opt *retry = skt_endpoint_option(e, "retry");

	*ret = 0;
	if (!retry || skt_number_parse(retry->value, ret) == 0)
		return 0;
	if (strcmp(retry->value, "forever") == 0) {
		*ret = INT64_MAX;
		return 0;
	}
	(void)skt_fail_at(err, retry->at, _("retry=%s is neither a number nor forever"), retry->value);
	skt_hint(err, "%s", _("for example retry=10"));
	return -SKT_E_USAGE;
}

static struct skt_dialer *dialer_make(struct skt_loop *loop, const struct skt_endpoint *e, skt_dialed *done, void *user)
{
	struct skt_dialer *d = SKT_NEW(struct skt_dialer);

	if (!d)
		return NULL;
	d->loop = loop;
	d->e = e;
	d->done = done;
	d->user = user;
	d->task.fn = dialer_tell;
	return d;
}

int skt_dialer_new(struct skt_loop *loop, const struct skt_endpoint *e, const struct skt_origin *origin,
		   skt_dialed *done, void *user, struct skt_dialer **ret, struct skt_error *err)
{
	struct skt_dialer *d;
	int64_t retries;

	if (!skt_transport_of(e, err) || dialer_retries(e, &retries, err) < 0)
		return -SKT_E_USAGE;
	d = dialer_make(loop, e, done, user);
	if (!d)
		return skt_fail_memory(err);
	d->origin = *origin;
	d->retries = retries;
	d->pause = DIAL_FIRST_PAUSE;
	*ret = d;
	dialer_attempt(d);
	return 0;
}

int skt_dialer_new_accepted(struct skt_loop *loop, const struct skt_endpoint *e, struct skt_stream *stream,
			    skt_dialed *done, void *user, struct skt_dialer **ret, struct skt_error *err)
{
	struct skt_dialer *d = dialer_make(loop, e, done, user);
	skt_time now = skt_now();

	if (!d) {
		skt_stream_free(stream);
		return skt_fail_memory(err);
	}
	d->is_accepted = true;
	d->stream = stream;
	d->deadline = dialer_deadline(d, now);
	*ret = d;
	dialer_begin(d, now);
	return 0;
}

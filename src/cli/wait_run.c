/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for endpoints.
 *
 * How it works: each target is asked by a probe; when the answer is "not yet" a timer is set, and then it is asked again. All
 * targets do this at once, on one loop. Pauses grow with the time that has passed, to a tenth of it: what comes up after one second
 * is seen within 100 ms, what comes up after ten within one second, and a target of this machine always within 100 ms. */
#include "cli/wait.h"

#include "base/alloc.h"
#include "base/message.h"
#include "sys/clock.h"

#define WAIT_LEAST_PAUSE (50 * SKT_MS)
#define WAIT_MOST_PAUSE SKT_SECOND
#define WAIT_MOST_LOCAL_PAUSE (100 * SKT_MS)

static void wait_end(struct skt_wait *w)
{
	w->has_ended = true;
	skt_loop_stop(w->loop);
}

static void wait_fail(struct skt_wait *w, const struct skt_error *err)
{
	if (w->has_ended)
		return;
	w->end = *err;
	wait_end(w);
}

static skt_time wait_pause(const struct skt_wait_target *t)
{
	const struct skt_wait *w = t->wait;
	skt_time pause = (skt_now() - w->began) / 10;
	skt_time most = skt_probe_is_local(&t->e) ? WAIT_MOST_LOCAL_PAUSE : WAIT_MOST_PAUSE;

	if (w->interval)
		return w->interval;
	return pause < WAIT_LEAST_PAUSE ? WAIT_LEAST_PAUSE : pause > most ? most : pause;
}

static void wait_ask(struct skt_wait_target *t);

static void wait_again(struct skt_timer *timer)
{
	wait_ask(SKT_OUTER(timer, struct skt_wait_target, timer));
}

static void wait_is_done(struct skt_wait_target *t)
{
	struct skt_wait *w = t->wait;

	t->is_done = true;
	t->took = skt_now() - w->began;
	w->n_done++;
	skt_wait_say_done(w, t);
	if (w->any || w->n_done == w->n)
		wait_end(w);
}

static void wait_answered(void *user, const struct skt_error *err)
{
	struct skt_wait_target *t = user;
	struct skt_wait *w = t->wait;
	struct skt_error own;

	t->probe = NULL;
	if (w->has_ended)
		return;
	if (!err) {
		wait_is_done(t);
		return;
	}
	t->seen = *err;
	if (!skt_probe_may_change(err))
		wait_fail(w, err);
	else if (skt_loop_after(w->loop, &t->timer, wait_pause(t), wait_again) < 0) {
		(void)skt_fail_memory(&own);
		wait_fail(w, &own);
	}
}

static void wait_ask(struct skt_wait_target *t)
{
	struct skt_wait *w = t->wait;
	struct skt_error err;

	t->tries++;
	if (skt_probe_new(w->loop, &t->e, w->want, wait_answered, t, &t->probe, &err) < 0)
		wait_answered(t, &err);
}

static void wait_expired(struct skt_timer *timer)
{
	struct skt_wait *w = SKT_OUTER(timer, struct skt_wait, deadline);

	if (w->has_ended)
		return;
	skt_wait_fail_timeout(w, &w->end);
	wait_end(w);
}

static int wait_loop(struct skt_wait *w, struct skt_error *err)
{
	if (w->timeout && skt_loop_after(w->loop, &w->deadline, w->timeout, wait_expired) < 0)
		return skt_fail_memory(err);
	skt_wait_say_start(w);
	for (int i = 0; i < w->n; i++) {
		w->target[i].wait = w;
		wait_ask(&w->target[i]);
	}
	while (!w->has_ended) {
		int ret = skt_loop_round(w->loop, SKT_FOREVER, err);

		if (ret < 0)
			return ret;
	}
	if (w->end.kind)
		*err = w->end;
	return -(int)w->end.kind;
}

int skt_wait_run(struct skt_wait *w, struct skt_error *err)
{
	int ret = skt_loop_new(&w->loop, err);

	if (ret < 0)
		return ret;
	w->began = skt_now();
	ret = wait_loop(w, err);
	skt_wait_say_clear(w);
	return ret;
}

void skt_wait_release(struct skt_wait *w)
{
	for (int i = 0; w->target && i < w->n; i++) {
		struct skt_wait_target *t = &w->target[i];

		skt_probe_free(t->probe);
		if (w->loop)
			skt_loop_clear(w->loop, &t->timer);
		skt_endpoint_release(&t->e);
		skt_text_release(&t->name);
	}
	if (w->loop) {
		skt_loop_clear(w->loop, &w->deadline);
		skt_loop_clear(w->loop, &w->redraw);
	}
	skt_loop_free(w->loop);
	skt_free(w->target);
	*w = (struct skt_wait){ 0 };
}

/* SPDX-License-Identifier: Apache-2.0 */
/* WebSocket over a stream of bytes: the stream itself, and its pings.
 *
 * How it works: opening is the handshake (wsopen.c). Then bytes go through two halves that know little of each other. Reading (wsread.c)
 * goes through frames byte by byte as they come and gives their payload from the room it was read into; it owes answers to control
 * frames. Writing (wswrite.c) makes frames, holds what below does not take, and sends what is owed between them. The end is a Close each
 * way: ours is sent by shut, or in answer to the peer's; when both have passed, below is shut too.
 *
 * Pings: the timer is due each `ping`. One that finds the last ping unanswered gives the peer up, but only where its answer would have
 * been read: not while our own reader is behind, nor within a long frame that is still coming. */
#include "io/filter/ws.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "io/filter/layer.h"
#include "io/filter/wslayer.h"
#include "sys/clock.h"
#include "sys/ossl.h"

/* What is shared */

int skt_ws_hold(struct skt_ws *w, struct skt_ws_held **held, const void *bytes, size_t n, size_t cap)
{
	*held = skt_malloc(sizeof(**held) + cap);
	if (!*held)
		return skt_layer_fail_memory(&w->stream);
	**held = (struct skt_ws_held){ .n = n, .cap = cap };
	if (n)
		memcpy((*held)->bytes, bytes, n);
	return 0;
}

void skt_ws_drop(struct skt_ws_held **held)
{
	skt_free(*held);
	*held = NULL;
}

void skt_ws_follow(struct skt_ws *w)
{
	skt_layer_follow(&w->stream);
	if (w->out)
		w->stream.flags |= SKT_STREAM_HOLDS;
	if (w->saw_close && !w->may_answer)
		w->stream.flags |= SKT_STREAM_GONE;
}

int skt_ws_fail(struct skt_ws *w, const struct skt_error *err)
{
	int ret = skt_stream_fail(&w->stream, err);

	if (!w->is_read_over)
		w->read_ret = ret;
	if (!w->is_write_over)
		w->write_ret = ret;
	w->is_read_over = w->is_write_over = true;
	skt_ws_drop(&w->in);
	skt_ws_drop(&w->message);
	skt_ws_drop(&w->out);
	return ret;
}

/* Pings */

void skt_ws_ponged(struct skt_ws *w)
{
	skt_time rtt = skt_now() - w->pinged_at;

	w->waits_for_pong = false;
	w->seen.best_rtt = w->seen.has_rtt && w->seen.best_rtt < rtt ? w->seen.best_rtt : rtt;
	w->seen.rtt = rtt;
	w->seen.has_rtt = true;
}

static void ws_give_up(struct skt_ws *w)
{
	char wait[SKT_UNIT_LENGTH];
	struct skt_error err;

	(void)skt_fail(&err, SKT_E_TIMEOUT, ETIMEDOUT, _("the peer has not answered a ping for %s"),
		       skt_duration_print(w->config->ping, wait));
	skt_hint(&err, "%s", _("it hangs, or the network to it is cut"));
	(void)skt_ws_fail(w, &err);
	skt_stream_wake(&w->stream);
}

static bool ws_is_hopeless(const struct skt_ws *w)
{
	bool comes = w->place == SKT_WS_PAYLOAD && w->heard;

	return w->waits_for_pong && w->is_drained && !comes;
}

static void ws_ping_due(struct skt_timer *timer)
{
	struct skt_ws *w = SKT_OUTER(timer, struct skt_ws, timer);

	if (w->is_read_over || w->sent_close || w->owes_close)
		return;
	if (ws_is_hopeless(w)) {
		ws_give_up(w);
		return;
	}
	w->heard = false;
	if (!w->waits_for_pong) {
		w->waits_for_pong = w->owes_ping = true;
		w->pinged_at = 0;
		(void)skt_ws_flush(w); /* a failure is told by the next write, or by shut */
	}
	if (skt_ws_begin_pings(w) < 0)
		skt_stream_wake(&w->stream);
}

int skt_ws_begin_pings(struct skt_ws *w)
{
	struct skt_error err = { 0 };

	if (w->config->ping <= 0 || skt_loop_after(w->loop, &w->timer, w->config->ping, ws_ping_due) == 0)
		return 0;
	(void)skt_fail_memory(&err);
	return skt_ws_fail(w, &err);
}

/* The stream */

/* The peer has closed and waits for our Close, while we may still have messages for it. Where it waits no longer, it is gone. */
static void ws_watch_leaving(struct skt_ws *w)
{
	char rest[256];
	ssize_t got;

	do
		got = skt_stream_read(w->stream.below, rest, sizeof(rest)); /* behind a Close nothing means anything */
	while (got > 0);
	if (got != -SKT_AGAIN)
		w->may_answer = false;
}

static void ws_woken(void *layer)
{
	struct skt_ws *w = skt_ws_of(layer);

	if (w->may_answer)
		ws_watch_leaving(w);
	if (w->step == SKT_WS_OPEN)
		(void)skt_ws_flush(w); /* a failure is told by the next write, or by shut */
	skt_ws_follow(w);
	skt_stream_wake(&w->stream);
}

static int ws_finish(struct skt_stream *s, bool cut, int *status)
{
	int ret = skt_layer_finish(s, cut, status);

	skt_ws_follow(skt_ws_of(s));
	return ret;
}

static void ws_go_on(struct skt_task *task)
{
	ws_woken(SKT_OUTER(task, struct skt_ws, task));
}

/* Nothing more comes: the peer need not wait, or wonder. Whether it hears that is not waited for. */
static void ws_say_goodbye(struct skt_ws *w)
{
	if (w->step != SKT_WS_OPEN || w->is_write_over || w->sent_close || (w->saw_close && !w->may_answer))
		return;
	skt_ws_owe_close(w, w->may_answer                         ? w->seen.close_code
			    : w->stream.flags & SKT_STREAM_BROKEN ? SKT_WS_TROUBLE
								  : SKT_WS_GOING);
	(void)skt_ws_flush(w);
}

static void ws_free(struct skt_stream *s)
{
	struct skt_ws *w = skt_ws_of(s);

	ws_say_goodbye(w);
	if (w->loop) {
		skt_loop_clear(w->loop, &w->timer);
		skt_loop_undefer(w->loop, &w->task);
	}
	skt_ws_drop(&w->in);
	skt_ws_drop(&w->message);
	skt_ws_drop(&w->out);
	skt_wszip_free(w->zip);
	skt_free(w->key);
	skt_stream_free(s->below);
	skt_free(w);
}

static const struct skt_stream_ops ws_ops = {
	.name = "ws",
	.open = skt_ws_open,
	.read = skt_ws_read,
	.write = skt_ws_write,
	.shut = skt_ws_shut,
	.finish = ws_finish,
	.free = ws_free,
};

static int ws_new(struct skt_loop *loop, struct skt_stream *below, const struct skt_ws_config *config, bool is_server,
		  struct skt_stream **ret, struct skt_error *err)
{
	struct skt_ws *w;
	int failed = skt_ossl_load(err);

	if (failed < 0) {
		skt_stream_free(below);
		return failed;
	}
	w = SKT_NEW(struct skt_ws);
	if (!w) {
		skt_stream_free(below);
		return skt_fail_memory(err);
	}
	w->loop = loop;
	w->own = *config;
	w->config = &w->own;
	w->is_server = is_server;
	w->task.fn = ws_go_on;
	skt_layer_init(&w->stream, &ws_ops, below, ws_woken);
	*ret = &w->stream;
	return 0;
}

int skt_ws_new_client(struct skt_loop *loop, struct skt_stream *below, const struct skt_ws_config *config,
		      struct skt_stream **ret, struct skt_error *err)
{
	return ws_new(loop, below, config, false, ret, err);
}

int skt_ws_new_server(struct skt_loop *loop, struct skt_stream *below, const struct skt_ws_config *config,
		      struct skt_stream **ret, struct skt_error *err)
{
	return ws_new(loop, below, config, true, ret, err);
}

void skt_ws_keep_messages(struct skt_stream *s, bool keeps)
{
	skt_ws_of(s)->keeps_messages = keeps;
	s->flags = (uint16_t)(keeps ? s->flags | SKT_STREAM_MESSAGES : s->flags & ~SKT_STREAM_MESSAGES);
}

void skt_ws_take_longer(struct skt_stream *s)
{
	skt_ws_of(s)->takes_longer = true;
}

bool skt_ws_seen(const struct skt_stream *s, struct skt_ws_seen *ret)
{
	if (s->ops != &ws_ops)
		return false;
	*ret = SKT_OUTER(s, const struct skt_ws, stream)->seen;
	return true;
}

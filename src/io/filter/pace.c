/* SPDX-License-Identifier: Apache-2.0 */
/* pace=: messages given one by one, each when its time has come.
 *
 * How it works: each message has a time on a schedule of its own, from 0; `start` is where that 0 lies on the monotonic clock. A read
 * before the time sets the timer and says AGAIN. The timer is a timerfd, because the loop's timers wait in whole milliseconds, and a
 * datagram of 20 Mbit/s follows the last in half of one. Late messages are given at once, until the schedule is met again; lateness
 * beyond SKT_PACE_CATCH_UP moves `start`, so that a stall is not followed by a flood.
 *
 * RATE needs no message in advance: when the next is due follows from those that were given. PCR reads ahead into a queue
 * (tsqueue.h) until the next message's time is known, and no further. */
#include "io/filter/pace.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>

#include "base/alloc.h"
#include "base/message.h"
#include "io/filter/layer.h"
#include "io/filter/tsqueue.h"
#include "sys/call.h"
#include "sys/clock.h"

enum { PACE_MESSAGE = SKT_PACE_PACKETS * SKT_TS_PACKET, PACE_BURST = 64 * 1024, PACE_READS = 16 };

/* Kinds of notices. */
enum pace_news { PACE_SYNC, PACE_CLOCK, PACE_GUESS, PACE_TAIL, PACE_LENGTH };

/* What PCR needs besides. */
struct pace_ts {
	struct skt_tsqueue queue;
	uint64_t told_skipped, told_wild;
	skt_time told_at[PACE_LENGTH]; /* 0: not yet */
	bool told_guess;
};

struct pace {
	struct skt_stream stream;
	struct skt_loop *loop;
	struct skt_pacing how;
	struct skt_watch timer;
	struct skt_task task; /* goes on reading what is long and brings nothing */
	skt_time armed;       /* what the timer is set to; 0: nothing */
	skt_time start;
	int64_t bits; /* RATE: given since `start` */
	struct pace_ts *ts;
	int failed; /* what reading returns when the queue is empty, once has_ended */
	bool has_begun, has_ended;
};

static struct pace *pace_of(struct skt_stream *s)
{
	return SKT_OUTER(s, struct pace, stream);
}

/* Options */

static int pace_parse_rate(const char *value, struct skt_pacing *ret)
{
	int64_t rate = 0;
	int unit = (int)strspn(value, "0123456789.");

	if (skt_rate_parse(value, &rate) < 0)
		return unit;
	if (rate < 1)
		return 0;
	ret->kind = SKT_PACE_RATE;
	ret->bits_per_second = rate;
	return -1;
}

int skt_pace_parse(const char *value, struct skt_pacing *ret)
{
	static const char pcr[] = "pcr";
	int same = 0;

	while (pcr[same] && pcr[same] == value[same])
		same++;
	if (same == 0)
		return pace_parse_rate(value, ret);
	if (pcr[same] || value[same])
		return same;
	ret->kind = SKT_PACE_PCR;
	ret->bits_per_second = 0;
	return -1;
}

/* The schedule */

/* Have the loop wake us at `due`. Returns -SKT_AGAIN, or -SKT_E_IO. */
static int pace_wait(struct pace *p, skt_time due)
{
	struct itimerspec at = { .it_value = { .tv_sec = (time_t)(due / SKT_SECOND),
					       .tv_nsec = (long)(due % SKT_SECOND) } };

	if (p->armed == due)
		return -SKT_AGAIN;
	if (skt_sys.timerfd_settime(p->timer.fd, TFD_TIMER_ABSTIME, &at, NULL) < 0) {
		p->stream.sys = p->stream.sys ? p->stream.sys : errno;
		return -SKT_E_IO;
	}
	p->armed = due;
	return -SKT_AGAIN;
}

/* Whether the time `at` of the schedule has come: 0, or as pace_wait(). */
static int pace_come(struct pace *p, skt_time at)
{
	skt_time now = skt_now(), late;

	if (!p->has_begun) {
		p->has_begun = true;
		p->start = now - at;
	}
	late = now - (p->start + at);
	if (late < 0)
		return pace_wait(p, p->start + at);
	if (late > SKT_PACE_CATCH_UP)
		p->start += late - SKT_PACE_CATCH_UP;
	return 0;
}

static void pace_timer(struct skt_watch *watch, unsigned ready)
{
	struct pace *p = SKT_OUTER(watch, struct pace, timer);
	uint64_t times;

	(void)ready;
	(void)!skt_sys.read(watch->fd, &times, sizeof(times));
	p->armed = 0;
	skt_layer_wake(&p->stream);
}

static void pace_task(struct skt_task *task)
{
	skt_layer_wake(&SKT_OUTER(task, struct pace, task)->stream);
}

/* RATE */

static ssize_t pace_read_rate(struct pace *p, void *buf, size_t n)
{
	int64_t rate = p->how.bits_per_second;
	ssize_t got = pace_come(p, (skt_time)((double)p->bits * (double)SKT_SECOND / (double)rate));

	if (got < 0)
		return got;
	got = skt_stream_read(p->stream.below, buf, n);
	if (got == 0)
		skt_layer_follow(&p->stream);
	if (got > 0)
		p->bits += 8 * (int64_t)got;
	/* whole seconds move the start, so that the number stays small, and exact */
	p->start += p->bits / rate * SKT_SECOND;
	p->bits %= rate;
	return got;
}

/* PCR */

/* Tell, unless the same kind was told less than a second ago. Returns whether it was told. */
__attribute__((format(printf, 3, 4))) static bool pace_tell(struct pace *p, enum pace_news news, const char *fmt, ...)
{
	skt_time now = skt_now(), *told_at = &p->ts->told_at[news];
	char text[256];
	va_list ap;

	if (!p->how.notice || (*told_at && now - *told_at < SKT_SECOND))
		return false;
	*told_at = now;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	p->how.notice(p->how.user, text);
	return true;
}

static void pace_tell_news(struct pace *p)
{
	struct pace_ts *ts = p->ts;
	const struct skt_ts_counts *counts = &ts->queue.ts.counts;
	unsigned long long skipped = counts->skipped - ts->told_skipped;
	char rate[SKT_UNIT_LENGTH];

	if (skipped && (ts->queue.ts.is_locked || p->has_ended) &&
	    pace_tell(p, PACE_SYNC, _("the transport stream is broken: %llu bytes between its packets are left out"),
		      skipped))
		ts->told_skipped = counts->skipped;
	if (counts->wild > ts->told_wild &&
	    pace_tell(p, PACE_CLOCK, "%s",
		      _("the clock (PCR) of the transport stream jumps: the pace from before is kept")))
		ts->told_wild = counts->wild;
	if (ts->queue.is_guessed && !ts->told_guess)
		ts->told_guess = pace_tell(p, PACE_GUESS,
					   _("the transport stream does not tell its pace (PCR): it is sent at %s"),
					   skt_rate_print(SKT_TSQUEUE_GUESS / 8, rate));
}

static int pace_fail_foreign(struct pace *p)
{
	struct skt_error err;

	(void)skt_fail(&err, SKT_E_PEER, 0, "%s", _("this is no MPEG transport stream: there is no packet in it"));
	skt_hint(&err, "%s", _("pace=RATE, such as pace=5Mbit, paces any bytes"));
	return skt_stream_fail(&p->stream, &err);
}

/* The bytes have ended, or failed; what was read is still given. */
static void pace_end(struct pace *p, int failed)
{
	struct skt_tsqueue *q = &p->ts->queue;
	bool is_foreign = q->ts.counts.packets == 0 && (q->ts.counts.skipped || q->ts.n_held);
	size_t left = skt_tsqueue_end(q);

	p->has_ended = true;
	p->failed = failed;
	skt_layer_follow(&p->stream);
	if (is_foreign && q->ts.counts.packets == 0 && !failed)
		p->failed = pace_fail_foreign(p);
	else if (left)
		(void)pace_tell(p, PACE_TAIL,
				_("the transport stream is cut: its last %zu bytes are no whole packet, and are not sent"),
				left);
}

/* Read once; `buf` is room for it. Returns 0, or -SKT_AGAIN. */
static int pace_fill(struct pace *p, uint8_t *buf, size_t n)
{
	struct skt_tsqueue *q = &p->ts->queue;
	size_t room = skt_tsqueue_room(q);
	ssize_t got;

	if (room == 0) {
		skt_tsqueue_settle(q);
		return 0;
	}
	room = room < n ? room : n;
	got = skt_stream_read(p->stream.below, buf, room < PACE_BURST ? room : PACE_BURST);
	if (got == -SKT_AGAIN)
		return -SKT_AGAIN;
	if (got == -SKT_EMPTY)
		return 0;
	if (got > 0 && skt_tsqueue_feed(q, buf, (size_t)got) < 0)
		got = skt_layer_fail_memory(&p->stream);
	if (got > 0 && q->ts.counts.packets == 0 && q->ts.counts.skipped > SKT_PACE_AHEAD)
		got = pace_fail_foreign(p);
	if (got <= 0)
		pace_end(p, (int)got);
	return 0;
}

static int pace_fail_room(struct pace *p, size_t n)
{
	struct skt_error err;

	(void)skt_fail(&err, SKT_E_LIMIT, EMSGSIZE, _("a message of %d bytes came, and there is room for %zu"),
		       PACE_MESSAGE, n);
	return skt_stream_fail(&p->stream, &err);
}

static ssize_t pace_read_pcr(struct pace *p, uint8_t *buf, size_t n)
{
	struct skt_tsqueue *q = &p->ts->queue;
	int ret = 0;

	if (n < PACE_MESSAGE)
		return pace_fail_room(p, n);
	for (int reads = 0; ret == 0 && !skt_tsqueue_is_ready(q, SKT_PACE_PACKETS); reads++) {
		if (p->has_ended) {
			skt_tsqueue_release(q);
			return p->failed;
		}
		if (reads == PACE_READS) {
			skt_loop_defer(p->loop, &p->task);
			ret = -SKT_AGAIN;
		} else {
			ret = pace_fill(p, buf, n);
		}
		pace_tell_news(p);
	}
	if (ret == 0)
		ret = pace_come(p, skt_tsqueue_due(q));
	return ret < 0 ? ret : (ssize_t)skt_tsqueue_take(q, SKT_PACE_PACKETS, buf);
}

static ssize_t pace_read(struct skt_stream *s, void *buf, size_t n)
{
	struct pace *p = pace_of(s);

	return p->ts ? pace_read_pcr(p, buf, n) : pace_read_rate(p, buf, n);
}

static void pace_free(struct skt_stream *s)
{
	struct pace *p = pace_of(s);

	skt_loop_undefer(p->loop, &p->task);
	if (p->timer.fd >= 0)
		skt_loop_forget(p->loop, &p->timer);
	skt_close(p->timer.fd);
	if (p->ts)
		skt_tsqueue_release(&p->ts->queue);
	skt_free(p->ts);
	skt_stream_free(s->below);
	skt_free(p);
}

static const struct skt_stream_ops pace_ops = {
	.name = "pace",
	.open = skt_layer_open,
	.read = pace_read,
	.shut = skt_layer_shut,
	.finish = skt_layer_finish,
	.free = pace_free,
};

static int pace_set_up(struct pace *p, struct skt_error *err)
{
	if (p->how.kind == SKT_PACE_PCR) {
		p->ts = SKT_NEW(struct pace_ts);
		if (!p->ts)
			return skt_fail_memory(err);
		skt_tsqueue_init(&p->ts->queue, SKT_PACE_AHEAD);
	}
	p->timer.fd = skt_sys.timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (p->timer.fd < 0 || skt_loop_watch(p->loop, &p->timer, SKT_LEVEL) < 0)
		return skt_fail(err, SKT_E_LIMIT, errno, _("cannot make a timer: %s"), strerror(errno));
	return 0;
}

int skt_pace_new(struct skt_loop *loop, struct skt_stream *below, const struct skt_pacing *how, struct skt_stream **ret,
		 struct skt_error *err)
{
	struct pace *p = SKT_NEW(struct pace);
	int failed;

	if (!p) {
		skt_stream_free(below);
		return skt_fail_memory(err);
	}
	p->loop = loop;
	p->how = *how;
	p->timer = (struct skt_watch){ .fd = -1, .fn = pace_timer };
	p->task.fn = pace_task;
	p->stream.flags = SKT_STREAM_MESSAGES;
	skt_layer_init(&p->stream, &pace_ops, below, NULL);
	failed = pace_set_up(p, err);
	if (failed) {
		skt_stream_free(&p->stream);
		return failed;
	}
	*ret = &p->stream;
	return 0;
}

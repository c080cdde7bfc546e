/* SPDX-License-Identifier: Apache-2.0 */
/* Happy Eyeballs.
 *
 * How it works: the race is a layer without a bottom until one attempt has connected; that attempt's stream then becomes what is
 * below, and every call passes through. Addresses come interleaved by family (sys/resolve). The next attempt starts 250 ms after
 * the last one (RFC 8305 section 5, Connection Attempt Delay) or at once when one fails. When all have failed, the error of the
 * attempt that got furthest is reported: a refusal says more than "unreachable". */
#include "transport/race.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "sys/resolve.h"

#define RACE_DELAY (250 * SKT_MS)

enum { RACE_AT_ONCE = 8 };

struct race_attempt {
	struct skt_stream *stream; /* NULL: the place is free */
	struct race *race;
};

struct race {
	struct skt_stream stream;
	struct skt_loop *loop;
	const struct skt_endpoint *e;
	skt_race_start *start;
	bool many, is_tolerant; /* of the origin */
	struct skt_resolve *resolve;
	struct skt_watch answered;
	struct skt_timer timer;
	struct race_attempt attempt[RACE_AT_ONCE];
	struct skt_error best; /* the error to report if all fail */
	int n, next;
	struct skt_addr addr[];
};

static struct race *race_of(struct skt_stream *s)
{
	return SKT_OUTER(s, struct race, stream);
}

static void race_woken(void *user)
{
	skt_stream_wake(&((struct race *)user)->stream);
}

static void race_timer(struct skt_timer *timer)
{
	skt_stream_wake(&SKT_OUTER(timer, struct race, timer)->stream);
}

static void race_answered(struct skt_watch *watch, unsigned ready)
{
	(void)ready;
	skt_stream_wake(&SKT_OUTER(watch, struct race, answered)->stream);
}

static void race_stop_resolving(struct race *r)
{
	if (!r->resolve)
		return;
	skt_loop_unwatch(r->loop, &r->answered);
	skt_resolve_free(r->resolve);
	r->resolve = NULL;
}

/* Refused says more than a limit of ours, that more than a silence, and that more than "unreachable". */
static int race_rank(const struct skt_error *err)
{
	if (err->sys == ECONNREFUSED)
		return 4;
	if (err->kind == SKT_E_DENIED || err->kind == SKT_E_LIMIT)
		return 3;
	return err->kind == SKT_E_TIMEOUT ? 2 : err->kind == SKT_OK ? 0 : 1;
}

static void race_note(struct race *r, const struct skt_error *err)
{
	if (race_rank(err) > race_rank(&r->best))
		r->best = *err;
}

/* Start attempts until one is on its way. Returns the free place that is used, or -1 when no address is left. */
static int race_start(struct race *r)
{
	struct skt_error err = { 0 };
	int place = 0;

	while (place < RACE_AT_ONCE && r->attempt[place].stream)
		place++;
	while (place < RACE_AT_ONCE && r->next < r->n) {
		const struct skt_addr *to = &r->addr[r->next++];
		struct skt_origin origin = { .many = r->many, .is_tolerant = r->is_tolerant };

		if (r->start(r->loop, r->e, to, &origin, &r->attempt[place].stream, &err) == 0) {
			skt_stream_on_wake(r->attempt[place].stream, race_woken, r);
			(void)skt_loop_after(r->loop, &r->timer, RACE_DELAY, race_timer);
			return place;
		}
		race_note(r, &err);
	}
	return -1;
}

static void race_drop(struct race *r, int place)
{
	skt_stream_free(r->attempt[place].stream);
	r->attempt[place].stream = NULL;
}

static void race_won(struct race *r, int place)
{
	r->stream.below = r->attempt[place].stream;
	r->stream.flags = r->stream.below->flags;
	r->attempt[place].stream = NULL;
	for (int i = 0; i < RACE_AT_ONCE; i++)
		race_drop(r, i);
	skt_loop_clear(r->loop, &r->timer);
}

/* Look at each attempt: 1 one has won, 0 some are on their way, -1 none is. */
static int race_look(struct race *r)
{
	int ret = -1;

	for (int i = 0; i < RACE_AT_ONCE; i++) {
		struct skt_stream *s = r->attempt[i].stream;
		struct skt_error err;
		int opened = s ? skt_stream_open(s) : 0;

		if (!s)
			continue;
		if (opened == 0) {
			race_won(r, i);
			return 1;
		}
		if (opened == -SKT_AGAIN) {
			ret = 0;
			continue;
		}
		skt_stream_why(s, &err);
		race_note(r, &err);
		race_drop(r, i);
	}
	return ret;
}

static int race_resolved(struct race *r)
{
	struct skt_error err;
	int n = skt_resolve_take(r->resolve, r->addr, SKT_RESOLVED_MAX, &err);

	if (n == -SKT_AGAIN)
		return -SKT_AGAIN;
	race_stop_resolving(r);
	if (n < 0)
		return skt_stream_fail(&r->stream, &err);
	r->n = n;
	return 0;
}

static int race_open(struct skt_stream *s)
{
	struct race *r = race_of(s);
	int ret = 0, found;

	if (s->below)
		return 0;
	if (r->resolve && (ret = race_resolved(r)) < 0)
		return ret;
	found = race_look(r);
	if (found > 0)
		return 0;
	/* the first, the next after a failure, or one more because the delay has passed */
	if (found < 0 || !skt_timer_is_set(&r->timer))
		if (race_start(r) >= 0)
			return race_look(r) > 0 ? 0 : -SKT_AGAIN;
	if (found == 0)
		return -SKT_AGAIN;
	return skt_stream_fail(s, &r->best);
}

static struct skt_fd *race_raw(struct skt_stream *s)
{
	return skt_stream_raw(s->below);
}

static void race_free(struct skt_stream *s)
{
	struct race *r = race_of(s);

	race_stop_resolving(r);
	skt_loop_clear(r->loop, &r->timer);
	for (int i = 0; i < RACE_AT_ONCE; i++)
		race_drop(r, i);
	skt_stream_free(s->below);
	skt_free(r);
}

static const struct skt_stream_ops race_ops = { .name = "race", .open = race_open, .raw = race_raw, .free = race_free };

int skt_race_new(struct skt_loop *loop, const struct skt_endpoint *e, const char *host, int family,
		 const struct skt_addr *addrs, int n, const struct skt_origin *origin, skt_race_start *start,
		 struct skt_stream **ret, struct skt_error *err)
{
	size_t room = (size_t)(addrs ? n : SKT_RESOLVED_MAX);
	struct race *r = skt_zalloc(sizeof(*r) + room * sizeof(r->addr[0]));
	int failed = 0;

	if (!r)
		return skt_fail_memory(err);
	r->stream.ops = &race_ops;
	r->loop = loop;
	r->e = e;
	r->start = start;
	r->many = origin->many;
	r->is_tolerant = origin->is_tolerant;
	if (addrs) {
		memcpy(r->addr, addrs, room * sizeof(r->addr[0]));
		r->n = n;
	} else {
		failed = skt_resolve_new(host, e->port, family, &r->resolve, err);
	}
	if (r->resolve) {
		r->answered = (struct skt_watch){ .fd = skt_resolve_fd(r->resolve), .fn = race_answered };
		if (skt_loop_watch(loop, &r->answered, SKT_LEVEL) < 0)
			failed = skt_fail(err, SKT_E_LIMIT, errno, _("cannot watch a descriptor: %s"), strerror(errno));
	}
	if (failed)
		race_free(&r->stream);
	else
		*ret = &r->stream;
	return failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Timers in a binary heap. */
#include "loop/timer.h"

#include "base/alloc.h"
#include "base/error.h"

static void timers_put(struct skt_timers *t, uint32_t place, struct skt_timer *timer)
{
	t->heap[place] = timer;
	timer->place = place;
}

static void timers_up(struct skt_timers *t, uint32_t place, struct skt_timer *timer)
{
	while (place > 1 && t->heap[place / 2]->due > timer->due) {
		timers_put(t, place, t->heap[place / 2]);
		place /= 2;
	}
	timers_put(t, place, timer);
}

static void timers_down(struct skt_timers *t, uint32_t place, struct skt_timer *timer)
{
	for (uint32_t child; (child = place * 2) <= t->n; place = child) {
		if (child < t->n && t->heap[child + 1]->due < t->heap[child]->due)
			child++;
		if (t->heap[child]->due >= timer->due)
			break;
		timers_put(t, place, t->heap[child]);
	}
	timers_put(t, place, timer);
}

static int timers_reserve(struct skt_timers *t)
{
	uint32_t cap = t->cap ? t->cap * 2 : 64;
	struct skt_timer **heap;

	if (t->n + 1 < t->cap)
		return 0;
	heap = skt_realloc(t->heap, cap * sizeof(*heap));
	if (!heap)
		return -SKT_E_LIMIT;
	t->heap = heap;
	t->cap = cap;
	return 0;
}

int skt_timers_set(struct skt_timers *t, struct skt_timer *timer, skt_time due, void (*fn)(struct skt_timer *))
{
	if (!timer->place && timers_reserve(t) < 0)
		return -SKT_E_LIMIT;
	skt_timers_clear(t, timer);
	timer->due = due;
	timer->fn = fn;
	timers_up(t, ++t->n, timer);
	return 0;
}

void skt_timers_clear(struct skt_timers *t, struct skt_timer *timer)
{
	uint32_t place = timer->place;
	struct skt_timer *last;

	if (!place)
		return;
	timer->place = 0;
	last = t->heap[t->n--];
	if (last == timer)
		return;
	if (place > 1 && t->heap[place / 2]->due > last->due)
		timers_up(t, place, last);
	else
		timers_down(t, place, last);
}

struct skt_timer *skt_timers_first(const struct skt_timers *t)
{
	return t->n ? t->heap[1] : NULL;
}

bool skt_timer_is_set(const struct skt_timer *timer)
{
	return timer->place != 0;
}

void skt_timers_release(struct skt_timers *t)
{
	skt_free(t->heap);
	*t = (struct skt_timers){ 0 };
}

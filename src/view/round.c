/* SPDX-License-Identifier: Apache-2.0 */
/* What readers get, once a second.
 *
 * How it works: a round has two steps of one timer. First the relays' threads are asked to write their links down, and the machine is looked at
 * where that is due; a moment later, when the threads have answered, each reader is told. Nothing runs while nobody reads. */
#include "base/alloc.h"
#include "sys/clock.h"
#include "view/parts.h"

#define ROUND_EVERY SKT_SECOND
/* For the relays to answer. One that takes longer is shown as it was a second ago. */
#define ROUND_ANSWERS (40 * SKT_MS)

static void round_step(struct skt_timer *timer);

static void round_set(struct skt_view *view, bool has_asked, skt_time delay)
{
	view->has_asked = has_asked;
	(void)skt_loop_after(view->loop, &view->timer, delay, round_step);
}

/* Whether somebody wants to know of links: else their threads are left alone. */
static bool round_is_of_links(const struct skt_view *view)
{
	for (const struct skt_reader *r = view->readers.next; r != &view->readers; r = r->next)
		if (r->wants & (SKT_WANTS_LINKS | SKT_WANTS_SOCKET))
			return true;
	return false;
}

static void round_ask(struct skt_view *view)
{
	struct skt_sight *next;

	if (round_is_of_links(view))
		skt_roster_ask();
	for (struct skt_sight *sight = view->sights; sight; sight = next) {
		next = skt_sight_next(sight);
		skt_sight_look(view, sight);
	}
}

/* The roster is kept for a reader that comes before the next round. */
static void round_get_roster(struct skt_view *view)
{
	struct skt_roster roster;

	if (skt_roster_get(&roster) < 0)
		return;
	skt_roster_release(&view->roster);
	view->roster = roster;
}

static void round_tell_reader(struct skt_reader *r)
{
	if (r->wants & SKT_WANTS_SOCKET)
		skt_reader_tell(r, SKT_NEWS_SOCKET, skt_self_news(r));
	if (r->wants & SKT_WANTS_LINKS)
		skt_reader_tell(r, SKT_NEWS_LINKS, skt_links_news(r));
}

static void round_tell(struct skt_view *view)
{
	struct skt_reader *next;

	round_get_roster(view);
	for (struct skt_reader *r = view->readers.next; r != &view->readers; r = next) {
		next = r->next;
		round_tell_reader(r);
		skt_stream_wake(&r->stream); /* also where there is nothing new: for the beat */
	}
}

static void round_step(struct skt_timer *timer)
{
	struct skt_view *view = SKT_OUTER(timer, struct skt_view, timer);

	if (view->n_readers == 0)
		return;
	if (!view->has_asked) {
		round_ask(view);
		round_set(view, true, ROUND_ANSWERS);
		return;
	}
	round_tell(view);
	round_set(view, false, ROUND_EVERY - ROUND_ANSWERS);
}

void skt_round_begin(struct skt_view *view)
{
	round_set(view, false, 0);
}

void skt_round_end(struct skt_view *view)
{
	skt_loop_clear(view->loop, &view->timer);
	skt_roster_release(&view->roster);
}

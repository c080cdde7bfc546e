/* SPDX-License-Identifier: Apache-2.0 */
/* Which links there are now.
 *
 * How it works: each relay has a seat in one list. Who asks sets a flag in every seat and pokes its loop. The relay's thread then copies its
 * youngest links into memory of its own, without a lock, and puts that in the seat's place of the last copy under the lock, which is
 * held for so long only. Wishes have numbers that grow: a seat has looked for all up to the one that it has seen.
 *
 * Invariant: a seat's loop lives as long as the seat is in the list, so it may be poked under the lock. */
#include "relay/roster.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "io/dgconn.h"
#include "relay/rosterrow.h"
#include "relay/session.h"
#include "sys/clock.h"

#define ROSTER_APART (900 * SKT_MS)
/* An answer that is older than this is of a thread that has ended. */
#define ROSTER_STALE (5 * SKT_SECOND)

enum { ROSTER_WISHES = 64 };

struct skt_roster_seat {
	struct skt_roster_seat *next;
	struct skt_relay *relay;
	struct skt_loop *loop;
	atomic_bool is_asked; /* its thread has something to do */
	/* under the lock */
	bool wants_rows;
	skt_time asked_at, told_at;
	struct skt_roster told;
	uint64_t wish_seen;
	/* of its own thread */
	struct skt_roster spare;
};

struct skt_roster_wish {
	struct skt_roster_wish *next;
	uint64_t number, id;
	int n_waits; /* seats that have not looked yet */
	bool is_found;
};

static struct {
	pthread_mutex_t lock;
	struct skt_roster_seat *seats;
	struct skt_roster_wish *wishes;
	uint64_t n_wishes; /* the number of the last */
} roster = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void roster_lock(void)
{
	(void)pthread_mutex_lock(&roster.lock);
}

static void roster_unlock(void)
{
	(void)pthread_mutex_unlock(&roster.lock);
}

struct skt_roster_seat *skt_roster_join(struct skt_relay *relay)
{
	struct skt_roster_seat *seat = SKT_NEW(struct skt_roster_seat);

	if (!seat)
		return NULL;
	seat->relay = relay;
	seat->loop = relay->loop;
	roster_lock();
	seat->wish_seen = roster.n_wishes;
	seat->next = roster.seats;
	roster.seats = seat;
	roster_unlock();
	return seat;
}

/* Under the lock: what it has not looked for, it does not have. */
static void seat_give_up_wishes(const struct skt_roster_seat *seat)
{
	for (struct skt_roster_wish *w = roster.wishes; w; w = w->next)
		if (w->number > seat->wish_seen)
			w->n_waits--;
}

void skt_roster_leave(struct skt_roster_seat *seat)
{
	struct skt_roster_seat **at = &roster.seats;

	if (!seat)
		return;
	roster_lock();
	while (*at != seat)
		at = &(*at)->next;
	*at = seat->next;
	seat_give_up_wishes(seat);
	roster_unlock();
	skt_roster_release(&seat->told);
	skt_roster_release(&seat->spare);
	skt_free(seat);
}

/* Under the lock. */
static void seat_poke(struct skt_roster_seat *seat)
{
	atomic_store(&seat->is_asked, true);
	skt_loop_poke(seat->loop);
}

void skt_roster_ask(void)
{
	skt_time now = skt_now();

	roster_lock();
	for (struct skt_roster_seat *seat = roster.seats; seat; seat = seat->next) {
		if (seat->asked_at && now - seat->asked_at < ROSTER_APART)
			continue;
		seat->asked_at = now;
		seat->wants_rows = true;
		seat_poke(seat);
	}
	roster_unlock();
}

/* The relay's youngest links, into memory that is kept from one time to the next. */
static bool seat_write(struct skt_roster_seat *seat, struct skt_roster *ret)
{
	const struct skt_relay *relay = seat->relay;
	size_t most = (size_t)relay->n_sessions < SKT_ROSTER_MAX ? (size_t)relay->n_sessions : SKT_ROSTER_MAX;
	struct skt_roster_row *row = skt_realloc(ret->row, (most + 1) * sizeof(*row));

	if (!row)
		return false;
	*ret = (struct skt_roster){ .row = row, .n_links = (uint64_t)relay->n_sessions };
	for (const struct skt_session *s = relay->sessions.last; s != &relay->sessions && ret->n < most; s = s->last)
		if (s->record)
			skt_roster_row_write(s, &row[ret->n++]);
	return true;
}

static struct skt_session *seat_find(const struct skt_roster_seat *seat, uint64_t id)
{
	struct skt_relay *relay = seat->relay;

	for (struct skt_session *s = relay->sessions.next; s != &relay->sessions; s = s->next)
		if (s->record && s->record->number == id)
			return s;
	return NULL;
}

/* Cutting one link may free others' memory, but never that of the relay or of its seat: those are freed when its loop has ended. */
static void seat_grant(struct skt_roster_seat *seat, const uint64_t *id, int n)
{
	for (int i = 0; i < n; i++) {
		struct skt_session *s = seat_find(seat, id[i]);

		if (s)
			skt_session_cut(s);
	}
}

/* Under the lock: the ids that are wished to end and that this relay has, at most as many as can wait. Whoever has one says so at once, so that
 * nobody waits for the cutting itself. */
static int seat_take_wishes(struct skt_roster_seat *seat, uint64_t *ret)
{
	int n = 0;

	for (struct skt_roster_wish *w = roster.wishes; w; w = w->next) {
		if (w->number <= seat->wish_seen)
			continue;
		w->n_waits--;
		if (!seat_find(seat, w->id))
			continue;
		w->is_found = true;
		ret[n++] = w->id;
	}
	seat->wish_seen = roster.n_wishes;
	return n;
}

/* On the seat's own thread. */
static void seat_answer(struct skt_roster_seat *seat)
{
	struct skt_roster written = seat->spare;
	uint64_t wished[ROSTER_WISHES];
	bool wants_rows, has_rows;
	int n;

	roster_lock();
	wants_rows = seat->wants_rows;
	seat->wants_rows = false;
	n = seat_take_wishes(seat, wished);
	roster_unlock();
	seat_grant(seat, wished, n);
	if (!wants_rows)
		return;
	has_rows = seat_write(seat, &written);
	roster_lock();
	seat->told_at = skt_now();
	if (has_rows) {
		seat->spare = seat->told;
		seat->told = written;
	}
	roster_unlock();
}

/* The next seat of that loop whose thread has something to do. */
static struct skt_roster_seat *roster_asked(const struct skt_loop *loop)
{
	struct skt_roster_seat *seat;

	roster_lock();
	for (seat = roster.seats; seat; seat = seat->next)
		if (seat->loop == loop && atomic_exchange(&seat->is_asked, false))
			break;
	roster_unlock();
	return seat;
}

void skt_roster_poked(const struct skt_loop *loop)
{
	for (struct skt_roster_seat *seat; (seat = roster_asked(loop)) != NULL;)
		seat_answer(seat);
}

static int roster_compare(const void *a, const void *b)
{
	const struct skt_roster_row *x = a, *y = b;

	return (x->id < y->id) - (x->id > y->id);
}

static bool seat_has_told(const struct skt_roster_seat *seat, skt_time now)
{
	return seat->told_at && now - seat->told_at < ROSTER_STALE;
}

int skt_roster_get(struct skt_roster *ret)
{
	skt_time now = skt_now();
	size_t most = 0;

	*ret = (struct skt_roster){ 0 };
	roster_lock();
	for (const struct skt_roster_seat *seat = roster.seats; seat; seat = seat->next)
		most += seat_has_told(seat, now) ? seat->told.n : 0;
	ret->row = skt_malloc((most + 1) * sizeof(*ret->row));
	for (const struct skt_roster_seat *seat = roster.seats; seat && ret->row; seat = seat->next) {
		if (!seat_has_told(seat, now))
			continue;
		if (seat->told.n > 0)
			memcpy(ret->row + ret->n, seat->told.row, seat->told.n * sizeof(*ret->row));
		ret->n += seat->told.n;
		ret->n_links += seat->told.n_links;
	}
	roster_unlock();
	if (!ret->row)
		return -SKT_E_LIMIT;
	if (ret->n > 1)
		qsort(ret->row, ret->n, sizeof(*ret->row), roster_compare);
	if (ret->n > SKT_ROSTER_MAX)
		ret->n = SKT_ROSTER_MAX;
	return 0;
}

void skt_roster_release(struct skt_roster *r)
{
	skt_free(r->row);
	*r = (struct skt_roster){ 0 };
}

static int roster_n_wishes(void)
{
	int n = 0;

	for (const struct skt_roster_wish *w = roster.wishes; w; w = w->next)
		n++;
	return n;
}

int skt_roster_end_link(uint64_t id, struct skt_roster_wish **ret)
{
	struct skt_roster_wish *w = SKT_NEW(struct skt_roster_wish);

	if (!w)
		return -SKT_E_LIMIT;
	roster_lock();
	if (roster_n_wishes() >= ROSTER_WISHES) {
		roster_unlock();
		skt_free(w);
		return -SKT_E_LIMIT;
	}
	w->id = id;
	w->number = ++roster.n_wishes;
	w->next = roster.wishes;
	roster.wishes = w;
	for (struct skt_roster_seat *seat = roster.seats; seat; seat = seat->next) {
		w->n_waits++;
		seat_poke(seat);
	}
	roster_unlock();
	*ret = w;
	return 0;
}

int skt_roster_outcome(const struct skt_roster_wish *wish)
{
	int ret;

	roster_lock();
	ret = wish->is_found ? 1 : wish->n_waits > 0 ? -SKT_AGAIN : 0;
	roster_unlock();
	return ret;
}

void skt_roster_forget(struct skt_roster_wish *wish)
{
	struct skt_roster_wish **at = &roster.wishes;

	if (!wish)
		return;
	roster_lock();
	while (*at != wish)
		at = &(*at)->next;
	*at = wish->next;
	roster_unlock();
	skt_free(wish);
}

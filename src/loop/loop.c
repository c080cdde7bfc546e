/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop: epoll here and nowhere else.
 *
 * How it works: a round waits for events, calls their watches, runs the tasks that were queued before it began, then the timers
 * that are due. A watch that is removed while a batch is being handled is struck out of the rest of the batch, so that a
 * freed watch is never called. Edge triggered watches are registered once and never changed: no epoll_ctl on the hot path. */
#include "loop/loop.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/message.h"
#include "sys/call.h"
#include "sys/clock.h"

enum { LOOP_BATCH = 512 };

struct skt_loop {
	int epoll;
	skt_time now;
	bool stopped;
	struct skt_timers timers;
	struct skt_task tasks; /* head of a ring */
	struct skt_watch poke;
	void (*on_poke)(void *user);
	void *poke_user;
	struct skt_pipepool pipes;
	void *scratch, *room, *block;
	bool is_room_taken;
	int at, n; /* the batch: the event being handled, and how many there are */
	struct epoll_event batch[LOOP_BATCH];
};

static void loop_poked(struct skt_watch *watch, unsigned ready)
{
	struct skt_loop *loop = SKT_OUTER(watch, struct skt_loop, poke);
	uint64_t n;

	(void)ready;
	(void)!read(watch->fd, &n, sizeof(n));
	if (loop->on_poke)
		loop->on_poke(loop->poke_user);
}

int skt_loop_new(struct skt_loop **ret, struct skt_error *err)
{
	struct skt_loop *loop = SKT_NEW(struct skt_loop);

	if (!loop)
		return skt_fail_memory(err);
	loop->tasks.next = loop->tasks.last = &loop->tasks;
	loop->poke.fd = -1;
	loop->poke.fn = loop_poked;
	loop->now = skt_now();
	loop->scratch = skt_malloc(SKT_SCRATCH_SIZE);
	loop->epoll = skt_sys.epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll >= 0)
		loop->poke.fd = skt_sys.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!loop->scratch || loop->poke.fd < 0 || skt_loop_watch(loop, &loop->poke, SKT_LEVEL) < 0) {
		int sys = loop->scratch ? errno : ENOMEM;

		skt_loop_free(loop);
		return skt_fail(err, SKT_E_LIMIT, sys, _("cannot make an event loop: %s"), strerror(sys));
	}
	*ret = loop;
	return 0;
}

void skt_loop_free(struct skt_loop *loop)
{
	if (!loop)
		return;
	skt_close(loop->poke.fd);
	skt_close(loop->epoll);
	skt_pipepool_release(&loop->pipes);
	skt_timers_release(&loop->timers);
	skt_free(loop->scratch);
	skt_free(loop->room);
	skt_free(loop->block);
	skt_free(loop);
}

int skt_loop_watch(struct skt_loop *loop, struct skt_watch *watch, enum skt_watching how)
{
	static const uint32_t events[] = {
		[SKT_EDGE] = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET,
		[SKT_LEVEL] = EPOLLIN,
		[SKT_SHARED] = EPOLLIN | EPOLLEXCLUSIVE,
	};
	struct epoll_event event = { .events = events[how], .data.ptr = watch };

	if (skt_sys.epoll_ctl(loop->epoll, EPOLL_CTL_ADD, watch->fd, &event) == 0)
		return 0;
	return errno == EPERM ? -SKT_E_USAGE : -SKT_E_LIMIT;
}

/* Out of the rest of the batch. */
static void loop_strike(struct skt_loop *loop, const struct skt_watch *watch)
{
	for (int i = loop->at; i < loop->n; i++)
		if (loop->batch[i].data.ptr == watch)
			loop->batch[i].data.ptr = NULL;
}

static atomic_bool loop_expects_forks;

void skt_loop_expect_forks(void)
{
	atomic_store(&loop_expects_forks, true);
}

/* Between fork and exec a child holds copies of all descriptors, close-on-exec or not: one that is closed here meanwhile stays in
 * epoll, and would bring events for a watch that is freed. */
void skt_loop_forget(struct skt_loop *loop, struct skt_watch *watch)
{
	struct epoll_event unused = { 0 };

	if (atomic_load_explicit(&loop_expects_forks, memory_order_relaxed))
		(void)skt_sys.epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, &unused);
	loop_strike(loop, watch);
}

void skt_loop_unwatch(struct skt_loop *loop, struct skt_watch *watch)
{
	struct epoll_event unused = { 0 };

	(void)skt_sys.epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, &unused);
	loop_strike(loop, watch);
}

int skt_loop_after(struct skt_loop *loop, struct skt_timer *timer, skt_time delay, void (*fn)(struct skt_timer *))
{
	return skt_timers_set(&loop->timers, timer, delay > SKT_FOREVER - loop->now ? SKT_FOREVER : loop->now + delay,
			      fn);
}

void skt_loop_clear(struct skt_loop *loop, struct skt_timer *timer)
{
	skt_timers_clear(&loop->timers, timer);
}

void skt_loop_defer(struct skt_loop *loop, struct skt_task *task)
{
	if (task->next)
		return;
	task->next = &loop->tasks;
	task->last = loop->tasks.last;
	task->last->next = task;
	loop->tasks.last = task;
}

void skt_loop_undefer(struct skt_loop *loop, struct skt_task *task)
{
	(void)loop;
	if (!task->next)
		return;
	task->next->last = task->last;
	task->last->next = task->next;
	task->next = task->last = NULL;
}

static unsigned loop_ready(uint32_t events)
{
	return (events & EPOLLIN ? SKT_IN : 0U) | (events & EPOLLOUT ? SKT_OUT : 0U) |
	       (events & EPOLLRDHUP ? SKT_RDHUP : 0U) | (events & EPOLLHUP ? SKT_HUP : 0U) |
	       (events & EPOLLERR ? SKT_ERR : 0U) | (events & EPOLLPRI ? SKT_PRI : 0U);
}

static void loop_run_watches(struct skt_loop *loop)
{
	for (loop->at = 0; loop->at < loop->n;) {
		const struct epoll_event *event = &loop->batch[loop->at++];
		struct skt_watch *watch = event->data.ptr;

		if (watch)
			watch->fn(watch, loop_ready(event->events));
	}
	loop->n = loop->at = 0;
}

/* Runs what is queued now; what is queued meanwhile waits for the next round, so that events get their turn. */
static void loop_run_tasks(struct skt_loop *loop)
{
	struct skt_task mark = { .fn = NULL };

	if (loop->tasks.next == &loop->tasks)
		return;
	skt_loop_defer(loop, &mark);
	for (struct skt_task *task; (task = loop->tasks.next) != &mark;) {
		skt_loop_undefer(loop, task);
		task->fn(task);
	}
	skt_loop_undefer(loop, &mark);
}

static void loop_run_timers(struct skt_loop *loop)
{
	struct skt_timer *timer;

	/* as many as there are now: one that sets itself anew, due at once, waits for the next round */
	for (uint32_t n = loop->timers.n; n > 0 && (timer = skt_timers_first(&loop->timers)) && timer->due <= loop->now;
	     n--) {
		skt_timers_clear(&loop->timers, timer);
		timer->fn(timer);
	}
}

/* How long to wait, in milliseconds rounded up, so that a timer is never early. */
static int loop_patience(const struct skt_loop *loop, skt_time most)
{
	const struct skt_timer *first = skt_timers_first(&loop->timers);
	skt_time wait = most;

	if (loop->tasks.next != &loop->tasks)
		return 0;
	if (first && first->due - loop->now < wait)
		wait = first->due - loop->now;
	if (wait == SKT_FOREVER)
		return -1;
	if (wait <= 0)
		return 0;
	return wait > 3600 * SKT_SECOND ? 3600 * 1000 : (int)((wait + SKT_MS - 1) / SKT_MS);
}

int skt_loop_round(struct skt_loop *loop, skt_time most, struct skt_error *err)
{
	int n = skt_sys.epoll_wait(loop->epoll, loop->batch, LOOP_BATCH, loop_patience(loop, most));

	if (n < 0 && errno != EINTR)
		return skt_fail(err, SKT_E_IO, errno, _("cannot wait for events: %s"), strerror(errno));
	loop->now = skt_now();
	loop->n = n < 0 ? 0 : n;
	loop_run_watches(loop);
	loop_run_tasks(loop);
	loop_run_timers(loop);
	return 0;
}

int skt_loop_run(struct skt_loop *loop, struct skt_error *err)
{
	int ret = 0;

	for (loop->stopped = false; !loop->stopped && ret == 0;)
		ret = skt_loop_round(loop, SKT_FOREVER, err);
	return ret;
}

void skt_loop_stop(struct skt_loop *loop)
{
	loop->stopped = true;
}

void skt_loop_poke(struct skt_loop *loop)
{
	uint64_t one = 1;
	int kept = errno;

	(void)!write(loop->poke.fd, &one, sizeof(one));
	errno = kept;
}

void skt_loop_on_poke(struct skt_loop *loop, void (*fn)(void *user), void *user)
{
	loop->on_poke = fn;
	loop->poke_user = user;
}

skt_time skt_loop_now(const struct skt_loop *loop)
{
	return loop->now;
}

void *skt_loop_scratch(struct skt_loop *loop)
{
	return loop->scratch;
}

struct skt_pipepool *skt_loop_pipes(struct skt_loop *loop)
{
	return &loop->pipes;
}

void *skt_loop_take_room(struct skt_loop *loop)
{
	if (loop->is_room_taken)
		return NULL;
	if (!loop->room)
		loop->room = skt_malloc(SKT_ROOM_SIZE);
	loop->is_room_taken = loop->room != NULL;
	return loop->room;
}

void skt_loop_give_room(struct skt_loop *loop, void *room)
{
	if (room)
		loop->is_room_taken = false;
}

void *skt_loop_block(struct skt_loop *loop, size_t n_bytes)
{
	if (!loop->block)
		loop->block = skt_zalloc(n_bytes);
	return loop->block;
}

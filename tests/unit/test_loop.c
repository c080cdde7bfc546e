/* SPDX-License-Identifier: Apache-2.0 */
/* The loop: watches, tasks in their order, timers that are never early, pokes. */
#include "support.h"

#include <pthread.h>

struct seen {
	struct skt_loop *loop;
	struct skt_watch watch, *other;
	unsigned ready;
	int calls;
};

static void seen_ready(struct skt_watch *watch, unsigned ready)
{
	struct seen *s = SKT_OUTER(watch, struct seen, watch);

	s->ready |= ready;
	s->calls++;
	if (s->other)
		skt_loop_unwatch(s->loop, s->other);
}

static void seen_watch(struct seen *s, struct skt_loop *loop, int fd, enum skt_watching how)
{
	*s = (struct seen){ .loop = loop, .watch = { .fd = fd, .fn = seen_ready } };
	assert_int_equal(skt_loop_watch(loop, &s->watch, how), 0);
}

static void a_watch_is_told_what_its_descriptor_is_ready_for(void **state)
{
	struct skt_loop *loop = support_loop();
	struct seen s;
	int pair[2];

	(void)state;
	support_socketpair(SOCK_STREAM, pair);
	seen_watch(&s, loop, pair[0], SKT_EDGE);
	SUPPORT_UNTIL(loop, s.calls);
	assert_int_equal(s.ready, SKT_OUT);
	s.calls = 0;
	support_settle(loop);
	assert_int_equal(s.calls, 0); /* edge: not told again */
	assert_int_equal(write(pair[1], "x", 1), 1);
	SUPPORT_UNTIL(loop, s.ready & SKT_IN);
	(void)shutdown(pair[1], SHUT_WR);
	SUPPORT_UNTIL(loop, s.ready & SKT_RDHUP);
	assert_false(s.ready & SKT_HUP);
	(void)close(pair[1]);
	SUPPORT_UNTIL(loop, s.ready & SKT_HUP);
	skt_loop_unwatch(loop, &s.watch);
	(void)close(pair[0]);
	skt_loop_free(loop);
}

static void a_level_watch_is_told_as_long_as_it_lasts(void **state)
{
	struct skt_loop *loop = support_loop();
	struct seen s;
	int pair[2];
	char c;

	(void)state;
	support_socketpair(SOCK_STREAM, pair);
	seen_watch(&s, loop, pair[0], SKT_LEVEL);
	support_settle(loop);
	assert_int_equal(s.calls, 0);
	assert_int_equal(write(pair[1], "x", 1), 1);
	SUPPORT_UNTIL(loop, s.calls == 3);
	assert_int_equal(s.ready, SKT_IN);
	assert_int_equal(read(pair[0], &c, 1), 1);
	s.calls = 0;
	support_settle(loop);
	assert_int_equal(s.calls, 0);
	skt_loop_unwatch(loop, &s.watch);
	(void)close(pair[0]);
	(void)close(pair[1]);
	skt_loop_free(loop);
}

static void a_watch_removed_within_a_batch_is_not_called_any_more(void **state)
{
	struct skt_loop *loop = support_loop();
	struct seen s[2];
	int a[2], b[2];

	(void)state;
	support_socketpair(SOCK_STREAM, a);
	support_socketpair(SOCK_STREAM, b);
	seen_watch(&s[0], loop, a[0], SKT_LEVEL);
	seen_watch(&s[1], loop, b[0], SKT_LEVEL);
	s[0].other = &s[1].watch;
	s[1].other = &s[0].watch;
	assert_int_equal(write(a[1], "x", 1), 1);
	assert_int_equal(write(b[1], "x", 1), 1);
	assert_int_equal(skt_loop_round(loop, SKT_SECOND, NULL), 0);
	assert_int_equal(s[0].calls + s[1].calls, 1); /* both were in the batch, whichever came first removed the other */
	for (int i = 0; i < 2; i++) {
		skt_loop_unwatch(loop, &s[i].watch);
		(void)close(a[i]);
		(void)close(b[i]);
	}
	skt_loop_free(loop);
}

static void a_plain_file_cannot_be_watched(void **state)
{
	struct skt_loop *loop = support_loop();
	struct skt_watch watch = { .fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) };

	(void)state;
	assert_int_equal(skt_loop_watch(loop, &watch, SKT_EDGE), -SKT_E_USAGE);
	(void)close(watch.fd);
	assert_int_equal(skt_loop_watch(loop, &watch, SKT_EDGE), -SKT_E_LIMIT);
	skt_loop_free(loop);
}

static char order[32];
static size_t n_order;

struct letter {
	struct skt_loop *loop;
	struct skt_task task, *drops, *adds;
	char name;
};

static void letter_run(struct skt_task *task)
{
	struct letter *l = SKT_OUTER(task, struct letter, task);

	order[n_order++] = l->name;
	order[n_order] = '\0';
	if (l->drops)
		skt_loop_undefer(l->loop, l->drops);
	if (l->adds)
		skt_loop_defer(l->loop, l->adds);
}

static void letters_init(struct letter *l, struct skt_loop *loop, int n)
{
	n_order = 0;
	order[0] = '\0';
	for (int i = 0; i < n; i++)
		l[i] = (struct letter){ .loop = loop, .task.fn = letter_run, .name = (char)('a' + i) };
}

static void tasks_run_in_the_order_in_which_they_were_put_off(void **state)
{
	struct skt_loop *loop = support_loop();
	struct letter l[4];

	(void)state;
	letters_init(l, loop, 4);
	skt_loop_defer(loop, &l[2].task);
	skt_loop_defer(loop, &l[0].task);
	skt_loop_defer(loop, &l[3].task);
	skt_loop_defer(loop, &l[0].task); /* queued already: keeps its place */
	skt_loop_defer(loop, &l[1].task);
	skt_loop_undefer(loop, &l[3].task);
	skt_loop_undefer(loop, &l[3].task);
	assert_int_equal(skt_loop_round(loop, SKT_FOREVER, NULL), 0); /* does not wait */
	assert_string_equal(order, "cab");
	skt_loop_free(loop);
}

static void what_a_task_puts_off_waits_for_the_next_round(void **state)
{
	struct skt_loop *loop = support_loop();
	struct letter l[3];

	(void)state;
	letters_init(l, loop, 3);
	l[0].adds = &l[0].task;  /* itself */
	l[1].drops = &l[2].task; /* one of the same round */
	for (int i = 0; i < 3; i++)
		skt_loop_defer(loop, &l[i].task);
	assert_int_equal(skt_loop_round(loop, SKT_FOREVER, NULL), 0);
	assert_string_equal(order, "ab");
	assert_int_equal(skt_loop_round(loop, SKT_FOREVER, NULL), 0);
	assert_string_equal(order, "aba");
	skt_loop_undefer(loop, &l[0].task);
	skt_loop_free(loop);
}

struct alarm {
	struct skt_loop *loop;
	struct skt_timer timer;
	skt_time due;
	int *calls;
};

static void alarm_rings(struct skt_timer *timer)
{
	struct alarm *a = SKT_OUTER(timer, struct alarm, timer);

	if (skt_now() < a->due)
		fail_msg("a timer was %lld ns early", (long long)(a->due - skt_now()));
	assert_false(skt_timer_is_set(timer));
	(*a->calls)++;
}

static void timers_are_never_early_and_ring_once(void **state)
{
	enum { N = 200 };
	static struct alarm alarms[N];
	struct skt_loop *loop = support_loop();
	uint32_t seed = 3;
	int calls = 0;

	(void)state;
	for (int i = 0; i < N; i++) {
		skt_time delay = support_random(&seed) % (30 * 1000) * SKT_US;

		alarms[i] = (struct alarm){ .loop = loop, .due = skt_loop_now(loop) + delay, .calls = &calls };
		assert_int_equal(skt_loop_after(loop, &alarms[i].timer, delay, alarm_rings), 0);
	}
	SUPPORT_UNTIL(loop, calls == N);
	support_settle(loop);
	assert_int_equal(calls, N);
	skt_loop_free(loop);
}

static void a_cleared_timer_does_not_ring_and_one_of_forever_never_does(void **state)
{
	struct skt_loop *loop = support_loop();
	struct alarm a = { .loop = loop }, b = { .loop = loop }, c = { .loop = loop };
	int rang = 0, none = 0;

	(void)state;
	a.calls = b.calls = &none;
	c.calls = &rang;
	assert_int_equal(skt_loop_after(loop, &a.timer, SKT_MS, alarm_rings), 0);
	assert_int_equal(skt_loop_after(loop, &b.timer, SKT_FOREVER, alarm_rings), 0);
	assert_int_equal(skt_loop_after(loop, &c.timer, 3 * SKT_MS, alarm_rings), 0);
	skt_loop_clear(loop, &a.timer);
	SUPPORT_UNTIL(loop, rang);
	assert_int_equal(none, 0);
	skt_loop_clear(loop, &b.timer);
	skt_loop_free(loop);
}

static void poked(void *user)
{
	++*(int *)user;
}

static void *poke_from_a_thread(void *loop)
{
	skt_loop_poke(loop);
	return NULL;
}

static void a_poke_from_another_thread_wakes_the_loop(void **state)
{
	struct skt_loop *loop = support_loop();
	pthread_t thread;
	int pokes = 0;

	(void)state;
	skt_loop_poke(loop); /* nobody is told: nothing happens */
	support_settle(loop);
	skt_loop_on_poke(loop, poked, &pokes);
	assert_int_equal(pthread_create(&thread, NULL, poke_from_a_thread, loop), 0);
	SUPPORT_UNTIL(loop, pokes);
	assert_int_equal(pthread_join(thread, NULL), 0);
	for (int i = 0; i < 10; i++)
		skt_loop_poke(loop);
	support_settle(loop);
	assert_int_equal(pokes, 2); /* those that come together are one */
	skt_loop_free(loop);
}

static void stop_it(void *user)
{
	skt_loop_stop(user);
}

static void running_ends_when_it_is_stopped(void **state)
{
	struct skt_loop *loop = support_loop();
	struct skt_error err;

	(void)state;
	skt_loop_on_poke(loop, stop_it, loop);
	skt_loop_poke(loop);
	assert_int_equal(skt_loop_run(loop, &err), 0);
	skt_loop_free(loop);
}

static int wait_errno;

static int failing_wait(int epoll, struct epoll_event *events, int n, int ms)
{
	(void)epoll, (void)events, (void)n, (void)ms;
	errno = wait_errno;
	return -1;
}

static void an_interrupted_wait_is_a_round_and_a_broken_one_a_failure(void **state)
{
	struct skt_loop *loop = support_loop();
	struct skt_error err = { 0 };
	struct letter l[1];

	(void)state;
	letters_init(l, loop, 1);
	skt_loop_defer(loop, &l[0].task);
	skt_sys.epoll_wait = failing_wait;
	wait_errno = EINTR;
	assert_int_equal(skt_loop_round(loop, SKT_FOREVER, &err), 0);
	assert_string_equal(order, "a");
	wait_errno = EBADF;
	assert_int_equal(skt_loop_run(loop, &err), -SKT_E_IO);
	assert_int_equal(err.sys, EBADF);
	skt_loop_free(loop);
}

static int failing_call(int a)
{
	(void)a;
	errno = EMFILE;
	return -1;
}

static int failing_eventfd(unsigned value, int flags)
{
	(void)value;
	return failing_call(flags);
}

static int allocations_left;

static bool later_allocations_fail(void)
{
	return allocations_left-- <= 0;
}

static void a_loop_that_cannot_be_made_says_why_and_leaves_nothing(void **state)
{
	struct skt_loop *loop = NULL;
	struct skt_error err = { 0 };

	(void)state;
	skt_sys.epoll_create1 = failing_call;
	assert_int_equal(skt_loop_new(&loop, &err), -SKT_E_LIMIT);
	assert_int_equal(err.sys, EMFILE);
	skt_sys = support_calls;
	skt_sys.eventfd = failing_eventfd;
	assert_int_equal(skt_loop_new(&loop, &err), -SKT_E_LIMIT);
	skt_sys = support_calls;
	skt_alloc_fails = later_allocations_fail;
	for (int i = 0; i < 2; i++) {
		allocations_left = i;
		assert_int_equal(skt_loop_new(&loop, &err), -SKT_E_LIMIT);
		assert_int_equal(err.sys, ENOMEM);
	}
	assert_null(loop);
	skt_loop_free(NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SUPPORT_TEST(a_watch_is_told_what_its_descriptor_is_ready_for),
		SUPPORT_TEST(a_level_watch_is_told_as_long_as_it_lasts),
		SUPPORT_TEST(a_watch_removed_within_a_batch_is_not_called_any_more),
		SUPPORT_TEST(a_plain_file_cannot_be_watched),
		SUPPORT_TEST(tasks_run_in_the_order_in_which_they_were_put_off),
		SUPPORT_TEST(what_a_task_puts_off_waits_for_the_next_round),
		SUPPORT_TEST(timers_are_never_early_and_ring_once),
		SUPPORT_TEST(a_cleared_timer_does_not_ring_and_one_of_forever_never_does),
		SUPPORT_TEST(a_poke_from_another_thread_wakes_the_loop),
		SUPPORT_TEST(running_ends_when_it_is_stopped),
		SUPPORT_TEST(an_interrupted_wait_is_a_round_and_a_broken_one_a_failure),
		SUPPORT_TEST(a_loop_that_cannot_be_made_says_why_and_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

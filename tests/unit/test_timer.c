/* SPDX-License-Identifier: Apache-2.0 */
/* The heap of timers, against a plain search, under thousands of random changes. */
#include "support.h"

#include "loop/timer.h"

enum { TIMERS = 2000, CHANGES = 60000 };

static struct skt_timer timers[TIMERS];

static void nothing(struct skt_timer *timer)
{
	(void)timer;
}

static uint32_t count_set(void)
{
	uint32_t n = 0;

	for (int i = 0; i < TIMERS; i++)
		n += skt_timer_is_set(&timers[i]);
	return n;
}

static void check_heap(const struct skt_timers *t)
{
	assert_int_equal(t->n, count_set());
	for (uint32_t i = 1; i <= t->n; i++) {
		assert_int_equal(t->heap[i]->place, i);
		assert_true(i == 1 || t->heap[i / 2]->due <= t->heap[i]->due);
	}
}

static void the_first_is_always_the_one_due_first(void **state)
{
	struct skt_timers t = { 0 };
	uint32_t seed = 7;

	(void)state;
	memset(timers, 0, sizeof(timers));
	assert_null(skt_timers_first(&t));
	for (int i = 0; i < CHANGES; i++) {
		struct skt_timer *timer = &timers[support_random(&seed) % TIMERS];

		if (support_random(&seed) % 3)
			assert_int_equal(skt_timers_set(&t, timer, support_random(&seed) % 1000, nothing), 0);
		else
			skt_timers_clear(&t, timer);
		if (i % 500 == 0)
			check_heap(&t);
	}
	check_heap(&t);
	for (skt_time last = 0; skt_timers_first(&t);) {
		struct skt_timer *first = skt_timers_first(&t);

		assert_true(first->due >= last);
		last = first->due;
		skt_timers_clear(&t, first);
		assert_false(skt_timer_is_set(first));
	}
	assert_int_equal(count_set(), 0);
	skt_timers_release(&t);
}

static void setting_anew_moves_a_timer_either_way(void **state)
{
	struct skt_timers t = { 0 };
	struct skt_timer a = { 0 }, b = { 0 };

	(void)state;
	assert_int_equal(skt_timers_set(&t, &a, 10, nothing), 0);
	assert_int_equal(skt_timers_set(&t, &b, 20, nothing), 0);
	assert_ptr_equal(skt_timers_first(&t), &a);
	assert_int_equal(skt_timers_set(&t, &a, 30, nothing), 0);
	assert_ptr_equal(skt_timers_first(&t), &b);
	assert_int_equal(skt_timers_set(&t, &a, SKT_FOREVER, nothing), 0);
	assert_int_equal(skt_timers_set(&t, &a, 5, nothing), 0);
	assert_ptr_equal(skt_timers_first(&t), &a);
	assert_int_equal(t.n, 2);
	skt_timers_clear(&t, &a);
	skt_timers_clear(&t, &a);
	skt_timers_clear(&t, &b);
	assert_null(skt_timers_first(&t));
	skt_timers_release(&t);
}

static bool every_allocation_fails(void)
{
	return true;
}

static void without_memory_a_timer_stays_as_it_was(void **state)
{
	struct skt_timers t = { 0 };
	int n = 0;

	(void)state;
	memset(timers, 0, sizeof(timers));
	assert_int_equal(skt_timers_set(&t, &timers[n++], 1, nothing), 0);
	skt_alloc_fails = every_allocation_fails;
	while (n < TIMERS && skt_timers_set(&t, &timers[n], n + 1, nothing) == 0)
		n++;
	assert_true(n < TIMERS);
	assert_false(skt_timer_is_set(&timers[n]));
	assert_int_equal(skt_timers_set(&t, &timers[0], 100000, nothing), 0); /* one that is set needs no memory */
	check_heap(&t);
	assert_ptr_equal(skt_timers_first(&t), &timers[1]);
	skt_timers_release(&t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SUPPORT_TEST(the_first_is_always_the_one_due_first),
		SUPPORT_TEST(setting_anew_moves_a_timer_either_way),
		SUPPORT_TEST(without_memory_a_timer_stays_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

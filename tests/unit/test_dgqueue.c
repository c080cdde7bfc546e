/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that wait: each whole and in order, up to a bound. */
#include "support.h"

#include "io/dgqueue.h"

static uint32_t add(struct skt_dgqueue *q, const char *data, uint32_t n, uint16_t segment)
{
	return skt_dgqueue_add(q, &(struct skt_msg){ .data = data, .n = n, .segment = segment });
}

static void messages_come_out_whole_and_in_order(void **state)
{
	struct skt_dgqueue q = { 0 };
	struct skt_msg got[8];

	(void)state;
	assert_true(skt_dgqueue_is_empty(&q));
	assert_int_equal(skt_dgqueue_peek(&q, got, 8), 0);
	assert_int_equal(add(&q, "one", 3, 0) + add(&q, NULL, 0, 0) + add(&q, "three", 5, 0), 0);
	assert_int_equal(skt_dgqueue_peek(&q, got, 8), 3);
	assert_int_equal(got[0].n, 3);
	assert_memory_equal(got[0].data, "one", 3);
	assert_int_equal(got[1].n, 0);
	assert_memory_equal(got[2].data, "three", 5);
	assert_int_equal(skt_dgqueue_peek(&q, got, 2), 2);
	skt_dgqueue_drop(&q, 2);
	assert_int_equal(skt_dgqueue_peek(&q, got, 8), 1);
	assert_memory_equal(got[0].data, "three", 5);
	skt_dgqueue_drop(&q, 5);
	assert_true(skt_dgqueue_is_empty(&q));
	assert_int_equal(q.n_bytes, 0);
}

static void a_run_becomes_single_messages(void **state)
{
	struct skt_dgqueue q = { 0 };
	struct skt_msg got[8];

	(void)state;
	assert_int_equal(add(&q, "aabbc", 5, 2), 0);
	assert_int_equal(add(&q, "dd", 2, 2), 0); /* a run of one */
	assert_int_equal(skt_dgqueue_peek(&q, got, 8), 4);
	for (int i = 0; i < 4; i++) {
		static const char *const expected[] = { "aa", "bb", "c", "dd" };

		assert_int_equal(got[i].n, strlen(expected[i]));
		assert_int_equal(got[i].segment, 0);
		assert_memory_equal(got[i].data, expected[i], got[i].n);
	}
	assert_int_equal(skt_dgqueue_release(&q), 4);
	assert_true(skt_dgqueue_is_empty(&q));
}

static void beyond_the_bound_the_newest_are_refused_and_counted(void **state)
{
	struct skt_dgqueue q = { 0 };
	char *bytes = support_bytes(60000, 1);
	uint32_t held = 0;

	(void)state;
	while (add(&q, bytes, 60000, 0) == 0 && held < 100)
		held++;
	assert_in_range(held, 3, SKT_DGQUEUE_MAX / 60000);
	assert_true(q.n_bytes <= SKT_DGQUEUE_MAX);
	assert_int_equal(add(&q, bytes, 60000, 30000), 2); /* each of a run that has no room */
	skt_dgqueue_drop(&q, 1);
	assert_int_equal(add(&q, bytes, 20000, 0), 0);
	(void)skt_dgqueue_release(&q);
	test_free(bytes);
}

static void empty_messages_are_bounded_too(void **state)
{
	struct skt_dgqueue q = { 0 };
	uint32_t held = 0;

	(void)state;
	while (held < SKT_DGQUEUE_MAX && add(&q, NULL, 0, 0) == 0)
		held++;
	assert_in_range(held, 1000, SKT_DGQUEUE_MAX / 8);
	assert_int_equal(skt_dgqueue_release(&q), held);
}

static bool never(void)
{
	return true;
}

static void without_memory_messages_are_refused_and_counted(void **state)
{
	struct skt_dgqueue q = { 0 };
	struct skt_msg got[2];

	(void)state;
	assert_int_equal(add(&q, "one", 3, 0), 0);
	skt_alloc_fails = never;
	assert_int_equal(add(&q, "aabbc", 5, 2), 3);
	skt_alloc_fails = NULL;
	assert_int_equal(skt_dgqueue_peek(&q, got, 2), 1);
	assert_int_equal(skt_dgqueue_release(&q), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SUPPORT_TEST(messages_come_out_whole_and_in_order),
		SUPPORT_TEST(a_run_becomes_single_messages),
		SUPPORT_TEST(beyond_the_bound_the_newest_are_refused_and_counted),
		SUPPORT_TEST(empty_messages_are_bounded_too),
		SUPPORT_TEST(without_memory_messages_are_refused_and_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

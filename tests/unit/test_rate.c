/* SPDX-License-Identifier: Apache-2.0 */
/* The rate line: steady, changing, and never later than the clock. */
#include "support.h"

#include "observe/rate.h"

#define MIB (1024 * 1024)

static void expect(const struct skt_rate *rate, uint64_t total, const char *wanted)
{
	struct skt_text t = { 0 };

	skt_rate_line(rate, total, &t);
	assert_string_equal(skt_text_get(&t), wanted);
	skt_text_release(&t);
}

static void a_steady_flow_shows_its_rate_and_what_is_left(void **state)
{
	struct skt_rate r = { 0 };
	struct skt_text t = { 0 };

	(void)state;
	for (int i = 0; i <= 10; i++)
		skt_rate_note(&r, (uint64_t)i * 10 * 1000 * 1000, (100 + i) * SKT_SECOND);
	expect(&r, 0, "95.4 MiB  10.0 MB/s  10.0 s");
	expect(&r, 400 * 1000 * 1000, "95.4 MiB  10.0 MB/s  10.0 s  25 %  30.0 s left");
	expect(&r, 100 * 1000 * 1000, "95.4 MiB  10.0 MB/s  10.0 s  100 %");
	skt_rate_summary(&r, &t);
	assert_string_equal(skt_text_get(&t), "95.4 MiB in 10.0 s, 10.0 MB/s");
	skt_text_release(&t);
}

static void a_change_shows_within_a_few_seconds(void **state)
{
	struct skt_rate r = { 0 };
	uint64_t n = 0;
	int at = 1;

	(void)state;
	for (; at <= 20; at++)
		skt_rate_note(&r, n += 1000, at * SKT_SECOND);
	assert_true(r.per_second > 999 && r.per_second < 1001);
	for (; at <= 23; at++)
		skt_rate_note(&r, n, at * SKT_SECOND);
	assert_true(r.per_second > 200 && r.per_second < 600); /* after one memory's length about a third is left */
	for (; at <= 60; at++)
		skt_rate_note(&r, n, at * SKT_SECOND);
	assert_true(r.per_second < 1);
}

static void the_same_moment_twice_changes_nothing(void **state)
{
	struct skt_rate r = { 0 };
	double before;

	(void)state;
	skt_rate_note(&r, 0, SKT_SECOND);
	skt_rate_note(&r, 500, 2 * SKT_SECOND);
	before = r.per_second;
	skt_rate_note(&r, 900, 2 * SKT_SECOND);
	skt_rate_note(&r, 900, SKT_SECOND);
	assert_true(r.per_second >= before && r.per_second <= before);
	assert_int_equal(r.n_bytes, 500);
}

static void nothing_yet_is_said_without_a_rate(void **state)
{
	struct skt_rate r = { 0 };
	struct skt_text t = { 0 };

	(void)state;
	expect(&r, 0, "0 B  0 B/s  0 us");
	expect(&r, MIB, "0 B  0 B/s  0 us  0 %");
	skt_rate_summary(&r, &t);
	assert_string_equal(skt_text_get(&t), "0 B in 0 us, 0 B/s");
	skt_text_release(&t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SUPPORT_TEST(a_steady_flow_shows_its_rate_and_what_is_left),
		SUPPORT_TEST(a_change_shows_within_a_few_seconds),
		SUPPORT_TEST(the_same_moment_twice_changes_nothing),
		SUPPORT_TEST(nothing_yet_is_said_without_a_rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

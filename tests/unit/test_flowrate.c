/* SPDX-License-Identifier: Apache-2.0 */
/* Rates, ages and limits from two looks, with tables and times of the tests' own. */
#include "support.h"

#include <math.h>
#include <string.h>

#include "inspect/flowrate.h"

enum { MOST = 8 };

/* A look in the making. */
struct look {
	struct skt_sock sock[MOST];
	struct skt_tcpinfo info[MOST];
	struct skt_socktable table;
};

static struct skt_tcpinfo *add(struct look *l, uint64_t cookie)
{
	size_t i = l->table.n++;

	assert_true(i < MOST);
	l->sock[i] = (struct skt_sock){
		.proto = SKT_PROTO_TCP, .state = SKT_STATE_ESTABLISHED, .cookie = cookie, .info = (int32_t)i
	};
	l->table.sock = l->sock;
	l->table.info = l->info;
	l->table.n_info = l->table.n;
	return &l->info[i];
}

static void look(struct skt_flowrate *r, const struct look *l, skt_time when)
{
	assert_int_equal(skt_flowrate_look(r, &l->table, when, true), 0);
}

static struct skt_measured measure(const struct skt_flowrate *r, const struct look *l, size_t i)
{
	struct skt_measured m = { .direction = 7 };

	skt_flowrate_measure(r, &l->table, &l->sock[i], &m);
	assert_int_equal(m.direction, 7);
	return m;
}

static void near(double value, double expected)
{
	if (fabs(value - expected) > fabs(expected) / 1000 + 1e-9)
		fail_msg("%f is not %f", value, expected);
}

static void rates_are_differences_over_the_time_between_two_looks(void **state)
{
	struct skt_flowrate r = { 0 };
	struct look a = { 0 }, b = { 0 };
	struct skt_measured m;

	(void)state;
	*add(&a, 1) = (struct skt_tcpinfo){ .bytes_sent = 1000, .bytes_received = 500, .retransmits = 2 };
	/* 800 bytes more, 100 of them twice */
	*add(&b, 1) = (struct skt_tcpinfo){
		.bytes_sent = 1900, .bytes_retransmitted = 100, .bytes_received = 2500, .retransmits = 3
	};
	look(&r, &a, 10 * SKT_SECOND);
	m = measure(&r, &a, 0);
	near(m.sent_rate, -1);
	near(m.received_rate, -1);
	near(m.retransmit_rate, -1);
	look(&r, &b, 10 * SKT_SECOND + SKT_SECOND / 4);
	m = measure(&r, &b, 0);
	near(m.sent_rate, 3200);
	near(m.received_rate, 8000);
	near(m.retransmit_rate, 4);
	skt_flowrate_release(&r);
}

static void a_connection_that_came_between_the_looks_has_a_rate_and_an_exact_age(void **state)
{
	struct skt_flowrate r = { 0 };
	struct look a = { 0 }, b = { 0 };
	struct skt_measured m;

	(void)state;
	add(&a, 1);
	add(&b, 1);
	add(&b, 2)->bytes_sent = 300;
	look(&r, &a, 10 * SKT_SECOND);
	look(&r, &b, 11 * SKT_SECOND);
	m = measure(&r, &b, 1);
	near(m.sent_rate, 300);
	assert_int_equal(m.age_least, 0);
	assert_int_equal(m.age_most, SKT_SECOND);
	look(&r, &b, 15 * SKT_SECOND);
	m = measure(&r, &b, 1);
	near(m.sent_rate, 0);
	assert_int_equal(m.age_least, 4 * SKT_SECOND);
	assert_int_equal(m.age_most, 5 * SKT_SECOND);
	skt_flowrate_release(&r);
}

static void after_a_look_at_a_part_nothing_is_taken_for_new(void **state)
{
	struct skt_flowrate r = { 0 };
	struct look a = { 0 }, b = { 0 };
	struct skt_measured m;

	(void)state;
	*add(&b, 2) = (struct skt_tcpinfo){ .bytes_sent = 300, .since_sent = 3 * SKT_SECOND };
	assert_int_equal(skt_flowrate_look(&r, &a.table, SKT_SECOND, false), 0);
	assert_int_equal(skt_flowrate_look(&r, &b.table, 2 * SKT_SECOND, false), 0);
	m = measure(&r, &b, 0);
	near(m.sent_rate, -1);
	assert_int_equal(m.age_least, 3 * SKT_SECOND);
	assert_int_equal(m.age_most, -1);
	skt_flowrate_release(&r);
}

static void the_age_is_at_least_the_longest_of_what_tcp_remembers(void **state)
{
	const struct skt_tcpinfo one = { .bytes_sent = 1,
					 .busy = 2 * SKT_SECOND,
					 .since_sent = SKT_SECOND,
					 .since_received = 7 * SKT_SECOND,
					 .since_ack = 3 * SKT_SECOND };
	const struct skt_tcpinfo silent = { .since_sent = 9 * SKT_SECOND, .since_received = 9 * SKT_SECOND };
	bool is_exact;

	(void)state;
	assert_int_equal(skt_flow_age(&one, &is_exact), 7 * SKT_SECOND);
	assert_false(is_exact);
	assert_int_equal(skt_flow_age(&silent, &is_exact), 9 * SKT_SECOND);
	assert_true(is_exact);
}

static void a_handshake_has_no_times_yet(void **state)
{
	struct skt_flowrate r = { 0 };
	struct look a = { 0 };
	struct skt_measured m;

	(void)state;
	add(&a, 1)->since_sent = 1000000 * SKT_SECOND;
	a.sock[0].state = SKT_STATE_SYN_SENT;
	look(&r, &a, SKT_SECOND);
	m = measure(&r, &a, 0);
	assert_int_equal(m.age_least, 0);
	assert_int_equal(m.age_most, -1);
	skt_flowrate_release(&r);
}

static void what_limits_is_the_largest_part_of_the_time_between_the_looks(void **state)
{
	static const struct {
		skt_time busy, receiver, sendbuf; /* of 1000 ms */
		uint64_t sent;
		bool app_limited;
		enum skt_limited limited;
	} rows[] = {
		{ 0, 0, 0, 0, false, SKT_LIMIT_NONE },
		{ 100, 0, 0, 1000, false, SKT_LIMIT_APPLICATION },
		{ 1000, 0, 0, 1000, false, SKT_LIMIT_NETWORK },
		{ 1000, 0, 0, 1000, true, SKT_LIMIT_APPLICATION },
		{ 1000, 700, 0, 1000, false, SKT_LIMIT_RECEIVER },
		{ 1000, 0, 700, 1000, false, SKT_LIMIT_SENDBUF },
		{ 1000, 300, 300, 1000, false, SKT_LIMIT_NETWORK },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(rows); i++) {
		struct skt_flowrate r = { 0 };
		struct look a = { 0 }, b = { 0 };
		struct skt_tcpinfo *before = add(&a, 1), *after = add(&b, 1);

		*before = (struct skt_tcpinfo){ .busy = 5 * SKT_SECOND, .receiver_limited = 5 * SKT_SECOND };
		*after = *before;
		after->busy += rows[i].busy * SKT_MS;
		after->receiver_limited += rows[i].receiver * SKT_MS;
		after->sendbuf_limited += rows[i].sendbuf * SKT_MS;
		after->bytes_sent = rows[i].sent;
		after->is_app_limited = rows[i].app_limited;
		look(&r, &a, SKT_SECOND);
		look(&r, &b, 2 * SKT_SECOND);
		if (measure(&r, &b, 0).limited != rows[i].limited)
			fail_msg("row %zu: %d", i, measure(&r, &b, 0).limited);
		skt_flowrate_release(&r);
	}
}

static void who_has_gone_is_told_once_and_only_if_it_was_shown(void **state)
{
	struct skt_flowrate r = { 0 };
	struct look a = { 0 }, b = { 0 };
	const struct skt_sample *gone;
	size_t at = 0;

	(void)state;
	add(&a, 1);
	add(&a, 2)->bytes_sent = 77;
	add(&a, 3);
	add(&b, 1);
	look(&r, &a, SKT_SECOND);
	skt_flowrate_mark(&r, &a.sock[0]);
	skt_flowrate_mark(&r, &a.sock[1]);
	assert_null(skt_flowrate_gone(&r, &at));
	look(&r, &b, 2 * SKT_SECOND);
	at = 0;
	gone = skt_flowrate_gone(&r, &at);
	assert_non_null(gone);
	assert_int_equal(gone->row, 1);
	assert_int_equal(gone->sent, 77);
	assert_null(skt_flowrate_gone(&r, &at));
	look(&r, &b, 3 * SKT_SECOND);
	at = 0;
	assert_null(skt_flowrate_gone(&r, &at));
	skt_flowrate_release(&r);
}

static void a_fin_that_came_is_no_byte(void **state)
{
	struct look a = { 0 };
	uint64_t sent, received;

	(void)state;
	add(&a, 1)->bytes_received = 11;
	assert_true(skt_flow_bytes(&a.table, &a.sock[0], &sent, &received));
	assert_int_equal(received, 11);
	a.sock[0].state = SKT_STATE_CLOSE_WAIT;
	assert_true(skt_flow_bytes(&a.table, &a.sock[0], &sent, &received));
	assert_int_equal(received, 10);
	a.sock[0].info = -1;
	assert_false(skt_flow_bytes(&a.table, &a.sock[0], &sent, &received));
}

static void what_has_no_cookie_or_no_counters_has_no_rates(void **state)
{
	struct skt_flowrate r = { 0 };
	struct look a = { 0 };

	(void)state;
	add(&a, 0);
	add(&a, 5);
	a.sock[1].proto = SKT_PROTO_UDP;
	a.sock[1].info = -1;
	look(&r, &a, SKT_SECOND);
	look(&r, &a, 2 * SKT_SECOND);
	near(measure(&r, &a, 0).sent_rate, -1);
	near(measure(&r, &a, 1).sent_rate, -1);
	assert_int_equal(r.now.n, 1);
	skt_flowrate_release(&r);
}

static void the_same_cookie_in_two_namespaces_is_two_connections(void **state)
{
	struct skt_flowrate r = { 0 };
	struct look a = { 0 }, b = { 0 };

	(void)state;
	add(&a, 5);
	add(&a, 5);
	a.sock[1].netns = 1;
	b = a;
	b.table.sock = b.sock;
	b.table.info = b.info;
	b.info[1].bytes_sent = 100;
	look(&r, &a, SKT_SECOND);
	look(&r, &b, 2 * SKT_SECOND);
	near(measure(&r, &b, 0).sent_rate, 0);
	near(measure(&r, &b, 1).sent_rate, 100);
	skt_flowrate_release(&r);
}

static bool never(void)
{
	return true;
}

static void a_look_without_memory_leaves_the_looks_as_they_were(void **state)
{
	struct skt_flowrate r = { 0 };
	struct look a = { 0 };

	(void)state;
	add(&a, 1);
	skt_alloc_fails = never;
	assert_int_equal(skt_flowrate_look(&r, &a.table, SKT_SECOND, true), -SKT_E_LIMIT);
	skt_alloc_fails = NULL;
	assert_int_equal(r.now.when, 0);
	near(measure(&r, &a, 0).sent_rate, -1);
	skt_flowrate_release(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SUPPORT_TEST(rates_are_differences_over_the_time_between_two_looks),
		SUPPORT_TEST(a_connection_that_came_between_the_looks_has_a_rate_and_an_exact_age),
		SUPPORT_TEST(after_a_look_at_a_part_nothing_is_taken_for_new),
		SUPPORT_TEST(the_age_is_at_least_the_longest_of_what_tcp_remembers),
		SUPPORT_TEST(a_handshake_has_no_times_yet),
		SUPPORT_TEST(what_limits_is_the_largest_part_of_the_time_between_the_looks),
		SUPPORT_TEST(who_has_gone_is_told_once_and_only_if_it_was_shown),
		SUPPORT_TEST(a_fin_that_came_is_no_byte),
		SUPPORT_TEST(what_has_no_cookie_or_no_counters_has_no_rates),
		SUPPORT_TEST(the_same_cookie_in_two_namespaces_is_two_connections),
		SUPPORT_TEST(a_look_without_memory_leaves_the_looks_as_they_were),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Pings of a WebSocket, with a clock that jumps: when they go, what their answers tell, and when a peer is given up. */
#include "virtual_time.h"

#include "wsmake.h"

static char room[64 * 1024];
static struct skt_loop *loop;
static struct fake *below;
static int wakes;

static const struct skt_ws_config pings = { .ping = 10 * SKT_SECOND };

static int time_setup(void **state)
{
	(void)virtual_setup(state);
	skt_sys.getrandom = ws_getrandom;
	loop = support_loop();
	wakes = 0;
	return 0;
}

static int time_teardown(void **state)
{
	(void)support_teardown(state);
	skt_loop_free(loop);
	return 0;
}

#define TIME_TEST(name) cmocka_unit_test_setup_teardown(name, time_setup, time_teardown)

static void woken(void *user)
{
	(void)user;
	wakes++;
}

static struct skt_stream *opened(void)
{
	struct skt_stream *s;

	below = fake_new(WS_ASKS WS_END, sizeof(WS_ASKS WS_END) - 1);
	below->ends = false;
	s = ws_over(loop, below, &pings, true);
	assert_int_equal(ws_open(s), 0);
	skt_stream_on_wake(s, woken, NULL);
	ws_forget(below);
	assert_int_equal(skt_stream_read(s, room, sizeof(room)), -SKT_AGAIN);
	return s;
}

/* Let time pass, in rounds of a second. */
static void pass(skt_time time)
{
	skt_time until = virtual_now + time;
	struct skt_error err = { 0 };

	while (virtual_now < until)
		SUPPORT_OK(skt_loop_round(loop, until - virtual_now, &err), &err);
	SUPPORT_OK(skt_loop_round(loop, 0, &err), &err);
}

/* More bytes come. */
static void come(const struct ws_bytes *bytes)
{
	below->bytes = bytes->s;
	below->n = bytes->n;
	below->at = 0;
}

static void an_answered_ping_tells_the_round_trip(void **state)
{
	static const char number[2][9] = { "\0\0\0\0\0\0\0\1", "\0\0\0\0\0\0\0\2" };
	struct skt_stream *s = opened();
	struct skt_ws_seen seen;

	(void)state;
	pass(9 * SKT_SECOND);
	assert_int_equal(below->n_taken, 0);
	for (int i = 0; i < 2; i++) {
		struct ws_bytes pong = { 0 };

		pass(SKT_SECOND + 500 * SKT_MS);
		assert_int_equal(below->n_taken, 10);
		assert_memory_equal(below->taken, "\x89\x08", 2);
		assert_memory_equal(below->taken + 2, number[i], 8);
		ws_forget(below);
		ws_add_frame(&pong, 0x8a, number[i], 8, true);
		pass(i ? 0 : 500 * SKT_MS);
		come(&pong);
		assert_int_equal(skt_stream_read(s, room, sizeof(room)), -SKT_AGAIN);
		assert_true(skt_ws_seen(s, &seen));
		assert_true(seen.has_rtt);
		assert_int_equal(seen.rtt, i ? 500 * SKT_MS : SKT_SECOND);
		assert_int_equal(seen.best_rtt, i ? 500 * SKT_MS : SKT_SECOND);
		assert_int_equal(seen.n_pings, i + 1);
		ws_drop(&pong);
		pass(8 * SKT_SECOND);
	}
	assert_int_equal(wakes, 0);
	skt_stream_free(s);
}

static void a_peer_that_does_not_answer_is_given_up(void **state)
{
	struct ws_bytes other = { 0 };
	struct skt_stream *s = opened();
	struct skt_error err = { 0 };
	struct skt_ws_seen seen;

	(void)state;
	pass(12 * SKT_SECOND);
	ws_add_frame(&other, 0x8a, "other", 5, true); /* not the answer */
	come(&other);
	assert_int_equal(skt_stream_read(s, room, sizeof(room)), -SKT_AGAIN);
	pass(7 * SKT_SECOND);
	assert_int_equal(wakes, 0);
	pass(2 * SKT_SECOND);
	assert_int_equal(wakes, 1);
	assert_int_equal(skt_stream_read(s, room, sizeof(room)), -SKT_E_TIMEOUT);
	assert_int_equal(skt_stream_write(s, "x", 1), -SKT_E_TIMEOUT);
	skt_stream_why(s, &err);
	assert_int_equal(err.kind, SKT_E_TIMEOUT);
	assert_non_null(strstr(err.text, "10"));
	assert_true(skt_ws_seen(s, &seen) && !seen.has_rtt && seen.n_pings == 1);
	skt_stream_free(s);
	ws_drop(&other);
}

static void a_peer_whose_network_takes_nothing_is_given_up_too(void **state)
{
	struct skt_stream *s = opened();

	(void)state;
	below->room = 1;
	assert_int_equal(skt_stream_write(s, "abc", 3), 3);
	pass(21 * SKT_SECOND);
	assert_int_equal(wakes, 1);
	assert_int_equal(skt_stream_read(s, room, sizeof(room)), -SKT_E_TIMEOUT);
	skt_stream_free(s);
}

/* Its answer may be among what we have not read. */
static void a_peer_that_we_do_not_read_is_not_given_up(void **state)
{
	struct ws_bytes frames = { 0 };
	struct skt_stream *s = opened();

	(void)state;
	for (int i = 0; i < 3; i++)
		ws_add_frame(&frames, 0x82, "abc", 3, true);
	come(&frames);
	below->piece = frames.n / 3;
	assert_int_equal(skt_stream_read(s, room, sizeof(room)), 3);
	pass(100 * SKT_SECOND);
	assert_int_equal(wakes, 0);
	assert_int_equal(skt_stream_read(s, room, sizeof(room)), 3);
	assert_int_equal(skt_stream_read(s, room, sizeof(room)), 3);
	assert_int_equal(skt_stream_read(s, room, sizeof(room)), -SKT_AGAIN);
	pass(20 * SKT_SECOND);
	assert_int_equal(wakes, 1);
	assert_int_equal(skt_stream_read(s, room, sizeof(room)), -SKT_E_TIMEOUT);
	skt_stream_free(s);
	ws_drop(&frames);
}

static void a_ping_owed_when_below_is_full_goes_when_it_wakes(void **state)
{
	struct skt_stream *s = opened();

	(void)state;
	below->room = 1;
	assert_int_equal(skt_stream_write(s, "abc", 3), 3);
	pass(11 * SKT_SECOND);
	assert_int_equal(below->n_taken, 1);
	below->room = SIZE_MAX;
	fake_wake(below);
	assert_int_equal(below->n_taken, 5 + 10);
	assert_memory_equal(below->taken + 5, "\x89\x08", 2);
	skt_stream_free(s);
}

static void after_a_close_there_are_no_pings(void **state)
{
	struct skt_stream *s = opened();

	(void)state;
	assert_int_equal(skt_stream_shut(s), 0);
	pass(50 * SKT_SECOND);
	assert_int_equal(below->n_taken, 4);
	assert_int_equal(wakes, 0);
	skt_stream_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TIME_TEST(an_answered_ping_tells_the_round_trip),
		TIME_TEST(a_peer_that_does_not_answer_is_given_up),
		TIME_TEST(a_peer_whose_network_takes_nothing_is_given_up_too),
		TIME_TEST(a_peer_that_we_do_not_read_is_not_given_up),
		TIME_TEST(a_ping_owed_when_below_is_full_goes_when_it_wakes),
		TIME_TEST(after_a_close_there_are_no_pings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

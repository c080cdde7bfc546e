/* SPDX-License-Identifier: Apache-2.0 */
/* When links end by the clock: idle=, linger=, and patience with stdin. Time is the test's own. */
#include "virtual_time.h"

#include "rig.h"

/* Sends one byte from a far end every `period`, `left` times. */
struct beat {
	struct skt_timer timer;
	struct rig *rig;
	skt_time period;
	int left, from;
	skt_time last;
};

static void beat_beats(struct skt_timer *timer)
{
	struct beat *b = SKT_OUTER(timer, struct beat, timer);

	far_say(&b->rig->far[b->from], "x", 1, false);
	b->last = virtual_now;
	if (--b->left > 0)
		assert_int_equal(skt_loop_after(b->rig->loop, &b->timer, b->period, beat_beats), 0);
}

static void wait_done(struct rig *rig)
{
	for (int i = 0; i < 20000 && !rig->done; i++)
		assert_int_equal(skt_loop_round(rig->loop, 3600 * SKT_SECOND, NULL), 0);
	assert_int_equal(rig->done, 1);
}

static void assert_about(skt_time took, skt_time wanted)
{
	if (took < wanted || took > wanted + 10 * SKT_MS)
		fail_msg("%lld ms instead of %lld ms", (long long)(took / SKT_MS), (long long)(wanted / SKT_MS));
}

static void an_idle_link_is_cut_that_long_after_its_last_byte_of_either_way(void **state)
{
	(void)state;
	for (int from = 0; from < 2; from++) {
		struct rig rig;
		struct beat beat = { .rig = &rig, .period = 700 * SKT_MS, .left = 9, .from = from };

		rig_open(&rig, FAR_UNIX, FAR_UNIX);
		rig.options.idle = SKT_SECOND;
		rig_start(&rig);
		beat_beats(&beat.timer);
		wait_done(&rig);
		assert_int_equal(rig.far[!from].n_got, 9);
		assert_int_equal(rig.link.end, SKT_END_IDLE);
		assert_about(virtual_now - beat.last, SKT_SECOND);
		rig_release(&rig);
	}
}

static void without_idle_a_silent_link_stays(void **state)
{
	struct rig rig;

	(void)state;
	rig_open(&rig, FAR_UNIX, FAR_UNIX);
	rig_start(&rig);
	for (int i = 0; i < 20; i++)
		assert_int_equal(skt_loop_round(rig.loop, 3600 * SKT_SECOND, NULL), 0);
	assert_false(rig.done);
	rig_release(&rig);
}

static void linger_is_how_long_the_other_way_may_go_on(void **state)
{
	(void)state;
	for (int side = 0; side < 2; side++) {
		struct rig rig;
		struct beat beat = { .rig = &rig, .period = 100 * SKT_MS, .left = 1000, .from = !side };
		skt_time began = virtual_now;

		rig_open(&rig, FAR_UNIX, FAR_UNIX);
		rig.options.linger[side] = 2 * SKT_SECOND;
		rig_start(&rig);
		far_say(&rig.far[side], "all", 3, true);
		beat_beats(&beat.timer);
		wait_done(&rig);
		assert_about(virtual_now - began, 2 * SKT_SECOND);
		assert_int_equal(rig.link.end, SKT_END_DONE);
		assert_int_equal(rig.far[!side].n_got, 3);
		assert_true(rig.far[side].n_got >= 19);
		skt_loop_clear(rig.loop, &beat.timer);
		rig_release(&rig);
	}
}

static void linger_of_the_side_that_has_not_ended_does_not_count(void **state)
{
	struct rig rig;

	(void)state;
	rig_open(&rig, FAR_UNIX, FAR_UNIX);
	rig.options.linger[1] = SKT_SECOND;
	rig_start(&rig);
	far_say(&rig.far[0], "all", 3, true);
	for (int i = 0; i < 20; i++)
		assert_int_equal(skt_loop_round(rig.loop, 3600 * SKT_SECOND, NULL), 0);
	assert_false(rig.done);
	rig_release(&rig);
}

static void stdin_that_is_silent_is_waited_for_half_a_second_after_the_peers_end(void **state)
{
	struct rig rig;
	skt_time ended;

	(void)state;
	rig_open(&rig, FAR_PIPES, FAR_TCP);
	rig.link.side[0]->flags |= SKT_STREAM_STDIO;
	rig_start(&rig);
	far_say(&rig.far[1], "answer", 6, true);
	ended = virtual_now;
	wait_done(&rig);
	far_take(&rig.far[0]);
	FAR_GOT(&rig.far[0], "answer", 6);
	assert_about(virtual_now - ended, 500 * SKT_MS);
	assert_int_equal(rig.link.end, SKT_END_DONE);
	rig_release(&rig);
}

/* The peer half-closed and reads on: its system acknowledges what it is sent. */
static void stdin_that_still_speaks_is_delivered_to_a_peer_that_reads(void **state)
{
	struct rig rig;
	struct beat beat = { .rig = &rig, .period = 400 * SKT_MS, .left = 12, .from = 0 };

	(void)state;
	rig_open(&rig, FAR_PIPES, FAR_TCP);
	rig.link.side[0]->flags |= SKT_STREAM_STDIO;
	rig_start(&rig);
	far_say(&rig.far[1], "answer", 6, true);
	beat_beats(&beat.timer);
	SUPPORT_UNTIL(rig.loop, rig.far[1].n_got == 12);
	far_say(&rig.far[0], "", 0, true);
	wait_done(&rig);
	assert_int_equal(rig.link.end, SKT_END_DONE);
	assert_int_equal(rig.link.flow[0].given, 12);
	rig_release(&rig);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		VIRTUAL_TEST(an_idle_link_is_cut_that_long_after_its_last_byte_of_either_way),
		VIRTUAL_TEST(without_idle_a_silent_link_stays),
		VIRTUAL_TEST(linger_is_how_long_the_other_way_may_go_on),
		VIRTUAL_TEST(linger_of_the_side_that_has_not_ended_does_not_count),
		VIRTUAL_TEST(stdin_that_is_silent_is_waited_for_half_a_second_after_the_peers_end),
		VIRTUAL_TEST(stdin_that_still_speaks_is_delivered_to_a_peer_that_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* pace=: the schedule, exactly, with a clock that jumps to whatever was waited for. */
#include "virtual_time.h"

#include <stdio.h>

#include "fake.h"
#include "io/filter/pace.h"
#include "tsmake.h"

static char room[256 * 1024];
static skt_time wanted; /* what the timer was last set to */
static int settings;

/* The clock jumps to what the timer is set to when the loop waits: the timer itself is due at once. */
static int virtual_settime(int fd, int flags, const struct itimerspec *due, struct itimerspec *old)
{
	struct itimerspec now = { .it_value.tv_nsec = 1 };

	assert_true(flags);
	settings++;
	wanted = due->it_value.tv_sec * SKT_SECOND + due->it_value.tv_nsec;
	return support_calls.timerfd_settime(fd, 0, &now, old);
}

static int pace_epoll_wait(int epoll, struct epoll_event *events, int n, int ms)
{
	int got = virtual_epoll_wait(epoll, events, n, ms);

	if (got > 0 && wanted > virtual_now)
		virtual_now = wanted;
	return got;
}

static int pace_setup(void **state)
{
	(void)virtual_setup(state);
	skt_sys.timerfd_settime = virtual_settime;
	skt_sys.epoll_wait = pace_epoll_wait;
	wanted = settings = 0;
	return 0;
}

#define PACE_TEST(name) cmocka_unit_test_setup_teardown(name, pace_setup, support_teardown)

static int wakes;

static void woken(void *user)
{
	(void)user;
	wakes++;
}

static char notices[8][256];
static int n_notices;

static void noticed(void *user, const char *text)
{
	assert_ptr_equal(user, &n_notices);
	if (n_notices < 8)
		(void)snprintf(notices[n_notices], sizeof(notices[0]), "%s", text);
	n_notices++;
}

static struct skt_stream *paced(struct skt_loop *loop, struct fake *below, const char *value)
{
	struct skt_pacing how = { .notice = noticed, .user = &n_notices };
	struct skt_stream *s = NULL;
	struct skt_error err = { 0 };

	assert_int_equal(skt_pace_parse(value, &how), -1);
	SUPPORT_OK(skt_pace_new(loop, &below->stream, &how, &s, &err), &err);
	assert_true(s->flags & SKT_STREAM_MESSAGES);
	skt_stream_on_wake(s, woken, NULL);
	n_notices = wakes = 0;
	return s;
}

/* The next message, however long it takes. */
static ssize_t next(struct skt_loop *loop, struct skt_stream *s)
{
	ssize_t got;
	int rounds = 0;

	while ((got = skt_stream_read(s, room, sizeof(room))) == -SKT_AGAIN && rounds++ < 10000)
		support_round(loop, SKT_FOREVER);
	return got;
}

static void assert_near(skt_time is, skt_time should, skt_time slack)
{
	if (is < should - slack || is > should + slack)
		fail_msg("%lld ns instead of %lld", (long long)is, (long long)should);
}

static void option_values_are_read_and_errors_point_into_them(void **state)
{
	static const struct {
		const char *value;
		int wrong;
		enum skt_pace kind;
		int64_t rate;
	} cases[] = {
		{ "pcr", -1, SKT_PACE_PCR, 0 },
		{ "20Mbit", -1, SKT_PACE_RATE, 20000000 },
		{ "1.5MB", -1, SKT_PACE_RATE, 12000000 },
		{ "1bit", -1, SKT_PACE_RATE, 1 },
		{ "0bit", 0, 0, 0 },
		{ "20", 2, 0, 0 },
		{ "20Xbit", 2, 0, 0 },
		{ "", 0, 0, 0 },
		{ "pc", 2, 0, 0 },
		{ "pcrs", 3, 0, 0 },
		{ "fast", 0, 0, 0 },
		{ "-1Mbit", 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases); i++) {
		struct skt_pacing how = { .kind = 7, .bits_per_second = 77 };
		int wrong = skt_pace_parse(cases[i].value, &how);

		if (wrong != cases[i].wrong)
			fail_msg("%s: %d instead of %d", cases[i].value, wrong, cases[i].wrong);
		assert_int_equal(how.kind, wrong < 0 ? cases[i].kind : 7);
		assert_int_equal(how.bits_per_second, wrong < 0 ? cases[i].rate : 77);
	}
}

static void at_a_rate_each_message_comes_when_those_before_have_passed(void **state)
{
	static const size_t lengths[] = { 1316, 1000, 0, 1, 65507, 1316, 10 };
	struct skt_loop *loop = support_loop();
	char *bytes = support_bytes(70000, 1);
	struct skt_stream *s = paced(loop, fake_new_messages(bytes, lengths, SKT_LENGTH(lengths)), "8Mbit");
	skt_time start = virtual_now, due = 0; /* a byte takes a microsecond */
	size_t at = 0;

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(lengths); i++) {
		ssize_t got = next(loop, s);

		assert_int_equal(got, lengths[i] ? (ssize_t)lengths[i] : -SKT_EMPTY);
		assert_memory_equal(room, bytes + at, lengths[i]);
		at += lengths[i];
		assert_int_equal(virtual_now - start, due);
		due += (skt_time)lengths[i] * SKT_US;
	}
	assert_int_equal(next(loop, s), 0);
	assert_true(s->flags & SKT_STREAM_GONE);
	assert_int_equal(virtual_now - start, due);
	assert_int_equal(wakes, 6); /* only when something was due */
	skt_stream_free(s);
	skt_loop_free(loop);
	test_free(bytes);
}

static void rounding_does_not_add_up(void **state)
{
	static size_t lengths[10000];
	struct skt_loop *loop = support_loop();
	char *bytes = support_bytes(1000 * SKT_LENGTH(lengths), 1);
	struct skt_stream *s;
	skt_time start = virtual_now;

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(lengths); i++)
		lengths[i] = 1000;
	s = paced(loop, fake_new_messages(bytes, lengths, SKT_LENGTH(lengths)), "7Mbit");
	for (size_t i = 0; i < SKT_LENGTH(lengths); i++)
		assert_int_equal(next(loop, s), 1000);
	assert_in_range(virtual_now - start, 9999 * (8000 * SKT_SECOND / 7000000) - 1000,
			9999 * (8000 * SKT_SECOND / 7000000) + 10000);
	skt_stream_free(s);
	skt_loop_free(loop);
	test_free(bytes);
}

static void a_stall_is_made_up_for_by_at_most_50_ms(void **state)
{
	static size_t lengths[200]; /* of a millisecond each */
	struct skt_loop *loop = support_loop();
	char *bytes = support_bytes(1000 * SKT_LENGTH(lengths), 1);
	struct skt_stream *s;
	int at_once = 0;

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(lengths); i++)
		lengths[i] = 1000;
	s = paced(loop, fake_new_messages(bytes, lengths, SKT_LENGTH(lengths)), "8Mbit");
	for (int i = 0; i < 10; i++)
		assert_int_equal(next(loop, s), 1000);
	virtual_now += 20 * SKT_MS; /* this much is made up for */
	while (skt_stream_read(s, room, sizeof(room)) == 1000)
		at_once++;
	assert_int_equal(at_once, 20);
	virtual_now += 5 * SKT_SECOND;
	for (at_once = 0; skt_stream_read(s, room, sizeof(room)) == 1000;)
		at_once++;
	assert_int_equal(at_once, 51); /* the one that was due, and 50 ms of others */
	skt_stream_free(s);
	skt_loop_free(loop);
	test_free(bytes);
}

/* 70 packets, a PCR in every tenth, 10 ms apart: a packet a millisecond. */
enum { PACKETS = 70 };

static void clean_stream(uint8_t *bytes)
{
	tsmake_stream(bytes, PACKETS, 10, 5000, SKT_TS_HZ / 100);
}

static void by_pcr_seven_packets_come_when_the_first_is_due(void **state)
{
	static const size_t pieces[] = { 0, 1, 188, 1000 };
	uint8_t bytes[PACKETS * SKT_TS_PACKET];

	(void)state;
	clean_stream(bytes);
	for (size_t k = 0; k < SKT_LENGTH(pieces); k++) {
		struct skt_loop *loop = support_loop();
		struct fake *below = fake_new(bytes, sizeof(bytes) - 3 * SKT_TS_PACKET);
		struct skt_stream *s = paced(loop, below, "pcr");
		skt_time start = virtual_now;

		below->piece = pieces[k];
		for (int i = 0; i < 10; i++) {
			assert_int_equal(next(loop, s), (i < 9 ? 7 : 4) * SKT_TS_PACKET);
			assert_memory_equal(room, bytes + (size_t)i * 1316, (i < 9 ? 7 : 4) * SKT_TS_PACKET);
			assert_near(virtual_now - start, i * 7 * SKT_MS, 2);
		}
		assert_int_equal(next(loop, s), 0);
		assert_int_equal(next(loop, s), 0);
		assert_true(s->flags & SKT_STREAM_GONE);
		assert_int_equal(n_notices, 0);
		skt_stream_free(s);
		skt_loop_free(loop);
	}
}

static void a_changed_rate_is_followed_between_its_pcrs(void **state)
{
	uint8_t bytes[PACKETS * SKT_TS_PACKET];
	struct skt_loop *loop = support_loop();
	struct skt_stream *s;
	skt_time start = virtual_now;

	(void)state;
	clean_stream(bytes);
	for (size_t i = 40; i < PACKETS; i += 10) /* from packet 30 on, twice as long */
		tsmake_packet(bytes + i * SKT_TS_PACKET,
			      &(struct tsmake){ 0x100, i & 15, 5000 + (int64_t)(2 * i - 30) * SKT_TS_HZ / 1000 });
	s = paced(loop, fake_new(bytes, sizeof(bytes)), "pcr");
	for (int i = 0; i < 10; i++) {
		skt_time due = (7 * i <= 30 ? 7 * i : 14 * i - 30) * SKT_MS;

		assert_int_equal(next(loop, s), 1316);
		assert_near(virtual_now - start, due, 5);
	}
	skt_stream_free(s);
	skt_loop_free(loop);
}

static void a_wild_clock_keeps_the_pace_and_is_told(void **state)
{
	static const int64_t wild[] = { 0, 90 * SKT_TS_HZ };

	(void)state;
	for (size_t k = 0; k < SKT_LENGTH(wild); k++) {
		uint8_t bytes[PACKETS * SKT_TS_PACKET];
		struct skt_loop *loop = support_loop();
		struct skt_stream *s;
		skt_time start = virtual_now;

		clean_stream(bytes);
		tsmake_packet(bytes + 30 * SKT_TS_PACKET, &(struct tsmake){ 0x100, 30 & 15, wild[k] });
		s = paced(loop, fake_new(bytes, sizeof(bytes)), "pcr");
		for (int i = 0; i < 10; i++) {
			assert_int_equal(next(loop, s), 1316);
			assert_near(virtual_now - start, i * 7 * SKT_MS, 5);
		}
		assert_int_equal(next(loop, s), 0);
		assert_int_equal(n_notices, 1);
		assert_non_null(strstr(notices[0], "PCR"));
		skt_stream_free(s);
		skt_loop_free(loop);
	}
}

static void broken_sync_loses_what_is_between_and_is_told(void **state)
{
	uint8_t good[PACKETS * SKT_TS_PACKET], bytes[PACKETS * SKT_TS_PACKET + 100];
	struct skt_loop *loop = support_loop();
	struct skt_stream *s;
	skt_time start = virtual_now;

	(void)state;
	clean_stream(good);
	memcpy(bytes, good, 35 * SKT_TS_PACKET);
	memset(bytes + 35 * SKT_TS_PACKET, 0x33, 100);
	memcpy(bytes + 35 * SKT_TS_PACKET + 100, good + 35 * SKT_TS_PACKET, 35 * SKT_TS_PACKET);
	s = paced(loop, fake_new(bytes, sizeof(bytes)), "pcr");
	for (int i = 0; i < 10; i++) {
		assert_int_equal(next(loop, s), 1316);
		assert_memory_equal(room, good + (size_t)i * 1316, 1316);
		assert_near(virtual_now - start, i * 7 * SKT_MS, 5);
	}
	assert_int_equal(next(loop, s), 0);
	assert_int_equal(n_notices, 1);
	assert_non_null(strstr(notices[0], "100 bytes"));
	skt_stream_free(s);
	skt_loop_free(loop);
}

static void a_truncated_tail_is_dropped_and_told(void **state)
{
	uint8_t bytes[PACKETS * SKT_TS_PACKET];
	struct skt_loop *loop = support_loop();
	struct skt_stream *s;
	ssize_t got;
	size_t all = 0;

	(void)state;
	clean_stream(bytes);
	s = paced(loop, fake_new(bytes, sizeof(bytes) - 100), "pcr");
	while ((got = next(loop, s)) > 0)
		all += (size_t)got;
	assert_int_equal(got, 0);
	assert_int_equal(all, (PACKETS - 1) * SKT_TS_PACKET);
	assert_int_equal(n_notices, 1);
	assert_non_null(strstr(notices[0], "88 bytes"));
	skt_stream_free(s);
	skt_loop_free(loop);
}

static void without_a_clock_it_is_sent_at_a_guess_and_told(void **state)
{
	static uint8_t bytes[20000 * SKT_TS_PACKET];
	struct skt_loop *loop = support_loop();
	struct skt_stream *s;
	skt_time start = virtual_now, due = 0;
	ssize_t got;

	(void)state;
	tsmake_stream(bytes, 20000, 0, 0, 0);
	s = paced(loop, fake_new(bytes, sizeof(bytes)), "pcr");
	for (size_t at = 0; (got = next(loop, s)) > 0; at += (size_t)got) {
		assert_memory_equal(room, bytes + at, (size_t)got);
		assert_near(virtual_now - start, due, 10);
		due += (skt_time)got * 8 * 100; /* 10 Mbit/s */
	}
	assert_int_equal(got, 0);
	assert_int_equal(n_notices, 1);
	skt_stream_free(s);
	skt_loop_free(loop);
}

static void the_last_rate_goes_on_where_no_pcr_comes(void **state)
{
	static uint8_t bytes[15000 * SKT_TS_PACKET];
	struct skt_loop *loop = support_loop();
	struct skt_stream *s;
	skt_time start = virtual_now;

	(void)state;
	tsmake_stream(bytes, 15000, 0, 0, 0);
	clean_stream(bytes); /* and 14,930 packets without a clock, which are more than are read ahead */
	s = paced(loop, fake_new(bytes, sizeof(bytes)), "pcr");
	for (int i = 0; i < 15000 / 7; i++) {
		assert_int_equal(next(loop, s), 1316);
		assert_memory_equal(room, bytes + (size_t)i * 1316, 1316);
		assert_near(virtual_now - start, i * 7 * SKT_MS, 100);
	}
	skt_stream_free(s);
	skt_loop_free(loop);
}

static void what_is_no_transport_stream_fails_with_advice(void **state)
{
	static char bytes[5 * 1024 * 1024];
	static const size_t sizes[] = { 1, 100, 5000, sizeof(bytes) };

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	for (size_t i = 0; i < SKT_LENGTH(sizes); i++) {
		struct skt_loop *loop = support_loop();
		struct fake *below = fake_new(bytes, sizes[i]);
		struct skt_stream *s = paced(loop, below, "pcr");
		struct skt_error err = { 0 };

		assert_int_equal(next(loop, s), -SKT_E_PEER);
		assert_int_equal(next(loop, s), -SKT_E_PEER);
		skt_stream_why(s, &err);
		assert_non_null(strstr(err.text, "no MPEG transport stream"));
		assert_non_null(strstr(err.hint, "pace=5Mbit"));
		assert_true(below->at < 3 * 1024 * 1024); /* it does not read for ever */
		skt_stream_free(s);
		skt_loop_free(loop);
	}
}

static void what_came_before_a_failure_is_given_first(void **state)
{
	uint8_t bytes[PACKETS * SKT_TS_PACKET];
	struct skt_loop *loop = support_loop();
	struct fake *below = fake_new(bytes, sizeof(bytes));
	struct skt_stream *s = paced(loop, below, "pcr");

	(void)state;
	clean_stream(bytes);
	below->read_fails = -SKT_E_IO;
	for (int i = 0; i < 10; i++)
		assert_int_equal(next(loop, s), 1316);
	assert_int_equal(next(loop, s), -SKT_E_IO);
	skt_stream_free(s);
	skt_loop_free(loop);
}

static int failing_settime(int fd, int flags, const struct itimerspec *due, struct itimerspec *old)
{
	(void)fd, (void)flags, (void)due, (void)old;
	errno = EINVAL;
	return -1;
}

static int failing_create(int clock, int flags)
{
	(void)clock, (void)flags;
	errno = EMFILE;
	return -1;
}

static int allocations_left;

static bool no_more_memory(void)
{
	return allocations_left-- <= 0;
}

static void without_timer_or_memory_it_fails_and_below_is_freed(void **state)
{
	static const size_t lengths[] = { 10, 10 };
	static char bytes[2000];
	struct skt_loop *loop = support_loop();
	struct skt_pacing how = { .kind = SKT_PACE_PCR };
	struct skt_stream *s = NULL;
	struct fake *below;
	struct skt_error err = { 0 };
	int freed = 0;

	(void)state;
	for (int i = 0; i < 3; i++) {
		below = fake_new(bytes, 20);
		below->freed = &freed;
		allocations_left = i;
		skt_alloc_fails = no_more_memory;
		skt_sys.timerfd_create = failing_create;
		assert_int_equal(skt_pace_new(loop, &below->stream, &how, &s, &err), -SKT_E_LIMIT);
		skt_alloc_fails = NULL;
	}
	assert_int_equal(freed, 3);
	skt_sys.timerfd_create = support_calls.timerfd_create;
	skt_sys.timerfd_settime = failing_settime;
	s = paced(loop, fake_new_messages(bytes, lengths, 2), "1kbit");
	assert_int_equal(skt_stream_read(s, room, sizeof(room)), 10);
	assert_int_equal(skt_stream_read(s, room, sizeof(room)), -SKT_E_IO);
	skt_stream_free(s);
	skt_loop_free(loop);
}

static void writing_goes_through_and_a_small_room_is_refused(void **state)
{
	uint8_t bytes[PACKETS * SKT_TS_PACKET];
	struct skt_loop *loop = support_loop();
	struct fake *below = fake_new(bytes, sizeof(bytes));
	struct skt_stream *s = paced(loop, below, "pcr");

	(void)state;
	clean_stream(bytes);
	assert_int_equal(skt_stream_write(s, "abc", 3), 3);
	assert_int_equal(below->n_taken, 3);
	assert_int_equal(skt_stream_shut(s), 0);
	assert_int_equal(below->shuts, 1);
	assert_int_equal(skt_stream_read(s, room, 1315), -SKT_E_LIMIT);
	assert_int_equal(skt_stream_read(s, room, 1316), 1316);
	skt_stream_free(s);
	skt_loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PACE_TEST(option_values_are_read_and_errors_point_into_them),
		PACE_TEST(at_a_rate_each_message_comes_when_those_before_have_passed),
		PACE_TEST(rounding_does_not_add_up),
		PACE_TEST(a_stall_is_made_up_for_by_at_most_50_ms),
		PACE_TEST(by_pcr_seven_packets_come_when_the_first_is_due),
		PACE_TEST(a_changed_rate_is_followed_between_its_pcrs),
		PACE_TEST(a_wild_clock_keeps_the_pace_and_is_told),
		PACE_TEST(broken_sync_loses_what_is_between_and_is_told),
		PACE_TEST(a_truncated_tail_is_dropped_and_told),
		PACE_TEST(without_a_clock_it_is_sent_at_a_guess_and_told),
		PACE_TEST(the_last_rate_goes_on_where_no_pcr_comes),
		PACE_TEST(what_is_no_transport_stream_fails_with_advice),
		PACE_TEST(what_came_before_a_failure_is_given_first),
		PACE_TEST(without_timer_or_memory_it_fails_and_below_is_freed),
		PACE_TEST(writing_goes_through_and_a_small_room_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

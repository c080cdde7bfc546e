/* SPDX-License-Identifier: Apache-2.0 */
/* Racing addresses: who wins, when the next one starts, and what is told when all fail. Time is the test's own. */
#include "virtual_time.h"

#include "sys/addr.h"
#include "sys/resolve.h"
#include "transport/connect.h"
#include "transport/race.h"

enum { MOST = 12 };

static int made;
static skt_time made_at[MOST + 4];
static struct skt_endpoint nothing;

static int start_socket(struct skt_loop *loop, const struct skt_endpoint *e, const struct skt_addr *to,
			const struct skt_origin *origin, struct skt_stream **ret, struct skt_error *err)
{
	int fd = socket(to->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)e;
	(void)origin;
	made_at[made++] = virtual_now;
	return skt_connect_new(loop, fd, to, SKT_FD_TCP, ret, err);
}

/* What connect(2) says to the address of each port from 1 on; 0: it is itself; EINPROGRESS: no answer comes. */
static int says[MOST + 1];
static struct support_hole hole;

static int connect_says(int fd, const struct sockaddr *addr, socklen_t len)
{
	unsigned port = ntohs(((const struct sockaddr_in *)(const void *)addr)->sin_port);

	if (port > MOST || says[port] == 0)
		return connect(fd, addr, len);
	if (says[port] == EINPROGRESS)
		return connect(fd, (struct sockaddr *)&hole.in, sizeof(hole.in));
	errno = says[port];
	return -1;
}

static void address(struct skt_addr *ret, unsigned port)
{
	assert_int_equal(skt_addr_parse_ip("127.0.0.1", NULL, (int)port, ret), 0);
}

static struct skt_stream *race(struct skt_loop *loop, const struct skt_addr *addrs, int n)
{
	static const struct skt_origin nobody;
	struct skt_stream *s;
	struct skt_error err = { 0 };

	made = 0;
	SUPPORT_OK(skt_race_new(loop, &nothing, "test", AF_UNSPEC, addrs, n, &nobody, start_socket, &s, &err), &err);
	return s;
}

/* Open it, by its wakes alone. */
static int wake_ret;
static void race_woken(void *user)
{
	if (wake_ret == -SKT_AGAIN)
		wake_ret = skt_stream_open(user);
}

static int race_open(struct skt_loop *loop, struct skt_stream *s)
{
	skt_stream_on_wake(s, race_woken, s);
	wake_ret = skt_stream_open(s);
	for (int i = 0; i < 1000 && wake_ret == -SKT_AGAIN; i++)
		assert_int_equal(skt_loop_round(loop, 3600 * SKT_SECOND, NULL), 0);
	return wake_ret;
}

static int accepted(int listening)
{
	int n = 0;

	for (int fd; (fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC)) >= 0; n++)
		(void)close(fd);
	return n;
}

static unsigned closed_port(void)
{
	unsigned port;

	(void)close(support_listen(1, &port));
	return port;
}

static void after_a_refusal_the_next_address_is_tried_at_once(void **state)
{
	struct skt_loop *loop = support_loop();
	struct skt_addr addrs[2];
	struct skt_stream *s;
	unsigned port;
	int listening = support_listen(4, &port);

	(void)state;
	address(&addrs[0], closed_port());
	address(&addrs[1], port);
	s = race(loop, addrs, 2);
	assert_int_equal(race_open(loop, s), 0);
	assert_int_equal(made, 2);
	assert_true(made_at[1] - made_at[0] < 250 * SKT_MS);
	assert_non_null(skt_stream_raw(s));
	assert_int_equal(skt_stream_raw(s)->in_kind, SKT_FD_TCP);
	assert_int_equal(accepted(listening), 1);
	skt_stream_free(s);
	(void)close(listening);
	skt_loop_free(loop);
}

static void the_first_that_answers_is_the_only_one_asked(void **state)
{
	struct skt_loop *loop = support_loop();
	struct skt_addr addrs[2];
	struct skt_stream *s;
	unsigned port, second;
	int listening = support_listen(4, &port), other = support_listen(4, &second);

	(void)state;
	address(&addrs[0], port);
	address(&addrs[1], second);
	s = race(loop, addrs, 2);
	assert_int_equal(race_open(loop, s), 0);
	assert_int_equal(made, 1);
	assert_int_equal(accepted(listening), 1);
	assert_int_equal(accepted(other), 0);
	skt_stream_free(s);
	(void)close(listening);
	(void)close(other);
	skt_loop_free(loop);
}

static void an_address_that_does_not_answer_gets_250_ms_before_the_next_starts(void **state)
{
	struct skt_loop *loop = support_loop();
	struct skt_addr addrs[3];
	struct skt_stream *s;
	unsigned port;
	int listening = support_listen(4, &port);

	(void)state;
	skt_sys.connect = connect_says;
	says[1] = says[2] = EINPROGRESS; /* like a packet that was dropped */
	address(&addrs[0], 1);
	address(&addrs[1], 2);
	address(&addrs[2], port);
	s = race(loop, addrs, 3);
	assert_int_equal(race_open(loop, s), 0);
	assert_int_equal(made, 3);
	for (int i = 1; i < 3; i++) {
		assert_true(made_at[i] - made_at[i - 1] >= 250 * SKT_MS);
		assert_true(made_at[i] - made_at[i - 1] <= 255 * SKT_MS);
	}
	assert_int_equal(accepted(listening), 1);
	skt_stream_free(s);
	(void)close(listening);
	skt_loop_free(loop);
}

static int sockets_open(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void the_losers_are_closed_when_one_has_won(void **state)
{
	struct skt_loop *loop = support_loop();
	struct skt_addr addrs[MOST];
	struct skt_stream *s;
	unsigned port;
	int listening = support_listen(4, &port), before = sockets_open();

	(void)state;
	skt_sys.connect = connect_says;
	for (int i = 0; i < 5; i++) {
		says[i + 1] = EINPROGRESS;
		address(&addrs[i], (unsigned)i + 1);
	}
	address(&addrs[5], port);
	s = race(loop, addrs, 6);
	assert_int_equal(race_open(loop, s), 0);
	assert_int_equal(sockets_open(), before + 1);
	skt_stream_free(s);
	assert_int_equal(sockets_open(), before);
	(void)close(listening);
	skt_loop_free(loop);
}

static void giving_up_closes_all_attempts(void **state)
{
	struct skt_loop *loop = support_loop();
	struct skt_addr addrs[MOST];
	struct skt_stream *s;
	int before = sockets_open();

	(void)state;
	skt_sys.connect = connect_says;
	for (int i = 0; i < MOST; i++) {
		says[i + 1] = EINPROGRESS;
		address(&addrs[i], (unsigned)i + 1);
	}
	s = race(loop, addrs, MOST);
	skt_stream_on_wake(s, race_woken, s);
	wake_ret = skt_stream_open(s);
	for (int i = 0; i < 40; i++)
		assert_int_equal(skt_loop_round(loop, SKT_SECOND, NULL), 0);
	assert_int_equal(wake_ret, -SKT_AGAIN);
	assert_int_equal(made, 8); /* at most so many at once */
	skt_stream_free(s);
	assert_int_equal(sockets_open(), before);
	skt_loop_free(loop);
}

static void when_all_fail_the_one_that_got_furthest_is_told(void **state)
{
	/* refused beats timed out beats unreachable, in whichever order they come */
	static const struct {
		int sys[3];
		int told;
	} rows[] = {
		{ { ENETUNREACH, ECONNREFUSED, EHOSTUNREACH }, ECONNREFUSED },
		{ { ECONNREFUSED, ENETUNREACH, ENETUNREACH }, ECONNREFUSED },
		{ { ECONNREFUSED, ETIMEDOUT, EACCES }, ECONNREFUSED },
		{ { ENETUNREACH, ETIMEDOUT, ENETUNREACH }, ETIMEDOUT },
		{ { ETIMEDOUT, ENETUNREACH, ENETUNREACH }, ETIMEDOUT },
		{ { ENETUNREACH, ENETUNREACH, ENETUNREACH }, ENETUNREACH },
	};

	(void)state;
	skt_sys.connect = connect_says;
	for (size_t i = 0; i < SKT_LENGTH(rows); i++) {
		struct skt_loop *loop = support_loop();
		struct skt_addr addrs[3];
		struct skt_stream *s;
		struct skt_error why;

		for (int k = 0; k < 3; k++) {
			says[k + 1] = rows[i].sys[k];
			address(&addrs[k], (unsigned)k + 1);
		}
		s = race(loop, addrs, 3);
		assert_true(race_open(loop, s) < 0);
		assert_int_equal(made, 3);
		skt_stream_why(s, &why);
		if (why.sys != rows[i].told)
			fail_msg("row %zu: %s", i, why.text);
		skt_stream_free(s);
		skt_loop_free(loop);
	}
}

static void a_black_hole_is_left_for_the_next_address(void **state)
{
	struct skt_loop *loop = support_loop();
	struct skt_addr addrs[2];
	struct skt_stream *s;
	unsigned port;
	int listening = support_listen(4, &port);

	(void)state;
	address(&addrs[0], ntohs(hole.in.sin_port));
	address(&addrs[1], port);
	s = race(loop, addrs, 2);
	assert_int_equal(race_open(loop, s), 0);
	assert_int_equal(made, 2);
	assert_int_equal(accepted(listening), 1);
	skt_stream_free(s);
	(void)close(listening);
	skt_loop_free(loop);
}

static int race_setup(void **state)
{
	memset(says, 0, sizeof(says));
	support_hole_open(&hole);
	return virtual_setup(state);
}

static int race_teardown(void **state)
{
	support_hole_close(&hole);
	return support_teardown(state);
}

#define RACE_TEST(name) cmocka_unit_test_setup_teardown(name, race_setup, race_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		RACE_TEST(after_a_refusal_the_next_address_is_tried_at_once),
		RACE_TEST(the_first_that_answers_is_the_only_one_asked),
		RACE_TEST(an_address_that_does_not_answer_gets_250_ms_before_the_next_starts),
		RACE_TEST(the_losers_are_closed_when_one_has_won),
		RACE_TEST(giving_up_closes_all_attempts),
		RACE_TEST(when_all_fail_the_one_that_got_furthest_is_told),
		RACE_TEST(a_black_hole_is_left_for_the_next_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

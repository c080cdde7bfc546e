/* SPDX-License-Identifier: Apache-2.0 */
/* Dialling: deadlines, pauses between tries, and moments in which the machine is busy. Time is the test's own. */
#include "virtual_time.h"

#include "endpoint/endpoint.h"
#include "transport/open.h"

enum { TRIES = 64 };

/* connect(2) as the test wants it: errnos in turn, the last one stays; 0: it is itself; EINPROGRESS: no answer comes. */
static int connect_errno[8], connect_n;
static struct support_hole hole;
static skt_time tried_at[TRIES];
static int n_tried;

static int connect_says(int fd, const struct sockaddr *addr, socklen_t len)
{
	int sys = connect_errno[n_tried < connect_n ? n_tried : connect_n - 1];

	if (n_tried < TRIES)
		tried_at[n_tried] = virtual_now;
	n_tried++;
	if (sys == 0)
		return connect(fd, addr, len);
	if (sys == EINPROGRESS)
		return connect(fd, (struct sockaddr *)&hole.in, sizeof(hole.in));
	errno = sys;
	return -1;
}

struct outcome {
	struct skt_loop *loop;
	struct skt_endpoint e;
	struct skt_dialer *dialer;
	struct skt_stream *stream;
	struct skt_error err;
	skt_time began, ended;
	int calls;
};

static void dialled(void *user, struct skt_stream *stream, const struct skt_error *err)
{
	struct outcome *o = user;

	o->calls++;
	o->stream = stream;
	o->ended = virtual_now;
	o->dialer = NULL;
	if (err)
		o->err = *err;
}

static void outcome_begin(struct outcome *o, const char *text, bool many)
{
	struct skt_origin origin = { .many = many };
	struct skt_error err = { 0 };

	*o = (struct outcome){ .loop = support_loop(), .began = virtual_now };
	n_tried = 0;
	SUPPORT_OK(skt_endpoint_parse(text, &o->e, &err), &err);
	SUPPORT_OK(skt_dialer_new(o->loop, &o->e, &origin, dialled, o, &o->dialer, &err), &err);
	assert_int_equal(o->calls, 0); /* never from within */
}

static void outcome_init(struct outcome *o, const char *text)
{
	outcome_begin(o, text, false);
}

static void outcome_wait(struct outcome *o)
{
	for (int i = 0; i < 10000 && !o->calls; i++)
		assert_int_equal(skt_loop_round(o->loop, SKT_FOREVER, NULL), 0);
	assert_int_equal(o->calls, 1);
}

static void outcome_release(struct outcome *o)
{
	skt_dialer_free(o->dialer);
	skt_stream_free(o->stream);
	skt_endpoint_release(&o->e);
	skt_loop_free(o->loop);
}

static void connect_gives(int n, const int *errnos)
{
	memcpy(connect_errno, errnos, (size_t)n * sizeof(*errnos));
	connect_n = n;
	skt_sys.connect = connect_says;
}

static void a_server_that_answers_is_reached(void **state)
{
	struct outcome o;
	unsigned port;
	int listening = support_listen(4, &port);
	char text[64];

	(void)state;
	(void)snprintf(text, sizeof(text), "127.0.0.1:%u", port);
	outcome_init(&o, text);
	outcome_wait(&o);
	assert_non_null(o.stream);
	assert_int_equal(skt_stream_open(o.stream), 0);
	outcome_release(&o);
	(void)close(listening);
}

static void without_retry_the_first_refusal_is_the_outcome(void **state)
{
	struct outcome o;

	(void)state;
	connect_gives(1, (int[]){ ECONNREFUSED });
	outcome_init(&o, "127.0.0.1:9");
	outcome_wait(&o);
	assert_null(o.stream);
	assert_int_equal(o.err.kind, SKT_E_REFUSED);
	assert_int_equal(n_tried, 1);
	outcome_release(&o);
}

static void an_answer_that_does_not_come_is_given_up_at_the_timeout_and_not_before(void **state)
{
	static const struct {
		const char *text;
		skt_time timeout;
	} rows[] = {
		{ "127.0.0.1:9", 10 * SKT_SECOND },
		{ "127.0.0.1:9 timeout=1500ms", 1500 * SKT_MS },
		{ "tcp4://localhost:9 timeout=300ms", 300 * SKT_MS },
	};

	(void)state;
	connect_gives(1, (int[]){ EINPROGRESS }); /* and nothing ever comes */
	for (size_t i = 0; i < SKT_LENGTH(rows); i++) {
		struct outcome o;

		outcome_init(&o, rows[i].text);
		outcome_wait(&o);
		assert_null(o.stream);
		assert_int_equal(o.err.kind, SKT_E_TIMEOUT);
		assert_non_null(strstr(o.err.text, ":9"));
		assert_true(o.ended - o.began >= rows[i].timeout);
		assert_true(o.ended - o.began <= rows[i].timeout + 5 * SKT_MS);
		outcome_release(&o);
	}
}

static void tries_come_in_growing_pauses_with_a_bound(void **state)
{
	skt_time nominal = 100 * SKT_MS;
	struct outcome o;

	(void)state;
	connect_gives(1, (int[]){ ECONNREFUSED });
	outcome_init(&o, "127.0.0.1:9 retry=12");
	outcome_wait(&o);
	assert_int_equal(n_tried, 13);
	assert_int_equal(o.err.kind, SKT_E_REFUSED);
	for (int i = 1; i < n_tried; i++) {
		skt_time pause = tried_at[i] - tried_at[i - 1];

		if (pause < nominal / 2 || pause > nominal + 2 * SKT_MS)
			fail_msg("pause %d was %lld ms", i, (long long)(pause / SKT_MS));
		nominal = nominal * 2 > 5 * SKT_SECOND ? 5 * SKT_SECOND : nominal * 2;
	}
	assert_int_equal(nominal, 5 * SKT_SECOND);
	outcome_release(&o);
}

static void a_server_that_comes_up_is_reached_by_a_later_try(void **state)
{
	struct outcome o;
	unsigned port;
	int listening = support_listen(4, &port);
	char text[64];

	(void)state;
	(void)snprintf(text, sizeof(text), "127.0.0.1:%u retry=forever", port);
	connect_gives(4, (int[]){ ECONNREFUSED, ENETUNREACH, ECONNREFUSED, 0 });
	outcome_init(&o, text);
	outcome_wait(&o);
	assert_non_null(o.stream);
	assert_int_equal(n_tried, 4);
	outcome_release(&o);
	(void)close(listening);
}

static void each_try_has_the_whole_timeout(void **state)
{
	struct outcome o;

	(void)state;
	connect_gives(1, (int[]){ EINPROGRESS });
	outcome_init(&o, "127.0.0.1:9 timeout=1s retry=2");
	outcome_wait(&o);
	assert_int_equal(n_tried, 3);
	assert_int_equal(o.err.kind, SKT_E_TIMEOUT);
	assert_true(o.ended - tried_at[2] >= SKT_SECOND);
	assert_true(tried_at[1] - tried_at[0] >= SKT_SECOND + 50 * SKT_MS);
	outcome_release(&o);
}

static int socket_calls, socket_errno, socket_fails;

static int socket_says(int domain, int type, int protocol)
{
	socket_calls++;
	if (socket_fails != 0) {
		socket_fails -= socket_fails > 0;
		errno = socket_errno;
		return -1;
	}
	return socket(domain, type, protocol);
}

static void a_moment_without_descriptors_is_waited_out_where_other_links_may_give_some_back(void **state)
{
	struct outcome o;
	unsigned port;
	int listening = support_listen(4, &port);
	char text[64];

	(void)state;
	(void)snprintf(text, sizeof(text), "127.0.0.1:%u", port);
	skt_sys.socket = socket_says;
	socket_errno = EMFILE;
	socket_fails = 5;
	socket_calls = 0;
	outcome_begin(&o, text, true);
	outcome_wait(&o);
	assert_non_null(o.stream);
	assert_int_equal(socket_calls, 6);
	assert_true(o.ended - o.began >= 5 * 20 * SKT_MS);
	assert_true(o.ended - o.began < SKT_SECOND);
	outcome_release(&o);
	(void)close(listening);
}

static void a_machine_that_stays_busy_is_told_at_the_timeout(void **state)
{
	struct outcome o;

	(void)state;
	skt_sys.socket = socket_says;
	socket_errno = ENFILE;
	socket_fails = -1;
	outcome_begin(&o, "127.0.0.1:9 timeout=200ms", true);
	outcome_wait(&o);
	assert_int_equal(o.err.kind, SKT_E_LIMIT);
	assert_int_equal(o.err.sys, ENFILE);
	assert_true(o.ended - o.began >= 180 * SKT_MS);
	assert_true(o.ended - o.began <= 250 * SKT_MS);
	outcome_release(&o);
}

static void a_link_that_is_alone_does_not_wait_for_descriptors(void **state)
{
	struct outcome o;

	(void)state;
	skt_sys.socket = socket_says;
	socket_errno = EMFILE;
	socket_fails = -1;
	outcome_init(&o, "127.0.0.1:9");
	outcome_wait(&o);
	assert_int_equal(o.err.kind, SKT_E_LIMIT);
	assert_int_equal(o.err.sys, EMFILE);
	assert_int_equal(o.ended - o.began, 0);
	outcome_release(&o);
}

static void a_full_queue_of_the_server_is_waited_out(void **state)
{
	struct outcome o;
	unsigned port;
	int listening = support_listen(4, &port);
	char text[64];

	(void)state;
	(void)snprintf(text, sizeof(text), "127.0.0.1:%u", port);
	connect_gives(4, (int[]){ EAGAIN, EAGAIN, EAGAIN, 0 });
	outcome_init(&o, text);
	outcome_wait(&o);
	assert_non_null(o.stream);
	assert_int_equal(n_tried, 4);
	outcome_release(&o);
	(void)close(listening);
}

static void what_is_wrong_with_the_text_is_not_tried_again(void **state)
{
	struct outcome o;

	(void)state;
	outcome_init(&o, "127.0.0.1:0 retry=forever");
	outcome_wait(&o);
	assert_int_equal(o.err.kind, SKT_E_USAGE);
	assert_int_equal(o.ended - o.began, 0);
	outcome_release(&o);
}

static void giving_up_in_between_calls_nobody(void **state)
{
	struct outcome o;

	(void)state;
	connect_gives(1, (int[]){ ECONNREFUSED });
	outcome_init(&o, "127.0.0.1:9 retry=forever");
	for (int i = 0; i < 3; i++)
		assert_int_equal(skt_loop_round(o.loop, SKT_FOREVER, NULL), 0);
	skt_dialer_free(o.dialer);
	o.dialer = NULL;
	for (int i = 0; i < 3; i++)
		assert_int_equal(skt_loop_round(o.loop, SKT_SECOND, NULL), 0);
	assert_int_equal(o.calls, 0);
	outcome_release(&o);
}

static int dialer_setup(void **state)
{
	support_hole_open(&hole);
	return virtual_setup(state);
}

static int dialer_teardown(void **state)
{
	support_hole_close(&hole);
	return support_teardown(state);
}

#define DIALER_TEST(name) cmocka_unit_test_setup_teardown(name, dialer_setup, dialer_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DIALER_TEST(a_server_that_answers_is_reached),
		DIALER_TEST(without_retry_the_first_refusal_is_the_outcome),
		DIALER_TEST(an_answer_that_does_not_come_is_given_up_at_the_timeout_and_not_before),
		DIALER_TEST(tries_come_in_growing_pauses_with_a_bound),
		DIALER_TEST(a_server_that_comes_up_is_reached_by_a_later_try),
		DIALER_TEST(each_try_has_the_whole_timeout),
		DIALER_TEST(a_moment_without_descriptors_is_waited_out_where_other_links_may_give_some_back),
		DIALER_TEST(a_machine_that_stays_busy_is_told_at_the_timeout),
		DIALER_TEST(a_link_that_is_alone_does_not_wait_for_descriptors),
		DIALER_TEST(a_full_queue_of_the_server_is_waited_out),
		DIALER_TEST(what_is_wrong_with_the_text_is_not_tried_again),
		DIALER_TEST(giving_up_in_between_calls_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions of a datagram socket: who is one, and who goes when there is no room. The clock is virtual. */
#include "virtual_time.h"

#include <string.h>
#include <sys/un.h>

#include "io/dgserver.h"

enum { PEERS = 8 };

struct rig {
	struct skt_loop *loop;
	struct skt_listener *l;
	struct skt_stream *session[PEERS];
	int peer[PEERS], n, max;
	struct sockaddr_in to;
};

static void rig_ready(void *user)
{
	struct rig *rig = user;
	struct skt_addr peer;
	struct skt_error err;

	while (rig->n < rig->max && skt_listener_accept(rig->l, &rig->session[rig->n], &peer, &err) == 0)
		rig->n++;
	if (rig->n >= rig->max)
		skt_listener_pause(rig->l);
}

static void rig_open(struct rig *rig, int max)
{
	socklen_t n = sizeof(rig->to);
	struct skt_error err = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	*rig = (struct rig){ .loop = support_loop(), .max = max };
	rig->to = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	assert_int_equal(bind(fd, (struct sockaddr *)&rig->to, n), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&rig->to, &n), 0);
	SUPPORT_OK(skt_dgserver_new(rig->loop, "udp", &rig->l, &err), &err);
	SUPPORT_OK(skt_dgserver_add(rig->l, fd, AF_INET, false, &err), &err);
	rig->l->on_ready = rig_ready;
	rig->l->user = rig;
	assert_int_equal(skt_listener_watch(rig->l), 0);
	for (int i = 0; i < PEERS; i++) {
		rig->peer[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		assert_int_equal(connect(rig->peer[i], (struct sockaddr *)&rig->to, n), 0);
	}
}

static void rig_close(struct rig *rig)
{
	for (int i = 0; i < PEERS; i++) {
		(void)close(rig->peer[i]);
		if (rig->session[i])
			skt_stream_free(rig->session[i]);
	}
	skt_listener_free(rig->l);
	skt_loop_free(rig->loop);
}

/* A peer speaks, and the server has heard it; a second later it is the next one's turn. */
static void rig_speak(struct rig *rig, int peer, const char *word)
{
	assert_int_equal(send(rig->peer[peer], word, strlen(word), 0), strlen(word));
	support_settle(rig->loop);
	virtual_now += SKT_SECOND;
}

static void rig_expect(struct rig *rig, int session, const char *word)
{
	char got[100];
	ssize_t n = skt_stream_read(rig->session[session], got, sizeof(got));

	assert_int_equal(n, strlen(word));
	assert_memory_equal(got, word, strlen(word));
}

static void rig_answer(struct rig *rig, int session, int peer)
{
	char got[100];

	assert_int_equal(skt_stream_write(rig->session[session], "answer", 6), 6);
	assert_int_equal(recv(rig->peer[peer], got, sizeof(got), 0), 6);
	assert_int_equal(recv(rig->peer[peer], got, sizeof(got), 0), -1);
}

static bool is_gone(const struct rig *rig, int session)
{
	return rig->session[session]->flags & SKT_STREAM_GONE;
}

static void each_peer_is_a_session_with_its_own_messages_and_answers(void **state)
{
	struct rig rig;
	char got[10];

	(void)state;
	rig_open(&rig, PEERS);
	for (int turn = 0; turn < 2; turn++)
		for (int i = 0; i < 4; i++)
			rig_speak(&rig, i, (const char *[]){ "zero", "one", "two", "three" }[i]);
	assert_int_equal(rig.n, 4);
	for (int i = 0; i < 4; i++)
		for (int turn = 0; turn < 2; turn++)
			rig_expect(&rig, i, (const char *[]){ "zero", "one", "two", "three" }[i]);
	for (int i = 3; i >= 0; i--) {
		assert_int_equal(skt_stream_read(rig.session[i], got, sizeof(got)), -SKT_AGAIN);
		rig_answer(&rig, i, i);
	}
	skt_stream_free(rig.session[1]);
	rig.session[1] = NULL;
	rig_speak(&rig, 1, "again"); /* whoever was forgotten is new */
	assert_int_equal(rig.n, 5);
	rig_expect(&rig, 4, "again");
	rig_speak(&rig, 2, "as before");
	rig_expect(&rig, 2, "as before");
	rig_close(&rig);
}

static void the_longest_silent_that_was_never_answered_makes_room(void **state)
{
	struct rig rig;
	char got[10];

	(void)state;
	rig_open(&rig, 3);
	rig_speak(&rig, 0, "a"); /* the oldest, and answered */
	rig_answer(&rig, 0, 0);
	rig_speak(&rig, 1, "b");
	rig_speak(&rig, 2, "c");
	rig_speak(&rig, 1, "b"); /* so c is silent longer */
	assert_int_equal(rig.n, 3);
	rig_speak(&rig, 3, "d");
	assert_false(is_gone(&rig, 0));
	assert_false(is_gone(&rig, 1));
	assert_true(is_gone(&rig, 2));
	rig_expect(&rig, 2, "c"); /* what it had said is still delivered, and then it ends */
	assert_int_equal(skt_stream_read(rig.session[2], got, sizeof(got)), 0);
	skt_stream_free(rig.session[2]);
	rig.session[2] = NULL;
	rig.max = 4; /* of which one is gone */
	assert_int_equal(skt_listener_watch(rig.l), 0);
	support_settle(rig.loop);
	assert_int_equal(rig.n, 4);
	rig_expect(&rig, 3, "d");
	assert_int_equal(rig.l->n_away, 0);
	rig_close(&rig);
}

static void an_answered_one_makes_room_only_after_ten_seconds_of_silence(void **state)
{
	struct rig rig;

	(void)state;
	rig_open(&rig, 2);
	for (int i = 0; i < 2; i++) {
		rig_speak(&rig, i, "x");
		rig_answer(&rig, i, i);
	}
	virtual_now += 7 * SKT_SECOND; /* 9 since the first has spoken */
	rig_speak(&rig, 2, "new");
	assert_false(is_gone(&rig, 0) || is_gone(&rig, 1));
	assert_int_equal(rig.l->n_away, 1);
	rig_speak(&rig, 2, "new");
	assert_true(is_gone(&rig, 0));
	assert_false(is_gone(&rig, 1));
	assert_int_equal(rig.l->n_away, 1);
	rig_close(&rig);
}

/* Messages of a unix socket wait at the sender until they are taken; between one and the next no timer must stand. Time stands still
 * here. */
static void a_unix_source_goes_as_fast_as_its_reader(void **state)
{
	enum { MESSAGES = 200 };
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	socklen_t n = sizeof(to.sun_family); /* a name of the kernel's choice */
	struct rig rig = { .loop = support_loop(), .max = 1 };
	struct skt_error err = { 0 };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), sent = 0, got = 0;
	int peer = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&to, n), 0);
	n = sizeof(to);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&to, &n), 0);
	assert_int_equal(connect(peer, (struct sockaddr *)&to, n), 0);
	SUPPORT_OK(skt_dgserver_new(rig.loop, "unix-dgram", &rig.l, &err), &err);
	SUPPORT_OK(skt_dgserver_add(rig.l, fd, AF_UNIX, false, &err), &err);
	rig.l->on_ready = rig_ready;
	rig.l->user = &rig;
	assert_int_equal(skt_listener_watch(rig.l), 0);
	for (int turn = 0; turn < 4 * MESSAGES && got < MESSAGES; turn++) {
		char room[16];

		while (sent < MESSAGES && send(peer, "message", 7, 0) == 7)
			sent++;
		support_settle(rig.loop);
		while (rig.session[0] && skt_stream_read(rig.session[0], room, sizeof(room)) == 7)
			got++;
	}
	assert_int_equal(got, MESSAGES);
	skt_stream_free(rig.session[0]);
	skt_listener_free(rig.l);
	skt_loop_free(rig.loop);
	(void)close(peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		VIRTUAL_TEST(each_peer_is_a_session_with_its_own_messages_and_answers),
		VIRTUAL_TEST(the_longest_silent_that_was_never_answered_makes_room),
		VIRTUAL_TEST(an_answered_one_makes_room_only_after_ten_seconds_of_silence),
		VIRTUAL_TEST(a_unix_source_goes_as_fast_as_its_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

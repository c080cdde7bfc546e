/* SPDX-License-Identifier: Apache-2.0 */
/* Streams over descriptors: kinds, readiness, ends, messages. */
#include "support.h"

#include <stdlib.h>

#include "endpoint/endpoint.h"
#include "transport/fdnumber.h"
#include "transport/transport.h"

static int wakes;

static void woken(void *user)
{
	(void)user;
	wakes++;
}

static ssize_t read_some(struct skt_stream *s, char *buf, size_t n)
{
	memset(buf, 0, n);
	return skt_stream_read(s, buf, n);
}

static void descriptors_are_told_apart(void **state)
{
	int pipes[2], pair[2], tcp[2], packet[2], master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), file = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	support_socketpair(SOCK_STREAM, pair);
	support_socketpair(SOCK_SEQPACKET, packet);
	support_tcp(tcp);
	assert_int_equal(skt_fd_kind(-1), SKT_FD_NONE);
	assert_int_equal(skt_fd_kind(pipes[0]), SKT_FD_PIPE);
	assert_int_equal(skt_fd_kind(pipes[1]), SKT_FD_PIPE);
	assert_int_equal(skt_fd_kind(pair[0]), SKT_FD_SOCKET);
	assert_int_equal(skt_fd_kind(packet[0]), SKT_FD_PACKET);
	assert_int_equal(skt_fd_kind(tcp[0]), SKT_FD_TCP);
	assert_int_equal(skt_fd_kind(null), SKT_FD_FILE);
	assert_int_equal(skt_fd_kind(file), SKT_FD_FILE);
	assert_int_equal(skt_fd_kind(master), SKT_FD_TTY);
	for (int i = 0; i < 2; i++) {
		(void)close(pipes[i]);
		(void)close(pair[i]);
		(void)close(packet[i]);
		(void)close(tcp[i]);
	}
	(void)close(null);
	(void)close(file);
	(void)close(master);
}

static int recv_calls;

static ssize_t counted_recv(int fd, void *buf, size_t n, int flags)
{
	recv_calls++;
	return recv(fd, buf, n, flags);
}

static void a_short_read_of_tcp_means_drained_and_saves_a_call(void **state)
{
	struct skt_loop *loop = support_loop();
	struct skt_stream *s;
	char buf[64];
	int pair[2];

	(void)state;
	support_tcp(pair);
	assert_int_equal(skt_fd_new_socket(loop, pair[0], SKT_FD_TCP, &s, NULL), 0);
	skt_stream_on_wake(s, woken, NULL);
	skt_sys.recv = counted_recv;
	recv_calls = 0;
	assert_int_equal(read_some(s, buf, sizeof(buf)), -SKT_AGAIN);
	assert_int_equal(recv_calls, 0); /* no event has told of bytes */
	assert_int_equal(write(pair[1], "abc", 3), 3);
	SUPPORT_UNTIL(loop, skt_fd_of(s)->ready & SKT_IN);
	assert_int_equal(read_some(s, buf, sizeof(buf)), 3);
	assert_int_equal(read_some(s, buf, sizeof(buf)), -SKT_AGAIN);
	assert_int_equal(recv_calls, 1);
	assert_int_equal(write(pair[1], "defg", 4), 4);
	SUPPORT_UNTIL(loop, skt_fd_of(s)->ready & SKT_IN);
	assert_int_equal(read_some(s, buf, 4), 4);
	assert_int_equal(read_some(s, buf, sizeof(buf)), -SKT_AGAIN); /* not short: asked once more */
	assert_int_equal(recv_calls, 3);
	skt_stream_free(s);
	(void)close(pair[1]);
	skt_loop_free(loop);
}

static void the_end_is_read_after_the_bytes_that_came_with_it(void **state)
{
	(void)state;
	for (int kind = 0; kind < 2; kind++) {
		struct skt_loop *loop = support_loop();
		struct skt_stream *s;
		char buf[64];
		int pair[2];

		if (kind)
			support_tcp(pair);
		else
			support_socketpair(SOCK_STREAM, pair);
		assert_int_equal(skt_fd_new_socket(loop, pair[0], kind ? SKT_FD_TCP : SKT_FD_SOCKET, &s, NULL), 0);
		assert_int_equal(write(pair[1], "last", 4), 4);
		(void)shutdown(pair[1], SHUT_WR);
		SUPPORT_UNTIL(loop, skt_fd_of(s)->ready & SKT_RDHUP);
		assert_int_equal(read_some(s, buf, sizeof(buf)), 4);
		assert_string_equal(buf, "last");
		assert_int_equal(read_some(s, buf, sizeof(buf)), 0);
		assert_int_equal(read_some(s, buf, sizeof(buf)), 0);
		assert_int_equal(skt_stream_write(s, "still", 5), 5); /* half-closed: the other way is open */
		assert_false(s->flags & SKT_STREAM_GONE);
		skt_stream_free(s);
		(void)close(pair[1]);
		skt_loop_free(loop);
	}
}

static void a_seqpacket_message_of_no_bytes_is_not_the_end(void **state)
{
	struct skt_loop *loop = support_loop();
	struct skt_stream *s;
	char buf[64];
	int pair[2];

	(void)state;
	support_socketpair(SOCK_SEQPACKET, pair);
	assert_int_equal(send(pair[1], "", 0, 0), 0); /* also one that came before there was a stream */
	assert_int_equal(skt_fd_new_socket(loop, pair[0], SKT_FD_PACKET, &s, NULL), 0);
	assert_int_equal(send(pair[1], "", 0, 0), 0);
	assert_int_equal(send(pair[1], "one", 3, 0), 3);
	assert_int_equal(send(pair[1], "", 0, 0), 0);
	SUPPORT_UNTIL(loop, skt_fd_of(s)->ready & SKT_IN);
	assert_int_equal(read_some(s, buf, sizeof(buf)), 3);
	assert_string_equal(buf, "one");
	assert_int_equal(read_some(s, buf, sizeof(buf)), -SKT_AGAIN);
	assert_int_equal(send(pair[1], "two", 3, 0), 3);
	assert_int_equal(send(pair[1], "three", 5, 0), 5);
	(void)shutdown(pair[1], SHUT_WR);
	SUPPORT_UNTIL(loop, skt_fd_of(s)->ready & SKT_IN);
	assert_int_equal(read_some(s, buf, sizeof(buf)), 3); /* a read never joins two */
	assert_int_equal(read_some(s, buf, sizeof(buf)), 5);
	assert_int_equal(read_some(s, buf, sizeof(buf)), 0);
	assert_true(s->flags & SKT_STREAM_MESSAGES);
	skt_stream_free(s);
	(void)close(pair[1]);
	skt_loop_free(loop);
}

static void a_message_that_does_not_fit_is_a_failure_not_a_piece(void **state)
{
	struct skt_loop *loop = support_loop();
	struct skt_stream *s;
	char buf[4];
	int pair[2];

	(void)state;
	support_socketpair(SOCK_SEQPACKET, pair);
	assert_int_equal(skt_fd_new_socket(loop, pair[0], SKT_FD_PACKET, &s, NULL), 0);
	assert_int_equal(send(pair[1], "too long", 8, 0), 8);
	SUPPORT_UNTIL(loop, skt_fd_of(s)->ready & SKT_IN);
	assert_int_equal(read_some(s, buf, sizeof(buf)), -SKT_E_IO);
	assert_int_equal(s->sys, EMSGSIZE);
	skt_stream_free(s);
	(void)close(pair[1]);
	skt_loop_free(loop);
}

static void descriptors_that_a_peer_sends_along_are_not_left_open(void **state)
{
	struct skt_loop *loop = support_loop();
	struct skt_stream *s;
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (char[]){ "x" }, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};
	char buf[16];
	int pair[2], pipes[2];

	(void)state;
	for (int kind = 0; kind < 2; kind++) {
		support_socketpair(kind ? SOCK_SEQPACKET : SOCK_STREAM, pair);
		assert_int_equal(pipe2(pipes, O_CLOEXEC | O_NONBLOCK), 0);
		assert_int_equal(skt_fd_new_socket(loop, pair[0], kind ? SKT_FD_PACKET : SKT_FD_SOCKET, &s, NULL), 0);
		control.header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
						   .cmsg_level = SOL_SOCKET,
						   .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.header), &pipes[1], sizeof(int));
		assert_int_equal(sendmsg(pair[1], &msg, 0), 1);
		(void)close(pipes[1]);
		SUPPORT_UNTIL(loop, skt_fd_of(s)->ready & SKT_IN);
		assert_int_equal(read_some(s, buf, sizeof(buf)), 1);
		assert_int_equal(read(pipes[0], buf, 1), 0); /* its last writer is closed */
		skt_stream_free(s);
		(void)close(pair[1]);
		(void)close(pipes[0]);
	}
	skt_loop_free(loop);
}

static void a_missing_way_ends_at_once_or_throws_away(void **state)
{
	struct skt_loop *loop = support_loop();
	struct skt_stream *source, *sink;
	char buf[8];
	int pipes[2];

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(skt_fd_new_pair(loop, pipes[0], -1, &source, NULL), 0);
	assert_int_equal(skt_fd_new_pair(loop, -1, pipes[1], &sink, NULL), 0);
	assert_int_equal(skt_stream_write(source, "gone", 4), 4);
	assert_int_equal(skt_stream_shut(source), 0);
	assert_int_equal(read_some(sink, buf, sizeof(buf)), -SKT_AGAIN); /* a sink alone: after it was told the end */
	SUPPORT_UNTIL(loop, skt_fd_of(sink)->ready & SKT_OUT);
	assert_int_equal(skt_stream_write(sink, "kept", 4), 4);
	assert_int_equal(skt_stream_shut(sink), 0);
	assert_int_equal(skt_stream_shut(sink), 0);
	assert_int_equal(read_some(sink, buf, sizeof(buf)), 0);
	SUPPORT_UNTIL(loop, skt_fd_of(source)->ready & SKT_IN);
	assert_int_equal(read_some(source, buf, sizeof(buf)), 4);
	assert_int_equal(read_some(source, buf, sizeof(buf)), 0);
	skt_stream_free(source);
	skt_stream_free(sink);
	skt_loop_free(loop);
}

static void a_full_sink_says_again_and_wakes_when_there_is_room(void **state)
{
	(void)state;
	for (int kind = 0; kind < 3; kind++) {
		struct skt_loop *loop = support_loop();
		struct skt_stream *s;
		char *bytes = support_bytes(65536, 1), *sunk = test_malloc(65536);
		int pair[2], far;
		ssize_t put = 0;

		if (kind == 0)
			support_socketpair(SOCK_STREAM, pair);
		else if (kind == 1)
			support_tcp(pair);
		else
			assert_int_equal(pipe2(pair, O_CLOEXEC | O_NONBLOCK), 0);
		far = kind == 2 ? pair[0] : pair[1];
		assert_int_equal(kind == 2
					 ? skt_fd_new_pair(loop, -1, pair[1], &s, NULL)
					 : skt_fd_new_socket(loop, pair[0], kind ? SKT_FD_TCP : SKT_FD_SOCKET, &s, NULL),
				 0);
		skt_stream_on_wake(s, woken, NULL);
		SUPPORT_UNTIL(loop, skt_fd_of(s)->ready & SKT_OUT);
		while (put >= 0)
			put = skt_stream_write(s, bytes, 65536);
		assert_int_equal(put, -SKT_AGAIN);
		assert_false(skt_fd_of(s)->ready & SKT_OUT);
		wakes = 0;
		while (!wakes) {
			while (read(far, sunk, 65536) > 0)
				;
			assert_int_equal(skt_loop_round(loop, SKT_SECOND, NULL), 0);
		}
		assert_true(skt_stream_write(s, bytes, 65536) > 0);
		skt_stream_free(s);
		(void)close(far);
		skt_loop_free(loop);
		test_free(bytes);
		test_free(sunk);
	}
}

static void only_what_is_new_wakes(void **state)
{
	struct skt_loop *loop = support_loop();
	struct skt_stream *s;
	int pair[2];

	(void)state;
	support_socketpair(SOCK_STREAM, pair);
	assert_int_equal(skt_fd_new_socket(loop, pair[0], SKT_FD_SOCKET, &s, NULL), 0);
	skt_stream_on_wake(s, woken, NULL);
	support_settle(loop);
	wakes = 0;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(write(pair[1], "x", 1), 1);
		support_settle(loop);
	}
	assert_int_equal(wakes, 1); /* nobody has read: IN is known */
	skt_stream_free(s);
	(void)close(pair[1]);
	skt_loop_free(loop);
}

static void a_reset_is_a_failure_with_its_reason(void **state)
{
	static const struct linger at_once = { .l_onoff = 1 };
	struct skt_loop *loop = support_loop();
	struct skt_stream *s;
	struct skt_error why;
	char buf[8];
	int pair[2];

	(void)state;
	support_tcp(pair);
	assert_int_equal(skt_fd_new_socket(loop, pair[0], SKT_FD_TCP, &s, NULL), 0);
	assert_int_equal(setsockopt(pair[1], SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
	(void)close(pair[1]);
	SUPPORT_UNTIL(loop, skt_fd_of(s)->ready & SKT_ERR);
	assert_int_equal(read_some(s, buf, sizeof(buf)), -SKT_E_IO);
	skt_stream_why(s, &why);
	assert_int_equal(why.kind, SKT_E_IO);
	assert_int_equal(why.sys, ECONNRESET);
	assert_string_equal(why.text, "the connection was reset by the peer");
	skt_stream_free(s);
	skt_loop_free(loop);
}

static void descriptors_are_closed_with_the_stream(void **state)
{
	struct skt_loop *loop = support_loop();
	struct skt_stream *s;
	int pair[2];
	char c;

	(void)state;
	support_socketpair(SOCK_STREAM, pair);
	assert_int_equal(skt_fd_new_socket(loop, pair[0], SKT_FD_SOCKET, &s, NULL), 0);
	skt_stream_free(s);
	assert_int_equal(read(pair[1], &c, 1), 0);
	(void)close(pair[1]);
	skt_loop_free(loop);
}

static bool every_allocation_fails(void)
{
	return true;
}

static int epoll_is_full(int epoll, int op, int fd, struct epoll_event *event)
{
	(void)epoll, (void)op, (void)fd, (void)event;
	errno = ENOSPC;
	return -1;
}

static void what_cannot_be_made_takes_its_descriptors_with_it(void **state)
{
	struct skt_loop *loop = support_loop();
	struct skt_error err;

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct skt_stream *s = NULL;
		int pair[2], pipes[2];
		char c;

		support_socketpair(SOCK_STREAM, pair);
		assert_int_equal(pipe2(pipes, O_CLOEXEC | O_NONBLOCK), 0);
		skt_alloc_fails = i % 2 ? NULL : every_allocation_fails;
		skt_sys.epoll_ctl = i % 2 ? epoll_is_full : support_calls.epoll_ctl;
		assert_int_equal(i < 2 ? skt_fd_new_socket(loop, pair[0], SKT_FD_SOCKET, &s, &err)
				       : skt_fd_new_pair(loop, pair[0], pipes[1], &s, &err),
				 -SKT_E_LIMIT);
		assert_null(s);
		assert_int_equal(read(pair[1], &c, 1), 0);
		if (i < 2)
			(void)close(pipes[1]);
		assert_int_equal(read(pipes[0], &c, 1), 0);
		(void)close(pair[1]);
		(void)close(pipes[0]);
		skt_alloc_fails = NULL;
		skt_sys = support_calls;
	}
	skt_loop_free(loop);
}

static int stray_events;

/* Counts the events, and shows none to the loop, which would call what is freed. */
static int epoll_wait_counts(int epoll, struct epoll_event *events, int n, int ms)
{
	int got = support_calls.epoll_wait(epoll, events, n, ms);

	stray_events += got > 0 ? got : 0;
	return 0;
}

/* The stream has a copy of the descriptor; the one it was made from stays open, and may go on to have events. */
static void a_stream_on_a_copied_descriptor_is_not_told_of_events_after_it_is_freed(void **state)
{
	struct skt_loop *loop = support_loop();
	struct skt_endpoint e = { 0 };
	struct skt_origin origin = { .is_source = true };
	struct skt_error err = { 0 };
	struct skt_stream *s;
	char text[32];
	int pair[2];

	(void)state;
	support_socketpair(SOCK_STREAM, pair);
	(void)snprintf(text, sizeof(text), "fd:%d", pair[0]);
	SUPPORT_OK(skt_endpoint_parse(text, &e, &err), &err);
	SUPPORT_OK(skt_fdnumber.dial(loop, &e, &origin, &s, &err), &err);
	support_settle(loop);
	skt_stream_free(s);
	skt_sys.epoll_wait = epoll_wait_counts;
	stray_events = 0;
	assert_int_equal(write(pair[1], "x", 1), 1);
	assert_int_equal(skt_loop_round(loop, 0, NULL), 0);
	assert_int_equal(stray_events, 0);
	skt_endpoint_release(&e);
	(void)close(pair[0]);
	(void)close(pair[1]);
	skt_loop_free(loop);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SUPPORT_TEST(descriptors_are_told_apart),
		SUPPORT_TEST(a_short_read_of_tcp_means_drained_and_saves_a_call),
		SUPPORT_TEST(the_end_is_read_after_the_bytes_that_came_with_it),
		SUPPORT_TEST(a_seqpacket_message_of_no_bytes_is_not_the_end),
		SUPPORT_TEST(a_message_that_does_not_fit_is_a_failure_not_a_piece),
		SUPPORT_TEST(descriptors_that_a_peer_sends_along_are_not_left_open),
		SUPPORT_TEST(a_missing_way_ends_at_once_or_throws_away),
		SUPPORT_TEST(a_full_sink_says_again_and_wakes_when_there_is_room),
		SUPPORT_TEST(only_what_is_new_wakes),
		SUPPORT_TEST(a_reset_is_a_failure_with_its_reason),
		SUPPORT_TEST(descriptors_are_closed_with_the_stream),
		SUPPORT_TEST(what_cannot_be_made_takes_its_descriptors_with_it),
		SUPPORT_TEST(a_stream_on_a_copied_descriptor_is_not_told_of_events_after_it_is_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

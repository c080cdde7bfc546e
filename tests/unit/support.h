/* SPDX-License-Identifier: Apache-2.0 */
/* What several unit tests need: a loop that runs until something holds, connected pairs of descriptors, directories that are
 * removed, failures on demand, and far ends that send and take bytes by events. */
#ifndef TESTS_UNIT_SUPPORT_H
#define TESTS_UNIT_SUPPORT_H

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/error.h"
#include "io/fd.h"
#include "loop/loop.h"
#include "sys/call.h"
#include "sys/clock.h"

#define SUPPORT_DEADLINE (10 * SKT_SECOND)

/* Failures on demand: what a test has replaced is put back after it. */
static struct skt_calls support_calls;

static inline int support_setup(void **state)
{
	(void)state;
	support_calls = skt_sys;
	(void)signal(SIGPIPE, SIG_IGN);
	return 0;
}

static inline int support_teardown(void **state)
{
	(void)state;
	skt_sys = support_calls;
	skt_alloc_fails = NULL;
	return 0;
}

#define SUPPORT_TEST(name) cmocka_unit_test_setup_teardown(name, support_setup, support_teardown)

/* 0 is expected; what else comes is shown. */
#define SUPPORT_OK(call, err)                                                   \
	do {                                                                    \
		int support_ret = (call);                                       \
		if (support_ret != 0)                                           \
			fail_msg("%s: %d %s", #call, support_ret, (err)->text); \
	} while (0)

static inline struct skt_loop *support_loop(void)
{
	struct skt_loop *loop;
	struct skt_error err = { 0 };

	SUPPORT_OK(skt_loop_new(&loop, &err), &err);
	return loop;
}

/* One round, and a failure where the deadline has passed. */
static inline void support_round(struct skt_loop *loop, skt_time until)
{
	struct skt_error err = { 0 };

	if (skt_now() > until)
		fail_msg("nothing came before the deadline");
	SUPPORT_OK(skt_loop_round(loop, SUPPORT_DEADLINE, &err), &err);
}

/* Run the loop until `condition` holds. */
#define SUPPORT_UNTIL(loop, condition)                                 \
	do {                                                           \
		skt_time support_until = skt_now() + SUPPORT_DEADLINE; \
		while (!(condition))                                   \
			support_round(loop, support_until);            \
	} while (0)

/* Let everything that can happen without waiting happen. */
static inline void support_settle(struct skt_loop *loop)
{
	struct skt_error err = { 0 };

	for (int i = 0; i < 50; i++)
		SUPPORT_OK(skt_loop_round(loop, 0, &err), &err);
}

/* A directory of the test's own; `path` has room for it and a name in it. */
enum { SUPPORT_PATH = 128 };

static inline void support_dir(char *path)
{
	static const char template[] = "/tmp/soket-unit-XXXXXX";

	memcpy(path, template, sizeof(template));
	assert_non_null(mkdtemp(path));
}

static inline void support_join(const char *dir, const char *name, char *path)
{
	(void)snprintf(path, SUPPORT_PATH, "%.60s/%.60s", dir, name);
}

/* A listening socket on 127.0.0.1; the port is the kernel's choice. */
static inline int support_listen(int backlog, unsigned *port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &n), 0);
	*port = ntohs(in.sin_port);
	return fd;
}

/* The kernel's own black hole: a listening socket whose queue is full drops what comes. */
struct support_hole {
	int listening, filling[3];
	struct sockaddr_in in;
};

static inline void support_hole_open(struct support_hole *hole)
{
	unsigned port;

	hole->listening = support_listen(0, &port);
	hole->in = (struct sockaddr_in){ .sin_family = AF_INET,
					 .sin_port = htons((uint16_t)port),
					 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	for (int i = 0; i < 3; i++) {
		hole->filling[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)connect(hole->filling[i], (struct sockaddr *)&hole->in, sizeof(hole->in));
	}
}

static inline void support_hole_close(struct support_hole *hole)
{
	for (int i = 0; i < 3; i++)
		(void)close(hole->filling[i]);
	(void)close(hole->listening);
}

static inline void support_nonblock(int fd)
{
	assert_int_equal(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK), 0);
}

/* A TCP connection over loopback, both ends non-blocking. */
static inline void support_tcp(int *pair)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	unsigned port;
	int listening = support_listen(4, &port), flags = fcntl(listening, F_GETFL);

	assert_int_equal(fcntl(listening, F_SETFL, flags & ~O_NONBLOCK), 0);
	pair[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	in.sin_port = htons((uint16_t)port);
	assert_int_equal(connect(pair[1], (struct sockaddr *)&in, sizeof(in)), 0);
	pair[0] = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_true(pair[0] >= 0);
	support_nonblock(pair[1]);
	(void)close(listening);
}

static inline void support_socketpair(int type, int *pair)
{
	assert_int_equal(socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
}

/* Bytes that are the same for the same seed, and rarely the same at two places. */
static inline uint32_t support_random(uint32_t *seed)
{
	*seed = *seed * 1664525U + 1013904223U;
	return *seed >> 8;
}

static inline char *support_bytes(size_t n, uint32_t seed)
{
	char *bytes = test_malloc(n + 1);

	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)support_random(&seed);
	return bytes;
}

/* What stands at the other end of a stream. */
enum far_kind { FAR_UNIX, FAR_TCP, FAR_PIPES, FAR_PACKET };

/* The far end of a stream, on the same loop: it sends `to_send` as there is room, then ends its bytes (where `ends`), and takes what comes
 * (where `reads`). */
struct far {
	struct skt_watch in, out; /* both of one socket hold its number; -1: closed */
	const char *to_send;
	size_t n_send, sent, chunk; /* chunk: the most that one write sends; 0: all */
	bool ends, reads, is_shut;
	char *got;
	size_t n_got, cap;
	size_t messages;
	bool saw_end;
	int sys; /* errno of what failed first */
};

static inline void far_send(struct far *far)
{
	while (far->out.fd >= 0 && far->sent < far->n_send) {
		size_t left = far->n_send - far->sent;
		ssize_t put = write(far->out.fd, far->to_send + far->sent,
				    far->chunk && left > far->chunk ? far->chunk : left);

		if (put < 0) {
			if (errno != EAGAIN) {
				far->sys = far->sys ? far->sys : errno;
				far->sent = far->n_send;
			}
			break;
		}
		far->sent += (size_t)put;
	}
	if (far->out.fd < 0 || far->sent < far->n_send || !far->ends || far->is_shut)
		return;
	far->is_shut = true;
	if (far->in.fd != far->out.fd) {
		(void)close(far->out.fd);
		far->out.fd = -1;
	} else {
		(void)shutdown(far->out.fd, SHUT_WR);
	}
}

static inline void far_take(struct far *far)
{
	while (far->in.fd >= 0 && far->reads && !far->saw_end) {
		ssize_t got;

		if (far->cap - far->n_got < 65536) {
			far->cap = far->cap * 2 + 131072;
			far->got = realloc(far->got, far->cap);
			assert_non_null(far->got);
		}
		got = read(far->in.fd, far->got + far->n_got, 65536);
		if (got < 0) {
			if (errno != EAGAIN) {
				far->sys = far->sys ? far->sys : errno;
				far->saw_end = true;
			}
			return;
		}
		far->saw_end = got == 0;
		far->messages += got > 0;
		far->n_got += (size_t)got;
	}
}

static inline void far_in_event(struct skt_watch *watch, unsigned ready)
{
	struct far *far = SKT_OUTER(watch, struct far, in);

	(void)ready;
	far_send(far);
	far_take(far);
}

static inline void far_out_event(struct skt_watch *watch, unsigned ready)
{
	(void)ready;
	far_send(SKT_OUTER(watch, struct far, out));
}

/* A stream of that kind on the loop, and its far end. */
static inline struct skt_stream *far_open(struct skt_loop *loop, enum far_kind kind, struct far *far)
{
	struct skt_stream *stream = NULL;
	struct skt_error err = { 0 };
	int a[2], b[2];

	*far = (struct far){ .in.fn = far_in_event, .out.fn = far_out_event, .reads = true };
	if (kind == FAR_PIPES) {
		assert_int_equal(pipe2(a, O_CLOEXEC | O_NONBLOCK), 0);
		assert_int_equal(pipe2(b, O_CLOEXEC | O_NONBLOCK), 0);
		far->in.fd = a[0];
		far->out.fd = b[1];
		SUPPORT_OK(skt_fd_new_pair(loop, b[0], a[1], &stream, &err), &err);
		assert_int_equal(skt_loop_watch(loop, &far->out, SKT_EDGE), 0);
	} else {
		static const enum skt_fdkind kinds[] = {
			[FAR_UNIX] = SKT_FD_SOCKET, [FAR_TCP] = SKT_FD_TCP, [FAR_PACKET] = SKT_FD_PACKET
		};

		if (kind == FAR_TCP)
			support_tcp(a);
		else
			support_socketpair(kind == FAR_PACKET ? SOCK_SEQPACKET : SOCK_STREAM, a);
		far->in.fd = far->out.fd = a[1];
		SUPPORT_OK(skt_fd_new_socket(loop, a[0], kinds[kind], &stream, &err), &err);
	}
	assert_int_equal(skt_loop_watch(loop, &far->in, SKT_EDGE), 0);
	return stream;
}

static inline void far_say(struct far *far, const char *bytes, size_t n, bool ends)
{
	far->to_send = bytes;
	far->n_send = n;
	far->sent = 0;
	far->ends = ends;
	far_send(far);
}

static inline void far_close(struct skt_loop *loop, struct far *far)
{
	if (far->in.fd >= 0)
		skt_loop_unwatch(loop, &far->in);
	if (far->out.fd >= 0 && far->out.fd != far->in.fd) {
		skt_loop_unwatch(loop, &far->out);
		(void)close(far->out.fd);
	}
	if (far->in.fd >= 0)
		(void)close(far->in.fd);
	far->in.fd = far->out.fd = -1;
}

static inline void far_release(struct skt_loop *loop, struct far *far)
{
	far_close(loop, far);
	free(far->got);
	far->got = NULL;
}

#define FAR_GOT(far, bytes, n)                                     \
	do {                                                       \
		assert_int_equal((far)->n_got, n);                 \
		if (n)                                             \
			assert_memory_equal((far)->got, bytes, n); \
	} while (0)

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Batches over real sockets of loopback: boundaries and order, with and without runs. */
#include "support.h"

#include <netinet/udp.h>
#include <string.h>

#include "io/batch.h"

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum { MOST = 200 };

struct rig {
	struct skt_loop *loop;
	struct skt_dgsock from, to;
	char *bytes;
};

/* Two UDP sockets of loopback, each connected to the other. */
static void rig_open(struct rig *rig, bool gro)
{
	static const int wide = 4 * 1024 * 1024, off = 0;
	struct sockaddr_in in[2];
	int fd[2];

	rig->loop = support_loop();
	rig->bytes = support_bytes(SKT_MESSAGE_MAX, 7);
	for (int i = 0; i < 2; i++) {
		socklen_t n = sizeof(in[i]);

		in[i] = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		fd[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		assert_int_equal(bind(fd[i], (struct sockaddr *)&in[i], n), 0);
		assert_int_equal(getsockname(fd[i], (struct sockaddr *)&in[i], &n), 0);
		(void)setsockopt(fd[i], SOL_SOCKET, SO_RCVBUFFORCE, &wide, sizeof(wide));
	}
	for (int i = 0; i < 2; i++)
		assert_int_equal(connect(fd[i], (struct sockaddr *)&in[!i], sizeof(in[i])), 0);
	skt_dgsock_init(&rig->from, fd[0], AF_INET, false, false);
	skt_dgsock_init(&rig->to, fd[1], AF_INET, false, false);
	if (!gro)
		assert_int_equal(setsockopt(fd[1], IPPROTO_UDP, UDP_GRO, &off, sizeof(off)), 0);
}

static void rig_close(struct rig *rig)
{
	(void)close(rig->from.fd);
	(void)close(rig->to.fd);
	skt_loop_free(rig->loop);
	test_free(rig->bytes);
}

/* Message i has `size` bytes from place i on. */
static void rig_expect(struct rig *rig, const uint32_t *size, int n)
{
	skt_time until = skt_now() + SUPPORT_DEADLINE;
	int seen = 0;

	while (seen < n) {
		struct skt_received *r;
		int got = skt_dgsock_receive(&rig->to, rig->loop, &r);

		assert_true(skt_now() < until);
		if (got == -SKT_AGAIN)
			continue;
		assert_true(got > 0);
		for (int k = 0; k < got; k++) {
			const struct skt_msg *m = &r->msg[k];
			uint32_t at = 0;

			assert_false(r->cut[k]);
			for (uint32_t c = skt_msg_count(m); c > 0; c--, seen++) {
				uint32_t one = m->segment && m->n - at > m->segment ? m->segment : m->n - at;

				assert_true(seen < n);
				assert_int_equal(one, size[seen]);
				if (one)
					assert_memory_equal(m->data + at, rig->bytes + seen, one);
				at += one;
			}
		}
	}
}

/* Send with one call: how many left. */
static uint32_t rig_pass(struct rig *rig, const struct skt_msg *msg, int n, int *sys)
{
	static const struct skt_dest connected;
	struct skt_rest rest = { .msg = msg, .n = n };

	return skt_dgsock_send(&rig->from, &connected, &rest, sys);
}

static void rig_send(struct rig *rig, const uint32_t *size, int n)
{
	struct skt_msg msg[MOST];
	int sys = 0;

	for (int i = 0; i < n; i++)
		msg[i] = (struct skt_msg){ .data = rig->bytes + i, .n = size[i] };
	assert_int_equal(rig_pass(rig, msg, n, &sys), n);
	rig_expect(rig, size, n);
}

/* Rows of sizes: equal, with a shorter end, longer ones behind shorter, empty ones between, more than one run has, the largest. */
static void rig_rows(struct rig *rig)
{
	uint32_t size[MOST];

	for (int i = 0; i < MOST; i++)
		size[i] = 64;
	rig_send(rig, size, MOST);
	rig_send(rig, size, 1);
	for (int i = 0; i < MOST; i++)
		size[i] = 1400;
	rig_send(rig, size, 130);
	for (int i = 0; i < MOST; i++)
		size[i] = i % 5 == 4 ? 40 : 100;
	rig_send(rig, size, MOST);
	for (int i = 0; i < MOST; i++)
		size[i] = i % 7 == 3 ? 0 : i % 7 == 5 ? 300 : 100;
	rig_send(rig, size, MOST);
	for (int i = 0; i < MOST; i++)
		size[i] = (uint32_t)i % 3;
	rig_send(rig, size, MOST);
	rig_send(rig, (const uint32_t[]){ 0 }, 1);
	rig_send(rig, (const uint32_t[]){ 60000, 60000, 1, 65000, 65000, 0, 2 }, 7);
	for (int i = 0; i < MOST; i++)
		size[i] = 1 + (uint32_t)(i * 37 % 1400);
	rig_send(rig, size, MOST);
}

static void every_message_arrives_alone_and_in_order(void **state)
{
	(void)state;
	for (int gro = 0; gro < 2; gro++) {
		struct rig rig;

		rig_open(&rig, gro);
		rig_rows(&rig);
		rig.bytes[0] ^= 1;
		rig_send(&rig, (const uint32_t[]){ SKT_UDP_MAX }, 1);
		rig_close(&rig);
	}
}

static int refused_errno, n_runs, n_calls, again_at;

static bool is_run(const struct msghdr *h)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR((struct msghdr *)(uintptr_t)h, c))
		if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_SEGMENT)
			return true;
	return false;
}

/* A device without UDP_SEGMENT: what stands before the first run leaves. */
static int sendmmsg_without_runs(int fd, struct mmsghdr *msgs, unsigned n, int flags)
{
	n_calls++;
	for (unsigned i = 0; i < n; i++)
		if (is_run(&msgs[i].msg_hdr)) {
			n_runs++;
			if (i > 0)
				return support_calls.sendmmsg(fd, msgs, i, flags);
			errno = refused_errno;
			return -1;
		}
	if (again_at > 0 && n_calls == again_at) {
		errno = EAGAIN;
		return -1;
	}
	return support_calls.sendmmsg(fd, msgs, n, flags);
}

static void where_runs_do_not_pass_the_messages_leave_alone(void **state)
{
	static const int errnos[] = { EINVAL, EIO, EMSGSIZE };

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(errnos); i++) {
		struct rig rig;

		refused_errno = errnos[i];
		n_runs = n_calls = again_at = 0;
		skt_sys.sendmmsg = sendmmsg_without_runs;
		rig_open(&rig, false);
		rig_rows(&rig);
		assert_true(n_runs > 0);
		rig_close(&rig);
		skt_sys = support_calls;
	}
}

static void after_eio_no_run_is_tried_again(void **state)
{
	static const uint32_t size[] = { 64, 64, 64 };
	struct rig rig;

	(void)state;
	refused_errno = EIO;
	n_runs = n_calls = again_at = 0;
	skt_sys.sendmmsg = sendmmsg_without_runs;
	rig_open(&rig, false);
	rig_send(&rig, size, 3);
	assert_int_equal(n_runs, 1);
	rig_send(&rig, size, 3);
	assert_int_equal(n_runs, 1);
	rig_close(&rig);
}

/* A run that came as one, as GRO gives it, leaves as single messages where the device cannot. */
static void a_run_that_came_is_taken_apart_where_runs_do_not_pass(void **state)
{
	static const uint32_t size[] = { 100, 100, 100, 50 };
	struct rig rig;
	struct skt_msg run;
	int sys;

	(void)state;
	refused_errno = EIO;
	n_runs = n_calls = again_at = 0;
	skt_sys.sendmmsg = sendmmsg_without_runs;
	rig_open(&rig, false);
	memset(rig.bytes, 'x', 1000); /* the same wherever a message begins */
	run = (struct skt_msg){ .data = rig.bytes, .n = 350, .segment = 100 };
	assert_int_equal(rig_pass(&rig, &run, 1, &sys), 4);
	rig_expect(&rig, size, 4);
	rig_close(&rig);
}

/* No room in the middle of a run that is taken apart: who tries again what was not taken sends no message twice. */
static void no_room_within_a_run_that_is_taken_apart_doubles_nothing(void **state)
{
	static const struct skt_dest connected;
	struct rig rig;
	struct skt_msg run;
	struct skt_received *r;
	struct skt_rest rest = { .msg = &run, .n = 1 };
	int sys, arrived = 0;

	(void)state;
	refused_errno = EIO;
	n_runs = n_calls = 0;
	again_at = 3;
	rig_open(&rig, false);
	rig.from.gso = false;
	skt_sys.sendmmsg = sendmmsg_without_runs;
	run = (struct skt_msg){ .data = rig.bytes, .n = 500, .segment = 100 };
	assert_int_equal(skt_dgsock_send(&rig.from, &connected, &rest, &sys), 2);
	assert_int_equal(sys, EAGAIN);
	assert_int_equal(rest.n, 1);
	assert_int_equal(skt_rest_first(&rest).n, 300);
	assert_int_equal(skt_dgsock_send(&rig.from, &connected, &rest, &sys), 3);
	assert_int_equal(rest.n, 0);
	for (int n; (n = skt_dgsock_receive(&rig.to, rig.loop, &r)) > 0;)
		arrived += n;
	rig_close(&rig);
	assert_int_equal(arrived, 5);
}

static void what_is_too_long_is_told_by_its_errno_and_those_before_have_left(void **state)
{
	static const uint32_t size[] = { 5, 5 };
	struct rig rig;
	struct skt_msg msg[3];
	int sys;

	(void)state;
	rig_open(&rig, true);
	for (int i = 0; i < 2; i++)
		msg[i] = (struct skt_msg){ .data = rig.bytes + i, .n = 5 };
	msg[2] = (struct skt_msg){ .data = rig.bytes, .n = SKT_UDP_MAX + 1 };
	assert_int_equal(rig_pass(&rig, msg, 3, &sys), 2);
	assert_int_equal(sys, EMSGSIZE);
	rig_expect(&rig, size, 2);
	rig_close(&rig);
}

static void nothing_waiting_is_again_and_a_refusal_is_told_once(void **state)
{
	struct rig rig;
	struct skt_received *r;
	struct skt_msg m;
	int sys;

	(void)state;
	rig_open(&rig, true);
	assert_int_equal(skt_dgsock_receive(&rig.from, rig.loop, &r), -SKT_AGAIN);
	(void)close(rig.to.fd);
	rig.to.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	m = (struct skt_msg){ .data = rig.bytes, .n = 1 };
	assert_int_equal(rig_pass(&rig, &m, 1, &sys), 1);
	assert_int_equal(skt_dgsock_receive(&rig.from, rig.loop, &r), -SKT_E_IO);
	assert_int_equal(errno, ECONNREFUSED);
	assert_int_equal(skt_dgsock_receive(&rig.from, rig.loop, &r), -SKT_AGAIN);
	rig_close(&rig);
}

static int lacking;

static int setsockopt_without(int fd, int level, int name, const void *value, socklen_t n)
{
	if (level == IPPROTO_UDP && name == lacking) {
		errno = ENOPROTOOPT;
		return -1;
	}
	return support_calls.setsockopt(fd, level, name, value, n);
}

static void what_the_kernel_lacks_is_known_by_its_name(void **state)
{
	(void)state;
	assert_null(skt_dgsock_lacks());
	skt_sys.setsockopt = setsockopt_without;
	lacking = UDP_GRO;
	assert_string_equal(skt_dgsock_lacks(), "UDP_GRO");
	lacking = UDP_SEGMENT;
	assert_string_equal(skt_dgsock_lacks(), "UDP_SEGMENT");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SUPPORT_TEST(every_message_arrives_alone_and_in_order),
		SUPPORT_TEST(where_runs_do_not_pass_the_messages_leave_alone),
		SUPPORT_TEST(after_eio_no_run_is_tried_again),
		SUPPORT_TEST(a_run_that_came_is_taken_apart_where_runs_do_not_pass),
		SUPPORT_TEST(no_room_within_a_run_that_is_taken_apart_doubles_nothing),
		SUPPORT_TEST(what_is_too_long_is_told_by_its_errno_and_those_before_have_left),
		SUPPORT_TEST(what_the_kernel_lacks_is_known_by_its_name),
		SUPPORT_TEST(nothing_waiting_is_again_and_a_refusal_is_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

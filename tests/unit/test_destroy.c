/* SPDX-License-Identifier: Apache-2.0 */
/* Ending connections: what the kernel is asked, and what its answers mean. The kernel is the test's own. */
#include "support.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <string.h>

#include "inspect/destroy.h"

/* What was asked, and what will be answered. */
static struct {
	struct nlmsghdr header;
	struct inet_diag_req_v2 diag;
} asked;
static int answer;

static ssize_t take(int fd, const void *buf, size_t n, int flags)
{
	(void)fd;
	(void)flags;
	assert_int_equal(n, sizeof(asked));
	memcpy(&asked, buf, n);
	return (ssize_t)n;
}

static ssize_t give(int fd, struct msghdr *msg, int flags)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
	} m = { .header = { .nlmsg_len = sizeof(m), .nlmsg_type = NLMSG_ERROR, .nlmsg_seq = asked.header.nlmsg_seq } };

	(void)fd;
	(void)flags;
	m.error.error = answer;
	m.error.msg = asked.header;
	memcpy(msg->msg_iov->iov_base, &m, sizeof(m));
	memset(msg->msg_name, 0, msg->msg_namelen);
	msg->msg_flags = 0;
	return sizeof(m);
}

static int destroy(const struct skt_sock *s, int answered, struct skt_error *err)
{
	skt_sys.send = take;
	skt_sys.recvmsg = give;
	answer = answered;
	*err = (struct skt_error){ 0 };
	return skt_destroy(3, s, err);
}

static struct skt_sock flow(void)
{
	struct skt_sock s = {
		.proto = SKT_PROTO_TCP, .state = SKT_STATE_ESTABLISHED, .local_port = 80, .remote_port = 40000
	};

	s.cookie = 0x1122334455667788;
	s.interface = 3;
	s.local = (struct skt_ip){ 4, { 10, 0, 0, 1 } };
	s.remote = (struct skt_ip){ 4, { 10, 0, 0, 2 } };
	return s;
}

static void the_kernel_is_told_both_ends_the_interface_and_the_cookie(void **state)
{
	struct skt_sock s = flow();
	struct skt_error err;

	(void)state;
	assert_int_equal(destroy(&s, 0, &err), 0);
	assert_int_equal(asked.header.nlmsg_type, SOCK_DESTROY);
	assert_true(asked.header.nlmsg_flags & NLM_F_ACK);
	assert_int_equal(asked.diag.sdiag_family, AF_INET);
	assert_int_equal(asked.diag.sdiag_protocol, IPPROTO_TCP);
	assert_int_equal(ntohs(asked.diag.id.idiag_sport), 80);
	assert_int_equal(ntohs(asked.diag.id.idiag_dport), 40000);
	assert_memory_equal(asked.diag.id.idiag_src, "\x0a\0\0\1", 4);
	assert_memory_equal(asked.diag.id.idiag_dst, "\x0a\0\0\2", 4);
	assert_int_equal(asked.diag.id.idiag_if, 3);
	assert_int_equal(asked.diag.id.idiag_cookie[0], 0x55667788);
	assert_int_equal(asked.diag.id.idiag_cookie[1], 0x11223344);
}

static void udp_and_ipv6_are_named_as_such(void **state)
{
	struct skt_sock s = flow();
	struct skt_error err;

	(void)state;
	s.proto = SKT_PROTO_UDP;
	s.local = (struct skt_ip){ 6, { 0xfd, [15] = 1 } };
	s.remote = (struct skt_ip){ 6, { 0xfd, [15] = 2 } };
	s.cookie = 0;
	assert_int_equal(destroy(&s, 0, &err), 0);
	assert_int_equal(asked.diag.sdiag_family, AF_INET6);
	assert_int_equal(asked.diag.sdiag_protocol, IPPROTO_UDP);
	assert_memory_equal(asked.diag.id.idiag_dst, s.remote.bytes, 16);
	assert_int_equal(asked.diag.id.idiag_cookie[0], INET_DIAG_NOCOOKIE);
}

static void what_has_gone_meanwhile_is_no_failure(void **state)
{
	struct skt_sock s = flow();
	struct skt_error err;

	(void)state;
	assert_int_equal(destroy(&s, -ENOENT, &err), 1);
	assert_int_equal(err.kind, SKT_OK);
}

static void missing_rights_and_a_kernel_that_cannot_are_told_apart(void **state)
{
	struct skt_sock s = flow();
	struct skt_error err;

	(void)state;
	assert_int_equal(destroy(&s, -EPERM, &err), -SKT_E_DENIED);
	assert_non_null(strstr(err.text, "administrators"));
	assert_non_null(strstr(err.hint, "CAP_NET_ADMIN"));
	assert_int_equal(destroy(&s, -EOPNOTSUPP, &err), -SKT_E_IO);
	assert_non_null(strstr(err.text, "CONFIG_INET_DIAG_DESTROY"));
	assert_non_null(strstr(err.hint, "soket take"));
	assert_int_equal(destroy(&s, -EINVAL, &err), -SKT_E_IO);
	assert_true(err.hint[0] != '\0');
}

static void only_tcp_and_udp_can_be_ended(void **state)
{
	struct skt_sock s = flow();

	(void)state;
	assert_true(skt_destroy_can(&s));
	s.proto = SKT_PROTO_UNIX;
	assert_false(skt_destroy_can(&s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SUPPORT_TEST(the_kernel_is_told_both_ends_the_interface_and_the_cookie),
		SUPPORT_TEST(udp_and_ipv6_are_named_as_such),
		SUPPORT_TEST(what_has_gone_meanwhile_is_no_failure),
		SUPPORT_TEST(missing_rights_and_a_kernel_that_cannot_are_told_apart),
		SUPPORT_TEST(only_tcp_and_udp_can_be_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

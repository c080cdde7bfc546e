/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to the kernel over netlink. The messages are read with libmnl, the system calls are ours: tests make them fail. */
#include "sys/netlink.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "sys/call.h"
#include "sys/netns.h"

/* The kernel fills at most 32 KiB at once (af_netlink.c, netlink_recvmsg()). */
enum { NETLINK_PIECE = 65536, NETLINK_PATIENCE = 10 };

/* One question. */
struct netlink_ask {
	int fd;
	uint32_t number;
	bool is_dump, wants_ack;
	bool is_done, was_interrupted;
	int (*fn)(const struct nlmsghdr *answer, void *user);
	void *user;
};

int skt_netlink_open(int netns_fd)
{
	struct timeval patience = { .tv_sec = NETLINK_PATIENCE };
	int type = SOCK_RAW | SOCK_CLOEXEC, fd;

	if (netns_fd < 0)
		fd = skt_sys.socket(AF_NETLINK, type, NETLINK_SOCK_DIAG);
	else
		fd = skt_netns_socket(netns_fd, AF_NETLINK, type, NETLINK_SOCK_DIAG);
	if (fd >= 0)
		(void)skt_sys.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

/* An error message, or the end of a dump, which may carry an error too: 0 or -errno. */
static int netlink_verdict(const struct nlmsghdr *m)
{
	const int *code = mnl_nlmsg_get_payload(m);

	return mnl_nlmsg_get_payload_len(m) >= sizeof(*code) && *code < 0 ? *code : 0;
}

static int netlink_message(struct netlink_ask *ask, const struct nlmsghdr *m)
{
	int ret;

	if (m->nlmsg_seq != ask->number)
		return 0; /* of a question that was given up */
	if (m->nlmsg_flags & NLM_F_DUMP_INTR)
		ask->was_interrupted = true;
	if (m->nlmsg_type == NLMSG_ERROR || m->nlmsg_type == NLMSG_DONE) {
		ask->is_done = true;
		return netlink_verdict(m);
	}
	if (m->nlmsg_type < NLMSG_MIN_TYPE)
		return 0;
	ret = ask->fn(m, ask->user);
	if (!ask->is_dump && !ask->wants_ack)
		ask->is_done = true;
	return ret < 0 ? ret : 0;
}

static int netlink_piece(struct netlink_ask *ask, const struct nlmsghdr *m, int n)
{
	int ret = 0;

	for (; ret == 0 && !ask->is_done && mnl_nlmsg_ok(m, n); m = mnl_nlmsg_next(m, &n))
		ret = netlink_message(ask, m);
	return ret;
}

static int netlink_receive(struct netlink_ask *ask, void *room)
{
	struct sockaddr_nl from;
	struct iovec iov = { room, NETLINK_PIECE };
	struct msghdr msg = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	do
		n = skt_sys.recvmsg(ask->fd, &msg, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	if (n == 0)
		return -EPIPE;
	if (msg.msg_flags & MSG_TRUNC)
		return -EMSGSIZE;
	if (from.nl_pid != 0)
		return 0; /* only the kernel is believed */
	return netlink_piece(ask, room, (int)n);
}

int skt_netlink_ask(int fd, struct nlmsghdr *request, int (*fn)(const struct nlmsghdr *answer, void *user), void *user)
{
	static _Atomic uint32_t number;
	struct netlink_ask ask = { .fd = fd, .fn = fn, .user = user };
	uint64_t room[NETLINK_PIECE / sizeof(uint64_t)];
	int ret = 0;

	ask.number = ++number;
	ask.is_dump = (request->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	ask.wants_ack = request->nlmsg_flags & NLM_F_ACK;
	request->nlmsg_flags |= NLM_F_REQUEST;
	request->nlmsg_seq = ask.number;
	request->nlmsg_pid = 0;
	if (skt_sys.send(fd, request, request->nlmsg_len, 0) < 0)
		return -errno;
	while (ret == 0 && !ask.is_done)
		ret = netlink_receive(&ask, room);
	return ret == 0 && ask.was_interrupted ? -EINTR : ret;
}

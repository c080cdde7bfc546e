/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to the kernel over netlink: one request, many answers. netlink(7). */
#ifndef SKT_SYS_NETLINK_H
#define SKT_SYS_NETLINK_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>

/* Open a NETLINK_SOCK_DIAG socket, in the network namespace of netns_fd, or in ours where that is -1. Returns the descriptor, or
 * -1 with errno. */
int skt_netlink_open(int netns_fd);

/* Send a request (whole, with its header; nlmsg_seq and nlmsg_pid are set here) and give each answer to fn, until the kernel says
 * that it is done. Without NLM_F_DUMP in its flags the request is done with one answer, or with an acknowledgement where
 * NLM_F_ACK is set. Returns 0; -EINTR where the kernel's tables changed under a dump (its rows have been given, and may be
 * incomplete); another -errno. A negative value of fn ends the dump and is returned. Waits at most 10 seconds for each piece. */
int skt_netlink_ask(int fd, struct nlmsghdr *request, int (*fn)(const struct nlmsghdr *answer, void *user), void *user);

#endif

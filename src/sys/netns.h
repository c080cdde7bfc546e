/* SPDX-License-Identifier: Apache-2.0 */
/* Network namespaces: finding and entering them. network_namespaces(7), setns(2). */
#ifndef SKT_SYS_NETNS_H
#define SKT_SYS_NETNS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* Open the namespace that `which` names: a name of ip-netns(8) (below /run/netns), or a pid. Returns the descriptor;
 * -SKT_E_USAGE: there is none of that name, or no such process; -SKT_E_DENIED: it is not ours to open. */
int skt_netns_open(const char *which, struct skt_error *err);
/* Make a socket in that namespace; this thread is back in its own afterwards. Returns the descriptor, or -1 with errno. */
int skt_netns_socket(int netns_fd, int domain, int type, int protocol);
/* Go there with this thread, and stay. Returns 0, or -1 with errno. */
int skt_netns_enter(int netns_fd);
/* The inode that names the namespace of a descriptor, of a process ("/proc/PID/ns/net"; pid 0: our own), or 0. */
uint64_t skt_netns_inode(int netns_fd);
uint64_t skt_netns_of(pid_t pid);

#endif

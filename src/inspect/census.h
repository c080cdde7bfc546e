/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets with the processes that have them: what every command that looks at the machine begins with. */
#ifndef SKT_INSPECT_CENSUS_H
#define SKT_INSPECT_CENSUS_H

#include "inspect/owner.h"
#include "inspect/process.h"
#include "inspect/socktable.h"

enum skt_owners_wanted { SKT_OWNERS_NONE, SKT_OWNERS_ALL };

struct skt_census_spec {
	struct skt_look look; /* its netns members are set by the census */
	enum skt_owners_wanted owners;
	enum skt_process_depth depth; /* of each process that has a socket */
	const char *netns;            /* --netns: a name of ip-netns(8), or a pid; NULL: ours */
	bool all_netns;               /* --all-netns: every one that /proc and /run/netns show */
	/* owners are looked up for these only; NULL: all */
	bool (*wants)(const struct skt_socktable *t, const struct skt_sock *s, void *user);
	void *user;
};

struct skt_netns {
	uint64_t inode;
	char name[64]; /* of ip-netns(8), or "" */
	pid_t pid;     /* a process in it, or 0 */
};

struct skt_census {
	struct skt_socktable table;
	struct skt_owners owners;
	struct skt_process *process; /* by pid */
	size_t n_processes;
	struct skt_netns *netns; /* sock.netns is an index; one element, ours, unless another was asked for */
	size_t n_netns;
	size_t n_netns_closed; /* namespaces that could not be entered */
	bool has_owners;
	bool proc_closed; /* owners were asked for, and there is no /proc that could be read */
};

/* Look. Returns 0; -SKT_E_USAGE: no such namespace; -SKT_E_DENIED: it may not be entered, or nothing may be seen; -SKT_E_LIMIT. */
int skt_census_take(const struct skt_census_spec *spec, struct skt_census *ret, struct skt_error *err);
void skt_census_release(struct skt_census *c);

/* Holder i of a socket: each process once, lowest pid first; NULL after the last. Where fd is given, *fd is its lowest
 * descriptor of the socket. */
const struct skt_process *skt_census_holder(const struct skt_census *c, const struct skt_sock *s, size_t i, int *fd);
/* How many processes hold it, as far as we may see. */
size_t skt_census_n_holders(const struct skt_census *c, const struct skt_sock *s);
/* A process by pid, or NULL. */
const struct skt_process *skt_census_process(const struct skt_census *c, pid_t pid);
/* How many sockets whose owners were looked up have no holder that we may see: it is another user's (owners.n_closed > 0), or in
 * another pid namespace, or the kernel itself. */
size_t skt_census_n_unseen(const struct skt_census *c);

#endif

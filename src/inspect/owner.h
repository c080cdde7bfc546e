/* SPDX-License-Identifier: Apache-2.0 */
/* Which processes have which sockets open: the descriptors of /proc, turned round. */
#ifndef SKT_INSPECT_OWNER_H
#define SKT_INSPECT_OWNER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct skt_owner {
	uint64_t inode;
	pid_t pid;
	int fd;
};

/* A zeroed struct is safe to release. */
struct skt_owners {
	struct skt_owner *owner; /* by inode, then pid, then fd */
	size_t n, cap;
	size_t n_processes; /* looked at */
	size_t n_closed;    /* of these, how many do not let us see their descriptors */
	uint32_t *slot;     /* inode to its first row; see owner.c */
	size_t n_slots;
};

struct skt_owners_walk;

/* Begin to read every process, on `threads` threads besides the caller's (0-7; negative: as many as pay). Returns 0; -SKT_E_DENIED
 * where /proc is not there; -SKT_E_LIMIT. */
int skt_owners_begin(int threads, struct skt_owners_walk **ret, struct skt_error *err);
/* Read what is left on this thread too, wait for the others, and put the rows in order. Where `only` is given, just sockets with
 * one of these n inodes (in any order) are kept. Processes that end meanwhile are left out. Frees the walk, also on failure.
 * Returns 0 or -SKT_E_LIMIT. */
int skt_owners_end(struct skt_owners_walk *walk, const uint64_t *only, size_t n, struct skt_owners *ret,
		   struct skt_error *err);
/* Both at once. */
int skt_owners_read(const uint64_t *only, size_t n, int threads, struct skt_owners *ret, struct skt_error *err);
/* The rows of a socket: the first, and how many in *n; NULL where nobody has it, or nobody that we may see. */
const struct skt_owner *skt_owners_of(const struct skt_owners *o, uint64_t inode, size_t *n);
void skt_owners_release(struct skt_owners *o);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The parents of a process, up to init. */
#ifndef SKT_INSPECT_ANCESTRY_H
#define SKT_INSPECT_ANCESTRY_H

#include "inspect/process.h"

enum { SKT_ANCESTRY_MAX = 64 };

/* A zeroed struct is safe to release. */
struct skt_ancestry {
	struct skt_process *process; /* the parent, its parent, ...; the last has none that can be seen */
	size_t n;
	bool is_cut; /* there are more than SKT_ANCESTRY_MAX, or one ended while they were read: the chain has its end too early */
};

/* Read the parents of p (BRIEF and COMMAND depth alone are of use). Returns 0 or -SKT_E_LIMIT. */
int skt_ancestry_read(const struct skt_process *p, enum skt_process_depth depth, struct skt_ancestry *ret,
		      struct skt_error *err);
void skt_ancestry_release(struct skt_ancestry *a);

/* Whether pid is this very process or one of its ancestors. */
bool skt_ancestry_is_ours(pid_t pid);

#endif

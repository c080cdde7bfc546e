/* SPDX-License-Identifier: Apache-2.0 */
/* The parents of a process.
 *
 * How it works: each process names its parent. A parent is older than its child; where the process of that pid is younger, the
 * parent ended meanwhile and its pid was given anew: the chain ends there. That, and the limit, bound the walk. */
#include "inspect/ancestry.h"

#include <unistd.h>

#include "base/alloc.h"

void skt_ancestry_release(struct skt_ancestry *a)
{
	for (size_t i = 0; i < a->n; i++)
		skt_process_release(&a->process[i]);
	skt_free(a->process);
	*a = (struct skt_ancestry){ 0 };
}

int skt_ancestry_read(const struct skt_process *p, enum skt_process_depth depth, struct skt_ancestry *ret,
		      struct skt_error *err)
{
	struct skt_ancestry a = { .process = skt_zalloc(SKT_ANCESTRY_MAX * sizeof(*a.process)) };
	const struct skt_process *child = p;

	if (!a.process)
		return skt_fail_memory(err);
	while (child->parent > 0 && a.n < SKT_ANCESTRY_MAX) {
		struct skt_process *next = &a.process[a.n];
		int failed = skt_process_read(child->parent, depth, next, err);

		if (failed == -SKT_E_LIMIT) {
			skt_ancestry_release(&a);
			return failed;
		}
		if (failed < 0)
			break;
		if (next->ticks > child->ticks) {
			skt_process_release(next);
			break;
		}
		child = next;
		a.n++;
	}
	a.is_cut = child->parent > 0;
	*ret = a;
	return 0;
}

bool skt_ancestry_is_ours(pid_t pid)
{
	pid_t at = getpid();

	for (int i = 0; i < SKT_ANCESTRY_MAX && at > 0; i++) {
		struct skt_process p = { 0 };

		if (at == pid)
			return true;
		if (skt_process_read(at, SKT_PROCESS_BRIEF, &p, NULL) < 0)
			return false;
		at = p.parent;
		skt_process_release(&p);
	}
	return false;
}

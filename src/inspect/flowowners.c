/* SPDX-License-Identifier: Apache-2.0 */
/* The connections of this machine: whose they are.
 *
 * How it works. Reading /proc of many processes costs more than reading all connections, and its answer stays right: a socket keeps
 * its inode as long as it lives. So it is read once, and again only when a row that is shown has a socket that was not there then,
 * and even so no more often than keeps the reading within OWNERS_SHARE of the time. */
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "inspect/flowlook.h"
#include "sys/clock.h"

enum { OWNERS_SHARE = 3 /* percent */ };

static int owners_compare_pids(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

/* The pids of all owners, each once. Returns how many, in *ret, which the caller frees. */
static ssize_t owners_pids(const struct skt_owners *o, pid_t **ret)
{
	pid_t *pid = skt_malloc((o->n ? o->n : 1) * sizeof(*pid));
	size_t n = 0;

	if (!pid)
		return -1;
	for (size_t i = 0; i < o->n; i++)
		if (n == 0 || pid[n - 1] != o->owner[i].pid)
			pid[n++] = o->owner[i].pid;
	qsort(pid, n, sizeof(*pid), owners_compare_pids);
	for (size_t i = 0, all = n; i < all; i++)
		if (i == 0)
			n = 1;
		else if (pid[i] != pid[n - 1])
			pid[n++] = pid[i];
	*ret = pid;
	return (ssize_t)n;
}

static void owners_free_processes(struct skt_process *process, size_t n)
{
	for (size_t i = 0; i < n; i++)
		skt_process_release(&process[i]);
	skt_free(process);
}

/* Put the census's processes anew; those that end meanwhile are left out. */
static int owners_read_processes(struct skt_flowlook *f, const struct skt_owners *o, struct skt_error *err)
{
	pid_t *pid;
	ssize_t n = owners_pids(o, &pid);
	struct skt_process *process = n < 0 ? NULL : skt_zalloc(((size_t)n + 1) * sizeof(*process));
	size_t found = 0;

	if (!process) {
		if (n >= 0)
			skt_free(pid);
		return skt_fail_memory(err);
	}
	for (ssize_t i = 0; i < n; i++)
		found += skt_process_read(pid[i], f->spec.depth, &process[found], NULL) == 0;
	skt_free(pid);
	owners_free_processes(f->census.process, f->census.n_processes);
	f->census.process = process;
	f->census.n_processes = found;
	return 0;
}

/* The sockets of the last look: connections, and those that wait for others, whose processes may be the parents. */
static uint64_t *owners_inodes(const struct skt_flowlook *f, size_t *n)
{
	const struct skt_socktable *t = &f->census.table;
	uint64_t *inode = skt_malloc((t->n ? t->n : 1) * sizeof(*inode));

	*n = 0;
	for (size_t i = 0; inode && i < t->n; i++)
		if (t->sock[i].inode)
			inode[(*n)++] = t->sock[i].inode;
	return inode;
}

/* Without /proc there are still connections: they are shown without their processes. */
int skt_flowlook_read_owners(struct skt_flowlook *f, struct skt_error *err)
{
	struct skt_owners owners = { 0 };
	skt_time began = skt_now();
	size_t n;
	uint64_t *inode = owners_inodes(f, &n);
	int ret = inode ? skt_owners_read(inode, n, -1, &owners, err) : skt_fail_memory(err);

	skt_free(inode);
	f->owners_again = SKT_FOREVER;
	if (ret == -SKT_E_DENIED)
		return 0;
	if (ret == 0)
		ret = owners_read_processes(f, &owners, err);
	if (ret < 0) {
		skt_owners_release(&owners);
		return ret;
	}
	skt_owners_release(&f->census.owners);
	f->census.owners = owners;
	f->census.has_owners = true;
	f->owners_again = skt_now() + (skt_now() - began) * (100 - OWNERS_SHARE) / OWNERS_SHARE;
	return 0;
}

/* Whether a process could be found for it now that was not found before. Without root only one's own can. */
static bool owners_lack(const struct skt_flowlook *f, const struct skt_sock *s)
{
	size_t n;

	if (s->inode == 0 || skt_owners_of(&f->census.owners, s->inode, &n))
		return false;
	return geteuid() == 0 || s->uid == geteuid();
}

int skt_flowlook_refresh_owners(struct skt_flowlook *f, size_t first, size_t last, struct skt_error *err)
{
	if (skt_now() < f->owners_again)
		return 0;
	if (!f->census.has_owners)
		return skt_flowlook_read_owners(f, err);
	for (size_t i = first; i < last && i < f->n_rows; i++)
		if (owners_lack(f, f->row[i].s))
			return skt_flowlook_read_owners(f, err);
	return 0;
}

/* The age of a process or, where that is longer, of its parent, which may have accepted the connection before it forked.
 * Not that of pid 1, unless the process is provably too young: nearly everything is a child of it. */
static skt_time owners_age(const struct skt_flowlook *f, const struct skt_process *p, skt_time least)
{
	const struct skt_process *parent = skt_census_process(&f->census, p->parent);
	skt_time age = skt_process_age(p), before = parent ? skt_process_age(parent) : -1;

	if (age < 0 || before < age || (p->parent == 1 && age >= least))
		return age;
	return before;
}

skt_time skt_flowlook_age_most(const struct skt_flowlook *f, const struct skt_sock *s, skt_time least)
{
	const struct skt_process *p;
	skt_time most = -1;

	for (size_t i = 0; (p = skt_census_holder(&f->census, s, i, NULL)) != NULL; i++) {
		skt_time age = owners_age(f, p, least);

		if (age < 0)
			return -1;
		most = age > most ? age : most;
	}
	return most >= least ? most : -1;
}

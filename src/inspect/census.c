/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets with the processes that have them.
 *
 * How it works: while the kernel is asked for sockets on this thread, another reads /proc already, where it pays; then the owners
 * of the sockets that are wanted are picked out, and each of these processes is read once. */
#include "inspect/census.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/message.h"
#include "sys/call.h"
#include "sys/netns.h"
#include "sys/parallel.h"

static struct skt_netns *census_netns_add(struct skt_census *c, uint64_t inode, const char *name, pid_t pid)
{
	struct skt_netns *grown = skt_realloc(c->netns, (c->n_netns + 1) * sizeof(*grown));

	if (!grown)
		return NULL;
	c->netns = grown;
	grown[c->n_netns] = (struct skt_netns){ .inode = inode, .pid = pid };
	(void)snprintf(grown[c->n_netns].name, sizeof(grown->name), "%s", name);
	return &grown[c->n_netns++];
}

static bool census_netns_known(struct skt_census *c, uint64_t inode)
{
	for (size_t i = 0; i < c->n_netns; i++)
		if (c->netns[i].inode == inode)
			return true;
	return false;
}

/* Look into the namespace of that descriptor, which may be -1: our own. */
static int census_look(const struct skt_census_spec *spec, int netns_fd, struct skt_census *c, struct skt_error *err)
{
	struct skt_look look = spec->look;

	look.netns = (int16_t)(c->n_netns - 1);
	look.has_netns = netns_fd >= 0;
	look.netns_fd = netns_fd;
	return skt_socktable_read(&look, &c->table, err);
}

/* One namespace more, unless it is known. The descriptor is closed. */
static int census_look_into(const struct skt_census_spec *spec, int netns_fd, const char *name, pid_t pid,
			    struct skt_census *c, struct skt_error *err)
{
	uint64_t inode = skt_netns_inode(netns_fd);
	struct skt_error why;
	int ret = 0;

	if (!census_netns_known(c, inode)) {
		if (!census_netns_add(c, inode, name, pid))
			ret = skt_fail_memory(err);
		else if (census_look(spec, netns_fd, c, &why) < 0)
			c->n_netns_closed++;
	}
	skt_close(netns_fd);
	return ret;
}

/* Every namespace that has a name. */
static int census_named(const struct skt_census_spec *spec, struct skt_census *c, struct skt_error *err)
{
	DIR *dir = opendir("/run/netns");
	int ret = 0, fd;

	for (const struct dirent *d; ret == 0 && dir && (d = readdir(dir)) != NULL;) {
		if (d->d_name[0] == '.')
			continue;
		fd = skt_netns_open(d->d_name, NULL);
		if (fd < 0)
			c->n_netns_closed++;
		else
			ret = census_look_into(spec, fd, d->d_name, 0, c, err);
	}
	if (dir)
		(void)closedir(dir);
	return ret;
}

/* Every namespace that a process is in. */
static int census_of_processes(const struct skt_census_spec *spec, struct skt_census *c, struct skt_error *err)
{
	DIR *dir = opendir("/proc");
	int ret = 0, fd;

	for (const struct dirent *d; ret == 0 && dir && (d = readdir(dir)) != NULL;) {
		pid_t pid = (pid_t)strtol(d->d_name, NULL, 10);
		uint64_t inode = pid > 0 ? skt_netns_of(pid) : 0;
		char path[64];

		if (!inode || census_netns_known(c, inode))
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
		fd = skt_sys.open(path, O_RDONLY | O_CLOEXEC, 0);
		if (fd >= 0)
			ret = census_look_into(spec, fd, "", pid, c, err);
		else if (errno != ENOENT)
			c->n_netns_closed++;
	}
	if (dir)
		(void)closedir(dir);
	return ret;
}

static int census_sockets(const struct skt_census_spec *spec, struct skt_census *c, struct skt_error *err)
{
	int fd = -1, ret;

	if (spec->netns) {
		fd = skt_netns_open(spec->netns, err);
		if (fd < 0)
			return fd;
	}
	if (!census_netns_add(c, fd >= 0 ? skt_netns_inode(fd) : skt_netns_of(0), spec->netns ? spec->netns : "", 0)) {
		skt_close(fd);
		return skt_fail_memory(err);
	}
	ret = census_look(spec, fd, c, err);
	if (ret == -SKT_E_DENIED && fd >= 0)
		skt_hint(err, "%s", _("entering another network namespace takes root"));
	skt_close(fd);
	if (ret == 0 && spec->all_netns)
		ret = census_named(spec, c, err);
	if (ret == 0 && spec->all_netns)
		ret = census_of_processes(spec, c, err);
	return ret;
}

/* The inodes whose owners are wanted. Returns 0 and *ret, which the caller frees, or -SKT_E_LIMIT. */
static int census_wanted(const struct skt_census_spec *spec, struct skt_census *c, uint64_t **ret, size_t *n)
{
	uint64_t *inode = skt_malloc((c->table.n ? c->table.n : 1) * sizeof(*inode));

	if (!inode)
		return -SKT_E_LIMIT;
	*n = 0;
	for (size_t i = 0; i < c->table.n; i++) {
		struct skt_sock *s = &c->table.sock[i];

		s->is_wanted = s->inode && (!spec->wants || spec->wants(&c->table, s, spec->user));
		if (s->is_wanted)
			inode[(*n)++] = s->inode;
	}
	*ret = inode;
	return 0;
}

static int census_compare_pids(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return x < y ? -1 : x > y;
}

/* The pids of the owners, each once, in order. Returns how many; NULL in *ret: no memory. */
static size_t census_pids(const struct skt_owners *owners, pid_t **ret)
{
	size_t n = 0, kept = 0;
	pid_t *pid = skt_malloc((owners->n ? owners->n : 1) * sizeof(*pid));

	*ret = pid;
	for (size_t i = 0; pid && i < owners->n; i++)
		if (n == 0 || pid[n - 1] != owners->owner[i].pid)
			pid[n++] = owners->owner[i].pid;
	if (n > 0)
		qsort(pid, n, sizeof(*pid), census_compare_pids);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || pid[i] != pid[i - 1])
			pid[kept++] = pid[i];
	return kept;
}

struct reading {
	const pid_t *pid;
	struct skt_process *process;
	enum skt_process_depth depth;
};

/* Processes that have gone meanwhile keep pid 0. */
static void census_read_process(void *user, int worker, size_t item)
{
	const struct reading *r = user;

	(void)worker;
	(void)skt_process_read(r->pid[item], r->depth, &r->process[item], NULL);
}

/* Each process of the owners, once, by pid. */
static int census_processes(const struct skt_census_spec *spec, struct skt_census *c)
{
	pid_t *pid;
	size_t n = census_pids(&c->owners, &pid);
	struct reading r = { .pid = pid, .depth = spec->depth };
	struct skt_parallel *work = NULL;

	r.process = pid ? skt_zalloc((n ? n : 1) * sizeof(*r.process)) : NULL;
	if (r.process)
		work = skt_parallel_begin(n, -1, census_read_process, &r);
	if (work)
		skt_parallel_end(work);
	for (size_t i = 0; work && i < n; i++)
		if (r.process[i].pid)
			r.process[c->n_processes++] = r.process[i];
	skt_free(pid);
	c->process = r.process;
	return work ? 0 : -SKT_E_LIMIT;
}

static int census_owners(const struct skt_census_spec *spec, struct skt_owners_walk *walk, struct skt_census *c,
			 struct skt_error *err)
{
	uint64_t *only = NULL;
	size_t n = 0;
	int ret = census_wanted(spec, c, &only, &n);

	if (ret < 0) {
		(void)skt_owners_end(walk, NULL, 0, &c->owners, NULL); /* its threads must end in any case */
		return skt_fail_memory(err);
	}
	ret = skt_owners_end(walk, only, n, &c->owners, err);
	skt_free(only);
	if (ret == 0 && census_processes(spec, c) < 0)
		ret = skt_fail_memory(err);
	c->has_owners = ret == 0;
	return ret;
}

int skt_census_take(const struct skt_census_spec *spec, struct skt_census *ret, struct skt_error *err)
{
	struct skt_census c = { 0 };
	struct skt_owners_walk *walk = NULL;
	int failed = 0, ended;

	/* without /proc there are still sockets: they are shown without their processes */
	if (spec->owners == SKT_OWNERS_ALL && skt_owners_begin(-1, &walk, err) == -SKT_E_LIMIT)
		return -SKT_E_LIMIT;
	c.proc_closed = spec->owners == SKT_OWNERS_ALL && !walk;
	failed = census_sockets(spec, &c, err);
	if (walk && failed < 0) {
		(void)skt_owners_end(walk, NULL, 0, &c.owners, NULL);
	} else if (walk) {
		ended = census_owners(spec, walk, &c, err);
		failed = failed < 0 ? failed : ended;
	}
	if (failed < 0) {
		skt_census_release(&c);
		return failed;
	}
	*ret = c;
	return 0;
}

void skt_census_release(struct skt_census *c)
{
	for (size_t i = 0; i < c->n_processes; i++)
		skt_process_release(&c->process[i]);
	skt_free(c->process);
	skt_free(c->netns);
	skt_owners_release(&c->owners);
	skt_socktable_release(&c->table);
	*c = (struct skt_census){ 0 };
}

static int census_compare_process(const void *key, const void *element)
{
	pid_t pid = *(const pid_t *)key, other = ((const struct skt_process *)element)->pid;

	return pid < other ? -1 : pid > other;
}

const struct skt_process *skt_census_process(const struct skt_census *c, pid_t pid)
{
	if (c->n_processes == 0)
		return NULL;
	return bsearch(&pid, c->process, c->n_processes, sizeof(*c->process), census_compare_process);
}

const struct skt_process *skt_census_holder(const struct skt_census *c, const struct skt_sock *s, size_t i, int *fd)
{
	size_t n;
	const struct skt_owner *o = skt_owners_of(&c->owners, s->inode, &n);

	for (size_t k = 0; k < n; k++) {
		const struct skt_process *p;

		if (k > 0 && o[k].pid == o[k - 1].pid)
			continue;
		p = skt_census_process(c, o[k].pid);
		if (!p || i-- > 0)
			continue;
		if (fd)
			*fd = o[k].fd;
		return p;
	}
	return NULL;
}

size_t skt_census_n_holders(const struct skt_census *c, const struct skt_sock *s)
{
	size_t n, ret = 0;
	const struct skt_owner *o = skt_owners_of(&c->owners, s->inode, &n);

	for (size_t k = 0; k < n; k++)
		ret += (k == 0 || o[k].pid != o[k - 1].pid) && skt_census_process(c, o[k].pid) != NULL;
	return ret;
}

size_t skt_census_n_unseen(const struct skt_census *c)
{
	size_t ret = 0, n;

	for (size_t i = 0; c->has_owners && i < c->table.n; i++)
		ret += c->table.sock[i].is_wanted && !skt_owners_of(&c->owners, c->table.sock[i].inode, &n);
	return ret;
}

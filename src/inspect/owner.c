/* SPDX-License-Identifier: Apache-2.0 */
/* Which processes have which sockets open.
 *
 * How it works: the pids are listed once; threads take them from that list, and read the links of each /proc/PID/fd
 * ("socket:[INODE]") into a list of their own. This is where nearly all the time of `soket ports` goes: 2 to 4 us a descriptor,
 * all of it the kernel's. Listing a directory before reading its links is cheaper than trying descriptor numbers one after the
 * other: the listing leaves in the kernel's cache what the links are looked up in. At the end the lists become one, sorted by
 * inode, with a hash table from an inode to its first row. */
#include "inspect/owner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/message.h"
#include "sys/call.h"
#include "sys/parallel.h"

enum { OWNERS_ROOM = 32768 };

/* What one thread has found. */
struct catch
{
	struct skt_owner *owner;
	size_t n, cap, n_closed;
	bool failed;
};

struct skt_owners_walk {
	pid_t *pid;
	size_t n_pids, cap_pids;
	struct skt_parallel *work;
	struct catch caught[SKT_PARALLEL_MAX]; /* of each worker */
};

struct directory_entry {
	uint64_t inode;
	int64_t offset;
	unsigned short length;
	unsigned char type;
	char name[];
};

/* Each entry of an open directory that is a number, until fn says stop. Returns 0 or -errno. */
static int owners_each_number(int fd, void *room, int (*fn)(void *user, unsigned number, const char *name), void *user)
{
	long n;
	int ret = 0;

	while (ret == 0 && (n = syscall(SYS_getdents64, fd, room, OWNERS_ROOM)) != 0) {
		if (n < 0)
			return -errno;
		for (long at = 0; ret == 0 && at < n;) {
			const struct directory_entry *e = (const void *)((char *)room + at);

			at += e->length;
			if (e->name[0] >= '0' && e->name[0] <= '9')
				ret = fn(user, (unsigned)strtoul(e->name, NULL, 10), e->name);
		}
	}
	return ret;
}

static int owners_add_pid(void *user, unsigned number, const char *name)
{
	struct skt_owners_walk *w = user;

	(void)name;
	if (w->n_pids == w->cap_pids) {
		size_t cap = w->cap_pids ? 2 * w->cap_pids : 512;
		pid_t *pid = skt_realloc(w->pid, cap * sizeof(*pid));

		if (!pid)
			return -ENOMEM;
		w->pid = pid;
		w->cap_pids = cap;
	}
	w->pid[w->n_pids++] = (pid_t)number;
	return 0;
}

static int owners_list_pids(struct skt_owners_walk *w)
{
	uint64_t room[OWNERS_ROOM / sizeof(uint64_t)];
	int fd = skt_sys.open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	int ret = fd < 0 ? -errno : owners_each_number(fd, room, owners_add_pid, w);

	skt_close(fd);
	return ret < 0 ? ret : w->n_pids == 0 ? -ENOENT : 0;
}

/* The descriptors of one process. */
struct descriptors {
	struct catch *caught;
	pid_t pid;
	int directory;
};

static int owners_add(struct catch *c, uint64_t inode, pid_t pid, int fd)
{
	if (c->n == c->cap) {
		size_t cap = c->cap ? 2 * c->cap : 256;
		struct skt_owner *owner = skt_realloc(c->owner, cap * sizeof(*owner));

		if (!owner)
			return -ENOMEM;
		c->owner = owner;
		c->cap = cap;
	}
	c->owner[c->n++] = (struct skt_owner){ inode, pid, fd };
	return 0;
}

static int owners_descriptor(void *user, unsigned number, const char *name)
{
	static const char prefix[] = "socket:[";
	const struct descriptors *d = user;
	char target[64];
	ssize_t n = readlinkat(d->directory, name, target, sizeof(target) - 1);

	if (n < (ssize_t)sizeof(prefix) || memcmp(target, prefix, sizeof(prefix) - 1) != 0)
		return 0;
	target[n] = '\0';
	return owners_add(d->caught, strtoull(target + sizeof(prefix) - 1, NULL, 10), d->pid, (int)number);
}

static void owners_process(void *user, int worker, size_t item)
{
	struct skt_owners_walk *w = user;
	struct catch *c = &w->caught[worker];
	struct descriptors d = { .caught = c, .pid = w->pid[item] };
	uint64_t room[OWNERS_ROOM / sizeof(uint64_t)];
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)d.pid);
	d.directory = skt_sys.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (d.directory < 0) {
		c->n_closed += errno == EACCES || errno == EPERM;
		c->failed |= errno == EMFILE || errno == ENFILE || errno == ENOMEM;
		return;
	}
	c->failed |= owners_each_number(d.directory, room, owners_descriptor, &d) == -ENOMEM;
	skt_close(d.directory);
}

static void owners_free(struct skt_owners_walk *w)
{
	for (size_t i = 0; i < SKT_LENGTH(w->caught); i++)
		skt_free(w->caught[i].owner);
	skt_free(w->pid);
	skt_free(w);
}

int skt_owners_begin(int threads, struct skt_owners_walk **ret, struct skt_error *err)
{
	struct skt_owners_walk *w = SKT_NEW(struct skt_owners_walk);
	int failed;

	if (!w)
		return skt_fail_memory(err);
	failed = owners_list_pids(w);
	if (failed == 0)
		w->work = skt_parallel_begin(w->n_pids, threads, owners_process, w);
	if (w->work) {
		*ret = w;
		return 0;
	}
	owners_free(w);
	if (failed == 0 || failed == -ENOMEM)
		return skt_fail_memory(err);
	(void)skt_fail(err, SKT_E_DENIED, -failed, _("cannot read /proc, where processes are listed: %s"),
		       strerror(-failed));
	return -SKT_E_DENIED;
}

static size_t owners_hash(uint64_t inode, size_t n_slots)
{
	return (size_t)((inode * 0x9e3779b97f4a7c15ULL) >> 32) & (n_slots - 1);
}

static size_t owners_slots(size_t n)
{
	size_t ret = 16;

	while (ret < 2 * n)
		ret *= 2;
	return ret;
}

/* A set of inodes: open addressing, 0 is empty (no socket has inode 0). */
static uint64_t *owners_set(const uint64_t *only, size_t n, size_t n_slots)
{
	uint64_t *set = skt_zalloc(n_slots * sizeof(*set));

	for (size_t i = 0; set && i < n; i++) {
		size_t at = owners_hash(only[i], n_slots);

		while (set[at] && set[at] != only[i])
			at = (at + 1) & (n_slots - 1);
		set[at] = only[i];
	}
	return set;
}

static bool owners_set_has(const uint64_t *set, size_t n_slots, uint64_t inode)
{
	size_t at = owners_hash(inode, n_slots);

	while (set[at] && set[at] != inode)
		at = (at + 1) & (n_slots - 1);
	return set[at] == inode;
}

static int owners_compare(const void *a, const void *b)
{
	const struct skt_owner *x = a, *y = b;

	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return x->fd < y->fd ? -1 : x->fd > y->fd;
}

static int owners_index(struct skt_owners *o)
{
	o->n_slots = owners_slots(o->n);
	o->slot = skt_zalloc(o->n_slots * sizeof(*o->slot));
	if (!o->slot)
		return -ENOMEM;
	for (size_t i = 0; i < o->n; i++) {
		size_t at = owners_hash(o->owner[i].inode, o->n_slots);

		if (i > 0 && o->owner[i - 1].inode == o->owner[i].inode)
			continue;
		while (o->slot[at])
			at = (at + 1) & (o->n_slots - 1);
		o->slot[at] = (uint32_t)i + 1;
	}
	return 0;
}

/* The rows of all threads in one list. */
static int owners_gather(struct skt_owners_walk *w, const uint64_t *set, size_t n_slots, struct skt_owners *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < SKT_LENGTH(w->caught); i++)
		n += w->caught[i].n;
	ret->owner = skt_malloc((n ? n : 1) * sizeof(*ret->owner));
	if (!ret->owner)
		return -ENOMEM;
	ret->cap = n;
	ret->n_processes = w->n_pids;
	for (size_t i = 0; i < SKT_LENGTH(w->caught); i++) {
		const struct catch *c = &w->caught[i];

		ret->n_closed += c->n_closed;
		if (c->failed)
			return -ENOMEM;
		for (size_t k = 0; k < c->n; k++)
			if (!set || owners_set_has(set, n_slots, c->owner[k].inode))
				ret->owner[ret->n++] = c->owner[k];
	}
	qsort(ret->owner, ret->n, sizeof(*ret->owner), owners_compare);
	return owners_index(ret);
}

int skt_owners_end(struct skt_owners_walk *walk, const uint64_t *only, size_t n, struct skt_owners *ret,
		   struct skt_error *err)
{
	struct skt_owners found = { 0 };
	size_t n_slots = owners_slots(n);
	uint64_t *set = only ? owners_set(only, n, n_slots) : NULL;
	int failed = -ENOMEM;

	skt_parallel_end(walk->work);
	if (set || !only)
		failed = owners_gather(walk, set, n_slots, &found);
	skt_free(set);
	owners_free(walk);
	if (failed < 0) {
		skt_owners_release(&found);
		return skt_fail_memory(err);
	}
	*ret = found;
	return 0;
}

int skt_owners_read(const uint64_t *only, size_t n, int threads, struct skt_owners *ret, struct skt_error *err)
{
	struct skt_owners_walk *walk = NULL;
	int failed = skt_owners_begin(threads, &walk, err);

	return failed < 0 || !walk ? failed : skt_owners_end(walk, only, n, ret, err);
}

const struct skt_owner *skt_owners_of(const struct skt_owners *o, uint64_t inode, size_t *n)
{
	size_t at;

	*n = 0;
	if (!o->n_slots || !inode)
		return NULL;
	for (at = owners_hash(inode, o->n_slots); o->slot[at]; at = (at + 1) & (o->n_slots - 1)) {
		size_t first = o->slot[at] - 1;

		if (o->owner[first].inode != inode)
			continue;
		while (first + *n < o->n && o->owner[first + *n].inode == inode)
			(*n)++;
		return &o->owner[first];
	}
	return NULL;
}

void skt_owners_release(struct skt_owners *o)
{
	skt_free(o->owner);
	skt_free(o->slot);
	*o = (struct skt_owners){ 0 };
}

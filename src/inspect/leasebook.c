/* SPDX-License-Identifier: Apache-2.0 */
/* The directory of the records.
 *
 * How it works: the directory is reached by descriptors, step by step and never through a symbolic link of ours; each step below the user's
 * own runtime directory must belong to us and be closed to others, so that nobody puts a file, or a link, in our way. The lock is flock(2) on the
 * directory itself: it needs no file, so it works on a full disk, and it ends with its holder. Whoever has the lock is alone: files
 * that begin with a dot are then what a crash left half-written.
 *
 * A named lease has one file for each directory and pid namespace, so that the name can be looked up; an unnamed one has a file of its
 * port. A record is written beside and renamed: readers, which take no lock, see all of it or none. */
#include "inspect/leasebook.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/message.h"
#include "base/unit.h"
#include "sys/call.h"
#include "sys/clock.h"

#define LEASEBOOK_PATIENCE (2 * SKT_SECOND)
#define LEASEBOOK_HALF "." /* half-written records begin so */

enum { LEASEBOOK_RECORD_MAX = 64 * 1024, LEASEBOOK_NAME = 80, LEASEBOOK_MODE = 0700 };

/* Where the records are: a directory that others made, and two below it that are ours. */
struct leasebook_place {
	char base[PATH_MAX];
	char ours[40];
	bool is_private; /* the base must be ours too */
};

static bool leasebook_is_absolute(const char *path)
{
	return path && path[0] == '/' && strlen(path) < PATH_MAX;
}

static void leasebook_place(struct leasebook_place *ret)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR"), *tmp = getenv("TMPDIR");
	unsigned uid = geteuid();
	struct stat st;

	ret->is_private = true;
	(void)snprintf(ret->ours, sizeof(ret->ours), "soket");
	(void)snprintf(ret->base, sizeof(ret->base), "%s", leasebook_is_absolute(runtime) ? runtime : "");
	if (ret->base[0])
		return;
	(void)snprintf(ret->base, sizeof(ret->base), "/run/user/%u", uid);
	if (stat(ret->base, &st) == 0)
		return;
	ret->is_private = false;
	(void)snprintf(ret->ours, sizeof(ret->ours), "soket-%u", uid);
	(void)snprintf(ret->base, sizeof(ret->base), "%s", leasebook_is_absolute(tmp) ? tmp : "/tmp");
}

static int leasebook_failed(const char *path, int sys, struct skt_error *err)
{
	enum skt_err kind = sys == ENOENT                                     ? SKT_E_RESOLVE
			    : sys == ENOMEM || sys == EMFILE || sys == ENFILE ? SKT_E_LIMIT
									      : SKT_E_IO;

	if (sys == ELOOP || sys == ENOTDIR)
		return skt_fail(err, SKT_E_DENIED, sys, _("%.180s is not a directory"), path);
	return skt_fail(err, kind, sys, _("cannot use %.160s: %s"), path, strerror(sys));
}

/* Whether a directory is ours alone. */
static int leasebook_check(int fd, const char *path, struct skt_error *err)
{
	struct stat st;

	if (skt_sys.fstat(fd, &st) < 0)
		return leasebook_failed(path, errno, err);
	if (st.st_uid != geteuid())
		return skt_fail(err, SKT_E_DENIED, 0, _("%.180s belongs to another user"), path);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return skt_fail(err, SKT_E_DENIED, 0, _("others may write to %.180s"), path);
	return 0;
}

/* One step down, into a directory that must be ours. fd is closed. Returns the new descriptor or -kind. */
static int leasebook_step(int fd, const char *name, bool makes, struct skt_text *path, struct skt_error *err)
{
	int next, failed;

	skt_text_addf(path, "/%s", name);
	/* a directory that is there is no failure, also on a disk that cannot be written to */
	next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (next < 0 && errno == ENOENT && makes) {
		failed = mkdirat(fd, name, LEASEBOOK_MODE) < 0 && errno != EEXIST;
		next = failed ? -1 : openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	skt_close(fd);
	if (next < 0)
		return leasebook_failed(skt_text_get(path), errno, err);
	failed = leasebook_check(next, skt_text_get(path), err);
	if (failed < 0)
		skt_close(next);
	return failed < 0 ? failed : next;
}

static int leasebook_lock(struct skt_leasebook *b, struct skt_error *err)
{
	skt_time until = skt_now() + LEASEBOOK_PATIENCE;

	while (flock(b->fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return skt_fail(err, SKT_E_IO, errno, _("cannot lock %.160s: %s"), b->path, strerror(errno));
		if (skt_now() > until)
			return skt_fail(err, SKT_E_IO, 0, _("another soket has locked %.180s"), b->path);
		(void)skt_sys.poll(NULL, 0, 1);
	}
	b->is_locked = true;
	return 0;
}

/* The descriptor of the directory, or -kind. */
static int leasebook_reach(bool makes, struct skt_text *path, struct skt_error *err)
{
	struct leasebook_place place;
	int fd, failed;

	leasebook_place(&place);
	skt_text_add(path, place.base);
	fd = skt_sys.open(place.base, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0)
		return leasebook_failed(place.base, errno, err);
	failed = place.is_private ? leasebook_check(fd, place.base, err) : 0;
	if (failed < 0) {
		skt_close(fd);
		return failed;
	}
	fd = leasebook_step(fd, place.ours, makes, path, err);
	return fd < 0 ? fd : leasebook_step(fd, "leases", makes, path, err);
}

int skt_leasebook_open(struct skt_leasebook *ret, bool writes, struct skt_error *err)
{
	struct skt_leasebook b = { .fd = -1 };
	struct skt_text path = { 0 };
	int failed;

	*ret = b;
	b.fd = leasebook_reach(writes, &path, err);
	if (b.fd < 0) {
		skt_text_release(&path);
		return b.fd;
	}
	b.path = skt_text_take(&path);
	failed = !b.path ? skt_fail_memory(err) : writes ? leasebook_lock(&b, err) : 0;
	if (failed < 0) {
		skt_leasebook_close(&b);
		return failed;
	}
	if (!writes) /* then stale records can be removed; where somebody is writing they stay for the next reader */
		b.is_locked = flock(b.fd, LOCK_EX | LOCK_NB) == 0;
	*ret = b;
	return 0;
}

void skt_leasebook_close(struct skt_leasebook *b)
{
	skt_close(b->fd);
	skt_free(b->path);
	*b = (struct skt_leasebook){ .fd = -1 };
}

/* The file of a lease. */
static void leasebook_file(const struct skt_lease *l, char *ret)
{
	uint64_t hash;
	char pidns[24];

	(void)snprintf(pidns, sizeof(pidns), "%" PRIu64, l->pidns);
	hash = skt_lease_hash(skt_lease_hash(SKT_LEASE_HASH, pidns), l->directory);
	if (l->name[0])
		(void)snprintf(ret, LEASEBOOK_NAME, "%s-%016" PRIx64 ".json", l->name, hash);
	else
		(void)snprintf(ret, LEASEBOOK_NAME, "%u-%016" PRIx64 "-%d.json", l->port, hash, (int)l->owner);
}

/* The record in a file of the directory: 0, or as skt_lease_parse(). Only plain files of ours are read. */
static int leasebook_record(int dir, const char *file, char *room, struct skt_lease *ret)
{
	int fd = openat(dir, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	size_t n = 0;
	ssize_t got;

	if (fd < 0)
		return errno == ENOENT ? -SKT_E_RESOLVE : -SKT_E_USAGE;
	if (skt_sys.fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    st.st_size > LEASEBOOK_RECORD_MAX) {
		skt_close(fd);
		return -SKT_E_USAGE;
	}
	while (n < LEASEBOOK_RECORD_MAX && (got = skt_sys.read(fd, room + n, LEASEBOOK_RECORD_MAX - n)) != 0) {
		if (got < 0 && errno != EINTR)
			break;
		n += got > 0 ? (size_t)got : 0;
	}
	skt_close(fd);
	return skt_lease_parse(room, n, ret);
}

static int leasebook_add(struct skt_leases *list, struct skt_lease *l)
{
	struct skt_lease *grown = list->lease;

	if ((list->n & (list->n - 1)) == 0)
		grown = skt_realloc(list->lease, (list->n ? 2 * list->n : 1) * sizeof(*grown));
	if (!grown)
		return -SKT_E_LIMIT;
	list->lease = grown;
	list->lease[list->n++] = *l;
	return 0;
}

/* One file: into the list, or away with it. */
static int leasebook_take(const struct skt_leasebook *b, const char *file, char *room, uint64_t pidns,
			  struct skt_leases *list)
{
	struct skt_text path = { 0 };
	struct skt_lease l = { 0 };
	int failed = leasebook_record(b->fd, file, room, &l);

	if (failed == -SKT_E_LIMIT)
		return failed;
	if (failed < 0) {
		list->n_unreadable += failed == -SKT_E_USAGE;
		return 0;
	}
	if (l.pidns != pidns || !skt_lease_is_alive(&l)) {
		if (l.pidns == pidns) {
			list->n_stale++;
			if (b->is_locked)
				(void)unlinkat(b->fd, file, 0);
		}
		skt_lease_release(&l);
		return 0;
	}
	skt_text_addf(&path, "%s/%s", b->path, file);
	l.path = skt_text_take(&path);
	failed = l.path ? leasebook_add(list, &l) : -SKT_E_LIMIT;
	if (failed < 0)
		skt_lease_release(&l);
	return failed;
}

static int leasebook_by_port(const void *a, const void *b)
{
	const struct skt_lease *x = a, *y = b;

	return x->port != y->port ? (x->port > y->port) - (x->port < y->port) : strcmp(x->name, y->name);
}

static bool leasebook_is_record(const char *file)
{
	size_t n = strlen(file);

	return n > 5 && strcmp(file + n - 5, ".json") == 0;
}

static int leasebook_read_all(const struct skt_leasebook *b, DIR *dir, char *room, struct skt_leases *list)
{
	struct skt_lease self = { 0 };
	int failed = 0;

	skt_lease_own(&self);
	for (const struct dirent *d; failed == 0 && (d = readdir(dir)) != NULL;) {
		if (d->d_name[0] == '.') {
			if (b->is_locked && strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
				(void)unlinkat(b->fd, d->d_name, 0);
		} else if (leasebook_is_record(d->d_name)) {
			failed = leasebook_take(b, d->d_name, room, self.pidns, list);
		}
	}
	return failed;
}

int skt_leasebook_read(const struct skt_leasebook *b, struct skt_leases *ret, struct skt_error *err)
{
	struct skt_leases list = { 0 };
	int fd = openat(b->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), failed = -SKT_E_LIMIT;
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	char *room = dir ? skt_malloc(LEASEBOOK_RECORD_MAX) : NULL;

	if (!dir)
		skt_close(fd);
	if (room)
		failed = leasebook_read_all(b, dir, room, &list);
	if (dir)
		(void)closedir(dir);
	skt_free(room);
	if (failed < 0) {
		skt_leases_release(&list);
		return skt_fail_memory(err);
	}
	if (list.n > 1)
		qsort(list.lease, list.n, sizeof(*list.lease), leasebook_by_port);
	*ret = list;
	return 0;
}

const struct skt_lease *skt_leasebook_find(const struct skt_leasebook *b, const struct skt_leases *among,
					   const char *directory, const char *name)
{
	struct skt_lease wanted = { .directory = skt_strdup(directory) };
	char file[LEASEBOOK_NAME];
	const struct skt_lease *found = NULL;

	(void)b;
	if (!wanted.directory || !skt_lease_is_name(name))
		goto out;
	skt_lease_own(&wanted);
	memcpy(wanted.name, name, strlen(name) + 1);
	leasebook_file(&wanted, file);
	/* by the file's name: the directory in the record is text, where bytes that are not UTF-8 are lost */
	for (size_t i = 0; i < among->n && !found; i++) {
		const char *slash = strrchr(among->lease[i].path, '/');

		if (slash && strcmp(slash + 1, file) == 0)
			found = &among->lease[i];
	}
out:
	skt_lease_release(&wanted);
	return found;
}

/* All of it into a new file. Returns 0 or -errno. */
static int leasebook_put(int dir, const char *file, const char *text, size_t n)
{
	int fd = openat(dir, file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600), failed = 0;

	if (fd < 0)
		return -errno;
	while (n > 0 && !failed) {
		ssize_t put = skt_sys.write(fd, text, n);

		if (put < 0 && errno != EINTR)
			failed = -errno;
		text += put > 0 ? put : 0;
		n -= put > 0 ? (size_t)put : 0;
	}
	if (close(fd) < 0 && !failed)
		failed = -errno;
	return failed;
}

int skt_leasebook_write(const struct skt_leasebook *b, struct skt_lease *l, struct skt_error *err)
{
	char file[LEASEBOOK_NAME], half[LEASEBOOK_NAME + 1];
	struct skt_json j = { 0 };
	struct skt_text path = { 0 };
	int failed;

	leasebook_file(l, file);
	(void)snprintf(half, sizeof(half), LEASEBOOK_HALF "%s", file);
	skt_lease_print(l, &j);
	skt_text_addc(&j.text, '\n');
	skt_text_addf(&path, "%s/%s", b->path, file);
	if (j.text.failed || path.failed) {
		skt_json_release(&j);
		skt_text_release(&path);
		return skt_fail_memory(err);
	}
	(void)unlinkat(b->fd, half, 0);
	failed = leasebook_put(b->fd, half, skt_text_get(&j.text), j.text.len);
	if (failed == 0 && renameat(b->fd, half, b->fd, file) < 0)
		failed = -errno;
	skt_json_release(&j);
	if (failed < 0) {
		(void)unlinkat(b->fd, half, 0);
		skt_text_release(&path);
		return skt_fail(err, SKT_E_IO, -failed, _("cannot write to %.160s: %s"), b->path, strerror(-failed));
	}
	skt_free(l->path);
	l->path = skt_text_take(&path);
	return 0;
}

void skt_lease_remove(struct skt_lease *l)
{
	const char *slash = l->path ? strrchr(l->path, '/') : NULL;
	struct skt_lease found = { 0 };
	char *room = slash ? skt_malloc(LEASEBOOK_RECORD_MAX) : NULL;

	/* of our own only: somebody may have removed the directory, and another lease of that name begun */
	if (room && leasebook_record(AT_FDCWD, l->path, room, &found) == 0 && found.owner == l->owner &&
	    found.ticks == l->ticks)
		(void)skt_sys.unlink(l->path);
	skt_lease_release(&found);
	skt_free(room);
	skt_free(l->path);
	l->path = NULL;
}

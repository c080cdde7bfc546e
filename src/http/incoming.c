/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are being received.
 *
 * How it works: ".NAME.part" beside the place is locked and written; when it is whole, it is synchronised and renamed over NAME, so that
 * NAME is the old file or the new one and never half of it. The lock (flock) ends with the process: what a crash leaves can be gone on with. */
#include "http/incoming.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "sys/call.h"

static const struct {
	int sys, status;
	const char *why;
} incoming_failures[] = {
	{ ENOSPC, 507, "the disk is full" },
	{ EDQUOT, 507, "the disk quota is used up" },
	{ EFBIG, 413, "no file may be that large here" },
	{ ENOENT, 409, "there is no such directory" },
	{ ENOTDIR, 409, "there is no such directory" },
	{ EISDIR, 409, "a directory has that name" },
	{ EACCES, 403, "the server may not write there" },
	{ EPERM, 403, "the server may not write there" },
	{ EROFS, 403, "the file system is read-only" },
	{ EXDEV, 403, "a symbolic link leads out of what is served here" },
	{ ELOOP, 403, "symbolic links are not followed there" },
	{ ENAMETOOLONG, 400, "the name is too long" },
	{ EMFILE, 503, "too many files are open" },
	{ ENFILE, 503, "too many files are open" },
	{ EWOULDBLOCK, 409, "it is being uploaded by somebody else" },
};

static int incoming_failed(int sys, const char **why)
{
	for (size_t i = 0; i < sizeof(incoming_failures) / sizeof(incoming_failures[0]); i++)
		if (incoming_failures[i].sys == sys) {
			*why = incoming_failures[i].why;
			return incoming_failures[i].status;
		}
	*why = "it cannot be written";
	return 500;
}

static void incoming_name_part(struct skt_incoming *in)
{
	uint32_t h = 2166136261U;

	if (strlen(in->name) < sizeof(in->part) - 8) {
		(void)snprintf(in->part, sizeof(in->part), ".%s.part", in->name);
		return;
	}
	for (const char *s = in->name; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619U;
	(void)snprintf(in->part, sizeof(in->part), ".%.200s.%08x.part", in->name, h);
}

/* Open and lock the part. It may have been renamed away between the two: then there is a new one to be had. */
static int incoming_lock(struct skt_incoming *in)
{
	for (int tries = 0; tries < 8; tries++) {
		struct stat now, held;

		in->fd = skt_sys.openat(in->dir, in->part, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0666);
		if (in->fd < 0)
			return errno;
		if (flock(in->fd, LOCK_EX | LOCK_NB) < 0 || skt_sys.fstat(in->fd, &held) < 0)
			return errno;
		if (!S_ISREG(held.st_mode))
			return EACCES;
		if (skt_sys.fstatat(in->dir, in->part, &now, AT_SYMLINK_NOFOLLOW) == 0 && now.st_ino == held.st_ino &&
		    now.st_dev == held.st_dev) {
			in->at = held.st_size;
			in->is_ours = true;
			return 0;
		}
		skt_close(in->fd);
		in->fd = -1;
	}
	return EWOULDBLOCK;
}

/* What has the name now. */
static int incoming_look(struct skt_incoming *in)
{
	struct stat st;

	in->is_new = skt_sys.fstatat(in->dir, in->name, &st, AT_SYMLINK_NOFOLLOW) < 0;
	return !in->is_new && S_ISDIR(st.st_mode) ? EISDIR : 0;
}

/* Put what is there to the place where the bytes to come belong, and make room for them. */
static int incoming_place(struct skt_incoming *in, int64_t first, int64_t expected)
{
	if (skt_sys.ftruncate(in->fd, first) < 0 || skt_sys.lseek(in->fd, first, SEEK_SET) < 0)
		return errno;
	in->at = first;
	if (expected > 0 && skt_sys.fallocate(in->fd, FALLOC_FL_KEEP_SIZE, first, expected) < 0 &&
	    (errno == ENOSPC || errno == EDQUOT || errno == EFBIG))
		return errno;
	return 0;
}

int skt_incoming_open(const struct skt_tree *tree, const char *path, int64_t first, int64_t total, int64_t expected,
		      int64_t max, struct skt_incoming *ret, const char **why)
{
	const char *name;
	int sys = 0;

	*ret = (struct skt_incoming){ .fd = -1, .total = total, .max = max };
	if (max && (total > max || (expected > 0 && first + expected > max))) {
		ret->dir = -1;
		*why = "it is larger than what may be uploaded here";
		return 413;
	}
	ret->dir = skt_tree_parent(tree, path, &name);
	if (ret->dir < 0)
		sys = errno;
	else if (!*name || strlen(name) >= sizeof(ret->name))
		sys = *name ? ENAMETOOLONG : EISDIR;
	if (!sys) {
		(void)snprintf(ret->name, sizeof(ret->name), "%s", name);
		incoming_name_part(ret);
		sys = incoming_look(ret);
	}
	if (!sys)
		sys = incoming_lock(ret);
	if (!sys && first > ret->at) {
		int64_t there = ret->at;

		skt_incoming_release(ret, there > 0); /* asking makes no file */
		ret->at = there;
		*why = "bytes in between are missing";
		return 416;
	}
	if (!sys)
		sys = incoming_place(ret, first, expected);
	if (!sys)
		return 0;
	skt_incoming_release(ret, first > 0);
	return incoming_failed(sys, why);
}

int skt_incoming_write(struct skt_incoming *in, const char *bytes, size_t n, const char **why)
{
	if (in->max && in->at + (int64_t)n > in->max) {
		*why = "it is larger than what may be uploaded here";
		return 413;
	}
	while (n) {
		ssize_t put = skt_sys.write(in->fd, bytes, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return incoming_failed(put ? errno : ENOSPC, why);
		bytes += put;
		n -= (size_t)put;
		in->at += put;
	}
	return 0;
}

bool skt_incoming_is_whole(const struct skt_incoming *in)
{
	return in->total == -1 || (in->total >= 0 && in->at >= in->total);
}

/* A file that is replaced hands on who may read it. */
static void incoming_inherit(const struct skt_incoming *in)
{
	struct stat old;

	if (!in->is_new && skt_sys.fstatat(in->dir, in->name, &old, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(old.st_mode))
		(void)fchmod(in->fd, old.st_mode & 0777);
}

/* Give it its name; errno EEXIST where that may not be. Not every file system can tell the two apart in one step. */
static int incoming_put_in_place(const struct skt_incoming *in)
{
	int ret = skt_sys.renameat2(in->dir, in->part, in->dir, in->name, in->keeps_old ? RENAME_NOREPLACE : 0);

	if (ret == 0 || !in->keeps_old || (errno != EINVAL && errno != ENOSYS))
		return ret;
	if (!in->is_new) {
		errno = EEXIST;
		return -1;
	}
	return skt_sys.renameat2(in->dir, in->part, in->dir, in->name, 0);
}

int skt_incoming_commit(struct skt_incoming *in, const char **why)
{
	struct stat st;

	/* room that was reserved and not used is given back */
	if (skt_sys.ftruncate(in->fd, in->at) < 0)
		return incoming_failed(errno, why);
	incoming_inherit(in);
	if (skt_sys.fsync(in->fd) < 0 && errno != EINVAL && errno != EROFS)
		return incoming_failed(errno, why);
	in->is_new = skt_sys.fstatat(in->dir, in->name, &st, AT_SYMLINK_NOFOLLOW) < 0;
	if (incoming_put_in_place(in) < 0) {
		if (errno != EEXIST)
			return incoming_failed(errno, why);
		*why = "something has that name by now";
		return 412;
	}
	skt_incoming_release(in, true);
	return 0;
}

void skt_incoming_release(struct skt_incoming *in, bool keep)
{
	if (in->is_ours && in->fd >= 0 && keep)
		(void)skt_sys.ftruncate(in->fd, in->at);
	if (in->is_ours && in->fd >= 0 && !keep)
		(void)skt_sys.unlinkat(in->dir, in->part, 0);
	skt_close(in->fd);
	skt_close(in->dir);
	in->fd = in->dir = -1;
}

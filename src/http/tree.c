/* SPDX-License-Identifier: Apache-2.0 */
/* The directory that is served. */
#include "http/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/message.h"
#include "sys/call.h"

enum { TREE_FLAGS = O_CLOEXEC | O_NONBLOCK | O_NOCTTY };

int skt_tree_open(struct skt_tree *tree, const char *path, bool follows, struct skt_error *err)
{
	int fd = skt_sys.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	int sys = errno;
	enum skt_err kind = sys == EACCES || sys == EPERM    ? SKT_E_DENIED
			    : sys == EMFILE || sys == ENFILE ? SKT_E_LIMIT
							     : SKT_E_USAGE;

	if (fd < 0) {
		(void)skt_fail(err, kind, sys, _("cannot serve %.200s: %s"), path, strerror(sys));
		skt_hint(err, "%s",
			 sys == ENOTDIR ? _("name the directory that it is in")
					: _("check the path, and who may read it (ls -ld)"));
		return -(int)kind;
	}
	tree->path = realpath(path, NULL);
	tree->fd = fd;
	tree->follows = follows;
	return 0;
}

void skt_tree_close(struct skt_tree *tree)
{
	skt_close(tree->fd);
	free(tree->path);
	tree->path = NULL;
	tree->fd = -1;
}

/* Without openat2: step by step, and no link at all. */
static int tree_walk(int root, const char *path, int flags, mode_t mode)
{
	char part[256];
	int at = root, next;

	for (;;) {
		size_t n = strcspn(path, "/");
		bool is_last = path[n] == '\0';

		if (n >= sizeof(part)) {
			errno = ENAMETOOLONG;
			next = -1;
		} else {
			(void)snprintf(part, sizeof(part), "%.*s", (int)n, path);
			if (strcmp(part, "..") == 0) {
				errno = EXDEV;
				next = -1;
			} else {
				next = skt_sys.openat(at, n ? part : ".",
						      is_last ? flags | O_NOFOLLOW
							      : O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
						      is_last ? mode : 0);
			}
		}
		if (at != root)
			skt_close(at);
		if (next < 0 || is_last)
			return next;
		at = next;
		path += n + 1;
	}
}

/* The part of a real path that is beneath the directory, "." for itself; NULL: it is not. */
static const char *tree_beneath(const struct skt_tree *tree, const char *real)
{
	size_t n = strcmp(tree->path, "/") == 0 ? 0 : strlen(tree->path);

	if (!real || strncmp(real, tree->path, n) != 0 || (real[n] != '/' && real[n] != '\0'))
		return NULL;
	return real[n] && real[n + 1] ? real + n + 1 : ".";
}

/* Where a name really is: `parent` is resolved, `last` (or NULL) may not be there. */
static int tree_open_real(const struct skt_tree *tree, const char *parent, const char *last, int flags, mode_t mode)
{
	char *real = realpath(parent, NULL);
	const char *beneath = tree_beneath(tree, real);
	char full[4096];
	int fd = -1, sys = real || last ? EXDEV : errno; /* whether there is something outside is nobody's business */

	if (beneath &&
	    (size_t)snprintf(full, sizeof(full), "%s%s%s", beneath, last ? "/" : "", last ? last : "") < sizeof(full)) {
		fd = skt_sys.openat2(tree->fd, full, flags, flags & O_CREAT ? mode : 0,
				     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
		sys = errno;
	}
	free(real);
	errno = sys;
	return fd;
}

/* A link on the way was written as an absolute path, or leads out: where it ends beneath the directory after all, that is opened, beneath it
 * again and through no link. What lies outside is told from nothing. */
static int tree_absolute(const struct skt_tree *tree, const char *name, int flags, mode_t mode)
{
	char full[4096], *slash;
	int fd;

	if ((size_t)snprintf(full, sizeof(full), "%s/%s", tree->path, name) >= sizeof(full)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = tree_open_real(tree, full, NULL, flags, mode);
	slash = strrchr(full, '/');
	if (fd < 0 && errno != EXDEV) { /* perhaps only its last part is not there */
		*slash = '\0';
		fd = tree_open_real(tree, full, slash + 1, flags, mode);
	}
	return fd;
}

int skt_tree_get(const struct skt_tree *tree, const char *path, int flags, mode_t mode)
{
	const char *name = *path ? path : ".";
	int fd;

	flags |= flags & O_PATH ? O_CLOEXEC : TREE_FLAGS;
	if (tree->follows)
		return skt_sys.openat(tree->fd, name, flags, mode);
	do
		fd = skt_sys.openat2(tree->fd, name, flags, flags & O_CREAT ? mode : 0,
				     RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
	while (fd < 0 && (errno == EINTR || errno == EAGAIN)); /* EAGAIN: a rename came between */
	if (fd < 0 && errno == EXDEV && tree->path)
		return tree_absolute(tree, name, flags, mode);
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		return tree_walk(tree->fd, path, flags, mode);
	return fd;
}

int skt_tree_parent(const struct skt_tree *tree, const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	char parent[4096];

	*name = slash ? slash + 1 : path;
	if (slash && slash - path >= (ptrdiff_t)sizeof(parent)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	(void)snprintf(parent, sizeof(parent), "%.*s", slash ? (int)(slash - path) : 0, path);
	return skt_tree_get(tree, parent, O_PATH | O_DIRECTORY, 0);
}

int skt_tree_stat(const struct skt_tree *tree, const char *path, struct stat *ret)
{
	return skt_sys.fstatat(tree->fd, *path ? path : ".", ret, 0);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The directory that is served, and the way to what is in it. */
#ifndef SKT_HTTP_TREE_H
#define SKT_HTTP_TREE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/error.h"

struct skt_tree {
	int fd;       /* of the directory */
	bool follows; /* symbolic links may lead out of it */
	char *path;   /* its real path, or NULL */
};

/* Open the directory. Returns 0, or -kind with an error that names it. */
int skt_tree_open(struct skt_tree *tree, const char *path, bool follows, struct skt_error *err);
void skt_tree_close(struct skt_tree *tree);

/* Open what a relative path names ("" is the directory itself), with those flags of open(2) and CLOEXEC, NONBLOCK and NOCTTY besides.
 * Nothing above the directory is reached: neither by .. nor, unless it follows, by symbolic links (openat2(2), RESOLVE_BENEATH; where the kernel
 * or a container's filter has none, links are refused altogether). A link that is written as an absolute
 * path and leads into the directory is followed too. Returns the descriptor, or -1 with errno: EXDEV or ELOOP where a link
 * leads out. */
int skt_tree_get(const struct skt_tree *tree, const char *path, int flags, mode_t mode);
/* The directory that holds it, as O_PATH; *name is the last part of the path. */
int skt_tree_parent(const struct skt_tree *tree, const char *path, const char **name);
/* What the path names now: to compare with what was opened, nothing else, because links are followed anywhere. 0, or -1 with errno. */
int skt_tree_stat(const struct skt_tree *tree, const char *path, struct stat *ret);

#endif

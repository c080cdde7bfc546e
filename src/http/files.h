/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are being served, kept open for as long as they are asked for: a thread's own. */
#ifndef SKT_HTTP_FILES_H
#define SKT_HTTP_FILES_H

#include <stdint.h>

#include "base/text.h"
#include "http/tree.h"
#include "loop/loop.h"

/* Files of up to this size leave with their head, in one call. */
enum { SKT_FILE_SMALL = 16 * 1024 };

/* What an open file or directory is. Those who hold one let it go again; it does not change. */
struct skt_file {
	struct skt_file *bucket, *newer, *older; /* of the cache */
	uint32_t hash;
	int n_users;
	int fd;
	bool is_cached, is_directory;
	struct stat st;
	skt_time checked_at;   /* the round of the loop in which it was looked at last */
	const char *type;      /* of the content; static */
	bool compresses;       /* compressing it is worth it */
	char etag[96];         /* with its quotes */
	struct skt_text lines; /* of an answer with all of it: type, length, validators, each with CRLF */
	char *gzip, *gzip_of; /* a small content compressed, and what it was before, once somebody wanted that; or NULL */
	size_t n_gzip;
	char path[]; /* relative */
};

struct skt_files;

/* `lines` are added to the lines of each file; it must outlive the cache, as the tree must. NULL without memory. */
struct skt_files *skt_files_new(struct skt_loop *loop, const struct skt_tree *tree, const char *lines);
void skt_files_free(struct skt_files *files);

/* What the relative path names now: an open file or directory. A file that was replaced or written meanwhile is seen. Returns 0 with *ret,
 * which is to be let go; or an errno: ENOENT, EACCES, ...; EXDEV or ELOOP where a symbolic link leads out; ENXIO where it is neither. */
int skt_files_get(struct skt_files *files, const char *path, struct skt_file **ret);
/* NULL is fine. */
void skt_file_let_go(struct skt_file *file);
/* The whole content of a small one, into room of SKT_FILE_SMALL bytes. Returns 0, or an errno. */
int skt_file_content(const struct skt_file *file, char *room);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are being served.
 *
 * How it works: opening, looking and closing cost three calls a request; a file that is asked for again is kept open, with what an answer
 * says of it. It is looked at again for each request, once in a round of the loop (one call): when the path names another file by now, or size
 * or times differ, it is opened anew. What is in it is read for each answer, also where it is small: a program that has the file mapped writes without
 * its times telling. The least recently used are closed when there are more than FILES_MAX; those in use live on until they are let go. */
#include "http/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "http/mime.h"
#include "sys/call.h"
#include "wire/httpdate.h"

enum { FILES_BUCKETS = 256, FILES_MAX = 128 };

struct skt_files {
	struct skt_loop *loop;
	const struct skt_tree *tree;
	const char *lines;
	struct skt_file *bucket[FILES_BUCKETS];
	struct skt_file *newest, *oldest;
	int n;
};

/* FNV-1a. */
static uint32_t files_hash(const char *s)
{
	uint32_t h = 2166136261U;

	while (*s)
		h = (h ^ (unsigned char)*s++) * 16777619U;
	return h;
}

void skt_file_let_go(struct skt_file *file)
{
	if (!file || --file->n_users > 0)
		return;
	skt_close(file->fd);
	skt_text_release(&file->lines);
	skt_free(file->gzip_of);
	skt_free(file->gzip);
	skt_free(file);
}

static void files_unlist(struct skt_files *files, struct skt_file *f)
{
	if (f->newer)
		f->newer->older = f->older;
	else
		files->newest = f->older;
	if (f->older)
		f->older->newer = f->newer;
	else
		files->oldest = f->newer;
	f->newer = f->older = NULL;
}

static void files_list_newest(struct skt_files *files, struct skt_file *f)
{
	f->older = files->newest;
	f->newer = NULL;
	if (files->newest)
		files->newest->newer = f;
	else
		files->oldest = f;
	files->newest = f;
}

static void files_drop(struct skt_files *files, struct skt_file *f)
{
	struct skt_file **at = &files->bucket[f->hash % FILES_BUCKETS];

	while (*at != f)
		at = &(*at)->bucket;
	*at = f->bucket;
	files_unlist(files, f);
	files->n--;
	f->is_cached = false;
	skt_file_let_go(f);
}

static void files_keep(struct skt_files *files, struct skt_file *f)
{
	struct skt_file **at = &files->bucket[f->hash % FILES_BUCKETS];

	f->bucket = *at;
	*at = f;
	files_list_newest(files, f);
	f->is_cached = true;
	f->n_users++;
	if (++files->n > FILES_MAX)
		files_drop(files, files->oldest);
}

static bool files_is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size && a->st_mode == b->st_mode &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static int file_read(const struct skt_file *f, char *ret)
{
	size_t n = 0, size = (size_t)f->st.st_size;

	while (n < size) {
		ssize_t got = skt_sys.pread(f->fd, ret + n, size - n, (off_t)n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? errno : EIO;
		n += (size_t)got;
	}
	return 0;
}

static struct skt_file *files_find(struct skt_files *files, const char *path, uint32_t hash)
{
	struct skt_file *f = files->bucket[hash % FILES_BUCKETS];
	skt_time round = skt_loop_now(files->loop);
	struct stat st;

	while (f && (f->hash != hash || strcmp(f->path, path) != 0))
		f = f->bucket;
	if (!f)
		return NULL;
	if (f->checked_at != round && (skt_tree_stat(files->tree, path, &st) < 0 || !files_is_same(&st, &f->st))) {
		files_drop(files, f);
		return NULL;
	}
	f->checked_at = round;
	if (files->newest != f) {
		files_unlist(files, f);
		files_list_newest(files, f);
	}
	return f;
}

static void file_describe(struct skt_file *f, const char *lines)
{
	char date[SKT_HTTPDATE_SIZE], begin[512];
	ssize_t n = skt_sys.pread(f->fd, begin, sizeof(begin), 0);

	f->type = skt_mime_of(f->path, begin, n > 0 ? (size_t)n : 0);
	f->compresses = skt_mime_compresses(f->type);
	(void)snprintf(f->etag, sizeof(f->etag), "\"%llx-%llx-%llx%05lx-%llx%05lx\"", (unsigned long long)f->st.st_ino,
		       (unsigned long long)f->st.st_size, (unsigned long long)f->st.st_mtim.tv_sec,
		       (unsigned long)f->st.st_mtim.tv_nsec / 1000, (unsigned long long)f->st.st_ctim.tv_sec,
		       (unsigned long)f->st.st_ctim.tv_nsec / 1000);
	skt_text_addf(
		&f->lines,
		"Content-Type: %s\r\nContent-Length: %lld\r\nLast-Modified: %s\r\nETag: %s\r\nAccept-Ranges: bytes\r\n%s%s",
		f->type, (long long)f->st.st_size, skt_httpdate_print(f->st.st_mtim.tv_sec, date), f->etag,
		f->compresses ? "Vary: Accept-Encoding\r\n" : "", lines);
}

static int files_open(struct skt_files *files, const char *path, uint32_t hash, struct skt_file **ret)
{
	size_t n = strlen(path) + 1;
	struct skt_file *f = skt_zalloc(sizeof(*f) + n);

	if (!f)
		return ENOMEM;
	memcpy(f->path, path, n);
	f->hash = hash;
	f->n_users = 1;
	f->checked_at = skt_loop_now(files->loop);
	f->fd = skt_tree_get(files->tree, path, O_RDONLY, 0);
	if (f->fd < 0 || skt_sys.fstat(f->fd, &f->st) < 0) {
		int sys = errno;

		skt_file_let_go(f);
		return sys;
	}
	f->is_directory = S_ISDIR(f->st.st_mode);
	if (!f->is_directory && !S_ISREG(f->st.st_mode)) {
		skt_file_let_go(f);
		return ENXIO;
	}
	if (!f->is_directory) {
		file_describe(f, files->lines);
	}
	*ret = f;
	return 0;
}

int skt_files_get(struct skt_files *files, const char *path, struct skt_file **ret)
{
	uint32_t hash = files_hash(path);
	struct skt_file *f = files_find(files, path, hash);
	int failed;

	if (f) {
		f->n_users++;
		*ret = f;
		return 0;
	}
	failed = files_open(files, path, hash, &f);
	if ((failed == EMFILE || failed == ENFILE) && files->oldest) { /* what is kept open stands in the way */
		while (files->oldest)
			files_drop(files, files->oldest);
		failed = files_open(files, path, hash, &f);
	}
	if (failed)
		return failed;
	if (f->lines.failed) {
		skt_file_let_go(f);
		return ENOMEM;
	}
	if (!f->is_directory)
		files_keep(files, f);
	*ret = f;
	return 0;
}

int skt_file_content(const struct skt_file *file, char *room)
{
	return file_read(file, room);
}

struct skt_files *skt_files_new(struct skt_loop *loop, const struct skt_tree *tree, const char *lines)
{
	struct skt_files *files = SKT_NEW(struct skt_files);

	if (!files)
		return NULL;
	files->loop = loop;
	files->tree = tree;
	files->lines = lines;
	return files;
}

void skt_files_free(struct skt_files *files)
{
	if (!files)
		return;
	while (files->oldest)
		files_drop(files, files->oldest);
	skt_free(files);
}

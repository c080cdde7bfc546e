/* SPDX-License-Identifier: Apache-2.0 */
/* Media types of files.
 *
 * How it works: what the web is made of has its types here, whatever the system says: a page whose script comes as something else does not run.
 * Other names are looked up in the system's shared-mime-info (its file globs2), which is read when the first of them is asked for: the heaviest
 * pattern that fits counts, then the longest. What has no type is told by its first bytes: text, or not. */
#include "http/mime.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/text.h"
#include "sys/call.h"
#include "wire/httphead.h"
#include "wire/utf8.h"

#define UTF8 "; charset=utf-8"

/* Sorted by suffix. */
static const struct mime_row {
	const char *suffix, *type;
} mime_web[] = {
	{ "7z", "application/x-7z-compressed" },
	{ "aac", "audio/aac" },
	{ "apng", "image/apng" },
	{ "avi", "video/x-msvideo" },
	{ "avif", "image/avif" },
	{ "bin", "application/octet-stream" },
	{ "bmp", "image/bmp" },
	{ "c", "text/plain" UTF8 },
	{ "cjs", "text/javascript" UTF8 },
	{ "css", "text/css" UTF8 },
	{ "csv", "text/csv" UTF8 },
	{ "eot", "application/vnd.ms-fontobject" },
	{ "epub", "application/epub+zip" },
	{ "flac", "audio/flac" },
	{ "gif", "image/gif" },
	{ "gz", "application/gzip" },
	{ "h", "text/plain" UTF8 },
	{ "htm", "text/html" UTF8 },
	{ "html", "text/html" UTF8 },
	{ "ico", "image/x-icon" },
	{ "ics", "text/calendar" UTF8 },
	{ "jpeg", "image/jpeg" },
	{ "jpg", "image/jpeg" },
	{ "js", "text/javascript" UTF8 },
	{ "json", "application/json" },
	{ "jsonld", "application/ld+json" },
	{ "jxl", "image/jxl" },
	{ "log", "text/plain" UTF8 },
	{ "m3u8", "application/vnd.apple.mpegurl" },
	{ "m4a", "audio/mp4" },
	{ "m4s", "video/iso.segment" },
	{ "m4v", "video/mp4" },
	{ "map", "application/json" },
	{ "md", "text/markdown" UTF8 },
	{ "mjs", "text/javascript" UTF8 },
	{ "mkv", "video/x-matroska" },
	{ "mov", "video/quicktime" },
	{ "mp3", "audio/mpeg" },
	{ "mp4", "video/mp4" },
	{ "mpd", "application/dash+xml" },
	{ "oga", "audio/ogg" },
	{ "ogg", "audio/ogg" },
	{ "ogv", "video/ogg" },
	{ "opus", "audio/ogg" },
	{ "otf", "font/otf" },
	{ "pdf", "application/pdf" },
	{ "png", "image/png" },
	{ "rtf", "application/rtf" },
	{ "svg", "image/svg+xml" },
	{ "tar", "application/x-tar" },
	{ "tif", "image/tiff" },
	{ "tiff", "image/tiff" },
	{ "ts", "video/mp2t" },
	{ "ttf", "font/ttf" },
	{ "txt", "text/plain" UTF8 },
	{ "vtt", "text/vtt" UTF8 },
	{ "wasm", "application/wasm" },
	{ "wav", "audio/wav" },
	{ "weba", "audio/webm" },
	{ "webm", "video/webm" },
	{ "webmanifest", "application/manifest+json" },
	{ "webp", "image/webp" },
	{ "woff", "font/woff" },
	{ "woff2", "font/woff2" },
	{ "xhtml", "application/xhtml+xml" },
	{ "xml", "application/xml" },
	{ "yaml", "application/yaml" },
	{ "yml", "application/yaml" },
	{ "zip", "application/zip" },
	{ "zst", "application/zstd" },
};

enum { MIME_GLOBS_MAX = 512 * 1024, MIME_KNOWN = 512, MIME_GLOB_MAX = 128 };

static pthread_mutex_t mime_lock = PTHREAD_MUTEX_INITIALIZER;
static char *mime_globs;             /* the system's file; NULL: not read, "": there is none */
static char *mime_known[MIME_KNOWN]; /* types from there that were given out: they stay */
static int mime_n_known;

static int mime_compare(const void *key, const void *row)
{
	return strcasecmp(key, ((const struct mime_row *)row)->suffix);
}

static const char *mime_of_web(const char *name)
{
	const char *dot = strrchr(name, '.');
	const struct mime_row *row = dot ? bsearch(dot + 1, mime_web, SKT_LENGTH(mime_web), sizeof(mime_web[0]),
						   mime_compare)
					 : NULL;

	return row ? row->type : NULL;
}

/* Add a file of globs to those that were read. */
static void mime_read_file(struct skt_text *globs, const char *path)
{
	int fd = skt_sys.open(path, O_RDONLY | O_CLOEXEC, 0);
	char room[4096];
	ssize_t got;

	if (fd < 0)
		return;
	while (globs->len < MIME_GLOBS_MAX && (got = skt_sys.read(fd, room, sizeof(room))) > 0)
		skt_text_addn(globs, room, (size_t)got);
	skt_text_addc(globs, '\n');
	skt_close(fd);
}

/* All of the system's, those of the earlier directory first (XDG Base Directory Specification). NULL without memory. */
static char *mime_read(void)
{
	const char *list = getenv("XDG_DATA_DIRS");
	struct skt_text globs = { 0 };
	struct skt_span rest, dir;
	char path[512];

	if (!list || !*list)
		list = "/usr/local/share:/usr/share";
	rest = (struct skt_span){ list, strlen(list) };
	while (skt_span_split(&rest, ':', &dir))
		if (snprintf(path, sizeof(path), "%.*s/mime/globs2", (int)dir.n, dir.s) < (int)sizeof(path))
			mime_read_file(&globs, path);
	return globs.len ? skt_text_take(&globs) : skt_strdup("");
}

struct mime_glob {
	int weight;
	struct skt_span type, glob;
	bool is_case;
};

/* "50:text/x-python:*.py:cs". False: a comment, or no line of that file. */
static bool mime_line(struct skt_span line, struct mime_glob *ret)
{
	struct skt_span weight, flags = { 0 };

	if (line.n == 0 || line.s[0] == '#' || !skt_span_split(&line, ':', &weight) ||
	    !skt_span_split(&line, ':', &ret->type) || !skt_span_split(&line, ':', &ret->glob))
		return false;
	if (ret->glob.n >= MIME_GLOB_MAX)
		return false;
	(void)skt_span_split(&line, ':', &flags);
	ret->is_case = skt_span_is(flags, "cs");
	ret->weight = 0;
	for (size_t i = 0; i < weight.n && i < 4 && weight.s[i] >= '0' && weight.s[i] <= '9'; i++)
		ret->weight = ret->weight * 10 + (weight.s[i] - '0');
	return true;
}

/* How long a pattern is that fits the name, or 0. */
static size_t mime_fits(const struct mime_glob *g, const char *name)
{
	size_t n = strlen(name), tail = g->glob.n - 1;
	char pattern[MIME_GLOB_MAX];

	if (g->glob.s[0] == '*' && !memchr(g->glob.s + 1, '*', tail) && !memchr(g->glob.s, '[', g->glob.n) &&
	    !memchr(g->glob.s, '?', g->glob.n))
		return n >= tail && (g->is_case ? strncmp(name + n - tail, g->glob.s + 1, tail)
						: strncasecmp(name + n - tail, g->glob.s + 1, tail)) == 0
			       ? g->glob.n
			       : 0;
	(void)snprintf(pattern, sizeof(pattern), "%.*s", (int)g->glob.n, g->glob.s);
	return fnmatch(pattern, name, g->is_case ? 0 : FNM_CASEFOLD) == 0 ? g->glob.n : 0;
}

/* A type that stays; text has its charset. */
static const char *mime_keep(struct skt_span type)
{
	bool is_text = type.n > 5 && memcmp(type.s, "text/", 5) == 0;
	struct skt_text text = { 0 };

	skt_text_addn(&text, type.s, type.n);
	if (is_text)
		skt_text_add(&text, UTF8);
	for (int i = 0; i < mime_n_known; i++)
		if (strcmp(mime_known[i], skt_text_get(&text)) == 0) {
			skt_text_release(&text);
			return mime_known[i];
		}
	if (mime_n_known == MIME_KNOWN || text.failed) {
		skt_text_release(&text);
		return NULL;
	}
	mime_known[mime_n_known] = skt_text_take(&text);
	return mime_known[mime_n_known++];
}

static const char *mime_of_system(const char *name)
{
	struct skt_span rest, line;
	struct mime_glob g, best = { 0 };

	if (!mime_globs)
		mime_globs = mime_read();
	if (!mime_globs)
		return NULL;
	rest = (struct skt_span){ mime_globs, strlen(mime_globs) };
	while (skt_span_split(&rest, '\n', &line))
		if (mime_line(line, &g) && mime_fits(&g, name) &&
		    (g.weight > best.weight || (g.weight == best.weight && g.glob.n > best.glob.n)))
			best = g;
	return best.type.n ? mime_keep(best.type) : NULL;
}

/* Text, as far as the first bytes tell: UTF-8, and no control characters but those of text. */
static bool mime_is_text(const char *begin, size_t n)
{
	static const char of_text[] = { '\t', '\n', '\r', '\f', '\b', '\033' };
	struct skt_utf8 u = { 0 };

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)begin[i] < ' ' && !memchr(of_text, begin[i], sizeof(of_text)))
			return false;
	return skt_utf8_add(&u, begin, n) == n;
}

const char *skt_mime_of(const char *name, const char *begin, size_t n)
{
	const char *slash = strrchr(name, '/'), *type;

	name = slash ? slash + 1 : name;
	type = mime_of_web(name);
	if (type)
		return strcmp(type, "video/mp2t") == 0 && n && mime_is_text(begin, n) ? "text/plain" UTF8 : type;
	(void)pthread_mutex_lock(&mime_lock);
	type = mime_of_system(name);
	(void)pthread_mutex_unlock(&mime_lock);
	if (type)
		return type;
	return mime_is_text(begin, n) ? "text/plain" UTF8 : "application/octet-stream";
}

bool skt_mime_compresses(const char *type)
{
	static const char *const worth[] = {
		"application/javascript",
		"application/json",
		"application/ld+json",
		"application/manifest+json",
		"application/rtf",
		"application/sql",
		"application/toml",
		"application/wasm",
		"application/xml",
		"application/yaml",
		"application/x-yaml",
		"application/x-shellscript",
		"application/vnd.ms-fontobject",
		"font/otf",
		"font/ttf",
		"image/bmp",
		"image/svg+xml",
		"image/x-icon",
		"application/x-tar",
	};
	size_t n = strcspn(type, ";");

	if (strncmp(type, "text/", 5) == 0 || (n > 4 && strncmp(type + n - 4, "+xml", 4) == 0) ||
	    (n > 5 && strncmp(type + n - 5, "+json", 5) == 0))
		return true;
	for (size_t i = 0; i < SKT_LENGTH(worth); i++)
		if (strlen(worth[i]) == n && strncmp(type, worth[i], n) == 0)
			return true;
	return false;
}

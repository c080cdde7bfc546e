/* SPDX-License-Identifier: Apache-2.0 */
/* Media types of files. */
#include "http/mime.h"

#include <string.h>
#include <strings.h>

#include "base/alloc.h"

static const struct {
	const char *suffix, *type;
} mime_types[] = {
	{ "html", "text/html; charset=utf-8" },
	{ "css", "text/css; charset=utf-8" },
	{ "js", "text/javascript; charset=utf-8" },
	{ "json", "application/json" },
	{ "txt", "text/plain; charset=utf-8" },
	{ "svg", "image/svg+xml" },
	{ "png", "image/png" },
	{ "jpg", "image/jpeg" },
	{ "mp4", "video/mp4" },
	{ "webm", "video/webm" },
};

const char *skt_mime_of(const char *name, const char *begin, size_t n)
{
	const char *dot = strrchr(name, '.');

	(void)begin;
	(void)n;
	for (size_t i = 0; dot && i < SKT_LENGTH(mime_types); i++)
		if (strcasecmp(dot + 1, mime_types[i].suffix) == 0)
			return mime_types[i].type;
	return "application/octet-stream";
}

bool skt_mime_compresses(const char *type)
{
	return strncmp(type, "text/", 5) == 0 || strcmp(type, "application/json") == 0 || strcmp(type, "image/svg+xml") == 0;
}

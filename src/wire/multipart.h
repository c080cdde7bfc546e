/* SPDX-License-Identifier: Apache-2.0 */
/* A browser's form with files: multipart/form-data (RFC 7578, RFC 2046), parsed in whatever pieces it comes. Pure. */
#ifndef SKT_WIRE_MULTIPART_H
#define SKT_WIRE_MULTIPART_H

#include "wire/httphead.h"

enum { SKT_MULTIPART_BOUNDARY = 70, SKT_MULTIPART_HEAD = 8192, SKT_MULTIPART_PARTS = 10000, SKT_MULTIPART_NAME = 1024 };

/* What is in it. Each returns 0, or a status that ends the parsing. */
struct skt_multipart_ops {
	/* A part begins; file_name is NULL where it is no file. Both as they were meant, the browser's escapes undone. */
	int (*begin)(void *user, const char *name, const char *file_name);
	int (*bytes)(void *user, const char *bytes, size_t n);
	int (*end)(void *user);
};

struct skt_multipart {
	const struct skt_multipart_ops *ops;
	void *user;
	int state;
	char mark[SKT_MULTIPART_BOUNDARY + 5]; /* CRLF, two dashes, the boundary */
	size_t n_mark, matched;                /* how much of the mark has been seen */
	char head[SKT_MULTIPART_HEAD];         /* of a part, or what follows a boundary */
	size_t n_head;
	int n_parts;
};

/* From the Content-Type of a request. False: it is none of this kind, or its boundary is malformed. */
bool skt_multipart_init(struct skt_multipart *m, struct skt_span type, const struct skt_multipart_ops *ops, void *user);
/* Returns 0, 400 where it is malformed, 413 where it is too much, or what an operation said. */
int skt_multipart_feed(struct skt_multipart *m, const char *bytes, size_t n);
/* Whether the last boundary has come. */
bool skt_multipart_is_done(const struct skt_multipart *m);

/* The last part of a name that a browser sent, with or without directories of either kind of system: NULL where none is left, or it is no
 * name for a file (".", "..", too long, control characters). Points into `name`. */
const char *skt_multipart_file_name(const char *name);

#endif

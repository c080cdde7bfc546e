/* SPDX-License-Identifier: Apache-2.0 */
/* A file that is being received: written beside its place, and put there when it is whole. */
#ifndef SKT_HTTP_INCOMING_H
#define SKT_HTTP_INCOMING_H

#include <stdint.h>

#include "http/tree.h"

enum { SKT_INCOMING_OPEN = -2 };

struct skt_incoming {
	int dir, fd; /* where it comes to lie, and what is written; -1: none */
	int64_t at,
		total; /* bytes that are there; of how many; -1: whatever comes is all; SKT_INCOMING_OPEN: nobody has said yet */
	int64_t max;    /* 0: no limit */
	bool is_new;    /* nothing had that name before */
	bool keeps_old; /* nothing that has the name by then may be replaced */
	bool is_ours;   /* the part is locked: else somebody else writes it */
	char name[256], part[256];
};

/* Begin to receive what will be at that relative path. `first` is where the bytes to come belong, and `total` how many there will be in the end
 * (-1: not told); `expected` bytes come now (-1: not told): there must be room for them. An upload that was cut before goes on where it
 * was; the same one twice at a time is refused. Returns 0; or a status: 403, 404, 409 (it is being uploaded already, or is a directory), 413, 416
 * (first is behind what is there: ret->at tells), 507; *why is a sentence about it. */
int skt_incoming_open(const struct skt_tree *tree, const char *path, int64_t first, int64_t total, int64_t expected,
		      int64_t max, struct skt_incoming *ret, const char **why);
/* Bytes, at the end of what is there. Returns 0, or 413, 507 or 500 with *why. */
int skt_incoming_write(struct skt_incoming *in, const char *bytes, size_t n, const char **why);
/* Whether it is whole, as far as that was told. */
bool skt_incoming_is_whole(const struct skt_incoming *in);
/* Bring it to the disk and put it in its place: for a thread beside the loop. Returns 0, or a status with *why: 412 where something has the
 * name that may not be replaced. */
int skt_incoming_commit(struct skt_incoming *in, const char **why);
/* Let it go; `keep`: what has come so far may be gone on with later. */
void skt_incoming_release(struct skt_incoming *in, bool keep);

#endif

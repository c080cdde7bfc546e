/* SPDX-License-Identifier: Apache-2.0 */
/* A part of an open plain file, as a stream to read. The file's own position is not touched: others may read the same descriptor. */
#ifndef SKT_IO_FILEPART_H
#define SKT_IO_FILEPART_H

#include "io/fd.h"

struct skt_filepart {
	struct skt_fd fd;
	off_t at;
	int64_t left;
	void (*let_go)(void *user); /* when the stream is freed: the descriptor is not closed */
	void *user;
};

/* `length` bytes from `offset` on. A file that has become shorter is a failure. Returns 0; or -SKT_E_LIMIT, and let_go() was called. */
int skt_filepart_new(struct skt_loop *loop, int fd, int64_t offset, int64_t length, void (*let_go)(void *user),
		     void *user, struct skt_stream **ret, struct skt_error *err);

/* The part behind a descriptor of kind SKT_FD_PART. */
struct skt_filepart *skt_filepart_of(const struct skt_fd *f);
/* It ended before its length: keep that as the failure. Returns -SKT_E_IO. */
ssize_t skt_filepart_short(struct skt_filepart *p);

#endif

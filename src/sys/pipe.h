/* SPDX-License-Identifier: Apache-2.0 */
/* Pipes for splice(2), kept in a pool: a flow holds one only while bytes are in it. One pool a thread. */
#ifndef SKT_SYS_PIPE_H
#define SKT_SYS_PIPE_H

#include <stddef.h>

enum { SKT_PIPE_SIZE = 256 * 1024, SKT_PIPES_MAX = 128, SKT_PIPES_KEPT = 16 };

struct skt_pipe {
	struct skt_pipe *next; /* in the pool */
	int fd[2];             /* read end, write end */
	unsigned size;         /* what the kernel gave, bytes */
	unsigned n;            /* bytes in it */
};

/* A zeroed struct is an empty pool. */
struct skt_pipepool {
	struct skt_pipe *free;
	int n_free, n_all;
};

/* An empty pipe, or NULL: the limit of pipes, descriptors, pipe pages or memory is reached (copy instead). */
struct skt_pipe *skt_pipe_get(struct skt_pipepool *pool);
/* Give it back; one that still holds bytes is closed. NULL is fine. */
void skt_pipe_put(struct skt_pipepool *pool, struct skt_pipe *p);
/* Close the idle ones, so that their descriptors serve something else. Returns how many were closed. */
int skt_pipepool_trim(struct skt_pipepool *pool);
void skt_pipepool_release(struct skt_pipepool *pool);
/* Widen a pipe that came from elsewhere (stdin, a child's) as far as the kernel allows, at most `size` bytes. */
void skt_pipe_widen(int fd, int size);

#endif

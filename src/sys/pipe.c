/* SPDX-License-Identifier: Apache-2.0 */
/* The pool of pipes.
 *
 * How it works: F_SETPIPE_SZ fails with EPERM when the user's pipe pages are used up (fs.pipe-user-pages-soft, 64 MiB); such a
 * pipe is still good at its default size of 64 KiB or less, so only tiny ones are refused. */
#include "sys/pipe.h"

#include <fcntl.h>

#include "base/alloc.h"
#include "sys/call.h"

enum { PIPE_LEAST = 32 * 1024 };

static void pipe_free(struct skt_pipepool *pool, struct skt_pipe *p)
{
	skt_close(p->fd[0]);
	skt_close(p->fd[1]);
	skt_free(p);
	pool->n_all--;
}

static struct skt_pipe *pipe_new(struct skt_pipepool *pool)
{
	struct skt_pipe *p = SKT_NEW(struct skt_pipe);
	int size;

	if (!p)
		return NULL;
	if (skt_sys.pipe2(p->fd, O_CLOEXEC | O_NONBLOCK) < 0) {
		skt_free(p);
		return NULL;
	}
	pool->n_all++;
	size = skt_sys.fcntl(p->fd[1], F_SETPIPE_SZ, SKT_PIPE_SIZE);
	if (size < 0)
		size = skt_sys.fcntl(p->fd[1], F_GETPIPE_SZ, 0);
	if (size < PIPE_LEAST) {
		pipe_free(pool, p);
		return NULL;
	}
	p->size = (unsigned)size;
	return p;
}

struct skt_pipe *skt_pipe_get(struct skt_pipepool *pool)
{
	struct skt_pipe *p = pool->free;

	if (!p)
		return pool->n_all < SKT_PIPES_MAX ? pipe_new(pool) : NULL;
	pool->free = p->next;
	pool->n_free--;
	p->next = NULL;
	return p;
}

void skt_pipe_put(struct skt_pipepool *pool, struct skt_pipe *p)
{
	if (!p)
		return;
	if (p->n || pool->n_free >= SKT_PIPES_KEPT) {
		pipe_free(pool, p);
		return;
	}
	p->next = pool->free;
	pool->free = p;
	pool->n_free++;
}

int skt_pipepool_trim(struct skt_pipepool *pool)
{
	int n = 0;

	for (struct skt_pipe *p; (p = pool->free) != NULL; n++) {
		pool->free = p->next;
		pipe_free(pool, p);
	}
	pool->n_free = 0;
	return n;
}

void skt_pipepool_release(struct skt_pipepool *pool)
{
	(void)skt_pipepool_trim(pool);
}

void skt_pipe_widen(int fd, int size)
{
	int now = skt_sys.fcntl(fd, F_GETPIPE_SZ, 0);

	for (; now > 0 && size > now; size /= 2)
		if (skt_sys.fcntl(fd, F_SETPIPE_SZ, size) >= 0)
			return;
}

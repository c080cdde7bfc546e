/* SPDX-License-Identifier: Apache-2.0 */
/* Many small pieces of work on a few threads. */
#include "sys/parallel.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/alloc.h"
#include "sys/call.h"

enum {
	PARALLEL_HANDFUL = 8,
	PARALLEL_WORTH_A_THREAD = 48, /* items: with fewer, starting a thread costs more than it brings */
};

struct skt_parallel {
	size_t n;
	skt_parallel_fn *fn;
	void *user;
	atomic_size_t next; /* the first item that nobody has taken */
	atomic_int workers;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	int n_running; /* threads besides the caller's; under the lock */
};

static void parallel_work(struct skt_parallel *p)
{
	int worker = atomic_fetch_add(&p->workers, 1);
	size_t at;

	while ((at = atomic_fetch_add(&p->next, PARALLEL_HANDFUL)) < p->n)
		for (size_t i = at; i < at + PARALLEL_HANDFUL && i < p->n; i++)
			p->fn(p->user, worker, i);
}

static void parallel_count(struct skt_parallel *p, int change)
{
	(void)pthread_mutex_lock(&p->lock);
	p->n_running += change;
	(void)pthread_cond_signal(&p->ended);
	(void)pthread_mutex_unlock(&p->lock);
}

static void *parallel_thread(void *user)
{
	struct skt_parallel *p = user;

	parallel_work(p);
	parallel_count(p, -1);
	return NULL;
}

static int parallel_threads(size_t n, int threads)
{
	long cores;

	if (threads >= 0)
		return threads < SKT_PARALLEL_MAX ? threads : SKT_PARALLEL_MAX - 1;
	cores = sysconf(_SC_NPROCESSORS_ONLN);
	if (cores < 2 || n < PARALLEL_WORTH_A_THREAD)
		return 0;
	return cores > 4 ? 3 : (int)cores - 1;
}

struct skt_parallel *skt_parallel_begin(size_t n, int threads, skt_parallel_fn *fn, void *user)
{
	struct skt_parallel *p = SKT_NEW(struct skt_parallel);

	if (!p)
		return NULL;
	p->n = n;
	p->fn = fn;
	p->user = user;
	(void)pthread_mutex_init(&p->lock, NULL);
	(void)pthread_cond_init(&p->ended, NULL);
	for (threads = parallel_threads(n, threads); threads > 0; threads--) {
		parallel_count(p, 1);
		if (skt_sys.thread(parallel_thread, p) < 0)
			parallel_count(p, -1); /* the caller's thread does its share, then */
	}
	return p;
}

void skt_parallel_end(struct skt_parallel *p)
{
	parallel_work(p);
	(void)pthread_mutex_lock(&p->lock);
	while (p->n_running > 0)
		(void)pthread_cond_wait(&p->ended, &p->lock);
	(void)pthread_mutex_unlock(&p->lock);
	(void)pthread_cond_destroy(&p->ended);
	(void)pthread_mutex_destroy(&p->lock);
	skt_free(p);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Work beside a loop.
 *
 * How it works: up to JOB_THREADS detached threads empty a queue; each puts what it has done on a list and writes the eventfd that the
 * loop watches. A thread ends when the queue is empty. The last of them wakes whoever waits to free it all. */
#include "loop/job.h"

#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/message.h"
#include "sys/call.h"

enum { JOB_THREADS = 4, JOB_WAITING = 64 };

struct skt_jobs {
	struct skt_loop *loop;
	struct skt_watch watch;
	pthread_mutex_t lock;
	pthread_cond_t idle; /* no thread is left */
	struct skt_job *first, **last, *finished;
	int n_waiting, n_threads;
};

/* Call done() of what has finished. */
static void jobs_finish(struct skt_jobs *jobs)
{
	struct skt_job *job, *next;

	(void)pthread_mutex_lock(&jobs->lock);
	job = jobs->finished;
	jobs->finished = NULL;
	(void)pthread_mutex_unlock(&jobs->lock);
	for (; job; job = next) {
		next = job->next;
		job->done(job);
	}
}

static void jobs_ready(struct skt_watch *watch, unsigned ready)
{
	uint64_t n;

	(void)ready;
	(void)!read(watch->fd, &n, sizeof(n));
	jobs_finish(SKT_OUTER(watch, struct skt_jobs, watch));
}

/* The next one to do, with the lock held. */
static struct skt_job *jobs_next(struct skt_jobs *jobs)
{
	struct skt_job *job = jobs->first;

	if (!job)
		return NULL;
	jobs->first = job->next;
	if (!jobs->first)
		jobs->last = &jobs->first;
	jobs->n_waiting--;
	return job;
}

static void *jobs_thread(void *argument)
{
	struct skt_jobs *jobs = argument;
	struct skt_job *job;
	uint64_t one = 1;

	(void)pthread_mutex_lock(&jobs->lock);
	while ((job = jobs_next(jobs)) != NULL) {
		(void)pthread_mutex_unlock(&jobs->lock);
		job->work(job);
		(void)pthread_mutex_lock(&jobs->lock);
		job->next = jobs->finished;
		jobs->finished = job;
		(void)!write(jobs->watch.fd, &one, sizeof(one));
	}
	jobs->n_threads--;
	if (jobs->n_threads == 0)
		(void)pthread_cond_signal(&jobs->idle);
	(void)pthread_mutex_unlock(&jobs->lock);
	return NULL;
}

int skt_jobs_start(struct skt_jobs *jobs, struct skt_job *job)
{
	int ret = -SKT_E_LIMIT;

	job->jobs = jobs;
	job->next = NULL;
	(void)pthread_mutex_lock(&jobs->lock);
	if (jobs->n_waiting < JOB_WAITING) {
		bool has_thread = jobs->n_threads > 0;

		if (jobs->n_threads < JOB_THREADS) {
			jobs->n_threads++; /* it waits for the lock */
			if (skt_sys.thread(jobs_thread, jobs) == 0)
				has_thread = true;
			else
				jobs->n_threads--;
		}
		if (has_thread) {
			*jobs->last = job;
			jobs->last = &job->next;
			jobs->n_waiting++;
			ret = 0;
		}
	}
	(void)pthread_mutex_unlock(&jobs->lock);
	return ret;
}

int skt_jobs_new(struct skt_loop *loop, struct skt_jobs **ret, struct skt_error *err)
{
	struct skt_jobs *jobs = SKT_NEW(struct skt_jobs);

	if (!jobs)
		return skt_fail_memory(err);
	jobs->loop = loop;
	jobs->last = &jobs->first;
	jobs->watch = (struct skt_watch){ skt_sys.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), jobs_ready };
	if (jobs->watch.fd < 0 || skt_loop_watch(loop, &jobs->watch, SKT_LEVEL) < 0) {
		skt_close(jobs->watch.fd);
		skt_free(jobs);
		return skt_fail(err, SKT_E_LIMIT, errno, "%s",
				_("no descriptor is left for threads to tell that they are done"));
	}
	(void)pthread_mutex_init(&jobs->lock, NULL);
	(void)pthread_cond_init(&jobs->idle, NULL);
	*ret = jobs;
	return 0;
}

void skt_jobs_free(struct skt_jobs *jobs)
{
	if (!jobs)
		return;
	(void)pthread_mutex_lock(&jobs->lock);
	while (jobs->n_threads > 0)
		(void)pthread_cond_wait(&jobs->idle, &jobs->lock);
	(void)pthread_mutex_unlock(&jobs->lock);
	jobs_finish(jobs);
	skt_loop_unwatch(jobs->loop, &jobs->watch);
	skt_close(jobs->watch.fd);
	(void)pthread_cond_destroy(&jobs->idle);
	(void)pthread_mutex_destroy(&jobs->lock);
	skt_free(jobs);
}

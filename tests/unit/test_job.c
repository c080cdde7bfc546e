/* SPDX-License-Identifier: Apache-2.0 */
/* Work beside a loop. */
#include "support.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "loop/job.h"
#include "sys/call.h"

enum { MANY = 60 };

struct work {
	struct skt_job job;
	pthread_t thread;
	int *n_done;
};

static atomic_int running, most;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void work_do(struct skt_job *job)
{
	struct work *w = SKT_OUTER(job, struct work, job);
	int now = atomic_fetch_add(&running, 1) + 1;

	if (now > atomic_load(&most))
		atomic_store(&most, now);
	w->thread = pthread_self();
	(void)pthread_mutex_lock(&gate);
	(void)pthread_mutex_unlock(&gate);
	atomic_fetch_sub(&running, 1);
}

static void work_done(struct skt_job *job)
{
	struct work *w = SKT_OUTER(job, struct work, job);

	assert_false(pthread_equal(w->thread, pthread_self()));
	(*w->n_done)++;
	skt_free(w);
}

static int start(struct skt_jobs *jobs, int *n_done)
{
	struct work *w = SKT_NEW(struct work);
	int ret;

	assert_non_null(w);
	w->job.work = work_do;
	w->job.done = work_done;
	w->n_done = n_done;
	ret = skt_jobs_start(jobs, &w->job);
	if (ret < 0)
		skt_free(w);
	return ret;
}

static void jobs_are_done_beside_the_loop_and_told_on_it(void **state)
{
	struct skt_loop *loop;
	struct skt_jobs *jobs;
	int n_done = 0, rounds = 0;

	(void)state;
	assert_int_equal(skt_loop_new(&loop, NULL), 0);
	assert_int_equal(skt_jobs_new(loop, &jobs, NULL), 0);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(start(jobs, &n_done), 0);
	while (n_done < MANY && rounds++ < 1000)
		assert_int_equal(skt_loop_round(loop, SKT_SECOND, NULL), 0);
	assert_int_equal(n_done, MANY);
	assert_true(atomic_load(&most) <= 4);
	skt_jobs_free(jobs);
	skt_loop_free(loop);
}

static void too_many_that_wait_are_refused_and_the_others_are_finished(void **state)
{
	struct skt_loop *loop;
	struct skt_jobs *jobs;
	int n_done = 0, n_started = 0, ret = 0;

	(void)state;
	assert_int_equal(skt_loop_new(&loop, NULL), 0);
	assert_int_equal(skt_jobs_new(loop, &jobs, NULL), 0);
	(void)pthread_mutex_lock(&gate);
	while (n_started < 1000 && (ret = start(jobs, &n_done)) == 0)
		n_started++;
	assert_int_equal(ret, -SKT_E_LIMIT);
	assert_true(n_started >= 64 && n_started <= 68);
	(void)pthread_mutex_unlock(&gate);
	skt_jobs_free(jobs);
	assert_int_equal(n_done, n_started);
	skt_loop_free(loop);
}

static int no_thread(void *(*fn)(void *), void *argument)
{
	(void)fn;
	(void)argument;
	return -1;
}

static void without_a_thread_nothing_is_started(void **state)
{
	struct skt_calls real = skt_sys;
	struct skt_loop *loop;
	struct skt_jobs *jobs;
	int n_done = 0;

	(void)state;
	assert_int_equal(skt_loop_new(&loop, NULL), 0);
	assert_int_equal(skt_jobs_new(loop, &jobs, NULL), 0);
	skt_sys.thread = no_thread;
	assert_int_equal(start(jobs, &n_done), -SKT_E_LIMIT);
	skt_sys = real;
	skt_jobs_free(jobs);
	assert_int_equal(n_done, 0);
	skt_loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jobs_are_done_beside_the_loop_and_told_on_it),
		cmocka_unit_test(too_many_that_wait_are_refused_and_the_others_are_finished),
		cmocka_unit_test(without_a_thread_nothing_is_started),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

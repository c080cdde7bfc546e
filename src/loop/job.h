/* SPDX-License-Identifier: Apache-2.0 */
/* Work that would hold up a loop, done by a thread beside it. */
#ifndef SKT_LOOP_JOB_H
#define SKT_LOOP_JOB_H

#include "loop/loop.h"

/* Embedded in what the work needs. work() runs on a thread of its own, and touches nothing that the loop uses; done() is called on the loop
 * afterwards, and frees the job. */
struct skt_job {
	void (*work)(struct skt_job *job);
	void (*done)(struct skt_job *job);
	struct skt_job *next;
	struct skt_jobs *jobs;
};

struct skt_jobs;

/* The jobs of one loop. Returns 0 or -SKT_E_LIMIT. */
int skt_jobs_new(struct skt_loop *loop, struct skt_jobs **ret, struct skt_error *err);
/* Waits for those that run; done() of all that were started is called before it returns. NULL is fine. */
void skt_jobs_free(struct skt_jobs *jobs);
/* Start it, or let it wait for its turn: 4 run at once. Returns 0; or -SKT_E_LIMIT where 64 wait already or no thread is to be had: done() is
 * not called then. */
int skt_jobs_start(struct skt_jobs *jobs, struct skt_job *job);

#endif

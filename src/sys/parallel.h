/* SPDX-License-Identifier: Apache-2.0 */
/* Many small pieces of work on a few threads for a short time: whoever is free takes the next handful. */
#ifndef SKT_SYS_PARALLEL_H
#define SKT_SYS_PARALLEL_H

#include <stddef.h>

enum { SKT_PARALLEL_MAX = 8 };

/* One piece: item i; `worker` (0 to SKT_PARALLEL_MAX - 1) tells threads apart, so that each may have memory of its own. */
typedef void skt_parallel_fn(void *user, int worker, size_t item);

struct skt_parallel;

/* Begin with n items on `threads` threads besides the caller's (negative: as many as pay for so many items of some 50 us).
 * Where no thread can be started, skt_parallel_end() does it all. NULL: no memory, nothing was begun. */
struct skt_parallel *skt_parallel_begin(size_t n, int threads, skt_parallel_fn *fn, void *user);
/* Do what is left on this thread too, wait for the others, free it. */
void skt_parallel_end(struct skt_parallel *p);

#endif

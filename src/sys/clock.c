/* SPDX-License-Identifier: Apache-2.0 */
/* The clocks. */
#include "sys/clock.h"

#include <time.h>

static int64_t clock_read(clockid_t id)
{
	struct timespec t = { 0 };

	(void)clock_gettime(id, &t);
	return (int64_t)t.tv_sec * SKT_SECOND + t.tv_nsec;
}

skt_time skt_now(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

int64_t skt_unix_now(void)
{
	return clock_read(CLOCK_REALTIME);
}

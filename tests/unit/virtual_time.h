/* SPDX-License-Identifier: Apache-2.0 */
/* Time for tests of waiting: the clock stands still, and when nothing happens it jumps to the moment a wait was for. Such tests take no
 * time and are exact. For one program: this replaces clock_gettime(2) of all of it. */
#ifndef TESTS_UNIT_VIRTUAL_TIME_H
#define TESTS_UNIT_VIRTUAL_TIME_H

#include <time.h>

#include "support.h"

static skt_time virtual_now = 1000 * SKT_SECOND;

/* Loopback delivers from a softirq, which may be late by a little real time: it is given that before the clock jumps. */
enum { VIRTUAL_PATIENCE_MS = 3 };

int clock_gettime(clockid_t id, struct timespec *ret)
{
	(void)id;
	ret->tv_sec = (time_t)(virtual_now / SKT_SECOND);
	ret->tv_nsec = (long)(virtual_now % SKT_SECOND);
	return 0;
}

static int virtual_epoll_wait(int epoll, struct epoll_event *events, int n, int ms)
{
	int got = support_calls.epoll_wait(epoll, events, n, ms == 0 ? 0 : VIRTUAL_PATIENCE_MS);

	if (got == 0 && ms > 0)
		virtual_now += ms * SKT_MS;
	return got;
}

static int virtual_setup(void **state)
{
	(void)support_setup(state);
	skt_sys.epoll_wait = virtual_epoll_wait;
	return 0;
}

#define VIRTUAL_TEST(name) cmocka_unit_test_setup_teardown(name, virtual_setup, support_teardown)

#endif

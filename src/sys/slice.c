/* SPDX-License-Identifier: Apache-2.0 */
/* The scheduler's slice of this thread. */
#include "sys/slice.h"

#include <linux/sched.h>
#include <linux/sched/types.h>
#include <sys/syscall.h>
#include <unistd.h>

int skt_slice_set(skt_time slice)
{
	struct sched_attr attr = { .size = sizeof(attr) };

	if (syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0) < 0)
		return -1;
	attr.sched_runtime = (uint64_t)slice;
	return syscall(SYS_sched_setattr, 0, &attr, 0) < 0 ? -1 : 0;
}

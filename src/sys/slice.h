/* SPDX-License-Identifier: Apache-2.0 */
/* How long this thread may run before others have their turn. */
#ifndef SKT_SYS_SLICE_H
#define SKT_SYS_SLICE_H

#include "base/unit.h"

/* Ask for a shorter slice than usual: the scheduler then runs this thread sooner when its time has come. sched_setattr(2); it takes
 * no right, and does something since Linux 6.12. Returns 0, or -1 where the kernel does not know it. */
int skt_slice_set(skt_time slice);

#endif

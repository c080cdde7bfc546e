/* SPDX-License-Identifier: Apache-2.0 */
/* The clocks. */
#ifndef SKT_SYS_CLOCK_H
#define SKT_SYS_CLOCK_H

#include "base/unit.h"

/* Now on the monotonic clock. */
skt_time skt_now(void);
/* Now as nanoseconds since 1970, for skt_instant_print(). */
int64_t skt_unix_now(void);

#endif

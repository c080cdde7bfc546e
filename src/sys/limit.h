/* SPDX-License-Identifier: Apache-2.0 */
/* The process's limit of descriptors. */
#ifndef SKT_SYS_LIMIT_H
#define SKT_SYS_LIMIT_H

/* Raise the soft limit to the hard one, for ourselves: children get the old one back. Returns the limit now. */
int skt_limit_raise(void);
/* In a child, before exec: the soft limit that we were started with. Async-signal-safe. */
void skt_limit_restore(void);
/* How many more descriptors this process may open now, counted in /proc/self/fd; a guess where that is closed. */
int skt_limit_left(void);

#endif

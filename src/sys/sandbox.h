/* SPDX-License-Identifier: Apache-2.0 */
/* Giving up rights that are no longer needed: no_new_privs and Landlock. What the kernel does not know is left out. */
#ifndef SKT_SYS_SANDBOX_H
#define SKT_SYS_SANDBOX_H

#include <stdbool.h>

/* What may still be needed after the endpoints are parsed. */
struct skt_needs {
	bool programs;        /* children will be started: they keep their rights, so nothing is dropped */
	bool listens, dials;  /* TCP ports will be bound, or dialled, later */
	const char *write[8]; /* files and directories beneath which files may be made, written and removed */
	int n_write;
	const char *read[8]; /* files beneath which files may be read, besides the system's own */
	int n_read;
};

/* Drop the rest, for every thread made afterwards. Returns the version of Landlock in force, or 0 where there is none.
 * landlock(7); file rights from Linux 5.13, network rights from 6.7. */
int skt_sandbox_enter(const struct skt_needs *needs);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a program with exactly the descriptors, directory and environment that it should have. No shell. */
#ifndef SKT_SYS_CHILD_H
#define SKT_SYS_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

struct skt_spawn {
	char *const *argv;  /* argv[0] is looked up in PATH */
	char *const *envp;  /* the whole environment */
	const char *cwd;    /* NULL: ours */
	int fd[3];          /* what become 0, 1 and 2; may be equal. Every other descriptor is closed in the child */
	bool owns_terminal; /* fd[0] is a terminal that becomes the controlling one of a new session */
	bool own_group;     /* a process group of its own, so that a signal can reach it and its children */

	/* For a program that stands in our place (NULL: none of this): it has this signal mask, ignores what we ignore, and keeps the
	 * descriptors above 2 that are not close-on-exec, unless `pass` gives it others. */
	const sigset_t *mask;
	const int *pass; /* become 3, 4, ... (at most SKT_SPAWN_PASS_MAX); every other descriptor is closed in the child */
	int n_pass;
	int *drop; /* closed here and in the child, right before its exec: set to -1, also after a failure */
	int n_drop;
	char *pid_text; /* within envp, or NULL: SKT_SPAWN_PID_TEXT bytes in which the child writes its pid and a NUL */
};

enum { SKT_SPAWN_PASS_MAX = 128, SKT_SPAWN_PID_TEXT = 12 };

/* Start it. Returns 0 with the child's pid and a pidfd in *pidfd (-1 where the kernel has none, before 5.3), or
 * -SKT_E_CHILD with a sentence (not found, not executable, no such directory), or -SKT_E_LIMIT.
 * The child is reaped with skt_child_reap(). It gets SIGTERM if the thread that started it dies. */
int skt_child_spawn(const struct skt_spawn *spawn, pid_t *pid, int *pidfd, struct skt_error *err);
/* Reap it if it has ended: true and its status in *ret as a shell gives it (exit status, or 128 + signal). */
bool skt_child_reap(pid_t pid, int *ret);
/* Send a signal to a child not yet reaped, and to its group where it has one of its own. */
void skt_child_kill(pid_t pid, bool own_group, int signal);

#endif

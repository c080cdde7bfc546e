/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc says about a process. proc(5). */
#ifndef SKT_INSPECT_PROCESS_H
#define SKT_INSPECT_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* A zeroed struct is safe to release. Texts may hold anything that a program puts there: print them escaped. Those that
 * cannot be seen are NULL. */
struct skt_process {
	pid_t pid, parent; /* parent 0: none, or unknown */
	uint32_t uid;      /* effective; UINT32_MAX: unknown */
	char name[64];     /* of the program, as the kernel keeps it; "" unknown */
	uint64_t ticks;    /* clock ticks after boot when it began: with the pid, its identity */
	int64_t started;   /* the same as nanoseconds since 1970; 0: unknown */
	char *command;     /* its words with blanks between them; NULL for kernel threads and the unseen */
	char *directory;   /* working directory */
	char *program;     /* executable */
	char *unit;        /* of systemd: "nginx.service" */
	char *container;   /* "docker 4c01db0b339c", "podman ...", "lxc NAME", "kubernetes ..." */
	uint64_t netns;    /* inode of its network namespace; 0: unknown */
};

/* How much is read. BRIEF: name, uid, parent and start. COMMAND: the command too. FULL: everything. */
enum skt_process_depth { SKT_PROCESS_BRIEF, SKT_PROCESS_COMMAND, SKT_PROCESS_FULL };

/* Returns 0; -SKT_E_RESOLVE where there is no such process (any more), or it may not be seen at all; -SKT_E_LIMIT. */
int skt_process_read(pid_t pid, enum skt_process_depth depth, struct skt_process *ret, struct skt_error *err);
void skt_process_release(struct skt_process *p);

/* Nanoseconds since it began, or -1. */
int64_t skt_process_age(const struct skt_process *p);
/* Whether the process of that pid is still the one that began at `ticks`. */
bool skt_process_is(pid_t pid, uint64_t ticks);

/* The name of a user into `room`, and return it: "you" is not said here; "user 1000" is "1000" where there is no name. */
const char *skt_user_name(uint32_t uid, char *room, size_t size);

#endif

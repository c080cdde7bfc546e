/* SPDX-License-Identifier: Apache-2.0 */
/* soket run, in three parts: its leases (run_lease.c), the environment of its command (run_environment.c), and the command's life
 * (run_child.c). cmd_run.c joins them. */
#ifndef SKT_CLI_RUN_H
#define SKT_CLI_RUN_H

#include "cli/args.h"
#include "inspect/freeport.h"
#include "inspect/leasebook.h"

enum { SKT_RUN_LEASES = 32 };

struct skt_run_lease {
	struct skt_lease lease; /* its record */
	struct skt_hold hold;
	int wanted;       /* the port asked for; 0: the kernel's choice; -1: the preferred one of the name */
	int listening[2]; /* --activate */
	int n_listening;
	bool was_heard; /* somebody was seen listening on it */
};

struct skt_run {
	const struct skt_args *args;
	bool json, joins, activates, any, drops;
	struct skt_run_lease lease[SKT_RUN_LEASES];
	int n;
	char *directory, *command;
};

/* What is asked for: -p and the other flags. Returns 0, -SKT_E_USAGE or -SKT_E_LIMIT; release in any case. */
int skt_run_init(struct skt_run *run, const struct skt_args *args, struct skt_error *err);
void skt_run_release(struct skt_run *run);

/* Hold every port and record it. Where some of the names run already in this directory, that is said, nothing is held, and
 * *running is set: the exit status is then 0, or the error's where not all do or --join is not there. Returns 0 or -kind. */
int skt_run_hold(struct skt_run *run, bool *running, struct skt_error *err);
/* Add the command's pid to the records. */
void skt_run_record_child(struct skt_run *run, pid_t child);
/* Give the ports back. */
void skt_run_give_back(struct skt_run *run);

/* The environment for the command: ours, PORT, and NAME_PORT and NAME_URL of each lease; LISTEN_FDS and LISTEN_FDNAMES of
 * those who activate it, and LISTEN_PID, whose value the child writes at *pid_text. NULL where memory is short. */
char **skt_run_environment_new(const struct skt_run *run, char **pid_text);
void skt_run_environment_free(char **envp);
/* Write NAME in upper case, with _ for -, into SKT_LEASE_NAME_MAX + 1 bytes. Returns ret. */
char *skt_run_environment_name(const char *name, char *ret);

/* Run the command to its end. Returns 0 with its status in *status (exit status, or 128 + signal), or -kind where it could not
 * be started. */
int skt_run_child(struct skt_run *run, int *status, struct skt_error *err);
/* Whether somebody was seen listening on every port. */
bool skt_run_was_heard(const struct skt_run *run);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The command of soket run: from its start to its end.
 *
 * How it works: soket stands between a caller and a command, and neither should notice. The command has our process group, terminal, standard
 * descriptors, signal mask and ignored signals. Job control needs nothing: Ctrl-C, Ctrl-Z and fg reach the whole group. Every other signal
 * that can mean the command is blocked here, taken by sigtimedwait(2) and passed on, unless the kernel sent it to the group (then the
 * command has it already) or the command sent it. SIGCHLD is taken the same way, so that nothing else is to be waited for.
 *
 * While nobody listens on a leased port we look, seldom, whether somebody does by now: a command that fails before anybody has
 * listened may have been refused its port. */
#include "cli/run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/message.h"
#include "cli/say.h"
#include "inspect/socktable.h"
#include "sys/call.h"
#include "sys/child.h"
#include "sys/clock.h"

#define RUN_FOREVER (-1)

enum { RUN_STATUS_FAILED_LAST = 125 }; /* 126 and 127 are those of shells that could not start something */

struct run_child {
	struct skt_run *run;
	pid_t pid;
	int n_looks;
	skt_time look; /* when to look next */
};

/* --- who listens ------------------------------------------------------------------------------------------------------ */

/* The first that nobody was seen listening on, or NULL. */
static const struct skt_run_lease *run_unheard(const struct skt_run *run)
{
	for (int i = 0; i < run->n; i++)
		if (!run->lease[i].was_heard)
			return &run->lease[i];
	return NULL;
}

bool skt_run_was_heard(const struct skt_run *run)
{
	return run->activates || !run_unheard(run);
}

/* When to look after that many looks, from now; RUN_FOREVER where it is of no use. */
static skt_time run_next_look(const struct run_child *c)
{
	static const skt_time delay[] = { 50 * SKT_MS, 150 * SKT_MS, 800 * SKT_MS, 2 * SKT_SECOND, 5 * SKT_SECOND };
	int last = (int)SKT_LENGTH(delay) - 1;

	if (skt_run_was_heard(c->run))
		return RUN_FOREVER;
	return skt_now() + delay[c->n_looks < last ? c->n_looks : last];
}

static void run_look(struct run_child *c)
{
	struct skt_look look = { .protos = 1U << SKT_PROTO_TCP, .states = 1U << SKT_STATE_LISTEN };
	struct skt_socktable table = { 0 };
	struct skt_error err;

	if (skt_socktable_read(&look, &table, &err) == 0)
		for (size_t i = 0; i < table.n; i++)
			for (int k = 0; k < c->run->n; k++)
				c->run->lease[k].was_heard |= table.sock[i].local_port == c->run->lease[k].hold.port;
	skt_socktable_release(&table);
	c->n_looks++;
	c->look = run_next_look(c);
}

static void run_say_unheard(const struct skt_run *run, int status)
{
	const struct skt_run_lease *l = run_unheard(run);

	if (skt_run_was_heard(run) || run->drops || run->json || status == 0 || status > RUN_STATUS_FAILED_LAST)
		return;
	skt_say(_("nothing listened on port %u; if it was \"in use\", try --drop-at-exec"), l->hold.port);
}

/* --- signals ---------------------------------------------------------------------------------------------------------- */

/* Those that are not passed on: of job control, of the terminal's size, and those that are about ourselves. */
static const int run_left_alone[] = { SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT, SIGWINCH, SIGKILL, SIGSTOP, SIGSEGV, SIGBUS,
				      SIGFPE,  SIGILL,  SIGTRAP, SIGSYS,  SIGABRT,  SIGXCPU, SIGXFSZ, SIGPIPE };

static void run_signals(sigset_t *ret)
{
	(void)sigfillset(ret);
	for (size_t i = 0; i < SKT_LENGTH(run_left_alone); i++)
		(void)sigdelset(ret, run_left_alone[i]);
}

/* Whether the command has it already. What the terminal sends, goes to its whole foreground group; but SIGHUP goes to the leader
 * of the session alone. */
static bool run_has_signal(const struct run_child *c, const siginfo_t *info)
{
	if (info->si_code == SI_KERNEL)
		return getsid(0) != getpid() || info->si_signo != SIGHUP;
	return info->si_pid == c->pid;
}

/* The next signal, or 0 when it is time to look. */
static int run_next_signal(const struct run_child *c, const sigset_t *set, siginfo_t *info)
{
	struct timespec wait, *limit = NULL;
	int number;

	if (c->look != RUN_FOREVER) {
		skt_time left = c->look - skt_now();

		left = left > 0 ? left : 0;
		wait = (struct timespec){ .tv_sec = (time_t)(left / SKT_SECOND), .tv_nsec = (long)(left % SKT_SECOND) };
		limit = &wait;
	}
	number = sigtimedwait(set, info, limit);
	return number < 0 && errno == EAGAIN ? 0 : number;
}

static int run_wait(struct run_child *c, const sigset_t *set)
{
	siginfo_t info;
	int status;

	c->look = run_next_look(c);
	for (;;) {
		int number = run_next_signal(c, set, &info);

		if (number == 0)
			run_look(c);
		else if (number == SIGCHLD && skt_child_reap(c->pid, &status))
			return status;
		else if (number > 0 && number != SIGCHLD && !run_has_signal(c, &info))
			skt_child_kill(c->pid, false, number);
	}
}

/* SIGCHLD may have come to us ignored, and then no child leaves a status. */
static int run_expect_child(void)
{
	struct sigaction act = { .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP };

	(void)sigemptyset(&act.sa_mask);
	return sigaction(SIGCHLD, &act, NULL);
}

/* --- start ------------------------------------------------------------------------------------------------------------ */

/* What is handed over, and what is dropped. */
struct run_descriptors {
	int pass[2 * SKT_RUN_LEASES], n_pass;
	int drop[2 * SKT_RUN_LEASES], n_drop;
};

static void run_descriptors(struct skt_run *run, struct run_descriptors *ret)
{
	*ret = (struct run_descriptors){ .n_pass = 0 };
	for (int i = 0; i < run->n; i++) {
		struct skt_run_lease *l = &run->lease[i];

		for (int k = 0; k < l->n_listening; k++)
			ret->pass[ret->n_pass++] = l->listening[k];
		for (int k = 0; k < 2 && run->drops; k++)
			if (l->hold.fd[k] >= 0) {
				ret->drop[ret->n_drop++] = l->hold.fd[k];
				l->hold.fd[k] = -1;
			}
	}
}

/* Only the command is to have the listening sockets: when it closes them, clients are refused and do not wait. */
static void run_close_listening(struct skt_run *run)
{
	for (int i = 0; i < run->n; i++) {
		for (int k = 0; k < run->lease[i].n_listening; k++)
			skt_close(run->lease[i].listening[k]);
		run->lease[i].n_listening = 0;
	}
}

static int run_start(struct run_child *c, const sigset_t *mask, struct skt_error *err)
{
	struct run_descriptors d;
	struct skt_spawn spawn = { .argv = (char *const *)c->run->args->after, .fd = { 0, 1, 2 }, .mask = mask };
	char **envp = skt_run_environment_new(c->run, &spawn.pid_text);
	int pidfd = -1, failed;

	if (!envp)
		return skt_fail_memory(err);
	run_descriptors(c->run, &d);
	spawn.envp = envp;
	spawn.pass = d.pass;
	spawn.n_pass = d.n_pass;
	spawn.drop = d.drop;
	spawn.n_drop = d.n_drop;
	failed = skt_child_spawn(&spawn, &c->pid, &pidfd, err);
	skt_close(pidfd);
	skt_run_environment_free(envp);
	run_close_listening(c->run);
	return failed;
}

int skt_run_child(struct skt_run *run, int *status, struct skt_error *err)
{
	struct run_child c = { .run = run };
	sigset_t set, blocked, old;
	int failed;

	run_signals(&set);
	blocked = set;
	(void)sigaddset(&blocked, SIGPIPE); /* a reader of our messages that has gone is no reason to end */
	if (run_expect_child() < 0 || sigprocmask(SIG_BLOCK, &blocked, &old) < 0)
		return skt_fail(err, SKT_E_BUG, errno, "sigprocmask: %s", strerror(errno));
	failed = run_start(&c, &old, err);
	if (failed < 0)
		return failed;
	skt_run_record_child(run, c.pid);
	*status = run_wait(&c, &set);
	run_say_unheard(run, *status);
	return 0;
}

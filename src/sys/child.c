/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a program.
 *
 * How it works: fork(2); the child arranges its descriptors and calls exec. A pipe that exec closes tells the parent the
 * outcome: nothing when exec succeeded, else an errno and the step that failed. Between fork and exec the child calls only
 * what signal-safety(7) allows, since other threads may have held locks. */
#include "sys/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/message.h"
#include "sys/call.h"
#include "sys/limit.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif

enum { CHILD_LAST_FD = 65536 };

enum child_step { CHILD_EXEC, CHILD_DIRECTORY, CHILD_DESCRIPTORS, CHILD_TERMINAL };

struct child_failure {
	int sys;
	enum child_step step;
};

__attribute__((noreturn)) static void child_give_up(int report, enum child_step step)
{
	struct child_failure failure = { errno, step };

	(void)!write(report, &failure, sizeof(failure));
	_exit(127);
}

/* Mark everything above 2 close-on-exec: what we opened is marked already, what we inherited is not. */
static void child_close_others(void)
{
#ifdef SYS_close_range
	if (syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		return;
#endif
	for (int fd = 3; fd < CHILD_LAST_FD; fd++)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* Make the three descriptors 0, 1 and 2. They are first copied above 2, so that none overwrites another. */
static int child_descriptors(const int *fd)
{
	int copy[3];

	for (int i = 0; i < 3; i++)
		if ((copy[i] = fcntl(fd[i], F_DUPFD_CLOEXEC, 3)) < 0)
			return -1;
	for (int i = 0; i < 3; i++)
		if (dup2(copy[i], i) < 0)
			return -1;
	return 0;
}

/* Signals as a program expects them: nothing blocked, nothing ignored. */
static void child_signals(void)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		(void)signal(s, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

__attribute__((noreturn)) static void child_run(const struct skt_spawn *spawn, int report, pid_t parent)
{
	child_signals();
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(127);
	if (spawn->owns_terminal)
		(void)setsid();
	else if (spawn->own_group)
		(void)setpgid(0, 0);
	if (child_descriptors(spawn->fd) < 0)
		child_give_up(report, CHILD_DESCRIPTORS);
	if (spawn->owns_terminal && ioctl(0, TIOCSCTTY, 0) < 0)
		child_give_up(report, CHILD_TERMINAL);
	if (spawn->cwd && chdir(spawn->cwd) < 0)
		child_give_up(report, CHILD_DIRECTORY);
	child_close_others();
	skt_limit_restore();
	(void)execvpe(spawn->argv[0], spawn->argv, spawn->envp);
	child_give_up(report, CHILD_EXEC);
}

static int child_failed(const struct skt_spawn *spawn, const struct child_failure *f, struct skt_error *err)
{
	if (f->step == CHILD_DIRECTORY) {
		(void)skt_fail(err, SKT_E_CHILD, f->sys, _("cannot start %.80s in %.100s: %s"), spawn->argv[0],
			       spawn->cwd, strerror(f->sys));
		skt_hint(err, "%s", _("check cwd="));
		return -SKT_E_CHILD;
	}
	(void)skt_fail(err, SKT_E_CHILD, f->sys, _("cannot start %.160s: %s"), spawn->argv[0], strerror(f->sys));
	if (f->sys == ENOENT)
		skt_hint(err, "%s", _("it is not in PATH: check the name, or write its whole path"));
	else if (f->sys == EACCES)
		skt_hint(err, _("try: chmod +x %.120s"), spawn->argv[0]);
	return -SKT_E_CHILD;
}

/* Wait for exec: 0 when it succeeded. The pipe's other end is in the child alone. */
static int child_outcome(int report, struct child_failure *ret)
{
	ssize_t n;

	do
		n = read(report, ret, sizeof(*ret));
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(*ret) ? -1 : 0;
}

int skt_child_spawn(const struct skt_spawn *spawn, pid_t *pid, int *pidfd, struct skt_error *err)
{
	struct child_failure failure;
	int report[2], status;
	sigset_t all, old;
	pid_t self = getpid(), child;

	if (skt_sys.pipe2(report, O_CLOEXEC) < 0)
		return skt_fail(err, SKT_E_LIMIT, errno, _("cannot start %.160s: %s"), spawn->argv[0], strerror(errno));
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old); /* no handler of ours runs in the child */
	child = skt_sys.fork();
	if (child == 0)
		child_run(spawn, report[1], self);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	skt_close(report[1]);
	if (child < 0) {
		skt_close(report[0]);
		return skt_fail(err, SKT_E_LIMIT, errno, _("cannot start %.160s: %s"), spawn->argv[0], strerror(errno));
	}
	if (child_outcome(report[0], &failure) < 0) {
		skt_close(report[0]);
		(void)waitpid(child, &status, 0);
		return child_failed(spawn, &failure, err);
	}
	skt_close(report[0]);
	*pid = child;
	*pidfd = skt_sys.pidfd_open(child);
	return 0;
}

bool skt_child_reap(pid_t pid, int *ret)
{
	int status;
	pid_t got;

	do
		got = waitpid(pid, &status, WNOHANG);
	while (got < 0 && errno == EINTR);
	if (got == 0)
		return false;
	*ret = got < 0 ? 127 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return true;
}

void skt_child_kill(pid_t pid, bool own_group, int signal)
{
	if (own_group && kill(-pid, signal) == 0)
		return;
	(void)kill(pid, signal);
}

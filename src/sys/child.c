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

/* Mark everything from there on close-on-exec: what we opened is marked already, what we inherited is not. */
static void child_close_others(int from)
{
#ifdef SYS_close_range
	if (syscall(SYS_close_range, (unsigned)from, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		return;
#endif
	for (int fd = from; fd < CHILD_LAST_FD; fd++)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* Make descriptors first, first + 1, ... of these. They are first copied above all of them, so that none overwrites another. */
static int child_place(const int *fd, int n, int first)
{
	int copy[SKT_SPAWN_PASS_MAX];

	for (int i = 0; i < n; i++)
		if ((copy[i] = fcntl(fd[i], F_DUPFD_CLOEXEC, first + n)) < 0)
			return -1;
	for (int i = 0; i < n; i++)
		if (dup2(copy[i], first + i) < 0)
			return -1;
	return 0;
}

static int child_descriptors(const struct skt_spawn *spawn)
{
	if (child_place(spawn->fd, 3, 0) < 0 || child_place(spawn->pass, spawn->n_pass, 3) < 0)
		return -1;
	if (!spawn->mask || spawn->n_pass > 0)
		child_close_others(3 + spawn->n_pass);
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

static void child_write_pid(char *text)
{
	char digits[SKT_SPAWN_PID_TEXT];
	int n = 0;

	for (pid_t pid = getpid(); pid > 0; pid /= 10)
		digits[n++] = (char)('0' + pid % 10);
	for (int i = 0; i < n; i++)
		text[i] = digits[n - 1 - i];
	text[n] = '\0';
}

/* Wait until the parent has closed what is to be dropped, which closes its end of this pipe too. */
static void child_wait(int go)
{
	char none;

	while (go >= 0 && read(go, &none, 1) < 0 && errno == EINTR)
		;
}

/* The parent's pipes: each is closed at exec. -1: not there. */
struct child_pipes {
	int report[2]; /* the child tells what failed */
	int go[2];     /* the parent tells that the child may go on */
};

/* Away from where the descriptors of the program will be. */
static int child_move_report(const struct skt_spawn *spawn, int report)
{
	return fcntl(report, F_DUPFD_CLOEXEC, 3 + spawn->n_pass);
}

__attribute__((noreturn)) static void child_run(const struct skt_spawn *spawn, const struct child_pipes *pipes,
						pid_t parent)
{
	int report = child_move_report(spawn, pipes->report[1]);

	if (report < 0)
		child_give_up(pipes->report[1], CHILD_DESCRIPTORS);
	if (spawn->mask)
		(void)sigprocmask(SIG_SETMASK, spawn->mask, NULL);
	else
		child_signals();
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(127);
	if (spawn->owns_terminal)
		(void)setsid();
	else if (spawn->own_group)
		(void)setpgid(0, 0);
	skt_close(pipes->go[1]);
	child_wait(pipes->go[0]);
	if (child_descriptors(spawn) < 0)
		child_give_up(report, CHILD_DESCRIPTORS);
	if (spawn->owns_terminal && ioctl(0, TIOCSCTTY, 0) < 0)
		child_give_up(report, CHILD_TERMINAL);
	if (spawn->cwd && chdir(spawn->cwd) < 0)
		child_give_up(report, CHILD_DIRECTORY);
	if (spawn->pid_text)
		child_write_pid(spawn->pid_text);
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

static void child_drop(const struct skt_spawn *spawn)
{
	for (int i = 0; i < spawn->n_drop; i++) {
		skt_close(spawn->drop[i]);
		spawn->drop[i] = -1;
	}
}

static int child_open_pipes(const struct skt_spawn *spawn, struct child_pipes *pipes)
{
	*pipes = (struct child_pipes){ { -1, -1 }, { -1, -1 } };
	if (skt_sys.pipe2(pipes->report, O_CLOEXEC) < 0)
		return -1;
	if (spawn->n_drop == 0 || skt_sys.pipe2(pipes->go, O_CLOEXEC) == 0)
		return 0;
	skt_close(pipes->report[0]);
	skt_close(pipes->report[1]);
	return -1;
}

/* Fork; in the parent, close the ends of the pipes that are the child's, and what is to be dropped. */
static pid_t child_fork(const struct skt_spawn *spawn, const struct child_pipes *pipes)
{
	sigset_t all, old;
	pid_t self = getpid(), child;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old); /* no handler of ours runs in the child */
	child = skt_sys.fork();
	if (child == 0)
		child_run(spawn, pipes, self);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	skt_close(pipes->report[1]);
	skt_close(pipes->go[0]);
	child_drop(spawn);
	skt_close(pipes->go[1]);
	return child;
}

static int child_no_resource(const struct skt_spawn *spawn, struct skt_error *err)
{
	return skt_fail(err, SKT_E_LIMIT, errno, _("cannot start %.160s: %s"), spawn->argv[0], strerror(errno));
}

int skt_child_spawn(const struct skt_spawn *spawn, pid_t *pid, int *pidfd, struct skt_error *err)
{
	struct child_failure failure;
	struct child_pipes pipes;
	int status;
	pid_t child;

	if (child_open_pipes(spawn, &pipes) < 0) {
		child_drop(spawn);
		return child_no_resource(spawn, err);
	}
	child = child_fork(spawn, &pipes);
	if (child < 0) {
		skt_close(pipes.report[0]);
		return child_no_resource(spawn, err);
	}
	if (child_outcome(pipes.report[0], &failure) < 0) {
		skt_close(pipes.report[0]);
		(void)waitpid(child, &status, 0);
		return child_failed(spawn, &failure, err);
	}
	skt_close(pipes.report[0]);
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

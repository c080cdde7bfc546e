/* SPDX-License-Identifier: Apache-2.0 */
/* Fault injection, in test builds only (-Dfaults=true).
 *
 * SOKET_FAULT=NAME:N[:ERRNO] makes the N-th call (from 1) of that system call fail once with that errno, a number or a name
 * of the list below (EIO where none is given); "alloc" is every allocation. SOKET_FAULT_COUNT=FILE appends at exit a line
 * "NAME COUNT" for each call that was made. */
#ifdef SKT_FAULTS

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "sys/call.h"

#define FAULT_OTHERS(CALL) \
	CALL(open)         \
	CALL(openat) CALL(openat2) CALL(fcntl) CALL(ioctl) CALL(pidfd_open) CALL(pidfd_signal) CALL(thread) CALL(alloc)

enum fault_id {
#define FAULT_ID(result, name, parameters, arguments) FAULT_##name,
#define FAULT_OTHER_ID(name) FAULT_##name,
	SKT_CALLS(FAULT_ID) FAULT_OTHERS(FAULT_OTHER_ID) FAULT_LENGTH
};

static const char *const fault_names[FAULT_LENGTH] = {
#define FAULT_NAME(result, name, parameters, arguments) [FAULT_##name] = #name,
#define FAULT_OTHER_NAME(name) [FAULT_##name] = #name,
	SKT_CALLS(FAULT_NAME) FAULT_OTHERS(FAULT_OTHER_NAME)
};

const int skt_fault_linked = 1;
static struct skt_calls fault_real;
static atomic_int fault_count[FAULT_LENGTH];
static enum fault_id fault_wanted = FAULT_LENGTH;
static int fault_nth, fault_errno = EIO;
static FILE *fault_file; /* opened at the start: the sandbox would not let us later */
static pid_t fault_pid;

static int fault_hits(enum fault_id id)
{
	int n = atomic_fetch_add(&fault_count[id], 1) + 1;

	if (id != fault_wanted || n != fault_nth)
		return 0;
	errno = fault_errno;
	return 1;
}

#define FAULT_WRAP(result, name, parameters, arguments)                           \
	static result fault_##name parameters                                     \
	{                                                                         \
		return fault_hits(FAULT_##name) ? -1 : fault_real.name arguments; \
	}
SKT_CALLS(FAULT_WRAP)

static int fault_open(const char *path, int flags, mode_t mode)
{
	return fault_hits(FAULT_open) ? -1 : fault_real.open(path, flags, mode);
}

static int fault_openat(int dir, const char *path, int flags, mode_t mode)
{
	return fault_hits(FAULT_openat) ? -1 : fault_real.openat(dir, path, flags, mode);
}

static int fault_openat2(int dir, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	return fault_hits(FAULT_openat2) ? -1 : fault_real.openat2(dir, path, flags, mode, resolve);
}

static int fault_fcntl(int fd, int command, long argument)
{
	return fault_hits(FAULT_fcntl) ? -1 : fault_real.fcntl(fd, command, argument);
}

static int fault_ioctl(int fd, unsigned long request, void *argument)
{
	return fault_hits(FAULT_ioctl) ? -1 : fault_real.ioctl(fd, request, argument);
}

static int fault_pidfd_open(pid_t pid)
{
	return fault_hits(FAULT_pidfd_open) ? -1 : fault_real.pidfd_open(pid);
}

static int fault_pidfd_signal(int pidfd, int signal)
{
	return fault_hits(FAULT_pidfd_signal) ? -1 : fault_real.pidfd_signal(pidfd, signal);
}

static int fault_thread(void *(*fn)(void *), void *argument)
{
	return fault_hits(FAULT_thread) ? -1 : fault_real.thread(fn, argument);
}

static bool fault_alloc(void)
{
	return fault_hits(FAULT_alloc) != 0;
}

static int fault_errno_parse(const char *s)
{
	static const struct {
		const char *name;
		int value;
	} names[] = {
		{ "EPERM", EPERM },
		{ "EIO", EIO },
		{ "EINTR", EINTR },
		{ "EAGAIN", EAGAIN },
		{ "ENOMEM", ENOMEM },
		{ "EACCES", EACCES },
		{ "EINVAL", EINVAL },
		{ "ENFILE", ENFILE },
		{ "EMFILE", EMFILE },
		{ "ENOSPC", ENOSPC },
		{ "EPIPE", EPIPE },
		{ "ENOBUFS", ENOBUFS },
		{ "EPROTO", EPROTO },
		{ "ENETDOWN", ENETDOWN },
		{ "ENONET", ENONET },
		{ "EHOSTDOWN", EHOSTDOWN },
		{ "ENOSYS", ENOSYS },
		{ "ENETUNREACH", ENETUNREACH },
		{ "EHOSTUNREACH", EHOSTUNREACH },
		{ "ENOPROTOOPT", ENOPROTOOPT },
		{ "EOPNOTSUPP", EOPNOTSUPP },
		{ "ECONNABORTED", ECONNABORTED },
		{ "ECONNRESET", ECONNRESET },
		{ "ECONNREFUSED", ECONNREFUSED },
		{ "ETIMEDOUT", ETIMEDOUT },
		{ "EADDRINUSE", EADDRINUSE },
		{ "EBADF", EBADF },
	};

	for (size_t i = 0; i < SKT_LENGTH(names); i++)
		if (strcmp(names[i].name, s) == 0)
			return names[i].value;
	return (int)strtol(s, NULL, 10);
}

/* NAME:N[:ERRNO] */
static void fault_parse(const char *s)
{
	char name[32] = "", number[32] = "EIO";

	if (sscanf(s, "%31[^:]:%d:%31s", name, &fault_nth, number) < 2)
		return;
	for (int i = 0; i < FAULT_LENGTH; i++)
		if (strcmp(fault_names[i], name) == 0)
			fault_wanted = (enum fault_id)i;
	fault_errno = fault_errno_parse(number);
}

static void fault_report(void)
{
	if (getpid() != fault_pid)
		return;
	for (int i = 0; i < FAULT_LENGTH; i++)
		if (fault_count[i])
			(void)fprintf(fault_file, "%s %d\n", fault_names[i], fault_count[i]);
	(void)fclose(fault_file);
}

__attribute__((constructor)) static void fault_install(void)
{
	const char *wanted = getenv("SOKET_FAULT"), *file = getenv("SOKET_FAULT_COUNT");

	if (!wanted && !file)
		return;
	fault_pid = getpid();
	if (wanted)
		fault_parse(wanted);
	fault_file = file ? fopen(file, "ae") : NULL;
	if (fault_file)
		(void)atexit(fault_report);
	fault_real = skt_sys;
#define FAULT_SET(result, name, parameters, arguments) skt_sys.name = fault_##name;
	SKT_CALLS(FAULT_SET)
	skt_sys.open = fault_open;
	skt_sys.openat = fault_openat;
	skt_sys.openat2 = fault_openat2;
	skt_sys.fcntl = fault_fcntl;
	skt_sys.ioctl = fault_ioctl;
	skt_sys.pidfd_open = fault_pidfd_open;
	skt_sys.pidfd_signal = fault_pidfd_signal;
	skt_sys.thread = fault_thread;
	skt_alloc_fails = fault_alloc;
}

#else
typedef int skt_fault_none; /* ISO C wants a declaration in each file */
#endif

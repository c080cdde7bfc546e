/* SPDX-License-Identifier: Apache-2.0 */
/* The table of system calls, filled with the real ones. */
#include "sys/call.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

static int call_open(const char *path, int flags, mode_t mode)
{
	return open(path, flags, mode);
}

static int call_openat(int dir, const char *path, int flags, mode_t mode)
{
	return openat(dir, path, flags, mode);
}

static int call_openat2(int dir, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = { .flags = (unsigned)flags, .mode = mode, .resolve = resolve };

	return (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

static int call_fcntl(int fd, int command, long argument)
{
	return fcntl(fd, command, argument);
}

static int call_ioctl(int fd, unsigned long request, void *argument)
{
	return ioctl(fd, request, argument);
}

static int call_pidfd_open(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static int call_pidfd_signal(int pidfd, int signal)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

static int call_thread(void *(*fn)(void *), void *argument)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, old;
	int failed = pthread_attr_init(&attr);

	/* signals go to the threads that were there: handlers of the program do not run on ours */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);

	if (!failed)
		failed = pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (!failed)
		failed = pthread_attr_setstacksize(&attr, 256 * 1024);
	if (!failed)
		failed = pthread_create(&thread, &attr, fn, argument);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	errno = failed;
	return failed ? -1 : 0;
}

/* glibc declares the socket calls with transparent unions for addresses: these are the plain prototypes */
static int call_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	return bind(fd, addr, len);
}

static int call_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	return connect(fd, addr, len);
}

static int call_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	return accept4(fd, addr, len, flags);
}

static int call_getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
	return getsockname(fd, addr, len);
}

static int call_getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
	return getpeername(fd, addr, len);
}

static int call_recvmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags, struct timespec *timeout)
{
	return recvmmsg(fd, msgs, n, flags, timeout);
}

static int call_sendmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags)
{
	return sendmmsg(fd, msgs, n, flags);
}

static int call_timerfd_create(int clock, int flags)
{
	return timerfd_create(clock, flags);
}

static ssize_t call_splice(int in, off_t *off_in, int out, off_t *off_out, size_t n, unsigned flags)
{
	return splice(in, off_in, out, off_out, n, flags);
}

#ifdef SKT_FAULTS
extern const int *const skt_call_faults;
#endif

struct skt_calls skt_sys = {
	.socket = socket,
	.bind = call_bind,
	.listen = listen,
	.accept4 = call_accept4,
	.connect = call_connect,
	.shutdown = shutdown,
	.socketpair = socketpair,
	.getsockopt = getsockopt,
	.setsockopt = setsockopt,
	.getsockname = call_getsockname,
	.getpeername = call_getpeername,
	.recv = recv,
	.recvmsg = recvmsg,
	.recvmmsg = call_recvmmsg,
	.sendmmsg = call_sendmmsg,
	.send = send,
	.read = read,
	.write = write,
	.splice = call_splice,
	.sendfile = sendfile,
	.lseek = lseek,
	.pipe2 = pipe2,
	.pread = pread,
	.fstatat = fstatat,
	.renameat2 = renameat2,
	.unlinkat = unlinkat,
	.fallocate = fallocate,
	.ftruncate = ftruncate,
	.fstat = fstat,
	.lstat = lstat,
	.unlink = unlink,
	.mkfifo = mkfifo,
	.mkdir = mkdir,
	.link = link,
	.rename = rename,
	.setns = setns,
	.fsync = fsync,
	.epoll_create1 = epoll_create1,
	.epoll_ctl = epoll_ctl,
	.epoll_wait = epoll_wait,
	.eventfd = eventfd,
	.timerfd_create = call_timerfd_create,
	.timerfd_settime = timerfd_settime,
	.getrandom = getrandom,
	.fork = fork,
	.poll = poll,
	.open = call_open,
	.openat = call_openat,
	.openat2 = call_openat2,
	.fcntl = call_fcntl,
	.ioctl = call_ioctl,
	.pidfd_open = call_pidfd_open,
	.pidfd_signal = call_pidfd_signal,
	.thread = call_thread,
};

#ifdef SKT_FAULTS
const int *const skt_call_faults = &skt_fault_linked;
#endif

void skt_close(int fd)
{
	int kept = errno;

	if (fd >= 0)
		(void)close(fd);
	errno = kept;
}

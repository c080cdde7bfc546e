/* SPDX-License-Identifier: Apache-2.0 */
/* The system calls that tests must be able to fail, behind one table. Everything above sys/ calls skt_sys.NAME(...), with
 * the arguments, the result and the errno of the manual page of that name in section 2 (or 3). */
#ifndef SKT_SYS_CALL_H
#define SKT_SYS_CALL_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>

/* CALL(result, name, parameters, arguments); each fails with -1 and errno. */
#define SKT_CALLS(CALL)                                                                                                  \
	CALL(int, socket, (int domain, int type, int protocol), (domain, type, protocol))                                \
	CALL(int, bind, (int fd, const struct sockaddr *addr, socklen_t len), (fd, addr, len))                           \
	CALL(int, listen, (int fd, int backlog), (fd, backlog))                                                          \
	CALL(int, accept4, (int fd, struct sockaddr *addr, socklen_t *len, int flags), (fd, addr, len, flags))           \
	CALL(int, connect, (int fd, const struct sockaddr *addr, socklen_t len), (fd, addr, len))                        \
	CALL(int, shutdown, (int fd, int how), (fd, how))                                                                \
	CALL(int, socketpair, (int domain, int type, int protocol, int *fds), (domain, type, protocol, fds))             \
	CALL(int, getsockopt, (int fd, int level, int name, void *value, socklen_t *len), (fd, level, name, value, len)) \
	CALL(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t len),                           \
	     (fd, level, name, value, len))                                                                              \
	CALL(int, getsockname, (int fd, struct sockaddr *addr, socklen_t *len), (fd, addr, len))                         \
	CALL(int, getpeername, (int fd, struct sockaddr *addr, socklen_t *len), (fd, addr, len))                         \
	CALL(ssize_t, recv, (int fd, void *buf, size_t n, int flags), (fd, buf, n, flags))                               \
	CALL(ssize_t, recvmsg, (int fd, struct msghdr *msg, int flags), (fd, msg, flags))                                \
	CALL(int, recvmmsg, (int fd, struct mmsghdr *msgs, unsigned n, int flags, struct timespec *timeout),             \
	     (fd, msgs, n, flags, timeout))                                                                              \
	CALL(int, sendmmsg, (int fd, struct mmsghdr *msgs, unsigned n, int flags), (fd, msgs, n, flags))                 \
	CALL(ssize_t, send, (int fd, const void *buf, size_t n, int flags), (fd, buf, n, flags))                         \
	CALL(ssize_t, read, (int fd, void *buf, size_t n), (fd, buf, n))                                                 \
	CALL(ssize_t, write, (int fd, const void *buf, size_t n), (fd, buf, n))                                          \
	CALL(ssize_t, splice, (int in, off_t *off_in, int out, off_t *off_out, size_t n, unsigned flags),                \
	     (in, off_in, out, off_out, n, flags))                                                                       \
	CALL(ssize_t, sendfile, (int out, int in, off_t *offset, size_t n), (out, in, offset, n))                        \
	CALL(off_t, lseek, (int fd, off_t offset, int whence), (fd, offset, whence))                                     \
	CALL(int, pipe2, (int *fds, int flags), (fds, flags))                                                            \
	CALL(ssize_t, pread, (int fd, void *buf, size_t n, off_t at), (fd, buf, n, at))                                  \
	CALL(int, fstatat, (int dir, const char *path, struct stat *st, int flags), (dir, path, st, flags))              \
	CALL(int, renameat2, (int dir, const char *from, int to_dir, const char *to, unsigned flags),                    \
	     (dir, from, to_dir, to, flags))                                                                             \
	CALL(int, unlinkat, (int dir, const char *path, int flags), (dir, path, flags))                                  \
	CALL(int, fallocate, (int fd, int mode, off_t at, off_t n), (fd, mode, at, n))                                   \
	CALL(int, ftruncate, (int fd, off_t n), (fd, n))                                                                 \
	CALL(int, fstat, (int fd, struct stat *st), (fd, st))                                                            \
	CALL(int, lstat, (const char *path, struct stat *st), (path, st))                                                \
	CALL(int, unlink, (const char *path), (path))                                                                    \
	CALL(int, mkfifo, (const char *path, mode_t mode), (path, mode))                                                 \
	CALL(int, mkdir, (const char *path, mode_t mode), (path, mode))                                                  \
	CALL(int, link, (const char *from, const char *to), (from, to))                                                  \
	CALL(int, rename, (const char *from, const char *to), (from, to))                                                \
	CALL(int, setns, (int fd, int type), (fd, type))                                                                 \
	CALL(int, fsync, (int fd), (fd))                                                                                 \
	CALL(int, epoll_create1, (int flags), (flags))                                                                   \
	CALL(int, epoll_ctl, (int epoll, int op, int fd, struct epoll_event *event), (epoll, op, fd, event))             \
	CALL(int, epoll_wait, (int epoll, struct epoll_event *events, int n, int ms), (epoll, events, n, ms))            \
	CALL(int, eventfd, (unsigned value, int flags), (value, flags))                                                  \
	CALL(int, timerfd_create, (int clock, int flags), (clock, flags))                                                \
	CALL(int, timerfd_settime, (int fd, int flags, const struct itimerspec *due, struct itimerspec *old),            \
	     (fd, flags, due, old))                                                                                      \
	CALL(ssize_t, getrandom, (void *buf, size_t n, unsigned flags), (buf, n, flags))                                 \
	CALL(pid_t, fork, (void), ())                                                                                    \
	CALL(int, poll, (struct pollfd * fds, nfds_t n, int ms), (fds, n, ms))

struct timespec;
struct itimerspec;

struct skt_calls {
#define SKT_CALL_FIELD(result, name, parameters, arguments) result(*name) parameters;
	SKT_CALLS(SKT_CALL_FIELD)
#undef SKT_CALL_FIELD
	/* those whose C prototypes vary in their last argument */
	int (*open)(const char *path, int flags, mode_t mode);
	int (*openat)(int dir, const char *path, int flags, mode_t mode);
	int (*openat2)(int dir, const char *path, int flags, mode_t mode, uint64_t resolve); /* Linux >= 5.6 */
	int (*fcntl)(int fd, int command, long argument);
	int (*ioctl)(int fd, unsigned long request, void *argument);
	int (*pidfd_open)(pid_t pid);                       /* Linux >= 5.3 */
	int (*pidfd_signal)(int pidfd, int signal);         /* pidfd_send_signal(2), Linux >= 5.1 */
	int (*thread)(void *(*fn)(void *), void *argument); /* a detached thread; 0 or -1 with errno */
};

extern struct skt_calls skt_sys;

#ifdef SKT_FAULTS
extern const int skt_fault_linked; /* keeps fault.c, which nobody calls, in the program */
#endif

/* Close fd unless it is negative; errno is kept. */
void skt_close(int fd);

#endif

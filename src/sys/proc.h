/* SPDX-License-Identifier: Apache-2.0 */
/* Reading small files of /proc. proc(5). */
#ifndef SKT_SYS_PROC_H
#define SKT_SYS_PROC_H

#include <stddef.h>
#include <sys/types.h>

/* Read "/proc/PID/file" (PID 0: "/proc/file") into ret: at most size - 1 bytes and a NUL. Returns the length, or -errno. */
ssize_t skt_proc_read(pid_t pid, const char *file, char *ret, size_t size);
/* The target of the link "/proc/PID/file", NUL-terminated. Returns the length, or -errno. */
ssize_t skt_proc_link(pid_t pid, const char *file, char *ret, size_t size);
/* A whole decimal number from a file below /proc ("sys/net/ipv4/ip_local_port_range" has two: i picks). -1 where there is none. */
long skt_proc_number(const char *file, int i);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Reading small files of /proc. */
#include "sys/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sys/call.h"

enum { PROC_PATH = 96 };

static void proc_path(pid_t pid, const char *file, char *ret)
{
	if (pid)
		(void)snprintf(ret, PROC_PATH, "/proc/%d/%.60s", (int)pid, file);
	else
		(void)snprintf(ret, PROC_PATH, "/proc/%.80s", file);
}

ssize_t skt_proc_read(pid_t pid, const char *file, char *ret, size_t size)
{
	char path[PROC_PATH];
	size_t len = 0;
	ssize_t n;
	int fd, failed = 0;

	proc_path(pid, file, path);
	fd = skt_sys.open(path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	while (len < size - 1) {
		n = skt_sys.read(fd, ret + len, size - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			failed = errno;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	skt_close(fd);
	ret[len] = '\0';
	return failed && len == 0 ? -failed : (ssize_t)len;
}

ssize_t skt_proc_link(pid_t pid, const char *file, char *ret, size_t size)
{
	char path[PROC_PATH];
	ssize_t n;

	proc_path(pid, file, path);
	n = readlink(path, ret, size - 1);
	if (n < 0)
		return -errno;
	ret[n] = '\0';
	return n;
}

long skt_proc_number(const char *file, int i)
{
	char text[128];
	char *at = text;

	if (skt_proc_read(0, file, text, sizeof(text)) <= 0)
		return -1;
	for (;; i--) {
		char *end;
		long number = strtol(at, &end, 10);

		if (end == at)
			return -1;
		if (i == 0)
			return number;
		at = end;
	}
}

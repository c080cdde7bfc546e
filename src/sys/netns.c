/* SPDX-License-Identifier: Apache-2.0 */
/* Network namespaces. */
#include "sys/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/message.h"
#include "sys/call.h"

static bool netns_is_pid(const char *which)
{
	return which[0] && which[strspn(which, "0123456789")] == '\0';
}

static int netns_fail(const char *which, struct skt_error *err)
{
	int sys = errno;

	if (sys == EACCES || sys == EPERM) {
		(void)skt_fail(err, SKT_E_DENIED, sys, _("the network namespace of %.80s may not be opened"), which);
		skt_hint(err, "%s", _("it takes root, or the same user"));
		return -SKT_E_DENIED;
	}
	if (sys != ENOENT && sys != ESRCH && sys != ENOTDIR)
		return skt_fail(err, SKT_E_LIMIT, sys, _("cannot open the network namespace %.80s: %s"), which,
				strerror(sys));
	if (netns_is_pid(which)) {
		(void)skt_fail(err, SKT_E_USAGE, sys, _("there is no process %.20s"), which);
		return -SKT_E_USAGE;
	}
	(void)skt_fail(err, SKT_E_USAGE, sys, _("there is no network namespace named %.80s"), which);
	skt_hint(err, "%s", _("ip netns list names them; the pid of a process in it is fine too"));
	return -SKT_E_USAGE;
}

int skt_netns_open(const char *which, struct skt_error *err)
{
	char path[300];
	int fd;

	if (!*which || strchr(which, '/') || strcmp(which, "..") == 0 || strcmp(which, ".") == 0 || strlen(which) > 200) {
		errno = ENOENT;
		return netns_fail(which, err);
	}
	(void)snprintf(path, sizeof(path), "/run/netns/%.200s", which);
	fd = skt_sys.open(path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0 && errno == ENOENT && netns_is_pid(which)) {
		(void)snprintf(path, sizeof(path), "/proc/%.20s/ns/net", which);
		fd = skt_sys.open(path, O_RDONLY | O_CLOEXEC, 0);
	}
	return fd < 0 ? netns_fail(which, err) : fd;
}

int skt_netns_enter(int netns_fd)
{
	return skt_sys.setns(netns_fd, CLONE_NEWNET);
}

int skt_netns_socket(int netns_fd, int domain, int type, int protocol)
{
	int home = skt_sys.open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC, 0), fd;

	if (home < 0)
		return -1;
	if (skt_netns_enter(netns_fd) < 0) {
		skt_close(home);
		return -1;
	}
	fd = skt_sys.socket(domain, type, protocol);
	if (skt_netns_enter(home) < 0) {
		/* we cannot come back: nothing that this thread would open now is where the caller thinks it is */
		skt_close(fd);
		fd = -1;
	}
	skt_close(home);
	return fd;
}

uint64_t skt_netns_inode(int netns_fd)
{
	struct stat st;

	return skt_sys.fstat(netns_fd, &st) < 0 ? 0 : st.st_ino;
}

uint64_t skt_netns_of(pid_t pid)
{
	char path[64];
	struct stat st;

	if (pid)
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	else
		(void)snprintf(path, sizeof(path), "/proc/self/ns/net");
	return stat(path, &st) < 0 ? 0 : st.st_ino;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc says about a process. */
#include "inspect/process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/message.h"
#include "base/unit.h"
#include "inspect/cgroup.h"
#include "sys/netns.h"
#include "sys/proc.h"

enum { PROCESS_ROOM = 4096 };

/* Of the fields of /proc/PID/stat behind the name: parent (4) and start (22); proc_pid_stat(5). The name may hold blanks and
 * parentheses: the last one ends it. */
static bool process_stat(char *stat, struct skt_process *ret)
{
	char *name = strchr(stat, '('), *after = strrchr(stat, ')');
	long parent;
	size_t n;

	if (!name || !after || after < name ||
	    sscanf(after + 1, " %*c %ld %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNu64,
		   &parent, &ret->ticks) != 2)
		return false;
	n = (size_t)(after - name - 1);
	n = n < sizeof(ret->name) ? n : sizeof(ret->name) - 1;
	memcpy(ret->name, name + 1, n);
	ret->name[n] = '\0';
	ret->parent = (pid_t)parent;
	return true;
}

/* When the machine was started, in nanoseconds since 1970; the same for the whole run, so that a process's start is. */
static int64_t process_boot(void)
{
	static _Atomic int64_t boot;
	struct timespec up, now;

	if (boot == 0 && clock_gettime(CLOCK_BOOTTIME, &up) == 0 && clock_gettime(CLOCK_REALTIME, &now) == 0)
		boot = (int64_t)(now.tv_sec - up.tv_sec) * SKT_SECOND + (now.tv_nsec - up.tv_nsec);
	return boot;
}

static int64_t process_ns(uint64_t ticks)
{
	static _Atomic long per_second;

	if (!per_second)
		per_second = sysconf(_SC_CLK_TCK);
	return (int64_t)(ticks / (uint64_t)per_second) * SKT_SECOND +
	       (int64_t)(ticks % (uint64_t)per_second) * (SKT_SECOND / per_second);
}

/* The words of a command, which NULs end, with blanks between them. */
static char *process_command(pid_t pid)
{
	char room[PROCESS_ROOM];
	ssize_t n = skt_proc_read(pid, "cmdline", room, sizeof(room));

	while (n > 0 && room[n - 1] == '\0')
		n--;
	if (n <= 0)
		return NULL;
	for (ssize_t i = 0; i < n; i++)
		if (room[i] == '\0')
			room[i] = ' ';
	return skt_strndup(room, (size_t)n);
}

static char *process_link(pid_t pid, const char *file)
{
	char room[PROCESS_ROOM];
	ssize_t n = skt_proc_link(pid, file, room, sizeof(room));

	return n > 0 ? skt_strndup(room, (size_t)n) : NULL;
}

static void process_more(struct skt_process *p)
{
	char room[PROCESS_ROOM];

	p->directory = process_link(p->pid, "cwd");
	p->program = process_link(p->pid, "exe");
	p->netns = skt_netns_of(p->pid);
	if (skt_proc_read(p->pid, "cgroup", room, sizeof(room)) > 0)
		skt_cgroup_read(room, &p->unit, &p->container);
}

/* The directory of a process belongs to its effective user, whether or not it may be dumped (fs/proc/base.c,
 * task_dump_owner()). */
static uint32_t process_uid(pid_t pid)
{
	char path[32];
	struct stat st;

	(void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	return stat(path, &st) < 0 ? UINT32_MAX : st.st_uid;
}

int skt_process_read(pid_t pid, enum skt_process_depth depth, struct skt_process *ret, struct skt_error *err)
{
	struct skt_process p = { .pid = pid };
	char room[1024];

	if (skt_proc_read(pid, "stat", room, sizeof(room)) <= 0 || !process_stat(room, &p))
		return skt_fail(err, SKT_E_RESOLVE, 0, _("there is no process %d that we may see"), (int)pid);
	p.started = process_boot() + process_ns(p.ticks);
	p.uid = process_uid(pid);
	if (depth >= SKT_PROCESS_COMMAND)
		p.command = process_command(pid);
	if (depth >= SKT_PROCESS_FULL)
		process_more(&p);
	*ret = p;
	return 0;
}

void skt_process_release(struct skt_process *p)
{
	skt_free(p->command);
	skt_free(p->directory);
	skt_free(p->program);
	skt_free(p->unit);
	skt_free(p->container);
	*p = (struct skt_process){ 0 };
}

int64_t skt_process_age(const struct skt_process *p)
{
	struct timespec up;
	int64_t age;

	if (!p->ticks || clock_gettime(CLOCK_BOOTTIME, &up) < 0)
		return -1;
	age = (int64_t)up.tv_sec * SKT_SECOND + up.tv_nsec - process_ns(p->ticks);
	return age > 0 ? age : 0;
}

bool skt_process_is(pid_t pid, uint64_t ticks)
{
	struct skt_process now = { 0 };
	char room[1024];

	return skt_proc_read(pid, "stat", room, sizeof(room)) > 0 && process_stat(room, &now) && now.ticks == ticks;
}

const char *skt_user_name(uint32_t uid, char *room, size_t size)
{
	static uint32_t known_uid = UINT32_MAX;
	static char known[64];
	const struct passwd *pw;

	if (uid == UINT32_MAX) {
		(void)snprintf(room, size, "?");
		return room;
	}
	if (uid != known_uid || !known[0]) {
		pw = getpwuid(uid); /* reads a file, or asks a server: once for runs of one user */
		if (pw)
			(void)snprintf(known, sizeof(known), "%s", pw->pw_name);
		else
			(void)snprintf(known, sizeof(known), "%u", uid);
		known_uid = uid;
	}
	(void)snprintf(room, size, "%s", known);
	return room;
}

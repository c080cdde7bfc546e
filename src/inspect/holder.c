/* SPDX-License-Identifier: Apache-2.0 */
/* Who holds a port.
 *
 * How it works: the kernel's tables (/proc/net/tcp, tcp6, unix) give the listening socket's inode and owner; the process that has a
 * descriptor with that inode is the holder. Other users' descriptors are closed to us: then only the user is known, and that
 * is what is said (honest). */
#include "inspect/holder.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/message.h"
#include "base/unit.h"
#include "sys/clock.h"

enum { HOLDER_TCP_LISTEN = 0x0A };

/* Look for the row; 0 with inode and user, or -1. */
static int holder_tcp_row(const char *table, unsigned port, uint64_t *inode, unsigned *user)
{
	FILE *f = fopen(table, "re");
	char line[512];
	int ret = -1;

	while (f && ret < 0 && fgets(line, sizeof(line), f)) {
		unsigned local, state, uid;
		uint64_t number;

		if (sscanf(line, "%*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*x:%*x %*x:%*x %*x %u %*d %" SCNu64,
			   &local, &state, &uid, &number) != 4 ||
		    local != port || state != HOLDER_TCP_LISTEN)
			continue;
		*inode = number;
		*user = uid;
		ret = 0;
	}
	if (f)
		(void)fclose(f);
	return ret;
}

static int holder_unix_row(const char *path, uint64_t *inode)
{
	enum { ACCEPTS = 0x10000 };
	FILE *f = fopen("/proc/net/unix", "re");
	char line[512];
	int ret = -1;

	while (f && ret < 0 && fgets(line, sizeof(line), f)) {
		unsigned flags;
		uint64_t number;
		int at = 0;

		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "%*[0-9a-fA-F]: %*x %*x %x %*x %*x %" SCNu64 " %n", &flags, &number, &at) < 2 ||
		    at == 0 || !(flags & ACCEPTS) || strcmp(line + at, path) != 0)
			continue;
		*inode = number;
		ret = 0;
	}
	if (f)
		(void)fclose(f);
	return ret;
}

static bool holder_has_inode(const char *pid, const char *wanted)
{
	char path[320], target[64];
	DIR *dir;
	bool found = false;

	(void)snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	dir = opendir(path);
	for (const struct dirent *d; dir && !found && (d = readdir(dir)) != NULL;) {
		ssize_t n;

		(void)snprintf(path, sizeof(path), "/proc/%.20s/fd/%.20s", pid, d->d_name);
		n = readlink(path, target, sizeof(target) - 1);
		if (n <= 0)
			continue;
		target[n] = '\0';
		found = strcmp(target, wanted) == 0;
	}
	if (dir)
		(void)closedir(dir);
	return found;
}

static void holder_name(int pid, char *ret, size_t size)
{
	char path[64];
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	f = fopen(path, "re");
	if (!f || !fgets(ret, (int)size, f))
		ret[0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	if (f)
		(void)fclose(f);
}

/* Field 22 of /proc/PID/stat: ticks after boot; proc(5). The name before it may hold blanks and parentheses. */
static int64_t holder_age(int pid)
{
	char path[64], line[1024];
	uint64_t ticks = 0;
	double up = 0;
	const char *after;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f || !fgets(line, sizeof(line), f) || !(after = strrchr(line, ')')) ||
	    sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNu64,
		   &ticks) != 1)
		ticks = 0;
	if (f)
		(void)fclose(f);
	f = fopen("/proc/uptime", "re");
	if (!f || fscanf(f, "%lf", &up) != 1)
		up = 0;
	if (f)
		(void)fclose(f);
	return ticks && up > 0 ? (int64_t)((up - (double)ticks / (double)sysconf(_SC_CLK_TCK)) * 1e9) : -1;
}

static void holder_fill(int pid, struct skt_holder *ret)
{
	char path[64];
	ssize_t n;

	ret->pid = pid;
	holder_name(pid, ret->name, sizeof(ret->name));
	(void)snprintf(path, sizeof(path), "/proc/%d/cwd", pid);
	n = readlink(path, ret->cwd, sizeof(ret->cwd) - 1);
	ret->cwd[n > 0 ? n : 0] = '\0';
	ret->age = holder_age(pid);
}

static int holder_of_inode(uint64_t inode, struct skt_holder *ret)
{
	char wanted[40];
	DIR *dir = opendir("/proc");
	int pid = 0;

	(void)snprintf(wanted, sizeof(wanted), "socket:[%" PRIu64 "]", inode);
	for (const struct dirent *d; dir && !pid && (d = readdir(dir)) != NULL;)
		if (d->d_name[0] >= '0' && d->d_name[0] <= '9' && holder_has_inode(d->d_name, wanted))
			pid = (int)strtol(d->d_name, NULL, 10);
	if (dir)
		(void)closedir(dir);
	if (!pid)
		return -SKT_E_DENIED;
	holder_fill(pid, ret);
	return 0;
}

int skt_holder_of_port(unsigned port, struct skt_holder *ret)
{
	uint64_t inode;
	unsigned user;

	*ret = (struct skt_holder){ .age = -1 };
	if (holder_tcp_row("/proc/net/tcp", port, &inode, &user) < 0 &&
	    holder_tcp_row("/proc/net/tcp6", port, &inode, &user) < 0)
		return -SKT_E_RESOLVE;
	ret->user = user;
	return holder_of_inode(inode, ret);
}

int skt_holder_of_path(const char *path, struct skt_holder *ret)
{
	uint64_t inode;

	*ret = (struct skt_holder){ .age = -1 };
	return holder_unix_row(path, &inode) < 0 ? -SKT_E_RESOLVE : holder_of_inode(inode, ret);
}

static const char *holder_user(unsigned user, char *room, size_t size)
{
	const struct passwd *pw = getpwuid(user);

	if (user == getuid())
		return _("you");
	if (pw)
		return pw->pw_name;
	(void)snprintf(room, size, _("user %u"), user);
	return room;
}

/* "~/shop" for what is in our own home */
static void holder_directory(const char *cwd, char *ret, size_t size)
{
	const char *home = getenv("HOME");
	size_t n = home ? strlen(home) : 0;

	if (n > 1 && strncmp(cwd, home, n) == 0 && (cwd[n] == '/' || cwd[n] == '\0'))
		(void)snprintf(ret, size, "~%s", cwd + n);
	else
		(void)snprintf(ret, size, "%s", cwd);
}

static void holder_say(const struct skt_holder *h, const char *address, struct skt_error *err)
{
	char user[64], cwd[160], age[SKT_UNIT_LENGTH], details[200];

	holder_directory(h->cwd, cwd, sizeof(cwd));
	(void)snprintf(details, sizeof(details), "%s%.100s%s%s", cwd[0] ? ", " : "", cwd, h->age >= 0 ? ", " : "",
		       h->age >= 0 ? skt_duration_print(h->age, age) : "");
	(void)skt_fail(err, SKT_E_INUSE, EADDRINUSE, _("address in use: %.60s is held by %s (pid %d, %s)%s"), address,
		       h->name, h->pid, holder_user(h->user, user, sizeof(user)), details);
}

void skt_holder_explain(const struct skt_endpoint *e, struct skt_error *err)
{
	struct skt_holder h;
	struct skt_text address = { 0 };
	bool is_port = skt_endpoint_transport(e)->form == SKT_FORM_HOST;
	int found = is_port ? skt_holder_of_port((unsigned)e->port, &h) : skt_holder_of_path(e->address, &h);
	char user[64];

	skt_endpoint_print_address(e, &address);
	if (found == 0)
		holder_say(&h, skt_text_get(&address), err);
	else if (found == -SKT_E_DENIED)
		(void)skt_fail(err, SKT_E_INUSE, EADDRINUSE,
			       _("address in use: %.100s is held by a program of %s, which cannot be seen"),
			       skt_text_get(&address), holder_user(h.user, user, sizeof(user)));
	skt_text_release(&address);
	if (found == -SKT_E_RESOLVE)
		return;
	if (is_port && h.pid)
		skt_hint(err, _("try :%d, or :0 for any free port, or end it: kill %d"),
			 e->port < 65535 ? e->port + 1 : 1024, h.pid);
	else if (is_port)
		skt_hint(err, _("try :%d, or :0 for any free port; as root the program can be seen"),
			 e->port < 65535 ? e->port + 1 : 1024);
	else if (h.pid)
		skt_hint(err, _("choose another path, or end it: kill %d"), h.pid);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The process's limit of descriptors. Children get the old soft limit, because programs that use select(2) break above 1024. */
#include "sys/limit.h"

#include <dirent.h>
#include <stdbool.h>
#include <sys/resource.h>

static struct rlimit limit_start;
static bool limit_raised;

enum { LIMIT_ENOUGH = 1 << 20, LIMIT_GUESS = 16 };

int skt_limit_raise(void)
{
	struct rlimit now;

	if (getrlimit(RLIMIT_NOFILE, &now) < 0)
		return 256;
	if (!limit_raised)
		limit_start = now;
	if (now.rlim_cur < now.rlim_max) {
		rlim_t old = now.rlim_cur;

		now.rlim_cur = now.rlim_max > LIMIT_ENOUGH ? LIMIT_ENOUGH : now.rlim_max;
		if (now.rlim_cur > old && setrlimit(RLIMIT_NOFILE, &now) == 0)
			limit_raised = true;
		else
			now.rlim_cur = old;
	}
	return now.rlim_cur > LIMIT_ENOUGH ? LIMIT_ENOUGH : (int)now.rlim_cur;
}

void skt_limit_restore(void)
{
	if (limit_raised)
		(void)setrlimit(RLIMIT_NOFILE, &limit_start);
}

int skt_limit_left(void)
{
	struct rlimit now;
	DIR *dir = opendir("/proc/self/fd");
	int n = dir ? -3 : LIMIT_GUESS; /* ".", ".." and the directory itself */

	if (dir) {
		while (readdir(dir))
			n++;
		(void)closedir(dir);
	}
	if (getrlimit(RLIMIT_NOFILE, &now) < 0)
		return 256 - n;
	return (now.rlim_cur > LIMIT_ENOUGH ? LIMIT_ENOUGH : (int)now.rlim_cur) - n;
}

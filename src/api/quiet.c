/* SPDX-License-Identifier: Apache-2.0 */
/* SIGPIPE: MSG_NOSIGNAL exists for send(2) alone. write(2) to a pipe, and splice(2) and sendfile(2) to a socket,
 * raise the signal in the thread that called; there it is blocked, taken, and forgotten. */
#include "api/quiet.h"

#include <errno.h>
#include <stddef.h>
#include <time.h>

static void quiet_set(sigset_t *ret)
{
	(void)sigemptyset(ret);
	(void)sigaddset(ret, SIGPIPE);
}

static bool quiet_is_pending(void)
{
	sigset_t pending;

	return sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
}

void skt_quiet_begin(struct skt_quiet *quiet)
{
	sigset_t set;

	quiet_set(&set);
	quiet->was_pending = quiet_is_pending();
	(void)pthread_sigmask(SIG_BLOCK, &set, &quiet->mask);
}

void skt_quiet_end(const struct skt_quiet *quiet)
{
	const struct timespec at_once = { 0, 0 };
	int kept = errno;
	sigset_t set;

	quiet_set(&set);
	if (!quiet->was_pending && quiet_is_pending())
		while (sigtimedwait(&set, NULL, &at_once) < 0 && errno == EINTR)
			;
	(void)pthread_sigmask(SIG_SETMASK, &quiet->mask, NULL);
	errno = kept;
}

int skt_quiet_loop_new(struct skt_loop **ret, struct skt_error *err)
{
	skt_loop_expect_forks();
	return skt_loop_new(ret, err);
}

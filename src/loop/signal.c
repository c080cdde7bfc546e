/* SPDX-License-Identifier: Apache-2.0 */
/* Signals.
 *
 * How it works: the handler counts and writes to each loop's eventfd, both of which signal-safety(7) allows; the loops then look at the
 * count. A slot is an atomic pointer, so that adding and removing a loop needs no lock that a handler could wait for. */
#include "loop/signal.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>

enum { SIGNAL_LOOPS = 64 };

static struct skt_loop *_Atomic signal_loops[SIGNAL_LOOPS];
static atomic_int signal_stops, signal_reloads;
static atomic_bool signal_hup_reloads;

static void signal_poke_all(void)
{
	for (int i = 0; i < SIGNAL_LOOPS; i++) {
		struct skt_loop *loop = atomic_load(&signal_loops[i]);

		if (loop)
			skt_loop_poke(loop);
	}
}

static void signal_came(int number)
{
	int kept = errno;

	if (number == SIGHUP && atomic_load(&signal_hup_reloads))
		atomic_fetch_add(&signal_reloads, 1);
	else if (number != SIGWINCH)
		atomic_fetch_add(&signal_stops, 1);
	signal_poke_all();
	errno = kept;
}

int skt_signals_catch(void)
{
	static const int wanted[] = { SIGINT, SIGTERM, SIGHUP, SIGWINCH };
	struct sigaction act = { .sa_handler = signal_came, .sa_flags = SA_RESTART }, old;

	(void)sigemptyset(&act.sa_mask);
	/* a write that fails says so by itself: a reader that has gone, a file at its limit (ulimit -f) */
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || signal(SIGXFSZ, SIG_IGN) == SIG_ERR)
		return -1;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (sigaction(wanted[i], NULL, &old) < 0)
			return -1;
		if (wanted[i] == SIGHUP && old.sa_handler == SIG_IGN && !atomic_load(&signal_hup_reloads))
			continue;
		if (sigaction(wanted[i], &act, NULL) < 0)
			return -1;
	}
	return 0;
}

void skt_signals_add(struct skt_loop *loop)
{
	for (int i = 0; i < SIGNAL_LOOPS; i++) {
		struct skt_loop *none = NULL;

		if (atomic_compare_exchange_strong(&signal_loops[i], &none, loop))
			return;
	}
}

void skt_signals_remove(struct skt_loop *loop)
{
	for (int i = 0; i < SIGNAL_LOOPS; i++) {
		struct skt_loop *it = loop;

		(void)atomic_compare_exchange_strong(&signal_loops[i], &it, NULL);
	}
}

void skt_signals_hup_reloads(void)
{
	atomic_store(&signal_hup_reloads, true);
}

int skt_signals_reloads(void)
{
	return atomic_load(&signal_reloads);
}

int skt_signals_stops(void)
{
	return atomic_load(&signal_stops);
}

void skt_signals_stop(void)
{
	atomic_fetch_add(&signal_stops, 1);
	signal_poke_all();
}

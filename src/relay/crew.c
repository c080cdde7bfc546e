/* SPDX-License-Identifier: Apache-2.0 */
/* A relay on several threads: a loop and a relay each, nothing shared but the listening sockets.
 *
 * How it works: the main thread's listener owns the sockets, the others watch them through views of their own (EPOLLEXCLUSIVE: one
 * thread is woken a connection). So the address stays ours alone, which SO_REUSEPORT would give up, and closing loses no connection
 * that waits. The main thread ends last: the others poke its loop when they have ended. */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "loop/signal.h"
#include "relay/roster.h"
#include "relay/session.h"
#include "sys/call.h"

enum { CREW_MAX = 64 };

struct crew {
	struct skt_loop *main_loop;
	struct member *member;
	atomic_int running; /* threads besides the main one */
};

struct member {
	struct crew *crew;
	struct skt_loop *loop;
	struct skt_relay *relay;
	int stops, reloads; /* seen so far */
};

/* A signal came, or another thread has ended: also the main one's cue to look. */
static void member_poked(void *user)
{
	struct member *m = user;

	if (m->loop == m->crew->main_loop && m->reloads != skt_signals_reloads()) {
		m->reloads = skt_signals_reloads();
		skt_relay_reload(m->relay);
	}
	skt_roster_poked(m->loop);
	for (; m->stops < skt_signals_stops() && m->stops < 2; m->stops++)
		skt_relay_stop(m->relay);
	if (skt_relay_is_done(m->relay))
		skt_loop_stop(m->loop);
}

static int member_init(struct member *m, struct crew *crew, struct skt_loop *loop, const struct skt_relay_config *config,
		       struct skt_listener *listener, int share, struct skt_error *err)
{
	int failed = skt_relay_new(loop, config, listener, share, &m->relay, err);

	m->crew = crew;
	m->loop = loop;
	if (failed)
		return failed;
	if (config->max && share > 1) { /* its part of --max: never more together */
		int part = config->max / share + (m - crew->member < config->max % share);

		m->relay->max = m->relay->max < part ? m->relay->max : part;
	}
	skt_loop_on_poke(loop, member_poked, m);
	skt_signals_add(loop);
	return 0;
}

static void member_release(struct member *m)
{
	if (m->loop)
		skt_signals_remove(m->loop);
	skt_relay_free(m->relay);
	m->relay = NULL;
}

static void *member_thread(void *argument)
{
	struct member *m = argument;
	struct skt_error err;

	if (skt_relay_start(m->relay, &err) == 0) {
		member_poked(m); /* a signal may have come before this loop was known */
		if (!skt_relay_is_done(m->relay))
			(void)skt_loop_run(m->loop, &err);
	}
	atomic_fetch_sub(&m->crew->running, 1);
	skt_loop_poke(m->crew->main_loop);
	return NULL;
}

/* Start one more thread. Fewer than asked is no failure: the others do its work. */
static bool crew_add(struct crew *crew, struct member *m, const struct skt_relay_config *config,
		     struct skt_listener *listener, int share)
{
	struct skt_listener *view;
	struct skt_loop *loop;

	if (skt_loop_new(&loop, NULL) < 0)
		return false;
	if (skt_listener_share(listener, loop, &view, NULL) < 0 ||
	    member_init(m, crew, loop, config, view, share, NULL) < 0) {
		skt_loop_free(loop);
		*m = (struct member){ 0 };
		return false;
	}
	atomic_fetch_add(&crew->running, 1);
	if (skt_sys.thread(member_thread, m) == 0)
		return true;
	atomic_fetch_sub(&crew->running, 1);
	member_release(m);
	skt_loop_free(loop);
	*m = (struct member){ 0 };
	return false;
}

static void totals_add(struct skt_relay_totals *sum, const struct skt_relay_totals *more)
{
	sum->links += more->links;
	sum->failed += more->failed;
	sum->refused += more->refused;
	sum->sent += more->sent;
	sum->received += more->received;
	sum->n_cut += more->n_cut;
	if (more->has_messages)
		skt_messages_add(sum, &more->messages);
}

/* The main loop runs until its own relay has ended, then until the others have told that they have. */
static int crew_wait(struct crew *crew, struct member *main_member, struct skt_error *err)
{
	const struct skt_relay *relay = main_member->relay;
	int ret = 0;

	while (ret == 0 && !skt_relay_is_done(relay))
		ret = skt_loop_round(main_member->loop, SKT_FOREVER, err);
	while (ret == 0 && atomic_load(&crew->running) > 0)
		ret = skt_loop_round(main_member->loop, SKT_SECOND, err);
	return ret;
}

/* Make all members; fewer threads than asked is no failure. */
static int crew_init(struct crew *crew, struct member *member, int n, const struct skt_relay_config *config,
		     struct skt_loop *loop, struct skt_listener *listener, struct skt_error *err)
{
	int ret;

	if (skt_signals_catch() < 0) {
		skt_listener_free(listener);
		return skt_fail(err, SKT_E_LIMIT, errno, _("cannot catch signals: %s"), strerror(errno));
	}
	if (n > 1)
		listener->shared = true;
	ret = member_init(&member[0], crew, loop, config, listener, n, err);
	for (int i = 1; ret == 0 && i < n; i++)
		(void)crew_add(crew, &member[i], config, listener, n);
	return ret;
}

static int crew_run(struct crew *crew, struct member *main_member, struct skt_error *err)
{
	struct skt_relay *relay = main_member->relay;
	int ret = skt_relay_start(relay, err);

	member_poked(main_member); /* a signal may have come before the loop was known */
	if (ret == 0)
		ret = crew_wait(crew, main_member, err);
	if (ret == 0 && relay->outcome.kind != SKT_OK) {
		*err = relay->outcome;
		ret = -(int)err->kind;
	}
	return ret;
}

int skt_relay_run(const struct skt_relay_config *config, struct skt_loop *loop, struct skt_listener *listener,
		  int n_threads, void (*watch)(void *user, struct skt_loop *loop, struct skt_relay *relay), void *user,
		  struct skt_relay_totals *totals, int *status, struct skt_error *err)
{
	struct member *member = skt_zalloc(CREW_MAX * sizeof(*member));
	struct crew crew = { .main_loop = loop, .member = member };
	int n = !listener || config->once || config->one_at_a_time ? 1 : n_threads > CREW_MAX ? CREW_MAX : n_threads;
	int ret;

	if (config->max && n > config->max)
		n = config->max;
	*status = -1;
	if (!member) {
		skt_listener_free(listener);
		return skt_fail_memory(err);
	}
	ret = crew_init(&crew, member, n, config, loop, listener, err);
	if (ret == 0 && watch)
		watch(user, loop, member[0].relay);
	if (ret == 0)
		ret = crew_run(&crew, &member[0], err);
	for (int i = n - 1; i >= 0; i--) {
		if (!member[i].relay)
			continue;
		totals_add(totals, &member[i].relay->totals);
		*status = member[i].relay->status;
		member_release(&member[i]);
		if (i > 0)
			skt_loop_free(member[i].loop);
	}
	skt_free(member);
	return ret;
}

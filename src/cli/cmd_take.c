/* SPDX-License-Identifier: Apache-2.0 */
/* soket take: asks the programs that hold a port to end, and waits until it is free.
 *
 * How it works: the holders are found once and named; after a yes each gets a pidfd, is checked to be still the process that was
 * named (pid and start), and gets SIGTERM through that pidfd, so that a pid that was used again is never hit. Then, until nothing
 * is bound there: whoever still lives after the grace gets SIGKILL; whoever holds the port and was not named is a newcomer, and is
 * reported, not ended. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/message.h"
#include "cli/column.h"
#include "cli/commands.h"
#include "cli/looking.h"
#include "cli/say.h"
#include "inspect/ancestry.h"
#include "inspect/holder.h"
#include "sys/call.h"
#include "sys/clock.h"

#define TAKE_GRACE (5 * SKT_SECOND)
#define TAKE_AFTER_KILL (5 * SKT_SECOND)
#define TAKE_PAUSE_FIRST (5 * SKT_MS)
#define TAKE_PAUSE_MOST (200 * SKT_MS)

enum { TAKE_MAX = 512, TAKE_LOOKS = 4, TAKE_LOOK_MS = 20 };

/* A process that is to end. */
struct target {
	pid_t pid;
	uint64_t ticks;
	int pidfd;     /* -1: the kernel has none, or it has ended */
	char name[64]; /* of the program */
	char *words;   /* "node (pid 4312, you), ~/shop, 3 h" */
	bool has_ended;
};

struct take {
	struct skt_endpoint e;
	struct skt_spot spot;
	struct skt_holders_spec spec;
	struct skt_text place; /* the endpoint as text */
	struct skt_text again; /* the words that name it on the command line: with its --netns */
	struct target *target;
	size_t n;
	bool json, was_killed;
	skt_time began, grace, timeout;
};

/* --- who holds it -------------------------------------------------------------------------------------------------------- */

static bool take_is_held(const struct take *t, const struct skt_holders *h, const struct skt_sock *s)
{
	if (!skt_sock_is_bound(s) || !skt_spot_has(&t->spot, &h->census.table, s))
		return false;
	return !t->spot.ip.family || skt_spot_conflicts(&t->spot, s);
}

static struct target *take_find(struct take *t, pid_t pid)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->target[i].pid == pid)
			return &t->target[i];
	return NULL;
}

/* "node (pid 4312, you), ~/shop, 3 h" */
static char *take_words(const struct skt_process *p)
{
	struct skt_text ret = { 0 };
	char user[64], room[256], age[SKT_UNIT_LENGTH];
	int64_t ns = skt_process_age(p);

	skt_text_addf(&ret, _("%s (pid %d, %s)"), p->name, (int)p->pid, skt_holder_user(p->uid, user, sizeof(user)));
	if (p->directory)
		skt_text_addf(&ret, ", %s", skt_holder_directory(p->directory, room, sizeof(room)));
	if (ns >= 0)
		skt_text_addf(&ret, ", %s", skt_duration_print(ns, age));
	return skt_text_take(&ret);
}

static int take_add(struct take *t, const struct skt_process *p)
{
	struct target *grown;

	if (take_find(t, p->pid) || t->n == TAKE_MAX)
		return 0;
	grown = skt_realloc(t->target, (t->n + 1) * sizeof(*grown));
	if (!grown)
		return -SKT_E_LIMIT;
	t->target = grown;
	grown += t->n++;
	*grown = (struct target){ .pid = p->pid, .ticks = p->ticks, .pidfd = -1, .words = take_words(p) };
	(void)snprintf(grown->name, sizeof(grown->name), "%s", p->name);
	return grown->words ? 0 : -SKT_E_LIMIT;
}

static int take_fail_unseen(const struct take *t, const struct skt_holders *h, const struct skt_sock *s,
			    struct skt_error *err)
{
	struct skt_text who = { 0 };

	skt_holder_words(h, NULL, s, &who);
	(void)skt_fail(err, SKT_E_DENIED, 0, _("%.100s is held by %.120s"), skt_text_get(&t->place), skt_text_get(&who));
	skt_text_release(&who);
	if (h->census.owners.n_closed > 0)
		skt_hint(err, _("as root it can be seen and ended: sudo soket take %.100s"), skt_text_get(&t->again));
	else
		skt_hint(err, "%s", _("it may be in a container: take it from inside, or end the container"));
	return -SKT_E_DENIED;
}

/* The holders become targets. */
static int take_gather(struct take *t, const struct skt_holders *h, struct skt_error *err)
{
	const struct skt_socktable *table = &h->census.table;

	for (size_t i = 0; i < table->n; i++) {
		const struct skt_process *p;

		if (!take_is_held(t, h, &table->sock[i]))
			continue;
		if (!skt_census_holder(&h->census, &table->sock[i], 0, NULL))
			return take_fail_unseen(t, h, &table->sock[i], err);
		for (size_t k = 0; (p = skt_census_holder(&h->census, &table->sock[i], k, NULL)) != NULL; k++)
			if (take_add(t, p) < 0)
				return skt_fail_memory(err);
	}
	return 0;
}

/* A lease that the kernel does not tell about (before Linux 6.8) is known by its record. */
static int take_gather_lease(struct take *t, const struct skt_holders *h, struct skt_error *err)
{
	const struct skt_lease *lease = t->spot.port ? skt_leases_of_port(&h->leases, t->spot.port) : NULL;
	struct skt_process p = { 0 };
	int ret;

	if (!lease || !(t->spot.protos & 1U << SKT_PROTO_TCP) || take_find(t, lease->owner) ||
	    skt_process_read(lease->owner, SKT_PROCESS_FULL, &p, NULL) < 0)
		return 0;
	ret = p.ticks == lease->ticks && take_add(t, &p) < 0 ? skt_fail_memory(err) : 0;
	skt_process_release(&p);
	return ret;
}

/* --- who is never ended ---------------------------------------------------------------------------------------------------- */

static int take_refuse(const struct take *t, const struct target *target, struct skt_error *err)
{
	if (target->pid == 1) {
		(void)skt_fail(err, SKT_E_DENIED, 0, _("%.100s is held by %.60s (pid 1), which is never ended"),
			       skt_text_get(&t->place), target->name);
		skt_hint(err, "%s",
			 _("if it is a socket unit of systemd: systemctl list-sockets, then systemctl stop NAME.socket"));
		return -SKT_E_DENIED;
	}
	if (!skt_ancestry_is_ours(target->pid))
		return 0;
	(void)skt_fail(err, SKT_E_DENIED, 0,
		       _("%.100s is held by %.100s, which soket itself runs under: it is not ended"),
		       skt_text_get(&t->place), target->words);
	skt_hint(err, _("end it from elsewhere: kill %d"), (int)target->pid);
	return -SKT_E_DENIED;
}

static int take_refuse_any(const struct take *t, struct skt_error *err)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < t->n; i++)
		ret = take_refuse(t, &t->target[i], err);
	return ret;
}

/* --- asking ---------------------------------------------------------------------------------------------------------------- */

static void take_name_all(const struct take *t)
{
	struct skt_text text = { 0 };

	for (size_t i = 0; i < t->n; i++) {
		skt_text_add(&text, "  ");
		skt_column_add_plain(&text, t->target[i].words);
		skt_text_addc(&text, '\n');
	}
	skt_say_plain(skt_text_get(&text));
	skt_text_release(&text);
}

/* Whether the person at the terminal says yes, in either language. */
static bool take_hears_yes(void)
{
	char answer[64];
	ssize_t n;

	do
		n = skt_sys.read(STDIN_FILENO, answer, sizeof(answer) - 1);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return false;
	answer[n] = '\0';
	return answer[0] && (strchr("yY", answer[0]) != NULL || strchr(_("yY"), answer[0]) != NULL);
}

/* Returns 0: go on; -SKT_E_USAGE: nobody can be asked; -SKT_E_IO: no. */
static int take_ask(const struct take *t, struct skt_error *err)
{
	struct skt_text question = { 0 };

	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
		if (t->n == 1)
			(void)skt_fail(err, SKT_E_USAGE, 0, _("%.100s is held by %.100s: end it?"),
				       skt_text_get(&t->place), t->target[0].words);
		else
			(void)skt_fail(err, SKT_E_USAGE, 0,
				       NG_("%.100s is held by %.80s and %zu more: end them?",
					   "%.100s is held by %.80s and %zu more: end them?", t->n - 1),
				       skt_text_get(&t->place), t->target[0].words, t->n - 1);
		skt_hint(err, _("without a terminal nobody can be asked; to end it: soket take %.100s --yes"),
			 skt_text_get(&t->again));
		return -SKT_E_USAGE;
	}
	skt_say(_("%s is held by:"), skt_text_get(&t->place));
	take_name_all(t);
	skt_text_addf(&question, NG_("end it? [y/N] ", "end them? [y/N] ", t->n));
	skt_say_plain(skt_text_get(&question));
	skt_text_release(&question);
	if (take_hears_yes())
		return 0;
	(void)skt_fail(err, SKT_E_IO, 0, _("%.100s stays as it is"), skt_text_get(&t->place));
	return -SKT_E_IO;
}

/* --- ending ---------------------------------------------------------------------------------------------------------------- */

static void take_event(const struct take *t, const char *event, const struct target *target)
{
	struct skt_json j = { 0 };

	if (!t->json)
		return;
	skt_json_object(&j, NULL);
	skt_json_string(&j, "event", event);
	skt_json_string(&j, "endpoint", skt_text_get(&t->place));
	if (target) {
		skt_json_int(&j, "pid", target->pid);
		skt_json_string(&j, "name", target->name);
	}
	skt_json_int(&j, "after_ns", skt_now() - t->began);
	skt_json_end_object(&j);
	(void)skt_say_json(&j);
	skt_json_release(&j);
}

static int take_fail_signal(const struct take *t, const struct target *target, int sys, struct skt_error *err)
{
	if (sys == EPERM) {
		(void)skt_fail(err, SKT_E_DENIED, sys, _("%.140s may not be ended by you"), target->words);
		skt_hint(err, _("as root, or as its user: sudo soket take %.100s"), skt_text_get(&t->again));
		return -SKT_E_DENIED;
	}
	return skt_fail(err, SKT_E_IO, sys, _("cannot end %.140s: %s"), target->words, strerror(sys));
}

/* Send a signal to exactly the process that was named. One that has gone has ended. */
static int take_signal(const struct take *t, struct target *target, int signal, struct skt_error *err)
{
	int sent;

	if (target->has_ended)
		return 0;
	if (!skt_process_is(target->pid, target->ticks)) {
		target->has_ended = true;
		return 0;
	}
	/* the pidfd was opened before that check: it is of the process that was checked */
	sent = target->pidfd >= 0 ? skt_sys.pidfd_signal(target->pidfd, signal) : kill(target->pid, signal);
	if (sent == 0) {
		skt_say_more(signal == SIGKILL ? _("killing %s") : _("asking %s to end"), target->words);
		take_event(t, signal == SIGKILL ? "kill" : "terminate", target);
		return 0;
	}
	target->has_ended = errno == ESRCH;
	return target->has_ended ? 0 : take_fail_signal(t, target, errno, err);
}

/* Those from target `first` on. */
static int take_signal_all(struct take *t, size_t first, int signal, struct skt_error *err)
{
	int ret = 0;

	for (size_t i = first; ret == 0 && i < t->n; i++) {
		struct target *target = &t->target[i];

		if (target->pidfd < 0 && !target->has_ended)
			target->pidfd = skt_sys.pidfd_open(target->pid);
		ret = take_signal(t, target, signal, err);
	}
	return ret;
}

/* Sleep until a target ends, but no longer than that. */
static void take_sleep(struct take *t, skt_time most)
{
	struct pollfd fds[TAKE_MAX];
	nfds_t n = 0;

	for (size_t i = 0; i < t->n && i < TAKE_MAX; i++)
		if (t->target[i].pidfd >= 0 && !t->target[i].has_ended)
			fds[n++] = (struct pollfd){ .fd = t->target[i].pidfd, .events = POLLIN };
	if (skt_sys.poll(fds, n, (int)((most + SKT_MS - 1) / SKT_MS)) <= 0)
		return;
	for (size_t i = 0; i < t->n; i++)
		for (nfds_t k = 0; k < n; k++)
			if (fds[k].fd == t->target[i].pidfd && fds[k].revents)
				t->target[i].has_ended = true;
}

/* --- until it is free -------------------------------------------------------------------------------------------------------- */

enum outcome { TAKE_FREE, TAKE_STILL_HELD, TAKE_HELD_AGAIN };

/* Whether anything is bound there, and by whom. The newcomer's words go to *who. */
static enum outcome take_look_again(struct take *t, const struct skt_holders *h, struct skt_text *who)
{
	const struct skt_socktable *table = &h->census.table;
	enum outcome ret = TAKE_FREE;

	for (size_t i = 0; i < table->n; i++) {
		const struct skt_process *p;
		const struct target *known;

		if (!take_is_held(t, h, &table->sock[i]))
			continue;
		ret = TAKE_STILL_HELD;
		p = skt_census_holder(&h->census, &table->sock[i], 0, NULL);
		known = p ? take_find(t, p->pid) : NULL;
		if (!p || (known && known->ticks == p->ticks))
			continue;
		skt_holder_words(h, NULL, &table->sock[i], who);
		if (p->unit)
			skt_text_addf(who, ", %s", p->unit);
		return TAKE_HELD_AGAIN;
	}
	return ret;
}

static int take_fail_again(const struct take *t, const struct skt_text *who, struct skt_error *err)
{
	(void)skt_fail(err, SKT_E_INUSE, 0, _("%.80s is held again, by %.140s"), skt_text_get(&t->place),
		       skt_text_get(who));
	skt_hint(err, "%s", _("something starts it anew: stop its service (systemctl stop NAME), or its supervisor"));
	return -SKT_E_INUSE;
}

static int take_fail_timeout(const struct take *t, struct skt_error *err)
{
	char after[SKT_UNIT_LENGTH];

	(void)skt_fail(err, SKT_E_TIMEOUT, 0, _("%.100s is still held after %s"), skt_text_get(&t->place),
		       skt_duration_print(skt_now() - t->began, after));
	skt_hint(err, _("see who holds it: soket who %.100s"), skt_text_get(&t->again));
	return -SKT_E_TIMEOUT;
}

/* A newcomer that forked from a target just before that ended is a target too: as long as the grace lasts, new holders whose
 * parent was one are ended with it. */
static int take_adopt(struct take *t, const struct skt_holders *h, struct skt_error *err)
{
	size_t before = t->n;

	for (size_t i = 0; i < h->census.n_processes; i++) {
		const struct skt_process *p = &h->census.process[i];

		if (!take_find(t, p->pid) && p->parent > 1 && take_find(t, p->parent) && take_add(t, p) < 0)
			return skt_fail_memory(err);
	}
	return t->n > before && take_refuse_any(t, err) < 0 ? -(int)err->kind : 0;
}

static int take_round(struct take *t, enum outcome *outcome, struct skt_text *who, struct skt_error *err)
{
	struct skt_holders h = { 0 };
	size_t before = t->n;
	int ret = skt_holders_look(&t->spot, &t->spec, &h, err);

	if (ret < 0)
		return ret;
	*outcome = take_look_again(t, &h, who);
	if (*outcome == TAKE_HELD_AGAIN)
		ret = take_adopt(t, &h, err);
	skt_holders_release(&h);
	if (ret == 0 && t->n > before) {
		skt_text_clear(who);
		*outcome = TAKE_STILL_HELD;
		/* not the others once more: each signal could make one that forks fork again */
		ret = take_signal_all(t, before, t->was_killed ? SIGKILL : SIGTERM, err);
	}
	return ret;
}

static int take_wait(struct take *t, struct skt_error *err)
{
	skt_time pause = TAKE_PAUSE_FIRST, ends = t->began + (t->timeout ? t->timeout : t->grace + TAKE_AFTER_KILL);
	struct skt_text who = { 0 };
	enum outcome outcome = TAKE_STILL_HELD;
	int ret;

	for (;;) {
		ret = take_round(t, &outcome, &who, err);
		if (ret < 0 || outcome == TAKE_FREE)
			break;
		if (outcome == TAKE_HELD_AGAIN) {
			ret = take_fail_again(t, &who, err);
			break;
		}
		if (skt_now() >= ends) {
			ret = take_fail_timeout(t, err);
			break;
		}
		if (!t->was_killed && skt_now() >= t->began + t->grace) {
			t->was_killed = true;
			ret = take_signal_all(t, 0, SIGKILL, err);
			if (ret < 0)
				break;
		}
		take_sleep(t, pause);
		pause = 2 * pause < TAKE_PAUSE_MOST ? 2 * pause : TAKE_PAUSE_MOST;
	}
	skt_text_release(&who);
	return ret;
}

/* --- the command ------------------------------------------------------------------------------------------------------------- */

static void take_said_free(const struct take *t)
{
	if (t->json)
		take_event(t, "free", NULL);
	else if (t->n == 0)
		skt_say(_("nobody holds %s: it is free"), skt_text_get(&t->place));
	else if (t->n == 1)
		skt_say(t->was_killed ? _("%s is free: %s was killed") : _("%s is free: %s has ended"),
			skt_text_get(&t->place), t->target[0].words);
	else
		skt_say(NG_("%s is free: %zu process has ended", "%s is free: %zu processes have ended", t->n),
			skt_text_get(&t->place), t->n);
}

static void take_forget(struct take *t)
{
	for (size_t i = 0; i < t->n; i++) {
		skt_close(t->target[i].pidfd);
		skt_free(t->target[i].words);
	}
	t->n = 0;
}

static int take_look(struct take *t, struct skt_error *err)
{
	struct skt_holders h = { 0 };
	int ret = skt_holders_look(&t->spot, &t->spec, &h, err);

	if (ret < 0)
		return ret;
	ret = take_gather(t, &h, err);
	if (ret == 0)
		ret = take_gather_lease(t, &h, err);
	skt_holders_release(&h);
	return ret;
}

/* The sockets are read before the processes: of a program that ends in between there is a socket that nobody has. Only what is so
 * again and again cannot be seen. */
static int take_do(struct take *t, bool is_sure, struct skt_error *err)
{
	int ret = take_look(t, err);

	for (int i = 0; ret == -SKT_E_DENIED && i < TAKE_LOOKS; i++) {
		take_forget(t);
		(void)skt_sys.poll(NULL, 0, TAKE_LOOK_MS);
		ret = take_look(t, err);
	}
	if (ret == 0)
		ret = take_refuse_any(t, err);
	if (ret < 0 || t->n == 0)
		return ret;
	if (!is_sure)
		ret = take_ask(t, err);
	t->began = skt_now();
	if (ret == 0)
		ret = take_signal_all(t, 0, SIGTERM, err);
	return ret < 0 ? ret : take_wait(t, err);
}

static int take_endpoint(const struct skt_args *args, struct take *t, int *at, struct skt_error *err)
{
	int ret = skt_args_endpoint(args, at, _("a port"), &t->e, err);

	if (ret == 0)
		ret = skt_args_finish(args, *at, err);
	if (ret == 0 && args->has_after) {
		(void)skt_fail(err, SKT_E_USAGE, 0, "%s", _("take runs no command"));
		skt_hint(err, "%s", _("leave -- and what follows out; then start the command: soket take 8080 && CMD"));
		ret = -SKT_E_USAGE;
	}
	if (ret == 0)
		ret = skt_spot_of(&t->e, &t->spot, err);
	if (ret == 0)
		ret = skt_spot_resolve(&t->e, &t->spot, err);
	if (ret == 0 && t->spot.name && t->spot.name[0] != '@')
		t->spec.protos = SKT_PROTOS_UNIX; /* a path is of whatever type has it */
	if (t->spec.netns)
		t->spot.is_remote = false; /* the addresses of that namespace are not known here */
	if (ret == 0 && t->spot.is_remote) {
		(void)skt_fail(err, SKT_E_USAGE, 0, "%s", _("that address is not one of this machine"));
		skt_hint(err, "%s",
			 _("soket take ends programs of this machine; soket close ends connections to others"));
		ret = -SKT_E_USAGE;
	}
	return ret;
}

static void take_release(struct take *t)
{
	take_forget(t);
	skt_free(t->target);
	skt_text_release(&t->place);
	skt_text_release(&t->again);
	skt_endpoint_release(&t->e);
}

static int take_run(const struct skt_args *args)
{
	struct take t = { .json = skt_args_has(args, "json"), .spec.depth = SKT_PROCESS_FULL };
	struct skt_error err = { 0 };
	int at = 0, status = SKT_OK;

	t.began = skt_now();
	t.grace = skt_args_number(args, "grace", TAKE_GRACE);
	t.timeout = skt_args_number(args, "timeout", 0);
	t.spec.netns = skt_args_string(args, "netns", NULL);
	if (take_endpoint(args, &t, &at, &err) < 0) {
		char *source = skt_say_source(args, 0);

		status = skt_say_error(&err, source, t.json);
		skt_free(source);
	} else {
		skt_endpoint_print_address(&t.e, &t.place);
		skt_text_add(&t.again, skt_text_get(&t.place));
		if (t.spec.netns)
			skt_text_addf(&t.again, " --netns %s", t.spec.netns);
		if (take_do(&t, skt_args_has(args, "yes"), &err) < 0)
			status = skt_say_error(&err, NULL, t.json);
		else
			take_said_free(&t);
	}
	take_release(&t);
	return status;
}

static const struct skt_flag take_flags[] = {
	{ .name = "yes", .letter = 'y', .help = N_("do not ask first; needed where there is no terminal") },
	{ .name = "grace",
	  .type = SKT_OPT_DURATION,
	  .argument = "DURATION",
	  .help = N_("how long after SIGTERM whoever still lives gets SIGKILL (5s)") },
	{ .name = "timeout",
	  .type = SKT_OPT_DURATION,
	  .argument = "DURATION",
	  .help = N_("give up when the port is still held after this (5s more than --grace)") },
	SKT_FLAG_NETNS,
	{ .name = NULL },
};

static const struct skt_example take_examples[] = {
	{ "soket take 8080", N_("name who holds the port, ask, and end it") },
	{ "soket take 8080 --yes --grace 1s", N_("without asking, and with less patience") },
	{ "soket take udp:5353 -y", N_("a UDP port") },
	{ "soket take /run/app.sock -y", N_("who listens on a unix socket") },
	{ NULL, NULL },
};

const struct skt_command skt_cmd_take = {
	.name = "take",
	.summary = N_("ends the program that holds a port, and waits until the port is free"),
	.synopsis = "PORT|ENDPOINT [FLAGS]",
	.description = N_(
		"Names every process that has the port open, asks first on a terminal, and sends each SIGTERM; whoever still lives "
		"after --grace gets SIGKILL. It ends when nothing is bound there any more. A port alone means TCP, on any address; "
		"udp:53 and paths of unix sockets are fine too.\n\n"
		"Signals go through pidfds, to exactly the processes that were named: never to another that got the same pid. "
		"Process 1, soket itself and its ancestors (your shell, your terminal, your ssh session) are never ended.\n\n"
		"The status is 0 where the port is free in the end, also where nobody held it; 1 where the answer was no; 5 where it "
		"is still held when time is up; 6 where the holder cannot be seen or may not be ended; 7 where somebody else has it "
		"meanwhile, such as a service that its supervisor started anew."),
	.flags = take_flags,
	.examples = take_examples,
	.takes_endpoints = 1,
	.words = "@port",
	.run = take_run,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* The leases of soket run: from -p to ports that are held and recorded.
 *
 * With the book locked, names are looked up, ports are held and records are written: of two that ask for one name at once, the second
 * finds the record of the first. Where there is no book (a directory that is full, read-only or not ours) the ports are held
 * all the same, one line says that they are not recorded, and a name cannot be known to run. */
#include "cli/run.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/message.h"
#include "base/unit.h"
#include "cli/say.h"
#include "inspect/holder.h"
#include "sys/call.h"
#include "sys/clock.h"

enum { RUN_PICKS = 64 };

/* --- what is asked for ------------------------------------------------------------------------------------------------ */

static int run_fail_name(const char *text, struct skt_error *err)
{
	int64_t port;

	(void)skt_fail(err, SKT_E_USAGE, 0, _("not a name for a lease: %.60s"), text);
	if (skt_number_parse(text, &port) == 0 && port <= 65535)
		skt_hint(err, _("give the port a name: -p web=%d"), (int)port);
	else
		skt_hint(err, _("a name has small letters, digits, - and _, at most %d: -p web, -p api=3000"),
			 SKT_LEASE_NAME_MAX);
	return -SKT_E_USAGE;
}

static int run_parse_port(const char *text, const char *name, int *ret, struct skt_error *err)
{
	int64_t port;

	if (skt_number_parse(text, &port) < 0 || port > 65535) {
		(void)skt_fail(err, SKT_E_USAGE, 0, _("not a port: %.60s"), text);
		skt_hint(err, _("ports are 0-65535, and 0 lets the kernel pick one: -p %s=3000"), name);
		return -SKT_E_USAGE;
	}
	*ret = (int)port;
	return 0;
}

/* Names that differ only in - and _ would share their variables. */
static int run_check_twice(const struct skt_run *run, const struct skt_run_lease *l, struct skt_error *err)
{
	char name[SKT_LEASE_NAME_MAX + 1], other[SKT_LEASE_NAME_MAX + 1];

	(void)skt_run_environment_name(l->lease.name, name);
	for (int i = 0; i < run->n; i++) {
		const struct skt_run_lease *o = &run->lease[i];

		if (strcmp(name, skt_run_environment_name(o->lease.name, other)) == 0) {
			(void)skt_fail(err, SKT_E_USAGE, 0, _("-p has the name %s twice"), l->lease.name);
			skt_hint(err, _("%s_PORT could be one port only"), name);
			return -SKT_E_USAGE;
		}
		if (l->wanted > 0 && l->wanted == o->wanted) {
			(void)skt_fail(err, SKT_E_USAGE, 0, _("-p has port %d twice: %s and %s"), l->wanted,
				       o->lease.name, l->lease.name);
			skt_hint(err, "%s", _("one name is enough for one port"));
			return -SKT_E_USAGE;
		}
	}
	return 0;
}

/* NAME[=PORT] */
static int run_add(struct skt_run *run, const char *text, struct skt_error *err)
{
	struct skt_run_lease l = { .hold.fd = { -1, -1 }, .wanted = -1 };
	size_t n = strcspn(text, "=");
	int failed;

	if (run->n == SKT_RUN_LEASES)
		return skt_fail(err, SKT_E_USAGE, 0, _("more than %d ports"), SKT_RUN_LEASES);
	if (n > 0 && n <= SKT_LEASE_NAME_MAX)
		memcpy(l.lease.name, text, n);
	if (!skt_lease_is_name(l.lease.name))
		return run_fail_name(text, err);
	failed = text[n] ? run_parse_port(text + n + 1, l.lease.name, &l.wanted, err) : 0;
	if (failed == 0)
		failed = run_check_twice(run, &l, err);
	if (failed == 0)
		run->lease[run->n++] = l;
	return failed;
}

static int run_add_all(struct skt_run *run, struct skt_error *err)
{
	const char *text;
	int failed = 0;

	for (int i = 0; failed == 0 && (text = skt_args_each(run->args, "port", i)) != NULL; i++)
		failed = run_add(run, text, err);
	if (failed == 0 && run->n == 0)
		run->lease[run->n++] = (struct skt_run_lease){ .hold.fd = { -1, -1 } };
	return failed;
}

static int run_check(const struct skt_run *run, struct skt_error *err)
{
	if (run->any && !run->activates) {
		(void)skt_fail(err, SKT_E_USAGE, 0, "%s", _("--any needs --activate"));
		skt_hint(err, "%s", _("without --activate the command itself chooses the addresses that it listens on"));
		return -SKT_E_USAGE;
	}
	if (run->drops && run->activates) {
		(void)skt_fail(err, SKT_E_USAGE, 0, "%s", _("--activate and --drop-at-exec exclude each other"));
		skt_hint(err, "%s", _("a command that is given its sockets need not bind them"));
		return -SKT_E_USAGE;
	}
	return 0;
}

/* Where nobody can tell our directory any more, because it was removed, it is "". */
static char *run_directory(void)
{
	char path[PATH_MAX];

	return skt_strdup(getcwd(path, sizeof(path)) ? path : "");
}

static char *run_command(const struct skt_args *args)
{
	struct skt_text t = { 0 };

	for (int i = 0; i < args->n_after; i++)
		skt_text_addf(&t, "%s%s", i ? " " : "", args->after[i]);
	return skt_text_take(&t);
}

int skt_run_init(struct skt_run *run, const struct skt_args *args, struct skt_error *err)
{
	int failed;

	*run = (struct skt_run){
		.args = args,
		.json = skt_args_has(args, "json"),
		.joins = skt_args_has(args, "join"),
		.activates = skt_args_has(args, "activate"),
		.any = skt_args_has(args, "any"),
		.drops = skt_args_has(args, "drop-at-exec"),
	};
	failed = run_check(run, err);
	if (failed == 0)
		failed = run_add_all(run, err);
	if (failed < 0)
		return failed;
	run->directory = run_directory();
	run->command = run_command(args);
	return run->directory && run->command ? 0 : skt_fail_memory(err);
}

/* --- names that run already ------------------------------------------------------------------------------------------- */

static void run_running_json(const struct skt_lease *l)
{
	struct skt_json j = { 0 };
	char url[40], since[SKT_UNIT_LENGTH];

	(void)snprintf(url, sizeof(url), "http://localhost:%u", l->port);
	skt_json_object(&j, NULL);
	skt_json_string(&j, "event", "running");
	skt_json_string(&j, "name", l->name);
	skt_json_int(&j, "port", l->port);
	skt_json_string(&j, "url", url);
	skt_json_int(&j, "owner", l->owner);
	if (l->child)
		skt_json_int(&j, "child", l->child);
	else
		skt_json_null(&j, "child");
	skt_json_string(&j, "since", skt_instant_print(l->since, since));
	skt_json_string(&j, "command", l->command);
	skt_json_string(&j, "directory", l->directory);
	skt_json_end_object(&j);
	(void)skt_say_json(&j);
	skt_json_release(&j);
}

/* "since 04:25:08 (3 min 2 s)" in the user's own time; with the date where it was not today */
static void run_since(const struct skt_lease *l, char *ret, size_t size)
{
	time_t at = (time_t)(l->since / SKT_SECOND), now = time(NULL);
	int64_t age = skt_unix_now() - l->since;
	char clock[40] = "", span[SKT_UNIT_LENGTH];
	struct tm tm = { 0 }, today = { 0 };

	if (localtime_r(&at, &tm) && localtime_r(&now, &today))
		(void)strftime(clock, sizeof(clock),
			       tm.tm_yday == today.tm_yday && tm.tm_year == today.tm_year ? "%H:%M:%S"
											  : "%Y-%m-%d %H:%M:%S",
			       &tm);
	(void)snprintf(ret, size, _("since %s (%s)"), clock, skt_duration_print(age > 0 ? age : 0, span));
}

static int run_fail_running(const struct skt_lease *l, struct skt_error *err)
{
	char since[120];

	run_since(l, since, sizeof(since));
	(void)skt_fail(err, SKT_E_INUSE, 0, _("%s already runs here: http://localhost:%u (pid %d), %s"), l->name,
		       l->port, (int)l->owner, since);
	skt_hint(err, _("--join takes that for success; to end it: kill %d"), (int)l->owner);
	return -SKT_E_INUSE;
}

static void run_say_running(const struct skt_run *run, const struct skt_lease *l)
{
	char since[120];

	if (run->json) {
		run_running_json(l);
		return;
	}
	run_since(l, since, sizeof(since));
	skt_say(_("%s already runs here: http://localhost:%u (pid %d), %s"), l->name, l->port, (int)l->owner, since);
}

static int run_look_up(const struct skt_run *run, const struct skt_leasebook *book, const struct skt_leases *leases,
		       bool *running, struct skt_error *err)
{
	const struct skt_lease *found[SKT_RUN_LEASES], *first = NULL;
	int n = 0;

	for (int i = 0; i < run->n; i++) {
		found[i] = skt_leasebook_find(book, leases, run->directory, run->lease[i].lease.name);
		n += found[i] != NULL;
		first = first ? first : found[i];
	}
	if (!first)
		return 0;
	if (!run->joins)
		return run_fail_running(first, err);
	if (n < run->n) { /* a part cannot be joined, and the rest cannot be started without it */
		(void)run_fail_running(first, err);
		skt_hint(err, _("but others of the names are not: start these alone, or end it: kill %d"),
			 (int)first->owner);
		return -SKT_E_INUSE;
	}
	for (int i = 0; i < run->n; i++)
		run_say_running(run, found[i]);
	*running = true;
	return 0;
}

/* --- ports that are held ---------------------------------------------------------------------------------------------- */

static int run_explain(unsigned port, struct skt_error *err)
{
	struct skt_endpoint e;
	char text[24], *any;

	(void)snprintf(text, sizeof(text), "any:%u", port);
	if (skt_endpoint_parse(text, &e, NULL) == 0) {
		skt_holder_explain(&e, err);
		any = strstr(err->hint, "any:"); /* ports alone are what -p takes */
		if (any)
			memmove(any, any + 4, strlen(any + 4) + 1);
		skt_endpoint_release(&e);
	}
	return -(int)err->kind;
}

/* A lease whose command has not bound it yet, or that was dropped at exec: nobody holds the port, and yet it is given away. */
static int run_fail_leased(const struct skt_lease *l, struct skt_error *err)
{
	char since[120];

	run_since(l, since, sizeof(since));
	(void)skt_fail(err, SKT_E_INUSE, EADDRINUSE, _("port %u is leased to %s (pid %d) in %s, %s"), l->port,
		       l->name[0] ? l->name : _("another command"), (int)l->owner, l->directory, since);
	skt_hint(err, _("choose another port, or end it: kill %d"), (int)l->owner);
	return -SKT_E_INUSE;
}

static int run_hold_given(struct skt_run_lease *l, const struct skt_leases *leases, struct skt_error *err)
{
	const struct skt_lease *other = skt_leases_of_port(leases, (unsigned)l->wanted);
	int failed;

	if (other)
		return run_fail_leased(other, err);
	failed = skt_hold_open((unsigned)l->wanted, &l->hold, err);
	return failed == -SKT_E_INUSE || failed == -SKT_E_DENIED ? run_explain((unsigned)l->wanted, err) : failed;
}

/* The kernel picks; ports that were dropped at exec are leased, and it does not know. */
static int run_hold_any(struct skt_run_lease *l, const struct skt_leases *leases, struct skt_error *err)
{
	int failed = -SKT_E_INUSE;

	for (int i = 0; i < RUN_PICKS && failed == -SKT_E_INUSE; i++) {
		failed = skt_hold_open(0, &l->hold, err);
		if (failed == 0 && skt_leases_of_port(leases, l->hold.port)) {
			skt_hold_close(&l->hold);
			failed = skt_fail(err, SKT_E_INUSE, EADDRINUSE, "%s", _("no port is free for both families"));
		}
	}
	return failed;
}

static int run_hold_preferred(const struct skt_run *run, struct skt_run_lease *l, const struct skt_leases *leases,
			      struct skt_error *err)
{
	for (int i = 0; i < SKT_PREFERRED; i++) {
		unsigned port = skt_port_preferred(run->directory, l->lease.name, i);

		if (port == 0)
			break;
		if (!skt_leases_of_port(leases, port) && skt_hold_open(port, &l->hold, NULL) == 0)
			return 0;
	}
	return run_hold_any(l, leases, err);
}

static int run_hold_one(const struct skt_run *run, struct skt_run_lease *l, const struct skt_leases *leases,
			struct skt_error *err)
{
	int failed = l->wanted > 0    ? run_hold_given(l, leases, err)
		     : l->wanted == 0 ? run_hold_any(l, leases, err)
				      : run_hold_preferred(run, l, leases, err);

	if (failed == 0 && run->activates) {
		l->n_listening = skt_hold_listen(&l->hold, run->any, l->listening, err);
		failed = l->n_listening < 0 ? l->n_listening : 0;
		l->n_listening = failed < 0 ? 0 : l->n_listening;
	}
	return failed;
}

/* --- records ---------------------------------------------------------------------------------------------------------- */

static int run_fill(const struct skt_run *run, struct skt_run_lease *l, struct skt_error *err)
{
	l->lease.port = l->hold.port;
	l->lease.since = skt_unix_now();
	l->lease.command = skt_strdup(run->command);
	l->lease.directory = skt_strdup(run->directory);
	skt_lease_own(&l->lease);
	return l->lease.command && l->lease.directory ? 0 : skt_fail_memory(err);
}

static void run_say_unrecorded(const struct skt_error *why)
{
	skt_say(_("the lease is not recorded: %s"), why->text);
}

static void run_record(struct skt_run *run, const struct skt_leasebook *book)
{
	struct skt_error why;

	for (int i = 0; i < run->n; i++)
		if (skt_leasebook_write(book, &run->lease[i].lease, &why) < 0) {
			run_say_unrecorded(&why);
			return;
		}
}

void skt_run_record_child(struct skt_run *run, pid_t child)
{
	struct skt_leasebook book;
	struct skt_error why;

	if (!run->lease[0].lease.path || skt_leasebook_open(&book, true, &why) < 0)
		return;
	for (int i = 0; i < run->n && run->lease[i].lease.path; i++) {
		run->lease[i].lease.child = child;
		(void)skt_leasebook_write(&book, &run->lease[i].lease, &why);
	}
	skt_leasebook_close(&book);
}

static int run_hold_all(struct skt_run *run, const struct skt_leases *leases, struct skt_error *err)
{
	int failed = 0;

	for (int i = 0; i < run->n && failed == 0; i++)
		failed = run_hold_one(run, &run->lease[i], leases, err);
	for (int i = 0; i < run->n && failed == 0; i++)
		failed = run_fill(run, &run->lease[i], err);
	return failed;
}

int skt_run_hold(struct skt_run *run, bool *running, struct skt_error *err)
{
	struct skt_leasebook book = { .fd = -1 };
	struct skt_leases leases = { 0 };
	struct skt_error why = { 0 };
	bool has_book = skt_leasebook_open(&book, true, &why) == 0;
	int failed = has_book ? skt_leasebook_read(&book, &leases, err) : 0;

	*running = false;
	if (failed == 0 && has_book)
		failed = run_look_up(run, &book, &leases, running, err);
	if (failed == 0 && !*running) {
		failed = run_hold_all(run, &leases, err);
		if (failed == 0 && has_book)
			run_record(run, &book);
		else if (failed == 0)
			run_say_unrecorded(&why);
	}
	skt_leases_release(&leases);
	skt_leasebook_close(&book);
	return failed;
}

/* The ports first: who finds the name free again finds its port free too. */
void skt_run_give_back(struct skt_run *run)
{
	for (int i = 0; i < run->n; i++)
		skt_hold_close(&run->lease[i].hold);
	for (int i = 0; i < run->n; i++)
		skt_lease_remove(&run->lease[i].lease);
}

void skt_run_release(struct skt_run *run)
{
	skt_run_give_back(run);
	for (int i = 0; i < run->n; i++) {
		for (int k = 0; k < run->lease[i].n_listening; k++)
			skt_close(run->lease[i].listening[k]);
		skt_lease_release(&run->lease[i].lease);
	}
	skt_free(run->directory);
	skt_free(run->command);
	run->n = 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* soket run: a command with ports of its own. */
#include <stdio.h>

#include "base/message.h"
#include "cli/commands.h"
#include "cli/run.h"
#include "cli/say.h"

static int run_check_words(const struct skt_args *args, struct skt_error *err)
{
	if (args->n_words > 0) {
		(void)skt_fail(err, SKT_E_USAGE, 0, _("unexpected word: %.60s"), args->word[0]);
		skt_hint(err, _("the command goes behind --, such as: soket run -- %.60s"), args->word[0]);
		return -SKT_E_USAGE;
	}
	if (args->n_after == 0) {
		(void)skt_fail(err, SKT_E_USAGE, 0, "%s", _("a command is missing after --"));
		skt_hint(err, "%s", _("for example: soket run -p web -- npm start"));
		return -SKT_E_USAGE;
	}
	return 0;
}

/* The command has stdout: what is about it goes to stderr. */
static void run_event(const struct skt_json *j)
{
	struct skt_text t = { 0 };

	skt_text_addf(&t, "%s\n", skt_json_get(j));
	if (!t.failed)
		skt_say_plain(skt_text_get(&t));
	skt_text_release(&t);
}

static void run_say_json(const struct skt_run_lease *l)
{
	struct skt_json j = { 0 };
	char url[40];

	(void)snprintf(url, sizeof(url), "http://localhost:%u", l->hold.port);
	skt_json_object(&j, NULL);
	skt_json_string(&j, "event", "leased");
	skt_json_string(&j, "name", l->lease.name[0] ? l->lease.name : NULL);
	skt_json_int(&j, "port", l->hold.port);
	skt_json_string(&j, "url", url);
	skt_json_string(&j, "record", l->lease.path);
	skt_json_end_object(&j);
	run_event(&j);
	skt_json_release(&j);
}

static void run_say_leased(const struct skt_run *run)
{
	struct skt_text t = { 0 };

	for (int i = 0; i < run->n; i++) {
		const struct skt_run_lease *l = &run->lease[i];

		if (run->json)
			run_say_json(l);
		skt_text_addf(&t, "%s%s%shttp://localhost:%u", i ? ", " : "", l->lease.name,
			      l->lease.name[0] ? " " : "", l->hold.port);
	}
	if (!run->json)
		skt_say(_("leased: %s"), skt_text_get(&t));
	skt_text_release(&t);
}

static void run_say_ended(const struct skt_run *run, int status)
{
	struct skt_json j = { 0 };

	if (!run->json)
		return;
	skt_json_object(&j, NULL);
	skt_json_string(&j, "event", "ended");
	skt_json_int(&j, "status", status);
	skt_json_bool(&j, "listened", skt_run_was_heard(run));
	skt_json_end_object(&j);
	run_event(&j);
	skt_json_release(&j);
}

static int run_all(struct skt_run *run, int *status, struct skt_error *err)
{
	bool running;
	int failed = skt_run_hold(run, &running, err);

	if (failed < 0 || running)
		return failed;
	run_say_leased(run);
	failed = skt_run_child(run, status, err);
	if (failed == 0)
		run_say_ended(run, *status);
	return failed;
}

static int run_run(const struct skt_args *args)
{
	struct skt_run run = { .n = 0 };
	struct skt_error err = { 0 };
	int status = SKT_OK, failed = run_check_words(args, &err);

	if (failed == 0)
		failed = skt_run_init(&run, args, &err);
	if (failed == 0)
		failed = run_all(&run, &status, &err);
	skt_run_release(&run);
	return failed < 0 ? skt_say_error(&err, NULL, skt_args_has(args, "json")) : status;
}

static const struct skt_flag run_flags[] = {
	{ .name = "port",
	  .letter = 'p',
	  .type = SKT_OPT_STRING,
	  .argument = "NAME[=PORT]",
	  .many = true,
	  .help = N_("lease a port under that name; PORT 0 is one that the kernel picks") },
	{ .name = "join", .help = N_("where the name runs already in this directory, that is success") },
	{ .name = "activate", .help = N_("listen, and hand the listening sockets over (LISTEN_FDS)") },
	{ .name = "any", .help = N_("with --activate: listen on every interface, not on loopback only") },
	{ .name = "drop-at-exec",
	  .help = N_("let go of the ports when the command starts: for programs without SO_REUSEADDR") },
	{ .name = NULL },
};

static const struct skt_example run_examples[] = {
	{ "soket run -- sh -c 'echo $PORT'", N_("a free port in PORT") },
	{ "soket run -p web -- sh -c 'exec python3 -m http.server $PORT'",
	  N_("a server on a port that is the same each time in this directory") },
	{ "soket run -p web --join -- sh -c 'exec python3 -m http.server $PORT'",
	  N_("start it, unless it is running here already") },
	{ "soket run -p web -p api=0 -- env", N_("two ports, as WEB_PORT and WEB_URL, API_PORT and API_URL") },
	{ "soket run --activate -- env", N_("hand a listening socket over, as systemd does") },
	{ NULL, NULL },
};

const struct skt_command skt_cmd_run = {
	.name = "run",
	.summary = N_("runs a command with a port that nobody else is handed"),
	.synopsis = "[-p NAME[=PORT]]... [FLAGS] -- CMD...",
	.description = N_(
		"The port is a lease: it is bound, in both families and without listening, for as long as the command runs, so "
		"that no other program is given it. The command finds it in PORT (the first), NAME_PORT and NAME_URL, where NAME "
		"is the name in upper case with _ for -. Without -p there is one port, in PORT only. The exit status is the "
		"command's own, or 128 and the number of the signal that ended it. Signals are passed on; what the terminal "
		"sends, such as Ctrl-C and Ctrl-Z, the command has from the terminal itself.\n\n"
		"A name gets the same port each time in the same directory, so that bookmarks stay valid: one that follows from "
		"the two, from 20000 up and outside of the range that the kernel hands out (net.ipv4.ip_local_port_range), or "
		"another one while that is taken. NAME=PORT asks for that port, and fails with status 7 where it is in use. A "
		"name that runs already in this directory is not started again: the status is 7, or 0 with --join.\n\n"
		"Each lease is recorded in a file below $XDG_RUNTIME_DIR/soket/leases (without it, /run/user/UID, or "
		"soket-UID in $TMPDIR or /tmp), which goes when the command has ended; what a killed soket left behind, the next "
		"one removes. Where nothing can be written, the lease holds all the same, and a line says that it is not "
		"recorded.\n\n"
		"A program can bind a leased port if it sets SO_REUSEADDR, as nearly every server does. One that does not is told "
		"that the address is in use; --drop-at-exec closes soket's sockets right before it starts, which leaves a "
		"moment in which another program could take the port.\n\n"
		"With --activate soket itself listens, before the command starts, and the command is given the sockets from "
		"descriptor 3 on, with LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES as sd_listen_fds(3) says. Each port is one "
		"socket for both families where the kernel allows it, reached through loopback only, or from everywhere with "
		"--any."),
	.flags = run_flags,
	.examples = run_examples,
	.run = run_run,
};

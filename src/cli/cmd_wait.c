/* SPDX-License-Identifier: Apache-2.0 */
/* soket wait: until endpoints accept, or are free; then a command. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/message.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/say.h"
#include "cli/wait.h"
#include "sys/limit.h"

#define WAIT_TIMEOUT (60 * SKT_SECOND)

enum { WAIT_ENDPOINTS = 64 };

static int wait_check_command(const struct skt_args *args, struct skt_error *err)
{
	if (!args->has_after || args->n_after > 0)
		return 0;
	(void)skt_fail(err, SKT_E_USAGE, 0, "%s", _("a command is missing after --"));
	skt_hint(err, "%s", _("for example: soket wait :8080 -- curl http://localhost:8080"));
	return -SKT_E_USAGE;
}

/* Read every endpoint; *at stays at the one that is wrong. */
static int wait_endpoints(const struct skt_args *args, int *at, struct skt_wait *w, struct skt_error *err)
{
	int next = 0;

	do {
		struct skt_wait_target *t = &w->target[w->n];

		*at = next;
		if (w->n == WAIT_ENDPOINTS)
			return skt_fail(err, SKT_E_USAGE, 0, _("more than %d endpoints"), WAIT_ENDPOINTS);
		if (skt_args_endpoint(args, &next, _("an endpoint"), &t->e, err) < 0)
			return -(int)err->kind;
		w->n++;
		if (skt_probe_prepare(&t->e, w->want, err) < 0)
			return -(int)err->kind;
		skt_endpoint_print_address(&t->e, &t->name);
	} while (next < args->n_words);
	return 0;
}

/* An error in the words from number `at` on, with its source. */
static int wait_refuse(const struct skt_args *args, int at, const struct skt_error *err)
{
	char *source = at < args->n_words ? skt_say_source(args, at) : NULL;
	int status = skt_say_error(err, source, skt_args_has(args, "json"));

	skt_free(source);
	return status;
}

/* Become the command: its signals and its status are its own. Comes back only where that fails. */
static int wait_become(const struct skt_args *args)
{
	const char **argv = skt_malloc(((size_t)args->n_after + 1) * sizeof(*argv));
	struct skt_error err = { 0 };

	if (!argv) {
		(void)skt_fail_memory(&err);
		return skt_say_error(&err, NULL, skt_args_has(args, "json"));
	}
	for (int i = 0; i < args->n_after; i++)
		argv[i] = args->after[i];
	argv[args->n_after] = NULL;
	skt_limit_restore();
	(void)execvp(argv[0], (char *const *)(uintptr_t)argv);
	(void)skt_fail(&err, SKT_E_CHILD, errno, _("cannot start %.160s: %s"), argv[0], strerror(errno));
	if (err.sys == ENOENT)
		skt_hint(&err, "%s", _("it is not in PATH: check the name, or write its whole path"));
	else if (err.sys == EACCES)
		skt_hint(&err, _("try: chmod +x %.120s"), argv[0]);
	skt_free(argv);
	return skt_say_error(&err, NULL, skt_args_has(args, "json"));
}

/* Wait, and say how it ended. Returns the exit status. */
static int wait_out(struct skt_wait *w)
{
	struct skt_error err = { 0 };
	int ret = skt_wait_run(w, &err);

	skt_wait_say_end(w);
	return ret < 0 ? skt_wait_say_error(w, &err) : SKT_OK;
}

static int wait_run(const struct skt_args *args)
{
	struct skt_wait w = {
		.want = skt_args_has(args, "free") ? SKT_PROBE_FREE : SKT_PROBE_READY,
		.any = skt_args_has(args, "any"),
		.timeout = skt_args_number(args, "timeout", WAIT_TIMEOUT),
		.interval = skt_args_number(args, "interval", 0),
		.json = skt_args_has(args, "json"),
		.json_fd = args->has_after ? STDERR_FILENO : STDOUT_FILENO,
	};
	struct skt_error err = { 0 };
	int at = args->n_words, status, ret;

	w.target = skt_zalloc(WAIT_ENDPOINTS * sizeof(*w.target));
	ret = w.target ? wait_check_command(args, &err) : skt_fail_memory(&err);
	if (ret == 0)
		ret = wait_endpoints(args, &at, &w, &err);
	(void)skt_limit_raise();
	status = ret < 0 ? wait_refuse(args, at, &err) : wait_out(&w);
	skt_wait_release(&w);
	return status == SKT_OK && args->has_after ? wait_become(args) : status;
}

static const struct skt_flag wait_flags[] = {
	{ .name = "timeout",
	  .letter = 't',
	  .type = SKT_OPT_DURATION,
	  .argument = "DURATION",
	  .help = N_("give up after this long, with exit status 5 (60s); 0 waits for ever") },
	{ .name = "free", .help = N_("wait until nobody listens there, and a server could") },
	{ .name = "any", .help = N_("until one of the endpoints is ready, instead of all") },
	{ .name = "interval",
	  .type = SKT_OPT_DURATION,
	  .min = SKT_MS,
	  .max = 3600 * SKT_SECOND,
	  .argument = "DURATION",
	  .help = N_("always pause this long between two tries, instead of a little longer each time") },
	{ .name = NULL },
};

static const struct skt_example wait_examples[] = {
	{ "soket wait localhost:5432 -- ./migrate", N_("run a program once the database accepts connections") },
	{ "soket wait :8080 :9090 /run/app.sock -t 30s", N_("until three servers are up, for half a minute at most") },
	{ "soket wait --free :8080 -- ./server", N_("start a server once the old one has given its port back") },
	{ "soket wait --any 10.0.0.5:80 10.0.0.6:80", N_("until one of two machines answers") },
	{ NULL, NULL },
};

const struct skt_command skt_cmd_wait = {
	.name = "wait",
	.summary = N_("waits until endpoints accept, or are free; then runs a command"),
	.synopsis = "E [OPTION=VALUE]... [E [OPTION=VALUE]...]... [FLAGS] [-- CMD...]",
	.description = N_(
		"An endpoint is ready when it accepts a connection; none of its bytes are used, and the connection is "
		"closed at once. All endpoints are tried at the same time, again and again, until all of them have been "
		"ready once. It makes no difference whether a name cannot be resolved yet, a socket's file is not there "
		"yet, or a server refuses, is unreachable or does not answer: all of these may change. A try has 5 "
		"seconds, unless the endpoint says timeout=. What cannot change by waiting, such as a wrong address or "
		"missing permission, ends it at once with the exit status of that failure.\n\n"
		"With --free it is the other way round: until nobody listens on the address or has it bound, so that a "
		"server can start there. Nothing is listened on meanwhile, so another program may still be faster.\n\n"
		"A new try follows after 50 ms, later after a tenth of the time that has passed: at most 100 ms on this "
		"machine, and one second elsewhere. On a terminal a line shows what is still missing, and why. When time "
		"is up, the error says of each endpoint that is missing what was seen last.\n\n"
		"The command takes soket's place: its process, its signals and its exit status. It is not started when "
		"waiting has failed. With --json, events go to stderr where a command is given, and to stdout otherwise."),
	.flags = wait_flags,
	.examples = wait_examples,
	.takes_endpoints = WAIT_ENDPOINTS,
	.words = "@port",
	.run = wait_run,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* soket connect: joins the terminal, or the pipe, to an endpoint. */
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "cli/commands.h"
#include "cli/joining.h"
#include "transport/transport.h"

static int connect_endpoints(const struct skt_args *args, int *at, struct skt_joining *j, struct skt_error *err)
{
	int ret = skt_endpoint_parse("-", &j->from, err);

	if (ret == 0)
		ret = args->has_after && args->n_words == 0 ? skt_joining_command(args, &j->to, err)
							    : skt_args_endpoint(args, at, _("an endpoint"), &j->to, err);
	if (ret == 0)
		ret = skt_args_finish(args, *at, err);
	if (ret == 0 && args->has_after && args->n_words > 0)
		ret = skt_fail(err, SKT_E_USAGE, 0, "%s", _("connect takes an endpoint or a command, not both"));
	return ret;
}

/* A file is read unless its options say otherwise: looking at one must not empty it. */
static int connect_file(struct skt_endpoint *e, struct skt_error *err)
{
	static const char *const says[] = { "read", "write", "append", "follow" };

	if (strcmp(skt_endpoint_transport(e)->name, "file") != 0)
		return 0;
	for (size_t i = 0; i < SKT_LENGTH(says); i++)
		if (skt_endpoint_option(e, says[i]))
			return 0;
	return skt_endpoint_default(e, "read", "yes", err);
}

static int connect_run(const struct skt_args *args)
{
	struct skt_joining j = { .args = args, .with_stdio = true, .only_one = true };
	struct skt_error err;
	int at = 0;

	if (connect_endpoints(args, &at, &j, &err) < 0 || connect_file(&j.to, &err) < 0) {
		skt_endpoint_release(&j.from);
		skt_endpoint_release(&j.to);
		return skt_joining_refuse(args, at, &err);
	}
	if (j.to.role == SKT_ROLE_LISTEN) { /* the prefix overrides the place: the endpoint waits, and stdio is joined */
		struct skt_endpoint e = j.from;

		j.from = j.to;
		j.to = e;
		j.listens = true;
	}
	if (skt_endpoint_settle(j.listens ? &j.from : &j.to, j.listens ? SKT_ROLE_LISTEN : SKT_ROLE_DIAL, &err) < 0) {
		skt_endpoint_release(&j.from);
		skt_endpoint_release(&j.to);
		return skt_joining_refuse(args, at, &err);
	}
	j.passes_status = skt_endpoint_transport(&j.to)->form == SKT_FORM_COMMAND;
	return skt_joining_run(&j);
}

static const struct skt_flag connect_flags[] = {
	SKT_FLAG_HALF_OPEN, SKT_FLAG_IDLE, SKT_FLAG_STATS, SKT_FLAG_MOVER, { .name = NULL },
};

static const struct skt_example connect_examples[] = {
	{ "soket connect example.com:80", N_("talk to a web server by hand") },
	{ "soket connect 127.0.0.1:9000 < file", N_("send a file") },
	{ "soket connect /run/app.sock", N_("join a unix socket") },
	{ "soket connect localhost:5432 timeout=2s retry=forever", N_("wait for a server that is still starting") },
	{ "soket connect udp:192.0.2.1:5000", N_("send each line as a message, and print the answers") },
	{ "soket connect -- sort -u", N_("run a program, its status is soket's") },
	{ NULL, NULL },
};

const struct skt_command skt_cmd_connect = {
	.name = "connect",
	.summary = N_("joins the terminal, or the pipe, to an endpoint"),
	.synopsis = "E [OPTION=VALUE]... [FLAGS]\n[FLAGS] -- CMD...",
	.description = N_(
		"What comes in on stdin goes to the endpoint, and what it answers goes to stdout. When stdin ends the "
		"endpoint is told, and its answer is still waited for. When the endpoint has ended and everything is "
		"written, connect ends too: at once on a terminal, and on a pipe as soon as nothing comes in any more.\n\n"
		"A file is read, unless write=yes or append=yes is said.\n\n"
		"Over udp: and unix-dgram: each line that is typed, or what comes at once through a pipe, is a message. They have no end: "
		"when stdin has ended, connect waits until nothing came for 2 s (linger= says how long). Where nobody has that port the "
		"other machine says so, and connect fails; where nothing comes back at all, that proves nothing, and a line says so.\n\n"
		"A name that has IPv4 and IPv6 addresses is tried on both (RFC 8305). Connecting may take timeout= in all "
		"(10s), and is tried again where retry= says so. The exit status of a program is passed on."),
	.flags = connect_flags,
	.examples = connect_examples,
	.takes_endpoints = 1,
	.words = "@port",
	.run = connect_run,
};

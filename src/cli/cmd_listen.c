/* SPDX-License-Identifier: Apache-2.0 */
/* soket listen: accepts on an endpoint, and joins each client to the terminal or to a program of its own. */
#include "base/message.h"
#include "cli/commands.h"
#include "cli/joining.h"
#include "cli/viewing.h"
#include "transport/transport.h"

static int listen_endpoints(const struct skt_args *args, int *at, struct skt_joining *j, struct skt_error *err)
{
	const struct skt_transport *transport;
	int ret = skt_args_endpoint(args, at, _("an endpoint"), &j->from, err);

	if (ret == 0)
		ret = skt_args_finish(args, *at, err);
	if (ret == 0)
		ret = args->has_after ? skt_joining_command(args, &j->to, err) : skt_endpoint_parse("-", &j->to, err);
	transport = ret == 0 ? skt_transport_of(&j->from, err) : NULL;
	if (ret == 0 && !transport)
		return -SKT_E_USAGE;
	if (ret == 0 && !transport->listen) {
		ret = skt_fail(err, SKT_E_USAGE, 0, _("%s cannot be listened on"),
			       skt_endpoint_transport(&j->from)->name);
		skt_hint(err, "%s",
			 _("soket listen takes tcp, udp, the three kinds of unix, vsock and fd; soket connect opens the others"));
	}
	return ret == 0 ? skt_endpoint_settle(&j->from, SKT_ROLE_LISTEN, err) : ret;
}

static int listen_run(const struct skt_args *args)
{
	struct skt_joining j = { .args = args, .listens = true };
	struct skt_error err;
	int at = 0;

	if (listen_endpoints(args, &at, &j, &err) < 0) {
		skt_endpoint_release(&j.from);
		skt_endpoint_release(&j.to);
		return skt_joining_refuse(args, at, &err);
	}
	j.with_stdio = !args->has_after;
	j.keeps = j.with_stdio && skt_args_has(args, "keep");
	j.only_one = skt_args_has(args, "once") || (j.with_stdio && !j.keeps);
	return skt_joining_run(&j);
}

static const struct skt_flag listen_flags[] = {
	SKT_FLAG_ONCE,
	{ .name = "keep", .letter = 'k', .help = N_("without a command: when a client has ended, take the next one") },
	SKT_FLAG_MAX,
	SKT_FLAG_ALLOW,
	SKT_FLAG_DENY,
	SKT_FLAG_HALF_OPEN,
	SKT_FLAG_IDLE,
	SKT_FLAG_GRACE,
	SKT_FLAG_THREADS,
	SKT_FLAG_STATS,
	SKT_FLAG_MOVER,
	SKT_FLAG_VIEW,
	{ .name = NULL },
};

static const struct skt_example listen_examples[] = {
	{ "soket listen :8080", N_("wait for one client, and talk to it") },
	{ "soket listen :9000 > file", N_("receive a file") },
	{ "soket listen :9000 -- ./handler --fast", N_("run a program for each client, without a shell") },
	{ "soket listen any:2323 --allow 10.0.0.0/8 -- date", N_("on every interface, for one network only") },
	{ "soket listen udp:any:5000", N_("print the messages of everybody, and answer who spoke last") },
	{ "soket listen /run/app.sock mode=660 -- cat", N_("on a unix socket that its group may use") },
	{ NULL, NULL },
};

const struct skt_command skt_cmd_listen = {
	.name = "listen",
	.summary = N_("accepts clients; joins one to the terminal, or runs a program for each"),
	.synopsis = "E [OPTION=VALUE]... [FLAGS] [-- CMD...]",
	.description = N_(
		"A port alone is listened on for this machine only, in both address families; any:PORT is for everybody. "
		"Port 0 lets the kernel pick one, and the line \"listening on\" names it.\n\n"
		"Without a command the first client is joined to stdin and stdout, and listen ends with it. With a command, "
		"each client gets a process of its own, whose stdin and stdout are the connection and whose stderr is "
		"ours; the addresses of both ends are in its environment (SOKET_REMOTE_ADDRESS, SOKET_REMOTE_PORT, "
		"SOKET_LOCAL_ADDRESS, SOKET_LOCAL_PORT). It goes on until it is stopped.\n\n"
		"On udp: and unix-dgram: each peer is a client, from its first message until it was silent for idle= (60s). Without a "
		"command all peers are one: what they send is printed, and what is typed goes to the one that spoke last; that "
		"goes on until it is stopped, or with --idle until nobody spoke for so long. A multicast group is joined by listening on it."),
	.flags = listen_flags,
	.examples = listen_examples,
	.takes_endpoints = 1,
	.run = listen_run,
};

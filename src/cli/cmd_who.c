/* SPDX-License-Identifier: Apache-2.0 */
/* soket who: one port, or one endpoint, in full. */
#include "base/alloc.h"
#include "base/message.h"
#include "cli/commands.h"
#include "cli/looking.h"
#include "cli/say.h"
#include "cli/who.h"

static int who_fail(const struct skt_args *args, const struct skt_error *err, bool json)
{
	char *source = err->at >= 0 ? skt_say_source(args, 0) : NULL;
	int status = skt_say_error(err, source, json);

	skt_free(source);
	return status;
}

static int who_run(const struct skt_args *args)
{
	struct skt_error err = { .at = -1 };
	struct skt_who w;
	int status;

	if (skt_who_init(&w, args, &err) < 0 || skt_who_look(&w, &err) < 0) {
		status = who_fail(args, &err, w.json);
	} else {
		status = w.json ? skt_who_json(&w) : skt_who_page(&w);
		skt_looking_say(&w.h.census);
	}
	skt_who_release(&w);
	return status;
}

static const struct skt_flag who_flags[] = { SKT_FLAG_NETNS, SKT_FLAG_ALL_NETNS, { .name = NULL } };

static const struct skt_example who_examples[] = {
	{ "soket who 8080", N_("everything about a port of this machine, TCP and UDP") },
	{ "soket who https", N_("the same by the name of the service") },
	{ "soket who udp:53", N_("over UDP alone") },
	{ "soket who /run/app.sock", N_("who listens on a unix socket, and who is connected") },
	{ "soket who 10.0.0.5:443", N_("which programs here are connected to that server") },
	{ NULL, NULL },
};

const struct skt_command skt_cmd_who = {
	.name = "who",
	.summary = N_("shows everything about one port: who holds it, who is connected, what would happen there"),
	.synopsis = "PORT|ENDPOINT [FLAGS]",
	.description = N_(
		"Shows each process that holds the port (or unix socket): its command, its program, its working directory, when it "
		"started, its parents up to init, and its systemd unit, container and network namespace where it has one. Then its "
		"sockets with their queues, and the clients that are connected now, with the program of each that runs on this "
		"machine. Last, what would happen if you tried to listen there, and what to do about it: that is tried, as far as it "
		"goes without listening.\n\n"
		"A port alone means TCP and UDP, on any address; 53/udp one of them. An endpoint with an address means what is reached "
		"there. The address of another machine shows which programs here are connected to it. QUEUE is how many clients "
		"wait to be accepted, and how many may; QUEUES are bytes received that the program has not read, and bytes sent that "
		"are not acknowledged. Of very many holders and clients the first are shown; -v and --json have all.\n\n"
		"That nobody holds the port is no failure: the exit status is 0. Without root, the processes of other users cannot be "
		"seen, and one line says so."),
	.flags = who_flags,
	.examples = who_examples,
	.takes_endpoints = 1,
	.words = "@port",
	.run = who_run,
};

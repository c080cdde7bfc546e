/* SPDX-License-Identifier: Apache-2.0 */
/* soket link: the relay. */
#include <string.h>

#include "base/message.h"
#include "cli/commands.h"
#include "cli/joining.h"
#include "cli/viewing.h"
#include "transport/transport.h"

static int link_endpoints(const struct skt_args *args, int *at, struct skt_joining *j, struct skt_error *err)
{
	int ret = skt_args_endpoint(args, at, "FROM", &j->from, err);

	if (ret == 0)
		ret = args->has_after ? skt_joining_command(args, &j->to, err)
				      : skt_args_endpoint(args, at, "TO", &j->to, err);
	if (ret == 0)
		ret = skt_args_finish(args, *at, err);
	return ret;
}

/* A listen: prefix overrides the place: the end that listens is FROM. */
static int link_order(struct skt_joining *j, struct skt_error *err)
{
	bool from_listens = skt_transport_listens(&j->from);

	if (!skt_transport_of(&j->from, err) || !skt_transport_of(&j->to, err))
		return -SKT_E_USAGE;
	if (j->to.role == SKT_ROLE_LISTEN) {
		struct skt_endpoint e = j->from;

		if (from_listens) {
			(void)skt_fail(err, SKT_E_USAGE, 0, "%s", _("both ends listen: nobody would dial"));
			skt_hint(err, "%s", _("leave listen: out at one of them, or write dial: before the other"));
			return -SKT_E_USAGE;
		}
		j->from = j->to;
		j->to = e;
		from_listens = true;
	}
	j->listens = from_listens;
	if (skt_endpoint_settle(&j->from, from_listens ? SKT_ROLE_LISTEN : SKT_ROLE_DIAL, err) < 0)
		return -SKT_E_USAGE;
	return skt_endpoint_settle(&j->to, SKT_ROLE_DIAL, err);
}

static int link_run(const struct skt_args *args)
{
	struct skt_joining j = { .args = args };
	struct skt_error err;
	int at = 0;

	if (link_endpoints(args, &at, &j, &err) < 0 || link_order(&j, &err) < 0) {
		skt_endpoint_release(&j.from);
		skt_endpoint_release(&j.to);
		return skt_joining_refuse(args, at, &err);
	}
	/* there is one stdin: whoever comes first has it, as with listen */
	j.only_one = !j.listens || skt_args_has(args, "once") ||
		     strcmp(skt_endpoint_transport(&j.to)->name, "stdio") == 0;
	return skt_joining_run(&j);
}

static const struct skt_flag link_flags[] = {
	SKT_FLAG_ONCE,    SKT_FLAG_MAX,   SKT_FLAG_ALLOW, SKT_FLAG_DENY, SKT_FLAG_IDLE,    SKT_FLAG_GRACE,
	SKT_FLAG_THREADS, SKT_FLAG_STATS, SKT_FLAG_MOVER, SKT_FLAG_VIEW, { .name = NULL },
};

static const struct skt_example link_examples[] = {
	{ "soket link :8080 10.0.0.5:80", N_("a port of this machine leads to a server elsewhere") },
	{ "soket link any:5432 /run/postgresql/.s.PGSQL.5432", N_("a unix socket becomes a TCP port") },
	{ "soket link @app localhost:3000 retry=10", N_("an abstract unix socket in front of a server that may restart") },
	{ "soket link udp::5353 udp:10.0.0.5:53", N_("each peer of a UDP port has a session of its own") },
	{ "soket link file:movie.ts udp:239.1.2.3:5000 pace=pcr", N_("a video to a group, by its own clock") },
	{ "soket link :7 echo:", N_("the echo service of RFC 862") },
	{ "soket link file:access.log follow=yes collector:5140", N_("send what is appended to a file") },
	{ NULL, NULL },
};

const struct skt_command skt_cmd_link = {
	.name = "link",
	.summary = N_("the relay: joins each client of one endpoint to another endpoint"),
	.synopsis = "FROM [OPTION=VALUE]... TO [OPTION=VALUE]... [FLAGS]\n"
		    "FROM [OPTION=VALUE]... [FLAGS] -- CMD...",
	.description = N_(
		"FROM is listened on where it can be (tcp, udp, the kinds of unix, vsock, a listening fd): for each client TO "
		"is opened, and the two are joined. Other endpoints (-, file, pipe, exec, ...) are opened once, and link ends "
		"with that link; so does an endpoint with dial: before it. A file that stands first is read, one that "
		"stands second is written.\n\n"
		"Every byte is delivered, or the link says which side failed and how many bytes were lost. When one side "
		"ends, the other is told, and its answer still comes through. More clients than the descriptors or --max "
		"allow wait in the queue until there is room.\n\n"
		"Datagrams (udp, unix-dgram) keep their boundaries. Each peer has a session with a target socket of its own, until it was "
		"silent for idle= (60s). At the limit a new peer takes the place of the one that was silent longest and never had an "
		"answer. Where messages meet a stream, frame= at the datagram endpoint says how they stand in it; without it they are "
		"written one behind the other, and what one read gives is a message. pace= sends at a rate, or by the clock of a video. "
		"What was dropped, refused or too long is counted, and told at the end of each link (-v), by --stats and --json."),
	.flags = link_flags,
	.examples = link_examples,
	.takes_endpoints = 2,
	.run = link_run,
};

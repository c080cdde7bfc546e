/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands that look at the machine have in common. */
#include "cli/looking.h"

#include <stdio.h>
#include <unistd.h>

#include "base/message.h"
#include "cli/say.h"

int skt_looking_spec(const struct skt_args *args, struct skt_census_spec *spec, struct skt_error *err)
{
	const char *netns = skt_args_string(args, "netns", NULL);
	bool all = skt_args_has(args, "all-netns");

	if (netns && all) {
		skt_fail(err, SKT_E_USAGE, 0, "%s", _("--netns and --all-netns say different things"));
		skt_hint(err, "%s", _("write one of the two"));
		return -SKT_E_USAGE;
	}
	spec->netns = netns;
	spec->all_netns = all;
	return 0;
}

static void looking_say_unseen(const struct skt_census *c)
{
	size_t n = c->has_owners ? skt_census_n_unseen(c) : 0;

	if (c->proc_closed && c->table.n > 0)
		skt_say("%s", _("/proc cannot be read here: sockets are shown without their processes"));
	if (n == 0)
		return;
	if (geteuid() == 0)
		skt_say(NG_("%zu socket is shown without its process: no process that can be seen has it open",
			    "%zu sockets are shown without their process: no process that can be seen has them open", n),
			n);
	else
		skt_say(NG_("%zu socket is shown without its process: it belongs to another user; root sees it",
			    "%zu sockets are shown without their process: they belong to other users; root sees them", n),
			n);
}

/* The words of a set of protocols, with blanks between them. */
static const char *looking_protocols(unsigned set, char *ret, size_t size)
{
	size_t at = 0;

	ret[0] = '\0';
	for (unsigned i = 0; i < SKT_PROTO_COUNT && at < size; i++)
		if (set & 1U << i)
			at += (size_t)snprintf(ret + at, size - at, "%s%s", at ? " " : "", skt_proto_name(i));
	return ret;
}

static void looking_say_source(const struct skt_socktable *t)
{
	char room[96];

	if (t->sources & SKT_SOURCE_PROC)
		skt_say("%s",
			_("netlink is closed here: the list is from /proc/net, without queue limits, interfaces, what TCP measures, and sockets that are bound and do not listen"));
	/* most machines have no vsock, and say nothing about it: that is worth a line where nothing else was found */
	if (t->hidden & ~(1U << SKT_PROTO_VSOCK) || (t->hidden && t->n == 0))
		skt_say(_("neither netlink nor /proc/net tells about %s here: such sockets are missing"),
			looking_protocols(t->hidden, room, sizeof(room)));
	if (t->torn)
		skt_say("%s",
			_("the sockets changed faster than they could be read: some may be missing, or listed twice"));
	else if (t->retries)
		skt_say_more(NG_("the sockets changed while they were read: read again %u time",
				 "the sockets changed while they were read: read again %u times", t->retries),
			     t->retries);
}

void skt_looking_say(const struct skt_census *c)
{
	looking_say_source(&c->table);
	if (c->n_netns_closed)
		skt_say(NG_("%zu network namespace could not be entered; root can",
			    "%zu network namespaces could not be entered; root can", c->n_netns_closed),
			c->n_netns_closed);
	looking_say_unseen(c);
}

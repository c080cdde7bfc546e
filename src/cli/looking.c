/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands that look at the machine have in common.
 *
 * How names are found: asking libc for the service of one port reads the whole database, and most ports have none. So the file is
 * read once, into a table by port, our own services over it; getservent(3) would look for modules of nsswitch.conf first, which
 * takes longer than all the rest. Users and interfaces are few: the last ones asked for are kept. */
#include "cli/looking.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/message.h"
#include "cli/say.h"
#include "endpoint/portclass.h"
#include "endpoint/service.h"
#include "sys/netns.h"

enum { LOOKING_PORTS = SKT_PORT_MAX + 1, LOOKING_USERS = 64 };

/* Names of services by port, over TCP and over UDP: where they lie in `names`, or 0. */
static struct {
	bool is_read;
	uint32_t at[2][LOOKING_PORTS];
	struct skt_text names;
} looking_services;

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

static void looking_note_service(bool udp, unsigned port, const char *name)
{
	struct skt_text *names = &looking_services.names;

	if (port > SKT_PORT_MAX || looking_services.at[udp][port])
		return;
	looking_services.at[udp][port] = (uint32_t)names->len;
	skt_text_addn(names, name, strnlen(name, SKT_SERVICE_LENGTH - 1));
	skt_text_addc(names, '\0');
}

/* services(5): the name, blanks, the port, a slash and the protocol. */
static void looking_read_service(char *line)
{
	static const char blanks[] = " \t\n";
	char *port, *protocol;
	unsigned number = 0;

	line[strcspn(line, "#")] = '\0';
	line += strspn(line, blanks);
	port = line + strcspn(line, blanks);
	if (!*port)
		return;
	*port++ = '\0';
	port += strspn(port, blanks);
	protocol = strchr(port, '/');
	for (; *port >= '0' && *port <= '9' && number <= SKT_PORT_MAX; port++)
		number = number * 10 + (unsigned)(*port - '0');
	if (protocol != port)
		return;
	if (strncmp(protocol, "/tcp", 4) == 0 || strncmp(protocol, "/udp", 4) == 0)
		looking_note_service(protocol[1] == 'u', number, line);
}

static void looking_read_services(void)
{
	const struct skt_service *service;
	char line[1024];
	FILE *file;

	looking_services.is_read = true;
	skt_text_addc(&looking_services.names, '\0'); /* place 0 is for none */
	for (size_t i = 0; (service = skt_service_at(i)) != NULL; i++) {
		if (service->tcp)
			looking_note_service(false, service->port, service->name);
		if (service->udp)
			looking_note_service(true, service->port, service->name);
	}
	file = fopen("/etc/services", "re");
	while (file && fgets(line, sizeof(line), file))
		looking_read_service(line);
	if (file)
		(void)fclose(file);
}

static uint32_t looking_service_at(bool udp, uint32_t port)
{
	return port <= SKT_PORT_MAX && !looking_services.names.failed ? looking_services.at[udp][port] : 0;
}

const char *skt_looking_service(const struct skt_sock *s)
{
	bool udp = s->proto == SKT_PROTO_UDP;
	uint32_t local, remote;

	if (s->proto != SKT_PROTO_TCP && !udp)
		return NULL;
	if (!looking_services.is_read)
		looking_read_services();
	local = looking_service_at(udp, s->local_port);
	remote = skt_sock_is_bound(s) ? 0 : looking_service_at(udp, s->remote_port);
	if (remote && (!local || s->remote_port < s->local_port))
		local = remote;
	if (!local)
		return NULL;
	return skt_text_get(&looking_services.names) + local;
}

const char *skt_looking_user(uint32_t uid, char *room, size_t size)
{
	static struct known_user {
		bool is_known;
		uint32_t uid;
		char name[40];
	} users[LOOKING_USERS];
	struct known_user *user = &users[uid % LOOKING_USERS];

	if (!user->is_known || user->uid != uid) {
		char name[sizeof(user->name)];

		(void)snprintf(user->name, sizeof(user->name), "%s", skt_user_name(uid, name, sizeof(name)));
		user->uid = uid;
		user->is_known = true;
	}
	(void)snprintf(room, size, "%s", user->name);
	return room;
}

const char *skt_looking_interface(const struct skt_census *c, const struct skt_sock *s, char *room, size_t size)
{
	static uint32_t known;
	static char name[IF_NAMESIZE];
	static uint64_t ours;

	if (s->interface == 0)
		return NULL;
	if (!ours)
		ours = skt_netns_of(0);
	if ((size_t)s->netns >= c->n_netns || c->netns[s->netns].inode != ours) {
		(void)snprintf(room, size, "%u", s->interface);
		return room;
	}
	if (known != s->interface && !if_indextoname(s->interface, name))
		(void)snprintf(name, sizeof(name), "%u", s->interface);
	known = s->interface;
	(void)snprintf(room, size, "%s", name);
	return room;
}

const char *skt_looking_cid(uint32_t cid, char *room, size_t size)
{
	if (cid == UINT32_MAX)
		(void)snprintf(room, size, "any");
	else
		(void)snprintf(room, size, "%u", cid);
	return room;
}

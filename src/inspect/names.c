/* SPDX-License-Identifier: Apache-2.0 */
/* Names that many sockets share.
 *
 * How names are found: asking libc for the service of one port reads the whole database, and most ports have none. So the file is
 * read once, into a table by port, our own services over it; getservent(3) would look for modules of nsswitch.conf first, which
 * takes longer than all the rest. Users and interfaces are few: the last ones asked for are kept. */
#include "inspect/names.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "endpoint/portclass.h"
#include "endpoint/service.h"
#include "sys/netns.h"

enum { NAMES_PORTS = SKT_PORT_MAX + 1, NAMES_USERS = 64 };

/* Names of services by port, over TCP and over UDP: where they lie in `names`, or 0. */
static struct {
	bool is_read;
	uint32_t at[2][NAMES_PORTS];
	struct skt_text names;
} names_services;

static void names_note_service(bool udp, unsigned port, const char *name)
{
	struct skt_text *names = &names_services.names;

	if (port > SKT_PORT_MAX || names_services.at[udp][port])
		return;
	names_services.at[udp][port] = (uint32_t)names->len;
	skt_text_addn(names, name, strnlen(name, SKT_SERVICE_LENGTH - 1));
	skt_text_addc(names, '\0');
}

/* services(5): the name, blanks, the port, a slash and the protocol. */
static void names_read_service(char *line)
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
		names_note_service(protocol[1] == 'u', number, line);
}

static void names_read_services(void)
{
	const struct skt_service *service;
	char line[1024];
	FILE *file;

	names_services.is_read = true;
	skt_text_addc(&names_services.names, '\0'); /* place 0 is for none */
	for (size_t i = 0; (service = skt_service_at(i)) != NULL; i++) {
		if (service->tcp)
			names_note_service(false, service->port, service->name);
		if (service->udp)
			names_note_service(true, service->port, service->name);
	}
	file = fopen("/etc/services", "re");
	while (file && fgets(line, sizeof(line), file))
		names_read_service(line);
	if (file)
		(void)fclose(file);
}

static uint32_t names_service_at(bool udp, uint32_t port)
{
	return port <= SKT_PORT_MAX && !names_services.names.failed ? names_services.at[udp][port] : 0;
}

const char *skt_names_service(const struct skt_sock *s)
{
	bool udp = s->proto == SKT_PROTO_UDP;
	uint32_t local, remote;

	if (s->proto != SKT_PROTO_TCP && !udp)
		return NULL;
	if (!names_services.is_read)
		names_read_services();
	local = names_service_at(udp, s->local_port);
	remote = skt_sock_is_bound(s) ? 0 : names_service_at(udp, s->remote_port);
	if (remote && (!local || s->remote_port < s->local_port))
		local = remote;
	if (!local)
		return NULL;
	return skt_text_get(&names_services.names) + local;
}

const char *skt_names_service_of_port(bool udp, uint32_t port)
{
	uint32_t at;

	if (!names_services.is_read)
		names_read_services();
	at = names_service_at(udp, port);
	return at ? skt_text_get(&names_services.names) + at : NULL;
}

const char *skt_names_user(uint32_t uid, char *room, size_t size)
{
	static struct known_user {
		bool is_known;
		uint32_t uid;
		char name[40];
	} users[NAMES_USERS];
	struct known_user *user = &users[uid % NAMES_USERS];

	if (!user->is_known || user->uid != uid) {
		char name[sizeof(user->name)];

		(void)snprintf(user->name, sizeof(user->name), "%s", skt_user_name(uid, name, sizeof(name)));
		user->uid = uid;
		user->is_known = true;
	}
	(void)snprintf(room, size, "%s", user->name);
	return room;
}

const char *skt_names_interface(const struct skt_census *c, const struct skt_sock *s, char *room, size_t size)
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

const char *skt_names_cid(uint32_t cid, char *room, size_t size)
{
	if (cid == UINT32_MAX)
		(void)snprintf(room, size, "any");
	else
		(void)snprintf(room, size, "%u", cid);
	return room;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Who holds a port or a socket's name: what is looked for, and whether a socket is it. */
#include "inspect/holder.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/message.h"
#include "inspect/counterpart.h"
#include "sys/addr.h"
#include "sys/call.h"
#include "sys/clock.h"
#include "sys/resolve.h"

/* --- the spot ---------------------------------------------------------------------------------------------------------- */

static const struct spot_scheme {
	const char *scheme;
	enum skt_proto proto;
	int family;
} spot_schemes[] = {
	{ "tcp", SKT_PROTO_TCP, 0 },
	{ "tcp4", SKT_PROTO_TCP, 4 },
	{ "tcp6", SKT_PROTO_TCP, 6 },
	{ "udp", SKT_PROTO_UDP, 0 },
	{ "unix", SKT_PROTO_UNIX, 0 },
	{ "unix-dgram", SKT_PROTO_UNIX_DGRAM, 0 },
	{ "unix-seqpacket", SKT_PROTO_UNIX_SEQPACKET, 0 },
	{ "vsock", SKT_PROTO_VSOCK, 0 },
};

/* What localhost stands for: the first address of loopback, and not all of 127.0.0.0/8. */
static bool ip_is_localhost(const struct skt_ip *ip)
{
	static const uint8_t one[4] = { 127, 0, 0, 1 };

	return ip->family == 4 ? memcmp(ip->bytes, one, sizeof(one)) == 0 : skt_ip_is_loopback(ip);
}

static bool ip_is_of(const struct skt_ip *ip, const struct sockaddr *sa)
{
	struct skt_addr addr = { 0 };
	const unsigned char *bytes;
	int n;

	if (!sa || (sa->sa_family != AF_INET && sa->sa_family != AF_INET6))
		return false;
	memcpy(addr.room, sa, sa->sa_family == AF_INET ? sizeof(addr.in) : sizeof(addr.in6));
	bytes = skt_addr_bytes(&addr, &n);
	return bytes && n == (ip->family == 4 ? 4 : 16) && memcmp(bytes, ip->bytes, (size_t)n) == 0;
}

/* Whether it is an address of one of this machine's interfaces. */
static bool ip_is_ours(const struct skt_ip *ip)
{
	struct ifaddrs *all = NULL;
	bool found = false;

	if (getifaddrs(&all) < 0)
		return false;
	for (const struct ifaddrs *a = all; a && !found; a = a->ifa_next)
		found = ip_is_of(ip, a->ifa_addr);
	freeifaddrs(all);
	return found;
}

/* RFC 6761, section 6.3: localhost and what ends in it is this machine. */
static bool spot_is_localhost(const char *host)
{
	static const char localhost[] = "localhost";
	size_t n = strlen(host), tail = sizeof(localhost) - 1;

	n -= n > 0 && host[n - 1] == '.';
	return n >= tail && strncasecmp(host + n - tail, localhost, tail) == 0 &&
	       (n == tail || host[n - tail - 1] == '.');
}

static void spot_host(const struct skt_endpoint *e, struct skt_spot *ret)
{
	size_t wrong;

	ret->port = (unsigned)e->port;
	if (!ret->family)
		ret->family = (int[]){ 0, 4, 6 }[skt_endpoint_number(e, "family", 0) % 3];
	if (!e->family || skt_ip_parse(e->host, strlen(e->host), &ret->ip, &wrong) < 0) {
		ret->is_any = strcmp(e->host, "any") == 0;
		ret->is_local = !e->host[0] || ret->is_any || spot_is_localhost(e->host);
		return;
	}
	ret->ip = skt_ip_bare(&ret->ip);
	ret->family = ret->ip.family;
	ret->is_any = skt_ip_is_any(&ret->ip);
	ret->is_local = ret->is_any || skt_ip_is_loopback(&ret->ip) || ip_is_ours(&ret->ip);
	ret->is_remote = !ret->is_local;
	if (ret->is_any && skt_endpoint_number(e, "v6only", 1) == 0)
		ret->family = 0; /* it takes IPv4 along */
}

/* The path with every link in its directories followed: two ways to write it are one. */
static void spot_canonical(const char *path, char *ret, size_t size)
{
	const char *slash = strrchr(path, '/');
	char *directory = slash == path ? strdup("") : slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
	char *real = directory ? realpath(directory[0] ? directory : "/", NULL) : NULL;
	int n = real ? snprintf(ret, size, "%s/%s", strcmp(real, "/") == 0 ? "" : real, slash ? slash + 1 : path) : -1;

	if (n < 0 || (size_t)n >= size)
		ret[0] = '\0';
	free(real);
	free(directory);
}

int skt_spot_of(const struct skt_endpoint *e, struct skt_spot *ret, struct skt_error *err)
{
	const struct skt_scheme *s = skt_endpoint_transport(e);
	struct skt_spot spot = { 0 };

	for (size_t i = 0; i < SKT_LENGTH(spot_schemes); i++)
		if (strcmp(spot_schemes[i].scheme, s->name) == 0) {
			spot.protos = 1U << spot_schemes[i].proto;
			spot.family = spot_schemes[i].family;
		}
	if (!spot.protos) {
		(void)skt_fail(err, SKT_E_USAGE, 0, _("%s is neither a port nor a socket that somebody could hold"),
			       s->name);
		skt_hint(err, "%s", _("write a port (8080, udp:53), a socket address, a path or an @name"));
		return -SKT_E_USAGE;
	}
	if (s->form == SKT_FORM_HOST && e->port == 0) {
		(void)skt_fail(err, SKT_E_USAGE, 0, "%s", _("port 0 is held by nobody: it stands for any free port"));
		skt_hint(err, "%s", _("name a port: soket ports lists those that are held"));
		return -SKT_E_USAGE;
	}
	if (s->form == SKT_FORM_HOST) {
		spot_host(e, &spot);
	} else if (s->form == SKT_FORM_VSOCK) {
		spot.port = e->vport;
	} else {
		spot.name = e->address;
		if (spot.name[0] != '@')
			spot_canonical(spot.name, spot.path, sizeof(spot.path));
	}
	*ret = spot;
	return 0;
}

/* The address as the spot has it. */
static void spot_take_address(const struct skt_addr *addr, struct skt_spot *spot)
{
	int n;
	const unsigned char *bytes = skt_addr_bytes(addr, &n);

	if (!bytes)
		return;
	spot->ip = (struct skt_ip){ .family = n == 4 ? 4 : 6 };
	memcpy(spot->ip.bytes, bytes, (size_t)n);
	spot->family = spot->ip.family;
	spot->is_local = skt_ip_is_loopback(&spot->ip) || ip_is_ours(&spot->ip);
	spot->is_remote = !spot->is_local;
}

int skt_spot_resolve(const struct skt_endpoint *e, struct skt_spot *spot, struct skt_error *err)
{
	int family = spot->family == 4 ? AF_INET : spot->family == 6 ? AF_INET6 : AF_UNSPEC, n;
	skt_time deadline = skt_now() + skt_endpoint_number(e, "timeout", 5 * SKT_SECOND);
	struct skt_addr addr[SKT_RESOLVED_MAX];
	struct skt_resolve *r;

	if (spot->name || spot->ip.family || spot->is_local || skt_endpoint_transport(e)->form != SKT_FORM_HOST)
		return 0;
	n = skt_resolve_new(e->host, e->port, family, &r, err);
	if (n < 0)
		return n;
	while ((n = skt_resolve_take(r, addr, SKT_RESOLVED_MAX, err)) == -SKT_AGAIN && skt_now() < deadline) {
		struct pollfd wait = { .fd = skt_resolve_fd(r), .events = POLLIN };

		(void)skt_sys.poll(&wait, 1, 100);
	}
	skt_resolve_free(r);
	if (n == -SKT_AGAIN)
		return skt_fail(err, SKT_E_TIMEOUT, 0, _("timed out: no answer for the name %s"), e->host);
	if (n > 0)
		spot_take_address(&addr[0], spot);
	return n < 0 ? n : 0;
}

/* --- which sockets are at the spot -------------------------------------------------------------------------------------- */

static bool spot_is_proto(const struct skt_spot *spot, const struct skt_sock *s)
{
	return spot->protos & 1U << s->proto;
}

/* A path is compared as it was bound; an absolute one also with its links followed. A relative one counts from the directory of
 * whoever bound it, which is not known here: it is compared as text alone. */
static bool spot_has_name(const struct skt_spot *spot, const struct skt_socktable *t, const struct skt_sock *s)
{
	struct skt_text name = { 0 };
	char canonical[sizeof(spot->path)] = "";
	const char *text;
	bool same;

	if (!spot->name || s->name_len == 0)
		return false;
	skt_socktable_add_name(t, s, &name);
	text = skt_text_get(&name);
	same = strcmp(text, spot->name) == 0 || (spot->path[0] && strcmp(text, spot->path) == 0);
	if (!same && text[0] == '/' && spot->path[0] && strcmp(strrchr(text, '/'), strrchr(spot->path, '/')) == 0) {
		spot_canonical(text, canonical, sizeof(canonical));
		same = strcmp(canonical, spot->path) == 0;
	}
	skt_text_release(&name);
	return same;
}

bool skt_spot_has(const struct skt_spot *spot, const struct skt_socktable *t, const struct skt_sock *s)
{
	if (!(1U << s->proto & (SKT_PROTOS_IP | 1U << SKT_PROTO_VSOCK)))
		return spot_has_name(spot, t, s);
	return spot->port && s->local_port == spot->port && !spot->is_remote;
}

bool skt_spot_is_dialled(const struct skt_spot *spot, const struct skt_sock *s)
{
	struct skt_ip remote = skt_ip_bare(&s->remote);

	if (!spot_is_proto(spot, s) || !spot->port || s->remote_port != spot->port || s->remote.family == 0)
		return false;
	return spot->ip.family == 0 || skt_ip_is_any(&spot->ip) || skt_ip_is_same(&spot->ip, &remote);
}

bool skt_spot_reaches(const struct skt_spot *spot, const struct skt_sock *s)
{
	struct skt_ip local = skt_ip_bare(&s->local);
	bool v4 = spot->family != 6 && skt_sock_takes_v4(s), v6 = spot->family != 4 && skt_sock_takes_v6(s);

	if (!spot_is_proto(spot, s) || s->local_port != spot->port || spot->is_remote || (!v4 && !v6))
		return false;
	if (skt_ip_is_any(&s->local))
		return true;
	return skt_ip_is_any(&spot->ip) ? ip_is_localhost(&local) : skt_ip_is_same(&spot->ip, &local);
}

/* Without a host, loopback is meant: 127.0.0.1 and ::1, each where the family is wanted. A socket on every address is in the way
 * of each, and each is in the way of one on every address. */
bool skt_spot_conflicts(const struct skt_spot *spot, const struct skt_sock *s)
{
	struct skt_ip local = skt_ip_bare(&s->local);
	bool v4 = spot->family != 6 && skt_sock_takes_v4(s), v6 = spot->family != 4 && skt_sock_takes_v6(s);

	if (!spot_is_proto(spot, s) || s->local_port != spot->port)
		return false;
	if (s->proto == SKT_PROTO_VSOCK)
		return true;
	if (!v4 && !v6)
		return false;
	if (spot->is_any || skt_ip_is_any(&s->local))
		return true;
	return spot->ip.family ? skt_ip_is_same(&spot->ip, &local) : spot->is_local && ip_is_localhost(&local);
}

/* --- looking ------------------------------------------------------------------------------------------------------------ */

struct holders_wanted {
	const struct skt_spot *spot;
	bool clients, has_gathered;
	struct skt_counterparts counterparts; /* of unix sockets, which do not name their other end's address */
};

static bool holders_want_client(struct holders_wanted *w, const struct skt_socktable *t, const struct skt_sock *s)
{
	const struct skt_sock *other;

	if (!w->spot->name)
		return skt_spot_is_dialled(w->spot, s);
	if (!w->has_gathered)
		w->has_gathered = skt_counterparts_gather(t, &w->counterparts) == 0;
	other = skt_counterpart_of(&w->counterparts, s);
	return other && skt_spot_has(w->spot, t, other);
}

static bool holders_want(const struct skt_socktable *t, const struct skt_sock *s, void *user)
{
	struct holders_wanted *w = user;

	return skt_spot_has(w->spot, t, s) || (w->clients && holders_want_client(w, t, s));
}

int skt_holders_look(const struct skt_spot *spot, const struct skt_holders_spec *spec, struct skt_holders *ret,
		     struct skt_error *err)
{
	struct skt_holders h = { .spot = *spot };
	struct holders_wanted wanted = { .spot = spot, .clients = spec->clients };
	struct skt_census_spec census = {
		.look = { .protos = spec->protos ? spec->protos : spot->protos,
			  .states = spec->states ? spec->states : SKT_STATES_BOUND,
			  .info = spec->info,
			  .memory = spec->info },
		.owners = spec->no_owners ? SKT_OWNERS_NONE : SKT_OWNERS_ALL,
		.depth = spec->depth,
		.netns = spec->netns,
		.all_netns = spec->all_netns,
		.wants = holders_want,
		.user = &wanted,
	};
	int failed = skt_census_take(&census, &h.census, err);

	skt_counterparts_release(&wanted.counterparts);
	if (failed < 0)
		return failed;
	if (spot->port && !spec->no_owners)
		(void)skt_leases_read(&h.leases, NULL); /* without them the holder is still named */
	*ret = h;
	return 0;
}

void skt_holders_release(struct skt_holders *h)
{
	skt_census_release(&h->census);
	skt_leases_release(&h->leases);
	*h = (struct skt_holders){ 0 };
}

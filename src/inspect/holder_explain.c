/* SPDX-License-Identifier: Apache-2.0 */
/* Errors about ports and sockets' names, explained.
 *
 * How it works: what the transport said is the fact; here the sockets around it are looked at, and the sentence is made again with
 * who is in the way. What is not found leaves the error as it was: nothing is guessed. The look comes after the failure, so that it
 * costs nothing where all is well; but a process that has dropped its rights cannot look at others any more (landlock(7):
 * /proc/PID/fd is ptrace's), which is why dialling looks before that too: docs/adr/0018. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/message.h"
#include "base/unit.h"
#include "inspect/freeport.h"
#include "inspect/holder.h"
#include "sys/proc.h"

enum { EXPLAIN_TRIES = 64, EXPLAIN_HOST = 60, EXPLAIN_OTHER = EXPLAIN_HOST + 16 };

/* --- what to try instead ------------------------------------------------------------------------------------------------ */

/* The endpoint's host as it was written, for texts such as "127.0.0.1:8081"; "" where there is none. */
static void explain_host(const struct skt_endpoint *e, char *ret, size_t size)
{
	bool is_six = strchr(e->host, ':') != NULL;

	(void)snprintf(ret, size, "%s%.40s%s%.10s%s", is_six ? "[" : "", e->host, e->zone ? "%" : "",
		       e->zone ? e->zone : "", is_six ? "]" : "");
}

static bool explain_is_udp(const struct skt_endpoint *e)
{
	return strncmp(skt_endpoint_transport(e)->name, "udp", 3) == 0;
}

/* The next port that is free, or 0: the kernel's choice. */
static unsigned explain_free_port(unsigned from, bool udp)
{
	for (unsigned port = from; port < from + EXPLAIN_TRIES && port <= 65535; port++)
		if (skt_port_look(port, udp) == 1)
			return port;
	return 0;
}

/* "127.0.0.1:8081", "udp://:5354": a port near the wanted one that is free now. */
static void explain_other(const struct skt_endpoint *e, unsigned from, char *ret, size_t size)
{
	char host[EXPLAIN_HOST];
	bool udp = explain_is_udp(e);

	explain_host(e, host, sizeof(host));
	(void)snprintf(ret, size, "%s%s:%u", udp ? "udp://" : "", host, explain_free_port(from, udp));
}

/* --- address in use ------------------------------------------------------------------------------------------------------- */

/* What is in the way most: who listens, then who is bound, then connections, then what is left of them. */
static int explain_rank(const struct skt_spot *spot, const struct skt_socktable *t, const struct skt_sock *s)
{
	static const unsigned char rank[SKT_STATE_COUNT] = {
		[SKT_STATE_LISTEN] = 4, [SKT_STATE_CLOSE] = 3, [SKT_STATE_BOUND] = 3, [SKT_STATE_TIME_WAIT] = 1
	};
	int ret = s->state < SKT_STATE_COUNT && rank[s->state] ? rank[s->state] : 2;

	if (spot->name)
		return skt_spot_has(spot, t, s) ? ret : 0;
	if (s->state == SKT_STATE_CLOSE && s->proto == SKT_PROTO_TCP)
		return 0;
	return skt_spot_conflicts(spot, s) ? ret : 0;
}

static const struct skt_sock *explain_conflict(const struct skt_holders *h)
{
	const struct skt_socktable *t = &h->census.table;
	const struct skt_sock *best = NULL;
	int highest = 0;

	for (size_t i = 0; i < t->n; i++) {
		int rank = explain_rank(&h->spot, t, &t->sock[i]);

		if (rank > highest) {
			highest = rank;
			best = &t->sock[i];
		}
	}
	return best;
}

/* " on [::]:8080" where it is another address than the one that was wanted; behind a clause, ", on ...". */
static void explain_where(const struct skt_spot *spot, const struct skt_sock *s, bool is_seen, struct skt_text *ret)
{
	if (spot->name || s->local.family == 0)
		return;
	if (spot->ip.family == s->local.family &&
	    memcmp(spot->ip.bytes, s->local.bytes, spot->ip.family == 4 ? 4 : 16) == 0)
		return;
	skt_text_add(ret, is_seen ? _(" on ") : _(", on "));
	skt_sock_print(&s->local, s->interface, s->local_port, ret);
}

/* ", ~/shop, 3 h" */
static void explain_since(const struct skt_process *p, struct skt_text *ret)
{
	char room[160], age[SKT_UNIT_LENGTH];
	int64_t t = p ? skt_process_age(p) : -1;

	if (p && p->directory)
		skt_text_addf(ret, ", %.90s", skt_holder_directory(p->directory, room, sizeof(room)));
	if (t >= 0)
		skt_text_addf(ret, ", %s", skt_duration_print(t, age));
}

/* What to do about that holder: how to end it, where that can be. */
static void explain_use_hint(const struct skt_endpoint *e, const struct skt_holders *h, const struct skt_process *p,
			     bool holds, struct skt_error *err)
{
	char other[EXPLAIN_OTHER];
	bool may = geteuid() == 0 || (p && p->uid == geteuid());
	bool can = p || geteuid() != 0; /* whom root cannot see, nobody can end from here */

	if (h->spot.name) {
		const char *scheme = skt_endpoint_transport(e)->name;
		bool plain = strcmp(scheme, "unix") == 0;

		if (can && strlen(h->spot.name) < 80)
			skt_hint(err, _("choose another path, or: %ssoket take %s%s%s"), may ? "" : "sudo ",
				 plain ? "" : scheme, plain ? "" : ":", h->spot.name);
		else
			skt_hint(err, "%s", _("choose another path, or stop the program that listens there"));
		return;
	}
	explain_other(e, h->spot.port + 1, other, sizeof(other));
	if (!holds)
		skt_hint(err, _("try %s, or end the connection: %ssoket close port=%u"), other,
			 geteuid() == 0 ? "" : "sudo ", h->spot.port);
	else if (can)
		skt_hint(err, _("try %s, or: %ssoket take %s%u"), other, may ? "" : "sudo ",
			 explain_is_udp(e) ? "udp:" : "", h->spot.port);
	else
		skt_hint(err, _("try %s; who holds it is not of this pid namespace, such as in a container"), other);
}

static void explain_use(const struct skt_endpoint *e, const struct skt_holders *h, const struct skt_sock *s,
			struct skt_error *err)
{
	const struct skt_process *p = skt_holder_of(h, NULL, s);
	struct skt_text address = { 0 }, words = { 0 };
	char other[EXPLAIN_OTHER];

	skt_endpoint_print_address(e, &address);
	if (s->state == SKT_STATE_TIME_WAIT) {
		(void)skt_fail(err, SKT_E_INUSE, EADDRINUSE,
			       _("address in use: connections that have ended hold %.100s for up to a minute"),
			       skt_text_get(&address));
		explain_other(e, h->spot.port + 1, other, sizeof(other));
		skt_hint(err, _("try %s, or wait until it is free: soket wait --free %.80s"), other,
			 skt_text_get(&address));
	} else {
		bool holds = explain_rank(&h->spot, &h->census.table, s) > 2;

		skt_holder_words(h, NULL, s, &words);
		explain_where(&h->spot, s, p != NULL, &words);
		explain_since(p, &words);
		(void)skt_fail(err, SKT_E_INUSE, EADDRINUSE,
			       holds ? _("address in use: %.80s is held by %s")
				     : _("address in use: %.80s is held by a connection of %s"),
			       skt_text_get(&address), skt_text_get(&words));
		explain_use_hint(e, h, p, holds, err);
	}
	skt_text_release(&address);
	skt_text_release(&words);
}

static void explain_in_use(const struct skt_endpoint *e, struct skt_error *err)
{
	static const unsigned states[] = { SKT_STATES_BOUND, SKT_STATES_ALL };
	struct skt_holders_spec spec = { .depth = SKT_PROCESS_FULL };
	const struct skt_sock *s = NULL;
	struct skt_spot spot;

	if (skt_spot_of(e, &spot, NULL) < 0)
		return;
	if (spot.name && spot.name[0] != '@')
		spec.protos = SKT_PROTOS_UNIX; /* a path is of whatever type has it */
	for (size_t i = 0; i < SKT_LENGTH(states) && !s; i++) {
		struct skt_holders h = { 0 };

		spec.states = states[i];
		if (skt_holders_look(&spot, &spec, &h, NULL) < 0)
			return;
		s = explain_conflict(&h);
		if (s)
			explain_use(e, &h, s, err);
		skt_holders_release(&h);
	}
}

/* --- permission denied ---------------------------------------------------------------------------------------------------- */

static void explain_denied(const struct skt_endpoint *e, struct skt_error *err)
{
	long first = skt_proc_number("sys/net/ipv4/ip_unprivileged_port_start", 0);
	struct skt_text address = { 0 };
	char other[EXPLAIN_OTHER];

	if (skt_endpoint_transport(e)->form != SKT_FORM_HOST || e->port <= 0 || e->port >= first)
		return;
	skt_endpoint_print_address(e, &address);
	(void)skt_fail(err, SKT_E_DENIED, EACCES,
		       _("permission denied: %.100s is below port %ld, where only root may listen"),
		       skt_text_get(&address), first);
	explain_other(e, (unsigned)e->port + (first > 1024 ? (unsigned)first : 8000), other, sizeof(other));
	skt_hint(err, _("try %s, or run it as root, or: sudo sysctl net.ipv4.ip_unprivileged_port_start=%d"), other,
		 e->port);
	skt_text_release(&address);
}

void skt_holder_explain(const struct skt_endpoint *e, struct skt_error *err)
{
	if (err->kind == SKT_E_DENIED)
		explain_denied(e, err);
	else if (err->kind == SKT_OK || err->kind == SKT_E_INUSE)
		explain_in_use(e, err);
}

/* --- refused -------------------------------------------------------------------------------------------------------------- */

/* Who is near: the first of these that there is. */
enum explain_near {
	NEAR_THERE, /* somebody listens just there */
	NEAR_OTHER, /* on another address or family */
	NEAR_BOUND, /* bound there, and does not listen */
	NEAR_UDP,   /* the same port of the other protocol */
	NEAR_NOBODY,
};

static enum explain_near explain_nearness(const struct skt_spot *spot, const struct skt_sock *s)
{
	if (s->local_port != spot->port || !(1U << s->proto & SKT_PROTOS_IP) || !skt_sock_is_bound(s))
		return NEAR_NOBODY;
	if (!(spot->protos & 1U << s->proto))
		return NEAR_UDP;
	if (s->state == SKT_STATE_BOUND)
		return skt_spot_reaches(spot, s) ? NEAR_BOUND : NEAR_NOBODY;
	return skt_spot_reaches(spot, s) ? NEAR_THERE : NEAR_OTHER;
}

static const struct skt_sock *explain_nearest(const struct skt_holders *h, enum explain_near *near)
{
	const struct skt_socktable *t = &h->census.table;
	const struct skt_sock *ret = NULL;

	*near = NEAR_NOBODY;
	for (size_t i = 0; i < t->n; i++) {
		enum explain_near it = explain_nearness(&h->spot, &t->sock[i]);

		if (it < *near) {
			*near = it;
			ret = &t->sock[i];
		}
	}
	return ret;
}

/* What to dial to reach that socket: an address on every interface is reached by loopback. */
static void explain_reach(const struct skt_sock *s, struct skt_text *ret)
{
	if (skt_sock_reach(s) == SKT_REACH_ANY)
		skt_text_addf(ret, "%s:%u", s->local.family == 6 ? "[::1]" : "127.0.0.1", s->local_port);
	else
		skt_sock_print(&s->local, s->interface, s->local_port, ret);
}

static void explain_refused_near(const char *address, const struct skt_holders *h, const struct skt_holders *before,
				 const struct skt_sock *s, enum explain_near near, struct skt_error *err)
{
	static const char *const text[] = {
		[NEAR_THERE] = N_("refused: %.70s; %.90s listens on %.50s by now, or a firewall rule rejects us"),
		[NEAR_OTHER] = N_("refused: nobody listens on %.70s; %.90s listens on %.50s"),
		[NEAR_BOUND] = N_("refused: %.70s; %.90s has bound %.50s and does not listen yet"),
		[NEAR_UDP] = N_("refused: nobody listens on %.70s; %.90s has the port of the other protocol, %.50s"),
	};
	struct skt_text words = { 0 }, where = { 0 };
	char local[EXPLAIN_HOST];

	skt_holder_words(h, before, s, &words);
	if (near == NEAR_UDP)
		skt_text_addf(&where, "%s://", skt_proto_name(s->proto));
	skt_sock_print(&s->local, s->interface, s->local_port, &where);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	(void)skt_fail(err, SKT_E_REFUSED, ECONNREFUSED, _(text[near]), address, skt_text_get(&words),
		       skt_text_get(&where));
#pragma GCC diagnostic pop
	skt_text_clear(&where);
	explain_reach(s, &where);
	(void)snprintf(local, sizeof(local), "%s", skt_text_get(&where));
	if (near == NEAR_OTHER)
		skt_hint(err, _("try: soket connect %s"), local);
	else if (near == NEAR_BOUND)
		skt_hint(err, _("wait until it does: soket wait %.80s"), address);
	else if (near == NEAR_THERE)
		skt_hint(err, "%s", _("try again, or retry=5; a firewall's rules: nft list ruleset"));
	else
		skt_hint(err, _("look at it with: soket who %u"), s->local_port);
	skt_text_release(&words);
	skt_text_release(&where);
}

static const struct skt_sock *explain_foreign(const struct skt_holders *h)
{
	const struct skt_socktable *t = &h->census.table;

	for (size_t i = 0; i < t->n; i++)
		if (t->sock[i].netns > 0 && t->sock[i].state == SKT_STATE_LISTEN && skt_spot_has(&h->spot, t, &t->sock[i]))
			return &t->sock[i];
	return NULL;
}

static void explain_foreign_hint(const char *address, const struct skt_netns *ns, const struct skt_process *p,
				 struct skt_error *err)
{
	if (ns->name[0])
		skt_hint(err, _("try: ip netns exec %.60s soket connect %.60s"), ns->name, address);
	else if (p || ns->pid)
		skt_hint(err, _("try: nsenter -t %d -n soket connect %.60s"), (int)(p ? p->pid : ns->pid), address);
}

/* Every network namespace, such as those of containers; root alone can look there. */
static int explain_look_everywhere(const struct skt_spot *spot, struct skt_holders *ret)
{
	struct skt_holders_spec spec = { .states = 1U << SKT_STATE_LISTEN, .all_netns = true };

	return geteuid() == 0 ? skt_holders_look(spot, &spec, ret, NULL) : -SKT_E_DENIED;
}

static bool explain_elsewhere(const char *address, const struct skt_spot *spot, const struct skt_holders *before,
			      struct skt_error *err)
{
	struct skt_holders now = { 0 };
	const struct skt_holders *h = before && before->census.n_netns > 1 ? before : &now;
	const struct skt_sock *s = NULL;
	struct skt_text words = { 0 };

	if (h == before || explain_look_everywhere(spot, &now) == 0)
		s = explain_foreign(h);
	if (s) {
		skt_holder_words(h, NULL, s, &words);
		(void)skt_fail(err, SKT_E_REFUSED, ECONNREFUSED,
			       _("refused: nobody listens on %.70s; %.90s listens there in another network namespace"),
			       address, skt_text_get(&words));
		explain_foreign_hint(address, &h->census.netns[s->netns], skt_holder_of(h, NULL, s), err);
	}
	skt_text_release(&words);
	skt_holders_release(&now);
	return s != NULL;
}

static void explain_nobody(const char *address, unsigned port, struct skt_error *err)
{
	(void)skt_fail(err, SKT_E_REFUSED, ECONNREFUSED,
		       _("connection refused: nothing listens on %.100s, nor on port %u of any address here"), address,
		       port);
	skt_hint(err, _("start the server; \"soket wait %.60s\" waits for it, \"soket ports\" lists those there are"),
		 address);
}

static void explain_refused_port(const struct skt_endpoint *e, const struct skt_spot *spot,
				 const struct skt_holders *before, struct skt_error *err)
{
	struct skt_holders_spec spec = { .protos = SKT_PROTOS_IP };
	struct skt_text address = { 0 };
	struct skt_holders h = { 0 };
	const struct skt_sock *s;
	enum explain_near near;

	if (!spot->is_local || skt_holders_look(spot, &spec, &h, NULL) < 0)
		return;
	skt_endpoint_print_address(e, &address);
	s = explain_nearest(&h, &near);
	if (s)
		explain_refused_near(skt_text_get(&address), &h, before, s, near, err);
	else if (!explain_elsewhere(skt_text_get(&address), spot, before, err))
		explain_nobody(skt_text_get(&address), spot->port, err);
	skt_text_release(&address);
	skt_holders_release(&h);
}

/* A path that refuses has a socket's file without anybody behind it, or somebody who has not come to listening. */
static void explain_refused_name(const struct skt_endpoint *e, const struct skt_spot *spot,
				 const struct skt_holders *before, struct skt_error *err)
{
	struct skt_holders_spec spec = { .states = SKT_STATES_ALL };
	struct skt_holders h = { 0 };
	struct skt_text words = { 0 };
	const struct skt_sock *s = NULL;
	struct stat st;

	if (err->sys != ECONNREFUSED || skt_holders_look(spot, &spec, &h, NULL) < 0)
		return;
	for (size_t i = 0; i < h.census.table.n && !s; i++)
		if (skt_spot_has(spot, &h.census.table, &h.census.table.sock[i]) &&
		    h.census.table.sock[i].state != SKT_STATE_ESTABLISHED)
			s = &h.census.table.sock[i];
	if (s && s->state != SKT_STATE_LISTEN) {
		skt_holder_words(&h, before, s, &words);
		(void)skt_fail(err, SKT_E_REFUSED, ECONNREFUSED,
			       _("refused: %.90s has bound %.100s and does not listen yet"), skt_text_get(&words),
			       e->address);
		skt_hint(err, _("wait until it does: soket wait %.100s"), e->address);
	} else if (!s && e->address[0] == '@') {
		(void)skt_fail(err, SKT_E_REFUSED, ECONNREFUSED, _("refused: nobody has the name %.100s"), e->address);
		skt_hint(err, "%s", _("start the server; such names are known in their own network namespace only"));
	} else if (!s && lstat(e->address, &st) == 0 && !S_ISSOCK(st.st_mode)) {
		(void)skt_fail(err, SKT_E_REFUSED, ECONNREFUSED, _("refused: %.180s is not a socket"), e->address);
		skt_hint(err, _("to read or write it: file:%.120s"), e->address);
	} else if (!s) {
		(void)skt_fail(
			err, SKT_E_REFUSED, ECONNREFUSED,
			_("refused: nobody listens on %.120s: the file was left behind by a program that has ended"),
			e->address);
		skt_hint(err, "%s", _("start the server again; what listens there next should replace the file"));
	}
	skt_text_release(&words);
	skt_holders_release(&h);
}

void skt_holder_explain_dial(const struct skt_endpoint *e, const struct skt_holders *before, struct skt_error *err)
{
	struct skt_spot spot;

	if ((err->kind != SKT_E_REFUSED && err->kind != SKT_E_INUSE) || skt_spot_of(e, &spot, NULL) < 0)
		return;
	if (skt_endpoint_option(e, "via")) /* it was looked for elsewhere, or the proxy was */
		return;
	if (err->kind == SKT_E_REFUSED && spot.name)
		explain_refused_name(e, &spot, before, err);
	else if (err->sys == ECONNREFUSED && spot.protos & SKT_PROTOS_IP)
		explain_refused_port(e, &spot, before, err);
}

/* --- before rights are dropped --------------------------------------------------------------------------------------------- */

/* Of a name: who has bound it and does not listen. */
static void foresee_name(const struct skt_spot *spot, struct skt_holders *ret)
{
	struct skt_holders_spec spec = { .no_owners = true };
	struct skt_holders quick = { 0 };
	bool is_bound = false;

	if (skt_holders_look(spot, &spec, &quick, NULL) < 0)
		return;
	for (size_t i = 0; i < quick.census.table.n && !is_bound; i++)
		is_bound = quick.census.table.sock[i].state != SKT_STATE_LISTEN &&
			   skt_spot_has(spot, &quick.census.table, &quick.census.table.sock[i]);
	skt_holders_release(&quick);
	spec.no_owners = false;
	spec.states = SKT_STATES_ALL;
	if (is_bound)
		(void)skt_holders_look(spot, &spec, ret, NULL);
}

void skt_holder_foresee(const struct skt_endpoint *e, struct skt_holders *ret)
{
	struct skt_holders_spec spec = { .states = 1U << SKT_STATE_LISTEN, .no_owners = true };
	struct skt_holders quick = { 0 };
	struct skt_spot spot;
	enum explain_near near;
	bool is_reached = false;

	*ret = (struct skt_holders){ 0 };
	if (skt_spot_of(e, &spot, NULL) < 0)
		return;
	if (spot.name) {
		foresee_name(&spot, ret);
		return;
	}
	if (spot.protos != 1U << SKT_PROTO_TCP || !spot.is_local || skt_holders_look(&spot, &spec, &quick, NULL) < 0)
		return;
	for (size_t i = 0; i < quick.census.table.n && !is_reached; i++)
		is_reached = skt_spot_reaches(&spot, &quick.census.table.sock[i]);
	skt_holders_release(&quick);
	spec = (struct skt_holders_spec){ .protos = SKT_PROTOS_IP };
	if (is_reached || skt_holders_look(&spot, &spec, ret, NULL) < 0 || explain_nearest(ret, &near))
		return;
	if (explain_look_everywhere(&spot, &quick) == 0) {
		skt_holders_release(ret);
		*ret = quick;
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The bound sockets of this machine: looking.
 *
 * How it works: the filter narrows what the kernel is asked for; a socket that it refuses by what the socket itself says costs no look
 * for its processes. What is left is matched whole, and grouped into rows. A lease binds without listening, and kernels before
 * 6.8 do not tell about such sockets: then its record stands in for them. */
#include "inspect/portlook.h"

#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "inspect/sockjson.h"

static bool portlook_wants(const struct skt_socktable *t, const struct skt_sock *s, void *user)
{
	const struct skt_portlook *p = user;

	return skt_sock_is_bound(s) && skt_filter_may_match(p->filter, t, s);
}

int skt_portlook_open(struct skt_portlook *p, const char *const *words, int n_words, struct skt_error *err)
{
	int ret;

	*p = (struct skt_portlook){ 0 };
	ret = skt_filter_parse(words, n_words, SKT_FILTER_PORTS, &p->filter, err);
	if (ret < 0)
		return ret;
	p->spec = (struct skt_census_spec){
		.look = { .states = SKT_STATES_BOUND },
		.owners = SKT_OWNERS_ALL,
		.wants = portlook_wants,
		.user = p,
	};
	skt_filter_narrow(p->filter, &p->spec.look);
	return 0;
}

static void portlook_forget(struct skt_portlook *p)
{
	skt_portrows_release(&p->rows);
	skt_free(p->sock);
	skt_free(p->held);
	skt_leases_release(&p->leases);
	skt_census_release(&p->census);
	p->sock = NULL;
	p->held = NULL;
	p->n_socks = p->n_held = 0;
}

void skt_portlook_release(struct skt_portlook *p)
{
	portlook_forget(p);
	skt_filter_free(p->filter);
	p->filter = NULL;
}

static bool portlook_is_told(const struct skt_socktable *t, unsigned port)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->sock[i].proto == SKT_PROTO_TCP && t->sock[i].local_port == port)
			return true;
	return false;
}

/* Whether the look would have shown a port that is held in our own namespace. */
static bool portlook_looks_at_held(const struct skt_portlook *p)
{
	const struct skt_look *look = &p->spec.look;

	return !p->spec.netns && (!look->protos || look->protos & 1U << SKT_PROTO_TCP) &&
	       (!look->states || look->states & 1U << SKT_STATE_BOUND);
}

/* A lease holds every address, of both families. */
static int portlook_add_held(struct skt_portlook *p, struct skt_error *err)
{
	p->held = skt_zalloc((2 * p->leases.n + 1) * sizeof(*p->held));
	if (!p->held)
		return skt_fail_memory(err);
	for (size_t i = 0; i < p->leases.n && portlook_looks_at_held(p); i++) {
		if (portlook_is_told(&p->census.table, p->leases.lease[i].port))
			continue;
		for (int family = 4; family <= 6; family += 2)
			p->held[p->n_held++] = (struct skt_sock){
				.proto = SKT_PROTO_TCP,
				.state = SKT_STATE_BOUND,
				.v6only = family == 6,
				.local = { .family = family },
				.local_port = p->leases.lease[i].port,
				.uid = (uint32_t)geteuid(),
				.info = -1,
			};
	}
	return 0;
}

static void portlook_keep(struct skt_portlook *p, const struct skt_sock *s)
{
	if (skt_filter_may_match(p->filter, &p->census.table, s) && skt_filter_matches(p->filter, &p->census, s, NULL))
		p->sock[p->n_socks++] = s;
}

static int portlook_match(struct skt_portlook *p, struct skt_error *err)
{
	const struct skt_socktable *t = &p->census.table;

	p->sock = skt_malloc((t->n + p->n_held + 1) * sizeof(*p->sock));
	if (!p->sock)
		return skt_fail_memory(err);
	for (size_t i = 0; i < t->n; i++)
		if (skt_sock_is_bound(&t->sock[i]))
			portlook_keep(p, &t->sock[i]);
	for (size_t i = 0; i < p->n_held; i++)
		portlook_keep(p, &p->held[i]);
	return skt_portrows_group(&p->census, p->sock, p->n_socks, p->spec.netns ? NULL : &p->leases, &p->rows, err);
}

int skt_portlook_look(struct skt_portlook *p, struct skt_error *err)
{
	int ret;

	portlook_forget(p);
	ret = skt_census_take(&p->spec, &p->census, err);
	if (ret == 0)
		ret = skt_leases_read(&p->leases, err);
	if (ret == 0)
		ret = portlook_add_held(p, err);
	return ret == 0 ? portlook_match(p, err) : ret;
}

void skt_portlook_add_json(const struct skt_portlook *p, const struct skt_sock *s, const char *event, struct skt_json *j)
{
	const struct skt_lease *lease = skt_portrow_lease(p->spec.netns ? NULL : &p->leases, s);

	skt_json_object(j, NULL);
	if (event)
		skt_json_string(j, "event", event);
	skt_sockjson_add(j, &p->census, s);
	skt_sockjson_add_processes(j, &p->census, s);
	skt_json_string(j, "lease", lease ? lease->name : NULL);
	skt_json_end_object(j);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* soket ports: looking.
 *
 * How it works: the filter narrows what the kernel is asked for; a socket that it refuses by what the socket itself says costs no look
 * for its processes. What is left is matched whole, and grouped into rows. A lease binds without listening, and kernels before
 * 6.8 do not tell about such sockets: then its record stands in for them. */
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cli/looking.h"
#include "cli/ports.h"
#include "cli/say.h"

static bool ports_wants(const struct skt_socktable *t, const struct skt_sock *s, void *user)
{
	const struct skt_ports *p = user;

	return skt_sock_is_bound(s) && skt_filter_may_match(p->filter, t, s);
}

int skt_ports_init(struct skt_ports *p, const struct skt_args *args, struct skt_error *err)
{
	int ret;

	*p = (struct skt_ports){
		.args = args,
		.json = skt_args_has(args, "json"),
		.wants_leases = skt_args_has(args, "leases"),
	};
	ret = skt_filter_parse(args->word, args->n_words, SKT_FILTER_PORTS, &p->filter, err);
	if (ret < 0)
		return ret;
	p->spec = (struct skt_census_spec){
		.look = { .states = SKT_STATES_BOUND },
		.owners = SKT_OWNERS_ALL,
		.wants = ports_wants,
		.user = p,
	};
	skt_filter_narrow(p->filter, &p->spec.look);
	return skt_looking_spec(args, &p->spec, err);
}

static void ports_forget(struct skt_ports *p)
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

void skt_ports_release(struct skt_ports *p)
{
	ports_forget(p);
	skt_filter_free(p->filter);
	skt_text_release(&p->cell);
}

static bool ports_is_told(const struct skt_socktable *t, unsigned port)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->sock[i].proto == SKT_PROTO_TCP && t->sock[i].local_port == port)
			return true;
	return false;
}

/* Whether the look would have shown a port that is held in our own namespace. */
static bool ports_looks_at_held(const struct skt_ports *p)
{
	const struct skt_look *look = &p->spec.look;

	return !p->spec.netns && (!look->protos || look->protos & 1U << SKT_PROTO_TCP) &&
	       (!look->states || look->states & 1U << SKT_STATE_BOUND);
}

/* A lease holds every address, of both families. */
static int ports_add_held(struct skt_ports *p, struct skt_error *err)
{
	p->held = skt_zalloc((2 * p->leases.n + 1) * sizeof(*p->held));
	if (!p->held)
		return skt_fail_memory(err);
	for (size_t i = 0; i < p->leases.n && ports_looks_at_held(p); i++) {
		if (ports_is_told(&p->census.table, p->leases.lease[i].port))
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

static void ports_keep(struct skt_ports *p, const struct skt_sock *s)
{
	if (skt_filter_may_match(p->filter, &p->census.table, s) && skt_filter_matches(p->filter, &p->census, s, NULL))
		p->sock[p->n_socks++] = s;
}

static int ports_match(struct skt_ports *p, struct skt_error *err)
{
	const struct skt_socktable *t = &p->census.table;

	p->sock = skt_malloc((t->n + p->n_held + 1) * sizeof(*p->sock));
	if (!p->sock)
		return skt_fail_memory(err);
	for (size_t i = 0; i < t->n; i++)
		if (skt_sock_is_bound(&t->sock[i]))
			ports_keep(p, &t->sock[i]);
	for (size_t i = 0; i < p->n_held; i++)
		ports_keep(p, &p->held[i]);
	return skt_portrows_group(&p->census, p->sock, p->n_socks, p->spec.netns ? NULL : &p->leases, &p->rows, err);
}

int skt_ports_look(struct skt_ports *p, struct skt_error *err)
{
	int ret;

	ports_forget(p);
	p->spec.depth = p->json || p->wants_command ? SKT_PROCESS_COMMAND : SKT_PROCESS_BRIEF;
	ret = skt_census_take(&p->spec, &p->census, err);
	if (ret == 0)
		ret = skt_leases_read(&p->leases, err);
	if (ret == 0)
		ret = ports_add_held(p, err);
	return ret == 0 ? ports_match(p, err) : ret;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The proxies on the way to an endpoint.
 *
 * How it works: a proxy is an endpoint like any other, tcp or tls, and is dialled as one. Over that stream the next one is asked for, and
 * over what comes of it the next: each tunnel is a layer. Names are resolved by the proxies, never here, but that of the first. */
#include "transport/hops.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "endpoint/via.h"
#include "io/filter/tunnel.h"
#include "transport/chain.h"

enum { HOPS_MOST = 8, HOPS_NAME = SKT_VIA_WORD + 32 };

struct hop {
	struct skt_via via;
	char name[HOPS_NAME];
	struct skt_endpoint e; /* tcp, or tls for https */
};

struct skt_hops {
	const struct skt_endpoint *e; /* where they lead */
	struct hop hop[HOPS_MOST];
	int n;
};

/* Options of the way itself are those of the connection to the first proxy. */
static int hop_inherit(struct hop *h, const struct skt_endpoint *from, struct skt_error *err)
{
	static const char *const others[] = { "via", "proxy", "timeout", "retry", "linger" };
	int failed = 0;

	for (int i = 0; failed == 0 && i < from->n_opt; i++) {
		const char *key = from->opt[i].spec->key;
		bool is_other = !skt_scheme_option(skt_endpoint_transport(&h->e), key);

		for (size_t k = 0; k < SKT_LENGTH(others); k++)
			is_other = is_other || strcmp(key, others[k]) == 0;
		if (!is_other)
			failed = skt_endpoint_default(&h->e, key, from->opt[i].value, err);
	}
	return failed;
}

static int hops_add(struct skt_hops *hops, const char *value, int at, struct skt_error *err)
{
	struct hop *h = &hops->hop[hops->n];
	const struct skt_chain *chain;
	char text[HOPS_NAME];
	int failed;

	if (hops->n == HOPS_MOST)
		return skt_fail_at(err, at, _("more than %d proxies"), HOPS_MOST);
	if (skt_via_parse(value, &h->via) >= 0) {
		(void)skt_fail_at(err, at, "%s", _("what ALL_PROXY holds is not the address of a proxy"));
		skt_hint(err, "%s",
			 _("for example socks5://10.0.0.1:1080; also socks4a://, http://, https://, with user:password@"));
		return -SKT_E_USAGE;
	}
	(void)skt_via_print(&h->via, h->name);
	(void)snprintf(text, sizeof(text), "%s%s", h->via.kind == SKT_VIA_HTTPS ? "tls" : "tcp", strstr(h->name, "://"));
	failed = skt_endpoint_parse(text, &h->e, err);
	if (failed < 0)
		return failed;
	hops->n++;
	if (hops->n == 1)
		failed = hop_inherit(h, hops->e, err);
	/* certificates are read now: when it is dialled, rights may be gone */
	return failed < 0 ? failed : skt_chain_of(&h->e, SKT_ROLE_DIAL, &chain, err);
}

/* ALL_PROXY, unless NO_PROXY excepts the host. */
static int hops_add_environment(struct skt_hops *hops, int at, struct skt_error *err)
{
	const char *all = getenv("ALL_PROXY"), *except = getenv("NO_PROXY");

	all = all && *all ? all : getenv("all_proxy");
	except = except && *except ? except : getenv("no_proxy");
	if (!all || !*all || skt_via_is_excepted(except, hops->e->host))
		return 0;
	return hops_add(hops, all, at, err);
}

int skt_hops_new(const struct skt_endpoint *e, struct skt_hops **ret, struct skt_error *err)
{
	struct skt_hops *hops = SKT_NEW(struct skt_hops);
	int failed = 0;

	*ret = NULL;
	if (!hops)
		return skt_fail_memory(err);
	hops->e = e;
	for (int i = 0; failed == 0 && i < e->n_opt; i++) {
		const struct skt_opt *o = &e->opt[i];

		if (strcmp(o->spec->key, "via") == 0)
			failed = strcmp(o->value, "env") == 0 ? hops_add_environment(hops, o->at, err)
							      : hops_add(hops, o->value, o->at, err);
	}
	if (failed < 0 || hops->n == 0)
		skt_hops_free(hops);
	else
		*ret = hops;
	return failed;
}

void skt_hops_free(struct skt_hops *hops)
{
	for (int i = 0; hops && i < hops->n; i++)
		skt_endpoint_release(&hops->hop[i].e);
	skt_free(hops);
}

void skt_hops_print(const struct skt_hops *hops, struct skt_text *ret)
{
	for (int i = 0; i < hops->n; i++)
		skt_text_addf(ret, "%s%s", i ? ", " : "", hops->hop[i].name);
}

/* Ask hop i for what comes behind it. `*stream` is replaced, or released and NULL. */
static int hops_ask(const struct skt_hops *hops, int i, struct skt_stream **stream, struct skt_error *err)
{
	static const enum skt_tunnelkind kinds[] = { [SKT_VIA_SOCKS5] = SKT_TUNNEL_SOCKS5,
						     [SKT_VIA_SOCKS4A] = SKT_TUNNEL_SOCKS4A,
						     [SKT_VIA_HTTP] = SKT_TUNNEL_CONNECT,
						     [SKT_VIA_HTTPS] = SKT_TUNNEL_CONNECT };
	const struct hop *h = &hops->hop[i];
	const struct skt_endpoint *next = i + 1 < hops->n ? &hops->hop[i + 1].e : hops->e;
	bool is_here = next->host[0] == '\0' || strcmp(next->host, "any") == 0;
	const struct skt_tunnel_to to = { .kind = kinds[h->via.kind],
					  .user = h->via.has_user ? h->via.user : NULL,
					  .password = h->via.has_password ? h->via.password : NULL,
					  .proxy = h->name,
					  .host = is_here ? "localhost" : next->host,
					  .port = (unsigned)next->port };
	struct skt_stream *below = *stream;

	*stream = NULL;
	return skt_tunnel_new(below, &to, stream, err);
}

int skt_hops_dial(struct skt_loop *loop, const struct skt_hops *hops, const struct skt_origin *origin,
		  struct skt_stream **ret, struct skt_error *err)
{
	struct skt_stream *stream = NULL;
	int failed = skt_chain_dial(loop, &hops->hop[0].e, origin, &stream, err);

	for (int i = 0; failed == 0 && i < hops->n; i++) {
		failed = hops_ask(hops, i, &stream, err);
		if (failed == 0 && i + 1 < hops->n)
			failed = skt_chain_put_on(loop, &hops->hop[i + 1].e, &stream, err);
	}
	*ret = stream;
	return failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What stands between an endpoint and its transport.
 *
 * How it works: the layers of a text stand from the top down; here they are put on from the bottom up, each over the one before it:
 *
 *   dialling    transport to the (first) proxy, a tunnel for each proxy, a PROXY header, then the layers
 *   listening   what was accepted, a PROXY header, then the layers
 *
 * What all streams of an endpoint share, such as certificates, is made once and kept with the endpoint; see skt_chain_of(). */
#include "transport/chain.h"

#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "endpoint/cidr.h"
#include "io/filter/proxyhead.h"
#include "io/filter/tls.h"
#include "io/filter/tlspin.h"
#include "io/filter/tlswords.h"
#include "io/filter/ws.h"
#include "transport/hops.h"
#include "transport/secure.h"

struct chain_layer;

struct skt_chain {
	const struct skt_endpoint *e;
	const struct chain_layer *layer[SKT_LAYERS_MAX]; /* from the bottom up */
	int n_layers;
	bool listens;
	struct skt_tls_context *tls;
	struct skt_ws_config ws;
	const char *ws_header[SKT_OPTIONS_MAX];
	struct skt_text ws_host;
	struct skt_hops *hops;
	struct skt_text scheme, self_names;
	char fingerprint[SKT_FINGERPRINT_LENGTH], pin[SKT_PIN_LENGTH];
};

/* --- layers ------------------------------------------------------------------------------------------------------------- */

static int chain_prepare_tls(struct skt_chain *c, struct skt_error *err)
{
	int failed = c->tls ? 0 : skt_secure_new(c->e, c->listens, &c->tls, &c->self_names, err);
	unsigned char pin[SKT_PIN_BYTES];

	if (failed < 0 || !c->listens)
		return failed;
	(void)skt_fingerprint_print(skt_tls_context_cert(c->tls), c->fingerprint);
	if (skt_pin_of(skt_tls_context_cert(c->tls), pin))
		(void)skt_pin_print(pin, c->pin);
	return 0;
}

static int chain_stack_tls(struct skt_loop *loop, const struct skt_chain *c, struct skt_stream *below,
			   struct skt_stream **ret, struct skt_error *err)
{
	return skt_tls_new(loop, below, c->tls, ret, err);
}

/* The Host of a request: the port is left out where the scheme has it anyway (RFC 6455, section 4.1). */
static void chain_ws_host(struct skt_chain *c, bool is_tls)
{
	const struct skt_endpoint *e = c->e;
	bool is_host = skt_endpoint_transport(e)->form == SKT_FORM_HOST;
	const char *name = !is_host || e->host[0] == '\0' || strcmp(e->host, "any") == 0 ? "localhost" : e->host;

	name = skt_endpoint_string(e, "sni", name);
	skt_text_addf(&c->ws_host, strchr(name, ':') ? "[%s]" : "%s", name);
	if (is_host && e->port != (is_tls ? 443 : 80))
		skt_text_addf(&c->ws_host, ":%d", e->port);
	c->ws.host = skt_text_get(&c->ws_host);
}

static int chain_prepare_ws(struct skt_chain *c, struct skt_error *err)
{
	const struct skt_endpoint *e = c->e;

	if (c->ws.host)
		return 0;
	chain_ws_host(c, c->tls != NULL);
	c->ws.path = skt_endpoint_string(e, "path", NULL);
	c->ws.protocols = skt_endpoint_string(e, "protocol", NULL);
	c->ws.origin = skt_endpoint_string(e, "origin", NULL);
	c->ws.text = skt_endpoint_number(e, "text", 0);
	c->ws.deflate = skt_endpoint_number(e, "deflate", 0);
	c->ws.max_message = (uint64_t)skt_endpoint_number(e, "max-message", 0);
	c->ws.ping = skt_endpoint_number(e, "ping", 0);
	c->ws.header = c->ws_header;
	for (int i = 0; i < e->n_opt; i++)
		if (strcmp(e->opt[i].spec->key, "header") == 0)
			c->ws_header[c->ws.n_header++] = e->opt[i].value;
	return c->ws_host.failed ? skt_fail_memory(err) : 0;
}

static int chain_stack_ws(struct skt_loop *loop, const struct skt_chain *c, struct skt_stream *below,
			  struct skt_stream **ret, struct skt_error *err)
{
	return c->listens ? skt_ws_new_server(loop, below, &c->ws, ret, err)
			  : skt_ws_new_client(loop, below, &c->ws, ret, err);
}

static const struct chain_layer {
	const char *scheme;
	int (*prepare)(struct skt_chain *c, struct skt_error *err);
	int (*stack)(struct skt_loop *loop, const struct skt_chain *c, struct skt_stream *below,
		     struct skt_stream **ret, struct skt_error *err);
} chain_layers[] = {
	{ "tls", chain_prepare_tls, chain_stack_tls },
	{ "ws", chain_prepare_ws, chain_stack_ws },
};

static const struct chain_layer *chain_layer_of(const struct skt_scheme *scheme)
{
	for (size_t i = 0; i < SKT_LENGTH(chain_layers); i++)
		if (strcmp(chain_layers[i].scheme, scheme->name) == 0)
			return &chain_layers[i];
	return NULL;
}

/* --- making ------------------------------------------------------------------------------------------------------------- */

static void chain_free(struct skt_chain *c)
{
	if (!c)
		return;
	skt_tls_context_free(c->tls);
	skt_hops_free(c->hops);
	skt_text_release(&c->ws_host);
	skt_text_release(&c->scheme);
	skt_text_release(&c->self_names);
	skt_free(c);
}

static void chain_release(struct skt_kept *kept)
{
	for (size_t i = 0; i < SKT_LENGTH(kept->of); i++)
		chain_free(kept->of[i]);
}

static int chain_prepare(struct skt_chain *c, struct skt_error *err)
{
	int failed = 0;

	for (int i = c->e->n_layer - 2; failed == 0 && i >= 0; i--) {
		const struct chain_layer *layer = chain_layer_of(c->e->layer[i]);

		if (!layer)
			return skt_fail(err, SKT_E_USAGE, 0, _("%s: this version cannot open that layer yet"),
					c->e->layer[i]->name);
		c->layer[c->n_layers++] = layer;
		failed = layer->prepare(c, err);
	}
	return failed;
}

static int chain_new(const struct skt_endpoint *e, bool listens, struct skt_chain **ret, struct skt_error *err)
{
	struct skt_chain *c = SKT_NEW(struct skt_chain);
	int failed;

	if (!c)
		return skt_fail_memory(err);
	c->e = e;
	c->listens = listens;
	skt_endpoint_print_scheme(e, &c->scheme);
	failed = c->scheme.failed ? skt_fail_memory(err) : chain_prepare(c, err);
	if (failed == 0 && !listens)
		failed = skt_hops_new(e, &c->hops, err);
	if (failed < 0)
		chain_free(c);
	else
		*ret = c;
	return failed;
}

int skt_chain_of(const struct skt_endpoint *e, enum skt_role role, const struct skt_chain **ret, struct skt_error *err)
{
	static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP; /* proxies have chains too */
	bool listens = role == SKT_ROLE_LISTEN;
	struct skt_chain *made = NULL;
	int failed = 0;

	*ret = NULL;
	if (!e->kept)
		return 0;
	(void)pthread_mutex_lock(&lock);
	if (!e->kept->of[listens]) {
		failed = chain_new(e, listens, &made, err);
		e->kept->of[listens] = made;
		e->kept->release = chain_release;
	}
	*ret = e->kept->of[listens];
	(void)pthread_mutex_unlock(&lock);
	return failed;
}

/* --- opening ------------------------------------------------------------------------------------------------------------ */

/* The layers, from the bottom up. `*stream` is replaced, or released and NULL. */
static int chain_stack(struct skt_loop *loop, const struct skt_chain *c, struct skt_stream **stream, struct skt_error *err)
{
	int failed = 0;

	for (int i = 0; failed == 0 && i < c->n_layers; i++) {
		struct skt_stream *below = *stream;

		*stream = NULL;
		failed = c->layer[i]->stack(loop, c, below, stream, err);
	}
	return failed;
}

/* proxy=: the header that tells who the client is. */
static int chain_send_head(const struct skt_endpoint *e, const struct skt_origin *origin, struct skt_stream **stream,
			   struct skt_error *err)
{
	const struct skt_opt *version = skt_endpoint_option(e, "proxy");
	struct skt_proxyhead head = { .peer = origin->peer, .local = origin->local };
	struct skt_stream *below = *stream;

	if (!version)
		return 0;
	head.version = version->number == 0 ? 1 : 2;
	*stream = NULL;
	return skt_proxyhead_new_sender(below, &head, stream, err);
}

/* accept-proxy=: the header that tells who the client is. */
static int chain_read_head(const struct skt_endpoint *e, struct skt_stream **stream, struct skt_error *err)
{
	struct skt_stream *below = *stream;

	if (!skt_endpoint_number(e, "accept-proxy", 0))
		return 0;
	*stream = NULL;
	return skt_proxyhead_new_reader(below, stream, err);
}

int skt_chain_dial(struct skt_loop *loop, const struct skt_endpoint *e, const struct skt_origin *origin,
		   struct skt_stream **ret, struct skt_error *err)
{
	const struct skt_transport *t = skt_transport_of(e, err);
	const struct skt_chain *c;
	int failed = t ? skt_chain_of(e, SKT_ROLE_DIAL, &c, err) : -SKT_E_USAGE;

	if (failed == 0)
		failed = c && c->hops ? skt_hops_dial(loop, c->hops, origin, ret, err)
				      : t->dial(loop, e, origin, ret, err);
	if (failed < 0 || !c)
		return failed;
	failed = chain_send_head(e, origin, ret, err);
	return failed < 0 ? failed : chain_stack(loop, c, ret, err);
}

int skt_chain_put_on(struct skt_loop *loop, const struct skt_endpoint *e, struct skt_stream **stream,
		     struct skt_error *err)
{
	const struct skt_chain *c;
	int failed = skt_chain_of(e, SKT_ROLE_DIAL, &c, err);

	if (failed == 0 && c)
		return chain_stack(loop, c, stream, err);
	if (failed < 0) {
		skt_stream_free(*stream);
		*stream = NULL;
	}
	return failed;
}

int skt_chain_listen(struct skt_loop *loop, const struct skt_endpoint *e, struct skt_listener **ret, struct skt_error *err)
{
	const struct skt_transport *t = skt_transport_of(e, err);
	const struct skt_chain *c;
	int failed = t ? skt_chain_of(e, SKT_ROLE_LISTEN, &c, err) : -SKT_E_USAGE;

	if (failed == 0)
		failed = t->listen(loop, e, ret, err);
	if (failed == 0 && c && c->e->n_layer > 1)
		(*ret)->scheme = skt_text_get(&c->scheme);
	return failed;
}

int skt_chain_accept(struct skt_loop *loop, const struct skt_endpoint *e, struct skt_stream **stream,
		     struct skt_error *err)
{
	const struct skt_chain *c;
	int failed = skt_chain_of(e, SKT_ROLE_LISTEN, &c, err);

	if (failed < 0) {
		skt_stream_free(*stream);
		*stream = NULL;
		return failed;
	}
	failed = c ? chain_read_head(e, stream, err) : 0;
	return failed < 0 || !c ? failed : chain_stack(loop, c, stream, err);
}

bool skt_chain_is_opening(const struct skt_endpoint *e)
{
	return e->kept && (e->n_layer > 1 || skt_endpoint_number(e, "accept-proxy", 0));
}

bool skt_chain_lets_tell(const struct skt_endpoint *e, const struct skt_addr *peer)
{
	bool is_any_named = false;

	if (!e->kept || !skt_endpoint_number(e, "accept-proxy", 0))
		return true;
	for (int i = 0; i < e->n_opt; i++) {
		struct skt_cidr cidr;
		const unsigned char *bytes;
		int n;

		if (strcmp(e->opt[i].spec->key, "proxy-from") != 0)
			continue;
		is_any_named = true;
		bytes = skt_addr_bytes(peer, &n);
		if (bytes && skt_cidr_parse(e->opt[i].value, &cidr, NULL) == 0 &&
		    skt_cidr_matches_bytes(&cidr, bytes, (size_t)n))
			return true;
	}
	return !is_any_named && (skt_addr_is_loopback(peer) || peer->sa.sa_family == AF_UNIX || peer->len == 0);
}

/* --- facts -------------------------------------------------------------------------------------------------------------- */

int skt_chain_reload(const struct skt_endpoint *e, struct skt_error *err)
{
	const struct skt_chain *c;
	int failed = skt_chain_of(e, SKT_ROLE_LISTEN, &c, err);

	if (failed < 0 || !c || !c->tls)
		return failed;
	if (skt_tls_context_config(c->tls)->n_certs == 0 && !skt_tls_context_config(c->tls)->ca)
		return 0;
	failed = skt_tls_context_reload(c->tls, err);
	return failed < 0 ? failed : 1;
}

void skt_chain_facts(const struct skt_endpoint *e, enum skt_role role, struct skt_chain_facts *ret)
{
	const struct skt_chain *c;

	*ret = (struct skt_chain_facts){ 0 };
	if (skt_chain_of(e, role, &c, NULL) < 0 || !c || !c->tls)
		return;
	ret->open_key = skt_tls_context_open_key(c->tls);
	ret->no_verify = skt_tls_context_config(c->tls)->no_verify && !skt_tls_context_config(c->tls)->pin;
	if (!c->self_names.len)
		return;
	ret->self_names = skt_text_get(&c->self_names);
	ret->fingerprint = c->fingerprint;
	ret->pin = c->pin;
}

void skt_chain_files(const struct skt_endpoint *e, void (*fn)(void *user, const char *path), void *user)
{
	static const char *const keys[] = { "cert", "key", "client-ca" };

	for (int i = 0; i < e->n_opt; i++)
		for (size_t k = 0; k < SKT_LENGTH(keys); k++)
			if (strcmp(e->opt[i].spec->key, keys[k]) == 0)
				fn(user, e->opt[i].value);
}

void skt_chain_looks(struct skt_endpoint *e)
{
	if (e->kept)
		e->kept->looks = true;
}

int skt_chain_explain_verification(const struct skt_endpoint *e, const SSL *ssl, struct skt_error *err)
{
	const struct skt_chain *c;
	int failed = skt_chain_of(e, SKT_ROLE_DIAL, &c, err);

	if (failed < 0 || !c || !c->tls)
		return failed;
	return skt_tls_explain_verification(ssl, skt_tls_context_config(c->tls), err);
}

void skt_chain_print(const struct skt_endpoint *e, struct skt_text *ret)
{
	const struct skt_chain *c;
	struct skt_text way = { 0 };

	skt_endpoint_print_address(e, ret);
	if (skt_chain_of(e, SKT_ROLE_DIAL, &c, NULL) < 0 || !c || !c->hops)
		return;
	skt_hops_print(c->hops, &way);
	skt_text_addf(ret, _(" by way of %s"), skt_text_get(&way));
	skt_text_release(&way);
}

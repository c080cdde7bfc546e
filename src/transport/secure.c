/* SPDX-License-Identifier: Apache-2.0 */
/* The options of TLS, made into a context. */
#include "transport/secure.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/message.h"
#include "sys/addr.h"
#include "sys/resolve.h"

enum { SECURE_NAMES = 64, SECURE_NAME = 256 };

/* The names that a certificate is made for. */
struct secure_names {
	char name[SECURE_NAMES][SECURE_NAME];
	const char *list[SECURE_NAMES];
	int n;
};

static void secure_add_name(struct secure_names *names, const char *name)
{
	for (int i = 0; i < names->n; i++)
		if (strcmp(names->list[i], name) == 0)
			return;
	if (names->n == SECURE_NAMES || name[0] == '\0' || strlen(name) >= SECURE_NAME)
		return;
	(void)snprintf(names->name[names->n], SECURE_NAME, "%s", name);
	names->list[names->n] = names->name[names->n];
	names->n++;
}

static void secure_add_loopback(struct secure_names *names)
{
	secure_add_name(names, "localhost");
	secure_add_name(names, "127.0.0.1");
	secure_add_name(names, "::1");
}

static void secure_add_own_name(struct secure_names *names)
{
	char name[SECURE_NAME];

	if (gethostname(name, sizeof(name)) == 0) {
		name[sizeof(name) - 1] = '\0';
		secure_add_name(names, name);
	}
}

static void secure_add_interfaces(struct secure_names *names)
{
	struct ifaddrs *all = NULL;
	char text[SKT_ADDR_LENGTH];

	if (getifaddrs(&all) < 0)
		return;
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		struct skt_addr addr = { 0 };
		int family = i->ifa_addr ? i->ifa_addr->sa_family : AF_UNSPEC;

		if (family != AF_INET && family != AF_INET6)
			continue;
		addr.len = family == AF_INET ? sizeof(addr.in) : sizeof(addr.in6);
		memcpy(addr.room, i->ifa_addr, addr.len);
		if (family == AF_INET6)
			addr.in6.sin6_scope_id = 0; /* a certificate knows no interfaces */
		secure_add_name(names, skt_addr_print_host(&addr, text));
	}
	freeifaddrs(all);
}

/* By what a listener can be reached: the name that is written, and for "any" every address of this machine. */
static void secure_own_names(const struct skt_endpoint *e, struct secure_names *names)
{
	bool is_host = skt_endpoint_transport(e)->form == SKT_FORM_HOST;

	if (is_host && strcmp(e->host, "any") == 0) {
		secure_add_own_name(names);
		secure_add_loopback(names);
		secure_add_interfaces(names);
	} else if (!is_host || e->host[0] == '\0' || skt_resolve_is_localhost(e->host)) {
		secure_add_loopback(names);
		if (!is_host)
			secure_add_own_name(names);
	} else {
		secure_add_name(names, e->host);
		if (strcmp(e->host, "127.0.0.1") == 0 || strcmp(e->host, "::1") == 0)
			secure_add_name(names, "localhost");
	}
}

/* cert= and key= in the order in which they are written; a key belongs to the certificate before it, or behind it where none is before
 * it without one. */
static int secure_certs(const struct skt_endpoint *e, struct skt_tls_config *c, struct skt_error *err)
{
	int n_keys = 0;

	for (int i = 0; i < e->n_opt; i++) {
		const struct skt_opt *o = &e->opt[i];
		bool is_key = strcmp(o->spec->key, "key") == 0;

		if (!is_key && strcmp(o->spec->key, "cert") != 0)
			continue;
		if ((is_key ? n_keys : c->n_certs) == SKT_TLS_CERTS)
			return skt_fail_at(err, o->at, _("more than %d of %s="), SKT_TLS_CERTS, o->spec->key);
		if (is_key)
			c->key[n_keys++] = o->value;
		else
			c->cert[c->n_certs++] = o->value;
	}
	if (n_keys > 0 && n_keys != c->n_certs) {
		(void)skt_fail(err, SKT_E_USAGE, 0, _("%d of cert= and %d of key= do not pair"), c->n_certs, n_keys);
		skt_hint(err, "%s",
			 _("each certificate has its key, in the same order; or no key=, where each file holds both"));
		return -SKT_E_USAGE;
	}
	return 0;
}

/* Whom a client wants. Without a name to check, a certificate of anybody would do. */
static int secure_name(const struct skt_endpoint *e, struct skt_tls_config *c, struct skt_error *err)
{
	bool is_host = skt_endpoint_transport(e)->form == SKT_FORM_HOST;
	const char *host = !is_host ? "" : e->host[0] == '\0' || strcmp(e->host, "any") == 0 ? "localhost" : e->host;

	c->name = skt_endpoint_string(e, "sni", host);
	if (c->name[0] || c->pin || c->no_verify)
		return 0;
	(void)skt_fail(err, SKT_E_USAGE, 0, _("%s has no host name that its certificate could be checked against"),
		       skt_endpoint_transport(e)->name);
	skt_hint(err, "%s", _("say the name, sni=NAME, or the key, pin=SHA256"));
	return -SKT_E_USAGE;
}

int skt_secure_new(const struct skt_endpoint *e, bool listens, struct skt_tls_context **ret, struct skt_text *names,
		   struct skt_error *err)
{
	struct skt_tls_config c = { .is_server = listens,
				    .alpn = skt_endpoint_string(e, "alpn", NULL),
				    .ca = skt_endpoint_string(e, listens ? "client-ca" : "ca", NULL),
				    .pin = listens ? NULL : skt_endpoint_string(e, "pin", NULL),
				    .no_verify = !listens && !skt_endpoint_number(e, "verify", 1),
				    .looks = !listens && e->kept && e->kept->looks,
				    .wants_13 = skt_endpoint_number(e, "tls-min", 0) == 1 };
	struct secure_names *own = NULL;
	int failed = secure_certs(e, &c, err);

	if (failed == 0 && !listens)
		failed = secure_name(e, &c, err);
	if (failed < 0)
		return failed;
	if (listens && c.n_certs == 0) {
		own = SKT_NEW(struct secure_names);
		if (!own)
			return skt_fail_memory(err);
		secure_own_names(e, own);
		c.self_name = own->list;
		c.n_self_names = own->n;
		for (int i = 0; i < own->n; i++)
			skt_text_addf(names, "%s%s", i ? ", " : "", own->list[i]);
	}
	failed = skt_tls_context_new(&c, ret, err);
	skt_free(own); /* the certificate is made: reading files again does not make another */
	return failed;
}

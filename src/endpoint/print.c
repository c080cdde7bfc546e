/* SPDX-License-Identifier: Apache-2.0 */
/* The canonical form of endpoints: skt_endpoint_print() and skt_endpoint_print_address() of endpoint.h. */
#include <inttypes.h>
#include <string.h>

#include "endpoint/argv.h"
#include "endpoint/endpoint.h"
#include "endpoint/ip.h"
#include "endpoint/lexer.h"

/* How many layers at i are what a short name stands for: "ws+tls" for wss; or 0. */
static int print_alias_length(const struct skt_endpoint *e, int i, const char *alias)
{
	int length = 0;

	for (; *alias; alias += strspn(alias, "+"), length++) {
		size_t n = strcspn(alias, "+");

		if (i + length >= e->n_layer || strlen(e->layer[i + length]->name) != n ||
		    strncmp(e->layer[i + length]->name, alias, n) != 0)
			return 0;
		alias += n;
	}
	return length;
}

/* The name to print at layer i; *length is how many layers it covers. */
static const char *print_layer_name(const struct skt_endpoint *e, int i, int *length)
{
	const struct skt_scheme *s;

	for (size_t k = 0; (s = skt_scheme_at(k)); k++) {
		*length = s->alias ? print_alias_length(e, i, s->alias) : 0;
		if (*length > 0)
			return s->name;
	}
	*length = 1;
	return e->layer[i]->name;
}

/* "tls" for tls over tcp: a layer does not name what is below it anyway. */
void skt_endpoint_print_scheme(const struct skt_endpoint *e, struct skt_text *ret)
{
	int length;

	for (int i = 0; i < e->n_layer; i += length) {
		const struct skt_scheme *above = i > 0 ? e->layer[i - 1] : NULL;
		const char *name = print_layer_name(e, i, &length);

		if (above && above->below && i == e->n_layer - 1 && strcmp(above->below, name) == 0)
			return;
		if (i > 0)
			skt_text_addc(ret, '+');
		skt_text_add(ret, name);
	}
}

static void print_host(const struct skt_endpoint *e, struct skt_text *ret)
{
	struct skt_ip ip;
	size_t wrong;
	char text[SKT_IP_LENGTH];

	skt_text_add(ret, "//");
	if (e->family == 6 && skt_ip6_parse(e->host, strlen(e->host), &ip, &wrong) == 0) {
		skt_text_addf(ret, "[%s", skt_ip_print(&ip, text));
		if (e->zone)
			skt_text_addf(ret, "%%%s", e->zone);
		skt_text_addc(ret, ']');
	} else {
		skt_text_add(ret, e->host);
	}
	skt_text_addf(ret, ":%d", e->port);
}

static void print_command(const struct skt_endpoint *e, struct skt_text *ret)
{
	struct skt_text joined = { 0 };

	skt_argv_join((const char *const *)e->argv, e->argc, &joined);
	skt_lexer_quote(skt_text_get(&joined), ret);
	ret->failed = ret->failed || joined.failed;
	skt_text_release(&joined);
}

/* A path, or a name, that begins with two slashes gets two more, which reading takes off. */
static void print_path(const struct skt_endpoint *e, struct skt_text *ret)
{
	struct skt_text path = { 0 };

	if (strncmp(e->address, "//", 2) == 0)
		skt_text_add(&path, "//");
	skt_text_add(&path, e->address);
	skt_lexer_quote(skt_text_get(&path), ret);
	ret->failed = ret->failed || path.failed;
	skt_text_release(&path);
}

void skt_endpoint_print_address(const struct skt_endpoint *e, struct skt_text *ret)
{
	skt_endpoint_print_scheme(e, ret);
	skt_text_addc(ret, ':');
	switch (skt_endpoint_transport(e)->form) {
	case SKT_FORM_HOST:
		print_host(e, ret);
		break;
	case SKT_FORM_VSOCK:
		skt_text_addf(ret, "//%s:%" PRIu32, e->host, e->vport);
		break;
	case SKT_FORM_COMMAND:
		print_command(e, ret);
		break;
	case SKT_FORM_PATH:
	case SKT_FORM_NUMBER:
		print_path(e, ret);
		break;
	default:
		skt_lexer_quote(e->address, ret);
		break;
	}
}

void skt_endpoint_print(const struct skt_endpoint *e, struct skt_text *ret)
{
	if (e->role != SKT_ROLE_ANY)
		skt_text_add(ret, e->role == SKT_ROLE_LISTEN ? "listen:" : "dial:");
	skt_endpoint_print_address(e, ret);
	for (int i = 0; i < e->n_opt; i++) {
		skt_text_addf(ret, " %s=", e->opt[i].spec->key);
		skt_lexer_quote(e->opt[i].value, ret);
	}
}

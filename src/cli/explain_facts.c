/* SPDX-License-Identifier: Apache-2.0 */
/* What can be said of an endpoint or a port without touching the network. */
#include "cli/explain_facts.h"

#include <stdio.h>
#include <string.h>

#include "base/message.h"
#include "endpoint/namekind.h"

void skt_portfacts_gather(int port, const char *protocol, struct skt_portfacts *ret)
{
	*ret = (struct skt_portfacts){
		.port = port,
		.protocol = protocol,
		.class = skt_portclass_of((uint16_t)port),
		.service = skt_service_of_port((uint16_t)port, protocol),
		.other = skt_service_of_port((uint16_t)port, NULL),
	};
	if (ret->service)
		(void)snprintf(ret->name, sizeof(ret->name), "%s", ret->service->name);
	else if (port == 0 || !skt_service_system_name((uint16_t)port, protocol, ret->name))
		ret->name[0] = '\0';
}

bool skt_portfacts_use(const struct skt_portfacts *f, int i, const char **name, const char **over)
{
	const struct skt_service *row;

	for (size_t k = 0; (row = skt_service_at(k)); k++) {
		const char *uses[] = { row->tcp, row->udp };

		for (int udp = 0; udp < 2 && row->port == f->port; udp++)
			if (uses[udp] && i-- == 0) {
				*name = uses[udp];
				*over = udp ? "UDP" : "TCP";
				return true;
			}
	}
	return false;
}

static void hostfacts_address(const struct skt_endpoint *e, struct skt_hostfacts *ret)
{
	struct skt_ip ip = { 0 }, inner;
	const struct skt_addrkind *kind;
	size_t wrong;

	if (skt_ip_parse(e->host, strlen(e->host), &ip, &wrong) < 0)
		return;
	kind = skt_addrkind_of(&ip);
	ret->family = e->family == 4 ? "IPv4" : "IPv6";
	ret->kind = kind->name;
	ret->network = kind->network;
	ret->rfc = kind->rfc;
	ret->help = kind->help;
	skt_ip_print(&ip, ret->text);
	if (skt_ip_is_mapped(&ip)) {
		inner = skt_ip_unmap(&ip);
		ret->inner = skt_addrkind_of(&inner);
	}
}

/* The family that the scheme or an option asks for. */
static const char *hostfacts_family(const struct skt_endpoint *e)
{
	const char *name = skt_endpoint_transport(e)->name;
	int64_t family = skt_endpoint_number(e, "family", 0);

	if (strcmp(name, "tcp4") == 0 || family == 1)
		return "IPv4";
	return strcmp(name, "tcp6") == 0 || family == 2 ? "IPv6" : "any";
}

static void hostfacts_name(const struct skt_endpoint *e, struct skt_hostfacts *ret)
{
	const struct skt_namekind *kind = skt_namekind_of(e->host);

	ret->family = hostfacts_family(e);
	ret->kind = kind->kind;
	ret->rfc = kind->rfc;
	ret->help = kind->help;
}

static void hostfacts_no_host(const struct skt_endpoint *e, struct skt_hostfacts *ret)
{
	bool is_any = strcmp(e->host, "any") == 0;

	ret->family = hostfacts_family(e);
	ret->kind = is_any ? "unspecified" : "loopback";
	ret->rfc = strcmp(ret->family, "any") == 0    ? "RFC 1122, RFC 4291"
		   : strcmp(ret->family, "IPv4") == 0 ? "RFC 1122"
						      : "RFC 4291";
	if (is_any)
		ret->help = N_("every interface of this machine: other machines can connect");
	else if (e->role == SKT_ROLE_DIAL)
		ret->help = N_("no host is named: localhost, this machine");
	else if (e->role == SKT_ROLE_LISTEN)
		ret->help = N_("no host is named: this machine alone can connect");
	else
		ret->help = N_("no host is named: to dial, localhost; to listen, so that this machine alone can connect");
}

static void hostfacts_path(const struct skt_endpoint *e, struct skt_hostfacts *ret)
{
	bool is_socket = strncmp(skt_endpoint_transport(e)->name, "unix", 4) == 0;

	if (!is_socket)
		return;
	ret->family = "unix";
	ret->kind = e->address[0] == '@' ? "abstract" : "path";
	ret->help = e->address[0] == '@'
			    ? N_("a name without a file: any program of this network namespace may connect")
			    : N_("a socket file: its rights, and those of its directory, say who may connect");
}

void skt_hostfacts_gather(const struct skt_endpoint *e, struct skt_hostfacts *ret)
{
	enum skt_form form = skt_endpoint_transport(e)->form;

	*ret = (struct skt_hostfacts){ 0 };
	if (form == SKT_FORM_PATH)
		hostfacts_path(e, ret);
	else if (form == SKT_FORM_VSOCK)
		ret->family = "vsock";
	else if (form == SKT_FORM_HOST && e->family)
		hostfacts_address(e, ret);
	else if (form == SKT_FORM_HOST && e->host[0] && strcmp(e->host, "any") != 0)
		hostfacts_name(e, ret);
	else if (form == SKT_FORM_HOST)
		hostfacts_no_host(e, ret);
}

bool skt_facts_is_later(const struct skt_endpoint *e)
{
	for (int i = 0; i < e->n_layer; i++)
		if (e->layer[i]->is_later)
			return true;
	return false;
}

const char *skt_facts_role(const struct skt_endpoint *e)
{
	return e->role == SKT_ROLE_LISTEN ? "listen" : e->role == SKT_ROLE_DIAL ? "dial" : "any";
}

static bool facts_is_default(const struct skt_endpoint *e, const struct skt_optspec *spec)
{
	if (!spec->def || skt_endpoint_option(e, spec->key))
		return false;
	if (e->family && strcmp(spec->key, "family") == 0)
		return false; /* the host's address has decided that */
	return e->role == SKT_ROLE_ANY || spec->role == SKT_ROLE_ANY || spec->role == e->role;
}

/* Default number i (from 0) of all layers, from the top down. */
static const struct skt_optspec *facts_default(const struct skt_endpoint *e, int i)
{
	for (int layer = 0; layer < e->n_layer; layer++)
		for (int g = 0; g < SKT_OPTGROUPS_MAX && e->layer[layer]->options[g]; g++)
			for (const struct skt_optspec *o = e->layer[layer]->options[g]; o->key; o++)
				if (facts_is_default(e, o) && i-- == 0)
					return o;
	return NULL;
}

bool skt_facts_option(const struct skt_endpoint *e, int i, const struct skt_optspec **spec, const char **value,
		      bool *is_written)
{
	*is_written = i < e->n_opt;
	*spec = *is_written ? e->opt[i].spec : facts_default(e, i - e->n_opt);
	if (!*spec)
		return false;
	*value = *is_written ? e->opt[i].value : (*spec)->def;
	return true;
}

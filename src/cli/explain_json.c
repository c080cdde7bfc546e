/* SPDX-License-Identifier: Apache-2.0 */
/* `soket explain --json`: all facts under names that stay. The words that scripts compare are English in every
 * language; description and help are for people, in theirs. */
#include <string.h>

#include "base/json.h"
#include "base/message.h"
#include "cli/explain.h"
#include "cli/explain_facts.h"
#include "cli/say.h"

static int json_say(struct skt_json *j)
{
	int ret;

	skt_json_end_object(j);
	ret = skt_say_json(j);
	skt_json_release(j);
	return ret;
}

static void json_protocols(const struct skt_portfacts *f, struct skt_json *j)
{
	struct skt_text use = { 0 };
	const char *name, *over;

	skt_json_array(j, "protocols");
	for (int i = 0; skt_portfacts_use(f, i, &name, &over); i++) {
		skt_text_clear(&use);
		skt_text_addf(&use, "%s over %s", name, over);
		skt_json_string(j, NULL, skt_text_get(&use));
		j->text.failed = j->text.failed || use.failed;
	}
	skt_json_end_array(j);
	skt_text_release(&use);
}

static void json_port(int port, const char *protocol, struct skt_json *j)
{
	struct skt_portfacts f;

	skt_portfacts_gather(port, protocol, &f);
	skt_json_int(j, "port", port);
	skt_json_string(j, "class", f.class->name);
	skt_json_string(j, "class_also", f.class->also);
	skt_json_int(j, "class_first", f.class->first);
	skt_json_int(j, "class_last", f.class->last);
	skt_json_string(j, "class_rfc", "RFC 6335");
	skt_json_string(j, "service", f.name[0] ? f.name : NULL);
	skt_json_string(j, "description", f.service ? _(f.service->help) : NULL);
	json_protocols(&f, j);
}

static void json_printed(const char *key, const struct skt_endpoint *e,
			 void (*print)(const struct skt_endpoint *, struct skt_text *), struct skt_json *j)
{
	struct skt_text text = { 0 };

	print(e, &text);
	skt_json_string(j, key, skt_text_get(&text));
	j->text.failed = j->text.failed || text.failed;
	skt_text_release(&text);
}

static void json_layers(const struct skt_endpoint *e, struct skt_json *j)
{
	skt_json_array(j, "layers");
	for (int i = 0; i < e->n_layer; i++)
		skt_json_string(j, NULL, e->layer[i]->name);
	skt_json_end_array(j);
}

static void json_options(const struct skt_endpoint *e, struct skt_json *j)
{
	const struct skt_optspec *spec;
	const char *value;
	bool is_written;

	skt_json_array(j, "options");
	for (int i = 0; skt_facts_option(e, i, &spec, &value, &is_written); i++) {
		skt_json_object(j, NULL);
		skt_json_string(j, "key", spec->key);
		skt_json_string(j, "value", value);
		skt_json_bool(j, "written", is_written);
		skt_json_string(j, "role",
				spec->role == SKT_ROLE_LISTEN ? "listen"
				: spec->role == SKT_ROLE_DIAL ? "dial"
							      : "any");
		skt_json_string(j, "help", _(spec->help));
		skt_json_end_object(j);
	}
	skt_json_end_array(j);
}

static void json_host(const struct skt_endpoint *e, enum skt_form form, struct skt_json *j)
{
	struct skt_hostfacts f;
	bool has_host = form == SKT_FORM_HOST || form == SKT_FORM_VSOCK;

	skt_hostfacts_gather(e, &f);
	skt_json_string(j, "host", !has_host ? NULL : f.text[0] ? f.text : e->host);
	if (e->zone)
		skt_json_string(j, "zone", e->zone);
	skt_json_string(j, "family", f.family);
	skt_json_string(j, "kind", f.kind);
	skt_json_string(j, "network", f.network);
	skt_json_string(j, "rfc", f.rfc);
	if (f.inner)
		skt_json_string(j, "inner_kind", f.inner->name);
}

/* What only some schemes have. */
static void json_rest(const struct skt_endpoint *e, enum skt_form form, struct skt_json *j)
{
	if (form == SKT_FORM_HOST)
		json_port(e->port, skt_endpoint_transport(e)->protocol, j);
	if (form == SKT_FORM_VSOCK)
		skt_json_int(j, "port", e->vport);
	if (form == SKT_FORM_PATH)
		skt_json_string(j, "path", e->address);
	if (form == SKT_FORM_NUMBER)
		skt_json_string(j, "descriptor", e->address);
	if (form == SKT_FORM_TEXT)
		skt_json_string(j, "text", e->address);
	if (form == SKT_FORM_COMMAND) {
		skt_json_array(j, "command");
		for (int i = 0; i < e->argc; i++)
			skt_json_string(j, NULL, e->argv[i]);
		skt_json_end_array(j);
	}
}

int skt_explain_endpoint_json(const struct skt_endpoint *e)
{
	const struct skt_scheme *transport = skt_endpoint_transport(e);
	struct skt_json j = { 0 };

	skt_json_object(&j, NULL);
	json_printed("endpoint", e, skt_endpoint_print, &j);
	json_printed("address", e, skt_endpoint_print_address, &j);
	skt_json_string(&j, "role", skt_facts_role(e));
	json_layers(e, &j);
	skt_json_string(&j, "transport", transport->name);
	skt_json_string(&j, "protocol", transport->protocol);
	skt_json_bool(&j, "opens", !skt_facts_is_later(e));
	json_host(e, transport->form, &j);
	json_rest(e, transport->form, &j);
	json_options(e, &j);
	return json_say(&j);
}

int skt_explain_port_json(int port, const char *protocol)
{
	const struct skt_service *service = skt_service_of_port((uint16_t)port, protocol);
	bool is_udp = service ? !service->tcp : protocol && strcmp(protocol, "UDP") == 0;
	struct skt_json j = { 0 };
	struct skt_text endpoint = { 0 };

	skt_text_addf(&endpoint, "%s://:%d", is_udp ? "udp" : "tcp", port);
	skt_json_object(&j, NULL);
	json_port(port, protocol, &j);
	skt_json_string(&j, "endpoint", skt_text_get(&endpoint));
	skt_text_release(&endpoint);
	return json_say(&j);
}

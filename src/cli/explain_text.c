/* SPDX-License-Identifier: Apache-2.0 */
/* `soket explain` for people: a page of facts, in plain words. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/message.h"
#include "cli/explain.h"
#include "cli/explain_facts.h"
#include "cli/explain_page.h"
#include "cli/say.h"

static int text_say(struct skt_page *p)
{
	struct skt_text text = { 0 };
	int ret;

	skt_page_print(p, &text);
	ret = skt_say_text(&text);
	skt_text_release(&text);
	skt_page_release(p);
	return ret;
}

/* "HTTPS over TCP, HTTP/3 over UDP" */
static void text_uses(const struct skt_portfacts *f, struct skt_page *p)
{
	struct skt_text uses = { 0 };
	const char *name, *over;

	for (int i = 0; skt_portfacts_use(f, i, &name, &over); i++) {
		skt_text_add(&uses, i > 0 ? ", " : "");
		skt_text_addf(&uses, _("%s over %s"), name, over);
	}
	skt_page_row(p, _("used by"), skt_text_get(&uses), NULL);
	p->failed = p->failed || uses.failed;
	skt_text_release(&uses);
}

static void text_service(const struct skt_portfacts *f, struct skt_page *p)
{
	const struct skt_service *row;

	if (f->service) {
		skt_page_row(p, _("service"), f->service->name, _(f->service->help));
		/* A port of several services, such as 514. */
		for (size_t i = 0; (row = skt_service_at(i)) && !f->protocol; i++)
			if (row->port == f->port && row != f->service)
				skt_page_row(p, "", row->name, _(row->help));
		text_uses(f, p);
	} else if (f->name[0]) {
		skt_page_row(p, _("service"), f->name, _("as this system's services database names it"));
	} else if (f->other) {
		skt_page_rowf(p, _("service"), f->other->name, _("known over %s only, not over %s: %s"),
			      f->other->tcp ? "TCP" : "UDP", f->protocol, _(f->other->help));
	} else {
		skt_page_row(p, _("service"), _("none known"), _("any program may use it"));
	}
}

static void text_port(const struct skt_portfacts *f, struct skt_page *p)
{
	char number[16];

	(void)snprintf(number, sizeof(number), "%d", f->port);
	if (f->port == 0) {
		skt_page_row(
			p, _("port"), number,
			_("no port in particular: to listen, the kernel picks a free one; nobody can be dialled there"));
		return;
	}
	skt_page_row(p, _("port"), number, _("which service of the machine is meant"));
	skt_page_rowf(p, _("class"), f->class->name, _("%d to %d, also called %s (RFC 6335): %s"), f->class->first,
		      f->class->last, f->class->also, _(f->class->help));
	text_service(f, p);
}

static void text_role(const struct skt_endpoint *e, struct skt_page *p)
{
	const struct skt_scheme *s = skt_endpoint_transport(e);

	if (!s->can_listen)
		skt_page_row(p, _("role"), _("opened"), _("it is there already, and is opened once"));
	else if (e->role == SKT_ROLE_LISTEN)
		skt_page_row(p, _("role"), _("listen"), _("waits for others to come"));
	else if (e->role == SKT_ROLE_DIAL)
		skt_page_row(p, _("role"), _("dial"), _("goes to another"));
	else
		skt_page_row(p, _("role"), _("by place"), _("\"connect\" goes there, \"listen\" waits there for others"));
}

/* What this version only describes. */
static void text_later(const struct skt_endpoint *e, struct skt_page *p)
{
	struct skt_text names = { 0 };

	for (int i = 0; i < e->n_layer; i++)
		if (e->layer[i]->is_later)
			skt_text_addf(&names, "%s%s", names.len ? ", " : "", e->layer[i]->name);
	if (names.len)
		skt_page_row(p, _("not yet"), skt_text_get(&names),
			     _("explained, but opened by a later version of soket only"));
	p->failed = p->failed || names.failed;
	skt_text_release(&names);
}

static void text_layers(const struct skt_endpoint *e, struct skt_page *p)
{
	const char *label = e->n_layer > 1 ? _("layers") : _("scheme");

	for (int i = 0; i < e->n_layer; i++)
		skt_page_row(p, i > 0 ? "" : label, e->layer[i]->name, _(e->layer[i]->summary));
	text_later(e, p);
}

/* The host of a socket address: how it was named, and what kind of address that is. */
static void text_host(const struct skt_endpoint *e, struct skt_page *p)
{
	struct skt_hostfacts f;
	bool is_both;

	skt_hostfacts_gather(e, &f);
	is_both = strcmp(f.family, "any") == 0;
	if (e->family)
		skt_page_rowf(p, _("host"), f.text, _("an %s address"), f.family);
	else
		skt_page_rowf(p, _("host"), e->host[0] ? e->host : _("none"),
			      is_both ? _("IPv4 and IPv6") : _("%s only"), f.family);
	if (f.network)
		skt_page_rowf(p, _("kind"), f.kind, _("%s (%s, %s)"), _(f.help), f.rfc, f.network);
	else
		skt_page_rowf(p, _("kind"), f.kind, _("%s (%s)"), _(f.help), f.rfc);
	if (f.inner)
		skt_page_rowf(p, _("inside"), f.inner->name, _("%s (%s, %s)"), _(f.inner->help), f.inner->rfc,
			      f.inner->network);
	if (e->zone)
		skt_page_row(p, _("zone"), e->zone,
			     _("the network interface: the same address may be there on each of them (RFC 4007)"));
	else if (e->family == 6 && strcmp(f.kind, "link-local") == 0)
		skt_page_row(p, _("zone"), _("none"),
			     _("most uses need one: the network interface, as in fe80::1%eth0 (RFC 4007)"));
}

static void text_socket_address(const struct skt_endpoint *e, struct skt_page *p)
{
	struct skt_portfacts f;
	const char *protocol = skt_endpoint_transport(e)->protocol;

	skt_page_row(p, _("protocol"), protocol,
		     strcmp(protocol, "TCP") == 0 ? _("makes a connection first, and repeats what gets lost (RFC 9293)")
						  : _("sends each message by itself, without a connection (RFC 768)"));
	text_host(e, p);
	skt_portfacts_gather(e->port, protocol, &f);
	text_port(&f, p);
}

static void text_path(const struct skt_endpoint *e, struct skt_page *p)
{
	struct skt_hostfacts f;

	skt_hostfacts_gather(e, &f);
	if (f.kind && e->address[0] == '@') {
		skt_page_row(p, _("name"), e->address + 1, _(f.help));
		return;
	}
	skt_page_row(p, _("path"), e->address, e->address[0] == '/' ? NULL : _("counted from the current directory"));
	if (f.help)
		skt_page_row(p, _("kind"), f.kind, _(f.help));
}

static void text_vsock(const struct skt_endpoint *e, struct skt_page *p)
{
	char number[16];

	if (e->vcid == UINT32_MAX)
		skt_page_row(p, _("host"), _("any"), _("whoever comes; to dial, a number or a name is needed"));
	else
		skt_page_rowf(p, _("host"), e->host, _("the machine whose number (CID) is %u"), e->vcid);
	(void)snprintf(number, sizeof(number), "%" PRIu32, e->vport);
	skt_page_row(p, _("port"), number, _("ports of vsock are numbers of their own, with no classes and no services"));
}

static void text_command(const struct skt_endpoint *e, struct skt_page *p)
{
	skt_page_row(p, _("program"), e->argv[0],
		     strchr(e->argv[0], '/') ? NULL : _("looked for in the directories of PATH"));
	for (int i = 1; i < e->argc; i++)
		skt_page_row(p, i == 1 ? _("arguments") : "", e->argv[i][0] ? e->argv[i] : "\"\"", NULL);
}

static void text_address(const struct skt_endpoint *e, struct skt_page *p)
{
	switch (skt_endpoint_transport(e)->form) {
	case SKT_FORM_HOST:
		text_socket_address(e, p);
		break;
	case SKT_FORM_PATH:
		text_path(e, p);
		break;
	case SKT_FORM_VSOCK:
		text_vsock(e, p);
		break;
	case SKT_FORM_COMMAND:
		text_command(e, p);
		break;
	case SKT_FORM_NUMBER:
		skt_page_row(p, _("descriptor"), e->address, NULL);
		break;
	case SKT_FORM_TEXT:
		skt_page_row(p, _("text"), e->address, NULL);
		break;
	case SKT_FORM_NONE:
	default:
		break;
	}
}

/* What an option does; and for which role, where both are possible. */
static void text_option(const struct skt_endpoint *e, const struct skt_optspec *spec, const char *value,
			bool is_written, struct skt_page *p)
{
	const char *label = is_written ? _("written") : _("default");
	struct skt_text pair = { 0 };

	skt_text_addf(&pair, "%s=%s", spec->key, value);
	if (e->role != SKT_ROLE_ANY || spec->role == SKT_ROLE_ANY)
		skt_page_row(p, label, skt_text_get(&pair), _(spec->help));
	else
		skt_page_rowf(p, label, skt_text_get(&pair), "%s (%s)", _(spec->help),
			      spec->role == SKT_ROLE_LISTEN ? _("to listen") : _("to dial"));
	p->failed = p->failed || pair.failed;
	skt_text_release(&pair);
}

static void text_options(const struct skt_endpoint *e, struct skt_page *p)
{
	const struct skt_optspec *spec;
	const char *value;
	bool is_written;

	for (int i = 0; skt_facts_option(e, i, &spec, &value, &is_written); i++) {
		if (i == 0)
			skt_page_title(p, _("Options in force"));
		text_option(e, spec, value, is_written, p);
	}
}

int skt_explain_endpoint(const struct skt_endpoint *e, const char *written)
{
	struct skt_page p = { 0 };
	struct skt_text canonical = { 0 };

	skt_endpoint_print(e, &canonical);
	skt_page_title(&p, written);
	skt_page_row(&p, _("in full"), skt_text_get(&canonical), NULL);
	text_role(e, &p);
	text_layers(e, &p);
	text_address(e, &p);
	text_options(e, &p);
	p.failed = p.failed || canonical.failed;
	skt_text_release(&canonical);
	return text_say(&p);
}

int skt_explain_port(int port, const char *protocol)
{
	struct skt_page p = { 0 };
	struct skt_portfacts f;
	char title[64], endpoint[32];

	skt_portfacts_gather(port, protocol, &f);
	(void)snprintf(title, sizeof(title), _("Port %d"), port);
	(void)snprintf(endpoint, sizeof(endpoint), ":%d", port);
	skt_page_title(&p, title);
	text_port(&f, &p);
	if (port > 0 && (f.service ? f.service->tcp != NULL : !protocol || strcmp(protocol, "TCP") == 0))
		skt_page_row(&p, _("endpoint"), endpoint,
			     _("to dial it on this machine, or to listen there for this machine alone"));
	return text_say(&p);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What follows "scheme:", by the form of the scheme that carries the bytes. */
#include "endpoint/address.h"

#include <string.h>

#include "base/message.h"
#include "base/unit.h"
#include "base/word.h"
#include "endpoint/argv.h"
#include "endpoint/host.h"
#include "endpoint/store.h"

static const char *address_scheme(const struct skt_endpoint *e)
{
	return skt_endpoint_transport(e)->name;
}

static bool address_is_unix(const struct skt_endpoint *e)
{
	return strncmp(address_scheme(e), "unix", 4) == 0;
}

static int address_none(struct skt_endpoint *e, int at, struct skt_error *err)
{
	int r;

	if (e->address[0] == '\0')
		return 0;
	r = skt_fail_at(err, at, _("%s takes nothing behind its colon"), address_scheme(e));
	skt_hint(err, _("write %s: alone; a host of that name is tcp://%s:PORT"), address_scheme(e), address_scheme(e));
	return r;
}

static int address_fail_path(const struct skt_endpoint *e, int at, struct skt_error *err)
{
	int r = skt_fail_at(err, at, "%s",
			    e->address[0] == '@' ? _("the name behind @ is missing") : _("the path is missing"));

	skt_hint(err, _("for example: %s"), skt_endpoint_transport(e)->example);
	return r;
}

static int address_path(struct skt_endpoint *e, int at, struct skt_error *err)
{
	const char *s = e->address;
	bool is_abstract = address_is_unix(e) && s[0] == '@';
	size_t n = strlen(s), most = address_is_unix(e) ? SKT_UNIX_PATH_MAX : SKT_FILE_PATH_MAX;
	int r;

	if (n == 0 || (is_abstract && n == 1))
		return address_fail_path(e, at + (int)n, err);
	/* The @ stands for the NUL that abstract names begin with: it takes one of the 108 bytes, and no NUL follows. */
	most += is_abstract;
	if (n > most) {
		r = skt_fail_at(err, at + (int)most, _("the path is too long: %zu bytes of at most %zu"), n, most);
		if (address_is_unix(e))
			skt_hint(err, "%s",
				 _("the kernel's limit for socket paths (sun_path); a path from the current directory is shorter"));
		else
			skt_hint(err, "%s", _("the kernel's limit for paths (PATH_MAX)"));
		return r;
	}
	return 0;
}

static int address_cid(struct skt_endpoint *e, const char *host, int at, struct skt_error *err)
{
	static const struct {
		const char *name;
		uint32_t cid;
	} names[] = { { "hypervisor", 0 }, { "local", 1 }, { "host", 2 }, { "any", UINT32_MAX }, { "", UINT32_MAX } };
	struct skt_nearest nearest = { .wanted = host };
	int64_t number;
	int r;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		skt_nearest_offer(&nearest, names[i].name);
		if (strcmp(host, names[i].name) == 0) {
			e->vcid = names[i].cid;
			return 0;
		}
	}
	if (skt_number_parse(host, &number) == 0 && number <= UINT32_MAX) {
		e->vcid = (uint32_t)number;
		return 0;
	}
	r = skt_fail_at(err, at + (int)(host[strspn(host, "0123456789")] ? strspn(host, "0123456789") : 0),
			_("not a vsock host: %.60s"), host);
	if (nearest.word && nearest.word[0])
		skt_hint(err, _("did you mean %s?"), nearest.word);
	else
		skt_hint(err, "%s", _("a number (CID), any, local, host or hypervisor: vsock://host:5000"));
	return r;
}

static int address_fail_vsock_port(const char *s, int at, struct skt_error *err)
{
	size_t digits = strspn(s, "0123456789");
	int r;

	if (*s == '\0')
		r = skt_fail_at(err, at, "%s", _("the port is missing"));
	else if (s[digits])
		r = skt_fail_at(err, at + (int)digits, _("a vsock port is a number, not %.40s"), s);
	else
		r = skt_fail_at(err, at, _("port %.40s is out of range"), s);
	skt_hint(err, _("vsock ports go from 0 to %u"), UINT32_MAX);
	return r;
}

static int address_vsock(struct skt_endpoint *e, int at, struct skt_error *err)
{
	const char *s = e->address, *colon = strchr(s, ':');
	char *host;
	int64_t port;
	int r;

	if (!colon) {
		if (s[strspn(s, "0123456789")] || s[0] == '\0')
			return address_fail_vsock_port("", at + (int)strlen(s), err);
		colon = s - 1; /* a port alone */
	}
	host = skt_store_text(&e->store, s, colon < s ? 0 : (size_t)(colon - s));
	if (!host)
		return skt_fail_memory(err);
	r = address_cid(e, host, at, err);
	if (r < 0)
		return r;
	if (skt_number_parse(colon + 1, &port) < 0 || port > UINT32_MAX)
		return address_fail_vsock_port(colon + 1, at + (int)(colon + 1 - s), err);
	e->host = host;
	e->vport = (uint32_t)port;
	return 0;
}

/* A descriptor's number, or a name as systemd gives them: no control characters, no colon (sd_listen_fds(3)). */
static int address_number(struct skt_endpoint *e, int at, struct skt_error *err)
{
	size_t digits = strspn(e->address, "0123456789"), n = strlen(e->address), good = strcspn(e->address, ": \"");
	int64_t number;
	int r;

	if (digits < n && good == n && n <= 255 && !strchr("-+", e->address[0]))
		return 0;
	if (n > 0 && digits == n) {
		e->address += strspn(e->address, "0") - (strspn(e->address, "0") == n);
		if (skt_number_parse(e->address, &number) == 0 && number <= INT32_MAX)
			return 0;
		good = 0;
	}
	if (n == 0)
		r = skt_fail_at(err, at, "%s", _("the number of the descriptor is missing"));
	else
		r = skt_fail_at(err, at + (int)(good < n ? good : 0), _("not a descriptor: %.60s"), e->address);
	skt_hint(err, "%s", _("a number, or a name that systemd gave: fd:3, fd:web"));
	return r;
}

/* Only programs and texts are taken as they are; anything else with a control character is a mistake, or worse. */
static int address_check_control(const struct skt_endpoint *e, int at, struct skt_error *err)
{
	enum skt_form form = skt_endpoint_transport(e)->form;

	if (form == SKT_FORM_COMMAND || form == SKT_FORM_TEXT)
		return 0;
	for (int i = 0; e->address[i]; i++)
		if ((unsigned char)e->address[i] < 0x20 || e->address[i] == 0x7f) {
			int r = skt_fail_at(err, at + i, "%s", _("a control character in an address"));

			skt_hint(err, "%s", _("remove it; only exec, pty and text take them"));
			return r;
		}
	return 0;
}

int skt_address_read(struct skt_endpoint *e, const char *rest, int at, bool is_short, struct skt_error *err)
{
	enum skt_form form = skt_endpoint_transport(e)->form;
	int skip = !is_short && form != SKT_FORM_TEXT && strncmp(rest, "//", 2) == 0 ? 2 : 0, r;

	e->host = "";
	e->address = skt_store_text(&e->store, rest + skip, strlen(rest + skip));
	if (!e->address)
		return skt_fail_memory(err);
	r = address_check_control(e, at + skip, err);
	if (r < 0)
		return r;
	switch (form) {
	case SKT_FORM_NONE:
		return address_none(e, at + skip, err);
	case SKT_FORM_HOST:
		return skt_host_read(e, e->address, at + skip, skip == 0, err);
	case SKT_FORM_PATH:
		return address_path(e, at + skip, err);
	case SKT_FORM_VSOCK:
		return address_vsock(e, at + skip, err);
	case SKT_FORM_NUMBER:
		return address_number(e, at + skip, err);
	case SKT_FORM_COMMAND:
		return skt_argv_split(e, at + skip, err);
	case SKT_FORM_TEXT:
	default:
		return 0;
	}
}

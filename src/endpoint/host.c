/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts and ports of endpoints. */
#include "endpoint/host.h"

#include <string.h>

#include "base/message.h"
#include "base/word.h"
#include "endpoint/ip.h"
#include "endpoint/portclass.h"
#include "endpoint/service.h"
#include "endpoint/store.h"

enum { HOST_NAME_MAX_BYTES = 253, HOST_LABEL_MAX = 63, HOST_ZONE_MAX = 15, HOST_SHOWN = 80 };

#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static int host_shown(size_t n)
{
	return n < HOST_SHOWN ? (int)n : HOST_SHOWN;
}

static const char *host_scheme(const struct skt_endpoint *e)
{
	return e->layer[0]->name;
}

/* A stretch of the address, from s on: kept in e, or a failure. */
static int host_keep(struct skt_endpoint *e, const char *s, size_t n, const char **ret, struct skt_error *err)
{
	const char *copy = skt_store_text(&e->store, s, n);

	if (!copy)
		return skt_fail_memory(err);
	*ret = copy;
	return 0;
}

/* What stands where a character that no host has was found. */
static int host_fail_character(const char *s, size_t i, int at, struct skt_error *err)
{
	unsigned char c = (unsigned char)s[i];
	int r;

	if (c < 0x20 || c == 0x7f)
		r = skt_fail_at(err, at + (int)i, "%s", _("a control character in a host"));
	else if (c == ' ')
		r = skt_fail_at(err, at + (int)i, "%s", _("a blank in a host"));
	else if (c >= 0x80)
		r = skt_fail_at(err, at + (int)i, "%s", _("a host has letters a-z, digits, hyphens and dots only"));
	else
		r = skt_fail_at(err, at + (int)i, _("a host cannot hold %c"), c);
	if (c == '@')
		skt_hint(err, _("an endpoint names no user: %.80s"), s + i + 1);
	else if (c >= 0x80)
		skt_hint(err, "%s", _("write an international name in its xn-- form"));
	else if (c == '%')
		skt_hint(err, "%s", _("a zone belongs to an IPv6 address in brackets: [fe80::1%eth0]:80"));
	else
		skt_hint(err, "%s",
			 _("a name, an IPv4 address, or an IPv6 address in brackets: example.com, 192.0.2.1, [2001:db8::1]"));
	return r;
}

static int host_read_label(const char *s, size_t start, size_t length, int at, struct skt_error *err)
{
	int r;

	if (length == 0)
		r = skt_fail_at(err, at + (int)start, "%s", _("two dots, or one in front, in a host name"));
	else if (length > HOST_LABEL_MAX)
		r = skt_fail_at(err, at + (int)start + HOST_LABEL_MAX,
				_("a part of a host name has more than %d characters"), HOST_LABEL_MAX);
	else if (s[start] == '-')
		r = skt_fail_at(err, at + (int)start, "%s", _("a part of a host name begins with a hyphen"));
	else if (s[start + length - 1] == '-')
		r = skt_fail_at(err, at + (int)(start + length) - 1, "%s", _("a part of a host name ends in a hyphen"));
	else
		return 0;
	skt_hint(err, "%s", _("names are made as RFC 1123 says: www.example.com"));
	return r;
}

static int host_read_name(const char *s, size_t n, int at, struct skt_error *err)
{
	size_t good = strspn(s, LETTERS DIGITS "-_.");

	if (good < n)
		return host_fail_character(s, good, at, err);
	if (n > HOST_NAME_MAX_BYTES) {
		int r = skt_fail_at(err, at + HOST_NAME_MAX_BYTES, _("a host name of more than %d characters"),
				    HOST_NAME_MAX_BYTES);

		skt_hint(err, "%s", _("names are made as RFC 1123 says: www.example.com"));
		return r;
	}
	for (size_t start = 0; start < n;) {
		size_t length = strcspn(s + start, ".:");
		int r;

		if (length > n - start)
			length = n - start;
		r = host_read_label(s, start, length, at, err);
		if (r < 0)
			return r;
		start += length + 1;
	}
	return 0;
}

/* A name whose last part is a number is no name: it is an IPv4 address, or one that went wrong. */
static bool host_is_numeric(const char *s, size_t n)
{
	size_t start = n -= n > 1 && s[n - 1] == '.';

	while (start > 0 && s[start - 1] != '.')
		start--;
	return start < n && strspn(s + start, DIGITS) >= n - start;
}

static int host_read_ip4(struct skt_endpoint *e, const char *s, size_t n, int at, struct skt_error *err)
{
	struct skt_ip ip;
	size_t wrong = 0;
	int r;

	if (skt_ip4_parse(s, n, &ip, &wrong) == 0) {
		e->family = 4;
		return 0;
	}
	r = skt_fail_at(err, at + (int)wrong, _("not an IPv4 address: %.*s"), host_shown(n), s);
	skt_hint(err, "%s", _("an IPv4 address is four numbers from 0 to 255, without leading zeros: 192.0.2.1"));
	return r;
}

static int host_read_plain(struct skt_endpoint *e, const char *s, size_t n, int at, struct skt_error *err)
{
	int r = 0;

	if (n == 1 && *s == '*')
		return host_keep(e, "any", 3, &e->host, err);
	if (n > 0)
		r = host_is_numeric(s, n) ? host_read_ip4(e, s, n, at, err) : host_read_name(s, n, at, err);
	return r < 0 ? r : host_keep(e, s, n, &e->host, err);
}

static int host_fail_zone(const char *s, size_t i, int at, struct skt_error *err)
{
	int r = skt_fail_at(err, at + (int)i, "%s",
			    s[i] == ']' ? _("the zone behind % is missing")
					: _("a zone is the name of a network interface"));

	skt_hint(err, "%s", _("at most 15 characters, no blanks or slashes: [fe80::1%eth0]:80"));
	return r;
}

/* The zone from the % on, up to the bracket at `end`. */
static int host_read_zone(struct skt_endpoint *e, const char *s, size_t percent, size_t end, int at, struct skt_error *err)
{
	size_t start = percent + 1;

	if (start == end)
		return host_fail_zone(s, start, at, err);
	for (size_t i = start; i < end; i++)
		if (strchr("/%[ \"", s[i]) || (unsigned char)s[i] <= 0x20 || (unsigned char)s[i] >= 0x7f ||
		    i - start >= HOST_ZONE_MAX)
			return host_fail_zone(s, i, at, err);
	return host_keep(e, s + start, end - start, &e->zone, err);
}

/* What stands in brackets, n bytes from s on, is no IPv6 address. */
static int host_fail_ip6(const char *s, size_t n, size_t wrong, int at, struct skt_error *err)
{
	struct skt_ip ip;
	size_t ignored;
	int r;

	if (skt_ip4_parse(s, n, &ip, &ignored) == 0) {
		r = skt_fail_at(err, at - 1, _("an IPv4 address in brackets: %.*s"), host_shown(n), s);
		skt_hint(err, "%s", _("only IPv6 addresses have brackets: 192.0.2.1:80"));
		return r;
	}
	r = skt_fail_at(err, at + (int)wrong, _("not an IPv6 address: %.*s"), host_shown(n), s);
	skt_hint(err, "%s",
		 _("an IPv6 address is eight groups of hex digits; one :: stands for groups of zeros: [2001:db8::1]"));
	return r;
}

/* Reads "[address%zone]", and sets *end behind the bracket. */
static int host_read_bracketed(struct skt_endpoint *e, const char *s, int at, size_t *end, struct skt_error *err)
{
	size_t close = strcspn(s, "]"), n, wrong = 0;
	struct skt_ip ip;
	int r;

	if (s[close] == '\0') {
		r = skt_fail_at(err, at, "%s", _("a bracket that is never closed"));
		skt_hint(err, "%s", _("an IPv6 address stands in brackets, the port behind them: [2001:db8::1]:80"));
		return r;
	}
	n = strcspn(s + 1, "%]");
	if (skt_ip6_parse(s + 1, n, &ip, &wrong) < 0)
		return host_fail_ip6(s + 1, n, wrong, at + 1, err);
	e->family = 6;
	*end = close + 1;
	r = host_keep(e, s + 1, n, &e->host, err);
	if (r == 0 && s[1 + n] == '%')
		r = host_read_zone(e, s, 1 + n, close, at, err);
	return r;
}

static int host_fail_port_missing(const struct skt_endpoint *e, const char *s, size_t n, int at, struct skt_error *err)
{
	const char *top = host_scheme(e), *port = "80";
	int r = skt_fail_at(err, at + (int)n, "%s", _("the port is missing"));

	if (strcmp(top, "tls") == 0 || (e->n_layer > 1 && strcmp(e->layer[1]->name, "tls") == 0))
		port = "443";
	if (n > 0 && s[n - 1] == ':')
		n--;
	skt_hint(err, _("a colon and a port follow the host: %.*s:%s"), host_shown(n), s, port);
	return r;
}

static int host_fail_port_range(const char *s, int at, struct skt_error *err)
{
	int r = skt_fail_at(err, at, _("port %.20s is out of range"), s);

	skt_hint(err, _("ports go from 0 to %d"), SKT_PORT_MAX);
	return r;
}

static int host_fail_port_character(const struct skt_endpoint *e, const char *s, size_t i, int at, struct skt_error *err)
{
	unsigned char c = (unsigned char)s[i];
	bool has_path = skt_scheme_option(e->layer[0], "path") != NULL;
	int r;

	if (c == ' ' || c == '\t')
		r = skt_fail_at(err, at + (int)i, "%s", _("a blank in a port"));
	else if (c < 0x20 || c >= 0x7f)
		r = skt_fail_at(err, at + (int)i, "%s", _("a port is a number or the name of a service"));
	else
		r = skt_fail_at(err, at + (int)i, _("a port cannot hold %c"), c);
	if (c == ' ')
		skt_hint(err, "%s", _("on the command line, each option is a word of its own, outside the quotes"));
	else if (c == '/' && s[i + 1] && has_path)
		skt_hint(err, _("write the path as an option: path=%.80s"), s + i);
	else if (c == '/')
		skt_hint(err, _("%s ends with the port: %.*s"), host_scheme(e), host_shown(i), s);
	else
		skt_hint(err, "%s", _("a port is a number from 0 to 65535, or the name of a service: 443, https"));
	return r;
}

static int host_fail_service(const struct skt_endpoint *e, const char *s, int at, struct skt_error *err)
{
	struct skt_nearest nearest = { .wanted = s };
	const struct skt_service *row, *other = skt_service_of_name(s, NULL);
	const char *protocol = skt_endpoint_transport(e)->protocol;
	int r;

	if (other) {
		r = skt_fail_at(err, at, _("%s is a service over %s, not over %s"), other->name,
				other->tcp ? "TCP" : "UDP", protocol);
		skt_hint(err, _("write udp://HOST:%s, or the number %u"), other->name, other->port);
		return r;
	}
	for (size_t i = 0; (row = skt_service_at(i)); i++)
		skt_nearest_offer(&nearest, row->name);
	r = skt_fail_at(err, at, _("unknown service: %.60s"), s);
	if (nearest.word)
		skt_hint(err, _("did you mean %s?"), nearest.word);
	else
		skt_hint(err, "%s", _("a port is a number from 0 to 65535, or the name of a service: 443, https"));
	return r;
}

static int host_read_service(struct skt_endpoint *e, const char *s, int at, struct skt_error *err)
{
	size_t good = strspn(s, LETTERS DIGITS "-_+.*");
	int port;

	if (s[good])
		return host_fail_port_character(e, s, good, at, err);
	port = s[0] >= '0' && s[0] <= '9' && strlen(s) > 40 ? 0
							    : skt_service_port(s, skt_endpoint_transport(e)->protocol);
	if (port == 0 && s[0] >= '0' && s[0] <= '9')
		return host_fail_port_character(e, s, strspn(s, DIGITS), at, err);
	if (port == 0 && !strchr(LETTERS, s[0]))
		return host_fail_port_character(e, s, 0, at, err);
	if (port == 0)
		return host_fail_service(e, s, at, err);
	e->port = port;
	return host_keep(e, s, strlen(s), &e->service, err);
}

static int host_read_port(struct skt_endpoint *e, const char *s, int at, struct skt_error *err)
{
	size_t digits = strspn(s, DIGITS);
	int port = 0;

	if (digits == 0 || s[digits])
		return host_read_service(e, s, at, err);
	for (size_t i = 0; i < digits && port <= SKT_PORT_MAX; i++)
		port = port * 10 + (s[i] - '0');
	if (port > SKT_PORT_MAX)
		return host_fail_port_range(s, at, err);
	e->port = port;
	return 0;
}

/* More than one colon and no brackets: show where the brackets belong. */
static int host_fail_colons(const char *s, int at, struct skt_error *err)
{
	const char *last = strrchr(s, ':');
	size_t n = strcspn(s, "%"), wrong = 0;
	struct skt_ip ip;
	int r;

	if (skt_ip6_parse(s, (size_t)(last - s), &ip, &wrong) == 0 && last[1]) {
		r = skt_fail_at(err, at, "%s", _("an IPv6 address without brackets"));
		skt_hint(err, _("write [%.*s]:%.20s"), host_shown((size_t)(last - s)), s, last + 1);
	} else if (skt_ip6_parse(s, n, &ip, &wrong) == 0) {
		r = skt_fail_at(err, at, "%s", _("an IPv6 address without brackets, and without a port"));
		skt_hint(err, _("write [%.*s]:80, or whatever the port is"), host_shown(strlen(s)), s);
	} else {
		r = skt_fail_at(err, at + (int)(strchr(strchr(s, ':') + 1, ':') - s), "%s", _("a second colon"));
		skt_hint(err, "%s",
			 _("one colon stands between host and port; an IPv6 address needs brackets: [2001:db8::1]:80"));
	}
	return r;
}

static int host_read_bracketed_port(struct skt_endpoint *e, const char *s, int at, struct skt_error *err)
{
	size_t end = 0;
	int r = host_read_bracketed(e, s, at, &end, err);

	if (r < 0)
		return r;
	if (s[end] == '\0' || (s[end] == ':' && s[end + 1] == '\0'))
		return host_fail_port_missing(e, s, strlen(s), at, err);
	if (s[end] != ':') {
		r = skt_fail_at(err, at + (int)end, "%s", _("a colon and a port follow the closing bracket"));
		skt_hint(err, _("write %.*s:80, or whatever the port is"), host_shown(end), s);
		return r;
	}
	return host_read_port(e, s + end + 1, at + (int)end + 1, err);
}

/* A word without a colon is a port where it reads as one. */
static int host_read_bare(struct skt_endpoint *e, const char *s, int at, bool may_be_bare, struct skt_error *err)
{
	size_t n = strlen(s), digits = strspn(s, DIGITS);
	bool is_service = s[0] != '\0' && !s[strspn(s, LETTERS DIGITS "-_")] && n < 40 &&
			  skt_service_port(s, skt_endpoint_transport(e)->protocol) > 0;
	int r;

	e->host = "";
	if (may_be_bare && n > 0 && (digits == n || is_service))
		return host_read_port(e, s, at, err);
	if (digits == n && n > 0) {
		r = skt_fail_at(err, at, "%s", _("a port stands behind a colon"));
		skt_hint(err, _("write %s://:%.20s"), host_scheme(e), s);
		return r;
	}
	r = host_read_plain(e, s, strcspn(s, "/"), at, err);
	return r < 0 ? r : host_fail_port_missing(e, s, strcspn(s, "/"), at, err);
}

int skt_host_read(struct skt_endpoint *e, const char *s, int at, bool may_be_bare, struct skt_error *err)
{
	const char *colon = strchr(s, ':');
	int r;

	if (s[0] == '[')
		return host_read_bracketed_port(e, s, at, err);
	if (!colon)
		return host_read_bare(e, s, at, may_be_bare, err);
	/* A slash or a user before the second colon is the better thing to complain of: host:80/a:b, user:pw@host:80 */
	if (strchr(colon + 1, ':') && strcspn(s, "/@ ") > (size_t)(strchr(colon + 1, ':') - s))
		return host_fail_colons(s, at, err);
	r = host_read_plain(e, s, (size_t)(colon - s), at, err);
	if (r < 0)
		return r;
	if (colon[1] == '\0')
		return host_fail_port_missing(e, s, strlen(s), at, err);
	return host_read_port(e, colon + 1, at + (int)(colon - s) + 1, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* How endpoints are written, as rows. */
#include "cli/grammar.h"

#include "base/message.h"

const char *const skt_grammar_intro = N_(
	"An endpoint names one party of a communication: a host and a port, a path, a program, a file, this terminal. It is "
	"one word, and the words key=value behind it are its options. Nothing in it needs the quotes of a shell.");

const struct skt_row skt_grammar_forms[] = {
	{ "example.com:80", N_("TCP to a host and a port; the same as tcp://example.com:80. A service of the system may stand "
			       "for the port: example.com:http") },
	{ ":8080  8080",
	  N_("a port alone: to listen, on this machine only (loopback, IPv4 and IPv6); to dial, localhost") },
	{ "any:8080", N_("to listen on every interface, so that other machines can connect") },
	{ "[2001:db8::1]:80", N_("an IPv6 address stands in brackets; a zone may end it: [fe80::1%eth0]:80") },
	{ "/run/x.sock  ./x", N_("a path is a unix socket") },
	{ "@name", N_("an abstract unix socket: it has a name, but no file") },
	{ "-", N_("standard input and standard output") },
	{ "SCHEME:ADDRESS", N_("any scheme, with what it needs: file:out.bin, exec:cat, tcp://[::1]:80") },
	{ "LAYER+SCHEME:ADDRESS", N_("layers from the top down: tls+unix:/run/x.sock") },
	{ "listen:E  dial:E", N_("wait at E, or go to E, whatever the place in the command line would mean") },
	{ "E KEY=VALUE...", N_("options of E: tcp://example.com:80 timeout=3s bind=192.0.2.7") },
	{ "-- CMD [ARG]...", N_("a program as an endpoint: each word is passed on as it is, and no shell reads it") },
	{ NULL, NULL },
};

const struct skt_row skt_grammar_values[] = {
	{ "DURATION", N_("a number and its unit: 250ms 5s 2m 1h 1d") },
	{ "SIZE", N_("bytes, or with K, M, G or T in steps of 1024: 64K") },
	{ "RATE", N_("bits or bytes a second, in steps of 1000: 10Mbit 1.5MB") },
	{ "MODE", N_("an octal file mode: 0640") },
	{ "ADDRESS", N_("an IP address of this machine: 192.0.2.7") },
	{ "CIDR", N_("an IP address, or a network of them: 10.0.0.0/8, 2001:db8::/32") },
	{ "a|b|c", N_("one of these words") },
	{ NULL, NULL },
};

const struct skt_row skt_exit_statuses[] = {
	{ "0", N_("done") },
	{ "1", N_("a link failed after it was open, or output could not be written") },
	{ "2", N_("the command line or an endpoint is not written right") },
	{ "3", N_("a name could not be resolved") },
	{ "4", N_("refused or unreachable") },
	{ "5", N_("timed out") },
	{ "6", N_("denied: permission, access list, or TLS verification") },
	{ "7", N_("the address is in use") },
	{ "8", N_("a limit was reached: memory, descriptors, sizes") },
	{ "9", N_("the peer broke the protocol") },
	{ "10", N_("a program could not be started") },
	{ "70", N_("a bug in soket; please report it") },
	{ NULL, NULL },
};

const struct skt_row skt_environment[] = {
	{ "NO_COLOR", N_("where it is set to anything, the output has no colours (they appear on a terminal only)") },
	{ "LANGUAGE, LC_ALL, LC_MESSAGES, LANG", N_("the language of what soket says") },
	{ "LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES", N_("sockets that systemd hands over; they are the endpoints fd:NUMBER and "
						       "fd:NAME") },
	{ NULL, NULL },
};

const struct skt_row skt_child_environment[] = {
	{ "SOKET_PROTOCOL", N_("the scheme that the client came by: tcp, unix, ...") },
	{ "SOKET_REMOTE_ADDRESS, SOKET_REMOTE_PORT", N_("the socket address of the client") },
	{ "SOKET_LOCAL_ADDRESS, SOKET_LOCAL_PORT", N_("the socket address that the client connected to") },
	{ "PROTO, TCPREMOTEIP, TCPREMOTEPORT, TCPLOCALIP, TCPLOCALPORT", N_("the same for tcp, by the names that other "
									    "servers of this kind use") },
	{ NULL, NULL },
};

static bool grammar_has_group(const struct skt_scheme *scheme, const struct skt_optspec *group)
{
	for (int g = 0; g < SKT_OPTGROUPS_MAX; g++)
		if (scheme->options[g] == group)
			return true;
	return false;
}

/* Whether this is the first scheme that has the group. */
static bool grammar_shows_group(const struct skt_scheme *scheme, const struct skt_optspec *group)
{
	const struct skt_scheme *other;

	for (size_t i = 0; (other = skt_scheme_at(i)) != NULL; i++)
		if (grammar_has_group(other, group))
			return other == scheme;
	return false;
}

static bool grammar_same_schemes(const struct skt_optspec *a, const struct skt_optspec *b)
{
	const struct skt_scheme *scheme;

	for (size_t i = 0; (scheme = skt_scheme_at(i)) != NULL; i++)
		if (grammar_has_group(scheme, a) != grammar_has_group(scheme, b))
			return false;
	return true;
}

bool skt_grammar_group(const struct skt_scheme *scheme, int g, struct skt_text *names)
{
	const struct skt_optspec *group = scheme->options[g], *before = NULL;
	const struct skt_scheme *other;
	const char *comma = "";

	if (!group || !grammar_shows_group(scheme, group))
		return false;
	for (int earlier = 0; earlier < g; earlier++)
		if (grammar_shows_group(scheme, scheme->options[earlier]))
			before = scheme->options[earlier];
	if (before && grammar_same_schemes(before, group))
		return true;
	for (size_t i = 0; (other = skt_scheme_at(i)) != NULL; i++) {
		if (!grammar_has_group(other, group))
			continue;
		skt_text_addf(names, "%s%s", comma, other->name);
		comma = ", ";
	}
	return true;
}

void skt_grammar_add_summary(const struct skt_scheme *scheme, struct skt_text *ret)
{
	skt_text_add(ret, _(scheme->summary));
	if (scheme->is_later)
		skt_text_addf(ret, " (%s)", _("in a later version"));
}

void skt_grammar_add_option(const struct skt_optspec *spec, struct skt_text *ret)
{
	const char *value = spec->type == SKT_OPT_WORD   ? spec->choices
			    : spec->type == SKT_OPT_BOOL ? "yes|no"
							 : spec->unit;

	skt_text_addf(ret, "%s=%s", spec->key, value ? value : "TEXT");
}

void skt_grammar_add_meaning(const struct skt_optspec *spec, struct skt_text *ret)
{
	skt_text_add(ret, _(spec->help));
	if (spec->role == SKT_ROLE_LISTEN)
		skt_text_addf(ret, " (%s)", _("to listen"));
	if (spec->role == SKT_ROLE_DIAL)
		skt_text_addf(ret, " (%s)", _("to dial"));
	if (spec->def)
		skt_text_addf(ret, _("; default %s"), spec->def);
}

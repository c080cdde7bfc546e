/* SPDX-License-Identifier: Apache-2.0 */
/* What kind of address an IP address is: the special-purpose blocks of RFC 6890 and its updates, most particular
 * first. */
#include "endpoint/addrkind.h"

#include "base/alloc.h"
#include "base/message.h"
#include "endpoint/cidr.h"

struct addrkind_row {
	struct skt_cidr cidr;
	struct skt_addrkind kind;
};

#define V4(a, b, c, d, n)                                                   \
	{                                                                   \
		.ip = { .family = 4, .bytes = { a, b, c, d } }, .bits = (n) \
	}
#define V6(n, ...)                                                           \
	{                                                                    \
		.ip = { .family = 6, .bytes = { __VA_ARGS__ } }, .bits = (n) \
	}

static const char help_unspecified[] = N_("no address in particular: to listen, every address of the machine");
static const char help_loopback[] = N_("this machine alone: it never leaves through a network card");
static const char help_private[] = N_("for networks of one's own; not reached from the Internet");
static const char help_shared[] = N_("between a provider and its customers, behind carrier-grade NAT");
static const char help_linklocal[] = N_("valid on one link only; routers never pass it on");
static const char help_documentation[] = N_("for examples in text; nobody has it");
static const char help_benchmarking[] = N_("for measuring network equipment in a laboratory");
static const char help_multicast[] = N_("a group: every member receives what is sent to it");
static const char help_reserved[] = N_("reserved: not given to any machine");
static const char help_public[] = N_("unique in the world, and reachable from the Internet where no firewall objects");
static const char help_tunnel[] = N_("carries IPv6 inside IPv4; old, and hardly used any more");
static const char help_translation[] = N_("an IPv4 address as machines with IPv6 alone reach it, through NAT64");

static const struct addrkind_row rows[] = {
	{ V4(255, 255, 255, 255, 32),
	  { "broadcast", "255.255.255.255/32", "RFC 919", N_("every machine on this link; for datagrams only") } },
	{ V4(0, 0, 0, 0, 32), { "unspecified", "0.0.0.0/32", "RFC 1122", help_unspecified } },
	{ V4(0, 0, 0, 0, 8), { "reserved", "0.0.0.0/8", "RFC 1122", help_reserved } },
	{ V4(10, 0, 0, 0, 8), { "private", "10.0.0.0/8", "RFC 1918", help_private } },
	{ V4(100, 64, 0, 0, 10), { "shared", "100.64.0.0/10", "RFC 6598", help_shared } },
	{ V4(127, 0, 0, 0, 8), { "loopback", "127.0.0.0/8", "RFC 1122", help_loopback } },
	{ V4(169, 254, 0, 0, 16), { "link-local", "169.254.0.0/16", "RFC 3927", help_linklocal } },
	{ V4(172, 16, 0, 0, 12), { "private", "172.16.0.0/12", "RFC 1918", help_private } },
	{ V4(192, 0, 0, 0, 24), { "reserved", "192.0.0.0/24", "RFC 6890", help_reserved } },
	{ V4(192, 0, 2, 0, 24), { "documentation", "192.0.2.0/24", "RFC 5737", help_documentation } },
	{ V4(192, 88, 99, 0, 24), { "reserved", "192.88.99.0/24", "RFC 7526", help_reserved } },
	{ V4(192, 168, 0, 0, 16), { "private", "192.168.0.0/16", "RFC 1918", help_private } },
	{ V4(198, 18, 0, 0, 15), { "benchmarking", "198.18.0.0/15", "RFC 2544", help_benchmarking } },
	{ V4(198, 51, 100, 0, 24), { "documentation", "198.51.100.0/24", "RFC 5737", help_documentation } },
	{ V4(203, 0, 113, 0, 24), { "documentation", "203.0.113.0/24", "RFC 5737", help_documentation } },
	{ V4(224, 0, 0, 0, 4), { "multicast", "224.0.0.0/4", "RFC 5771", help_multicast } },
	{ V4(240, 0, 0, 0, 4), { "reserved", "240.0.0.0/4", "RFC 1112", help_reserved } },
	{ V4(0, 0, 0, 0, 0), { "public", "0.0.0.0/0", "RFC 791", help_public } },

	{ V6(128, 0), { "unspecified", "::/128", "RFC 4291", help_unspecified } },
	{ V6(128, [15] = 1), { "loopback", "::1/128", "RFC 4291", help_loopback } },
	{ V6(96, [10] = 0xff, [11] = 0xff),
	  { "v4-mapped", "::ffff:0:0/96", "RFC 4291", N_("an IPv4 address as IPv6 programs see it") } },
	{ V6(96, 0x00, 0x64, 0xff, 0x9b), { "translation", "64:ff9b::/96", "RFC 6052", help_translation } },
	{ V6(48, 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01), { "translation", "64:ff9b:1::/48", "RFC 8215", help_translation } },
	{ V6(64, 0x01),
	  { "discard", "100::/64", "RFC 6666", N_("a black hole: networks throw away what is sent to it") } },
	{ V6(48, 0x20, 0x01, 0x00, 0x02), { "benchmarking", "2001:2::/48", "RFC 5180", help_benchmarking } },
	{ V6(32, 0x20, 0x01, 0x0d, 0xb8), { "documentation", "2001:db8::/32", "RFC 3849", help_documentation } },
	{ V6(32, 0x20, 0x01, 0x00, 0x00), { "tunnel", "2001::/32", "RFC 4380", help_tunnel } },
	{ V6(16, 0x20, 0x02), { "tunnel", "2002::/16", "RFC 3056", help_tunnel } },
	{ V6(20, 0x3f, 0xff), { "documentation", "3fff::/20", "RFC 9637", help_documentation } },
	{ V6(3, 0x20), { "public", "2000::/3", "RFC 4291", help_public } },
	{ V6(7, 0xfc), { "unique-local", "fc00::/7", "RFC 4193", help_private } },
	{ V6(10, 0xfe, 0x80), { "link-local", "fe80::/10", "RFC 4291", help_linklocal } },
	{ V6(8, 0xff), { "multicast", "ff00::/8", "RFC 4291", help_multicast } },
	{ V6(0, 0), { "reserved", "::/0", "RFC 4291", help_reserved } },
};

/* Networks match a mapped address as the IPv4 address that it is; here its clothes are the question. */
static bool addrkind_row_holds(const struct addrkind_row *row, const struct skt_ip *ip)
{
	if (skt_ip_is_mapped(ip))
		return skt_ip_is_mapped(&row->cidr.ip);
	return skt_cidr_matches(&row->cidr, ip);
}

const struct skt_addrkind *skt_addrkind_of(const struct skt_ip *ip)
{
	size_t i = 0;

	while (!addrkind_row_holds(&rows[i], ip))
		i++;
	return &rows[i].kind;
}

const struct skt_addrkind *skt_addrkind_at(size_t i)
{
	return i < SKT_LENGTH(rows) ? &rows[i].kind : NULL;
}

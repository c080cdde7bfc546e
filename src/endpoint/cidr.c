/* SPDX-License-Identifier: Apache-2.0 */
/* Networks, as access lists write them. */
#include "endpoint/cidr.h"

#include <stdio.h>
#include <string.h>

#include "base/message.h"

/* The address with every bit behind the first `bits` cleared. */
static struct skt_ip cidr_first(const struct skt_ip *ip, int bits)
{
	struct skt_ip first = *ip;

	for (int i = 0; i < 16; i++) {
		int kept = bits - i * 8;

		if (kept <= 0)
			first.bytes[i] = 0;
		else if (kept < 8)
			first.bytes[i] &= (uint8_t)(0xff << (8 - kept));
	}
	return first;
}

static int cidr_read_bits(const char *text, size_t slash, int most, int *ret, struct skt_error *err)
{
	const char *s = text + slash + 1;
	int bits = 0, i = 0;

	for (; s[i] >= '0' && s[i] <= '9' && bits <= most; i++)
		bits = bits * 10 + (s[i] - '0');
	if (i == 0 || (s[i] && bits <= most)) {
		int r = skt_fail_at(err, (int)slash + 1 + i, _("not a prefix length: %.40s"), s);

		skt_hint(err, _("a number of bits from 0 to %d follows the slash: %s"), most,
			 most == 32 ? "10.0.0.0/8" : "fe80::/10");
		return r;
	}
	if (bits > most) {
		int r = skt_fail_at(err, (int)slash + 1, _("the prefix is longer than the address: %.40s"), s);

		skt_hint(err, _("an IPv%d address has %d bits"), most == 32 ? 4 : 6, most);
		return r;
	}
	*ret = bits;
	return 0;
}

static int cidr_fail_address(const char *text, size_t n, size_t at, struct skt_error *err)
{
	int r = skt_fail_at(err, (int)at, _("not an IP address: %.*s"), (int)(n < 60 ? n : 60), text);

	skt_hint(err, "%s",
		 _("a network is an address, or an address and its prefix: 10.0.0.0/8, 2001:db8::/32, 192.0.2.7"));
	return r;
}

/* Bits behind the prefix are a slip of the pen that would let in more, or less, than was meant. */
static int cidr_fail_host_bits(const struct skt_cidr *cidr, struct skt_error *err)
{
	struct skt_cidr right = { .ip = cidr_first(&cidr->ip, cidr->bits), .bits = cidr->bits };
	char text[SKT_CIDR_LENGTH], network[SKT_CIDR_LENGTH], address[SKT_IP_LENGTH];
	int r = skt_fail_at(err, 0, _("the address has bits set behind the prefix: %s"), skt_cidr_print(cidr, text));

	skt_hint(err, _("the network is %s, the single address %s"), skt_cidr_print(&right, network),
		 skt_ip_print(&cidr->ip, address));
	return r;
}

int skt_cidr_parse(const char *text, struct skt_cidr *ret, struct skt_error *err)
{
	size_t n = strcspn(text, "/"), wrong = 0;
	struct skt_cidr cidr = { 0 }, first;
	int most;

	if (skt_ip_parse(text, n, &cidr.ip, &wrong) < 0)
		return cidr_fail_address(text, n, wrong, err);
	most = cidr.ip.family == 4 ? 32 : 128;
	cidr.bits = most;
	if (text[n] && cidr_read_bits(text, n, most, &cidr.bits, err) < 0)
		return -(int)SKT_E_USAGE;
	first.ip = cidr_first(&cidr.ip, cidr.bits);
	if (memcmp(first.ip.bytes, cidr.ip.bytes, sizeof(first.ip.bytes)) != 0)
		return cidr_fail_host_bits(&cidr, err);
	if (skt_ip_is_mapped(&cidr.ip) && cidr.bits >= 96) {
		cidr.ip = skt_ip_unmap(&cidr.ip);
		cidr.bits -= 96;
	}
	*ret = cidr;
	return 0;
}

bool skt_cidr_matches(const struct skt_cidr *cidr, const struct skt_ip *ip)
{
	struct skt_ip plain = skt_ip_bare(ip);
	struct skt_ip first;

	if (plain.family != cidr->ip.family)
		return false;
	first = cidr_first(&plain, cidr->bits);
	return memcmp(first.bytes, cidr->ip.bytes, plain.family == 4 ? 4 : 16) == 0;
}

bool skt_cidr_matches_bytes(const struct skt_cidr *cidr, const void *bytes, size_t n_bytes)
{
	struct skt_ip ip = { .family = n_bytes == 4 ? 4 : 6 };

	if (n_bytes != 4 && n_bytes != 16)
		return false;
	memcpy(ip.bytes, bytes, n_bytes);
	return skt_cidr_matches(cidr, &ip);
}

char *skt_cidr_print(const struct skt_cidr *cidr, char *ret)
{
	char address[SKT_IP_LENGTH];

	(void)snprintf(ret, SKT_CIDR_LENGTH, "%s/%d", skt_ip_print(&cidr->ip, address), cidr->bits);
	return ret;
}

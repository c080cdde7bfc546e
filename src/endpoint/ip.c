/* SPDX-License-Identifier: Apache-2.0 */
/* IP addresses as text and as bytes. */
#include "endpoint/ip.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

static int ip_wrong(size_t *wrong, size_t at)
{
	*wrong = at;
	return -(int)SKT_E_USAGE;
}

/* One number of an IPv4 address; *at moves behind it. */
static int ip4_number(const char *s, size_t n, size_t *at, uint8_t *ret, size_t *wrong)
{
	size_t start = *at, i = start;
	unsigned value = 0;

	for (; i < n && s[i] >= '0' && s[i] <= '9'; i++) {
		value = value * 10 + (unsigned)(s[i] - '0');
		if (value > 255 || (i > start && s[start] == '0'))
			return ip_wrong(wrong, start);
	}
	if (i == start)
		return ip_wrong(wrong, i);
	*ret = (uint8_t)value;
	*at = i;
	return 0;
}

int skt_ip4_parse(const char *s, size_t n, struct skt_ip *ret, size_t *wrong)
{
	struct skt_ip ip = { .family = 4 };
	size_t at = 0;

	for (int i = 0; i < 4; i++) {
		if (i > 0 && (at == n || s[at++] != '.'))
			return ip_wrong(wrong, at == n ? n : at - 1);
		if (ip4_number(s, n, &at, &ip.bytes[i], wrong) < 0)
			return -(int)SKT_E_USAGE;
	}
	if (at < n)
		return ip_wrong(wrong, at);
	*ret = ip;
	return 0;
}

static int ip6_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The bytes of an IPv6 address while they are read from left to right. */
struct ip6_reader {
	const char *s;
	size_t n, at;
	uint8_t bytes[16];
	size_t n_bytes;
	size_t gap; /* how many bytes stand before "::" */
	bool has_gap;
	size_t gap_at; /* where "::" stands in the text */
};

static bool ip6_is_dotted(const struct ip6_reader *r)
{
	for (size_t i = r->at; i < r->n && r->s[i] != ':'; i++)
		if (r->s[i] == '.')
			return true;
	return false;
}

static int ip6_group(struct ip6_reader *r, size_t *wrong)
{
	unsigned value = 0;
	size_t start = r->at;

	for (; r->at < r->n && ip6_digit(r->s[r->at]) >= 0; r->at++) {
		if (r->at - start == 4)
			return ip_wrong(wrong, r->at);
		value = value << 4 | (unsigned)ip6_digit(r->s[r->at]);
	}
	if (r->at == start)
		return ip_wrong(wrong, start);
	r->bytes[r->n_bytes++] = (uint8_t)(value >> 8);
	r->bytes[r->n_bytes++] = (uint8_t)value;
	return 0;
}

static int ip6_dotted(struct ip6_reader *r, size_t *wrong)
{
	struct skt_ip inner;
	size_t inner_wrong = 0;

	if (r->n_bytes > 12)
		return ip_wrong(wrong, r->at);
	if (skt_ip4_parse(r->s + r->at, r->n - r->at, &inner, &inner_wrong) < 0)
		return ip_wrong(wrong, r->at + inner_wrong);
	memcpy(r->bytes + r->n_bytes, inner.bytes, 4);
	r->n_bytes += 4;
	r->at = r->n;
	return 0;
}

/* "::" at the reader's place, if it is there. */
static int ip6_gap(struct ip6_reader *r, size_t *wrong)
{
	if (r->at + 1 >= r->n || r->s[r->at] != ':' || r->s[r->at + 1] != ':')
		return 0;
	if (r->has_gap)
		return ip_wrong(wrong, r->at + 1);
	r->has_gap = true;
	r->gap = r->n_bytes;
	r->gap_at = r->at;
	r->at += 2;
	return 1;
}

static int ip6_groups(struct ip6_reader *r, size_t *wrong)
{
	int gap = ip6_gap(r, wrong);

	while (gap >= 0 && (r->at < r->n || !gap)) {
		if (r->n_bytes == 16)
			return ip_wrong(wrong, r->at);
		if ((ip6_is_dotted(r) ? ip6_dotted(r, wrong) : ip6_group(r, wrong)) < 0)
			return -(int)SKT_E_USAGE;
		if (r->at == r->n)
			return 0;
		gap = ip6_gap(r, wrong);
		if (gap == 0 && r->s[r->at++] != ':')
			return ip_wrong(wrong, r->at - 1);
	}
	return gap < 0 ? gap : 0;
}

int skt_ip6_parse(const char *s, size_t n, struct skt_ip *ret, size_t *wrong)
{
	struct ip6_reader r = { .s = s, .n = n };
	struct skt_ip ip = { .family = 6 };
	size_t after;

	if (ip6_groups(&r, wrong) < 0)
		return -(int)SKT_E_USAGE;
	if (!r.has_gap && r.n_bytes < 16)
		return ip_wrong(wrong, n);
	if (r.has_gap && r.n_bytes == 16)
		return ip_wrong(wrong, r.gap_at);
	if (!r.has_gap)
		r.gap = 16;
	after = r.n_bytes < r.gap ? 0 : r.n_bytes - r.gap;
	memcpy(ip.bytes, r.bytes, r.gap);
	memcpy(ip.bytes + 16 - after, r.bytes + r.gap, after);
	*ret = ip;
	return 0;
}

int skt_ip_parse(const char *s, size_t n, struct skt_ip *ret, size_t *wrong)
{
	return memchr(s, ':', n) ? skt_ip6_parse(s, n, ret, wrong) : skt_ip4_parse(s, n, ret, wrong);
}

static unsigned ip6_group_at(const struct skt_ip *ip, size_t i)
{
	return (unsigned)ip->bytes[2 * i] << 8 | ip->bytes[2 * i + 1];
}

/* The longest run of at least two zero groups, the first of equals (RFC 5952 section 4.2). Returns its length. */
static size_t ip6_longest_zeros(const struct skt_ip *ip, size_t *start)
{
	size_t best = 1, run = 0;

	*start = 8;
	for (size_t i = 0; i < 8; i++) {
		run = ip6_group_at(ip, i) ? 0 : run + 1;
		if (run > best) {
			best = run;
			*start = i + 1 - run;
		}
	}
	return *start == 8 ? 0 : best;
}

static void ip6_print(const struct skt_ip *ip, char *ret)
{
	size_t start, length = ip6_longest_zeros(ip, &start), n = 0;

	for (size_t i = 0; i < 8; i++) {
		if (i == start) {
			n += (size_t)snprintf(ret + n, SKT_IP_LENGTH - n, "::");
			i += length - 1;
			continue;
		}
		n += (size_t)snprintf(ret + n, SKT_IP_LENGTH - n, "%s%x", i == 0 || i == start + length ? "" : ":",
				      ip6_group_at(ip, i));
	}
}

char *skt_ip_print(const struct skt_ip *ip, char *ret)
{
	const uint8_t *b = skt_ip_is_mapped(ip) ? ip->bytes + 12 : ip->bytes;

	if (ip->family == 4 || skt_ip_is_mapped(ip))
		(void)snprintf(ret, SKT_IP_LENGTH, "%s%u.%u.%u.%u", ip->family == 6 ? "::ffff:" : "", b[0], b[1], b[2],
			       b[3]);
	else
		ip6_print(ip, ret);
	return ret;
}

bool skt_ip_is_mapped(const struct skt_ip *ip)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return ip->family == 6 && memcmp(ip->bytes, prefix, sizeof(prefix)) == 0;
}

struct skt_ip skt_ip_unmap(const struct skt_ip *ip)
{
	struct skt_ip inner = { .family = 4 };

	memcpy(inner.bytes, ip->bytes + 12, 4);
	return inner;
}

struct skt_ip skt_ip_bare(const struct skt_ip *ip)
{
	return skt_ip_is_mapped(ip) ? skt_ip_unmap(ip) : *ip;
}

bool skt_ip_is_any(const struct skt_ip *ip)
{
	static const uint8_t zeros[16];

	return memcmp(ip->bytes, zeros, ip->family == 4 ? 4 : 16) == 0;
}

bool skt_ip_is_loopback(const struct skt_ip *ip)
{
	static const uint8_t one[16] = { [15] = 1 };

	if (ip->family == 4)
		return ip->bytes[0] == 127;
	return memcmp(ip->bytes, one, 16) == 0 || (skt_ip_is_mapped(ip) && ip->bytes[12] == 127);
}

bool skt_ip_is_same(const struct skt_ip *a, const struct skt_ip *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, a->family == 4 ? 4 : 16) == 0;
}

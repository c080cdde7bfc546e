/* SPDX-License-Identifier: Apache-2.0 */
/* The PROXY protocol, versions 1 and 2. */
#include "wire/proxyproto.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"

enum { V1_LEAST = 15 /* "PROXY UNKNOWN" and CRLF */, V2_FIXED = 16, V2_SIGNATURE = 12, V2_UNIX_PATH = 108 };
enum { V2_LOCAL = 0x20, V2_PROXY = 0x21, V2_STREAM = 1, TLV_CRC32C = 3 };

static const unsigned char v2_signature[V2_SIGNATURE] = "\r\n\r\n\0\r\nQUIT\n";

/* The families of version 2, by their number there. */
static const struct {
	int family;
	size_t n; /* bytes of both addresses and ports */
} v2_families[] = {
	{ AF_UNSPEC, 0 },
	{ AF_INET, 12 },
	{ AF_INET6, 36 },
	{ AF_UNIX, 2 * V2_UNIX_PATH },
};

/* Ends */

static void end_set_ip(struct skt_proxyend *end, int family, const void *address, in_port_t port)
{
	memset(end, 0, sizeof(*end)); /* all of the union, as no initialiser promises */
	end->len = family == AF_INET ? sizeof(end->in) : sizeof(end->in6);
	if (family == AF_INET) {
		end->in.sin_family = AF_INET;
		end->in.sin_port = port;
		memcpy(&end->in.sin_addr, address, 4);
	} else {
		end->in6.sin6_family = AF_INET6;
		end->in6.sin6_port = port;
		memcpy(&end->in6.sin6_addr, address, 16);
	}
}

/* A path ends at its NUL, if any; an abstract name at its last byte that is none, because its length is not told. */
static void end_set_unix(struct skt_proxyend *end, const unsigned char *path)
{
	size_t n = V2_UNIX_PATH;

	memset(end, 0, sizeof(*end));
	end->un.sun_family = AF_UNIX;
	if (path[0])
		n = strnlen((const char *)path, V2_UNIX_PATH - 1) + 1;
	while (!path[0] && n > 0 && !path[n - 1])
		n--;
	memcpy(end->un.sun_path, path, n);
	end->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
}

static int end_family(const struct skt_proxyend *end)
{
	return end->len ? end->sa.sa_family : AF_UNSPEC;
}

static struct skt_proxyend end_unmapped(const struct skt_proxyend *end)
{
	struct skt_proxyend ret = *end;

	if (end_family(end) == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&end->in6.sin6_addr))
		end_set_ip(&ret, AF_INET, end->in6.sin6_addr.s6_addr + 12, end->in6.sin6_port);
	return ret;
}

static in_port_t end_port(const struct skt_proxyend *end)
{
	return end->sa.sa_family == AF_INET ? end->in.sin_port : end->in6.sin6_port;
}

static const void *end_address(const struct skt_proxyend *end)
{
	return end->sa.sa_family == AF_INET ? (const void *)&end->in.sin_addr : (const void *)&end->in6.sin6_addr;
}

/* Composing */

/* inet_ntop(3), but never with an IPv4 address at the end, which version 1 has not. */
static void print_address(const struct skt_proxyend *end, char *ret, size_t n)
{
	const unsigned char *b = end_address(end);

	(void)inet_ntop(end->sa.sa_family, b, ret, (socklen_t)n);
	if (end->sa.sa_family == AF_INET6 && strchr(ret, '.'))
		(void)snprintf(ret, n, "::%x:%x", b[12] << 8 | b[13], b[14] << 8 | b[15]);
}

static size_t compose_v1(int family, const struct skt_proxyend *source, const struct skt_proxyend *dest,
			 unsigned char *ret)
{
	char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];

	if (family != AF_INET && family != AF_INET6)
		return (size_t)snprintf((char *)ret, SKT_PROXYPROTO_ROOM, "PROXY UNKNOWN\r\n");
	print_address(source, from, sizeof(from));
	print_address(dest, to, sizeof(to));
	return (size_t)snprintf((char *)ret, SKT_PROXYPROTO_ROOM, "PROXY TCP%c %s %s %u %u\r\n",
				family == AF_INET ? '4' : '6', from, to, ntohs(end_port(source)), ntohs(end_port(dest)));
}

static void compose_v2_ip(const struct skt_proxyend *source, const struct skt_proxyend *dest, unsigned char *at)
{
	size_t n = source->sa.sa_family == AF_INET ? 4 : 16;
	in_port_t ports[2] = { end_port(source), end_port(dest) };

	memcpy(at, end_address(source), n);
	memcpy(at + n, end_address(dest), n);
	memcpy(at + 2 * n, ports, sizeof(ports));
}

static void compose_v2_path(const struct skt_proxyend *end, unsigned char *at)
{
	size_t head = offsetof(struct sockaddr_un, sun_path), n = end->len > head ? end->len - head : 0;

	memset(at, 0, V2_UNIX_PATH);
	memcpy(at, end->un.sun_path, n < V2_UNIX_PATH ? n : V2_UNIX_PATH);
}

static size_t compose_v2(int family, const struct skt_proxyend *source, const struct skt_proxyend *dest,
			 unsigned char *ret)
{
	size_t number = 0;

	for (size_t i = 1; i < SKT_LENGTH(v2_families); i++)
		if (v2_families[i].family == family)
			number = i;
	memcpy(ret, v2_signature, V2_SIGNATURE);
	ret[12] = number ? V2_PROXY : V2_LOCAL;
	ret[13] = number ? (unsigned char)(number << 4 | V2_STREAM) : 0;
	ret[14] = 0;
	ret[15] = (unsigned char)v2_families[number].n;
	if (family == AF_UNIX) {
		compose_v2_path(source, ret + V2_FIXED);
		compose_v2_path(dest, ret + V2_FIXED + V2_UNIX_PATH);
	} else if (number) {
		compose_v2_ip(source, dest, ret + V2_FIXED);
	}
	return V2_FIXED + v2_families[number].n;
}

size_t skt_proxyproto_compose(int version, const struct skt_proxyend *source, const struct skt_proxyend *dest,
			      unsigned char *ret)
{
	struct skt_proxyend from = end_unmapped(source), to = end_unmapped(dest);
	int family = end_family(&from) == end_family(&to) ? end_family(&from) : AF_UNSPEC;

	return version == 1 ? compose_v1(family, &from, &to, ret) : compose_v2(family, &from, &to, ret);
}

/* Version 1 */

struct v1_beginning {
	const char *text;
	int family;
};

static const struct v1_beginning v1_beginnings[] = {
	{ "PROXY TCP4 ", AF_INET },
	{ "PROXY TCP6 ", AF_INET6 },
	{ "PROXY UNKNOWN ", AF_UNSPEC },
	{ "PROXY UNKNOWN\r\n", AF_UNSPEC },
};

/* The one that the bytes begin with, or that they are a beginning of; NULL where there is none. */
static const struct v1_beginning *v1_find(const char *s, size_t n)
{
	for (size_t i = 0; i < SKT_LENGTH(v1_beginnings); i++) {
		size_t length = strlen(v1_beginnings[i].text);

		if (n == 0 || memcmp(s, v1_beginnings[i].text, n < length ? n : length) == 0)
			return &v1_beginnings[i];
	}
	return NULL;
}

/* Take the next word of the line, up to one blank, as a string. False where it is longer than any address, or missing. */
static bool v1_word(const char **line, const char *end, char *ret)
{
	const char *blank = *line ? memchr(*line, ' ', (size_t)(end - *line)) : NULL;
	size_t n = *line ? (size_t)((blank ? blank : end) - *line) : 0;

	if (n == 0 || n >= INET6_ADDRSTRLEN)
		return false;
	memcpy(ret, *line, n);
	ret[n] = '\0';
	*line = blank ? blank + 1 : NULL;
	return true;
}

static bool v1_port(const char *word, in_port_t *ret)
{
	unsigned port = 0;
	size_t n = strspn(word, "0123456789");

	if (n == 0 || n > 5 || word[n] || (word[0] == '0' && n > 1))
		return false;
	for (size_t i = 0; i < n; i++)
		port = port * 10 + (unsigned)(word[i] - '0');
	*ret = htons((uint16_t)port);
	return port <= UINT16_MAX;
}

/* What stands between the beginning and the CRLF. Returns NULL, or why not. */
static const char *v1_addresses(const char *line, const char *end, int family, struct skt_proxyproto *ret)
{
	char word[2][INET6_ADDRSTRLEN];
	unsigned char address[2][16];
	in_port_t port[2];

	for (int i = 0; i < 2; i++)
		if (!v1_word(&line, end, word[i]) || inet_pton(family, word[i], address[i]) != 1)
			return N_("an address in it is none of its family");
	for (int i = 0; i < 2; i++)
		if (!v1_word(&line, end, word[i]) || !v1_port(word[i], &port[i]))
			return N_("a port in it is no number from 0 to 65535");
	if (line)
		return N_("something follows its ports");
	end_set_ip(&ret->source, family, address[0], port[0]);
	end_set_ip(&ret->dest, family, address[1], port[1]);
	return NULL;
}

static const char *v1_control(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < ' ' || (unsigned char)s[i] > '~')
			return N_("a byte in it is no character of such a line");
	return NULL;
}

/* The line has not ended within n bytes. */
static int v1_unfinished(const struct v1_beginning *b, const char *s, size_t n, size_t *need, const char **why)
{
	size_t more = n < V1_LEAST ? V1_LEAST - n : s[n - 1] == '\r' ? 1 : 2;

	*why = N_("it does not end in CR and LF within 107 bytes");
	if (n + more > SKT_PROXYPROTO_V1_MAX)
		return -1;
	if (n > strlen(b->text) && b->family != AF_UNSPEC) {
		*why = v1_control(s, s[n - 1] == '\r' ? n - 1 : n);
		if (*why)
			return -1;
	}
	*need = more;
	return 1;
}

static int v1_parse(const char *s, size_t n, struct skt_proxyproto *ret, size_t *need, const char **why)
{
	const struct v1_beginning *b = v1_find(s, n);
	struct skt_proxyproto found;
	size_t most = n < SKT_PROXYPROTO_V1_MAX ? n : SKT_PROXYPROTO_V1_MAX, begun = b ? strlen(b->text) : 0;
	const char *end = b && n >= begun ? memmem(s, most, "\r\n", 2) : NULL;

	*why = N_("it begins like none");
	if (!b)
		return -1;
	if (!end)
		return v1_unfinished(b, s, n, need, why);
	memset(&found, 0, sizeof(found));
	found.version = 1;
	*why = b->family == AF_UNSPEC ? NULL : v1_control(s, (size_t)(end - s));
	if (!*why && b->family != AF_UNSPEC)
		*why = v1_addresses(s + begun, end, b->family, &found);
	if (*why)
		return -1;
	found.n = (size_t)(end - s) + 2;
	*ret = found;
	return 0;
}

/* Version 2 */

/* CRC32c (RFC 3720, appendix B.4) of n bytes, with those of the checksum itself taken as zeros. */
static uint32_t crc32c(const unsigned char *s, size_t n, size_t hole)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < n; i++) {
		crc ^= i >= hole && i < hole + 4 ? 0U : s[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78U : 0U);
	}
	return ~crc;
}

static uint32_t big_endian(const unsigned char *s, size_t n)
{
	uint32_t ret = 0;

	for (size_t i = 0; i < n; i++)
		ret = ret << 8 | s[i];
	return ret;
}

/* The TLVs from `at` to the end of a header of n bytes. Returns NULL, or why not. */
static const char *v2_tlvs(const unsigned char *s, size_t n, size_t at)
{
	while (at < n) {
		size_t length = n - at >= 3 ? big_endian(s + at + 1, 2) : n;

		if (length > n - at - 3 || n - at < 3)
			return N_("what follows its addresses has not the shape it should have");
		if (s[at] == TLV_CRC32C && (length != 4 || big_endian(s + at + 3, 4) != crc32c(s, n, at + 3)))
			return N_("its checksum is wrong: it was changed or cut on its way");
		at += 3 + length;
	}
	return NULL;
}

static void v2_addresses(const unsigned char *s, int family, struct skt_proxyproto *ret)
{
	size_t n = family == AF_INET ? 4 : 16;
	in_port_t ports[2];

	if (family == AF_UNIX) {
		end_set_unix(&ret->source, s);
		end_set_unix(&ret->dest, s + V2_UNIX_PATH);
		return;
	}
	memcpy(ports, s + 2 * n, sizeof(ports));
	end_set_ip(&ret->source, family, s, ports[0]);
	end_set_ip(&ret->dest, family, s + n, ports[1]);
}

/* Whether it tells addresses: not LOCAL, nor where family or protocol are UNSPEC. */
static bool v2_tells(const unsigned char *s)
{
	return s[12] == V2_PROXY && s[13] >> 4 && (s[13] & 15);
}

/* What is wrong with the first n of the 16 bytes that every header has, or NULL. */
static const char *v2_objection(const unsigned char *s, size_t n)
{
	if (memcmp(s, v2_signature, n < V2_SIGNATURE ? n : V2_SIGNATURE) != 0)
		return N_("it begins like none");
	if (n > 12 && s[12] != V2_LOCAL && s[12] != V2_PROXY)
		return N_("its version or command is not known");
	if (n > 13 && s[12] == V2_PROXY && (s[13] >> 4 >= (int)SKT_LENGTH(v2_families) || (s[13] & 15) > 2))
		return N_("its family or protocol is not known");
	if (n < V2_FIXED)
		return NULL;
	if (V2_FIXED + big_endian(s + 14, 2) > SKT_PROXYPROTO_MAX)
		return N_("it is longer than the 4096 bytes that are accepted here");
	if (v2_tells(s) && big_endian(s + 14, 2) < v2_families[s[13] >> 4].n)
		return N_("it is too short for its addresses");
	return NULL;
}

static int v2_parse(const unsigned char *s, size_t n, struct skt_proxyproto *ret, size_t *need, const char **why)
{
	size_t whole = n < V2_FIXED ? V2_FIXED : V2_FIXED + big_endian(s + 14, 2);
	struct skt_proxyproto found;

	*why = v2_objection(s, n);
	if (*why)
		return -1;
	if (n < whole) {
		*need = whole - n;
		return 1;
	}
	memset(&found, 0, sizeof(found));
	found.version = 2;
	found.n = whole;
	if (v2_tells(s)) {
		*why = v2_tlvs(s, whole, V2_FIXED + v2_families[s[13] >> 4].n);
		if (*why)
			return -1;
		v2_addresses(s + V2_FIXED, v2_families[s[13] >> 4].family, &found);
	}
	*ret = found;
	return 0;
}

/* Either */

bool skt_proxyproto_begins(const void *bytes, size_t n)
{
	return v1_find(bytes, n) || memcmp(bytes, v2_signature, n < V2_SIGNATURE ? n : V2_SIGNATURE) == 0;
}

int skt_proxyproto_parse(const void *bytes, size_t n, struct skt_proxyproto *ret, size_t *need, const char **why)
{
	const unsigned char *s = bytes;

	*why = NULL;
	return n > 0 && s[0] == v2_signature[0] ? v2_parse(s, n, ret, need, why) : v1_parse(bytes, n, ret, need, why);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* IP addresses as text and as bytes. Pure; unlike inet_pton(3) it knows where a text goes wrong. */
#ifndef SKT_ENDPOINT_IP_H
#define SKT_ENDPOINT_IP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for the longest text and its NUL. */
enum { SKT_IP_LENGTH = 48 };

struct skt_ip {
	int family;        /* 4 or 6 */
	uint8_t bytes[16]; /* network order; 4 or 16 of them count */
};

/* Read the first n bytes of s. Returns 0, or -SKT_E_USAGE with *wrong the offset of the first wrong byte (n where the
 * text is too short); *ret is then untouched. Four decimal numbers of 0-255 with dots between, no leading zeros: some
 * programs take those as octal. */
int skt_ip4_parse(const char *s, size_t n, struct skt_ip *ret, size_t *wrong);
/* RFC 4291 section 2.2: eight groups, one "::", an IPv4 address in the last four bytes. No brackets, no zone. */
int skt_ip6_parse(const char *s, size_t n, struct skt_ip *ret, size_t *wrong);
/* Either: IPv6 where the text has a colon. */
int skt_ip_parse(const char *s, size_t n, struct skt_ip *ret, size_t *wrong);

/* Write the address into at least SKT_IP_LENGTH bytes, IPv6 as RFC 5952 asks, and return `ret`. */
char *skt_ip_print(const struct skt_ip *ip, char *ret);

/* Whether it is ::ffff:a.b.c.d, an IPv4 address in IPv6 clothes (RFC 4291 section 2.5.5.2). */
bool skt_ip_is_mapped(const struct skt_ip *ip);
/* The IPv4 address inside a mapped one. */
struct skt_ip skt_ip_unmap(const struct skt_ip *ip);
/* The same where it is mapped, else the address itself: what two addresses are compared by. */
struct skt_ip skt_ip_bare(const struct skt_ip *ip);

/* Whether every bit is 0: 0.0.0.0, ::, and an address of no family. */
bool skt_ip_is_any(const struct skt_ip *ip);
/* 127.0.0.0/8, ::1, and the mapped form of the first. */
bool skt_ip_is_loopback(const struct skt_ip *ip);
/* Whether both are one: the family too, so that a mapped address is not the IPv4 one. */
bool skt_ip_is_same(const struct skt_ip *a, const struct skt_ip *b);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What a client of a SOCKS proxy says and hears: SOCKS5 (RFC 1928) with user and password (RFC 1929), SOCKS4 and SOCKS4a. Pure.
 *
 * Replies are parsed from their first bytes on. The parser says how many bytes it needs before it can decide anything more; whoever reads
 * just so many never takes a byte of what the target says behind the reply. */
#ifndef SKT_WIRE_SOCKS_H
#define SKT_WIRE_SOCKS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* The longest name, user or password, and room for any message composed here. */
enum { SKT_SOCKS_TEXT_MAX = 255, SKT_SOCKS_ROOM = 9 + 2 * (SKT_SOCKS_TEXT_MAX + 1) };

/* Why this cannot be said in that protocol: a sentence marked with N_(), or NULL where it can. `user` and `password` may be NULL;
 * `host` is a name or an IP address, IPv6 without brackets. What is composed must have passed. */
const char *skt_socks5_objection(const char *user, const char *password, const char *host);
const char *skt_socks4a_objection(const char *user, const char *password, const char *host);

/* Each composes one message into SKT_SOCKS_ROOM bytes, and returns its length.
 * The ways to log in that are offered: none, and a password as well where there is one. */
size_t skt_socks5_hello(bool with_password, unsigned char *ret);
/* User and password; NULL is an empty one (RFC 1929 wants a byte at least, but proxies that know only passwords do not). */
size_t skt_socks5_login(const char *user, const char *password, unsigned char *ret);
/* CONNECT. An IP address goes as such, all else as a name for the proxy to resolve. */
size_t skt_socks5_connect(const char *host, unsigned port, unsigned char *ret);
/* The same of SOCKS4 for an IPv4 address, of SOCKS4a for a name. `user` is sent unproved; NULL is an empty one. */
size_t skt_socks4a_connect(const char *user, const char *host, unsigned port, unsigned char *ret);

enum skt_socksreply {
	SKT_SOCKS5_METHOD,  /* to hello */
	SKT_SOCKS5_LOGIN,   /* to login */
	SKT_SOCKS5_CONNECT, /* to connect */
	SKT_SOCKS4_CONNECT,
};

/* How to log in, as METHOD's code tells. */
enum { SKT_SOCKS5_NO_LOGIN = 0, SKT_SOCKS5_PASSWORD = 2 };

enum skt_socksverdict {
	SKT_SOCKS_MORE,    /* n more bytes must come before anything can be decided */
	SKT_SOCKS_OK,      /* granted, by a reply of n bytes */
	SKT_SOCKS_REFUSED, /* refused, as its first n bytes tell; what follows does not matter */
	SKT_SOCKS_FOREIGN, /* not a reply of this protocol */
};

struct skt_socksanswer {
	enum skt_socksverdict verdict;
	size_t n;
	int code; /* OK of METHOD: how to log in; REFUSED: why, for skt_socks_why() */
};

/* Judge the first n bytes of a reply. MORE never asks for bytes behind the reply. */
struct skt_socksanswer skt_socks_parse(enum skt_socksreply which, const void *bytes, size_t n);

/* What a refusal is: its kind, and a sentence marked with N_() that can follow "the proxy did not connect: ". Never NULL. */
struct skt_sockswhy {
	enum skt_err kind;
	const char *text;
};
const struct skt_sockswhy *skt_socks_why(enum skt_socksreply which, int code);

#endif

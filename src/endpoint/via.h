/* SPDX-License-Identifier: Apache-2.0 */
/* The address of a proxy, as via= and ALL_PROXY write it: socks5://user:password@host:1080. Pure. */
#ifndef SKT_ENDPOINT_VIA_H
#define SKT_ENDPOINT_VIA_H

#include <stdbool.h>
#include <stddef.h>

enum skt_viakind {
	SKT_VIA_SOCKS5,  /* socks5, socks5h: the proxy resolves names either way */
	SKT_VIA_SOCKS4A, /* socks4a, socks4 */
	SKT_VIA_HTTP,    /* http: CONNECT */
	SKT_VIA_HTTPS,   /* https: CONNECT inside TLS */
};

enum { SKT_VIA_WORD = 256 };

struct skt_via {
	enum skt_viakind kind;
	bool has_user, has_password;
	char user[SKT_VIA_WORD], password[SKT_VIA_WORD]; /* %XX decoded */
	char host[SKT_VIA_WORD];                         /* without brackets */
	int port;                                        /* where none is written: 1080, 1080, 80, 443 */
};

/* Returns -1 and *ret, or the offset of the first byte that is wrong. A slash at the end is fine. */
int skt_via_parse(const char *text, struct skt_via *ret);
/* "socks5://host:port" into SKT_VIA_WORD + 32 bytes, without user and password. Returns `ret`. */
char *skt_via_print(const struct skt_via *via, char *ret);
/* Whether a list as NO_PROXY has it names the host: names ("example.org" is also its subdomains, a leading dot is left out), addresses, "*";
 * apart by commas or blanks. */
bool skt_via_is_excepted(const char *list, const char *host);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Networks, as access lists write them: 10.0.0.0/8, fe80::/10, 192.0.2.7. Pure. RFC 4632, RFC 4291 section 2.3. */
#ifndef SKT_ENDPOINT_CIDR_H
#define SKT_ENDPOINT_CIDR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "endpoint/ip.h"

/* Room for the longest text and its NUL. */
enum { SKT_CIDR_LENGTH = SKT_IP_LENGTH + 4 };

struct skt_cidr {
	struct skt_ip ip; /* the network's first address */
	int bits;         /* how many leading bits an address must share with it: 0-32 or 0-128 */
};

/* Read an address, or an address "/" bits; without bits all of them count. A network of mapped addresses
 * (::ffff:10.0.0.0/104) is kept as the IPv4 network that it means.
 * Returns 0, or -SKT_E_USAGE with err->at: for bits set behind the prefix the hint names the right network. */
int skt_cidr_parse(const char *text, struct skt_cidr *ret, struct skt_error *err);
/* Whether an address is in the network. A mapped IPv6 address is matched as the IPv4 address that it is, and so by IPv4
 * networks only: ::/0 means those who came over IPv6. */
bool skt_cidr_matches(const struct skt_cidr *cidr, const struct skt_ip *ip);
/* The same for the 4 or 16 bytes of an address in network order, as they stand in a socket address. */
bool skt_cidr_matches_bytes(const struct skt_cidr *cidr, const void *bytes, size_t n_bytes);
/* Write "10.0.0.0/8" into at least SKT_CIDR_LENGTH bytes, and return `ret`. */
char *skt_cidr_print(const struct skt_cidr *cidr, char *ret);

#endif

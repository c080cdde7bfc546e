/* SPDX-License-Identifier: Apache-2.0 */
/* Socket addresses of every family we know, as the kernel takes them and as people write them. */
#ifndef SKT_SYS_ADDR_H
#define SKT_SYS_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

/* A zeroed struct is no address (family AF_UNSPEC). */
struct skt_addr {
	socklen_t len;
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
		unsigned char room[128]; /* AF_VSOCK and whatever else comes out of accept(2) */
	};
};

/* Room for anything that the printers here write. */
enum { SKT_ADDR_LENGTH = 160 };

/* Read a numeric IPv4 or IPv6 address (no brackets) with an optional zone (name or number, may be NULL).
 * Returns 0, or -SKT_E_RESOLVE where it is none. Pure but for if_nametoindex(3). */
int skt_addr_parse_ip(const char *host, const char *zone, int port, struct skt_addr *ret);
/* A unix path, or an abstract name where it begins with @. Returns 0 or -SKT_E_USAGE: longer than sun_path. */
int skt_addr_from_path(const char *path, struct skt_addr *ret);
void skt_addr_from_vsock(uint32_t cid, uint32_t port, struct skt_addr *ret);

/* "127.0.0.1:80", "[::1]:80", "/run/x.sock", "@name", "2:1024" (vsock), "" for an unnamed one. Returns ret. */
char *skt_addr_print(const struct skt_addr *a, char *ret);
/* The address without its port or brackets. Returns ret. */
char *skt_addr_print_host(const struct skt_addr *a, char *ret);
/* With its scheme, as an endpoint: "tcp://127.0.0.1:80", "unix:/run/x.sock". Returns ret. */
char *skt_addr_print_endpoint(const struct skt_addr *a, const char *scheme, char *ret);

/* The port of an IP or vsock address, else 0. */
unsigned skt_addr_port(const struct skt_addr *a);
void skt_addr_port_set(struct skt_addr *a, unsigned port);
/* An IP address of the loopback network, v4-mapped ones too. */
bool skt_addr_is_loopback(const struct skt_addr *a);
/* The address in network order with its length (4 or 16; v4-mapped ones give 4), or NULL where it is no IP address. */
const unsigned char *skt_addr_bytes(const struct skt_addr *a, int *n);

/* The address of this end, or of the other end, of a socket. Returns 0, or -1 with errno; *ret is zeroed on failure. */
int skt_addr_of_local(int fd, struct skt_addr *ret);
int skt_addr_of_peer(int fd, struct skt_addr *ret);

#endif

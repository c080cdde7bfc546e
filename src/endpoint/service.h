/* SPDX-License-Identifier: Apache-2.0 */
/* Well-known services: what a port is used for. A table of our own first, so that explaining needs no file; then the
 * system's services database (services(5)), so that what an administrator wrote there counts. */
#ifndef SKT_ENDPOINT_SERVICE_H
#define SKT_ENDPOINT_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct skt_service {
	const char *name; /* "https" */
	uint16_t port;
	const char *tcp;  /* the protocol that uses it over TCP: "HTTPS"; or NULL */
	const char *udp;  /* the one over UDP: "HTTP/3"; or NULL */
	const char *help; /* one line, marked with N_() */
};

/* Room for a service's name and its NUL. */
enum { SKT_SERVICE_LENGTH = 64 };

/* The number of a service, 1-65535; 0 where there is none of that name, in either case, over `protocol` ("TCP", "UDP",
 * or NULL for any). Asks the table, then the system. */
int skt_service_port(const char *name, const char *protocol);
/* What the table knows about a port: the row of that protocol (or NULL for any), the commonest first; or NULL. */
const struct skt_service *skt_service_of_port(uint16_t port, const char *protocol);
/* What the table knows about a name, or NULL. */
const struct skt_service *skt_service_of_name(const char *name, const char *protocol);
/* The system's name of a port, written into SKT_SERVICE_LENGTH bytes. False where it has none. */
bool skt_service_system_name(uint16_t port, const char *protocol, char *ret);
/* Row i of the table, by port, or NULL after the last. */
const struct skt_service *skt_service_at(size_t i);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What can be said of an endpoint or a port without touching the network: gathered here, printed elsewhere. */
#ifndef SKT_CLI_EXPLAIN_FACTS_H
#define SKT_CLI_EXPLAIN_FACTS_H

#include <stdbool.h>

#include "endpoint/addrkind.h"
#include "endpoint/endpoint.h"
#include "endpoint/ip.h"
#include "endpoint/portclass.h"
#include "endpoint/service.h"

/* A port and its services. */
struct skt_portfacts {
	int port;
	const char *protocol; /* "TCP", "UDP", or NULL for any */
	const struct skt_portclass *class;
	const struct skt_service *service; /* the row of our table, or NULL */
	const struct skt_service *other;   /* the first row of the port over any protocol, or NULL */
	char name[SKT_SERVICE_LENGTH];     /* the row's name, or the system's, or "" */
};

/* A host and its address. The stable words are for scripts, help is for people. */
struct skt_hostfacts {
	const char *family; /* "IPv4", "IPv6", "any", "unix", "vsock"; NULL where there is no address */
	const char *kind; /* see addrkind.h and namekind.h; for paths "path" or "abstract"; NULL where there is none */
	const char *network;              /* the block of an IP address, or NULL */
	const char *rfc;                  /* or NULL */
	const char *help;                 /* N_() */
	char text[SKT_IP_LENGTH];         /* the IP address as it is best written, or "" */
	const struct skt_addrkind *inner; /* the kind of the IPv4 address inside a mapped one, or NULL */
};

void skt_portfacts_gather(int port, const char *protocol, struct skt_portfacts *ret);
/* Use i of the port over any protocol: "HTTPS" over "TCP", "HTTP/3" over "UDP"; false after the last. */
bool skt_portfacts_use(const struct skt_portfacts *f, int i, const char **name, const char **over);
void skt_hostfacts_gather(const struct skt_endpoint *e, struct skt_hostfacts *ret);

/* Whether the endpoint needs a layer or transport that this version only describes. */
bool skt_facts_is_later(const struct skt_endpoint *e);
/* "any", "listen", "dial" */
const char *skt_facts_role(const struct skt_endpoint *e);

/* The options in force, written ones first, then the defaults that fit the role. Option i as its row and value (the
 * default, or as written), and whether it was written; false after the last. */
bool skt_facts_option(const struct skt_endpoint *e, int i, const struct skt_optspec **spec, const char **value,
		      bool *is_written);

#endif

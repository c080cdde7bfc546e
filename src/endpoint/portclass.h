/* SPDX-License-Identifier: Apache-2.0 */
/* The three ranges of port numbers. RFC 6335 section 6. Pure. */
#ifndef SKT_ENDPOINT_PORTCLASS_H
#define SKT_ENDPOINT_PORTCLASS_H

#include <stdint.h>

enum { SKT_PORT_MAX = 65535 };

struct skt_portclass {
	const char *name; /* stable, for scripts: "system", "user", "dynamic" */
	const char *also; /* the other word in use: "well-known", "registered", "private"; stable */
	uint16_t first, last;
	const char *help; /* one line, marked with N_() */
};

/* The class of a port; never NULL. Port 0 is in the first range, where it is reserved. */
const struct skt_portclass *skt_portclass_of(uint16_t port);
/* Class i, from the lowest ports up, or NULL after the last. */
const struct skt_portclass *skt_portclass_at(int i);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A port alone, as people write it: 22, https, 53/udp. */
#ifndef SKT_CLI_PORTWORD_H
#define SKT_CLI_PORTWORD_H

#include <stdbool.h>

/* Whether the word is one. *port is 0-65535; *protocol is "TCP" or "UDP" where the word says so, else NULL: either. Both are
 * undefined where it is none. Names are looked up in the services database. */
bool skt_portword_read(const char *word, int *port, const char **protocol);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* `soket explain --connect`: what is found where an endpoint leads. */
#ifndef SKT_CLI_EXPLAIN_CONNECT_H
#define SKT_CLI_EXPLAIN_CONNECT_H

#include <stdbool.h>

#include "endpoint/endpoint.h"

/* Dial `e`, say what is there (of TLS: the certificates, the versions, and whether soket would take it), and hang up. Returns the exit
 * status: that of an error where there is none to be had, or where it would not be taken. */
int skt_explain_connect(struct skt_endpoint *e, bool json);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The pages and JSON lines of `soket explain`: an endpoint, a port, the words socket and port. */
#ifndef SKT_CLI_EXPLAIN_H
#define SKT_CLI_EXPLAIN_H

#include <stdbool.h>

#include "endpoint/endpoint.h"

/* Each prints to standard output and returns 0, or -kind as skt_say_out() does.
 * `written` is the endpoint as it was given. */
int skt_explain_endpoint(const struct skt_endpoint *e, const char *written);
int skt_explain_endpoint_json(const struct skt_endpoint *e);
/* `protocol` is "TCP", "UDP", or NULL for any. */
int skt_explain_port(int port, const char *protocol);
int skt_explain_port_json(int port, const char *protocol);
/* The words, both or one of them. */
int skt_explain_words(bool socket, bool port);
int skt_explain_words_json(bool socket, bool port);

#endif

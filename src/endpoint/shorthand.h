/* SPDX-License-Identifier: Apache-2.0 */
/* Which scheme an address word means: the one it begins with, or the one that its shape stands for. Pure. */
#ifndef SKT_ENDPOINT_SHORTHAND_H
#define SKT_ENDPOINT_SHORTHAND_H

#include <stddef.h>

#include "base/error.h"
#include "endpoint/endpoint.h"

/* Find the layers of an address word (without role) and set e->layer and e->n_layer: "tls+unix:/run/x" has two,
 * "wss://h:1" three, "example.com:80" is tcp, "/run/x" and "@x" are unix, "-" is stdio. *rest is the offset of what is
 * left for the address, behind the colon of a scheme. Returns 0, or -SKT_E_USAGE with err->at. */
int skt_shorthand_read(struct skt_endpoint *e, const char *word, size_t *rest, struct skt_error *err);

#endif

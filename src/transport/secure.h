/* SPDX-License-Identifier: Apache-2.0 */
/* The options of TLS, made into a context. */
#ifndef SKT_TRANSPORT_SECURE_H
#define SKT_TRANSPORT_SECURE_H

#include "endpoint/endpoint.h"
#include "io/filter/tlscontext.h"

/* The context of an endpoint's TLS layers in that role. A listening one without cert= has a certificate made for the names it can be
 * reached by, which are written to `names`, apart by commas. Returns 0 or -kind. */
int skt_secure_new(const struct skt_endpoint *e, bool listens, struct skt_tls_context **ret, struct skt_text *names,
		   struct skt_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate of our own, made in memory, for a listener that was given none. */
#ifndef SKT_IO_FILTER_TLSSELF_H
#define SKT_IO_FILTER_TLSSELF_H

#include <openssl/types.h>

#include "base/error.h"

/* Make a key (ECDSA, P-256) and a certificate signed with it, good for the names: host names and IP addresses, n >= 1. It is valid from an
 * hour ago for 90 days. Returns 0 and both (X509_free(), EVP_PKEY_free()), or -SKT_E_LIMIT. */
int skt_tls_self(const char *const *name, int n, X509 **cert, EVP_PKEY **key, struct skt_error *err);

#endif

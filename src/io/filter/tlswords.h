/* SPDX-License-Identifier: Apache-2.0 */
/* What went wrong with TLS, in words that a person can act on. */
#ifndef SKT_IO_FILTER_TLSWORDS_H
#define SKT_IO_FILTER_TLSWORDS_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/types.h>

#include "base/error.h"
#include "base/text.h"
#include "io/filter/tlscontext.h"

/* The facts of a failure. */
struct skt_tls_trouble {
	const SSL *ssl;
	const struct skt_tls_config *config;
	unsigned long code; /* OpenSSL's, or 0 */
	bool is_open;       /* the handshake was done before */
	bool saw_end;       /* below ended */
	const char *first;  /* the peer's first bytes, for one that does not speak TLS */
	size_t n_first;
};

/* Fill *err. Returns -err->kind. */
int skt_tls_explain(const struct skt_tls_trouble *t, struct skt_error *err);
/* The same for a certificate that was let through: SSL_get_verify_result() is not X509_V_OK. */
int skt_tls_explain_verification(const SSL *ssl, const struct skt_tls_config *config, struct skt_error *err);
/* The names and addresses of a certificate, apart by commas. */
void skt_tls_print_names(const X509 *cert, struct skt_text *ret);
/* Whoever a name of a certificate means: its common name and organisation, or all of it. */
void skt_tls_print_name(const X509_NAME *name, struct skt_text *ret);
/* "2026-11-25" of a time of a certificate, into at least 16 bytes. Returns `ret`. */
char *skt_tls_print_day(const ASN1_TIME *time, char *ret);

#endif

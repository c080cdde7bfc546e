/* SPDX-License-Identifier: Apache-2.0 */
/* What all TLS streams of one endpoint share: certificates, keys, whom to trust, sessions to resume. */
#ifndef SKT_IO_FILTER_TLSCONTEXT_H
#define SKT_IO_FILTER_TLSCONTEXT_H

#include <stdbool.h>

#include <openssl/types.h>

#include "base/error.h"

enum { SKT_TLS_CERTS = 16 };

struct skt_tls_context;

/* What is asked for. The texts must outlive the context, which reads the files again when it is told to. */
struct skt_tls_config {
	bool is_server;
	const char *name; /* client: the host name or address that the certificate must have, and the server is told */
	const char *alpn; /* names apart by commas, or NULL */
	const char *ca; /* PEM file of whom to trust instead of the system's roots; a server's clients need one of these (client-ca=) */
	const char *pin; /* client: the server's key (tlspin.h); without `ca` nobody has to vouch for it then */
	bool no_verify;  /* client: take any certificate */
	bool looks;      /* client: take any, but keep what is wrong with it as the result of the verification */
	bool wants_13;   /* nothing below TLS 1.3 */
	const char *cert[SKT_TLS_CERTS]; /* PEM chains, the server's own first; the first is for who asks for no name that is known */
	const char *key[SKT_TLS_CERTS]; /* PEM; NULL: in the file of the certificate */
	int n_certs;
	const char *const *self_name; /* server without certificates: the names that one is made for */
	int n_self_names;
};

/* Returns 0, -SKT_E_USAGE (a file that is not there or not what it should be, a key that does not fit), or -SKT_E_LIMIT. */
int skt_tls_context_new(const struct skt_tls_config *config, struct skt_tls_context **ret, struct skt_error *err);
/* Read the files again, for streams made from now on. On failure all stays as it was. Any thread. */
int skt_tls_context_reload(struct skt_tls_context *context, struct skt_error *err);
/* One more who uses it; skt_tls_context_free() is called once more then. Any thread. */
void skt_tls_context_ref(struct skt_tls_context *context);
void skt_tls_context_free(struct skt_tls_context *context);

/* A new connection's state; a client's has a session to resume where there is one. NULL: no memory. Any thread. */
SSL *skt_tls_context_ssl(struct skt_tls_context *context);
const struct skt_tls_config *skt_tls_context_config(const struct skt_tls_context *context);
/* The certificate that did not pass, or NULL; it stays the connection's. */
const X509 *skt_tls_culprit(const SSL *ssl);
/* Whether the server of a client's connection has asked for a certificate that there is not. */
bool skt_tls_was_asked(const SSL *ssl);
/* The first certificate of a server; valid until it is reloaded or freed. */
const X509 *skt_tls_context_cert(const struct skt_tls_context *context);
/* The first key file that others than its owner and group may read, or NULL. */
const char *skt_tls_context_open_key(const struct skt_tls_context *context);

#endif

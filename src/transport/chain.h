/* SPDX-License-Identifier: Apache-2.0 */
/* What stands between an endpoint and its transport: proxies on the way, a PROXY header, TLS, WebSocket. */
#ifndef SKT_TRANSPORT_CHAIN_H
#define SKT_TRANSPORT_CHAIN_H

#include <openssl/types.h>

#include "transport/transport.h"

struct skt_chain;

/* What an endpoint has in that role (DIAL or LISTEN), made at the first call and kept with it: certificates are read, names are settled,
 * so that what is wrong is told before anything is opened. *ret is NULL where nothing stands there. Any thread. Returns 0, or -kind. */
int skt_chain_of(const struct skt_endpoint *e, enum skt_role role, const struct skt_chain **ret, struct skt_error *err);

/* Dial the endpoint, by its transport or by way of proxies, and put its layers on. As skt_transport.dial. */
int skt_chain_dial(struct skt_loop *loop, const struct skt_endpoint *e, const struct skt_origin *origin,
		   struct skt_stream **ret, struct skt_error *err);

/* The layers of an endpoint that is dialled over a stream that is there already, in place. On failure it is released and NULL. */
int skt_chain_put_on(struct skt_loop *loop, const struct skt_endpoint *e, struct skt_stream **stream,
		     struct skt_error *err);

/* The endpoint's address, and the proxies on the way to it: what errors of dialling call it. */
void skt_chain_print(const struct skt_endpoint *e, struct skt_text *ret);

/* Listen on the endpoint, by its transport; the listener is named by the endpoint's own scheme. As skt_transport.listen. */
int skt_chain_listen(struct skt_loop *loop, const struct skt_endpoint *e, struct skt_listener **ret,
		     struct skt_error *err);
/* Put the layers on a stream that was accepted, in place: it is opening then. On failure it is released and NULL. */
int skt_chain_accept(struct skt_loop *loop, const struct skt_endpoint *e, struct skt_stream **stream,
		     struct skt_error *err);
/* Whether accepted streams must be opened first. */
bool skt_chain_is_opening(const struct skt_endpoint *e);
/* Whether that peer may tell whom it speaks for (accept-proxy=), or need not: false where it must be turned away. */
bool skt_chain_lets_tell(const struct skt_endpoint *e, const struct skt_addr *peer);

/* Read certificates and keys again, for what is accepted from now on. On failure all stays as it was. Returns 1 where that was done, 0 where
 * there are none, or -kind. */
int skt_chain_reload(const struct skt_endpoint *e, struct skt_error *err);

/* What a listener has to tell those who are to connect. The texts are the chain's; NULL where there is nothing. */
struct skt_chain_facts {
	const char *self_names;  /* a certificate was made for these names, */
	const char *fingerprint; /* with this fingerprint, */
	const char *pin;         /* and clients can be told this pin= */
	const char *open_key;    /* a file with a private key that everybody may read */
	bool no_verify;          /* dialling: the server's certificate is not checked */
};
void skt_chain_facts(const struct skt_endpoint *e, enum skt_role role, struct skt_chain_facts *ret);

/* Before the endpoint is dialled for the first time: a certificate that does not pass is let through, to be looked at. */
void skt_chain_looks(struct skt_endpoint *e);
/* Why it does not pass. Returns -err->kind. */
int skt_chain_explain_verification(const struct skt_endpoint *e, const SSL *ssl, struct skt_error *err);

/* For each file that is read again later: certificates and keys. */
void skt_chain_files(const struct skt_endpoint *e, void (*fn)(void *user, const char *path), void *user);

#endif

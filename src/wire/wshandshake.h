/* SPDX-License-Identifier: Apache-2.0 */
/* The handshake of WebSocket (RFC 6455, sections 4 and 11): the client's request, the server's answer, and what each checks of the
 * other's. Makes no system call; SHA-1 and base64 come from libcrypto. */
#ifndef SKT_WIRE_WSHANDSHAKE_H
#define SKT_WIRE_WSHANDSHAKE_H

#include "wire/wsextension.h"

enum { SKT_WS_NONCE = 16, SKT_WS_KEY_ROOM = 25, SKT_WS_ACCEPT_ROOM = 29, SKT_WS_PROTOCOL_ROOM = 64 };

/* What a client asks for. All but the host may be absent. */
struct skt_wsask {
	const char *host, *path, *protocols, *origin;
	const char *const *header; /* more fields, each "Name: value" */
	int n_header;
	bool zips;
};

/* What a server lets in; as in struct skt_ws_config (io/filter/ws.h). */
struct skt_wsserves {
	const char *path, *protocols, *origin;
	bool zips;
};

/* What both have agreed on. */
struct skt_wsagreed {
	char protocol[SKT_WS_PROTOCOL_ROOM]; /* "": none */
	struct skt_wszipping zipping;
};

/* A server's answer: 101 or a refusal. */
struct skt_wsanswer {
	int status;
	const char *why; /* of a refusal: a sentence marked with N_() */
	char accept[SKT_WS_ACCEPT_ROOM];
	struct skt_wsagreed agreed;
};

/* The key of a request, from random bytes. */
void skt_ws_key(const unsigned char nonce[SKT_WS_NONCE], char ret[SKT_WS_KEY_ROOM]);
/* What proves that the key was read. False where libcrypto has no SHA-1. */
bool skt_ws_accept(struct skt_span key, char ret[SKT_WS_ACCEPT_ROOM]);

/* Add the request. Returns 0; or -1, with nothing added, where a part of `ask` holds a control character, which would end its line, or
 * the path a blank: *what then names the part, marked with N_(). */
int skt_wsask_compose(const struct skt_wsask *ask, const char *key, struct skt_text *ret, const char **what);
/* Check the head of a request, and decide. */
void skt_wsask_check(const struct skt_head *head, const struct skt_wsserves *serves, struct skt_wsanswer *ret);

/* Add the answer, whole: a refusal has its sentence as a body. */
void skt_wsanswer_compose(const struct skt_wsanswer *answer, struct skt_text *ret);
/* Check the head of an answer of status 101 to that request. Returns 0; or -1, and *why is a sentence marked with N_(). */
int skt_wsanswer_check(const struct skt_head *head, const struct skt_wsask *ask, const char *key,
		       struct skt_wsagreed *ret, const char **why);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A pin: the SHA-256 of a public key, by which a peer is known without anybody vouching for it (RFC 7469, section 2.4). */
#ifndef SKT_IO_FILTER_TLSPIN_H
#define SKT_IO_FILTER_TLSPIN_H

#include <stdbool.h>

#include <openssl/types.h>

enum { SKT_PIN_BYTES = 32, SKT_PIN_LENGTH = 60, SKT_FINGERPRINT_LENGTH = 96 };

/* Read a pin: "sha256//" or "sha256:" or nothing, then base64, or hexadecimal digits with or without colons. Returns 0 or -1. */
int skt_pin_parse(const char *text, unsigned char ret[SKT_PIN_BYTES]);
/* The pin of a certificate's key. Returns false where OpenSSL cannot tell. */
bool skt_pin_of(const X509 *cert, unsigned char ret[SKT_PIN_BYTES]);
/* "sha256//" and base64, into SKT_PIN_LENGTH bytes: what curl takes too. Returns `ret`. */
char *skt_pin_print(const unsigned char pin[SKT_PIN_BYTES], char *ret);
/* The SHA-256 of a whole certificate, as people compare it: "AB:CD:...", into SKT_FINGERPRINT_LENGTH bytes. Returns `ret`. */
char *skt_fingerprint_print(const X509 *cert, char *ret);

#endif

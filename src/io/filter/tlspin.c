/* SPDX-License-Identifier: Apache-2.0 */
/* Pins and fingerprints. */
#include "io/filter/tlspin.h"
#include "sys/ossl.h"

#include <stdio.h>
#include <string.h>

enum { PIN_BASE64 = 44 };

static int pin_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int pin_parse_hex(const char *text, unsigned char *ret)
{
	for (int i = 0; i < SKT_PIN_BYTES; i++) {
		int high, low;

		if (i > 0 && *text == ':')
			text++;
		high = pin_digit(text[0]);
		low = high < 0 ? -1 : pin_digit(text[1]);
		if (low < 0)
			return -1;
		ret[i] = (unsigned char)(high << 4 | low);
		text += 2;
	}
	return *text ? -1 : 0;
}

int skt_pin_parse(const char *text, unsigned char ret[SKT_PIN_BYTES])
{
	unsigned char room[PIN_BASE64 / 4 * 3 + 1];

	if (strncmp(text, "sha256//", 8) == 0)
		text += 8;
	else if (strncmp(text, "sha256:", 7) == 0)
		text += 7;
	if (strlen(text) != PIN_BASE64)
		return pin_parse_hex(text, ret);
	if (text[PIN_BASE64 - 1] != '=' || text[PIN_BASE64 - 2] == '=' ||
	    EVP_DecodeBlock(room, (const unsigned char *)text, PIN_BASE64) < SKT_PIN_BYTES)
		return -1;
	memcpy(ret, room, SKT_PIN_BYTES);
	return 0;
}

bool skt_pin_of(const X509 *cert, unsigned char ret[SKT_PIN_BYTES])
{
	unsigned char *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	bool is_told = n > 0 && EVP_Digest(der, (size_t)n, ret, NULL, EVP_sha256(), NULL) == 1;

	OPENSSL_free(der);
	return is_told;
}

char *skt_pin_print(const unsigned char pin[SKT_PIN_BYTES], char *ret)
{
	(void)snprintf(ret, SKT_PIN_LENGTH, "sha256//");
	(void)EVP_EncodeBlock((unsigned char *)ret + 8, pin, SKT_PIN_BYTES);
	return ret;
}

char *skt_fingerprint_print(const X509 *cert, char *ret)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	ret[0] = '\0';
	if (X509_digest(cert, EVP_sha256(), digest, &n) != 1)
		return ret;
	for (unsigned i = 0; i < n && i < SKT_PIN_BYTES; i++)
		(void)snprintf(ret + (size_t)3 * i, 4, i + 1 < n ? "%02X:" : "%02X", digest[i]);
	return ret;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate of our own. */
#include "io/filter/tlsself.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

#include "base/message.h"
#include "sys/ossl.h"

enum { SELF_DAYS = 90, SELF_SERIAL_BYTES = 16 };

static GENERAL_NAME *self_name(const char *name)
{
	GENERAL_NAME *ret = GENERAL_NAME_new();
	ASN1_STRING *value = NULL;
	unsigned char address[16];
	int n = inet_pton(AF_INET, name, address) == 1 ? 4 : inet_pton(AF_INET6, name, address) == 1 ? 16 : 0;

	if (ret)
		value = n ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
	if (!value || ASN1_STRING_set(value, n ? (const void *)address : name, n ? n : -1) != 1) {
		ASN1_STRING_free(value);
		GENERAL_NAME_free(ret);
		return NULL;
	}
	GENERAL_NAME_set0_value(ret, n ? GEN_IPADD : GEN_DNS, value);
	return ret;
}

static bool self_add_names(X509 *cert, const char *const *name, int n)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	bool is_good = names != NULL;

	for (int i = 0; is_good && i < n; i++) {
		GENERAL_NAME *one = self_name(name[i]);

		is_good = one && sk_GENERAL_NAME_push(names, one) > 0;
		if (!is_good)
			GENERAL_NAME_free(one);
	}
	is_good = is_good && X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1;
	GENERAL_NAMES_free(names);
	return is_good;
}

static bool self_add(X509 *cert, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;
	bool is_good;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, cert, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	is_good = extension && X509_add_ext(cert, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return is_good;
}

static bool self_serial(X509 *cert)
{
	unsigned char bytes[SELF_SERIAL_BYTES];
	BIGNUM *number;
	bool is_good;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40); /* positive, and of full length */
	number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	is_good = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
	BN_free(number);
	return is_good;
}

/* The certificate, not yet signed. It may sign nothing but itself: whoever trusts it trusts this server and no other. */
static bool self_fill(X509 *cert, EVP_PKEY *key, const char *const *name, int n)
{
	X509_NAME *subject = X509_get_subject_name(cert);

	return X509_set_version(cert, X509_VERSION_3) == 1 && self_serial(cert) &&
	       X509_gmtime_adj(X509_getm_notBefore(cert), -3600) &&
	       X509_gmtime_adj(X509_getm_notAfter(cert), SELF_DAYS * 86400L) && X509_set_pubkey(cert, key) == 1 &&
	       X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)"soket, self-signed", -1,
					  -1, 0) == 1 &&
	       X509_set_issuer_name(cert, subject) == 1 && self_add_names(cert, name, n) &&
	       self_add(cert, NID_basic_constraints, "critical,CA:FALSE") &&
	       self_add(cert, NID_key_usage, "critical,digitalSignature") &&
	       self_add(cert, NID_ext_key_usage, "serverAuth") && self_add(cert, NID_subject_key_identifier, "hash") &&
	       X509_sign(cert, key, EVP_sha256()) > 0;
}

int skt_tls_self(const char *const *name, int n, X509 **cert, EVP_PKEY **key, struct skt_error *err)
{
	*cert = X509_new();
	*key = EVP_EC_gen("P-256");
	if (*cert && *key && self_fill(*cert, *key, name, n))
		return 0;
	X509_free(*cert);
	EVP_PKEY_free(*key);
	*cert = NULL;
	*key = NULL;
	return skt_fail(err, SKT_E_LIMIT, 0, "%s", _("cannot make a certificate"));
}

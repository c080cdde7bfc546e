/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL, loaded when it is first needed. */
#define SKT_OSSL_NAMES_ONLY
#include "sys/ossl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"

#define OSSL_WORD(n) OSSL_TEXT(n)
#define OSSL_TEXT(n) #n
#define OSSL_FILE(name) name ".so." OSSL_WORD(OPENSSL_SHLIB_VERSION)

struct skt_ossl skt_ossl;

static const struct ossl_row {
	const char *name;
	size_t at;
} ossl_ssl[] = {
#define OSSL_ROW(name) { #name, offsetof(struct skt_ossl, name) },
	SKT_OSSL_SSL(OSSL_ROW)
}, ossl_crypto[] = {
	SKT_OSSL_CRYPTO(OSSL_ROW)
#undef OSSL_ROW
};

static pthread_once_t ossl_once = PTHREAD_ONCE_INIT;
static const char *ossl_missing; /* what was not found; NULL: all is there */

static void ossl_find(const char *file, const struct ossl_row *row, size_t n)
{
	void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);

	if (!library)
		ossl_missing = file;
	for (size_t i = 0; library && i < n; i++) {
		void *found = dlsym(library, row[i].name);

		if (!found)
			ossl_missing = row[i].name;
		memcpy((char *)&skt_ossl + row[i].at, &found, sizeof(found));
	}
}

static void ossl_load(void)
{
	ossl_find(OSSL_FILE("libcrypto"), ossl_crypto, SKT_LENGTH(ossl_crypto));
	if (!ossl_missing)
		ossl_find(OSSL_FILE("libssl"), ossl_ssl, SKT_LENGTH(ossl_ssl));
}

int skt_ossl_load(struct skt_error *err)
{
	(void)pthread_once(&ossl_once, ossl_load);
	if (!ossl_missing)
		return 0;
	(void)skt_fail(err, SKT_E_LIMIT, 0, _("OpenSSL cannot be loaded: %s is not there"), ossl_missing);
	skt_hint(err, "%s", _("install OpenSSL 3: on Debian the package libssl3"));
	return -SKT_E_LIMIT;
}

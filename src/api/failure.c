/* SPDX-License-Identifier: Apache-2.0 */
/* Failures, and the version. */
#include "api/failure.h"

#include <assert.h>
#include <stdio.h>

#define SAME(public, own) static_assert((int)(public) == (int)(own), "soket.h and base/error.h differ")

SAME(SOKET_OK, SKT_OK);
SAME(SOKET_E_IO, SKT_E_IO);
SAME(SOKET_E_USAGE, SKT_E_USAGE);
SAME(SOKET_E_RESOLVE, SKT_E_RESOLVE);
SAME(SOKET_E_REFUSED, SKT_E_REFUSED);
SAME(SOKET_E_TIMEOUT, SKT_E_TIMEOUT);
SAME(SOKET_E_DENIED, SKT_E_DENIED);
SAME(SOKET_E_INUSE, SKT_E_INUSE);
SAME(SOKET_E_LIMIT, SKT_E_LIMIT);
SAME(SOKET_E_PEER, SKT_E_PEER);
SAME(SOKET_E_CHILD, SKT_E_CHILD);
SAME(SOKET_E_BUG, SKT_E_BUG);
SAME(sizeof(((struct soket_error *)NULL)->text), sizeof(((struct skt_error *)NULL)->text));
SAME(sizeof(((struct soket_error *)NULL)->hint), sizeof(((struct skt_error *)NULL)->hint));

int skt_api_fail(struct soket_error *ret, const struct skt_error *err)
{
	if (ret) {
		ret->kind = (int)err->kind;
		ret->sys = err->sys;
		ret->at = err->at;
		(void)snprintf(ret->text, sizeof(ret->text), "%s", err->text);
		(void)snprintf(ret->hint, sizeof(ret->hint), "%s", err->hint);
	}
	return -(int)err->kind;
}

const char *soket_kind_name(int kind)
{
	return skt_err_name((enum skt_err)kind);
}

const char *soket_version(void)
{
	return SKT_VERSION;
}

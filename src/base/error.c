/* SPDX-License-Identifier: Apache-2.0 */
/* Failures: filling them in, naming them. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "base/message.h"

static void error_set(struct skt_error *err, enum skt_err kind, int sys, int at)
{
	err->kind = kind;
	err->sys = sys;
	err->at = at;
	err->hint[0] = '\0';
}

int skt_fail(struct skt_error *err, enum skt_err kind, int sys, const char *fmt, ...)
{
	if (err) {
		va_list ap;

		error_set(err, kind, sys, -1);
		va_start(ap, fmt);
		(void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
		va_end(ap);
	}
	return -(int)kind;
}

int skt_fail_at(struct skt_error *err, int at, const char *fmt, ...)
{
	if (err) {
		va_list ap;

		error_set(err, SKT_E_USAGE, 0, at);
		va_start(ap, fmt);
		(void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
		va_end(ap);
	}
	return -(int)SKT_E_USAGE;
}

void skt_hint(struct skt_error *err, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(err->hint, sizeof(err->hint), fmt, ap);
	va_end(ap);
}

int skt_fail_memory(struct skt_error *err)
{
	int ret = skt_fail(err, SKT_E_LIMIT, ENOMEM, "%s", _("out of memory"));

	skt_hint(err, "%s", _("close other programs, or raise the memory limit of this one"));
	return ret;
}

const char *skt_err_name(enum skt_err kind)
{
	static const struct {
		enum skt_err kind;
		const char *name;
	} names[] = {
		{ SKT_OK, "ok" },
		{ SKT_E_IO, "io" },
		{ SKT_E_USAGE, "usage" },
		{ SKT_E_RESOLVE, "resolve" },
		{ SKT_E_REFUSED, "refused" },
		{ SKT_E_TIMEOUT, "timeout" },
		{ SKT_E_DENIED, "denied" },
		{ SKT_E_INUSE, "in-use" },
		{ SKT_E_LIMIT, "limit" },
		{ SKT_E_PEER, "peer" },
		{ SKT_E_CHILD, "child" },
		{ SKT_E_BUG, "bug" },
		{ SKT_AGAIN, "again" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].kind == kind)
			return names[i].name;
	return "unknown";
}

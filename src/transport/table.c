/* SPDX-License-Identifier: Apache-2.0 */
/* The list of transports: the only one. */
#include "base/alloc.h"
#include "base/message.h"
#include "sys/call.h"
#include "transport/fdnumber.h"
#include "transport/transport.h"

#include <string.h>

static const struct skt_transport *const table[] = {
	&skt_tcp,
	&skt_tcp4,
	&skt_tcp6,
	&skt_udp,
	&skt_unix,
	&skt_unix_seqpacket,
	&skt_unix_dgram,
	&skt_vsock,
	&skt_stdio,
	&skt_fdnumber,
	&skt_file,
	&skt_fifo,
	&skt_exec,
	&skt_pty,
	&skt_echo,
	&skt_discard,
	&skt_chargen,
	&skt_daytime,
	&skt_text_transport,
};

const struct skt_transport *skt_transport_at(int i)
{
	return i >= 0 && i < (int)SKT_LENGTH(table) ? table[i] : NULL;
}

const struct skt_transport *skt_transport_of(const struct skt_endpoint *e, struct skt_error *err)
{
	const char *scheme = skt_endpoint_transport(e)->name;

	for (size_t i = 0; i < SKT_LENGTH(table); i++)
		if (strcmp(table[i]->scheme, scheme) == 0)
			return table[i];
	(void)skt_fail(err, SKT_E_USAGE, 0, _("%s: this version cannot open that scheme yet"), scheme);
	skt_hint(err, "%s", _("soket help endpoints lists those it opens"));
	return NULL;
}

bool skt_transport_listens(const struct skt_endpoint *e)
{
	const struct skt_transport *t = skt_transport_of(e, NULL);

	if (!t || !t->listen || e->role == SKT_ROLE_DIAL)
		return false;
	return t != &skt_fdnumber || e->role == SKT_ROLE_LISTEN || skt_fdnumber_listens(e);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The three ranges of port numbers. */
#include "endpoint/portclass.h"

#include <stddef.h>

#include "base/alloc.h"
#include "base/message.h"

static const struct skt_portclass classes[] = {
	{ .name = "system",
	  .also = "well-known",
	  .first = 0,
	  .last = 1023,
	  .help = N_("for services of the system; on Linux, listening there needs a right of its own") },
	{ .name = "user",
	  .also = "registered",
	  .first = 1024,
	  .last = 49151,
	  .help = N_("for services of any user; IANA keeps the list of who registered which") },
	{ .name = "dynamic",
	  .also = "private",
	  .first = 49152,
	  .last = SKT_PORT_MAX,
	  .help = N_("never registered; for short uses, such as the near end of a client's connection") },
};

const struct skt_portclass *skt_portclass_of(uint16_t port)
{
	const struct skt_portclass *c = classes;

	while (port > c->last)
		c++;
	return c;
}

const struct skt_portclass *skt_portclass_at(int i)
{
	return i >= 0 && (size_t)i < SKT_LENGTH(classes) ? &classes[i] : NULL;
}

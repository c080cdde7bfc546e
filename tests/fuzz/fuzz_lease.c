/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes, as the record of a lease: nothing crashes, and what is accepted prints to a record that reads back as the same lease. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inspect/lease.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_stop(const char *why, const char *record)
{
	(void)fprintf(stderr, "%s\n  %s\n", why, record);
	abort();
}

static int fuzz_same(const struct skt_lease *a, const struct skt_lease *b)
{
	return strcmp(a->name, b->name) == 0 && a->port == b->port && a->owner == b->owner && a->ticks == b->ticks &&
	       a->pidns == b->pidns && a->child == b->child && a->since == b->since &&
	       strcmp(a->directory, b->directory) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct skt_lease l, again;
	struct skt_json j = { 0 };

	if (skt_lease_parse((const char *)data, size, &l) < 0)
		return 0;
	if (l.port < 1 || l.port > 65535 || l.owner < 1 || (l.name[0] && !skt_lease_is_name(l.name)) || !l.command)
		fuzz_stop("not a lease", l.name);
	skt_lease_print(&l, &j);
	if (skt_lease_parse(skt_json_get(&j), j.text.len, &again) < 0)
		fuzz_stop("what was printed is not accepted", skt_json_get(&j));
	if (!fuzz_same(&l, &again))
		fuzz_stop("two leases differ", skt_json_get(&j));
	skt_lease_release(&again);
	skt_lease_release(&l);
	skt_json_release(&j);
	return 0;
}

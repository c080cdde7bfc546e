/* SPDX-License-Identifier: Apache-2.0 */
/* Who may connect. */
#include "relay/access.h"

#include "base/message.h"

int skt_access_add(struct skt_access *access, bool allow, const char *cidr, struct skt_error *err)
{
	struct skt_cidr *rules = allow ? access->allow : access->deny;
	int *n = allow ? &access->n_allow : &access->n_deny;
	int failed;

	if (*n == SKT_ACCESS_MAX)
		return skt_fail(err, SKT_E_LIMIT, 0, _("more than %d networks"), SKT_ACCESS_MAX);
	failed = skt_cidr_parse(cidr, &rules[*n], err);
	if (failed == 0)
		(*n)++;
	return failed;
}

static bool access_matches(const struct skt_cidr *rules, int n, const unsigned char *bytes, int length)
{
	for (int i = 0; i < n; i++)
		if (skt_cidr_matches_bytes(&rules[i], bytes, (size_t)length))
			return true;
	return false;
}

bool skt_access_lets_in(const struct skt_access *access, const struct skt_addr *peer)
{
	int length = 0;
	const unsigned char *bytes = skt_addr_bytes(peer, &length);

	if (!bytes)
		return true;
	if (access_matches(access->deny, access->n_deny, bytes, length))
		return false;
	return access->n_allow == 0 || access_matches(access->allow, access->n_allow, bytes, length);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Host names that the RFCs set apart. */
#include "endpoint/namekind.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/message.h"

static const char help_example[] = N_("for examples in text; nobody's service is there");

static const struct skt_namekind rows[] = {
	{ "localhost", "loopback", "RFC 6761", N_("this machine itself: 127.0.0.1 and ::1") },
	{ "example.com", "documentation", "RFC 2606", help_example },
	{ "example.net", "documentation", "RFC 2606", help_example },
	{ "example.org", "documentation", "RFC 2606", help_example },
	{ "example", "documentation", "RFC 2606", help_example },
	{ "test", "test", "RFC 6761", N_("for tests; the Internet's DNS does not have it") },
	{ "invalid", "invalid", "RFC 6761", N_("never exists, on purpose") },
	{ "local", "link-local", "RFC 6762", N_("asked of the machines on this link, by multicast DNS") },
	{ "home.arpa", "private", "RFC 8375", N_("for the network of a house") },
	{ "onion", "onion", "RFC 7686", N_("a service inside the Tor network; DNS does not have it") },
	{ "", "name", "RFC 1123", N_("a name; its addresses are looked up when the endpoint is opened, not now") },
};

static bool namekind_holds(const struct skt_namekind *row, const char *name, size_t n)
{
	size_t suffix = strlen(row->suffix);

	if (suffix == 0)
		return true;
	if (suffix > n || strncasecmp(name + n - suffix, row->suffix, suffix) != 0)
		return false;
	return suffix == n || name[n - suffix - 1] == '.';
}

const struct skt_namekind *skt_namekind_of(const char *name)
{
	const struct skt_namekind *row = rows;
	size_t n = strlen(name);

	n -= n > 0 && name[n - 1] == '.';
	while (!namekind_holds(row, name, n))
		row++;
	return row;
}

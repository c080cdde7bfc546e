/* SPDX-License-Identifier: Apache-2.0 */
/* Which links of this process lead from a browser to a connection of the page's server.
 *
 * The socket by which a relay dials has, as its own address, the one that the server sees as its peer's, and the other way round: so the
 * link before a connection is found, and the one before that by the socket that it accepted. */
#include "io/fd.h"
#include "view/parts.h"

static const struct skt_roster_row *chain_before(const struct skt_roster *roster, const struct skt_roster_end *peer,
						 const struct skt_roster_end *local)
{
	for (size_t i = 0; i < roster->n; i++)
		if (skt_roster_end_is(&roster->row[i].local[1], peer) && skt_roster_end_is(&roster->row[i].peer[1], local))
			return &roster->row[i];
	return NULL;
}

int skt_chain_to(const struct skt_roster *roster, struct skt_stream *client, uint64_t *ret, int most)
{
	const struct skt_fd *bottom = skt_stream_bottom(client);
	struct skt_roster_end peer, local;
	const struct skt_roster_row *row;
	struct skt_addr addr;
	int n = 0;

	if (!bottom || skt_addr_of_peer(bottom->in.fd, &addr) < 0)
		return 0;
	skt_roster_end_of(&addr, &peer);
	if (skt_addr_of_local(bottom->in.fd, &addr) < 0)
		return 0;
	skt_roster_end_of(&addr, &local);
	while (n < most && (row = chain_before(roster, &peer, &local)) != NULL) {
		ret[n++] = row->id;
		peer = row->peer[0];
		local = row->local[0];
	}
	for (int i = 0; i < n / 2; i++) { /* outermost first */
		uint64_t inner = ret[i];

		ret[i] = ret[n - 1 - i];
		ret[n - 1 - i] = inner;
	}
	return n;
}

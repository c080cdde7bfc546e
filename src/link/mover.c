/* SPDX-License-Identifier: Apache-2.0 */
/* The choice of a mover.
 *
 * How it works: a flow starts by copying, because most links carry small messages and a copy of 64 bytes beats two splices; after
 * SKT_BIG_READS big reads it goes to the first mover of the table that can serve it, and falls back when a burst gets small.
 * Files are big from the start. Only pairs of descriptors qualify: raw() of a side that changes bytes is NULL. */
#include "link/mover.h"

#include <errno.h>

#include "base/alloc.h"
#include "io/dgram.h"

static const struct skt_mover *const mover_fast[] = { &skt_mover_sendfile, &skt_mover_direct, &skt_mover_splice };

const struct skt_mover *skt_mover_pick(const struct skt_flow *flow)
{
	enum skt_mover_choice choice = skt_flow_link(flow)->options->mover;
	const struct skt_fd *source = skt_stream_raw(skt_flow_source(flow));
	const struct skt_fd *sink = skt_stream_raw(skt_flow_sink(flow));

	if (skt_dgram_of(skt_flow_source(flow)) && skt_dgram_of(skt_flow_sink(flow)))
		return &skt_mover_messages;
	if (!source || !sink || flow->cannot_splice || choice == SKT_MOVER_COPY)
		return &skt_mover_copy;
	if (choice == SKT_MOVER_AUTO && flow->big < SKT_BIG_READS && source->in_kind != SKT_FD_FILE &&
	    source->in_kind != SKT_FD_PART)
		return &skt_mover_copy;
	for (size_t i = 0; i < SKT_LENGTH(mover_fast); i++)
		if (mover_fast[i]->can(source, sink))
			return mover_fast[i];
	return &skt_mover_copy;
}

ssize_t skt_mover_source_said(struct skt_flow *flow, struct skt_fd *source)
{
	if (skt_fd_blocked(source, SKT_IN))
		return errno == EINTR ? 1 : -SKT_AGAIN;
	flow->source_failed = true;
	return skt_fd_failed(source);
}

ssize_t skt_mover_sink_said(struct skt_flow *flow, struct skt_fd *sink)
{
	if (skt_fd_blocked(sink, SKT_OUT))
		return errno == EINTR ? 1 : -SKT_AGAIN;
	flow->sink_failed = true;
	return skt_fd_failed(sink);
}

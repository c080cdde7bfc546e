/* SPDX-License-Identifier: Apache-2.0 */
/* The movers, and the choice between them. */
#ifndef SKT_LINK_MOVER_H
#define SKT_LINK_MOVER_H

#include "link/link.h"

/* Reads of at least this many bytes, this many times in a row, make a flow worth splicing (measured: bench/, relay sizes). */
enum { SKT_BIG_READ = 16 * 1024, SKT_BIG_READS = 4 };

extern const struct skt_mover skt_mover_copy;     /* any source, any sink */
extern const struct skt_mover skt_mover_splice;   /* descriptor to descriptor by way of a pipe of ours; splice(2) */
extern const struct skt_mover skt_mover_direct;   /* where one of the two is a pipe itself */
extern const struct skt_mover skt_mover_sendfile; /* from a plain file; sendfile(2) */
extern const struct skt_mover skt_mover_messages; /* datagrams to datagrams, by the batch */

/* The mover for the flow's next burst; nothing may be in flight. */
const struct skt_mover *skt_mover_pick(const struct skt_flow *flow);

/* For movers. After a failed call on one of the two descriptors: -SKT_AGAIN where that way is blocked now, 1 where the call was
 * only interrupted, else the failure of the source, or of the sink. */
ssize_t skt_mover_source_said(struct skt_flow *flow, struct skt_fd *source);
ssize_t skt_mover_sink_said(struct skt_flow *flow, struct skt_fd *sink);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The mover between two datagram endpoints: whole batches, as they came.
 *
 * How it works: a source that is a socket of its own is read when it wakes, a batch at a time, and each batch is given to the sink in
 * one piece. A source that is one of many peers of a socket does not wait to be read: whoever reads that socket hands its messages on
 * at once (push), from the receive buffer, without a copy. What came before that waits in its queue, and is moved first.
 *
 * The sink takes everything: what cannot leave now it keeps, up to a bound. While it keeps something nothing more is read here, so
 * that a source whose messages do not get lost (unix) is held up; what is pushed meanwhile is kept too, and beyond the bound lost
 * and counted, as UDP does. */
#include "io/dgram.h"
#include "link/mover.h"

static ssize_t messages_give(struct skt_flow *flow, struct skt_dgram *sink, const struct skt_msg *msg, int n)
{
	uint64_t bytes = skt_msgs_bytes(msg, n);
	int ret = sink->ops->send(sink, msg, n);

	flow->taken += bytes;
	if (ret < 0) {
		flow->sink_failed = true;
		return ret;
	}
	flow->given += bytes;
	return (ssize_t)(bytes > 0 ? bytes : 1);
}

static enum skt_pushed messages_pushed(void *user, const struct skt_msg *msg, int n)
{
	struct skt_flow *flow = user;
	struct skt_link *link = skt_flow_link(flow);
	struct skt_dgram *sink = skt_dgram_of(skt_flow_sink(flow));

	if (flow->state != SKT_FLOW_MOVES || link->is_over || flow->sink_failed)
		return SKT_PUSHED_NOT;
	if (n > 0 && messages_give(flow, sink, msg, n) < 0)
		skt_loop_defer(link->loop, &link->task); /* the next step finds that the sink has failed */
	link->moved_at = skt_loop_now(link->loop);
	return skt_dgqueue_is_empty(&sink->out) ? SKT_PUSHED_TAKEN : SKT_PUSHED_FULL;
}

static ssize_t messages_move(struct skt_flow *flow)
{
	struct skt_dgram *source = skt_dgram_of(skt_flow_source(flow)), *sink = skt_dgram_of(skt_flow_sink(flow));
	const struct skt_msg *msg = NULL;
	int n;

	if (flow->sink_failed)
		return -SKT_E_IO;
	source->push = messages_pushed;
	source->push_user = flow;
	if (!sink->ops->is_clear(sink))
		return -SKT_AGAIN;
	n = source->ops->receive(source, &msg);
	if (n <= 0) {
		flow->source_failed = n < 0 && n != -SKT_AGAIN;
		return n;
	}
	return messages_give(flow, sink, msg, n);
}

static bool messages_can(const struct skt_fd *source, const struct skt_fd *sink)
{
	(void)source;
	(void)sink;
	return false; /* chosen by what the streams are, not by their descriptors */
}

const struct skt_mover skt_mover_messages = { .name = "messages", .can = messages_can, .move = messages_move };

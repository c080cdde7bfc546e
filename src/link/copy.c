/* SPDX-License-Identifier: Apache-2.0 */
/* The mover that serves everything: read into the thread's buffer, write from it.
 *
 * How it works: one buffer a thread, not one a link. Only what a short write leaves is kept, on the heap, in exactly its size; while
 * it is there nothing more is read: that is the backpressure, and the bound on a link's memory. */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "link/mover.h"

/* 64 KiB stays in the cache between the read and the write; descriptors that cannot splice gain from more, and a message of
 * a seqpacket socket needs room for the largest (the kernel's default limit is 208 KiB). */
enum { COPY_BURST = 64 * 1024 };

static bool copy_can(const struct skt_fd *source, const struct skt_fd *sink)
{
	(void)source;
	(void)sink;
	return true;
}

/* Where messages are made of a stream, their size is ours to choose: what is too long for the sink's buffer is cut smaller. */
static bool copy_may_split(const struct skt_flow *flow)
{
	struct skt_stream *sink = skt_flow_sink(flow);

	if (!(sink->flags & SKT_STREAM_MESSAGES) || (skt_flow_source(flow)->flags & SKT_STREAM_MESSAGES) ||
	    sink->sys != EMSGSIZE)
		return false;
	sink->sys = 0;
	return true;
}

static ssize_t copy_give(struct skt_flow *flow, const void *bytes, size_t n)
{
	ssize_t put = skt_stream_write(skt_flow_sink(flow), bytes, n);

	while (put < 0 && put != -SKT_AGAIN && n > 1 && copy_may_split(flow))
		put = skt_stream_write(skt_flow_sink(flow), bytes, n /= 2);

	if (put >= 0)
		flow->given += (uint64_t)put;
	else if (put != -SKT_AGAIN)
		flow->sink_failed = true;
	return put;
}

static ssize_t copy_give_stash(struct skt_flow *flow)
{
	struct skt_stash *stash = flow->stash;
	ssize_t put = copy_give(flow, stash->bytes + stash->at, stash->n);
	bool is_empty = stash->n == 0; /* a message of no bytes */

	if (put < 0)
		return put;
	stash->at += (uint32_t)put;
	stash->n -= (uint32_t)put;
	if (stash->n == 0) {
		skt_free(stash);
		flow->stash = NULL;
	}
	return is_empty ? 1 : put > 0 ? put : -SKT_AGAIN;
}

static ssize_t copy_stash(struct skt_flow *flow, const char *bytes, size_t n)
{
	struct skt_stash *stash = skt_malloc(sizeof(*stash) + n);

	if (!stash) {
		struct skt_error err;

		(void)skt_fail_memory(&err);
		flow->sink_failed = true;
		return skt_stream_fail(skt_flow_sink(flow), &err);
	}
	stash->at = 0;
	stash->n = (uint32_t)n;
	memcpy(stash->bytes, bytes, n);
	flow->stash = stash;
	return 0;
}

/* A short read, and a burst that the cache holds; all of the buffer for messages, which must come whole */
static size_t copy_burst(const struct skt_flow *flow)
{
	return skt_flow_source(flow)->flags & SKT_STREAM_MESSAGES ? SKT_SCRATCH_SIZE : COPY_BURST;
}

/* Give what was just read; keep the rest. Returns n, or what the stream or the memory said. */
static ssize_t copy_pass(struct skt_flow *flow, const char *bytes, size_t n)
{
	ssize_t put;
	size_t left = n;

	skt_flow_sink(flow)->kind_written = skt_flow_source(flow)->kind_read;
	put = copy_give(flow, bytes, n);

	if (put < 0 && put != -SKT_AGAIN)
		return put;
	if (put > 0)
		left -= (size_t)put;
	if (left && (put = copy_stash(flow, bytes + n - left, left)) < 0)
		return put;
	return (ssize_t)n;
}

/* A message of no bytes: to a sink that keeps boundaries it is one, to others nothing. */
static ssize_t copy_pass_empty(struct skt_flow *flow)
{
	ssize_t put;

	if (!(skt_flow_sink(flow)->flags & SKT_STREAM_MESSAGES))
		return 1;
	put = copy_give(flow, "", 0);
	if (put == -SKT_AGAIN)
		put = copy_stash(flow, "", 0);
	return put < 0 ? put : 1;
}

static ssize_t copy_took(struct skt_flow *flow, const char *bytes, ssize_t got)
{
	if (got == -SKT_EMPTY)
		return copy_pass_empty(flow);
	if (got <= 0) {
		flow->source_failed = got < 0 && got != -SKT_AGAIN;
		return got;
	}
	flow->taken += (uint64_t)got;
	flow->big = got < SKT_BIG_READ ? 0 : flow->big < SKT_BIG_READS ? (uint8_t)(flow->big + 1) : flow->big;
	return copy_pass(flow, bytes, (size_t)got);
}

/* A message that is longer than the thread's buffer, which few are: in memory of its own. */
static ssize_t copy_longer(struct skt_flow *flow)
{
	struct skt_stream *source = skt_flow_source(flow);
	size_t wanted = (size_t)skt_stream_read(source, NULL, 0);
	char *room = skt_malloc(wanted);
	struct skt_error err;
	ssize_t ret;

	if (!room) {
		flow->source_failed = true;
		(void)skt_fail_memory(&err);
		return skt_stream_fail(source, &err);
	}
	ret = copy_took(flow, room, skt_stream_read(source, room, wanted));
	skt_free(room);
	return ret;
}

static ssize_t copy_move(struct skt_flow *flow)
{
	char *scratch = skt_loop_scratch(skt_flow_link(flow)->loop);
	ssize_t got;

	if (flow->stash)
		return copy_give_stash(flow);
	if (flow->source_failed) /* told to another mover, which had bytes to deliver first */
		return -SKT_E_IO;
	got = skt_stream_read(skt_flow_source(flow), scratch, copy_burst(flow));
	return got == -SKT_LONGER ? copy_longer(flow) : copy_took(flow, scratch, got);
}

const struct skt_mover skt_mover_copy = { .name = "copy", .can = copy_can, .move = copy_move };

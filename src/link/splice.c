/* SPDX-License-Identifier: Apache-2.0 */
/* The movers that leave the bytes in the kernel: splice(2) by way of a pipe of ours, splice(2) where one side is a pipe, and
 * sendfile(2) from a plain file.
 *
 * How it works: splice cannot say which of its two ends would block. With a pipe of ours the answer follows from what is in it:
 * into an empty pipe only the source can block; out of a full one only the sink. Where one side is itself a pipe, the source is
 * asked first how much waits (FIONREAD): bytes wait, so EAGAIN speaks of the sink; none wait, so the copying mover reads, which
 * tells the end from "not yet". Clearing a bit is safe then: whatever came after the question brings a new edge.
 * splice gives pages on by reference: what it reads from a file or pipe is not copied until the far end takes it. */
#include <errno.h>
#include <fcntl.h>
#include <sys/sendfile.h>

#include "base/alloc.h"
#include "io/filepart.h"
#include "link/mover.h"
#include "sys/call.h"

enum { SPLICE_BURST = 1024 * 1024, SPLICE_FLAGS = SPLICE_F_NONBLOCK | SPLICE_F_MOVE };

static bool splice_is_stream(enum skt_fdkind kind)
{
	return kind == SKT_FD_TCP || kind == SKT_FD_SOCKET;
}

/* The first EINVAL says that these two cannot be spliced: copy from now on. Returns 1: try again at once. */
static ssize_t splice_refused(struct skt_flow *flow)
{
	flow->cannot_splice = true;
	flow->mover = &skt_mover_copy;
	return 1;
}

/* Refused on the way out: take the bytes back out of the pipe, for the copying mover to give. */
static ssize_t splice_unload(struct skt_flow *flow)
{
	struct skt_pipe *pipe = flow->pipe;
	struct skt_stash *stash = skt_malloc(sizeof(*stash) + pipe->n);

	if (stash)
		stash->at = stash->n = 0;
	while (stash && stash->n < pipe->n) {
		ssize_t got = skt_sys.read(pipe->fd[0], stash->bytes + stash->n, pipe->n - stash->n);

		if (got > 0)
			stash->n += (uint32_t)got;
		else if (got == 0 || errno != EINTR)
			break;
	}
	flow->stash = stash;
	if (!stash || stash->n < pipe->n) {
		struct skt_error err;

		(void)skt_fail_memory(&err);
		flow->sink_failed = true;
		return skt_stream_fail(skt_flow_sink(flow), &err);
	}
	pipe->n = 0;
	return splice_refused(flow);
}

static bool splice_can(const struct skt_fd *source, const struct skt_fd *sink)
{
	return (splice_is_stream(source->in_kind) || source->in_kind == SKT_FD_FILE) && sink->can_splice_out &&
	       (splice_is_stream(sink->out_kind) || sink->out_kind == SKT_FD_FILE);
}

/* Out of our pipe, until it is empty or the sink is full. Returns bytes given, or what the sink said. */
static ssize_t splice_out(struct skt_flow *flow, struct skt_fd *sink)
{
	ssize_t put;

	if (!(sink->ready & SKT_OUT))
		return -SKT_AGAIN;
	put = skt_sys.splice(flow->pipe->fd[0], NULL, sink->out.fd, NULL, flow->pipe->n, SPLICE_FLAGS);
	if (put > 0) {
		flow->pipe->n -= (unsigned)put;
		flow->given += (uint64_t)put;
		return put;
	}
	if (put < 0 && errno == EINVAL)
		return splice_unload(flow);
	if (put == 0)
		errno = EPIPE;
	return skt_mover_sink_said(flow, sink);
}

/* Into our pipe. Returns bytes taken, 0 at the end, or what the source said; a full pipe is -SKT_AGAIN. */
static ssize_t splice_in(struct skt_flow *flow, struct skt_fd *source)
{
	ssize_t got;

	if (!(source->ready & SKT_IN))
		return -SKT_AGAIN;
	got = skt_sys.splice(source->in.fd, NULL, flow->pipe->fd[1], NULL, flow->pipe->size - flow->pipe->n,
			     SPLICE_FLAGS);
	if (got > 0) {
		flow->pipe->n += (unsigned)got;
		flow->taken += (uint64_t)got;
		return got;
	}
	if (got == 0)
		return 0;
	if (errno == EINVAL && flow->pipe->n == 0)
		return splice_refused(flow);
	if (errno == EAGAIN && flow->pipe->n)
		return -SKT_AGAIN;
	return skt_mover_source_said(flow, source);
}

static void splice_let_go(struct skt_flow *flow)
{
	if (flow->pipe && flow->pipe->n == 0) {
		skt_pipe_put(skt_loop_pipes(skt_flow_link(flow)->loop), flow->pipe);
		flow->pipe = NULL;
	}
}

static ssize_t splice_move(struct skt_flow *flow)
{
	struct skt_fd *source = skt_stream_raw(skt_flow_source(flow)), *sink = skt_stream_raw(skt_flow_sink(flow));
	ssize_t got = -SKT_AGAIN, put = 0;

	if (flow->stash)
		return skt_mover_copy.move(flow);
	if (!flow->pipe && flow->source_failed)
		return -SKT_E_IO;
	if (!flow->pipe && !(source->ready & SKT_IN))
		return -SKT_AGAIN;
	if (!flow->pipe && !(flow->pipe = skt_pipe_get(skt_loop_pipes(skt_flow_link(flow)->loop))))
		return skt_mover_copy.move(flow); /* none to be had: copy this burst */
	if (!flow->source_failed && flow->pipe->n < flow->pipe->size)
		got = splice_in(flow, source);
	if (flow->pipe->n)
		put = splice_out(flow, sink);
	splice_let_go(flow);
	if (put < 0 && put != -SKT_AGAIN)
		return put;
	if (got > 0 && got < SKT_BIG_READ && !flow->pipe)
		flow->big = 0;
	if (got > 0 || put > 0)
		return (got > 0 ? got : 0) + (put > 0 ? put : 0);
	if (flow->pipe) /* the end, or a failure, is told once everything is delivered */
		return -SKT_AGAIN;
	return got;
}

const struct skt_mover skt_mover_splice = { .name = "splice", .can = splice_can, .move = splice_move };

static bool direct_can(const struct skt_fd *source, const struct skt_fd *sink)
{
	bool source_is_pipe = source->in_kind == SKT_FD_PIPE, sink_is_pipe = sink->out_kind == SKT_FD_PIPE;

	if (!sink->can_splice_out)
		return false;
	return (source_is_pipe && (sink_is_pipe || sink->out_kind == SKT_FD_FILE || splice_is_stream(sink->out_kind))) ||
	       (sink_is_pipe && splice_is_stream(source->in_kind));
}

static ssize_t direct_move(struct skt_flow *flow)
{
	struct skt_fd *source = skt_stream_raw(skt_flow_source(flow)), *sink = skt_stream_raw(skt_flow_sink(flow));
	ssize_t n;

	if (flow->stash)
		return skt_mover_copy.move(flow);
	if (!(source->ready & SKT_IN) || !(sink->ready & SKT_OUT))
		return -SKT_AGAIN;
	if (skt_fd_waiting(source) <= 0)
		return skt_mover_copy.move(flow);
	n = skt_sys.splice(source->in.fd, NULL, sink->out.fd, NULL, SPLICE_BURST, SPLICE_FLAGS);
	if (n > 0) {
		flow->taken += (uint64_t)n;
		flow->given += (uint64_t)n;
		if (n < SKT_BIG_READ)
			flow->big = 0;
		return n;
	}
	if (n < 0 && errno == EINVAL)
		return splice_refused(flow);
	return n == 0 ? skt_mover_copy.move(flow) : skt_mover_sink_said(flow, sink);
}

const struct skt_mover skt_mover_direct = { .name = "splice", .can = direct_can, .move = direct_move };

static bool sendfile_can(const struct skt_fd *source, const struct skt_fd *sink)
{
	return (source->in_kind == SKT_FD_FILE || source->in_kind == SKT_FD_PART) &&
	       (splice_is_stream(sink->out_kind) || sink->out_kind == SKT_FD_PIPE);
}

/* One call, from a part's own place or from the file's. Returns as sendfile(2); 0 at a part's end, or at the end of a file. */
static ssize_t sendfile_call(struct skt_fd *source, struct skt_fd *sink)
{
	struct skt_filepart *part = source->in_kind == SKT_FD_PART ? skt_filepart_of(source) : NULL;
	size_t most = part && part->left < SPLICE_BURST ? (size_t)part->left : SPLICE_BURST;
	ssize_t n;

	if (most == 0)
		return 0;
	n = skt_sys.sendfile(sink->out.fd, source->in.fd, part ? &part->at : NULL, most);
	if (part && n > 0)
		part->left -= n;
	return n;
}

static ssize_t sendfile_move(struct skt_flow *flow)
{
	struct skt_fd *source = skt_stream_raw(skt_flow_source(flow)), *sink = skt_stream_raw(skt_flow_sink(flow));
	ssize_t n;

	if (flow->stash)
		return skt_mover_copy.move(flow);
	if (!(sink->ready & SKT_OUT))
		return -SKT_AGAIN;
	n = sendfile_call(source, sink);
	if (n > 0) {
		flow->taken += (uint64_t)n;
		flow->given += (uint64_t)n;
		return n;
	}
	if (n < 0 && (errno == EINVAL || errno == ENOSYS))
		return splice_refused(flow);
	if (n == 0)
		return skt_mover_copy.move(flow);
	return errno == EIO ? skt_mover_source_said(flow, source) : skt_mover_sink_said(flow, sink);
}

const struct skt_mover skt_mover_sendfile = { .name = "sendfile", .can = sendfile_can, .move = sendfile_move };

/* SPDX-License-Identifier: Apache-2.0 */
/* Links.
 *
 * How it works: whenever a side wakes, both flows take steps in turn until neither progresses, at most LINK_ROUNDS each; then the
 * rest is put off, so that no link starves the others. A flow goes MOVES -> TAIL (its source has ended and everything is
 * delivered; the sink is being told) -> ENDED. When its sink fails it goes to WASTES where the source is a socket, else to
 * ENDED. The link is over when both flows have ended, or when a rule of link_is_over() says so.
 *
 *   state    stash, pipe        source          sink
 *   MOVES    one may hold bytes read            written
 *   TAIL     both empty         has ended       being shut
 *   WASTES   dropped            read, discarded has failed
 *   ENDED    dropped            not touched     not touched
 *
 * Invariants: `taken - given` is what is in flight, and what was lost once the link has ended. A link ends well (DONE) only when
 * that difference is 0 both ways and no side failed. options->done is called once, from the loop, never from within a call of ours.
 *
 * Who is gone: a peer that has ended its bytes may still read (half-close) or be gone, and TCP does not say which. Where one
 * side is stdio (connect, listen), nobody wants to wait for a gone one: the link ends when the peer's bytes have ended and
 * are written, unless stdin still delivers. On a terminal that is at once; on a pipe after LINK_PATIENCE without a byte, and
 * never once the peer has acknowledged bytes sent after its end, because then it is there and reads. */
#include "link/link.h"

#include "base/alloc.h"
#include "link/mover.h"

enum { LINK_ROUNDS = 16 };

#define LINK_PATIENCE (500 * SKT_MS)
#define LINK_ANSWERS (2 * SKT_SECOND)
#define LINK_DRAIN (2 * SKT_SECOND)
#define LINK_DRAIN_LOOK (5 * SKT_MS)

struct skt_link *skt_flow_link(const struct skt_flow *flow)
{
	return SKT_OUTER(flow - flow->dir, struct skt_link, flow);
}

struct skt_stream *skt_flow_source(const struct skt_flow *flow)
{
	return skt_flow_link(flow)->side[flow->dir];
}

struct skt_stream *skt_flow_sink(const struct skt_flow *flow)
{
	return skt_flow_link(flow)->side[!flow->dir];
}

uint64_t skt_flow_held(const struct skt_flow *flow)
{
	return flow->taken - flow->given;
}

/* Whether bytes were taken that the peer cannot have yet: here, or in a layer of the sink. */
static bool flow_holds(const struct skt_flow *flow)
{
	return skt_flow_held(flow) > 0 || (skt_flow_sink(flow)->flags & SKT_STREAM_HOLDS);
}

static void flow_drop(struct skt_flow *flow)
{
	skt_free(flow->stash);
	flow->stash = NULL;
	skt_pipe_put(skt_loop_pipes(skt_flow_link(flow)->loop), flow->pipe);
	flow->pipe = NULL;
}

static void link_failed(struct skt_link *link, int side)
{
	if (link->failed_side < 0)
		link->failed_side = (int8_t)side;
	link->end = SKT_END_FAILED;
}

/* Nothing more can be given to the sink. A source that is a socket is read on, so that its peer is not held up and not reset. */
static void flow_lose_sink(struct skt_flow *flow)
{
	const struct skt_fd *raw = skt_stream_bottom(skt_flow_source(flow));
	bool is_socket = raw && (raw->in_kind == SKT_FD_TCP || raw->in_kind == SKT_FD_SOCKET);

	link_failed(skt_flow_link(flow), !flow->dir);
	flow_drop(flow);
	(void)skt_stream_shut(skt_flow_sink(flow)); /* it may still read: a program waits for the end of its stdin */
	flow->state = is_socket && !flow->source_failed ? SKT_FLOW_WASTES : SKT_FLOW_ENDED;
}

/* The source failed: what it gave is delivered, the sink is told, and nothing can be given back to it. */
static void flow_lose_source(struct skt_flow *flow)
{
	struct skt_link *link = skt_flow_link(flow);
	struct skt_flow *back = &link->flow[!flow->dir];

	link_failed(link, flow->dir);
	flow->state = SKT_FLOW_TAIL;
	skt_flow_sink(flow)->flags |= SKT_STREAM_BROKEN;
	if (back->state == SKT_FLOW_MOVES || back->state == SKT_FLOW_TAIL) {
		flow_drop(back);
		back->state = SKT_FLOW_ENDED;
	}
}

static void flow_end(struct skt_flow *flow)
{
	struct skt_link *link = skt_flow_link(flow);

	flow->state = SKT_FLOW_ENDED;
	link->ended_at[flow->dir] = skt_loop_now(link->loop);
}

static bool flow_tell(struct skt_flow *flow)
{
	struct skt_link *link = skt_flow_link(flow);
	struct skt_flow *back = &link->flow[!flow->dir];
	const struct skt_fd *raw = skt_stream_raw(skt_flow_sink(flow));
	int ret = 0;

	/* when the other way has ended too, closing the socket tells, and one call is saved */
	if (!(back->state == SKT_FLOW_ENDED && raw && raw->in.fd == raw->out.fd && raw->out_kind == SKT_FD_TCP))
		ret = skt_stream_shut(skt_flow_sink(flow));
	if (ret == -SKT_AGAIN)
		return false;
	if (ret < 0) { /* only closing can tell it now: it might wait for the end for ever */
		link_failed(link, !flow->dir);
		flow_drop(back);
		back->state = SKT_FLOW_ENDED;
	}
	flow_end(flow);
	return true;
}

static bool flow_waste(struct skt_flow *flow)
{
	struct skt_link *link = skt_flow_link(flow);
	ssize_t got = skt_stream_read(skt_flow_source(flow), skt_loop_scratch(link->loop), 64 * 1024);

	if (got > 0)
		flow->taken += (uint64_t)got;
	else if (got != -SKT_AGAIN)
		flow->state = SKT_FLOW_ENDED;
	return got != -SKT_AGAIN;
}

/* Nothing is in flight and the source has nothing new: the commonest case, decided without a call. */
static bool flow_rests(const struct skt_flow *flow)
{
	const struct skt_fd *raw = skt_stream_raw(skt_flow_source(flow));

	return raw && raw->in_kind != SKT_FD_NONE && !(raw->ready & SKT_IN);
}

static bool flow_move(struct skt_flow *flow)
{
	ssize_t n;

	if (!flow->stash && !flow->pipe) {
		if (flow_rests(flow))
			return false;
		flow->mover = skt_mover_pick(flow);
	}
	n = flow->mover->move(flow);
	if (n == -SKT_AGAIN)
		return false;
	if (n == 0)
		flow->state = SKT_FLOW_TAIL;
	else if (n < 0 && flow->sink_failed)
		flow_lose_sink(flow);
	else if (n < 0)
		flow_lose_source(flow);
	return true;
}

/* The same for any source, after a step: what a layer had was taken then. */
static bool flow_is_silent(const struct skt_flow *flow)
{
	const struct skt_fd *bottom = skt_stream_bottom(skt_flow_source(flow));

	return bottom && bottom->in_kind != SKT_FD_NONE && !(bottom->ready & SKT_IN);
}

/* One step; true where something progressed. */
static bool flow_step(struct skt_flow *flow)
{
	switch (flow->state) {
	case SKT_FLOW_MOVES:
		return flow_move(flow);
	case SKT_FLOW_TAIL:
		return flow_tell(flow);
	case SKT_FLOW_WASTES:
		return flow_waste(flow);
	default:
		return false;
	}
}

static bool link_is_dgram(const struct skt_link *link)
{
	return (link->side[0]->flags | link->side[1]->flags) & SKT_STREAM_DGRAM;
}

static int link_stdio_side(const struct skt_link *link)
{
	return link->side[0]->flags & SKT_STREAM_STDIO ? 0 : link->side[1]->flags & SKT_STREAM_STDIO ? 1 : -1;
}

/* Whether the peer has acknowledged bytes that were sent after its own end: it half-closed, and reads. */
static bool link_peer_reads(struct skt_link *link, int peer)
{
	const struct skt_flow *to = &link->flow[!peer];
	const struct skt_fd *raw = skt_stream_bottom(link->side[peer]);

	return raw && link->moved_at > link->ended_at[peer] && !flow_holds(to) && to->given > 0 &&
	       skt_fd_unacknowledged(raw) == 0;
}

/* How much longer to wait for stdin after its peer's bytes have ended: 0 is over, SKT_FOREVER no limit. */
static skt_time link_patience(struct skt_link *link)
{
	int own = link_stdio_side(link), peer = !own;
	const struct skt_fd *raw = own < 0 ? NULL : skt_stream_raw(link->side[own]);
	skt_time since, now = skt_loop_now(link->loop);

	if (link_is_dgram(link) || own < 0 || link->options->waits_for_stdin || link->flow[peer].state != SKT_FLOW_ENDED)
		return SKT_FOREVER;
	if (link->side[peer]->flags & SKT_STREAM_GONE)
		return 0;
	if (flow_holds(&link->flow[own]) || (raw && raw->in_kind != SKT_FD_NONE && (raw->ready & SKT_IN)))
		return SKT_FOREVER; /* what was read is delivered first, or fails; what can be read waits only for the peer */
	if (link->side[own]->flags & SKT_STREAM_TERMINAL)
		return 0;
	since = link->moved_at > link->ended_at[peer] ? link->moved_at : link->ended_at[peer];
	if (now - since < LINK_PATIENCE)
		return since + LINK_PATIENCE - now;
	return link_peer_reads(link, peer) ? SKT_FOREVER : 0;
}

/* The same for any link: one side has ended and is known to be gone (its program has ended), and the other is silent. Nobody is there
 * for what it might still say; what it does say meanwhile is an error, because it cannot be delivered. */
static skt_time link_silence(const struct skt_link *link)
{
	skt_time now = skt_loop_now(link->loop);

	for (int i = 0; i < 2; i++) {
		const struct skt_flow *other = &link->flow[!i];
		skt_time since = link->moved_at > link->ended_at[i] ? link->moved_at : link->ended_at[i];

		if (link->flow[i].state != SKT_FLOW_ENDED || !(link->side[i]->flags & SKT_STREAM_GONE) ||
		    other->state != SKT_FLOW_MOVES || flow_holds(other) || !flow_is_silent(other))
			continue;
		return now - since < LINK_PATIENCE ? since + LINK_PATIENCE - now : 0;
	}
	return SKT_FOREVER;
}

static skt_time link_linger(const struct skt_link *link)
{
	skt_time left = SKT_FOREVER, now = skt_loop_now(link->loop);

	for (int i = 0; i < 2; i++) {
		skt_time linger = link->options->linger[i], until = link->ended_at[i] + linger;

		if (link->side[i]->flags & SKT_STREAM_DGRAM)
			continue; /* see link_answers() */
		if (link->ended_at[i] && linger && until - now < left)
			left = until > now ? until - now : 0;
	}
	return left;
}

static skt_time link_idle(const struct skt_link *link)
{
	skt_time until = link->moved_at + link->options->idle, now = skt_loop_now(link->loop);

	if (!link->options->idle)
		return SKT_FOREVER;
	return until > now ? until - now : 0;
}

static void link_timer(struct skt_timer *timer);

/* Set the timer for whatever is due first. Without memory for it, look again in the next round. */
static void link_wait(struct skt_link *link, skt_time delay)
{
	if (delay != SKT_FOREVER && skt_loop_after(link->loop, &link->timer, delay, link_timer) < 0)
		skt_loop_defer(link->loop, &link->task);
}

static void link_finish(struct skt_link *link)
{
	link->is_over = true;
	skt_loop_clear(link->loop, &link->timer);
	skt_loop_undefer(link->loop, &link->task);
	for (int i = 0; i < 2; i++) {
		if (link->end == SKT_END_DONE && flow_holds(&link->flow[i]))
			link->end = SKT_END_FAILED;
		flow_drop(&link->flow[i]);
	}
	skt_loop_defer(link->loop, &link->task);
}

/* The socket whose close would destroy what its peer has not read yet, because bytes came that nobody took; or -1. */
static int link_drain_side(const struct skt_link *link)
{
	for (int i = 0; i < 2; i++) {
		const struct skt_fd *raw = skt_stream_bottom(link->side[i]);

		if ((link->side[i]->flags & SKT_STREAM_WILL_RESET) &&
		    (link->flow[i].sink_failed || link->flow[i].state == SKT_FLOW_MOVES) &&
		    !link->flow[i].source_failed && !link->flow[!i].sink_failed && raw && skt_fd_unacknowledged(raw) > 0)
			return i;
	}
	return -1;
}

/* The link has done what it could: close, or first wait a little until the peer has what it was sent. */
static void link_close(struct skt_link *link)
{
	int side = link_drain_side(link);

	if (side < 0 || (link->is_draining && skt_loop_now(link->loop) - link->ended_at[!side] > LINK_DRAIN)) {
		link_finish(link);
		return;
	}
	link->is_draining = true;
	for (int i = 0; i < LINK_ROUNDS && link->flow[side].state == SKT_FLOW_WASTES; i++)
		(void)flow_waste(&link->flow[side]);
	link_wait(link, LINK_DRAIN_LOOK);
}

static bool link_sink_is_lost_stdio(const struct skt_link *link)
{
	int own = link_stdio_side(link);

	return own >= 0 && link->flow[!own].sink_failed;
}

/* A peer of datagrams has no end of its own. Where it ends all the same it was given up, and nobody is left to answer. */
static bool link_has_lost_peer(const struct skt_link *link)
{
	for (int i = 0; i < 2; i++)
		if ((link->side[i]->flags & SKT_STREAM_DGRAM) && link->flow[i].state == SKT_FLOW_ENDED)
			return true;
	return false;
}

/* How much longer to wait for answers of a peer of datagrams, after the other side has ended and everything is sent: it will never
 * say that it has ended too, so silence stands for that. */
static skt_time link_answers(const struct skt_link *link)
{
	skt_time now = skt_loop_now(link->loop), left = SKT_FOREVER;

	for (int i = 0; i < 2 && !link->options->awaits_peers; i++) {
		skt_time linger = link->options->linger[!i] ? link->options->linger[!i] : LINK_ANSWERS;
		skt_time since = link->moved_at > link->ended_at[i] ? link->moved_at : link->ended_at[i];

		if (link->flow[i].state != SKT_FLOW_ENDED || !(link->side[!i]->flags & SKT_STREAM_DGRAM) ||
		    (link->side[i]->flags & SKT_STREAM_DGRAM))
			continue;
		if (link->flow[i].sink_failed) /* nothing arrived there that could be answered */
			linger = 0;
		if (since + linger - now < left)
			left = since + linger > now ? since + linger - now : 0;
	}
	return left;
}

/* Rules for the end, each for one promise. */
static bool link_is_over(struct skt_link *link, skt_time patience)
{
	const struct skt_flow *flow = link->flow;
	bool ended[2] = { flow[0].state == SKT_FLOW_ENDED, flow[1].state == SKT_FLOW_ENDED };

	if ((ended[0] && ended[1]) || link_has_lost_peer(link))
		return true;
	for (int i = 0; i < 2; i++)
		if (ended[i] && flow[!i].state == SKT_FLOW_WASTES)
			return true;
	return patience == 0 || link_sink_is_lost_stdio(link);
}

static void link_look(struct skt_link *link)
{
	skt_time patience = link_patience(link), silence = link_silence(link);
	skt_time linger = link_linger(link), idle = link_idle(link), answers = link_answers(link);
	skt_time next = patience < linger ? patience : linger;

	if (answers < patience)
		patience = answers;

	if (silence < patience)
		patience = silence;
	if (patience < next)
		next = patience;
	if (linger == 0 && (flow_holds(&link->flow[0]) || flow_holds(&link->flow[1])))
		link->end = SKT_END_CUT; /* its time was up before everything was delivered */
	if (link->is_draining || link_is_over(link, patience) || linger == 0) {
		link_close(link);
		return;
	}
	if (idle == 0) {
		if (link->end == SKT_END_DONE)
			link->end = SKT_END_IDLE;
		link_finish(link);
		return;
	}
	if (idle < next)
		next = idle;
	/* an idle timer that is set already is early, not late: it looks again when it fires */
	if (!skt_timer_is_set(&link->timer) || next != idle)
		link_wait(link, next);
}

static void link_step(struct skt_link *link)
{
	int rounds = 0;
	bool moved[2] = { true, true }, any = false;

	for (; rounds < LINK_ROUNDS && (moved[0] || moved[1]); rounds++)
		for (int i = 0; i < 2; i++) {
			moved[i] = flow_step(&link->flow[i]);
			any |= moved[i];
		}
	if (any)
		link->moved_at = skt_loop_now(link->loop);
	if (rounds == LINK_ROUNDS)
		skt_loop_defer(link->loop, &link->task);
	else
		link_look(link);
}

static void link_timer(struct skt_timer *timer)
{
	link_step(SKT_OUTER(timer, struct skt_link, timer));
}

static void link_task(struct skt_task *task)
{
	struct skt_link *link = SKT_OUTER(task, struct skt_link, task);

	if (link->is_over)
		link->options->done(link);
	else
		link_step(link);
}

static void link_woken(void *user)
{
	struct skt_link *link = user;

	if (!link->is_over)
		link_step(link);
}

void skt_link_start(struct skt_link *link, struct skt_loop *loop, const struct skt_link_options *options,
		    struct skt_stream *a, struct skt_stream *b)
{
	link->loop = loop;
	link->options = options;
	link->side[0] = a;
	link->side[1] = b;
	link->flow[1].dir = 1;
	link->task.fn = link_task;
	link->moved_at = skt_loop_now(loop);
	link->failed_side = -1;
	skt_stream_on_wake(a, link_woken, link);
	skt_stream_on_wake(b, link_woken, link);
	skt_loop_defer(loop, &link->task);
}

void skt_link_one_way(struct skt_link *link)
{
	link->flow[1].state = SKT_FLOW_ENDED;
}

void skt_link_cut(struct skt_link *link)
{
	if (link->is_over)
		return;
	link->end = SKT_END_CUT;
	link_finish(link);
}

void skt_link_end(struct skt_link *link)
{
	if (!link->is_over)
		link_finish(link);
}

void skt_link_release(struct skt_link *link)
{
	for (int i = 0; i < 2; i++) {
		if (link->loop)
			flow_drop(&link->flow[i]);
		skt_stream_free(link->side[i]);
		link->side[i] = NULL;
	}
	if (!link->loop)
		return;
	skt_loop_clear(link->loop, &link->timer);
	skt_loop_undefer(link->loop, &link->task);
}

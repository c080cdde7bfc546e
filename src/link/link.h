/* SPDX-License-Identifier: Apache-2.0 */
/* A link: two opened streams joined, each direction a flow that a mover moves. */
#ifndef SKT_LINK_LINK_H
#define SKT_LINK_LINK_H

#include "io/fd.h"
#include "io/stream.h"
#include "loop/loop.h"

struct skt_link;
struct skt_flow;

/* One way to move a flow's bytes. Invariant: bytes taken from the source and not yet given to the sink are in the flow's
 * stash or in its pipe, never in both; a flow changes its mover only when nothing is in flight. */
struct skt_mover {
	const char *name;
	/* Whether it can serve this flow, between these two descriptors (either may be NULL: bytes change on that side). */
	bool (*can)(const struct skt_fd *source, const struct skt_fd *sink);
	/* Move at most one burst. Returns bytes that progressed (> 0: taken or given); 0 at the end of the source with nothing in
	 * flight; -SKT_AGAIN when either side must wait; -kind when a side failed: flow->sink_failed says which. */
	ssize_t (*move)(struct skt_flow *flow);
};

enum skt_flow_state {
	SKT_FLOW_MOVES,  /* from source to sink */
	SKT_FLOW_TAIL,   /* the source has ended and everything is delivered: the sink is being told */
	SKT_FLOW_WASTES, /* the sink failed: what the source still sends is taken and thrown away, so that it can end */
	SKT_FLOW_ENDED,  /* told, or given up */
};

/* Bytes on the heap, of which n from `at` on are still to be given. */
struct skt_stash {
	uint32_t at, n;
	char bytes[];
};

/* The sizes of these structs are what an idle link costs: bench/ relay-idle. */
struct skt_flow {
	const struct skt_mover *mover;
	struct skt_stash *stash; /* copy: what a short write left, or NULL */
	struct skt_pipe *pipe;   /* splice: held only while bytes are in it */
	uint64_t taken, given;   /* bytes from the source, bytes to the sink; the difference is in flight or lost */
	uint8_t state;           /* enum skt_flow_state */
	uint8_t dir;             /* 0: from side 0 to side 1 */
	uint8_t big;             /* reads of at least 16 KiB in a row */
	bool sink_failed, source_failed;
	bool cannot_splice; /* the kernel said EINVAL once: copy from now on */
};

enum skt_link_end {
	SKT_END_DONE,   /* both ways ended well */
	SKT_END_IDLE,   /* idle= ran out */
	SKT_END_CUT,    /* we were told to stop */
	SKT_END_FAILED, /* a side failed before everything was delivered */
};

enum skt_mover_choice { SKT_MOVER_AUTO, SKT_MOVER_COPY, SKT_MOVER_SPLICE };

/* How a link behaves; shared by many links. */
struct skt_link_options {
	skt_time idle; /* cut after this long without a byte either way; 0: never */
	enum skt_mover_choice mover;
	bool waits_for_stdin; /* half-open: do not end just because the side beyond stdio has ended */
	skt_time linger[2]; /* how long the other way may go on after that side has ended; 0: for ever. Of a side of datagrams:
			       * how long its silence may last after the other side has ended; 0: 2 s */
	bool awaits_peers; /* datagrams: they may begin to come at any time, also long after the other side has ended */
	void (*done)(struct skt_link *link); /* called once, last, from the loop: may free the link */
};

struct skt_link {
	struct skt_loop *loop;
	const struct skt_link_options *options;
	struct skt_stream *side[2]; /* owned */
	struct skt_flow flow[2];
	struct skt_task task;
	struct skt_timer timer;
	skt_time moved_at;    /* when a byte last moved */
	skt_time ended_at[2]; /* when that side's bytes had ended and were delivered; 0: not yet */
	uint8_t end;          /* enum skt_link_end */
	int8_t failed_side;   /* 0, 1, or -1 */
	bool is_over, is_draining;
};

/* Join two open streams, which the link then owns. The link must be zeroed. options->done is called later, never from within. */
void skt_link_start(struct skt_link *link, struct skt_loop *loop, const struct skt_link_options *options,
		    struct skt_stream *a, struct skt_stream *b);
/* Right after starting: only side 0 speaks. Side 1 is never read. */
void skt_link_one_way(struct skt_link *link);
/* End it now; what is in flight is lost, and counted. done is called later. */
void skt_link_cut(struct skt_link *link);
/* The same where it is complete as it is: it has ended well, unless something is in flight. */
void skt_link_end(struct skt_link *link);
/* Free both streams and what the flows hold; after done. */
void skt_link_release(struct skt_link *link);

/* The stream that a flow reads, and the one that it writes. */
struct skt_stream *skt_flow_source(const struct skt_flow *flow);
struct skt_stream *skt_flow_sink(const struct skt_flow *flow);
struct skt_link *skt_flow_link(const struct skt_flow *flow);
/* Bytes that were taken and not given: in flight while the link lives, lost once it has ended. */
uint64_t skt_flow_held(const struct skt_flow *flow);

#endif

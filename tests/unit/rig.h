/* SPDX-License-Identifier: Apache-2.0 */
/* A link between two far ends, on one loop. */
#ifndef TESTS_UNIT_RIG_H
#define TESTS_UNIT_RIG_H

#include "link/link.h"
#include "support.h"

struct rig {
	struct skt_loop *loop;
	struct skt_link_options options;
	struct skt_link link;
	struct far far[2];
	int done;
};

static inline void rig_done(struct skt_link *link)
{
	SKT_OUTER(link, struct rig, link)->done++;
}

/* Two sides of these kinds; the test may change options and flags before rig_start(). */
static inline void rig_open(struct rig *rig, enum far_kind a, enum far_kind b)
{
	*rig = (struct rig){ .options.done = rig_done };
	rig->loop = support_loop();
	rig->link.side[0] = far_open(rig->loop, a, &rig->far[0]);
	rig->link.side[1] = far_open(rig->loop, b, &rig->far[1]);
}

/* Buffers of the kernel that do not grow, so that little is in flight. */
static inline void rig_narrow(struct rig *rig)
{
	static const int size = 128 * 1024;

	for (int i = 0; i < 2; i++) {
		int fd[2] = { rig->far[i].in.fd, skt_stream_raw(rig->link.side[i])->in.fd };

		for (int k = 0; k < 2; k++) {
			(void)setsockopt(fd[k], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
			(void)setsockopt(fd[k], SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
		}
	}
}

static inline void rig_start(struct rig *rig)
{
	struct skt_stream *side[2] = { rig->link.side[0], rig->link.side[1] };

	skt_link_start(&rig->link, rig->loop, &rig->options, side[0], side[1]);
}

/* Run until nothing moves any more, because a side is full. */
static inline void rig_stall(struct rig *rig)
{
	for (int still = 0; still < 20; still++) {
		uint64_t before = rig->link.flow[0].taken + rig->link.flow[1].taken + rig->far[0].sent + rig->far[1].sent;

		assert_int_equal(skt_loop_round(rig->loop, SKT_MS, NULL), 0);
		if (rig->link.flow[0].taken + rig->link.flow[1].taken + rig->far[0].sent + rig->far[1].sent != before)
			still = 0;
	}
}

/* Wait for the end of the link, close both sides (which tells the peer of the last TCP socket that the bytes have ended), and let
 * the far ends take the rest. */
static inline void rig_close(struct rig *rig)
{
	SUPPORT_UNTIL(rig->loop, rig->done);
	skt_link_release(&rig->link);
	for (int i = 0; i < 2; i++) {
		struct far *far = &rig->far[i];

		far_take(far);
		SUPPORT_UNTIL(rig->loop, far->in.fd < 0 || !far->reads || far->saw_end);
	}
}

static inline void rig_release(struct rig *rig)
{
	skt_link_release(&rig->link);
	far_release(rig->loop, &rig->far[0]);
	far_release(rig->loop, &rig->far[1]);
	skt_loop_free(rig->loop);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop of one thread: descriptors, timers, work put off, and messages from other threads. */
#ifndef SKT_LOOP_LOOP_H
#define SKT_LOOP_LOOP_H

#include <stdatomic.h>
#include <stddef.h>

#include "base/error.h"
#include "loop/timer.h"
#include "sys/pipe.h"

/* What a descriptor is ready for. HUP: both ways have ended; RDHUP: the peer has ended its way; PRI: urgent data is marked. */
enum {
	SKT_IN = 1,
	SKT_OUT = 2,
	SKT_RDHUP = 4,
	SKT_HUP = 8,
	SKT_ERR = 16,
	SKT_PRI = 32,
};

/* How a descriptor is watched. */
enum skt_watching {
	SKT_EDGE,   /* everything, once for each change: the user keeps what it has seen */
	SKT_LEVEL,  /* IN, as long as it lasts */
	SKT_SHARED, /* as LEVEL, on a descriptor that several threads watch: one of them is woken */
};

/* Embedded in whatever watches. fn may remove and free this watch and any other. */
struct skt_watch {
	int fd;
	void (*fn)(struct skt_watch *watch, unsigned ready);
};

/* Work for the next round of the loop, in the order it was put off. A zeroed struct is not queued. */
struct skt_task {
	struct skt_task *next, *last;
	void (*fn)(struct skt_task *task);
};

struct skt_loop;

/* Returns 0 or -SKT_E_LIMIT. */
int skt_loop_new(struct skt_loop **ret, struct skt_error *err);
/* Everything that uses the loop must be gone. NULL is fine. */
void skt_loop_free(struct skt_loop *loop);

/* Watch watch->fd. Returns 0; -SKT_E_USAGE where the descriptor cannot be watched (a plain file: it is always ready);
 * -SKT_E_LIMIT otherwise. */
int skt_loop_watch(struct skt_loop *loop, struct skt_watch *watch, enum skt_watching how);
/* Stop watching, before the descriptor is closed. Events already fetched for it are dropped. */
void skt_loop_unwatch(struct skt_loop *loop, struct skt_watch *watch);
/* The same for a descriptor that is closed at once, and of which we have no copy: closing takes it out of epoll, unless a child
 * that another thread has just forked still holds one. */
void skt_loop_forget(struct skt_loop *loop, struct skt_watch *watch);
/* From now on threads of this process may fork: skt_loop_forget() then costs a system call. */
void skt_loop_expect_forks(void);

/* Call fn once `delay` from now. Returns 0 or -SKT_E_LIMIT. */
int skt_loop_after(struct skt_loop *loop, struct skt_timer *timer, skt_time delay, void (*fn)(struct skt_timer *));
void skt_loop_clear(struct skt_loop *loop, struct skt_timer *timer);

/* Put work off to the next round; nothing where it is queued already. */
void skt_loop_defer(struct skt_loop *loop, struct skt_task *task);
void skt_loop_undefer(struct skt_loop *loop, struct skt_task *task);

/* Run until skt_loop_stop(). Returns 0, or -SKT_E_IO where waiting itself fails. */
int skt_loop_run(struct skt_loop *loop, struct skt_error *err);
/* One round: wait at most `most` for something, and run it. Returns as above. */
int skt_loop_round(struct skt_loop *loop, skt_time most, struct skt_error *err);
void skt_loop_stop(struct skt_loop *loop);

/* From any thread or signal handler: wake the loop, which then calls `fn` (set with skt_loop_on_poke()). */
void skt_loop_poke(struct skt_loop *loop);
void skt_loop_on_poke(struct skt_loop *loop, void (*fn)(void *user), void *user);

/* The time of this round, not asked anew. */
skt_time skt_loop_now(const struct skt_loop *loop);

enum { SKT_SCRATCH_SIZE = 256 * 1024 };
/* One buffer for all who copy on this thread, of SKT_SCRATCH_SIZE bytes: filled and emptied within one call. */
void *skt_loop_scratch(struct skt_loop *loop);
enum { SKT_ROOM_SIZE = 96 * 1024 };
/* Another one, of SKT_ROOM_SIZE bytes, for a layer to encode into what it is given in scratch. One at a time: NULL while another layer
 * has it, or without memory. */
void *skt_loop_take_room(struct skt_loop *loop);
void skt_loop_give_room(struct skt_loop *loop, void *room);
struct skt_pipepool *skt_loop_pipes(struct skt_loop *loop);
/* One block of memory that lives as long as the loop, for those who need more than scratch: made zeroed by the first who asks, who
 * all ask for the same size. NULL: no memory. */
void *skt_loop_block(struct skt_loop *loop, size_t n_bytes);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A stream: an opened endpoint whose bytes have an order. Every layer of a chain has this shape; the top one owns those below. */
#ifndef SKT_IO_STREAM_H
#define SKT_IO_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct skt_stream;
struct skt_fd;

/* Facts about a stream that its users act on. */
enum {
	SKT_STREAM_MESSAGES = 1,   /* a read gives one whole message and a write sends one: boundaries are kept */
	SKT_STREAM_STDIO = 2,      /* this process's own stdin and stdout: the person, or the pipeline, at this end */
	SKT_STREAM_TERMINAL = 4,   /* its input is a terminal */
	SKT_STREAM_WILL_RESET = 8, /* closing it with unread bytes destroys what its peer has not read yet (TCP) */
	SKT_STREAM_GONE = 16,      /* it has ended, and takes nothing any more: the peer is known to be gone */
	SKT_STREAM_CHILD = 32,     /* a program is behind it: finish() gives its exit status */
	SKT_STREAM_BROKEN = 128, /* what was to be written to it was cut short: its end must not look like a good one, where a layer can tell */
	SKT_STREAM_HOLDS = 256, /* a layer has taken bytes that have not gone below yet */
	SKT_STREAM_MORE = 512,  /* what is being written is followed by more at once: it may wait for that */
	SKT_STREAM_DGRAM = 64,  /* messages without a connection: it has no end of its own, and some may be lost */
};

struct skt_stream_ops {
	const char *name;
	/* Go on opening: 0 when up, -SKT_AGAIN to be called again after a wake, else -kind with stream->err. NULL: is up. */
	int (*open)(struct skt_stream *s);
	/* Read at most n bytes: > 0; 0 at the end of its bytes; -SKT_EMPTY: a message of no bytes (MESSAGES only); -SKT_AGAIN;
	 * -SKT_LONGER: the next message needs more room, and reading into NULL tells how many bytes it has (only of a stream that was
	 * told that its reader can ask again); -kind. */
	ssize_t (*read)(struct skt_stream *s, void *buf, size_t n);
	/* Write at most n bytes: the count taken, -SKT_AGAIN, -kind. A stream of MESSAGES takes all or nothing, and sends a message
	 * of no bytes where n is 0 (it returns 0 then). */
	ssize_t (*write)(struct skt_stream *s, const void *buf, size_t n);
	/* Tell the peer that no more comes: 0 when told, -SKT_AGAIN, -kind. Called until it is not AGAIN. */
	int (*shut)(struct skt_stream *s);
	/* The descriptors whose bytes are this stream's bytes, or NULL where bytes change or there are none. */
	struct skt_fd *(*raw)(struct skt_stream *s);
	/* After the link has ended: 0 when nothing is left to wait for, -SKT_AGAIN while a child is. `cut`: end it now.
	 * *status is the child's exit status. NULL: nothing to wait for. */
	int (*finish)(struct skt_stream *s, bool cut, int *status);
	/* Release this layer and those below. */
	void (*free)(struct skt_stream *s);
};

struct skt_stream {
	const struct skt_stream_ops *ops;
	struct skt_stream *below;
	void (*wake)(void *user); /* called when a call that said AGAIN may be made again; may free the stream */
	void *user;
	struct skt_error *err; /* details of the first failure, or NULL: then `sys` tells */
	int sys;               /* errno of the first failure */
	uint16_t flags;
	uint8_t kind_read,
		kind_written; /* MESSAGES: what was read last is, and what is to be written next; 0: nothing special. ws: opcodes */
};

/* Pass-through for the calls a layer does not change, and for NULL operations. */
int skt_stream_open(struct skt_stream *s);
ssize_t skt_stream_read(struct skt_stream *s, void *buf, size_t n);
ssize_t skt_stream_write(struct skt_stream *s, const void *buf, size_t n);
int skt_stream_shut(struct skt_stream *s);
struct skt_fd *skt_stream_raw(struct skt_stream *s);
/* The descriptors at the bottom of the chain, whatever stands on them; or NULL. To look at, not to move bytes by. */
struct skt_fd *skt_stream_bottom(struct skt_stream *s);
int skt_stream_finish(struct skt_stream *s, bool cut, int *status);
/* NULL is fine. */
void skt_stream_free(struct skt_stream *s);

/* Who is told when the stream can go on. */
void skt_stream_on_wake(struct skt_stream *s, void (*wake)(void *user), void *user);
/* Tell them. */
void skt_stream_wake(struct skt_stream *s);

/* Keep `err` as the stream's failure (the first one stays). Returns -err->kind. */
int skt_stream_fail(struct skt_stream *s, const struct skt_error *err);
/* Why the stream failed, in words: its own error, or the errno's text. */
void skt_stream_why(const struct skt_stream *s, struct skt_error *ret);

#endif

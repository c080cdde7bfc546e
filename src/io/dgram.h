/* SPDX-License-Identifier: Apache-2.0 */
/* A datagram endpoint that is open: a stream of messages without a connection. One to whom it talks: a connected socket
 * (io/dgconn.h), or one peer of a socket that many talk to (io/dgserver.h). */
#ifndef SKT_IO_DGRAM_H
#define SKT_IO_DGRAM_H

#include "io/dgqueue.h"
#include "io/stream.h"

/* What became of messages. */
struct skt_dgcount {
	uint64_t in, out;    /* received, sent */
	uint32_t dropped;    /* that we threw away: nobody took them in time */
	uint32_t overflowed; /* that the kernel threw away because the socket's buffer was full */
	uint32_t refused;    /* answered with an ICMP error: nobody has that port, or no way leads there */
	uint32_t too_long;   /* longer than the path, or the kernel, takes */
};

struct skt_dgram;

struct skt_dgram_ops {
	/* Receive some at once, as they are, runs too: how many; -SKT_AGAIN; 0 at the end (a peer that was given up); -kind. *ret is
	 * valid until the next call to any datagram endpoint of this loop. */
	int (*receive)(struct skt_dgram *g, const struct skt_msg **ret);
	/* Send n of them, taking all: what cannot leave now is kept, or dropped and counted. Returns 0, or -kind. */
	int (*send)(struct skt_dgram *g, const struct skt_msg *msg, int n);
	/* Whether what was kept has left by now. */
	bool (*is_clear)(struct skt_dgram *g);
};

/* NOT: they were not taken. FULL: they were, and no more should come before it is asked again (with n 0) and says TAKEN. */
enum skt_pushed { SKT_PUSHED_NOT, SKT_PUSHED_TAKEN, SKT_PUSHED_FULL };

struct skt_dgram {
	struct skt_stream stream; /* flags MESSAGES and DGRAM */
	const struct skt_dgram_ops *ops;
	struct skt_dgqueue in, out;
	struct skt_dgcount count;
	/* Where whoever reads takes messages at once, instead of from the queue. */
	enum skt_pushed (*push)(void *user, const struct skt_msg *msg, int n);
	void *push_user;
	bool is_tolerant; /* errors that messages cause are counted, and do not end it */
	bool drops_long;  /* so are messages that are too long: it is one link of several */
};

/* The datagram endpoint that a stream is, or NULL: not one, or there is a layer on it. */
struct skt_dgram *skt_dgram_of(struct skt_stream *s);
/* The one at the bottom of a chain, below whatever layers, or NULL. */
struct skt_dgram *skt_dgram_below(struct skt_stream *s);

/* For implementations: reading and writing one message by the stream's own calls. */
ssize_t skt_dgram_read(struct skt_stream *s, void *buf, size_t n);
ssize_t skt_dgram_write(struct skt_stream *s, const void *buf, size_t n);
/* There is nothing to tell a peer. */
int skt_dgram_shut(struct skt_stream *s);
/* Bytes and messages of a list. */
uint64_t skt_msgs_bytes(const struct skt_msg *msg, int n);
uint64_t skt_msgs_count(const struct skt_msg *msg, int n);
/* What to do about an errno of sending: 0: it was counted, go on behind that message; -SKT_AGAIN: no room now; -kind: it ends the
 * endpoint, and the stream's err says why. `size` is that of the message, `limit` what the path takes, or 0. */
int skt_dgram_trouble(struct skt_dgram *g, int sys, size_t size, int limit);
/* Whether an errno of sending may be of an earlier message, even another peer's: it was told instead of sending this one. */
bool skt_dgram_is_passing(int sys);
/* Take the messages that were cut out of what was received, and count them. Returns how many are left, or -SKT_E_LIMIT where that ends
 * the endpoint. */
int skt_dgram_leave_cut(struct skt_dgram *g, struct skt_received *r);

#endif

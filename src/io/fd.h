/* SPDX-License-Identifier: Apache-2.0 */
/* The bottom of most chains: one or two descriptors, and what is known of their readiness. */
#ifndef SKT_IO_FD_H
#define SKT_IO_FD_H

#include "io/stream.h"
#include "loop/loop.h"

/* What a descriptor is, as far as reading and writing differ. */
enum skt_fdkind {
	SKT_FD_NONE,   /* not there: reading gives the end, writing throws away */
	SKT_FD_TCP,    /* a stream socket: recv and send; a short read means that it is drained */
	SKT_FD_SOCKET, /* any other stream socket (unix, vsock): a short read means nothing */
	SKT_FD_PACKET, /* a seqpacket socket */
	SKT_FD_PIPE,   /* a pipe or FIFO */
	SKT_FD_PART,   /* a part of a plain file (io/filepart.h): read at places of its own */
	SKT_FD_FILE,   /* a plain file, or a device such as /dev/null: always ready */
	SKT_FD_TTY,    /* a terminal, or the master of one */
};

/* `in` and `out` are the two ways; where both are one socket, both hold its number and `in` alone is watched.
 * Invariants: a bit of `ready` is cleared only after a call has shown the lack (EAGAIN, or a short read of TCP), and set by an
 * event: no edge is lost. IN and OUT of a plain file are never cleared. */
struct skt_fd {
	struct skt_stream stream;
	struct skt_loop *loop;
	struct skt_watch in, out;
	uint8_t in_kind, out_kind; /* enum skt_fdkind */
	uint8_t ready;             /* SKT_IN | SKT_OUT | ... */
	uint8_t state;             /* of fd.c */
	bool can_splice_out;       /* out takes splice(2): not a file opened to append */
	bool waits_for_shut;       /* one-way sink: reading gives the end only once it has been shut */
	void *opening;             /* the transport's notes while it opens; heap, released with the stream */
};

/* A stream over a socket, connected or still connecting. Takes fd over, also on failure.
 * `kind` is TCP, SOCKET or PACKET. Returns 0, or -SKT_E_LIMIT. */
int skt_fd_new_socket(struct skt_loop *loop, int fd, enum skt_fdkind kind, struct skt_stream **ret,
		      struct skt_error *err);

/* A stream over two descriptors of any kind, each -1 where that way does not exist; they are taken over, also on failure.
 * The kinds are found by fstat(2). A way that is missing: reading gives the end (for a sink alone: once it has been
 * shut, so that its peer learns that everything has arrived), writing throws the bytes away. Descriptors must be non-blocking,
 * or plain files. */
int skt_fd_new_pair(struct skt_loop *loop, int in, int out, struct skt_stream **ret, struct skt_error *err);

/* As new_pair into a struct that is part of another stream; `ops` may be NULL for those of a plain one. */
int skt_fd_init_pair(struct skt_fd *f, const struct skt_stream_ops *ops, struct skt_loop *loop, int in, int out,
		     struct skt_error *err);

/* What kind of descriptor this is (enum skt_fdkind; NONE for -1), or -1 with errno where it cannot be told. */
int skt_fd_kind(int fd);

/* The operations of the plain one, for streams that change only some. */
extern const struct skt_stream_ops skt_fd_ops;
ssize_t skt_fd_read(struct skt_stream *s, void *buf, size_t n);
ssize_t skt_fd_write(struct skt_stream *s, const void *buf, size_t n);
int skt_fd_shut(struct skt_stream *s);
struct skt_fd *skt_fd_raw(struct skt_stream *s);
/* Close both ways, keep the struct. */
void skt_fd_close(struct skt_fd *f);
/* From a stream whose raw() is skt_fd_raw. */
struct skt_fd *skt_fd_of(struct skt_stream *s);

/* Whether a failed call means "not now": then the bit of that way is cleared. EINTR counts as "try again at once". */
bool skt_fd_blocked(struct skt_fd *f, unsigned way);
/* Keep errno as the stream's failure. Returns -SKT_E_IO. */
ssize_t skt_fd_failed(struct skt_fd *f);
/* Bytes that wait to be read from a pipe or socket (FIONREAD), or -1. */
int skt_fd_waiting(const struct skt_fd *f);
/* Bytes written to a TCP socket that its peer has not acknowledged; 0 for others. */
int skt_fd_unacknowledged(const struct skt_fd *f);

#endif

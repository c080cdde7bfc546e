/* SPDX-License-Identifier: Apache-2.0 */
/* frame=: a stream of bytes made into a stream of messages, and back. */
#ifndef SKT_IO_FILTER_FRAME_H
#define SKT_IO_FILTER_FRAME_H

#include "io/stream.h"

/* How messages stand in a stream of bytes. */
enum skt_frame {
	SKT_FRAME_NONE,  /* not marked: a message is what one read gives, and what is written stands there bare */
	SKT_FRAME_LINE,  /* ended by a newline, which is no part of the message */
	SKT_FRAME_LEN16, /* after its length in two bytes, the most significant first */
	SKT_FRAME_LEN32, /* after its length in four bytes, the most significant first */
	SKT_FRAME_CHUNK, /* as many bytes as were asked for; the last may be shorter */
};

/* The most that a UDP datagram over IPv4 carries, and the longest message that is read here. */
enum { SKT_FRAME_MAX = 65507 };

struct skt_framing {
	enum skt_frame kind;
	uint32_t size; /* CHUNK: bytes of a message, 1 to SKT_FRAME_MAX; NONE: the most for one, 0 for SKT_FRAME_MAX */
};

/* Read an option's value: none, line, len16, len32 or chunk=N. Returns -1 when it is fine, else the offset of its first wrong
 * byte, and *ret is untouched. */
int skt_frame_parse(const char *value, struct skt_framing *ret);

/* A stream of MESSAGES over `below`, a stream of bytes, which is taken over, also on failure. Returns 0, or -SKT_E_LIMIT without memory.
 *
 * read: one message; -SKT_EMPTY for one without bytes; 0 at the end. -SKT_E_PEER where the bytes end within a message of LEN16 or
 * LEN32; -SKT_E_LIMIT (errno EMSGSIZE) where a message is longer than SKT_FRAME_MAX, or than the room: nothing is cut. Both
 * are final.
 * write: one message, all or nothing. -SKT_E_LIMIT (EMSGSIZE) where LEN16 cannot express its length: nothing is written then, and the
 * next may be. LINE adds a newline unless the message ends with one. What below does not take at once is held, one message
 * at most, and goes on when below wakes; until then write and shut say -SKT_AGAIN. */
int skt_frame_new(struct skt_stream *below, const struct skt_framing *how, struct skt_stream **ret,
		  struct skt_error *err);

#endif

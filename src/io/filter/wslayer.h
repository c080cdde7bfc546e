/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the WebSocket layer share: ws.c (the stream), wsopen.c (the handshake), wsread.c and wswrite.c (the two ways). Nobody
 * else includes this. */
#ifndef SKT_IO_FILTER_WSLAYER_H
#define SKT_IO_FILTER_WSLAYER_H

#include "io/filter/ws.h"
#include "io/filter/wsdeflate.h"
#include "wire/utf8.h"
#include "wire/wsframe.h"
#include "wire/wshandshake.h"

struct skt_ws_held {
	size_t at, n, cap; /* bytes[at] to bytes[at + n - 1] are held */
	char bytes[];
};

/* The steps of opening, in order. */
enum skt_ws_step {
	SKT_WS_BELOW, /* below opens */
	SKT_WS_ASK,   /* client: the request goes out */
	SKT_WS_HEAR,  /* the other's head comes in, into `in` */
	SKT_WS_SAY,   /* server: the answer goes out */
	SKT_WS_OPEN,
};

/* Where in a frame the next byte that comes in belongs. */
enum skt_ws_place {
	SKT_WS_HEADER,  /* the header: what has come of it is in `partial` */
	SKT_WS_CONTROL, /* the payload of a control frame, kept in `control` */
	SKT_WS_PAYLOAD, /* the payload of a message */
	SKT_WS_TAIL,    /* none: a compressed message has ended, and what the compressor still holds is given */
};

/* The message that comes in. */
struct skt_ws_message {
	bool is_within; /* its last frame has not begun */
	bool is_text, is_zipped;
	uint64_t n; /* bytes of it that were given; of one that is not compressed: or announced */
	struct skt_utf8 utf8;
};

enum { SKT_WS_KEYS = 16, SKT_WS_PAYLOAD_OF_PING = 8 };

/* Invariants: while `out` holds something no message is taken, and what is owed waits; nothing is sent after our Close; read_ret and
 * write_ret hold what every further call returns, once is_read_over and is_write_over. */
struct skt_ws {
	struct skt_stream stream;
	struct skt_loop *loop;
	struct skt_ws_config own;
	const struct skt_ws_config *config; /* own */
	struct skt_timer timer;             /* pings */
	struct skt_task task;               /* goes on reading what is long and brings nothing */
	struct skt_ws_seen seen;
	struct skt_wszip *zip; /* NULL: not agreed on */
	char *key;             /* client, while it opens: that was sent */
	enum skt_ws_step step;
	int refused; /* server: what opening returns once the answer has gone; 0: it was 101 */
	bool is_server, keeps_messages;
	bool takes_longer; /* the reader asks again with more room where it is told to */
	bool is_waiting;   /* `message` is whole, and waits for such a reader */

	struct skt_ws_held *in;      /* read and not yet gone through */
	struct skt_ws_held *message; /* the beginning of a message that is to be given whole */
	enum skt_ws_place place;
	struct skt_wsheader frame;
	uint64_t frame_seen; /* bytes of its payload that came */
	unsigned char partial[SKT_WS_HEADER_MAX], control[SKT_WS_CONTROL_MAX];
	uint8_t n_partial;
	struct skt_ws_message incoming;
	int read_ret;
	bool is_read_over, saw_close;
	bool may_answer; /* the peer has closed and waits for our Close; it takes messages until then */
	bool is_drained; /* below had nothing more when it was last read */
	bool heard;      /* bytes came since the last ping was due */

	struct skt_ws_held *out; /* the rest of what below has taken the beginning of */
	unsigned char keys[SKT_WS_KEYS][SKT_WS_KEY];
	uint8_t n_keys; /* those not yet used */
	struct skt_utf8 utf8;
	char tail[4]; /* text: the character that is not whole, utf8.seen bytes of it */
	unsigned char pong[SKT_WS_CONTROL_MAX];
	uint8_t n_pong;
	bool owes_pong, owes_ping, owes_close;
	int close_code; /* that we owe, or have sent */
	bool sent_close, is_below_shut;
	int write_ret;
	bool is_write_over;

	bool waits_for_pong;
	skt_time pinged_at; /* 0: the ping has not left */
};

static inline struct skt_ws *skt_ws_of(struct skt_stream *s)
{
	return (struct skt_ws *)(void *)((char *)s - offsetof(struct skt_ws, stream));
}

/* Hold a copy of n bytes, with room for cap. Returns 0, or -SKT_E_LIMIT as the stream's failure. */
int skt_ws_hold(struct skt_ws *w, struct skt_ws_held **held, const void *bytes, size_t n, size_t cap);
void skt_ws_drop(struct skt_ws_held **held);
/* Follow below, and know what the layer itself knows. */
void skt_ws_follow(struct skt_ws *w);
/* End both ways with a failure. Returns -err->kind. */
int skt_ws_fail(struct skt_ws *w, const struct skt_error *err);

/* wsopen.c */
int skt_ws_open(struct skt_stream *s);

/* wsread.c */
ssize_t skt_ws_read(struct skt_stream *s, void *buf, size_t n);

/* wswrite.c */
ssize_t skt_ws_write(struct skt_stream *s, const void *buf, size_t n);
int skt_ws_shut(struct skt_stream *s);
/* Send bytes as they are, or hold what below does not take. Nothing may be held. Returns 0 or -kind. */
int skt_ws_put(struct skt_ws *w, const char *bytes, size_t n);
/* Send what is held, then what is owed; when both have closed, shut below. Returns 0, -SKT_AGAIN, -kind. */
int skt_ws_flush(struct skt_ws *w);
/* From now on a Close is owed, unless one is or was. */
void skt_ws_owe_close(struct skt_ws *w, int code);

/* ws.c: the answer to our ping has come. */
void skt_ws_ponged(struct skt_ws *w);
/* Begin to send pings. */
int skt_ws_begin_pings(struct skt_ws *w);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* WebSocket (RFC 6455) over a stream of bytes, with permessage-deflate (RFC 7692): either end of one. */
#ifndef SKT_IO_FILTER_WS_H
#define SKT_IO_FILTER_WS_H

#include "io/stream.h"
#include "loop/loop.h"

/* The longest message where none was chosen. */
#define SKT_WS_MAX_MESSAGE ((uint64_t)16 * 1024 * 1024)

/* Copied; the texts are needed until the stream is open. */
struct skt_ws_config {
	const char *host; /* client: Host of the request, "example.org" or "example.org:8080" */
	const char *path; /* client: the target, "/" by default (NULL). server: the only path that is served, or NULL: any */
	const char *protocols; /* NULL, or names apart by commas: client: offered; server: those it speaks, in order of preference */
	/* client: sent as Origin, or NULL. server: those that are let in, apart by commas, "*" lets all in; NULL: a browser's Origin
	 * must be this very host. Who sends none is no browser, and let in. */
	const char *origin;
	const char *const *header; /* client: more fields, each "Name: value" */
	int n_header;
	bool text;    /* messages are sent as text (must then be valid UTF-8: else writing fails), else binary */
	bool deflate; /* offer, or accept, permessage-deflate */
	uint64_t max_message; /* bytes of one message after decompression; 0: SKT_WS_MAX_MESSAGE */
	skt_time ping; /* send a ping each so often, and give the peer up when one is unanswered for as long again; 0: never */
};

/* What was seen of one stream. */
struct skt_ws_seen {
	bool has_rtt;
	skt_time rtt, best_rtt; /* of the last answered ping, and of the fastest */
	uint64_t n_pings;       /* that were sent */
	int close_code;         /* of the peer; 0: none came; 1005: its Close had none */
	char protocol[64];      /* the subprotocol that was agreed on, or "" */
	char path[256];         /* server: the target that was asked for, with its query; cut where it is longer */
};

/* A WebSocket over `below`, a stream of bytes, which is owned from then on, also on failure. Returns 0 or -SKT_E_LIMIT.
 *
 * open: the handshake. -SKT_E_PEER where the peer speaks something else or refuses, -SKT_E_DENIED for 401 and 403, -SKT_E_USAGE where a
 * part of the request cannot stand in one. A server has then answered with the fitting status of HTTP.
 * read: payload as it comes, in whatever pieces (or messages: see skt_ws_keep_messages()); 0 where the peer has closed with 1000 or
 * no code: it takes messages still, and is answered with a Close by shut; or with 1001, and where it then waits no longer: the
 * stream is SKT_STREAM_GONE, and writing fails with EPIPE. -SKT_E_PEER where it closed otherwise, broke
 * the protocol (it is told so), or ended without a Close. -SKT_E_LIMIT (errno EMSGSIZE) where a message is longer than the
 * room, and -SKT_E_TIMEOUT where a ping was not answered. All are final.
 * write: what it takes becomes one message of one frame. What below does not take at once is held, and goes on when below wakes; until
 * then write and shut say -SKT_AGAIN. Text: a character that is not whole is held for the next write (of a stream of bytes; messages
 * must be whole); -SKT_E_IO (errno EILSEQ) where it is no UTF-8. -SKT_E_LIMIT (EMSGSIZE) for a message beyond 1 GiB: the next may go.
 * shut: sends a Close of code 1000; reading goes on until the peer's. */
int skt_ws_new_client(struct skt_loop *loop, struct skt_stream *below, const struct skt_ws_config *config,
		      struct skt_stream **ret, struct skt_error *err);
int skt_ws_new_server(struct skt_loop *loop, struct skt_stream *below, const struct skt_ws_config *config,
		      struct skt_stream **ret, struct skt_error *err);
/* Whether reads give whole messages (the stream is then of SKT_STREAM_MESSAGES), or bytes as they come (the default). Before the first
 * read or write. */
void skt_ws_keep_messages(struct skt_stream *s, bool keeps);
/* The reader understands -SKT_LONGER: messages may then be as long as max_message allows, whatever its room is. */
void skt_ws_take_longer(struct skt_stream *s);
/* What was seen of a stream that is one; false where it is not one. */
bool skt_ws_seen(const struct skt_stream *s, struct skt_ws_seen *ret);

#endif

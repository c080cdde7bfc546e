/* SPDX-License-Identifier: Apache-2.0 */
/* Who sees what links do, and cannot change it. */
#ifndef SKT_LINK_OBSERVER_H
#define SKT_LINK_OBSERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/unit.h"

enum skt_event_kind {
	SKT_EVENT_LISTENING, /* from */
	SKT_EVENT_OPENED,    /* link, from, to */
	SKT_EVENT_CLOSED,    /* link, from, to, sent, received, duration, how, err */
	SKT_EVENT_FAILED,    /* link, from, err: a link that was never opened */
	SKT_EVENT_REFUSED,   /* from: the access list said no */
	SKT_EVENT_STOPPING,  /* links: how many are still open; duration: how long they may go on */
	SKT_EVENT_NOTICE,    /* from, how: a sentence about what happened and is no failure */
	SKT_EVENT_STATS,     /* links, failed, refused, sent, received, duration */
};

/* What became of messages of datagram endpoints. */
struct skt_messages {
	uint64_t sent, received; /* from FROM to TO, and back */
	uint64_t dropped;        /* thrown away here, because nobody took them in time */
	uint64_t overflowed;     /* thrown away by the kernel, because a socket's buffer was full */
	uint64_t unreachable;    /* answered with an ICMP error */
	uint64_t too_long;       /* longer than the way takes */
	uint64_t away;           /* of peers that there was no room for */
};

/* What a receiver of video saw: datagrams of RTP, or packets of a bare MPEG transport stream. */
struct skt_media_seen {
	bool is_rtp;
	uint64_t received, lost, duplicates, reordered, malformed, resyncs;
	skt_time jitter; /* RTP: RFC 3550, section 6.4.1 */
};

/* What happened. Texts are valid during the call; members that the kind does not name are zero. */
struct skt_event {
	enum skt_event_kind kind;
	uint64_t link;              /* number of the link in this process, from 1 */
	const char *from, *to;      /* endpoints, with real addresses */
	const char *address, *path; /* LISTENING: the address without its port, or the socket's path */
	unsigned port;
	const char *pin, *fingerprint; /* LISTENING: of a certificate that was made, or NULL */
	uint64_t sent, received;       /* bytes delivered from FROM to TO, and back */
	skt_time duration;
	const char *how; /* "done", "idle", "cut", "failed"; NOTICE: the sentence */
	const struct skt_error *err;
	bool is_passing; /* FAILED: of a client that never became one; others are waited for */
	uint64_t links, failed, refused;
	skt_time ping,
		best_ping; /* CLOSED: round trips of pings of a WebSocket, the last and the best; 0: there were none */
	const struct skt_media_seen *media;  /* CLOSED, where one was received, else NULL */
	const struct skt_messages *messages; /* CLOSED, STATS: where datagrams were among it, else NULL */
};

/* Called on the thread of the link: an observer of several threads guards itself. */
struct skt_observer {
	void (*on)(struct skt_observer *observer, const struct skt_event *event);
	struct skt_observer *next;
};

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of datagram sockets, many with each call: recvmmsg(2), sendmmsg(2), and UDP's GRO and GSO (udp(7)). */
#ifndef SKT_IO_BATCH_H
#define SKT_IO_BATCH_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "loop/loop.h"
#include "sys/addr.h"

enum {
	SKT_BATCH = 64,          /* messages, or runs of them, with one call */
	SKT_MESSAGE_MAX = 65535, /* room for one, or one run; UDP's own limit is SKT_UDP_MAX */
	SKT_UDP_MAX = 65507,     /* bytes of payload: 65,535 less the headers of IPv4 and UDP (RFC 768) */
};

/* Which of our addresses a message was sent to: answers leave from there. A zeroed struct is none. */
struct skt_local {
	uint8_t family; /* AF_INET, AF_INET6, or 0 */
	uint32_t interface;
	union {
		struct in_addr v4;
		struct in6_addr v6;
	};
};

/* One message; or a run of messages of one size that came, or leave, together. */
struct skt_msg {
	const char *data;
	uint32_t n;       /* bytes in all */
	uint16_t segment; /* 0: it is one message; else the size of each, of which the last may be shorter */
};

/* How many messages a run is. */
static inline uint32_t skt_msg_count(const struct skt_msg *m)
{
	return m->segment && m->n > m->segment ? (m->n + m->segment - 1) / m->segment : 1;
}

/* What is still to send of a list. */
struct skt_rest {
	const struct skt_msg *msg;
	int n;
	uint32_t at; /* of a run that left in pieces: the bytes of msg[0] that have left */
};

/* The first of them, without what has left. */
static inline struct skt_msg skt_rest_first(const struct skt_rest *rest)
{
	struct skt_msg m = *rest->msg;

	m.data += rest->at;
	m.n -= rest->at;
	return m;
}

/* Bytes of the next single message. */
static inline uint32_t skt_rest_size(const struct skt_rest *rest)
{
	struct skt_msg m = skt_rest_first(rest);

	return m.segment && m.segment < m.n ? m.segment : m.n;
}

/* Leave out the next single message. */
static inline void skt_rest_skip(struct skt_rest *rest)
{
	rest->at += skt_rest_size(rest);
	if (rest->at < rest->msg->n)
		return;
	rest->at = 0;
	rest->msg++;
	rest->n--;
}

/* A socket, and what it can. */
struct skt_dgsock {
	int fd;
	bool is_udp;
	bool gso;          /* runs are sent with UDP_SEGMENT: Linux >= 4.18, until the device says no */
	bool wants_peer;   /* not connected: each message has a peer */
	bool wants_local;  /* bound to every address: each message has a local one */
	uint16_t gso_most; /* segments above this size do not pass */
	uint8_t most; /* messages with one call: SKT_BATCH, or 1 where what is not taken must stay with the sender */
	uint32_t overflows; /* messages that the kernel threw away because our buffer was full (SO_RXQ_OVFL) */
};

/* What was received. The data stays until the next receive on that loop. */
struct skt_received {
	struct skt_msg msg[SKT_BATCH];
	struct skt_addr peer[SKT_BATCH];   /* of a socket that wants_peer */
	struct skt_local local[SKT_BATCH]; /* of one that wants_local */
	bool cut[SKT_BATCH];               /* longer than SKT_MESSAGE_MAX: the rest is lost */
	int n;
	bool drained; /* nothing waited any more */
};

/* Where messages go; a NULL peer: the socket is connected. */
struct skt_dest {
	const struct sockaddr *peer;
	socklen_t peer_len;
	const struct skt_local *local; /* the address to come from, or NULL */
};

/* Prepare a socket of that family (bound or not): GRO, overflow counts, and for wants_local the local address of each message.
 * What the kernel does not have is left out. */
void skt_dgsock_init(struct skt_dgsock *s, int fd, int family, bool wants_peer, bool wants_local);

/* What this kernel cannot of UDP_GRO (Linux >= 5.0) and UDP_SEGMENT (4.18): the name of the first that it has not, or NULL. */
const char *skt_dgsock_lacks(void);

/* Receive what waits, at most SKT_BATCH. Returns how many (> 0; *ret is the loop's own, valid until the next call), -SKT_AGAIN,
 * or -SKT_E_IO with errno: an error that an earlier message has caused (ECONNREFUSED) is told once; -SKT_E_LIMIT: no memory. */
int skt_dgsock_receive(struct skt_dgsock *s, struct skt_loop *loop, struct skt_received **ret);

/* Send them to one place. Equal sizes that follow each other leave as one run. Returns how many messages have left, which are no
 * longer in `rest`. Where it still has some the next one failed: *sys is its errno (EAGAIN: no room now), else 0. */
uint32_t skt_dgsock_send(struct skt_dgsock *s, const struct skt_dest *to, struct skt_rest *rest, int *sys);

#endif

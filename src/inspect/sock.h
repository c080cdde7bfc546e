/* SPDX-License-Identifier: Apache-2.0 */
/* One socket of the machine, as the kernel describes it: plain data, whoever told it. */
#ifndef SKT_INSPECT_SOCK_H
#define SKT_INSPECT_SOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "base/unit.h"
#include "endpoint/ip.h"

enum skt_proto {
	SKT_PROTO_TCP,
	SKT_PROTO_UDP,
	SKT_PROTO_UNIX, /* streams */
	SKT_PROTO_UNIX_DGRAM,
	SKT_PROTO_UNIX_SEQPACKET,
	SKT_PROTO_VSOCK,
	SKT_PROTO_COUNT,
};

/* Sets of protocols. */
enum {
	SKT_PROTOS_IP = 1U << SKT_PROTO_TCP | 1U << SKT_PROTO_UDP,
	SKT_PROTOS_UNIX = 1U << SKT_PROTO_UNIX | 1U << SKT_PROTO_UNIX_DGRAM | 1U << SKT_PROTO_UNIX_SEQPACKET,
	SKT_PROTOS_ALL = (1U << SKT_PROTO_COUNT) - 1,
};

/* The kernel's own numbers (include/net/tcp_states.h), which it uses for other protocols too: a UDP socket that is bound is
 * CLOSE, one that is connected is ESTABLISHED. */
enum skt_sockstate {
	SKT_STATE_ESTABLISHED = 1,
	SKT_STATE_SYN_SENT,
	SKT_STATE_SYN_RECV,
	SKT_STATE_FIN_WAIT1,
	SKT_STATE_FIN_WAIT2,
	SKT_STATE_TIME_WAIT,
	SKT_STATE_CLOSE,
	SKT_STATE_CLOSE_WAIT,
	SKT_STATE_LAST_ACK,
	SKT_STATE_LISTEN,
	SKT_STATE_CLOSING,
	SKT_STATE_NEW_SYN_RECV,
	SKT_STATE_BOUND, /* TCP: bound, neither listening nor connected; Linux >= 6.8 tells */
	SKT_STATE_COUNT,
};

/* Sets of states, for struct skt_look. */
enum {
	SKT_STATES_ALL = (1U << SKT_STATE_COUNT) - 2,
	SKT_STATES_BOUND = 1U << SKT_STATE_LISTEN | 1U << SKT_STATE_CLOSE | 1U << SKT_STATE_BOUND, /* what holds a port */
	SKT_STATES_LIVE = SKT_STATES_ALL & ~(SKT_STATES_BOUND | 1U << SKT_STATE_TIME_WAIT),        /* connections */
};

/* What a connection waits for most; SKT_LIMIT_NONE where it cannot be known. */
enum skt_limited { SKT_LIMIT_NONE, SKT_LIMIT_APPLICATION, SKT_LIMIT_RECEIVER, SKT_LIMIT_SENDBUF, SKT_LIMIT_NETWORK };

/* What TCP knows about a connection: struct tcp_info of linux/tcp.h in our units. Members that the kernel is too old for are 0. */
struct skt_tcpinfo {
	skt_time rtt, rtt_variance, rtt_min;           /* 0: not measured yet */
	uint32_t congestion_window;                    /* segments */
	uint32_t slow_start_threshold;                 /* segments; UINT32_MAX: none yet */
	uint32_t mss_sent, mss_received;               /* bytes */
	uint32_t unacknowledged, lost, retransmitting; /* segments now */
	uint32_t retransmits;                          /* segments in all */
	uint64_t bytes_sent, bytes_acked,
		bytes_received; /* payload; sent counts retransmitted bytes too (Linux >= 4.19) */
	uint64_t bytes_retransmitted;
	uint32_t segments_out, segments_in;
	uint64_t delivery_rate, pacing_rate; /* bytes a second; 0: unknown */
	bool is_app_limited;                 /* the delivery rate was measured while the program wrote too little */
	skt_time busy, receiver_limited, sendbuf_limited; /* since the start */
	skt_time since_sent, since_received, since_ack;   /* since the last data sent and received, and the last ACK */
	uint32_t not_sent;                                /* bytes waiting for the window */
	char congestion[16];                              /* the algorithm: "cubic" */
};

struct skt_sock {
	uint8_t proto;                    /* enum skt_proto */
	uint8_t state;                    /* enum skt_sockstate */
	bool v6only;                      /* IPv6: takes no IPv4 */
	bool has_drops, has_queue;        /* whether the two were told */
	bool is_wanted;                   /* its owners were looked up, see census.h */
	int16_t netns;                    /* which look found it: index into the table's namespaces */
	struct skt_ip local, remote;      /* family 0 for unix and vsock, and where there is no remote */
	uint32_t local_port, remote_port; /* vsock: 32 bits; else 0-65535 */
	uint32_t local_cid, remote_cid;   /* vsock */
	uint32_t interface; /* index of the interface it is bound to, or of its link-local zone; 0: none */
	uint32_t uid;       /* of its maker; UINT32_MAX: unknown (TIME_WAIT, old kernels for unix) */
	uint64_t inode;     /* 0: no program has it (any more) */
	uint64_t cookie;    /* the kernel's name for it, never used twice; 0: unknown */
	uint64_t peer;      /* unix: the inode of the other end, or 0 */
	uint32_t queue,
		limit; /* listening: clients that wait to be accepted, and at most; else bytes received that the program has not read, and bytes sent that are not acknowledged */
	uint32_t drops; /* what came and was thrown away because a queue was full */
	uint32_t name,
		name_len; /* unix: where its name lies in the table's names; an abstract one begins with NUL. len 0: none */
	int32_t info;     /* index into the table's infos, or -1 */
};

/* Stable words, for JSON and filters: "tcp", "udp", "unix", "unix-dgram", "unix-seqpacket", "vsock". */
const char *skt_proto_name(enum skt_proto proto);
/* "established", "syn-sent", ..., "listen", "bound"; a bound UDP or unix datagram socket is "bound". */
const char *skt_sock_state_name(const struct skt_sock *s);
/* The state of that word, or 0. */
unsigned skt_sockstate_find(const char *word);
/* Word of state i, or NULL. */
const char *skt_sockstate_name(unsigned state);
/* "application", "receiver", "send buffer", "network", or NULL. */
const char *skt_limited_name(enum skt_limited limited);

/* Whether it waits for others: a listening stream, or a bound datagram socket that is not connected. */
bool skt_sock_is_bound(const struct skt_sock *s);
bool skt_sock_is_stream(const struct skt_sock *s);

/* Who can reach a bound socket. */
enum skt_reach { SKT_REACH_LOOPBACK, SKT_REACH_ADDRESS, SKT_REACH_INTERFACE, SKT_REACH_ANY, SKT_REACH_LOCAL };
/* LOCAL: unix; INTERFACE: any address, but one interface. */
enum skt_reach skt_sock_reach(const struct skt_sock *s);
/* Stable words: "loopback", "address", "interface", "any", "local". */
const char *skt_reach_name(enum skt_reach reach);

/* Whether the socket takes what is sent to IPv4, to IPv6 addresses: a dual-stack one both. */
bool skt_sock_takes_v4(const struct skt_sock *s);
bool skt_sock_takes_v6(const struct skt_sock *s);

/* Append "127.0.0.1:80", "[fe80::1%eth0]:80", "any" for no address: "[::]:80" stays as it is. */
void skt_sock_print(const struct skt_ip *ip, uint32_t interface, uint32_t port, struct skt_text *ret);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Transports: each opens the endpoints of one scheme. None of them moves bytes. */
#ifndef SKT_TRANSPORT_TRANSPORT_H
#define SKT_TRANSPORT_TRANSPORT_H

#include "endpoint/endpoint.h"
#include "io/listener.h"
#include "io/stream.h"
#include "loop/loop.h"

/* Why an endpoint is dialled: what the side that is there already knows. */
struct skt_origin {
	struct skt_addr peer, local; /* of the accepted connection; zeroed where there is none */
	const char *scheme;          /* of that connection, or NULL */
	bool is_source;   /* it stands first (FROM): files are read. Else they are written where nothing else is said */
	bool many;        /* one link of several: files are appended to; children get a process group of their own */
	bool has_data;    /* bytes wait to be sent the moment the endpoint is open */
	bool is_dgram;    /* the side that is there is one of messages without a connection */
	bool is_tolerant; /* datagrams: an error that a message causes (nobody has that port) does not end it */
};

struct skt_transport {
	const char *scheme;
	int n_fds; /* descriptors that one opened endpoint holds */
	/* Start to open. The stream may still be opening: skt_stream_open() until it is not AGAIN. Returns 0 or -kind. */
	int (*dial)(struct skt_loop *loop, const struct skt_endpoint *e, const struct skt_origin *origin,
		    struct skt_stream **ret, struct skt_error *err);
	/* Start to listen, on every address of the endpoint. NULL: cannot. Returns 0 or -kind. */
	int (*listen)(struct skt_loop *loop, const struct skt_endpoint *e, struct skt_listener **ret,
		      struct skt_error *err);
};

/* The transport that opens this endpoint, or NULL with an error that says what this version cannot open. */
const struct skt_transport *skt_transport_of(const struct skt_endpoint *e, struct skt_error *err);
/* Whether it listens where it stands first: its role, its scheme and its options (fd: what the descriptor is) decide. */
bool skt_transport_listens(const struct skt_endpoint *e);
/* Transport i, or NULL after the last. */
const struct skt_transport *skt_transport_at(int i);

/* The one list (table.c) is made of these. */
extern const struct skt_transport skt_tcp, skt_tcp4, skt_tcp6, skt_udp, skt_unix_dgram, skt_unix, skt_unix_seqpacket,
	skt_vsock, skt_stdio, skt_fdnumber, skt_file, skt_fifo, skt_exec, skt_pty, skt_echo, skt_discard, skt_chargen,
	skt_daytime, skt_text_transport;

#endif

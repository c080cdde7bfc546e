/* SPDX-License-Identifier: Apache-2.0 */
/* Blocking streams: a stream and the loop that it alone lives on. */
#ifndef SKT_API_STREAM_H
#define SKT_API_STREAM_H

#include "base/text.h"
#include "endpoint/endpoint.h"
#include "io/stream.h"
#include "loop/loop.h"
#include "soket.h"
#include "sys/addr.h"

struct soket_stream {
	struct skt_loop *loop;
	struct skt_stream *stream;
	struct skt_endpoint e; /* what was dialled; zeroed where it was accepted */
	struct skt_text peer, local;
	uint64_t sent, received;
	bool is_shut, is_finished;
};

/* Wrap an accepted stream, which lives on `loop`; both are taken over, also on failure. `from` names the listener for
 * a peer without an address. Returns 0 or -SKT_E_LIMIT. */
int skt_api_stream_new(struct skt_loop *loop, struct skt_stream *stream, const char *from, struct soket_stream **ret,
		       struct skt_error *err);

#endif

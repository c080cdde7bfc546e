/* SPDX-License-Identifier: Apache-2.0 */
/* Who sees what the connections of an HTTP server do, and cannot change it. */
#ifndef SKT_HTTP_WATCH_H
#define SKT_HTTP_WATCH_H

#include "base/unit.h"
#include "http/request.h"
#include "io/stream.h"

enum skt_http_happening {
	SKT_HTTP_OPENED,   /* stream: may be looked at during the call */
	SKT_HTTP_REQUEST,  /* method, path */
	SKT_HTTP_ANSWERED, /* method, status, bytes of the body: everything was handed to the kernel */
	SKT_HTTP_CLOSED,   /* by, taken, given; stream */
};

enum skt_http_closer { SKT_HTTP_BY_US, SKT_HTTP_BY_PEER, SKT_HTTP_BY_FAILURE };

struct skt_http_event {
	enum skt_http_happening what;
	uint64_t connection; /* its number, as in events of links */
	uint64_t request;    /* the number of the request on it, from 1 */
	struct skt_stream *stream;
	struct skt_span method, path; /* path: encoded, without the query */
	int status;
	uint64_t bytes;
	enum skt_http_closer by;
	uint64_t taken, given; /* bytes of the whole connection */
};

/* Called on the thread of the connection: a watch of several threads guards itself. */
struct skt_http_watch {
	void (*on)(struct skt_http_watch *watch, const struct skt_http_event *event);
};

#endif

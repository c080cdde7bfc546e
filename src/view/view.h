/* SPDX-License-Identifier: Apache-2.0 */
/* The live page: a small HTTP server of this process, on a thread of its own, that shows a browser what the process and the machine do. */
#ifndef SKT_VIEW_VIEW_H
#define SKT_VIEW_VIEW_H

#include "endpoint/endpoint.h"
#include "http/exchange.h"

struct skt_view_options {
	const struct skt_endpoint *at; /* where to listen, on the loopback network; NULL: a port that the kernel picks, both families */
	const char *page;              /* "view", "serve", "link", "listen" or "demo"; static */
	const char *version;           /* of soket; static */
	struct skt_http_handler *rest; /* answers what is not below the token, on the page's thread; NULL: that is not found */
};

struct skt_view;

/* Start it. To be called before the process gives up its rights: the page's thread keeps those that there are now, so that it can look
 * at other processes. Links are shown where their relays have names_links. `at` may be released afterwards. Returns 0; -SKT_E_USAGE:
 * built without the page, or `at` is not for it; -SKT_E_INUSE and what else listening gives; -SKT_E_LIMIT. */
int skt_view_start(const struct skt_view_options *options, struct skt_view **ret, struct skt_error *err);
/* Where a browser finds it, with its token. Valid until it is stopped. */
const char *skt_view_url(const struct skt_view *view);
/* End it: every connection is closed. Returns when its thread has ended. NULL is fine. */
void skt_view_stop(struct skt_view *view);

#endif

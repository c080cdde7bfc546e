/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands that show the live page have in common. */
#ifndef SKT_CLI_VIEWING_H
#define SKT_CLI_VIEWING_H

#include "base/json.h"
#include "view/view.h"

/* A row of the flag tables. */
#define SKT_FLAG_VIEW                                                                                        \
	{                                                                                                    \
		.name = "view", .help = N_("show what happens on a live page, in a browser of this machine") \
	}

/* Start the page of that command, at that endpoint or (NULL) on a port that the kernel picks; `rest` as in the options. As
 * skt_view_start(). */
int skt_viewing_start(const char *page, const struct skt_endpoint *at, struct skt_http_handler *rest,
		      struct skt_view **ret, struct skt_error *err);
/* Whether this build has the page. */
bool skt_viewing_is_built(void);
/* The event that tells where it is, as an object. */
void skt_viewing_event(const struct skt_view *view, struct skt_json *j);

#endif

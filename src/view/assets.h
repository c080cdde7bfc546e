/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the live page, embedded when it is built. */
#ifndef SKT_VIEW_ASSETS_H
#define SKT_VIEW_ASSETS_H

#include <stddef.h>

struct skt_asset {
	const char *name; /* "page.js"; "" is index.html */
	const char *type; /* of its content */
	const unsigned char *gzip;
	size_t n_gzip, n_plain; /* bytes, compressed and not */
	const char *etag;       /* strong, in its quotes */
};

/* None where soket was built without the page. */
extern const struct skt_asset skt_assets[];
extern const int skt_n_assets;

#endif

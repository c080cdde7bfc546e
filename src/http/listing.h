/* SPDX-License-Identifier: Apache-2.0 */
/* What is in a directory, as a page and as JSON. Pure. */
#ifndef SKT_HTTP_LISTING_H
#define SKT_HTTP_LISTING_H

#include <stdint.h>

#include "base/text.h"
#include "wire/httphead.h"

struct skt_listing_entry {
	char *name;
	bool is_directory, is_other; /* is_other: neither file nor directory */
	int64_t size;                /* bytes, of files */
	int64_t mtime;               /* seconds since 1970 */
};

enum skt_listing_key { SKT_LISTING_NAME, SKT_LISTING_SIZE, SKT_LISTING_TIME };

struct skt_listing {
	const char *path; /* relative, decoded; "" is the root */
	struct skt_listing_entry *entry;
	size_t n;
	enum skt_listing_key key;
	bool descends;
	bool uploads;       /* there is a form for files to be uploaded */
	bool is_indonesian; /* else English */
};

/* From the query of a request: "sort=size&order=desc"; what is not known is as if it had not come. */
void skt_listing_query(struct skt_span query, struct skt_listing *ret);
/* Directories first, then by the key; what is equal by name. */
void skt_listing_sort(struct skt_listing *l);
/* A page, complete in itself: no script, its style inline. */
void skt_listing_html(const struct skt_listing *l, struct skt_text *ret);
/* The Content-Security-Policy that lets just that style pass. Static. */
const char *skt_listing_policy(void);
/* An array of objects: name, type ("directory", "file", "other"), size, mtime (RFC 3339). Names that are not UTF-8 are shown as they can be, and
 * `url` is how they are asked for. */
void skt_listing_json(const struct skt_listing *l, struct skt_text *ret);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A directory as a site: the handler that answers with its files. */
#ifndef SKT_HTTP_SITE_H
#define SKT_HTTP_SITE_H

#include "http/exchange.h"
#include "http/tree.h"

struct skt_passwords;

/* What is served, and how. The texts must outlive the site. */
struct skt_site_options {
	const char *dir;
	bool spa;                        /* what is not there is /index.html */
	bool cors;                       /* pages of any origin may read */
	bool follows;                    /* symbolic links may lead out of the directory */
	bool hidden;                     /* names that begin with a dot are there */
	bool no_listing;                 /* a directory without index.html is refused */
	bool no_compress;                /* contents are sent as they are */
	bool uploads;                    /* PUT, and POST of forms */
	int64_t upload_max;              /* bytes of one file; 0: no limit */
	const char *lines;               /* more lines for every answer, each with its CRLF, or "" */
	struct skt_passwords *passwords; /* who may come in, or NULL: everybody */
};

struct skt_site;

/* Open the directory. Returns 0, or -kind. */
int skt_site_new(const struct skt_site_options *options, struct skt_site **ret, struct skt_error *err);
struct skt_http_handler *skt_site_handler(struct skt_site *site);
void skt_site_free(struct skt_site *site);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a site share: site.c finds what is meant, content.c answers with a file, dirlist.c with a directory, upload.c takes files. */
#ifndef SKT_HTTP_SITEPARTS_H
#define SKT_HTTP_SITEPARTS_H

#include "http/files.h"
#include "http/site.h"
#include "loop/job.h"
#include "wire/httppath.h"

enum { SKT_SITE_PATH = 4096 };

struct skt_site {
	struct skt_http_handler handler;
	struct skt_site_options options;
	struct skt_tree tree;
	struct skt_text lines; /* for every answer: options.lines, and CORS */
};

/* A thread's own. */
struct skt_siteplace {
	struct skt_site *site;
	struct skt_files *files;
	struct skt_jobs *jobs;
	char path[SKT_SITE_PATH]; /* of the request that is being handled */
	char room[SKT_FILE_SMALL];
};

/* What an exchange of a site waits for: let go when it ends. */
struct skt_sitework {
	void (*ended)(struct skt_sitework *work, bool good);
};

/* Answer with a file (which is let go), as its request asks: conditions, coding, parts. */
void skt_content_answer(struct skt_siteplace *place, struct skt_exchange *x, struct skt_file *file);
/* What the conditions of a request (RFC 9110, section 13) lead to, about a content with that tag and those times; `etag` NULL: there is none. 0: go
 * on; 304; or 412. */
int skt_content_conditions(const struct skt_request *r, const char *etag, const struct stat *st);
/* The field that says what may vary, and those of every answer, for answers that are not a file's. */
void skt_site_fields(const struct skt_site *site, struct skt_exchange *x);
/* Answer with an errno of the file system. */
void skt_site_refuse(struct skt_siteplace *place, struct skt_exchange *x, int sys);

/* Find what a request is about, and answer. */
void skt_site_route(struct skt_siteplace *place, struct skt_exchange *x);
/* The same for those who show a password. */
void skt_gate_pass(struct skt_siteplace *place, struct skt_exchange *x);

/* Answer with what is in a directory, whose relative path this is. */
void skt_dirlist_answer(struct skt_siteplace *place, struct skt_exchange *x, const char *path);

/* Take PUT, or POST of a form into a directory. */
void skt_upload_put(struct skt_siteplace *place, struct skt_exchange *x, const char *path);
/* What stands against an upload, before anything is opened: 0, or a status with *why. */
int skt_upload_refusal(const struct skt_siteplace *place, const struct skt_request *r, const char *path,
		       const char **why);
void skt_upload_post(struct skt_siteplace *place, struct skt_exchange *x, const char *path);

#endif

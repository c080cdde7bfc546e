/* SPDX-License-Identifier: Apache-2.0 */
/* A directory as a site.
 *
 * How it works: from the target to a relative path, from the path to what it names, and from that to whoever answers: a file
 * (content.c), a directory (its index.html, or dirlist.c), an upload (upload.c). Nothing is opened but through the tree, which keeps everything
 * beneath the directory. */
#include "http/site.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "http/siteparts.h"

static struct skt_site *site_of(struct skt_http_handler *handler)
{
	return SKT_OUTER(handler, struct skt_site, handler);
}

void skt_site_fields(const struct skt_site *site, struct skt_exchange *x)
{
	skt_exchange_lines(x, site->lines.s ? site->lines.s : "", site->lines.len);
}

/* What the file system says, as an answer. Who asks learns no more than what is served. */
static const struct {
	int sys, status;
	const char *why;
} site_refusals[] = {
	{ ENOENT, 404, "nothing has that name here" },
	{ ENOTDIR, 404, "nothing has that name here" },
	{ ENAMETOOLONG, 404, "no name is that long" },
	{ EACCES, 403, "the server may not read it" },
	{ EPERM, 403, "the server may not read it" },
	{ EXDEV, 403, "a symbolic link leads out of what is served here" },
	{ ELOOP, 403, "symbolic links are not followed there" },
	{ ENXIO, 403, "it is neither a file nor a directory" },
	{ EMFILE, 503, "too many files are open" },
	{ ENFILE, 503, "too many files are open" },
	{ ENOMEM, 503, "there is no memory left" },
	{ ESTALE, 404, "it is gone" },
};

void skt_site_refuse(struct skt_siteplace *place, struct skt_exchange *x, int sys)
{
	int status = 500;
	const char *why = "it cannot be read";

	for (size_t i = 0; i < SKT_LENGTH(site_refusals); i++)
		if (site_refusals[i].sys == sys) {
			status = site_refusals[i].status;
			why = site_refusals[i].why;
		}
	skt_site_fields(place->site, x);
	if (status == 503)
		skt_exchange_field(x, "Retry-After", "1");
	skt_exchange_reply_status(x, status, why);
}

static void site_options(struct skt_site *site, struct skt_exchange *x)
{
	const struct skt_request *r = skt_exchange_request(x);
	struct skt_span headers = r->field[SKT_FIELD_REQUEST_HEADERS];
	const char *methods = site->options.uploads ? "GET, HEAD, OPTIONS, POST, PUT" : "GET, HEAD, OPTIONS";

	skt_exchange_field(x, "Allow", methods);
	skt_site_fields(site, x);
	if (site->options.cors && r->field[SKT_FIELD_REQUEST_METHOD].s) {
		skt_exchange_field(x, "Access-Control-Allow-Methods", methods);
		if (headers.s)
			skt_exchange_fieldf(x, "Access-Control-Allow-Headers", "%.*s", (int)headers.n, headers.s);
		skt_exchange_field(x, "Access-Control-Max-Age", "86400");
	}
	skt_exchange_reply(x, 204, NULL, NULL, 0);
}

static void site_not_allowed(struct skt_site *site, struct skt_exchange *x)
{
	skt_exchange_field(x, "Allow", site->options.uploads ? "GET, HEAD, OPTIONS, POST, PUT" : "GET, HEAD, OPTIONS");
	skt_site_fields(site, x);
	skt_exchange_reply_status(x, 405, "that method is not answered here; Allow says which are");
}

/* With a slash behind it: relative links of the page lead into the directory then. */
static void site_redirect(struct skt_siteplace *place, struct skt_exchange *x)
{
	struct skt_span query = skt_exchange_request(x)->query;
	struct skt_text location = { 0 };

	skt_text_addc(&location, '/');
	skt_httppath_encode(place->path, &location);
	skt_text_addc(&location, '/');
	if (query.s) {
		skt_text_addc(&location, '?');
		skt_text_addn(&location, query.s, query.n);
	}
	skt_exchange_field(x, "Location", skt_text_get(&location));
	skt_text_release(&location);
	skt_site_fields(place->site, x);
	skt_exchange_reply_status(x, 301, "a directory ends in a slash");
}

/* The page of a directory: its own, or the list of what is in it. */
static void site_directory(struct skt_siteplace *place, struct skt_exchange *x)
{
	size_t n = strlen(place->path);
	struct skt_file *file;
	int sys = ENAMETOOLONG;

	if (n + sizeof("/index.html") <= sizeof(place->path)) {
		(void)snprintf(place->path + n, sizeof(place->path) - n, "%sindex.html", n ? "/" : "");
		sys = skt_files_get(place->files, place->path, &file);
		place->path[n] = '\0';
	}
	if (sys == 0 && !file->is_directory) {
		skt_content_answer(place, x, file);
		return;
	}
	if (sys == 0)
		skt_file_let_go(file);
	if (sys && sys != ENOENT && sys != ENAMETOOLONG)
		skt_site_refuse(place, x, sys);
	else if (place->site->options.no_listing)
		skt_site_refuse(place, x, EACCES);
	else
		skt_dirlist_answer(place, x, place->path);
}

/* A single-page application routes by itself: what is not there is its page. Names with a suffix are files that are missing. */
static bool site_spa(struct skt_siteplace *place, struct skt_exchange *x)
{
	struct skt_span accept = skt_exchange_request(x)->field[SKT_FIELD_ACCEPT];
	const char *last = strrchr(place->path, '/');
	struct skt_file *file;

	last = last ? last + 1 : place->path;
	if (!place->site->options.spa || (strchr(last, '.') && !(accept.s && memmem(accept.s, accept.n, "text/html", 9))))
		return false;
	if (skt_files_get(place->files, "index.html", &file) != 0)
		return false;
	if (file->is_directory) {
		skt_file_let_go(file);
		return false;
	}
	skt_content_answer(place, x, file);
	return true;
}

static void site_get(struct skt_siteplace *place, struct skt_exchange *x, const struct skt_httppath *facts)
{
	struct skt_file *file;
	int sys = skt_files_get(place->files, place->path, &file);

	if (sys == 0 && file->is_directory) {
		skt_file_let_go(file);
		if (facts->ends_in_slash)
			site_directory(place, x);
		else
			site_redirect(place, x);
		return;
	}
	if (sys == 0 && !facts->ends_in_slash) {
		skt_content_answer(place, x, file);
		return;
	}
	if (sys == 0) {
		skt_file_let_go(file);
		sys = ENOTDIR;
	}
	if ((sys == ENOENT || sys == ENOTDIR) && site_spa(place, x))
		return;
	skt_site_refuse(place, x, sys);
}

/* From the target to place->path. False: it was answered. */
static bool site_path(struct skt_siteplace *place, struct skt_exchange *x, struct skt_httppath *facts)
{
	const struct skt_site *site = place->site;

	switch (skt_httppath_decode(skt_exchange_request(x)->path, place->path, sizeof(place->path), facts)) {
	case SKT_PATH_MALFORMED:
		skt_site_fields(site, x);
		skt_exchange_reply_status(x, 400, "the path is malformed");
		return false;
	case SKT_PATH_CLIMBS:
		skt_site_fields(site, x);
		skt_exchange_reply_status(x, 400, "the path leads above its root");
		return false;
	case SKT_PATH_LONG:
		skt_site_fields(site, x);
		skt_exchange_reply_status(x, 414, "the path is too long");
		return false;
	case SKT_PATH_GOOD:
		break;
	}
	if (facts->is_hidden && !site->options.hidden && strncmp(place->path, ".well-known/", 12) != 0) {
		skt_site_refuse(place, x, ENOENT);
		return false;
	}
	return true;
}

void skt_site_route(struct skt_siteplace *place, struct skt_exchange *x)
{
	struct skt_site *site = place->site;
	enum skt_method method = skt_exchange_request(x)->method;
	struct skt_httppath facts;
	bool writes = method == SKT_METHOD_PUT || method == SKT_METHOD_POST;

	if (method != SKT_METHOD_GET && method != SKT_METHOD_HEAD && !(writes && site->options.uploads)) {
		site_not_allowed(site, x);
		return;
	}
	if (!site_path(place, x, &facts))
		return;
	if (method == SKT_METHOD_PUT && facts.ends_in_slash) {
		skt_site_fields(site, x);
		skt_exchange_reply_status(x, 400, "a file is put under a name, not under a directory");
	} else if (method == SKT_METHOD_PUT)
		skt_upload_put(place, x, place->path);
	else if (method == SKT_METHOD_POST)
		skt_upload_post(place, x, place->path);
	else
		site_get(place, x, &facts);
}

static void site_handle(struct skt_http_handler *handler, struct skt_exchange *x)
{
	struct skt_site *site = site_of(handler);

	if (skt_exchange_request(x)->method == SKT_METHOD_OPTIONS) /* a preflight brings no password */
		site_options(site, x);
	else if (site->options.passwords)
		skt_gate_pass(skt_exchange_place(x), x);
	else
		skt_site_route(skt_exchange_place(x), x);
}

static void site_ended(struct skt_http_handler *handler, struct skt_exchange *x, bool good)
{
	struct skt_sitework *work = skt_exchange_user(x);

	(void)handler;
	if (work)
		work->ended(work, good);
}

static void site_close(struct skt_http_handler *handler, void *at)
{
	struct skt_siteplace *place = at;

	(void)handler;
	skt_jobs_free(place->jobs);
	skt_files_free(place->files);
	skt_free(place);
}

static int site_open(struct skt_http_handler *handler, struct skt_loop *loop, void **ret, struct skt_error *err)
{
	struct skt_site *site = site_of(handler);
	struct skt_siteplace *place = SKT_NEW(struct skt_siteplace);
	int failed;

	if (!place)
		return skt_fail_memory(err);
	place->site = site;
	place->files = skt_files_new(loop, &site->tree, skt_text_get(&site->lines));
	failed = place->files ? skt_jobs_new(loop, &place->jobs, err) : skt_fail_memory(err);
	if (failed < 0) {
		site_close(handler, place);
		return failed;
	}
	*ret = place;
	return 0;
}

int skt_site_new(const struct skt_site_options *options, struct skt_site **ret, struct skt_error *err)
{
	struct skt_site *site = SKT_NEW(struct skt_site);
	int failed;

	if (!site)
		return skt_fail_memory(err);
	site->handler = (struct skt_http_handler){
		.open = site_open, .close = site_close, .handle = site_handle, .ended = site_ended
	};
	site->options = *options;
	skt_text_add(&site->lines, options->lines ? options->lines : "");
	if (options->cors)
		skt_text_add(&site->lines, "Access-Control-Allow-Origin: *\r\n");
	if (options->uploads) /* a file from a stranger is not run as what it might look like */
		skt_text_add(&site->lines, "X-Content-Type-Options: nosniff\r\n");
	site->tree.fd = -1;
	failed = site->lines.failed ? skt_fail_memory(err)
				    : skt_tree_open(&site->tree, options->dir, options->follows, err);
	if (failed < 0)
		skt_site_free(site);
	else
		*ret = site;
	return failed;
}

struct skt_http_handler *skt_site_handler(struct skt_site *site)
{
	return &site->handler;
}

void skt_site_free(struct skt_site *site)
{
	if (!site)
		return;
	skt_tree_close(&site->tree);
	skt_text_release(&site->lines);
	skt_free(site);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads: PUT of a file, whole or a piece of it (Content-Range).
 *
 * How it works: the body goes to an incoming file as it comes. When it is whole, a thread beside the loop brings it to the disk and puts it in its
 * place, and then it is answered. A PUT that is cut leaves its part, to be gone on with: Content-Range "bytes * /SIZE" (without the blank) asks
 * how much of it is there, and the answer's Upload-Offset tells. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "http/incoming.h"
#include "http/siteparts.h"
#include "sys/call.h"
#include "wire/httprange.h"

struct put {
	struct skt_sitework work; /* the exchange's */
	struct skt_job job;
	struct skt_siteplace *place;
	struct skt_exchange *x; /* NULL: it has gone */
	struct skt_incoming in;
	const char *why;
	int status;      /* what commit said */
	bool is_working; /* the job has it */
	char path[];
};

static void put_free(struct put *p, bool keep)
{
	skt_incoming_release(&p->in, keep);
	skt_free(p);
}

/* The exchange has ended: a job that runs goes on, and the file comes to its place. */
static void put_ended(struct skt_sitework *work, bool good)
{
	struct put *p = SKT_OUTER(work, struct put, work);

	(void)good;
	p->x = NULL;
	if (!p->is_working)
		put_free(p, true);
}

/* Answer, and let it go. */
static void put_answer(struct put *p, int status, const char *why, bool keep)
{
	struct skt_exchange *x = p->x;
	struct skt_text location = { 0 };

	skt_exchange_set_user(x, NULL);
	skt_site_fields(p->place->site, x);
	if (status == 202 || status == 416)
		skt_exchange_fieldf(x, "Upload-Offset", "%lld", (long long)p->in.at);
	if (status == 201) {
		skt_text_addc(&location, '/');
		skt_httppath_encode(p->path, &location);
		skt_exchange_field(x, "Location", skt_text_get(&location));
		skt_text_release(&location);
	}
	put_free(p, keep);
	if (status < 300)
		skt_exchange_reply(x, status, NULL, NULL, 0);
	else
		skt_exchange_reply_status(x, status, why);
}

static void put_work(struct skt_job *job)
{
	struct put *p = SKT_OUTER(job, struct put, job);

	p->status = skt_incoming_commit(&p->in, &p->why);
}

static void put_done(struct skt_job *job)
{
	struct put *p = SKT_OUTER(job, struct put, job);

	p->is_working = false;
	if (!p->x)
		put_free(p, false);
	else if (p->status)
		put_answer(p, p->status, p->why, false);
	else
		put_answer(p, p->in.is_new ? 201 : 204, NULL, true);
}

static int put_take(void *user, struct skt_exchange *x, const char *bytes, size_t n)
{
	struct put *p = user;

	(void)x;
	return skt_incoming_write(&p->in, bytes, n, &p->why);
}

static void put_whole(struct put *p)
{
	p->job.work = put_work;
	p->job.done = put_done;
	p->is_working = true;
	if (skt_jobs_start(p->place->jobs, &p->job) == 0)
		return;
	p->is_working = false;
	put_answer(p, 503, "too much is being written", true);
}

static void put_end(void *user, struct skt_exchange *x, bool good)
{
	struct put *p = user;

	(void)x;
	if (!good && p->why) /* it could not be written: what is there is of no use, and a full disk needs the room */
		put_answer(p, skt_exchange_sink_status(x), p->why, false);
	else if (good && skt_incoming_is_whole(&p->in))
		put_whole(p);
	else if (good)
		put_answer(p, 202, NULL, true);
	/* else it was cut: put_ended() keeps what has come */
}

static const struct skt_http_sink put_sink = { .take = put_take, .end = put_end };

/* Where the bytes belong. False: malformed. */
static bool put_range(const struct skt_request *r, int64_t *first, int64_t *total, int64_t *expected)
{
	struct skt_span field = r->field[SKT_FIELD_CONTENT_RANGE];
	int64_t last;

	*first = 0;
	*expected = r->is_chunked ? -1 : r->length;
	*total = *expected;
	if (!field.s)
		return true;
	if (!skt_range_content(field, first, &last, total))
		return false;
	if (*first < 0) /* asks how much is there */
		return !r->is_chunked && r->length == 0;
	if (*total < 0) /* a piece, and nobody knows of how much: the next ones may tell */
		*total = SKT_INCOMING_OPEN;
	return !r->is_chunked && r->length == last - *first + 1;
}

/* Pages of other origins may make a browser send forms: only the site's own may upload. */
static bool upload_is_foreign(const struct skt_siteplace *place, const struct skt_request *r)
{
	struct skt_span origin = r->field[SKT_FIELD_ORIGIN], host = r->field[SKT_FIELD_HOST],
			site = r->field[SKT_FIELD_FETCH_SITE];
	const char *at;

	if (place->site->options.cors)
		return false;
	if (site.s && !skt_span_is(site, "same-origin") && !skt_span_is(site, "none"))
		return true;
	if (!origin.s)
		return false;
	at = memmem(origin.s, origin.n, "://", 3);
	return !at || (size_t)(origin.s + origin.n - at - 3) != host.n || strncasecmp(at + 3, host.s, host.n) != 0;
}

/* Whether something has that name that is no readable file: a link, wherever it leads, a pipe, ... */
static bool upload_is_taken(const struct skt_siteplace *place, const char *path, struct stat *ret)
{
	const char *name;
	int dir = skt_tree_parent(&place->site->tree, path, &name);
	bool is_taken = dir >= 0 && skt_sys.fstatat(dir, name, ret, AT_SYMLINK_NOFOLLOW) == 0;

	skt_close(dir);
	return is_taken;
}

/* What the conditions say of what has that name now. */
static int upload_conditions(const struct skt_siteplace *place, const struct skt_request *r, const char *path)
{
	static const char no_tag[] = "?"; /* "*" has it, and no list can */
	struct skt_file *file = NULL;
	struct stat st;
	int status;

	if (skt_files_get(place->files, path, &file) == 0)
		status = skt_content_conditions(r, file->etag, &file->st);
	else if (upload_is_taken(place, path, &st))
		status = skt_content_conditions(r, no_tag, &st);
	else
		status = skt_content_conditions(r, NULL, NULL);
	skt_file_let_go(file);
	return status;
}

int skt_upload_refusal(const struct skt_siteplace *place, const struct skt_request *r, const char *path, const char **why)
{
	if (upload_is_foreign(place, r)) {
		*why = "pages of other origins may not upload here";
		return 403;
	}
	if (r->field[SKT_FIELD_CONTENT_ENCODING].s &&
	    !skt_span_is_nocase(r->field[SKT_FIELD_CONTENT_ENCODING], "identity")) {
		*why = "a file is uploaded as it is, without a coding";
		return 415;
	}
	*why = "what has that name is not what the request expects";
	return r->method == SKT_METHOD_PUT ? upload_conditions(place, r, path) : 0;
}

static struct put *put_new(struct skt_siteplace *place, struct skt_exchange *x, const char *path)
{
	struct put *p = skt_zalloc(sizeof(*p) + strlen(path) + 1);

	if (!p)
		return NULL;
	memcpy(p->path, path, strlen(path) + 1);
	p->place = place;
	p->x = x;
	p->work.ended = put_ended;
	p->in.fd = p->in.dir = -1;
	return p;
}

void skt_upload_put(struct skt_siteplace *place, struct skt_exchange *x, const char *path)
{
	const struct skt_request *r = skt_exchange_request(x);
	int64_t first, total, expected;
	const char *why = NULL;
	int status = skt_upload_refusal(place, r, path, &why);
	struct put *p;

	if (!status && !put_range(r, &first, &total, &expected)) {
		why = "Content-Range is malformed, or says another length than the body has";
		status = 400;
	}
	if (status) {
		skt_site_fields(place->site, x);
		skt_exchange_reply_status(x, status, why);
		return;
	}
	p = put_new(place, x, path);
	if (!p) {
		skt_site_refuse(place, x, ENOMEM);
		return;
	}
	skt_exchange_set_user(x, &p->work);
	status = skt_incoming_open(&place->site->tree, path, first < 0 ? INT64_MAX : first, total, expected,
				   place->site->options.upload_max, &p->in, &why);
	if (first < 0 && status == 416) /* that was the question */
		put_answer(p, 202, NULL, true);
	else if (status)
		put_answer(p, status, why, true);
	if (status)
		return;
	p->in.keeps_old = skt_span_is(r->field[SKT_FIELD_IF_NONE_MATCH], "*");
	skt_exchange_receive(x, &put_sink, p);
}

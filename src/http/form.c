/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads by a browser's form: POST of multipart/form-data into a directory.
 *
 * How it works: each file of the form comes as an incoming one; when the form has come whole, a thread beside the loop puts all of them in
 * their places. A form that is cut or malformed leaves nothing behind. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "http/incoming.h"
#include "http/siteparts.h"
#include "wire/httpaccept.h"
#include "wire/multipart.h"

enum { POST_FILES = 256 }; /* each holds two descriptors until all have come */

struct post {
	struct skt_sitework work; /* the exchange's */
	struct skt_job job;
	struct skt_siteplace *place;
	struct skt_exchange *x; /* NULL: it has gone */
	struct skt_multipart form;
	struct skt_incoming in;     /* of the file that comes now */
	struct skt_incoming *whole; /* those that have come, to be put in their places together */
	size_t n_whole;
	const char *why;
	int status;
	bool is_working, wants_json;
	char path[]; /* of the directory */
};

static void post_free(struct post *p)
{
	skt_incoming_release(&p->in, false);
	for (size_t i = 0; i < p->n_whole; i++)
		skt_incoming_release(&p->whole[i], false);
	skt_free(p->whole);
	skt_free(p);
}

static void post_ended(struct skt_sitework *work, bool good)
{
	struct post *p = SKT_OUTER(work, struct post, work);

	(void)good;
	p->x = NULL;
	if (!p->is_working)
		post_free(p);
}

static void post_names(const struct post *p, struct skt_json *j)
{
	skt_json_object(j, NULL);
	skt_json_array(j, "files");
	for (size_t i = 0; i < p->n_whole; i++) {
		skt_json_object(j, NULL);
		skt_json_string(j, "name", p->whole[i].name);
		skt_json_int(j, "size", p->whole[i].at);
		skt_json_end_object(j);
	}
	skt_json_end_array(j);
	skt_json_end_object(j);
}

static void post_answer(struct post *p, int status, const char *why)
{
	struct skt_exchange *x = p->x;
	struct skt_json j = { 0 };

	skt_exchange_set_user(x, NULL);
	skt_site_fields(p->place->site, x);
	if (status == 201)
		post_names(p, &j);
	post_free(p);
	if (status == 201)
		skt_exchange_reply(x, 201, "application/json", j.text.s, j.text.len);
	else if (status == 303)
		skt_exchange_field(x, "Location", "."); /* the directory's page, which shows them */
	if (status != 201)
		skt_exchange_reply_status(x, status, why);
	skt_json_release(&j);
}

static int post_begin(void *user, const char *name, const char *file_name)
{
	struct post *p = user;
	const char *last = file_name && *file_name ? skt_multipart_file_name(file_name) : NULL;
	char path[SKT_SITE_PATH];

	(void)name;
	if (!file_name || !*file_name) /* a field that is no file, or a file field that was left empty */
		return 0;
	if (!last || (last[0] == '.' && !p->place->site->options.hidden)) {
		p->why = "a file's name cannot be used here";
		return 400;
	}
	if ((size_t)snprintf(path, sizeof(path), "%s%s%s", p->path, *p->path ? "/" : "", last) >= sizeof(path)) {
		p->why = "the name is too long";
		return 400;
	}
	for (size_t i = 0; i < p->n_whole; i++)
		if (strcmp(p->whole[i].name, last) == 0) {
			p->why = "two files of the form have one name";
			return 400;
		}
	return skt_incoming_open(&p->place->site->tree, path, 0, -1, -1, p->place->site->options.upload_max, &p->in,
				 &p->why);
}

static int post_bytes(void *user, const char *bytes, size_t n)
{
	struct post *p = user;

	return p->in.fd < 0 ? 0 : skt_incoming_write(&p->in, bytes, n, &p->why);
}

static int post_part_end(void *user)
{
	struct post *p = user;
	struct skt_incoming *more;

	if (p->in.fd < 0)
		return 0;
	if (p->n_whole == POST_FILES) {
		p->why = "there are too many files in one form";
		return 413;
	}
	more = skt_realloc(p->whole, (p->n_whole + 1) * sizeof(*more));
	if (!more)
		return 503;
	p->whole = more;
	p->whole[p->n_whole++] = p->in;
	p->in.fd = p->in.dir = -1;
	return 0;
}

static const struct skt_multipart_ops post_form = { post_begin, post_bytes, post_part_end };

static void post_work(struct skt_job *job)
{
	struct post *p = SKT_OUTER(job, struct post, job);

	for (size_t i = 0; i < p->n_whole && p->status == 0; i++)
		p->status = skt_incoming_commit(&p->whole[i], &p->why);
}

static void post_done(struct skt_job *job)
{
	struct post *p = SKT_OUTER(job, struct post, job);

	p->is_working = false;
	if (!p->x)
		post_free(p);
	else if (p->status)
		post_answer(p, p->status, p->why);
	else
		post_answer(p, p->wants_json ? 201 : 303, "the files are there");
}

static int post_take(void *user, struct skt_exchange *x, const char *bytes, size_t n)
{
	struct post *p = user;

	(void)x;
	return skt_multipart_feed(&p->form, bytes, n);
}

static void post_end(void *user, struct skt_exchange *x, bool good)
{
	struct post *p = user;
	int status = skt_exchange_sink_status(x);

	if (!good && status) {
		post_answer(p, status, p->why ? p->why : "the form is malformed");
	} else if (good && !skt_multipart_is_done(&p->form)) {
		post_answer(p, 400, "the form ends before its last boundary");
	} else if (good && p->n_whole == 0) {
		post_answer(p, 400, "there is no file in the form");
	} else if (good) {
		p->is_working = true;
		if (skt_jobs_start(p->place->jobs, &p->job) == 0)
			return;
		p->is_working = false;
		post_answer(p, 503, "too much is being written");
	}
}

static const struct skt_http_sink post_sink = { .take = post_take, .end = post_end };

static struct post *post_new(struct skt_siteplace *place, struct skt_exchange *x, const char *path)
{
	struct skt_span accept = skt_exchange_request(x)->field[SKT_FIELD_ACCEPT];
	struct post *p = skt_zalloc(sizeof(*p) + strlen(path) + 1);

	if (!p)
		return NULL;
	memcpy(p->path, path, strlen(path) + 1);
	p->place = place;
	p->x = x;
	p->work.ended = post_ended;
	p->job.work = post_work;
	p->job.done = post_done;
	p->in.fd = p->in.dir = -1;
	p->wants_json = accept.s &&
			skt_accept_weight(accept, "application/json") > skt_accept_weight(accept, "text/html");
	return p;
}

void skt_upload_post(struct skt_siteplace *place, struct skt_exchange *x, const char *path)
{
	const struct skt_request *r = skt_exchange_request(x);
	const char *why = NULL;
	int status = skt_upload_refusal(place, r, path, &why);
	struct post *p = status ? NULL : post_new(place, x, path);

	if (!status && !p) {
		skt_site_refuse(place, x, ENOMEM);
		return;
	}
	if (!status && !skt_multipart_init(&p->form, r->field[SKT_FIELD_CONTENT_TYPE], &post_form, p)) {
		post_free(p);
		why = "files are posted as multipart/form-data, or put";
		status = 415;
	}
	if (status) {
		skt_site_fields(place->site, x);
		skt_exchange_reply_status(x, status, why);
		return;
	}
	skt_exchange_set_user(x, &p->work);
	skt_exchange_receive(x, &post_sink, p);
}

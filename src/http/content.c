/* SPDX-License-Identifier: Apache-2.0 */
/* A file as an answer: conditions (RFC 9110, section 13), codings (8.4), and parts (14).
 *
 * The order is that of the RFC: conditions are about the content that would be sent, so its coding is chosen first; a Range is looked at
 * last, and only where If-Range lets it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "http/gzipped.h"
#include "http/parts.h"
#include "http/siteparts.h"
#include "io/filepart.h"
#include "sys/clock.h"
#include "wire/httpaccept.h"
#include "wire/httpdate.h"
#include "wire/httprange.h"

enum { CONTENT_WORTH = 1024 }; /* fewer bytes are not compressed */

/* What is to be sent. */
struct content {
	struct skt_siteplace *place;
	struct skt_exchange *x;
	const struct skt_request *r;
	struct skt_file *file;  /* the content's own: a compressed sibling, or the file itself */
	const char *type;       /* of what it is once decoded */
	enum skt_coding coding; /* of a sibling, or made on the fly */
	bool on_the_fly;
	char etag[104];
	struct skt_text lists[2]; /* fields that came in several lines, joined */
};

static const char *const content_suffixes[SKT_CODINGS] = { "", ".gz", ".zst", ".br" };

/* A compressed sibling that the client likes, in place of the file. */
static void content_sibling(struct content *c)
{
	struct skt_span accept = skt_request_list(c->r, SKT_FIELD_ACCEPT_ENCODING, &c->lists[0]);
	unsigned set = 1U << SKT_CODING_BR | 1U << SKT_CODING_ZSTD | 1U << SKT_CODING_GZIP;
	enum skt_coding coding;
	char path[SKT_SITE_PATH];
	struct skt_file *sibling;

	while ((coding = skt_accept_coding(accept, set)) != SKT_CODING_NONE) {
		set &= ~(1U << coding);
		if ((size_t)snprintf(path, sizeof(path), "%s%s", c->file->path, content_suffixes[coding]) >= sizeof(path) ||
		    skt_files_get(c->place->files, path, &sibling) != 0)
			continue;
		/* one that is older than its file tells what the file was */
		if (sibling->is_directory || sibling->st.st_mtim.tv_sec < c->file->st.st_mtim.tv_sec) {
			skt_file_let_go(sibling);
			continue;
		}
		skt_file_let_go(c->file);
		c->file = sibling;
		c->coding = coding;
		return;
	}
}

/* Choose what is sent: a sibling, the file compressed now, or the file as it is. */
static void content_choose(struct content *c)
{
	struct skt_span accept = skt_request_list(c->r, SKT_FIELD_ACCEPT_ENCODING, &c->lists[1]);

	c->type = c->file->type;
	if (accept.n && !c->place->site->options.no_compress) {
		bool compresses = c->file->compresses;

		content_sibling(c);
		if (c->coding == SKT_CODING_NONE && compresses && c->file->st.st_size >= CONTENT_WORTH &&
		    !c->r->field[SKT_FIELD_RANGE].s &&
		    skt_accept_coding(accept, 1U << SKT_CODING_GZIP) == SKT_CODING_GZIP) {
			c->coding = SKT_CODING_GZIP;
			c->on_the_fly = true;
		}
	}
	(void)snprintf(c->etag, sizeof(c->etag), "%s", c->file->etag);
	if (c->on_the_fly) /* another content needs another tag */
		(void)snprintf(c->etag, sizeof(c->etag), "%.*s-gzip\"", (int)strlen(c->file->etag) - 1, c->file->etag);
}

/* --- conditions */

static bool content_is_since(struct skt_span field, const struct stat *st, bool *is_date)
{
	int64_t date;

	*is_date = field.s && skt_httpdate_parse(field, skt_unix_now() / SKT_SECOND, &date);
	return *is_date && st->st_mtim.tv_sec > date;
}

int skt_content_conditions(const struct skt_request *r, const char *etag, const struct stat *st)
{
	const struct skt_span *field = r->field;
	struct skt_text room = { 0 };
	bool is_date, changed, reads = r->method == SKT_METHOD_GET || r->method == SKT_METHOD_HEAD;
	int status = 0;

	if (field[SKT_FIELD_IF_MATCH].s) {
		if (!etag || !skt_tags_have(skt_request_list(r, SKT_FIELD_IF_MATCH, &room), etag, false))
			status = 412;
	} else if (etag && content_is_since(field[SKT_FIELD_IF_UNMODIFIED_SINCE], st, &is_date)) {
		status = 412;
	}
	if (status == 0 && field[SKT_FIELD_IF_NONE_MATCH].s) {
		if (etag && skt_tags_have(skt_request_list(r, SKT_FIELD_IF_NONE_MATCH, &room), etag, true))
			status = reads ? 304 : 412;
	} else if (status == 0 && reads) {
		changed = content_is_since(field[SKT_FIELD_IF_MODIFIED_SINCE], st, &is_date);
		status = is_date && !changed ? 304 : 0;
	}
	skt_text_release(&room);
	return status;
}

/* Whether the Range counts: If-Range names this very content. A date must be the file's own, and old enough to be sure. */
static bool content_range_counts(const struct content *c)
{
	struct skt_span condition = c->r->field[SKT_FIELD_IF_RANGE];
	int64_t date, now = skt_unix_now() / SKT_SECOND;

	if (c->r->method != SKT_METHOD_GET || !c->r->field[SKT_FIELD_RANGE].s ||
	    (c->r->repeated & (1U << SKT_FIELD_RANGE)))
		return false;
	if (!condition.s)
		return true;
	if (condition.n && (condition.s[0] == '"' || condition.s[0] == 'W'))
		return skt_span_is(condition, c->etag);
	return skt_httpdate_parse(condition, now, &date) && date == c->file->st.st_mtim.tv_sec && date < now;
}

/* --- answers */

static void content_let_go(void *user)
{
	skt_file_let_go(user);
}

/* The lines that describe it. The file's own are ready; where the content is another, they are made. */
static void content_fields(const struct content *c)
{
	char date[SKT_HTTPDATE_SIZE];

	skt_exchange_field(c->x, "Last-Modified", skt_httpdate_print(c->file->st.st_mtim.tv_sec, date));
	skt_exchange_field(c->x, "ETag", c->etag);
	skt_exchange_field(c->x, "Accept-Ranges", c->on_the_fly ? "none" : "bytes");
	skt_site_fields(c->place->site, c->x);
	if (c->coding != SKT_CODING_NONE || c->file->compresses)
		skt_exchange_field(c->x, "Vary", "Accept-Encoding");
	if (c->coding != SKT_CODING_NONE)
		skt_exchange_field(c->x, "Content-Encoding", skt_coding_name(c->coding));
}

static void content_failed(const struct content *c, const struct skt_error *err)
{
	skt_exchange_reply_status(c->x, err->kind == SKT_E_LIMIT ? 503 : 500, NULL);
}

/* A piece of the file, from there on: by a link. The file goes with it. */
static int content_piece(struct content *c, int64_t first, int64_t n, struct skt_stream **ret, struct skt_error *err)
{
	struct skt_file *file = c->file;

	c->file = NULL;
	return skt_filepart_new(skt_exchange_loop(c->x), file->fd, first, n, content_let_go, file, ret, err);
}

static void content_send_piece(struct content *c, int status, int64_t first, int64_t n)
{
	struct skt_stream *body;
	struct skt_error err;

	if (content_piece(c, first, n, &body, &err) < 0)
		content_failed(c, &err);
	else
		skt_exchange_reply_stream(c->x, status, c->type, body, n);
}

/* All of a file as it is: the common case. Small ones leave with their head. */
static void content_send_whole(struct content *c)
{
	struct skt_text *lines = &c->file->lines;

	if (c->file->st.st_size > SKT_FILE_SMALL || c->coding != SKT_CODING_NONE) {
		content_fields(c);
		content_send_piece(c, 200, 0, c->file->st.st_size);
		return;
	}
	if (skt_file_content(c->file, c->place->room) != 0) {
		skt_exchange_reply_status(c->x, 500, "the file cannot be read");
		return;
	}
	skt_exchange_reply_ready(c->x, 200, lines->s, lines->len, c->place->room, (size_t)c->file->st.st_size);
}

/* Small contents are compressed once, and again when they have become others. */
static bool content_send_kept_gzip(struct content *c)
{
	struct skt_file *f = c->file;
	size_t n = (size_t)f->st.st_size;
	char *room = c->place->room;

	if (n > SKT_FILE_SMALL || skt_file_content(f, room) != 0)
		return false;
	if (f->gzip && memcmp(f->gzip_of, room, n) != 0) {
		skt_free(f->gzip);
		skt_free(f->gzip_of);
		f->gzip = f->gzip_of = NULL;
	}
	if (!f->gzip) {
		f->gzip_of = skt_malloc(n);
		f->gzip = f->gzip_of ? skt_gzipped_bytes(room, n, &f->n_gzip) : NULL;
		if (!f->gzip) {
			skt_free(f->gzip_of);
			f->gzip_of = NULL;
			return false;
		}
		memcpy(f->gzip_of, room, n);
	}
	content_fields(c);
	skt_exchange_reply(c->x, 200, c->type, f->gzip, f->n_gzip);
	return true;
}

static void content_send_gzip(struct content *c)
{
	struct skt_stream *piece, *body;
	struct skt_error err;

	if (content_send_kept_gzip(c))
		return;
	content_fields(c);
	if (content_piece(c, 0, c->file->st.st_size, &piece, &err) < 0 || skt_gzipped_new(piece, &body, &err) < 0)
		content_failed(c, &err);
	else
		skt_exchange_reply_stream(c->x, 200, c->type, body, -1);
}

static void content_send_parts(struct content *c, const struct skt_ranges *ranges)
{
	char boundary[SKT_BOUNDARY_SIZE], type[64];
	struct skt_stream *body;
	struct skt_error err;
	int64_t length;

	content_fields(c);
	if (ranges->n == 1) {
		const struct skt_range *one = &ranges->part[0];

		skt_exchange_fieldf(c->x, "Content-Range", "bytes %lld-%lld/%lld", (long long)one->first,
				    (long long)one->last, (long long)c->file->st.st_size);
		content_send_piece(c, 206, one->first, one->last - one->first + 1);
		return;
	}
	if (skt_parts_new(skt_exchange_loop(c->x), c->file, c->type, ranges, &body, &length, boundary, &err) < 0) {
		content_failed(c, &err);
		return;
	}
	(void)snprintf(type, sizeof(type), "multipart/byteranges; boundary=%s", boundary);
	skt_exchange_reply_stream(c->x, 206, type, body, length);
}

static void content_send(struct content *c)
{
	enum skt_ranged ranged = SKT_RANGE_WHOLE;
	struct skt_ranges ranges;

	if (!c->on_the_fly && content_range_counts(c))
		ranged = skt_range_parse(c->r->field[SKT_FIELD_RANGE], c->file->st.st_size, &ranges);
	if (ranged == SKT_RANGE_PARTS) {
		content_send_parts(c, &ranges);
	} else if (ranged == SKT_RANGE_UNSATISFIABLE) {
		skt_site_fields(c->place->site, c->x);
		skt_exchange_fieldf(c->x, "Content-Range", "bytes */%lld", (long long)c->file->st.st_size);
		skt_exchange_field(c->x, "Accept-Ranges", "bytes");
		skt_exchange_reply_status(c->x, 416, "the range begins beyond the end of the file");
	} else if (c->on_the_fly) {
		content_send_gzip(c);
	} else {
		content_send_whole(c);
	}
}

/* GET or HEAD without anything that asks for more than the file. */
static bool content_is_plain(const struct skt_request *r)
{
	static const enum skt_field asks[] = {
		SKT_FIELD_ACCEPT_ENCODING,     SKT_FIELD_RANGE,    SKT_FIELD_IF_MATCH,
		SKT_FIELD_IF_NONE_MATCH,       SKT_FIELD_IF_RANGE, SKT_FIELD_IF_MODIFIED_SINCE,
		SKT_FIELD_IF_UNMODIFIED_SINCE,
	};

	for (size_t i = 0; i < SKT_LENGTH(asks); i++)
		if (r->field[asks[i]].s)
			return false;
	return true;
}

void skt_content_answer(struct skt_siteplace *place, struct skt_exchange *x, struct skt_file *file)
{
	struct content c = { .place = place, .x = x, .r = skt_exchange_request(x), .file = file, .type = file->type };
	int status = 0;

	if (!content_is_plain(c.r)) {
		content_choose(&c);
		status = skt_content_conditions(c.r, c.etag, &c.file->st);
	} else {
		(void)snprintf(c.etag, sizeof(c.etag), "%s", file->etag);
	}
	if (status == 304) {
		content_fields(&c);
		skt_exchange_reply(x, 304, NULL, NULL, 0);
	} else if (status) {
		skt_site_fields(place->site, x);
		skt_exchange_reply_status(x, status, "the file is not what the request expects");
	} else {
		content_send(&c);
	}
	skt_file_let_go(c.file);
	for (int i = 0; i < 2; i++)
		skt_text_release(&c.lists[i]);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The access log.
 *
 * How it works: when the answer begins the request is still there: what a line says of it is copied then. When the answer has been sent
 * the line is written with its size. What clients send is escaped: no line of theirs can look like two. */
#include "http/log.h"

#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/json.h"
#include "http/conn.h"
#include "io/fd.h"
#include "sys/addr.h"
#include "sys/clock.h"

struct skt_http_entry {
	skt_time began;
	int64_t time; /* nanoseconds since 1970 */
	char *remote, *method, *target, *referer, *agent;
	int minor;
};

static char *entry_copy(struct skt_span span)
{
	return span.s ? skt_strndup(span.s, span.n) : NULL;
}

static char *entry_remote(const struct skt_exchange *x)
{
	const struct skt_fd *raw = skt_stream_bottom(x->conn->stream);
	char host[SKT_ADDR_LENGTH];
	struct skt_addr addr;

	if (x->conn->remote)
		return skt_strdup(x->conn->remote);
	if (!raw || skt_addr_of_peer(raw->in.fd, &addr) < 0 || addr.sa.sa_family == AF_UNIX)
		return NULL;
	return skt_strdup(skt_addr_print_host(&addr, host));
}

void skt_http_log_begin(const struct skt_http_log *log, struct skt_exchange *x)
{
	const struct skt_request *r = &x->request;
	struct skt_http_entry *e;

	if (log->form == SKT_LOG_NONE || x->entry)
		return;
	e = SKT_NEW(struct skt_http_entry);
	x->entry = e;
	if (!e)
		return;
	e->began = skt_now();
	e->time = skt_unix_now();
	e->remote = entry_remote(x);
	e->method = entry_copy(r->method_text);
	e->target = entry_copy(r->target);
	e->referer = entry_copy(r->field[SKT_FIELD_REFERER]);
	e->agent = entry_copy(r->field[SKT_FIELD_USER_AGENT]);
	e->minor = r->minor;
}

void skt_http_entry_free(struct skt_http_entry *e)
{
	if (!e)
		return;
	skt_free(e->remote);
	skt_free(e->method);
	skt_free(e->target);
	skt_free(e->referer);
	skt_free(e->agent);
	skt_free(e);
}

/* As httpd writes it: quotes and backslashes behind a backslash, what is not printable as \xHH. */
static void log_escaped(struct skt_text *t, const char *s)
{
	for (; s && *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			skt_text_addf(t, "\\%c", c);
		else if (c < ' ' || c >= 127)
			skt_text_addf(t, "\\x%02x", c);
		else
			skt_text_addc(t, (char)c);
	}
}

static void log_quoted(struct skt_text *t, const char *s)
{
	skt_text_addc(t, '"');
	log_escaped(t, s ? s : "-");
	skt_text_addc(t, '"');
}

static void log_time(struct skt_text *t, int64_t ns)
{
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t seconds = (time_t)(ns / SKT_SECOND);
	struct tm tm;
	long offset;

	(void)localtime_r(&seconds, &tm);
	offset = tm.tm_gmtoff / 60;
	skt_text_addf(t, "[%02d/%s/%04d:%02d:%02d:%02d %c%02ld%02ld]", tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900,
		      tm.tm_hour, tm.tm_min, tm.tm_sec, offset < 0 ? '-' : '+', (offset < 0 ? -offset : offset) / 60,
		      (offset < 0 ? -offset : offset) % 60);
}

static void log_combined(struct skt_text *t, const struct skt_exchange *x)
{
	const struct skt_http_entry *e = x->entry;

	skt_text_addf(t, "%s - ", e->remote ? e->remote : "-");
	log_escaped(t, x->name ? x->name : "-");
	skt_text_addc(t, ' ');
	log_time(t, e->time);
	skt_text_add(t, " \"");
	if (e->method) {
		log_escaped(t, e->method);
		skt_text_addc(t, ' ');
		log_escaped(t, e->target ? e->target : "-");
		skt_text_addf(t, " HTTP/1.%d", e->minor);
	} else {
		skt_text_addc(t, '-');
	}
	skt_text_addf(t, "\" %d ", x->status);
	if (x->n_body)
		skt_text_addf(t, "%llu ", (unsigned long long)x->n_body);
	else
		skt_text_add(t, "- ");
	log_quoted(t, e->referer);
	skt_text_addc(t, ' ');
	log_quoted(t, e->agent);
	skt_text_addc(t, '\n');
}

static void log_json(struct skt_json *j, const struct skt_exchange *x)
{
	const struct skt_http_entry *e = x->entry;
	char time[SKT_UNIT_LENGTH];

	skt_json_object(j, NULL);
	skt_json_string(j, "event", "request");
	skt_json_string(j, "time", skt_instant_print(e->time, time));
	skt_json_int(j, "link", (int64_t)x->conn->number);
	skt_json_int(j, "request", (int64_t)x->number);
	skt_json_string(j, "remote", e->remote);
	skt_json_string(j, "user", x->name);
	skt_json_string(j, "method", e->method);
	skt_json_string(j, "target", e->target);
	skt_json_int(j, "status", x->status);
	skt_json_int(j, "sent", (int64_t)x->n_body);
	skt_json_int(j, "duration_ns", skt_now() - e->began);
	skt_json_string(j, "referer", e->referer);
	skt_json_string(j, "agent", e->agent);
	skt_json_end_object(j);
	skt_text_addc(&j->text, '\n');
}

void skt_http_log_end(const struct skt_http_log *log, struct skt_exchange *x)
{
	struct skt_json j = { 0 };

	if (!x->entry)
		return;
	if (log->form == SKT_LOG_JSON)
		log_json(&j, x);
	else
		log_combined(&j.text, x);
	if (!j.text.failed)
		log->line(log->user, j.text.s, j.text.len);
	skt_json_release(&j);
}

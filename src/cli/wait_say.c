/* SPDX-License-Identifier: Apache-2.0 */
/* What soket wait says: progress on one line of a terminal, events as JSON, and at the end what was last seen. */
#include "cli/wait.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/message.h"
#include "cli/column.h"
#include "cli/say.h"
#include "inspect/holder.h"
#include "sys/clock.h"
#include "sys/tty.h"

#define WAIT_REDRAW (250 * SKT_MS)

/* What was seen, in a word or two; by errno, else by kind. The first row that fits counts. */
static const struct {
	int sys;
	enum skt_err kind;
	const char *words;
} wait_words[] = {
	{ ECONNREFUSED, SKT_E_REFUSED, N_("refused") },
	{ ENETUNREACH, SKT_E_REFUSED, N_("no route") },
	{ EHOSTUNREACH, SKT_E_REFUSED, N_("host unreachable") },
	{ ENOENT, SKT_E_REFUSED, N_("no such socket") },
	{ ECONNRESET, SKT_E_IO, N_("reset") },
	{ EAGAIN, SKT_E_LIMIT, N_("busy") },
	{ 0, SKT_E_REFUSED, N_("unreachable") },
	{ 0, SKT_E_RESOLVE, N_("name not found") },
	{ 0, SKT_E_TIMEOUT, N_("no answer") },
	{ 0, SKT_E_INUSE, N_("in use") },
	{ 0, SKT_E_LIMIT, N_("limit reached") },
};

static const char *wait_seen(const struct skt_wait_target *t)
{
	if (t->seen.kind == SKT_OK)
		return _("no answer yet");
	for (size_t i = 0; i < SKT_LENGTH(wait_words); i++)
		if (wait_words[i].kind == t->seen.kind && (!wait_words[i].sys || wait_words[i].sys == t->seen.sys))
			return _(wait_words[i].words);
	return skt_err_name(t->seen.kind);
}

/* The first `columns` columns of s. */
static void wait_add_cut(struct skt_text *t, const char *s, size_t columns)
{
	size_t used = 0;

	while (*s) {
		int wide;
		size_t n = skt_column_char(s, &wide);

		used += wide > 0 ? (size_t)wide : 0;
		if (used > columns)
			return;
		skt_text_addn(t, s, n);
		s += n;
	}
}

/* Without what goes without saying: room is short. */
static const char *wait_short(const char *name)
{
	static const char *const usual[] = { "tcp://", "unix:" };

	for (size_t i = 0; i < SKT_LENGTH(usual); i++)
		if (strncmp(name, usual[i], strlen(usual[i])) == 0)
			return name + strlen(usual[i]);
	return name;
}

/* "waiting 3 s of 60 s, 1 of 3 ready: db:5432 refused, ..." */
static void wait_line(const struct skt_wait *w, struct skt_text *ret)
{
	unsigned long long passed = (unsigned long long)((skt_now() - w->began) / SKT_SECOND);
	const char *comma = "";
	char all[SKT_UNIT_LENGTH];

	if (w->timeout)
		skt_text_addf(ret, _("waiting %llu s of %s"), passed, skt_duration_print(w->timeout, all));
	else
		skt_text_addf(ret, _("waiting %llu s"), passed);
	if (w->n > 1 && w->want == SKT_PROBE_FREE)
		skt_text_addf(ret, _(", %d of %d free"), w->n_done, w->n);
	else if (w->n > 1)
		skt_text_addf(ret, _(", %d of %d ready"), w->n_done, w->n);
	skt_text_add(ret, ": ");
	for (int i = 0; i < w->n; i++) {
		const struct skt_wait_target *t = &w->target[i];

		if (t->is_done)
			continue;
		skt_text_add(ret, comma);
		skt_column_add_plain(ret, wait_short(skt_text_get(&t->name)));
		skt_text_addf(ret, " %s", wait_seen(t));
		comma = ", ";
	}
}

static void wait_draw(struct skt_wait *w)
{
	struct skt_text line = { 0 }, t = { 0 };
	int rows, columns;

	skt_tty_size(&rows, &columns);
	wait_line(w, &line);
	skt_text_add(&t, "\r");
	wait_add_cut(&t, skt_text_get(&line), columns > 1 ? (size_t)columns - 1 : 1);
	skt_text_add(&t, "\033[K");
	if (!t.failed && !line.failed)
		skt_say_plain(skt_text_get(&t));
	w->is_shown = true;
	skt_text_release(&line);
	skt_text_release(&t);
}

static void wait_redraw(struct skt_timer *timer)
{
	struct skt_wait *w = SKT_OUTER(timer, struct skt_wait, redraw);

	if (w->has_ended)
		return;
	wait_draw(w);
	(void)skt_loop_after(w->loop, timer, WAIT_REDRAW, wait_redraw);
}

void skt_wait_say_start(struct skt_wait *w)
{
	if (!w->json && skt_say_level() >= 0 && isatty(STDERR_FILENO))
		(void)skt_loop_after(w->loop, &w->redraw, WAIT_REDRAW, wait_redraw);
}

void skt_wait_say_clear(struct skt_wait *w)
{
	if (w->is_shown)
		skt_say_plain("\r\033[K");
	w->is_shown = false;
}

static void wait_json(const struct skt_wait *w, struct skt_json *j)
{
	skt_json_end_object(j);
	if (w->json_fd == STDOUT_FILENO) {
		(void)skt_say_json(j);
	} else {
		skt_text_addc(&j->text, '\n');
		if (!j->text.failed)
			skt_say_plain(skt_text_get(&j->text));
	}
	skt_json_release(j);
}

static void wait_json_begin(struct skt_json *j, const char *event)
{
	char time[SKT_UNIT_LENGTH];

	skt_json_object(j, NULL);
	skt_json_string(j, "event", event);
	skt_json_string(j, "time", skt_instant_print(skt_unix_now(), time));
}

static void wait_json_target(struct skt_json *j, const struct skt_wait_target *t, skt_time after)
{
	skt_json_string(j, "endpoint", skt_text_get(&t->name));
	skt_json_int(j, "after_ns", after);
	skt_json_int(j, "tries", t->tries);
}

/* What was last seen, with who is there or nearby where that can be told. */
static void wait_explained(const struct skt_wait_target *t, struct skt_error *ret)
{
	*ret = t->seen;
	if (ret->kind == SKT_OK)
		(void)skt_fail(ret, SKT_E_TIMEOUT, 0, _("timed out: %.180s does not answer"), skt_text_get(&t->name));
	else if (t->wait->want == SKT_PROBE_FREE)
		skt_holder_explain(&t->e, ret);
	else
		skt_holder_explain_dial(&t->e, NULL, ret);
}

static void wait_json_missing(const struct skt_wait *w, const struct skt_wait_target *t)
{
	struct skt_json j = { 0 };
	struct skt_error seen;

	wait_explained(t, &seen);
	wait_json_begin(&j, "missing");
	wait_json_target(&j, t, skt_now() - w->began);
	skt_json_string(&j, "kind", skt_err_name(seen.kind));
	skt_json_string(&j, "text", seen.text);
	wait_json(w, &j);
}

void skt_wait_say_done(struct skt_wait *w, const struct skt_wait_target *t)
{
	bool free = w->want == SKT_PROBE_FREE;
	char took[SKT_UNIT_LENGTH];
	struct skt_json j = { 0 };

	if (w->json) {
		wait_json_begin(&j, free ? "free" : "ready");
		wait_json_target(&j, t, t->took);
		wait_json(w, &j);
		return;
	}
	if (!w->is_shown && skt_say_level() < 1)
		return;
	skt_wait_say_clear(w);
	skt_say(free ? _("%s is free (%s)") : _("%s is ready (%s)"), skt_text_get(&t->name),
		skt_duration_print(t->took, took));
}

void skt_wait_say_end(const struct skt_wait *w)
{
	struct skt_json j = { 0 };

	if (!w->json)
		return;
	for (int i = 0; i < w->n; i++)
		if (!w->target[i].is_done)
			wait_json_missing(w, &w->target[i]);
	wait_json_begin(&j, "end");
	skt_json_string(&j, "how", w->end.kind == SKT_OK ? "done" : skt_err_name(w->end.kind));
	skt_json_int(&j, "after_ns", skt_now() - w->began);
	skt_json_int(&j, "done", w->n_done);
	skt_json_int(&j, "missing", w->n - w->n_done);
	wait_json(w, &j);
}

/* The hints of a failed dial speak of dialling, or send people to this very command; ours tells about waiting. */
static void wait_hint(const struct skt_wait_target *t, const struct skt_error *explained, struct skt_error *err)
{
	if (strcmp(explained->hint, t->seen.hint) != 0 && !strstr(explained->hint, "soket wait"))
		skt_hint(err, "%s", explained->hint);
	else if (explained->kind == SKT_E_INUSE)
		skt_hint(err, "%s", _("end who has it, or wait longer with --timeout"));
	else
		skt_hint(err, "%s", _("check that it runs, and its address; or wait longer with --timeout"));
}

static const struct skt_wait_target *wait_first_missing(const struct skt_wait *w)
{
	int i = 0;

	while (i < w->n - 1 && w->target[i].is_done)
		i++;
	return &w->target[i];
}

void skt_wait_fail_timeout(const struct skt_wait *w, struct skt_error *err)
{
	const struct skt_wait_target *t = wait_first_missing(w);
	char time[SKT_UNIT_LENGTH];
	struct skt_error seen;

	(void)skt_duration_print(w->timeout, time);
	if (w->n - w->n_done == 1) {
		wait_explained(t, &seen);
		(void)skt_fail(err, SKT_E_TIMEOUT, 0, _("timed out after %s: %s"), time, seen.text);
		wait_hint(t, &seen, err);
		return;
	}
	(void)skt_fail(err, SKT_E_TIMEOUT, 0,
		       w->want == SKT_PROBE_FREE ? _("timed out after %s: %d of %d endpoints are not free")
						 : _("timed out after %s: %d of %d endpoints are not ready"),
		       time, w->n - w->n_done, w->n);
	skt_hint(err, "%s", _("wait longer with --timeout"));
}

/* Below an error that speaks of several targets: each with what was last seen, then what to do. */
static void wait_say_missing(const struct skt_wait *w, const char *hint)
{
	struct skt_text t = { 0 };
	struct skt_error seen;

	for (int i = 0; i < w->n; i++) {
		if (w->target[i].is_done)
			continue;
		wait_explained(&w->target[i], &seen);
		skt_text_add(&t, "       ");
		skt_column_add_plain(&t, skt_text_get(&w->target[i].name));
		skt_text_add(&t, ": ");
		skt_column_add_plain(&t, seen.text);
		skt_text_addc(&t, '\n');
	}
	skt_text_addf(&t, "       %s\n", hint);
	if (!t.failed)
		skt_say_plain(skt_text_get(&t));
	skt_text_release(&t);
}

int skt_wait_say_error(const struct skt_wait *w, const struct skt_error *err)
{
	bool lists = !w->json && err->kind == SKT_E_TIMEOUT && w->n - w->n_done > 1;
	struct skt_error first = *err;

	if (lists)
		first.hint[0] = '\0';
	(void)skt_say_error(&first, NULL, w->json);
	if (lists)
		wait_say_missing(w, err->hint);
	return (int)err->kind;
}

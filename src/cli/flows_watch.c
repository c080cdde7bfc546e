/* SPDX-License-Identifier: Apache-2.0 */
/* soket flows --watch: connections as a live table, or as a stream of JSON. */
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "cli/column.h"
#include "cli/flows.h"
#include "cli/live.h"
#include "cli/looking.h"
#include "cli/say.h"
#include "sys/call.h"
#include "sys/clock.h"

struct watch {
	struct skt_live live;
	struct skt_flowlook *f;
	struct skt_grid grid;
	size_t top; /* the first row that is shown */
	size_t page;
	skt_time next; /* when to look again; a key before that draws what is known in another way */
	bool has_said; /* what could not be seen */
};

static double watch_known(double rate)
{
	return rate > 0 ? rate : 0;
}

/* How many there are, and what all of them move. */
static void watch_add_sum(const struct skt_flowlook *f, int columns, struct skt_text *ret)
{
	char out[SKT_UNIT_LENGTH], in[SKT_UNIT_LENGTH];
	struct skt_text line = { 0 };
	double sent = 0, received = 0;

	for (size_t i = 0; i < f->n_rows; i++) {
		sent += watch_known(f->row[i].m.sent_rate);
		received += watch_known(f->row[i].m.received_rate);
	}
	skt_text_addf(&line, NG_("%zu connection", "%zu connections", f->n_rows), f->n_rows);
	skt_text_addf(&line, _(", out %s, in %s"), skt_rate_print((int64_t)sent, out),
		      skt_rate_print((int64_t)received, in));
	if (columns <= 0 || skt_columns(skt_text_get(&line)) <= (size_t)columns)
		skt_text_add(ret, skt_text_get(&line));
	skt_text_addc(ret, '\n');
	skt_text_release(&line);
}

/* A way to sort, its key as a capital letter; the one in force in brackets. */
static void watch_add_key(const struct skt_flowsort *sort, bool is_on, struct skt_text *ret)
{
	const char *word = skt_flowsort_word(sort), *key = strchr(word, skt_flowsort_key(sort));

	skt_text_add(ret, is_on ? " [" : " ");
	for (const char *s = word; *s; s++)
		skt_text_addc(ret, s == key ? (char)(*s - 'a' + 'A') : *s);
	skt_text_add(ret, is_on ? "]" : "");
}

/* As many as fit. */
static void watch_add_keys(const struct skt_flowlook *f, int columns, struct skt_text *ret)
{
	const char *head = _("q quits, arrows scroll; sort:");
	size_t at = skt_columns(head);
	const struct skt_flowsort *sort;

	skt_text_add(ret, head);
	for (size_t i = 0; (sort = skt_flowsort_at(i)) != NULL; i++) {
		bool is_on = sort == f->sort;

		at += 1 + strlen(skt_flowsort_word(sort)) + (is_on ? 2 : 0);
		if (at <= (size_t)columns)
			watch_add_key(sort, is_on, ret);
	}
}

/* Rates over less than nearly the whole interval would jump about. */
static int watch_look_now(struct watch *w, struct skt_error *err)
{
	w->next = skt_now() + w->live.every / 10 * 9;
	return skt_flowlook_next(w->f, w->top, w->page < 1000 ? w->page : 1000, err);
}

static void watch_clip(struct watch *w)
{
	size_t most = w->f->n_rows > w->page ? w->f->n_rows - w->page : 0;

	w->top = w->top < most ? w->top : most;
}

/* The sum above, the keys below, and the title: three lines. */
static int watch_draw(struct skt_live *live, int rows, int columns, struct skt_text *picture)
{
	struct watch *w = SKT_OUTER(live, struct watch, live);
	struct skt_error err = { 0 };

	w->page = rows > 3 ? (size_t)rows - 3 : rows > 0 ? 1 : SIZE_MAX;
	if (skt_now() < w->next)
		skt_flowlook_sort(w->f);
	else if (watch_look_now(w, &err) < 0)
		return skt_say_error(&err, NULL, false);
	watch_clip(w);
	if (!w->has_said && rows == 0)
		skt_looking_say(&w->f->census);
	w->has_said = true;
	watch_add_sum(w->f, columns, picture);
	skt_grid_clear(&w->grid);
	flows_add_rows(w->f, w->top, rows > 0 ? w->top + w->page : w->f->n_rows, &w->grid);
	skt_grid_print(&w->grid, rows > 0 ? columns : 0, 1, picture);
	if (rows > 0) {
		for (size_t i = w->grid.n_rows; i < w->page; i++)
			skt_text_addc(picture, '\n');
		watch_add_keys(w->f, columns, picture);
	}
	return 0;
}

static bool watch_scroll(struct watch *w, int key)
{
	size_t page = w->page < SIZE_MAX / 2 ? w->page : 0;

	switch (key) {
	case SKT_KEY_UP:
		w->top -= w->top > 0;
		return true;
	case SKT_KEY_DOWN:
		w->top++;
		return true;
	case SKT_KEY_PAGE_UP:
		w->top -= w->top < page ? w->top : page;
		return true;
	case SKT_KEY_PAGE_DOWN:
		w->top += page;
		return true;
	case SKT_KEY_HOME:
		w->top = 0;
		return true;
	case SKT_KEY_END:
		w->top = w->f->n_rows;
		return true;
	default:
		return false;
	}
}

static bool watch_key(struct skt_live *live, int key)
{
	struct watch *w = SKT_OUTER(live, struct watch, live);
	const struct skt_flowsort *sort = skt_flowsort_of_key(key);

	if (sort) {
		w->f->sort = sort;
		w->top = 0;
		return true;
	}
	if (!watch_scroll(w, key))
		return false;
	watch_clip(w);
	return true;
}

int flows_watch(struct skt_flowlook *f, skt_time every)
{
	struct watch w = { .live = { .every = every, .look = watch_draw, .key = watch_key }, .f = f };
	int status;

	w.grid = flows_grid();
	status = skt_live_run(&w.live);
	skt_grid_release(&w.grid);
	return status;
}

/* Those that were in the look before, and are no more. */
static int watch_write_gone(const struct skt_flowlook *f, const char *time)
{
	const struct skt_sample *gone;
	struct skt_json j = { 0 };
	size_t at = 0;
	int ret = 0;

	while ((gone = skt_flowrate_gone(&f->rate, &at)) != NULL) {
		skt_flowjson_add_gone(f, gone, time, &j);
		skt_say_end_line(&j);
	}
	if (j.text.len > 0 || j.text.failed)
		ret = skt_say_text(&j.text);
	skt_json_release(&j);
	return ret;
}

static int watch_write(struct skt_flowlook *f)
{
	char time[SKT_UNIT_LENGTH];
	int ret;

	skt_instant_print(skt_unix_now(), time);
	ret = watch_write_gone(f, time);
	if (ret == 0)
		ret = flows_write_json(f, time);
	for (size_t i = 0; i < f->n_rows; i++)
		skt_flowrate_mark(&f->rate, f->row[i].s);
	return ret;
}

/* Until `due`; false where nobody reads any more. */
static bool watch_wait(skt_time due)
{
	struct pollfd out = { .fd = 1, .events = 0 };

	for (skt_time left; (left = due - skt_now()) > 0;)
		if (skt_sys.poll(&out, 1, (int)(left / SKT_MS) + 1) > 0 && (out.revents & (POLLERR | POLLNVAL)))
			return false;
	return true;
}

int flows_watch_json(struct skt_flowlook *f, skt_time every)
{
	struct skt_error err = { 0 };
	skt_time due = skt_now();

	for (bool is_first = true;; is_first = false) {
		if (skt_flowlook_next(f, 0, SIZE_MAX / 2, &err) < 0)
			return skt_say_error(&err, NULL, true);
		if (is_first)
			skt_looking_say(&f->census);
		if (watch_write(f) < 0)
			return SKT_E_IO;
		due += every;
		if (due < skt_now())
			due = skt_now(); /* looking takes longer than the interval: no catching up */
		if (!watch_wait(due))
			return SKT_OK;
	}
}

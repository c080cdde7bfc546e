/* SPDX-License-Identifier: Apache-2.0 */
/* soket ports --watch.
 *
 * How it works: what was shown at the last look is kept as finished text, by what identifies it: a row by its port, place and
 * process, with --json a socket by the kernel's own name for it. Both lists are in the order of the look, and a merge finds what is
 * new and what has gone. What has gone stays in the picture for some rounds. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "cli/live.h"
#include "cli/looking.h"
#include "cli/ports.h"
#include "cli/say.h"

/* For how many looks a row is marked. */
enum { WATCH_MARKED = 5 };

enum watch_change { WATCH_SAME, WATCH_NEW, WATCH_GONE };

struct watched {
	struct skt_text order; /* bytes that sort as the rows do, and identify the row */
	struct skt_text shown; /* its cells with NULs between them; with --json a line */
	enum skt_ink ink;
	enum watch_change change;
	int rounds; /* since it changed */
};

struct watch_list {
	struct watched *item;
	size_t n, cap;
};

struct watch {
	struct skt_live live;
	struct skt_ports *p;
	struct watch_list list;
	struct skt_grid grid;
	size_t top; /* the first row on the screen */
	int rows;   /* of the screen, at the last look */
	bool has_looked;
};

static void watched_release(struct watched *w)
{
	skt_text_release(&w->order);
	skt_text_release(&w->shown);
}

static void watch_list_release(struct watch_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		watched_release(&list->item[i]);
	skt_free(list->item);
	*list = (struct watch_list){ 0 };
}

/* Takes the item over, also on failure. */
static int watch_list_add(struct watch_list *list, struct watched *w)
{
	if (list->n == list->cap && !w->order.failed && !w->shown.failed) {
		size_t cap = list->cap ? list->cap * 2 : 64;
		struct watched *grown = skt_realloc(list->item, cap * sizeof(*grown));

		if (grown) {
			list->item = grown;
			list->cap = cap;
		}
	}
	if (list->n == list->cap || w->order.failed || w->shown.failed) {
		watched_release(w);
		return -SKT_E_LIMIT;
	}
	list->item[list->n++] = *w;
	return 0;
}

/* Numbers as bytes that compare as they do. */
static void order_number(struct skt_text *t, uint64_t n)
{
	for (int shift = 56; shift >= 0; shift -= 8)
		skt_text_addc(t, (char)(n >> shift & 0xff));
}

static void order_of_row(const struct skt_ports *p, const struct skt_portrow *row, struct skt_text *ret)
{
	const struct skt_sock *s = row->sock;

	order_number(ret, s->local.family ? 0 : s->proto == SKT_PROTO_VSOCK ? 1 : 2);
	order_number(ret, s->local_port);
	if (s->local.family || s->proto == SKT_PROTO_VSOCK)
		order_number(ret, s->proto);
	order_number(ret, (uint64_t)s->netns);
	skt_portrow_print_address(row, &p->look.census, NULL, ret);
	skt_text_addc(ret, '\0');
	order_number(ret, s->proto);
	order_number(ret, s->interface);
	order_number(ret, row->process ? (uint64_t)row->process->pid : 0);
	order_number(ret, s->proto >= SKT_PROTO_UNIX && s->proto != SKT_PROTO_VSOCK ? s->inode : 0);
}

static int watched_order(const struct watched *a, const struct watched *b)
{
	size_t n = a->order.len < b->order.len ? a->order.len : b->order.len;
	int ret = memcmp(skt_text_get(&a->order), skt_text_get(&b->order), n);

	return ret ? ret : a->order.len < b->order.len ? -1 : a->order.len > b->order.len;
}

static int watched_compare(const void *a, const void *b)
{
	return watched_order(a, b);
}

/* The cells as the grid has them: one row, made in a grid of its own. */
static void watched_cells(struct skt_ports *p, const struct skt_portrow *row, struct skt_grid *scratch,
			  struct watched *ret)
{
	skt_grid_clear(scratch);
	skt_ports_add_row(p, row, scratch, "", SKT_INK_PLAIN);
	for (size_t i = 1; i < scratch->n_cells; i++) { /* without the mark */
		const struct skt_grid_cell *cell = &scratch->cell[i];

		skt_text_addn(&ret->shown, skt_text_get(&scratch->cells) + cell->at, cell->length);
		skt_text_addc(&ret->shown, '\0');
	}
	ret->shown.failed |= scratch->failed || scratch->cells.failed;
}

static int watch_add_rows(struct watch *w, struct watch_list *ret)
{
	struct skt_grid scratch = { .column = w->p->column };
	int failed = 0;

	for (size_t i = 0; i < w->p->look.rows.n && failed == 0; i++) {
		const struct skt_portrow *row = &w->p->look.rows.row[i];
		struct watched item = { .ink = skt_ports_ink(row) };

		if (skt_ports_is_hidden(w->p, row))
			continue;
		order_of_row(w->p, row, &item.order);
		watched_cells(w->p, row, &scratch, &item);
		failed = watch_list_add(ret, &item);
	}
	skt_grid_release(&scratch);
	return failed;
}

static int watch_add_socks(struct watch *w, struct watch_list *ret)
{
	int failed = 0;

	for (size_t i = 0; i < w->p->look.n_socks && failed == 0; i++) {
		const struct skt_sock *s = w->p->look.sock[i];
		struct watched item = { .ink = SKT_INK_PLAIN };
		struct skt_json j = { 0 };

		order_number(&item.order, s->local_port);
		order_number(&item.order, s->proto);
		order_number(&item.order, (uint64_t)s->netns);
		order_number(&item.order, s->cookie);
		order_number(&item.order, s->inode);
		order_number(&item.order, (uint64_t)s->local.family);
		skt_ports_json(w->p, s, NULL, &j);
		item.shown = j.text;
		failed = watch_list_add(ret, &item);
	}
	return failed;
}

static int watch_keep_gone(struct watched *old, struct watch_list *ret)
{
	struct watched moved = *old;

	*old = (struct watched){ 0 };
	if (moved.change != WATCH_GONE)
		moved.rounds = 0;
	moved.change = WATCH_GONE;
	if (++moved.rounds > WATCH_MARKED) {
		watched_release(&moved);
		return 0;
	}
	return watch_list_add(ret, &moved);
}

static void watch_note_known(struct watched *item, const struct watched *old)
{
	if (old->change == WATCH_GONE) {
		item->change = WATCH_NEW;
		item->rounds = 1;
	} else if (old->change == WATCH_NEW && old->rounds < WATCH_MARKED) {
		item->change = WATCH_NEW;
		item->rounds = old->rounds + 1;
	}
}

/* Merge what is there now with what was: *ret gets all of it, marked. Both are in order; `now` and `old` are used up. */
static int watch_merge(struct watch_list *now, struct watch_list *old, bool is_first, struct watch_list *ret)
{
	size_t i = 0, k = 0;
	int failed = 0;

	while ((i < now->n || k < old->n) && failed == 0) {
		int order = i == now->n ? 1 : k == old->n ? -1 : watched_order(&now->item[i], &old->item[k]);

		if (order > 0) {
			failed = watch_keep_gone(&old->item[k++], ret);
			continue;
		}
		if (order == 0)
			watch_note_known(&now->item[i], &old->item[k++]);
		else if (!is_first)
			now->item[i].change = WATCH_NEW, now->item[i].rounds = 1;
		failed = watch_list_add(ret, &now->item[i]);
		now->item[i++] = (struct watched){ 0 };
	}
	return failed;
}

static int watch_update(struct watch *w)
{
	struct watch_list now = { 0 }, all = { 0 };
	int failed = w->p->json ? watch_add_socks(w, &now) : watch_add_rows(w, &now);

	if (failed == 0) {
		if (now.n > 0)
			qsort(now.item, now.n, sizeof(*now.item), watched_compare);
		failed = watch_merge(&now, &w->list, !w->has_looked, &all);
	}
	watch_list_release(&now);
	watch_list_release(&w->list);
	w->list = all;
	return failed;
}

static void watch_add_to_grid(struct watch *w, const struct watched *item)
{
	static const char *const marks[] = { [WATCH_SAME] = "", [WATCH_NEW] = "+", [WATCH_GONE] = "-" };
	static const enum skt_ink inks[] = { [WATCH_NEW] = SKT_INK_GREEN, [WATCH_GONE] = SKT_INK_DIM };
	const char *cells = skt_text_get(&item->shown);

	skt_grid_add(&w->grid, marks[item->change]);
	for (size_t at = 0; at < item->shown.len; at += strlen(cells + at) + 1)
		skt_grid_add(&w->grid, cells + at);
	skt_grid_end_row(&w->grid, item->change == WATCH_SAME ? item->ink : inks[item->change]);
}

/* The table as far as the screen reaches, and a line about it. */
static void watch_picture(struct watch *w, int rows, int columns, struct skt_text *ret)
{
	size_t room = rows > 3 ? (size_t)rows - 2 : 1, n, unseen = skt_census_n_unseen(&w->p->look.census);
	struct skt_text line = { 0 };

	for (size_t i = 0; i < w->list.n; i++)
		watch_add_to_grid(w, &w->list.item[i]);
	n = w->grid.n_rows;
	w->rows = rows;
	if (w->top + room > n)
		w->top = n > room ? n - room : 0;
	skt_grid_print_part(&w->grid, columns, 1, w->top, w->top + room, ret);
	skt_text_add(ret, skt_ink(1, SKT_INK_DIM));
	skt_text_addf(&line, NG_("%zu row", "%zu rows", n), n);
	if (n > room)
		skt_text_addf(&line, _(", from %zu on (arrows move)"), w->top + 1);
	if (unseen)
		skt_text_addf(&line,
			      NG_("; %zu socket without its process", "; %zu sockets without their process", unseen),
			      unseen);
	skt_text_add(&line, _("; q ends"));
	skt_text_add(ret, skt_text_get(&line));
	skt_text_add(ret, skt_ink(1, SKT_INK_PLAIN));
	skt_text_addc(ret, '\n');
	skt_text_release(&line);
}

/* Without a terminal: first everything, then what changed, a line each; the titles only once. */
static void watch_lines(struct watch *w, struct skt_text *ret)
{
	struct skt_text table = { 0 };
	const char *rest;

	for (size_t i = 0; i < w->list.n; i++)
		if (!w->has_looked || (w->list.item[i].change != WATCH_SAME && w->list.item[i].rounds == 1))
			watch_add_to_grid(w, &w->list.item[i]);
	if (w->grid.n_rows > 0 || !w->has_looked)
		skt_grid_print(&w->grid, 0, 1, &table);
	rest = skt_text_get(&table);
	if (w->has_looked)
		rest += strcspn(rest, "\n") + (table.len > 0);
	skt_text_add(ret, rest);
	ret->failed |= table.failed;
	skt_text_release(&table);
}

static void watch_events(struct watch *w, struct skt_text *ret)
{
	for (size_t i = 0; i < w->list.n; i++) {
		const struct watched *item = &w->list.item[i];
		const char *event = item->change == WATCH_GONE ? "gone" : "appeared";

		if (w->has_looked && (item->change == WATCH_SAME || item->rounds != 1))
			continue;
		skt_text_addf(ret, "{\"event\":\"%s\",", w->has_looked ? event : "present");
		skt_text_add(ret, skt_text_get(&item->shown) + 1); /* its "{" */
	}
}

static int watch_look(struct skt_live *live, int rows, int columns, struct skt_text *picture)
{
	struct watch *w = SKT_OUTER(live, struct watch, live);
	struct skt_error err = { 0 };
	int ret;

	if (!w->p->json)
		skt_ports_columns(w->p, columns);
	ret = skt_ports_look(w->p, &err);
	if (ret == 0 && watch_update(w) < 0)
		ret = skt_fail_memory(&err);
	if (ret < 0) {
		skt_live_leave();
		return skt_say_error(&err, NULL, w->p->json);
	}
	skt_grid_clear(&w->grid);
	if (w->p->json)
		watch_events(w, picture);
	else if (rows > 0)
		watch_picture(w, rows, columns, picture);
	else
		watch_lines(w, picture);
	if (!w->has_looked && rows == 0)
		skt_looking_say(&w->p->look.census);
	w->has_looked = true;
	return 0;
}

static bool watch_key(struct skt_live *live, int key)
{
	struct watch *w = SKT_OUTER(live, struct watch, live);
	size_t page = w->rows > 4 ? (size_t)w->rows - 3 : 1, before = w->top;

	switch (key) {
	case SKT_KEY_UP:
	case 'k':
		w->top -= w->top > 0;
		break;
	case SKT_KEY_DOWN:
	case 'j':
		w->top++;
		break;
	case SKT_KEY_PAGE_UP:
		w->top -= w->top < page ? w->top : page;
		break;
	case SKT_KEY_PAGE_DOWN:
	case ' ':
		w->top += page;
		break;
	case SKT_KEY_HOME:
		w->top = 0;
		break;
	case SKT_KEY_END:
		w->top = w->list.n;
		break;
	default:
		return false;
	}
	return w->top != before;
}

int skt_ports_watch(struct skt_ports *p)
{
	struct watch w = {
		.live = { .every = skt_args_number(p->args, "interval", SKT_SECOND), .look = watch_look, .key = watch_key },
		.p = p,
		.grid = { .column = p->column },
	};
	int status;

	p->marks = true;
	status = skt_live_run(&w.live);
	watch_list_release(&w.list);
	skt_grid_release(&w.grid);
	return status;
}

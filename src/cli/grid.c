/* SPDX-License-Identifier: Apache-2.0 */
/* Tables on a terminal.
 *
 * How it works: all cells lie in one text, each with its width, which is counted once, when it is added. Printing takes the widest
 * cell of each column, leaves out columns until the rest can fit, gives elastic columns what room there is, the narrow ones first,
 * and writes the rows. Nearly every cell is plain ASCII, and that is fast. */
#include "cli/grid.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/message.h"
#include "cli/column.h"
#include "sys/tty.h"

enum { GRID_GAP = 2, GRID_CELL_MAX = 4096 };

/* What a print was laid out to be. */
struct layout {
	int n;
	bool is_shown[SKT_GRID_COLUMNS_MAX];
	size_t width[SKT_GRID_COLUMNS_MAX]; /* of the widest cell, then what it gets */
	size_t room;                        /* of a line; 0: no end */
	int last;                           /* the last column that is shown */
};

static int grid_n_columns(const struct skt_grid *g)
{
	int n = 0;

	while (n < SKT_GRID_COLUMNS_MAX && g->column[n].title)
		n++;
	return n;
}

static size_t grid_row_length(const struct skt_grid *g)
{
	return g->n_cells - g->n_rows * (size_t)grid_n_columns(g);
}

static bool grid_is_ascii(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < 0x20 || (unsigned char)s[i] >= 0x7f)
			return false;
	return true;
}

/* Note that a cell begins at `at` and ends where the text does now. */
static void grid_note(struct skt_grid *g, size_t at, size_t columns)
{
	if (g->n_cells == g->cap_cells) {
		size_t cap = g->cap_cells ? g->cap_cells * 2 : 256;
		struct skt_grid_cell *grown = skt_realloc(g->cell, cap * sizeof(*grown));

		g->failed |= !grown;
		if (!grown)
			return;
		g->cell = grown;
		g->cap_cells = cap;
	}
	g->cell[g->n_cells++] = (struct skt_grid_cell){
		.at = at,
		.length = (uint16_t)(g->cells.len - at),
		.columns = (uint16_t)columns,
	};
}

void skt_grid_add(struct skt_grid *g, const char *cell)
{
	size_t at = g->cells.len, n = strnlen(cell, GRID_CELL_MAX);

	if (grid_row_length(g) >= (size_t)grid_n_columns(g))
		return;
	if (grid_is_ascii(cell, n)) {
		skt_text_addn(&g->cells, cell, n);
		grid_note(g, at, n);
		return;
	}
	if (cell[n]) { /* the escapes of a whole cell must fit 16 bits */
		char *start = skt_strndup(cell, n);

		skt_column_add_plain(&g->cells, start ? start : "");
		skt_free(start);
	} else {
		skt_column_add_plain(&g->cells, cell);
	}
	grid_note(g, at, g->cells.failed ? 0 : skt_columns(skt_text_get(&g->cells) + at));
}

void skt_grid_addf(struct skt_grid *g, const char *fmt, ...)
{
	char room[GRID_CELL_MAX];
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(room, sizeof(room), fmt, ap) < 0)
		room[0] = '\0';
	va_end(ap);
	skt_grid_add(g, room);
}

void skt_grid_end_row(struct skt_grid *g, enum skt_ink ink)
{
	while (!g->failed && grid_row_length(g) < (size_t)grid_n_columns(g))
		grid_note(g, g->cells.len, 0);
	if (g->n_rows == g->cap_rows) {
		size_t cap = g->cap_rows ? g->cap_rows * 2 : 64;
		unsigned char *grown = skt_realloc(g->ink, cap);

		g->failed |= !grown;
		if (!grown)
			return;
		g->ink = grown;
		g->cap_rows = cap;
	}
	g->ink[g->n_rows++] = (unsigned char)ink;
}

/* What a column takes at least. */
static size_t layout_least_of(const struct layout *l, const struct skt_grid *g, int i)
{
	return g->column[i].elastic && l->width[i] > g->column[i].least ? g->column[i].least : l->width[i];
}

/* The columns that a line needs when elastic columns are as narrow as they may be. */
static size_t layout_least(const struct layout *l, const struct skt_grid *g)
{
	size_t ret = 0, n = 0;

	for (int i = 0; i < l->n; i++) {
		if (!l->is_shown[i])
			continue;
		ret += layout_least_of(l, g, i);
		n++;
	}
	return ret + (n ? (n - 1) * GRID_GAP : 0);
}

/* Leave out columns, the highest rank and of these the rightmost first, until the rest can fit. */
static void layout_drop(struct layout *l, const struct skt_grid *g)
{
	while (layout_least(l, g) > l->room) {
		int worst = -1;

		for (int i = 0; i < l->n; i++)
			if (l->is_shown[i] && g->column[i].rank > 0 &&
			    (worst < 0 || g->column[i].rank >= g->column[worst].rank))
				worst = i;
		if (worst < 0)
			return;
		l->is_shown[worst] = false;
	}
}

/* Share out `room` columns to those that want some: who wants little gets all of it, the others the same. What each
 * gets takes the place of what it wanted. */
static void layout_share(size_t *want, int n, size_t room)
{
	bool is_open[SKT_GRID_COLUMNS_MAX];
	size_t open = 0;

	for (int i = 0; i < n; i++) {
		is_open[i] = want[i] > 0;
		open += is_open[i];
	}
	for (bool changed = true; open > 0 && changed;) {
		changed = false;
		for (int i = 0; i < n; i++) {
			if (!is_open[i] || want[i] > room / open)
				continue;
			is_open[i] = false;
			open--;
			room -= want[i];
			changed = true;
			break;
		}
	}
	for (int i = 0; i < n; i++) {
		if (!is_open[i])
			continue;
		want[i] = room / open--;
		room -= want[i];
	}
}

/* The width of each elastic column: what it must have, and its share of what is left; where not even that is there, its share of
 * what there is. */
static void layout_stretch(struct layout *l, const struct skt_grid *g)
{
	size_t least = layout_least(l, g), want[SKT_GRID_COLUMNS_MAX] = { 0 }, base[SKT_GRID_COLUMNS_MAX] = { 0 };
	bool fits = least <= l->room;

	for (int i = 0; i < l->n; i++) {
		if (!l->is_shown[i] || !g->column[i].elastic)
			continue;
		base[i] = layout_least_of(l, g, i);
		if (!fits) {
			least -= base[i];
			base[i] = 0;
		}
		want[i] = l->width[i] - base[i];
	}
	layout_share(want, l->n, l->room > least ? l->room - least : 0);
	for (int i = 0; i < l->n; i++)
		if (l->is_shown[i] && g->column[i].elastic)
			l->width[i] = base[i] + want[i];
}

static struct layout layout_of(const struct skt_grid *g, int width)
{
	struct layout l = { .n = grid_n_columns(g), .room = width > 0 ? (size_t)width : 0, .last = -1 };

	for (size_t i = 0; i < g->n_rows * (size_t)l.n; i++) {
		size_t *widest = &l.width[i % (size_t)l.n];

		if (g->cell[i].columns > *widest)
			*widest = g->cell[i].columns;
	}
	for (int i = 0; i < l.n; i++) {
		size_t title = skt_columns(_(g->column[i].title));

		l.is_shown[i] = !l.room || g->column[i].rank == 0 || l.width[i] > 0;
		if (title > l.width[i])
			l.width[i] = title;
	}
	if (l.room) {
		layout_drop(&l, g);
		layout_stretch(&l, g);
	}
	for (int i = 0; i < l.n; i++)
		if (l.is_shown[i])
			l.last = i;
	return l;
}

/* Where a line stands. Blanks are owed until something follows them. */
struct line {
	struct skt_text *t;
	size_t room, blanks; /* room left, SIZE_MAX: no end */
};

static void line_pay(struct line *line)
{
	static const char blanks[] = "                                                                ";

	while (line->blanks > 0) {
		size_t n = line->blanks < sizeof(blanks) - 1 ? line->blanks : sizeof(blanks) - 1;

		skt_text_addn(line->t, blanks, n);
		line->blanks -= n;
	}
}

static void line_blanks(struct line *line, size_t n)
{
	n = n < line->room ? n : line->room;
	line->blanks += n;
	line->room -= n;
}

/* The first bytes of s that fill at most `columns`; returns how many bytes, and how many columns in *ret. */
static size_t line_cut(const char *s, size_t length, size_t columns, size_t *ret)
{
	size_t i = 0;

	*ret = 0;
	while (i < length) {
		int one;
		size_t n = skt_column_char(s + i, &one);

		if (one > 0 && *ret + (size_t)one > columns)
			break;
		*ret += one > 0 ? (size_t)one : 0;
		i += n;
	}
	return i;
}

/* One cell in `width` columns, with dots where it had to be cut. */
static void line_cell(struct line *line, const char *s, size_t length, size_t columns, size_t width, bool right)
{
	size_t most = width < line->room ? width : line->room, dots = 0;

	if (columns > most) {
		dots = most > 3 ? 3 : 0;
		length = line_cut(s, length, most - dots, &columns);
	}
	columns += dots;
	if (right && most > columns)
		line_blanks(line, most - columns);
	if (length + dots > 0) {
		line_pay(line);
		skt_text_addn(line->t, s, length);
		skt_text_addn(line->t, "...", dots);
		line->room -= columns < line->room ? columns : line->room;
	}
	if (!right && width > columns)
		line_blanks(line, width - columns);
}

static struct line line_begin(const struct layout *l, struct skt_text *t)
{
	return (struct line){ .t = t, .room = l->room ? l->room : SIZE_MAX };
}

static void layout_titles(const struct layout *l, const struct skt_grid *g, int fd, struct skt_text *ret)
{
	struct line line = line_begin(l, ret);

	skt_text_add(ret, skt_ink(fd, SKT_INK_BOLD));
	for (int i = 0; i < l->n; i++) {
		const char *title = _(g->column[i].title);

		if (!l->is_shown[i])
			continue;
		line_cell(&line, title, strlen(title), skt_columns(title), l->width[i], g->column[i].right);
		line_blanks(&line, GRID_GAP);
	}
	skt_text_add(ret, skt_ink(fd, SKT_INK_PLAIN));
	skt_text_addc(ret, '\n');
}

static void layout_row(const struct layout *l, const struct skt_grid *g, size_t row, int fd, struct skt_text *ret)
{
	struct line line = line_begin(l, ret);
	const struct skt_grid_cell *cell = g->cell + row * (size_t)l->n;
	const char *texts = skt_text_get(&g->cells);
	bool has_ink = g->ink[row] != SKT_INK_PLAIN;

	if (has_ink)
		skt_text_add(ret, skt_ink(fd, g->ink[row]));
	for (int i = 0; i < l->n; i++) {
		if (!l->is_shown[i])
			continue;
		line_cell(&line, texts + cell[i].at, cell[i].length, cell[i].columns, l->width[i], g->column[i].right);
		if (i != l->last)
			line_blanks(&line, GRID_GAP);
	}
	if (has_ink)
		skt_text_add(ret, skt_ink(fd, SKT_INK_PLAIN));
	skt_text_addc(ret, '\n');
}

void skt_grid_print_part(const struct skt_grid *g, int width, int fd, size_t first, size_t last, struct skt_text *ret)
{
	struct layout l;

	if (g->failed || g->cells.failed) {
		ret->failed = true;
		return;
	}
	l = layout_of(g, width);
	layout_titles(&l, g, fd, ret);
	for (size_t i = first; i < last && i < g->n_rows; i++)
		layout_row(&l, g, i, fd, ret);
}

void skt_grid_print(const struct skt_grid *g, int width, int fd, struct skt_text *ret)
{
	skt_grid_print_part(g, width, fd, 0, g->n_rows, ret);
}

void skt_grid_clear(struct skt_grid *g)
{
	skt_text_clear(&g->cells);
	g->n_cells = g->n_rows = 0;
	g->failed = false;
}

void skt_grid_release(struct skt_grid *g)
{
	skt_text_release(&g->cells);
	skt_free(g->cell);
	skt_free(g->ink);
	*g = (struct skt_grid){ .column = g->column };
}

int skt_grid_width(void)
{
	int rows, columns;

	if (!isatty(STDOUT_FILENO))
		return 0;
	skt_tty_size(&rows, &columns);
	return columns;
}

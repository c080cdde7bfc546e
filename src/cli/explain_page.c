/* SPDX-License-Identifier: Apache-2.0 */
/* A page of facts on 80 columns.
 *
 * How it works. Rows are collected first, because the widths of the columns come from all of them; then they are
 * printed. A value that is wider than its column has the note on the next line, or takes the note's room where there
 * is none. */
#include "cli/explain_page.h"

#include <stdarg.h>

#include "base/alloc.h"
#include "cli/column.h"
#include "cli/say.h"

enum page_kind { PAGE_TITLE, PAGE_ROW, PAGE_TEXT };

enum { PAGE_VALUE_MIN = 10, PAGE_VALUE_MAX = 22, PAGE_GAP = 2 };

struct skt_page_row {
	enum page_kind kind;
	size_t label, value, note; /* offsets into the page's strings */
};

/* Where the columns of a page begin. */
struct page_columns {
	size_t value, note;
};

static size_t page_keep(struct skt_page *p, const char *s)
{
	size_t at = p->strings.len;

	skt_column_add_plain(&p->strings, s ? s : "");
	skt_text_addc(&p->strings, '\0');
	return at;
}

static void page_add(struct skt_page *p, enum page_kind kind, const char *label, const char *value, const char *note)
{
	if (p->n_rows == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 32;
		struct skt_page_row *grown = skt_realloc(p->rows, cap * sizeof(*grown));

		if (!grown) {
			p->failed = true;
			return;
		}
		p->rows = grown;
		p->cap = cap;
	}
	p->rows[p->n_rows++] = (struct skt_page_row){
		.kind = kind,
		.label = page_keep(p, label),
		.value = page_keep(p, value),
		.note = page_keep(p, note),
	};
}

void skt_page_title(struct skt_page *p, const char *text)
{
	page_add(p, PAGE_TITLE, text, NULL, NULL);
}

void skt_page_row(struct skt_page *p, const char *label, const char *value, const char *note)
{
	page_add(p, PAGE_ROW, label, value, note);
}

void skt_page_rowf(struct skt_page *p, const char *label, const char *value, const char *fmt, ...)
{
	struct skt_text note = { 0 };
	va_list ap;

	va_start(ap, fmt);
	skt_text_vaddf(&note, fmt, ap);
	va_end(ap);
	p->failed = p->failed || note.failed;
	skt_page_row(p, label, value, skt_text_get(&note));
	skt_text_release(&note);
}

void skt_page_text(struct skt_page *p, const char *text)
{
	page_add(p, PAGE_TEXT, text, NULL, NULL);
}

static struct page_columns page_measure(const struct skt_page *p)
{
	const char *strings = skt_text_get(&p->strings);
	size_t label = 0, value = PAGE_VALUE_MIN;

	for (size_t i = 0; i < p->n_rows; i++) {
		const struct skt_page_row *row = &p->rows[i];
		size_t label_width = skt_columns(strings + row->label), value_width = skt_columns(strings + row->value);

		if (row->kind != PAGE_ROW)
			continue;
		if (label_width > label)
			label = label_width;
		if (strings[row->note] && value_width > value && value_width <= PAGE_VALUE_MAX)
			value = value_width;
	}
	return (struct page_columns){ .value = PAGE_GAP + label + PAGE_GAP, .note = label + value + 3 * (size_t)PAGE_GAP };
}

static void page_blanks(struct skt_text *t, size_t n)
{
	for (; n > 0; n--)
		skt_text_addc(t, ' ');
}

static void page_ink(struct skt_text *t, enum skt_ink ink)
{
	skt_text_add(t, skt_ink(1, ink));
}

static void page_print_label(const char *label, const struct page_columns *c, struct skt_text *ret)
{
	page_blanks(ret, PAGE_GAP);
	page_ink(ret, SKT_INK_DIM);
	skt_text_add(ret, label);
	page_ink(ret, SKT_INK_PLAIN);
	page_blanks(ret, c->value - PAGE_GAP - skt_columns(label));
}

static void page_print_row(const char *label, const char *value, const char *note, const struct page_columns *c,
			   struct skt_text *ret)
{
	size_t at = c->value + skt_columns(value);

	page_print_label(label, c, ret);
	if (!*value) {
		skt_column_wrap(ret, note, c->value, c->value);
		return;
	}
	page_ink(ret, SKT_INK_BOLD);
	if (!*note)
		skt_column_wrap(ret, value, c->value, c->value);
	else
		skt_text_add(ret, value);
	page_ink(ret, SKT_INK_PLAIN);
	if (!*note)
		return;
	if (at + PAGE_GAP > c->note) {
		skt_text_addc(ret, '\n');
		at = 0;
	}
	page_blanks(ret, c->note - at);
	skt_column_wrap(ret, note, c->note, c->note);
}

void skt_page_print(const struct skt_page *p, struct skt_text *ret)
{
	struct page_columns c = page_measure(p);
	const char *strings = skt_text_get(&p->strings);

	for (size_t i = 0; i < p->n_rows && !p->failed && !p->strings.failed; i++) {
		const struct skt_page_row *row = &p->rows[i];

		if (row->kind == PAGE_ROW) {
			page_print_row(strings + row->label, strings + row->value, strings + row->note, &c, ret);
			continue;
		}
		if (i > 0)
			skt_text_addc(ret, '\n');
		if (row->kind == PAGE_TITLE)
			page_ink(ret, SKT_INK_BOLD);
		skt_column_wrap(ret, strings + row->label, 0, 0);
		if (row->kind == PAGE_TITLE)
			page_ink(ret, SKT_INK_PLAIN);
	}
	ret->failed = ret->failed || p->failed || p->strings.failed;
}

void skt_page_release(struct skt_page *p)
{
	skt_free(p->rows);
	skt_text_release(&p->strings);
	*p = (struct skt_page){ 0 };
}

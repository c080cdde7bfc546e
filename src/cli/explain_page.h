/* SPDX-License-Identifier: Apache-2.0 */
/* A page of facts on 80 columns: rows of a label, a value and a note, in columns that fit all of them. */
#ifndef SKT_CLI_EXPLAIN_PAGE_H
#define SKT_CLI_EXPLAIN_PAGE_H

#include <stddef.h>

#include "base/text.h"

struct skt_page_row;

/* A zeroed struct is an empty page. */
struct skt_page {
	struct skt_page_row *rows;
	size_t n_rows, cap;
	struct skt_text strings; /* what the rows say, one NUL-terminated string after the other */
	bool failed;
};

/* A line of its own, bold; a blank line goes before it, unless it is the first. */
void skt_page_title(struct skt_page *p, const char *text);
/* A row. Each text is copied; control characters in it are shown, not sent. An empty label continues the row before;
 * NULL or empty notes and values are fine. */
void skt_page_row(struct skt_page *p, const char *label, const char *value, const char *note);
/* The same with a note that is printed to. */
void skt_page_rowf(struct skt_page *p, const char *label, const char *value, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* A paragraph over the whole width, behind a blank line. */
void skt_page_text(struct skt_page *p, const char *text);
/* Append the page, coloured for standard output. */
void skt_page_print(const struct skt_page *p, struct skt_text *ret);
void skt_page_release(struct skt_page *p);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Tables on a terminal: columns that fit the width there is. */
#ifndef SKT_CLI_GRID_H
#define SKT_CLI_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "cli/say.h"

struct skt_grid_column {
	const char *title; /* N_() */
	bool right;        /* numbers: flush right */
	bool elastic;      /* takes what room is left, and is cut (with ...) where it is too long */
	int rank; /* columns of rank 0 are always there; of the others, the highest ranks go first when room is short */
	size_t least; /* an elastic column is never narrower while a column of a rank above 0 can go instead */
};

enum { SKT_GRID_COLUMNS_MAX = 24 };

struct skt_grid_cell {
	size_t at;       /* into cells */
	uint16_t length; /* bytes */
	uint16_t columns;
};

/* Rows of cells as text, one buffer for all. A zeroed struct with `column` set is an empty grid. */
struct skt_grid {
	const struct skt_grid_column *column; /* ended by a NULL title */
	struct skt_text cells;
	struct skt_grid_cell *cell; /* row after row, as many in each as there are columns */
	size_t n_cells, cap_cells, n_rows;
	unsigned char *ink; /* of each row: enum skt_ink */
	size_t cap_rows;
	bool failed;
};

/* Add a cell to the row that is being built; control characters become visible. skt_grid_end_row() closes the row: missing cells
 * are empty, those too many are dropped. An ink colours the whole row on a terminal. */
void skt_grid_add(struct skt_grid *g, const char *cell);
void skt_grid_addf(struct skt_grid *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void skt_grid_end_row(struct skt_grid *g, enum skt_ink ink);
/* Append the title line (in bold on fd, a terminal) and all rows, each at most `width` columns wide; 0: as wide as they need,
 * every column whole. With a width, columns of a rank above 0 that have nothing to show are left out. No blanks at the end of a
 * line. Where memory was short, the text has failed. */
void skt_grid_print(const struct skt_grid *g, int width, int fd, struct skt_text *ret);
/* The same for rows [first, last) of it, under the columns that all rows make: a part that fits a screen. */
void skt_grid_print_part(const struct skt_grid *g, int width, int fd, size_t first, size_t last, struct skt_text *ret);
/* Empty it, keep the memory. */
void skt_grid_clear(struct skt_grid *g);
void skt_grid_release(struct skt_grid *g);

/* The width to print for: that of the terminal on stdout, else 0 (a pipe gets everything). */
int skt_grid_width(void);

#endif

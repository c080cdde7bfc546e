/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of soket ports: one look at the machine, and the ways to show it. */
#ifndef SKT_CLI_PORTS_H
#define SKT_CLI_PORTS_H

#include "cli/args.h"
#include "cli/grid.h"
#include "inspect/portlook.h"

struct skt_ports {
	const struct skt_args *args;
	struct skt_portlook look;
	bool json, wants_leases, wants_command, marks; /* marks: the first column is for + and - */

	struct skt_grid_column column[SKT_GRID_COLUMNS_MAX];
	struct skt_text cell; /* while one is made */
};

/* Read the command line. Returns 0 or -kind; release in any case. */
int skt_ports_init(struct skt_ports *p, const struct skt_args *args, struct skt_error *err);
void skt_ports_release(struct skt_ports *p);
/* Look at the machine (again): census, leases, sock and rows. Returns 0 or -kind. */
int skt_ports_look(struct skt_ports *p, struct skt_error *err);

/* Choose the columns, for a terminal of that width (0: none); sets wants_command. */
void skt_ports_columns(struct skt_ports *p, int width);
/* Add a row to a grid that has p's columns; `mark` is for the first column of a watch. */
void skt_ports_add_row(struct skt_ports *p, const struct skt_portrow *row, struct skt_grid *g, const char *mark,
		       enum skt_ink ink);
/* Whether the row is left out of tables: the hold of a lease, beside the program that listens. */
bool skt_ports_is_hidden(const struct skt_ports *p, const struct skt_portrow *row);
/* The ink of a row that is neither new nor gone. */
enum skt_ink skt_ports_ink(const struct skt_portrow *row);
/* Append one line of JSON for a socket; `event` may be NULL. */
void skt_ports_json(const struct skt_ports *p, const struct skt_sock *s, const char *event, struct skt_json *j);

/* --leases: print them. Returns an exit status. */
int skt_ports_show_leases(struct skt_ports *p);
/* --watch. Returns an exit status. */
int skt_ports_watch(struct skt_ports *p);

#endif

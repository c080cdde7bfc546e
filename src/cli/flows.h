/* SPDX-License-Identifier: Apache-2.0 */
/* soket flows, in pieces: looking (flows_look.c, flows_owners.c), order (flows_sort.c), and the ways to show what was seen. */
#ifndef SKT_CLI_FLOWS_H
#define SKT_CLI_FLOWS_H

#include "cli/args.h"
#include "cli/grid.h"
#include "inspect/direction.h"
#include "inspect/flowrate.h"

/* One connection of the last look that the filter lets through. */
struct flows_row {
	const struct skt_sock *s;
	struct skt_measured m;
	enum skt_direction_from from;
	double first, second; /* what it is sorted by, the larger above */
	const char *text;     /* or by this */
};

struct flows_sort;

/* Between two looks, where nothing else is said. */
#define FLOWS_APART (250 * SKT_MS)

struct flows {
	struct skt_filter *filter;
	struct skt_census_spec spec;
	struct skt_census census;    /* its table is that of the last look */
	struct skt_socktable before; /* of the look before */
	int *netns_fd;               /* of each namespace of the census; -1: ours */
	struct skt_flowrate rate;
	struct skt_listeners listeners;
	unsigned states;  /* set of those that are shown */
	unsigned missed;  /* set of protocols: where they cannot be listed, that is said */
	bool is_complete; /* each look has every live connection, whatever is shown of them */
	bool all;         /* --all */
	const struct flows_sort *sort;
	struct flows_row *row;
	size_t n_rows, cap_rows;
	skt_time owners_again; /* when /proc may be read again */
};

/* flows_look.c */

/* Take over the flags and the filter. Returns 0, or -kind. */
int flows_open(struct flows *f, const struct skt_args *args, struct skt_error *err);
void flows_release(struct flows *f);
/* Look: the table that was is `before` then. Returns 0, or -kind. */
int flows_look(struct flows *f, struct skt_error *err);
/* Look twice, so long apart, and where they are wanted read the processes while waiting; 0: once. Returns 0, or -kind. */
int flows_look_twice(struct flows *f, skt_time apart, bool with_owners, struct skt_error *err);
/* Whether a socket of the last look is to be shown; fills what was measured of it. */
bool flows_wants(const struct flows *f, const struct skt_sock *s, struct skt_measured *m, enum skt_direction_from *from);
/* Make the rows from the last look, sorted. Returns 0, or -SKT_E_LIMIT. */
int flows_fill(struct flows *f, struct skt_error *err);

/* flows_owners.c */

/* Read /proc: who has which socket. */
int flows_read_owners(struct flows *f, struct skt_error *err);
/* Read it again where one of rows [first, last) has a socket whose process is not known and could be, and where reading it does
 * not take more than a small part of the time. */
int flows_refresh_owners(struct flows *f, size_t first, size_t last, struct skt_error *err);
/* The most that a connection can be old, by its processes: -1 where they are not known. */
skt_time flows_age_most(const struct flows *f, const struct skt_sock *s, skt_time least);

/* flows_sort.c */

/* Ways to sort: the first is the default. NULL after the last. */
const struct flows_sort *flows_sort_at(size_t i);
const struct flows_sort *flows_sort_find(const char *word);
const struct flows_sort *flows_sort_of_key(int key);
const char *flows_sort_word(const struct flows_sort *sort);
/* The key of the keyboard that picks it. */
int flows_sort_key(const struct flows_sort *sort);
/* Whether it takes the names of the processes of every row. */
bool flows_sort_wants_owners(const struct flows_sort *sort);
void flows_sort_rows(struct flows *f);

/* flows_table.c */

/* An empty table of connections. */
struct skt_grid flows_grid(void);
/* Add rows [first, last) to it. */
void flows_add_rows(const struct flows *f, size_t first, size_t last, struct skt_grid *g);
/* Append one end: "127.0.0.1:80", the name of a unix socket, CID:PORT. */
void flows_add_end(const struct flows *f, const struct skt_sock *s, bool remote, struct skt_text *ret);

/* flows_json.c */

/* Append one line for a row; with `time`, as one of a stream. */
void flows_add_json(const struct flows *f, const struct flows_row *row, const char *time, struct skt_json *j);
/* For one that has gone, of the table before. */
void flows_add_json_gone(const struct flows *f, const struct skt_sample *gone, const char *time, struct skt_json *j);
/* Write every row. Returns 0, or -kind. */
int flows_write_json(const struct flows *f, const char *time);

/* flows_all.c: very many sockets at once, into a pipe or file. Returns 0, or -kind. */
int flows_write_all(const struct flows *f, struct skt_error *err);

/* flows_watch.c: returns an exit status. */
int flows_watch(struct flows *f, skt_time every);
int flows_watch_json(struct flows *f, skt_time every);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* soket flows: the ways to show what inspect/flowlook.h sees. */
#ifndef SKT_CLI_FLOWS_H
#define SKT_CLI_FLOWS_H

#include "cli/args.h"
#include "cli/grid.h"
#include "inspect/flowlook.h"

/* Between two looks, where nothing else is said. */
#define FLOWS_APART (250 * SKT_MS)

/* Take over the flags and the filter, with a zeroed *f. Returns 0, or -kind. */
int flows_open(struct skt_flowlook *f, const struct skt_args *args, struct skt_error *err);

/* flows_table.c */

/* An empty table of connections. */
struct skt_grid flows_grid(void);
/* Add rows [first, last) to it. */
void flows_add_rows(const struct skt_flowlook *f, size_t first, size_t last, struct skt_grid *g);
/* Append one end: "127.0.0.1:80", the name of a unix socket, CID:PORT. */
void flows_add_end(const struct skt_flowlook *f, const struct skt_sock *s, bool remote, struct skt_text *ret);

/* flows_json.c */

/* Write every row. Returns 0, or -kind. */
int flows_write_json(const struct skt_flowlook *f, const char *time);

/* flows_all.c: very many sockets at once, into a pipe or file. Returns 0, or -kind. */
int flows_write_all(const struct skt_flowlook *f, struct skt_error *err);

/* flows_watch.c: returns an exit status. */
int flows_watch(struct skt_flowlook *f, skt_time every);
int flows_watch_json(struct skt_flowlook *f, skt_time every);

#endif

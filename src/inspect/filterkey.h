/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of filters: the keys, what their values are once they are read, and how each is tested. */
#ifndef SKT_INSPECT_FILTERKEY_H
#define SKT_INSPECT_FILTERKEY_H

#include "endpoint/cidr.h"
#include "inspect/filter.h"

/* How a value is compared. Comparisons become ranges while they are read: > 5 is from 6 on. */
enum skt_filter_op {
	SKT_FILTER_IS,  /* = or a word alone; a range a..b too */
	SKT_FILTER_NOT, /* != */
	SKT_FILTER_LESS,
	SKT_FILTER_LESS_OR_IS,
	SKT_FILTER_MORE,
	SKT_FILTER_MORE_OR_IS,
};

/* When a word can be tested: by the socket alone; with the table that it is from, by its name or by what TCP knows; with one of its
 * processes; with the census, or with what was measured. */
enum skt_filter_stage {
	SKT_STAGE_SOCK,
	SKT_STAGE_NAME,
	SKT_STAGE_INFO,
	SKT_STAGE_PROCESS,
	SKT_STAGE_CENSUS,
	SKT_STAGE_MEASURED
};

enum skt_place { SKT_PLACE_NETWORK, SKT_PLACE_ANY, SKT_PLACE_LOOPBACK };

struct skt_filter_term {
	const struct skt_filter_row *row;
	enum skt_filter_op op;
	int64_t first, last; /* numbers: the range that holds; ports too */
	int64_t other;       /* ports of a service: its number over UDP (first has TCP's), else -1 */
	unsigned set;        /* words: a set of them */
	enum skt_place place;
	struct skt_cidr cidr;
	char *text; /* names, patterns; owned */
};

/* What a word is tested against. */
struct skt_filter_view {
	const struct skt_socktable *table;
	const struct skt_sock *sock;
	const struct skt_census *census;     /* NULL before it is complete */
	const struct skt_measured *measured; /* may be NULL */
	const struct skt_process *process;   /* the one that is looked at, or NULL */
	enum skt_filter_scope scope;
};

/* Reads the value of a term whose row and op are set; *wrong is the offset of what is wrong. Fills err (the value, and a hint what is
 * expected) on failure. */
typedef int skt_filter_read(const char *value, enum skt_filter_scope scope, struct skt_filter_term *term,
			    struct skt_error *err);

struct skt_filter_row {
	struct skt_filter_key shown;
	const char *name; /* before the operator */
	skt_filter_read *read;
	bool (*test)(const struct skt_filter_term *term, const struct skt_filter_view *view); /* whether the value is so */
	unsigned char stage; /* enum skt_filter_stage */
	bool compares;       /* takes < and >, and ranges */
	bool wants_rates;
	unsigned char protos; /* that have such a thing; 0: all */
};

/* Row i, or NULL after the last. */
const struct skt_filter_row *skt_filter_row_at(size_t i);
/* The row of that key, or NULL. */
const struct skt_filter_row *skt_filter_row_find(const char *name);

/* Readers of values, in filtervalue.c. Each fails with err->at counted in the value. */
skt_filter_read skt_filter_read_count, skt_filter_read_size, skt_filter_read_rate, skt_filter_read_duration;
skt_filter_read skt_filter_read_port, skt_filter_read_service, skt_filter_read_pid, skt_filter_read_user;
skt_filter_read skt_filter_read_place, skt_filter_read_text, skt_filter_read_path, skt_filter_read_interface;
skt_filter_read skt_filter_read_protocol, skt_filter_read_state, skt_filter_read_class, skt_filter_read_family;
skt_filter_read skt_filter_read_direction, skt_filter_read_limited;

#endif

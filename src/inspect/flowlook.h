/* SPDX-License-Identifier: Apache-2.0 */
/* The connections of this machine, looked at again and again: those that a filter lets through, with rates, ages, directions and owners. Not
 * for several threads at once. */
#ifndef SKT_INSPECT_FLOWLOOK_H
#define SKT_INSPECT_FLOWLOOK_H

#include "base/json.h"
#include "inspect/direction.h"
#include "inspect/flowrate.h"

/* One connection of the last look that the filter lets through. */
struct skt_flowrow {
	const struct skt_sock *s;
	struct skt_measured m;
	enum skt_direction_from from;
	double first, second; /* what it is sorted by, the larger above */
	const char *text;     /* or by this */
};

struct skt_flowsort;

struct skt_flowlook {
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
	const struct skt_flowsort *sort;
	struct skt_flowrow *row;
	size_t n_rows, cap_rows;
	skt_time owners_again; /* when /proc may be read again */
};

/* What is to be looked at. */
struct skt_flowlook_spec {
	const char *const *words; /* of the filter; must outlive the look */
	int n_words;
	const char *netns; /* as in struct skt_census_spec */
	bool all_netns;
	bool all;         /* TCP sockets in every state, without rates unless `info` is said */
	bool info;        /* what TCP measures is wanted in any case */
	bool command;     /* the command lines of processes are wanted */
	const char *sort; /* a word of skt_flowsort_find() */
};

/* Begin, with a zeroed *f. Returns 0, or -kind: of the filter, with err->at in its words. */
int skt_flowlook_open(struct skt_flowlook *f, const struct skt_flowlook_spec *spec, struct skt_error *err);
void skt_flowlook_release(struct skt_flowlook *f);
/* Look: the table that was is `before` then. Returns 0, or -kind. */
int skt_flowlook_look(struct skt_flowlook *f, struct skt_error *err);
/* Look twice, so long apart, and where they are wanted read the processes while waiting; 0: once. Returns 0, or -kind. */
int skt_flowlook_look_twice(struct skt_flowlook *f, skt_time apart, bool with_owners, struct skt_error *err);
/* Whether a socket of the last look is to be shown; fills what was measured of it. */
bool skt_flowlook_wants(const struct skt_flowlook *f, const struct skt_sock *s, struct skt_measured *m,
			enum skt_direction_from *from);
/* Make the rows from the last look, sorted. Returns 0, or -SKT_E_LIMIT. */
int skt_flowlook_fill(struct skt_flowlook *f, struct skt_error *err);

/* One look of many: look, make the rows, and read owners for rows [first, first + n), or for all where they decide which rows there are and
 * in which order. Returns 0, or -kind. */
int skt_flowlook_next(struct skt_flowlook *f, size_t first, size_t n, struct skt_error *err);

/* Whose they are: flowowners.c. */

/* Read /proc: who has which socket. */
int skt_flowlook_read_owners(struct skt_flowlook *f, struct skt_error *err);
/* Read it again where one of rows [first, last) has a socket whose process is not known and could be, and where reading it does
 * not take more than a small part of the time. */
int skt_flowlook_refresh_owners(struct skt_flowlook *f, size_t first, size_t last, struct skt_error *err);
/* The most that a connection can be old, by its processes: -1 where they are not known. */
skt_time skt_flowlook_age_most(const struct skt_flowlook *f, const struct skt_sock *s, skt_time least);

/* Ways to sort: flowsort.c. */

/* Ways to sort: the first is the default. NULL after the last. */
const struct skt_flowsort *skt_flowsort_at(size_t i);
const struct skt_flowsort *skt_flowsort_find(const char *word);
const struct skt_flowsort *skt_flowsort_of_key(int key);
const char *skt_flowsort_word(const struct skt_flowsort *sort);
/* The key of the keyboard that picks it. */
int skt_flowsort_key(const struct skt_flowsort *sort);
/* Whether it takes the names of the processes of every row. */
bool skt_flowsort_wants_owners(const struct skt_flowsort *sort);
void skt_flowlook_sort(struct skt_flowlook *f);

/* As JSON: flowjson.c. */

/* Append an object for a row; with `time`, as one of a stream. */
void skt_flowjson_add(const struct skt_flowlook *f, const struct skt_flowrow *row, const char *time, struct skt_json *j);
/* For one that has gone, of the table before. */
void skt_flowjson_add_gone(const struct skt_flowlook *f, const struct skt_sample *gone, const char *time,
			   struct skt_json *j);

#endif

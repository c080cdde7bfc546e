/* SPDX-License-Identifier: Apache-2.0 */
/* Filters over sockets, written as words that combine: 8080 tcp user=me rtt>100ms. */
#ifndef SKT_INSPECT_FILTER_H
#define SKT_INSPECT_FILTER_H

#include "inspect/census.h"

/* What a filter may speak of: `soket ports` has bound sockets, `soket flows` and `soket close` have connections. */
enum skt_filter_scope { SKT_FILTER_PORTS = 1, SKT_FILTER_FLOWS = 2 };

/* What is measured between two looks; negative: not known. */
struct skt_measured {
	double sent_rate, received_rate; /* bytes a second */
	double retransmit_rate;          /* segments a second */
	skt_time age_least, age_most;    /* nanoseconds */
	int direction;                   /* enum skt_direction of direction.h; 0: unknown */
	enum skt_limited limited;
};

struct skt_filter;

/* Read the words. Words of different keys must all hold; words of one key: any of them (with != or <, >: all). Returns 0, or
 * -SKT_E_USAGE with a text that names the word, and a hint with the nearest known key; -SKT_E_LIMIT. err->at counts in the
 * words joined by one blank. Free with skt_filter_free(). */
int skt_filter_parse(const char *const *words, int n, enum skt_filter_scope scope, struct skt_filter **ret,
		     struct skt_error *err);
void skt_filter_free(struct skt_filter *f);
bool skt_filter_is_empty(const struct skt_filter *f);

/* Narrow a look to what the filter can match: protocols and states. Of connections, the states that the filter names take the
 * place of those in the look, so that state=time-wait shows what is left out otherwise. */
void skt_filter_narrow(const struct skt_filter *f, struct skt_look *look);
/* Whether it asks about processes, about what TCP knows, about rates (which take two looks). */
bool skt_filter_wants_owners(const struct skt_filter *f);
bool skt_filter_wants_info(const struct skt_filter *f);
bool skt_filter_wants_rates(const struct skt_filter *f);

/* Whether what the socket itself says is enough to refuse it: what speaks of processes, of namespaces and of measurements is
 * taken to hold. t may be NULL while it is still being
 * read: names are taken to hold then too. */
bool skt_filter_may_match(const struct skt_filter *f, const struct skt_socktable *t, const struct skt_sock *s);
/* Whether it matches; m may be NULL where nothing was measured. What is not known matches nothing. A socket that several
 * processes have matches where one of them does. */
bool skt_filter_matches(const struct skt_filter *f, const struct skt_census *c, const struct skt_sock *s,
			const struct skt_measured *m);

/* Key i with its help (N_()) for that scope, or NULL after the last: help, completion and the manual list them. */
struct skt_filter_key {
	const char *word; /* "user=NAME", "rtt>DURATION", "8080" */
	const char *help; /* one line, N_() */
	const char *unit; /* for completion: "@user", "@process", "@port", words with blanks between; "" */
	unsigned scopes;  /* set of enum skt_filter_scope */
};
const struct skt_filter_key *skt_filter_key_at(size_t i);

#endif

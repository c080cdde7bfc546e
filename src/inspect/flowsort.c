/* SPDX-License-Identifier: Apache-2.0 */
/* The connections of this machine: ways to sort. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "inspect/flowlook.h"

struct skt_flowsort {
	const char *word;
	char key;      /* of the keyboard */
	bool by_owner; /* takes the names of all processes */
	/* What a row is sorted by: the larger value above; or the text, in the order of the alphabet. */
	double (*value)(const struct skt_flowlook *f, const struct skt_flowrow *row);
	const char *(*text)(const struct skt_flowlook *f, const struct skt_flowrow *row);
};

static double sort_rate(const struct skt_flowlook *f, const struct skt_flowrow *row)
{
	(void)f;
	return row->m.sent_rate + row->m.received_rate;
}

static double sort_sent(const struct skt_flowlook *f, const struct skt_flowrow *row)
{
	uint64_t sent, received;

	return skt_flow_bytes(&f->census.table, row->s, &sent, &received) ? (double)sent : -1;
}

static double sort_received(const struct skt_flowlook *f, const struct skt_flowrow *row)
{
	uint64_t sent, received;

	return skt_flow_bytes(&f->census.table, row->s, &sent, &received) ? (double)received : -1;
}

static double sort_bytes(const struct skt_flowlook *f, const struct skt_flowrow *row)
{
	return sort_sent(f, row) + sort_received(f, row);
}

static double sort_rtt(const struct skt_flowlook *f, const struct skt_flowrow *row)
{
	const struct skt_tcpinfo *info = skt_socktable_info(&f->census.table, row->s);

	return info ? (double)info->rtt : -1;
}

static double sort_retrans(const struct skt_flowlook *f, const struct skt_flowrow *row)
{
	const struct skt_tcpinfo *info = skt_socktable_info(&f->census.table, row->s);

	return info ? (double)info->retransmits : -1;
}

static double sort_age(const struct skt_flowlook *f, const struct skt_flowrow *row)
{
	(void)f;
	return (double)row->m.age_least;
}

static double sort_queue(const struct skt_flowlook *f, const struct skt_flowrow *row)
{
	(void)f;
	return row->s->has_queue ? (double)row->s->queue + (double)row->s->limit : -1;
}

static double sort_local(const struct skt_flowlook *f, const struct skt_flowrow *row)
{
	(void)f;
	return -(double)row->s->local_port;
}

static double sort_remote(const struct skt_flowlook *f, const struct skt_flowrow *row)
{
	(void)f;
	return -(double)row->s->remote_port;
}

static const char *sort_process(const struct skt_flowlook *f, const struct skt_flowrow *row)
{
	const struct skt_process *p = skt_census_holder(&f->census, row->s, 0, NULL);

	return p ? p->name : "\x7f"; /* the unknown come last */
}

static const char *sort_state(const struct skt_flowlook *f, const struct skt_flowrow *row)
{
	(void)f;
	return skt_sock_state_name(row->s);
}

/* In the order in which the keys are offered where there is little room. Each key is a letter of its word. */
static const struct skt_flowsort sorts[] = {
	{ .word = "rate", .key = 'r', .value = sort_rate },
	{ .word = "bytes", .key = 'b', .value = sort_bytes },
	{ .word = "rtt", .key = 't', .value = sort_rtt },
	{ .word = "retrans", .key = 'n', .value = sort_retrans },
	{ .word = "process", .key = 'p', .by_owner = true, .text = sort_process },
	{ .word = "state", .key = 'e', .text = sort_state },
	{ .word = "age", .key = 'a', .value = sort_age },
	{ .word = "queue", .key = 'u', .value = sort_queue },
	{ .word = "local", .key = 'l', .value = sort_local },
	{ .word = "remote", .key = 'm', .value = sort_remote },
	{ .word = "sent", .key = 's', .value = sort_sent },
	{ .word = "received", .key = 'v', .value = sort_received },
};

const struct skt_flowsort *skt_flowsort_at(size_t i)
{
	return i < SKT_LENGTH(sorts) ? &sorts[i] : NULL;
}

const struct skt_flowsort *skt_flowsort_find(const char *word)
{
	for (size_t i = 0; i < SKT_LENGTH(sorts); i++)
		if (strcmp(sorts[i].word, word) == 0)
			return &sorts[i];
	return NULL;
}

const struct skt_flowsort *skt_flowsort_of_key(int key)
{
	for (size_t i = 0; i < SKT_LENGTH(sorts); i++)
		if (sorts[i].key == key)
			return &sorts[i];
	return NULL;
}

const char *skt_flowsort_word(const struct skt_flowsort *sort)
{
	return sort->word;
}

int skt_flowsort_key(const struct skt_flowsort *sort)
{
	return sort->key;
}

bool skt_flowsort_wants_owners(const struct skt_flowsort *sort)
{
	return sort->by_owner;
}

/* Where the values are equal, the cookie keeps a row in its place from one look to the next. */
static int sort_compare(const void *a, const void *b)
{
	const struct skt_flowrow *x = a, *y = b;
	int text = x->text && y->text ? strcmp(x->text, y->text) : 0;

	if (text)
		return text;
	if (x->first != y->first)
		return x->first < y->first ? 1 : -1;
	if (x->second != y->second)
		return x->second < y->second ? 1 : -1;
	return (x->s->cookie > y->s->cookie) - (x->s->cookie < y->s->cookie);
}

void skt_flowlook_sort(struct skt_flowlook *f)
{
	for (size_t i = 0; i < f->n_rows; i++) {
		struct skt_flowrow *row = &f->row[i];

		row->first = f->sort->value ? f->sort->value(f, row) : 0;
		row->text = f->sort->text ? f->sort->text(f, row) : NULL;
		row->second = sort_bytes(f, row);
	}
	if (f->n_rows > 1)
		qsort(f->row, f->n_rows, sizeof(*f->row), sort_compare);
}

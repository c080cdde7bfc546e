/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes known of connections by looking twice: rates, ages, what limits them, which ones have gone. Pure: it is given
 * tables and times. */
#ifndef SKT_INSPECT_FLOWRATE_H
#define SKT_INSPECT_FLOWRATE_H

#include "inspect/filter.h"

/* The counters of one connection at one look. */
struct skt_sample {
	uint64_t key; /* of its cookie; 0: a free slot */
	uint64_t sent, received, retransmits;
	skt_time busy, receiver_limited, sendbuf_limited;
	skt_time seen_after, seen_by; /* it began between these two looks; seen_by 0: it was there before the first look */
	uint32_t row;                 /* in the table of that look */
	bool has_counters;
	bool is_shown; /* skt_flowrate_mark() */
};

/* One look. */
struct skt_samples {
	struct skt_sample *slot; /* a hash table by key, at least half of it free */
	size_t cap, n;
	skt_time when;    /* 0: there was none */
	bool is_complete; /* every connection was in it: one that is in the next look and not in this one is new */
};

/* The last two looks. A zeroed struct has seen nothing, and is safe to release. */
struct skt_flowrate {
	struct skt_samples last, now;
};

/* Payload, each way: what was sent and did not have to be sent again, what came in order. false where the kernel does not tell:
 * TCP only. */
bool skt_flow_bytes(const struct skt_socktable *t, const struct skt_sock *s, uint64_t *sent, uint64_t *received);

/* Take over the counters of every connection of `t`, read at the time `when` (later than that of the look before).
 * is_complete: t has every connection of the protocols and namespaces that all looks are about. Returns 0, or -SKT_E_LIMIT: the
 * looks are as they were. */
int skt_flowrate_look(struct skt_flowrate *r, const struct skt_socktable *t, skt_time when, bool is_complete);
/* What the last two looks say about a connection of the last one: rates, age, limited. direction is not touched. Rates are negative
 * after one look alone, and of what has no counters; age_least is at least 0, age_most -1 where unknown. */
void skt_flowrate_measure(const struct skt_flowrate *r, const struct skt_socktable *t, const struct skt_sock *s,
			  struct skt_measured *ret);
/* Remember that a connection of the last look was shown. */
void skt_flowrate_mark(struct skt_flowrate *r, const struct skt_sock *s);
/* The next connection that was marked at the look before and is not in the last one, from slot *at on, or NULL after the last.
 * Its `row` is one of the table before. */
const struct skt_sample *skt_flowrate_gone(const struct skt_flowrate *r, size_t *at);
void skt_flowrate_release(struct skt_flowrate *r);

/* The kernel does not keep when a connection began. At least so long ago, from what TCP does keep: the longest of the times
 * since data was sent and received and an acknowledgement came, and of the time it was busy. *is_exact: nothing was ever sent
 * or received, and then these times count from the start. */
skt_time skt_flow_age(const struct skt_tcpinfo *info, bool *is_exact);

#endif

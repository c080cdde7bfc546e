/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes known of connections by looking twice.
 *
 * How it works. Each look becomes a hash table of samples by the connection's cookie, which the kernel never gives to another
 * one (an inode it does). A measurement looks its sample up in both tables; when the next look comes, the older table's memory
 * becomes the new one's. What is in the older table only has gone; what is in the newer one only is new, and began between the two.
 *
 * What limits a connection comes from three clocks that the kernel runs for each (tcp_info(7), tcpi_busy_time and its parts): the
 * time there was something to send, and how much of it was spent waiting for the receiver's window and for the send buffer. The
 * rest of the busy time it waited for the network; the time that is not busy, for the program. */
#include "inspect/flowrate.h"

#include <string.h>

#include "base/alloc.h"

/* Cookies are unique in the machine since Linux 5.7, and in a namespace before. */
static uint64_t sample_key(const struct skt_sock *s)
{
	uint64_t key = s->cookie ^ (uint64_t)(uint16_t)s->netns << 48;

	return s->cookie && !key ? 1 : s->cookie ? key : 0;
}

static size_t sample_slot(const struct skt_samples *in, uint64_t key)
{
	return (key * 0x9e3779b97f4a7c15U >> 20) & (in->cap - 1);
}

/* Its sample, or the free slot where it would be. `in` has slots. */
static struct skt_sample *samples_place(const struct skt_samples *in, uint64_t key)
{
	size_t i = sample_slot(in, key);

	while (in->slot[i].key && in->slot[i].key != key)
		i = (i + 1) & (in->cap - 1);
	return &in->slot[i];
}

static struct skt_sample *samples_find(const struct skt_samples *in, uint64_t key)
{
	struct skt_sample *sample = in->n > 0 && key ? samples_place(in, key) : NULL;

	return sample && sample->key ? sample : NULL;
}

static bool samples_reserve(struct skt_samples *in, size_t n)
{
	size_t cap = 64;

	while (cap < 2 * n)
		cap *= 2;
	if (cap > in->cap) {
		struct skt_sample *slot = skt_realloc(in->slot, cap * sizeof(*slot));

		if (!slot)
			return false;
		in->slot = slot;
		in->cap = cap;
	}
	memset(in->slot, 0, in->cap * sizeof(*in->slot));
	in->n = 0;
	return true;
}

/* States in which the other end's FIN has come, which the kernel counts as a byte received (tcp_rcv_nxt_update()). */
enum {
	FLOW_FIN_RECEIVED = 1U << SKT_STATE_CLOSE_WAIT | 1U << SKT_STATE_LAST_ACK | 1U << SKT_STATE_CLOSING |
			    1U << SKT_STATE_TIME_WAIT
};

bool skt_flow_bytes(const struct skt_socktable *t, const struct skt_sock *s, uint64_t *sent, uint64_t *received)
{
	const struct skt_tcpinfo *info = skt_socktable_info(t, s);
	uint64_t fin;

	if (!info)
		return false;
	fin = info->bytes_received > 0 && (FLOW_FIN_RECEIVED >> s->state & 1U);
	*received = info->bytes_received - fin;
	*sent = info->bytes_sent >= info->bytes_retransmitted ? info->bytes_sent - info->bytes_retransmitted : 0;
	return true;
}

static void sample_fill(struct skt_sample *sample, const struct skt_socktable *t, const struct skt_sock *s)
{
	const struct skt_tcpinfo *info = skt_socktable_info(t, s);

	sample->row = (uint32_t)(s - t->sock);
	sample->has_counters = skt_flow_bytes(t, s, &sample->sent, &sample->received);
	if (!info)
		return;
	sample->retransmits = info->retransmits;
	sample->busy = info->busy;
	sample->receiver_limited = info->receiver_limited;
	sample->sendbuf_limited = info->sendbuf_limited;
}

/* Since when it is known: from the look before, or as new. */
static void sample_date(struct skt_sample *sample, const struct skt_samples *before, const struct skt_samples *now)
{
	const struct skt_sample *old = samples_find(before, sample->key);

	if (old) {
		sample->seen_after = old->seen_after;
		sample->seen_by = old->seen_by;
	} else if (before->when && before->is_complete) {
		sample->seen_after = before->when;
		sample->seen_by = now->when;
	}
}

static bool sample_is_wanted(const struct skt_sock *s)
{
	return s->cookie && !skt_sock_is_bound(s) && s->state != SKT_STATE_BOUND;
}

int skt_flowrate_look(struct skt_flowrate *r, const struct skt_socktable *t, skt_time when, bool is_complete)
{
	struct skt_samples next = r->last;
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++)
		n += sample_is_wanted(&t->sock[i]);
	if (!samples_reserve(&next, n))
		return -SKT_E_LIMIT;
	next.when = when;
	next.is_complete = is_complete;
	for (size_t i = 0; i < t->n; i++) {
		uint64_t key = sample_key(&t->sock[i]);
		struct skt_sample *sample;

		if (!sample_is_wanted(&t->sock[i]))
			continue;
		sample = samples_place(&next, key);
		next.n += sample->key == 0;
		*sample = (struct skt_sample){ .key = key };
		sample_fill(sample, t, &t->sock[i]);
		sample_date(sample, &r->now, &next);
	}
	r->last = r->now;
	r->now = next;
	return 0;
}

skt_time skt_flow_age(const struct skt_tcpinfo *info, bool *is_exact)
{
	skt_time age = info->busy;

	*is_exact = info->bytes_sent == 0 && info->bytes_received == 0;
	age = info->since_sent > age ? info->since_sent : age;
	age = info->since_received > age ? info->since_received : age;
	return info->since_ack > age ? info->since_ack : age;
}

/* Before the handshake is done the kernel's times have no start yet: what they say is the time since boot, or worse. */
static bool measure_has_times(const struct skt_sock *s)
{
	return s->state != SKT_STATE_SYN_SENT && s->state != SKT_STATE_SYN_RECV && s->state != SKT_STATE_NEW_SYN_RECV;
}

static void measure_age(const struct skt_flowrate *r, const struct skt_sample *now, const struct skt_tcpinfo *info,
			const struct skt_sock *s, struct skt_measured *ret)
{
	bool is_exact = false;

	if (now && now->seen_by) {
		ret->age_least = r->now.when - now->seen_by;
		ret->age_most = r->now.when - now->seen_after;
		return;
	}
	if (info && measure_has_times(s))
		ret->age_least = skt_flow_age(info, &is_exact);
	if (is_exact)
		ret->age_most = ret->age_least;
}

static double measure_rate(uint64_t from, uint64_t to, skt_time during)
{
	return to > from && during > 0 ? (double)(to - from) * (double)SKT_SECOND / (double)during : 0;
}

/* The largest of the three parts of the busy time. */
static enum skt_limited measure_largest(skt_time busy, skt_time receiver, skt_time sendbuf, const struct skt_tcpinfo *info)
{
	skt_time network = busy - receiver - sendbuf;

	if (receiver > sendbuf && receiver > network)
		return SKT_LIMIT_RECEIVER;
	if (sendbuf > network)
		return SKT_LIMIT_SENDBUF;
	return info->is_app_limited && info->not_sent == 0 ? SKT_LIMIT_APPLICATION : SKT_LIMIT_NETWORK;
}

/* By one look alone: what it waits for if it has something to send now, judged by its whole life. */
static enum skt_limited measure_limited_once(const struct skt_tcpinfo *info)
{
	if (info->unacknowledged == 0 && info->not_sent == 0)
		return info->bytes_sent ? SKT_LIMIT_APPLICATION : SKT_LIMIT_NONE;
	return measure_largest(info->busy, info->receiver_limited, info->sendbuf_limited, info);
}

static enum skt_limited measure_limited(const struct skt_sample *last, const struct skt_sample *now, skt_time during,
					const struct skt_tcpinfo *info)
{
	skt_time busy = now->busy - last->busy;

	if (now->sent == last->sent && busy <= 0)
		return SKT_LIMIT_NONE; /* at rest */
	if (busy < during / 2)
		return SKT_LIMIT_APPLICATION;
	return measure_largest(busy, now->receiver_limited - last->receiver_limited,
			       now->sendbuf_limited - last->sendbuf_limited, info);
}

static void measure_rates(const struct skt_flowrate *r, const struct skt_sample *last, const struct skt_sample *now,
			  const struct skt_tcpinfo *info, struct skt_measured *ret)
{
	static const struct skt_sample nothing = { .has_counters = true };
	skt_time during = r->now.when - r->last.when;

	if (!last && now->seen_by == r->now.when)
		last = &nothing; /* it is new: all it has done, it has done since the look before */
	if (!last || !last->has_counters || !now->has_counters)
		return;
	ret->sent_rate = measure_rate(last->sent, now->sent, during);
	ret->received_rate = measure_rate(last->received, now->received, during);
	ret->retransmit_rate = measure_rate(last->retransmits, now->retransmits, during);
	ret->limited = measure_limited(last, now, during, info);
}

void skt_flowrate_measure(const struct skt_flowrate *r, const struct skt_socktable *t, const struct skt_sock *s,
			  struct skt_measured *ret)
{
	const struct skt_tcpinfo *info = skt_socktable_info(t, s);
	uint64_t key = sample_key(s);
	const struct skt_sample *now = samples_find(&r->now, key), *last = samples_find(&r->last, key);

	ret->sent_rate = ret->received_rate = ret->retransmit_rate = -1;
	ret->age_least = 0;
	ret->age_most = -1;
	ret->limited = info ? measure_limited_once(info) : SKT_LIMIT_NONE;
	measure_age(r, now, info, s, ret);
	if (now && info && r->last.when)
		measure_rates(r, last, now, info, ret);
}

void skt_flowrate_mark(struct skt_flowrate *r, const struct skt_sock *s)
{
	struct skt_sample *sample = samples_find(&r->now, sample_key(s));

	if (sample)
		sample->is_shown = true;
}

const struct skt_sample *skt_flowrate_gone(const struct skt_flowrate *r, size_t *at)
{
	if (r->last.n == 0)
		return NULL;
	while (*at < r->last.cap) {
		const struct skt_sample *sample = &r->last.slot[(*at)++];

		if (sample->key && sample->is_shown && !samples_find(&r->now, sample->key))
			return sample;
	}
	return NULL;
}

void skt_flowrate_release(struct skt_flowrate *r)
{
	skt_free(r->last.slot);
	skt_free(r->now.slot);
	*r = (struct skt_flowrate){ 0 };
}

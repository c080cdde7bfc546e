/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that wait: a ring of nodes, of which the last is known. */
#include "io/dgqueue.h"

#include <string.h>

#include "base/alloc.h"

struct skt_dgnode {
	struct skt_dgnode *next; /* of the last one: the first */
	uint32_t n;
	char data[];
};

static bool dgqueue_add_one(struct skt_dgqueue *q, const char *data, uint32_t n)
{
	uint32_t cost = n + (uint32_t)sizeof(struct skt_dgnode);
	struct skt_dgnode *node = NULL;

	if (q->n_bytes == 0 || q->n_bytes + cost <= SKT_DGQUEUE_MAX)
		node = skt_malloc(sizeof(*node) + n);
	if (!node)
		return false;
	node->n = n;
	if (n > 0)
		memcpy(node->data, data, n);
	node->next = q->last ? q->last->next : node;
	if (q->last)
		q->last->next = node;
	q->last = node;
	q->n_bytes += cost;
	return true;
}

uint32_t skt_dgqueue_add(struct skt_dgqueue *q, const struct skt_msg *msg)
{
	uint32_t size = msg->segment && msg->segment < msg->n ? msg->segment : msg->n, at = 0, lost = 0;

	do {
		uint32_t n = msg->n - at < size ? msg->n - at : size;

		lost += !dgqueue_add_one(q, msg->data + at, n);
		at += n;
	} while (at < msg->n);
	return lost;
}

uint32_t skt_dgqueue_add_rest(struct skt_dgqueue *q, struct skt_rest rest)
{
	uint32_t lost = 0;

	for (; rest.n > 0; rest.msg++, rest.n--, rest.at = 0) {
		struct skt_msg msg = skt_rest_first(&rest);

		lost += skt_dgqueue_add(q, &msg);
	}
	return lost;
}

int skt_dgqueue_peek(const struct skt_dgqueue *q, struct skt_msg *ret, int most)
{
	const struct skt_dgnode *node = q->last ? q->last->next : NULL;
	int n = 0;

	while (node && n < most) {
		ret[n++] = (struct skt_msg){ .data = node->data, .n = node->n };
		node = node == q->last ? NULL : node->next;
	}
	return n;
}

void skt_dgqueue_drop(struct skt_dgqueue *q, int n)
{
	for (; n > 0 && q->last; n--) {
		struct skt_dgnode *first = q->last->next;

		q->n_bytes -= first->n + (uint32_t)sizeof(*first);
		if (first == q->last)
			q->last = NULL;
		else
			q->last->next = first->next;
		skt_free(first);
	}
}

uint32_t skt_dgqueue_release(struct skt_dgqueue *q)
{
	uint32_t n = 0;

	for (; q->last; n++)
		skt_dgqueue_drop(q, 1);
	return n;
}

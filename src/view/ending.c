/* SPDX-License-Identifier: Apache-2.0 */
/* Ending a link on somebody's wish. The thread that has the link does it; meanwhile we look again and again whether it has. */
#include "base/alloc.h"
#include "base/message.h"
#include "sys/clock.h"
#include "view/parts.h"

#define ENDING_AGAIN (5 * SKT_MS)
#define ENDING_PATIENCE (3 * SKT_SECOND)

struct skt_ending {
	struct skt_ending *next;
	struct skt_view *view;
	struct skt_exchange *x;
	struct skt_roster_wish *wish;
	struct skt_timer timer;
	skt_time until;
};

static void ending_free(struct skt_ending *e)
{
	struct skt_ending **at = &e->view->endings;

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	skt_loop_clear(e->view->loop, &e->timer);
	skt_roster_forget(e->wish);
	skt_free(e);
}

/* The answer may end the exchange: nothing of it is touched afterwards. */
static void ending_answer(struct skt_ending *e, int status, const char *why)
{
	struct skt_exchange *x = e->x;

	ending_free(e);
	if (status == 204)
		skt_exchange_reply(x, 204, NULL, NULL, 0);
	else
		skt_exchange_reply_status(x, status, why);
}

static void ending_look(struct skt_timer *timer)
{
	struct skt_ending *e = SKT_OUTER(timer, struct skt_ending, timer);
	int outcome = skt_roster_outcome(e->wish);

	if (outcome == 1)
		ending_answer(e, 204, NULL);
	else if (outcome == 0)
		ending_answer(e, 404, "there is no such link any more");
	else if (skt_now() > e->until || skt_loop_after(e->view->loop, timer, ENDING_AGAIN, ending_look) < 0)
		ending_answer(e, 503, "its thread does not answer");
}

/* 1 to 19 digits; 0 is no link's number. */
static uint64_t ending_number(struct skt_span id)
{
	uint64_t n = 0;

	if (id.n == 0 || id.n > 19)
		return 0;
	for (size_t i = 0; i < id.n; i++) {
		if (id.s[i] < '0' || id.s[i] > '9')
			return 0;
		n = n * 10 + (uint64_t)(id.s[i] - '0');
	}
	return n;
}

void skt_ending_begin(struct skt_view *view, struct skt_exchange *x, struct skt_span id)
{
	uint64_t number = ending_number(id);
	struct skt_ending *e;

	if (number == 0) {
		skt_exchange_reply_status(x, 404, "that is no number of a link");
		return;
	}
	e = SKT_NEW(struct skt_ending);
	if (!e || skt_roster_end_link(number, &e->wish) < 0) {
		skt_free(e);
		skt_exchange_reply_status(x, 503, NULL);
		return;
	}
	e->view = view;
	e->x = x;
	e->until = skt_now() + ENDING_PATIENCE;
	e->next = view->endings;
	view->endings = e;
	if (skt_loop_after(e->view->loop, &e->timer, 0, ending_look) < 0)
		ending_answer(e, 503, NULL);
}

bool skt_ending_forget(struct skt_view *view, const struct skt_exchange *x)
{
	struct skt_ending *e = view->endings;

	while (e && e->x != x)
		e = e->next;
	if (e)
		ending_free(e);
	return e != NULL;
}

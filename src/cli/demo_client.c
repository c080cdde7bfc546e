/* SPDX-License-Identifier: Apache-2.0 */
/* soket demo: its own clients. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/message.h"
#include "cli/demo.h"
#include "loop/signal.h"
#include "sys/clock.h"

void demo_client_end(struct demo_client *c, int how)
{
	c->is_over = true;
	if (how < 0)
		skt_stream_why(c->stream, &c->err);
	else if (how > 0)
		(void)skt_fail(&c->err, SKT_E_BUG, 0, "%s", _("what came back is not what was sent"));
}

static void client_woken(void *user)
{
	struct demo_client *c = user;

	if (!c->is_over)
		c->step(c);
}

static void client_dialled(void *user, struct skt_stream *stream, const struct skt_error *err)
{
	struct demo_client *c = user;

	c->dialer = NULL;
	if (!stream) {
		c->err = *err;
		c->is_over = true;
		return;
	}
	c->stream = stream;
	skt_stream_on_wake(stream, client_woken, c);
	c->step(c);
}

int demo_client_run(struct demo_client *c, struct skt_loop *loop, const char *target, struct skt_error *err)
{
	struct skt_origin origin = { .is_source = false };
	skt_time deadline = skt_now() + DEMO_PATIENCE;
	int ret = skt_endpoint_parse(target, &c->target, err);

	c->loop = loop;
	if (ret == 0)
		ret = skt_dialer_new(loop, &c->target, &origin, client_dialled, c, &c->dialer, err);
	while (ret == 0 && !c->is_over && skt_signals_stops() == 0 && skt_now() < deadline)
		ret = skt_loop_round(loop, SKT_SECOND, err);
	if (ret < 0)
		return ret;
	if (c->err.kind != SKT_OK) {
		*err = c->err;
		return -(int)err->kind;
	}
	if (!c->is_over && skt_signals_stops() == 0)
		return skt_fail(err, SKT_E_TIMEOUT, 0, "%s", _("timed out: the demo's own client got no answer"));
	return 0;
}

void demo_client_release(struct demo_client *c)
{
	skt_dialer_free(c->dialer);
	skt_stream_free(c->stream);
	c->dialer = NULL;
	c->stream = NULL;
	skt_endpoint_release(&c->target);
}

/* A part of the message under way. Returns as read and write do. */
static ssize_t pings_move(struct demo_pings *p)
{
	char bytes[DEMO_PING_SIZE] = { 0 };
	ssize_t n;

	if (p->sent < sizeof(bytes)) {
		if (p->sent == 0)
			p->began = skt_now();
		n = skt_stream_write(p->client.stream, bytes, sizeof(bytes) - p->sent);
		p->sent += n > 0 ? (size_t)n : 0;
	} else {
		n = skt_stream_read(p->client.stream, bytes, sizeof(bytes) - p->received);
		p->received += n > 0 ? (size_t)n : 0;
	}
	return n;
}

void demo_pings_step(struct demo_client *c)
{
	struct demo_pings *p = SKT_OUTER(c, struct demo_pings, client);

	while (!c->is_over) {
		ssize_t n = pings_move(p);

		if (n == -SKT_AGAIN)
			return;
		if (n <= 0) {
			demo_client_end(c, n < 0 ? -1 : 1);
			return;
		}
		if (p->received < DEMO_PING_SIZE)
			continue;
		p->took[p->n++] = skt_now() - p->began;
		p->sent = p->received = 0;
		if (p->n == DEMO_PINGS)
			demo_client_end(c, 0);
	}
}

static int pings_compare(const void *a, const void *b)
{
	skt_time x = *(const skt_time *)a, y = *(const skt_time *)b;

	return x < y ? -1 : x > y;
}

void demo_pings_sort(struct demo_pings *p)
{
	qsort(p->took, (size_t)p->n, sizeof(p->took[0]), pings_compare);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A reader of events.
 *
 * How it works: what a reader has not read yet waits here, and not in a queue: of each kind only the newest, so that one who is slow gets
 * fewer and newer events, and costs no more memory. Only what happens to connections (life) is a short queue, whose oldest are lost. */
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "io/fd.h"
#include "sys/clock.h"
#include "view/parts.h"
#include "view/query.h"

#define READER_BEAT (15 * SKT_SECOND)
#define READER_BEAT_SOON (500 * SKT_MS)

enum { READER_FILTER_MAX = 1024 };

static struct skt_reader *reader_of(struct skt_stream *s)
{
	return SKT_OUTER(s, struct skt_reader, stream);
}

/* What is given next, which is then the caller's; NULL where nothing waits. */
static struct skt_news *reader_next(struct skt_reader *r)
{
	struct skt_news *life;

	for (int i = 0; i < SKT_NEWS_KINDS; i++)
		if (r->waits[i]) {
			r->waits[i] = false;
			return skt_news_keep(r->newest[i]);
		}
	if (r->n_life == 0)
		return NULL;
	life = r->life[r->first_life];
	r->first_life = (r->first_life + 1) % SKT_LIFE_QUEUE;
	r->n_life--;
	return life;
}

/* Nobody reads the client's side meanwhile, so that its going is seen here: by the next thing that is sent to it. */
static bool reader_may_be_gone(const struct skt_reader *r)
{
	const struct skt_fd *bottom = skt_stream_bottom(r->client);

	return bottom && (bottom->ready & (SKT_RDHUP | SKT_HUP | SKT_ERR));
}

/* A comment, so that both ends see that the other is still there. */
static ssize_t reader_beat(struct skt_reader *r, void *buf, size_t n)
{
	skt_time now = skt_loop_now(r->view->loop), beat = reader_may_be_gone(r) ? READER_BEAT_SOON : READER_BEAT;

	if (now - r->given_at < beat || n < 3)
		return -SKT_AGAIN;
	memcpy(buf, ":\n\n", 3);
	r->given_at = now;
	return 3;
}

static ssize_t reader_read(struct skt_stream *s, void *buf, size_t n)
{
	struct skt_reader *r = reader_of(s);
	size_t part;

	if (!r->now) {
		r->now = reader_next(r);
		r->at = 0;
	}
	if (!r->now)
		return reader_beat(r, buf, n);
	part = r->now->n - r->at < n ? r->now->n - r->at : n;
	memcpy(buf, r->now->s + r->at, part);
	r->at += part;
	r->given_at = skt_loop_now(r->view->loop);
	if (r->at == r->now->n) {
		skt_news_drop(r->now);
		r->now = NULL;
	}
	return (ssize_t)part;
}

static ssize_t reader_write(struct skt_stream *s, const void *buf, size_t n)
{
	(void)s;
	(void)buf;
	return (ssize_t)n;
}

static int reader_shut(struct skt_stream *s)
{
	(void)s;
	return 0;
}

static void reader_free(struct skt_stream *s)
{
	struct skt_reader *r = reader_of(s);
	struct skt_view *view = r->view;

	skt_loop_undefer(view->loop, &r->task);
	skt_news_drop(r->now);
	for (int i = 0; i < SKT_NEWS_KINDS; i++)
		skt_news_drop(r->newest[i]);
	while (r->n_life > 0) {
		skt_news_drop(r->life[r->first_life]);
		r->first_life = (r->first_life + 1) % SKT_LIFE_QUEUE;
		r->n_life--;
	}
	skt_sight_drop(view, r->ports);
	skt_sight_drop(view, r->flows);
	r->next->last = r->last;
	r->last->next = r->next;
	view->n_readers--;
	skt_free(r);
}

static const struct skt_stream_ops reader_ops = {
	.name = "events",
	.read = reader_read,
	.write = reader_write,
	.shut = reader_shut,
	.free = reader_free,
};

void skt_reader_tell(struct skt_reader *r, enum skt_news_kind kind, struct skt_news *news)
{
	if (!news || skt_news_is_same(r->newest[kind], news)) {
		skt_news_drop(news);
		return;
	}
	skt_news_drop(r->newest[kind]);
	r->newest[kind] = news;
	r->waits[kind] = true;
}

static void reader_woken(struct skt_task *task)
{
	skt_stream_wake(&SKT_OUTER(task, struct skt_reader, task)->stream);
}

void skt_reader_tell_life(struct skt_reader *r, struct skt_news *news)
{
	if (!news)
		return;
	skt_loop_defer(r->view->loop, &r->task);
	if (r->n_life == SKT_LIFE_QUEUE) {
		skt_news_drop(r->life[r->first_life]);
		r->first_life = (r->first_life + 1) % SKT_LIFE_QUEUE;
		r->n_life--;
	}
	r->life[(r->first_life + r->n_life++) % SKT_LIFE_QUEUE] = news;
}

/* want=: all of them where it is not there. */
static unsigned reader_wants(struct skt_span query)
{
	static const struct {
		const char *word;
		unsigned bit;
	} words[] = {
		{ "hello", SKT_WANTS_HELLO }, { "socket", SKT_WANTS_SOCKET }, { "links", SKT_WANTS_LINKS },
		{ "ports", SKT_WANTS_PORTS }, { "flows", SKT_WANTS_FLOWS },   { "life", SKT_WANTS_LIFE },
	};
	struct skt_text list = { 0 };
	unsigned wants = 0;
	const char *s;

	if (skt_query_get(query, "want", &list) <= 0 || list.failed) {
		skt_text_release(&list);
		return ~0U;
	}
	s = skt_text_get(&list);
	for (size_t n; *s; s += n + (s[n] == ',')) {
		n = strcspn(s, ",");
		for (size_t i = 0; i < SKT_LENGTH(words); i++)
			if (strlen(words[i].word) == n && memcmp(words[i].word, s, n) == 0)
				wants |= words[i].bit;
	}
	skt_text_release(&list);
	return wants;
}

/* The sight through the filter of that name in the query; what is no text is no filter that could parse. */
static struct skt_sight *reader_sight(struct skt_view *view, struct skt_span query, bool of_flows)
{
	struct skt_text filter = { 0 };
	struct skt_sight *ret = NULL;

	if (skt_query_get(query, of_flows ? "flows" : "ports", &filter) < 0 || filter.len > READER_FILTER_MAX) {
		skt_text_clear(&filter);
		skt_text_add(&filter, "?");
	}
	if (!filter.failed)
		ret = skt_sight_get(view, of_flows, skt_text_get(&filter));
	skt_text_release(&filter);
	return ret;
}

static bool reader_sees(struct skt_reader *r, struct skt_span query)
{
	if (r->wants & SKT_WANTS_PORTS)
		r->ports = reader_sight(r->view, query, false);
	if (r->wants & SKT_WANTS_FLOWS)
		r->flows = reader_sight(r->view, query, true);
	return (r->ports || !(r->wants & SKT_WANTS_PORTS)) && (r->flows || !(r->wants & SKT_WANTS_FLOWS));
}

struct skt_reader *skt_reader_new(struct skt_view *view, struct skt_exchange *x, struct skt_span query)
{
	struct skt_reader *r = view->n_readers < SKT_READERS_MAX ? SKT_NEW(struct skt_reader) : NULL;

	if (!r)
		return NULL;
	r->stream.ops = &reader_ops;
	r->task.fn = reader_woken;
	r->view = view;
	r->client = skt_exchange_stream(x);
	r->connection = skt_exchange_connection(x);
	r->n_requests = skt_exchange_number(x);
	r->is_tls = skt_exchange_is_tls(x);
	r->opened = skt_life_opened(view, r->connection);
	r->wants = reader_wants(query);
	r->given_at = skt_loop_now(view->loop);
	r->next = &view->readers;
	r->last = view->readers.last;
	r->last->next = r;
	view->readers.last = r;
	view->n_readers++;
	if (!reader_sees(r, query)) {
		reader_free(&r->stream);
		return NULL;
	}
	if (r->wants & SKT_WANTS_HELLO)
		skt_reader_tell(r, SKT_NEWS_HELLO, skt_hello_news(view));
	if (r->ports)
		skt_sight_tell(r->ports, r);
	if (r->flows)
		skt_sight_tell(r->flows, r);
	return r;
}

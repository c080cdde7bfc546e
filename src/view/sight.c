/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at the machine's ports and flows, through a filter.
 *
 * How it works: readers with the same filter share one. It looks again after SIGHT_EVERY, or later where looking takes long: at most a
 * part of 1 in SIGHT_SHARE of the page's thread goes into it. The first look at flows is followed soon by another one, because rates
 * are differences. */
#include <string.h>

#include "base/alloc.h"
#include "inspect/flowlook.h"
#include "inspect/portlook.h"
#include "sys/clock.h"
#include "view/parts.h"
#include "view/query.h"

#define SIGHT_EVERY (2 * SKT_SECOND)
#define SIGHT_SOON (300 * SKT_MS)

enum { SIGHT_SHARE = 10, SIGHT_PORTS_MAX = 2000, SIGHT_FLOWS_MAX = 1000 };

struct skt_sight {
	struct skt_sight *next;
	int refs;
	bool of_flows, is_open, has_looked;
	char *filter;
	struct skt_query_words words;
	struct skt_portlook ports;
	struct skt_flowlook flows;
	struct skt_news *news, *trouble;
	skt_time due;
};

static void sight_free(struct skt_sight *s)
{
	if (s->is_open && s->of_flows)
		skt_flowlook_release(&s->flows);
	else if (s->is_open)
		skt_portlook_release(&s->ports);
	skt_query_words_release(&s->words);
	skt_news_drop(s->news);
	skt_news_drop(s->trouble);
	skt_free(s->filter);
	skt_free(s);
}

static void sight_trouble(struct skt_sight *s, const struct skt_error *err, int at)
{
	struct skt_json j = { 0 };

	skt_json_object(&j, NULL);
	skt_json_string(&j, "of", s->of_flows ? "flows" : "ports");
	skt_json_string(&j, "text", err->text);
	skt_json_string(&j, "hint", err->hint[0] ? err->hint : NULL);
	if (at >= 0)
		skt_json_int(&j, "at", at);
	else
		skt_json_null(&j, "at");
	skt_json_end_object(&j);
	skt_news_drop(s->trouble);
	s->trouble = skt_news_new("trouble", &j);
}

/* What was opened half is released like the rest. */
static int sight_open(struct skt_sight *s, struct skt_error *err)
{
	struct skt_flowlook_spec spec = { .command = true, .sort = "rate" };
	int ret = skt_query_words(s->filter, &s->words);

	if (ret < 0)
		return skt_fail_memory(err);
	s->is_open = true;
	spec.words = s->words.word;
	spec.n_words = s->words.n;
	if (s->of_flows)
		return skt_flowlook_open(&s->flows, &spec, err);
	ret = skt_portlook_open(&s->ports, s->words.word, s->words.n, err);
	s->ports.spec.depth = SKT_PROCESS_COMMAND;
	return ret;
}

static struct skt_sight *sight_new(bool of_flows, const char *filter)
{
	struct skt_sight *s = SKT_NEW(struct skt_sight);
	struct skt_error err = { .at = -1 };

	if (!s)
		return NULL;
	s->of_flows = of_flows;
	s->filter = skt_strdup(filter);
	if (!s->filter) {
		sight_free(s);
		return NULL;
	}
	if (sight_open(s, &err) < 0) {
		sight_trouble(s, &err, err.at < 0 ? -1 : skt_query_words_at(&s->words, err.at));
		s->due = SKT_FOREVER;
	}
	return s;
}

struct skt_sight *skt_sight_get(struct skt_view *view, bool of_flows, const char *filter)
{
	struct skt_sight *s = view->sights;

	while (s && (s->of_flows != of_flows || strcmp(s->filter, filter) != 0))
		s = s->next;
	if (!s) {
		s = sight_new(of_flows, filter);
		if (!s)
			return NULL;
		s->next = view->sights;
		view->sights = s;
	}
	s->refs++;
	return s;
}

void skt_sight_drop(struct skt_view *view, struct skt_sight *sight)
{
	struct skt_sight **at = &view->sights;

	if (!sight || --sight->refs > 0)
		return;
	while (*at != sight)
		at = &(*at)->next;
	*at = sight->next;
	sight_free(sight);
}

struct skt_sight *skt_sight_next(const struct skt_sight *sight)
{
	return sight->next;
}

static struct skt_news *sight_ports_news(struct skt_sight *s)
{
	struct skt_json j = { 0 };
	size_t n = s->ports.n_socks < SIGHT_PORTS_MAX ? s->ports.n_socks : SIGHT_PORTS_MAX;

	skt_json_object(&j, NULL);
	skt_json_string(&j, "filter", s->filter);
	skt_json_int(&j, "total", (int64_t)s->ports.n_socks);
	skt_json_int(&j, "hidden", (int64_t)(s->ports.census.has_owners ? skt_census_n_unseen(&s->ports.census) : 0));
	skt_json_array(&j, "ports");
	for (size_t i = 0; i < n; i++)
		skt_portlook_add_json(&s->ports, s->ports.sock[i], NULL, &j);
	skt_json_end_array(&j);
	skt_json_end_object(&j);
	return skt_news_new("ports", &j);
}

static struct skt_news *sight_flows_news(struct skt_sight *s)
{
	struct skt_json j = { 0 };

	skt_json_object(&j, NULL);
	skt_json_string(&j, "filter", s->filter);
	skt_json_int(&j, "total", (int64_t)s->flows.n_rows);
	skt_json_array(&j, "flows");
	for (size_t i = 0; i < s->flows.n_rows && i < SIGHT_FLOWS_MAX; i++)
		skt_flowjson_add(&s->flows, &s->flows.row[i], NULL, &j);
	skt_json_end_array(&j);
	skt_json_end_object(&j);
	return skt_news_new("flows", &j);
}

/* Look: news, or trouble. */
static void sight_see(struct skt_sight *s)
{
	struct skt_error err = { .at = -1 };
	int ret = s->of_flows ? skt_flowlook_next(&s->flows, 0, SIGHT_FLOWS_MAX, &err)
			      : skt_portlook_look(&s->ports, &err);
	struct skt_news *news = NULL;

	if (ret < 0) {
		sight_trouble(s, &err, -1);
		return;
	}
	news = s->of_flows ? sight_flows_news(s) : sight_ports_news(s);
	if (!news)
		return;
	skt_news_drop(s->news);
	skt_news_drop(s->trouble);
	s->news = news;
	s->trouble = NULL;
}

void skt_sight_tell(const struct skt_sight *s, struct skt_reader *r)
{
	if (s->trouble)
		skt_reader_tell(r, s->of_flows ? SKT_NEWS_NO_FLOWS : SKT_NEWS_NO_PORTS, skt_news_keep(s->trouble));
	else if (s->news)
		skt_reader_tell(r, s->of_flows ? SKT_NEWS_FLOWS : SKT_NEWS_PORTS, skt_news_keep(s->news));
}

void skt_sight_look(struct skt_view *view, struct skt_sight *s)
{
	skt_time began = skt_now(), took;

	if (began < s->due)
		return;
	sight_see(s);
	took = (skt_now() - began) * SIGHT_SHARE;
	/* rounds are a second apart: a little early counts as in time */
	s->due = began + (took > SIGHT_EVERY              ? took
			  : s->of_flows && !s->has_looked ? SIGHT_SOON
							  : SIGHT_EVERY - SIGHT_SOON);
	s->has_looked = true;
	for (struct skt_reader *r = view->readers.next; r != &view->readers; r = r->next)
		if (r->ports == s || r->flows == s)
			skt_sight_tell(s, r);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* One server-sent event. https://html.spec.whatwg.org/multipage/server-sent-events.html */
#include "view/news.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

struct skt_news *skt_news_new(const char *event, struct skt_json *j)
{
	size_t n = strlen(event) + j->text.len + sizeof("event: \ndata: \n\n");
	struct skt_news *news = j->text.failed ? NULL : skt_malloc(sizeof(*news) + n);

	if (news) {
		news->refs = 1;
		news->n = (size_t)snprintf(news->s, n, "event: %s\ndata: %s\n\n", event, skt_json_get(j));
	}
	skt_json_release(j);
	return news;
}

struct skt_news *skt_news_keep(struct skt_news *news)
{
	news->refs++;
	return news;
}

void skt_news_drop(struct skt_news *news)
{
	if (news && --news->refs == 0)
		skt_free(news);
}

/* Whether the text that ends at `at` is the key of an age. */
static bool news_is_age(const struct skt_news *news, size_t at)
{
	static const char *const keys[] = { "age_ns\":", "age_least_ns\":", "age_most_ns\":" };

	for (size_t i = 0; i < SKT_LENGTH(keys); i++) {
		size_t n = strlen(keys[i]);

		if (at >= n && memcmp(news->s + at - n, keys[i], n) == 0)
			return true;
	}
	return false;
}

static size_t news_skip_number(const struct skt_news *news, size_t at)
{
	while (at < news->n && news->s[at] >= '0' && news->s[at] <= '9')
		at++;
	return at;
}

bool skt_news_is_same(const struct skt_news *a, const struct skt_news *b)
{
	size_t i = 0, k = 0;

	if (!a || !b)
		return false;
	while (i < a->n && k < b->n && a->s[i] == b->s[k]) {
		bool may_be_age = a->s[i] == ':';

		i++;
		k++;
		if (!may_be_age || !news_is_age(a, i) || !news_is_age(b, k))
			continue;
		i = news_skip_number(a, i);
		k = news_skip_number(b, k);
	}
	return i == a->n && k == b->n;
}

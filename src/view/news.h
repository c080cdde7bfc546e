/* SPDX-License-Identifier: Apache-2.0 */
/* One server-sent event, made once and shared by all who read it. All on one thread. */
#ifndef SKT_VIEW_NEWS_H
#define SKT_VIEW_NEWS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"

struct skt_news {
	int refs;
	size_t n;
	char s[]; /* "event: NAME\ndata: JSON\n\n" */
};

/* From an object; j is released. NULL without memory. */
struct skt_news *skt_news_new(const char *event, struct skt_json *j);
struct skt_news *skt_news_keep(struct skt_news *news);
/* NULL is fine. */
void skt_news_drop(struct skt_news *news);
/* Whether both say the same, but for ages, which grow by themselves. Either may be NULL. */
bool skt_news_is_same(const struct skt_news *a, const struct skt_news *b);

#endif

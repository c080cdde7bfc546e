/* SPDX-License-Identifier: Apache-2.0 */
/* The query of a request. */
#include "view/query.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

static int query_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int query_decode(const char *s, size_t n, struct skt_text *ret)
{
	for (size_t i = 0; i < n; i++) {
		int high, low;

		if (s[i] == '\0')
			return -1;
		if (s[i] != '%') {
			skt_text_addc(ret, s[i] == '+' ? ' ' : s[i]);
			continue;
		}
		if (n - i < 3)
			return -1;
		high = query_digit(s[i + 1]);
		low = query_digit(s[i + 2]);
		if (high < 0 || low < 0 || (high == 0 && low == 0))
			return -1;
		skt_text_addc(ret, (char)(high << 4 | low));
		i += 2;
	}
	return 1;
}

int skt_query_get(struct skt_span query, const char *name, struct skt_text *ret)
{
	const char *s = query.s, *end = query.s ? query.s + query.n : NULL;
	size_t n_name = strlen(name);

	while (s && s < end) {
		const char *and = memchr(s, '&', (size_t)(end - s));
		size_t n = (size_t)((and? and : end) - s);

		if (n > n_name && memcmp(s, name, n_name) == 0 && s[n_name] == '=')
			return query_decode(s + n_name + 1, n - n_name - 1, ret);
		s += n + 1;
	}
	return 0;
}

static bool query_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Cut off the word that begins at s. Returns where to go on. */
static char *query_word(char *s, const char **ret)
{
	char quote = *s == '\'' || *s == '"' ? *s++ : '\0';

	*ret = s;
	while (*s && (quote ? *s != quote : !query_is_blank(*s)))
		s++;
	if (*s)
		*s++ = '\0';
	return s;
}

int skt_query_words(const char *text, struct skt_query_words *ret)
{
	char *s = skt_strdup(text);

	*ret = (struct skt_query_words){ .text = s };
	if (!s)
		return -SKT_E_LIMIT;
	for (;;) {
		while (query_is_blank(*s))
			s++;
		if (!*s)
			return 0;
		if (ret->n == SKT_QUERY_WORDS)
			return -SKT_E_LIMIT;
		s = query_word(s, &ret->word[ret->n++]);
	}
}

int skt_query_words_at(const struct skt_query_words *w, int at)
{
	for (int i = 0, from = 0; i < w->n; i++) {
		int n = (int)strlen(w->word[i]);

		if (at <= from + n)
			return (int)(w->word[i] - w->text) + at - from;
		from += n + 1;
	}
	return at;
}

void skt_query_words_release(struct skt_query_words *w)
{
	skt_free(w->text);
	*w = (struct skt_query_words){ 0 };
}

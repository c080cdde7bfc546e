/* SPDX-License-Identifier: Apache-2.0 */
/* What a client prefers, and what it has already. */
#include "wire/httpaccept.h"

#include <string.h>
#include <strings.h>

static const char *const coding_names[SKT_CODINGS] = { "", "gzip", "zstd", "br" };

const char *skt_coding_name(enum skt_coding coding)
{
	return coding_names[coding];
}

/* "0.75" in thousandths; what is malformed is 0. */
static int accept_quality(struct skt_span s)
{
	int value, scale = 100;

	if (s.n == 0 || (s.s[0] != '0' && s.s[0] != '1') || s.n > 5 || (s.n > 1 && s.s[1] != '.'))
		return 0;
	value = (s.s[0] - '0') * 1000;
	for (size_t i = 2; i < s.n; i++, scale /= 10) {
		if (s.s[i] < '0' || s.s[i] > '9')
			return 0;
		value += (s.s[i] - '0') * scale;
	}
	return value > 1000 ? 0 : value;
}

/* Take an element of a list apart: its word, and its weight. */
static struct skt_span accept_element(struct skt_span element, int *weight)
{
	struct skt_span word = { 0 }, parameter;

	(void)skt_span_split(&element, ';', &word);
	*weight = 1000;
	while (skt_span_split(&element, ';', &parameter))
		if (parameter.n >= 2 && (parameter.s[0] == 'q' || parameter.s[0] == 'Q') && parameter.s[1] == '=')
			*weight = accept_quality((struct skt_span){ parameter.s + 2, parameter.n - 2 });
	return word;
}

static int accept_coding_weight(struct skt_span list, const char *name)
{
	struct skt_span element, word;
	int weight, any = -1;

	while (skt_span_next(&list, &element)) {
		word = accept_element(element, &weight);
		if (skt_span_is_nocase(word, name) || (strcmp(name, "gzip") == 0 && skt_span_is_nocase(word, "x-gzip")))
			return weight;
		if (skt_span_is(word, "*"))
			any = weight;
	}
	return any;
}

enum skt_coding skt_accept_coding(struct skt_span field, unsigned set)
{
	enum skt_coding best = SKT_CODING_NONE;
	int plain = accept_coding_weight(field, "identity"), most = 0;

	for (int i = SKT_CODINGS - 1; i > SKT_CODING_NONE; i--) {
		int weight = set & (1U << i) ? accept_coding_weight(field, coding_names[i]) : 0;

		if (weight > most) {
			most = weight;
			best = (enum skt_coding)i;
		}
	}
	return plain > most ? SKT_CODING_NONE : best;
}

/* How well a range fits the word: 0 not at all, then the better the higher. */
static int accept_fits(struct skt_span range, const char *word)
{
	size_t n = strcspn(word, "/"), length = strlen(word);

	if (skt_span_is_nocase(range, word))
		return 3;
	if (skt_span_is(range, "*") || skt_span_is(range, "*/*"))
		return 1;
	if (word[n]) /* "text/" and a star */
		return range.n == n + 2 && strncasecmp(range.s, word, n + 1) == 0 && range.s[n + 1] == '*' ? 2 : 0;
	return range.n > length && strncasecmp(range.s, word, length) == 0 && range.s[length] == '-' ? 2 : 0;
}

int skt_accept_weight(struct skt_span field, const char *word)
{
	struct skt_span element;
	int best = 0, weight, ret = 0;

	if (!field.s)
		return 1000;
	while (skt_span_next(&field, &element)) {
		int fits = accept_fits(accept_element(element, &weight), word);

		if (fits > best || (fits && fits == best && weight > ret)) {
			best = fits;
			ret = weight;
		}
	}
	return ret;
}

/* One tag at the beginning of s, taken off it: false where there is none. *is_weak, *ret with its quotes. */
static bool tags_next(struct skt_span *s, bool *is_weak, struct skt_span *ret)
{
	size_t n;

	while (s->n && (s->s[0] == ' ' || s->s[0] == '\t' || s->s[0] == ',')) {
		s->s++;
		s->n--;
	}
	*is_weak = s->n >= 2 && s->s[0] == 'W' && s->s[1] == '/';
	if (*is_weak) {
		s->s += 2;
		s->n -= 2;
	}
	if (s->n < 2 || s->s[0] != '"')
		return false;
	for (n = 1; n < s->n && s->s[n] != '"'; n++)
		;
	if (n == s->n)
		return false;
	*ret = (struct skt_span){ s->s, n + 1 };
	s->s += n + 1;
	s->n -= n + 1;
	return true;
}

bool skt_tags_have(struct skt_span field, const char *tag, bool weakly)
{
	struct skt_span one;
	bool is_weak;

	if (skt_span_is(field, "*"))
		return true;
	while (tags_next(&field, &is_weak, &one))
		if (skt_span_is(one, tag) && (weakly || !is_weak))
			return true;
	return false;
}

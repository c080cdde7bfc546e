/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a content. */
#include "wire/httprange.h"

#include <string.h>
#include <strings.h>

/* Digits at the beginning of s, taken off it. A number that is too large is the largest. False: there are none. */
static bool range_number(struct skt_span *s, int64_t *ret)
{
	int64_t value = 0;
	size_t n = 0;

	for (; n < s->n && s->s[n] >= '0' && s->s[n] <= '9'; n++)
		value = value > (INT64_MAX - 9) / 10 ? INT64_MAX : value * 10 + (s->s[n] - '0');
	*ret = value;
	s->s += n;
	s->n -= n;
	return n > 0;
}

static bool range_char(struct skt_span *s, char c)
{
	if (s->n == 0 || s->s[0] != c)
		return false;
	s->s++;
	s->n--;
	return true;
}

/* "5-9", "5-" or "-5" against a size. False: malformed. *asked is empty (last < first) where it is beyond the end. */
static bool range_one(struct skt_span s, int64_t size, struct skt_range *asked)
{
	if (range_char(&s, '-')) {
		if (!range_number(&s, &asked->last) || s.n)
			return false;
		asked->first = asked->last > size ? 0 : size - asked->last;
		asked->last = size - 1;
		return true;
	}
	if (!range_number(&s, &asked->first) || !range_char(&s, '-'))
		return false;
	if (s.n == 0) {
		asked->last = size - 1;
		return true;
	}
	if (!range_number(&s, &asked->last) || s.n || asked->last < asked->first)
		return false;
	if (asked->last >= size)
		asked->last = size - 1;
	return true;
}

static bool range_touches(const struct skt_range *a, const struct skt_range *b)
{
	return a->first <= b->last + 1 && b->first <= a->last + 1;
}

/* Make one of those that the part at `at` touches, until it touches none. */
static void range_merge(struct skt_ranges *r, int at)
{
	for (int i = 0; i < r->n; i++) {
		if (i == at || !range_touches(&r->part[i], &r->part[at]))
			continue;
		if (r->part[i].first < r->part[at].first)
			r->part[at].first = r->part[i].first;
		if (r->part[i].last > r->part[at].last)
			r->part[at].last = r->part[i].last;
		if (i < at) { /* the earlier place is kept */
			r->part[i] = r->part[at];
			memmove(&r->part[at], &r->part[at + 1], sizeof(r->part[0]) * (size_t)(r->n - at - 1));
			at = i;
		} else {
			memmove(&r->part[i], &r->part[i + 1], sizeof(r->part[0]) * (size_t)(r->n - i - 1));
		}
		r->n--;
		i = -1;
	}
}

static bool range_add(struct skt_ranges *r, const struct skt_range *asked)
{
	for (int i = 0; i < r->n; i++)
		if (range_touches(&r->part[i], asked)) {
			if (asked->first < r->part[i].first)
				r->part[i].first = asked->first;
			if (asked->last > r->part[i].last)
				r->part[i].last = asked->last;
			range_merge(r, i);
			return true;
		}
	if (r->n == SKT_RANGES_MAX)
		return false;
	r->part[r->n++] = *asked;
	return true;
}

enum skt_ranged skt_range_parse(struct skt_span field, int64_t size, struct skt_ranges *ret)
{
	struct skt_span list, one;
	struct skt_range asked;
	int n_asked = 0;

	ret->n = 0;
	if (field.n < 6 || strncasecmp(field.s, "bytes=", 6) != 0)
		return SKT_RANGE_WHOLE;
	list = (struct skt_span){ field.s + 6, field.n - 6 };
	while (skt_span_next(&list, &one)) {
		if (!range_one(one, size, &asked))
			return SKT_RANGE_WHOLE;
		n_asked++;
		if (asked.first <= asked.last && asked.first < size && !range_add(ret, &asked))
			return SKT_RANGE_WHOLE;
	}
	if (n_asked == 0)
		return SKT_RANGE_WHOLE;
	return ret->n ? SKT_RANGE_PARTS : SKT_RANGE_UNSATISFIABLE;
}

bool skt_range_content(struct skt_span s, int64_t *first, int64_t *last, int64_t *size)
{
	if (s.n < 6 || strncasecmp(s.s, "bytes ", 6) != 0)
		return false;
	s.s += 6;
	s.n -= 6;
	*first = *last = *size = -1;
	if (!range_char(&s, '*') && (!range_number(&s, first) || !range_char(&s, '-') || !range_number(&s, last)))
		return false;
	if (!range_char(&s, '/'))
		return false;
	if (range_char(&s, '*'))
		return s.n == 0 && *first >= 0 && *last >= *first && *last < INT64_MAX;
	if (!range_number(&s, size) || s.n || *size == INT64_MAX)
		return false;
	return *first < 0 || (*last >= *first && *last < *size);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A string that grows. */
#include "base/text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

static bool text_reserve(struct skt_text *t, size_t more)
{
	size_t cap = t->cap ? t->cap : 64;
	char *s;

	t->failed |= more > SIZE_MAX / 4 - t->len;
	if (t->failed)
		return false;
	while (cap < t->len + more + 1)
		cap *= 2;
	if (cap == t->cap)
		return true;
	s = skt_realloc(t->s, cap);
	if (!s) {
		t->failed = true;
		return false;
	}
	t->s = s;
	t->cap = cap;
	return true;
}

void skt_text_addn(struct skt_text *t, const char *s, size_t n)
{
	if (!text_reserve(t, n))
		return;
	memcpy(t->s + t->len, s, n);
	t->len += n;
	t->s[t->len] = '\0';
}

void skt_text_add(struct skt_text *t, const char *s)
{
	skt_text_addn(t, s, strlen(s));
}

void skt_text_addc(struct skt_text *t, char c)
{
	skt_text_addn(t, &c, 1);
}

void skt_text_vaddf(struct skt_text *t, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	t->failed |= n < 0;
	if (n < 0 || !text_reserve(t, (size_t)n))
		return;
	(void)vsnprintf(t->s + t->len, (size_t)n + 1, fmt, ap);
	t->len += (size_t)n;
}

void skt_text_addf(struct skt_text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	skt_text_vaddf(t, fmt, ap);
	va_end(ap);
}

void skt_text_clear(struct skt_text *t)
{
	t->len = 0;
	t->failed = false;
	if (t->s)
		t->s[0] = '\0';
}

const char *skt_text_get(const struct skt_text *t)
{
	return t->s ? t->s : "";
}

char *skt_text_take(struct skt_text *t)
{
	char *s = NULL;

	if (!t->failed)
		s = t->s ? t->s : skt_strdup("");
	else
		skt_free(t->s);
	*t = (struct skt_text){ 0 };
	return s;
}

void skt_text_release(struct skt_text *t)
{
	skt_free(t->s);
	*t = (struct skt_text){ 0 };
}

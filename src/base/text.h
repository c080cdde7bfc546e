/* SPDX-License-Identifier: Apache-2.0 */
/* A string that grows. Failures are sticky: build the whole text, then ask once whether it is good. */
#ifndef SKT_BASE_TEXT_H
#define SKT_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* A zeroed struct is an empty text. `s` is NUL-terminated or NULL while empty. */
struct skt_text {
	char *s;
	size_t len, cap;
	bool failed; /* an allocation failed: the text is incomplete */
};

void skt_text_add(struct skt_text *t, const char *s);
void skt_text_addn(struct skt_text *t, const char *s, size_t n);
void skt_text_addc(struct skt_text *t, char c);
void skt_text_addf(struct skt_text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void skt_text_vaddf(struct skt_text *t, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* Empty it, and keep the memory. */
void skt_text_clear(struct skt_text *t);
/* The text, or "" while empty. Valid until the next change. */
const char *skt_text_get(const struct skt_text *t);
/* Hand the string over to the caller (skt_free()), or NULL when it failed. The text is empty afterwards. */
char *skt_text_take(struct skt_text *t);
void skt_text_release(struct skt_text *t);

#endif

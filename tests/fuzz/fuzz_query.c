/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a query of the live page, as a Host and an Origin: what is decoded has no NUL and is no longer than what came; words are
 * where they are said to be; a host that is taken holds no byte that leads elsewhere. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "view/guard.h"
#include "view/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_stop(const char *why)
{
	(void)fprintf(stderr, "%s\n", why);
	abort();
}

static void fuzz_words(const char *text)
{
	struct skt_query_words w;
	int at = 0;

	if (skt_query_words(text, &w) < 0) {
		skt_query_words_release(&w);
		return;
	}
	for (int i = 0; i < w.n; i++) {
		int where = skt_query_words_at(&w, at);

		if (where < 0 || strncmp(text + where, w.word[i], strlen(w.word[i])) != 0)
			fuzz_stop("a word is not where it is said to be");
		at += (int)strlen(w.word[i]) + 1;
	}
	skt_query_words_release(&w);
}

static void fuzz_query(struct skt_span all)
{
	static const char *const names[] = { "ports", "flows", "want" };

	for (int i = 0; i < 3; i++) {
		struct skt_text t = { 0 };

		if (skt_query_get(all, names[i], &t) > 0) {
			if (t.len > all.n || strlen(skt_text_get(&t)) != t.len)
				fuzz_stop("a value grew, or has a NUL");
			fuzz_words(skt_text_get(&t));
		}
		skt_text_release(&t);
	}
}

static void fuzz_guards(struct skt_span all)
{
	struct skt_request r = { 0 };

	if (skt_guard_host(all) && (all.n > 64 || memchr(all.s, '@', all.n) || memchr(all.s, '/', all.n)))
		fuzz_stop("a host was taken that is none");
	r.field[SKT_FIELD_HOST] = (struct skt_span){ "127.0.0.1:8000", 14 };
	r.field[SKT_FIELD_ORIGIN] = all;
	if (skt_guard_origin(&r) && all.n != strlen("http://127.0.0.1:8000") && all.n != strlen("https://127.0.0.1:8000"))
		fuzz_stop("an origin was taken that is not the page's own");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct skt_span all = { text, size };

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	fuzz_query(all);
	fuzz_guards(all);
	fuzz_words(text);
	free(text);
	return 0;
}

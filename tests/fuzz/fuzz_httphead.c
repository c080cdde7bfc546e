/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a head of HTTP/1: nothing crashes, what is found lies within the bytes, and the end is the same however they come. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "wire/httphead.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_within(struct skt_span span, const char *bytes, size_t n)
{
	if (span.s && (span.s < bytes || span.s + span.n > bytes + n)) {
		(void)fprintf(stderr, "a span outside the bytes\n");
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data, *why;
	size_t at_once = 0, one_by_one = 0, end, last = 0;
	static struct skt_head h;

	end = skt_head_end(bytes, size, &at_once);
	for (size_t n = 0; n <= size && last == 0; n++)
		last = skt_head_end(bytes, n, &one_by_one);
	if (end != last)
		abort();
	for (int kind = 0; kind < 2; kind++) {
		(void)skt_head_begins((enum skt_headkind)kind, bytes, size);
		if (skt_head_parse((enum skt_headkind)kind, bytes, end ? end : size, &h, &why) < 0)
			continue;
		if (!skt_head_begins((enum skt_headkind)kind, bytes, size) && h.method.n < 32)
			abort();
		fuzz_within(h.method, bytes, size);
		fuzz_within(h.target, bytes, size);
		fuzz_within(h.reason, bytes, size);
		for (int i = 0; i < h.n_fields; i++) {
			fuzz_within(h.field[i].name, bytes, size);
			fuzz_within(h.field[i].value, bytes, size);
		}
		(void)skt_head_lists(&h, "connection", "upgrade");
	}
	return 0;
}

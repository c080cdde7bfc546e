/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a PROXY header: the verdict is the same at once and step by step, no step asks for a byte behind the header, and what it
 * tells survives being composed and parsed again. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/proxyproto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_stop(const char *why)
{
	(void)fprintf(stderr, "%s\n", why);
	abort();
}

/* Parse the first n bytes, alone in their memory, so that a byte too far is seen. */
static int fuzz_parse(const uint8_t *data, size_t n, struct skt_proxyproto *ret, size_t *need)
{
	uint8_t *copy = malloc(n + 1);
	const char *why;
	int got;

	if (!copy)
		fuzz_stop("no memory");
	memcpy(copy, data, n);
	got = skt_proxyproto_parse(copy, n, ret, need, &why);
	if (got != -1 && !skt_proxyproto_begins(copy, n))
		fuzz_stop("a header that does not begin like one");
	free(copy);
	return got;
}

static int fuzz_steps(const uint8_t *data, size_t size, struct skt_proxyproto *ret, size_t *have)
{
	for (;;) {
		size_t need = 0;
		int got = fuzz_parse(data, *have, ret, &need);

		if (got != 1 || *have == size)
			return got;
		if (need == 0)
			fuzz_stop("more, but nothing is needed");
		*have = size - *have < need ? size : *have + need;
	}
}

static void fuzz_again(const struct skt_proxyproto *found)
{
	unsigned char room[SKT_PROXYPROTO_ROOM];
	const char *why;
	size_t need;

	for (int version = 1; version <= 2; version++) {
		size_t n = skt_proxyproto_compose(version, &found->source, &found->dest, room);
		struct skt_proxyproto again;

		if (n > sizeof(room) || (version == 1 && n > SKT_PROXYPROTO_V1_MAX) ||
		    skt_proxyproto_parse(room, n, &again, &need, &why) != 0 || again.n != n)
			fuzz_stop("what was composed cannot be parsed");
		if (version == 2 && found->source.len && found->source.sa.sa_family == again.source.sa.sa_family &&
		    memcmp(&found->source, &again.source, sizeof(again.source)) != 0)
			fuzz_stop("composing makes a difference");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct skt_proxyproto whole, steps;
	const char *why = NULL;
	size_t need, have = 0;
	int got = skt_proxyproto_parse(data, size, &whole, &need, &why), step;

	memset(&steps, 0, sizeof(steps));
	step = fuzz_steps(data, size, &steps, &have);
	if (step != got)
		fuzz_stop("the steps make a difference");
	if (got == -1 && !why)
		fuzz_stop("malformed without words");
	if (got != 0)
		return 0;
	if (have != steps.n || whole.n != steps.n || whole.n > SKT_PROXYPROTO_MAX || whole.version != steps.version)
		fuzz_stop("not the header's length");
	fuzz_again(&whole);
	return 0;
}

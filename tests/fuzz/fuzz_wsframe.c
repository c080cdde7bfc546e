/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a frame's header, as a Close and as text: nothing crashes, pieces make no difference, and what was parsed is composed to
 * the same bytes. The first byte chooses the rules. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/utf8.h"
#include "wire/wsframe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_stop(const char *why)
{
	(void)fprintf(stderr, "%s\n", why);
	abort();
}

static void fuzz_header(const uint8_t *data, size_t size, const struct skt_wsrules *rules)
{
	struct skt_wsheader whole = { 0 }, part = { 0 };
	struct skt_wsbreach breach = { 0, NULL }, early = { 0, NULL };
	int at_once = skt_wsheader_parse(data, size, rules, &whole, &breach), one_by_one = 0;
	char composed[SKT_WS_HEADER_MAX];

	for (size_t n = 0; n <= size && one_by_one == 0; n++)
		one_by_one = skt_wsheader_parse(data, n, rules, &part, &early);
	if (at_once != one_by_one || breach.why != early.why || at_once > (int)size)
		fuzz_stop("the pieces of a header make a difference");
	if (at_once <= 0)
		return;
	if (skt_wsheader_compose(&whole, composed) != (size_t)at_once || memcmp(composed, data, (size_t)at_once) != 0)
		fuzz_stop("a header is not composed as it was parsed");
}

static void fuzz_mask(const uint8_t *data, size_t size)
{
	static uint8_t a[4096], b[4096];
	const unsigned char key[SKT_WS_KEY] = { 1, 2, 0x80, 0xff };
	size_t n = size < sizeof(a) ? size : sizeof(a), cut = n ? data[0] % n : 0;

	if (n == 0)
		return;
	skt_wsmask(a, data, n, key, 3);
	skt_wsmask(b, data, cut, key, 3);
	skt_wsmask(b + cut, data + cut, n - cut, key, 3 + cut);
	if (memcmp(a, b, n) != 0)
		fuzz_stop("the pieces of a mask make a difference");
	skt_wsmask(a, a, n, key, 3);
	if (memcmp(a, data, n) != 0)
		fuzz_stop("a mask is not undone");
}

static void fuzz_text(const uint8_t *data, size_t size)
{
	struct skt_utf8 whole = { 0 }, part = { 0 };
	size_t good = skt_utf8_add(&whole, data, size), at = 0;

	while (at < size && skt_utf8_add(&part, data + at, 1) == 1)
		at++;
	if (at != good || (good == size && skt_utf8_is_whole(&whole) != skt_utf8_is_whole(&part)))
		fuzz_stop("the pieces of a text make a difference");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct skt_wsrules rules;
	struct skt_wsbreach breach;
	struct skt_wsclose close;

	if (size < 1)
		return 0;
	rules = (struct skt_wsrules){ data[0] & 1, data[0] & 2, data[0] & 4 };
	fuzz_header(data + 1, size - 1, &rules);
	fuzz_mask(data + 1, size - 1);
	fuzz_text(data + 1, size - 1);
	if (size <= SKT_WS_CONTROL_MAX && skt_wsclose_parse(data + 1, size - 1, &close, &breach) == 0 &&
	    strlen(close.reason) > SKT_WS_CONTROL_MAX - 2)
		fuzz_stop("a reason that is too long");
	return 0;
}

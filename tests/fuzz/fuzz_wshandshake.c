/* SPDX-License-Identifier: Apache-2.0 */
/* Any head as a request for a WebSocket and as an answer to one: nothing crashes, what is answered is itself a sound head, and what a
 * server agreed to its client takes. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/wshandshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_KEY "dGhlIHNhbXBsZSBub25jZQ=="

static void fuzz_stop(const char *why)
{
	(void)fprintf(stderr, "%s\n", why);
	abort();
}

static void fuzz_zipping(const struct skt_wszipping *z)
{
	if (z->is_on && (z->server_bits < SKT_WSZIP_BITS_MIN || z->server_bits > SKT_WSZIP_BITS ||
			 z->client_bits < SKT_WSZIP_BITS_MIN || z->client_bits > SKT_WSZIP_BITS))
		fuzz_stop("a window of a size that there is not");
}

static void fuzz_answer(const struct skt_wsanswer *answer)
{
	static struct skt_head head;
	struct skt_text text = { 0 };
	size_t seen = 0, end;
	const char *why;

	skt_wsanswer_compose(answer, &text);
	end = skt_head_end(text.s, text.len, &seen);
	if (skt_head_parse(SKT_HEAD_RESPONSE, text.s, end, &head, &why) < 0 || head.status != answer->status)
		fuzz_stop("an answer that is none");
	skt_text_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct skt_wsserves serves[] = {
		{ .protocols = "chat, mqtt", .zips = true },
		{ .path = "/chat", .origin = "https://a.example, b.example", .zips = true },
		{ .origin = "*" },
	};
	static const struct skt_wsask asks = { .host = "h", .protocols = "chat, mqtt", .zips = true };
	static struct skt_head head;
	struct skt_wsanswer answer;
	struct skt_wsagreed agreed;
	const char *why = NULL;

	if (skt_head_parse(SKT_HEAD_REQUEST, (const char *)data, size, &head, &why) == 0)
		for (size_t i = 0; i < sizeof(serves) / sizeof(serves[0]); i++) {
			skt_wsask_check(&head, &serves[i], &answer);
			fuzz_zipping(&answer.agreed.zipping);
			fuzz_answer(&answer);
		}
	if (skt_head_parse(SKT_HEAD_RESPONSE, (const char *)data, size, &head, &why) == 0 &&
	    skt_wsanswer_check(&head, &asks, FUZZ_KEY, &agreed, &why) == 0)
		fuzz_zipping(&agreed.zipping);
	return 0;
}

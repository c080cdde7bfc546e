/* SPDX-License-Identifier: Apache-2.0 */
/* Any packets as RTP: nothing is read beyond a packet's end, the payload lies within it, and the counts add up. The input is packets, each after
 * a byte that is its length. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/filter/rtpseen.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_stop(const char *why)
{
	(void)fprintf(stderr, "%s\n", why);
	abort();
}

static void fuzz_packet(struct skt_rtpseen *seen, const uint8_t *packet, size_t n, uint64_t *taken, skt_time now)
{
	uint8_t *exact = malloc(n + !n);
	struct skt_rtp rtp;

	if (!exact)
		return;
	if (n)
		memcpy(exact, packet, n);
	if (skt_rtp_parse(exact, n, &rtp) == 0) {
		if (rtp.at < SKT_RTP_HEADER || rtp.at + rtp.n > n)
			fuzz_stop("a payload outside its packet");
		(void)skt_rtpseen_take(seen, &rtp, now);
		++*taken;
	}
	free(exact);
	if (seen->media.received + seen->media.duplicates != *taken || seen->media.jitter < 0 ||
	    seen->media.lost > *taken * 65536 || seen->media.reordered > seen->media.received)
		fuzz_stop("counts that do not add up");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct skt_rtpseen seen = { 0 };
	uint64_t taken = 0;
	skt_time now = 0;

	while (size) {
		size_t n = data[0] < size - 1 ? data[0] : size - 1;

		now += data[0] * SKT_MS;
		fuzz_packet(&seen, data + 1, n, &taken, now);
		data += n + 1;
		size -= n + 1;
	}
	return 0;
}

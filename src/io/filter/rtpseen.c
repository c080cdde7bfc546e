/* SPDX-License-Identifier: Apache-2.0 */
/* RTP packets: their header, and what their numbers tell of the way they came.
 *
 * How it works: numbers of 16 bits are extended by the times they went round (RFC 3550 A.1). A window of the last 128 tells what is a
 * duplicate and what is only late. What is lost is what was expected, from the first number to the highest, less what came
 * (A.3), so that a late packet takes its loss back.
 *
 * Other than A.1: a source is believed from its first packet on, so that nothing is thrown away; a jump forwards is loss however
 * far it goes, because a link that was down for seconds has lost them; only a jump back beyond SKT_RTP_LATE begins anew. */
#include "io/filter/rtpseen.h"

#include <string.h>

enum { RTP_WINDOW = 128, RTP_RTCP_FIRST = 72, RTP_RTCP_LAST = 76 };

static uint32_t rtp_get(const uint8_t *at, int width)
{
	uint32_t value = 0;

	for (int i = 0; i < width; i++)
		value = value << 8 | at[i];
	return value;
}

static void rtp_put(uint8_t *at, uint32_t value, int width)
{
	for (int i = width; i-- > 0; value >>= 8)
		at[i] = (uint8_t)value;
}

int skt_rtp_parse(const uint8_t *packet, size_t n, struct skt_rtp *ret)
{
	struct skt_rtp rtp = { .n = n };

	if (n < SKT_RTP_HEADER || packet[0] >> 6 != 2)
		return -SKT_E_PEER;
	rtp.marker = packet[1] >> 7;
	rtp.payload_type = packet[1] & 0x7f;
	rtp.sequence = (uint16_t)rtp_get(packet + 2, 2);
	rtp.timestamp = rtp_get(packet + 4, 4);
	rtp.ssrc = rtp_get(packet + 8, 4);
	if (rtp.marker && rtp.payload_type >= RTP_RTCP_FIRST && rtp.payload_type <= RTP_RTCP_LAST)
		return -SKT_E_PEER;
	rtp.at = SKT_RTP_HEADER + 4 * (size_t)(packet[0] & 0x0f);
	if (packet[0] & 0x10) {
		if (rtp.at + 4 > n)
			return -SKT_E_PEER;
		rtp.at += 4 + 4 * (size_t)rtp_get(packet + rtp.at + 2, 2);
	}
	if (rtp.at > n)
		return -SKT_E_PEER;
	rtp.n = n - rtp.at;
	if (packet[0] & 0x20) {
		if (rtp.n == 0 || packet[n - 1] == 0 || packet[n - 1] > rtp.n)
			return -SKT_E_PEER;
		rtp.n -= packet[n - 1];
	}
	*ret = rtp;
	return 0;
}

void skt_rtp_print(const struct skt_rtp *rtp, uint8_t ret[SKT_RTP_HEADER])
{
	ret[0] = 2 << 6;
	ret[1] = (uint8_t)((rtp->marker ? 0x80 : 0) | rtp->payload_type);
	rtp_put(ret + 2, rtp->sequence, 2);
	rtp_put(ret + 4, rtp->timestamp, 4);
	rtp_put(ret + 8, rtp->ssrc, 4);
}

static bool seen_has(const struct skt_rtpseen *seen, int64_t back)
{
	return seen->window[back / 64] >> (back % 64) & 1;
}

static void seen_mark(struct skt_rtpseen *seen, int64_t back)
{
	seen->window[back / 64] |= (uint64_t)1 << (back % 64);
}

/* `most` grows by `by` > 0. */
static void seen_shift(struct skt_rtpseen *seen, int64_t by)
{
	seen->most += by;
	if (by >= RTP_WINDOW) {
		memset(seen->window, 0, sizeof(seen->window));
		return;
	}
	if (by >= 64) {
		seen->window[1] = seen->window[0];
		seen->window[0] = 0;
		by -= 64;
	}
	if (by == 0)
		return;
	seen->window[1] = seen->window[1] << by | seen->window[0] >> (64 - by);
	seen->window[0] <<= by;
}

static void seen_begin(struct skt_rtpseen *seen, const struct skt_rtp *rtp)
{
	seen->media.resyncs += seen->has_begun;
	seen->has_begun = true;
	seen->lost_before = seen->media.lost;
	seen->received = 0;
	seen->base = seen->most = 65536 + (int64_t)rtp->sequence;
	memset(seen->window, 0, sizeof(seen->window));
	seen->ssrc = rtp->ssrc;
}

/* How far the number is ahead of the highest; <= 0: behind it. */
static int64_t seen_ahead(const struct skt_rtpseen *seen, const struct skt_rtp *rtp)
{
	return (int16_t)(uint16_t)(rtp->sequence - (uint16_t)seen->most);
}

/* A.8, in nanoseconds. Timestamps go round too, and the difference of two arrivals is what counts. */
static void seen_jitter(struct skt_rtpseen *seen, const struct skt_rtp *rtp, skt_time now, bool is_first)
{
	int64_t sent = (int64_t)(int32_t)(rtp->timestamp - seen->timestamp) * (SKT_SECOND / 10000) / (SKT_RTP_HZ / 10000);
	skt_time d = now - seen->transit - sent;

	seen->timestamp = rtp->timestamp;
	seen->transit = now;
	if (is_first)
		return;
	d = d < 0 ? -d : d;
	seen->jitter16 += d - (seen->jitter16 + 8) / 16;
	seen->media.jitter = seen->jitter16 / 16;
}

static void seen_count(struct skt_rtpseen *seen)
{
	uint64_t expected = (uint64_t)(seen->most - seen->base + 1);

	seen->received++;
	seen->media.received++;
	seen->media.lost = seen->lost_before + (expected > seen->received ? expected - seen->received : 0);
}

bool skt_rtpseen_take(struct skt_rtpseen *seen, const struct skt_rtp *rtp, skt_time now)
{
	int64_t ahead = seen->has_begun ? seen_ahead(seen, rtp) : 0;
	bool begins = !seen->has_begun || rtp->ssrc != seen->ssrc || ahead < -SKT_RTP_LATE;

	seen->media.is_rtp = true;
	if (begins) {
		seen_begin(seen, rtp);
		ahead = 0;
	} else if (ahead <= 0 && seen_has(seen, -ahead)) {
		seen->media.duplicates++;
		return false;
	}
	if (ahead > 0)
		seen_shift(seen, ahead);
	seen->media.reordered += ahead < 0;
	seen_mark(seen, ahead < 0 ? -ahead : 0);
	if (seen->most + (ahead < 0 ? ahead : 0) < seen->base)
		seen->base = seen->most + ahead;
	seen_jitter(seen, rtp, now, begins);
	seen_count(seen);
	return true;
}

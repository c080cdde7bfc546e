/* SPDX-License-Identifier: Apache-2.0 */
/* The rate line. */
#include "observe/rate.h"

#include <math.h>

#include "base/message.h"

#define RATE_MEMORY_SECONDS 3.0

void skt_rate_note(struct skt_rate *rate, uint64_t n_bytes, skt_time now)
{
	double seconds, weight, fresh;

	if (rate->began == 0) {
		rate->began = rate->last = now;
		rate->n_bytes = n_bytes;
		return;
	}
	if (now <= rate->last)
		return;
	seconds = (double)(now - rate->last) / 1e9;
	fresh = (double)(n_bytes - rate->n_bytes) / seconds;
	weight = rate->per_second > 0 ? 1 - exp(-seconds / RATE_MEMORY_SECONDS) : 1;
	rate->per_second += weight * (fresh - rate->per_second);
	rate->last = now;
	rate->n_bytes = n_bytes;
}

void skt_rate_line(const struct skt_rate *rate, uint64_t total, struct skt_text *ret)
{
	char size[SKT_UNIT_LENGTH], speed[SKT_UNIT_LENGTH], time[SKT_UNIT_LENGTH];
	uint64_t left = total > rate->n_bytes ? total - rate->n_bytes : 0;

	skt_text_addf(ret, "%s  %s  %s", skt_size_print((int64_t)rate->n_bytes, size),
		      skt_rate_print((int64_t)rate->per_second, speed),
		      skt_duration_print(rate->last - rate->began, time));
	if (total == 0)
		return;
	skt_text_addf(ret, "  %d %%", (int)((double)(total - left) * 100 / (double)total));
	if (left && rate->per_second >= 1)
		skt_text_addf(ret, _("  %s left"),
			      skt_duration_print((skt_time)((double)left / rate->per_second * 1e9), time));
}

void skt_rate_summary(const struct skt_rate *rate, struct skt_text *ret)
{
	char size[SKT_UNIT_LENGTH], speed[SKT_UNIT_LENGTH], time[SKT_UNIT_LENGTH];
	skt_time took = rate->last - rate->began;
	double mean = took > 0 ? (double)rate->n_bytes / ((double)took / 1e9) : 0;

	skt_text_addf(ret, _("%s in %s, %s"), skt_size_print((int64_t)rate->n_bytes, size),
		      skt_duration_print(took, time), skt_rate_print((int64_t)mean, speed));
}

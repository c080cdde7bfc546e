/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines. */
#include "api/deadline.h"

#include "base/message.h"
#include "sys/clock.h"

void skt_deadline_init(struct skt_deadline *deadline, int ms)
{
	deadline->at = ms < 0 ? SKT_FOREVER : skt_now() + ms * SKT_MS;
	deadline->is_over = false;
}

int skt_deadline_round(struct skt_deadline *deadline, struct skt_loop *loop, const char *what, struct skt_error *err)
{
	skt_time left = deadline->at == SKT_FOREVER ? SKT_FOREVER : deadline->at - skt_now();

	if (deadline->is_over)
		return skt_fail(err, SKT_E_TIMEOUT, 0, _("timed out: %.200s"), what);
	deadline->is_over = left <= 0;
	return skt_loop_round(loop, left > 0 ? left : 0, err);
}

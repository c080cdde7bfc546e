/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands that show the live page have in common. */
#include "cli/viewing.h"

#include "inspect/holder.h"
#include "sys/clock.h"
#include "view/assets.h"

int skt_viewing_start(const char *page, const struct skt_endpoint *at, struct skt_http_handler *rest,
		      struct skt_view **ret, struct skt_error *err)
{
	const struct skt_view_options options = { .at = at, .page = page, .version = SKT_VERSION, .rest = rest };
	int failed = skt_view_start(&options, ret, err);

	if (failed == -SKT_E_INUSE && at)
		skt_holder_explain(at, err);
	return failed;
}

bool skt_viewing_is_built(void)
{
	return skt_n_assets > 0;
}

void skt_viewing_event(const struct skt_view *view, struct skt_json *j)
{
	char time[SKT_UNIT_LENGTH];

	skt_json_object(j, NULL);
	skt_json_string(j, "event", "view");
	skt_json_string(j, "time", skt_instant_print(skt_unix_now(), time));
	skt_json_string(j, "url", skt_view_url(view));
	skt_json_end_object(j);
}

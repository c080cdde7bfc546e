/* SPDX-License-Identifier: Apache-2.0 */
/* soket flows: connections as lines of JSON. */
#include "cli/flows.h"
#include "cli/say.h"

/* Lines are collected, and leave in pieces of about this size. */
enum { JSON_PIECE = 65536 };

int flows_write_json(const struct skt_flowlook *f, const char *time)
{
	struct skt_json j = { 0 };
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < f->n_rows; i++) {
		skt_flowjson_add(f, &f->row[i], time, &j);
		skt_say_end_line(&j);
		if (j.text.len < JSON_PIECE && i + 1 < f->n_rows)
			continue;
		ret = skt_say_text(&j.text);
		skt_text_clear(&j.text);
	}
	skt_json_release(&j);
	return ret;
}

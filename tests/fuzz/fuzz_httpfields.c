/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a path and as the values of fields: what comes out keeps its promises. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/base64.h"
#include "wire/httpaccept.h"
#include "wire/httpdate.h"
#include "wire/httppath.h"
#include "wire/httprange.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_stop(const char *why)
{
	(void)fprintf(stderr, "%s\n", why);
	abort();
}

/* A path is relative, and no segment of it is empty, "." or "..". */
static void fuzz_path(struct skt_span s)
{
	struct skt_httppath facts, again;
	struct skt_text url = { 0 };
	char path[128], back[128];

	if (skt_httppath_decode(s, path, sizeof(path), &facts) != SKT_PATH_GOOD)
		return;
	for (const char *at = path; *at;) {
		size_t n = strcspn(at, "/");

		if (n == 0 || (n == 1 && at[0] == '.') || (n == 2 && at[0] == '.' && at[1] == '.'))
			fuzz_stop("a segment that leads elsewhere");
		at += n + (at[n] == '/');
		if (at[-1] == '/' && !*at)
			fuzz_stop("a slash at the end");
	}
	skt_text_addc(&url, '/');
	skt_httppath_encode(path, &url);
	if (skt_httppath_decode((struct skt_span){ url.s, url.len }, back, sizeof(back), &again) != SKT_PATH_GOOD ||
	    strcmp(path, back) != 0)
		fuzz_stop("a name that does not come back");
	skt_text_clear(&url);
	skt_httppath_escape(path, &url);
	if (url.s && strpbrk(url.s, "<>\"'"))
		fuzz_stop("markup");
	skt_text_release(&url);
}

static void fuzz_ranges(struct skt_span s)
{
	struct skt_ranges r;
	int64_t first, last, size;

	if (skt_range_parse(s, 1000, &r) == SKT_RANGE_PARTS) {
		if (r.n < 1 || r.n > SKT_RANGES_MAX)
			fuzz_stop("too many parts, or none");
		for (int i = 0; i < r.n; i++) {
			if (r.part[i].first < 0 || r.part[i].last >= 1000 || r.part[i].first > r.part[i].last)
				fuzz_stop("a part beyond the content");
			for (int k = 0; k < i; k++)
				if (r.part[i].first <= r.part[k].last && r.part[k].first <= r.part[i].last)
					fuzz_stop("parts overlap");
		}
	}
	if (skt_range_content(s, &first, &last, &size) && (last < first || (size >= 0 && last >= size)))
		fuzz_stop("a piece beyond its file");
}

static void fuzz_date(struct skt_span s)
{
	char text[SKT_HTTPDATE_SIZE];
	int64_t date, again;

	if (!skt_httpdate_parse(s, 1700000000, &date))
		return;
	(void)skt_httpdate_print(date, text);
	if (!skt_httpdate_parse((struct skt_span){ text, strlen(text) }, 0, &again) || again != date)
		fuzz_stop("a date that does not come back");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct skt_span s = { (const char *)data, size }, user, password;
	char room[64];

	fuzz_path(s);
	fuzz_ranges(s);
	fuzz_date(s);
	if ((unsigned)skt_accept_coding(s, 14) >= SKT_CODINGS || skt_accept_weight(s, "text/html") > 1000)
		fuzz_stop("a preference that nobody has");
	(void)skt_tags_have(s, "\"a\"", true);
	if (skt_basic_parse(s, room, sizeof(room), &user, &password) && user.n + password.n + 1 > sizeof(room))
		fuzz_stop("credentials beyond their room");
	return 0;
}

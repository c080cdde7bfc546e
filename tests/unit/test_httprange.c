/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a content. */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "wire/httprange.h"

static struct skt_span span(const char *text)
{
	return (struct skt_span){ text, strlen(text) };
}

/* What it asks of 100 bytes, as "first-last first-last", "whole" or "none". */
static const char *asked(const char *field, char *ret, size_t size)
{
	struct skt_ranges r;
	size_t n = 0;

	switch (skt_range_parse(span(field), 100, &r)) {
	case SKT_RANGE_WHOLE:
		return "whole";
	case SKT_RANGE_UNSATISFIABLE:
		return "none";
	case SKT_RANGE_PARTS:
		break;
	}
	ret[0] = '\0';
	for (int i = 0; i < r.n; i++)
		n += (size_t)snprintf(ret + n, size - n, "%s%lld-%lld", i ? " " : "", (long long)r.part[i].first,
				      (long long)r.part[i].last);
	return ret;
}

static void ranges_are_read(void **state)
{
	static const char *const rows[][2] = {
		{ "Bytes=0-0", "0-0" }, /* units are in any case (RFC 9110, section 14.1) */
		{ "bytes=0-0", "0-0" },
		{ "bytes=5-", "5-99" },
		{ "bytes=-5", "95-99" },
		{ "bytes=-500", "0-99" },
		{ "bytes=0-500", "0-99" },
		{ "bytes=0-99999999999999999999999999", "0-99" },
		{ "bytes=100-", "none" },
		{ "bytes=100-200,300-", "none" },
		{ "bytes=-0", "none" },
		{ "bytes=100-,0-4", "0-4" },
		{ "bytes=50-59, 0-9", "50-59 0-9" },
		{ "bytes=0-9,10-19", "0-19" },
		{ "bytes=0-9,5-7", "0-9" },
		{ "bytes=20-29,0-9,5-25", "0-29" },
		{ "bytes=0-1,10-11,20-21,1-20", "0-21" },
		{ "bytes=,,0-1,", "0-1" },
		{ "bytes=", "whole" },
		{ "bytes=x", "whole" },
		{ "bytes=5-4", "whole" },
		{ "bytes=1-2,x", "whole" },
		{ "bytes=--1", "whole" },
		{ "bytes=-", "whole" },
		{ "items=0-1", "whole" },
		{ "", "whole" },
	};
	char got[128];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(asked(rows[i][0], got, sizeof(got)), rows[i][1]);
}

static void nothing_is_a_part_of_an_empty_content(void **state)
{
	struct skt_ranges r;

	(void)state;
	assert_int_equal(skt_range_parse(span("bytes=0-"), 0, &r), SKT_RANGE_UNSATISFIABLE);
	assert_int_equal(skt_range_parse(span("bytes=-1"), 0, &r), SKT_RANGE_UNSATISFIABLE);
}

static void too_many_parts_are_the_whole(void **state)
{
	struct skt_text t = { 0 };
	struct skt_ranges r;

	(void)state;
	skt_text_add(&t, "bytes=0-0");
	for (int i = 1; i <= SKT_RANGES_MAX; i++)
		skt_text_addf(&t, ",%d-%d", i * 3, i * 3);
	assert_int_equal(skt_range_parse(span(t.s), 1000, &r), SKT_RANGE_WHOLE);
	skt_text_release(&t);
}

static void pieces_of_uploads_are_read(void **state)
{
	static const struct {
		const char *text;
		bool good;
		int64_t first, last, size;
	} rows[] = {
		{ "bytes 0-9/10", true, 0, 9, 10 },
		{ "BYTES 5-9/*", true, 5, 9, -1 },
		{ "bytes */10", true, -1, -1, 10 },
		{ "bytes 0-10/10", false, 0, 0, 0 },
		{ "bytes 9-0/10", false, 0, 0, 0 },
		{ "bytes */*", false, 0, 0, 0 },
		{ "bytes 0-9", false, 0, 0, 0 },
		{ "bytes=0-9/10", false, 0, 0, 0 },
		{ "bytes 0-9/10 ", false, 0, 0, 0 },
		{ "bytes -9/10", false, 0, 0, 0 },
		{ "", false, 0, 0, 0 },
		{ "bytes 0-99999999999999999999/*", false, 0, 0, 0 },
	};
	int64_t first, last, size;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(skt_range_content(span(rows[i].text), &first, &last, &size), rows[i].good);
		if (rows[i].good) {
			assert_int_equal(first, rows[i].first);
			assert_int_equal(last, rows[i].last);
			assert_int_equal(size, rows[i].size);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_are_read),
		cmocka_unit_test(nothing_is_a_part_of_an_empty_content),
		cmocka_unit_test(too_many_parts_are_the_whole),
		cmocka_unit_test(pieces_of_uploads_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

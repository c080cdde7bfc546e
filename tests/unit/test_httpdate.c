/* SPDX-License-Identifier: Apache-2.0 */
/* Dates of HTTP. */
#include "support.h"

#include <string.h>
#include <time.h>

#include "wire/httpdate.h"

static bool parse(const char *text, int64_t now, int64_t *ret)
{
	return skt_httpdate_parse((struct skt_span){ text, strlen(text) }, now, ret);
}

static void dates_are_printed_as_the_c_library_does(void **state)
{
	static const int64_t some[] = { 0,          1,          784111777, 951782400,   951868799,
					1709164800, 4102444799, -1,        -2208988800, 253402300799 };

	(void)state;
	for (int64_t i = 0; i < 4000; i++) {
		int64_t t = i < (int64_t)(sizeof(some) / sizeof(some[0])) ? some[i] : i * 86399 * 37 - 2000000000;
		char got[SKT_HTTPDATE_SIZE], expected[64];
		time_t time = (time_t)t;
		struct tm tm;
		int64_t back;

		assert_non_null(gmtime_r(&time, &tm));
		assert_true(strftime(expected, sizeof(expected), "%a, %d %b %Y %H:%M:%S GMT", &tm) > 0);
		assert_string_equal(skt_httpdate_print(t, got), expected);
		assert_true(parse(got, 0, &back));
		assert_int_equal(back, t);
	}
}

static void years_that_have_no_date_are_the_nearest(void **state)
{
	char got[SKT_HTTPDATE_SIZE];

	(void)state;
	assert_string_equal(skt_httpdate_print(INT64_MAX, got), "Fri, 31 Dec 9999 23:59:59 GMT");
	assert_string_equal(skt_httpdate_print(INT64_MIN, got), "Mon, 01 Jan 0001 00:00:00 GMT");
}

static void all_three_forms_are_read(void **state)
{
	int64_t t;

	(void)state;
	assert_true(parse("Sun, 06 Nov 1994 08:49:37 GMT", 0, &t));
	assert_int_equal(t, 784111777);
	assert_true(parse("Sunday, 06-Nov-94 08:49:37 GMT", 784111777, &t));
	assert_int_equal(t, 784111777);
	assert_true(parse("Sun Nov  6 08:49:37 1994", 0, &t));
	assert_int_equal(t, 784111777);
	/* more than 50 years ahead is the past */
	assert_true(parse("Sunday, 06-Nov-94 08:49:37 GMT", 1700000000, &t));
	assert_int_equal(t, 784111777);
}

static void what_is_no_date_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"Sun, 06 Nov 1994 08:49:37",
		"Sun, 6 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 24:49:37 GMT",
		"Sun, 06 Nov 1994 08:60:37 GMT",
		"Sun, 31 Nov 1994 08:49:37 GMT",
		"Thu, 29 Feb 1900 00:00:00 GMT",
		"Sun, 00 Nov 1994 08:49:37 GMT",
		"sun, 06 nov 1994 08:49:37 gmt",
		"Sun, 06 Nov 1994 08:49:37 UTC",
		"Sun, 06 Nov 1994 08:49:37 GMT ",
		"Sun, 06 Nov 0000 08:49:37 GMT",
		"Sun Nov 6 08:49:37 1994",
		"784111777",
	};
	int64_t t;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(parse(bad[i], 784111777, &t));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates_are_printed_as_the_c_library_does),
		cmocka_unit_test(years_that_have_no_date_are_the_nearest),
		cmocka_unit_test(all_three_forms_are_read),
		cmocka_unit_test(what_is_no_date_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Quantities: read with their units, printed for people. */
#include "support.h"

struct row {
	const char *text;
	int64_t value; /* -1: refused */
};

static void check_rows(const char *what, int (*parse)(const char *, int64_t *), const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int64_t value = -77;
		int ret = parse(rows[i].text, &value);

		if (rows[i].value < 0 ? ret != -SKT_E_USAGE || value != -77 : ret != 0 || value != rows[i].value)
			fail_msg("%s \"%s\": %d, %lld", what, rows[i].text, ret, (long long)value);
	}
}

static void durations_need_a_unit(void **state)
{
	static const struct row rows[] = {
		{ "0", 0 },
		{ "1ns", 1 },
		{ "250ms", 250000000 },
		{ "5s", 5000000000 },
		{ "1.5s", 1500000000 },
		{ "2m", 120000000000 },
		{ "1h", 3600000000000 },
		{ "1d", 86400000000000 },
		{ "0.5us", 500 },
		{ "0s", 0 },
		{ "5", -1 },
		{ "", -1 },
		{ "s", -1 },
		{ "-1s", -1 },
		{ "1 s", -1 },
		{ "1s ", -1 },
		{ " 1s", -1 },
		{ "1.s", -1 },
		{ ".5s", -1 },
		{ "1S", -1 },
		{ "1e3s", -1 },
		{ "0x1s", -1 },
		{ "1,5s", -1 },
		{ "99999999999999999999d", -1 },
		{ "1ms1", -1 },
		{ "+1s", -1 },
	};

	(void)state;
	check_rows("duration", skt_duration_parse, rows, SKT_LENGTH(rows));
}

static void sizes_count_in_1024(void **state)
{
	static const struct row rows[] = {
		{ "0", 0 },
		{ "1", 1 },
		{ "999B", 999 },
		{ "1K", 1024 },
		{ "1KiB", 1024 },
		{ "1.5K", 1536 },
		{ "64M", 67108864 },
		{ "2G", 2147483648LL },
		{ "1T", 1099511627776LL },
		{ "k", -1 },
		{ "1k", -1 },
		{ "1KB", -1 },
		{ "-1", -1 },
		{ "", -1 },
		{ "9999999999999999999999", -1 },
		{ "1 K", -1 },
	};

	(void)state;
	check_rows("size", skt_size_parse, rows, SKT_LENGTH(rows));
}

static void rates_are_bits_a_second_in_1000(void **state)
{
	static const struct row rows[] = {
		{ "1bit", 1 },  { "10Mbit", 10000000 },   { "1.5MB", 12000000 }, { "1kbit", 1000 },
		{ "1B", 8 },    { "2GB", 16000000000LL }, { "10M", -1 },         { "10", -1 },
		{ "Mbit", -1 }, { "10mbit", -1 },
	};

	(void)state;
	check_rows("rate", skt_rate_parse, rows, SKT_LENGTH(rows));
}

static void numbers_are_digits_alone(void **state)
{
	static const struct row rows[] = {
		{ "0", 0 },
		{ "007", 7 },
		{ "65535", 65535 },
		{ "", -1 },
		{ "-1", -1 },
		{ "+1", -1 },
		{ "1a", -1 },
		{ " 1", -1 },
		{ "0x10", -1 },
		{ "1.0", -1 },
		{ "9999999999999999999", -1 },
		{ "99999999999999999999999999", -1 },
		{ "1000000000000000000", 1000000000000000000LL },
	};

	(void)state;
	check_rows("number", skt_number_parse, rows, SKT_LENGTH(rows));
}

static void check_printed(char *(*print)(int64_t, char *), const struct row *rows, size_t n)
{
	char text[SKT_UNIT_LENGTH];

	for (size_t i = 0; i < n; i++) {
		memset(text, '#', sizeof(text));
		assert_ptr_equal(print(rows[i].value, text), text);
		if (strcmp(text, rows[i].text) != 0)
			fail_msg("%lld: \"%s\", not \"%s\"", (long long)rows[i].value, text, rows[i].text);
	}
}

static void durations_print_in_the_unit_that_fits(void **state)
{
	static const struct row rows[] = {
		{ "0 us", 0 },
		{ "999 us", 999999 },
		{ "1.50 ms", 1500000 },
		{ "250 ms", 250000000 },
		{ "2.3 s", 2300000000 },
		{ "59.9 s", 59999999999 },
		{ "1 min", 60000000000 },
		{ "4 min 10 s", 250000000000 },
		{ "3 h 2 min", (3 * 3600 + 2 * 60 + 59) * 1000000000LL },
		{ "5 d 1 h", (5 * 86400 + 3600) * 1000000000LL },
	};

	(void)state;
	check_printed(skt_duration_print, rows, SKT_LENGTH(rows));
}

static void sizes_and_rates_print_with_three_figures(void **state)
{
	static const struct row sizes[] = {
		{ "0 B", 0 },         { "999 B", 999 },         { "1023 B", 1023 },         { "1.00 KiB", 1024 },
		{ "1.50 KiB", 1536 }, { "64.0 MiB", 64 << 20 }, { "100 GiB", 100LL << 30 }, { "2.00 PiB", 2LL << 50 },
	};
	static const struct row rates[] = {
		{ "0 B/s", 0 },
		{ "999 B/s", 999 },
		{ "1.00 kB/s", 1000 },
		{ "12.3 MB/s", 12300000 },
		{ "1.25 GB/s", 1250000000 },
	};

	(void)state;
	check_printed(skt_size_print, sizes, SKT_LENGTH(sizes));
	check_printed(skt_rate_print, rates, SKT_LENGTH(rates));
}

static void rounding_a_duration_never_reaches_the_next_unit(void **state)
{
	char text[SKT_UNIT_LENGTH];

	(void)state;
	assert_string_equal(skt_duration_print(999400000, text), "999 ms");
	assert_string_equal(skt_duration_print(1000000000, text), "1.0 s");
	assert_string_not_equal(skt_duration_print(999999999, text), "1000 ms");
}

static void rounding_a_size_or_rate_never_reaches_the_next_unit(void **state)
{
	char text[SKT_UNIT_LENGTH];

	(void)state;
	assert_string_not_equal(skt_size_print(1048575, text), "1024 KiB");
	assert_string_not_equal(skt_rate_print(999999, text), "1000 kB/s");
}

static void instants_print_as_rfc_3339_in_utc(void **state)
{
	static const struct row rows[] = {
		{ "1970-01-01T00:00:00.000Z", 0 },
		{ "2001-09-09T01:46:40.123Z", 1000000000123456789LL },
		{ "2000-02-29T23:59:59.999Z", 951868799999999999LL },
		{ "1969-12-31T23:59:59.999Z", -1 },
		{ "1969-12-31T23:59:58.500Z", -1500000000LL },
		{ "1969-12-31T23:59:58.000Z", -2000000000LL },
		{ "2262-04-11T23:47:16.854Z", INT64_MAX },
		{ "1677-09-21T00:12:43.145Z", INT64_MIN },
	};
	static const struct row seconds[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "1969-12-31T23:59:59Z", -1 },
		{ "2400-02-29T00:00:00Z", 13574563200LL },
		{ "0000-01-01T00:00:00Z", INT64_MIN },
		{ "9999-12-31T23:59:59Z", INT64_MAX },
	};

	(void)state;
	check_printed(skt_instant_print, rows, SKT_LENGTH(rows));
	check_printed(skt_second_print, seconds, SKT_LENGTH(seconds));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SUPPORT_TEST(durations_need_a_unit),
		SUPPORT_TEST(sizes_count_in_1024),
		SUPPORT_TEST(rates_are_bits_a_second_in_1000),
		SUPPORT_TEST(numbers_are_digits_alone),
		SUPPORT_TEST(durations_print_in_the_unit_that_fits),
		SUPPORT_TEST(sizes_and_rates_print_with_three_figures),
		SUPPORT_TEST(rounding_a_duration_never_reaches_the_next_unit),
		SUPPORT_TEST(rounding_a_size_or_rate_never_reaches_the_next_unit),
		SUPPORT_TEST(instants_print_as_rfc_3339_in_utc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

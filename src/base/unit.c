/* SPDX-License-Identifier: Apache-2.0 */
/* Quantities with units. */
#include "base/unit.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/error.h"

struct unit {
	const char *name;
	double factor;
};

/* Reads digits[.digits] and leaves *rest at what follows. No locale, no sign, no exponent. */
static int unit_decimal(const char *s, double *ret, const char **rest)
{
	double value = 0, place = 1;
	const char *p = s;

	for (; *p >= '0' && *p <= '9'; p++)
		value = value * 10 + (*p - '0');
	if (p == s)
		return -SKT_E_USAGE;
	if (*p == '.') {
		const char *digits = ++p;

		for (; *p >= '0' && *p <= '9'; p++) {
			place /= 10;
			value += (*p - '0') * place;
		}
		if (p == digits)
			return -SKT_E_USAGE;
	}
	*ret = value;
	*rest = p;
	return 0;
}

static int unit_parse(const char *s, const struct unit *units, size_t n, int64_t *ret)
{
	double value;
	const char *rest;

	if (unit_decimal(s, &value, &rest) < 0)
		return -SKT_E_USAGE;
	for (size_t i = 0; i < n; i++) {
		double all = value * units[i].factor;

		if (strcmp(rest, units[i].name) != 0)
			continue;
		if (all > 9.2e18)
			return -SKT_E_USAGE;
		*ret = (int64_t)(all + 0.5);
		return 0;
	}
	return -SKT_E_USAGE;
}

int skt_duration_parse(const char *s, skt_time *ret)
{
	static const struct unit units[] = {
		{ "ns", 1 },   { "us", 1e3 },   { "ms", 1e6 },   { "s", 1e9 },
		{ "m", 60e9 }, { "min", 60e9 }, { "h", 3600e9 }, { "d", 86400e9 },
	};

	if (strcmp(s, "0") == 0) {
		*ret = 0;
		return 0;
	}
	return unit_parse(s, units, SKT_LENGTH(units), ret);
}

int skt_size_parse(const char *s, int64_t *ret)
{
	static const struct unit units[] = {
		{ "", 1 },
		{ "B", 1 },
		{ "K", 1024.0 },
		{ "KiB", 1024.0 },
		{ "M", 1048576.0 },
		{ "MiB", 1048576.0 },
		{ "G", 1073741824.0 },
		{ "GiB", 1073741824.0 },
		{ "T", 1099511627776.0 },
		{ "TiB", 1099511627776.0 },
	};

	return unit_parse(s, units, SKT_LENGTH(units), ret);
}

int skt_rate_parse(const char *s, int64_t *ret)
{
	static const struct unit units[] = {
		{ "bit", 1 }, { "kbit", 1e3 }, { "Kbit", 1e3 }, { "Mbit", 1e6 }, { "Gbit", 1e9 }, { "Tbit", 1e12 },
		{ "B", 8 },   { "kB", 8e3 },   { "KB", 8e3 },   { "MB", 8e6 },   { "GB", 8e9 },   { "TB", 8e12 },
	};

	return unit_parse(s, units, SKT_LENGTH(units), ret);
}

int skt_number_parse(const char *s, int64_t *ret)
{
	int64_t value = 0;

	if (*s == '\0')
		return -SKT_E_USAGE;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || value > (INT64_MAX - 9) / 10)
			return -SKT_E_USAGE;
		value = value * 10 + (*s - '0');
	}
	*ret = value;
	return 0;
}

static char *unit_pair(int64_t big, const char *big_unit, int64_t small, const char *small_unit, char *ret)
{
	if (small)
		(void)snprintf(ret, SKT_UNIT_LENGTH, "%" PRId64 " %s %" PRId64 " %s", big, big_unit, small, small_unit);
	else
		(void)snprintf(ret, SKT_UNIT_LENGTH, "%" PRId64 " %s", big, big_unit);
	return ret;
}

char *skt_duration_print(skt_time t, char *ret)
{
	int64_t s = t / SKT_SECOND;

	if (t < SKT_MS)
		(void)snprintf(ret, SKT_UNIT_LENGTH, "%" PRId64 " us", t / SKT_US);
	else if (t < SKT_SECOND)
		(void)snprintf(ret, SKT_UNIT_LENGTH, t < 10 * SKT_MS ? "%.2f ms" : "%.0f ms",
			       t < 10 * SKT_MS ? floor((double)t / 1e4) / 100 : floor((double)t / 1e6));
	else if (s < 60)
		(void)snprintf(ret, SKT_UNIT_LENGTH, "%.1f s", floor((double)t / 1e8) / 10);
	else if (s < 3600)
		return unit_pair(s / 60, "min", s % 60, "s", ret);
	else if (s < 86400)
		return unit_pair(s / 3600, "h", s % 3600 / 60, "min", ret);
	else
		return unit_pair(s / 86400, "d", s % 86400 / 3600, "h", ret);
	return ret;
}

/* Prints value with three significant figures and the first unit that keeps it below `step`. */
static char *unit_scale(double value, double step, const char *const *units, size_t n, char *ret)
{
	size_t i = 0;

	while (value >= step - 0.5 && i + 1 < n) { /* what would be rounded to a step is one of the next unit */
		value /= step;
		i++;
	}
	(void)snprintf(ret, SKT_UNIT_LENGTH,
		       i == 0 || value >= 100 ? "%.0f %s"
		       : value >= 10          ? "%.1f %s"
					      : "%.2f %s",
		       value, units[i]);
	return ret;
}

char *skt_size_print(int64_t n_bytes, char *ret)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };

	return unit_scale((double)n_bytes, 1024, units, SKT_LENGTH(units), ret);
}

char *skt_rate_print(int64_t bytes_per_second, char *ret)
{
	static const char *const units[] = { "B/s", "kB/s", "MB/s", "GB/s", "TB/s" };

	return unit_scale((double)bytes_per_second, 1000, units, SKT_LENGTH(units), ret);
}

/* Date and time of day; returns how long that is. */
static size_t instant_seconds(int64_t unix_s, char *ret)
{
	const int64_t first = -62167219200, last = 253402300799; /* years 0 and 9999: RFC 3339 has four digits */
	time_t s = (time_t)(unix_s < first ? first : unix_s > last ? last : unix_s);
	struct tm tm = { 0 };

	(void)gmtime_r(&s, &tm);
	return (size_t)snprintf(ret, SKT_UNIT_LENGTH, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1,
				tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

char *skt_instant_print(int64_t unix_ns, char *ret)
{
	int64_t rest = unix_ns % SKT_SECOND;
	bool before = rest < 0; /* before 1970 the second began earlier */
	size_t n = instant_seconds(unix_ns / SKT_SECOND - before, ret);

	(void)snprintf(ret + n, SKT_UNIT_LENGTH - n, ".%03dZ", (int)((rest + before * SKT_SECOND) / SKT_MS));
	return ret;
}

char *skt_second_print(int64_t unix_s, char *ret)
{
	size_t n = instant_seconds(unix_s, ret);

	(void)snprintf(ret + n, SKT_UNIT_LENGTH - n, "Z");
	return ret;
}

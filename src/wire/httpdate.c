/* SPDX-License-Identifier: Apache-2.0 */
/* Dates of HTTP.
 *
 * The calendar is counted in years that begin in March, so that the leap day is the last of a year: days since 0000-03-01 follow from
 * multiplication alone. */
#include "wire/httpdate.h"

#include <string.h>

static const char date_days[] = "SunMonTueWedThuFriSat";
static const char date_months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char *const date_long_days[] = { "Sunday",   "Monday", "Tuesday", "Wednesday",
					      "Thursday", "Friday", "Saturday" };

enum { DATE_DAY = 86400 };

static const int64_t date_first = -62135596800, date_last = 253402300799; /* years 1 and 9999 */

static int64_t date_day_number(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year, m = month <= 2 ? month + 9 : month - 3;

	return y * 365 + y / 4 - y / 100 + y / 400 + (m * 306 + 5) / 10 + day - 1 - 719468;
}

static void date_of_day(int64_t days, int *year, int *month, int *day)
{
	int64_t n = days + 719468, era = n / 146097, in_era = n - era * 146097;
	int64_t y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	int64_t in_year = in_era - (y * 365 + y / 4 - y / 100), m = (in_year * 5 + 2) / 153;

	*day = (int)(in_year - (m * 153 + 2) / 5 + 1);
	*month = (int)(m < 10 ? m + 3 : m - 9);
	*year = (int)(y + era * 400 + (*month <= 2));
}

static char *date_digits(char *at, int value, int n)
{
	for (int i = n - 1; i >= 0; i--) {
		at[i] = (char)('0' + value % 10);
		value /= 10;
	}
	return at + n;
}

char *skt_httpdate_print(int64_t seconds, char ret[SKT_HTTPDATE_SIZE])
{
	int64_t t = seconds < date_first ? date_first : seconds > date_last ? date_last : seconds;
	int64_t days = (t - date_first) / DATE_DAY + date_first / DATE_DAY, of_day = t - days * DATE_DAY;
	int year, month, day;
	char *at = ret;

	date_of_day(days, &year, &month, &day);
	memcpy(at, date_days + (days + 4 + 7 * 200000) % 7 * 3, 3);
	at[3] = ',';
	at[4] = ' ';
	at = date_digits(at + 5, day, 2);
	*at++ = ' ';
	memcpy(at, date_months + (month - 1) * 3, 3);
	at[3] = ' ';
	at = date_digits(at + 4, year, 4);
	*at++ = ' ';
	at = date_digits(at, (int)(of_day / 3600), 2);
	*at++ = ':';
	at = date_digits(at, (int)(of_day / 60 % 60), 2);
	*at++ = ':';
	at = date_digits(at, (int)(of_day % 60), 2);
	memcpy(at, " GMT", 5);
	return ret;
}

/* --- parsing: each step takes its part off the span, or says that it is not there */

static bool date_word(struct skt_span *s, const char *word)
{
	size_t n = strlen(word);

	if (s->n < n || memcmp(s->s, word, n) != 0)
		return false;
	s->s += n;
	s->n -= n;
	return true;
}

static bool date_number(struct skt_span *s, size_t n, int *ret)
{
	int value = 0;

	if (s->n < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s->s[i] < '0' || s->s[i] > '9')
			return false;
		value = value * 10 + (s->s[i] - '0');
	}
	s->s += n;
	s->n -= n;
	*ret = value;
	return true;
}

/* One of the names of three letters. */
static bool date_name(struct skt_span *s, const char *names, int *ret)
{
	for (int i = 0; s->n >= 3 && names[i * 3]; i++)
		if (memcmp(s->s, names + (ptrdiff_t)i * 3, 3) == 0) {
			s->s += 3;
			s->n -= 3;
			*ret = i;
			return true;
		}
	return false;
}

static bool date_clock(struct skt_span *s, int ret[3])
{
	return date_number(s, 2, &ret[0]) && date_word(s, ":") && date_number(s, 2, &ret[1]) && date_word(s, ":") &&
	       date_number(s, 2, &ret[2]) && ret[0] < 24 && ret[1] < 60 && ret[2] <= 60;
}

static bool date_settle(int year, int month, int day, const int clock[3], int64_t *ret)
{
	static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	if (year < 1 || day < 1 || day > lengths[month] + (leap && month == 1))
		return false;
	*ret = date_day_number(year, month + 1, day) * DATE_DAY + clock[0] * 3600 + clock[1] * 60 + clock[2];
	return true;
}

/* Sun, 06 Nov 1994 08:49:37 GMT */
static bool date_fixed(struct skt_span s, int64_t *ret)
{
	int name, day, month, year, clock[3];

	return date_name(&s, date_days, &name) && date_word(&s, ", ") && date_number(&s, 2, &day) &&
	       date_word(&s, " ") && date_name(&s, date_months, &month) && date_word(&s, " ") &&
	       date_number(&s, 4, &year) && date_word(&s, " ") && date_clock(&s, clock) && date_word(&s, " GMT") &&
	       s.n == 0 && date_settle(year, month, day, clock, ret);
}

/* Sunday, 06-Nov-94 08:49:37 GMT: more than 50 years ahead is the past (RFC 9110) */
static bool date_rfc850(struct skt_span s, int64_t now, int64_t *ret)
{
	int day, month, year, this_year, this_month, this_day, clock[3];
	bool named = false;

	for (int i = 0; i < 7 && !named; i++)
		named = date_word(&s, date_long_days[i]);
	if (!named || !date_word(&s, ", ") || !date_number(&s, 2, &day) || !date_word(&s, "-") ||
	    !date_name(&s, date_months, &month) || !date_word(&s, "-") || !date_number(&s, 2, &year) ||
	    !date_word(&s, " ") || !date_clock(&s, clock) || !date_word(&s, " GMT") || s.n)
		return false;
	date_of_day(now / DATE_DAY, &this_year, &this_month, &this_day);
	year += this_year - this_year % 100;
	if (year > this_year + 50)
		year -= 100;
	return date_settle(year, month, day, clock, ret);
}

/* Sun Nov  6 08:49:37 1994 */
static bool date_asctime(struct skt_span s, int64_t *ret)
{
	int name, day, month, year, clock[3];

	if (!date_name(&s, date_days, &name) || !date_word(&s, " ") || !date_name(&s, date_months, &month) ||
	    !date_word(&s, " "))
		return false;
	if (!(date_word(&s, " ") ? date_number(&s, 1, &day) : date_number(&s, 2, &day)))
		return false;
	return date_word(&s, " ") && date_clock(&s, clock) && date_word(&s, " ") && date_number(&s, 4, &year) &&
	       s.n == 0 && date_settle(year, month, day, clock, ret);
}

bool skt_httpdate_parse(struct skt_span text, int64_t now, int64_t *ret)
{
	return text.s && (date_fixed(text, ret) || date_rfc850(text, now, ret) || date_asctime(text, ret));
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Quantities with units: durations, sizes, rates; reading and printing them. Pure. */
#ifndef SKT_BASE_UNIT_H
#define SKT_BASE_UNIT_H

#include <stddef.h>
#include <stdint.h>

/* Nanoseconds: of the monotonic clock for instants, a length of time for durations. */
typedef int64_t skt_time;

#define SKT_US ((skt_time)1000)
#define SKT_MS ((skt_time)1000000)
#define SKT_SECOND ((skt_time)1000000000)
#define SKT_FOREVER INT64_MAX

/* Room for anything that the printers here write. */
#define SKT_UNIT_LENGTH 40

/* Each parser reads the whole of `s`, which is [0-9]+[.[0-9]+] and a unit, and returns 0, or -SKT_E_USAGE where it is none:
 * *ret is then untouched.
 * Durations: ns us ms s m h d; a bare 0 is fine, any other number needs its unit. */
int skt_duration_parse(const char *s, skt_time *ret);
/* Sizes in bytes: no unit or B, then K M G T (1024). */
int skt_size_parse(const char *s, int64_t *ret);
/* Rates in bits a second: bit or B, with k K M G T (1000) before it: 10Mbit, 1.5MB. */
int skt_rate_parse(const char *s, int64_t *ret);
/* A whole decimal number, no sign, no blanks. */
int skt_number_parse(const char *s, int64_t *ret);

/* Each printer writes for a person, into at least SKT_UNIT_LENGTH bytes, and returns `ret`.
 * 1.50 ms, 2.3 s, 4 min 10 s, 3 h 2 min, 5 d 1 h */
char *skt_duration_print(skt_time t, char *ret);
/* 0 B, 999 B, 1.50 KiB, 64.0 MiB */
char *skt_size_print(int64_t n_bytes, char *ret);
/* 12.3 MB/s (SI), of bytes a second */
char *skt_rate_print(int64_t bytes_per_second, char *ret);
/* RFC 3339 with milliseconds, UTC; `unix_ns` is nanoseconds since 1970. */
char *skt_instant_print(int64_t unix_ns, char *ret);
/* The same in whole seconds since 1970, as times of files are: nanoseconds end in 2262, and those do not. What lies outside the years 0 to
 * 9999 is taken as the nearest. */
char *skt_second_print(int64_t unix_s, char *ret);

#endif

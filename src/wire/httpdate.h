/* SPDX-License-Identifier: Apache-2.0 */
/* Dates of HTTP (RFC 9110, section 5.6.7). Pure. */
#ifndef SKT_WIRE_HTTPDATE_H
#define SKT_WIRE_HTTPDATE_H

#include <stdint.h>

#include "wire/httphead.h"

enum { SKT_HTTPDATE_SIZE = 30 };

/* "Sun, 06 Nov 1994 08:49:37 GMT" of seconds since 1970, in the years 1 to 9999 (what is outside is taken as the nearest). Returns ret. */
char *skt_httpdate_print(int64_t seconds, char ret[SKT_HTTPDATE_SIZE]);
/* Any of the three forms; `now` (seconds since 1970) settles the century of the second. False: it is none. */
bool skt_httpdate_parse(struct skt_span text, int64_t now, int64_t *ret);

#endif

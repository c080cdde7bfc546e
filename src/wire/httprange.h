/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a content: Range and Content-Range (RFC 9110, section 14). Pure. */
#ifndef SKT_WIRE_HTTPRANGE_H
#define SKT_WIRE_HTTPRANGE_H

#include <stdint.h>

#include "wire/httphead.h"

enum { SKT_RANGES_MAX = 64 };

enum skt_ranged {
	SKT_RANGE_WHOLE,         /* nothing that can be honoured: everything is to be sent */
	SKT_RANGE_PARTS,         /* n parts */
	SKT_RANGE_UNSATISFIABLE, /* all of them begin beyond the end */
};

struct skt_ranges {
	int n;
	struct skt_range {
		int64_t first, last; /* both included */
	} part[SKT_RANGES_MAX];
};

/* What a Range asks of a content of that size. Parts that overlap or touch are made one, wherever they stand in the list; the order is that of
 * the first of each. What is malformed, of another unit, or asks for more than SKT_RANGES_MAX parts is not honoured. */
enum skt_ranged skt_range_parse(struct skt_span field, int64_t size, struct skt_ranges *ret);

/* "bytes 0-499/1234" of an upload; "bytes * /1234" (without the blank) has first -1 and last -1; the size is -1 where it is '*'. False: malformed. */
bool skt_range_content(struct skt_span field, int64_t *first, int64_t *last, int64_t *size);

#endif

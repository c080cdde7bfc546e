/* SPDX-License-Identifier: Apache-2.0 */
/* Several parts of a file as one body: multipart/byteranges (RFC 9110, section 14.6). */
#ifndef SKT_HTTP_PARTS_H
#define SKT_HTTP_PARTS_H

#include "http/files.h"
#include "io/stream.h"
#include "wire/httprange.h"

enum { SKT_BOUNDARY_SIZE = 33 };

/* A stream of those parts of the file, which are of that type (static), which it holds until it is freed; *length is that of the body. `boundary` is made: for the
 * Content-Type. Returns 0 or -SKT_E_LIMIT. */
int skt_parts_new(struct skt_loop *loop, struct skt_file *file, const char *type, const struct skt_ranges *ranges,
		  struct skt_stream **ret, int64_t *length, char boundary[SKT_BOUNDARY_SIZE], struct skt_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The path of a request's target, and names of files in it. Pure. */
#ifndef SKT_WIRE_HTTPPATH_H
#define SKT_WIRE_HTTPPATH_H

#include "base/text.h"
#include "wire/httphead.h"

enum skt_pathfault {
	SKT_PATH_GOOD,
	SKT_PATH_MALFORMED, /* a percent sign without two digits behind it, an encoded NUL or slash, no slash in front */
	SKT_PATH_CLIMBS,    /* dot segments lead above the root */
	SKT_PATH_LONG,      /* there is no room for it */
};

struct skt_httppath {
	bool ends_in_slash; /* it names a directory; the root does */
	bool has_empty;     /* segments of no characters were left out */
	bool is_hidden;     /* a segment begins with a dot */
};

/* From "/a%20b/./c" to "a b/c": relative, without a slash at its end, "" for the root. Dot segments are resolved after decoding, so that none
 * is left. Bytes that are not UTF-8 are names like others. `ret` has room for `size` bytes, the NUL included. */
enum skt_pathfault skt_httppath_decode(struct skt_span path, char *ret, size_t size, struct skt_httppath *facts);

/* A name, or a relative path with its slashes, as it stands in a URL: everything is encoded but unreserved characters (RFC 3986) and slashes. */
void skt_httppath_encode(const char *name, struct skt_text *ret);
/* A name as it stands in HTML, in text and in attributes; what is not UTF-8 becomes U+FFFD, control characters U+FFFD too. */
void skt_httppath_escape(const char *name, struct skt_text *ret);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Media types of files. */
#ifndef SKT_HTTP_MIME_H
#define SKT_HTTP_MIME_H

#include <stdbool.h>
#include <stddef.h>

/* Of a file of that name, which begins with those bytes. Text has its charset. Never NULL, static. */
const char *skt_mime_of(const char *name, const char *begin, size_t n);
/* Whether compressing content of that type is worth it. */
bool skt_mime_compresses(const char *type);

#endif

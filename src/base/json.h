/* SPDX-License-Identifier: Apache-2.0 */
/* JSON lines out: one object a line, members in the order they are added. Nothing is parsed here. */
#ifndef SKT_BASE_JSON_H
#define SKT_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

/* A writer over a text. Start and end must pair; a NULL key is for members of arrays.
 * Strings are escaped as RFC 8259 asks; bytes that are not UTF-8 become U+FFFD. */
struct skt_json {
	struct skt_text text;
	bool wants_comma;
};

void skt_json_object(struct skt_json *j, const char *key);
void skt_json_end_object(struct skt_json *j);
void skt_json_array(struct skt_json *j, const char *key);
void skt_json_end_array(struct skt_json *j);
/* A NULL value is written as null. */
void skt_json_string(struct skt_json *j, const char *key, const char *value);
void skt_json_int(struct skt_json *j, const char *key, int64_t value);
void skt_json_bool(struct skt_json *j, const char *key, bool value);
void skt_json_null(struct skt_json *j, const char *key);
/* The line without its newline; valid until the next change. */
const char *skt_json_get(const struct skt_json *j);
void skt_json_release(struct skt_json *j);

#endif

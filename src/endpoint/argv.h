/* SPDX-License-Identifier: Apache-2.0 */
/* A command as one text, and its words: blanks between them, "..." and \ to quote, no shell. Pure. */
#ifndef SKT_ENDPOINT_ARGV_H
#define SKT_ENDPOINT_ARGV_H

#include "base/error.h"
#include "base/text.h"
#include "endpoint/endpoint.h"

/* Split e->address into e->argv and e->argc. Outside quotes \ takes the next character as it is; inside them only \"
 * and \\ are special, so that "a\n" stays what a program such as printf(1) wants to see. `at` is the offset of the
 * text in its word. Returns 0, -SKT_E_USAGE with err->at, or -SKT_E_LIMIT. */
int skt_argv_split(struct skt_endpoint *e, int at, struct skt_error *err);

/* Append the words so that skt_argv_split() reads them back. */
void skt_argv_join(const char *const *argv, int n, struct skt_text *ret);

#endif

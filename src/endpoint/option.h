/* SPDX-License-Identifier: Apache-2.0 */
/* Options: KEY=VALUE words read by the tables of scheme.c. Pure. */
#ifndef SKT_ENDPOINT_OPTION_H
#define SKT_ENDPOINT_OPTION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "endpoint/endpoint.h"

/* Read a value as its row says. *ret is the number of struct skt_opt. `at` is added to the position of errors.
 * Returns 0, or -SKT_E_USAGE. */
int skt_option_value(const struct skt_optspec *spec, const char *value, int at, int64_t *ret, struct skt_error *err);

/* How many bytes at the start of a word make a key: [a-z][a-z0-9-]*; 0 for none. */
size_t skt_option_key(const char *word);

/* The row of that key in the layers of e, from the top down; or NULL. */
const struct skt_optspec *skt_option_find(const struct skt_endpoint *e, const char *key);

/* Read one word, KEY=VALUE, or KEY alone where `may_be_bare`, and add it to e. Positions count from the word's start;
 * opt.at is set to 0. Returns 0, -SKT_E_USAGE, or -SKT_E_LIMIT. */
int skt_option_add(struct skt_endpoint *e, const char *word, bool may_be_bare, struct skt_error *err);

/* Say that option `spec` does not fit role `role`. Returns -SKT_E_USAGE. */
int skt_option_fail_role(const struct skt_optspec *spec, enum skt_role role, int at, struct skt_error *err);

#endif

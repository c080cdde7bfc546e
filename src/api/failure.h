/* SPDX-License-Identifier: Apache-2.0 */
/* From the library's own errors to those of soket.h. */
#ifndef SKT_API_FAILURE_H
#define SKT_API_FAILURE_H

#include "base/error.h"
#include "soket.h"

/* Copy `err` to *ret (which may be NULL). Returns -kind. */
int skt_api_fail(struct soket_error *ret, const struct skt_error *err);

#endif

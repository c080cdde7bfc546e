/* SPDX-License-Identifier: Apache-2.0 */
/* What follows "scheme:", by the form of the scheme that carries the bytes. Pure. */
#ifndef SKT_ENDPOINT_ADDRESS_H
#define SKT_ENDPOINT_ADDRESS_H

#include <stdbool.h>

#include "base/error.h"
#include "endpoint/endpoint.h"

/* The longest path of a unix socket: sun_path of unix(7) less its NUL. The longest path of a file: PATH_MAX less its
 * NUL. */
enum { SKT_UNIX_PATH_MAX = 107, SKT_FILE_PATH_MAX = 4095 };

/* Read `rest` into e, whose layers are known. `at` is the offset of rest in its word; `is_short` that no scheme was
 * written, so that a path may not lose its slashes. Returns 0, -SKT_E_USAGE with err->at, or -SKT_E_LIMIT. */
int skt_address_read(struct skt_endpoint *e, const char *rest, int at, bool is_short, struct skt_error *err);

#endif

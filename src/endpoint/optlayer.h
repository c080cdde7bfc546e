/* SPDX-License-Identifier: Apache-2.0 */
/* The options of layers and of proxies: groups of the table of schemes. */
#ifndef SKT_ENDPOINT_OPTLAYER_H
#define SKT_ENDPOINT_OPTLAYER_H

#include "endpoint/scheme.h"

#define YES_NO "yes|no"

extern const struct skt_optspec skt_group_tls[], skt_group_ws[], skt_group_via[], skt_group_proxy[];

/* line | len16 | len32 | none | chunk=N; the number is 0, or N. See struct skt_optspec. */
int skt_read_frame(const char *value, int64_t *ret);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of one endpoint: pieces that never move and are released together. */
#ifndef SKT_ENDPOINT_STORE_H
#define SKT_ENDPOINT_STORE_H

#include <stddef.h>

/* n_bytes of zeroed memory, aligned for pointers, that *store owns from now on; or NULL. A NULL *store is an empty
 * one. */
void *skt_store_take(char **store, size_t n_bytes);
/* A copy of the first n bytes of s, and a NUL; or NULL. */
char *skt_store_text(char **store, const char *s, size_t n);
/* Release every piece. */
void skt_store_release(char **store);

#endif

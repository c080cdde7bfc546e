/* SPDX-License-Identifier: Apache-2.0 */
/* Memory, through one door, so that tests can make it fail. */
#ifndef SKT_BASE_ALLOC_H
#define SKT_BASE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* When set, it is asked before each allocation; true makes that one fail. Tests only. */
extern bool (*skt_alloc_fails)(void);

/* n_bytes of uninitialised memory, or NULL. Release with skt_free(). */
void *skt_malloc(size_t n_bytes) __attribute__((malloc));
/* As skt_malloc(), zeroed. */
void *skt_zalloc(size_t n_bytes) __attribute__((malloc));
/* Grow or shrink; NULL leaves `p` as it was. */
void *skt_realloc(void *p, size_t n_bytes);
/* A copy of the first n bytes of s, and a NUL. */
char *skt_strndup(const char *s, size_t n);
/* A copy of s. */
char *skt_strdup(const char *s);
/* NULL is fine. */
void skt_free(void *p);

#define SKT_NEW(type) ((type *)skt_zalloc(sizeof(type)))
/* From a pointer to a member, the struct that holds it. */
#define SKT_OUTER(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))
#define SKT_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

#endif

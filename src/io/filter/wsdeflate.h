/* SPDX-License-Identifier: Apache-2.0 */
/* The two compressors of one WebSocket (RFC 7692, section 7.2), made when they are first needed. */
#ifndef SKT_IO_FILTER_WSDEFLATE_H
#define SKT_IO_FILTER_WSDEFLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "wire/wsextension.h"

struct skt_wszip;

/* NULL: no memory. */
struct skt_wszip *skt_wszip_new(const struct skt_wszipping *agreed, bool is_server);
/* NULL is fine. */
void skt_wszip_free(struct skt_wszip *z);

/* Compress a message of n > 0 bytes. Returns 0, and *ret is memory for skt_free(): `before` bytes for the caller, then *n_ret bytes; or
 * -1 without memory. The other end's window has then changed: the message must be sent. */
int skt_wszip_deflate(struct skt_wszip *z, const void *bytes, size_t n, size_t before, char **ret, size_t *n_ret);

/* How one piece went into another. */
struct skt_wszipped {
	size_t used, given;
};

enum { SKT_WSZIP_FINE = 0, SKT_WSZIP_WRONG = -1, SKT_WSZIP_NO_MEMORY = -2 };

/* Inflate some of the n bytes into the room. With neither used nor given the room is too small, or n is 0 and nothing waits.
 * SKT_WSZIP_WRONG: these bytes are not compressed ones; *ret tells what was given before. */
int skt_wszip_inflate(struct skt_wszip *z, const void *bytes, size_t n, void *to, size_t room, struct skt_wszipped *ret);
/* The message's last byte has gone in: the rest of it. *is_whole where that was all; else there must be more room.
 * SKT_WSZIP_WRONG also where the message was cut. */
int skt_wszip_inflate_end(struct skt_wszip *z, void *to, size_t room, struct skt_wszipped *ret, bool *is_whole);
/* Whether the last call filled its room: more may wait inside. */
bool skt_wszip_waits(const struct skt_wszip *z);

#endif

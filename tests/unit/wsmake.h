/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of WebSocket need: heads whose keys are known, frames as bytes, and either end over a stream of the test's own. */
#ifndef TESTS_UNIT_WSMAKE_H
#define TESTS_UNIT_WSMAKE_H

#include <stdio.h>
#include <string.h>

#include "fake.h"
#include "io/filter/ws.h"
#include "wire/wsframe.h"

#define WS_ASKS                                                  \
	"GET /chat?x=1 HTTP/1.1\r\nHost: server.example.com\r\n" \
	"Upgrade: websocket\r\nConnection: Upgrade\r\n"          \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
#define WS_ANSWERS                                                                          \
	"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
	"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
#define WS_ZIP "Sec-WebSocket-Extensions: permessage-deflate\r\n"
#define WS_END "\r\n"

/* "Random" bytes with which the request's key is that of the RFC, and the mask the one of its examples. */
static inline ssize_t ws_getrandom(void *buf, size_t n, unsigned flags)
{
	(void)flags;
	if (n == 16)
		memcpy(buf, "the sample nonce", n);
	for (size_t i = 0; n != 16 && i < n; i++)
		((unsigned char *)buf)[i] = (unsigned char)"\x37\xfa\x21\x3d"[i % 4];
	return (ssize_t)n;
}

static inline int ws_setup(void **state)
{
	(void)support_setup(state);
	skt_sys.getrandom = ws_getrandom;
	return 0;
}

#define WS_TEST(name) cmocka_unit_test_setup_teardown(name, ws_setup, support_teardown)

/* Bytes that a test puts together. */
struct ws_bytes {
	char *s;
	size_t n;
};

static inline void ws_add(struct ws_bytes *b, const void *bytes, size_t n)
{
	b->s = realloc(b->s, b->n + n + 1);
	assert_non_null(b->s);
	if (n)
		memcpy(b->s + b->n, bytes, n);
	b->n += n;
}

enum { WS_LAST = 0x80, WS_ZIPPED = 0x40 };

/* A frame whose first byte is `first`, masked where a client sends it. */
static inline void ws_add_frame(struct ws_bytes *b, unsigned first, const void *payload, size_t n, bool is_masked)
{
	struct skt_wsheader h = { .length = n,
				  .opcode = first & 15,
				  .is_last = first & WS_LAST,
				  .is_zipped = first & WS_ZIPPED,
				  .is_masked = is_masked,
				  .key = { 0x37, 0xfa, 0x21, 0x3d } };
	char header[SKT_WS_HEADER_MAX];
	size_t at;

	ws_add(b, header, skt_wsheader_compose(&h, header));
	at = b->n;
	ws_add(b, payload, n);
	if (is_masked && n)
		skt_wsmask(b->s + at, b->s + at, n, h.key, 0);
}

static inline void ws_drop(struct ws_bytes *b)
{
	free(b->s);
	*b = (struct ws_bytes){ 0 };
}

/* One end over a fake that gives `bytes`; not yet opened. */
static inline struct skt_stream *ws_over(struct skt_loop *loop, struct fake *below, const struct skt_ws_config *config,
					 bool is_server)
{
	struct skt_stream *s = NULL;
	struct skt_error err = { 0 };

	if (is_server)
		SUPPORT_OK(skt_ws_new_server(loop, &below->stream, config, &s, &err), &err);
	else
		SUPPORT_OK(skt_ws_new_client(loop, &below->stream, config, &s, &err), &err);
	return s;
}

static inline int ws_open(struct skt_stream *s)
{
	int ret;

	for (int i = 0; i < 20000; i++) {
		ret = skt_stream_open(s);
		if (ret != -SKT_AGAIN)
			return ret;
	}
	return -SKT_AGAIN;
}

/* What opening wrote is forgotten. */
static inline void ws_forget(struct fake *below)
{
	below->n_taken = below->n_writes = 0;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of WebSocket (RFC 6455, section 5): their headers, the mask, and what a Close says. Pure. */
#ifndef SKT_WIRE_WSFRAME_H
#define SKT_WIRE_WSFRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum skt_wsopcode {
	SKT_WS_CONTINUATION = 0,
	SKT_WS_TEXT = 1,
	SKT_WS_BINARY = 2,
	SKT_WS_CLOSE = 8,
	SKT_WS_PING = 9,
	SKT_WS_PONG = 10,
};

/* Codes that a Close gives (RFC 6455, section 7.4). NONE never stands in one: it is what a Close without a code means. */
enum skt_wscode {
	SKT_WS_NORMAL = 1000,
	SKT_WS_GOING = 1001,
	SKT_WS_PROTOCOL = 1002,
	SKT_WS_NONE = 1005,
	SKT_WS_DATA = 1007,
	SKT_WS_TOO_BIG = 1009,
	SKT_WS_TROUBLE = 1011,
};

enum { SKT_WS_HEADER_MAX = 14, SKT_WS_CONTROL_MAX = 125, SKT_WS_KEY = 4 };

struct skt_wsheader {
	uint64_t length; /* of the payload; below 2^63 */
	uint8_t opcode;  /* enum skt_wsopcode */
	bool is_last;    /* FIN: no further frame of this message follows */
	bool is_zipped;  /* RSV1: the first frame of a message that is compressed (RFC 7692) */
	bool is_masked;
	unsigned char key[SKT_WS_KEY];
};

/* What a header may be where it stands. */
struct skt_wsrules {
	bool wants_mask; /* frames must be masked (they come from a client), else they must not be */
	bool may_zip;    /* permessage-deflate was agreed on */
	bool is_within;  /* within a message of several frames: the next must be a continuation */
};

/* How a peer broke the protocol: the code for our Close, and a sentence marked with N_() that goes on after "the peer broke the
 * protocol: ". */
struct skt_wsbreach {
	int code;
	const char *why;
};

bool skt_wsopcode_is_control(uint8_t opcode);

/* Parse the header that n bytes begin with. Returns its length in bytes, at most SKT_WS_HEADER_MAX; 0 where more bytes must come; or
 * -1, said as early as the bytes tell, with *breach filled. */
int skt_wsheader_parse(const void *bytes, size_t n, const struct skt_wsrules *rules, struct skt_wsheader *ret,
		       struct skt_wsbreach *breach);
/* Write the header in its shortest form. `ret` has room for SKT_WS_HEADER_MAX bytes. Returns how many it has. */
size_t skt_wsheader_compose(const struct skt_wsheader *header, void *ret);

/* Mask or unmask n bytes. `phase` is how many bytes of the same payload came before. `to` may be `from`, or lie before it. */
void skt_wsmask(void *to, const void *from, size_t n, const unsigned char *key, uint64_t phase);

struct skt_wsclose {
	int code;                            /* SKT_WS_NONE where none was given */
	char reason[SKT_WS_CONTROL_MAX + 1]; /* UTF-8 and a NUL; control characters were made '?' */
};

/* Parse the payload of a Close. Returns 0; or -1 with *breach filled. */
int skt_wsclose_parse(const void *bytes, size_t n, struct skt_wsclose *ret, struct skt_wsbreach *breach);
/* Write such a payload, at most SKT_WS_CONTROL_MAX bytes, without a reason. Returns how many: none for SKT_WS_NONE. */
size_t skt_wsclose_compose(int code, void *ret);
/* What a code means, marked with N_(): "internal error"; "" for those without a meaning of their own. */
const char *skt_wsclose_name(int code);

#endif

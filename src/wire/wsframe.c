/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of WebSocket. */
#include "wire/wsframe.h"

#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "wire/utf8.h"

/* Bits of the first two bytes */
enum { WS_FIN = 0x80, WS_RSV1 = 0x40, WS_RSV = 0x70, WS_OPCODE = 0x0f, WS_MASK = 0x80, WS_LENGTH = 0x7f };
/* What the seven bits of the length say instead of one */
enum { WS_LENGTH16 = 126, WS_LENGTH64 = 127 };

bool skt_wsopcode_is_control(uint8_t opcode)
{
	return opcode & 8;
}

/* Headers */

static const char *header_wrong_first(unsigned first, const struct skt_wsrules *rules)
{
	unsigned opcode = first & WS_OPCODE, rsv = first & WS_RSV;
	bool is_control = skt_wsopcode_is_control((uint8_t)opcode);
	bool may_zip = rules->may_zip && !is_control && opcode != SKT_WS_CONTINUATION;

	if (rsv & ~(unsigned)(may_zip ? WS_RSV1 : 0))
		return N_("a frame has a reserved bit set that nothing was agreed on");
	if ((opcode > SKT_WS_BINARY && !is_control) || opcode > SKT_WS_PONG)
		return N_("a frame is of a kind that is not defined");
	if (is_control && !(first & WS_FIN))
		return N_("a control frame is fragmented");
	if (!is_control && rules->is_within && opcode != SKT_WS_CONTINUATION)
		return N_("a message begins within another one");
	if (!is_control && !rules->is_within && opcode == SKT_WS_CONTINUATION)
		return N_("a continuation came, and no message has begun");
	return NULL;
}

static const char *header_wrong_second(unsigned first, unsigned second, const struct skt_wsrules *rules)
{
	if (rules->wants_mask && !(second & WS_MASK))
		return N_("a client's frame is not masked");
	if (!rules->wants_mask && (second & WS_MASK))
		return N_("a server's frame is masked");
	if (skt_wsopcode_is_control((uint8_t)(first & WS_OPCODE)) && (second & WS_LENGTH) > SKT_WS_CONTROL_MAX)
		return N_("a control frame has more than 125 bytes");
	return NULL;
}

/* How many bytes the length takes after the second byte. */
static size_t header_width(unsigned second)
{
	unsigned length = second & WS_LENGTH;

	return length == WS_LENGTH16 ? 2 : length == WS_LENGTH64 ? 8 : 0;
}

static const char *header_length(const unsigned char *s, uint64_t *ret)
{
	size_t width = header_width(s[1]);
	uint64_t length = width ? 0 : s[1] & WS_LENGTH;

	for (size_t i = 0; i < width; i++)
		length = length << 8 | s[2 + i];
	*ret = length;
	if (width == 8 && length >> 63)
		return N_("a frame's length has its highest bit set");
	if ((width == 2 && length < WS_LENGTH16) || (width == 8 && length <= UINT16_MAX))
		return N_("a frame's length is not in its shortest form");
	return NULL;
}

/* What is wrong, as early as n bytes tell; *whole is how long the header is, or 0 where that is not known yet. */
static const char *header_look(const unsigned char *s, size_t n, const struct skt_wsrules *rules, uint64_t *length,
			       size_t *whole)
{
	const char *why = n > 0 ? header_wrong_first(s[0], rules) : NULL;

	*whole = 0;
	if (!why && n > 1)
		why = header_wrong_second(s[0], s[1], rules);
	if (why || n < 2 || n < 2 + header_width(s[1]))
		return why;
	*whole = 2 + header_width(s[1]) + (s[1] & WS_MASK ? SKT_WS_KEY : 0);
	return header_length(s, length);
}

int skt_wsheader_parse(const void *bytes, size_t n, const struct skt_wsrules *rules, struct skt_wsheader *ret,
		       struct skt_wsbreach *breach)
{
	const unsigned char *s = bytes;
	uint64_t length = 0;
	size_t whole;
	const char *why = header_look(s, n, rules, &length, &whole);

	if (why) {
		*breach = (struct skt_wsbreach){ SKT_WS_PROTOCOL, why };
		return -1;
	}
	if (whole == 0 || n < whole)
		return 0;
	*ret = (struct skt_wsheader){
		.length = length,
		.opcode = s[0] & WS_OPCODE,
		.is_last = s[0] & WS_FIN,
		.is_zipped = s[0] & WS_RSV1,
		.is_masked = s[1] & WS_MASK,
	};
	if (ret->is_masked)
		memcpy(ret->key, s + whole - SKT_WS_KEY, SKT_WS_KEY);
	return (int)whole;
}

size_t skt_wsheader_compose(const struct skt_wsheader *header, void *ret)
{
	unsigned char *to = ret;
	uint64_t length = header->length;
	size_t width = length < WS_LENGTH16 ? 0 : length <= UINT16_MAX ? 2 : 8, n = 2 + width;
	unsigned said = width == 0 ? (unsigned)length : width == 2 ? WS_LENGTH16 : WS_LENGTH64;

	to[0] = (unsigned char)(header->opcode | (header->is_last ? WS_FIN : 0) | (header->is_zipped ? WS_RSV1 : 0));
	to[1] = (unsigned char)(said | (header->is_masked ? WS_MASK : 0));
	for (size_t i = 0; i < width; i++)
		to[2 + i] = (unsigned char)(length >> (8 * (width - 1 - i)));
	if (!header->is_masked)
		return n;
	memcpy(to + n, header->key, SKT_WS_KEY);
	return n + SKT_WS_KEY;
}

/* The mask: the key, turned to its phase, in vectors that any machine has or that the compiler makes of words. Both are loaded before
 * either is stored, so that `to` may lie before `from`. */
typedef unsigned char ws_vector __attribute__((vector_size(16)));

void skt_wsmask(void *to, const void *from, size_t n, const unsigned char *key, uint64_t phase)
{
	unsigned char *out = to, turned[sizeof(ws_vector)];
	const unsigned char *in = from;
	ws_vector mask, a, b;
	size_t at = 0;

	for (size_t i = 0; i < sizeof(turned); i++)
		turned[i] = key[(phase + i) % SKT_WS_KEY];
	memcpy(&mask, turned, sizeof(mask));
	for (; n - at >= 2 * sizeof(mask); at += 2 * sizeof(mask)) {
		memcpy(&a, in + at, sizeof(a));
		memcpy(&b, in + at + sizeof(a), sizeof(b));
		a ^= mask;
		b ^= mask;
		memcpy(out + at, &a, sizeof(a));
		memcpy(out + at + sizeof(a), &b, sizeof(b));
	}
	for (; at < n; at++)
		out[at] = in[at] ^ turned[at % sizeof(turned)];
}

/* Close */

static const struct {
	int code;
	const char *name;
} close_names[] = {
	{ 1000, N_("normal closure") },
	{ 1001, N_("going away") },
	{ 1002, N_("protocol error") },
	{ 1003, N_("unsupported data") },
	{ 1005, N_("no code") },
	{ 1006, N_("ended without a Close") },
	{ 1007, N_("invalid data") },
	{ 1008, N_("policy violation") },
	{ 1009, N_("message too big") },
	{ 1010, N_("an extension is missing") },
	{ 1011, N_("internal error") },
	{ 1012, N_("service restart") },
	{ 1013, N_("try again later") },
	{ 1014, N_("bad gateway") },
	{ 1015, N_("TLS handshake failed") },
};

const char *skt_wsclose_name(int code)
{
	for (size_t i = 0; i < SKT_LENGTH(close_names); i++)
		if (close_names[i].code == code)
			return close_names[i].name;
	return "";
}

/* RFC 6455, section 7.4, and what IANA has added. */
static bool close_may_say(int code)
{
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

static int close_breach(struct skt_wsbreach *breach, int code, const char *why)
{
	*breach = (struct skt_wsbreach){ code, why };
	return -1;
}

int skt_wsclose_parse(const void *bytes, size_t n, struct skt_wsclose *ret, struct skt_wsbreach *breach)
{
	const unsigned char *s = bytes;
	struct skt_utf8 utf8 = { 0 };
	int code = n < 2 ? SKT_WS_NONE : s[0] << 8 | s[1];

	if (n == 1)
		return close_breach(breach, SKT_WS_PROTOCOL, N_("a Close has one byte: half a code"));
	if (n > 1 && !close_may_say(code))
		return close_breach(breach, SKT_WS_PROTOCOL, N_("a Close gives a code that must not be sent"));
	if (n > 2 && (skt_utf8_add(&utf8, s + 2, n - 2) < n - 2 || !skt_utf8_is_whole(&utf8)))
		return close_breach(breach, SKT_WS_DATA, N_("the reason of a Close is not UTF-8"));
	memset(ret, 0, sizeof(*ret));
	ret->code = code;
	for (size_t i = 0; i + 2 < n && i < SKT_WS_CONTROL_MAX; i++)
		ret->reason[i] = s[i + 2] < ' ' || s[i + 2] == 127 ? '?' : (char)s[i + 2];
	return 0;
}

size_t skt_wsclose_compose(int code, void *ret)
{
	unsigned char *to = ret;

	if (code == SKT_WS_NONE)
		return 0;
	to[0] = (unsigned char)(code >> 8);
	to[1] = (unsigned char)code;
	return 2;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of WebSocket: headers, the mask, what a Close says. */
#include "support.h"

#include <string.h>

#include "wire/wsframe.h"

#define BYTES(text) text, sizeof(text) - 1

static const struct skt_wsrules from_client = { .wants_mask = true }, from_server = { .wants_mask = false },
				zipped = { .may_zip = true }, within = { .is_within = true },
				zipped_within = { .may_zip = true, .is_within = true };

/* Returns the header's length, or -1; and checks that no shorter part of it says so already. */
static int parse(const char *bytes, size_t n, const struct skt_wsrules *rules, struct skt_wsheader *ret, const char **why)
{
	struct skt_wsbreach breach = { 0, NULL };

	for (size_t part = 0; part <= n; part++) {
		int got = skt_wsheader_parse(bytes, part, rules, ret, &breach);

		if (got < 0) {
			assert_int_equal(breach.code, 1002);
			assert_non_null(breach.why);
			*why = breach.why;
			return -1;
		}
		if (got > 0) {
			assert_int_equal(got, part);
			return got;
		}
	}
	return 0;
}

static const struct {
	const char *bytes;
	size_t n;
	const struct skt_wsrules *rules;
	struct skt_wsheader header;
} headers[] = {
	/* RFC 6455, section 5.7 */
	{ BYTES("\x81\x05"), &from_server, { 5, SKT_WS_TEXT, true, false, false, { 0 } } },
	{ BYTES("\x81\x85\x37\xfa\x21\x3d"),
	  &from_client,
	  { 5, SKT_WS_TEXT, true, false, true, { 0x37, 0xfa, 0x21, 0x3d } } },
	{ BYTES("\x01\x03"), &from_server, { 3, SKT_WS_TEXT, false, false, false, { 0 } } },
	{ BYTES("\x80\x02"), &within, { 2, SKT_WS_CONTINUATION, true, false, false, { 0 } } },
	{ BYTES("\x89\x05"), &from_server, { 5, SKT_WS_PING, true, false, false, { 0 } } },
	{ BYTES("\x8a\x85\x37\xfa\x21\x3d"),
	  &from_client,
	  { 5, SKT_WS_PONG, true, false, true, { 0x37, 0xfa, 0x21, 0x3d } } },
	{ BYTES("\x82\x7e\x01\x00"), &from_server, { 256, SKT_WS_BINARY, true, false, false, { 0 } } },
	{ BYTES("\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
	  &from_server,
	  { 65536, SKT_WS_BINARY, true, false, false, { 0 } } },
	/* edges */
	{ BYTES("\x82\x7d"), &from_server, { 125, SKT_WS_BINARY, true, false, false, { 0 } } },
	{ BYTES("\x82\x7e\x00\x7e"), &from_server, { 126, SKT_WS_BINARY, true, false, false, { 0 } } },
	{ BYTES("\x82\x7e\xff\xff"), &from_server, { 65535, SKT_WS_BINARY, true, false, false, { 0 } } },
	{ BYTES("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"),
	  &from_server,
	  { INT64_MAX, SKT_WS_BINARY, true, false, false, { 0 } } },
	{ BYTES("\x89\x7d"), &within, { 125, SKT_WS_PING, true, false, false, { 0 } } },
	{ BYTES("\xc1\x07"), &zipped, { 7, SKT_WS_TEXT, true, true, false, { 0 } } },
	{ BYTES("\x80\x07"), &zipped_within, { 7, SKT_WS_CONTINUATION, true, false, false, { 0 } } },
};

static void headers_are_parsed_and_composed(void **state)
{
	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(headers); i++) {
		const struct skt_wsheader *want = &headers[i].header;
		struct skt_wsheader got = { 0 };
		char composed[SKT_WS_HEADER_MAX];
		const char *why = "";

		if (parse(headers[i].bytes, headers[i].n, headers[i].rules, &got, &why) != (int)headers[i].n)
			fail_msg("header %zu: %s", i, why);
		assert_true(got.length == want->length);
		assert_int_equal(got.opcode, want->opcode);
		assert_int_equal(got.is_last, want->is_last);
		assert_int_equal(got.is_zipped, want->is_zipped);
		assert_int_equal(got.is_masked, want->is_masked);
		assert_memory_equal(got.key, want->key, SKT_WS_KEY);
		assert_int_equal(skt_wsheader_compose(want, composed), headers[i].n);
		assert_memory_equal(composed, headers[i].bytes, headers[i].n);
	}
}

static const struct {
	const char *bytes;
	size_t n;
	const struct skt_wsrules *rules;
	const char *why;
} breaches[] = {
	{ BYTES("\xc1"), &from_server, "reserved bit" },
	{ BYTES("\xa1"), &zipped, "reserved bit" },
	{ BYTES("\x91"), &zipped, "reserved bit" },
	{ BYTES("\xc0"), &zipped_within, "reserved bit" },
	{ BYTES("\xc9"), &zipped, "reserved bit" },
	{ BYTES("\x83"), &from_server, "not defined" },
	{ BYTES("\x87"), &from_server, "not defined" },
	{ BYTES("\x8b"), &from_server, "not defined" },
	{ BYTES("\x8f"), &from_server, "not defined" },
	{ BYTES("\x09"), &from_server, "fragmented" },
	{ BYTES("\x08"), &within, "fragmented" },
	{ BYTES("\x81"), &within, "within another" },
	{ BYTES("\x02"), &within, "within another" },
	{ BYTES("\x80"), &from_server, "no message has begun" },
	{ BYTES("\x00"), &from_server, "no message has begun" },
	{ BYTES("\x81\x05"), &from_client, "not masked" },
	{ BYTES("\x81\x85"), &from_server, "is masked" },
	{ BYTES("\x89\x7e"), &from_server, "more than 125" },
	{ BYTES("\x88\xff"), &from_client, "more than 125" },
	{ BYTES("\x82\x7e\x00\x7d"), &from_server, "shortest" },
	{ BYTES("\x82\x7f\x00\x00\x00\x00\x00\x00\xff\xff"), &from_server, "shortest" },
	{ BYTES("\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00"), &from_server, "highest bit" },
};

static void what_a_header_must_not_be_is_said_as_early_as_it_is_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(breaches); i++) {
		struct skt_wsheader got = { .length = 77 };
		struct skt_wsbreach breach;
		const char *why = "";

		if (parse(breaches[i].bytes, breaches[i].n, breaches[i].rules, &got, &why) >= 0 ||
		    !strstr(why, breaches[i].why))
			fail_msg("breach %zu: \"%s\"", i, why);
		assert_int_equal(got.length, 77);
		if (skt_wsheader_parse(breaches[i].bytes, breaches[i].n - 1, breaches[i].rules, &got, &breach) != 0)
			fail_msg("breach %zu is said too early", i);
	}
}

static void the_mask_is_right_at_any_alignment_length_and_phase(void **state)
{
	static const unsigned char key[SKT_WS_KEY] = { 0x12, 0x80, 0xff, 0x07 };
	char *bytes = support_bytes(400, 1), room[440];

	(void)state;
	for (size_t n = 0; n < 150; n++)
		for (size_t from = 0; from < 5; from++)
			for (size_t shift = 0; shift <= 14; shift += 7)
				for (unsigned phase = 0; phase < 5; phase++) {
					memset(room, 0x55, sizeof(room));
					memcpy(room + from + shift, bytes, n);
					skt_wsmask(room + from, room + from + shift, n, key, phase);
					for (size_t i = 0; i < n; i++)
						assert_int_equal((unsigned char)room[from + i],
								 (unsigned char)bytes[i] ^ key[(i + phase) % 4]);
					assert_int_equal(room[from + n + shift], 0x55);
				}
	test_free(bytes);
}

static void the_masked_hello_of_the_rfc_is_unmasked(void **state)
{
	char hello[] = "\x7f\x9f\x4d\x51\x58";

	(void)state;
	skt_wsmask(hello, hello, 5, (const unsigned char *)"\x37\xfa\x21\x3d", 0);
	assert_string_equal(hello, "Hello");
}

static const struct {
	const char *bytes;
	size_t n;
	int code; /* negative: that of the breach */
	const char *reason;
} closes[] = {
	{ BYTES(""), 1005, "" },
	{ BYTES("\x03\xe8"), 1000, "" },
	{ BYTES("\x03\xe8going"), 1000, "going" },
	{ BYTES("\x03\xe9"), 1001, "" },
	{ BYTES("\x03\xeb"), 1003, "" },
	{ BYTES("\x03\xef"), 1007, "" },
	{ BYTES("\x03\xf6\302\251"), 1014, "\302\251" },
	{ BYTES("\x0b\xb8"), 3000, "" },
	{ BYTES("\x13\x87"), 4999, "" },
	{ BYTES("\x03\xe8\33[31m"), 1000, "?[31m" },
	{ BYTES("\x03"), -1002, NULL },
	{ BYTES("\x00\x00"), -1002, NULL },
	{ BYTES("\x03\xe7"), -1002, NULL }, /* 999 */
	{ BYTES("\x03\xec"), -1002, NULL }, /* 1004 */
	{ BYTES("\x03\xed"), -1002, NULL }, /* 1005 */
	{ BYTES("\x03\xee"), -1002, NULL }, /* 1006 */
	{ BYTES("\x03\xf7"), -1002, NULL }, /* 1015 */
	{ BYTES("\x04\x4c"), -1002, NULL }, /* 1100 */
	{ BYTES("\x07\xd0"), -1002, NULL }, /* 2000 */
	{ BYTES("\x13\x88"), -1002, NULL }, /* 5000 */
	{ BYTES("\xff\xff"), -1002, NULL },
	{ BYTES("\x03\xe8\377"), -1007, NULL },
	{ BYTES("\x03\xe8\342\202"), -1007, NULL },
};

static void a_close_has_a_code_and_a_reason_or_is_a_breach(void **state)
{
	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(closes); i++) {
		struct skt_wsclose close = { 0 };
		struct skt_wsbreach breach = { 0, NULL };
		int failed = skt_wsclose_parse(closes[i].bytes, closes[i].n, &close, &breach);

		if (failed)
			assert_int_equal(-breach.code, closes[i].code);
		else
			assert_int_equal(close.code, closes[i].code);
		if (!failed)
			assert_string_equal(close.reason, closes[i].reason);
	}
}

static void codes_are_composed_and_have_names(void **state)
{
	char room[2];

	(void)state;
	assert_int_equal(skt_wsclose_compose(1005, room), 0);
	assert_int_equal(skt_wsclose_compose(1011, room), 2);
	assert_memory_equal(room, "\x03\xf3", 2);
	assert_string_equal(skt_wsclose_name(1011), "internal error");
	assert_string_equal(skt_wsclose_name(1000), "normal closure");
	assert_string_equal(skt_wsclose_name(4000), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SUPPORT_TEST(headers_are_parsed_and_composed),
		SUPPORT_TEST(what_a_header_must_not_be_is_said_as_early_as_it_is_known),
		SUPPORT_TEST(the_mask_is_right_at_any_alignment_length_and_phase),
		SUPPORT_TEST(the_masked_hello_of_the_rfc_is_unmasked),
		SUPPORT_TEST(a_close_has_a_code_and_a_reason_or_is_a_breach),
		SUPPORT_TEST(codes_are_composed_and_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

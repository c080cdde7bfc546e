/* SPDX-License-Identifier: Apache-2.0 */
/* The PROXY protocol, versions 1 and 2. */
#include "support.h"

#include <arpa/inet.h>
#include <string.h>

#include "sys/addr.h"
#include "wire/proxyproto.h"

#define BYTES(text) text, sizeof(text) - 1
#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

/* An end from its text: an IP address and a port, or unix: and a path, @ for an abstract one; NULL is not known. */
static struct skt_proxyend end(const char *text, unsigned port)
{
	struct skt_proxyend ret = { 0 };
	struct skt_addr a = { 0 };

	if (!text)
		return ret;
	if (strncmp(text, "unix:", 5) == 0)
		assert_int_equal(skt_addr_from_path(text + 5, &a), 0);
	else
		assert_int_equal(skt_addr_parse_ip(text, NULL, (int)port, &a), 0);
	ret.len = a.len;
	memcpy(&ret.un, a.room, sizeof(ret.un));
	return ret;
}

/* An end as text, "-" where it is not known. */
static const char *shown(const struct skt_proxyend *e)
{
	static char text[SKT_ADDR_LENGTH];
	struct skt_addr a = { .len = e->len };

	memcpy(a.room, &e->un, sizeof(e->un));
	return e->len ? skt_addr_print(&a, text) : "-";
}

static const struct {
	int version;
	const char *source;
	unsigned source_port;
	const char *dest;
	unsigned dest_port;
	const char *bytes;
	size_t n;
} composed[] = {
	{ 1, "192.168.0.1", 56324, "192.168.0.11", 443, BYTES("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n") },
	{ 1, "255.255.255.255", 65535, "255.255.255.255", 65535,
	  BYTES("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n") },
	{ 1, "2001:db8::1", 0, "::1", 1, BYTES("PROXY TCP6 2001:db8::1 ::1 0 1\r\n") },
	{ 1, "::ffff:192.0.2.1", 7, "192.0.2.2", 8, BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 7 8\r\n") },
	{ 1, "::ffff:192.0.2.1", 7, "::ffff:192.0.2.2", 8, BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 7 8\r\n") },
	{ 1, "::192.0.2.1", 7, "::1", 8, BYTES("PROXY TCP6 ::c000:201 ::1 7 8\r\n") },
	{ 1, "192.0.2.1", 7, "::1", 8, BYTES("PROXY UNKNOWN\r\n") },
	{ 1, "192.0.2.1", 7, NULL, 0, BYTES("PROXY UNKNOWN\r\n") },
	{ 1, NULL, 0, NULL, 0, BYTES("PROXY UNKNOWN\r\n") },
	{ 1, "unix:/a", 0, "unix:/b", 0, BYTES("PROXY UNKNOWN\r\n") },
	{ 2, "172.19.0.1", 42578, "172.19.0.3", 80,
	  BYTES(SIGNATURE "\x21\x11\0\x0c\xac\x13\0\1\xac\x13\0\3\xa6\x52\0\x50") },
	{ 2, "::ffff:172.19.0.1", 42578, "172.19.0.3", 80,
	  BYTES(SIGNATURE "\x21\x11\0\x0c\xac\x13\0\1\xac\x13\0\3\xa6\x52\0\x50") },
	{ 2, "2001:db8::1", 258, "::1", 772,
	  BYTES(SIGNATURE "\x21\x21\0\x24\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
			  "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\1\2\3\4") },
	{ 2, "192.0.2.1", 7, "::1", 8, BYTES(SIGNATURE "\x20\0\0\0") },
	{ 2, NULL, 0, NULL, 0, BYTES(SIGNATURE "\x20\0\0\0") },
};

static void headers_are_composed_as_the_specification_has_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(composed); i++) {
		struct skt_proxyend source = end(composed[i].source, composed[i].source_port);
		struct skt_proxyend dest = end(composed[i].dest, composed[i].dest_port);
		unsigned char room[SKT_PROXYPROTO_ROOM];

		assert_int_equal(skt_proxyproto_compose(composed[i].version, &source, &dest, room), composed[i].n);
		assert_memory_equal(room, composed[i].bytes, composed[i].n);
	}
}

static void paths_go_in_version_2_and_come_back(void **state)
{
	static char longest[109 + 5];
	static const char *const paths[] = { "unix:/run/x.sock", "unix:@abstract", longest };

	(void)state;
	memset(longest, 'x', 5 + 107);
	memcpy(longest, "unix:", 5);
	for (size_t i = 0; i < SKT_LENGTH(paths); i++) {
		struct skt_proxyend path = end(paths[i], 0);
		struct skt_proxyend nameless = { .len = offsetof(struct sockaddr_un, sun_path), .un.sun_family = AF_UNIX };
		unsigned char room[SKT_PROXYPROTO_ROOM];
		struct skt_proxyproto found = { 0 };
		const char *why;
		size_t need;

		assert_int_equal(skt_proxyproto_compose(2, &nameless, &path, room), 232);
		assert_memory_equal(room, SIGNATURE "\x21\x31\0\xd8", 16);
		assert_int_equal(skt_proxyproto_parse(room, 232, &found, &need, &why), 0);
		assert_int_equal(found.source.len, nameless.len);
		assert_int_equal(found.source.sa.sa_family, AF_UNIX);
		assert_int_equal(found.dest.len, path.len);
		assert_memory_equal(&found.dest.un, &path.un, path.len);
	}
}

static void a_path_of_108_bytes_has_no_end(void **state)
{
	unsigned char header[232] = SIGNATURE "\x21\x31\0\xd8";
	struct skt_proxyproto found = { 0 };
	const char *why;
	size_t need;

	(void)state;
	memset(header + 16, 'y', 108);
	assert_int_equal(skt_proxyproto_parse(header, 232, &found, &need, &why), 0);
	assert_int_equal(found.source.len, sizeof(struct sockaddr_un));
	assert_int_equal(strlen(shown(&found.source)), 108);
}

/* Parse the beginnings of n bytes, each behind what is claimed to be needed. Returns the first result that is not "more". */
static int parse_step_by_step(const char *bytes, size_t n, struct skt_proxyproto *ret, const char **why)
{
	size_t have = 0, need = 0;
	int got;

	do {
		char *copy = test_malloc(have + 1); /* so that a byte too far is seen */

		assert_true(have <= n);
		memcpy(copy, bytes, have);
		got = skt_proxyproto_parse(copy, have, ret, &need, why);
		test_free(copy);
		assert_true(got != 1 || need > 0);
		have += need;
	} while (got == 1 && have <= n);
	return got;
}

#define V2_TLVS "\xc0\0\2\1\xc6\x33\x64\2\xde\xad\0\x50\4\0\2xx\3\0\4\x51\xe9\x36\xf1\5\0\1u"
#define IPS "1.2.3.4 5.6.7.8 "
#define HEX39 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"

static const struct {
	const char *bytes;
	size_t n;
	int version;
	const char *source, *dest;
} parsed[] = {
	{ BYTES("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"), 1, "192.168.0.1:56324", "192.168.0.11:443" },
	{ BYTES("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n"), 1, "0.0.0.0:0", "0.0.0.0:0" },
	{ BYTES("PROXY TCP6 2001:DB8::1 ::1 0 65535\r\n"), 1, "[2001:db8::1]:0", "[::1]:65535" },
	{ BYTES("PROXY TCP6 ::ffff:1.2.3.4 ::1 1 2\r\n"), 1, "[::ffff:1.2.3.4]:1", "[::1]:2" },
	{ BYTES("PROXY TCP6 " HEX39 " " HEX39 " 65535 65535\r\n"), 1, "[" HEX39 "]:65535", "[" HEX39 "]:65535" },
	{ BYTES("PROXY UNKNOWN\r\n"), 1, "-", "-" },
	{ BYTES("PROXY UNKNOWN \r\n"), 1, "-", "-" },
	{ BYTES("PROXY UNKNOWN " HEX39 " " HEX39 " 65535 65535\r\n"), 1, "-", "-" },
	{ BYTES("PROXY UNKNOWN what\0ever\n\r\377\r\n"), 1, "-", "-" },
	{ BYTES(SIGNATURE "\x21\x11\0\x0c\xac\x13\0\1\xac\x13\0\3\xa6\x52\0\x50"), 2, "172.19.0.1:42578",
	  "172.19.0.3:80" },
	{ BYTES(SIGNATURE "\x21\x12\0\x0c\xac\x13\0\1\xac\x13\0\3\xa6\x52\0\x50"), 2, "172.19.0.1:42578",
	  "172.19.0.3:80" },
	{ BYTES(SIGNATURE "\x21\x21\0\x24\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
			  "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\1\2\3\4"),
	  2, "[2001:db8::1]:258", "[::1]:772" },
	{ BYTES(SIGNATURE "\x21\x11\0\x1c" V2_TLVS), 2, "192.0.2.1:57005", "198.51.100.2:80" },
	{ BYTES(SIGNATURE "\x20\0\0\0"), 2, "-", "-" },
	{ BYTES(SIGNATURE "\x20\xff\0\3abc"), 2, "-", "-" },
	{ BYTES(SIGNATURE "\x20\x11\0\3abc"), 2, "-", "-" },
	{ BYTES(SIGNATURE "\x21\0\0\3abc"), 2, "-", "-" },
	{ BYTES(SIGNATURE "\x21\x10\0\3abc"), 2, "-", "-" },
	{ BYTES(SIGNATURE "\x21\1\0\0"), 2, "-", "-" },
};

static void whole_headers_are_read_to_their_last_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(parsed); i++) {
		char more[256] = { 0 };
		struct skt_proxyproto found[2] = { { 0 } };
		const char *why;
		size_t need;

		memcpy(more, parsed[i].bytes, parsed[i].n);
		memcpy(more + parsed[i].n, "PROXY\r\n", 7);
		if (parse_step_by_step(parsed[i].bytes, parsed[i].n, &found[0], &why) != 0)
			fail_msg("header %zu: %s", i, why ? why : "more");
		assert_int_equal(skt_proxyproto_parse(more, parsed[i].n + 7, &found[1], &need, &why), 0);
		for (int k = 0; k < 2; k++) {
			assert_int_equal(found[k].n, parsed[i].n);
			assert_int_equal(found[k].version, parsed[i].version);
			assert_string_equal(shown(&found[k].source), parsed[i].source);
			assert_string_equal(shown(&found[k].dest), parsed[i].dest);
		}
	}
}

static void beginnings_want_more_and_never_too_much(void **state)
{
	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(parsed); i++)
		for (size_t n = 0; n < parsed[i].n; n++) {
			struct skt_proxyproto found = { .version = 77 };
			size_t need = 0;
			const char *why;

			if (skt_proxyproto_parse(parsed[i].bytes, n, &found, &need, &why) != 1)
				fail_msg("header %zu is decided after %zu bytes", i, n);
			assert_true(need > 0 && n + need <= parsed[i].n);
			assert_int_equal(found.version, 77);
			assert_true(skt_proxyproto_begins(parsed[i].bytes, n));
		}
}

static const struct {
	const char *bytes;
	size_t n;
	const char *why;
} malformed[] = {
	{ BYTES("GET / HTTP/1.1\r\n"), "begins like none" },
	{ BYTES("P "), "begins like none" },
	{ BYTES("proxy TCP4 " IPS "1 2\r\n"), "begins like none" },
	{ BYTES("PROXY  TCP4"), "begins like none" },
	{ BYTES("PROXY TCP5"), "begins like none" },
	{ BYTES("PROXY UDP4"), "begins like none" },
	{ BYTES("PROXY UNKNOWNX"), "begins like none" },
	{ BYTES("PROXY UNKNOWN\n"), "begins like none" },
	{ BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n"), "no character" },
	{ BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\rX"), "no character" },
	{ BYTES("PROXY TCP4 1.2.3.4\0 5.6.7.8 1 2\r\n"), "no character" },
	{ BYTES("PROXY TCP4 1.2.3.4\t5.6.7.8 1 2\r\n"), "no character" },
	{ BYTES("PROXY TCP4 \r\n"), "an address" },
	{ BYTES("PROXY TCP4 1.2.3.4\r\n"), "an address" },
	{ BYTES("PROXY TCP4 1.2.3.4 \r\n"), "an address" },
	{ BYTES("PROXY TCP4  1.2.3.4 5.6.7.8 1 2\r\n"), "an address" },
	{ BYTES("PROXY TCP4 01.2.3.4 5.6.7.8 1 2\r\n"), "an address" },
	{ BYTES("PROXY TCP4 1.2.3.256 5.6.7.8 1 2\r\n"), "an address" },
	{ BYTES("PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n"), "an address" },
	{ BYTES("PROXY TCP4 ::1 ::1 1 2\r\n"), "an address" },
	{ BYTES("PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n"), "an address" },
	{ BYTES("PROXY TCP6 ::1%lo ::1 1 2\r\n"), "an address" },
	{ BYTES("PROXY TCP6 [::1] ::1 1 2\r\n"), "an address" },
	{ BYTES("PROXY TCP6 " HEX39 "fffffff ::1 1 2\r\n"), "an address" },
	{ BYTES("PROXY TCP4 1.2.3.4  5.6.7.8 1 2\r\n"), "an address" },
	{ BYTES("PROXY TCP4 " IPS "\r\n"), "a port" },
	{ BYTES("PROXY TCP4 " IPS "1\r\n"), "a port" },
	{ BYTES("PROXY TCP4 " IPS "1 \r\n"), "a port" },
	{ BYTES("PROXY TCP4 " IPS "01 2\r\n"), "a port" },
	{ BYTES("PROXY TCP4 " IPS "1 00\r\n"), "a port" },
	{ BYTES("PROXY TCP4 " IPS "1 65536\r\n"), "a port" },
	{ BYTES("PROXY TCP4 " IPS "1 100000\r\n"), "a port" },
	{ BYTES("PROXY TCP4 " IPS "-1 2\r\n"), "a port" },
	{ BYTES("PROXY TCP4 " IPS "+1 2\r\n"), "a port" },
	{ BYTES("PROXY TCP4 " IPS "1x 2\r\n"), "a port" },
	{ BYTES("PROXY TCP4 " IPS " 1 2\r\n"), "a port" },
	{ BYTES("PROXY TCP4 " IPS "1 2 \r\n"), "something follows" },
	{ BYTES("PROXY TCP4 " IPS "1 2 3\r\n"), "something follows" },
	{ BYTES("PROXY UNKNOWN 1234567890123456789012345678901234567890123456789012345678901234567890"
		"12345678901234567890123"),
	  "within 107" },
	{ BYTES("\r\n\r\n\r\n\r\nQUIT\n"), "begins like none" },
	{ BYTES("\r\nGET"), "begins like none" },
	{ BYTES(SIGNATURE "\x11\x11\0\0"), "version or command" },
	{ BYTES(SIGNATURE "\x22\x11\0\0"), "version or command" },
	{ BYTES(SIGNATURE "\x21\x41\0\0"), "family or protocol" },
	{ BYTES(SIGNATURE "\x21\x13\0\0"), "family or protocol" },
	{ BYTES(SIGNATURE "\x21\x11\0\x0b"), "too short" },
	{ BYTES(SIGNATURE "\x21\x21\0\x23"), "too short" },
	{ BYTES(SIGNATURE "\x21\x31\0\xd7"), "too short" },
	{ BYTES(SIGNATURE "\x20\0\x0f\xf1"), "4096" },
	{ BYTES(SIGNATURE "\x21\x11\xff\xff"), "4096" },
	{ BYTES(SIGNATURE "\x21\x11\0\x0d\xac\x13\0\1\xac\x13\0\3\xa6\x52\0\x50x"), "shape" },
	{ BYTES(SIGNATURE "\x21\x11\0\x0e\xac\x13\0\1\xac\x13\0\3\xa6\x52\0\x50\4\0"), "shape" },
	{ BYTES(SIGNATURE "\x21\x11\0\x0f\xac\x13\0\1\xac\x13\0\3\xa6\x52\0\x50\4\0\1"), "shape" },
	{ BYTES(SIGNATURE "\x21\x11\0\x12\xac\x13\0\1\xac\x13\0\3\xa6\x52\0\x50\3\0\3abc"), "checksum" },
	{ BYTES(SIGNATURE "\x21\x11\0\x13\xac\x13\0\1\xac\x13\0\3\xa6\x52\0\x50\3\0\4abcd"), "checksum" },
};

static void what_is_malformed_is_said_and_stays_so_in_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(malformed); i++) {
		struct skt_proxyproto found = { .version = 77 };
		const char *why = NULL;
		size_t need;
		int got = 1;

		if (skt_proxyproto_parse(malformed[i].bytes, malformed[i].n, &found, &need, &why) != -1 ||
		    !strstr(why, malformed[i].why))
			fail_msg("malformed %zu: %s", i, why ? why : "fine");
		for (size_t n = 0; n <= malformed[i].n && got == 1; n++)
			got = skt_proxyproto_parse(malformed[i].bytes, n, &found, &need, &why);
		if (got != -1)
			fail_msg("malformed %zu is fine in pieces", i);
		assert_int_equal(found.version, 77);
	}
}

static void any_bit_that_changes_makes_the_checksum_wrong(void **state)
{
	char header[] = SIGNATURE "\x21\x11\0\x1c" V2_TLVS;
	size_t n = sizeof(header) - 1;

	(void)state;
	for (size_t bit = 16 * 8; bit < n * 8; bit++) {
		struct skt_proxyproto found;
		const char *why;
		size_t need;

		header[bit / 8] = (char)(header[bit / 8] ^ 1 << bit % 8);
		if (bit / 8 < 28 || bit / 8 > 36) /* not where the bit would hide the checksum */
			assert_int_equal(skt_proxyproto_parse(header, n, &found, &need, &why), -1);
		header[bit / 8] = (char)(header[bit / 8] ^ 1 << bit % 8);
	}
}

static void the_longest_header_that_is_accepted_has_4096_bytes(void **state)
{
	static unsigned char header[4097] = SIGNATURE "\x20\0\x0f\xf0";
	struct skt_proxyproto found;
	const char *why;
	size_t need;

	(void)state;
	assert_int_equal(skt_proxyproto_parse(header, 16, &found, &need, &why), 1);
	assert_int_equal(need, 4080);
	assert_int_equal(skt_proxyproto_parse(header, 4097, &found, &need, &why), 0);
	assert_int_equal(found.n, 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SUPPORT_TEST(headers_are_composed_as_the_specification_has_them),
		SUPPORT_TEST(paths_go_in_version_2_and_come_back),
		SUPPORT_TEST(a_path_of_108_bytes_has_no_end),
		SUPPORT_TEST(whole_headers_are_read_to_their_last_byte),
		SUPPORT_TEST(beginnings_want_more_and_never_too_much),
		SUPPORT_TEST(what_is_malformed_is_said_and_stays_so_in_pieces),
		SUPPORT_TEST(any_bit_that_changes_makes_the_checksum_wrong),
		SUPPORT_TEST(the_longest_header_that_is_accepted_has_4096_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

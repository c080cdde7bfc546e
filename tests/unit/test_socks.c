/* SPDX-License-Identifier: Apache-2.0 */
/* SOCKS5 and SOCKS4a, HTTP's CONNECT, and what a peer said as text. */
#include "support.h"

#include <string.h>

#include "base/text.h"
#include "wire/httpconnect.h"
#include "wire/printable.h"
#include "wire/socks.h"

#define BYTES(text) text, sizeof(text) - 1

static unsigned char room[SKT_SOCKS_ROOM];

static char long_text[257];

static void assert_said(size_t n, const char *bytes, size_t n_bytes)
{
	assert_int_equal(n, n_bytes);
	assert_memory_equal(room, bytes, n_bytes);
}

static void messages_of_socks5_are_those_of_the_rfc(void **state)
{
	(void)state;
	assert_said(skt_socks5_hello(false, room), BYTES("\5\1\0"));
	assert_said(skt_socks5_hello(true, room), BYTES("\5\2\0\2"));
	assert_said(skt_socks5_login("user", "secret", room), BYTES("\1\4user\6secret"));
	assert_said(skt_socks5_login("user", NULL, room), BYTES("\1\4user\0"));
	assert_said(skt_socks5_connect("example.org", 443, room), BYTES("\5\1\0\3\13example.org\1\273"));
	assert_said(skt_socks5_connect("192.0.2.7", 80, room), BYTES("\5\1\0\1\300\0\2\7\0\120"));
	assert_said(skt_socks5_connect("2001:db8::1", 65535, room),
		    BYTES("\5\1\0\4\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\377\377"));
}

static void messages_of_socks4_have_an_address_or_a_name_behind(void **state)
{
	(void)state;
	assert_said(skt_socks4a_connect("Fred", "66.102.7.99", 80, room), BYTES("\4\1\0\120\102\146\7\143Fred\0"));
	assert_said(skt_socks4a_connect(NULL, "a.example", 443, room), BYTES("\4\1\1\273\0\0\0\1\0a.example\0"));
	assert_said(skt_socks4a_connect("u", "a.example", 443, room), BYTES("\4\1\1\273\0\0\0\1u\0a.example\0"));
}

static void the_longest_texts_fit_into_the_room(void **state)
{
	(void)state;
	memset(long_text, 'x', 255);
	long_text[255] = '\0';
	assert_null(skt_socks5_objection(long_text, long_text, long_text));
	assert_null(skt_socks4a_objection(long_text, NULL, long_text));
	assert_null(skt_httpconnect_objection(long_text, long_text, long_text));
	assert_int_equal(skt_socks5_login(long_text, long_text, room), 513);
	assert_int_equal(skt_socks5_connect(long_text, 1, room), 262);
	assert_int_equal(skt_socks4a_connect(long_text, long_text, 1, room), 520);
}

static void what_a_protocol_cannot_say_is_objected_to(void **state)
{
	static char huge[SKT_HTTPCONNECT_TEXT_MAX + 2];

	(void)state;
	memset(long_text, 'x', 256);
	memset(huge, 'x', sizeof(huge) - 1);
	assert_non_null(skt_socks5_objection(NULL, NULL, long_text));
	assert_non_null(skt_socks5_objection(NULL, NULL, ""));
	assert_non_null(skt_socks5_objection(long_text, NULL, "a"));
	assert_non_null(skt_socks5_objection("u", long_text, "a"));
	assert_null(skt_socks5_objection("u", "p", "::1"));
	assert_non_null(skt_socks4a_objection(NULL, NULL, long_text));
	assert_non_null(skt_socks4a_objection(long_text, NULL, "a"));
	assert_non_null(skt_socks4a_objection(NULL, NULL, "::1"));
	assert_non_null(skt_socks4a_objection("u", "p", "a"));
	assert_null(skt_socks4a_objection("u", NULL, "192.0.2.1"));
	assert_non_null(skt_httpconnect_objection(NULL, NULL, long_text));
	assert_non_null(skt_httpconnect_objection(NULL, NULL, ""));
	assert_non_null(skt_httpconnect_objection(NULL, NULL, "a\r\nX: y"));
	assert_non_null(skt_httpconnect_objection(NULL, NULL, "a b"));
	assert_non_null(skt_httpconnect_objection(NULL, NULL,
						  "b\xc3\xbc"
						  "cher"));
	assert_non_null(skt_httpconnect_objection("u:v", "p", "a"));
	assert_non_null(skt_httpconnect_objection("u\n", "p", "a"));
	assert_non_null(skt_httpconnect_objection("u", "p\x7f", "a"));
	assert_non_null(skt_httpconnect_objection(huge, NULL, "a"));
	assert_non_null(skt_httpconnect_objection(NULL, huge, "a"));
	huge[SKT_HTTPCONNECT_TEXT_MAX] = '\0';
	assert_null(skt_httpconnect_objection(huge, huge, "a"));
}

static const struct {
	enum skt_socksreply which;
	const char *bytes;
	size_t n;
	enum skt_socksverdict verdict;
	int code;
	size_t decided; /* with so many bytes, and no fewer */
} replies[] = {
	{ SKT_SOCKS5_METHOD, BYTES("\5\0"), SKT_SOCKS_OK, 0, 2 },
	{ SKT_SOCKS5_METHOD, BYTES("\5\2"), SKT_SOCKS_OK, 2, 2 },
	{ SKT_SOCKS5_METHOD, BYTES("\5\377"), SKT_SOCKS_REFUSED, 255, 2 },
	{ SKT_SOCKS5_METHOD, BYTES("\5\1"), SKT_SOCKS_FOREIGN, 0, 2 },
	{ SKT_SOCKS5_METHOD, BYTES("\4\0"), SKT_SOCKS_FOREIGN, 0, 1 },
	{ SKT_SOCKS5_METHOD, BYTES("HTTP/1.1 400"), SKT_SOCKS_FOREIGN, 0, 1 },
	{ SKT_SOCKS5_LOGIN, BYTES("\1\0"), SKT_SOCKS_OK, 0, 2 },
	{ SKT_SOCKS5_LOGIN, BYTES("\5\0"), SKT_SOCKS_OK, 0, 2 },
	{ SKT_SOCKS5_LOGIN, BYTES("\1\1"), SKT_SOCKS_REFUSED, 1, 2 },
	{ SKT_SOCKS5_LOGIN, BYTES("\2\0"), SKT_SOCKS_FOREIGN, 0, 1 },
	{ SKT_SOCKS5_CONNECT, BYTES("\5\0\0\1\177\0\0\1\0\120"), SKT_SOCKS_OK, 0, 10 },
	{ SKT_SOCKS5_CONNECT, BYTES("\5\0\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\120"), SKT_SOCKS_OK, 0, 22 },
	{ SKT_SOCKS5_CONNECT, BYTES("\5\0\0\3\3abc\0\120"), SKT_SOCKS_OK, 0, 10 },
	{ SKT_SOCKS5_CONNECT, BYTES("\5\0\0\3\0\0\120"), SKT_SOCKS_OK, 0, 7 },
	{ SKT_SOCKS5_CONNECT, BYTES("\5\0\0\2\3abc\0\120"), SKT_SOCKS_FOREIGN, 0, 5 },
	{ SKT_SOCKS5_CONNECT, BYTES("\5\5\0\1\0\0\0\0\0\0"), SKT_SOCKS_REFUSED, 5, 2 },
	{ SKT_SOCKS5_CONNECT, BYTES("\5\377"), SKT_SOCKS_REFUSED, 255, 2 },
	{ SKT_SOCKS5_CONNECT, BYTES("\1\0"), SKT_SOCKS_FOREIGN, 0, 1 },
	{ SKT_SOCKS4_CONNECT, BYTES("\0\132\0\0\0\0\0\0"), SKT_SOCKS_OK, 0, 8 },
	{ SKT_SOCKS4_CONNECT, BYTES("\0\133\0\0\0\0\0\0"), SKT_SOCKS_REFUSED, 91, 2 },
	{ SKT_SOCKS4_CONNECT, BYTES("\0\134"), SKT_SOCKS_REFUSED, 92, 2 },
	{ SKT_SOCKS4_CONNECT, BYTES("\0\135"), SKT_SOCKS_REFUSED, 93, 2 },
	{ SKT_SOCKS4_CONNECT, BYTES("\0\136"), SKT_SOCKS_FOREIGN, 0, 2 },
	{ SKT_SOCKS4_CONNECT, BYTES("\0\0"), SKT_SOCKS_FOREIGN, 0, 2 },
	{ SKT_SOCKS4_CONNECT, BYTES("\5\0"), SKT_SOCKS_FOREIGN, 0, 1 },
};

static void replies_are_decided_at_their_last_byte_and_never_want_more(void **state)
{
	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(replies); i++)
		for (size_t n = 0; n <= replies[i].n; n++) {
			struct skt_socksanswer a = skt_socks_parse(replies[i].which, replies[i].bytes, n);
			bool is_decided = n >= replies[i].decided;

			if (a.verdict != (is_decided ? replies[i].verdict : SKT_SOCKS_MORE))
				fail_msg("reply %zu: %d after %zu bytes", i, a.verdict, n);
			if (a.verdict == SKT_SOCKS_MORE)
				assert_true(a.n > 0 && n + a.n <= replies[i].n);
			if (a.verdict == SKT_SOCKS_OK)
				assert_int_equal(a.n, replies[i].decided);
			if (a.verdict == SKT_SOCKS_OK || a.verdict == SKT_SOCKS_REFUSED)
				assert_int_equal(a.code, replies[i].code);
		}
}

static void refusals_have_kinds_and_sentences(void **state)
{
	(void)state;
	assert_int_equal(skt_socks_why(SKT_SOCKS5_CONNECT, 2)->kind, SKT_E_DENIED);
	assert_int_equal(skt_socks_why(SKT_SOCKS5_CONNECT, 5)->kind, SKT_E_REFUSED);
	assert_int_equal(skt_socks_why(SKT_SOCKS5_CONNECT, 6)->kind, SKT_E_TIMEOUT);
	assert_int_equal(skt_socks_why(SKT_SOCKS5_LOGIN, 7)->kind, SKT_E_DENIED);
	assert_int_equal(skt_socks_why(SKT_SOCKS4_CONNECT, 93)->kind, SKT_E_DENIED);
	for (int which = SKT_SOCKS5_METHOD; which <= SKT_SOCKS4_CONNECT; which++)
		for (int code = 0; code < 256; code++)
			assert_true(skt_socks_why((enum skt_socksreply)which, code)->text[0] != '\0');
}

static void connect_asks_with_host_and_login(void **state)
{
	static const struct {
		const char *authority, *user, *password, *request;
	} cases[] = {
		{ "a.example:443", NULL, NULL, "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n" },
		{ "[::1]:80", "Aladdin", "open sesame",
		  "CONNECT [::1]:80 HTTP/1.1\r\nHost: [::1]:80\r\n"
		  "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n" },
		{ "a:1", "", "f", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nProxy-Authorization: Basic OmY=\r\n\r\n" },
		{ "a:1", "fo", NULL, "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nProxy-Authorization: Basic Zm86\r\n\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases); i++) {
		struct skt_text text = { 0 };

		skt_httpconnect_add(&text, cases[i].authority, cases[i].user, cases[i].password);
		assert_string_equal(skt_text_get(&text), cases[i].request);
		skt_text_release(&text);
	}
}

static void the_longest_login_goes_whole(void **state)
{
	static char user[SKT_HTTPCONNECT_TEXT_MAX + 1], password[SKT_HTTPCONNECT_TEXT_MAX + 1];
	struct skt_text text = { 0 };
	const char *login;

	(void)state;
	memset(user, 'u', SKT_HTTPCONNECT_TEXT_MAX);
	memset(password, 'p', SKT_HTTPCONNECT_TEXT_MAX);
	skt_httpconnect_add(&text, "a:1", user, password);
	login = strstr(skt_text_get(&text), "Basic ");
	assert_non_null(login);
	assert_int_equal(strcspn(login + 6, "\r"), (2 * SKT_HTTPCONNECT_TEXT_MAX + 1 + 2) / 3 * 4);
	assert_non_null(strstr(login, "cHBw\r\n\r\n")); /* ppp */
	skt_text_release(&text);
}

static void what_was_said_is_shown_with_escapes_and_at_most_40_bytes(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *text;
	} cases[] = {
		{ BYTES(""), "" },
		{ BYTES("GET / HTTP/1.1\r\n"), "GET / HTTP/1.1\\r\\n" },
		{ BYTES("\"\\\t\0\1\177\377~"), "\\\"\\\\\\t\\x00\\x01\\x7f\\xff~" },
		{ BYTES("1234567890123456789012345678901234567890"), "1234567890123456789012345678901234567890" },
		{ BYTES("12345678901234567890123456789012345678901"), "1234567890123456789012345678901234567890..." },
	};
	char text[SKT_PRINTABLE_LENGTH], worst[64];

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases); i++)
		assert_string_equal(skt_printable(cases[i].bytes, cases[i].n, text), cases[i].text);
	memset(worst, 0xee, sizeof(worst));
	assert_int_equal(strlen(skt_printable(worst, sizeof(worst), text)), SKT_PRINTABLE_LENGTH - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SUPPORT_TEST(messages_of_socks5_are_those_of_the_rfc),
		SUPPORT_TEST(messages_of_socks4_have_an_address_or_a_name_behind),
		SUPPORT_TEST(the_longest_texts_fit_into_the_room),
		SUPPORT_TEST(what_a_protocol_cannot_say_is_objected_to),
		SUPPORT_TEST(replies_are_decided_at_their_last_byte_and_never_want_more),
		SUPPORT_TEST(refusals_have_kinds_and_sentences),
		SUPPORT_TEST(connect_asks_with_host_and_login),
		SUPPORT_TEST(the_longest_login_goes_whole),
		SUPPORT_TEST(what_was_said_is_shown_with_escapes_and_at_most_40_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

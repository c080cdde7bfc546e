/* SPDX-License-Identifier: Apache-2.0 */
/* The handshake of WebSocket: requests, answers, and what is agreed on in them. */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "wire/wshandshake.h"

static void the_key_of_the_rfc_has_its_accept(void **state)
{
	char key[SKT_WS_KEY_ROOM], accept[SKT_WS_ACCEPT_ROOM];

	(void)state;
	skt_ws_key((const unsigned char *)"the sample nonce", key);
	assert_string_equal(key, "dGhlIHNhbXBsZSBub25jZQ==");
	assert_true(skt_ws_accept((struct skt_span){ key, 24 }, accept));
	assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	assert_false(skt_ws_accept((struct skt_span){ key, 23 }, accept));
}

static void the_request_says_what_is_asked_for(void **state)
{
	static const char *const header[] = { "Authorization: Basic eA==", "X-Y: z" };
	struct skt_wsask ask = { .host = "a.example:81",
				 .path = "/chat?x=1",
				 .protocols = "chat, superchat",
				 .origin = "http://b.example",
				 .header = header,
				 .n_header = 2,
				 .zips = true };
	struct skt_text text = { 0 };
	const char *what;

	(void)state;
	assert_int_equal(skt_wsask_compose(&ask, "KEY", &text, &what), 0);
	assert_string_equal(skt_text_get(&text),
			    "GET /chat?x=1 HTTP/1.1\r\nHost: a.example:81\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
			    "Sec-WebSocket-Key: KEY\r\nSec-WebSocket-Version: 13\r\n"
			    "Sec-WebSocket-Protocol: chat, superchat\r\n"
			    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
			    "Origin: http://b.example\r\nAuthorization: Basic eA==\r\nX-Y: z\r\n\r\n");
	skt_text_clear(&text);
	ask = (struct skt_wsask){ .host = "a" };
	assert_int_equal(skt_wsask_compose(&ask, "KEY", &text, &what), 0);
	assert_string_equal(skt_text_get(&text),
			    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
			    "Sec-WebSocket-Key: KEY\r\nSec-WebSocket-Version: 13\r\n\r\n");
	skt_text_release(&text);
}

static void nothing_in_a_request_ends_its_line(void **state)
{
	static const char *const header[] = { "X: y\r\nHost: other" };
	static const struct skt_wsask asks[] = {
		{ .host = "a\r\nX: y" },
		{ .host = "a b" },
		{ .host = "a", .path = "/ HTTP/1.1\r\n" },
		{ .host = "a", .path = "/a b" },
		{ .host = "a", .protocols = "x\ny" },
		{ .host = "a", .origin = "x\ry" },
		{ .host = "a", .header = header, .n_header = 1 },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(asks); i++) {
		struct skt_text text = { 0 };
		const char *what = NULL;

		assert_int_equal(skt_wsask_compose(&asks[i], "KEY", &text, &what), -1);
		assert_non_null(what);
		assert_int_equal(text.len, 0);
	}
}

#define GET "GET /chat HTTP/1.1\r\n"
#define HOST "Host: server.example.com\r\n"
#define UPGRADE "Upgrade: websocket\r\n"
#define CONNECTION "Connection: Upgrade\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define REST UPGRADE CONNECTION KEY VERSION
#define END "\r\n"

static struct skt_wsanswer ask(const char *request, const struct skt_wsserves *serves)
{
	static const struct skt_wsserves any = { 0 };
	struct skt_wsanswer answer;
	struct skt_head head;
	const char *why = NULL;

	if (skt_head_parse(SKT_HEAD_REQUEST, request, strlen(request), &head, &why) < 0)
		fail_msg("%s: %s", request, why);
	skt_wsask_check(&head, serves ? serves : &any, &answer);
	assert_true((answer.status == 101) == (answer.why == NULL));
	return answer;
}

static const struct {
	const char *request;
	int status;
	const char *why;
} requests[] = {
	/* RFC 6455, section 1.3 */
	{ GET HOST UPGRADE CONNECTION KEY "Origin: http://server.example.com\r\n"
					  "Sec-WebSocket-Protocol: chat, superchat\r\n" VERSION END,
	  101, NULL },
	{ GET HOST "UPGRADE: foo, WebSocket\r\nconnection: keep-alive, UPGRADE\r\n" KEY VERSION END, 101, NULL },
	{ GET HOST REST "Content-Length: 0\r\n" END, 101, NULL },
	{ "POST /chat HTTP/1.1\r\n" HOST REST END, 405, "GET" },
	{ "get /chat HTTP/1.1\r\n" HOST REST END, 405, "GET" },
	{ "GET /chat HTTP/1.0\r\n" HOST REST END, 400, "HTTP/1.1" },
	{ GET REST END, 400, "one field Host" },
	{ GET HOST HOST REST END, 400, "one field Host" },
	{ GET HOST END, 426, "only a WebSocket" },
	{ GET HOST "Upgrade: h2c\r\n" CONNECTION KEY VERSION END, 426, "only a WebSocket" },
	{ GET HOST UPGRADE KEY VERSION END, 400, "Connection" },
	{ GET HOST UPGRADE "Connection: close\r\n" KEY VERSION END, 400, "Connection" },
	{ GET HOST UPGRADE CONNECTION KEY END, 426, "version 13" },
	{ GET HOST UPGRADE CONNECTION KEY "Sec-WebSocket-Version: 8\r\n" END, 426, "version 13" },
	{ GET HOST UPGRADE CONNECTION KEY "Sec-WebSocket-Version: 13, 8\r\n" END, 426, "version 13" },
	{ GET HOST UPGRADE CONNECTION KEY VERSION VERSION END, 426, "version 13" },
	{ GET HOST UPGRADE CONNECTION VERSION END, 400, "Key" },
	{ GET HOST UPGRADE CONNECTION KEY KEY VERSION END, 400, "Key" },
	{ GET HOST UPGRADE CONNECTION VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=\r\n" END, 400, "Key" },
	{ GET HOST UPGRADE CONNECTION VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQAA\r\n" END, 400, "Key" },
	{ GET HOST UPGRADE CONNECTION VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZ-Bub25jZQ==\r\n" END, 400, "Key" },
	{ GET HOST REST "Content-Length: 5\r\n" END, 400, "body" },
	{ GET HOST REST "Transfer-Encoding: chunked\r\n" END, 400, "body" },
	{ GET HOST REST "Origin: http://other.example.com\r\n" END, 403, "origin" },
	{ GET HOST REST "Origin: null\r\n" END, 403, "origin" },
	{ GET HOST REST "Origin: http://server.example.com\r\nOrigin: http://x\r\n" END, 400, "Origin" },
	{ GET HOST REST "Origin: http://server.example.com:8080\r\n" END, 403, "origin" },
	{ GET HOST REST "Origin: http://server.example.com:80\r\n" END, 101, NULL },
	{ GET HOST REST "Origin: https://SERVER.example.com\r\n" END, 101, NULL },
	{ GET "Host: server.example.com:443\r\n" REST "Origin: https://server.example.com\r\n" END, 101, NULL },
	{ GET "Host: server.example.com:8080\r\n" REST "Origin: http://server.example.com:8080\r\n" END, 101, NULL },
	{ GET "Host:\r\n" REST "Origin: http://\r\n" END, 403, "origin" },
};

static void requests_are_checked_strictly(void **state)
{
	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(requests); i++) {
		struct skt_wsanswer answer = ask(requests[i].request, NULL);

		if (answer.status != requests[i].status || (answer.why && !strstr(answer.why, requests[i].why)))
			fail_msg("%s: %d %s", requests[i].request, answer.status, answer.why);
		if (!answer.why)
			assert_string_equal(answer.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	}
}

static void a_path_is_served_and_others_are_not(void **state)
{
	static const struct skt_wsserves serves = { .path = "/chat" };

	(void)state;
	assert_int_equal(ask("GET /chat HTTP/1.1\r\n" HOST REST END, &serves).status, 101);
	assert_int_equal(ask("GET /chat?x=1 HTTP/1.1\r\n" HOST REST END, &serves).status, 101);
	assert_int_equal(ask("GET http://server.example.com/chat HTTP/1.1\r\n" HOST REST END, &serves).status, 101);
	assert_int_equal(ask("GET /chat/ HTTP/1.1\r\n" HOST REST END, &serves).status, 404);
	assert_int_equal(ask("GET /?u=://x/chat HTTP/1.1\r\n" HOST REST END, &serves).status, 404);
	assert_int_equal(ask("GET http://server.example.com HTTP/1.1\r\n" HOST REST END, &serves).status, 404);
}

static void origins_are_let_in_by_a_list(void **state)
{
	static const struct skt_wsserves list = { .origin = "https://a.example, b.example" }, all = { .origin = "*" };

	(void)state;
	assert_int_equal(ask(GET HOST REST "Origin: https://a.example\r\n" END, &list).status, 101);
	assert_int_equal(ask(GET HOST REST "Origin: http://a.example\r\n" END, &list).status, 403);
	assert_int_equal(ask(GET HOST REST "Origin: http://b.example\r\n" END, &list).status, 101);
	assert_int_equal(ask(GET HOST REST "Origin: http://server.example.com\r\n" END, &list).status, 403);
	assert_int_equal(ask(GET HOST REST END, &list).status, 101);
	assert_int_equal(ask(GET HOST REST "Origin: null\r\n" END, &all).status, 101);
}

static void the_servers_favourite_of_the_offered_protocols_is_chosen(void **state)
{
	static const struct skt_wsserves serves = { .protocols = "superchat, chat" }, none = { 0 };
	static const char two[] = GET HOST REST
		"Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: x, superchat\r\n" END;

	(void)state;
	assert_string_equal(ask(two, &serves).agreed.protocol, "superchat");
	assert_string_equal(ask(two, &none).agreed.protocol, "");
	assert_string_equal(ask(GET HOST REST "Sec-WebSocket-Protocol: chat\r\n" END, &serves).agreed.protocol, "chat");
	assert_string_equal(ask(GET HOST REST "Sec-WebSocket-Protocol: Chat\r\n" END, &serves).agreed.protocol, "");
	assert_string_equal(ask(GET HOST REST END, &serves).agreed.protocol, "");
}

static const struct {
	const char *offer, *answer; /* NULL: declined */
} offers[] = {
	{ "permessage-deflate", "permessage-deflate" },
	{ "permessage-deflate; client_max_window_bits", "permessage-deflate" },
	{ "foo, permessage-deflate", "permessage-deflate" },
	{ "permessage-deflate;server_no_context_takeover ; client_no_context_takeover",
	  "permessage-deflate; server_no_context_takeover; client_no_context_takeover" },
	{ "permessage-deflate; client_max_window_bits=9; server_max_window_bits=\"10\"",
	  "permessage-deflate; server_max_window_bits=10; client_max_window_bits=9" },
	{ "permessage-deflate; server_max_window_bits=8", "permessage-deflate; server_max_window_bits=8" },
	{ "permessage-deflate; server_max_window_bits=15; client_max_window_bits=15", "permessage-deflate" },
	{ "permessage-deflate; unknown, permessage-deflate; server_max_window_bits=11",
	  "permessage-deflate; server_max_window_bits=11" },
	{ "permessage-deflate; server_max_window_bits", NULL },
	{ "permessage-deflate; server_max_window_bits=7", NULL },
	{ "permessage-deflate; server_max_window_bits=16", NULL },
	{ "permessage-deflate; server_max_window_bits=08", NULL },
	{ "permessage-deflate; server_max_window_bits=1x", NULL },
	{ "permessage-deflate; server_max_window_bits=", NULL },
	{ "permessage-deflate; server_max_window_bits=\"", NULL },
	{ "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10", NULL },
	{ "permessage-deflate; client_max_window_bits=0", NULL },
	{ "permessage-deflate; server_no_context_takeover=1", NULL },
	{ "permessage-deflate; client_no_context_takeover; client_no_context_takeover", NULL },
	{ "permessage-deflate; unknown", NULL },
	{ "permessage-deflate;", NULL },
	{ "Permessage-Deflate", NULL },
	{ "foo; x=\"permessage-deflate, permessage-deflate, y\"", NULL },
	{ "", NULL },
};

static void compression_is_negotiated_and_wrong_offers_are_declined(void **state)
{
	static const struct skt_wsserves zips = { .zips = true }, plain = { 0 };

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(offers); i++) {
		struct skt_text text = { 0 };
		struct skt_wsanswer answer;
		char request[512];

		(void)snprintf(request, sizeof(request), GET HOST REST "Sec-WebSocket-Extensions: %s\r\n" END,
			       offers[i].offer);
		assert_false(ask(request, &plain).agreed.zipping.is_on);
		answer = ask(request, &zips);
		assert_int_equal(answer.status, 101);
		if (answer.agreed.zipping.is_on)
			skt_wszip_compose(&answer.agreed.zipping, &text);
		if (strcmp(skt_text_get(&text), offers[i].answer ? offers[i].answer : "") != 0)
			fail_msg("%s: %s", offers[i].offer, skt_text_get(&text));
		skt_text_release(&text);
	}
}

#define SWITCH "HTTP/1.1 101 Switching Protocols\r\n"
#define ACCEPT "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
#define ANSWER SWITCH UPGRADE CONNECTION ACCEPT

static const struct {
	const char *answer;
	const char *why; /* NULL: it is fine */
	const char *protocol;
} answers[] = {
	{ ANSWER END, NULL, "" },
	{ ANSWER "Sec-WebSocket-Protocol: chat\r\n" END, NULL, "chat" },
	{ ANSWER "Sec-WebSocket-Extensions: permessage-deflate\r\n" END, NULL, "" },
	{ ANSWER "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=10\r\n" END, NULL, "" },
	{ "HTTP/1.0 101 x\r\n" UPGRADE CONNECTION ACCEPT END, "HTTP/1.0", NULL },
	{ SWITCH CONNECTION ACCEPT END, "Upgrade", NULL },
	{ SWITCH UPGRADE ACCEPT END, "Connection", NULL },
	{ SWITCH UPGRADE CONNECTION END, "Accept", NULL },
	{ ANSWER ACCEPT END, "Accept", NULL },
	{ SWITCH UPGRADE CONNECTION "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" END, "Accept", NULL },
	{ ANSWER "Sec-WebSocket-Protocol: other\r\n" END, "not offered", NULL },
	{ ANSWER "Sec-WebSocket-Protocol: chat, superchat\r\n" END, "not offered", NULL },
	{ ANSWER "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: chat\r\n" END, "more than one", NULL },
	{ ANSWER "Sec-WebSocket-Extensions: foo\r\n" END, "not offered", NULL },
	{ ANSWER "Sec-WebSocket-Extensions: permessage-deflate, permessage-deflate\r\n" END, "twice", NULL },
	{ ANSWER "Sec-WebSocket-Extensions: permessage-deflate; unknown\r\n" END, "wrong", NULL },
	{ ANSWER "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" END, "wrong", NULL },
	{ ANSWER "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=16\r\n" END, "wrong", NULL },
};

static void answers_are_checked_strictly(void **state)
{
	static const struct skt_wsask asked = { .protocols = "chat,superchat", .zips = true }, plain = { 0 };

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(answers); i++) {
		struct skt_wsagreed agreed = { 0 };
		struct skt_head head;
		const char *why = NULL;

		assert_int_equal(
			skt_head_parse(SKT_HEAD_RESPONSE, answers[i].answer, strlen(answers[i].answer), &head, &why), 0);
		(void)skt_wsanswer_check(&head, &asked, "dGhlIHNhbXBsZSBub25jZQ==", &agreed, &why);
		if (!why != !answers[i].why || (why && !strstr(why, answers[i].why)))
			fail_msg("%s: %s", answers[i].answer, why);
		assert_string_equal(agreed.protocol, answers[i].protocol ? answers[i].protocol : "");
		assert_int_equal(agreed.zipping.is_on, !why && strstr(answers[i].answer, "deflate"));
		if (i > 0)
			assert_int_equal(skt_wsanswer_check(&head, &plain, "dGhlIHNhbXBsZSBub25jZQ==", &agreed, &why),
					 -1);
	}
}

static void what_a_server_answers_a_client_takes(void **state)
{
	static const struct skt_wsserves serves = { .protocols = "chat", .zips = true };
	static const struct skt_wsask asks = { .host = "h", .protocols = "x, chat", .zips = true };
	struct skt_text request = { 0 }, text = { 0 };
	struct skt_wsanswer answer;
	struct skt_wsagreed agreed;
	struct skt_head head;
	const char *why;

	(void)state;
	assert_int_equal(skt_wsask_compose(&asks, "dGhlIHNhbXBsZSBub25jZQ==", &request, &why), 0);
	answer = ask(skt_text_get(&request), &serves);
	skt_wsanswer_compose(&answer, &text);
	assert_string_equal(skt_text_get(&text), ANSWER
			    "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: permessage-deflate\r\n" END);
	assert_int_equal(skt_head_parse(SKT_HEAD_RESPONSE, text.s, text.len, &head, &why), 0);
	assert_int_equal(skt_wsanswer_check(&head, &asks, "dGhlIHNhbXBsZSBub25jZQ==", &agreed, &why), 0);
	assert_string_equal(agreed.protocol, "chat");
	assert_true(agreed.zipping.is_on);
	skt_text_release(&request);
	skt_text_release(&text);
}

static void refusals_are_whole_answers_of_http(void **state)
{
	static const int statuses[] = { 400, 403, 404, 405, 426, 431, 500 };

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(statuses); i++) {
		struct skt_wsanswer answer = { .status = statuses[i], .why = "it is so" };
		struct skt_text text = { 0 };
		struct skt_head head;
		const char *why;
		size_t seen = 0, end;

		skt_wsanswer_compose(&answer, &text);
		end = skt_head_end(text.s, text.len, &seen);
		assert_int_equal(skt_head_parse(SKT_HEAD_RESPONSE, text.s, end, &head, &why), 0);
		assert_int_equal(head.status, statuses[i]);
		assert_true(skt_head_lists(&head, "Connection", "close"));
		assert_true(skt_span_is(skt_head_field(&head, "Content-Length"), "9"));
		assert_string_equal(text.s + end, "it is so\n");
		assert_int_equal(skt_span_is(skt_head_field(&head, "Sec-WebSocket-Version"), "13"), statuses[i] == 426);
		assert_int_equal(skt_span_is(skt_head_field(&head, "Allow"), "GET"), statuses[i] == 405);
		skt_text_release(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SUPPORT_TEST(the_key_of_the_rfc_has_its_accept),
		SUPPORT_TEST(the_request_says_what_is_asked_for),
		SUPPORT_TEST(nothing_in_a_request_ends_its_line),
		SUPPORT_TEST(requests_are_checked_strictly),
		SUPPORT_TEST(a_path_is_served_and_others_are_not),
		SUPPORT_TEST(origins_are_let_in_by_a_list),
		SUPPORT_TEST(the_servers_favourite_of_the_offered_protocols_is_chosen),
		SUPPORT_TEST(compression_is_negotiated_and_wrong_offers_are_declined),
		SUPPORT_TEST(answers_are_checked_strictly),
		SUPPORT_TEST(what_a_server_answers_a_client_takes),
		SUPPORT_TEST(refusals_are_whole_answers_of_http),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* via=: what is said to proxies and heard from them, in whatever pieces it goes and comes. */
#include "fake.h"

#include <stdio.h>

#include "io/filter/tunnel.h"
#include "wire/httphead.h"

#define BYTES(text) text, sizeof(text) - 1
#define GRANTED5 "\5\0\0\1\0\0\0\0\0\0"
#define GRANTED4 "\0\132\0\0\0\0\0\0"

static const struct skt_tunnel_to plain = { SKT_TUNNEL_SOCKS5, NULL, NULL, "socks5://127.0.0.1:1080", "a.example", 443 };

static struct skt_tunnel_to to(enum skt_tunnelkind kind, const char *user, const char *password)
{
	static const char *const proxies[] = { "socks5://p:1080", "socks4a://p:1080", "http://p:3128" };

	return (struct skt_tunnel_to){ kind, user, password, proxies[kind], "a.example", 443 };
}

static struct skt_stream *tunnel(struct fake *below, const struct skt_tunnel_to *where)
{
	struct skt_stream *s = NULL;
	struct skt_error err = { 0 };

	SUPPORT_OK(skt_tunnel_new(&below->stream, where, &s, &err), &err);
	return s;
}

/* Open until it is up or has failed. */
static int open_all(struct skt_stream *s)
{
	for (int i = 0; i < 100000; i++) {
		int ret = skt_stream_open(s);

		if (ret != -SKT_AGAIN)
			return ret;
	}
	return -SKT_AGAIN;
}

/* Whole conversations: the proxy's bytes, without those of the target, and the client's. */
static const struct {
	enum skt_tunnelkind kind;
	const char *user, *password, *host;
	unsigned port;
	const char *heard;
	size_t n_heard;
	const char *said;
	size_t n_said;
} talks[] = {
	{ SKT_TUNNEL_SOCKS5, NULL, NULL, "a.example", 443, BYTES("\5\0" GRANTED5),
	  BYTES("\5\1\0\5\1\0\3\11a.example\1\273") },
	{ SKT_TUNNEL_SOCKS5, NULL, NULL, "192.0.2.7", 80, BYTES("\5\0\5\0\0\3\3abc\0\1"),
	  BYTES("\5\1\0\5\1\0\1\300\0\2\7\0\120") },
	{ SKT_TUNNEL_SOCKS5, NULL, NULL, "::1", 80, BYTES("\5\0\5\0\0\4abcdefghabcdefgh\0\1"),
	  BYTES("\5\1\0\5\1\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\120") },
	{ SKT_TUNNEL_SOCKS5, "me", "secret", "a", 1, BYTES("\5\2\1\0" GRANTED5),
	  BYTES("\5\2\0\2\1\2me\6secret\5\1\0\3\1a\0\1") },
	{ SKT_TUNNEL_SOCKS5, "me", "secret", "a", 1, BYTES("\5\0" GRANTED5), BYTES("\5\2\0\2\5\1\0\3\1a\0\1") },
	{ SKT_TUNNEL_SOCKS4A, NULL, NULL, "a", 1, BYTES(GRANTED4), BYTES("\4\1\0\1\0\0\0\1\0a\0") },
	{ SKT_TUNNEL_SOCKS4A, "me", NULL, "192.0.2.7", 80, BYTES(GRANTED4), BYTES("\4\1\0\120\300\0\2\7me\0") },
	{ SKT_TUNNEL_CONNECT, NULL, NULL, "a.example", 443, BYTES("HTTP/1.1 200 Connection established\r\n\r\n"),
	  BYTES("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n") },
	{ SKT_TUNNEL_CONNECT, "Aladdin", "open sesame", "::1", 80,
	  BYTES("HTTP/1.0 204 \r\nVia: x\r\nContent-Length: 7\r\n\r\n"),
	  BYTES("CONNECT [::1]:80 HTTP/1.1\r\nHost: [::1]:80\r\n"
		"Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n") },
	{ SKT_TUNNEL_CONNECT, NULL, NULL, "a", 1,
	  BYTES("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.1 200\r\n\r\n"),
	  BYTES("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n") },
};

static void assert_talk(size_t i, size_t piece, bool blinks, size_t bite)
{
	struct skt_tunnel_to where = to(talks[i].kind, talks[i].user, talks[i].password);
	char bytes[256], room[8];
	struct fake *below;
	struct skt_stream *s;

	memcpy(bytes, talks[i].heard, talks[i].n_heard);
	memcpy(bytes + talks[i].n_heard, "target", 6);
	below = fake_new(bytes, talks[i].n_heard + 6);
	below->piece = piece;
	below->blinks = blinks;
	below->bite = bite;
	where.host = talks[i].host;
	where.port = talks[i].port;
	s = tunnel(below, &where);
	if (open_all(s) != 0)
		fail_msg("talk %zu does not come to an end", i);
	assert_int_equal(below->n_taken, talks[i].n_said);
	assert_memory_equal(below->taken, talks[i].said, talks[i].n_said);
	if (talks[i].kind != SKT_TUNNEL_CONNECT)
		assert_int_equal(below->at, talks[i].n_heard); /* not a byte behind the reply */
	for (size_t at = 0; at < 6;) {
		ssize_t got = skt_stream_read(s, room, 4);

		if (got == -SKT_AGAIN)
			continue;
		assert_true(got > 0 && (size_t)got <= 6 - at);
		assert_memory_equal(room, &"target"[at], (size_t)got);
		at += (size_t)got;
	}
	below->blinks = false;
	assert_int_equal(skt_stream_read(s, room, 4), 0);
	assert_true(s->flags & SKT_STREAM_GONE);
	below->bite = 0;
	assert_int_equal(skt_stream_write(s, "hello", 5), 5);
	assert_int_equal(below->n_taken, talks[i].n_said + 5);
	assert_int_equal(skt_stream_shut(s), 0);
	assert_int_equal(below->shuts, 1);
	skt_stream_free(s);
}

static void a_proxy_is_asked_and_then_bytes_are_left_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(talks); i++)
		for (size_t piece = 0; piece <= talks[i].n_heard + 6; piece++)
			for (int blinks = 0; blinks < 2; blinks++)
				for (size_t bite = 0; bite < 4; bite += 3)
					assert_talk(i, piece, blinks, bite);
}

static const struct {
	enum skt_tunnelkind kind;
	const char *user, *password;
	const char *heard;
	size_t n_heard;
	enum skt_err failure;
	const char *text, *hint;
} refusals[] = {
	{ SKT_TUNNEL_SOCKS5, NULL, NULL, BYTES("\5\377"), SKT_E_DENIED, "socks5://p:1080 wants a user and a password",
	  "socks5://USER:PASSWORD@HOST:PORT" },
	{ SKT_TUNNEL_SOCKS5, "u", "p", BYTES("\5\377"), SKT_E_DENIED, "none of the ways to log in", "check the user" },
	{ SKT_TUNNEL_SOCKS5, "u", "p", BYTES("\5\2\1\1"), SKT_E_DENIED, "does not accept this user", "check the user" },
	{ SKT_TUNNEL_SOCKS5, NULL, NULL, BYTES("\5\2"), SKT_E_PEER, "does not speak SOCKS5", "" },
	{ SKT_TUNNEL_SOCKS5, NULL, NULL, BYTES("\5\0\5\2\0"), SKT_E_DENIED, "rules do not allow", "ask whoever" },
	{ SKT_TUNNEL_SOCKS5, NULL, NULL, BYTES("\5\0\5\5\0\1\0\0\0\0\0\0"), SKT_E_REFUSED,
	  "socks5://p:1080 did not connect to a.example:443: the connection was refused (reply 5)", "" },
	{ SKT_TUNNEL_SOCKS5, NULL, NULL, BYTES("\5\0\5\4"), SKT_E_REFUSED, "a.example:443: the host is unreachable", "" },
	{ SKT_TUNNEL_SOCKS5, NULL, NULL, BYTES("\5\0\5\6"), SKT_E_TIMEOUT, "did not answer in time", "" },
	{ SKT_TUNNEL_SOCKS5, NULL, NULL, BYTES("\5\0\5\7"), SKT_E_PEER, "does not make connections", "" },
	{ SKT_TUNNEL_SOCKS5, NULL, NULL, BYTES("\5\0\5\310"), SKT_E_REFUSED, "not known here (reply 200)", "" },
	{ SKT_TUNNEL_SOCKS5, NULL, NULL, BYTES("\5\0\5\0\0\11zz"), SKT_E_PEER, "said \"\\x05\\x00\\x00\\tzz\"", "" },
	{ SKT_TUNNEL_SOCKS5, NULL, NULL, BYTES("HTTP/1.1 400 Bad Request\r\nServer: nginx 1.2.3.4.5\r\n"), SKT_E_PEER,
	  "socks5://p:1080 does not speak SOCKS5: it said \"HTTP/1.1 400 Bad Request\\r\\nServer: nginx ", "scheme" },
	{ SKT_TUNNEL_SOCKS5, NULL, NULL, BYTES(""), SKT_E_PEER, "before it had answered", "SOCKS5" },
	{ SKT_TUNNEL_SOCKS5, NULL, NULL, BYTES("\5"), SKT_E_PEER, "in the middle of its answer", "SOCKS5" },
	{ SKT_TUNNEL_SOCKS5, NULL, NULL, BYTES("\5\0\5\0\0\1\0\0\0\0\0"), SKT_E_PEER, "in the middle of its answer", "" },
	{ SKT_TUNNEL_SOCKS4A, NULL, NULL, BYTES("\0\133\0\0\0\0\0\0"), SKT_E_REFUSED,
	  "socks4a://p:1080 did not connect to a.example:443", "" },
	{ SKT_TUNNEL_SOCKS4A, NULL, NULL, BYTES("\0\135\0\0\0\0\0\0"), SKT_E_DENIED, "another user", "USER@HOST" },
	{ SKT_TUNNEL_SOCKS4A, NULL, NULL, BYTES("SSH-2.0-x\r\n"), SKT_E_PEER,
	  "not speak SOCKS4: it said \"SSH-2.0-x\\r\\n", "" },
	{ SKT_TUNNEL_CONNECT, NULL, NULL, BYTES("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"), SKT_E_DENIED,
	  "http://p:3128 wants a user and a password: 407 Proxy Authentication Required",
	  "http://USER:PASSWORD@HOST:PORT" },
	{ SKT_TUNNEL_CONNECT, "u", "p", BYTES("HTTP/1.1 407 No\r\n\r\n"), SKT_E_DENIED, "does not accept this user",
	  "check the user" },
	{ SKT_TUNNEL_CONNECT, NULL, NULL, BYTES("HTTP/1.1 403 Filtered\r\n\r\n"), SKT_E_DENIED, "403 Filtered", "" },
	{ SKT_TUNNEL_CONNECT, NULL, NULL, BYTES("HTTP/1.1 502 Bad Gateway\r\n\r\nbody"), SKT_E_REFUSED,
	  "http://p:3128 did not connect to a.example:443: 502 Bad Gateway", "" },
	{ SKT_TUNNEL_CONNECT, NULL, NULL, BYTES("HTTP/1.1 504 Gateway Timeout\r\n\r\n"), SKT_E_TIMEOUT,
	  "504 Gateway Timeout", "" },
	{ SKT_TUNNEL_CONNECT, NULL, NULL, BYTES("HTTP/1.1 405 Not Allowed\r\n\r\n"), SKT_E_PEER, "405 Not Allowed",
	  "allows CONNECT" },
	{ SKT_TUNNEL_CONNECT, NULL, NULL, BYTES("HTTP/1.1 101 Switching\r\n\r\n"), SKT_E_REFUSED, "101 Switching", "" },
	{ SKT_TUNNEL_CONNECT, NULL, NULL, BYTES("HTTP/1.1 500 \"\377\r\n\r\n"), SKT_E_REFUSED, "500 \\\"\\xff", "" },
	{ SKT_TUNNEL_CONNECT, NULL, NULL, BYTES("HTTP/1.1 2x0\r\n\r\n"), SKT_E_PEER, "none of HTTP: its status", "" },
	{ SKT_TUNNEL_CONNECT, NULL, NULL, BYTES("SSH-2.0-OpenSSH_9.2p1\r\n"), SKT_E_PEER,
	  "http://p:3128 does not speak HTTP: it said \"SSH-2.0-OpenSSH_9.2p1\\r\\n\"", "scheme" },
	{ SKT_TUNNEL_CONNECT, NULL, NULL, BYTES(""), SKT_E_PEER, "before it had answered", "HTTP" },
	{ SKT_TUNNEL_CONNECT, NULL, NULL, BYTES("HTTP/1.1 200 OK\r\n\r"), SKT_E_PEER, "in the middle", "HTTP" },
};

static void assert_refusal(size_t i, size_t piece)
{
	struct skt_tunnel_to where = to(refusals[i].kind, refusals[i].user, refusals[i].password);
	struct fake *below = fake_new(refusals[i].heard, refusals[i].n_heard);
	struct skt_stream *s = tunnel(below, &where);
	struct skt_error err = { 0 };
	char byte;

	below->piece = piece;
	assert_int_equal(open_all(s), -(int)refusals[i].failure);
	assert_int_equal(skt_stream_open(s), -(int)refusals[i].failure); /* it is final */
	assert_int_equal(skt_stream_read(s, &byte, 1), -(int)refusals[i].failure);
	assert_int_equal(skt_stream_write(s, "x", 1), -(int)refusals[i].failure);
	assert_null(skt_stream_raw(s));
	skt_stream_why(s, &err);
	assert_int_equal(err.kind, refusals[i].failure);
	if (!piece && (!strstr(err.text, refusals[i].text) || !strstr(err.hint, refusals[i].hint)))
		fail_msg("refusal %zu: %s (%s)", i, err.text, err.hint);
	skt_stream_free(s);
}

static void refusals_say_who_and_why_in_whatever_pieces_they_come(void **state)
{
	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(refusals); i++)
		for (size_t piece = 0; piece <= refusals[i].n_heard; piece++)
			assert_refusal(i, piece);
}

static void a_proxy_that_closes_in_the_middle_is_told_wherever_it_is(void **state)
{
	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(talks); i++)
		for (size_t n = 0; n < talks[i].n_heard; n++) {
			struct skt_tunnel_to where = to(talks[i].kind, talks[i].user, talks[i].password);
			struct fake *below = fake_new(talks[i].heard, n);
			struct skt_stream *s = tunnel(below, &where);
			struct skt_error err = { 0 };

			assert_int_equal(open_all(s), -SKT_E_PEER);
			skt_stream_why(s, &err);
			assert_non_null(strstr(err.text, "closed the connection"));
			skt_stream_free(s);
		}
}

static void a_proxy_that_says_nothing_is_waited_for(void **state)
{
	struct fake *below = fake_new(BYTES("\5\0"));
	struct skt_stream *s = tunnel(below, &plain);
	char byte;

	(void)state;
	below->ends = false;
	assert_int_equal(open_all(s), -SKT_AGAIN);
	assert_int_equal(skt_stream_read(s, &byte, 1), -SKT_AGAIN);
	assert_int_equal(skt_stream_write(s, "x", 1), -SKT_AGAIN);
	assert_int_equal(below->n_taken, 3 + 5 + 9 + 2);
	skt_stream_free(s);
}

static void failures_below_stay_what_they_are(void **state)
{
	struct skt_error err = { 0 };

	(void)state;
	for (int writes = 0; writes < 2; writes++) {
		struct fake *below = fake_new(BYTES("\5\0"));
		struct skt_stream *s = tunnel(below, &plain);

		below->read_fails = -SKT_E_IO;
		below->write_sys = writes ? EPIPE : 0;
		assert_int_equal(open_all(s), -SKT_E_IO);
		skt_stream_why(s, &err);
		assert_int_equal(err.sys, writes ? EPIPE : ECONNRESET);
		skt_stream_free(s);
	}
}

static void an_answer_without_end_is_given_up(void **state)
{
	static char head[SKT_HEAD_MAX + 1], hints[24 * 32];
	struct skt_tunnel_to where = to(SKT_TUNNEL_CONNECT, NULL, NULL);
	struct skt_error err = { 0 };
	struct skt_stream *s;

	(void)state;
	memset(head, 'x', sizeof(head));
	memcpy(head, BYTES("HTTP/1.1 200 OK\r\nX: "));
	s = tunnel(fake_new(head, sizeof(head)), &where);
	assert_int_equal(open_all(s), -SKT_E_PEER);
	skt_stream_why(s, &err);
	assert_non_null(strstr(err.text, "16384"));
	skt_stream_free(s);
	memcpy(head + SKT_HEAD_MAX - 4, "\r\n\r\n", 4);
	s = tunnel(fake_new(head, sizeof(head)), &where);
	assert_int_equal(open_all(s), 0);
	skt_stream_free(s);
	for (size_t i = 0; i < 24; i++)
		memcpy(hints + i * 25, BYTES("HTTP/1.1 100 Continue\r\n\r\n"));
	s = tunnel(fake_new(hints, 24 * 25), &where);
	assert_int_equal(open_all(s), -SKT_E_REFUSED);
	skt_stream_free(s);
}

static struct skt_fd *fast_path(struct skt_stream *s)
{
	return (struct skt_fd *)(void *)s;
}

static void the_fast_path_is_there_once_all_that_was_read_has_been_given(void **state)
{
	static const struct {
		enum skt_tunnelkind kind;
		const char *heard;
		size_t n;
		bool reads_ahead;
	} cases[] = {
		{ SKT_TUNNEL_SOCKS5, BYTES("\5\0" GRANTED5 "abc"), false },
		{ SKT_TUNNEL_SOCKS4A, BYTES(GRANTED4 "abc"), false },
		{ SKT_TUNNEL_CONNECT, BYTES("HTTP/1.1 200 OK\r\n\r\nabc"), true },
		{ SKT_TUNNEL_CONNECT, BYTES("HTTP/1.1 200 OK\r\n\r\n"), false },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases); i++) {
		struct skt_tunnel_to where = to(cases[i].kind, NULL, NULL);
		struct fake *below = fake_new(cases[i].heard, cases[i].n);
		struct skt_stream_ops ops = *below->stream.ops;
		struct skt_stream *s = tunnel(below, &where);
		char room[8];

		ops.raw = fast_path;
		below->stream.ops = &ops;
		assert_null(skt_stream_raw(s));
		assert_int_equal(open_all(s), 0);
		if (cases[i].reads_ahead) {
			assert_null(skt_stream_raw(s));
			assert_int_equal(skt_stream_read(s, room, 2), 2);
			assert_null(skt_stream_raw(s));
			assert_int_equal(skt_stream_read(s, room, 2), 1);
		}
		assert_ptr_equal(skt_stream_raw(s), &below->stream);
		skt_stream_free(s);
	}
}

static void what_a_protocol_cannot_say_is_an_error_of_usage_and_below_is_freed(void **state)
{
	static char name[257];
	const struct skt_tunnel_to cases[] = {
		{ SKT_TUNNEL_SOCKS4A, NULL, NULL, "socks4a://p", "::1", 1 },
		{ SKT_TUNNEL_SOCKS4A, "u", "p", "socks4a://p", "a", 1 },
		{ SKT_TUNNEL_SOCKS5, name, "p", "socks5://p", "a", 1 },
		{ SKT_TUNNEL_SOCKS5, "u", name, "socks5://p", "a", 1 },
		{ SKT_TUNNEL_SOCKS5, NULL, NULL, "socks5://p", name, 1 },
		{ SKT_TUNNEL_CONNECT, NULL, NULL, "http://p", name, 1 },
		{ SKT_TUNNEL_CONNECT, "a:b", NULL, "http://p", "a", 1 },
		{ SKT_TUNNEL_CONNECT, NULL, NULL, "http://p", "a\r\nX:", 1 },
	};

	(void)state;
	memset(name, 'x', 256);
	for (size_t i = 0; i < SKT_LENGTH(cases); i++) {
		struct fake *below = fake_new(NULL, 0);
		struct skt_stream *s = NULL;
		struct skt_error err = { 0 };
		int freed = 0;

		below->freed = &freed;
		assert_int_equal(skt_tunnel_new(&below->stream, &cases[i], &s, &err), -SKT_E_USAGE);
		assert_int_equal(freed, 1);
		assert_int_equal(err.kind, SKT_E_USAGE);
		assert_null(s);
	}
}

static int wakes;

static void woken(void *user)
{
	(void)user;
	wakes++;
}

static void over_a_socket_it_goes_on_with_each_wake_and_gives_its_descriptors(void **state)
{
	struct skt_loop *loop = support_loop();
	struct skt_tunnel_to where = to(SKT_TUNNEL_SOCKS5, "me", "secret");
	static const char said[] = "\5\2\0\2\1\2me\6secret\5\1\0\3\11a.example\1\273";
	struct skt_stream *below, *s = NULL;
	struct skt_error err = { 0 };
	struct far far;
	char room[8];
	int ret;

	(void)state;
	below = far_open(loop, FAR_TCP, &far);
	SUPPORT_OK(skt_tunnel_new(below, &where, &s, &err), &err);
	skt_stream_on_wake(s, woken, NULL);
	wakes = 0;
	ret = skt_stream_open(s);
	assert_int_equal(ret, -SKT_AGAIN);
	far_say(&far, BYTES("\5\2\1\0" GRANTED5 "target"), true);
	for (skt_time until = skt_now() + SUPPORT_DEADLINE; ret == -SKT_AGAIN || far.n_got < sizeof(said) - 1;) {
		support_round(loop, until);
		if (wakes && ret == -SKT_AGAIN)
			ret = skt_stream_open(s);
	}
	assert_int_equal(ret, 0);
	FAR_GOT(&far, said, sizeof(said) - 1);
	assert_ptr_equal(skt_stream_raw(s), skt_stream_raw(below));
	assert_non_null(skt_stream_raw(s));
	assert_int_equal(skt_stream_read(s, room, sizeof(room)), 6);
	assert_memory_equal(room, "target", 6);
	skt_stream_free(s);
	far_release(loop, &far);
	skt_loop_free(loop);
}

static int allocations_left;

static bool no_more_memory(void)
{
	return allocations_left-- <= 0;
}

static void without_memory_it_fails_and_below_is_freed(void **state)
{
	struct skt_tunnel_to where = to(SKT_TUNNEL_SOCKS5, "u", "p");
	int ret = -SKT_E_LIMIT;

	(void)state;
	for (int n = 0; ret == -SKT_E_LIMIT; n++) {
		struct fake *below = fake_new(BYTES("\5\2\1\0" GRANTED5));
		struct skt_stream *s = NULL;
		struct skt_error err = { 0 };
		int freed = 0;

		assert_true(n < 100);
		below->freed = &freed;
		allocations_left = n;
		skt_alloc_fails = no_more_memory;
		ret = skt_tunnel_new(&below->stream, &where, &s, &err);
		if (ret == 0)
			ret = open_all(s);
		skt_alloc_fails = NULL;
		skt_stream_free(s);
		assert_int_equal(freed, 1);
	}
	assert_int_equal(ret, 0);
}

static void wakes_and_facts_pass_up_and_finishing_passes_down(void **state)
{
	struct fake *below = fake_new(NULL, 0);
	struct skt_stream *s;
	int freed = 0, status = 0;

	(void)state;
	below->freed = &freed;
	below->stream.flags = SKT_STREAM_CHILD;
	s = tunnel(below, &plain);
	skt_stream_on_wake(s, woken, NULL);
	wakes = 0;
	assert_int_equal(s->flags, SKT_STREAM_CHILD);
	below->stream.flags |= SKT_STREAM_WILL_RESET;
	fake_wake(below);
	assert_int_equal(wakes, 1);
	assert_int_equal(s->flags, SKT_STREAM_CHILD | SKT_STREAM_WILL_RESET);
	assert_int_equal(skt_stream_open(s), -SKT_AGAIN);
	assert_int_equal(below->n_taken, 0); /* below is not up */
	assert_int_equal(skt_stream_finish(s, true, &status), -SKT_AGAIN);
	assert_int_equal(skt_stream_finish(s, true, &status), 0);
	assert_int_equal(status, 3);
	skt_stream_free(s);
	assert_int_equal(freed, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SUPPORT_TEST(a_proxy_is_asked_and_then_bytes_are_left_alone),
		SUPPORT_TEST(refusals_say_who_and_why_in_whatever_pieces_they_come),
		SUPPORT_TEST(a_proxy_that_closes_in_the_middle_is_told_wherever_it_is),
		SUPPORT_TEST(a_proxy_that_says_nothing_is_waited_for),
		SUPPORT_TEST(failures_below_stay_what_they_are),
		SUPPORT_TEST(an_answer_without_end_is_given_up),
		SUPPORT_TEST(the_fast_path_is_there_once_all_that_was_read_has_been_given),
		SUPPORT_TEST(over_a_socket_it_goes_on_with_each_wake_and_gives_its_descriptors),
		SUPPORT_TEST(what_a_protocol_cannot_say_is_an_error_of_usage_and_below_is_freed),
		SUPPORT_TEST(without_memory_it_fails_and_below_is_freed),
		SUPPORT_TEST(wakes_and_facts_pass_up_and_finishing_passes_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

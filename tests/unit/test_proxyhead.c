/* SPDX-License-Identifier: Apache-2.0 */
/* proxy=: PROXY headers sent and read, in whatever pieces they go and come. */
#include "fake.h"

#include <linux/vm_sockets.h>

#include "io/filter/frame.h"
#include "io/filter/proxyhead.h"

#define BYTES(text) text, sizeof(text) - 1
#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V2 SIGNATURE "\x21\x11\0\x0c\xac\x13\0\1\xac\x13\0\3\xa6\x52\0\x50"
#define V1 "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"

static int open_all(struct skt_stream *s)
{
	for (int i = 0; i < 10000; i++) {
		int ret = skt_stream_open(s);

		if (ret != -SKT_AGAIN)
			return ret;
	}
	return -SKT_AGAIN;
}

static struct skt_addr ip(const char *text, int port)
{
	struct skt_addr ret = { 0 };

	assert_int_equal(skt_addr_parse_ip(text, NULL, port, &ret), 0);
	return ret;
}

static struct skt_stream *sender(struct fake *below, const struct skt_proxyhead *head)
{
	struct skt_stream *s = NULL;
	struct skt_error err = { 0 };

	SUPPORT_OK(skt_proxyhead_new_sender(&below->stream, head, &s, &err), &err);
	return s;
}

static struct skt_stream *reader(struct fake *below)
{
	struct skt_stream *s = NULL;
	struct skt_error err = { 0 };

	SUPPORT_OK(skt_proxyhead_new_reader(&below->stream, &s, &err), &err);
	return s;
}

static void assert_sent(const struct skt_proxyhead *head, const char *bytes, size_t n)
{
	for (size_t bite = 0; bite < 3; bite++) {
		struct fake *below = fake_new(BYTES("hi"));
		struct skt_stream *s = sender(below, head);
		char room[4];

		below->bite = bite;
		assert_int_equal(open_all(s), 0);
		if (bite == 0)
			assert_int_equal(below->n_writes, 1);
		below->bite = 0;
		assert_int_equal(skt_stream_write(s, "payload", 7), 7);
		assert_int_equal(below->n_taken, n + 7);
		assert_memory_equal(below->taken, bytes, n);
		assert_int_equal(skt_stream_read(s, room, 4), 2);
		assert_int_equal(skt_stream_read(s, room, 4), 0);
		assert_true(s->flags & SKT_STREAM_GONE);
		assert_int_equal(skt_stream_shut(s), 0);
		assert_int_equal(below->shuts, 1);
		skt_stream_free(s);
	}
}

static void a_sender_says_who_the_client_is_before_anything_else(void **state)
{
	struct skt_proxyhead head = { 1, ip("192.168.0.1", 56324), ip("192.168.0.11", 443) };

	(void)state;
	assert_sent(&head, BYTES(V1));
	head.peer = ip("::ffff:192.168.0.1", 56324);
	assert_sent(&head, BYTES(V1));
	head.peer = ip("2001:db8::1", 1);
	assert_sent(&head, BYTES("PROXY UNKNOWN\r\n"));
	head.local = ip("::1", 2);
	assert_sent(&head, BYTES("PROXY TCP6 2001:db8::1 ::1 1 2\r\n"));
	head = (struct skt_proxyhead){ .version = 1 };
	assert_sent(&head, BYTES("PROXY UNKNOWN\r\n"));
	skt_addr_from_vsock(3, 4, &head.peer);
	skt_addr_from_vsock(2, 5, &head.local);
	assert_sent(&head, BYTES("PROXY UNKNOWN\r\n"));
	head.version = 2;
	assert_sent(&head, BYTES(SIGNATURE "\x20\0\0\0"));
	head = (struct skt_proxyhead){ 2, ip("172.19.0.1", 42578), ip("::ffff:172.19.0.3", 80) };
	assert_sent(&head, BYTES(V2));
}

static void a_sender_waits_for_room(void **state)
{
	struct skt_proxyhead head = { .version = 1 };
	struct fake *below = fake_new(NULL, 0);
	struct skt_stream *s = sender(below, &head);
	char byte;

	(void)state;
	below->room = 5;
	assert_int_equal(open_all(s), -SKT_AGAIN);
	assert_int_equal(below->n_taken, 5);
	assert_int_equal(skt_stream_write(s, "x", 1), -SKT_AGAIN);
	assert_int_equal(skt_stream_read(s, &byte, 1), -SKT_AGAIN);
	below->room = SIZE_MAX;
	assert_int_equal(skt_stream_open(s), 0);
	assert_memory_equal(below->taken, "PROXY UNKNOWN\r\n", 15);
	skt_stream_free(s);
	below = fake_new(NULL, 0);
	s = sender(below, &head);
	below->write_sys = EPIPE;
	assert_int_equal(open_all(s), -SKT_E_IO);
	assert_int_equal(skt_stream_write(s, "x", 1), -SKT_E_IO);
	skt_stream_free(s);
}

static const struct {
	const char *bytes;
	size_t n;
	int version;
	const char *peer, *local;
} headers[] = {
	{ BYTES(V1), 1, "192.168.0.1:56324", "192.168.0.11:443" },
	{ BYTES("PROXY TCP6 2001:db8::1 ::1 1 2\r\n"), 1, "[2001:db8::1]:1", "[::1]:2" },
	{ BYTES("PROXY UNKNOWN\r\n"), 1, NULL, NULL },
	{ BYTES(V2), 2, "172.19.0.1:42578", "172.19.0.3:80" },
	{ BYTES(SIGNATURE "\x20\0\0\0"), 2, NULL, NULL },
	{ BYTES(SIGNATURE "\x21\0\0\3abc"), 2, NULL, NULL },
};

static void assert_addr(const struct skt_addr *a, const char *text)
{
	char room[SKT_ADDR_LENGTH];

	assert_int_equal(a->len > 0, text != NULL);
	if (text)
		assert_string_equal(skt_addr_print(a, room), text);
}

static void assert_read(size_t i, size_t piece, bool blinks)
{
	struct skt_proxyhead seen = { .version = 77 };
	char bytes[256], room[4];
	struct fake *below;
	struct skt_stream *s;

	memcpy(bytes, headers[i].bytes, headers[i].n);
	memcpy(bytes + headers[i].n, "payload", 7);
	below = fake_new(bytes, headers[i].n + 7);
	below->piece = piece;
	below->blinks = blinks;
	s = reader(below);
	assert_false(skt_proxyhead_seen(s, &seen));
	assert_int_equal(seen.version, 77);
	assert_int_equal(open_all(s), 0);
	assert_true(skt_proxyhead_seen(s, &seen));
	assert_int_equal(seen.version, headers[i].version);
	assert_addr(&seen.peer, headers[i].peer);
	assert_addr(&seen.local, headers[i].local);
	for (size_t at = 0; at < 7;) {
		ssize_t got = skt_stream_read(s, room, sizeof(room));

		if (got == -SKT_AGAIN)
			continue;
		assert_true(got > 0 && (size_t)got <= 7 - at);
		assert_memory_equal(room, &"payload"[at], (size_t)got);
		at += (size_t)got;
	}
	below->blinks = false;
	assert_int_equal(skt_stream_read(s, room, sizeof(room)), 0);
	assert_true(s->flags & SKT_STREAM_GONE);
	assert_int_equal(skt_stream_write(s, "x", 1), 1);
	skt_stream_free(s);
}

static void a_reader_takes_the_header_and_gives_what_is_behind_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(headers); i++)
		for (size_t piece = 0; piece <= headers[i].n + 7; piece++)
			for (int blinks = 0; blinks < 2; blinks++)
				assert_read(i, piece, blinks);
}

static void what_is_no_header_is_told_with_what_came_instead(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *text;
	} cases[] = {
		{ BYTES("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
		  "no PROXY header: it said \"GET / HTTP/1.1\\r\\nHost: a\\r\\n" },
		{ BYTES("\26\3\1"), "no PROXY header: it said \"\\x16\\x03\\x01\"" },
		{ BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 1 99999\r\n"), "malformed: a port in it" },
		{ BYTES(SIGNATURE "\x21\x11\xff\xff"), "malformed: it is longer than the 4096" },
		{ BYTES(""), "no PROXY header: the connection ended" },
		{ BYTES("PROXY"), "ended within its PROXY header" },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases); i++)
		for (size_t piece = 0; piece <= cases[i].n; piece++) {
			struct fake *below = fake_new(cases[i].bytes, cases[i].n);
			struct skt_stream *s = reader(below);
			struct skt_proxyhead seen;
			struct skt_error err = { 0 };
			char byte;

			below->piece = piece;
			assert_int_equal(open_all(s), -SKT_E_PEER);
			assert_int_equal(skt_stream_open(s), -SKT_E_PEER);
			assert_int_equal(skt_stream_read(s, &byte, 1), -SKT_E_PEER);
			assert_int_equal(skt_stream_write(s, "x", 1), -SKT_E_PEER);
			assert_int_equal(below->n_taken, 0);
			assert_false(skt_proxyhead_seen(s, &seen));
			skt_stream_why(s, &err);
			assert_int_equal(err.kind, SKT_E_PEER);
			if (!piece && !strstr(err.text, cases[i].text))
				fail_msg("case %zu: %s", i, err.text);
			skt_stream_free(s);
		}
}

static void every_truncation_is_an_end_within_the_header(void **state)
{
	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(headers); i++)
		for (size_t n = 0; n < headers[i].n; n++) {
			struct skt_stream *s = reader(fake_new(headers[i].bytes, n));
			struct skt_error err = { 0 };

			assert_int_equal(open_all(s), -SKT_E_PEER);
			skt_stream_why(s, &err);
			assert_non_null(strstr(err.text, "the connection ended"));
			skt_stream_free(s);
		}
}

static void a_failure_below_stays_what_it_is(void **state)
{
	struct fake *below = fake_new(BYTES("PROXY"));
	struct skt_stream *s = reader(below);
	struct skt_error err = { 0 };

	(void)state;
	below->read_fails = -SKT_E_IO;
	assert_int_equal(open_all(s), -SKT_E_IO);
	skt_stream_why(s, &err);
	assert_int_equal(err.sys, ECONNRESET);
	skt_stream_free(s);
}

static void the_longest_header_and_what_follows_it_pass(void **state)
{
	static char bytes[4096 + 5000] = SIGNATURE "\x20\0\x0f\xf0", room[5000];
	struct skt_stream *s = reader(fake_new(bytes, sizeof(bytes)));

	(void)state;
	memset(bytes + 4096, 'x', 5000);
	assert_int_equal(open_all(s), 0);
	assert_int_equal(skt_stream_read(s, room, sizeof(room)), 5000); /* nothing was read ahead */
	assert_memory_equal(room, bytes + 4096, 5000);
	skt_stream_free(s);
}

static struct skt_fd *fast_path(struct skt_stream *s)
{
	return (struct skt_fd *)(void *)s;
}

static void the_fast_path_is_there_once_all_that_was_read_has_been_given(void **state)
{
	struct skt_proxyhead head = { .version = 1 };
	struct fake *below = fake_new(BYTES(V1 "abc"));
	struct skt_stream_ops ops = *below->stream.ops;
	struct skt_stream *s = reader(below);
	char room[8];

	(void)state;
	ops.raw = fast_path;
	below->stream.ops = &ops;
	assert_null(skt_stream_raw(s));
	assert_int_equal(open_all(s), 0);
	assert_null(skt_stream_raw(s));
	assert_int_equal(skt_stream_read(s, room, 2), 2);
	assert_null(skt_stream_raw(s));
	assert_int_equal(skt_stream_read(s, room, 2), 1);
	assert_ptr_equal(skt_stream_raw(s), &below->stream);
	skt_stream_free(s);
	below = fake_new(NULL, 0);
	below->stream.ops = &ops;
	s = sender(below, &head);
	assert_null(skt_stream_raw(s));
	assert_int_equal(open_all(s), 0);
	assert_ptr_equal(skt_stream_raw(s), &below->stream);
	skt_stream_free(s);
}

static void a_header_is_found_under_other_layers(void **state)
{
	struct skt_framing how = { .kind = SKT_FRAME_LINE };
	struct skt_proxyhead seen = { 0 };
	struct skt_stream *s = NULL;

	(void)state;
	assert_int_equal(skt_frame_new(reader(fake_new(BYTES(V2 "line\n"))), &how, &s, NULL), 0);
	assert_false(skt_proxyhead_seen(s, &seen));
	assert_int_equal(open_all(s), 0);
	assert_true(skt_proxyhead_seen(s, &seen));
	assert_int_equal(seen.version, 2);
	assert_false(skt_proxyhead_seen(s->below->below, &seen));
	assert_false(skt_proxyhead_seen(NULL, &seen));
	skt_stream_free(s);
}

static int allocations_left;

static bool no_more_memory(void)
{
	return allocations_left-- <= 0;
}

static void without_memory_it_fails_and_below_is_freed(void **state)
{
	struct skt_proxyhead head = { .version = 2 };

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct fake *below = fake_new(NULL, 0);
		struct skt_stream *s = NULL;
		struct skt_error err = { 0 };
		int freed = 0, ret;

		below->freed = &freed;
		allocations_left = i / 2;
		skt_alloc_fails = no_more_memory;
		ret = i % 2 ? skt_proxyhead_new_reader(&below->stream, &s, &err)
			    : skt_proxyhead_new_sender(&below->stream, &head, &s, &err);
		skt_alloc_fails = NULL;
		assert_int_equal(ret, -SKT_E_LIMIT);
		assert_int_equal(freed, 1);
		assert_null(s);
	}
}

static int wakes;

static void woken(void *user)
{
	(void)user;
	wakes++;
}

static void wakes_pass_up_and_finishing_passes_down(void **state)
{
	struct fake *below = fake_new(NULL, 0);
	struct skt_stream *s = reader(below);
	int status = 0;

	(void)state;
	skt_stream_on_wake(s, woken, NULL);
	wakes = 0;
	below->stream.flags = SKT_STREAM_WILL_RESET;
	fake_wake(below);
	assert_int_equal(wakes, 1);
	assert_int_equal(s->flags, SKT_STREAM_WILL_RESET);
	assert_int_equal(skt_stream_finish(s, true, &status), -SKT_AGAIN);
	assert_int_equal(skt_stream_finish(s, true, &status), 0);
	assert_int_equal(status, 3);
	skt_stream_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SUPPORT_TEST(a_sender_says_who_the_client_is_before_anything_else),
		SUPPORT_TEST(a_sender_waits_for_room),
		SUPPORT_TEST(a_reader_takes_the_header_and_gives_what_is_behind_it),
		SUPPORT_TEST(what_is_no_header_is_told_with_what_came_instead),
		SUPPORT_TEST(every_truncation_is_an_end_within_the_header),
		SUPPORT_TEST(a_failure_below_stays_what_it_is),
		SUPPORT_TEST(the_longest_header_and_what_follows_it_pass),
		SUPPORT_TEST(the_fast_path_is_there_once_all_that_was_read_has_been_given),
		SUPPORT_TEST(a_header_is_found_under_other_layers),
		SUPPORT_TEST(without_memory_it_fails_and_below_is_freed),
		SUPPORT_TEST(wakes_pass_up_and_finishing_passes_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

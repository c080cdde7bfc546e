/* SPDX-License-Identifier: Apache-2.0 */
/* WebSocket as a layer: opening, messages in whatever pieces they come and go, and every way to end. */
#include "wsmake.h"

static char room[256 * 1024];
static struct skt_loop *loop;

static int wakes;

static void woken(void *user)
{
	(void)user;
	wakes++;
}

static const struct skt_ws_config plain = { .host = "server.example.com" },
				  zips = { .host = "server.example.com", .deflate = true },
				  text = { .host = "server.example.com", .text = true };

static int loop_setup(void **state)
{
	(void)ws_setup(state);
	loop = support_loop();
	return 0;
}

static int loop_teardown(void **state)
{
	(void)support_teardown(state);
	skt_loop_free(loop);
	return 0;
}

#undef WS_TEST
#define WS_TEST(name) cmocka_unit_test_setup_teardown(name, loop_setup, loop_teardown)
#define BYTES(text) text, sizeof(text) - 1

static void assert_why(struct skt_stream *s, const char *words)
{
	struct skt_error err = { 0 };

	skt_stream_why(s, &err);
	if (!strstr(err.text, words))
		fail_msg("\"%s\" is not in \"%s\"", words, err.text);
}

/* An open end that is given `frames` behind its head. What it wrote while opening is forgotten. */
static struct skt_stream *opened(const struct skt_ws_config *config, bool is_server, const struct ws_bytes *frames,
				 struct ws_bytes *all, struct fake **below)
{
	struct skt_stream *s;

	*all = (struct ws_bytes){ 0 };
	if (is_server)
		ws_add(all, BYTES(WS_ASKS));
	else
		ws_add(all, BYTES(WS_ANSWERS));
	if (config->deflate)
		ws_add(all, BYTES(WS_ZIP));
	ws_add(all, BYTES(WS_END));
	if (frames && frames->n)
		ws_add(all, frames->s, frames->n);
	*below = fake_new(all->s, all->n);
	s = ws_over(loop, *below, config, is_server);
	assert_int_equal(ws_open(s), 0);
	ws_forget(*below);
	return s;
}

/* Opening */

static void the_handshake_of_the_rfc_opens_both_ends(void **state)
{
	static const struct skt_ws_config client = { .host = "server.example.com",
						     .path = "/chat",
						     .protocols = "chat, superchat" },
					  server = { .path = "/chat", .protocols = "superchat" };

	(void)state;
	for (size_t piece = 0; piece < 4; piece++) {
		static const char answer[] = WS_ANSWERS "Sec-WebSocket-Protocol: superchat\r\n" WS_END;
		struct fake *a = fake_new(BYTES(answer)), *b;
		struct skt_stream *s = ws_over(loop, a, &client, false);
		struct skt_ws_seen seen;

		a->piece = piece;
		a->blinks = piece == 2;
		a->bite = piece;
		assert_int_equal(ws_open(s), 0);
		assert_true(skt_ws_seen(s, &seen));
		assert_string_equal(seen.protocol, "superchat");
		b = fake_new(a->taken, a->n_taken);
		b->piece = piece;
		b->blinks = piece == 2;
		b->bite = piece;
		{
			struct skt_stream *t = ws_over(loop, b, &server, true);

			assert_int_equal(ws_open(t), 0);
			assert_int_equal(b->n_taken, sizeof(answer) - 1);
			assert_memory_equal(b->taken, answer, sizeof(answer) - 1);
			assert_true(skt_ws_seen(t, &seen));
			assert_string_equal(seen.path, "/chat");
			assert_string_equal(seen.protocol, "superchat");
			assert_false(skt_ws_seen(&b->stream, &seen));
			skt_stream_free(t);
		}
		skt_stream_free(s);
	}
}

static const struct {
	bool is_server;
	const char *bytes;
	size_t n;
	int ret;
	const char *why;
	const char *said; /* server: how its answer begins, "" for none */
} strangers[] = {
	{ true, BYTES("SSH-2.0-OpenSSH_9.2\r\n"), -SKT_E_PEER, "no WebSocket client: it said SSH-2.0-OpenSSH_9.2", "" },
	{ true, BYTES("\x16\x03\x01\x02"), -SKT_E_PEER, "it speaks TLS", "" },
	{ true, BYTES(""), -SKT_E_PEER, "before it had asked", "" },
	{ true, BYTES("GET / HTTP/1.1\r\nHost: a\r\n"), -SKT_E_PEER, "before it had asked", "" },
	{ true, BYTES("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), -SKT_E_PEER, "426", "HTTP/1.1 426 Upgrade Required\r\n" },
	{ true, BYTES("POST / HTTP/1.1\r\nHost: a\r\n\r\n"), -SKT_E_PEER, "405", "HTTP/1.1 405 " },
	{ true, BYTES("PRI * HTTP/2.0\r\n\r\n"), -SKT_E_PEER, "400", "HTTP/1.1 400 Bad Request\r\n" },
	{ true, BYTES(WS_ASKS "Origin: http://other\r\n\r\n"), -SKT_E_DENIED, "403", "HTTP/1.1 403 Forbidden\r\n" },
	{ false, BYTES("SSH-2.0-OpenSSH_9.2\r\n"), -SKT_E_PEER, "no WebSocket server: it said SSH-2.0-OpenSSH_9.2", "" },
	{ false, BYTES("220 \33[31mmail\r\n"), -SKT_E_PEER, "it said 220 .[31mmail", "" },
	{ false, BYTES("\x15\x03\x01\x00\x02"), -SKT_E_PEER, "no WebSocket server: it speaks TLS", "" },
	{ false, BYTES(""), -SKT_E_PEER, "before it had answered", "" },
	{ false, BYTES("HTTP/1.1 101 x\r\n"), -SKT_E_PEER, "before it had answered", "" },
	{ false, BYTES("HTTP/1.1 404 Not Found\r\n\r\n"), -SKT_E_PEER, "404 Not Found", "" },
	{ false, BYTES("HTTP/1.1 401 Unauthorized\r\n\r\n"), -SKT_E_DENIED, "401 Unauthorized", "" },
	{ false, BYTES("HTTP/1.1 403 Forbidden\r\n\r\n"), -SKT_E_DENIED, "403 Forbidden", "" },
	{ false, BYTES("HTTP/1.1 301 Moved\r\nLocation: http://b/\r\n\r\n"), -SKT_E_PEER, "301 Moved", "" },
	{ false, BYTES("HTTP/1.1 200\r\n\r\n"), -SKT_E_PEER, "200", "" },
	{ false, BYTES("HTTP/1.1 101 x\nUpgrade: websocket\r\n\r\n"), -SKT_E_PEER, "not HTTP", "" },
	{ false, BYTES("HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"), -SKT_E_PEER, "Accept", "" },
	{ false, BYTES(WS_ANSWERS "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"), -SKT_E_PEER, "not offered",
	  "" },
};

static void whoever_speaks_something_else_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(strangers); i++)
		for (size_t piece = 0; piece < 2; piece++) {
			struct fake *below = fake_new(strangers[i].bytes, strangers[i].n);
			struct skt_stream *s = ws_over(loop, below, &plain, strangers[i].is_server);
			size_t n = strlen(strangers[i].said);

			below->piece = piece;
			below->blinks = piece;
			below->bite = piece;
			if (ws_open(s) != strangers[i].ret)
				fail_msg("stranger %zu is taken for something else", i);
			if (piece == 0) /* else only what has come is known of it */
				assert_why(s, strangers[i].why);
			if (strangers[i].is_server) {
				assert_true(below->n_taken >= n && (n > 0) == (below->n_taken > 0));
				if (n)
					assert_memory_equal(below->taken, strangers[i].said, n);
				assert_int_equal(below->shuts, n > 0);
			}
			skt_stream_free(s);
		}
}

static void a_stranger_who_waits_is_found_by_the_first_bytes(void **state)
{
	struct fake *below = fake_new(BYTES("SSH-2.0-x\r\n"));
	struct skt_stream *s = ws_over(loop, below, &plain, false);

	(void)state;
	below->ends = false;
	assert_int_equal(ws_open(s), -SKT_E_PEER);
	skt_stream_free(s);
}

static void a_head_that_is_too_long_is_refused(void **state)
{
	struct ws_bytes b = { 0 };

	(void)state;
	for (int is_server = 0; is_server < 2; is_server++)
		for (size_t piece = 0; piece < 2; piece++) {
			struct fake *below;
			struct skt_stream *s;

			ws_add(&b, is_server ? "GET / HTTP/1.1\r\n" : "HTTP/1.1 101 x\r\n", 16);
			for (int i = 0; i < 17000 / 10; i++)
				ws_add(&b, "Name: val\n", 10);
			below = fake_new(b.s, b.n);
			below->piece = piece;
			s = ws_over(loop, below, &plain, is_server);
			assert_int_equal(ws_open(s), -SKT_E_PEER);
			assert_why(s, is_server ? "431" : "more than 16384 bytes");
			if (is_server)
				assert_memory_equal(below->taken, "HTTP/1.1 431 ", 13);
			skt_stream_free(s);
			ws_drop(&b);
		}
}

static void a_request_that_cannot_be_is_not_sent(void **state)
{
	static const struct skt_ws_config bad = { .host = "a\r\nX: y" };
	struct fake *below = fake_new("", 0);
	struct skt_stream *s = ws_over(loop, below, &bad, false);

	(void)state;
	assert_int_equal(ws_open(s), -SKT_E_USAGE);
	assert_why(s, "the host");
	assert_int_equal(below->n_taken, 0);
	skt_stream_free(s);
}

/* Reading */

/* What reading gives, as text: bytes run together, or each message in <>; then how it ends. */
static void read_all(struct skt_stream *s, size_t most, char *ret, size_t n)
{
	bool is_message = s->flags & SKT_STREAM_MESSAGES;
	size_t at = 0;
	ssize_t got;

	while ((got = skt_stream_read(s, room, most)) != 0) {
		if (got == -SKT_AGAIN)
			continue;
		if (got < 0 && got != -SKT_EMPTY) {
			(void)snprintf(ret + at, n - at, "!%d", (int)-got);
			assert_int_equal(skt_stream_read(s, room, most), got); /* it is final */
			return;
		}
		at += (size_t)snprintf(ret + at, n - at, is_message ? "<%.*s>" : "%.*s", got > 0 ? (int)got : 0, room);
	}
	(void)snprintf(ret + at, n - at, ".");
	assert_int_equal(skt_stream_read(s, room, most), 0);
	assert_int_equal(skt_stream_shut(s), 0); /* the answer to a Close that came */
	assert_int_equal(skt_stream_write(s, "x", 1), -SKT_E_IO);
	assert_int_equal(s->sys, EPIPE);
}

struct frame {
	unsigned first;
	const char *payload;
	size_t n;
};

static const struct reading {
	const struct skt_ws_config *config;
	struct frame frame[6];
	const char *bytes, *messages; /* messages: NULL: the same */
	const char *why;              /* of the failure */
	int code;                     /* of our Close; 0: the peer's end came without one */
} readings[] = {
	/* RFC 6455, section 5.7 */
	{ &plain, { { 0x81, BYTES("Hello") }, { 0x88, BYTES("") } }, "Hello.", "<Hello>.", NULL, 1005 },
	{ &plain,
	  { { 0x01, BYTES("Hel") }, { 0x80, BYTES("lo") }, { 0x88, BYTES("\x03\xe8") } },
	  "Hello.",
	  "<Hello>.",
	  NULL,
	  1000 },
	{ &plain,
	  { { 0x01, BYTES("Hel") }, { 0x89, BYTES("Hello") }, { 0x80, BYTES("lo") }, { 0x88, BYTES("\x03\xe9off") } },
	  "Hello.",
	  "<Hello>.",
	  NULL,
	  1001 },
	{ &plain,
	  { { 0x82, BYTES("a") }, { 0x82, BYTES("") }, { 0x02, BYTES("") }, { 0x80, BYTES("") }, { 0x88, BYTES("") } },
	  "a.",
	  "<a><><>.",
	  NULL,
	  1005 },
	{ &plain,
	  { { 0x8a, BYTES("unasked") }, { 0x82, BYTES("x") }, { 0x88, BYTES("") }, { 0x82, BYTES("late") } },
	  "x.",
	  "<x>.",
	  NULL,
	  1005 },
	/* RFC 7692, section 7.2.3 */
	{ &zips, { { 0xc1, BYTES("\xf2\x48\xcd\xc9\xc9\x07\x00") }, { 0x88, BYTES("") } }, "Hello.", "<Hello>.", NULL, 1005 },
	{ &zips,
	  { { 0x41, BYTES("\xf2\x48\xcd") }, { 0x80, BYTES("\xc9\xc9\x07\x00") }, { 0x88, BYTES("") } },
	  "Hello.",
	  "<Hello>.",
	  NULL,
	  1005 },
	{ &zips,
	  { { 0xc1, BYTES("\xf2\x48\xcd\xc9\xc9\x07\x00") }, { 0xc1, BYTES("\xf2\x00\x11\x00\x00") }, { 0x88, BYTES("") } },
	  "HelloHello.",
	  "<Hello><Hello>.",
	  NULL,
	  1005 },
	{ &zips,
	  { { 0xc1, BYTES("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00") }, { 0x88, BYTES("") } },
	  "Hello.",
	  "<Hello>.",
	  NULL,
	  1005 },
	{ &zips,
	  { { 0xc1, BYTES("\xf3\x48\xcd\xc9\xc9\x07\x00\x00") },
	    { 0xc1, BYTES("\xf2\x00\x11\x00\x00") },
	    { 0x88, BYTES("") } },
	  "HelloHello.",
	  "<Hello><Hello>.",
	  NULL,
	  1005 },
	{ &zips,
	  { { 0xc1, BYTES("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00") }, { 0x88, BYTES("") } },
	  "Hello.",
	  "<Hello>.",
	  NULL,
	  1005 },
	{ &zips, { { 0xc1, BYTES("\x00") }, { 0x81, BYTES("bare") }, { 0x88, BYTES("") } }, "bare.", "<><bare>.", NULL, 1005 },
	/* what a peer's Close says */
	{ &plain,
	  { { 0x82, BYTES("a") }, { 0x88, BYTES("\x03\xf3reason") } },
	  "a!9",
	  "<a>!9",
	  "closed by the peer: 1011 internal error: reason",
	  1011 },
	{ &plain, { { 0x88, BYTES("\x0f\xa0") } }, "!9", NULL, "closed by the peer: 4000", 4000 },
	{ &plain, { { 0x88, BYTES("\x03\xea") } }, "!9", NULL, "1002 protocol error", 1002 },
	{ &plain, { { 0x82, BYTES("a") } }, "a!9", "<a>!9", "ended without the WebSocket's Close", 0 },
	{ &plain, { { 0x02, BYTES("a") } }, "a!9", "!9", "ended without the WebSocket's Close", 0 },
	/* breaches */
	{ &plain, { { 0x82, BYTES("a") }, { 0xc1, BYTES("x") } }, "a!9", "<a>!9", "reserved bit", -1002 },
	{ &zips, { { 0xc9, BYTES("x") } }, "!9", NULL, "reserved bit", -1002 },
	{ &plain, { { 0x83, BYTES("x") } }, "!9", NULL, "not defined", -1002 },
	{ &plain, { { 0x09, BYTES("x") } }, "!9", NULL, "fragmented", -1002 },
	{ &plain, { { 0x80, BYTES("x") } }, "!9", NULL, "no message has begun", -1002 },
	{ &plain, { { 0x02, BYTES("x") }, { 0x82, BYTES("y") } }, "x!9", "!9", "within another", -1002 },
	{ &plain, { { 0x88, BYTES("x") } }, "!9", NULL, "half a code", -1002 },
	{ &plain, { { 0x88, BYTES("\x03\xed") } }, "!9", NULL, "must not be sent", -1002 },
	{ &plain, { { 0x88, BYTES("\x03\xe8\xff") } }, "!9", NULL, "not UTF-8", -1007 },
	{ &plain,
	  { { 0x81, BYTES("ab\xff"
			  "cd") } },
	  "ab!9",
	  "!9",
	  "not UTF-8",
	  -1007 },
	{ &plain, { { 0x01, BYTES("a\xe2\x82") }, { 0x80, BYTES("z") } }, "a\xe2\x82!9", "!9", "not UTF-8", -1007 },
	{ &plain, { { 0x81, BYTES("a\xe2\x82") } }, "a\xe2\x82!9", "!9", "within a character", -1007 },
	{ &zips, { { 0xc1, BYTES("\x00\x01\x00\xfe\xff\xff\x00") } }, "!9", NULL, "not UTF-8", -1007 },
	{ &zips, { { 0xc2, BYTES("\xff\xff\xff") } }, "!9", NULL, "cannot be inflated", -1007 },
	{ &zips, { { 0xc2, BYTES("\x00\x06\x00\xf9\xff\x48") } }, NULL, "!9", "cannot be inflated", -1007 },
};

/* Our Close at the end of what was sent: its code; 1005 where it has none; 0 where there is none. */
static int close_sent(const struct fake *below, bool is_server)
{
	unsigned char code[2];
	size_t bare = is_server ? 2 : 6;
	const char *end = below->taken + below->n_taken;

	if (below->n_taken >= bare + 2 && (unsigned char)end[-(long)bare - 2] == 0x88 &&
	    (end[-(long)bare - 1] & 0x7f) == 2) {
		memcpy(code, end - 2, 2);
		if (!is_server)
			skt_wsmask(code, code, 2, (const unsigned char *)"\x37\xfa\x21\x3d", 0);
		return code[0] << 8 | code[1];
	}
	return below->n_taken >= bare && (unsigned char)end[-(long)bare] == 0x88 ? 1005 : 0;
}

static void check_reading(const struct reading *r, bool is_server, bool keeps, size_t piece, size_t most)
{
	const char *want = keeps && r->messages ? r->messages : r->bytes;
	struct ws_bytes frames = { 0 }, all;
	struct fake *below;
	struct skt_stream *s;
	struct skt_ws_seen seen;
	char got[256] = "";

	if (!want)
		return;
	for (size_t i = 0; i < SKT_LENGTH(r->frame) && r->frame[i].payload; i++)
		ws_add_frame(&frames, r->frame[i].first, r->frame[i].payload, r->frame[i].n, is_server);
	s = opened(r->config, is_server, &frames, &all, &below);
	skt_ws_keep_messages(s, keeps);
	below->piece = piece;
	below->blinks = piece;
	read_all(s, most, got, sizeof(got));
	if (strcmp(got, want) != 0)
		fail_msg("row %d in pieces of %zu into %zu: %s instead of %s", (int)(r - readings), piece, most, got,
			 want);
	if (r->why)
		assert_why(s, r->why);
	if (close_sent(below, is_server) != abs(r->code))
		fail_msg("row %d: a Close of %d", (int)(r - readings), close_sent(below, is_server));
	(void)skt_ws_seen(s, &seen);
	assert_int_equal(seen.close_code, r->code > 0 ? r->code : 0);
	assert_int_equal(!(s->flags & SKT_STREAM_GONE), r->code < 0);
	skt_stream_free(s);
	ws_drop(&frames);
	ws_drop(&all);
}

static void frames_become_bytes_or_messages_in_whatever_pieces_they_come(void **state)
{
	static const size_t rooms[] = { 5, 11, 16 * 1024, sizeof(room) };

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(readings); i++)
		for (size_t piece = 0; piece < 8; piece++)
			for (size_t k = 0; k < SKT_LENGTH(rooms) * 4; k++)
				check_reading(&readings[i], k & 1, k & 2, piece, rooms[k / 4]);
}

static void the_mask_must_be_as_the_ends_are(void **state)
{
	(void)state;
	for (int is_server = 0; is_server < 2; is_server++) {
		struct ws_bytes frames = { 0 }, all;
		struct fake *below;
		struct skt_stream *s;

		ws_add_frame(&frames, 0x81, "Hello", 5, !is_server);
		s = opened(&plain, is_server, &frames, &all, &below);
		assert_int_equal(skt_stream_read(s, room, sizeof(room)), -SKT_E_PEER);
		assert_why(s, is_server ? "is not masked" : "is masked");
		assert_int_equal(close_sent(below, is_server), 1002);
		skt_stream_free(s);
		ws_drop(&frames);
		ws_drop(&all);
	}
}

static void a_ping_is_answered_between_fragments(void **state)
{
	struct ws_bytes frames = { 0 }, all;
	struct fake *below;
	struct skt_stream *s;

	(void)state;
	ws_add_frame(&frames, 0x89, "Hello", 5, false);
	s = opened(&plain, false, &frames, &all, &below);
	below->ends = false;
	assert_int_equal(skt_stream_read(s, room, sizeof(room)), -SKT_AGAIN);
	assert_int_equal(below->n_taken, 11);
	assert_memory_equal(below->taken, "\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11);
	skt_stream_free(s);
	ws_drop(&frames);
	ws_drop(&all);
}

static void of_pings_that_cannot_be_answered_the_latest_is(void **state)
{
	struct ws_bytes frames = { 0 }, all;
	struct fake *below;
	struct skt_stream *s;

	(void)state;
	for (int i = 0; i < 1000; i++)
		ws_add_frame(&frames, 0x89, i < 999 ? "old" : "new", 3, true);
	s = opened(&plain, true, &frames, &all, &below);
	below->ends = false;
	below->room = 2;
	for (int i = 0; i < 10; i++)
		assert_int_equal(skt_stream_read(s, room, sizeof(room)), -SKT_AGAIN);
	below->room = SIZE_MAX;
	fake_wake(below);
	assert_int_equal(below->n_taken, 10);
	assert_memory_equal(below->taken, "\x8a\x03old\x8a\x03new", 10);
	skt_stream_free(s);
	ws_drop(&frames);
	ws_drop(&all);
}

static void many_small_frames_cost_one_read(void **state)
{
	struct ws_bytes frames = { 0 }, all;
	struct fake *below;
	struct skt_stream *s;

	(void)state;
	for (int i = 0; i < 1000; i++)
		ws_add_frame(&frames, 0x82, "abc", 3, true);
	s = opened(&plain, true, &frames, &all, &below);
	assert_int_equal(skt_stream_read(s, room, sizeof(room)), 3000); /* those that came with the head */
	assert_int_equal(below->at, all.n);
	skt_stream_free(s);
	below = fake_new(all.s, all.n);
	below->piece = all.n - frames.n;
	s = ws_over(loop, below, &plain, true);
	assert_int_equal(ws_open(s), 0);
	below->piece = 0;
	assert_int_equal(skt_stream_read(s, room, sizeof(room)), 3000); /* read into the room itself */
	assert_memory_equal(room, "abcabcabc", 9);
	skt_stream_free(s);
	ws_drop(&frames);
	ws_drop(&all);
}

static void a_message_that_just_fits_the_room_is_given_and_a_longer_one_is_not_cut(void **state)
{
	(void)state;
	for (size_t n = 20000; n <= 20001; n++)
		for (int zip = 0; zip < 2; zip++)
			for (size_t piece = 0; piece < 3; piece++) {
				struct skt_ws_config config = zip ? zips : plain;
				char *bytes = support_bytes(n, 5);
				struct ws_bytes all, frames = { 0 };
				struct fake *below;
				struct skt_stream *s = opened(&config, false, NULL, &all, &below);
				ssize_t got;

				assert_int_equal(skt_stream_write(s, bytes, n), n); /* a client's frame, for a server */
				ws_add(&frames, below->taken, below->n_taken);
				skt_stream_free(s);
				ws_drop(&all);
				s = opened(&config, true, &frames, &all, &below);
				skt_ws_keep_messages(s, true);
				below->piece = piece == 2 ? 7000 : piece;
				do {
					got = skt_stream_read(s, room, 20000);
				} while (got == -SKT_AGAIN);
				assert_int_equal(got, n == 20000 ? 20000 : -SKT_E_LIMIT);
				if (got > 0)
					assert_memory_equal(room, bytes, n);
				else
					assert_why(s, "room for 20000");
				if (got < 0)
					assert_int_equal(s->sys, EMSGSIZE);
				if (got < 0)
					assert_int_equal(close_sent(below, true), 1009);
				skt_stream_free(s);
				ws_drop(&all);
				ws_drop(&frames);
				test_free(bytes);
			}
}

static void a_message_beyond_the_limit_is_refused_also_when_it_is_only_announced(void **state)
{
	static const struct skt_ws_config small = { .host = "h", .max_message = 10 };
	static const struct frame rows[][3] = {
		{ { 0x82, BYTES("12345678901") } },
		{ { 0x02, BYTES("123456") }, { 0x80, BYTES("78901") } },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(rows); i++) {
		struct ws_bytes frames = { 0 }, all;
		struct fake *below;
		struct skt_stream *s;
		ssize_t got;

		for (size_t k = 0; rows[i][k].payload; k++)
			ws_add_frame(&frames, rows[i][k].first, rows[i][k].payload, rows[i][k].n, true);
		s = opened(&small, true, &frames, &all, &below);
		got = skt_stream_read(s, room, sizeof(room));
		assert_int_equal(i == 0 ? 6 : got, 6);
		assert_int_equal(skt_stream_read(s, room, sizeof(room)), -SKT_E_PEER);
		assert_why(s, "more than the 10 bytes");
		assert_int_equal(close_sent(below, true), 1009);
		skt_stream_free(s);
		ws_drop(&frames);
		ws_drop(&all);
	}
}

static void a_bomb_is_stopped_at_the_limit(void **state)
{
	static const struct skt_ws_config client = { .host = "h", .deflate = true },
					  server = { .deflate = true, .max_message = 100000 };
	char *zeros = test_calloc(1, 1000000);
	struct ws_bytes frames = { 0 }, all;
	struct fake *below;
	struct skt_stream *s = opened(&client, false, NULL, &all, &below);
	size_t n = 0;
	ssize_t got;

	(void)state;
	assert_int_equal(skt_stream_write(s, zeros, 1000000), 1000000);
	assert_true(below->n_taken < 2000);
	ws_add(&frames, below->taken, below->n_taken);
	skt_stream_free(s);
	ws_drop(&all);
	s = opened(&server, true, &frames, &all, &below);
	while ((got = skt_stream_read(s, room, 30000)) > 0)
		n += (size_t)got;
	assert_int_equal(got, -SKT_E_PEER);
	assert_int_equal(n, 100000);
	assert_int_equal(close_sent(below, true), 1009);
	skt_stream_free(s);
	ws_drop(&frames);
	ws_drop(&all);
	test_free(zeros);
}

static void frames_without_payload_do_not_hold_the_loop_up(void **state)
{
	struct ws_bytes frames = { 0 }, all;
	struct fake *below;
	struct skt_stream *s;

	(void)state;
	for (int i = 0; i < 100; i++)
		ws_add_frame(&frames, 0x8a, "", 0, true);
	s = opened(&plain, true, NULL, &all, &below);
	below->bytes = frames.s;
	below->n = frames.n;
	below->at = 0;
	below->piece = 1;
	assert_int_equal(skt_stream_read(s, room, sizeof(room)), -SKT_AGAIN);
	assert_true(below->at < 20);
	wakes = 0;
	skt_stream_on_wake(s, woken, NULL);
	support_settle(loop);
	assert_int_equal(wakes, 1); /* it goes on without being woken from below */
	skt_stream_free(s);
	ws_drop(&frames);
	ws_drop(&all);
}

static void what_waits_in_the_inflater_is_given_when_there_is_room(void **state)
{
	(void)state;
	for (int keeps = 0; keeps < 2; keeps++)
		for (size_t piece = 0; piece < 2; piece++) {
			struct ws_bytes frames = { 0 }, all;
			struct fake *below;
			struct skt_stream *s = opened(&zips, false, NULL, &all, &below);
			size_t n = 0, most = keeps ? 20000 : 1000;
			ssize_t got;

			memset(room, 'x', 20000);
			assert_int_equal(skt_stream_write(s, room, 20000), 20000);
			ws_add(&frames, below->taken, below->n_taken);
			ws_add_frame(&frames, 0x88, "", 0, true);
			skt_stream_free(s);
			ws_drop(&all);
			s = opened(&zips, true, NULL, &all, &below);
			skt_ws_keep_messages(s, keeps);
			below->bytes = frames.s;
			below->n = frames.n;
			below->at = 0;
			below->piece = piece ? piece : frames.n - 6; /* the Close does not come with it */
			while ((got = skt_stream_read(s, room, most)) > 0 || got == -SKT_AGAIN) {
				n += got > 0 ? (size_t)got : 0;
				assert_true(got == -SKT_AGAIN || (room[0] == 'x' && room[got - 1] == 'x'));
			}
			assert_int_equal(got, 0);
			assert_int_equal(n, 20000);
			skt_stream_free(s);
			ws_drop(&frames);
			ws_drop(&all);
		}
}

/* Writing */

static void a_message_is_one_frame_and_one_write(void **state)
{
	struct ws_bytes all;
	struct fake *below;
	struct skt_stream *s = opened(&text, false, NULL, &all, &below);

	(void)state;
	assert_int_equal(skt_stream_write(s, "Hello", 5), 5);
	assert_int_equal(below->n_writes, 1);
	assert_int_equal(below->n_taken, 11);
	assert_memory_equal(below->taken, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11);
	skt_stream_free(s);
	ws_drop(&all);
	s = opened(&plain, true, NULL, &all, &below);
	assert_int_equal(skt_stream_write(s, "Hello", 5), 5);
	assert_int_equal(skt_stream_write(s, "", 0), 0);
	assert_int_equal(below->n_writes, 1);
	assert_memory_equal(below->taken, "\x82\x05Hello", 7);
	skt_ws_keep_messages(s, true);
	assert_int_equal(skt_stream_write(s, "", 0), 0);
	assert_int_equal(below->n_taken, 9);
	assert_memory_equal(below->taken + 7, "\x82\x00", 2);
	assert_int_equal(skt_stream_write(s, "", (size_t)1 << 31), -SKT_E_LIMIT);
	assert_int_equal(s->sys, EMSGSIZE);
	skt_stream_free(s);
	ws_drop(&all);
}

static void compressed_messages_are_those_of_the_rfc(void **state)
{
	static const struct skt_ws_config both = { .deflate = true, .text = true };
	struct ws_bytes all;
	struct fake *below;
	struct skt_stream *s = opened(&both, true, NULL, &all, &below);

	(void)state;
	assert_int_equal(skt_stream_write(s, "Hello", 5), 5);
	assert_int_equal(skt_stream_write(s, "Hello", 5), 5);
	assert_int_equal(below->n_taken, 16);
	assert_memory_equal(below->taken, "\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc1\x05\xf2\x00\x11\x00\x00", 16);
	skt_stream_free(s);
	ws_drop(&all);
}

static void without_context_takeover_each_message_stands_alone(void **state)
{
	static const char asks[] = WS_ASKS "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
					   "client_no_context_takeover\r\n\r\n";
	struct ws_bytes all = { 0 };
	struct fake *below;
	struct skt_stream *s;

	(void)state;
	ws_add(&all, BYTES(asks));
	ws_add_frame(&all, 0xc1, BYTES("\xf2\x48\xcd\xc9\xc9\x07\x00"), true);
	ws_add_frame(&all, 0xc1, BYTES("\xf2\x00\x11\x00\x00"), true); /* goes back to the first */
	below = fake_new(all.s, all.n);
	s = ws_over(loop, below, &zips, true);
	assert_int_equal(ws_open(s), 0);
	ws_forget(below);
	assert_int_equal(skt_stream_write(s, "Hello", 5), 5);
	assert_int_equal(skt_stream_write(s, "Hello", 5), 5);
	assert_int_equal(below->n_taken, 18);
	assert_memory_equal(below->taken, below->taken + 9, 9);
	assert_true(skt_stream_read(s, room, sizeof(room)) >= 5);
	assert_int_equal(skt_stream_read(s, room, sizeof(room)), -SKT_E_PEER);
	assert_why(s, "cannot be inflated");
	skt_stream_free(s);
	ws_drop(&all);
}

static ssize_t no_random(void *buf, size_t n, unsigned flags)
{
	(void)buf;
	(void)n;
	(void)flags;
	errno = ENOSYS;
	return -1;
}

static void without_random_bytes_nothing_is_sent(void **state)
{
	struct fake *below = fake_new("", 0);
	struct skt_stream *s = ws_over(loop, below, &plain, false);
	struct ws_bytes all;

	(void)state;
	skt_sys.getrandom = no_random;
	assert_int_equal(ws_open(s), -SKT_E_IO);
	assert_int_equal(below->n_taken, 0);
	skt_stream_free(s);
	skt_sys.getrandom = ws_getrandom;
	s = opened(&plain, false, NULL, &all, &below);
	skt_sys.getrandom = no_random;
	assert_int_equal(skt_stream_write(s, "x", 1), -SKT_E_IO);
	assert_int_equal(skt_stream_write(s, "x", 1), -SKT_E_IO);
	assert_int_equal(s->sys, ENOSYS);
	assert_int_equal(below->n_taken, 0);
	skt_stream_free(s);
	ws_drop(&all);
}

static void many_bytes_become_messages_of_a_mebibyte(void **state)
{
	char *bytes = test_calloc(1, 1500000);
	struct ws_bytes all;
	struct fake *below;
	struct skt_stream *s = opened(&plain, true, NULL, &all, &below);

	(void)state;
	assert_int_equal(skt_stream_write(s, bytes, 1500000), 1024 * 1024);
	assert_int_equal(below->n_taken, 10 + 1024 * 1024);
	skt_stream_free(s);
	ws_drop(&all);
	test_free(bytes);
}

static void text_is_cut_between_characters_only(void **state)
{
	static const char euro[] = "a\342\202\254\360\237\230\200z";

	(void)state;
	for (size_t piece = 1; piece <= sizeof(euro); piece++)
		for (int zip = 0; zip < 2; zip++) {
			struct skt_ws_config config = { .host = "h", .text = true, .deflate = zip };
			struct ws_bytes all, back;
			struct fake *below;
			struct skt_stream *s = opened(&config, true, NULL, &all, &below);
			char got[64] = "";

			for (size_t at = 0; at < sizeof(euro) - 1; at += piece) {
				size_t n = sizeof(euro) - 1 - at < piece ? sizeof(euro) - 1 - at : piece;

				assert_int_equal(skt_stream_write(s, euro + at, n), n);
			}
			assert_int_equal(skt_stream_shut(s), 0);
			back = (struct ws_bytes){ 0 };
			ws_add(&back, below->taken, below->n_taken);
			skt_stream_free(s);
			ws_drop(&all);
			s = opened(&config, false, &back, &all, &below); /* it would refuse half a character */
			read_all(s, sizeof(room), got, sizeof(got));
			assert_string_equal(got, "a\342\202\254\360\237\230\200z.");
			skt_stream_free(s);
			ws_drop(&all);
			ws_drop(&back);
		}
}

static void what_is_no_text_is_not_sent_as_text(void **state)
{
	struct ws_bytes all;
	struct fake *below;
	struct skt_stream *s = opened(&text, true, NULL, &all, &below);

	(void)state;
	assert_int_equal(skt_stream_write(s, "a\377", 2), -SKT_E_IO);
	assert_int_equal(s->sys, EILSEQ);
	assert_int_equal(below->n_taken, 4); /* a Close */
	assert_int_equal(skt_stream_write(s, "a", 1), -SKT_E_IO);
	skt_stream_free(s);
	ws_drop(&all);
	s = opened(&text, true, NULL, &all, &below);
	assert_int_equal(skt_stream_write(s, "a\342\202", 3), 3);
	assert_int_equal(below->n_taken, 3);
	assert_int_equal(skt_stream_shut(s), -SKT_E_IO);
	assert_why(s, "within a character");
	skt_stream_free(s);
	ws_drop(&all);
	s = opened(&text, true, NULL, &all, &below);
	skt_ws_keep_messages(s, true);
	assert_int_equal(skt_stream_write(s, "a\342\202", 3), -SKT_E_IO);
	assert_int_equal(below->n_taken, 4); /* a Close */
	skt_stream_free(s);
	ws_drop(&all);
}

static void what_below_does_not_take_is_held_and_goes_on_when_it_wakes(void **state)
{
	static const size_t sizes[] = { 6, 4096, 4097, 70000 };

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(sizes) * 2; i++) {
		size_t n = sizes[i / 2], header = n < 126 ? 2 : n < 65536 ? 4 : 10;
		char *bytes = support_bytes(n, 3);
		struct ws_bytes all;
		struct fake *below;
		struct skt_stream *s = opened(&plain, true, NULL, &all, &below);

		wakes = 0;
		skt_ws_keep_messages(s, i & 1);
		skt_stream_on_wake(s, woken, NULL);
		below->room = 0;
		assert_int_equal(skt_stream_write(s, bytes, n), -SKT_AGAIN); /* it is still the caller's */
		below->room = 1;
		assert_int_equal(skt_stream_write(s, bytes, n), n);
		assert_int_equal(skt_stream_write(s, bytes, n), -SKT_AGAIN);
		assert_int_equal(skt_stream_shut(s), -SKT_AGAIN);
		below->room = 2;
		fake_wake(below);
		assert_int_equal(wakes, 1);
		assert_int_equal(below->n_taken, 3);
		below->room = SIZE_MAX;
		fake_wake(below);
		assert_int_equal(skt_stream_shut(s), 0);
		assert_int_equal(below->shuts, 0); /* it goes on reading, until the peer has closed too */
		assert_int_equal(below->n_taken, header + n + 4);
		assert_memory_equal(below->taken + header, bytes, n);
		assert_memory_equal(below->taken + header + n, "\x88\x02\x03\xe8", 4);
		assert_int_equal(skt_stream_write(s, bytes, n), -SKT_E_IO);
		skt_stream_free(s);
		ws_drop(&all);
		test_free(bytes);
	}
}

static void a_compressed_message_is_held_whole_where_below_takes_nothing(void **state)
{
	struct ws_bytes all;
	struct fake *below;
	struct skt_stream *s = opened(&zips, true, NULL, &all, &below);

	(void)state;
	below->room = 0;
	assert_int_equal(skt_stream_write(s, "Hello", 5), 5);
	assert_int_equal(skt_stream_write(s, "Hello", 5), -SKT_AGAIN);
	below->room = SIZE_MAX;
	fake_wake(below);
	assert_int_equal(below->n_taken, 9);
	skt_stream_free(s);
	ws_drop(&all);
}

static void a_failure_below_is_told_and_shut_still_reaches_below(void **state)
{
	struct ws_bytes all;
	struct fake *below;
	struct skt_stream *s = opened(&plain, true, NULL, &all, &below);

	(void)state;
	below->room = 1;
	assert_int_equal(skt_stream_write(s, "abc", 3), 3);
	below->write_sys = EPIPE;
	fake_wake(below);
	assert_int_equal(skt_stream_write(s, "abc", 3), -SKT_E_IO);
	assert_int_equal(skt_stream_shut(s), 0);
	assert_int_equal(below->shuts, 1);
	skt_stream_free(s);
	ws_drop(&all);
}

/* Ends */

static void after_our_close_reading_goes_on_until_the_peers(void **state)
{
	struct ws_bytes frames = { 0 }, all;
	struct fake *below;
	struct skt_stream *s;
	char got[64] = "";

	(void)state;
	ws_add_frame(&frames, 0x82, "late", 4, true);
	ws_add_frame(&frames, 0x89, "ping", 4, true);
	ws_add_frame(&frames, 0x88, "\x03\xe8", 2, true);
	s = opened(&plain, true, &frames, &all, &below);
	assert_int_equal(skt_stream_shut(s), 0);
	assert_int_equal(skt_stream_shut(s), 0);
	assert_int_equal(below->n_taken, 4);
	read_all(s, sizeof(room), got, sizeof(got));
	assert_string_equal(got, "late.");
	assert_int_equal(below->n_taken, 4); /* no pong, no second Close */
	assert_int_equal(below->shuts, 1);
	assert_true(s->flags & SKT_STREAM_GONE);
	assert_int_equal(skt_stream_shut(s), 0);
	skt_stream_free(s);
	ws_drop(&frames);
	ws_drop(&all);
}

static void the_answer_to_a_close_waits_for_what_is_held(void **state)
{
	struct ws_bytes frames = { 0 }, all;
	struct fake *below;
	struct skt_stream *s;

	(void)state;
	ws_add_frame(&frames, 0x88, "\x03\xe8", 2, true);
	s = opened(&plain, true, &frames, &all, &below);
	below->room = 3;
	assert_int_equal(skt_stream_write(s, "abc", 3), 3);
	assert_int_equal(skt_stream_read(s, room, sizeof(room)), 0);
	assert_false(s->flags & SKT_STREAM_GONE);
	assert_int_equal(skt_stream_shut(s), -SKT_AGAIN);
	assert_true(s->flags & SKT_STREAM_GONE);
	assert_int_equal(below->shuts, 0);
	below->room = SIZE_MAX;
	fake_wake(below);
	assert_true(s->flags & SKT_STREAM_GONE);
	assert_memory_equal(below->taken,
			    "\x82\x03"
			    "abc\x88\x02\x03\xe8",
			    9);
	assert_int_equal(below->n_taken, 9);
	assert_int_equal(below->shuts, 1);
	assert_int_equal(skt_stream_shut(s), 0);
	skt_stream_free(s);
	ws_drop(&frames);
	ws_drop(&all);
}

static void who_has_closed_well_takes_messages_until_we_close(void **state)
{
	struct ws_bytes frames = { 0 }, all;
	struct fake *below;
	struct skt_stream *s;

	(void)state;
	ws_add_frame(&frames, 0x88, "\x03\xe8", 2, true);
	s = opened(&plain, true, &frames, &all, &below);
	below->ends = false;
	assert_int_equal(skt_stream_read(s, room, sizeof(room)), 0);
	assert_int_equal(below->n_taken, 0);
	assert_int_equal(skt_stream_write(s, "abc", 3), 3);
	assert_int_equal(skt_stream_shut(s), 0);
	assert_int_equal(below->n_taken, 9);
	assert_memory_equal(below->taken,
			    "\x82\x03"
			    "abc\x88\x02\x03\xe8",
			    9);
	assert_true(s->flags & SKT_STREAM_GONE);
	skt_stream_free(s);
	ws_drop(&frames);
	ws_drop(&all);
}

static void who_has_closed_and_waits_no_longer_is_gone(void **state)
{
	struct ws_bytes frames = { 0 }, all;
	struct fake *below;
	struct skt_stream *s;

	(void)state;
	ws_add_frame(&frames, 0x88, "", 0, true);
	s = opened(&plain, true, &frames, &all, &below);
	below->ends = false;
	assert_int_equal(skt_stream_read(s, room, sizeof(room)), 0);
	fake_wake(below);
	assert_false(s->flags & SKT_STREAM_GONE);
	below->ends = true;
	fake_wake(below);
	assert_true(s->flags & SKT_STREAM_GONE);
	assert_int_equal(skt_stream_write(s, "abc", 3), -SKT_E_IO);
	assert_int_equal(s->sys, EPIPE);
	skt_stream_free(s);
	ws_drop(&frames);
	ws_drop(&all);
}

/* Real streams */

struct pair {
	struct skt_stream *s[2];
	struct ws_bytes got[2];
	const char *to_send[2];
	size_t n_send[2], sent[2];
	bool shut[2], ended[2], open[2];
};

static void pair_step(struct pair *p, int i)
{
	if (!p->open[i]) {
		int ret = skt_stream_open(p->s[i]);

		if (ret == -SKT_AGAIN)
			return;
		assert_int_equal(ret, 0);
		p->open[i] = true;
	}
	while (p->sent[i] < p->n_send[i]) {
		size_t n = p->n_send[i] - p->sent[i];
		ssize_t put = skt_stream_write(p->s[i], p->to_send[i] + p->sent[i], n < 60000 ? n : 60000);

		if (put == -SKT_AGAIN)
			break;
		assert_true(put > 0);
		p->sent[i] += (size_t)put;
	}
	if (p->sent[i] == p->n_send[i] && p->got[i].n == p->n_send[!i] && !p->shut[i])
		p->shut[i] = skt_stream_shut(p->s[i]) == 0;
	while (!p->ended[i]) {
		ssize_t got = skt_stream_read(p->s[i], room, 64 * 1024);

		if (got == -SKT_AGAIN)
			break;
		assert_true(got >= 0);
		if (got == 0)
			p->ended[i] = true;
		else
			ws_add(&p->got[i], room, (size_t)got);
	}
}

static void pair_go(struct skt_ws_config *config, enum skt_fdkind kind)
{
	struct pair p = { 0 };
	struct skt_stream *below[2];
	struct skt_error err = { 0 };
	int fds[2];

	if (kind == SKT_FD_TCP)
		support_tcp(fds);
	else
		support_socketpair(SOCK_STREAM, fds);
	for (int i = 0; i < 2; i++) {
		SUPPORT_OK(skt_fd_new_socket(loop, fds[i], kind, &below[i], &err), &err);
		p.n_send[i] = i ? 3000000 : 1000001;
		p.to_send[i] = support_bytes(p.n_send[i], (uint32_t)i + 1);
		memset((char *)(uintptr_t)p.to_send[i] + 100000, 'x', 500000);
	}
	SUPPORT_OK(skt_ws_new_client(loop, below[0], config, &p.s[0], &err), &err);
	SUPPORT_OK(skt_ws_new_server(loop, below[1], config, &p.s[1], &err), &err);
	for (skt_time until = skt_now() + SUPPORT_DEADLINE; !p.ended[0] || !p.ended[1] || !p.shut[0] || !p.shut[1];) {
		pair_step(&p, 0);
		pair_step(&p, 1);
		SUPPORT_OK(skt_loop_round(loop, SKT_MS, &err), &err);
		assert_true(skt_now() < until);
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(p.got[!i].n, p.n_send[i]);
		assert_memory_equal(p.got[!i].s, p.to_send[i], p.n_send[i]);
	}
	for (int i = 0; i < 2; i++) {
		skt_stream_free(p.s[i]);
		ws_drop(&p.got[i]);
		test_free((char *)(uintptr_t)p.to_send[i]);
	}
}

static void two_ends_carry_megabytes_both_ways_and_close(void **state)
{
	(void)state;
	skt_sys.getrandom = support_calls.getrandom;
	for (int zip = 0; zip < 2; zip++) {
		struct skt_ws_config config = { .host = "h", .deflate = zip };

		pair_go(&config, SKT_FD_TCP);
		pair_go(&config, SKT_FD_SOCKET);
	}
}

/* Resources */

static int allocations_left, allocations_asked;

static bool no_more_memory(void)
{
	allocations_asked++;
	return allocations_left-- <= 0;
}

static void small_messages_cost_no_allocation(void **state)
{
	struct ws_bytes frames = { 0 }, all;
	struct fake *below;
	struct skt_stream *s;

	(void)state;
	for (int i = 0; i < 3; i++)
		ws_add_frame(&frames, 0x82, "abc", 3, true);
	s = opened(&plain, true, NULL, &all, &below);
	skt_ws_keep_messages(s, true);
	below->bytes = frames.s;
	below->n = frames.n;
	below->at = 0;
	below->piece = frames.n / 3;
	allocations_asked = 0;
	allocations_left = 1000;
	skt_alloc_fails = no_more_memory;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(skt_stream_read(s, room, sizeof(room)), 3);
		assert_int_equal(skt_stream_write(s, "abc", 3), 3);
	}
	assert_int_equal(allocations_asked, 0);
	skt_alloc_fails = NULL;
	skt_stream_free(s);
	ws_drop(&frames);
	ws_drop(&all);
}

/* Everything that needs memory, failing at each allocation in turn; it must end, and nothing may leak. */
static bool run_with_memory(int allocations, bool is_server)
{
	struct ws_bytes all = { 0 };
	struct fake *below;
	struct skt_stream *s = NULL;
	int freed = 0, ret;

	ws_add(&all, is_server ? WS_ASKS : WS_ANSWERS, strlen(is_server ? WS_ASKS : WS_ANSWERS));
	ws_add(&all, BYTES(WS_ZIP WS_END));
	for (int i = 0; i < 2; i++)
		ws_add_frame(&all, 0xc1, BYTES("\xf2\x48\xcd\xc9\xc9\x07\x00"), is_server);
	ws_add_frame(&all, 0x88, "", 0, is_server);
	below = fake_new(all.s, all.n);
	below->freed = &freed;
	below->piece = 100;
	below->bite = 50;
	allocations_left = allocations;
	skt_alloc_fails = no_more_memory;
	ret = (is_server ? skt_ws_new_server : skt_ws_new_client)(loop, &below->stream, &zips, &s, NULL);
	if (ret == 0) {
		skt_ws_keep_messages(s, true);
		ret = ws_open(s);
		for (ssize_t got = ret; got >= 0 || got == -SKT_AGAIN;) {
			below->room = 3;
			(void)skt_stream_write(s, "Hello", 5);
			below->room = SIZE_MAX;
			got = skt_stream_read(s, room, 8);
			if (got == 0)
				break;
			ret = got < 0 && got != -SKT_AGAIN ? (int)got : ret;
		}
		skt_stream_free(s);
	}
	skt_alloc_fails = NULL;
	assert_int_equal(freed, 1);
	assert_true(ret == 0 || ret == -SKT_E_LIMIT);
	ws_drop(&all);
	return allocations_left >= 0;
}

static void without_memory_it_fails_wherever_that_is(void **state)
{
	(void)state;
	for (int is_server = 0; is_server < 2; is_server++) {
		int n = 0;

		while (!run_with_memory(n, is_server))
			assert_true(++n < 200);
		assert_true(n > 5);
	}
}

static void opening_finishing_and_freeing_reach_below(void **state)
{
	struct ws_bytes all;
	struct fake *below;
	struct skt_stream *s = opened(&plain, true, NULL, &all, &below);
	int freed = 0, status = 0;

	(void)state;
	below->freed = &freed;
	assert_null(skt_stream_raw(s));
	below->stream.flags |= SKT_STREAM_CHILD;
	assert_int_equal(skt_stream_finish(s, false, &status), -SKT_AGAIN);
	assert_int_equal(skt_stream_finish(s, true, &status), 0);
	assert_true(s->flags & SKT_STREAM_CHILD);
	assert_int_equal(status, 3);
	skt_stream_free(s);
	assert_int_equal(freed, 1);
	ws_drop(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WS_TEST(the_handshake_of_the_rfc_opens_both_ends),
		WS_TEST(whoever_speaks_something_else_is_named),
		WS_TEST(a_stranger_who_waits_is_found_by_the_first_bytes),
		WS_TEST(a_head_that_is_too_long_is_refused),
		WS_TEST(a_request_that_cannot_be_is_not_sent),
		WS_TEST(frames_become_bytes_or_messages_in_whatever_pieces_they_come),
		WS_TEST(the_mask_must_be_as_the_ends_are),
		WS_TEST(a_ping_is_answered_between_fragments),
		WS_TEST(of_pings_that_cannot_be_answered_the_latest_is),
		WS_TEST(many_small_frames_cost_one_read),
		WS_TEST(a_message_that_just_fits_the_room_is_given_and_a_longer_one_is_not_cut),
		WS_TEST(a_message_beyond_the_limit_is_refused_also_when_it_is_only_announced),
		WS_TEST(a_bomb_is_stopped_at_the_limit),
		WS_TEST(what_waits_in_the_inflater_is_given_when_there_is_room),
		WS_TEST(frames_without_payload_do_not_hold_the_loop_up),
		WS_TEST(a_message_is_one_frame_and_one_write),
		WS_TEST(compressed_messages_are_those_of_the_rfc),
		WS_TEST(without_context_takeover_each_message_stands_alone),
		WS_TEST(without_random_bytes_nothing_is_sent),
		WS_TEST(many_bytes_become_messages_of_a_mebibyte),
		WS_TEST(text_is_cut_between_characters_only),
		WS_TEST(what_is_no_text_is_not_sent_as_text),
		WS_TEST(what_below_does_not_take_is_held_and_goes_on_when_it_wakes),
		WS_TEST(a_compressed_message_is_held_whole_where_below_takes_nothing),
		WS_TEST(a_failure_below_is_told_and_shut_still_reaches_below),
		WS_TEST(after_our_close_reading_goes_on_until_the_peers),
		WS_TEST(the_answer_to_a_close_waits_for_what_is_held),
		WS_TEST(who_has_closed_well_takes_messages_until_we_close),
		WS_TEST(who_has_closed_and_waits_no_longer_is_gone),
		WS_TEST(two_ends_carry_megabytes_both_ways_and_close),
		WS_TEST(small_messages_cost_no_allocation),
		WS_TEST(without_memory_it_fails_wherever_that_is),
		WS_TEST(opening_finishing_and_freeing_reach_below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* frame=: bytes become messages and messages bytes, in whatever pieces they come and go. */
#include "fake.h"

#include <stdio.h>

#include "io/filter/frame.h"

static char room[256 * 1024];

static struct skt_stream *framed(struct fake *below, enum skt_frame kind, uint32_t size)
{
	struct skt_framing how = { .kind = kind, .size = size };
	struct skt_stream *s = NULL;
	struct skt_error err = { 0 };

	SUPPORT_OK(skt_frame_new(&below->stream, &how, &s, &err), &err);
	assert_true(s->flags & SKT_STREAM_MESSAGES);
	return s;
}

static void option_values_are_read_and_errors_point_into_them(void **state)
{
	static const struct {
		const char *value;
		int wrong;
		struct skt_framing how;
	} cases[] = {
		{ "none", -1, { SKT_FRAME_NONE, 0 } },
		{ "line", -1, { SKT_FRAME_LINE, 0 } },
		{ "len16", -1, { SKT_FRAME_LEN16, 0 } },
		{ "len32", -1, { SKT_FRAME_LEN32, 0 } },
		{ "chunk=1", -1, { SKT_FRAME_CHUNK, 1 } },
		{ "chunk=65507", -1, { SKT_FRAME_CHUNK, 65507 } },
		{ "chunk=65508", 6, { 0 } },
		{ "chunk=0", 6, { 0 } },
		{ "chunk=", 6, { 0 } },
		{ "chunk", 5, { 0 } },
		{ "chunk=12x", 8, { 0 } },
		{ "chunk=-1", 6, { 0 } },
		{ "chunk=99999999999999999999", 26, { 0 } },
		{ "", 0, { 0 } },
		{ "len", 3, { 0 } },
		{ "len8", 3, { 0 } },
		{ "len166", 5, { 0 } },
		{ "lines", 4, { 0 } },
		{ "LINE", 0, { 0 } },
		{ "nono", 3, { 0 } },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases); i++) {
		struct skt_framing how = { SKT_FRAME_LEN32, 77 };
		int wrong = skt_frame_parse(cases[i].value, &how);

		if (wrong != cases[i].wrong)
			fail_msg("%s: %d instead of %d", cases[i].value, wrong, cases[i].wrong);
		assert_int_equal(how.kind, wrong < 0 ? cases[i].how.kind : SKT_FRAME_LEN32);
		assert_int_equal(how.size, wrong < 0 ? cases[i].how.size : 77);
	}
}

/* What a table's row reads as: each message in <>, then the end. */
static void read_all(struct skt_stream *s, char *ret, size_t n)
{
	size_t at = 0;
	ssize_t got;

	while ((got = skt_stream_read(s, room, sizeof(room))) != 0) {
		if (got == -SKT_AGAIN)
			continue;
		if (got == -SKT_EMPTY)
			got = 0;
		if (got < 0) {
			(void)snprintf(ret + at, n - at, "!%d", (int)-got);
			assert_int_equal(skt_stream_read(s, room, sizeof(room)), got); /* it is final */
			return;
		}
		at += (size_t)snprintf(ret + at, n - at, "<%.*s>", (int)got, room);
	}
	assert_int_equal(skt_stream_read(s, room, sizeof(room)), 0);
	assert_true(s->flags & SKT_STREAM_GONE);
}

#define BYTES(text) text, sizeof(text) - 1

static const struct {
	enum skt_frame kind;
	uint32_t size;
	const char *bytes;
	size_t n;
	const char *messages;
	const char *why;
} readings[] = {
	{ SKT_FRAME_LINE, 0, BYTES(""), "", NULL },
	{ SKT_FRAME_LINE, 0, BYTES("one\ntwo\n"), "<one><two>", NULL },
	{ SKT_FRAME_LINE, 0, BYTES("one\ntwo"), "<one><two>", NULL },
	{ SKT_FRAME_LINE, 0, BYTES("\n\nx\n\n"), "<><><x><>", NULL },
	{ SKT_FRAME_LINE, 0, BYTES("a\r\n\r\nb\rc\n\r"), "<a\r><\r><b\rc><\r>", NULL },
	{ SKT_FRAME_LEN16, 0, BYTES(""), "", NULL },
	{ SKT_FRAME_LEN16, 0, BYTES("\0\3one\0\0\0\1x"), "<one><><x>", NULL },
	{ SKT_FRAME_LEN16, 0, BYTES("\0\1x\0\5tw"), "<x>!9", "2 of its 5 bytes" },
	{ SKT_FRAME_LEN16, 0, BYTES("\0\1x\0"), "<x>!9", "1 of its 2 bytes" },
	{ SKT_FRAME_LEN16, 0, BYTES("\0\1x\0\5"), "<x>!9", "0 of its 5 bytes" },
	{ SKT_FRAME_LEN16, 0, BYTES("\0\1x\377\344abc"), "<x>!8",
	  "65508 bytes was announced, and a message has at most 65507" },
	{ SKT_FRAME_LEN32, 0, BYTES("\0\0\0\3one\0\0\0\0"), "<one><>", NULL },
	{ SKT_FRAME_LEN32, 0, BYTES("\0\0\0"), "!9", "3 of its 4 bytes" },
	{ SKT_FRAME_LEN32, 0, BYTES("\377\377\377\377"), "!8", "4294967295 bytes was announced" },
	{ SKT_FRAME_CHUNK, 3, BYTES(""), "", NULL },
	{ SKT_FRAME_CHUNK, 3, BYTES("abcdef"), "<abc><def>", NULL },
	{ SKT_FRAME_CHUNK, 3, BYTES("abcdefgh"), "<abc><def><gh>", NULL },
	{ SKT_FRAME_CHUNK, 1, BYTES("ab\n"), "<a><b><\n>", NULL },
};

static void bytes_become_messages_in_whatever_pieces_they_come(void **state)
{
	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(readings); i++)
		for (size_t piece = 0; piece <= readings[i].n; piece++)
			for (int blinks = 0; blinks < 2; blinks++) {
				struct fake *below = fake_new(readings[i].bytes, readings[i].n);
				struct skt_stream *s = framed(below, readings[i].kind, readings[i].size);
				char got[256] = "";
				struct skt_error err = { 0 };

				below->piece = piece;
				below->blinks = blinks;
				read_all(s, got, sizeof(got));
				assert_string_equal(got, readings[i].messages);
				skt_stream_why(s, &err);
				if (readings[i].why && !strstr(err.text, readings[i].why))
					fail_msg("%s: not a word of %s", err.text, readings[i].why);
				skt_stream_free(s);
			}
}

static void without_frames_a_message_is_what_a_read_gives(void **state)
{
	struct fake *below = fake_new(BYTES("abcdefg"));
	struct skt_stream *s = framed(below, SKT_FRAME_NONE, 3);
	char got[64] = "";

	(void)state;
	read_all(s, got, sizeof(got));
	assert_string_equal(got, "<abc><def><g>");
	skt_stream_free(s);
	below = fake_new(BYTES("abcdefg"));
	below->piece = 2;
	s = framed(below, SKT_FRAME_NONE, 0);
	memset(got, 0, sizeof(got));
	read_all(s, got, sizeof(got));
	assert_string_equal(got, "<ab><cd><ef><g>");
	skt_stream_free(s);
}

/* One message of n bytes, framed. Returns the bytes, whose number is *ret. */
static char *one_framed(enum skt_frame kind, size_t n, size_t *ret)
{
	size_t width = kind == SKT_FRAME_LEN16 ? 2 : kind == SKT_FRAME_LEN32 ? 4 : 0;
	char *bytes = test_calloc(1, n + 8);

	for (size_t i = 0; i < width; i++)
		bytes[i] = (char)(n >> (8 * (width - 1 - i)));
	for (size_t i = 0; i < n; i++)
		bytes[width + i] = (char)('a' + i % 23);
	if (kind == SKT_FRAME_LINE)
		bytes[n] = '\n';
	*ret = n + width + (kind == SKT_FRAME_LINE);
	return bytes;
}

static void the_longest_message_passes_and_one_byte_more_is_an_error(void **state)
{
	static const enum skt_frame kinds[] = { SKT_FRAME_LINE, SKT_FRAME_LEN16, SKT_FRAME_LEN32 };

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(kinds); i++)
		for (size_t n = 65507; n <= 65508; n++)
			for (size_t piece = 0; piece < 3; piece += 1) {
				size_t all;
				char *bytes = one_framed(kinds[i], n, &all);
				struct fake *below = fake_new(bytes, all);
				struct skt_stream *s = framed(below, kinds[i], 0);
				struct skt_error err = { 0 };
				ssize_t got;

				below->piece = piece == 2 ? 60000 : piece;
				got = skt_stream_read(s, room, sizeof(room));
				assert_int_equal(got, n == 65507 ? 65507 : -SKT_E_LIMIT);
				if (got > 0)
					assert_memory_equal(room, bytes + (all - n - (kinds[i] == SKT_FRAME_LINE)), n);
				skt_stream_why(s, &err);
				if (got < 0 &&
				    (err.sys != EMSGSIZE || !strstr(err.text, "65508") || !strstr(err.text, "65507")))
					fail_msg("%d %s", err.sys, err.text);
				skt_stream_free(s);
				test_free(bytes);
			}
}

static void a_message_longer_than_the_room_is_not_cut(void **state)
{
	struct fake *below = fake_new(BYTES("\0\3one\0\12abcdefghij"));
	struct skt_stream *s = framed(below, SKT_FRAME_LEN16, 0);
	struct skt_error err = { 0 };

	(void)state;
	assert_int_equal(skt_stream_read(s, room, 8), 3);
	assert_int_equal(skt_stream_read(s, room, 8), -SKT_E_LIMIT);
	skt_stream_why(s, &err);
	assert_int_equal(err.sys, EMSGSIZE);
	assert_non_null(strstr(err.text, "10 bytes came, and there is room for 8"));
	skt_stream_free(s);
}

static void what_came_before_a_failure_is_given_first(void **state)
{
	struct fake *below = fake_new(BYTES("one\ntwo\nthr"));
	struct skt_stream *s = framed(below, SKT_FRAME_LINE, 0);
	struct skt_error err = { 0 };

	(void)state;
	below->read_fails = -SKT_E_IO;
	assert_int_equal(skt_stream_read(s, room, sizeof(room)), 3);
	assert_int_equal(skt_stream_read(s, room, sizeof(room)), 3);
	assert_int_equal(skt_stream_read(s, room, sizeof(room)), -SKT_E_IO);
	skt_stream_why(s, &err);
	assert_int_equal(err.sys, ECONNRESET);
	skt_stream_free(s);
}

static const struct {
	enum skt_frame kind;
	const char *message;
	size_t n;
	const char *bytes;
	size_t n_bytes;
} writings[] = {
	{ SKT_FRAME_LINE, BYTES("one"), BYTES("one\n") },
	{ SKT_FRAME_LINE, BYTES("one\n"), BYTES("one\n") },
	{ SKT_FRAME_LINE, BYTES("one\n\n"), BYTES("one\n\n") },
	{ SKT_FRAME_LINE, BYTES("\n"), BYTES("\n") },
	{ SKT_FRAME_LINE, BYTES(""), BYTES("\n") },
	{ SKT_FRAME_LINE, BYTES("\r"), BYTES("\r\n") },
	{ SKT_FRAME_LEN16, BYTES("one"), BYTES("\0\3one") },
	{ SKT_FRAME_LEN16, BYTES(""), BYTES("\0\0") },
	{ SKT_FRAME_LEN32, BYTES("one"), BYTES("\0\0\0\3one") },
	{ SKT_FRAME_LEN32, BYTES(""), BYTES("\0\0\0\0") },
	{ SKT_FRAME_NONE, BYTES("one"), BYTES("one") },
	{ SKT_FRAME_NONE, BYTES(""), BYTES("") },
	{ SKT_FRAME_CHUNK, BYTES("one"), BYTES("one") },
	{ SKT_FRAME_CHUNK, BYTES(""), BYTES("") },
};

static void messages_become_bytes_in_whatever_pieces_they_go(void **state)
{
	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(writings); i++)
		for (size_t bite = 0; bite < 3; bite++) {
			struct fake *below = fake_new(NULL, 0);
			struct skt_stream *s = framed(below, writings[i].kind, 100);

			below->bite = bite;
			for (int k = 0; k < 2; k++)
				assert_int_equal(skt_stream_write(s, writings[i].message, writings[i].n), writings[i].n);
			assert_int_equal(skt_stream_shut(s), 0);
			assert_int_equal(below->shuts, 1);
			assert_int_equal(below->n_taken, 2 * writings[i].n_bytes);
			for (size_t k = 0; writings[i].n_bytes && k < 2; k++)
				assert_memory_equal(below->taken + k * writings[i].n_bytes, writings[i].bytes,
						    writings[i].n_bytes);
			if (bite == 0 && writings[i].n_bytes)
				assert_int_equal(below->n_writes, 2); /* never the length alone */
			skt_stream_free(s);
		}
}

static int wakes;

static void woken(void *user)
{
	(void)user;
	wakes++;
}

static void what_below_does_not_take_is_held_and_goes_on_when_it_wakes(void **state)
{
	static const enum skt_frame kinds[] = { SKT_FRAME_LINE, SKT_FRAME_LEN16, SKT_FRAME_LEN32, SKT_FRAME_NONE };
	static const size_t sizes[] = { 6, 4096, 4097, 65507 };

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(kinds) * SKT_LENGTH(sizes); i++) {
		enum skt_frame kind = kinds[i % SKT_LENGTH(kinds)];
		size_t n = sizes[i / SKT_LENGTH(kinds)], all;
		char *bytes = one_framed(kind, n, &all);
		const char *message = bytes + (kind == SKT_FRAME_LEN16 ? 2 : kind == SKT_FRAME_LEN32 ? 4 : 0);
		struct fake *below = fake_new(NULL, 0);
		struct skt_stream *s = framed(below, kind, 0);

		wakes = 0;
		skt_stream_on_wake(s, woken, NULL);
		below->room = 0;
		assert_int_equal(skt_stream_write(s, message, n),
				 -SKT_AGAIN); /* nothing was taken: it is still the caller's */
		below->room = 1;
		assert_int_equal(skt_stream_write(s, message, n), n);
		assert_int_equal(skt_stream_write(s, message, n), -SKT_AGAIN);
		assert_int_equal(skt_stream_shut(s), -SKT_AGAIN);
		below->room = 2;
		fake_wake(below);
		assert_int_equal(wakes, 1);
		assert_int_equal(below->n_taken, 3);
		assert_int_equal(skt_stream_write(s, message, n), -SKT_AGAIN);
		assert_int_equal(below->shuts, 0);
		below->room = SIZE_MAX;
		fake_wake(below);
		assert_int_equal(wakes, 2);
		assert_int_equal(below->n_taken, all);
		assert_memory_equal(below->taken, bytes, all);
		assert_int_equal(skt_stream_write(s, message, n), n);
		assert_int_equal(skt_stream_shut(s), 0);
		assert_int_equal(below->shuts, 1);
		assert_int_equal(below->n_taken, 2 * all);
		skt_stream_free(s);
		test_free(bytes);
	}
}

static void a_message_that_len16_cannot_express_is_refused_and_the_next_goes(void **state)
{
	struct fake *below = fake_new(NULL, 0);
	struct skt_stream *s = framed(below, SKT_FRAME_LEN16, 0);
	struct skt_error err = { 0 };

	(void)state;
	assert_int_equal(skt_stream_write(s, room, 65536), -SKT_E_LIMIT);
	skt_stream_why(s, &err);
	assert_int_equal(err.sys, EMSGSIZE);
	assert_non_null(strstr(err.text, "65536"));
	assert_non_null(strstr(err.text, "65535"));
	assert_int_equal(below->n_taken, 0);
	assert_int_equal(skt_stream_write(s, room, 65535), 65535);
	assert_int_equal(below->n_taken, 65537);
	skt_stream_free(s);
	below = fake_new(NULL, 0);
	s = framed(below, SKT_FRAME_LEN32, 0);
	assert_int_equal(skt_stream_write(s, room, 65536), 65536);
	assert_memory_equal(below->taken, "\0\1\0\0", 4);
	skt_stream_free(s);
}

static void a_failure_while_flushing_is_told_and_shut_still_reaches_below(void **state)
{
	struct fake *below = fake_new(NULL, 0);
	struct skt_stream *s = framed(below, SKT_FRAME_LINE, 0);

	(void)state;
	below->room = 1;
	assert_int_equal(skt_stream_write(s, "abc", 3), 3);
	below->write_sys = EPIPE;
	fake_wake(below);
	assert_int_equal(skt_stream_write(s, "abc", 3), -SKT_E_IO);
	assert_int_equal(skt_stream_shut(s), 0);
	assert_int_equal(below->shuts, 1);
	skt_stream_free(s);
}

static void opening_finishing_and_freeing_reach_below(void **state)
{
	struct fake *below = fake_new(NULL, 0);
	struct skt_stream *s;
	int freed = 0, status = 0;

	(void)state;
	below->freed = &freed;
	below->stream.flags = SKT_STREAM_CHILD | SKT_STREAM_STDIO;
	s = framed(below, SKT_FRAME_LINE, 0);
	assert_int_equal(s->flags, SKT_STREAM_MESSAGES | SKT_STREAM_CHILD | SKT_STREAM_STDIO);
	assert_int_equal(skt_stream_open(s), -SKT_AGAIN);
	below->stream.flags |= SKT_STREAM_TERMINAL;
	assert_int_equal(skt_stream_open(s), 0);
	assert_true(s->flags & SKT_STREAM_TERMINAL);
	assert_null(skt_stream_raw(s));
	assert_int_equal(skt_stream_finish(s, false, &status), -SKT_AGAIN);
	assert_int_equal(skt_stream_finish(s, true, &status), 0);
	assert_true(below->is_cut);
	assert_int_equal(status, 3);
	skt_stream_free(s);
	assert_int_equal(freed, 1);
}

static int allocations_left, live_allocations_asked;

static bool no_more_memory(void)
{
	live_allocations_asked++;
	return allocations_left-- <= 0;
}

static void without_memory_it_fails_and_below_is_freed(void **state)
{
	struct skt_framing how = { .kind = SKT_FRAME_LINE };
	struct fake *below = fake_new(BYTES("one\ntwo\n"));
	struct skt_stream *s = NULL;
	struct skt_error err = { 0 };
	int freed = 0;

	(void)state;
	below->freed = &freed;
	allocations_left = 0;
	skt_alloc_fails = no_more_memory;
	assert_int_equal(skt_frame_new(&below->stream, &how, &s, &err), -SKT_E_LIMIT);
	assert_int_equal(freed, 1);
	assert_null(s);
	allocations_left = 1;
	below = fake_new(BYTES("one\ntwo\n"));
	assert_int_equal(skt_frame_new(&below->stream, &how, &s, &err), 0);
	assert_int_equal(skt_stream_read(s, room, sizeof(room)), -SKT_E_LIMIT);
	below->room = 1;
	assert_int_equal(skt_stream_write(s, "abc", 3), -SKT_E_LIMIT);
	assert_int_equal(skt_stream_write(s, "abc", 3), -SKT_E_LIMIT);
	skt_alloc_fails = NULL;
	skt_stream_free(s);
}

static void whole_messages_one_at_a_time_cost_no_allocation(void **state)
{
	struct fake *below = fake_new(BYTES("one\ntwo\nsix\n"));
	struct skt_stream *s = framed(below, SKT_FRAME_LINE, 0);

	(void)state;
	below->piece = 4;
	live_allocations_asked = 0;
	allocations_left = 100;
	skt_alloc_fails = no_more_memory;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(skt_stream_read(s, room, sizeof(room)), 3);
		assert_int_equal(skt_stream_write(s, room, 3), 3);
	}
	assert_int_equal(live_allocations_asked, 0);
	skt_alloc_fails = NULL;
	skt_stream_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SUPPORT_TEST(option_values_are_read_and_errors_point_into_them),
		SUPPORT_TEST(bytes_become_messages_in_whatever_pieces_they_come),
		SUPPORT_TEST(without_frames_a_message_is_what_a_read_gives),
		SUPPORT_TEST(the_longest_message_passes_and_one_byte_more_is_an_error),
		SUPPORT_TEST(a_message_longer_than_the_room_is_not_cut),
		SUPPORT_TEST(what_came_before_a_failure_is_given_first),
		SUPPORT_TEST(messages_become_bytes_in_whatever_pieces_they_go),
		SUPPORT_TEST(what_below_does_not_take_is_held_and_goes_on_when_it_wakes),
		SUPPORT_TEST(a_message_that_len16_cannot_express_is_refused_and_the_next_goes),
		SUPPORT_TEST(a_failure_while_flushing_is_told_and_shut_still_reaches_below),
		SUPPORT_TEST(opening_finishing_and_freeing_reach_below),
		SUPPORT_TEST(without_memory_it_fails_and_below_is_freed),
		SUPPORT_TEST(whole_messages_one_at_a_time_cost_no_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

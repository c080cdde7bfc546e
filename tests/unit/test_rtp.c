/* SPDX-License-Identifier: Apache-2.0 */
/* RTP: headers, what their numbers tell, the layer that writes and reads them, and the counting of transport streams. */
#include "virtual_time.h"

#include <stdio.h>
#include <stdlib.h>

#include "fake.h"
#include "io/filter/rtp.h"
#include "io/filter/rtpseen.h"
#include "tsmake.h"

static uint8_t room[256 * 1024];

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1
#define NUMBERS "\0\1\0\0\0\2\0\0\0\3" /* sequence 1, timestamp 2, SSRC 3 */

static void headers_are_read_whatever_they_carry(void **state)
{
	static const struct {
		const uint8_t *bytes;
		size_t n;
		int ret;
		size_t at, n_payload;
		const char *why;
	} rows[] = {
		{ BYTES("\x80\x21" NUMBERS "abc"), 0, 12, 3, "plain" },
		{ BYTES("\x80\x21" NUMBERS), 0, 12, 0, "no payload" },
		{ BYTES("\x80\x21\0\1\0\0\0\2\0\0\0"), -SKT_E_PEER, 0, 0, "too short" },
		{ BYTES(""), -SKT_E_PEER, 0, 0, "nothing" },
		{ BYTES("\x40\x21" NUMBERS "abc"), -SKT_E_PEER, 0, 0, "version 1" },
		{ BYTES("\xc0\x21" NUMBERS "abc"), -SKT_E_PEER, 0, 0, "version 3" },
		{ BYTES("\x82\x21" NUMBERS "ccccddddabc"), 0, 20, 3, "two CSRCs" },
		{ BYTES("\x82\x21" NUMBERS "ccccddd"), -SKT_E_PEER, 0, 0, "CSRCs beyond the end" },
		{ BYTES("\x90\x21" NUMBERS "xx\0\1eeeeabc"), 0, 20, 3, "an extension" },
		{ BYTES("\x90\x21" NUMBERS "xx\0\0abc"), 0, 16, 3, "an empty extension" },
		{ BYTES("\x90\x21" NUMBERS "xx\0\2eeeeabc"), -SKT_E_PEER, 0, 0, "an extension beyond the end" },
		{ BYTES("\x90\x21" NUMBERS "xx\0"), -SKT_E_PEER, 0, 0, "half an extension" },
		{ BYTES("\xa0\x21" NUMBERS "abc\0\2"), 0, 12, 3, "padding" },
		{ BYTES("\xa0\x21" NUMBERS "\0\2"), 0, 12, 0, "padding alone" },
		{ BYTES("\xa0\x21" NUMBERS "\3"), -SKT_E_PEER, 0, 0, "more padding than there is" },
		{ BYTES("\xa0\x21" NUMBERS "abc\0"), -SKT_E_PEER, 0, 0, "padding of 0" },
		{ BYTES("\xa0\x21" NUMBERS), -SKT_E_PEER, 0, 0, "padding of nothing" },
		{ BYTES("\xb1\x21" NUMBERS "ccccxx\0\1eeeeabc\0\2"), 0, 24, 3, "all of them" },
		{ BYTES("\x80\xc8" NUMBERS), -SKT_E_PEER, 0, 0, "a sender report of RTCP" },
		{ BYTES("\x80\xa1" NUMBERS), 0, 12, 0, "a marker" },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(rows); i++) {
		struct skt_rtp rtp = { 0 };
		uint8_t *exact = test_malloc(rows[i].n + 1);
		int ret;

		memcpy(exact, rows[i].bytes, rows[i].n);
		ret = skt_rtp_parse(exact, rows[i].n, &rtp);
		test_free(exact);
		if (ret != rows[i].ret || rtp.at != rows[i].at || rtp.n != rows[i].n_payload)
			fail_msg("%s: %d, %zu bytes at %zu", rows[i].why, ret, rtp.n, rtp.at);
		if (ret < 0)
			continue;
		assert_int_equal(rtp.sequence, 1);
		assert_int_equal(rtp.timestamp, 2);
		assert_int_equal(rtp.ssrc, 3);
		assert_int_equal(rtp.payload_type, 33);
		assert_int_equal(rtp.marker, rows[i].bytes[1] >> 7);
	}
}

static void a_header_that_is_written_reads_the_same(void **state)
{
	struct skt_rtp rtp = {
		.payload_type = 96, .marker = true, .sequence = 0xfedc, .timestamp = 0x89abcdef, .ssrc = 0x76543210
	};
	struct skt_rtp again;
	uint8_t bytes[SKT_RTP_HEADER];

	(void)state;
	skt_rtp_print(&rtp, bytes);
	assert_int_equal(skt_rtp_parse(bytes, sizeof(bytes), &again), 0);
	assert_int_equal(again.payload_type, rtp.payload_type);
	assert_true(again.marker);
	assert_int_equal(again.sequence, rtp.sequence);
	assert_int_equal(again.timestamp, rtp.timestamp);
	assert_int_equal(again.ssrc, rtp.ssrc);
	assert_int_equal(again.at, SKT_RTP_HEADER);
	assert_int_equal(again.n, 0);
}

/* A row is the numbers as they come, and the counts afterwards. */
static void numbers_tell_loss_duplicates_and_order(void **state)
{
	static const struct {
		int n;
		uint16_t sequence[12];
		uint64_t received, lost, duplicates, reordered, resyncs;
	} rows[] = {
		{ 1, { 7 }, 1, 0, 0, 0, 0 },
		{ 3, { 7, 8, 9 }, 3, 0, 0, 0, 0 },
		{ 3, { 65534, 65535, 0 }, 3, 0, 0, 0, 0 },
		{ 3, { 65534, 0, 1 }, 3, 1, 0, 0, 0 },
		{ 3, { 7, 8, 11 }, 3, 2, 0, 0, 0 },
		{ 4, { 7, 8, 10, 9 }, 4, 0, 0, 1, 0 },
		{ 5, { 7, 8, 8, 8, 9 }, 3, 0, 2, 0, 0 },
		{ 6, { 7, 9, 8, 8, 9, 7 }, 3, 0, 3, 1, 0 },
		{ 3, { 7, 6, 5 }, 3, 0, 0, 2, 0 }, /* the first came early */
		{ 4, { 0, 65535, 1, 65535 }, 3, 0, 1, 1, 0 },
		{ 3, { 0, 64, 0 }, 2, 63, 1, 0, 0 },
		{ 4, { 0, 100, 0, 36 }, 3, 98, 1, 1, 0 },
		{ 4, { 0, 63, 127, 63 }, 3, 125, 1, 0, 0 },
		{ 2, { 0, 5000 }, 2, 4999, 0, 0, 0 },
		{ 3, { 5000, 10, 11 }, 3, 0, 0, 0, 1 },           /* begun anew */
		{ 5, { 5000, 5003, 10, 12, 12 }, 4, 3, 1, 0, 1 }, /* what was lost before stays lost */
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(rows); i++) {
		struct skt_rtpseen seen = { 0 };
		const struct skt_media *m = &seen.media;

		for (int k = 0; k < rows[i].n; k++) {
			struct skt_rtp rtp = { .sequence = rows[i].sequence[k], .ssrc = 9 };
			uint64_t duplicates = m->duplicates;

			bool is_new = skt_rtpseen_take(&seen, &rtp, 0);

			assert_int_equal(is_new, m->duplicates == duplicates);
		}
		if (m->received != rows[i].received || m->lost != rows[i].lost || m->duplicates != rows[i].duplicates ||
		    m->reordered != rows[i].reordered || m->resyncs != rows[i].resyncs)
			fail_msg("row %zu: %d received, %d lost, %d duplicates, %d reordered, %d resyncs", i,
				 (int)m->received, (int)m->lost, (int)m->duplicates, (int)m->reordered, (int)m->resyncs);
	}
}

static void a_long_stream_with_everything_adds_up(void **state)
{
	struct skt_rtpseen seen = { 0 };
	uint32_t seed = 5;
	uint64_t lost = 0;

	(void)state;
	for (uint32_t i = 0; i < 300000; i++) { /* the numbers go round four times */
		struct skt_rtp rtp = { .sequence = (uint16_t)(i + 65000) };

		if (i > 0 && i < 299999 && support_random(&seed) % 10 == 0) {
			lost++;
			continue;
		}
		assert_true(skt_rtpseen_take(&seen, &rtp, 0));
		assert_false(skt_rtpseen_take(&seen, &rtp, 0));
	}
	assert_int_equal(seen.media.lost, lost);
	assert_int_equal(seen.media.received, 300000 - lost);
	assert_int_equal(seen.media.duplicates, 300000 - lost);
	assert_int_equal(seen.media.resyncs, 0);
}

static void another_source_begins_anew_and_keeps_the_loss(void **state)
{
	struct skt_rtpseen seen = { 0 };

	(void)state;
	(void)skt_rtpseen_take(&seen, &(struct skt_rtp){ .sequence = 10, .ssrc = 1 }, 0);
	(void)skt_rtpseen_take(&seen, &(struct skt_rtp){ .sequence = 12, .ssrc = 1 }, 0);
	assert_true(skt_rtpseen_take(&seen, &(struct skt_rtp){ .sequence = 12, .ssrc = 2 }, 0));
	assert_true(skt_rtpseen_take(&seen, &(struct skt_rtp){ .sequence = 13, .ssrc = 2 }, 0));
	assert_int_equal(seen.media.lost, 1);
	assert_int_equal(seen.media.received, 4);
	assert_int_equal(seen.media.resyncs, 1);
}

static void jitter_is_that_of_the_rfc(void **state)
{
	struct skt_rtpseen seen = { 0 };
	skt_time j = 0;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) { /* a packet each 10 ms, every other one 1 ms late; the timestamp goes round */
		struct skt_rtp rtp = { .sequence = (uint16_t)i, .timestamp = 0xffff0000U + i * 900 };

		(void)skt_rtpseen_take(&seen, &rtp, (skt_time)i * 10 * SKT_MS + (i & 1 ? SKT_MS : 0));
		if (i > 0)
			j += (SKT_MS - j) / 16;
		assert_true(llabs(seen.media.jitter - j) < 100);
	}
	assert_true(llabs(seen.media.jitter - SKT_MS) < 1000);
	for (uint32_t i = 1000; i < 2000; i++) /* now exactly in time */
		(void)skt_rtpseen_take(&seen,
				       &(struct skt_rtp){ .sequence = (uint16_t)i, .timestamp = 0xffff0000U + i * 900 },
				       (skt_time)i * 10 * SKT_MS);
	assert_true(seen.media.jitter < 1000);
}

static int wakes;

static void woken(void *user)
{
	(void)user;
	wakes++;
}

static struct skt_stream *layered(struct skt_loop *loop, struct fake *below)
{
	struct skt_stream *s = NULL;
	struct skt_error err = { 0 };

	below->stream.flags |= SKT_STREAM_MESSAGES;
	SUPPORT_OK(skt_rtp_new(loop, &below->stream, &s, &err), &err);
	assert_true(s->flags & SKT_STREAM_MESSAGES);
	skt_stream_on_wake(s, woken, NULL);
	wakes = 0;
	return s;
}

static void what_is_written_is_read_again_on_the_other_side(void **state)
{
	static const size_t sizes[] = { 1316, 0, 1, 2048, 2049, 65495 };
	struct skt_loop *loop = support_loop();
	struct fake *out = fake_new(NULL, 0), *in;
	struct skt_stream *w = layered(loop, out), *r;
	char *bytes = support_bytes(65495, 3);
	size_t lengths[SKT_LENGTH(sizes)];
	skt_time start = virtual_now;

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(sizes); i++) {
		assert_int_equal(skt_stream_write(w, bytes, sizes[i]), sizes[i]);
		lengths[i] = out->last_write;
		assert_int_equal(lengths[i], sizes[i] + SKT_RTP_HEADER);
		virtual_now += 10 * SKT_MS;
	}
	in = fake_new_messages(out->taken, lengths, SKT_LENGTH(lengths));
	r = layered(loop, in);
	virtual_now = start;
	for (size_t i = 0; i < SKT_LENGTH(sizes); i++) {
		assert_int_equal(skt_stream_read(r, room, sizeof(room)), sizes[i] ? (ssize_t)sizes[i] : -SKT_EMPTY);
		assert_memory_equal(room, bytes, sizes[i]);
		virtual_now += 10 * SKT_MS;
	}
	assert_int_equal(skt_stream_read(r, room, sizeof(room)), 0);
	assert_true(r->flags & SKT_STREAM_GONE);
	assert_int_equal(skt_media_of(r)->received, SKT_LENGTH(sizes));
	assert_int_equal(skt_media_of(r)->lost, 0);
	assert_int_equal(skt_media_of(r)->malformed, 0);
	assert_true(skt_media_of(r)->jitter < 20000); /* a timestamp is of 11 us */
	assert_true(skt_media_of(r)->is_rtp);
	assert_true(skt_media_of(r)->is_ts);
	skt_stream_free(w);
	skt_stream_free(r);
	skt_loop_free(loop);
	test_free(bytes);
}

static void a_message_that_does_not_fit_is_refused_and_uses_up_no_number(void **state)
{
	struct skt_loop *loop = support_loop();
	struct fake *out = fake_new(NULL, 0);
	struct skt_stream *s = layered(loop, out);
	struct skt_error err = { 0 };
	struct skt_rtp rtp[2];

	(void)state;
	assert_int_equal(skt_stream_write(s, room, 10), 10);
	assert_int_equal(skt_stream_write(s, room, 65496), -SKT_E_LIMIT);
	skt_stream_why(s, &err);
	assert_int_equal(err.sys, EMSGSIZE);
	assert_non_null(strstr(err.text, "65496"));
	assert_non_null(strstr(err.text, "65495"));
	out->room = 0;
	assert_int_equal(skt_stream_write(s, room, 10), -SKT_AGAIN);
	out->room = SIZE_MAX;
	assert_int_equal(skt_stream_write(s, room, 10), 10);
	for (int i = 0; i < 2; i++)
		assert_int_equal(skt_rtp_parse((uint8_t *)out->taken + (size_t)22 * (size_t)i, 22, &rtp[i]), 0);
	assert_int_equal((uint16_t)(rtp[1].sequence - rtp[0].sequence), 1);
	assert_int_equal(rtp[1].ssrc, rtp[0].ssrc);
	assert_int_equal(rtp[0].payload_type, 33);
	assert_false(rtp[0].marker);
	assert_int_equal(skt_stream_shut(s), 0);
	assert_int_equal(out->shuts, 1);
	skt_stream_free(s);
	skt_loop_free(loop);
}

static void what_is_no_rtp_is_passed_over_without_holding_up_others(void **state)
{
	static size_t lengths[201];
	static char bytes[200 * 20 + 15];
	struct skt_loop *loop = support_loop();
	struct skt_stream *s;
	ssize_t got;
	int agains = 0;

	(void)state;
	for (size_t i = 0; i < 200; i++)
		lengths[i] = i % 10 == 0 ? 0 : 20 + (i % 10 == 1 ? 20 : 0);
	lengths[200] = 15;
	memcpy(bytes + sizeof(bytes) - 15, "\x80\x21" NUMBERS "abc", 15);
	s = layered(loop, fake_new_messages(bytes, lengths, 201));
	while ((got = skt_stream_read(s, room, sizeof(room))) == -SKT_AGAIN) {
		support_round(loop, SKT_FOREVER);
		assert_int_equal(wakes, ++agains);
	}
	assert_int_equal(got, 3);
	assert_memory_equal(room, "abc", 3);
	assert_int_equal(agains, 3);
	assert_int_equal(skt_media_of(s)->malformed, 200);
	skt_stream_free(s);
	skt_loop_free(loop);
}

static ssize_t no_random(void *buf, size_t n, unsigned flags)
{
	(void)buf, (void)n, (void)flags;
	errno = ENOSYS;
	return -1;
}

static bool no_memory(void)
{
	return true;
}

static void without_memory_or_random_numbers_it_fails_and_below_is_freed(void **state)
{
	struct fake *below[3];
	struct skt_stream *s = NULL;
	struct skt_error err = { 0 };
	int freed = 0;

	(void)state;
	for (int i = 0; i < 3; i++) {
		below[i] = fake_new(NULL, 0);
		below[i]->freed = &freed;
	}
	skt_alloc_fails = no_memory;
	assert_int_equal(skt_rtp_new(NULL, &below[0]->stream, &s, &err), -SKT_E_LIMIT);
	assert_int_equal(skt_tscount_new(&below[1]->stream, &s, &err), -SKT_E_LIMIT);
	skt_alloc_fails = NULL;
	skt_sys.getrandom = no_random;
	assert_int_equal(skt_rtp_new(NULL, &below[2]->stream, &s, &err), -SKT_E_IO);
	assert_int_equal(freed, 3);
	assert_null(s);
}

static void transport_streams_are_counted_as_they_pass(void **state)
{
	static const size_t lengths[] = { 1316, 1316, 1316, 100, 188 };
	uint8_t bytes[21 * 188 + 100 + 188];
	struct skt_stream *s = NULL;
	const struct skt_media *m;

	(void)state;
	tsmake_stream(bytes, 21, 0, 0, 0);
	tsmake_packet(bytes + 9 * 188, &(struct tsmake){ 0x100, 12, -1 }); /* 3 missing, then 13 */
	tsmake_packet(bytes + 20 * 188, &(struct tsmake){ 0x100, 3, -1 }); /* as the one before */
	memset(bytes + 21 * 188, 0, 100);
	tsmake_packet(bytes + 21 * 188 + 100, &(struct tsmake){ 0x100, 4, -1 });
	assert_int_equal(skt_tscount_new(&fake_new_messages(bytes, lengths, 5)->stream, &s, NULL), 0);
	m = skt_media_of(s);
	for (size_t i = 0, at = 0; i < 5; at += lengths[i++]) {
		assert_int_equal(skt_stream_read(s, room, sizeof(room)), lengths[i]);
		assert_memory_equal(room, bytes + at, lengths[i]);
	}
	assert_int_equal(skt_stream_read(s, room, sizeof(room)), 0);
	assert_true(m->is_ts);
	assert_false(m->is_rtp);
	assert_int_equal(m->received, 21);
	assert_int_equal(m->duplicates, 1);
	assert_int_equal(m->lost, 16);
	assert_int_equal(m->malformed, 1);
	skt_stream_free(s);
}

static void what_is_no_transport_stream_is_not_counted(void **state)
{
	static const size_t lengths[] = { 0, 5, 188 };
	uint8_t bytes[193];
	struct skt_stream *s = NULL;

	(void)state;
	memset(bytes, 0x47, sizeof(bytes));
	assert_int_equal(skt_tscount_new(&fake_new_messages(bytes, lengths, 3)->stream, &s, NULL), 0);
	assert_int_equal(skt_stream_read(s, room, sizeof(room)), -SKT_EMPTY);
	assert_int_equal(skt_stream_read(s, room, sizeof(room)), 5);
	assert_int_equal(skt_stream_read(s, room, sizeof(room)), 188);
	assert_false(skt_media_of(s)->is_ts);
	assert_int_equal(skt_media_of(s)->received + skt_media_of(s)->malformed, 0);
	skt_stream_free(s);
}

static void the_counts_are_found_wherever_they_are_in_the_chain(void **state)
{
	struct skt_loop *loop = support_loop();
	struct fake *plain = fake_new(NULL, 0), *below = fake_new(NULL, 0);
	struct skt_stream *rtp = layered(loop, below), *top = NULL;

	(void)state;
	assert_null(skt_media_of(&plain->stream));
	assert_int_equal(skt_tscount_new(rtp, &top, NULL), 0);
	assert_ptr_equal(skt_media_of(top), skt_media_of(rtp)); /* RTP knows more */
	skt_stream_free(&plain->stream);
	skt_stream_free(top);
	skt_loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		VIRTUAL_TEST(headers_are_read_whatever_they_carry),
		VIRTUAL_TEST(a_header_that_is_written_reads_the_same),
		VIRTUAL_TEST(numbers_tell_loss_duplicates_and_order),
		VIRTUAL_TEST(a_long_stream_with_everything_adds_up),
		VIRTUAL_TEST(another_source_begins_anew_and_keeps_the_loss),
		VIRTUAL_TEST(jitter_is_that_of_the_rfc),
		VIRTUAL_TEST(what_is_written_is_read_again_on_the_other_side),
		VIRTUAL_TEST(a_message_that_does_not_fit_is_refused_and_uses_up_no_number),
		VIRTUAL_TEST(what_is_no_rtp_is_passed_over_without_holding_up_others),
		VIRTUAL_TEST(without_memory_or_random_numbers_it_fails_and_below_is_freed),
		VIRTUAL_TEST(transport_streams_are_counted_as_they_pass),
		VIRTUAL_TEST(what_is_no_transport_stream_is_not_counted),
		VIRTUAL_TEST(the_counts_are_found_wherever_they_are_in_the_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

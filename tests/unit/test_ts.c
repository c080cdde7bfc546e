/* SPDX-License-Identifier: Apache-2.0 */
/* Transport streams: sync, continuity, clock, whatever the pieces in which they come. */
#include "support.h"

#include "tsmake.h"

enum { PACKETS = 12 };

static struct skt_ts ts;
static struct seen {
	size_t n;
	uint16_t pid[64];
	enum skt_ts_clock clock[64];
	int64_t ticks[64];
} seen;

static void see(void *user, const struct skt_ts_packet *packet, enum skt_ts_clock clock, int64_t ticks)
{
	struct seen *s = user;

	assert_true(s->n < 64);
	assert_int_equal(packet->bytes[0], SKT_TS_SYNC);
	s->pid[s->n] = packet->pid;
	s->clock[s->n] = clock;
	s->ticks[s->n++] = ticks;
}

/* Feed in pieces (0: all at once) into a new one. Returns what was left over. */
static size_t feed(const uint8_t *bytes, size_t n, size_t piece)
{
	memset(&seen, 0, sizeof(seen));
	skt_ts_init(&ts, see, &seen);
	for (size_t at = 0; at < n;) {
		size_t take = piece && n - at > piece ? piece : n - at;

		skt_ts_feed(&ts, bytes + at, take);
		at += take;
	}
	return skt_ts_end(&ts);
}

static const size_t pieces[] = { 0, 1, 2, 187, 188, 189, 376, 377, 500, 1316 };

static void packets_come_out_whole_in_whatever_pieces_they_come(void **state)
{
	uint8_t bytes[PACKETS * SKT_TS_PACKET];

	(void)state;
	tsmake_stream(bytes, PACKETS, 0, 0, 0);
	for (size_t i = 0; i < SKT_LENGTH(pieces); i++)
		for (size_t n = 0; n <= sizeof(bytes); n += 47) {
			assert_int_equal(feed(bytes, n, pieces[i]), n % SKT_TS_PACKET);
			assert_int_equal(seen.n, n / SKT_TS_PACKET);
			assert_int_equal(ts.counts.packets, seen.n);
			assert_int_equal(ts.counts.lost + ts.counts.skipped + ts.counts.resyncs, 0);
		}
}

static void broken_sync_is_found_again_and_counted(void **state)
{
	static const struct {
		size_t cut, add; /* at packet 5: bytes that are missing, or more; 0x47 stands among those that are more */
		size_t packets, skipped, resyncs;
	} cases[] = {
		{ 0, 1, PACKETS, 1, 1 },       { 0, 188, PACKETS, 188, 1 },   { 0, 1000, PACKETS, 1000, 1 },
		{ 1, 0, PACKETS - 1, 187, 1 }, { 188, 0, PACKETS - 1, 0, 0 }, { 189, 0, PACKETS - 2, 187, 1 },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases) * SKT_LENGTH(pieces); i++) {
		size_t k = i / SKT_LENGTH(pieces), at = 5 * SKT_TS_PACKET, n = 0, add = cases[k].add;
		uint8_t good[PACKETS * SKT_TS_PACKET], bytes[PACKETS * SKT_TS_PACKET + 1000];

		tsmake_stream(good, PACKETS, 0, 0, 0);
		memcpy(bytes, good, n = at);
		memset(bytes + n, 0x22, add);
		if (add > 300)
			bytes[n + 300] = bytes[n + 300 + 188] = SKT_TS_SYNC; /* not three times */
		n += add;
		memcpy(bytes + n, good + at + cases[k].cut, sizeof(good) - at - cases[k].cut);
		n += sizeof(good) - at - cases[k].cut;
		assert_int_equal(feed(bytes, n, pieces[i % SKT_LENGTH(pieces)]), 0);
		assert_int_equal(seen.n, cases[k].packets);
		assert_int_equal(ts.counts.skipped, cases[k].skipped);
		assert_int_equal(ts.counts.resyncs, cases[k].resyncs);
	}
}

static void what_is_no_transport_stream_gives_no_packet(void **state)
{
	uint8_t bytes[5000];

	(void)state;
	for (int fill = 0; fill < 256; fill++) {
		memset(bytes, fill, sizeof(bytes));
		(void)feed(bytes, sizeof(bytes), (size_t)fill);
		if (fill != SKT_TS_SYNC)
			assert_int_equal(seen.n, 0);
	}
}

/* A row is a packet, and what it adds to the counts. */
static void continuity_is_counted_by_the_rules(void **state)
{
	static const struct {
		struct tsmake packet;
		unsigned lost, duplicates, damaged;
		const char *why;
	} rows[] = {
		{ { 0x100, 7, -1 }, 0, 0, 0, "the first may have any counter" },
		{ { 0x100, 8, -1 }, 0, 0, 0, "the next" },
		{ { 0x101, 0, -1 }, 0, 0, 0, "another PID" },
		{ { 0x100, 9, -1 }, 0, 0, 0, "the next" },
		{ { 0x100, 9, -1 }, 0, 1, 0, "sent twice" },
		{ { 0x100, 10, -1 }, 0, 0, 0, "after a duplicate" },
		{ { 0x100, 10, -1 }, 0, 1, 0, "sent twice" },
		{ { 0x100, 10, -1 }, 15, 0, 0, "thrice is not allowed" },
		{ { 0x100, 13, -1 }, 2, 0, 0, "two are missing" },
		{ { 0x100, 0, -1 }, 2, 0, 0, "round" },
		{ { 0x100, 15, -1 }, 14, 0, 0, "back by one is fourteen missing" },
		{ { 0x100, 0, -1 }, 0, 0, 0, "round" },
		{ { 0x100, 0, -1, .no_payload = true }, 0, 0, 0, "without payload it does not grow" },
		{ { 0x100, 0, -1, .no_payload = true }, 0, 0, 0, "however often" },
		{ { 0x100, 1, -1 }, 0, 0, 0, "and goes on" },
		{ { 0x100, 9, -1, .discontinuity = true }, 0, 0, 0, "the indicator allows a jump" },
		{ { 0x100, 10, -1 }, 0, 0, 0, "from there on" },
		{ { 0x100, 10, -1, .no_payload = true, .discontinuity = true }, 0, 0, 0, "also alone" },
		{ { 0x100, 3, -1 }, 0, 0, 0, "then it begins anew" },
		{ { 0x100, 9, -1, .damaged = true }, 0, 0, 1, "what is damaged is not believed" },
		{ { 0x100, 4, -1 }, 0, 0, 0, "and goes on" },
		{ { SKT_TS_NULL, 4, -1 }, 0, 0, 0, "null packets have no order" },
		{ { SKT_TS_NULL, 9, -1 }, 0, 0, 0, "none at all" },
		{ { SKT_TS_NULL, 9, -1 }, 0, 0, 0, "none at all" },
	};

	(void)state;
	skt_ts_init(&ts, NULL, NULL);
	for (size_t i = 0; i < SKT_LENGTH(rows); i++) {
		struct skt_ts_counts before = ts.counts;
		uint8_t bytes[SKT_TS_PACKET];
		struct skt_ts_packet packet;

		tsmake_packet(bytes, &rows[i].packet);
		skt_ts_look(bytes, &packet);
		assert_int_equal(packet.pid, rows[i].packet.pid);
		skt_ts_count(&ts, &packet);
		if (ts.counts.lost - before.lost != rows[i].lost ||
		    ts.counts.duplicates - before.duplicates != rows[i].duplicates ||
		    ts.counts.damaged - before.damaged != rows[i].damaged)
			fail_msg("row %zu, %s: %d lost, %d duplicates", i, rows[i].why,
				 (int)(ts.counts.lost - before.lost), (int)(ts.counts.duplicates - before.duplicates));
	}
}

#define WRAP (((int64_t)1 << 33) * 300)

static void the_clock_is_read_and_what_cannot_be_true_is_wild(void **state)
{
	static const struct {
		struct tsmake packet;
		enum skt_ts_clock clock;
		int64_t ticks;
	} rows[] = {
		{ { 0x100, 0, -1 }, SKT_TS_NO_CLOCK, 0 },
		{ { 0x100, 1, 1000 }, SKT_TS_BEGINS, 0 },
		{ { 0x100, 2, 1000 + 27000 }, SKT_TS_RUNS, 27000 },
		{ { 0x100, 2, 1000 + 27000 }, SKT_TS_NO_CLOCK, 0 }, /* sent twice */
		{ { 0x101, 0, 77 }, SKT_TS_NO_CLOCK, 0 },           /* another program */
		{ { 0x100, 3, 1000 + 27000 + SKT_TS_HZ }, SKT_TS_RUNS, SKT_TS_HZ },
		{ { 0x100, 4, 1001 + 27000 + 2 * SKT_TS_HZ }, SKT_TS_WILD, 0 }, /* more than a second */
		{ { 0x100, 5, 500 }, SKT_TS_WILD, 0 },                          /* backwards */
		{ { 0x100, 6, 800 }, SKT_TS_BEGINS, 0 },                        /* a second one agrees */
		{ { 0x100, 6, 1100 }, SKT_TS_RUNS, 300 },
		{ { 0x100, 6, 900 * SKT_TS_HZ }, SKT_TS_WILD, 0 }, /* one alone */
		{ { 0x100, 6, 1400 }, SKT_TS_RUNS, 300 },
		{ { 0x100, 7, WRAP - 500, .discontinuity = true }, SKT_TS_BEGINS, 0 },
		{ { 0x100, 8, WRAP - 1 }, SKT_TS_RUNS, 499 },
		{ { 0x100, 9, 99 }, SKT_TS_RUNS, 100 }, /* round, after 26 hours */
		{ { 0x100, 10, 599, .no_payload = true }, SKT_TS_RUNS, 500 },
	};
	uint8_t bytes[SKT_LENGTH(rows) * SKT_TS_PACKET];

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(rows); i++)
		tsmake_packet(bytes + i * SKT_TS_PACKET, &rows[i].packet);
	for (size_t k = 0; k < SKT_LENGTH(pieces); k++) {
		assert_int_equal(feed(bytes, sizeof(bytes), pieces[k]), 0);
		assert_int_equal(seen.n, SKT_LENGTH(rows));
		for (size_t i = 0; i < seen.n; i++)
			if (seen.clock[i] != rows[i].clock || seen.ticks[i] != rows[i].ticks)
				fail_msg("row %zu: %d, %lld ticks", i, (int)seen.clock[i], (long long)seen.ticks[i]);
		assert_int_equal(ts.counts.wild, 3);
	}
}

static void another_program_is_followed_when_the_first_has_gone(void **state)
{
	uint8_t bytes[60 * SKT_TS_PACKET];

	(void)state;
	for (size_t i = 0; i < 60; i++)
		tsmake_packet(bytes + i * SKT_TS_PACKET,
			      &(struct tsmake){ i ? 0x200 : 0x100, i & 15, (int64_t)i * 1000 });
	(void)feed(bytes, sizeof(bytes), 0);
	assert_int_equal(seen.clock[0], SKT_TS_BEGINS);
	assert_int_equal(seen.clock[50], SKT_TS_NO_CLOCK);
	assert_int_equal(seen.clock[51], SKT_TS_BEGINS);
	assert_int_equal(seen.clock[52], SKT_TS_RUNS);
	assert_int_equal(seen.clock[59], SKT_TS_RUNS);
	assert_int_equal(ts.counts.wild, 0);
}

static void an_adaptation_field_that_does_not_fit_is_damage(void **state)
{
	uint8_t bytes[SKT_TS_PACKET];
	struct skt_ts_packet packet;

	(void)state;
	for (unsigned length = 0; length < 256; length++) {
		tsmake_packet(bytes, &(struct tsmake){ 0x100, 0, 5000 });
		bytes[4] = (uint8_t)length;
		skt_ts_look(bytes, &packet);
		assert_int_equal(packet.is_damaged, length > 182);
		assert_int_equal(packet.pcr, length >= 7 && length <= 182 ? 5000 : -1);
	}
}

static void whole_packets_are_told_from_others(void **state)
{
	uint8_t bytes[7 * SKT_TS_PACKET];

	(void)state;
	tsmake_stream(bytes, 7, 0, 0, 0);
	assert_true(skt_ts_is_whole(bytes, sizeof(bytes)));
	assert_true(skt_ts_is_whole(bytes, SKT_TS_PACKET));
	assert_false(skt_ts_is_whole(bytes, 0));
	assert_false(skt_ts_is_whole(bytes, sizeof(bytes) - 1));
	bytes[6 * SKT_TS_PACKET] = 0;
	assert_false(skt_ts_is_whole(bytes, sizeof(bytes)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SUPPORT_TEST(packets_come_out_whole_in_whatever_pieces_they_come),
		SUPPORT_TEST(broken_sync_is_found_again_and_counted),
		SUPPORT_TEST(what_is_no_transport_stream_gives_no_packet),
		SUPPORT_TEST(continuity_is_counted_by_the_rules),
		SUPPORT_TEST(the_clock_is_read_and_what_cannot_be_true_is_wild),
		SUPPORT_TEST(another_program_is_followed_when_the_first_has_gone),
		SUPPORT_TEST(an_adaptation_field_that_does_not_fit_is_damage),
		SUPPORT_TEST(whole_packets_are_told_from_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

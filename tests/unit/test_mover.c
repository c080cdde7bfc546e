/* SPDX-License-Identifier: Apache-2.0 */
/* Movers: which one serves which pair of descriptors, and that changing it keeps every byte. */
#include "rig.h"

#include "link/mover.h"

/* A link of which only the picture is looked at. */
struct picture {
	struct skt_link_options options;
	struct skt_link link;
	struct skt_fd side[2];
};

static const struct skt_mover *picked(enum skt_fdkind source, enum skt_fdkind sink, enum skt_mover_choice choice,
				      uint8_t big, bool can_splice_out)
{
	struct picture p = { .options.mover = choice };

	p.side[0].stream.ops = p.side[1].stream.ops = &skt_fd_ops;
	p.side[0].in_kind = (uint8_t)source;
	p.side[1].out_kind = (uint8_t)sink;
	p.side[1].can_splice_out = can_splice_out;
	p.link.options = &p.options;
	p.link.side[0] = &p.side[0].stream;
	p.link.side[1] = &p.side[1].stream;
	p.link.flow[0].big = big;
	return skt_mover_pick(&p.link.flow[0]);
}

static void each_pair_of_kinds_has_its_mover(void **state)
{
	static const enum skt_fdkind T = SKT_FD_TCP, S = SKT_FD_SOCKET, K = SKT_FD_PACKET, P = SKT_FD_PIPE,
				     F = SKT_FD_FILE, Y = SKT_FD_TTY, N = SKT_FD_NONE;
	const struct skt_mover *copy = &skt_mover_copy, *splice = &skt_mover_splice, *direct = &skt_mover_direct,
			       *file = &skt_mover_sendfile;
	const struct {
		enum skt_fdkind source, sink;
		const struct skt_mover *mover;
	} rows[] = {
		{ T, T, splice }, { T, S, splice }, { S, T, splice }, { S, S, splice }, { T, F, splice },
		{ S, F, splice }, { T, P, direct }, { S, P, direct }, { P, T, direct }, { P, S, direct },
		{ P, P, direct }, { P, F, direct }, { F, T, file },   { F, S, file },   { F, P, file },
		{ F, F, splice }, { K, T, copy },   { T, K, copy },   { K, K, copy },   { Y, T, copy },
		{ T, Y, copy },   { P, Y, copy },   { Y, P, copy },   { N, T, copy },   { T, N, copy },
		{ F, K, copy },   { F, Y, copy },   { K, P, copy },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(rows); i++) {
		bool splices = rows[i].sink != K && rows[i].sink != Y;

		if (picked(rows[i].source, rows[i].sink, SKT_MOVER_SPLICE, 0, splices) != rows[i].mover)
			fail_msg("from kind %d to kind %d", rows[i].source, rows[i].sink);
		assert_ptr_equal(picked(rows[i].source, rows[i].sink, SKT_MOVER_COPY, SKT_BIG_READS, splices), copy);
	}
}

static void a_flow_copies_until_its_reads_are_big_but_files_are_big_from_the_start(void **state)
{
	(void)state;
	for (uint8_t big = 0; big < SKT_BIG_READS; big++) {
		assert_ptr_equal(picked(SKT_FD_TCP, SKT_FD_TCP, SKT_MOVER_AUTO, big, true), &skt_mover_copy);
		assert_ptr_equal(picked(SKT_FD_TCP, SKT_FD_TCP, SKT_MOVER_SPLICE, big, true), &skt_mover_splice);
		assert_ptr_equal(picked(SKT_FD_FILE, SKT_FD_TCP, SKT_MOVER_AUTO, big, true), &skt_mover_sendfile);
	}
	assert_ptr_equal(picked(SKT_FD_TCP, SKT_FD_TCP, SKT_MOVER_AUTO, SKT_BIG_READS, true), &skt_mover_splice);
	assert_ptr_equal(picked(SKT_FD_PIPE, SKT_FD_TCP, SKT_MOVER_AUTO, SKT_BIG_READS, true), &skt_mover_direct);
}

static void what_is_opened_to_append_is_not_spliced_to(void **state)
{
	(void)state;
	assert_ptr_equal(picked(SKT_FD_TCP, SKT_FD_FILE, SKT_MOVER_SPLICE, 0, false), &skt_mover_copy);
	assert_ptr_equal(picked(SKT_FD_PIPE, SKT_FD_FILE, SKT_MOVER_SPLICE, 0, false), &skt_mover_copy);
}

static void a_side_without_descriptors_is_copied(void **state)
{
	static const struct skt_stream_ops opaque = { .name = "opaque" };
	struct picture p = { .options.mover = SKT_MOVER_SPLICE };
	struct skt_stream stream = { .ops = &opaque };

	(void)state;
	p.side[0].stream.ops = &skt_fd_ops;
	p.side[0].in_kind = p.side[0].out_kind = SKT_FD_TCP;
	p.link.options = &p.options;
	p.link.side[0] = &p.side[0].stream;
	p.link.side[1] = &stream;
	p.link.flow[1].dir = 1;
	assert_ptr_equal(skt_mover_pick(&p.link.flow[0]), &skt_mover_copy);
	assert_ptr_equal(skt_mover_pick(&p.link.flow[1]), &skt_mover_copy);
}

/* Runs of small and of big messages, each awaited: the flow goes to a fast mover and back, several times. */
static void changing(enum far_kind a, enum far_kind b)
{
	enum { ALL = 24 * 1024 * 1024, RUN = 12, RUNS = 8 };
	char *bytes = support_bytes(ALL, 21);
	size_t sent = 0;
	uint32_t seed = 22;
	int changes = 0;
	const struct skt_mover *last = NULL;
	struct rig rig;

	rig_open(&rig, a, b);
	rig_start(&rig);
	for (int run = 0; run < RUNS * RUN; run++) {
		bool big = run / RUN % 2;
		size_t n = big ? 100000 + support_random(&seed) % 300000 : 1 + support_random(&seed) % 3000;

		assert_true(sent + n <= ALL);
		far_say(&rig.far[0], bytes + sent, n, false);
		sent += n;
		SUPPORT_UNTIL(rig.loop, rig.far[1].n_got == sent);
		changes += rig.link.flow[0].mover != last;
		last = rig.link.flow[0].mover;
	}
	if (changes < RUNS)
		fail_msg("kinds %d and %d: the mover changed only %d times", (int)a, (int)b, changes);
	far_say(&rig.far[0], "", 0, true);
	far_say(&rig.far[1], "", 0, true);
	rig_close(&rig);
	assert_int_equal(rig.link.end, SKT_END_DONE);
	assert_int_equal(rig.link.flow[0].given, sent);
	FAR_GOT(&rig.far[1], bytes, sent);
	rig_release(&rig);
	test_free(bytes);
}

static void changing_the_mover_keeps_every_byte(void **state)
{
	(void)state;
	for (int a = FAR_UNIX; a <= FAR_PIPES; a++)
		for (int b = FAR_UNIX; b <= FAR_PIPES; b++)
			changing((enum far_kind)a, (enum far_kind)b);
}

/* A plain file on one side. */
static void files_are_sent_whole_from_where_they_stand(void **state)
{
	enum { N = 3 * 1024 * 1024 + 5, SKIPPED = 1000 };
	static const enum skt_mover_choice movers[] = { SKT_MOVER_AUTO, SKT_MOVER_COPY, SKT_MOVER_SPLICE };
	char *bytes = support_bytes(N, 23);

	(void)state;
	for (int kind = FAR_UNIX; kind <= FAR_PIPES; kind++)
		for (size_t m = 0; m < SKT_LENGTH(movers); m++) {
			struct rig rig = { .options = { .done = rig_done, .mover = movers[m] }, .loop = support_loop() };
			int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
			struct skt_stream *file;

			assert_int_equal(write(fd, bytes, N), N);
			assert_int_equal(lseek(fd, SKIPPED, SEEK_SET), SKIPPED);
			assert_int_equal(skt_fd_new_pair(rig.loop, fd, -1, &file, NULL), 0);
			rig.far[0].in.fd = rig.far[0].out.fd = -1;
			rig.link.side[0] = file;
			rig.link.side[1] = far_open(rig.loop, (enum far_kind)kind, &rig.far[1]);
			rig_start(&rig);
			far_say(&rig.far[1], "", 0, true);
			rig_close(&rig);
			assert_int_equal(rig.link.end, SKT_END_DONE);
			FAR_GOT(&rig.far[1], bytes + SKIPPED, N - SKIPPED);
			rig_release(&rig);
		}
	test_free(bytes);
}

static void files_are_written_whole(void **state)
{
	enum { N = 3 * 1024 * 1024 + 5 };
	static const enum skt_mover_choice movers[] = { SKT_MOVER_AUTO, SKT_MOVER_COPY, SKT_MOVER_SPLICE };
	char *bytes = support_bytes(N, 24), *came = test_malloc(N + 1);
	char dir[SUPPORT_PATH], path[SUPPORT_PATH];

	(void)state;
	support_dir(dir);
	support_join(dir, "file", path);
	for (int append = 0; append < 2; append++)
		for (int kind = FAR_UNIX; kind <= FAR_PIPES; kind++)
			for (size_t m = 0; m < SKT_LENGTH(movers); m++) {
				struct rig rig = { .options = { .done = rig_done, .mover = movers[m] },
						   .loop = support_loop() };
				int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC | (append ? O_APPEND : 0),
					      0600),
				    own;
				struct skt_stream *file;

				assert_int_equal(skt_fd_new_pair(rig.loop, -1, fd, &file, NULL), 0);
				rig.far[1].in.fd = rig.far[1].out.fd = -1;
				rig.link.side[0] = far_open(rig.loop, (enum far_kind)kind, &rig.far[0]);
				rig.link.side[1] = file;
				rig_start(&rig);
				far_say(&rig.far[0], bytes, N, true);
				rig_close(&rig);
				assert_int_equal(rig.link.end, SKT_END_DONE);
				own = open(path, O_RDONLY | O_CLOEXEC);
				assert_int_equal(read(own, came, N + 1), N);
				assert_memory_equal(came, bytes, N);
				(void)close(own);
				rig_release(&rig);
			}
	(void)unlink(path);
	(void)rmdir(dir);
	test_free(bytes);
	test_free(came);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SUPPORT_TEST(each_pair_of_kinds_has_its_mover),
		SUPPORT_TEST(a_flow_copies_until_its_reads_are_big_but_files_are_big_from_the_start),
		SUPPORT_TEST(what_is_opened_to_append_is_not_spliced_to),
		SUPPORT_TEST(a_side_without_descriptors_is_copied),
		SUPPORT_TEST(changing_the_mover_keeps_every_byte),
		SUPPORT_TEST(files_are_sent_whole_from_where_they_stand),
		SUPPORT_TEST(files_are_written_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

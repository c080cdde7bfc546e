/* SPDX-License-Identifier: Apache-2.0 */
/* Links: every byte arrives, ends are told, failures are named and counted, memory has a bound. */
#include "rig.h"

#include <sys/resource.h>

#include "link/mover.h"
#include "sys/pipe.h"

enum { MANY = 1024 * 1024 + 77, NEVER_FITS = 16 * 1024 * 1024 };

static const enum skt_mover_choice movers[] = { SKT_MOVER_AUTO, SKT_MOVER_COPY, SKT_MOVER_SPLICE };
static const char *const kind_names[] = {
	[FAR_UNIX] = "unix", [FAR_TCP] = "tcp", [FAR_PIPES] = "pipes", [FAR_PACKET] = "packet"
};

/* Both ways carry `n` bytes, and end. */
static void both_ways(enum far_kind a, enum far_kind b, enum skt_mover_choice mover, size_t n)
{
	struct rig rig;
	char *there = support_bytes(n, 1), *back = support_bytes(n / 2, 2);

	rig_open(&rig, a, b);
	rig.options.mover = mover;
	rig_start(&rig);
	far_say(&rig.far[0], there, n, true);
	far_say(&rig.far[1], back, n / 2, true);
	rig_close(&rig);
	if (rig.link.end != SKT_END_DONE || rig.far[1].n_got != n || rig.far[0].n_got != n / 2)
		fail_msg("%s to %s, mover %d, %zu bytes: end %d, %zu and %zu came", kind_names[a], kind_names[b],
			 (int)mover, n, rig.link.end, rig.far[1].n_got, rig.far[0].n_got);
	FAR_GOT(&rig.far[1], there, n);
	FAR_GOT(&rig.far[0], back, n / 2);
	assert_int_equal(rig.link.flow[0].given, n);
	assert_int_equal(rig.link.flow[0].taken, n);
	assert_int_equal(rig.link.flow[1].given, n / 2);
	assert_int_equal(rig.link.failed_side, -1);
	rig_release(&rig);
	test_free(there);
	test_free(back);
}

static void every_byte_arrives_both_ways_whatever_the_sides_and_the_mover(void **state)
{
	static const size_t sizes[] = { 0, 1, 1000, MANY };

	(void)state;
	for (int a = FAR_UNIX; a <= FAR_PIPES; a++)
		for (int b = FAR_UNIX; b <= FAR_PIPES; b++)
			for (size_t m = 0; m < SKT_LENGTH(movers); m++)
				for (size_t s = 0; s < SKT_LENGTH(sizes); s++)
					both_ways((enum far_kind)a, (enum far_kind)b, movers[m], sizes[s]);
}

static void half_close_keeps_the_other_direction_open(void **state)
{
	char *answer = support_bytes(MANY, 3);

	(void)state;
	for (int kind = FAR_UNIX; kind <= FAR_PIPES; kind++)
		for (size_t m = 0; m < SKT_LENGTH(movers); m++) {
			struct rig rig;

			rig_open(&rig, (enum far_kind)kind, (enum far_kind)kind);
			rig.options.mover = movers[m];
			rig_start(&rig);
			far_say(&rig.far[0], "question", 8, true);
			SUPPORT_UNTIL(rig.loop, rig.far[1].saw_end);
			FAR_GOT(&rig.far[1], "question", 8);
			support_settle(rig.loop);
			assert_false(rig.done);
			far_say(&rig.far[1], answer, MANY, true);
			rig_close(&rig);
			FAR_GOT(&rig.far[0], answer, MANY);
			assert_int_equal(rig.link.end, SKT_END_DONE);
			rig_release(&rig);
		}
	test_free(answer);
}

static void the_end_is_told_only_after_the_last_byte(void **state)
{
	char *bytes = support_bytes(MANY, 4);

	(void)state;
	for (size_t m = 0; m < SKT_LENGTH(movers); m++) {
		struct rig rig;

		rig_open(&rig, FAR_UNIX, FAR_UNIX);
		rig.options.mover = movers[m];
		rig.far[1].reads = false;
		rig_start(&rig);
		far_say(&rig.far[0], bytes, MANY, true);
		support_settle(rig.loop);
		assert_true(rig.far[0].sent < MANY); /* held up */
		assert_int_not_equal(rig.link.flow[0].state, SKT_FLOW_ENDED);
		rig.far[1].reads = true;
		far_take(&rig.far[1]);
		SUPPORT_UNTIL(rig.loop, rig.far[1].saw_end);
		FAR_GOT(&rig.far[1], bytes, MANY);
		rig_release(&rig);
	}
	test_free(bytes);
}

static void a_full_side_holds_up_the_other_and_memory_stays_within_one_burst(void **state)
{
	char *bytes = support_bytes(NEVER_FITS, 5);

	(void)state;
	for (int kind = FAR_UNIX; kind <= FAR_PIPES; kind++)
		for (size_t m = 0; m < SKT_LENGTH(movers); m++) {
			struct rig rig;
			const struct skt_flow *flow = &rig.link.flow[0];
			uint64_t most = 0;

			rig_open(&rig, (enum far_kind)kind, (enum far_kind)kind);
			rig.options.mover = movers[m];
			rig.far[1].reads = false;
			rig_narrow(&rig);
			rig_start(&rig);
			far_say(&rig.far[0], bytes, NEVER_FITS, true);
			for (int still = 0; still < 20; still++) {
				uint64_t before = flow->taken + rig.far[0].sent;

				assert_int_equal(skt_loop_round(rig.loop, SKT_MS, NULL), 0);
				still = flow->taken + rig.far[0].sent == before ? still : 0;
				most = skt_flow_held(flow) > most ? skt_flow_held(flow) : most;
				assert_true(!flow->stash || flow->stash->n <= 64 * 1024);
				assert_true(!flow->stash || !flow->pipe);
				assert_true(!flow->pipe || flow->pipe->n < 2 * flow->pipe->size);
			}
			assert_true(most < (uint64_t)2 * SKT_PIPE_SIZE);
			assert_true(rig.far[0].sent < NEVER_FITS);
			rig_release(&rig);
		}
	test_free(bytes);
}

static void a_sink_that_fails_is_named_and_what_was_lost_is_counted(void **state)
{
	char *bytes = support_bytes(NEVER_FITS, 6);

	(void)state;
	for (size_t m = 0; m < SKT_LENGTH(movers); m++) {
		struct rig rig;
		const struct skt_flow *flow = &rig.link.flow[0];
		struct skt_error why;

		rig_open(&rig, FAR_UNIX, FAR_UNIX);
		rig.options.mover = movers[m];
		rig.far[1].reads = false;
		rig_start(&rig);
		far_say(&rig.far[0], bytes, NEVER_FITS, true);
		SUPPORT_UNTIL(rig.loop, flow->given > 0 && skt_flow_held(flow) > 0);
		far_close(rig.loop, &rig.far[1]);
		SUPPORT_UNTIL(rig.loop, rig.done);
		assert_int_equal(rig.link.end, SKT_END_FAILED);
		assert_int_equal(rig.link.failed_side, 1);
		assert_true(skt_flow_held(flow) > 0);
		assert_true(flow->given > 0 && flow->given < NEVER_FITS);
		skt_stream_why(rig.link.side[1], &why);
		assert_int_equal(why.kind, SKT_E_IO);
		assert_string_equal(why.text, "the reader has gone");
		rig_release(&rig);
	}
	test_free(bytes);
}

/* The far end takes nothing any more but still answers: what is sent to it is thrown away, so that its peer is not held up. */
static void what_goes_to_a_sink_that_failed_is_drained_until_the_answer_has_come(void **state)
{
	char *bytes = support_bytes(NEVER_FITS, 7), *answer = support_bytes(MANY, 8);

	(void)state;
	for (size_t m = 0; m < SKT_LENGTH(movers); m++) {
		struct rig rig;

		rig_open(&rig, FAR_UNIX, FAR_UNIX);
		rig.options.mover = movers[m];
		rig.far[1].reads = false;
		rig_start(&rig);
		assert_int_equal(shutdown(rig.far[1].in.fd, SHUT_RD), 0);
		far_say(&rig.far[0], bytes, NEVER_FITS, true);
		SUPPORT_UNTIL(rig.loop, rig.far[0].sent == NEVER_FITS);
		assert_false(rig.done);
		assert_int_equal(rig.link.flow[0].given, 0);
		far_say(&rig.far[1], answer, MANY, true);
		SUPPORT_UNTIL(rig.loop, rig.far[0].n_got == MANY && rig.done);
		FAR_GOT(&rig.far[0], answer, MANY);
		assert_int_equal(rig.link.flow[1].given, MANY);
		assert_int_equal(rig.link.end, SKT_END_FAILED);
		assert_int_equal(rig.link.failed_side, 1);
		rig_release(&rig);
	}
	test_free(bytes);
	test_free(answer);
}

static void a_source_that_resets_is_named_and_what_it_sent_is_delivered(void **state)
{
	static const struct linger at_once = { .l_onoff = 1 };

	(void)state;
	for (size_t m = 0; m < SKT_LENGTH(movers); m++) {
		struct rig rig;
		struct skt_error why;

		rig_open(&rig, FAR_TCP, FAR_UNIX);
		rig.options.mover = movers[m];
		rig_start(&rig);
		far_say(&rig.far[0], "before the reset", 16, false);
		SUPPORT_UNTIL(rig.loop, rig.far[1].n_got == 16);
		assert_int_equal(setsockopt(rig.far[0].in.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
		far_close(rig.loop, &rig.far[0]);
		SUPPORT_UNTIL(rig.loop, rig.done && rig.far[1].saw_end);
		FAR_GOT(&rig.far[1], "before the reset", 16);
		assert_int_equal(rig.link.end, SKT_END_FAILED);
		assert_int_equal(rig.link.failed_side, 0);
		assert_int_equal(rig.link.flow[0].given, 16);
		skt_stream_why(rig.link.side[0], &why);
		assert_string_equal(why.text, "the connection was reset by the peer");
		rig_release(&rig);
	}
}

/* The bytes are still in the link, because the sink was full, when the source resets. */
static void bytes_in_flight_when_the_source_resets_are_delivered_and_the_failure_is_kept(void **state)
{
	static const struct linger at_once = { .l_onoff = 1 };
	char *bytes = support_bytes(NEVER_FITS, 9);

	(void)state;
	for (size_t m = 0; m < SKT_LENGTH(movers); m++) {
		struct rig rig;
		const struct skt_flow *flow = &rig.link.flow[0];

		rig_open(&rig, FAR_TCP, FAR_UNIX);
		rig.options.mover = movers[m];
		rig.far[1].reads = false;
		rig_narrow(&rig);
		rig_start(&rig);
		far_say(&rig.far[0], bytes, NEVER_FITS, false);
		SUPPORT_UNTIL(rig.loop, skt_flow_held(flow) > 0);
		support_settle(rig.loop);
		assert_int_equal(setsockopt(rig.far[0].in.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
		far_close(rig.loop, &rig.far[0]);
		support_settle(rig.loop);
		assert_false(rig.done);
		rig.far[1].reads = true;
		far_take(&rig.far[1]);
		SUPPORT_UNTIL(rig.loop, rig.done && rig.far[1].saw_end);
		assert_int_equal(skt_flow_held(flow), 0);
		assert_int_equal(rig.far[1].n_got, flow->given);
		assert_memory_equal(rig.far[1].got, bytes, flow->given);
		assert_int_equal(rig.link.end, SKT_END_FAILED);
		assert_int_equal(rig.link.failed_side, 0);
		rig_release(&rig);
	}
	test_free(bytes);
}

static void cutting_ends_the_link_later_and_counts_what_was_in_flight(void **state)
{
	char *bytes = support_bytes(NEVER_FITS, 10);
	struct rig rig;

	(void)state;
	rig_open(&rig, FAR_UNIX, FAR_UNIX);
	rig.far[1].reads = false;
	rig_start(&rig);
	assert_false(rig.done);
	far_say(&rig.far[0], bytes, NEVER_FITS, true);
	SUPPORT_UNTIL(rig.loop, skt_flow_held(&rig.link.flow[0]) > 0);
	skt_link_cut(&rig.link);
	assert_false(rig.done);
	skt_link_cut(&rig.link);
	SUPPORT_UNTIL(rig.loop, rig.done);
	support_settle(rig.loop);
	assert_int_equal(rig.done, 1);
	assert_int_equal(rig.link.end, SKT_END_CUT);
	assert_true(skt_flow_held(&rig.link.flow[0]) > 0);
	assert_null(rig.link.flow[0].stash);
	assert_null(rig.link.flow[0].pipe);
	rig_release(&rig);
	test_free(bytes);
}

static void messages_keep_their_boundaries(void **state)
{
	static const size_t sizes[] = { 1, 70000, 3, 16384, 100000, 65536, 65537, 2 };
	char *bytes = support_bytes(100000, 11);
	int room = 400 * 1024;
	struct rig rig;

	(void)state;
	rig_open(&rig, FAR_PACKET, FAR_PACKET);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(setsockopt(rig.far[i].in.fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), 0);
		assert_int_equal(
			setsockopt(skt_stream_raw(rig.link.side[i])->in.fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)),
			0);
	}
	rig.far[1].reads = false;
	rig_start(&rig);
	for (size_t i = 0; i < SKT_LENGTH(sizes); i++) {
		ssize_t got;
		char *message = support_bytes(sizes[i], (uint32_t)i), *came = test_malloc(200000);

		assert_int_equal(send(rig.far[0].out.fd, message, sizes[i], 0), sizes[i]);
		SUPPORT_UNTIL(rig.loop,
			      (got = recv(rig.far[1].in.fd, came, 200000, MSG_DONTWAIT)) >= 0 || errno != EAGAIN);
		assert_int_equal(got, sizes[i]);
		assert_memory_equal(came, message, sizes[i]);
		test_free(message);
		test_free(came);
	}
	rig_release(&rig);
	test_free(bytes);
}

/* A stream that lives in the test: gives and takes a few bytes at a time and says AGAIN in between. */
struct chaos {
	struct skt_stream stream;
	struct skt_loop *loop;
	struct skt_task task;
	const char *out; /* what reading it gives */
	size_t n_out, at;
	char *in; /* what was written to it */
	size_t n_in, cap_in;
	uint32_t seed;
	size_t most; /* bytes a call */
	int shuts;   /* how often shut still says AGAIN */
	bool is_shut, is_freed;
	int fails_after; /* bytes after which writing fails; -1: never */
};

static struct chaos *chaos_of(struct skt_stream *s)
{
	return SKT_OUTER(s, struct chaos, stream);
}

static void chaos_task(struct skt_task *task)
{
	skt_stream_wake(&SKT_OUTER(task, struct chaos, task)->stream);
}

static ssize_t chaos_again(struct chaos *c)
{
	skt_loop_defer(c->loop, &c->task);
	return -SKT_AGAIN;
}

static size_t chaos_some(struct chaos *c, size_t n)
{
	size_t some = support_random(&c->seed) % c->most + 1;

	return some < n ? some : n;
}

static ssize_t chaos_read(struct skt_stream *s, void *buf, size_t n)
{
	struct chaos *c = chaos_of(s);

	if (support_random(&c->seed) % 2)
		return chaos_again(c);
	n = chaos_some(c, n < c->n_out - c->at ? n : c->n_out - c->at);
	memcpy(buf, c->out + c->at, n);
	c->at += n;
	return (ssize_t)n;
}

static ssize_t chaos_write(struct skt_stream *s, const void *buf, size_t n)
{
	struct chaos *c = chaos_of(s);

	assert_false(c->is_shut);
	if (support_random(&c->seed) % 2)
		return chaos_again(c);
	if (c->fails_after >= 0 && c->n_in >= (size_t)c->fails_after) {
		struct skt_error err;

		(void)skt_fail(&err, SKT_E_PEER, 0, "no more");
		return skt_stream_fail(s, &err);
	}
	n = chaos_some(c, n);
	assert_true(c->n_in + n <= c->cap_in);
	memcpy(c->in + c->n_in, buf, n);
	c->n_in += n;
	return (ssize_t)n;
}

static int chaos_shut(struct skt_stream *s)
{
	struct chaos *c = chaos_of(s);

	if (c->shuts-- > 0)
		return (int)chaos_again(c);
	c->is_shut = true;
	return 0;
}

static void chaos_free(struct skt_stream *s)
{
	struct chaos *c = chaos_of(s);

	skt_loop_undefer(c->loop, &c->task);
	c->is_freed = true;
}

static const struct skt_stream_ops chaos_ops = {
	.name = "chaos", .read = chaos_read, .write = chaos_write, .shut = chaos_shut, .free = chaos_free
};

static void chaos_init(struct chaos *c, struct skt_loop *loop, const char *out, size_t n_out, size_t cap_in,
		       size_t most, uint32_t seed)
{
	*c = (struct chaos){ .stream.ops = &chaos_ops,
			     .loop = loop,
			     .task.fn = chaos_task,
			     .out = out,
			     .n_out = n_out,
			     .cap_in = cap_in,
			     .most = most,
			     .seed = seed,
			     .shuts = 3,
			     .fails_after = -1 };
	c->in = test_malloc(cap_in + 1);
}

static void bytes_that_come_one_at_a_time_with_pauses_between_arrive_whole(void **state)
{
	enum { N = 5000 };
	static const size_t most[] = { 1, 2, 7, 4096 };
	char *there = support_bytes(N, 12), *back = support_bytes(N / 3, 13);

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(most); i++) {
		struct rig rig = { .options.done = rig_done, .loop = support_loop() };
		struct chaos a, b;

		chaos_init(&a, rig.loop, there, N, N / 3, most[i], 1);
		chaos_init(&b, rig.loop, back, N / 3, N, most[i], 2);
		skt_link_start(&rig.link, rig.loop, &rig.options, &a.stream, &b.stream);
		SUPPORT_UNTIL(rig.loop, rig.done);
		assert_int_equal(rig.link.end, SKT_END_DONE);
		assert_int_equal(b.n_in, N);
		assert_memory_equal(b.in, there, N);
		assert_int_equal(a.n_in, N / 3);
		assert_memory_equal(a.in, back, N / 3);
		assert_true(a.is_shut && b.is_shut);
		assert_int_equal(rig.link.flow[0].given, N);
		assert_int_equal(rig.link.flow[1].given, N / 3);
		skt_link_release(&rig.link);
		assert_true(a.is_freed && b.is_freed);
		test_free(a.in);
		test_free(b.in);
		skt_loop_free(rig.loop);
	}
	test_free(there);
	test_free(back);
}

static void a_side_without_a_descriptor_that_fails_keeps_its_own_words(void **state)
{
	struct rig rig = { .options.done = rig_done, .loop = support_loop() };
	struct chaos a, b;
	struct skt_error why;

	(void)state;
	chaos_init(&a, rig.loop, "0123456789", 10, 10, 4, 3);
	chaos_init(&b, rig.loop, "", 0, 10, 4, 4);
	b.fails_after = 5;
	skt_link_start(&rig.link, rig.loop, &rig.options, &a.stream, &b.stream);
	SUPPORT_UNTIL(rig.loop, rig.done);
	assert_int_equal(rig.link.end, SKT_END_FAILED);
	assert_int_equal(rig.link.failed_side, 1);
	assert_int_equal(rig.link.flow[0].given, b.n_in);
	assert_int_equal(rig.link.flow[0].taken, a.at);
	skt_stream_why(&b.stream, &why);
	assert_int_equal(why.kind, SKT_E_PEER);
	assert_string_equal(why.text, "no more");
	skt_link_release(&rig.link);
	test_free(a.in);
	test_free(b.in);
	skt_loop_free(rig.loop);
}

/* A side that is this process's own stdin and stdout. */
static void stdio_rig(struct rig *rig, enum far_kind peer)
{
	rig_open(rig, FAR_PIPES, peer);
	rig->link.side[0]->flags |= SKT_STREAM_STDIO;
}

static void a_terminal_does_not_hold_the_link_when_the_peers_bytes_have_ended(void **state)
{
	struct rig rig;

	(void)state;
	stdio_rig(&rig, FAR_TCP);
	rig.link.side[0]->flags |= SKT_STREAM_TERMINAL;
	rig_start(&rig);
	far_say(&rig.far[1], "the answer", 10, true);
	SUPPORT_UNTIL(rig.loop, rig.done && rig.far[0].n_got);
	FAR_GOT(&rig.far[0], "the answer", 10);
	assert_int_equal(rig.link.end, SKT_END_DONE);
	rig_release(&rig);
}

static void half_open_waits_for_stdin_even_on_a_terminal(void **state)
{
	struct rig rig;

	(void)state;
	stdio_rig(&rig, FAR_TCP);
	rig.link.side[0]->flags |= SKT_STREAM_TERMINAL;
	rig.options.waits_for_stdin = true;
	rig_start(&rig);
	far_say(&rig.far[1], "the answer", 10, true);
	SUPPORT_UNTIL(rig.loop, rig.far[0].saw_end);
	support_settle(rig.loop);
	assert_false(rig.done);
	far_say(&rig.far[0], "and still", 9, true);
	rig_close(&rig);
	FAR_GOT(&rig.far[1], "and still", 9);
	assert_int_equal(rig.link.end, SKT_END_DONE);
	rig_release(&rig);
}

static void a_peer_known_to_be_gone_is_not_waited_for(void **state)
{
	struct rig rig;

	(void)state;
	stdio_rig(&rig, FAR_UNIX);
	rig_start(&rig);
	far_say(&rig.far[1], "last", 4, false);
	far_close(rig.loop, &rig.far[1]);
	SUPPORT_UNTIL(rig.loop, rig.done);
	far_take(&rig.far[0]);
	FAR_GOT(&rig.far[0], "last", 4);
	rig_release(&rig);
}

static void what_stdin_has_is_delivered_before_the_link_ends(void **state)
{
	char *bytes = support_bytes(NEVER_FITS, 14);
	struct rig rig;

	(void)state;
	stdio_rig(&rig, FAR_TCP);
	rig.far[1].reads = false;
	rig_narrow(&rig);
	rig_start(&rig);
	far_say(&rig.far[0], bytes, NEVER_FITS, true);
	rig_stall(&rig);
	assert_true(rig.far[0].sent < NEVER_FITS);
	far_say(&rig.far[1], "x", 1, true);
	SUPPORT_UNTIL(rig.loop, rig.far[0].saw_end);
	rig_stall(&rig);
	assert_false(rig.done);
	rig.far[1].reads = true;
	far_take(&rig.far[1]);
	rig_close(&rig);
	FAR_GOT(&rig.far[1], bytes, NEVER_FITS);
	assert_int_equal(rig.link.end, SKT_END_DONE);
	rig_release(&rig);
	test_free(bytes);
}

static void a_closed_stdout_ends_the_link(void **state)
{
	struct rig rig;

	(void)state;
	stdio_rig(&rig, FAR_UNIX);
	rig_start(&rig);
	skt_loop_unwatch(rig.loop, &rig.far[0].in);
	(void)close(rig.far[0].in.fd);
	rig.far[0].in.fd = -1;
	far_say(&rig.far[1], "nobody reads this", 17, false);
	SUPPORT_UNTIL(rig.loop, rig.done);
	assert_int_equal(rig.link.end, SKT_END_FAILED);
	assert_int_equal(rig.link.failed_side, 0);
	rig_release(&rig);
}

static int splice_calls;

static ssize_t splice_is_refused(int in, off_t *off_in, int out, off_t *off_out, size_t n, unsigned flags)
{
	(void)in, (void)off_in, (void)out, (void)off_out, (void)n, (void)flags;
	splice_calls++;
	errno = EINVAL;
	return -1;
}

/* Into a pipe it works, out of one it does not. */
static ssize_t splice_out_is_refused(int in, off_t *off_in, int out, off_t *off_out, size_t n, unsigned flags)
{
	if (skt_fd_kind(in) == SKT_FD_PIPE)
		return splice_is_refused(in, off_in, out, off_out, n, flags);
	return support_calls.splice(in, off_in, out, off_out, n, flags);
}

static ssize_t splice_is_interrupted(int in, off_t *off_in, int out, off_t *off_out, size_t n, unsigned flags)
{
	if (++splice_calls % 3 == 0) {
		errno = EINTR;
		return -1;
	}
	return support_calls.splice(in, off_in, out, off_out, n > 5000 ? 5000 : n, flags);
}

static int no_pipe(int *fds, int flags)
{
	(void)fds;
	(void)flags;
	splice_calls++;
	errno = EMFILE;
	return -1;
}

static void the_first_refusal_to_splice_leads_to_copying_and_loses_nothing(void **state)
{
	(void)state;
	splice_calls = 0;
	skt_sys.splice = splice_is_refused;
	both_ways(FAR_TCP, FAR_UNIX, SKT_MOVER_SPLICE, MANY);
	assert_int_equal(splice_calls, 2); /* once a flow */
}

static void a_refusal_on_the_way_out_takes_the_bytes_back_out_of_the_pipe(void **state)
{
	(void)state;
	for (int a = FAR_UNIX; a <= FAR_TCP; a++) {
		splice_calls = 0;
		skt_sys.splice = splice_out_is_refused;
		both_ways((enum far_kind)a, FAR_UNIX, SKT_MOVER_SPLICE, MANY);
		assert_int_equal(splice_calls, 2); /* once a flow */
	}
}

static void interrupted_and_short_splices_lose_nothing(void **state)
{
	(void)state;
	skt_sys.splice = splice_is_interrupted;
	for (int a = FAR_UNIX; a <= FAR_PIPES; a++)
		for (int b = FAR_UNIX; b <= FAR_PIPES; b++) {
			splice_calls = 0;
			both_ways((enum far_kind)a, (enum far_kind)b, SKT_MOVER_SPLICE, MANY);
			assert_true(splice_calls > 100);
		}
}

static void without_pipes_splicing_falls_back_to_copying(void **state)
{
	char *bytes = support_bytes(MANY, 15);
	struct rig rig;

	(void)state;
	rig_open(&rig, FAR_TCP, FAR_UNIX);
	rig.options.mover = SKT_MOVER_SPLICE;
	splice_calls = 0;
	skt_sys.pipe2 = no_pipe;
	rig_start(&rig);
	far_say(&rig.far[0], bytes, MANY, true);
	far_say(&rig.far[1], "", 0, true);
	rig_close(&rig);
	FAR_GOT(&rig.far[1], bytes, MANY);
	assert_true(splice_calls > 0);
	rig_release(&rig);
	test_free(bytes);
}

static ssize_t recv_is_interrupted(int fd, void *buf, size_t n, int flags)
{
	if (++splice_calls % 2) {
		errno = EINTR;
		return -1;
	}
	return recv(fd, buf, n, flags);
}

static ssize_t send_is_short(int fd, const void *buf, size_t n, int flags)
{
	if (++splice_calls % 3 == 0) {
		errno = EINTR;
		return -1;
	}
	return send(fd, buf, n > 999 ? 999 : n, flags);
}

static void interrupted_and_short_calls_lose_nothing(void **state)
{
	(void)state;
	skt_sys.recv = recv_is_interrupted;
	skt_sys.send = send_is_short;
	both_ways(FAR_UNIX, FAR_UNIX, SKT_MOVER_COPY, MANY);
}

static bool every_allocation_fails(void)
{
	return true;
}

static void without_memory_for_the_rest_of_a_write_the_link_fails_and_says_so(void **state)
{
	char *bytes = support_bytes(NEVER_FITS, 16);
	struct rig rig;
	struct skt_error why;

	(void)state;
	rig_open(&rig, FAR_UNIX, FAR_UNIX);
	rig.options.mover = SKT_MOVER_COPY;
	rig.far[1].reads = false;
	rig_start(&rig);
	skt_alloc_fails = every_allocation_fails;
	far_say(&rig.far[0], bytes, NEVER_FITS, true);
	SUPPORT_UNTIL(rig.loop, rig.link.failed_side >= 0);
	skt_alloc_fails = NULL;
	far_say(&rig.far[1], "", 0, true);
	SUPPORT_UNTIL(rig.loop, rig.done);
	assert_int_equal(rig.link.end, SKT_END_FAILED);
	skt_stream_why(rig.link.side[rig.link.failed_side], &why);
	assert_int_equal(why.kind, SKT_E_LIMIT);
	assert_string_equal(why.text, "out of memory");
	rig_release(&rig);
	test_free(bytes);
}

static void an_idle_link_holds_neither_a_stash_nor_a_pipe(void **state)
{
	char *bytes = support_bytes(MANY, 17);

	(void)state;
	for (size_t m = 0; m < SKT_LENGTH(movers); m++) {
		struct rig rig;

		rig_open(&rig, FAR_TCP, FAR_TCP);
		rig.options.mover = movers[m];
		rig_start(&rig);
		far_say(&rig.far[0], bytes, MANY, false);
		SUPPORT_UNTIL(rig.loop, rig.far[1].n_got == MANY);
		support_settle(rig.loop);
		for (int i = 0; i < 2; i++) {
			assert_null(rig.link.flow[i].stash);
			assert_null(rig.link.flow[i].pipe);
		}
		assert_false(skt_timer_is_set(&rig.link.timer));
		rig_release(&rig);
	}
	test_free(bytes);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SUPPORT_TEST(every_byte_arrives_both_ways_whatever_the_sides_and_the_mover),
		SUPPORT_TEST(half_close_keeps_the_other_direction_open),
		SUPPORT_TEST(the_end_is_told_only_after_the_last_byte),
		SUPPORT_TEST(a_full_side_holds_up_the_other_and_memory_stays_within_one_burst),
		SUPPORT_TEST(a_sink_that_fails_is_named_and_what_was_lost_is_counted),
		SUPPORT_TEST(what_goes_to_a_sink_that_failed_is_drained_until_the_answer_has_come),
		SUPPORT_TEST(a_source_that_resets_is_named_and_what_it_sent_is_delivered),
		SUPPORT_TEST(bytes_in_flight_when_the_source_resets_are_delivered_and_the_failure_is_kept),
		SUPPORT_TEST(cutting_ends_the_link_later_and_counts_what_was_in_flight),
		SUPPORT_TEST(messages_keep_their_boundaries),
		SUPPORT_TEST(bytes_that_come_one_at_a_time_with_pauses_between_arrive_whole),
		SUPPORT_TEST(a_side_without_a_descriptor_that_fails_keeps_its_own_words),
		SUPPORT_TEST(a_terminal_does_not_hold_the_link_when_the_peers_bytes_have_ended),
		SUPPORT_TEST(half_open_waits_for_stdin_even_on_a_terminal),
		SUPPORT_TEST(a_peer_known_to_be_gone_is_not_waited_for),
		SUPPORT_TEST(what_stdin_has_is_delivered_before_the_link_ends),
		SUPPORT_TEST(a_closed_stdout_ends_the_link),
		SUPPORT_TEST(the_first_refusal_to_splice_leads_to_copying_and_loses_nothing),
		SUPPORT_TEST(a_refusal_on_the_way_out_takes_the_bytes_back_out_of_the_pipe),
		SUPPORT_TEST(interrupted_and_short_splices_lose_nothing),
		SUPPORT_TEST(without_pipes_splicing_falls_back_to_copying),
		SUPPORT_TEST(interrupted_and_short_calls_lose_nothing),
		SUPPORT_TEST(without_memory_for_the_rest_of_a_write_the_link_fails_and_says_so),
		SUPPORT_TEST(an_idle_link_holds_neither_a_stash_nor_a_pipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

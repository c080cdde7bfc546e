/* SPDX-License-Identifier: Apache-2.0 */
/* A stream for tests of layers: it gives what a test has queued, in pieces of a chosen size, takes as much as the test allows, and
 * remembers how it was treated. */
#ifndef TESTS_UNIT_FAKE_H
#define TESTS_UNIT_FAKE_H

#include "support.h"

struct fake {
	struct skt_stream stream;
	const char *bytes; /* what reads give */
	size_t n, at;
	size_t piece;           /* the most one read gives; 0: as much as it asks for */
	const size_t *messages; /* MESSAGES: their lengths; each read gives one whole one */
	size_t n_messages, message;
	bool ends;          /* after the last byte comes the end; else AGAIN */
	bool blinks, blink; /* every other read says AGAIN */
	int read_fails;     /* -kind after the last byte */
	char *taken;        /* what writes brought; MESSAGES: one after the other */
	size_t n_taken, n_writes, last_write;
	size_t room;   /* the most that writes still take; SIZE_MAX: everything */
	size_t bite;   /* the most one write takes; 0: any */
	int write_sys; /* errno with which the next write fails */
	int shuts, finishes, opens;
	bool is_cut;
	int *freed;
};

static inline struct fake *fake_of(struct skt_stream *s)
{
	return SKT_OUTER(s, struct fake, stream);
}

static inline int fake_open(struct skt_stream *s)
{
	return fake_of(s)->opens++ ? 0 : -SKT_AGAIN;
}

static inline ssize_t fake_at_end(struct fake *f)
{
	if (f->read_fails) {
		f->stream.sys = ECONNRESET;
		return f->read_fails;
	}
	if (f->ends)
		f->stream.flags |= SKT_STREAM_GONE;
	return f->ends ? 0 : -SKT_AGAIN;
}

static inline ssize_t fake_read(struct skt_stream *s, void *buf, size_t n)
{
	struct fake *f = fake_of(s);
	size_t give = f->n - f->at;

	f->blink = f->blinks && !f->blink;
	if (f->blink)
		return -SKT_AGAIN;
	if (f->messages ? f->message == f->n_messages : give == 0)
		return fake_at_end(f);
	if (f->messages)
		give = f->messages[f->message++];
	else if (f->piece && give > f->piece)
		give = f->piece;
	if (!f->messages && give > n)
		give = n;
	assert_true(give <= n);
	if (give)
		memcpy(buf, f->bytes + f->at, give);
	f->at += give;
	return give ? (ssize_t)give : -SKT_EMPTY;
}

static inline ssize_t fake_write(struct skt_stream *s, const void *buf, size_t n)
{
	struct fake *f = fake_of(s);
	size_t take = f->bite && n > f->bite ? f->bite : n;

	if (f->write_sys) {
		s->sys = f->write_sys;
		return -SKT_E_IO;
	}
	if (take > f->room)
		take = s->flags & SKT_STREAM_MESSAGES ? 0 : f->room;
	if (take == 0 && (n > 0 || f->room == 0))
		return -SKT_AGAIN;
	f->taken = realloc(f->taken, f->n_taken + take + 1);
	assert_non_null(f->taken);
	if (take)
		memcpy(f->taken + f->n_taken, buf, take);
	f->n_taken += take;
	if (f->room != SIZE_MAX)
		f->room -= take;
	f->n_writes++;
	f->last_write = take;
	return (ssize_t)take;
}

static inline int fake_shut(struct skt_stream *s)
{
	fake_of(s)->shuts++;
	return 0;
}

static inline int fake_finish(struct skt_stream *s, bool cut, int *status)
{
	struct fake *f = fake_of(s);

	f->is_cut = cut;
	*status = 3;
	return f->finishes++ ? 0 : -SKT_AGAIN;
}

static inline void fake_free(struct skt_stream *s)
{
	struct fake *f = fake_of(s);

	if (f->freed)
		(*f->freed)++;
	free(f->taken);
	test_free(f);
}

/* A new one that gives n bytes and then ends, and takes everything. Whoever owns it frees it as a stream. */
static inline struct fake *fake_new(const void *bytes, size_t n)
{
	static const struct skt_stream_ops ops = {
		.name = "fake",
		.open = fake_open,
		.read = fake_read,
		.write = fake_write,
		.shut = fake_shut,
		.finish = fake_finish,
		.free = fake_free,
	};
	struct fake *f = test_calloc(1, sizeof(*f));

	f->stream.ops = &ops;
	f->bytes = bytes;
	f->n = n;
	f->ends = true;
	f->room = SIZE_MAX;
	return f;
}

/* The same of messages: bytes holds them one after the other. */
static inline struct fake *fake_new_messages(const void *bytes, const size_t *lengths, size_t n_messages)
{
	struct fake *f = fake_new(bytes, 0);

	f->stream.flags = SKT_STREAM_MESSAGES;
	f->messages = lengths;
	f->n_messages = n_messages;
	for (size_t i = 0; i < n_messages; i++)
		f->n += lengths[i];
	return f;
}

/* Tell whoever stands on it that it can go on. */
static inline void fake_wake(struct fake *f)
{
	skt_stream_wake(&f->stream);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Counting the packets of a transport stream that passes, and those that are missing. */
#include "base/alloc.h"
#include "io/filter/layer.h"
#include "io/filter/media.h"
#include "io/filter/ts.h"

struct tscount {
	struct skt_counting counting; /* first: skt_media_of() */
	struct skt_ts *ts;            /* NULL: nothing has come, or it is no transport stream */
	bool has_begun;
};

static struct tscount *tscount_of(struct skt_stream *s)
{
	return SKT_OUTER(s, struct tscount, counting.stream);
}

/* Without memory nothing is counted: what passes matters more. */
static void tscount_begin(struct tscount *t, const uint8_t *bytes, size_t n)
{
	t->has_begun = true;
	if (skt_ts_is_whole(bytes, n))
		t->ts = SKT_NEW(struct skt_ts);
	if (!t->ts)
		return;
	skt_ts_init(t->ts, NULL, NULL);
	t->counting.media.is_ts = true;
}

static void tscount_look(struct tscount *t, const uint8_t *bytes, size_t n)
{
	struct skt_media *media = &t->counting.media;
	const struct skt_ts_counts *counts = &t->ts->counts;

	if (!skt_ts_is_whole(bytes, n)) {
		media->malformed++;
		return;
	}
	for (size_t i = 0; i < n; i += SKT_TS_PACKET) {
		uint64_t damaged = counts->damaged;
		struct skt_ts_packet packet;

		skt_ts_look(bytes + i, &packet);
		skt_ts_count(t->ts, &packet);
		media->malformed += counts->damaged - damaged;
	}
	media->lost = counts->lost;
	media->duplicates = counts->duplicates;
	media->received = counts->packets - counts->duplicates;
}

static ssize_t tscount_read(struct skt_stream *s, void *buf, size_t n)
{
	struct tscount *t = tscount_of(s);
	ssize_t got = skt_stream_read(s->below, buf, n);

	if (got == 0)
		skt_layer_follow(s);
	if (got > 0 && !t->has_begun)
		tscount_begin(t, buf, (size_t)got);
	if (got > 0 && t->ts)
		tscount_look(t, buf, (size_t)got);
	return got;
}

static void tscount_free(struct skt_stream *s)
{
	struct tscount *t = tscount_of(s);

	skt_free(t->ts);
	skt_stream_free(s->below);
	skt_free(t);
}

const struct skt_stream_ops skt_tscount_ops = {
	.name = "tscount",
	.open = skt_layer_open,
	.read = tscount_read,
	.shut = skt_layer_shut,
	.finish = skt_layer_finish,
	.free = tscount_free,
};

int skt_tscount_new(struct skt_stream *below, struct skt_stream **ret, struct skt_error *err)
{
	struct tscount *t = SKT_NEW(struct tscount);

	if (!t) {
		skt_stream_free(below);
		return skt_fail_memory(err);
	}
	t->counting.stream.flags = below->flags & SKT_STREAM_MESSAGES;
	skt_layer_init(&t->counting.stream, &skt_tscount_ops, below, NULL);
	*ret = &t->counting.stream;
	return 0;
}

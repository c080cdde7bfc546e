/* SPDX-License-Identifier: Apache-2.0 */
/* frame=: a stream of bytes made into a stream of messages, and back.
 *
 * How it works: what below gives goes straight into the reader's room. When it is one whole message, nothing else happens; what lies
 * beyond the first message, or is only the beginning of one, is held on the heap, and from then on below is read into there. As soon
 * as nothing is held the memory is given back. Writing is the same the other way round: a message is put together and
 * given below at once; what below does not take is held, and nothing more is taken until it has gone.
 *
 *   in      NULL, or bytes that were read and not yet given: whole messages, then at most the beginning of one
 *   out     NULL, or the rest of one message, of which below has taken the beginning
 *   read_failed, write_failed   0, or what every further call returns */
#include "io/filter/frame.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "base/unit.h"
#include "io/filter/layer.h"

/* FRAME_BURST holds the longest message with its length or newline. FRAME_SMALL: such messages are put together on the stack. */
enum { FRAME_BURST = 64 * 1024, FRAME_SMALL = 4096 };

struct frame_held {
	uint32_t at, n, cap; /* bytes[at] to bytes[at + n - 1] are held */
	char bytes[];
};

struct frame {
	struct skt_stream stream;
	struct skt_framing how;
	struct frame_held *in, *out;
	uint32_t seen; /* LINE: so many bytes held have no newline */
	int read_failed, write_failed;
	bool saw_end;
};

/* Where the first message of some bytes is, and how many bytes it takes up with what marks it. */
struct frame_found {
	size_t at, n, whole;
};

static struct frame *frame_of(struct skt_stream *s)
{
	return SKT_OUTER(s, struct frame, stream);
}

static size_t frame_length_width(const struct frame *f)
{
	return f->how.kind == SKT_FRAME_LEN16 ? 2 : f->how.kind == SKT_FRAME_LEN32 ? 4 : 0;
}

/* Options */

static const char *const frame_words[] = {
	[SKT_FRAME_NONE] = "none",   [SKT_FRAME_LINE] = "line",    [SKT_FRAME_LEN16] = "len16",
	[SKT_FRAME_LEN32] = "len32", [SKT_FRAME_CHUNK] = "chunk=",
};

static int frame_parse_chunk(const char *value, int at, struct skt_framing *ret)
{
	int64_t size;

	if (skt_number_parse(value + at, &size) < 0)
		return at + (int)strspn(value + at, "0123456789");
	if (size < 1 || size > SKT_FRAME_MAX)
		return at;
	*ret = (struct skt_framing){ .kind = SKT_FRAME_CHUNK, .size = (uint32_t)size };
	return -1;
}

int skt_frame_parse(const char *value, struct skt_framing *ret)
{
	int furthest = 0;

	for (size_t i = 0; i < SKT_LENGTH(frame_words); i++) {
		const char *word = frame_words[i];
		int same = 0;

		while (word[same] && word[same] == value[same])
			same++;
		if (!word[same] && i == SKT_FRAME_CHUNK)
			return frame_parse_chunk(value, same, ret);
		if (!word[same] && !value[same]) {
			*ret = (struct skt_framing){ .kind = (enum skt_frame)i };
			return -1;
		}
		furthest = same > furthest ? same : furthest;
	}
	return furthest;
}

/* Finding messages */

static int frame_fail_size(struct frame *f, struct skt_error *err)
{
	skt_hint(err, _("frame= of both ends must be the same; a message may have up to %d bytes"), SKT_FRAME_MAX);
	return skt_stream_fail(&f->stream, err);
}

static int frame_find_line(struct frame *f, const char *bytes, size_t n, struct frame_found *ret)
{
	size_t most = n < SKT_FRAME_MAX + 1 ? n : SKT_FRAME_MAX + 1;
	const char *newline = f->seen < most ? memchr(bytes + f->seen, '\n', most - f->seen) : NULL;
	struct skt_error err;

	f->seen = newline ? 0 : (uint32_t)most;
	if (newline) {
		*ret = (struct frame_found){ .n = (size_t)(newline - bytes), .whole = (size_t)(newline - bytes) + 1 };
		return 1;
	}
	if (n > SKT_FRAME_MAX) {
		(void)skt_fail(&err, SKT_E_LIMIT, EMSGSIZE,
			       _("a line of %d bytes or more came, and a message has at most %d"), SKT_FRAME_MAX + 1,
			       SKT_FRAME_MAX);
		return frame_fail_size(f, &err);
	}
	*ret = (struct frame_found){ .n = n, .whole = n };
	return f->saw_end && n > 0;
}

static int frame_find_length(struct frame *f, const char *bytes, size_t n, struct frame_found *ret)
{
	size_t width = frame_length_width(f), length = 0;
	struct skt_error err;

	if (n < width)
		return 0;
	for (size_t i = 0; i < width; i++)
		length = length << 8 | (unsigned char)bytes[i];
	if (length > SKT_FRAME_MAX) {
		(void)skt_fail(&err, SKT_E_LIMIT, EMSGSIZE,
			       _("a message of %zu bytes was announced, and a message has at most %d"), length,
			       SKT_FRAME_MAX);
		return frame_fail_size(f, &err);
	}
	*ret = (struct frame_found){ .at = width, .n = length, .whole = width + length };
	return n >= width + length;
}

static int frame_find_chunk(const struct frame *f, size_t n, struct frame_found *ret)
{
	size_t size = n < f->how.size ? n : f->how.size;

	*ret = (struct frame_found){ .n = size, .whole = size };
	return size > 0 && (size == f->how.size || f->saw_end || f->how.kind == SKT_FRAME_NONE);
}

/* The first message of n bytes: 1 where it is whole, 0 where more must come, else -kind. */
static int frame_find(struct frame *f, const char *bytes, size_t n, struct frame_found *ret)
{
	switch (f->how.kind) {
	case SKT_FRAME_LINE:
		return frame_find_line(f, bytes, n, ret);
	case SKT_FRAME_LEN16:
	case SKT_FRAME_LEN32:
		return frame_find_length(f, bytes, n, ret);
	default:
		return frame_find_chunk(f, n, ret);
	}
}

/* Reading */

static int frame_hold(struct frame *f, struct frame_held **held, const char *bytes, size_t n, size_t cap)
{
	*held = skt_malloc(sizeof(**held) + cap);
	if (!*held)
		return skt_layer_fail_memory(&f->stream);
	**held = (struct frame_held){ .n = (uint32_t)n, .cap = (uint32_t)cap };
	memcpy((*held)->bytes, bytes, n);
	return 0;
}

static void frame_drop(struct frame_held **held)
{
	skt_free(*held);
	*held = NULL;
}

static int frame_fail_room(struct frame *f, size_t length, size_t room)
{
	struct skt_error err;

	(void)skt_fail(&err, SKT_E_LIMIT, EMSGSIZE, _("a message of %zu bytes came, and there is room for %zu"), length,
		       room);
	return skt_stream_fail(&f->stream, &err);
}

/* Give the first message that is held: as read(), but 0 where none is whole. */
static ssize_t frame_take_held(struct frame *f, char *buf, size_t room)
{
	struct frame_held *in = f->in;
	struct frame_found found = { 0 };
	int ret = frame_find(f, in->bytes + in->at, in->n, &found);

	if (ret <= 0)
		return ret;
	if (found.n > room)
		return frame_fail_room(f, found.n, room);
	memcpy(buf, in->bytes + in->at + found.at, found.n);
	in->at += (uint32_t)found.whole;
	in->n -= (uint32_t)found.whole;
	if (in->n == 0)
		frame_drop(&f->in);
	return found.n ? (ssize_t)found.n : -SKT_EMPTY;
}

/* The same for n bytes that have just come into the reader's room, while nothing is held. */
static ssize_t frame_take_fresh(struct frame *f, char *buf, size_t n)
{
	struct frame_found found = { 0 };
	int ret = frame_find(f, buf, n, &found);

	if (ret < 0)
		return ret;
	if (ret == 0)
		return frame_hold(f, &f->in, buf, n, FRAME_BURST);
	if (n > found.whole && frame_hold(f, &f->in, buf + found.whole, n - found.whole, FRAME_BURST) < 0)
		return -SKT_E_LIMIT;
	if (found.at)
		memmove(buf, buf + found.at, found.n);
	return found.n ? (ssize_t)found.n : -SKT_EMPTY;
}

/* Read below behind what is held. */
static ssize_t frame_read_behind(struct frame *f)
{
	struct frame_held *in = f->in;
	ssize_t got;

	if (in->at) {
		memmove(in->bytes, in->bytes + in->at, in->n);
		in->at = 0;
	}
	got = skt_stream_read(f->stream.below, in->bytes + in->n, in->cap - in->n);
	if (got > 0)
		in->n += (uint32_t)got;
	return got;
}

static size_t frame_most(const struct frame *f, size_t room)
{
	size_t most = f->how.kind == SKT_FRAME_NONE ? f->how.size : FRAME_BURST;

	return room < most ? room : most;
}

/* The bytes have ended. Returns 0, or -SKT_E_PEER within a message. */
static ssize_t frame_end(struct frame *f)
{
	size_t width = frame_length_width(f);
	struct frame_found found = { 0 };
	struct skt_error err;

	if (!f->in)
		return 0;
	(void)frame_find(f, f->in->bytes + f->in->at, f->in->n, &found);
	if (f->in->n < width)
		(void)skt_fail(&err, SKT_E_PEER, 0,
			       _("the bytes ended within the length of a message: %u of its %zu bytes came"), f->in->n,
			       width);
	else
		(void)skt_fail(&err, SKT_E_PEER, 0, _("the bytes ended within a message: %zu of its %zu bytes came"),
			       f->in->n - width, found.n);
	skt_hint(&err, "%s", _("the sender stopped too early, or does not send frames of this kind"));
	return skt_stream_fail(&f->stream, &err);
}

static ssize_t frame_next(struct frame *f, char *buf, size_t room)
{
	for (;;) {
		ssize_t got = f->in ? frame_take_held(f, buf, room) : 0;
		bool is_fresh = !f->in;

		if (got != 0)
			return got;
		if (f->saw_end)
			return frame_end(f);
		got = is_fresh ? skt_stream_read(f->stream.below, buf, frame_most(f, room)) : frame_read_behind(f);
		if (got == 0) {
			f->saw_end = true;
			skt_layer_follow(&f->stream);
		}
		if (got > 0)
			got = is_fresh ? frame_take_fresh(f, buf, (size_t)got) : 0;
		if (got != 0)
			return got;
	}
}

static ssize_t frame_read(struct skt_stream *s, void *buf, size_t n)
{
	struct frame *f = frame_of(s);
	ssize_t got;

	if (f->read_failed)
		return f->read_failed;
	got = frame_next(f, buf, n);
	if (got < 0 && got != -SKT_AGAIN && got != -SKT_EMPTY) {
		f->read_failed = (int)got;
		frame_drop(&f->in);
	}
	return got;
}

/* Writing */

/* Give below as many of n bytes as it takes. Returns their count, which may be 0, or -kind. */
static ssize_t frame_push(struct frame *f, const char *bytes, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t put = skt_stream_write(f->stream.below, bytes + done, n - done);

		if (put == -SKT_AGAIN || put == 0)
			break;
		if (put < 0) {
			frame_drop(&f->out);
			f->write_failed = (int)put;
			return put;
		}
		done += (size_t)put;
	}
	return (ssize_t)done;
}

/* What is held first. Returns 0 when nothing is any more, -SKT_AGAIN, -kind. */
static int frame_flush(struct frame *f)
{
	ssize_t put;

	if (!f->out)
		return f->write_failed;
	put = frame_push(f, f->out->bytes + f->out->at, f->out->n);
	if (put < 0)
		return (int)put;
	f->out->at += (uint32_t)put;
	f->out->n -= (uint32_t)put;
	if (f->out->n)
		return -SKT_AGAIN;
	frame_drop(&f->out);
	return 0;
}

/* All or nothing: once below has taken a byte the rest is ours to deliver. */
static int frame_put(struct frame *f, const char *bytes, size_t n)
{
	ssize_t put = frame_push(f, bytes, n);
	size_t left = n - (size_t)(put > 0 ? put : 0);

	if (put < 0)
		return (int)put;
	if (left == n && n > 0)
		return -SKT_AGAIN;
	if (left)
		f->write_failed = frame_hold(f, &f->out, bytes + n - left, left, left);
	return f->write_failed;
}

/* `to` has room for the message and 4 bytes more. Returns the length of all. */
static size_t frame_compose(const struct frame *f, char *to, const char *message, size_t n)
{
	size_t width = frame_length_width(f);

	for (size_t i = 0; i < width; i++)
		to[i] = (char)(n >> (8 * (width - 1 - i)));
	if (n)
		memcpy(to + width, message, n);
	if (f->how.kind == SKT_FRAME_LINE && (n == 0 || message[n - 1] != '\n'))
		to[width + n++] = '\n';
	return width + n;
}

static int frame_put_composed(struct frame *f, const char *message, size_t n)
{
	char small[FRAME_SMALL + 4], *big;
	int ret;

	if (n <= FRAME_SMALL)
		return frame_put(f, small, frame_compose(f, small, message, n));
	big = skt_malloc(n + 4);
	if (!big)
		return skt_layer_fail_memory(&f->stream);
	ret = frame_put(f, big, frame_compose(f, big, message, n));
	skt_free(big);
	return ret;
}

static int frame_fail_write(struct frame *f, size_t n)
{
	struct skt_error err;

	(void)skt_fail(&err, SKT_E_LIMIT, EMSGSIZE,
		       _("a message of %zu bytes cannot be sent with frame=len16, which has at most %d"), n, UINT16_MAX);
	skt_hint(&err, "%s", _("frame=len32 at both ends takes longer messages"));
	return skt_stream_fail(&f->stream, &err);
}

static ssize_t frame_write(struct skt_stream *s, const void *buf, size_t n)
{
	struct frame *f = frame_of(s);
	int ret = frame_flush(f);

	if (ret < 0)
		return ret;
	if (f->how.kind == SKT_FRAME_LEN16 && n > UINT16_MAX)
		return frame_fail_write(f, n);
	if (f->how.kind == SKT_FRAME_NONE || f->how.kind == SKT_FRAME_CHUNK)
		ret = frame_put(f, buf, n);
	else
		ret = frame_put_composed(f, buf, n);
	return ret < 0 ? ret : (ssize_t)n;
}

static int frame_shut(struct skt_stream *s)
{
	struct frame *f = frame_of(s);
	int ret = f->out ? frame_flush(f) : 0;

	return ret < 0 ? ret : skt_layer_shut(s);
}

static void frame_woken(void *layer)
{
	(void)frame_flush(frame_of(layer)); /* a failure is told by the next write, or by shut */
	skt_layer_wake(layer);
}

static void frame_free(struct skt_stream *s)
{
	struct frame *f = frame_of(s);

	frame_drop(&f->in);
	frame_drop(&f->out);
	skt_stream_free(s->below);
	skt_free(f);
}

static const struct skt_stream_ops frame_ops = {
	.name = "frame",
	.open = skt_layer_open,
	.read = frame_read,
	.write = frame_write,
	.shut = frame_shut,
	.finish = skt_layer_finish,
	.free = frame_free,
};

int skt_frame_new(struct skt_stream *below, const struct skt_framing *how, struct skt_stream **ret, struct skt_error *err)
{
	struct frame *f = SKT_NEW(struct frame);

	if (!f) {
		skt_stream_free(below);
		return skt_fail_memory(err);
	}
	f->how = *how;
	if (f->how.size == 0)
		f->how.size = SKT_FRAME_MAX;
	f->stream.flags = SKT_STREAM_MESSAGES;
	skt_layer_init(&f->stream, &frame_ops, below, frame_woken);
	*ret = &f->stream;
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* WebSocket, the way out.
 *
 * How it works: a message becomes one frame, put together on the stack where it is small, and given below at once. Where below takes
 * nothing the message is still the caller's, unless it was compressed: the compressor remembers it, so it is held then. Once below has
 * taken a byte the rest is ours to deliver. What is owed (a pong, a ping, our Close) goes when nothing is held, so between frames; of pongs
 * only the one for the latest ping is owed (RFC 6455, section 5.5.3), and after our Close nothing goes. */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "io/filter/layer.h"
#include "io/filter/wslayer.h"
#include "sys/call.h"
#include "sys/clock.h"

/* WS_SMALL: such messages are put together on the stack. WS_MOST: so many bytes become one message at most. WS_LONGEST: a message that is
 * given whole, as one, may have so many: it is put together in memory. */
enum { WS_SMALL = 4096, WS_MOST = 1024 * 1024, WS_LONGEST = 1024 * 1024 * 1024 };

/* What is to become a message: the held beginning of a character, and bytes; and what it leaves held. */
struct ws_outgoing {
	char head[4]; /* the beginning of a character that was held */
	size_t n_head;
	const char *bytes;
	size_t n;
	struct skt_utf8 utf8; /* after it */
	size_t n_tail;        /* bytes behind it that are the beginning of a character */
};

/* Below */

/* Give below as many of n bytes as it takes. Returns their count, which may be 0, or -kind. */
static ssize_t write_push(struct skt_ws *w, const char *bytes, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t put = skt_stream_write(w->stream.below, bytes + done, n - done);

		if (put == -SKT_AGAIN || put == 0)
			break;
		if (put < 0) {
			skt_ws_drop(&w->out);
			w->is_write_over = true;
			w->write_ret = (int)put;
			return put;
		}
		done += (size_t)put;
	}
	return (ssize_t)done;
}

/* Returns 0; -SKT_AGAIN where below takes nothing and it need not be held; -kind. */
static int write_put(struct skt_ws *w, const char *bytes, size_t n, bool must_hold)
{
	ssize_t put = write_push(w, bytes, n);
	size_t left = n - (size_t)(put > 0 ? put : 0);
	int ret;

	if (put < 0)
		return (int)put;
	if (left == n && !must_hold)
		return -SKT_AGAIN;
	ret = left ? skt_ws_hold(w, &w->out, bytes + n - left, left, left) : 0;
	if (ret < 0) {
		w->is_write_over = true;
		w->write_ret = ret;
	}
	return ret;
}

int skt_ws_put(struct skt_ws *w, const char *bytes, size_t n)
{
	return write_put(w, bytes, n, true);
}

/* Frames */

/* A fresh key, which nobody can predict (RFC 6455, section 10.3). Returns 0 or -SKT_E_IO. */
static int write_key(struct skt_ws *w, unsigned char *ret)
{
	ssize_t got = w->n_keys ? 0 : skt_sys.getrandom(w->keys, sizeof(w->keys), 0);

	if (got > 0)
		w->n_keys = (uint8_t)((size_t)got / SKT_WS_KEY);
	if (w->n_keys == 0) {
		w->stream.sys = w->stream.sys ? w->stream.sys : got < 0 ? errno : EAGAIN;
		w->is_write_over = true;
		w->write_ret = -SKT_E_IO;
		return -SKT_E_IO;
	}
	memcpy(ret, w->keys[--w->n_keys], SKT_WS_KEY);
	return 0;
}

/* Write the header of a frame that ends its message. Returns its length, or -kind. */
static ssize_t write_header(struct skt_ws *w, uint8_t opcode, bool is_zipped, size_t length, struct skt_wsheader *frame,
			    char *to)
{
	*frame = (struct skt_wsheader){
		.length = length, .opcode = opcode, .is_last = true, .is_zipped = is_zipped, .is_masked = !w->is_server
	};
	if (frame->is_masked && write_key(w, frame->key) < 0)
		return -SKT_E_IO;
	return (ssize_t)skt_wsheader_compose(frame, to);
}

static void write_payload(const struct skt_wsheader *frame, char *to, const char *from, size_t n, uint64_t phase)
{
	if (frame->is_masked)
		skt_wsmask(to, from, n, frame->key, phase);
	else if (n)
		memcpy(to, from, n);
}

static ssize_t write_compose_control(struct skt_ws *w, uint8_t opcode, const void *payload, size_t n, char *to)
{
	struct skt_wsheader frame;
	ssize_t at = write_header(w, opcode, false, n, &frame, to);

	if (at < 0)
		return at;
	write_payload(&frame, to + at, payload, n, 0);
	return at + (ssize_t)n;
}

/* What is owed */

/* The ping's payload is its number. */
static void write_number(uint64_t number, unsigned char *ret)
{
	for (int i = 0; i < SKT_WS_PAYLOAD_OF_PING; i++)
		ret[i] = (unsigned char)(number >> (8 * (SKT_WS_PAYLOAD_OF_PING - 1 - i)));
}

/* Put one thing that is owed at `to`. Returns its length, 0 where nothing is owed, -kind. */
static ssize_t write_owed_one(struct skt_ws *w, char *to)
{
	unsigned char payload[SKT_WS_PAYLOAD_OF_PING];

	if (w->sent_close)
		return 0;
	if (w->owes_pong) {
		w->owes_pong = false;
		return write_compose_control(w, SKT_WS_PONG, w->pong, w->n_pong, to);
	}
	if (w->owes_close) {
		w->owes_close = w->owes_ping = false;
		w->sent_close = true;
		return write_compose_control(w, SKT_WS_CLOSE, payload, skt_wsclose_compose(w->close_code, payload), to);
	}
	if (w->owes_ping) {
		w->owes_ping = false;
		w->pinged_at = skt_now();
		write_number(++w->seen.n_pings, payload);
		return write_compose_control(w, SKT_WS_PING, payload, sizeof(payload), to);
	}
	return 0;
}

static int write_owed(struct skt_ws *w)
{
	char frames[3 * (SKT_WS_HEADER_MAX + SKT_WS_CONTROL_MAX)];
	size_t n = 0;
	ssize_t more;

	while ((more = write_owed_one(w, frames + n)) > 0)
		n += (size_t)more;
	if (more < 0)
		return (int)more;
	return n ? skt_ws_put(w, frames, n) : 0;
}

static int write_held(struct skt_ws *w)
{
	ssize_t put = write_push(w, w->out->bytes + w->out->at, w->out->n);

	if (put < 0)
		return (int)put;
	w->out->at += (size_t)put;
	w->out->n -= (size_t)put;
	if (w->out->n)
		return -SKT_AGAIN;
	skt_ws_drop(&w->out);
	return 0;
}

/* Both have closed: nothing more will be said either way. */
static int write_end(struct skt_ws *w)
{
	int ret = skt_stream_shut(w->stream.below);

	w->is_below_shut = ret != -SKT_AGAIN;
	skt_ws_follow(w);
	return ret;
}

int skt_ws_flush(struct skt_ws *w)
{
	int ret = 0;

	if (w->is_write_over)
		return w->write_ret;
	if (w->out)
		ret = write_held(w);
	if (ret == 0 && (w->owes_pong || w->owes_ping || w->owes_close))
		ret = write_owed(w);
	if (ret == 0 && w->out)
		ret = -SKT_AGAIN;
	if (ret == 0 && w->sent_close && w->saw_close && !w->is_below_shut)
		ret = write_end(w);
	return ret;
}

void skt_ws_owe_close(struct skt_ws *w, int code)
{
	if (w->sent_close || w->owes_close)
		return;
	w->owes_close = true;
	w->close_code = code;
}

/* Messages */

static int write_fail_text(struct skt_ws *w, const char *why)
{
	struct skt_error err;

	(void)skt_fail(&err, SKT_E_IO, EILSEQ, "%s", _(why));
	skt_hint(&err, "%s", _("messages of text are UTF-8; send bytes as binary messages"));
	w->write_ret = skt_stream_fail(&w->stream, &err);
	skt_ws_owe_close(w, SKT_WS_TROUBLE);
	(void)skt_ws_flush(w); /* a courtesy: the message that is missing cannot come any more */
	w->is_write_over = true;
	return w->write_ret;
}

/* Nothing is sent behind a Close. */
static int write_fail_closed(struct skt_ws *w)
{
	w->is_write_over = true;
	w->write_ret = -SKT_E_IO;
	if (!w->stream.err && !w->stream.sys)
		w->stream.sys = EPIPE;
	return w->write_ret;
}

/* Nothing was sent: the next may be. */
static int write_fail_long(struct skt_ws *w, size_t n)
{
	struct skt_error err;

	(void)skt_fail(&err, SKT_E_LIMIT, EMSGSIZE, _("a message of %zu bytes cannot be sent: it may have %d"), n,
		       WS_LONGEST);
	return skt_stream_fail(&w->stream, &err);
}

/* What a WebSocket at the other side of the link said it was, message by message; else what text= says. */
static uint8_t write_opcode(const struct skt_ws *w)
{
	if (w->keeps_messages && (w->stream.kind_written == SKT_WS_TEXT || w->stream.kind_written == SKT_WS_BINARY))
		return w->stream.kind_written;
	return w->config->text ? SKT_WS_TEXT : SKT_WS_BINARY;
}

/* Only whole characters make a message; the beginning of one is left for the next. */
static int write_cut_text(struct skt_ws *w, struct ws_outgoing *m)
{
	size_t good = skt_utf8_add(&m->utf8, m->bytes, m->n);

	if (good < m->n)
		return write_fail_text(w, N_("what was to be sent as text is not UTF-8"));
	if (!w->keeps_messages) {
		memcpy(m->head, w->tail, w->utf8.seen);
		m->n_head = w->utf8.seen;
		m->n_tail = m->utf8.seen < m->n ? m->utf8.seen : m->n;
		m->n -= m->n_tail;
	} else if (!skt_utf8_is_whole(&m->utf8)) {
		return write_fail_text(w, N_("what was to be sent as text ends within a character"));
	}
	return 0;
}

/* The message has been taken: what is left of a character is ours. */
static void write_keep_tail(struct skt_ws *w, const struct ws_outgoing *m)
{
	bool goes_on = m->n == 0 && m->n_tail < m->utf8.seen; /* not even one character was whole */
	size_t at = goes_on ? m->n_head : 0;

	if (m->n_tail)
		memcpy(w->tail + at, m->bytes + m->n, m->n_tail);
	w->utf8 = m->utf8;
}

/* The message to its place behind `before` bytes, whole. */
static int write_plain(struct skt_ws *w, const struct ws_outgoing *m, char *to, bool must_hold)
{
	struct skt_wsheader frame;
	ssize_t at = write_header(w, write_opcode(w), false, m->n_head + m->n, &frame, to);

	if (at < 0)
		return (int)at;
	write_payload(&frame, to + at, m->head, m->n_head, 0);
	write_payload(&frame, to + at + m->n_head, m->bytes, m->n, m->n_head);
	return write_put(w, to, (size_t)at + m->n_head + m->n, must_hold);
}

static int write_fail_memory(struct skt_ws *w)
{
	w->is_write_over = true;
	w->write_ret = skt_layer_fail_memory(&w->stream);
	return w->write_ret;
}

/* Compressed it is in memory of its own, and masked there. */
static int write_zipped(struct skt_ws *w, const char *bytes, size_t length)
{
	char *made = NULL, header[SKT_WS_HEADER_MAX];
	struct skt_wsheader frame;
	size_t n = 0;
	ssize_t at;
	int ret;

	if (skt_wszip_deflate(w->zip, bytes, length, SKT_WS_HEADER_MAX, &made, &n) < 0)
		return write_fail_memory(w);
	at = write_header(w, write_opcode(w), true, n, &frame, header);
	ret = (int)at;
	if (at >= 0) {
		char *start = made + SKT_WS_HEADER_MAX - at;

		memcpy(start, header, (size_t)at);
		write_payload(&frame, start + at, start + at, n, 0);
		ret = write_put(w, start, (size_t)at + n, true);
	}
	skt_free(made);
	return ret;
}

/* The deflater takes one run of bytes: a held character is put before them. */
static int write_joined(struct skt_ws *w, const struct ws_outgoing *m)
{
	char *joined;
	int ret;

	if (m->n_head == 0)
		return write_zipped(w, m->bytes, m->n);
	joined = skt_malloc(m->n_head + m->n);
	if (!joined)
		return write_fail_memory(w);
	memcpy(joined, m->head, m->n_head);
	if (m->n)
		memcpy(joined + m->n_head, m->bytes, m->n);
	ret = write_zipped(w, joined, m->n_head + m->n);
	skt_free(joined);
	return ret;
}

/* A message of no bytes is not compressed: it would grow. */
static int write_message(struct skt_ws *w, const struct ws_outgoing *m)
{
	char small[SKT_WS_HEADER_MAX + WS_SMALL], *big;
	size_t n = m->n_head + m->n;
	int ret;

	if (w->zip && n > 0)
		return write_joined(w, m);
	if (n <= WS_SMALL)
		return write_plain(w, m, small, false);
	big = skt_malloc(SKT_WS_HEADER_MAX + n);
	if (!big)
		return write_fail_memory(w);
	ret = write_plain(w, m, big, false);
	skt_free(big);
	return ret;
}

ssize_t skt_ws_write(struct skt_stream *s, const void *buf, size_t n)
{
	struct skt_ws *w = skt_ws_of(s);
	struct ws_outgoing m = { .bytes = buf, .n = n, .utf8 = w->utf8 };
	int ret = skt_ws_flush(w);

	if (ret < 0)
		return ret;
	if (w->sent_close || (w->saw_close && !w->may_answer))
		return write_fail_closed(w);
	if (!w->keeps_messages && n > WS_MOST)
		m.n = n = WS_MOST;
	if (n == 0 && !w->keeps_messages)
		return 0;
	if (n > WS_LONGEST)
		return write_fail_long(w, n);
	if (write_opcode(w) == SKT_WS_TEXT && (ret = write_cut_text(w, &m)) < 0)
		return ret;
	if (w->keeps_messages || m.n > 0)
		ret = write_message(w, &m);
	if (ret < 0)
		return ret;
	write_keep_tail(w, &m);
	skt_ws_follow(w);
	return (ssize_t)n;
}

int skt_ws_shut(struct skt_stream *s)
{
	struct skt_ws *w = skt_ws_of(s);
	int ret = 0;

	if (w->step == SKT_WS_OPEN && !w->is_write_over && !skt_utf8_is_whole(&w->utf8))
		return write_fail_text(w, N_("what was to be sent as text ended within a character"));
	if (w->step == SKT_WS_OPEN && !w->is_write_over) {
		skt_ws_owe_close(w, s->flags & SKT_STREAM_BROKEN ? SKT_WS_TROUBLE
				    : w->may_answer              ? w->seen.close_code
								 : SKT_WS_NORMAL);
		w->may_answer = false;
		ret = skt_ws_flush(w);
		skt_ws_follow(w);
	}
	if (w->step == SKT_WS_OPEN && !w->is_write_over)
		return ret;
	ret = w->is_below_shut ? 0 : skt_layer_shut(s);
	skt_ws_follow(w);
	return ret;
}

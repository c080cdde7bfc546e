/* SPDX-License-Identifier: Apache-2.0 */
/* WebSocket, the way in.
 *
 * How it works: below is read into the reader's own room where that is big; the payload is unmasked and moved to its front in one pass,
 * over the headers, which are always shorter than what they took. A small room, or a compressed stream (whose payload grows), has
 * below read onto the stack instead. What the room has no space for is held (`in`) and gone through first the next time.
 *
 * Whole messages: one that is whole in one pass never leaves the room either. The beginning of one that is not is held (`message`), and
 * from then on payload goes there, until it is whole and given.
 *
 * The pieces in which bytes come make no difference to what is given, nor to how it fails; what was good before a failure is given
 * first (of bytes; of messages, those that were whole). */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "io/filter/layer.h"
#include "io/filter/wslayer.h"

/* READ_DIRECT: such a room is read into. READ_STACK: else so much is read at once. READ_TURNS: so often below is read for nothing (pings,
 * headers) in one call. READ_LEAST: the least memory for a message. */
enum { READ_DIRECT = 16 * 1024, READ_STACK = 16 * 1024, READ_CLEAR = 4096, READ_TURNS = 16, READ_LEAST = 4096 };

/* Bytes that are gone through, and where their payload goes. */
struct ws_meal {
	const char *from;
	size_t n;
	char *to;
	size_t room, given;
	size_t limit; /* messages: the reader's room */
	bool is_held; /* the bytes are those of `in` */
};

/* How far that went. */
enum ws_eaten {
	EATEN_ON,    /* it goes on */
	EATEN_MORE,  /* to the last byte */
	EATEN_FULL,  /* until the room was full */
	EATEN_WHOLE, /* to the end of a message, where those are kept */
};

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Ends */

static void read_over(struct skt_ws *w, int ret)
{
	w->is_read_over = true;
	w->read_ret = ret;
	skt_ws_drop(&w->in);
	skt_ws_drop(&w->message);
}

/* The failure is kept before the Close goes, which may fail too and is only a courtesy. */
static void read_fail(struct skt_ws *w, int code, const struct skt_error *err)
{
	read_over(w, skt_stream_fail(&w->stream, err));
	skt_ws_owe_close(w, code);
	(void)skt_ws_flush(w);
}

static void read_breach(struct skt_ws *w, int code, const char *why)
{
	struct skt_error err;

	(void)skt_fail(&err, SKT_E_PEER, 0, _("the peer broke the WebSocket protocol: %s"), _(why));
	skt_hint(&err, "%s", _("the peer, or something between, does not speak it right: look at its log"));
	read_fail(w, code, &err);
}

static uint64_t read_most(const struct skt_ws *w)
{
	return w->config->max_message ? w->config->max_message : SKT_WS_MAX_MESSAGE;
}

static void read_fail_most(struct skt_ws *w)
{
	struct skt_error err;

	(void)skt_fail(&err, SKT_E_PEER, EMSGSIZE, _("a message has more than the %llu bytes that one may have"),
		       (unsigned long long)read_most(w));
	skt_hint(&err, "%s", _("max-message= lets in longer ones"));
	read_fail(w, SKT_WS_TOO_BIG, &err);
}

static void read_fail_room(struct skt_ws *w, size_t room)
{
	struct skt_error err;

	(void)skt_fail(&err, SKT_E_LIMIT, EMSGSIZE, _("a message of %llu bytes or more came, and there is room for %zu"),
		       (unsigned long long)w->incoming.n, room);
	skt_hint(&err, "%s", _("without frame= and towards a stream of bytes, messages of any length pass"));
	read_fail(w, SKT_WS_TOO_BIG, &err);
}

static void read_end(struct skt_ws *w)
{
	struct skt_error err;

	(void)skt_fail(&err, SKT_E_PEER, 0, "%s", _("the connection ended without the WebSocket's Close"));
	skt_hint(&err, "%s", _("the program at that end stopped, or something between cut it: look at its log"));
	read_over(w, skt_stream_fail(&w->stream, &err));
	skt_ws_follow(w);
}

/* Control frames */

static bool close_is_good(int code)
{
	return code == SKT_WS_NORMAL || code == SKT_WS_GOING || code == SKT_WS_NONE;
}

static int read_fail_close(struct skt_ws *w, const struct skt_wsclose *close)
{
	const char *name = skt_wsclose_name(close->code);
	struct skt_error err;

	(void)skt_fail(&err, SKT_E_PEER, 0, _("closed by the peer: %d%s%s%s%s"), close->code, *name ? " " : "", _(name),
		       *close->reason ? ": " : "", close->reason);
	skt_hint(&err, "%s", _("the peer ended it; its log may say more"));
	return skt_stream_fail(&w->stream, &err);
}

static void control_close(struct skt_ws *w)
{
	struct skt_wsbreach breach;
	struct skt_wsclose close;

	if (skt_wsclose_parse(w->control, (size_t)w->frame.length, &close, &breach) < 0) {
		read_breach(w, breach.code, breach.why);
		return;
	}
	w->saw_close = true;
	w->seen.close_code = close.code;
	read_over(w, close_is_good(close.code) ? 0 : read_fail_close(w, &close));
	/* whoever closes well still takes what is under way (RFC 6455, section 5.5.1); a page that goes away does not */
	w->may_answer = !w->sent_close && !w->owes_close && (close.code == SKT_WS_NORMAL || close.code == SKT_WS_NONE);
	if (!w->may_answer)
		skt_ws_owe_close(w, close.code);
	else
		skt_loop_defer(w->loop, &w->task); /* its end may have come along, and then nothing wakes us any more */
	(void)skt_ws_flush(w);
	skt_ws_follow(w);
}

static void control_ping(struct skt_ws *w)
{
	w->n_pong = (uint8_t)w->frame.length;
	memcpy(w->pong, w->control, w->n_pong);
	w->owes_pong = true;
	(void)skt_ws_flush(w);
}

/* Only the answer to the last ping that left counts; others may come unasked (RFC 6455, section 5.5.3). */
static void control_pong(struct skt_ws *w)
{
	uint64_t number = 0;

	if (!w->waits_for_pong || w->pinged_at == 0 || w->frame.length != SKT_WS_PAYLOAD_OF_PING)
		return;
	for (int i = 0; i < SKT_WS_PAYLOAD_OF_PING; i++)
		number = number << 8 | w->control[i];
	if (number == w->seen.n_pings)
		skt_ws_ponged(w);
}

static enum ws_eaten eat_control(struct skt_ws *w, struct ws_meal *m)
{
	size_t n = least(m->n, (size_t)(w->frame.length - w->frame_seen));

	if (w->frame.is_masked)
		skt_wsmask(w->control + w->frame_seen, m->from, n, w->frame.key, w->frame_seen);
	else if (n)
		memcpy(w->control + w->frame_seen, m->from, n);
	w->frame_seen += n;
	m->from += n;
	m->n -= n;
	if (w->frame_seen < w->frame.length)
		return EATEN_MORE;
	w->place = SKT_WS_HEADER;
	if (w->frame.opcode == SKT_WS_PING)
		control_ping(w);
	else if (w->frame.opcode == SKT_WS_PONG)
		control_pong(w);
	else
		control_close(w);
	return EATEN_ON;
}

/* Headers */

/* A frame of a message begins: what it announces is counted before it comes, unless it is compressed. */
static void frame_begin(struct skt_ws *w, const struct ws_meal *m)
{
	struct skt_ws_message *in = &w->incoming;
	uint64_t most = read_most(w);

	if (w->frame.opcode != SKT_WS_CONTINUATION)
		w->stream.kind_read = (uint8_t)w->frame.opcode;
	if (w->frame.opcode != SKT_WS_CONTINUATION)
		*in = (struct skt_ws_message){ .is_text = w->frame.opcode == SKT_WS_TEXT,
					       .is_zipped = w->frame.is_zipped };
	in->is_within = !w->frame.is_last;
	w->place = SKT_WS_PAYLOAD;
	if (in->is_zipped)
		return;
	if (w->frame.length > most || in->n > most - w->frame.length) {
		read_fail_most(w);
		return;
	}
	in->n += w->frame.length;
	if (w->keeps_messages && in->n > m->limit)
		read_fail_room(w, m->limit);
}

static enum ws_eaten eat_header(struct skt_ws *w, struct ws_meal *m)
{
	struct skt_wsrules rules = { .wants_mask = w->is_server,
				     .may_zip = w->zip != NULL,
				     .is_within = w->incoming.is_within };
	size_t had = w->n_partial, n = least(m->n, SKT_WS_HEADER_MAX - had);
	struct skt_wsbreach breach;
	int length;

	if (n == 0)
		return EATEN_MORE;
	memcpy(w->partial + had, m->from, n);
	length = skt_wsheader_parse(w->partial, had + n, &rules, &w->frame, &breach);
	if (length < 0) {
		read_breach(w, breach.code, breach.why);
		return EATEN_ON;
	}
	w->n_partial = (uint8_t)(length ? 0 : had + n);
	n = length ? (size_t)length - had : n;
	m->from += n;
	m->n -= n;
	if (length == 0)
		return EATEN_MORE;
	w->frame_seen = 0;
	if (skt_wsopcode_is_control(w->frame.opcode))
		w->place = SKT_WS_CONTROL;
	else
		frame_begin(w, m);
	return EATEN_ON;
}

/* Messages */

/* n bytes of payload are where they belong. Returns whether they may be there. */
static bool payload_came(struct skt_ws *w, struct ws_meal *m, size_t n)
{
	size_t good = w->incoming.is_text ? skt_utf8_add(&w->incoming.utf8, m->to + m->given, n) : n;

	m->given += good;
	if (good < n)
		read_breach(w, SKT_WS_DATA, N_("a message of text is not UTF-8"));
	return good == n;
}

static enum ws_eaten message_end(struct skt_ws *w)
{
	w->place = SKT_WS_HEADER;
	if (w->incoming.is_text && !skt_utf8_is_whole(&w->incoming.utf8))
		read_breach(w, SKT_WS_DATA, N_("a message of text ends within a character"));
	return w->keeps_messages ? EATEN_WHOLE : EATEN_ON;
}

static enum ws_eaten frame_end(struct skt_ws *w)
{
	if (w->incoming.is_within) {
		w->place = SKT_WS_HEADER;
		return EATEN_ON;
	}
	if (!w->incoming.is_zipped)
		return message_end(w);
	w->place = SKT_WS_TAIL;
	return EATEN_ON;
}

static enum ws_eaten eat_plain(struct skt_ws *w, struct ws_meal *m)
{
	uint64_t left = w->frame.length - w->frame_seen;
	size_t n = least(m->n, m->room - m->given);

	n = left < n ? (size_t)left : n;
	if (left == 0)
		return frame_end(w);
	if (n == 0)
		return m->n ? EATEN_FULL : EATEN_MORE;
	if (w->frame.is_masked)
		skt_wsmask(m->to + m->given, m->from, n, w->frame.key, w->frame_seen);
	else
		memmove(m->to + m->given, m->from, n);
	w->frame_seen += n;
	m->from += n;
	m->n -= n;
	(void)payload_came(w, m, n);
	return EATEN_ON;
}

/* Room for what is inflated: one byte more than a message may have shows that it has more. */
static size_t inflate_room(const struct skt_ws *w, const struct ws_meal *m)
{
	uint64_t left = read_most(w) - w->incoming.n;

	return left < m->room - m->given ? (size_t)left + 1 : m->room - m->given;
}

/* n bytes were inflated to their place, and inflating said something. */
static void inflate_came(struct skt_ws *w, struct ws_meal *m, size_t n, int said)
{
	bool is_more = n > read_most(w) - w->incoming.n;

	w->incoming.n += n;
	if (!payload_came(w, m, is_more ? n - 1 : n))
		return;
	if (is_more)
		read_fail_most(w);
	else if (w->keeps_messages && w->incoming.n > m->limit)
		read_fail_room(w, m->limit);
	else if (said == SKT_WSZIP_NO_MEMORY)
		read_over(w, skt_layer_fail_memory(&w->stream));
	else if (said == SKT_WSZIP_WRONG)
		read_breach(w, SKT_WS_DATA, N_("a compressed message cannot be inflated"));
}

/* Nothing is taken that does not fit: it is unmasked again the next time, from where that begins. */
static enum ws_eaten eat_zipped(struct skt_ws *w, struct ws_meal *m)
{
	uint64_t left = w->frame.length - w->frame_seen;
	size_t n = least(m->n, READ_CLEAR);
	char clear[READ_CLEAR];
	const char *bytes = m->from;
	struct skt_wszipped went;
	int said;

	n = left < n ? (size_t)left : n;
	if (n == 0 && !skt_wszip_waits(w->zip))
		return left ? EATEN_MORE : frame_end(w);
	if (m->given == m->room)
		return EATEN_FULL;
	if (w->frame.is_masked) {
		skt_wsmask(clear, m->from, n, w->frame.key, w->frame_seen);
		bytes = clear;
	}
	said = skt_wszip_inflate(w->zip, bytes, n, m->to + m->given, inflate_room(w, m), &went);
	w->frame_seen += went.used;
	m->from += went.used;
	m->n -= went.used;
	inflate_came(w, m, went.given, said);
	return EATEN_ON;
}

static enum ws_eaten eat_payload(struct skt_ws *w, struct ws_meal *m)
{
	return w->incoming.is_zipped ? eat_zipped(w, m) : eat_plain(w, m);
}

static enum ws_eaten eat_tail(struct skt_ws *w, struct ws_meal *m)
{
	struct skt_wszipped went;
	bool is_whole = false;
	size_t room;
	int said;

	if (m->given == m->room)
		return EATEN_FULL;
	room = inflate_room(w, m);
	said = skt_wszip_inflate_end(w->zip, m->to + m->given, room, &went, &is_whole);
	if (said == SKT_WSZIP_FINE && !is_whole && went.given < room)
		said = SKT_WSZIP_WRONG;
	inflate_came(w, m, went.given, said);
	return is_whole && !w->is_read_over ? message_end(w) : EATEN_ON;
}

static enum ws_eaten read_eat(struct skt_ws *w, struct ws_meal *m)
{
	static enum ws_eaten (*const eat[])(struct skt_ws * w, struct ws_meal * m) = {
		[SKT_WS_HEADER] = eat_header,
		[SKT_WS_CONTROL] = eat_control,
		[SKT_WS_PAYLOAD] = eat_payload,
		[SKT_WS_TAIL] = eat_tail,
	};
	enum ws_eaten ret;

	do {
		ret = eat[w->place](w, m);
	} while (ret == EATEN_ON && !w->is_read_over);
	return ret;
}

/* Bytes and messages */

/* What was not gone through is kept; of `in` it is already. */
static int read_keep_rest(struct skt_ws *w, struct ws_meal *m)
{
	int ret;

	if (m->is_held || m->n == 0)
		return 0;
	ret = skt_ws_hold(w, &w->in, m->from, m->n, m->n);
	if (ret < 0)
		read_over(w, ret);
	return ret;
}

static ssize_t pass_bytes(struct skt_ws *w, struct ws_meal *m, char *buf, size_t room)
{
	m->to = buf;
	m->room = room;
	(void)read_eat(w, m);
	if (!w->is_read_over)
		(void)read_keep_rest(w, m);
	return (ssize_t)m->given;
}

/* Room for a message that grows: at most one byte more than the reader has, so that one which just fits is told from a longer one. */
static int message_grow(struct skt_ws *w, const char *bytes, size_t n, size_t limit)
{
	struct skt_ws_held *old = w->message;
	size_t cap = n < READ_LEAST / 2 ? READ_LEAST : 2 * n;
	int ret;

	if (cap > limit)
		cap = limit + 1;
	if (cap <= n) /* the reader's room has shrunk */
		return 0;
	ret = skt_ws_hold(w, &w->message, bytes, n, cap);
	skt_free(old);
	if (ret < 0)
		read_over(w, ret);
	return ret;
}

static ssize_t message_hand_over(struct skt_ws *w, char *buf, size_t n)
{
	w->is_waiting = false;
	if (w->message && n)
		memcpy(buf, w->message->bytes, n);
	skt_ws_drop(&w->message);
	return n ? (ssize_t)n : -SKT_EMPTY;
}

static ssize_t message_give(struct skt_ws *w, struct ws_meal *m, char *buf, size_t room)
{
	size_t n = w->message ? w->message->n : m->given;

	if (n > m->limit) {
		read_fail_room(w, room);
		return 0;
	}
	if (read_keep_rest(w, m) < 0) /* first: the rest may be in the very room */
		return 0;
	w->is_waiting = n > room;
	return w->is_waiting ? -SKT_LONGER : message_hand_over(w, buf, n);
}

/* Go on until a message is whole, or the bytes are used up: 0 then. */
static ssize_t pass_message(struct skt_ws *w, struct ws_meal *m, char *buf, size_t room)
{
	for (;;) {
		struct skt_ws_held *part = w->message;
		enum ws_eaten eaten;

		m->to = part ? part->bytes + part->n : buf;
		m->room = part ? part->cap - part->n : room;
		m->given = 0;
		eaten = read_eat(w, m);
		if (w->is_read_over)
			return 0;
		if (part)
			part->n += m->given;
		if (eaten == EATEN_WHOLE)
			return message_give(w, m, buf, room);
		if (eaten == EATEN_MORE && (part || m->given == 0))
			return 0;
		if (part && part->n > m->limit) {
			read_fail_room(w, room);
			return 0;
		}
		if (message_grow(w, part ? part->bytes : buf, part ? part->n : m->given, m->limit) < 0 ||
		    eaten == EATEN_MORE)
			return 0;
	}
}

static ssize_t read_pass(struct skt_ws *w, struct ws_meal *m, char *buf, size_t room)
{
	m->limit = w->takes_longer ? (size_t)read_most(w) : room;
	return w->keeps_messages ? pass_message(w, m, buf, room) : pass_bytes(w, m, buf, room);
}

/* Below */

static ssize_t read_below(struct skt_ws *w, char *to, size_t n)
{
	ssize_t got = skt_stream_read(w->stream.below, to, n);

	w->is_drained = got == -SKT_AGAIN;
	if (got > 0)
		w->heard = true;
	else if (got == 0)
		read_end(w);
	else if (got != -SKT_AGAIN)
		read_over(w, (int)got);
	return got;
}

static ssize_t read_held(struct skt_ws *w, char *buf, size_t room)
{
	struct skt_ws_held *in = w->in;
	struct ws_meal m = { .from = in->bytes + in->at, .n = in->n, .is_held = true };
	ssize_t ret = read_pass(w, &m, buf, room);

	if (!w->in)
		return ret;
	in->at += in->n - m.n;
	in->n = m.n;
	if (in->n == 0)
		skt_ws_drop(&w->in);
	return ret;
}

static ssize_t read_fresh(struct skt_ws *w, const char *bytes, ssize_t n, char *buf, size_t room)
{
	struct ws_meal m = { .from = bytes, .n = n > 0 ? (size_t)n : 0 };

	return n > 0 ? read_pass(w, &m, buf, room) : n;
}

static ssize_t read_by_stack(struct skt_ws *w, char *buf, size_t room)
{
	char bytes[READ_STACK];

	return read_fresh(w, bytes, read_below(w, bytes, sizeof(bytes)), buf, room);
}

/* What is in the compressor comes before anything new. */
static ssize_t read_waiting(struct skt_ws *w, char *buf, size_t room)
{
	struct ws_meal m = { .from = "", .n = 0 };

	return read_pass(w, &m, buf, room);
}

static ssize_t read_turn(struct skt_ws *w, char *buf, size_t room)
{
	if (w->is_waiting)
		return w->message->n > room ? -SKT_LONGER : message_hand_over(w, buf, w->message->n);
	if (w->in)
		return read_held(w, buf, room);
	if (w->zip && (w->place == SKT_WS_TAIL || skt_wszip_waits(w->zip)))
		return read_waiting(w, buf, room);
	if (w->zip || room < READ_DIRECT)
		return read_by_stack(w, buf, room);
	return read_fresh(w, buf, read_below(w, buf, room), buf, room);
}

ssize_t skt_ws_read(struct skt_stream *s, void *buf, size_t n)
{
	struct skt_ws *w = skt_ws_of(s);

	if (!buf)
		return w->is_waiting ? (ssize_t)w->message->n : 0;
	assert(n > 0 && w->step == SKT_WS_OPEN);
	for (int turn = 0; turn < READ_TURNS; turn++) {
		ssize_t got = w->is_read_over ? w->read_ret : read_turn(w, buf, n);

		if (got > 0 || got == -SKT_EMPTY || got == -SKT_LONGER || got == -SKT_AGAIN)
			return got;
		if (w->is_read_over)
			return w->read_ret;
	}
	skt_loop_defer(w->loop, &w->task);
	return -SKT_AGAIN;
}

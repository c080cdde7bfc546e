/* SPDX-License-Identifier: Apache-2.0 */
/* A layer that encrypts.
 *
 * How it works: OpenSSL reads and writes through a BIO of ours, which is the stream below. What it writes goes into the thread's room
 * first, and leaves with one call when OpenSSL is done: 64 KiB that are written are five records and one send. What below does not
 * take is held on the heap; while it is there nothing more is taken, so that it is bounded. Reading goes on until the caller's room
 * is full or nothing is left, for the same reason.
 *
 * Any call may have to read or to write below (key updates, tickets, alerts), so every wake tries both.
 *
 *   held     NULL, or the rest of what OpenSSL wrote, which below did not take
 *   room     not NULL within a call of ours: where OpenSSL's writing goes, n_room bytes so far
 *   ended    0, or 1 + what read() returns from now on, made positive: nothing is read after the end or a failure */
#include "io/filter/tls.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "io/filter/layer.h"
#include "io/filter/tlswords.h"
#include "sys/ossl.h"

enum {
	TLS_BURST = 64 * 1024,      /* bytes encrypted before they are sent */
	TLS_HELD_MOST = 512 * 1024, /* of answers that the peer makes us write and does not read */
	TLS_FIRST = 48,
};

struct tls_held {
	uint32_t at, n;
	char bytes[];
};

struct tls {
	struct skt_stream stream;
	struct skt_loop *loop;
	struct skt_tls_context *context;
	SSL *ssl;
	struct tls_held *held;
	char *room;
	uint32_t n_room;
	int write_failed; /* 0, or what every further write returns */
	int ended;
	bool is_open, is_shut, saw_end, below_failed;
	bool has_data; /* what is to go holds bytes of the user's, not only what TLS says for itself */
	bool lost;     /* such bytes did not go */
	uint8_t n_first;
	char first[TLS_FIRST]; /* what the peer said first, for the words about one that does not speak TLS */
};

static BIO_METHOD *tls_bio;
static pthread_once_t tls_once = PTHREAD_ONCE_INIT;

static struct tls *tls_of(struct skt_stream *s)
{
	return SKT_OUTER(s, struct tls, stream);
}

/* --- what OpenSSL reads and writes -------------------------------------------------------------------------------------- */

static void tls_remember(struct tls *t, const char *bytes, size_t n)
{
	size_t more = sizeof(t->first) - t->n_first;

	if (t->is_open || more == 0)
		return;
	more = n < more ? n : more;
	memcpy(t->first + t->n_first, bytes, more);
	t->n_first = (uint8_t)(t->n_first + more);
}

static int bio_read(BIO *bio, char *buf, size_t n, size_t *ret)
{
	struct tls *t = BIO_get_data(bio);
	ssize_t got = t->saw_end ? 0 : skt_stream_read(t->stream.below, buf, n);

	BIO_clear_retry_flags(bio);
	*ret = got > 0 ? (size_t)got : 0;
	if (got == -SKT_AGAIN || got == -SKT_EMPTY)
		BIO_set_retry_read(bio);
	else if (got < 0)
		t->below_failed = true;
	else if (got == 0)
		t->saw_end = true;
	else
		tls_remember(t, buf, (size_t)got);
	return got > 0;
}

/* Behind what is held already: only what the peer makes OpenSSL say goes there. n > 0. */
static bool tls_hold_more(struct tls *t, const char *bytes, size_t n)
{
	struct tls_held *held = t->held;
	size_t have = held ? held->n : 0;

	if (have + n > TLS_HELD_MOST)
		return false;
	held = skt_malloc(sizeof(*held) + have + n);
	if (!held)
		return false;
	if (have)
		memcpy(held->bytes, t->held->bytes + t->held->at, have);
	memcpy(held->bytes + have, bytes, n);
	held->at = 0;
	held->n = (uint32_t)(have + n);
	skt_free(t->held);
	t->held = held;
	return true;
}

/* Into the room, while that is enough; else what is there goes first, so that the order is kept. */
static bool tls_collect(struct tls *t, const char *bytes, size_t n)
{
	if (t->room && !t->held && t->n_room + n <= SKT_ROOM_SIZE) {
		memcpy(t->room + t->n_room, bytes, n);
		t->n_room += (uint32_t)n;
		return true;
	}
	if (t->room && !t->held && t->n_room > 0) {
		if (!tls_hold_more(t, t->room, t->n_room))
			return false;
		t->n_room = 0;
	}
	return tls_hold_more(t, bytes, n);
}

static int bio_write(BIO *bio, const char *buf, size_t n, size_t *ret)
{
	struct tls *t = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	if (n == 0 || tls_collect(t, buf, n)) {
		*ret = n;
		return 1;
	}
	*ret = 0;
	BIO_set_retry_write(bio);
	return 0;
}

static long bio_ctrl(BIO *bio, int command, long number, void *arg)
{
	const struct tls *t = BIO_get_data(bio);

	(void)number, (void)arg;
	if (command == BIO_CTRL_EOF)
		return t->saw_end;
	return command == BIO_CTRL_FLUSH;
}

static void tls_init(void)
{
	tls_bio = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
	if (!tls_bio)
		return;
	(void)BIO_meth_set_read_ex(tls_bio, bio_read);
	(void)BIO_meth_set_write_ex(tls_bio, bio_write);
	(void)BIO_meth_set_ctrl(tls_bio, bio_ctrl);
}

/* What below is, and whether something waits here. */
static void tls_follow(struct tls *t)
{
	skt_layer_follow(&t->stream);
	if (t->held)
		t->stream.flags |= SKT_STREAM_HOLDS;
}

/* --- giving it below ---------------------------------------------------------------------------------------------------- */

static void tls_drop(struct tls *t)
{
	skt_free(t->held);
	t->held = NULL;
	t->n_room = 0;
}

/* As many of n bytes as below takes: their count, or -kind. */
static ssize_t tls_push(struct tls *t, const char *bytes, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t put = skt_stream_write(t->stream.below, bytes + done, n - done);

		if (put == -SKT_AGAIN || put == 0)
			break;
		if (put < 0) {
			tls_drop(t);
			t->lost = t->has_data;
			t->write_failed = (int)put;
			return put;
		}
		done += (size_t)put;
	}
	return (ssize_t)done;
}

/* 0 when nothing is held any more, -SKT_AGAIN, -kind. */
static int tls_flush_held(struct tls *t)
{
	ssize_t put;

	if (!t->held)
		return t->write_failed;
	put = tls_push(t, t->held->bytes + t->held->at, t->held->n);
	if (put < 0)
		return (int)put;
	t->held->at += (uint32_t)put;
	t->held->n -= (uint32_t)put;
	if (t->held->n)
		return -SKT_AGAIN;
	skt_free(t->held);
	t->held = NULL;
	t->has_data = false;
	return 0;
}

/* Before OpenSSL is called. */
static void tls_enter(struct tls *t)
{
	ERR_clear_error();
	t->room = skt_loop_take_room(t->loop); /* NULL within another TLS: then it is held on the heap */
	t->n_room = 0;
}

/* After it: what it wrote leaves. As tls_flush_held(). */
static int tls_leave(struct tls *t)
{
	uint32_t n = t->n_room;
	ssize_t put;
	int ret = tls_flush_held(t);

	if (n && ret == 0) {
		put = tls_push(t, t->room, n);
		if (put >= 0 && (uint32_t)put < n && !tls_hold_more(t, t->room + put, n - (size_t)put))
			ret = t->write_failed = skt_layer_fail_memory(&t->stream);
		else
			ret = put < 0 ? (int)put : (uint32_t)put < n ? -SKT_AGAIN : 0;
	}
	skt_loop_give_room(t->loop, t->room);
	t->room = NULL;
	t->n_room = 0;
	tls_follow(t);
	return ret;
}

/* --- what OpenSSL says -------------------------------------------------------------------------------------------------- */

/* A call has failed for good: in words, unless below has its own. Returns -kind. */
static int tls_fail(struct tls *t)
{
	struct skt_tls_trouble trouble = { .ssl = t->ssl,
					   .config = skt_tls_context_config(t->context),
					   .code = ERR_peek_error(),
					   .is_open = t->is_open,
					   .saw_end = t->saw_end,
					   .first = t->first,
					   .n_first = t->n_first };
	struct skt_error err = { 0 };
	int ret;

	if (t->below_failed || t->write_failed) {
		ERR_clear_error();
		skt_stream_why(t->stream.below, &err);
		return -(int)err.kind;
	}
	ret = skt_tls_explain(&trouble, &err);
	ERR_clear_error();
	(void)skt_stream_fail(&t->stream, &err);
	return ret;
}

/* 1 where the call is to be made again later, 0 at the peer's close_notify, else -kind. */
static int tls_said(struct tls *t, int result)
{
	switch (SSL_get_error(t->ssl, result)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return 1;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		return tls_fail(t);
	}
}

/* --- as a stream -------------------------------------------------------------------------------------------------------- */

/* Closing a socket with unread bytes resets it, and destroys an alert that the peer has not read yet. */
static void tls_let_alert_arrive(struct tls *t)
{
	char rest[4096];
	ssize_t got = 1;

	if (t->below_failed || t->saw_end)
		return;
	(void)skt_stream_shut(t->stream.below);
	for (int i = 0; i < 64 && got > 0; i++)
		got = skt_stream_read(t->stream.below, rest, sizeof(rest));
}

static int tls_open(struct skt_stream *s)
{
	struct tls *t = tls_of(s);
	int ret = skt_layer_open(s), said;

	if (ret < 0)
		return ret;
	if (t->is_open)
		return tls_flush_held(t);
	if (t->held && (ret = tls_flush_held(t)) < 0)
		return ret;
	tls_enter(t);
	ret = SSL_do_handshake(t->ssl);
	said = ret == 1 ? 1 : tls_said(t, ret);
	t->is_open = ret == 1;
	ret = tls_leave(t); /* also the alert that says why */
	if (said == 0)
		said = tls_fail(t);
	if (said < 0) {
		tls_let_alert_arrive(t);
		return said;
	}
	tls_follow(t);
	return ret < 0 ? ret : t->is_open ? 0 : -SKT_AGAIN;
}

/* Until the room is full or nothing more is there: bytes, 0 at the end, -SKT_AGAIN, -kind. */
static ssize_t tls_take(struct tls *t, char *buf, size_t n)
{
	size_t done = 0, got;

	while (done < n) {
		int result = SSL_read_ex(t->ssl, buf + done, n - done, &got), said;

		if (result == 1) {
			done += got;
			continue;
		}
		said = tls_said(t, result);
		if (said == 1)
			return done ? (ssize_t)done : -SKT_AGAIN;
		t->ended = 1 - said;
		return done ? (ssize_t)done : said;
	}
	return (ssize_t)done;
}

static ssize_t tls_read(struct skt_stream *s, void *buf, size_t n)
{
	struct tls *t = tls_of(s);
	ssize_t got;

	if (t->ended)
		return 1 - t->ended;
	tls_enter(t);
	got = tls_take(t, buf, n);
	(void)tls_leave(t); /* a failure is told by the next write */
	tls_follow(t);
	return got;
}

static ssize_t tls_write(struct skt_stream *s, const void *buf, size_t n)
{
	struct tls *t = tls_of(s);
	size_t done = 0, put, most = n < TLS_BURST ? n : TLS_BURST;
	int ret = tls_flush_held(t), said = 1;

	if (ret < 0)
		return ret;
	if (t->ended > 1) { /* a TLS that has failed one way has failed */
		t->write_failed = 1 - t->ended;
		return t->write_failed;
	}
	tls_enter(t);
	while (done < most) {
		int result = SSL_write_ex(t->ssl, (const char *)buf + done, most - done, &put);

		if (result != 1) {
			said = tls_said(t, result);
			break;
		}
		done += put;
	}
	t->has_data = true;
	ret = tls_leave(t);
	t->has_data = ret == -SKT_AGAIN;
	if (said <= 0)
		return t->write_failed = said ? said : -SKT_E_IO;
	if (ret < 0 && ret != -SKT_AGAIN)
		return ret;
	return done ? (ssize_t)done : n ? -SKT_AGAIN : 0;
}

/* Where only words of TLS itself did not arrive (a ticket, our close), nothing is lost; how it stands with the peer, reading tells. */
static bool tls_misses_nothing(const struct tls *t, int failed)
{
	return failed < 0 && failed != -SKT_AGAIN && t->ended <= 1 && !t->lost;
}

/* close_notify is the end of our bytes; what the peer still says is read on, and below stays open for that. */
static int tls_shut(struct skt_stream *s)
{
	struct tls *t = tls_of(s);
	int ret = tls_flush_held(t);

	if (ret < 0 || t->is_shut)
		return tls_misses_nothing(t, ret) ? 0 : ret;
	t->is_shut = true;
	if (t->ended > 1 || !t->is_open || (s->flags & SKT_STREAM_BROKEN))
		return skt_layer_shut(s);
	tls_enter(t);
	(void)SSL_shutdown(t->ssl);
	ERR_clear_error();
	ret = tls_leave(t);
	return tls_misses_nothing(t, ret) ? 0 : ret;
}

static void tls_woken(void *layer)
{
	struct tls *t = tls_of(layer);

	(void)tls_flush_held(t); /* a failure is told by the next write, or by shut */
	tls_follow(t);
	skt_stream_wake(&t->stream);
}

static void tls_free(struct skt_stream *s)
{
	struct tls *t = tls_of(s);

	tls_drop(t);
	SSL_free(t->ssl);
	skt_tls_context_free(t->context);
	skt_stream_free(s->below);
	skt_free(t);
}

static const struct skt_stream_ops tls_ops = {
	.name = "tls",
	.open = tls_open,
	.read = tls_read,
	.write = tls_write,
	.shut = tls_shut,
	.finish = skt_layer_finish,
	.free = tls_free,
};

static bool tls_begin(struct tls *t)
{
	BIO *bio = tls_bio ? BIO_new(tls_bio) : NULL;

	t->ssl = bio ? skt_tls_context_ssl(t->context) : NULL;
	if (!t->ssl) {
		BIO_free(bio);
		return false;
	}
	BIO_set_data(bio, t);
	BIO_set_init(bio, 1);
	SSL_set_bio(t->ssl, bio, bio);
	if (skt_tls_context_config(t->context)->is_server)
		SSL_set_accept_state(t->ssl);
	else
		SSL_set_connect_state(t->ssl);
	return true;
}

int skt_tls_new(struct skt_loop *loop, struct skt_stream *below, struct skt_tls_context *context,
		struct skt_stream **ret, struct skt_error *err)
{
	struct tls *t = SKT_NEW(struct tls);

	(void)pthread_once(&tls_once, tls_init);
	if (t) {
		t->loop = loop;
		t->context = context;
	}
	if (!t || !tls_begin(t)) {
		skt_free(t);
		skt_stream_free(below);
		return skt_fail_memory(err);
	}
	skt_tls_context_ref(context);
	skt_layer_init(&t->stream, &tls_ops, below, tls_woken);
	*ret = &t->stream;
	return 0;
}

const SSL *skt_tls_of(const struct skt_stream *s)
{
	for (; s; s = s->below)
		if (s->ops == &tls_ops)
			return SKT_OUTER(s, const struct tls, stream)->ssl;
	return NULL;
}

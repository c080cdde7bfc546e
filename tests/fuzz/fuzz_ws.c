/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes in any pieces, to either end of a WebSocket: nothing crashes, what is read and what is answered is the same at once and in
 * pieces, and so is how it ends. The first byte chooses the end and its options, the second the pieces, the third the room. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "base/alloc.h"
#include "io/filter/ws.h"
#include "sys/call.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_SERVER = 1, FUZZ_MESSAGES = 2, FUZZ_ZIP = 4, FUZZ_TEXT = 8, FUZZ_BARE = 16, FUZZ_FORGETS = 32 };
enum { FUZZ_MOST = 100000, FUZZ_SENT = 512 * 1024, FUZZ_GOT = 8 * 1024 * 1024, FUZZ_ROOM = 64 * 1024 };

/* What lies below: it gives a head and then `data`, in pieces, and keeps what is written. */
struct fuzz_below {
	struct skt_stream stream;
	const char *head;
	const uint8_t *data;
	size_t n_head, n, at, piece;
	bool blink;
	char *sent;
	size_t n_sent;
};

/* What came of one run. */
struct fuzz_run {
	struct fuzz_below below;
	char *got;
	size_t n_got;
	int opened;
	ssize_t ended;
	struct skt_ws_seen seen;
};

static struct skt_loop *fuzz_loop;
static struct fuzz_run fuzz_runs[2];

static void fuzz_stop(const char *why)
{
	(void)fprintf(stderr, "%s\n", why);
	abort();
}

/* The same key for every request, so that an answer can be prepared. */
static ssize_t fuzz_getrandom(void *buf, size_t n, unsigned flags)
{
	(void)flags;
	memset(buf, 0, n);
	return (ssize_t)n;
}

static ssize_t fuzz_read(struct skt_stream *s, void *buf, size_t n)
{
	struct fuzz_below *b = SKT_OUTER(s, struct fuzz_below, stream);
	size_t all = b->n_head + b->n, give;

	b->blink = !b->blink;
	if (b->piece && b->blink)
		return -SKT_AGAIN;
	give = all - b->at < n ? all - b->at : n;
	if (b->piece && give > b->piece)
		give = b->piece;
	for (size_t i = 0; i < give; i++, b->at++)
		((char *)buf)[i] = b->at < b->n_head ? b->head[b->at] : (char)b->data[b->at - b->n_head];
	return (ssize_t)give;
}

static ssize_t fuzz_write(struct skt_stream *s, const void *buf, size_t n)
{
	struct fuzz_below *b = SKT_OUTER(s, struct fuzz_below, stream);

	if (n > FUZZ_SENT - b->n_sent)
		n = FUZZ_SENT - b->n_sent;
	if (n == 0)
		return -SKT_AGAIN;
	memcpy(b->sent + b->n_sent, buf, n);
	b->n_sent += n;
	return (ssize_t)n;
}

static int fuzz_shut(struct skt_stream *s)
{
	(void)s;
	return 0;
}

static void fuzz_free(struct skt_stream *s)
{
	(void)s;
}

static const struct skt_stream_ops fuzz_ops = {
	.name = "fuzz", .read = fuzz_read, .write = fuzz_write, .shut = fuzz_shut, .free = fuzz_free
};

/* The head that comes first, so that what follows is frames; none where the bytes are to be the head. */
static const char *fuzz_head(uint8_t how)
{
	if (how & FUZZ_BARE)
		return "";
	if (!(how & FUZZ_SERVER))
		return how & FUZZ_ZIP
			       ? how & FUZZ_FORGETS
					 ? "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
					   "Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n"
					   "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n\r\n"
					 : "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
					   "Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n"
					   "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
			       : "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
				 "Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n";
	return how & FUZZ_FORGETS ? "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
				    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
				    "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n\r\n"
				  : "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
				    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
				    "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
}

static void fuzz_keep(struct fuzz_run *run, const char *bytes, size_t n, bool is_message)
{
	uint32_t length = (uint32_t)n;

	if (run->n_got + n + sizeof(length) > FUZZ_GOT)
		fuzz_stop("more came than can have been sent");
	if (is_message) {
		memcpy(run->got + run->n_got, &length, sizeof(length));
		run->n_got += sizeof(length);
	}
	memcpy(run->got + run->n_got, bytes, n);
	run->n_got += n;
}

/* Read to the end, or until enough has come. */
static void fuzz_read_all(struct fuzz_run *run, struct skt_stream *s, size_t room, bool is_message)
{
	static char bytes[FUZZ_ROOM];

	while (run->n_got < FUZZ_GOT / 2) {
		ssize_t got = skt_stream_read(s, bytes, room);

		if (got == -SKT_AGAIN)
			continue;
		if (got == -SKT_EMPTY && !is_message)
			fuzz_stop("an empty message in a stream of bytes");
		if (got > (ssize_t)room)
			fuzz_stop("more than the room");
		if (got > 0 || got == -SKT_EMPTY) {
			fuzz_keep(run, bytes, got > 0 ? (size_t)got : 0, is_message);
			continue;
		}
		run->ended = got;
		if (skt_stream_read(s, bytes, room) != got)
			fuzz_stop("an end that does not last");
		return;
	}
	run->ended = 1;
}

static void fuzz_go(struct fuzz_run *run, const uint8_t *data, size_t size, size_t piece, size_t room)
{
	uint8_t how = data[0];
	struct skt_ws_config config = {
		.host = "h", .text = how & FUZZ_TEXT, .deflate = how & FUZZ_ZIP, .max_message = FUZZ_MOST
	};
	struct skt_stream *s = NULL;
	char *got = run->got, *sent = run->below.sent;

	*run = (struct fuzz_run){ .got = got, .below = { .stream.ops = &fuzz_ops, .sent = sent, .piece = piece } };
	run->below.head = fuzz_head(how);
	run->below.n_head = strlen(run->below.head);
	run->below.data = data + 3;
	run->below.n = size - 3;
	if ((how & FUZZ_SERVER ? skt_ws_new_server : skt_ws_new_client)(fuzz_loop, &run->below.stream, &config, &s,
									NULL) < 0)
		fuzz_stop("no memory");
	skt_ws_keep_messages(s, how & FUZZ_MESSAGES);
	do {
		run->opened = skt_stream_open(s);
	} while (run->opened == -SKT_AGAIN);
	if (run->opened == 0) {
		(void)skt_stream_write(s, "hello, hello, hello", 19);
		fuzz_read_all(run, s, room, how & FUZZ_MESSAGES);
		(void)skt_stream_shut(s);
	} else if (!(how & FUZZ_BARE)) {
		fuzz_stop("the prepared head is refused");
	}
	(void)skt_ws_seen(s, &run->seen);
	skt_stream_free(s);
}

static void fuzz_compare(const struct fuzz_run *a, const struct fuzz_run *b)
{
	if (a->opened != b->opened)
		fuzz_stop("the pieces make a difference to opening");
	if (a->ended == 1 || b->ended == 1)
		return;
	if (a->ended != b->ended)
		fuzz_stop("the pieces make a difference to the end");
	if (a->n_got != b->n_got || memcmp(a->got, b->got, a->n_got) != 0)
		fuzz_stop("the pieces make a difference to what is read");
	if (a->below.n_sent != b->below.n_sent || memcmp(a->below.sent, b->below.sent, a->below.n_sent) != 0)
		fuzz_stop("the pieces make a difference to what is answered");
	if (a->seen.close_code != b->seen.close_code)
		fuzz_stop("the pieces make a difference to the Close");
}

static void fuzz_prepare(void)
{
	if (fuzz_loop)
		return;
	skt_sys.getrandom = fuzz_getrandom;
	if (skt_loop_new(&fuzz_loop, NULL) < 0)
		fuzz_stop("no loop");
	for (int i = 0; i < 2; i++) {
		fuzz_runs[i].got = malloc(FUZZ_GOT);
		fuzz_runs[i].below.sent = malloc(FUZZ_SENT);
		if (!fuzz_runs[i].got || !fuzz_runs[i].below.sent)
			fuzz_stop("no memory");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t room;

	if (size < 3)
		return 0;
	fuzz_prepare();
	room = 1 + (size_t)data[2] * 250; /* below and above the room that is read into */
	fuzz_go(&fuzz_runs[0], data, size, 0, data[0] & FUZZ_MESSAGES ? room : FUZZ_ROOM);
	fuzz_go(&fuzz_runs[1], data, size, 1U + data[1] % 64U, room);
	fuzz_compare(&fuzz_runs[0], &fuzz_runs[1]);
	return 0;
}

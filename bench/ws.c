/* SPDX-License-Identifier: Apache-2.0 */
/* ws: the load generator of the benches of WebSocket, and the far endpoint behind the relay.
 *
 *   ws echo                             an echo over plain TCP; prints its port, {"port":N}
 *   ws messages PORT BYTES SECONDS      one client: messages of BYTES to the relay at PORT, and their echoes
 *
 * How it works: a closed loop. The client is never more than its window ahead of what has come back, so that a slow relay is not flooded.
 * Each message is one masked binary frame; the key of the mask is not 0, so that the relay has its work with it. The far end echoes bytes
 * and knows no messages, so the frames that come back may be cut otherwise: payload is counted, and looked at where its position
 * tells what it must be. All traffic is on 127.0.0.1. Nothing here runs for ever. */
#define _GNU_SOURCE
#include "common.h"
#include <poll.h>
#include <pthread.h>

#define WINDOW_BYTES (256 * 1024)
#define WINDOW_MESSAGES 64
#define ROOM (1 << 20)
#define MESSAGE_MAX (1 << 18)

static const unsigned char mask[4] = { 0x5a, 0x17, 0xc3, 0x88 };

/* ---- the far end ---- */

static void *echo_one(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char *room = malloc(ROOM);
	ssize_t n;

	while (room && (n = recv(fd, room, ROOM, 0)) > 0)
		if (send(fd, room, (size_t)n, MSG_NOSIGNAL) != n)
			break;
	free(room);
	close(fd);
	return NULL;
}

static _Noreturn void echo_main(void)
{
	int listening = socket_listen(0, 0);

	(void)alarm(LIFE_S);
	(void)printf("{\"port\":%u}\n", socket_port(listening));
	(void)fflush(stdout);
	for (;;) {
		int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
		pthread_t thread;

		if (fd < 0)
			fail("accept");
		option_on(fd, IPPROTO_TCP, TCP_NODELAY);
		if (pthread_create(&thread, NULL, echo_one, (void *)(intptr_t)fd) != 0)
			fail("pthread_create");
		pthread_detach(thread);
	}
}

/* ---- the client ---- */

struct client {
	int fd;
	size_t size;          /* of a message */
	size_t n_frame;       /* of its frame */
	unsigned char *burst; /* frames that are ready to be sent, one after the other */
	size_t n_burst, at;   /* bytes of it; where the next byte to send is */
	uint64_t sent;        /* messages, wholly or begun */
	uint64_t came;        /* bytes of payload */
	unsigned char head[14];
	size_t n_head;
	uint64_t left; /* of the payload of the frame that is coming */
	bool wrong;
};

static size_t frame_head(unsigned char *to, size_t n)
{
	size_t at = 2;

	to[0] = 0x82;
	if (n < 126) {
		to[1] = (unsigned char)(0x80 | n);
	} else if (n < 65536) {
		to[1] = 0x80 | 126;
		to[at++] = (unsigned char)(n >> 8);
		to[at++] = (unsigned char)n;
	} else {
		to[1] = 0x80 | 127;
		for (int i = 56; i >= 0; i -= 8)
			to[at++] = (unsigned char)((uint64_t)n >> i);
	}
	memcpy(to + at, mask, sizeof(mask));
	return at + sizeof(mask);
}

/* Every byte of payload is 'w'. */
static void client_init(struct client *c, uint16_t port, size_t size)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
				      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
	char answer[4096];
	size_t n = 0, frames = size < 4096 ? WINDOW_MESSAGES : 4;

	c->fd = socket_dial(port, 0);
	if (c->fd < 0 || send(c->fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0)
		fail("connect");
	while (n < 4 || memcmp(answer + n - 4, "\r\n\r\n", 4) != 0)
		if (n == sizeof(answer) || recv(c->fd, answer + n++, 1, 0) != 1)
			fail("the handshake");
	if (memcmp(answer, "HTTP/1.1 101", 12) != 0)
		fail("the handshake");
	c->size = size;
	c->burst = malloc(frames * (size + 14));
	if (!c->burst)
		fail("malloc");
	for (size_t i = 0; i < frames; i++) {
		size_t head = frame_head(c->burst + c->n_burst, size);

		for (size_t k = 0; k < size; k++)
			c->burst[c->n_burst + head + k] = (unsigned char)('w' ^ mask[k & 3]);
		c->n_frame = head + size;
		c->n_burst += c->n_frame;
	}
	socket_blocks(c->fd, false);
}

/* Frames of the relay: how long each is; its payload is only looked at. */
static void client_take(struct client *c, const unsigned char *bytes, size_t n)
{
	while (n > 0) {
		size_t take = c->left < n ? (size_t)c->left : n, want;

		if (c->left) {
			c->wrong |= bytes[0] != 'w' || bytes[take - 1] != 'w';
			c->came += take;
			c->left -= take;
			bytes += take;
			n -= take;
			continue;
		}
		c->head[c->n_head++] = *bytes++;
		n--;
		want = c->n_head < 2 ? 2 : c->head[1] == 127 ? 10 : c->head[1] == 126 ? 4 : 2;
		if (c->n_head < want)
			continue;
		c->left = c->head[1];
		if (want > 2)
			c->left = 0;
		for (size_t i = 2; i < want; i++)
			c->left = c->left << 8 | c->head[i];
		c->wrong |= (c->head[0] & 0x0f) > 2;
		c->n_head = 0;
	}
}

/* Whether another message may go: the window is counted in messages and in bytes. */
static bool client_may_send(const struct client *c)
{
	uint64_t ahead = c->sent * c->size - c->came;

	return ahead < WINDOW_BYTES && ahead < (uint64_t)WINDOW_MESSAGES * c->size;
}

/* As many whole frames as the window has room for, with one call. */
static void client_send(struct client *c)
{
	uint64_t ahead = c->sent * c->size - c->came, room = WINDOW_BYTES;
	size_t most, n;
	ssize_t put;

	if ((uint64_t)WINDOW_MESSAGES * c->size < room)
		room = (uint64_t)WINDOW_MESSAGES * c->size;
	if (c->at % c->n_frame == 0 && !client_may_send(c))
		return;
	most = ahead < room ? (size_t)((room - ahead + c->size - 1) / c->size) * c->n_frame : 0;
	most += (c->n_frame - c->at % c->n_frame) % c->n_frame;
	n = c->n_burst - c->at < most ? c->n_burst - c->at : most;
	put = send(c->fd, c->burst + c->at, n, MSG_NOSIGNAL);
	if (put < 0 && errno != EAGAIN)
		fail("send");
	if (put <= 0)
		return;
	c->sent += (c->at + (size_t)put + c->n_frame - 1) / c->n_frame - (c->at + c->n_frame - 1) / c->n_frame;
	c->at = (c->at + (size_t)put) % c->n_burst;
}

static void client_run(struct client *c, int64_t until)
{
	static unsigned char room[ROOM];

	while (now_ns() < until) {
		struct pollfd p = { .fd = c->fd, .events = POLLIN };
		ssize_t got;

		client_send(c);
		if (client_may_send(c) || c->at % c->n_frame)
			p.events |= POLLOUT;
		if (poll(&p, 1, 1000) <= 0)
			fail("the relay");
		got = recv(c->fd, room, sizeof(room), 0);
		if (got == 0 || (got < 0 && errno != EAGAIN))
			fail("recv");
		if (got > 0)
			client_take(c, room, (size_t)got);
		if (c->wrong)
			fail("what came back was not what was sent");
	}
}

static int messages_main(uint16_t port, size_t size, int64_t duration)
{
	static struct client c;
	uint64_t before;
	int64_t began;
	double n, took;

	(void)alarm(LIFE_S);
	client_init(&c, port, size);
	client_run(&c, now_ns() + WARM_NS);
	before = c.came;
	began = now_ns();
	client_run(&c, began + duration);
	took = seconds_of(now_ns() - began);
	n = (double)(c.came - before) / (double)size;
	(void)printf("{\"n\":%.0f,\"per_s\":%.0f,\"gbps\":%.3f,\"failed\":0}\n", n, n / took,
		     (double)(c.came - before) * 8 / took / 1e9);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "echo") == 0)
		echo_main();
	if (argc == 5 && strcmp(argv[1], "messages") == 0)
		return messages_main((uint16_t)number_of(argv[2], 65535), (size_t)number_of(argv[3], MESSAGE_MAX),
				     duration_of(argv[4]));
	(void)fprintf(stderr, "usage: ws echo | ws messages PORT BYTES SECONDS\n");
	return 2;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* tls: the load generator of the benches of TLS: a client of TLS, before a relay that takes the TLS off.
 *
 *   tls up PORT FARPORT SECONDS        sends zeros to PORT; they are counted where they arrive, on FARPORT, without TLS
 *   tls down PORT FARPORT SECONDS      the other way: FARPORT sends, the client of TLS counts
 *   tls full PORT AT_ONCE SECONDS      connect, handshake, a byte to an echo and back, end; then the next connection
 *   tls resumed PORT AT_ONCE SECONDS   the same, each with the ticket of the connection before it
 *   tls idle PORT CONNECTIONS SECONDS  opens them, one byte there and back on each, then holds them still
 *
 * How it works: `up` and `down` have two threads, the client of TLS with a socket that blocks, and the far end, which is
 * listening before the client dials. What arrived must be all that was sent, and the last of it ends the time: how a relay
 * passes on the end of a stream is not measured. The sink has the kernel throw the bytes away (MSG_TRUNC).
 *
 * `full` and `resumed` are one epoll with a table of slots. A slot has one connection at a time, and of `resumed` the newest
 * ticket that it was given: a ticket is used once, as RFC 8446 (C.4) wants it, so servers that keep them take part too. The
 * first tickets are got before; then the program says {"ready":N} and waits for the end of its input, for the CPU time of
 * the relay to be looked at between. A connection that was to be resumed and was not ends the program.
 *
 * Every client asks for TLS 1.3 with AES-256-GCM and X25519 and for nothing else, so that all relays do the same work (P-256
 * is for socat, which has no other group and asks for it with one more round trip). It does not look at the certificate. All
 * traffic is IPv4 on 127.0.0.1. Each command prints one JSON line of results. A connection that breaks is the end of the
 * program, which says why. Nothing runs for ever: every wait has a deadline, and the alarm. */
#define _GNU_SOURCE
#include "common.h"
#include <inttypes.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>

#define BLOCK (256 * 1024) /* one SSL_write of `up`, one send of `down` */
#define SLOTS_MAX 4096
#define LINKS_MAX 60000
#define EVENTS 512

static char block[BLOCK];

/* ---- TLS ---- */

/* The end of the program, with what OpenSSL says of it, or else the system. */
static _Noreturn void broken(const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());

	if (!reason)
		reason = errno ? strerror(errno) : "the connection has ended";
	(void)fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, reason);
	exit(1);
}

static SSL_CTX *context_new(void)
{
	SSL_CTX *c = SSL_CTX_new(TLS_client_method());

	if (!c || !SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) ||
	    !SSL_CTX_set_ciphersuites(c, "TLS_AES_256_GCM_SHA384") || !SSL_CTX_set1_groups_list(c, "X25519:P-256"))
		broken("SSL_CTX_new");
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	return c;
}

/* TLS on a connected socket, or on one that is about to be; the handshake is yet to come. */
static SSL *client_new(SSL_CTX *c, int fd)
{
	SSL *ssl = SSL_new(c);

	if (!ssl || !SSL_set_fd(ssl, fd))
		broken("SSL_new");
	SSL_set_connect_state(ssl);
	return ssl;
}

/* A connection with the handshake done, whose calls block. */
static SSL *client_dial(SSL_CTX *c, uint16_t port)
{
	int fd = socket_dial(port, 0);
	SSL *ssl;

	if (fd < 0)
		fail("connect");
	ssl = client_new(c, fd);
	if (SSL_do_handshake(ssl) != 1)
		broken("handshake");
	return ssl;
}

static void client_free(SSL *ssl)
{
	int fd = SSL_get_fd(ssl);

	SSL_free(ssl);
	close(fd);
}

/* Waits for our input to end; the harness has something to look at first. */
static void wait_for_end(int64_t deadline)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	int64_t left = (deadline - now_ns()) / 1000000;

	if (fflush(stdout) != 0)
		fail("standard output");
	if (left > 0 && poll(&in, 1, (int)left) < 0)
		fail("poll");
}

/* ---- up and down ---- */

/* The end without TLS, a thread of its own. `n_bytes` and `last` are for after its end. */
struct far_end {
	pthread_t thread;
	int listener;
	int64_t duration; /* down: how long to send */
	uint64_t n_bytes; /* that arrived here, or left from here */
	int64_t last;     /* up: when the last of them arrived */
};

static int far_accept(struct far_end *f)
{
	int fd = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		fail("accept4: the relay does not connect");
	socket_gives_up(fd);
	return fd;
}

static void *far_receives(void *argument)
{
	struct far_end *f = argument;
	int fd = far_accept(f);
	ssize_t n;

	while ((n = recv(fd, NULL, BLOCK, MSG_TRUNC)) > 0) {
		f->n_bytes += (uint64_t)n;
		f->last = now_ns();
	}
	close(fd);
	return NULL;
}

static void *far_sends(void *argument)
{
	struct far_end *f = argument;
	int fd = far_accept(f);
	int64_t until = now_ns() + f->duration;
	ssize_t n = 0;

	while (now_ns() < until && (n = send(fd, block, BLOCK, MSG_NOSIGNAL)) > 0)
		f->n_bytes += (uint64_t)n;
	if (n < 0)
		fail("send");
	(void)shutdown(fd, SHUT_WR);
	while (recv(fd, NULL, BLOCK, MSG_TRUNC) > 0)
		;
	close(fd);
	return NULL;
}

static void far_start(struct far_end *f, uint16_t port, void *(*run)(void *))
{
	f->listener = socket_listen(port, 0);
	socket_gives_up(f->listener);
	if (pthread_create(&f->thread, NULL, run, f) != 0)
		fail("pthread_create");
}

static void far_wait(struct far_end *f)
{
	if (pthread_join(f->thread, NULL) != 0)
		fail("pthread_join");
}

static int bulk_print(uint64_t sent, uint64_t arrived, int64_t ns)
{
	printf("{\"gbps\":%.3f,\"n_bytes\":%" PRIu64 ",\"failed\":%d}\n", (double)arrived * 8 / seconds_of(ns) / 1e9,
	       arrived, sent != arrived || !arrived);
	return 0;
}

/* The relay is to pass on the end of our bytes: close_notify, and the end of TCP's for a relay that waits for that. */
static int up_main(SSL_CTX *c, uint16_t port, uint16_t far_port, int64_t duration)
{
	struct far_end f = { .listener = -1 };
	uint64_t sent = 0;
	int64_t began;
	SSL *ssl;

	far_start(&f, far_port, far_receives);
	ssl = client_dial(c, port);
	began = now_ns();
	while (now_ns() < began + duration) {
		if (SSL_write(ssl, block, BLOCK) != BLOCK)
			broken("SSL_write");
		sent += BLOCK;
	}
	(void)SSL_shutdown(ssl);
	(void)shutdown(SSL_get_fd(ssl), SHUT_WR);
	far_wait(&f);
	client_free(ssl);
	return bulk_print(sent, f.n_bytes, f.last - began);
}

/* That it was all is known by the count, so a relay that ends without close_notify has a result too. */
static int down_main(SSL_CTX *c, uint16_t port, uint16_t far_port, int64_t duration)
{
	struct far_end f = { .listener = -1, .duration = duration };
	uint64_t arrived = 0;
	int64_t began, last;
	SSL *ssl;
	int n;

	far_start(&f, far_port, far_sends);
	ssl = client_dial(c, port);
	began = last = now_ns();
	while ((n = SSL_read(ssl, block, BLOCK)) > 0) {
		arrived += (uint64_t)n;
		last = now_ns();
	}
	(void)SSL_shutdown(ssl);
	client_free(ssl);
	far_wait(&f);
	return bulk_print(f.n_bytes, arrived, last - began);
}

/* ---- full and resumed ---- */

/* One connection at a time. */
struct slot {
	SSL *ssl;
	SSL_SESSION *session; /* resumed: the newest ticket */
	int64_t since;        /* when this connection was begun */
	bool was_sent;        /* the handshake is over, and our byte has left */
};

struct shakes {
	SSL_CTX *context;
	int epoll;
	uint16_t port;
	bool is_resuming; /* every connection from now on must be */
	bool is_again;    /* a slot that has ended its connection begins another one */
	int n_open;
	int n_slots;
	struct slot slot[SLOTS_MAX];
	uint64_t n_done;
	struct histogram latency;
};

/* Called by OpenSSL for each ticket. 1: the session is ours now. */
static int slot_takes_ticket(SSL *ssl, SSL_SESSION *session)
{
	struct slot *s = SSL_get_app_data(ssl);

	SSL_SESSION_free(s->session);
	s->session = session;
	return 1;
}

static void slot_dial(struct shakes *k, struct slot *s)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = s };
	int fd;

	s->since = now_ns();
	s->was_sent = false;
	fd = socket_dial(k->port, SOCK_NONBLOCK);
	if (fd < 0)
		fail("connect");
	s->ssl = client_new(k->context, fd);
	SSL_set_app_data(s->ssl, s);
	if (k->is_resuming && !SSL_set_session(s->ssl, s->session))
		broken("SSL_set_session");
	if (epoll_ctl(k->epoll, EPOLL_CTL_ADD, fd, &e) < 0)
		fail("epoll_ctl");
	k->n_open++;
}

/* Whether a call of OpenSSL that returned `result` has succeeded; false where it is to be called again. */
static bool slot_has(struct slot *s, int result, const char *what)
{
	int why;

	if (result > 0)
		return true;
	why = SSL_get_error(s->ssl, result);
	if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
		broken(what);
	return false;
}

/* The handshake is done by the first SSL_write. Returns whether the answer is here. */
static bool slot_step(struct slot *s)
{
	char answer;

	ERR_clear_error();
	if (!s->was_sent &&
	    !slot_has(s, SSL_write(s->ssl, block, 1), SSL_is_init_finished(s->ssl) ? "SSL_write" : "handshake"))
		return false;
	s->was_sent = true;
	return slot_has(s, SSL_read(s->ssl, &answer, 1), "no answer");
}

/* Ends it as most clients do: close_notify, and no waiting for the other one. */
static void slot_end(struct shakes *k, struct slot *s)
{
	if (k->is_resuming && !SSL_session_reused(s->ssl)) {
		(void)fprintf(stderr, "tls: a connection with a ticket was not resumed\n");
		exit(1);
	}
	k->n_done++;
	histogram_add(&k->latency, now_ns() - s->since);
	(void)SSL_shutdown(s->ssl);
	client_free(s->ssl);
	k->n_open--;
}

/* Until the deadline, or until nothing is left. */
static void shakes_run(struct shakes *k, int64_t deadline)
{
	struct epoll_event event[EVENTS];
	int64_t left;

	while (k->n_open > 0 && (left = deadline - now_ns()) > 0) {
		int n = epoll_wait(k->epoll, event, EVENTS, (int)(left / 1000000) + 1);

		if (n < 0 && errno != EINTR)
			fail("epoll_wait");
		for (int i = 0; i < n; i++) {
			struct slot *s = event[i].data.ptr;

			if (!slot_step(s))
				continue;
			slot_end(k, s);
			if (k->is_again)
				slot_dial(k, s);
		}
	}
}

static void shakes_dial(struct shakes *k)
{
	for (int i = 0; i < k->n_slots; i++)
		slot_dial(k, &k->slot[i]);
}

/* A ticket for every slot, by a full handshake of each. */
static void shakes_get_tickets(struct shakes *k)
{
	SSL_CTX_set_session_cache_mode(k->context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(k->context, slot_takes_ticket);
	shakes_dial(k);
	shakes_run(k, now_ns() + ANSWER_S * SECOND);
	for (int i = 0; i < k->n_slots; i++)
		if (k->n_open > 0 || !k->slot[i].session) {
			(void)fprintf(stderr, "tls: no ticket came\n");
			exit(1);
		}
	k->n_done = 0;
	memset(&k->latency, 0, sizeof(k->latency));
	k->is_resuming = true;
}

static int shakes_main(struct shakes *k, int64_t duration, bool is_resuming)
{
	k->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (k->epoll < 0)
		fail("epoll_create1");
	if (is_resuming)
		shakes_get_tickets(k);
	printf("{\"ready\":%d}\n", k->n_slots);
	wait_for_end(now_ns() + ANSWER_S * SECOND);
	k->is_again = true;
	shakes_dial(k);
	shakes_run(k, now_ns() + duration);
	printf("{\"per_s\":%.0f,\"n\":%" PRIu64 ",\"failed\":0,\"p50_us\":%.1f,\"p99_us\":%.1f}\n",
	       (double)k->n_done / seconds_of(duration), k->n_done, histogram_at(&k->latency, .5),
	       histogram_at(&k->latency, .99));
	return 0;
}

/* ---- idle ---- */

/* A connection with one byte there and back, so that it is known to be relayed. Left open. */
static void idle_dial(SSL_CTX *c, uint16_t port)
{
	SSL *ssl = client_dial(c, port);
	char byte = 'i';

	if (SSL_write(ssl, &byte, 1) != 1 || SSL_read(ssl, &byte, 1) != 1)
		broken("no answer");
}

/* Opens them, prints how many stand, and holds them until stdin ends or the time is over. */
static int idle_main(SSL_CTX *c, uint16_t port, int n, int64_t duration)
{
	int64_t began = now_ns();

	for (int i = 0; i < n; i++)
		idle_dial(c, port);
	printf("{\"n\":%d,\"failed\":0,\"setup_s\":%.3f}\n", n, seconds_of(now_ns() - began));
	wait_for_end(began + duration);
	return 0;
}

/* ---- the command line ---- */

static int usage(void)
{
	(void)fputs("usage: tls up|down PORT FARPORT SECONDS\n"
		    "       tls full|resumed PORT AT_ONCE SECONDS | idle PORT CONNECTIONS SECONDS\n",
		    stderr);
	return 2;
}

int main(int argc, char **argv)
{
	static struct shakes k;
	const char *command = argv[1];
	int64_t duration;

	if (argc != 5)
		return usage();
	(void)signal(SIGPIPE, SIG_IGN);
	(void)alarm(LIFE_S);
	k.context = context_new();
	k.port = (uint16_t)number_of(argv[2], UINT16_MAX);
	duration = duration_of(argv[4]);
	if (!strcmp(command, "up"))
		return up_main(k.context, k.port, (uint16_t)number_of(argv[3], UINT16_MAX), duration);
	if (!strcmp(command, "down"))
		return down_main(k.context, k.port, (uint16_t)number_of(argv[3], UINT16_MAX), duration);
	if (!strcmp(command, "idle"))
		return idle_main(k.context, k.port, (int)number_of(argv[3], LINKS_MAX), duration);
	k.n_slots = (int)number_of(argv[3], SLOTS_MAX);
	if (!strcmp(command, "full") || !strcmp(command, "resumed"))
		return shakes_main(&k, duration, !strcmp(command, "resumed"));
	return usage();
}

/* SPDX-License-Identifier: Apache-2.0 */
/* load: the load generator of the benches, and the cheap endpoints at the far side of a relay.
 *
 *   load sink                                discards; at the end of input answers with the count of bytes
 *   load echo [once]                         echoes; with `once` answers one message and closes
 *   load bulk PORT CONNECTIONS SECONDS       sends as much as goes, then compares the counts of the sink
 *   load requests PORT CONNECTIONS SECONDS BYTES   a request of BYTES, its echo, the next request, on each connection
 *   load rate PORT AT_ONCE SECONDS           connect, one request, its answer, end; then the next connection
 *   load idle PORT CONNECTIONS SECONDS       opens them, one byte there and back on each, then holds them still
 *   load start RUNS PROGRAM [ARGUMENT...]    the time from starting PROGRAM until it has ended
 *
 * How it works: one thread, one epoll, a table of connections indexed by descriptor. Each command is a function that
 * is called for each readiness (`*_ready`), and a few lines around it. All traffic is IPv4 on 127.0.0.1. An endpoint
 * takes a port of the kernel's choice and prints it, {"port":N}; every other command prints one JSON line of results.
 *
 * Client, relay and endpoint share the machine, so what is cheap here leaves more for the contender: an endpoint
 * does one recv and one send a message, and the clock is read once a round of events where latency is not asked for.
 *
 * Nothing here runs for ever: every loop has a deadline, and an endpoint that was forgotten ends after LIFE_S. */
#define _GNU_SOURCE
#include "common.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define DESCRIPTORS 65536          /* size of the table, at most */
#define BLOCK ((size_t)256 * 1024) /* one send or recv of bulk */
#define BLOCKS_AT_ONCE 4           /* sent on one connection before the others have their turn */
#define REQUEST_MAX 4096           /* fits every socket buffer, so a request is never sent by halves */
#define RATE_REQUEST 64
#define EVENTS 512

extern char **environ;

/* One connection; the table has one for each descriptor. */
struct conn {
	bool is_open;
	bool was_sent;    /* rate: the request has left */
	bool is_served;   /* requests: has had an answer */
	int64_t since;    /* requests, rate: when this exchange began */
	uint64_t n_bytes; /* sink: received so far. bulk: sent so far */
	size_t n_answer;  /* requests, rate: bytes of this answer so far */
};

struct load {
	int epoll;
	int listener; /* endpoints: the listening socket, else -1 */
	int n_open;   /* watched descriptors */
	int n_max;    /* room in conn[] */
	struct conn *conn;
	uint16_t port;        /* clients: where to */
	size_t request;       /* bytes of a request */
	bool is_once;         /* echo: close after the first answer */
	int64_t measure_from; /* requests: end of the warm-up */
	int64_t deadline;     /* when pool_run stops */
	uint64_t n_done;      /* exchanges within the measured time */
	uint64_t n_warm;      /* exchanges before it */
	uint64_t n_failed;    /* connections that broke */
	struct histogram latency;
};

static char block[BLOCK];

/* ---- the pool: the table of connections and the loop ---- */

static void pool_init(struct load *l)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		fail("getrlimit");
	limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		fail("setrlimit");
	l->n_max = (int)limit.rlim_cur;
	l->conn = calloc((size_t)l->n_max, sizeof(*l->conn));
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->listener = -1;
	l->deadline = now_ns() + LIFE_S * SECOND;
	if (!l->conn || l->epoll < 0)
		fail("epoll_create1");
}

static void pool_add(struct load *l, int fd, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.fd = fd };

	l->conn[fd] = (struct conn){ .is_open = true };
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e) < 0)
		fail("epoll_ctl");
	l->n_open++;
}

static void pool_close(struct load *l, int fd)
{
	close(fd);
	l->conn[fd].is_open = false;
	l->n_open--;
}

static void pool_break(struct load *l, int fd)
{
	l->n_failed++;
	pool_close(l, fd);
}

/* Accept all that wait. Out of descriptors is the end: waiting for one would spin. */
static void pool_accept(struct load *l)
{
	int fd;

	while ((fd = accept4(l->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		option_on(fd, IPPROTO_TCP, TCP_NODELAY);
		pool_add(l, fd, EPOLLIN);
	}
	if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
		fail("accept4");
}

/* Dial `n` connections that are watched for `events`; any that fails is the end. */
static void pool_dial(struct load *l, int n, uint32_t events)
{
	for (int i = 0; i < n; i++) {
		int fd = socket_dial(l->port, 0);

		if (fd < 0)
			fail("connect");
		socket_blocks(fd, false);
		pool_add(l, fd, events);
	}
}

/* Call `ready` for what is ready, until the deadline or until nothing is left. */
static void pool_run(struct load *l, void (*ready)(struct load *, int fd, uint32_t events))
{
	struct epoll_event event[EVENTS];
	int64_t left;

	while (l->n_open > 0 && (left = l->deadline - now_ns()) > 0) {
		int n = epoll_wait(l->epoll, event, EVENTS, (int)(left / 1000000) + 1);

		if (n < 0 && errno != EINTR)
			fail("epoll_wait");
		for (int i = 0; i < n; i++)
			ready(l, event[i].data.fd, event[i].events);
	}
}

/* ---- endpoints ---- */

static int endpoint_run(struct load *l, void (*ready)(struct load *, int, uint32_t))
{
	l->listener = socket_listen(0, SOCK_NONBLOCK);
	printf("{\"port\":%u}\n", (unsigned)socket_port(l->listener));
	if (fflush(stdout) != 0)
		fail("standard output");
	pool_add(l, l->listener, EPOLLIN);
	pool_run(l, ready);
	return 0;
}

static void sink_ready(struct load *l, int fd, uint32_t events)
{
	struct conn *c = &l->conn[fd];

	(void)events;
	if (fd == l->listener) {
		pool_accept(l);
		return;
	}
	for (int i = 0; i < 4 * BLOCKS_AT_ONCE; i++) {
		ssize_t n = recv(fd, block, sizeof(block), 0);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n == 0 && send(fd, &c->n_bytes, sizeof(c->n_bytes), MSG_NOSIGNAL) != (ssize_t)sizeof(c->n_bytes))
			l->n_failed++;
		if (n <= 0) {
			pool_close(l, fd);
			return;
		}
		c->n_bytes += (uint64_t)n;
	}
}

static void echo_ready(struct load *l, int fd, uint32_t events)
{
	ssize_t n;

	(void)events;
	if (fd == l->listener) {
		pool_accept(l);
		return;
	}
	n = recv(fd, block, REQUEST_MAX, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || send(fd, block, (size_t)n, MSG_NOSIGNAL) != n || l->is_once)
		pool_close(l, fd);
}

/* ---- bulk ---- */

static void bulk_ready(struct load *l, int fd, uint32_t events)
{
	(void)events;
	for (int i = 0; i < BLOCKS_AT_ONCE; i++) {
		ssize_t n = send(fd, block, sizeof(block), MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) {
			pool_break(l, fd);
			return;
		}
		l->conn[fd].n_bytes += (uint64_t)n;
	}
}

/* End our bytes on every connection, then take the sink's counts. Returns the bytes that arrived.
 * A connection whose count is missing or differs from what was sent is failed. */
static uint64_t bulk_settle(struct load *l)
{
	uint64_t arrived = 0;

	for (int fd = 0; fd < l->n_max; fd++)
		if (l->conn[fd].is_open && shutdown(fd, SHUT_WR) == 0)
			socket_blocks(fd, true);
	for (int fd = 0; fd < l->n_max; fd++) {
		uint64_t count = 0;

		if (!l->conn[fd].is_open)
			continue;
		if (recv(fd, &count, sizeof(count), MSG_WAITALL) != (ssize_t)sizeof(count) || count != l->conn[fd].n_bytes)
			l->n_failed++;
		arrived += count;
	}
	return arrived;
}

static int bulk_main(struct load *l, int n, int64_t duration)
{
	int64_t began;
	uint64_t arrived;
	double s;

	memset(block, 'x', sizeof(block));
	pool_dial(l, n, EPOLLOUT);
	began = now_ns();
	l->deadline = began + duration;
	pool_run(l, bulk_ready);
	arrived = bulk_settle(l);
	s = seconds_of(now_ns() - began);
	printf("{\"gbps\":%.3f,\"n_bytes\":%" PRIu64 ",\"failed\":%" PRIu64 "}\n", (double)arrived * 8 / s / 1e9,
	       arrived, l->n_failed);
	return 0;
}

/* ---- requests ---- */

static bool request_send(struct load *l, int fd, int64_t now)
{
	l->conn[fd].since = now;
	l->conn[fd].n_answer = 0;
	return send(fd, block, l->request, MSG_NOSIGNAL) == (ssize_t)l->request;
}

static void request_count(struct load *l, int64_t since, int64_t now)
{
	if (now < l->measure_from) {
		l->n_warm++;
		return;
	}
	l->n_done++;
	histogram_add(&l->latency, now - since);
}

static void requests_ready(struct load *l, int fd, uint32_t events)
{
	struct conn *c = &l->conn[fd];
	ssize_t n = recv(fd, block, l->request - c->n_answer, 0);
	int64_t now;

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		pool_break(l, fd);
		return;
	}
	c->n_answer += (size_t)n;
	if (c->n_answer < l->request)
		return;
	c->is_served = true;
	now = now_ns();
	request_count(l, c->since, now);
	if (!request_send(l, fd, now))
		pool_break(l, fd);
}

static int requests_main(struct load *l, int n, int64_t duration, size_t size)
{
	int64_t began;
	int n_unserved = 0;

	l->request = size;
	memset(block, 'r', size);
	pool_dial(l, n, EPOLLIN);
	began = now_ns();
	l->measure_from = began + WARM_NS;
	l->deadline = l->measure_from + duration;
	for (int fd = 0; fd < l->n_max; fd++)
		if (l->conn[fd].is_open && !request_send(l, fd, began))
			pool_break(l, fd);
	pool_run(l, requests_ready);
	for (int fd = 0; fd < l->n_max; fd++)
		n_unserved += l->conn[fd].is_open && !l->conn[fd].is_served;
	printf("{\"per_s\":%.0f,\"n\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"unserved\":%d,"
	       "\"p50_us\":%.1f,\"p99_us\":%.1f}\n",
	       (double)l->n_done / seconds_of(duration), l->n_done + l->n_warm, l->n_failed, n_unserved,
	       histogram_at(&l->latency, .5), histogram_at(&l->latency, .99));
	return 0;
}

/* ---- rate ---- */

static void rate_dial(struct load *l)
{
	int fd = socket_dial(l->port, SOCK_NONBLOCK);

	if (fd < 0) {
		l->n_failed++;
		return;
	}
	pool_add(l, fd, EPOLLIN | EPOLLOUT | EPOLLET);
	l->conn[fd].since = now_ns();
}

/* Read until there is no more. Returns 1 at the end of input after an answer, 0 to go on, -1 for a broken one. */
static int rate_read(struct load *l, int fd)
{
	ssize_t n;

	while ((n = recv(fd, block, REQUEST_MAX, 0)) > 0)
		l->conn[fd].n_answer += (size_t)n;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	return l->conn[fd].n_answer == RATE_REQUEST ? 1 : -1;
}

static int rate_step(struct load *l, int fd, uint32_t events)
{
	struct conn *c = &l->conn[fd];

	if (!c->was_sent && (events & EPOLLOUT)) {
		if (send(fd, block, RATE_REQUEST, MSG_NOSIGNAL) != RATE_REQUEST)
			return -1;
		c->was_sent = true;
	}
	if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		return rate_read(l, fd);
	return 0;
}

static void rate_ready(struct load *l, int fd, uint32_t events)
{
	int done = rate_step(l, fd, events);

	if (done == 0)
		return;
	if (done < 0) {
		pool_break(l, fd);
	} else {
		l->n_done++;
		histogram_add(&l->latency, now_ns() - l->conn[fd].since);
		pool_close(l, fd);
	}
	rate_dial(l);
}

static int rate_main(struct load *l, int n, int64_t duration)
{
	l->deadline = now_ns() + duration;
	for (int i = 0; i < n; i++)
		rate_dial(l);
	pool_run(l, rate_ready);
	printf("{\"per_s\":%.0f,\"n\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"p50_us\":%.1f,\"p99_us\":%.1f}\n",
	       (double)l->n_done / seconds_of(duration), l->n_done, l->n_failed, histogram_at(&l->latency, .5),
	       histogram_at(&l->latency, .99));
	return 0;
}

/* ---- idle ---- */

/* A connection with one byte there and back, so that it is known to be relayed. Left open. */
static bool idle_dial(uint16_t port)
{
	char byte = 'i';
	int fd = socket_dial(port, 0);

	return fd >= 0 && send(fd, &byte, 1, MSG_NOSIGNAL) == 1 && recv(fd, &byte, 1, 0) == 1;
}

/* Opens them, prints how many stand, and holds them until stdin ends or the time is over. */
static int idle_main(struct load *l, int n, int64_t duration)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	int64_t began = now_ns(), hold;
	int ok = 0;

	l->deadline = began + duration;
	while (ok < n && now_ns() < l->deadline && idle_dial(l->port))
		ok++;
	printf("{\"n\":%d,\"failed\":%d,\"setup_s\":%.3f}\n", ok, n - ok, seconds_of(now_ns() - began));
	if (fflush(stdout) != 0)
		fail("standard output");
	hold = (l->deadline - now_ns()) / 1000000;
	if (hold > 0 && poll(&in, 1, (int)hold) < 0)
		fail("poll");
	return 0;
}

/* ---- start ---- */

/* The time from spawning argv[0] until it has ended; -1 where it could not be started or did not end with status 0. */
static int64_t start_once(char **argv, posix_spawn_file_actions_t *actions)
{
	int64_t began = now_ns();
	int status = 0;
	pid_t pid;

	if (posix_spawnp(&pid, argv[0], actions, NULL, argv, environ) != 0)
		return -1;
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return -1;
	return now_ns() - began;
}

/* Run argv `runs` times, one after the other, its output thrown away. A program that hangs is ended by the alarm, which
 * ends this one too. */
static int start_main(struct load *l, long runs, char **argv)
{
	posix_spawn_file_actions_t actions;

	alarm(60);
	if (posix_spawn_file_actions_init(&actions) != 0 ||
	    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0) != 0)
		fail("posix_spawn_file_actions");
	for (long i = 0; i < runs; i++) {
		int64_t ns = start_once(argv, &actions);

		if (ns < 0)
			l->n_failed++;
		else
			histogram_add(&l->latency, ns);
	}
	posix_spawn_file_actions_destroy(&actions);
	printf("{\"median_ms\":%.3f,\"p99_ms\":%.3f,\"n\":%" PRIu64 ",\"failed\":%" PRIu64 "}\n",
	       histogram_at(&l->latency, .5) / 1e3, histogram_at(&l->latency, .99) / 1e3, l->latency.n, l->n_failed);
	return 0;
}

/* ---- the command line ---- */

static int usage(void)
{
	(void)fputs("usage: load sink | echo [once] | bulk PORT CONNECTIONS SECONDS\n"
		    "       load requests PORT CONNECTIONS SECONDS BYTES | rate PORT AT_ONCE SECONDS\n"
		    "       load idle PORT CONNECTIONS SECONDS | start RUNS PROGRAM [ARGUMENT...]\n",
		    stderr);
	return 2;
}

/* argv[1] is the command, argv[2] the port, argv[3] how many connections, argv[4] how long. */
static int client_main(struct load *l, int argc, char **argv)
{
	const char *command = argv[1];
	int64_t duration = duration_of(argv[4]);
	int n = (int)number_of(argv[3], l->n_max - 16);

	l->port = (uint16_t)number_of(argv[2], UINT16_MAX);
	if (!strcmp(command, "requests") && argc == 6)
		return requests_main(l, n, duration, (size_t)number_of(argv[5], REQUEST_MAX));
	if (argc != 5)
		return usage();
	if (!strcmp(command, "bulk"))
		return bulk_main(l, n, duration);
	if (!strcmp(command, "rate"))
		return rate_main(l, n, duration);
	if (!strcmp(command, "idle"))
		return idle_main(l, n, duration);
	return usage();
}

int main(int argc, char **argv)
{
	static struct load l;

	if (argc < 2)
		return usage();
	(void)signal(SIGPIPE, SIG_IGN);
	pool_init(&l);
	if (!strcmp(argv[1], "sink") && argc == 2)
		return endpoint_run(&l, sink_ready);
	l.is_once = argc == 3 && !strcmp(argv[2], "once");
	if (!strcmp(argv[1], "echo") && (argc == 2 || l.is_once))
		return endpoint_run(&l, echo_ready);
	if (!strcmp(argv[1], "start") && argc >= 4)
		return start_main(&l, number_of(argv[2], 100000), argv + 3);
	return argc >= 5 ? client_main(&l, argc, argv) : usage();
}

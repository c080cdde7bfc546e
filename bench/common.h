/* SPDX-License-Identifier: Apache-2.0 */
/* What the load generators share: the end of the program, the clock, numbers of the command line, sockets, a histogram. */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define LIFE_S 300 /* of a forgotten endpoint */
#define SECOND ((int64_t)1000000000)
#define ANSWER_S 5                       /* how long a count, a byte or a connection may take */
#define WARM_NS ((int64_t)200 * 1000000) /* not measured */

/* ---- small things ---- */

static inline void fail(const char *what)
{
	(void)fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, errno ? strerror(errno) : "failed");
	exit(1);
}

static inline int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

static inline double seconds_of(int64_t ns)
{
	return (double)ns / (double)SECOND;
}

/* A number of the command line between 1 and `max`, or the end of the program. */
static inline long number_of(const char *text, long max)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno || *end || n < 1 || n > max) {
		(void)fprintf(stderr, "%s: not a number from 1 to %ld: %s\n", program_invocation_short_name, max, text);
		exit(2);
	}
	return n;
}

static inline int64_t duration_of(const char *text)
{
	char *end;
	double s = strtod(text, &end);

	if (*end || !(s > 0) || s > LIFE_S) {
		(void)fprintf(stderr, "%s: not a time in seconds, at most %d: %s\n", program_invocation_short_name,
			      LIFE_S, text);
		exit(2);
	}
	return (int64_t)(s * (double)SECOND);
}

static inline struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

/* ---- sockets of TCP ---- */

static inline void option_on(int fd, int level, int name)
{
	int one = 1;

	if (setsockopt(fd, level, name, &one, sizeof(one)) < 0)
		fail("setsockopt");
}

/* A call on `fd` that blocks gives up after ANSWER_S. */
static inline void socket_gives_up(int fd)
{
	struct timeval patience = { .tv_sec = ANSWER_S };

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
		fail("setsockopt");
}

/* A listening socket on `port`, or on one that the kernel picks where it is 0; `flags` is 0 or SOCK_NONBLOCK. */
static inline int socket_listen(uint16_t port, int flags)
{
	struct sockaddr_in a = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 4096) < 0)
		fail("listen");
	return fd;
}

static inline uint16_t socket_port(int fd)
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);

	if (getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		fail("getsockname");
	return ntohs(a.sin_port);
}

/* A socket on its way to `port`; `flags` is 0 for one that is connected on return, or SOCK_NONBLOCK. -1 on failure.
 * One that blocks gives up after ANSWER_S, also when it sends and receives. */
static inline int socket_dial(uint16_t port, int flags)
{
	struct sockaddr_in a = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	if (fd < 0)
		fail("socket");
	option_on(fd, IPPROTO_TCP, TCP_NODELAY);
	if (!flags)
		socket_gives_up(fd);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 && !(flags && errno == EINPROGRESS)) {
		close(fd);
		return -1;
	}
	return fd;
}

static inline void socket_blocks(int fd, bool blocks)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, blocks ? flags & ~O_NONBLOCK : flags | O_NONBLOCK) < 0)
		fail("fcntl");
}

/* ---- the histogram ---- */

/* Counts of durations in buckets that are 3 % wide: exact below 64 ns, then 32 to each power of two. */
#define BUCKETS (60 * 32)
struct histogram {
	uint64_t count[BUCKETS];
	uint64_t n;
};

static inline void histogram_add(struct histogram *h, int64_t ns)
{
	uint64_t v = ns > 0 ? (uint64_t)ns : 0;
	unsigned shift = v < 64 ? 0 : (unsigned)(58 - __builtin_clzll(v));

	h->count[shift * 32 + (v >> shift)]++;
	h->n++;
}

/* The microseconds that `part` (0 to 1) of all durations do not exceed, within a bucket's width. */
static inline double histogram_at(const struct histogram *h, double part)
{
	double want = part * (double)h->n;
	uint64_t seen = 0;

	for (unsigned i = 0; i < BUCKETS; i++) {
		seen += h->count[i];
		if (seen > 0 && (double)seen >= want)
			return (i < 64 ? (double)i : (double)((uint64_t)(i % 32 + 32) << (i / 32 - 1))) / 1e3;
	}
	return 0;
}
#endif

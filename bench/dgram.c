/* SPDX-License-Identifier: Apache-2.0 */
/* dgram: the load generator of the benches of datagrams, and the far endpoint of a relay of them.
 *
 *   dgram echo                               sends every datagram back to where it came from
 *   dgram flow PORT SINKPORT BYTES SECONDS mmsg|gso   one way: to PORT, counted where it arrives, on SINKPORT
 *   dgram peers PORT PEERS SECONDS BYTES     two ways: a few datagrams of BYTES and their echoes, again and again, for each peer
 *   dgram idle PORT PEERS SECONDS            one datagram and its echo for each peer, then holds them still
 *   dgram paced BITS BYTES COUNT             receives COUNT datagrams of BYTES that should come at BITS a second, and says
 *                                            how far each was from its time
 *
 * How it works: each datagram begins with a stamp that numbers it, so what is lost is known from what came after it.
 * `flow` and `peers` are closed loops: a sender is never further ahead of what has arrived than its window, so a slow
 * relay is not flooded, and what is lost is the relay's doing. Where a whole window has vanished no later number comes;
 * after a while without any, it is written off and the loop goes on. What was lost is counted at the end, from all that was sent.
 *
 * `flow` has two threads, as a source and a receiver of their own would be: the receiver sleeps in recvmmsg, the sender
 * until half of its window has arrived. The others have one thread and, where they need it, one epoll.
 *
 * All traffic is IPv4 on 127.0.0.1. `echo` and `paced` take a port of the kernel's choice and print it, {"port":N}; every
 * command but `echo` prints one JSON line of results. "failed" counts datagrams that arrived other than they were sent:
 * merged, split or with another peer. Nothing here runs for ever: every loop has a deadline, and the alarm ends what was forgotten. */
#define _GNU_SOURCE
#include "common.h"
#include <inttypes.h>
#include <netinet/udp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#define UDP_GRO 104
#endif

#define ROOM 65536                             /* of one received datagram, or of many that GRO has joined */
#define BATCH 64                               /* datagrams of one sendmmsg or recvmmsg; UDP_SEGMENT takes as many */
#define SIZE_MAX_SENT 1472                     /* fits a packet of 1500 */
#define GSO_MAX 65507                          /* bytes of one send with UDP_SEGMENT */
#define WINDOW 1024                            /* flow: how far the sender may be ahead */
#define IN_FLIGHT 4                            /* peers: datagrams of each that are on their way */
#define STALL_NS ((int64_t)20 * 1000000)       /* flow: after that long without an arrival the window is written off */
#define PEER_STALL_NS ((int64_t)200 * 1000000) /* peers: the same for one peer */
#define SWEEP_NS ((int64_t)20 * 1000000)       /* peers: how often that is looked for */
#define DRAIN_NS \
	((int64_t)300 * 1000000) /* what is still on its way at the end has that long after the one before it */
#define PROBE_MS 100             /* before another probe is sent */
#define PROBES (ANSWER_S * 1000 / PROBE_MS)
#define PEERS_MAX 60000
#define COUNT_MAX 10000000
#define SILENCE_S 2 /* paced: after that long without a datagram, no more come */
#define BUFFER (8 << 20)
#define ON_TIME_NS 1000000

/* What every datagram of `flow`, `peers` and `idle` begins with. */
struct stamp {
	uint64_t number; /* of this sender, from 0 */
	int64_t sent_at;
	uint64_t peer;
};
#define SIZE_MIN ((long)sizeof(struct stamp))

static char inbox[BATCH][ROOM];

/* ---- sockets ---- */

/* Past the system's limit where that is allowed: a window must fit. */
static void buffer_set(int fd, int forced, int plain)
{
	int size = BUFFER;

	if (setsockopt(fd, SOL_SOCKET, forced, &size, sizeof(size)) < 0 &&
	    setsockopt(fd, SOL_SOCKET, plain, &size, sizeof(size)) < 0)
		fail("setsockopt");
}

static int socket_new(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		fail("socket");
	return fd;
}

static void socket_widen(int fd)
{
	buffer_set(fd, SO_RCVBUFFORCE, SO_RCVBUF);
	buffer_set(fd, SO_SNDBUFFORCE, SO_SNDBUF);
}

/* A socket bound to `port`, or to a port of the kernel's choice where that is 0. */
static int socket_bind(uint16_t port)
{
	struct sockaddr_in a = loopback(port);
	int fd = socket_new();

	socket_widen(fd);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		fail("bind");
	return fd;
}

static int socket_connect(uint16_t port)
{
	struct sockaddr_in a = loopback(port);
	int fd = socket_new();

	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		fail("connect");
	return fd;
}

/* recv, and whatever else blocks on it, gives up after that long. */
static void socket_patience(int fd, int ms)
{
	struct timeval t = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) < 0)
		fail("setsockopt");
}

static void option_set(int fd, int level, int name, int value, const char *what)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)) < 0)
		fail(what);
}

static void say_port(int fd)
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);

	if (getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		fail("getsockname");
	printf("{\"port\":%u}\n", (unsigned)ntohs(a.sin_port));
	if (fflush(stdout) != 0)
		fail("standard output");
}

/* Errors that end nothing: there is nothing now, or nobody was there for an earlier datagram (ICMP). */
static bool is_passing(int error)
{
	return error == EAGAIN || error == EINTR || error == ECONNREFUSED || error == ENOBUFS;
}

/* ---- echo ---- */

/* The addresses stay in the table between receiving and sending. A relay's socket that is gone already is no error here. */
static _Noreturn void echo_main(void)
{
	static struct sockaddr_in from[BATCH];
	static struct iovec part[BATCH];
	static struct mmsghdr m[BATCH];
	int fd = socket_bind(0), n;

	say_port(fd);
	for (;;) {
		for (int i = 0; i < BATCH; i++) {
			part[i] = (struct iovec){ inbox[i], ROOM };
			m[i].msg_hdr = (struct msghdr){
				.msg_name = &from[i], .msg_namelen = sizeof(from[i]), .msg_iov = &part[i], .msg_iovlen = 1
			};
		}
		n = recvmmsg(fd, m, BATCH, MSG_WAITFORONE, NULL);
		if (n < 0 && !is_passing(errno))
			fail("recvmmsg");
		for (int i = 0; i < n; i++)
			part[i].iov_len = m[i].msg_len;
		for (int sent = 0, k; sent<n; sent += k> 0 ? k : 1)
			k = sendmmsg(fd, m + sent, (unsigned)(n - sent), 0);
	}
}

/* ---- flow ---- */

struct flow {
	int in, out;
	size_t size;
	bool is_gso;
	int batch;       /* datagrams of one call */
	uint64_t n_sent; /* the sender's own */

	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t moved;
	uint64_t n_arrived;
	uint64_t n_passed; /* all before that number have arrived, or never will */
	uint64_t wake_at;  /* the sender waits for this n_passed */
	uint64_t n_late;   /* came after a later one */
	uint64_t n_failed;
	bool is_over;
};

/* One datagram, or those of `segment` bytes each that GRO has joined. Their numbers rise: the last is the highest. */
static void flow_count(struct flow *f, const char *data, size_t len, size_t segment)
{
	struct stamp s;
	uint64_t n;

	if (segment != f->size || len == 0 || len % segment != 0) {
		f->n_failed++;
		return;
	}
	n = len / segment;
	memcpy(&s, data + len - segment, sizeof(s));
	f->n_arrived += n;
	if (s.number + 1 > f->n_passed)
		f->n_passed = s.number + 1;
	else
		f->n_late += n;
}

/* The size of the datagrams that GRO has joined, or the length where it has joined none. */
static size_t segment_of(struct msghdr *h, size_t len)
{
	int size;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level != IPPROTO_UDP || c->cmsg_type != UDP_GRO)
			continue;
		memcpy(&size, CMSG_DATA(c), sizeof(size));
		return (size_t)size;
	}
	return len;
}

/* The receiver's thread. */
static void *flow_receive(void *arg)
{
	static char control[BATCH][CMSG_SPACE(sizeof(int))];
	static struct iovec part[BATCH];
	static struct mmsghdr m[BATCH];
	struct flow *f = arg;
	bool is_over = false;

	while (!is_over) {
		int n;

		for (int i = 0; i < BATCH; i++) {
			part[i] = (struct iovec){ inbox[i], ROOM };
			m[i].msg_hdr = (struct msghdr){ .msg_iov = &part[i], .msg_iovlen = 1 };
			if (f->is_gso) {
				m[i].msg_hdr.msg_control = control[i];
				m[i].msg_hdr.msg_controllen = sizeof(control[i]);
			}
		}
		n = recvmmsg(f->in, m, BATCH, MSG_WAITFORONE, NULL);
		if (n < 0 && !is_passing(errno))
			fail("recvmmsg");
		pthread_mutex_lock(&f->lock);
		for (int i = 0; i < n; i++)
			flow_count(f, inbox[i], m[i].msg_len, segment_of(&m[i].msg_hdr, m[i].msg_len));
		if (f->n_passed >= f->wake_at)
			pthread_cond_signal(&f->moved);
		is_over = f->is_over;
		pthread_mutex_unlock(&f->lock);
	}
	return NULL;
}

/* Wait until `wanted` have passed. Returns false where nothing at all arrived for that long. */
static bool flow_wait(struct flow *f, uint64_t wanted, int64_t patience)
{
	bool is_there;

	pthread_mutex_lock(&f->lock);
	f->wake_at = wanted;
	for (;;) {
		uint64_t before = f->n_arrived;
		int64_t until = now_ns() + patience;
		struct timespec t = { .tv_sec = until / SECOND, .tv_nsec = until % SECOND };
		int e = 0;

		while (f->n_passed < wanted && e == 0)
			e = pthread_cond_timedwait(&f->moved, &f->lock, &t);
		is_there = f->n_passed >= wanted;
		if (is_there || f->n_arrived == before)
			break;
	}
	f->wake_at = UINT64_MAX;
	pthread_mutex_unlock(&f->lock);
	return is_there;
}

static uint64_t flow_arrived(struct flow *f, uint64_t *passed)
{
	uint64_t n;

	pthread_mutex_lock(&f->lock);
	n = f->n_arrived;
	if (passed)
		*passed = f->n_passed;
	pthread_mutex_unlock(&f->lock);
	return n;
}

static void flow_write_off(struct flow *f)
{
	pthread_mutex_lock(&f->lock);
	if (f->n_passed < f->n_sent)
		f->n_passed = f->n_sent;
	pthread_mutex_unlock(&f->lock);
}

/* Send up to `n` datagrams, with one call. A refusal (there is no receiver behind the relay yet) costs a short pause. */
static void flow_send(struct flow *f, int n)
{
	static char outbox[BATCH * SIZE_MAX_SENT];
	static struct iovec part[BATCH];
	static struct mmsghdr m[BATCH];
	int sent;

	for (int i = 0; i < n; i++) {
		struct stamp s = { .number = f->n_sent + (uint64_t)i };

		part[i] = (struct iovec){ outbox + (size_t)i * f->size, f->size };
		m[i].msg_hdr = (struct msghdr){ .msg_iov = &part[i], .msg_iovlen = 1 };
		memcpy(part[i].iov_base, &s, sizeof(s));
	}
	if (f->is_gso)
		sent = send(f->out, outbox, (size_t)n * f->size, 0) < 0 ? -1 : n;
	else
		sent = sendmmsg(f->out, m, (unsigned)n, 0);
	if (sent < 0 && !is_passing(errno))
		fail(f->is_gso ? "send with UDP_SEGMENT" : "sendmmsg");
	if (sent > 0)
		f->n_sent += (uint64_t)sent;
	else
		(void)usleep(1000);
}

/* Single datagrams until one has come through, so that a relay which makes a process for each peer has made it. */
static void flow_open(struct flow *f)
{
	for (int i = 0; i < PROBES; i++) {
		flow_send(f, 1);
		if (flow_wait(f, 1, PROBE_MS * 1000000))
			break;
	}
	if (flow_arrived(f, NULL) == 0) {
		(void)fprintf(stderr, "dgram: nothing arrived at the far end within %d s\n", ANSWER_S);
		exit(1);
	}
	(void)flow_wait(f, f->n_sent, PROBE_MS * 1000000);
	flow_write_off(f);
}

/* The closed loop, until `deadline`. */
static void flow_run(struct flow *f, int64_t deadline)
{
	uint64_t passed;

	while (now_ns() < deadline) {
		(void)flow_arrived(f, &passed);
		if (f->n_sent + (uint64_t)f->batch <= passed + WINDOW)
			flow_send(f, f->batch);
		else if (!flow_wait(f, f->n_sent - WINDOW / 2, STALL_NS))
			flow_write_off(f);
	}
}

static void flow_init(struct flow *f, uint16_t port, uint16_t sink)
{
	pthread_condattr_t attr;

	f->wake_at = UINT64_MAX;
	f->in = socket_bind(sink);
	f->out = socket_connect(port);
	socket_widen(f->out);
	socket_patience(f->in, 50);
	f->batch = BATCH;
	if (f->is_gso) {
		if ((size_t)f->batch * f->size > GSO_MAX)
			f->batch = (int)(GSO_MAX / f->size);
		option_set(f->in, IPPROTO_UDP, UDP_GRO, 1, "UDP_GRO");
		option_set(f->out, IPPROTO_UDP, UDP_SEGMENT, (int)f->size, "UDP_SEGMENT");
	}
	pthread_condattr_init(&attr);
	if (pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) != 0 || pthread_mutex_init(&f->lock, NULL) != 0 ||
	    pthread_cond_init(&f->moved, &attr) != 0)
		fail("pthread");
}

static void flow_end(struct flow *f, pthread_t receiver)
{
	(void)flow_wait(f, f->n_sent, DRAIN_NS);
	pthread_mutex_lock(&f->lock);
	f->is_over = true;
	pthread_mutex_unlock(&f->lock);
	if (pthread_join(receiver, NULL) != 0)
		fail("pthread_join");
}

static int flow_main(uint16_t port, uint16_t sink, size_t size, int64_t duration, bool is_gso)
{
	static struct flow f;
	pthread_t receiver;
	uint64_t n;
	int64_t began;
	double s;

	f.size = size;
	f.is_gso = is_gso;
	flow_init(&f, port, sink);
	if (pthread_create(&receiver, NULL, flow_receive, &f) != 0)
		fail("pthread_create");
	flow_open(&f);
	flow_run(&f, now_ns() + WARM_NS);
	n = flow_arrived(&f, NULL);
	began = now_ns();
	flow_run(&f, began + duration);
	s = seconds_of(now_ns() - began);
	n = flow_arrived(&f, NULL) - n;
	flow_end(&f, receiver);
	if (f.n_arrived > f.n_sent)
		f.n_failed += f.n_arrived - f.n_sent;
	printf("{\"per_s\":%.0f,\"gbps\":%.3f,\"n\":%" PRIu64 ",\"sent\":%" PRIu64 ",\"lost\":%" PRId64
	       ",\"late\":%" PRIu64 ",\"failed\":%" PRIu64 "}\n",
	       (double)n / s, (double)n * (double)size * 8 / s / 1e9, f.n_arrived, f.n_sent,
	       (int64_t)(f.n_sent - f.n_arrived), f.n_late, f.n_failed);
	return 0;
}

/* ---- peers: many sockets, each with a session of its own in the relay ---- */

struct peer {
	int fd;
	uint64_t n_sent;
	uint64_t n_passed; /* all before that number have been answered, or never will be */
	uint64_t first;    /* numbers before it are probes */
	int64_t heard_at;
};

struct crowd {
	int n;
	struct peer *peer;
	size_t size;
	int64_t measure_from;
	int64_t deadline;
	int64_t heard_at; /* the last answer to anyone */
	uint64_t n_done;  /* answers in the measured time */
	uint64_t n_sent;  /* without probes */
	uint64_t n_arrived;
	uint64_t n_failed;
	struct histogram latency;
};

/* Send `n` datagrams of a peer. */
static void peer_send(struct crowd *c, struct peer *p, int n, int64_t now)
{
	static char outbox[IN_FLIGHT][SIZE_MAX_SENT];
	struct iovec part[IN_FLIGHT];
	struct mmsghdr m[IN_FLIGHT];
	int sent;

	for (int i = 0; i < n; i++) {
		struct stamp s = { p->n_sent + (uint64_t)i, now, (uint64_t)(p - c->peer) };

		memcpy(outbox[i], &s, sizeof(s));
		part[i] = (struct iovec){ outbox[i], c->size };
		m[i].msg_hdr = (struct msghdr){ .msg_iov = &part[i], .msg_iovlen = 1 };
	}
	sent = sendmmsg(p->fd, m, (unsigned)n, MSG_DONTWAIT);
	if (sent < 0 && !is_passing(errno))
		fail("sendmmsg");
	if (sent > 0)
		p->n_sent += (uint64_t)sent;
}

static void answer_count(struct crowd *c, struct peer *p, const char *data, size_t len, int64_t now)
{
	struct stamp s;

	memcpy(&s, data, sizeof(s));
	if (len != c->size || s.peer != (uint64_t)(p - c->peer) || s.number >= p->n_sent) {
		c->n_failed++;
		return;
	}
	p->heard_at = c->heard_at = now;
	if (s.number + 1 > p->n_passed)
		p->n_passed = s.number + 1;
	if (s.number < p->first)
		return;
	c->n_arrived++;
	if (now < c->measure_from || now >= c->deadline)
		return;
	c->n_done++;
	histogram_add(&c->latency, now - s.sent_at);
}

/* Take the answers that are there, up to as many as may be; a peer of which none has come in time is written off. */
static void peer_receive(struct crowd *c, struct peer *p)
{
	struct iovec part[IN_FLIGHT];
	struct mmsghdr m[IN_FLIGHT];
	int64_t now;
	int n;

	for (int i = 0; i < IN_FLIGHT; i++) {
		part[i] = (struct iovec){ inbox[i], ROOM };
		m[i].msg_hdr = (struct msghdr){ .msg_iov = &part[i], .msg_iovlen = 1 };
	}
	n = recvmmsg(p->fd, m, IN_FLIGHT, MSG_DONTWAIT, NULL);
	if (n < 0 && !is_passing(errno))
		fail("recvmmsg");
	now = now_ns();
	for (int i = 0; i < n; i++)
		answer_count(c, p, inbox[i], m[i].msg_len, now);
}

/* As many as the window of a peer allows, while the time lasts. */
static void peer_refill(struct crowd *c, struct peer *p, int64_t now)
{
	int room = IN_FLIGHT - (int)(p->n_sent - p->n_passed);
	uint64_t before = p->n_sent;

	if (room <= 0 || now >= c->deadline)
		return;
	peer_send(c, p, room, now);
	c->n_sent += p->n_sent - before;
}

/* A datagram and its echo, so that the peer is known to have a session. Another one where no echo comes. */
static bool peer_open(struct crowd *c, struct peer *p, uint16_t port)
{
	struct pollfd in;

	p->fd = socket_connect(port);
	for (int i = 0; i < PROBES && p->n_passed == 0; i++) {
		peer_send(c, p, 1, now_ns());
		in = (struct pollfd){ .fd = p->fd, .events = POLLIN };
		if (poll(&in, 1, PROBE_MS) < 0 && errno != EINTR)
			fail("poll");
		if (in.revents & POLLERR) /* refused: at once, so wait here */
			(void)usleep(PROBE_MS * 1000);
		p->first = p->n_sent;
		peer_receive(c, p);
	}
	p->n_passed = p->n_passed ? p->n_sent : 0;
	return p->n_passed > 0;
}

/* How many of them have a session, until the first that gets none. */
static int crowd_open(struct crowd *c, uint16_t port, int n)
{
	c->n = n;
	c->peer = calloc((size_t)n, sizeof(*c->peer));
	c->measure_from = c->deadline = INT64_MAX;
	if (!c->peer)
		fail("calloc");
	for (int i = 0; i < n; i++)
		if (!peer_open(c, &c->peer[i], port))
			return i;
	return n;
}

static void crowd_sweep(struct crowd *c, int64_t now)
{
	for (int i = 0; i < c->n; i++) {
		struct peer *p = &c->peer[i];

		if (now - p->heard_at < PEER_STALL_NS)
			continue;
		p->n_passed = p->n_sent;
		p->heard_at = now;
		peer_refill(c, p, now);
	}
}

/* The closed loop of all peers, until the deadline and then until the last answers are there. */
static void crowd_run(struct crowd *c, int epoll)
{
	struct epoll_event event[512];
	int64_t now = now_ns(), swept_at = now;

	while (now < c->deadline || (c->n_arrived < c->n_sent && now < c->heard_at + DRAIN_NS)) {
		int n = epoll_wait(epoll, event, 512, SWEEP_NS / 1000000);

		if (n < 0 && errno != EINTR)
			fail("epoll_wait");
		for (int i = 0; i < n; i++) {
			struct peer *p = &c->peer[event[i].data.u32];

			peer_receive(c, p);
			peer_refill(c, p, now_ns());
		}
		now = now_ns();
		if (now - swept_at < SWEEP_NS)
			continue;
		crowd_sweep(c, now);
		swept_at = now;
	}
}

static int peers_main(uint16_t port, int n, int64_t duration, size_t size)
{
	static struct crowd c;
	int epoll = epoll_create1(EPOLL_CLOEXEC), opened;
	int64_t began;

	c.size = size;
	opened = crowd_open(&c, port, n);
	if (epoll < 0 || opened < n) {
		(void)fprintf(stderr, "dgram: peer %d of %d had no answer within %d s\n", opened + 1, n, ANSWER_S);
		return 1;
	}
	began = now_ns();
	c.heard_at = began;
	c.measure_from = began + WARM_NS;
	c.deadline = c.measure_from + duration;
	for (int i = 0; i < n; i++) {
		struct epoll_event e = { .events = EPOLLIN, .data.u32 = (uint32_t)i };

		if (epoll_ctl(epoll, EPOLL_CTL_ADD, c.peer[i].fd, &e) < 0)
			fail("epoll_ctl");
		c.peer[i].heard_at = began;
		peer_refill(&c, &c.peer[i], began);
	}
	crowd_run(&c, epoll);
	if (c.n_arrived > c.n_sent)
		c.n_failed += c.n_arrived - c.n_sent;
	printf("{\"per_s\":%.0f,\"n\":%" PRIu64 ",\"sent\":%" PRIu64 ",\"lost\":%" PRId64 ",\"failed\":%" PRIu64
	       ",\"p50_us\":%.1f,\"p99_us\":%.1f}\n",
	       (double)c.n_done / seconds_of(duration), c.n_arrived, c.n_sent, (int64_t)(c.n_sent - c.n_arrived),
	       c.n_failed, histogram_at(&c.latency, .5), histogram_at(&c.latency, .99));
	return 0;
}

/* Opens them, prints how many stand, and holds them until stdin ends or the time is over. */
static int idle_main(uint16_t port, int n, int64_t duration)
{
	static struct crowd c;
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	int64_t began = now_ns();
	int opened;

	c.size = sizeof(struct stamp);
	opened = crowd_open(&c, port, n);
	printf("{\"n\":%d,\"failed\":%" PRIu64 ",\"setup_s\":%.3f}\n", opened, (uint64_t)(n - opened) + c.n_failed,
	       seconds_of(now_ns() - began));
	if (fflush(stdout) != 0)
		fail("standard output");
	if (poll(&in, 1, (int)(duration / 1000000)) < 0)
		fail("poll");
	return 0;
}

/* ---- paced: when did each datagram arrive? ---- */

struct paced {
	int fd;
	size_t size;
	uint64_t bits; /* a second */
	long count;
	int64_t *at; /* when number i arrived, by the kernel's clock; 0: not yet */
	long n;
	uint64_t n_twice;
	uint64_t n_failed;
};

static int64_t real_less_monotonic(void)
{
	struct timespec t;
	int64_t before = now_ns();

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * SECOND + t.tv_nsec - before;
}

static int64_t stamp_of_kernel(struct msghdr *h)
{
	struct timespec t;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&t, CMSG_DATA(c), sizeof(t));
		return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
	}
	errno = 0;
	fail("a datagram without a timestamp");
	return 0;
}

/* Take one datagram. Its first 8 bytes are its number. Returns false where none comes in time. */
static bool paced_take(struct paced *p)
{
	char control[CMSG_SPACE(sizeof(struct timespec))];
	struct iovec part = { inbox[0], ROOM };
	struct msghdr h = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	ssize_t len = recvmsg(p->fd, &h, 0);
	uint64_t number;

	if (len < 0)
		return errno == EINTR;
	memcpy(&number, inbox[0], sizeof(number));
	if ((size_t)len != p->size || number >= (uint64_t)p->count) {
		p->n_failed++;
	} else if (p->at[number]) {
		p->n_twice++;
	} else {
		p->at[number] = stamp_of_kernel(&h);
		p->n++;
	}
	return true;
}

static int ascending(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* The start is where it fits best if no datagram may be early: each is due at start + the bits before it / rate, and the
 * start is the earliest that one of them allows. What is lost was not on time. */
static void paced_report(struct paced *p)
{
	double ns_each = (double)p->size * 8e9 / (double)p->bits;
	int64_t first = INT64_MAX, last = 0;
	long n = 0, on_time = 0;

	for (long i = 0; i < p->count; i++) {
		if (!p->at[i])
			continue;
		first = p->at[i] < first ? p->at[i] : first;
		last = p->at[i] > last ? p->at[i] : last;
		p->at[n++] = p->at[i] - (int64_t)((double)i * ns_each);
	}
	qsort(p->at, (size_t)n, sizeof(*p->at), ascending);
	while (on_time < n && p->at[on_time] - p->at[0] <= ON_TIME_NS)
		on_time++;
	printf("{\"share\":%.6f,\"p99_ms\":%.4f,\"max_ms\":%.4f,\"seconds\":%.3f,\"n\":%ld,\"lost\":%ld,\"twice\":%" PRIu64
	       ",\"failed\":%" PRIu64 "}\n",
	       (double)on_time / (double)p->count, (double)(p->at[(n - 1) * 99 / 100] - p->at[0]) / 1e6,
	       (double)(p->at[n - 1] - p->at[0]) / 1e6, seconds_of(last - first), n, p->count - n, p->n_twice,
	       p->n_failed);
}

static int paced_main(uint64_t bits, size_t size, long count)
{
	struct paced p = { .fd = socket_bind(0), .size = size, .bits = bits, .count = count };
	int64_t shift = real_less_monotonic();

	p.at = calloc((size_t)count, sizeof(*p.at));
	if (!p.at)
		fail("calloc");
	option_set(p.fd, SOL_SOCKET, SO_TIMESTAMPNS, 1, "SO_TIMESTAMPNS");
	say_port(p.fd);
	socket_patience(p.fd, 2 * ANSWER_S * 1000);
	if (!paced_take(&p) || p.n == 0) {
		if (p.n_failed)
			(void)fputs("dgram: a datagram of another size or number came\n", stderr);
		else
			(void)fprintf(stderr, "dgram: no datagram came within %d s\n", 2 * ANSWER_S);
		return 1;
	}
	socket_patience(p.fd, SILENCE_S * 1000);
	while (p.n < count && paced_take(&p))
		;
	shift -= real_less_monotonic();
	if (shift > ON_TIME_NS / 10 || shift < -ON_TIME_NS / 10) {
		(void)fprintf(stderr, "dgram: the machine's clock was set meanwhile\n");
		return 1;
	}
	paced_report(&p);
	return 0;
}

/* ---- the command line ---- */

static int usage(void)
{
	(void)fputs("usage: dgram echo | flow PORT SINKPORT BYTES SECONDS mmsg|gso | peers PORT PEERS SECONDS BYTES\n"
		    "       dgram idle PORT PEERS SECONDS | paced BITS BYTES COUNT\n",
		    stderr);
	return 2;
}

static uint16_t port_of(const char *text)
{
	return (uint16_t)number_of(text, UINT16_MAX);
}

static size_t size_of(const char *text)
{
	long n = number_of(text, SIZE_MAX_SENT);

	if (n < SIZE_MIN) {
		(void)fprintf(stderr, "dgram: a datagram has at least %ld bytes\n", SIZE_MIN);
		exit(2);
	}
	return (size_t)n;
}

/* As many descriptors as are allowed. */
static void limit_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		fail("getrlimit");
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		fail("setrlimit");
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";

	(void)alarm(LIFE_S);
	limit_raise();
	if (!strcmp(command, "echo") && argc == 2)
		echo_main();
	if (!strcmp(command, "flow") && argc == 7 && (!strcmp(argv[6], "mmsg") || !strcmp(argv[6], "gso")))
		return flow_main(port_of(argv[2]), port_of(argv[3]), size_of(argv[4]), duration_of(argv[5]),
				 !strcmp(argv[6], "gso"));
	if (!strcmp(command, "peers") && argc == 6)
		return peers_main(port_of(argv[2]), (int)number_of(argv[3], PEERS_MAX), duration_of(argv[4]),
				  size_of(argv[5]));
	if (!strcmp(command, "idle") && argc == 5)
		return idle_main(port_of(argv[2]), (int)number_of(argv[3], PEERS_MAX), duration_of(argv[4]));
	if (!strcmp(command, "paced") && argc == 5)
		return paced_main((uint64_t)number_of(argv[2], 100000000000), size_of(argv[3]),
				  number_of(argv[4], COUNT_MAX));
	return usage();
}

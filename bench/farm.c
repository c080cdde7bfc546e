/* SPDX-License-Identifier: Apache-2.0 */
/* farm: a machine full of sockets, for the benches of `ports` and `flows`.
 *
 *   farm PROCESSES PAIRS TIME_WAIT    PROCESSES processes, each with one listening socket and PAIRS connections to itself (both
 *                                     ends in that process: 1 + 2 * PAIRS sockets), and TIME_WAIT sockets in that state
 *
 * Where it may, it makes a network namespace of its own, so that the machine's own sockets are not in the way, and so that what is
 * left (TIME_WAIT lasts a minute) goes with it. It prints one line when everything stands,
 * {"pid":N,"namespace":true,"sockets":N,"time_wait":N}, and then holds still until it is ended. Its children end with it, and
 * nothing lives longer than LIFE_S. All traffic is IPv4 on loopback. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIFE_S 300
#define LISTENERS 16 /* of those who make TIME_WAIT: a listener has one connection for each port of its clients */
#define ROUNDS_MAX 3 /* of topping up: a socket in TIME_WAIT may be used again by a new connection */
#define PROCESSES_MAX 4000
#define PAIRS_MAX 9000
#define TIME_WAIT_MAX 200000

static void fail(const char *what)
{
	(void)fprintf(stderr, "farm: %s: %s\n", what, strerror(errno));
	exit(1);
}

static long number_of(const char *text, long most)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0' || n < 0 || n > most) {
		(void)fprintf(stderr, "farm: %s is not a number from 0 to %ld\n", text, most);
		exit(2);
	}
	return n;
}

/* ---- the namespace ---- */

static bool set(const char *setting, const char *value)
{
	char path[128];
	int fd;
	bool done;

	(void)snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", setting);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	done = write(fd, value, strlen(value)) > 0;
	(void)close(fd);
	return done;
}

static bool loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool done = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0;

	if (fd >= 0)
		(void)close(fd);
	return done;
}

/* A namespace with loopback, many ports and room for TIME_WAIT. False where that is not allowed. */
static bool namespace_make(void)
{
	if (unshare(CLONE_NEWNET) < 0)
		return false;
	if (!loopback_up())
		fail("loopback");
	(void)set("ip_local_port_range", "1024 65535");
	(void)set("tcp_max_tw_buckets", "262144");
	(void)set("tcp_tw_reuse", "0");
	return true;
}

/* ---- sockets ---- */

static int listener_make(struct sockaddr_in *ret)
{
	socklen_t n = sizeof(*ret);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*ret = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (fd < 0 || bind(fd, (struct sockaddr *)ret, sizeof(*ret)) < 0 || listen(fd, 128) < 0 ||
	    getsockname(fd, (struct sockaddr *)ret, &n) < 0)
		fail("listen");
	return fd;
}

/* A connection to that listener: ends[0] is the client's end. */
static void pair_make(int listener, const struct sockaddr_in *to, int *ends)
{
	ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (ends[0] < 0 || connect(ends[0], (const struct sockaddr *)to, sizeof(*to)) < 0)
		fail("connect");
	ends[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (ends[1] < 0)
		fail("accept");
}

/* The client closes first, and so it is its end that stays in TIME_WAIT. */
static void time_wait_add(long n)
{
	struct sockaddr_in at[LISTENERS];
	int listener[LISTENERS];

	for (int i = 0; i < LISTENERS; i++)
		listener[i] = listener_make(&at[i]);
	for (long i = 0; i < n; i++) {
		int ends[2];

		pair_make(listener[i % LISTENERS], &at[i % LISTENERS], ends);
		(void)close(ends[0]);
		(void)close(ends[1]);
	}
	for (int i = 0; i < LISTENERS; i++)
		(void)close(listener[i]);
}

/* How many the kernel says there are, in this namespace: sockstat of proc(5). */
static long time_wait_count(void)
{
	FILE *f = fopen("/proc/net/sockstat", "re");
	char line[256];
	long n = 0;

	while (f && fgets(line, sizeof(line), f)) {
		const char *at = strncmp(line, "TCP:", 4) == 0 ? strstr(line, " tw ") : NULL;

		if (at)
			n = strtol(at + 4, NULL, 10);
	}
	if (f)
		(void)fclose(f);
	return n;
}

static long time_wait_make(long wanted)
{
	long there = wanted ? time_wait_count() : 0, before = there;

	for (int i = 0; i < ROUNDS_MAX && there - before < wanted; i++) {
		time_wait_add(wanted - (there - before));
		there = time_wait_count();
	}
	return there - before;
}

/* ---- processes ---- */

static pid_t child[PROCESSES_MAX];
static long n_children;

static void end_with(pid_t parent)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
}

static void hold_still(void)
{
	(void)alarm(LIFE_S);
	for (;;)
		(void)pause();
}

/* A child's whole life; a byte into `ready` once its sockets stand. */
static void child_live(pid_t parent, int ready, long pairs)
{
	struct sockaddr_in at;
	int listener, ends[2];

	end_with(parent);
	listener = listener_make(&at);
	for (long i = 0; i < pairs; i++)
		pair_make(listener, &at, ends);
	if (write(ready, "", 1) != 1)
		_exit(1);
	(void)close(ready);
	hold_still();
}

/* Returns once all of them stand. */
static void children_make(long processes, long pairs)
{
	pid_t self = getpid();
	char bytes[256];
	int ready[2];
	long up = 0;

	if (pipe2(ready, O_CLOEXEC) < 0)
		fail("pipe");
	for (long i = 0; i < processes; i++) {
		pid_t pid = fork();

		if (pid < 0)
			fail("fork");
		if (pid == 0)
			child_live(self, ready[1], pairs);
		child[n_children++] = pid;
	}
	(void)close(ready[1]);
	while (up < processes) { /* it ends, because a child that fails closes its end */
		ssize_t n = read(ready[0], bytes, sizeof(bytes));

		if (n <= 0) { /* what failed, the child has said */
			(void)fputs("farm: one of its processes has failed\n", stderr);
			exit(1);
		}
		up += n;
	}
	(void)close(ready[0]);
}

/* Until we are told to end; then the children are ended and reaped, so that none is left to whoever inherits orphans. */
static void parent_live(void)
{
	const struct timespec life = { .tv_sec = LIFE_S };
	sigset_t ends;

	(void)sigemptyset(&ends);
	(void)sigaddset(&ends, SIGTERM);
	(void)sigaddset(&ends, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &ends, NULL);
	(void)sigtimedwait(&ends, NULL, &life);
	for (long i = 0; i < n_children; i++)
		(void)kill(child[i], SIGKILL);
	for (long i = 0; i < n_children; i++)
		(void)waitpid(child[i], NULL, 0);
}

int main(int argc, char **argv)
{
	struct rlimit limit;
	long processes, pairs, wanted, time_wait;
	bool is_apart;

	if (argc != 4) {
		(void)fputs("usage: farm PROCESSES PAIRS TIME_WAIT\n", stderr);
		return 2;
	}
	processes = number_of(argv[1], PROCESSES_MAX);
	pairs = number_of(argv[2], PAIRS_MAX);
	wanted = number_of(argv[3], TIME_WAIT_MAX);
	(void)alarm(LIFE_S + 10);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	is_apart = namespace_make();
	time_wait = time_wait_make(wanted);
	children_make(processes, pairs);
	(void)printf("{\"pid\":%d,\"namespace\":%s,\"sockets\":%ld,\"time_wait\":%ld}\n", (int)getpid(),
		     is_apart ? "true" : "false", processes * (1 + 2 * pairs), time_wait);
	(void)fflush(stdout);
	parent_live();
	return 0;
}

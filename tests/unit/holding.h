/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests about holders need: endpoints, sockets on any address, and children that share them. */
#ifndef TESTS_UNIT_HOLDING_H
#define TESTS_UNIT_HOLDING_H

#include "support.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "inspect/holder.h"
#include "sys/addr.h"

enum { TEXT = 256 };

static inline void says(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" does not say \"%s\"", text, part);
}

static inline void endpoint(const char *text, struct skt_endpoint *ret)
{
	struct skt_error err = { 0 };

	*ret = (struct skt_endpoint){ 0 };
	if (skt_endpoint_parse(text, ret, &err) < 0)
		fail_msg("%s: %s", text, err.text);
}

/* "127.0.0.1:" and the port, parsed. */
static inline void endpoint_at(const char *before, unsigned port, struct skt_endpoint *ret)
{
	char text[TEXT];

	(void)snprintf(text, sizeof(text), "%s%u", before, port);
	endpoint(text, ret);
}

static inline void spot_of(const struct skt_endpoint *e, struct skt_spot *ret)
{
	struct skt_error err = { 0 };

	SUPPORT_OK(skt_spot_of(e, ret, &err), &err);
}

/* A socket on that address, or -1 where that cannot be. */
static inline int try_bind(const char *host, unsigned port, int type, bool v6only)
{
	struct skt_addr addr;
	int one = 1, only = v6only, fd;

	assert_int_equal(skt_addr_parse_ip(host, NULL, (int)port, &addr), 0);
	fd = socket(addr.sa.sa_family, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), 0);
	if (addr.sa.sa_family == AF_INET6)
		assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)), 0);
	if (bind(fd, &addr.sa, addr.len) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

static inline int bind_at(const char *host, unsigned port, int type)
{
	int fd = try_bind(host, port, type, true);

	if (fd < 0)
		fail_msg("cannot bind %s port %u", host, port);
	return fd;
}

static inline int listen_at(const char *host, unsigned port)
{
	int fd = bind_at(host, port, SOCK_STREAM);

	assert_int_equal(listen(fd, 4), 0);
	return fd;
}

static inline bool has_six(void)
{
	int fd = try_bind("::1", 0, SOCK_STREAM, true);

	(void)close(fd);
	return fd >= 0;
}

/* Whether no other test has been given that port: a name says so until this program ends. */
static inline bool port_is_ours(unsigned port)
{
	struct skt_addr addr;
	char name[64];
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)snprintf(name, sizeof(name), "@soket-unit-port-%u", port);
	assert_int_equal(skt_addr_from_path(name, &addr), 0);
	if (bind(fd, &addr.sa, addr.len) == 0)
		return true;
	(void)close(fd);
	return false;
}

/* A port that is free on every address of both families, and that no test beside this one is given too. */
static inline unsigned free_port(void)
{
	struct skt_addr addr;

	do {
		int fd = try_bind("::", 0, SOCK_STREAM, false);

		fd = fd < 0 ? bind_at("0.0.0.0", 0, SOCK_STREAM) : fd;
		assert_int_equal(skt_addr_of_local(fd, &addr), 0);
		(void)close(fd);
	} while (!port_is_ours(skt_addr_port(&addr)));
	return skt_addr_port(&addr);
}

static inline int unix_bind(const char *name, int type)
{
	struct skt_addr addr;
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(skt_addr_from_path(name, &addr), 0);
	assert_int_equal(bind(fd, &addr.sa, addr.len), 0);
	return fd;
}

static inline int unix_listen(const char *name)
{
	int fd = unix_bind(name, SOCK_STREAM);

	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static inline void look(const struct skt_endpoint *e, const struct skt_holders_spec *spec, struct skt_holders *ret)
{
	static const struct skt_holders_spec plain = { 0 };
	struct skt_error err = { 0 };
	struct skt_spot spot;

	spot_of(e, &spot);
	SUPPORT_OK(skt_holders_look(&spot, spec ? spec : &plain, ret, &err), &err);
}

/* The bound socket of the spot that was looked for; there is one. */
static inline const struct skt_sock *the_bound(const struct skt_holders *h)
{
	const struct skt_socktable *t = &h->census.table;

	for (size_t i = 0; i < t->n; i++)
		if (skt_spot_has(&h->spot, t, &t->sock[i]) && skt_sock_is_bound(&t->sock[i]))
			return &t->sock[i];
	fail_msg("no socket is at the spot");
	abort(); /* never reached; tells the compiler that NULL is not returned */
}

static inline void check_words(const struct skt_holders *h, const struct skt_holders *before, const struct skt_sock *s,
			       const char *expected)
{
	struct skt_text words = { 0 };

	skt_holder_words(h, before, s, &words);
	assert_string_equal(skt_text_get(&words), expected);
	skt_text_release(&words);
}

/* "test_holder (pid 7, you)": a name has 15 bytes at most. */
static inline const char *ourselves(void)
{
	static char room[64];

	(void)snprintf(room, sizeof(room), "%.15s (pid %d, you)", program_invocation_short_name, (int)getpid());
	return room;
}

/* A child that has what we have, until its pipe is closed. */
struct child {
	pid_t pid;
	int hold;
};

static inline void child_wait(int hold)
{
	char byte;

	(void)!read(hold, &byte, 1);
}

static inline void child_begin(struct child *c)
{
	int hold[2];

	assert_int_equal(pipe2(hold, O_CLOEXEC), 0);
	c->pid = fork();
	if (c->pid == 0) {
		(void)close(hold[1]);
		child_wait(hold[0]);
		_exit(0);
	}
	assert_true(c->pid > 0);
	(void)close(hold[0]);
	c->hold = hold[1];
}

static inline void child_end(struct child *c)
{
	(void)close(c->hold);
	assert_int_equal(waitpid(c->pid, NULL, 0), c->pid);
}

/* Whether the kernel tells of sockets that are bound and do not listen: Linux >= 6.8. */
static inline bool tells_bound(void)
{
	struct skt_look wanted = { .protos = 1U << SKT_PROTO_TCP, .states = SKT_STATES_BOUND };
	struct skt_socktable t = { 0 };
	int fd = bind_at("127.0.0.1", 0, SOCK_STREAM);
	bool ret = false;

	assert_int_equal(skt_socktable_read(&wanted, &t, NULL), 0);
	for (size_t i = 0; i < t.n; i++)
		ret = ret || t.sock[i].state == SKT_STATE_BOUND;
	skt_socktable_release(&t);
	(void)close(fd);
	return ret;
}

/* Wait until the only trace of that port is TIME_WAIT. */
static inline void wait_for_time_wait(unsigned port)
{
	struct skt_look wanted = { .protos = 1U << SKT_PROTO_TCP };
	skt_time until = skt_now() + SUPPORT_DEADLINE;
	bool is_there = false, is_only = false;

	while (!is_there || !is_only) {
		struct skt_socktable t = { 0 };

		assert_true(skt_now() < until);
		assert_int_equal(skt_socktable_read(&wanted, &t, NULL), 0);
		is_there = false;
		is_only = true;
		for (size_t i = 0; i < t.n; i++)
			if (t.sock[i].local_port == port && t.sock[i].state == SKT_STATE_TIME_WAIT)
				is_there = true;
			else if (t.sock[i].local_port == port)
				is_only = false;
		skt_socktable_release(&t);
	}
}

#endif

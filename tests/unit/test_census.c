/* SPDX-License-Identifier: Apache-2.0 */
/* The sockets of this machine and their processes: what a look finds of sockets that this test makes. */
#include "inspect/census.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"
#include "sys/netlink.h"
#include "sys/proc.h"

static int listener(int family, int type, unsigned *port, bool v6only)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	int fd = socket(family, type | SOCK_CLOEXEC, 0), only = v6only;
	socklen_t len = family == AF_INET ? sizeof(in) : sizeof(in6);
	struct sockaddr *sa = family == AF_INET ? (void *)&in : (void *)&in6;

	assert_true(fd >= 0);
	if (family == AF_INET6)
		assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)), 0);
	assert_int_equal(bind(fd, sa, len), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 17), 0);
	assert_int_equal(getsockname(fd, sa, &len), 0);
	*port = ntohs(family == AF_INET ? in.sin_port : in6.sin6_port);
	return fd;
}

/* The bound socket of that port; there is one. */
static const struct skt_sock *find(const struct skt_census *c, enum skt_proto proto, unsigned port)
{
	for (size_t i = 0; i < c->table.n; i++)
		if (c->table.sock[i].proto == proto && c->table.sock[i].local_port == port &&
		    skt_sock_is_bound(&c->table.sock[i]))
			return &c->table.sock[i];
	fail_msg("no bound socket of port %u is found", port);
	abort(); /* never reached; says that NULL is not returned */
}

/* Its first holder; there is one. */
static const struct skt_process *first_holder(const struct skt_census *c, const struct skt_sock *s, int *fd)
{
	const struct skt_process *p = skt_census_holder(c, s, 0, fd);

	assert_non_null(p);
	if (!p)
		abort();
	return p;
}

/* A process that holds something; it is there. */
static const struct skt_process *process_of(const struct skt_census *c, pid_t pid)
{
	const struct skt_process *p = skt_census_process(c, pid);

	assert_non_null(p);
	if (!p)
		abort();
	return p;
}

static const struct skt_census_spec everything = { .owners = SKT_OWNERS_ALL, .depth = SKT_PROCESS_FULL };

static void a_listening_socket_is_found_with_its_process(void **state)
{
	struct skt_census c = { 0 };
	unsigned port;
	int fd = listener(AF_INET, SOCK_STREAM, &port, false), its_fd = -1;
	const struct skt_sock *s;
	const struct skt_process *p;

	(void)state;
	assert_int_equal(skt_census_take(&everything, &c, NULL), 0);
	s = find(&c, SKT_PROTO_TCP, port);
	assert_int_equal(s->local.family, 4);
	assert_int_equal(s->state, SKT_STATE_LISTEN);
	assert_int_equal(s->limit, 17);
	assert_int_equal(skt_sock_reach(s), SKT_REACH_LOOPBACK);
	p = first_holder(&c, s, &its_fd);
	assert_int_equal(p->pid, getpid());
	assert_int_equal(p->parent, getppid());
	assert_int_equal(p->uid, geteuid());
	assert_int_equal(its_fd, fd);
	assert_string_equal(p->name, "test_census");
	assert_non_null(strstr(p->command, "test_census"));
	assert_non_null(p->directory);
	assert_non_null(p->program);
	assert_true(skt_process_age(p) >= 0);
	assert_true(skt_process_is(getpid(), p->ticks));
	assert_false(skt_process_is(getpid(), p->ticks + 1));
	assert_null(skt_census_holder(&c, s, 1, NULL));
	assert_int_equal(skt_census_n_holders(&c, s), 1);
	skt_census_release(&c);
	(void)close(fd);
}

static void dual_stack_and_v6only_are_told_apart(void **state)
{
	struct skt_census c = { 0 };
	unsigned dual, only;
	int a = listener(AF_INET6, SOCK_STREAM, &dual, false), b = listener(AF_INET6, SOCK_STREAM, &only, true);

	(void)state;
	assert_int_equal(skt_census_take(&everything, &c, NULL), 0);
	assert_true(skt_sock_takes_v4(find(&c, SKT_PROTO_TCP, dual)));
	assert_true(skt_sock_takes_v6(find(&c, SKT_PROTO_TCP, dual)));
	assert_false(skt_sock_takes_v4(find(&c, SKT_PROTO_TCP, only)));
	assert_int_equal(skt_sock_reach(find(&c, SKT_PROTO_TCP, only)), SKT_REACH_ANY);
	skt_census_release(&c);
	(void)close(a);
	(void)close(b);
}

static void a_socket_shared_by_a_fork_has_both_processes(void **state)
{
	struct skt_census c = { 0 };
	unsigned port;
	int fd = listener(AF_INET, SOCK_STREAM, &port, false), hold[2];
	pid_t child;
	char byte;

	(void)state;
	assert_int_equal(pipe(hold), 0);
	child = fork();
	if (child == 0) {
		(void)close(hold[1]);
		(void)!read(hold[0], &byte, 1);
		_exit(0);
	}
	assert_int_equal(skt_census_take(&everything, &c, NULL), 0);
	assert_int_equal(skt_census_n_holders(&c, find(&c, SKT_PROTO_TCP, port)), 2);
	assert_int_equal(process_of(&c, child)->parent, getpid());
	skt_census_release(&c);
	(void)close(hold[1]);
	(void)waitpid(child, NULL, 0);
	(void)close(fd);
}

static void a_bound_datagram_socket_counts_its_drops(void **state)
{
	enum { MESSAGES = 400 };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct skt_census c = { 0 };
	char message[1000] = "";
	unsigned port;
	int fd = listener(AF_INET, SOCK_DGRAM, &port, false), from = socket(AF_INET, SOCK_DGRAM, 0), small = 4096;

	(void)state;
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	to.sin_port = htons((uint16_t)port);
	for (int i = 0; i < MESSAGES; i++)
		(void)sendto(from, message, sizeof(message), 0, (void *)&to, sizeof(to));
	assert_int_equal(skt_census_take(&everything, &c, NULL), 0);
	assert_true(find(&c, SKT_PROTO_UDP, port)->has_drops);
	assert_true(find(&c, SKT_PROTO_UDP, port)->drops > MESSAGES / 2);
	assert_true(find(&c, SKT_PROTO_UDP, port)->queue > 0);
	skt_census_release(&c);
	(void)close(fd);
	(void)close(from);
}

static void names_of_unix_sockets_keep_every_byte(void **state)
{
	char name[] = "\0soket\0test \x1b[31m PID";
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct skt_census c = { 0 };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), found = 0;
	pid_t us = getpid();

	(void)state;
	memcpy(name + sizeof(name) - 4, &us, 3); /* ours alone; some of its bytes are NUL */
	memcpy(un.sun_path, name, sizeof(name) - 1);
	assert_int_equal(bind(fd, (void *)&un, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof(name) - 1)),
			 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(skt_census_take(&everything, &c, NULL), 0);
	for (size_t i = 0; i < c.table.n; i++) {
		const struct skt_sock *s = &c.table.sock[i];

		if (s->proto != SKT_PROTO_UNIX_SEQPACKET || s->name_len != sizeof(name) - 1 ||
		    memcmp(skt_socktable_name(&c.table, s), name, sizeof(name) - 1) != 0)
			continue;
		found++;
		assert_int_equal(s->state, SKT_STATE_LISTEN);
		assert_int_equal(first_holder(&c, s, NULL)->pid, getpid());
	}
	assert_int_equal(found, 1);
	skt_census_release(&c);
	(void)close(fd);
}

static void proc_tells_the_same_sockets_as_netlink(void **state)
{
	struct skt_look look = { .protos = 1U << SKT_PROTO_TCP, .states = 1U << SKT_STATE_LISTEN };
	struct skt_socktable a = { 0 }, b = { 0 };
	unsigned port;
	int fd = listener(AF_INET6, SOCK_STREAM, &port, false), seen = 0;

	(void)state;
	assert_int_equal(skt_socktable_read(&look, &a, NULL), 0);
	look.no_netlink = true;
	assert_int_equal(skt_socktable_read(&look, &b, NULL), 0);
	assert_int_equal(b.sources, SKT_SOURCE_PROC);
	for (size_t i = 0; i < a.n; i++)
		for (size_t k = 0; a.sock[i].local_port == port && k < b.n; k++)
			if (b.sock[k].inode == a.sock[i].inode) {
				assert_memory_equal(&b.sock[k].local, &a.sock[i].local, sizeof(b.sock[k].local));
				assert_int_equal(b.sock[k].local_port, port);
				assert_int_equal(b.sock[k].state, SKT_STATE_LISTEN);
				assert_int_equal(b.sock[k].uid, a.sock[i].uid);
				seen++;
			}
	assert_true(seen > 0); /* a table that changes while it is read may show a row twice */
	skt_socktable_release(&a);
	skt_socktable_release(&b);
	(void)close(fd);
}

static void bound_sockets_alone_can_be_asked_for(void **state)
{
	struct skt_look all = { .protos = 1U << SKT_PROTO_TCP, .states = SKT_STATES_BOUND }, bound = all;
	struct skt_socktable a = { 0 }, b = { 0 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), n = 0, m = 0;
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);

	(void)state;
	bound.states = 1U << SKT_STATE_BOUND;
	assert_int_equal(bind(fd, (void *)&in, len), 0);
	assert_int_equal(getsockname(fd, (void *)&in, &len), 0);
	assert_int_equal(skt_socktable_read(&all, &a, NULL), 0);
	assert_int_equal(skt_socktable_read(&bound, &b, NULL), 0);
	for (size_t i = 0; i < a.n; i++)
		n += a.sock[i].local_port == ntohs(in.sin_port) && a.sock[i].state == SKT_STATE_BOUND;
	for (size_t i = 0; i < b.n; i++)
		m += b.sock[i].local_port == ntohs(in.sin_port) && b.sock[i].state == SKT_STATE_BOUND;
	assert_int_equal(m, n);
	skt_socktable_release(&a);
	skt_socktable_release(&b);
	(void)close(fd);
}

static void a_connection_carries_what_tcp_knows(void **state)
{
	struct skt_look look = { .protos = 1U << SKT_PROTO_TCP, .states = SKT_STATES_LIVE, .info = true };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct skt_socktable t = { 0 };
	unsigned port;
	int fd = listener(AF_INET, SOCK_STREAM, &port, false), client = socket(AF_INET, SOCK_STREAM, 0), server, seen = 0;

	(void)state;
	to.sin_port = htons((uint16_t)port);
	assert_int_equal(connect(client, (void *)&to, sizeof(to)), 0);
	server = accept(fd, NULL, NULL);
	assert_int_equal(write(client, "hello", 5), 5);
	assert_int_equal(skt_socktable_read(&look, &t, NULL), 0);
	for (size_t i = 0; i < t.n; i++) {
		const struct skt_tcpinfo *info = skt_socktable_info(&t, &t.sock[i]);

		if (t.sock[i].local_port != port)
			continue;
		seen++;
		assert_non_null(info);
		assert_int_equal(t.sock[i].queue, 5);
		assert_int_equal(info->bytes_received, 5);
		assert_true(info->rtt > 0);
		assert_true(info->congestion_window > 0);
		assert_true(info->congestion[0] != '\0');
	}
	assert_int_equal(seen, 1);
	skt_socktable_release(&t);
	(void)close(server);
	(void)close(client);
	(void)close(fd);
}

static void owners_are_the_same_on_any_number_of_threads(void **state)
{
	struct skt_owners one = { 0 }, many = { 0 };
	unsigned port;
	int fd = listener(AF_INET, SOCK_STREAM, &port, false);
	char link[64], path[64];
	unsigned long long inode;
	size_t a, b;

	(void)state;
	(void)snprintf(path, sizeof(path), "fd/%d", fd);
	assert_true(skt_proc_link(getpid(), path, link, sizeof(link)) > 0);
	assert_int_equal(sscanf(link, "socket:[%llu]", &inode), 1);
	assert_int_equal(skt_owners_read(NULL, 0, 0, &one, NULL), 0);
	assert_int_equal(skt_owners_read(NULL, 0, 7, &many, NULL), 0);
	assert_non_null(skt_owners_of(&one, inode, &a));
	assert_non_null(skt_owners_of(&many, inode, &b));
	assert_int_equal(a, b);
	assert_null(skt_owners_of(&one, 0, &a));
	assert_null(skt_owners_of(&one, UINT64_MAX, &a));
	skt_owners_release(&one);
	skt_owners_release(&many);
	(void)close(fd);
}

static void only_the_inodes_asked_for_are_kept(void **state)
{
	struct skt_owners o = { 0 };
	uint64_t none = UINT64_MAX;

	(void)state;
	assert_int_equal(skt_owners_read(&none, 1, 0, &o, NULL), 0);
	assert_int_equal(o.n, 0);
	assert_true(o.n_processes > 0);
	skt_owners_release(&o);
}

static void a_namespace_that_is_not_there_is_a_usage_error(void **state)
{
	struct skt_census_spec spec = { .netns = "no-such-namespace" };
	struct skt_census c = { 0 };
	struct skt_error err = { 0 };

	(void)state;
	assert_int_equal(skt_census_take(&spec, &c, &err), -SKT_E_USAGE);
	assert_non_null(strstr(err.text, "no-such-namespace"));
	spec.netns = "../../proc/self/ns/net";
	assert_int_equal(skt_census_take(&spec, &c, &err), -SKT_E_USAGE);
	spec.netns = "";
	assert_int_equal(skt_census_take(&spec, &c, &err), -SKT_E_USAGE);
}

static void a_process_that_has_gone_is_not_there(void **state)
{
	struct skt_process p;
	pid_t child = fork();

	(void)state;
	if (child == 0)
		_exit(0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(skt_process_read(child, SKT_PROCESS_FULL, &p, NULL), -SKT_E_RESOLVE);
	assert_false(skt_process_is(child, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_listening_socket_is_found_with_its_process),
		cmocka_unit_test(dual_stack_and_v6only_are_told_apart),
		cmocka_unit_test(a_socket_shared_by_a_fork_has_both_processes),
		cmocka_unit_test(a_bound_datagram_socket_counts_its_drops),
		cmocka_unit_test(names_of_unix_sockets_keep_every_byte),
		cmocka_unit_test(proc_tells_the_same_sockets_as_netlink),
		cmocka_unit_test(bound_sockets_alone_can_be_asked_for),
		cmocka_unit_test(a_connection_carries_what_tcp_knows),
		cmocka_unit_test(owners_are_the_same_on_any_number_of_threads),
		cmocka_unit_test(only_the_inodes_asked_for_are_kept),
		cmocka_unit_test(a_namespace_that_is_not_there_is_a_usage_error),
		cmocka_unit_test(a_process_that_has_gone_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

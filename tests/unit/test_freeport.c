/* SPDX-License-Identifier: Apache-2.0 */
/* Free ports: who may bind one that is held, and that no two hold the same. */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "inspect/freeport.h"
#include "sys/proc.h"

/* A socket bound to an address of either family: the descriptor, or -errno. */
static int bound(const char *ip, unsigned port, bool reuse)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	bool is6 = strchr(ip, ':') != NULL;
	int fd = socket(is6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = reuse, ret;

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	if (is6)
		in6.sin6_addr = strcmp(ip, "::1") == 0 ? in6addr_loopback : in6addr_any;
	else
		in.sin_addr.s_addr = htonl(strcmp(ip, "0.0.0.0") == 0 ? INADDR_ANY : INADDR_LOOPBACK);
	ret = is6 ? bind(fd, (struct sockaddr *)&in6, sizeof(in6)) : bind(fd, (struct sockaddr *)&in, sizeof(in));
	if (ret == 0)
		return fd;
	ret = -errno;
	(void)close(fd);
	return ret;
}

static bool has_ipv6(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)close(fd);
	return fd >= 0;
}

static const char *const addresses[] = { "127.0.0.1", "0.0.0.0", "::1", "::" };

static void a_held_port_lets_in_those_who_share_and_no_others(void **state)
{
	struct skt_hold h;
	struct skt_error err = { 0 };

	(void)state;
	SUPPORT_OK(skt_hold_open(0, &h, &err), &err);
	assert_true(h.port > 0);
	assert_int_equal(h.fd[1] >= 0, has_ipv6());
	for (size_t i = 0; i < (has_ipv6() ? 4 : 2); i++) {
		int fd = bound(addresses[i], h.port, true);

		assert_true(fd >= 0);
		assert_int_equal(listen(fd, 1), 0);
		(void)close(fd);
		assert_int_equal(bound(addresses[i], h.port, false), -EADDRINUSE);
	}
	skt_hold_close(&h);
	assert_int_equal(h.fd[0], -1);
}

static void a_port_is_held_once_whoever_picked_it(void **state)
{
	struct skt_hold picked, given, again;
	struct skt_error err = { 0 };

	(void)state;
	SUPPORT_OK(skt_hold_open(0, &picked, &err), &err);
	assert_int_equal(skt_hold_open(picked.port, &again, &err), -SKT_E_INUSE);
	skt_hold_close(&picked);
	SUPPORT_OK(skt_hold_open(picked.port, &given, &err), &err);
	assert_int_equal(given.port, picked.port);
	assert_int_equal(skt_hold_open(picked.port, &again, &err), -SKT_E_INUSE);
	assert_int_equal(skt_port_look(picked.port, false), 0);
	skt_hold_close(&given);
	assert_int_equal(skt_port_look(picked.port, true), 1);
}

static void a_port_with_a_listener_on_any_address_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < (has_ipv6() ? 4 : 2); i++) {
		struct skt_hold h, taken;
		struct skt_error err = { 0 };
		int fd;

		SUPPORT_OK(skt_hold_open(0, &h, &err), &err);
		fd = bound(addresses[i], h.port, true);
		assert_true(fd >= 0);
		assert_int_equal(listen(fd, 1), 0);
		skt_hold_close(&h);
		assert_int_equal(skt_hold_open(h.port, &taken, &err), -SKT_E_INUSE);
		assert_int_equal(skt_port_look(h.port, false), 0);
		(void)close(fd);
	}
}

/* One connection over the listener, closed here first, so that the port is left in TIME_WAIT. */
static void leave_time_wait(int listener, unsigned port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), accepted;
	char c;

	assert_int_equal(connect(client, (struct sockaddr *)&in, sizeof(in)), 0);
	accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(accepted >= 0);
	(void)close(accepted);
	assert_int_equal(read(client, &c, 1), 0);
	(void)close(client);
}

static void connections_that_still_end_do_not_keep_a_port_from_its_next_run(void **state)
{
	struct skt_hold h, again;
	struct skt_error err = { 0 };
	int fd;

	(void)state;
	SUPPORT_OK(skt_hold_open(0, &h, &err), &err);
	fd = bound("127.0.0.1", h.port, true);
	assert_int_equal(listen(fd, 1), 0);
	leave_time_wait(fd, h.port);
	(void)close(fd);
	skt_hold_close(&h);
	assert_int_equal(bound("127.0.0.1", h.port, false), -EADDRINUSE); /* it is in TIME_WAIT indeed */
	SUPPORT_OK(skt_hold_open(h.port, &again, &err), &err);
	skt_hold_close(&again);
}

static void system_ports_are_refused_with_a_reason(void **state)
{
	struct skt_hold h;
	struct skt_error err = { 0 };
	long first = skt_proc_number("sys/net/ipv4/ip_unprivileged_port_start", 0);

	(void)state;
	if (geteuid() == 0 || first < 2)
		skip();
	assert_int_equal(skt_hold_open((unsigned)first - 1, &h, &err), -SKT_E_DENIED);
	assert_true(err.hint[0] != '\0');
	assert_int_equal(skt_port_look((unsigned)first - 1, false), -SKT_E_DENIED);
}

static int no_ipv6(int domain, int type, int protocol)
{
	if (domain == AF_INET6) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	return support_calls.socket(domain, type, protocol);
}

static int no_ipv4(int domain, int type, int protocol)
{
	if (domain == AF_INET) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	return support_calls.socket(domain, type, protocol);
}

static int no_family(int domain, int type, int protocol)
{
	(void)domain, (void)type, (void)protocol;
	errno = EAFNOSUPPORT;
	return -1;
}

static void one_family_is_enough(void **state)
{
	struct skt_hold h, again;
	struct skt_error err = { 0 };
	int listening[2];

	(void)state;
	for (int i = 0; i < (has_ipv6() ? 2 : 1); i++) {
		skt_sys.socket = i ? no_ipv4 : no_ipv6;
		SUPPORT_OK(skt_hold_open(0, &h, &err), &err);
		assert_true(h.fd[i] >= 0 && h.fd[!i] < 0);
		assert_int_equal(skt_hold_open(h.port, &again, &err), -SKT_E_INUSE);
		assert_int_equal(skt_hold_listen(&h, false, listening, &err), 1);
		(void)close(listening[0]);
		skt_hold_close(&h);
		assert_int_equal(skt_port_look(h.port, true), 1);
	}
	skt_sys.socket = no_family;
	assert_int_equal(skt_hold_open(0, &h, &err), -SKT_E_LIMIT);
}

static bool reaches(const char *ip, unsigned port)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
				    .sin6_port = htons((uint16_t)port),
				    .sin6_addr = in6addr_loopback };
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	bool is6 = strchr(ip, ':') != NULL;
	int fd = socket(is6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int ret = is6 ? connect(fd, (struct sockaddr *)&in6, sizeof(in6))
		      : connect(fd, (struct sockaddr *)&in, sizeof(in));

	(void)close(fd);
	return ret == 0;
}

static int no_device(int fd, int level, int option, const void *value, socklen_t len)
{
	if (level == SOL_SOCKET && option == SO_BINDTODEVICE) {
		errno = EPERM;
		return -1;
	}
	return support_calls.setsockopt(fd, level, option, value, len);
}

static void a_held_port_listens_in_both_families_and_stays_held(void **state)
{
	static const struct {
		bool any, no_device;
		int n;
	} rows[] = { { false, false, 1 }, { true, false, 1 }, { false, true, 2 } };
	struct skt_hold h, other;
	struct skt_error err = { 0 };
	int listening[2];

	(void)state;
	if (!has_ipv6())
		skip();
	for (size_t i = 0; i < SKT_LENGTH(rows); i++) {
		skt_sys.setsockopt = rows[i].no_device ? no_device : support_calls.setsockopt;
		SUPPORT_OK(skt_hold_open(0, &h, &err), &err);
		assert_int_equal(skt_hold_listen(&h, rows[i].any, listening, &err), rows[i].n);
		assert_true(reaches("127.0.0.1", h.port));
		assert_true(reaches("::1", h.port));
		for (int k = 0; k < rows[i].n; k++)
			(void)close(listening[k]);
		assert_false(reaches("127.0.0.1", h.port));
		assert_int_equal(skt_hold_open(h.port, &other, &err), -SKT_E_INUSE);
		skt_hold_close(&h);
	}
}

static void a_name_prefers_the_same_ports_each_time(void **state)
{
	long first = skt_proc_number("sys/net/ipv4/ip_local_port_range", 0);
	long last = skt_proc_number("sys/net/ipv4/ip_local_port_range", 1);
	unsigned web = skt_port_preferred("/home/x/shop", "web", 0);
	int same = 0;

	(void)state;
	if (web == 0)
		skip(); /* the kernel's range leaves no room */
	assert_int_equal(skt_port_preferred("/home/x/shop", "web", 0), web);
	assert_int_not_equal(skt_port_preferred("/home/x/shop", "api", 0), web);
	assert_int_not_equal(skt_port_preferred("/home/x/shop2", "web", 0), web);
	assert_int_equal(skt_port_preferred("/a", "web", SKT_PREFERRED), 0);
	for (int i = 0; i < SKT_PREFERRED; i++) {
		unsigned port = skt_port_preferred("/home/x/shop", "web", i);

		assert_true(port >= 19999 && port <= 49151);
		assert_true(port < first || port > last);
		same += port == web;
	}
	assert_true(same <= 2);
}

static void a_search_finds_different_ports_and_none_that_is_taken_or_leased(void **state)
{
	struct skt_lease lease = { 0 };
	struct skt_leases leases = { .lease = &lease, .n = 1 };
	struct skt_port_search any = { .leases = &leases }, range;
	struct skt_error err = { 0 };
	struct skt_hold h;
	unsigned port[200];

	(void)state;
	assert_int_equal(skt_port_search(&any, port, 200, &err), 200);
	for (int i = 0; i < 200; i++)
		for (int k = 0; k < i; k++)
			assert_int_not_equal(port[i], port[k]);
	SUPPORT_OK(skt_hold_open(0, &h, &err), &err);
	range = (struct skt_port_search){ .first = h.port, .last = h.port, .leases = &leases };
	assert_int_equal(skt_port_search(&range, port, 1, &err), 0);
	skt_hold_close(&h);
	assert_int_equal(skt_port_search(&range, port, 1, &err), 1);
	assert_int_equal(port[0], h.port);
	lease.port = h.port;
	assert_int_equal(skt_port_search(&range, port, 1, &err), 0);
}

static void a_port_that_udp_uses_is_free_for_tcp_only(void **state)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct skt_error err = { 0 };
	struct skt_hold h;

	(void)state;
	SUPPORT_OK(skt_hold_open(0, &h, &err), &err);
	in.sin_port = htons((uint16_t)h.port);
	skt_hold_close(&h);
	if (bind(udp, (struct sockaddr *)&in, sizeof(in)) == 0) {
		assert_int_equal(skt_port_look(h.port, false), 1);
		assert_int_equal(skt_port_look(h.port, true), 0);
	}
	(void)close(udp);
}

static int no_descriptor(int domain, int type, int protocol)
{
	(void)domain, (void)type, (void)protocol;
	errno = EMFILE;
	return -1;
}

static void a_lack_of_descriptors_is_told(void **state)
{
	struct skt_port_search range = { .first = 30000, .last = 30001 };
	struct skt_error err = { 0 };
	struct skt_hold h;
	unsigned port;

	(void)state;
	skt_sys.socket = no_descriptor;
	assert_int_equal(skt_hold_open(0, &h, &err), -SKT_E_LIMIT);
	assert_int_equal(skt_hold_open(30000, &h, &err), -SKT_E_LIMIT);
	assert_int_equal(skt_port_search(&range, &port, 1, &err), -SKT_E_LIMIT);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SUPPORT_TEST(a_held_port_lets_in_those_who_share_and_no_others),
		SUPPORT_TEST(a_port_is_held_once_whoever_picked_it),
		SUPPORT_TEST(a_port_with_a_listener_on_any_address_is_refused),
		SUPPORT_TEST(connections_that_still_end_do_not_keep_a_port_from_its_next_run),
		SUPPORT_TEST(system_ports_are_refused_with_a_reason),
		SUPPORT_TEST(one_family_is_enough),
		SUPPORT_TEST(a_held_port_listens_in_both_families_and_stays_held),
		SUPPORT_TEST(a_name_prefers_the_same_ports_each_time),
		SUPPORT_TEST(a_search_finds_different_ports_and_none_that_is_taken_or_leased),
		SUPPORT_TEST(a_port_that_udp_uses_is_free_for_tcp_only),
		SUPPORT_TEST(a_lack_of_descriptors_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

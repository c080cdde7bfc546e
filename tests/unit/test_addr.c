/* SPDX-License-Identifier: Apache-2.0 */
/* Socket addresses: read, printed, asked for. */
#include "support.h"

#include <net/if.h>

#include "sys/addr.h"

static void ip_addresses_print_as_they_are_meant(void **state)
{
	static const struct {
		const char *host, *printed, *endpoint;
		bool is_loopback;
		int n_bytes;
	} rows[] = {
		{ "127.0.0.1", "127.0.0.1:80", "tcp://127.0.0.1:80", true, 4 },
		{ "127.255.0.3", "127.255.0.3:80", "tcp://127.255.0.3:80", true, 4 },
		{ "192.0.2.7", "192.0.2.7:80", "tcp://192.0.2.7:80", false, 4 },
		{ "::1", "[::1]:80", "tcp://[::1]:80", true, 16 },
		{ "2001:DB8::1", "[2001:db8::1]:80", "tcp://[2001:db8::1]:80", false, 16 },
		{ "::ffff:127.0.0.1", "[::ffff:127.0.0.1]:80", "tcp://[::ffff:127.0.0.1]:80", true, 4 },
		{ "::ffff:192.0.2.1", "[::ffff:192.0.2.1]:80", "tcp://[::ffff:192.0.2.1]:80", false, 4 },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(rows); i++) {
		char text[SKT_ADDR_LENGTH];
		struct skt_addr a;
		int n = 0;

		assert_int_equal(skt_addr_parse_ip(rows[i].host, NULL, 80, &a), 0);
		assert_string_equal(skt_addr_print(&a, text), rows[i].printed);
		assert_string_equal(skt_addr_print_endpoint(&a, "tcp", text), rows[i].endpoint);
		assert_int_equal(skt_addr_port(&a), 80);
		assert_int_equal(skt_addr_is_loopback(&a), rows[i].is_loopback);
		assert_non_null(skt_addr_bytes(&a, &n));
		assert_int_equal(n, rows[i].n_bytes);
		skt_addr_port_set(&a, 65535);
		assert_int_equal(skt_addr_port(&a), 65535);
	}
}

static void names_are_no_addresses(void **state)
{
	static const char *const rows[] = { "", "localhost", "127.1", "127.0.0.256", "[::1]", ":::", "1.2.3.4 " };
	struct skt_addr a = { .len = 77 };

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(rows); i++)
		assert_int_equal(skt_addr_parse_ip(rows[i], NULL, 80, &a), -SKT_E_RESOLVE);
	assert_int_equal(a.len, 77);
}

static void zones_are_names_or_numbers(void **state)
{
	struct skt_addr a;
	char text[SKT_ADDR_LENGTH];

	(void)state;
	assert_int_equal(skt_addr_parse_ip("fe80::1", "1", 80, &a), 0);
	assert_int_equal(a.in6.sin6_scope_id, 1);
	assert_int_equal(skt_addr_parse_ip("fe80::1", "lo", 80, &a), 0);
	assert_int_equal(a.in6.sin6_scope_id, if_nametoindex("lo"));
	assert_string_equal(skt_addr_print(&a, text), "[fe80::1%lo]:80");
	assert_int_equal(skt_addr_parse_ip("fe80::1", "no-such-zone", 80, &a), -SKT_E_RESOLVE);
	assert_int_equal(skt_addr_parse_ip("fe80::1", "4000000", 80, &a), 0);
	assert_string_equal(skt_addr_print_host(&a, text), "fe80::1%4000000");
}

static void paths_and_abstract_names_print_back(void **state)
{
	char longest[109], text[SKT_ADDR_LENGTH];
	struct skt_addr a;

	(void)state;
	assert_int_equal(skt_addr_from_path("/run/x.sock", &a), 0);
	assert_string_equal(skt_addr_print(&a, text), "/run/x.sock");
	assert_string_equal(skt_addr_print_endpoint(&a, "unix", text), "unix:/run/x.sock");
	assert_int_equal(skt_addr_port(&a), 0);
	assert_false(skt_addr_is_loopback(&a));
	assert_int_equal(skt_addr_from_path("@name", &a), 0);
	assert_int_equal(a.un.sun_path[0], '\0');
	assert_int_equal(a.len, offsetof(struct sockaddr_un, sun_path) + 5);
	assert_string_equal(skt_addr_print(&a, text), "@name");
	memset(longest, 'x', sizeof(longest));
	longest[108] = '\0';
	assert_int_equal(skt_addr_from_path(longest, &a), -SKT_E_USAGE);
	longest[107] = '\0';
	assert_int_equal(skt_addr_from_path(longest, &a), 0);
	assert_string_equal(skt_addr_print(&a, text), longest);
}

static void vsock_addresses_print_cid_and_port(void **state)
{
	char text[SKT_ADDR_LENGTH];
	struct skt_addr a;

	(void)state;
	skt_addr_from_vsock(2, 1024, &a);
	assert_string_equal(skt_addr_print(&a, text), "2:1024");
	assert_string_equal(skt_addr_print_host(&a, text), "2");
	assert_string_equal(skt_addr_print_endpoint(&a, "vsock", text), "vsock://2:1024");
	assert_int_equal(skt_addr_port(&a), 1024);
}

static void both_ends_of_a_socket_are_known(void **state)
{
	struct skt_addr local, peer;
	char text[SKT_ADDR_LENGTH];
	int pair[2];

	(void)state;
	support_tcp(pair);
	assert_int_equal(skt_addr_of_local(pair[0], &local), 0);
	assert_int_equal(skt_addr_of_peer(pair[1], &peer), 0);
	assert_int_equal(skt_addr_port(&local), skt_addr_port(&peer));
	assert_true(skt_addr_is_loopback(&peer));
	(void)close(pair[0]);
	(void)close(pair[1]);
	support_socketpair(SOCK_STREAM, pair);
	assert_int_equal(skt_addr_of_peer(pair[0], &peer), 0);
	assert_string_equal(skt_addr_print(&peer, text), "");
	(void)close(pair[0]);
	(void)close(pair[1]);
	assert_int_equal(skt_addr_of_local(-1, &local), -1);
	assert_int_equal(local.len, 0);
	assert_int_equal(local.sa.sa_family, AF_UNSPEC);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SUPPORT_TEST(ip_addresses_print_as_they_are_meant), SUPPORT_TEST(names_are_no_addresses),
		SUPPORT_TEST(zones_are_names_or_numbers),           SUPPORT_TEST(paths_and_abstract_names_print_back),
		SUPPORT_TEST(vsock_addresses_print_cid_and_port),   SUPPORT_TEST(both_ends_of_a_socket_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of services: what stands together, what does not, and how an address is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/alloc.h"
#include "inspect/portrow.h"

enum { SOCKS_MAX = 8 };

#define ANY4 .local = { 4, { 0 } }
#define ANY6 .local = { 6, { 0 } }, .v6only = true
#define DUAL .local = { 6, { 0 } }
#define LOOP4 .local = { 4, { 127, 0, 0, 1 } }
#define LOOP6 .local = { 6, { [15] = 1 } }
#define TCP .proto = SKT_PROTO_TCP, .state = SKT_STATE_LISTEN, .info = -1
#define UDP .proto = SKT_PROTO_UDP, .state = SKT_STATE_CLOSE, .info = -1

/* The rows of these sockets as "PORT ADDRESS xSOCKETS;" */
static void rows_of(const struct skt_sock *socks, size_t n, struct skt_text *ret)
{
	static char names[] = "/run/a.sock/run/b.sock";
	struct skt_census census = { .table = { .names = { .s = names, .len = sizeof(names) - 1, .cap = sizeof(names) } } };
	const struct skt_sock *list[SOCKS_MAX];
	struct skt_portrows rows;

	for (size_t i = 0; i < n; i++)
		list[i] = &socks[n - 1 - i]; /* the order in which they come means nothing */
	assert_int_equal(skt_portrows_group(&census, list, n, NULL, &rows, NULL), 0);
	for (size_t i = 0; i < rows.n; i++) {
		if (rows.row[i].sock->local_port)
			skt_text_addf(ret, "%u ", rows.row[i].sock->local_port);
		skt_portrow_print_address(&rows.row[i], &census, NULL, ret);
		skt_text_addf(ret, " x%zu;", rows.row[i].n_socks);
	}
	skt_portrows_release(&rows);
}

static void both_families_of_a_service_are_one_row(void **state)
{
	static const struct {
		struct skt_sock socks[SOCKS_MAX];
		const char *rows;
	} cases[] = {
		{ { { TCP, ANY4, .local_port = 80 }, { TCP, ANY6, .local_port = 80 } }, "80 any x2;" },
		{ { { TCP, LOOP4, .local_port = 80 }, { TCP, LOOP6, .local_port = 80 } }, "80 loopback x2;" },
		{ { { TCP, DUAL, .local_port = 80 } }, "80 any x1;" },
		{ { { TCP, ANY6, .local_port = 80 } }, "80 any (IPv6) x1;" },
		{ { { TCP, ANY4, .local_port = 80 } }, "80 any (IPv4) x1;" },
		{ { { TCP, LOOP4, .local_port = 80 } }, "80 127.0.0.1 x1;" },
		{ { { TCP, LOOP6, .local_port = 80 } }, "80 ::1 x1;" },
		{ { { TCP, ANY4, .local_port = 80 }, { TCP, LOOP6, .local_port = 80 } }, "80 any (IPv4) x1;80 ::1 x1;" },
		/* workers of one port */
		{ { { TCP, ANY4, .local_port = 80, .inode = 1 },
		    { TCP, ANY4, .local_port = 80, .inode = 2 },
		    { TCP, ANY4, .local_port = 80, .inode = 3 } },
		  "80 any (IPv4) x3;" },
		{ { { TCP, .local = { 4, { 127, 0, 0, 53 } }, .local_port = 53 },
		    { TCP, .local = { 4, { 127, 0, 0, 54 } }, .local_port = 53 } },
		  "53 127.0.0.53 x1;53 127.0.0.54 x1;" },
		{ { { TCP, .local = { 4, { 10, 0, 0, 1 } }, .local_port = 53 },
		    { TCP, .local = { 4, { 10, 0, 0, 1 } }, .local_port = 53, .inode = 9 } },
		  "53 10.0.0.1 x2;" },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases); i++) {
		struct skt_text t = { 0 };
		size_t n = 0;

		while (n < SOCKS_MAX && cases[i].socks[n].local_port)
			n++;
		rows_of(cases[i].socks, n, &t);
		assert_string_equal(skt_text_get(&t), cases[i].rows);
		skt_text_release(&t);
	}
}

static void what_differs_in_anything_else_stays_apart(void **state)
{
	static const struct skt_sock cases[][2] = {
		{ { TCP, ANY4, .local_port = 80 }, { UDP, ANY4, .local_port = 80 } },
		{ { TCP, ANY4, .local_port = 80 }, { TCP, ANY6, .local_port = 81 } },
		{ { TCP, ANY4, .local_port = 80 }, { TCP, ANY6, .local_port = 80, .uid = 1000 } },
		{ { TCP, ANY4, .local_port = 80 }, { TCP, ANY6, .local_port = 80, .interface = 2 } },
		{ { TCP, ANY4, .local_port = 80 }, { TCP, ANY6, .local_port = 80, .netns = 1 } },
		{ { TCP, ANY4, .local_port = 80 },
		  { .proto = SKT_PROTO_TCP, .state = SKT_STATE_BOUND, ANY4, .local_port = 80 } },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases); i++) {
		struct skt_census census = { 0 };
		const struct skt_sock *list[] = { &cases[i][0], &cases[i][1] };
		struct skt_portrows rows;

		assert_int_equal(skt_portrows_group(&census, list, 2, NULL, &rows, NULL), 0);
		assert_int_equal(rows.n, 2);
		skt_portrows_release(&rows);
	}
}

static void rows_are_sorted_by_port_then_by_name(void **state)
{
	static const struct skt_sock socks[] = {
		{ .proto = SKT_PROTO_UNIX, .state = SKT_STATE_LISTEN, .name = 11, .name_len = 11, .info = -1 },
		{ .proto = SKT_PROTO_UNIX_DGRAM, .state = SKT_STATE_CLOSE, .name = 0, .name_len = 11, .info = -1 },
		{ .proto = SKT_PROTO_VSOCK, .state = SKT_STATE_LISTEN, .local_cid = UINT32_MAX, .local_port = 5, .info = -1 },
		{ .proto = SKT_PROTO_VSOCK, .state = SKT_STATE_LISTEN, .local_cid = 3, .local_port = 5, .info = -1 },
		{ TCP, ANY4, .local_port = 8080 },
		{ UDP, ANY4, .local_port = 53 },
		{ TCP, ANY4, .local_port = 53 },
	};
	struct skt_text t = { 0 };

	(void)state;
	rows_of(socks, SKT_LENGTH(socks), &t);
	assert_string_equal(skt_text_get(&t), "53 any (IPv4) x1;53 any (IPv4) x1;8080 any (IPv4) x1;5 any x1;5 3 x1;"
					      "/run/a.sock x1;/run/b.sock x1;");
	skt_text_release(&t);
}

static void unix_sockets_of_one_name_are_never_one_row(void **state)
{
	static const struct skt_sock socks[] = {
		{ .proto = SKT_PROTO_UNIX, .state = SKT_STATE_LISTEN, .name = 0, .name_len = 11, .inode = 1, .info = -1 },
		{ .proto = SKT_PROTO_UNIX, .state = SKT_STATE_LISTEN, .name = 0, .name_len = 11, .inode = 2, .info = -1 },
	};
	struct skt_text t = { 0 };

	(void)state;
	rows_of(socks, SKT_LENGTH(socks), &t);
	assert_string_equal(skt_text_get(&t), "/run/a.sock x1;/run/a.sock x1;");
	skt_text_release(&t);
}

static void a_row_shows_the_fullest_queue_and_all_drops(void **state)
{
	static const struct skt_sock socks[] = {
		{ TCP, ANY4, .local_port = 80, .inode = 1, .has_queue = true, .queue = 5, .limit = 100 },
		{ TCP, ANY4, .local_port = 80, .inode = 2, .has_queue = true, .queue = 4, .limit = 10,
		  .has_drops = true, .drops = 3 },
		{ TCP, ANY4, .local_port = 80, .inode = 3, .has_queue = true, .queue = 0, .limit = 5, .has_drops = true,
		  .drops = 4 },
	};
	struct skt_census census = { 0 };
	const struct skt_sock *list[] = { &socks[0], &socks[1], &socks[2] };
	struct skt_portrows rows;

	(void)state;
	assert_int_equal(skt_portrows_group(&census, list, 3, NULL, &rows, NULL), 0);
	assert_int_equal(rows.n, 1);
	assert_int_equal(rows.row[0].queue, 4);
	assert_int_equal(rows.row[0].limit, 10);
	assert_true(rows.row[0].has_drops && rows.row[0].drops == 7);
	skt_portrows_release(&rows);
}

static void an_interface_is_said_with_the_address(void **state)
{
	static const struct skt_sock sock = { TCP, ANY4, .local_port = 80, .interface = 2 };
	struct skt_census census = { 0 };
	const struct skt_sock *list[] = { &sock };
	struct skt_portrows rows;
	struct skt_text t = { 0 };

	(void)state;
	assert_int_equal(skt_portrows_group(&census, list, 1, NULL, &rows, NULL), 0);
	skt_portrow_print_address(&rows.row[0], &census, "eth0", &t);
	assert_string_equal(skt_text_get(&t), "any (IPv4) on eth0");
	skt_text_release(&t);
	skt_portrows_release(&rows);
}

static void a_lease_belongs_to_the_port_of_our_own_namespace(void **state)
{
	struct skt_lease lease = { .name = "web", .port = 80 };
	struct skt_leases leases = { .lease = &lease, .n = 1 };
	struct skt_sock sock = { TCP, ANY4, .local_port = 80 };

	(void)state;
	assert_ptr_equal(skt_portrow_lease(&leases, &sock), &lease);
	sock.netns = 1;
	assert_null(skt_portrow_lease(&leases, &sock));
	sock.netns = 0;
	sock.local_port = 81;
	assert_null(skt_portrow_lease(&leases, &sock));
	sock.local_port = 80;
	sock.proto = SKT_PROTO_UDP;
	assert_null(skt_portrow_lease(&leases, &sock));
	assert_null(skt_portrow_lease(NULL, &sock));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_families_of_a_service_are_one_row),
		cmocka_unit_test(what_differs_in_anything_else_stays_apart),
		cmocka_unit_test(rows_are_sorted_by_port_then_by_name),
		cmocka_unit_test(unix_sockets_of_one_name_are_never_one_row),
		cmocka_unit_test(a_row_shows_the_fullest_queue_and_all_drops),
		cmocka_unit_test(an_interface_is_said_with_the_address),
		cmocka_unit_test(a_lease_belongs_to_the_port_of_our_own_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

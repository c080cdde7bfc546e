/* SPDX-License-Identifier: Apache-2.0 */
/* Whether nobody holds an address: what is said of sockets that this test makes is what listening would meet. */
#include "holding.h"

#include <linux/vm_sockets.h>

#include "inspect/vacancy.h"

static void address(const char *host, unsigned port, struct skt_addr *ret)
{
	assert_int_equal(skt_addr_parse_ip(host, NULL, (int)port, ret), 0);
}

/* What a system call that is replaced fails with. */
static int fails_with;

static int socket_without_six(int domain, int type, int protocol)
{
	if (domain != AF_INET6)
		return support_calls.socket(domain, type, protocol);
	errno = EAFNOSUPPORT;
	return -1;
}

static int socket_fails(int domain, int type, int protocol)
{
	(void)domain, (void)type, (void)protocol;
	errno = fails_with;
	return -1;
}

static int bind_fails(int fd, const struct sockaddr *addr, socklen_t len)
{
	if (addr->sa_family == AF_NETLINK)
		return support_calls.bind(fd, addr, len);
	errno = fails_with;
	return -1;
}

static int connect_fails(int fd, const struct sockaddr *addr, socklen_t len)
{
	(void)fd, (void)addr, (void)len;
	errno = fails_with;
	return -1;
}

/* --- TCP and UDP ---------------------------------------------------------------------------------------------------------- */

static int vacancy_of(const char *host, unsigned port, struct skt_error *err)
{
	struct skt_addr addr;

	address(host, port, &addr);
	return skt_vacancy_ip(SKT_PROTO_TCP, &addr, 1, false, err);
}

/* Both addresses of that port together. */
static int vacancy_of_both(const char *one, const char *two, unsigned port, struct skt_error *err)
{
	struct skt_addr addr[2];

	address(one, port, &addr[0]);
	address(two, port, &addr[1]);
	return skt_vacancy_ip(SKT_PROTO_TCP, addr, 2, false, err);
}

static void a_free_port_is_vacant_and_stays_so(void **state)
{
	struct skt_error err = { 0 };
	unsigned port = free_port();
	int fd;

	(void)state;
	SUPPORT_OK(vacancy_of("127.0.0.1", port, &err), &err);
	SUPPORT_OK(vacancy_of("127.0.0.1", port, NULL), &err);
	SUPPORT_OK(vacancy_of("0.0.0.0", port, &err), &err);
	if (has_six())
		SUPPORT_OK(vacancy_of_both("0.0.0.0", "::", port, &err), &err);
	fd = listen_at("0.0.0.0", port);
	(void)close(fd);
}

static void who_listens_there_or_on_every_address_is_in_the_way(void **state)
{
	static const struct {
		const char *held, *asked;
		bool v6only;
		int expected;
	} cases[] = {
		{ "127.0.0.1", "127.0.0.1", true, -SKT_E_INUSE },
		{ "127.0.0.1", "0.0.0.0", true, -SKT_E_INUSE },
		{ "0.0.0.0", "127.0.0.1", true, -SKT_E_INUSE },
		{ "127.0.0.1", "127.0.0.2", true, 0 },
		{ "127.0.0.1", "::1", true, 0 },
		{ "127.0.0.1", "::", true, 0 },
		{ "0.0.0.0", "::", true, 0 },
		{ "::1", "::1", true, -SKT_E_INUSE },
		{ "::1", "::", true, -SKT_E_INUSE },
		{ "::1", "127.0.0.1", true, 0 },
		{ "::", "::1", true, -SKT_E_INUSE },
		{ "::", "127.0.0.1", true, 0 },
		{ "::", "0.0.0.0", true, 0 },
		{ "::", "127.0.0.1", false, -SKT_E_INUSE },
		{ "::", "0.0.0.0", false, -SKT_E_INUSE },
		{ "::", "::1", false, -SKT_E_INUSE },
		{ "::ffff:127.0.0.1", "127.0.0.1", false, -SKT_E_INUSE },
		{ "::ffff:127.0.0.1", "127.0.0.2", false, 0 },
		{ "::ffff:127.0.0.1", "::1", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases); i++)
		for (int listens = 0; listens < 2; listens++) {
			unsigned port = free_port();
			bool is_six = strchr(cases[i].held, ':') || strchr(cases[i].asked, ':');
			int fd, got;

			if ((!listens && !tells_bound()) || (is_six && !has_six()))
				continue;
			fd = try_bind(cases[i].held, port, SOCK_STREAM, cases[i].v6only);
			assert_true(fd >= 0);
			assert_true(!listens || listen(fd, 1) == 0);
			got = vacancy_of(cases[i].asked, port, NULL);
			if (got != cases[i].expected)
				fail_msg("%s%s, and asked for %s: %d", cases[i].held, listens ? " listens" : "",
					 cases[i].asked, got);
			(void)close(fd);
		}
}

static void the_address_that_is_in_use_is_named(void **state)
{
	struct skt_error err = { 0 };
	unsigned port = free_port();
	int fd = listen_at("127.0.0.2", port);
	char expected[TEXT];

	(void)state;
	assert_int_equal(vacancy_of_both("127.0.0.1", "127.0.0.2", port, &err), -SKT_E_INUSE);
	assert_int_equal(err.kind, SKT_E_INUSE);
	assert_int_equal(err.sys, EADDRINUSE);
	(void)snprintf(expected, sizeof(expected), "address in use: 127.0.0.2:%u", port);
	assert_string_equal(err.text, expected);
	assert_int_equal(vacancy_of_both("127.0.0.2", "127.0.0.1", port, &err), -SKT_E_INUSE);
	(void)close(fd);
	fd = bind_at("127.0.0.2", port, SOCK_STREAM); /* now the table alone knows */
	if (tells_bound())
		assert_int_equal(vacancy_of_both("127.0.0.1", "127.0.0.2", port, &err), -SKT_E_INUSE);
	(void)close(fd);
}

static void each_protocol_has_ports_of_its_own(void **state)
{
	static const struct {
		enum skt_proto asked;
		int type, expected;
	} cases[] = {
		{ SKT_PROTO_TCP, SOCK_DGRAM, 0 },
		{ SKT_PROTO_UDP, SOCK_STREAM, 0 },
		{ SKT_PROTO_UDP, SOCK_DGRAM, -SKT_E_INUSE },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases); i++) {
		struct skt_addr addr;
		unsigned port = free_port();
		int fd = bind_at("127.0.0.1", port, cases[i].type);

		if (cases[i].type == SOCK_STREAM)
			assert_int_equal(listen(fd, 1), 0);
		address("127.0.0.1", port, &addr);
		assert_int_equal(skt_vacancy_ip(cases[i].asked, &addr, 1, false, NULL), cases[i].expected);
		fails_with = EACCES; /* the table alone says the same */
		skt_sys.bind = bind_fails;
		assert_int_equal(skt_vacancy_ip(cases[i].asked, &addr, 1, false, NULL), cases[i].expected);
		skt_sys.bind = support_calls.bind;
		(void)close(fd);
	}
}

static void what_is_left_of_connections_is_not_in_the_way(void **state)
{
	struct skt_addr addr;
	struct skt_error err = { 0 };
	int listening = listen_at("127.0.0.1", 0), client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), server;

	(void)state;
	assert_int_equal(skt_addr_of_local(listening, &addr), 0);
	assert_int_equal(connect(client, &addr.sa, addr.len), 0);
	server = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	assert_true(server >= 0);
	(void)close(listening);
	(void)close(server); /* who closes first keeps TIME_WAIT */
	(void)close(client);
	wait_for_time_wait(skt_addr_port(&addr));
	SUPPORT_OK(skt_vacancy_ip(SKT_PROTO_TCP, &addr, 1, false, &err), &err);
}

static void a_foreign_address_is_a_usage_error(void **state)
{
	struct skt_error err = { 0 };

	(void)state;
	assert_int_equal(vacancy_of("192.0.2.7", free_port(), &err), -SKT_E_USAGE);
	says(err.text, "192.0.2.7");
	says(err.text, "is not an address of this machine");
}

/* --- failures on demand ------------------------------------------------------------------------------------------- */

static void a_family_that_is_missing_is_left_out_while_another_is_there(void **state)
{
	struct skt_error err = { 0 };
	unsigned port = free_port();
	int fd;

	(void)state;
	skt_sys.socket = socket_without_six;
	SUPPORT_OK(vacancy_of_both("127.0.0.1", "::1", port, &err), &err);
	SUPPORT_OK(vacancy_of_both("::1", "127.0.0.1", port, &err), &err);
	assert_true(vacancy_of("::1", port, &err) < 0);
	assert_true(vacancy_of_both("::1", "::2", port, &err) < 0);
	fd = listen_at("127.0.0.1", port);
	assert_int_equal(vacancy_of_both("::1", "127.0.0.1", port, &err), -SKT_E_INUSE);
	(void)close(fd);
}

static void where_binding_is_not_allowed_the_table_decides(void **state)
{
	static const int refusals[] = { EACCES, EPERM };
	struct skt_error err = { 0 };
	unsigned port = free_port();

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(refusals); i++) {
		int fd;

		fails_with = refusals[i];
		skt_sys.bind = bind_fails;
		SUPPORT_OK(vacancy_of("127.0.0.1", port, &err), &err);
		fd = listen_at("127.0.0.1", port);
		assert_int_equal(vacancy_of("127.0.0.1", port, &err), -SKT_E_INUSE);
		(void)close(fd);
	}
}

static void what_is_vacant_and_not_for_us_is_denied_where_that_counts(void **state)
{
	struct skt_addr addr;
	struct skt_error err = { 0 };
	int fd;

	(void)state;
	address("127.0.0.1", free_port(), &addr);
	SUPPORT_OK(skt_vacancy_ip(SKT_PROTO_TCP, &addr, 1, true, &err), &err);
	fails_with = EACCES;
	skt_sys.bind = bind_fails;
	assert_int_equal(skt_vacancy_ip(SKT_PROTO_TCP, &addr, 1, true, &err), -SKT_E_DENIED);
	assert_int_equal(err.kind, SKT_E_DENIED);
	assert_int_equal(skt_vacancy_ip(SKT_PROTO_TCP, &addr, 1, true, NULL), -SKT_E_DENIED);
	fd = listen_at("127.0.0.1", skt_addr_port(&addr));
	assert_int_equal(skt_vacancy_ip(SKT_PROTO_TCP, &addr, 1, true, &err), -SKT_E_INUSE);
	(void)close(fd);
}

static void other_failures_of_binding_are_told(void **state)
{
	struct skt_error err = { 0 };

	(void)state;
	fails_with = EMFILE;
	skt_sys.socket = socket_fails;
	assert_int_equal(vacancy_of("127.0.0.1", free_port(), &err), -SKT_E_LIMIT);
	assert_int_equal(err.sys, EMFILE);
	assert_int_equal(skt_vacancy_unix("/x", SOCK_STREAM, &err), -SKT_E_LIMIT);
	assert_int_equal(skt_vacancy_unix("@x", SOCK_STREAM, &err), -SKT_E_LIMIT);
}

static bool no_memory(void)
{
	return true;
}

static void without_memory_nothing_is_called_vacant(void **state)
{
	struct skt_error err = { 0 };
	unsigned port = free_port();
	int ret, fd = listen_at("127.0.0.2", port);

	(void)state;
	skt_alloc_fails = no_memory;
	ret = vacancy_of("127.0.0.1", port, &err);
	skt_alloc_fails = NULL;
	assert_int_equal(ret, -SKT_E_LIMIT);
	(void)close(fd);
}

/* --- unix --------------------------------------------------------------------------------------------------------- */

static void a_path_is_vacant_but_for_the_life_of_its_socket(void **state)
{
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };
	char dir[SUPPORT_PATH], path[SUPPORT_PATH];
	struct skt_error err = { 0 };

	(void)state;
	support_dir(dir);
	support_join(dir, "x", path);
	for (size_t i = 0; i < SKT_LENGTH(types); i++)
		for (size_t k = 0; k < SKT_LENGTH(types); k++) {
			int fd;

			SUPPORT_OK(skt_vacancy_unix(path, types[k], &err), &err);
			fd = unix_bind(path, types[i]);
			assert_int_equal(skt_vacancy_unix(path, types[k], &err), -SKT_E_INUSE);
			says(err.text, path);
			if (types[i] != SOCK_DGRAM)
				assert_int_equal(listen(fd, 0), 0);
			assert_int_equal(skt_vacancy_unix(path, types[k], &err), -SKT_E_INUSE);
			(void)close(fd);
			SUPPORT_OK(skt_vacancy_unix(path, types[k], &err), &err); /* its file is left */
			assert_int_equal(unlink(path), 0);
		}
	(void)rmdir(dir);
}

/* Asking must not become a client. */
static void who_listens_on_a_path_is_not_bothered(void **state)
{
	char dir[SUPPORT_PATH], path[SUPPORT_PATH];
	int fd;

	(void)state;
	support_dir(dir);
	support_join(dir, "x", path);
	fd = unix_listen(path);
	support_nonblock(fd);
	assert_int_equal(skt_vacancy_unix(path, SOCK_STREAM, NULL), -SKT_E_INUSE);
	assert_int_equal(accept(fd, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);
	(void)close(fd);
	(void)unlink(path);
	(void)rmdir(dir);
}

static void what_is_no_socket_is_never_vacant(void **state)
{
	char dir[SUPPORT_PATH], path[SUPPORT_PATH];
	struct skt_error err = { 0 };
	int fd;

	(void)state;
	support_dir(dir);
	support_join(dir, "file", path);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(skt_vacancy_unix(path, SOCK_STREAM, &err), -SKT_E_INUSE);
	says(err.text, "exists, and is not a socket");
	says(err.hint, "another path");
	assert_int_equal(skt_vacancy_unix(dir, SOCK_STREAM, &err), -SKT_E_INUSE);
	(void)unlink(path);
	assert_int_equal(symlink("nowhere", path), 0);
	assert_int_equal(skt_vacancy_unix(path, SOCK_STREAM, &err), -SKT_E_INUSE); /* bind(2) does not follow it */
	(void)unlink(path);
	(void)rmdir(dir);
}

static void a_path_that_cannot_be_is_a_usage_error(void **state)
{
	char long_path[TEXT];
	struct skt_error err = { 0 };

	(void)state;
	memset(long_path, 'x', sizeof(long_path));
	long_path[0] = '/';
	long_path[108] = '\0'; /* one byte too many */
	assert_int_equal(skt_vacancy_unix(long_path, SOCK_STREAM, &err), -SKT_E_USAGE);
	says(err.text, "longer than 107 bytes");
	assert_int_equal(skt_vacancy_unix("/dev/null/x", SOCK_STREAM, &err), -SKT_E_USAGE);
	says(err.text, "no such directory");
	assert_int_equal(skt_vacancy_unix("/nonexistent/x", SOCK_STREAM, &err), -SKT_E_USAGE);
	says(err.text, "no such directory");
	assert_int_equal(skt_vacancy_unix("/x", SOCK_STREAM, &err), 0);
	assert_int_equal(skt_vacancy_unix("x", SOCK_STREAM, &err), 0);
}

static void a_datagram_socket_that_talks_to_another_one_holds_its_path(void **state)
{
	char dir[SUPPORT_PATH], one[SUPPORT_PATH], two[SUPPORT_PATH];
	struct skt_addr to;
	int a, b;

	(void)state;
	support_dir(dir);
	support_join(dir, "1", one);
	support_join(dir, "2", two);
	a = unix_bind(one, SOCK_DGRAM);
	b = unix_bind(two, SOCK_DGRAM);
	assert_int_equal(skt_addr_from_path(two, &to), 0);
	assert_int_equal(connect(a, &to.sa, to.len), 0);
	assert_int_equal(skt_vacancy_unix(one, SOCK_DGRAM, NULL), -SKT_E_INUSE);
	(void)close(a);
	(void)close(b);
	(void)unlink(one);
	(void)unlink(two);
	(void)rmdir(dir);
}

static void a_path_that_we_may_not_ask_is_denied(void **state)
{
	struct skt_error err = { 0 };

	(void)state;
	fails_with = EACCES;
	skt_sys.connect = connect_fails;
	assert_int_equal(skt_vacancy_unix("/x", SOCK_STREAM, &err), -SKT_E_DENIED);
	says(err.text, "/x");
}

static void each_type_has_abstract_names_of_its_own(void **state)
{
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };
	struct skt_error err = { 0 };
	char name[64];

	(void)state;
	(void)snprintf(name, sizeof(name), "@soket-unit-vacancy-%d", (int)getpid());
	for (size_t i = 0; i < SKT_LENGTH(types); i++) {
		int fd = unix_bind(name, types[i]);

		for (size_t k = 0; k < SKT_LENGTH(types); k++)
			assert_int_equal(skt_vacancy_unix(name, types[k], &err), k == i ? -SKT_E_INUSE : 0);
		(void)close(fd);
		SUPPORT_OK(skt_vacancy_unix(name, types[i], &err), &err);
	}
}

/* --- vsock -------------------------------------------------------------------------------------------------------- */

static void a_vsock_port_is_vacant_but_while_it_is_bound(void **state)
{
	struct sockaddr_vm vm = { .svm_family = AF_VSOCK, .svm_port = VMADDR_PORT_ANY, .svm_cid = VMADDR_CID_ANY };
	socklen_t len = sizeof(vm);
	struct skt_addr addr;
	struct skt_error err = { 0 };
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	if (fd < 0)
		skip();
	assert_int_equal(bind(fd, (struct sockaddr *)&vm, sizeof(vm)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&vm, &len), 0);
	skt_addr_from_vsock(VMADDR_CID_ANY, vm.svm_port, &addr);
	assert_int_equal(skt_vacancy_vsock(&addr, &err), -SKT_E_INUSE);
	(void)close(fd);
	SUPPORT_OK(skt_vacancy_vsock(&addr, &err), &err);
}

static void a_kernel_without_vsock_is_told(void **state)
{
	struct skt_addr addr;
	struct skt_error err = { 0 };

	(void)state;
	skt_addr_from_vsock(VMADDR_CID_ANY, 5000, &addr);
	fails_with = EAFNOSUPPORT;
	skt_sys.socket = socket_fails;
	assert_int_equal(skt_vacancy_vsock(&addr, &err), -SKT_E_REFUSED);
	assert_int_equal(err.sys, EAFNOSUPPORT);
	says(err.hint, "module vsock");
	fails_with = EMFILE;
	assert_int_equal(skt_vacancy_vsock(&addr, &err), -SKT_E_LIMIT);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SUPPORT_TEST(a_free_port_is_vacant_and_stays_so),
		SUPPORT_TEST(who_listens_there_or_on_every_address_is_in_the_way),
		SUPPORT_TEST(the_address_that_is_in_use_is_named),
		SUPPORT_TEST(each_protocol_has_ports_of_its_own),
		SUPPORT_TEST(what_is_left_of_connections_is_not_in_the_way),
		SUPPORT_TEST(a_foreign_address_is_a_usage_error),
		SUPPORT_TEST(a_family_that_is_missing_is_left_out_while_another_is_there),
		SUPPORT_TEST(where_binding_is_not_allowed_the_table_decides),
		SUPPORT_TEST(what_is_vacant_and_not_for_us_is_denied_where_that_counts),
		SUPPORT_TEST(other_failures_of_binding_are_told),
		SUPPORT_TEST(without_memory_nothing_is_called_vacant),
		SUPPORT_TEST(a_path_is_vacant_but_for_the_life_of_its_socket),
		SUPPORT_TEST(who_listens_on_a_path_is_not_bothered),
		SUPPORT_TEST(what_is_no_socket_is_never_vacant),
		SUPPORT_TEST(a_path_that_cannot_be_is_a_usage_error),
		SUPPORT_TEST(a_datagram_socket_that_talks_to_another_one_holds_its_path),
		SUPPORT_TEST(a_path_that_we_may_not_ask_is_denied),
		SUPPORT_TEST(each_type_has_abstract_names_of_its_own),
		SUPPORT_TEST(a_vsock_port_is_vacant_but_while_it_is_bound),
		SUPPORT_TEST(a_kernel_without_vsock_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

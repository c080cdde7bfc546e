/* SPDX-License-Identifier: Apache-2.0 */
/* Errors of listening and dialling, explained with who is in the way. That is this test itself, or its child. */
#include "holding.h"

#include <sched.h>
#include <sys/prctl.h>

#include "sys/proc.h"

enum { NOBODY = 65534 };

/* --- listening failed --------------------------------------------------------------------------------------------- */

/* What a transport would have said. */
static struct skt_error failure(enum skt_err kind, int sys)
{
	struct skt_error ret = { 0 };

	(void)skt_fail(&ret, kind, sys, "what was said first");
	skt_hint(&ret, "what was hinted first");
	return ret;
}

static void explain(const struct skt_endpoint *e, struct skt_error *ret)
{
	*ret = failure(SKT_E_INUSE, EADDRINUSE);
	skt_holder_explain(e, ret);
	assert_int_equal(ret->kind, SKT_E_INUSE);
	assert_int_equal(ret->sys, EADDRINUSE);
}

static void check_untouched(const struct skt_error *err, enum skt_err kind, int sys)
{
	struct skt_error expected = failure(kind, sys);

	if (memcmp(err, &expected, sizeof(expected)) != 0)
		fail_msg("kind %d, errno %d became: %s; %s", (int)kind, sys, err->text, err->hint);
}

/* "held by test_holder (pid 7, you)", and perhaps where, comes before where it runs and since when. */
static void check_held(const struct skt_error *err, const char *address, unsigned port, const char *by)
{
	char expected[TEXT];

	(void)snprintf(expected, sizeof(expected), "address in use: %s%u is held by %s, ", address, port, by);
	if (strncmp(err->text, expected, strlen(expected)) != 0)
		fail_msg("\"%s\" does not begin with \"%s\"", err->text, expected);
}

static void a_port_in_use_is_explained_with_its_holder(void **state)
{
	struct skt_error err;
	struct skt_endpoint e;
	unsigned port = free_port(), other = 1;
	int fd = listen_at("127.0.0.1", port), end = 0;
	char take[TEXT], cwd[128], room[160];

	(void)state;
	endpoint_at("127.0.0.1:", port, &e);
	explain(&e, &err);
	check_held(&err, "tcp://127.0.0.1:", port, ourselves());
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	(void)snprintf(take, sizeof(take), ", %.90s, ", skt_holder_directory(cwd, room, sizeof(room)));
	says(err.text, take);
	(void)snprintf(take, sizeof(take), ", or: soket take %u", port);
	assert_int_equal(sscanf(err.hint, "try 127.0.0.1:%u%n", &other, &end), 1);
	assert_true(other == 0 || (other > port && other <= port + 64));
	assert_string_equal(err.hint + end, take);
	skt_endpoint_release(&e);
	(void)close(fd);
}

static void a_port_of_udp_in_use_is_explained_with_udp(void **state)
{
	struct skt_error err;
	struct skt_endpoint e;
	unsigned port = free_port();
	int fd = bind_at("127.0.0.1", port, SOCK_DGRAM);
	char take[TEXT];

	(void)state;
	endpoint_at("udp:127.0.0.1:", port, &e);
	explain(&e, &err);
	check_held(&err, "udp://127.0.0.1:", port, ourselves());
	says(err.hint, "try udp://127.0.0.1:");
	(void)snprintf(take, sizeof(take), ", or: soket take udp:%u", port);
	says(err.hint, take);
	skt_endpoint_release(&e);
	(void)close(fd);
}

/* The socket is on `there`, and what was wanted is `before`. */
static void check_in_use(const char *there, bool v6only, const char *before, const char *printed, const char *on)
{
	struct skt_error err;
	struct skt_endpoint e;
	unsigned port = free_port();
	int fd = try_bind(there, port, SOCK_STREAM, v6only);
	char by[TEXT];

	assert_true(fd >= 0);
	assert_int_equal(listen(fd, 1), 0);
	endpoint_at(before, port, &e);
	explain(&e, &err);
	if (on)
		(void)snprintf(by, sizeof(by), "%s on %s:%u", ourselves(), on, port);
	else
		(void)snprintf(by, sizeof(by), "%s", ourselves());
	check_held(&err, printed, port, by);
	skt_endpoint_release(&e);
	(void)close(fd);
}

static void another_address_that_is_in_the_way_is_said(void **state)
{
	(void)state;
	check_in_use("127.0.0.1", true, "127.0.0.1:", "tcp://127.0.0.1:", NULL);
	check_in_use("0.0.0.0", true, "127.0.0.1:", "tcp://127.0.0.1:", "0.0.0.0");
	check_in_use("127.0.0.1", true, "0.0.0.0:", "tcp://0.0.0.0:", "127.0.0.1");
	check_in_use("127.0.0.1", true, "any:", "tcp://any:", "127.0.0.1");
	if (!has_six())
		return;
	check_in_use("::1", true, "[::1]:", "tcp://[::1]:", NULL);
	check_in_use("::", true, "[::1]:", "tcp://[::1]:", "[::]");
	check_in_use("::", false, "127.0.0.1:", "tcp://127.0.0.1:", "[::]");
	check_in_use("::", false, "[::]:", "tcp://[::]:", NULL);
}

static void a_socket_that_is_not_in_the_way_explains_nothing(void **state)
{
	static const struct {
		const char *there, *before;
		int type;
	} cases[] = {
		{ "127.0.0.2", "127.0.0.1:", SOCK_STREAM },
		{ "127.0.0.1", "[::1]:", SOCK_STREAM },
		{ "::", "127.0.0.1:", SOCK_STREAM },
		{ "127.0.0.1", "127.0.0.1:", SOCK_DGRAM },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases); i++) {
		struct skt_error err;
		struct skt_endpoint e;
		unsigned port = free_port();
		int fd;

		if (strchr(cases[i].there, ':') && !has_six())
			continue;
		fd = bind_at(cases[i].there, port, cases[i].type);
		if (cases[i].type == SOCK_STREAM)
			assert_int_equal(listen(fd, 1), 0);
		endpoint_at(cases[i].before, port, &e);
		explain(&e, &err);
		check_untouched(&err, SKT_E_INUSE, EADDRINUSE);
		skt_endpoint_release(&e);
		(void)close(fd);
	}
}

static void who_listens_is_named_before_who_is_bound(void **state)
{
	struct skt_error err;
	struct skt_endpoint e;
	unsigned port = free_port();
	int one = bind_at("127.0.0.1", port, SOCK_STREAM), two = bind_at("127.0.0.2", port, SOCK_STREAM);
	char by[TEXT];

	(void)state;
	if (!tells_bound())
		skip();
	endpoint_at("any:", port, &e);
	for (int i = 1; i <= 2; i++) {
		assert_int_equal(listen(i == 1 ? one : two, 1), 0);
		explain(&e, &err);
		(void)snprintf(by, sizeof(by), "%s on 127.0.0.%d:%u", ourselves(), i, port);
		check_held(&err, "tcp://any:", port, by);
		if (i == 1) { /* so that the order of the table cannot decide */
			(void)close(one);
			one = bind_at("127.0.0.1", port, SOCK_STREAM);
		}
	}
	(void)close(two);
	explain(&e, &err); /* who is merely bound holds it too */
	(void)snprintf(by, sizeof(by), "%s on 127.0.0.1:%u", ourselves(), port);
	check_held(&err, "tcp://any:", port, by);
	skt_endpoint_release(&e);
	(void)close(one);
}

static void a_connection_that_outlives_its_listener_is_called_one(void **state)
{
	struct skt_addr addr;
	struct skt_error err;
	struct skt_endpoint e;
	int pair[2];
	char by[TEXT];

	(void)state;
	support_tcp(pair);
	assert_int_equal(skt_addr_of_local(pair[0], &addr), 0);
	endpoint_at("127.0.0.1:", skt_addr_port(&addr), &e);
	explain(&e, &err);
	(void)snprintf(by, sizeof(by), "a connection of %s", ourselves());
	check_held(&err, "tcp://127.0.0.1:", (unsigned)e.port, by);
	(void)snprintf(by, sizeof(by), "soket close port=%d", e.port);
	says(err.hint, by);
	skt_endpoint_release(&e);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

static void what_is_left_of_connections_is_said_to_end_by_itself(void **state)
{
	struct skt_addr addr;
	struct skt_error err;
	struct skt_endpoint e;
	int pair[2];
	char expected[TEXT];

	(void)state;
	support_tcp(pair);
	assert_int_equal(skt_addr_of_local(pair[0], &addr), 0);
	(void)close(pair[0]); /* who closes first keeps TIME_WAIT */
	(void)close(pair[1]);
	wait_for_time_wait(skt_addr_port(&addr));
	endpoint_at("127.0.0.1:", skt_addr_port(&addr), &e);
	explain(&e, &err);
	(void)snprintf(expected, sizeof(expected),
		       "address in use: connections that have ended hold tcp://127.0.0.1:%d for up to a minute", e.port);
	assert_string_equal(err.text, expected);
	(void)snprintf(expected, sizeof(expected), ", or wait until it is free: soket wait --free tcp://127.0.0.1:%d",
		       e.port);
	says(err.hint, expected);
	says(err.hint, "try 127.0.0.1:");
	skt_endpoint_release(&e);
}

static void a_connection_is_named_before_what_is_left_of_others(void **state)
{
	enum { ENDED = 6 };
	struct skt_error err;
	struct skt_endpoint e;
	struct skt_addr addr;
	unsigned port;
	int listening = support_listen(ENDED + 1, &port), server[ENDED + 1], client[ENDED + 1];
	char by[TEXT];

	(void)state;
	assert_int_equal(skt_addr_of_local(listening, &addr), 0);
	for (int i = 0; i <= ENDED; i++) {
		client[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(client[i], &addr.sa, addr.len), 0);
		server[i] = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
		assert_true(server[i] >= 0);
	}
	(void)close(listening);
	for (int i = 0; i < ENDED; i++) {
		(void)close(server[i]);
		(void)close(client[i]);
	}
	endpoint_at("127.0.0.1:", port, &e);
	explain(&e, &err);
	(void)snprintf(by, sizeof(by), "a connection of %s", ourselves());
	check_held(&err, "tcp://127.0.0.1:", port, by);
	skt_endpoint_release(&e);
	(void)close(server[ENDED]);
	(void)close(client[ENDED]);
}

/* A path of that many bytes or so, held by us. */
static void check_path_in_use(const char *name, bool takes)
{
	char dir[SUPPORT_PATH], path[SUPPORT_PATH], text[TEXT], expected[TEXT];
	struct skt_error err;
	struct skt_endpoint e;
	int fd;

	support_dir(dir);
	support_join(dir, name, path);
	fd = unix_listen(path);
	(void)snprintf(text, sizeof(text), "unix:%s", path);
	endpoint(text, &e);
	explain(&e, &err);
	(void)snprintf(expected, sizeof(expected), "address in use: unix:%.75s", path);
	says(err.text, expected);
	(void)snprintf(expected, sizeof(expected), " is held by %s", ourselves());
	says(err.text, expected);
	(void)snprintf(expected, sizeof(expected), "choose another path, or: soket take %s", path);
	assert_string_equal(err.hint, takes ? expected : "choose another path, or stop the program that listens there");
	skt_endpoint_release(&e);
	(void)close(fd);
	(void)unlink(path);
	(void)rmdir(dir);
}

static void a_path_in_use_is_explained_with_its_holder(void **state)
{
	(void)state;
	check_path_in_use("x.sock", true);
	check_path_in_use("a-name-so-long-that-with-its-directory-it-has-80-bytes-abcd", false);
}

static void a_port_that_only_root_may_have_is_explained(void **state)
{
	long first = skt_proc_number("sys/net/ipv4/ip_unprivileged_port_start", 0);
	struct skt_error err = failure(SKT_E_DENIED, EACCES);
	struct skt_endpoint e;
	char expected[TEXT];

	(void)state;
	if (first <= 1 || first > 65535)
		skip();
	endpoint_at("127.0.0.1:", (unsigned)first - 1, &e);
	skt_holder_explain(&e, &err);
	assert_int_equal(err.kind, SKT_E_DENIED);
	assert_int_equal(err.sys, EACCES);
	(void)snprintf(expected, sizeof(expected),
		       "permission denied: tcp://127.0.0.1:%ld is below port %ld, where only root may listen",
		       first - 1, first);
	assert_string_equal(err.text, expected);
	(void)snprintf(expected, sizeof(expected),
		       ", or run it as root, or: sudo sysctl net.ipv4.ip_unprivileged_port_start=%ld", first - 1);
	says(err.hint, expected);
	says(err.hint, "try 127.0.0.1:");
	skt_endpoint_release(&e);
	endpoint_at("127.0.0.1:", (unsigned)first, &e); /* that one everybody may have */
	err = failure(SKT_E_DENIED, EACCES);
	skt_holder_explain(&e, &err);
	check_untouched(&err, SKT_E_DENIED, EACCES);
	skt_endpoint_release(&e);
}

static void other_errors_of_listening_stay_as_they_are(void **state)
{
	static const struct {
		const char *text;
		enum skt_err kind;
	} cases[] = {
		{ NULL, SKT_E_IO },        { NULL, SKT_E_USAGE },       { NULL, SKT_E_RESOLVE },
		{ NULL, SKT_E_REFUSED },   { NULL, SKT_E_TIMEOUT },     { NULL, SKT_E_LIMIT },
		{ NULL, SKT_E_PEER },      { NULL, SKT_E_CHILD },       { NULL, SKT_E_BUG },
		{ NULL, SKT_E_DENIED },    { "unix:/x", SKT_E_DENIED }, { "unix:/nonexistent/x", SKT_E_INUSE },
		{ "exec:x", SKT_E_INUSE }, { "exec:x", SKT_E_DENIED },  { "127.0.0.1:0", SKT_E_DENIED },
	};
	unsigned port = free_port();
	int fd = listen_at("127.0.0.1", port);

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases); i++) {
		struct skt_error err = failure(cases[i].kind, EADDRINUSE);
		struct skt_endpoint e;

		if (cases[i].text)
			endpoint(cases[i].text, &e);
		else
			endpoint_at("127.0.0.1:", port, &e);
		skt_holder_explain(&e, &err);
		check_untouched(&err, cases[i].kind, EADDRINUSE);
		skt_endpoint_release(&e);
	}
	(void)close(fd);
}

/* --- dialling failed ---------------------------------------------------------------------------------------------- */

static void explain_dial(const char *before, unsigned port, struct skt_error *ret)
{
	struct skt_endpoint e;

	endpoint_at(before, port, &e);
	*ret = failure(SKT_E_REFUSED, ECONNREFUSED);
	skt_holder_explain_dial(&e, NULL, ret);
	assert_int_equal(ret->kind, SKT_E_REFUSED);
	assert_int_equal(ret->sys, ECONNREFUSED);
	skt_endpoint_release(&e);
}

static void a_port_that_nobody_has_is_said_to_be_nobodys(void **state)
{
	struct skt_error err;
	unsigned port = free_port();
	char expected[TEXT];

	(void)state;
	explain_dial("127.0.0.1:", port, &err);
	(void)snprintf(expected, sizeof(expected),
		       "connection refused: nothing listens on tcp://127.0.0.1:%u, nor on port %u of any address here",
		       port, port);
	assert_string_equal(err.text, expected);
	(void)snprintf(expected, sizeof(expected), "\"soket wait tcp://127.0.0.1:%u\"", port);
	says(err.hint, expected);
}

/* We listen on `there`; `before` was dialled and refused. */
static void check_other(const char *there, const char *before, const char *address, const char *printed, const char *hint)
{
	struct skt_error err;
	unsigned port = free_port();
	int fd = listen_at(there, port);
	char expected[TEXT];

	explain_dial(before, port, &err);
	(void)snprintf(expected, sizeof(expected), "refused: nobody listens on %s%u; %s listens on %s:%u", address,
		       port, ourselves(), printed, port);
	assert_string_equal(err.text, expected);
	(void)snprintf(expected, sizeof(expected), "try: soket connect %s:%u", hint, port);
	assert_string_equal(err.hint, expected);
	(void)close(fd);
}

static void who_listens_on_another_address_is_named_with_it(void **state)
{
	(void)state;
	check_other("127.0.0.2", "127.0.0.1:", "tcp://127.0.0.1:", "127.0.0.2", "127.0.0.2");
	check_other("127.0.0.2", "localhost:", "tcp://localhost:", "127.0.0.2", "127.0.0.2");
	if (!has_six())
		return;
	check_other("::1", "127.0.0.1:", "tcp://127.0.0.1:", "[::1]", "[::1]");
	check_other("::", "127.0.0.1:", "tcp://127.0.0.1:", "[::]", "[::1]");
	check_other("::1", "tcp4::", "tcp4://:", "[::1]", "[::1]");
	check_other("127.0.0.1", "[::1]:", "tcp://[::1]:", "127.0.0.1", "127.0.0.1");
	check_other("0.0.0.0", "[::1]:", "tcp://[::1]:", "0.0.0.0", "127.0.0.1");
}

static void who_is_bound_and_does_not_listen_is_waited_for(void **state)
{
	struct skt_error err;
	unsigned port = free_port();
	int fd = bind_at("127.0.0.1", port, SOCK_STREAM);
	char expected[TEXT];

	(void)state;
	if (!tells_bound())
		skip();
	explain_dial("127.0.0.1:", port, &err);
	(void)snprintf(expected, sizeof(expected),
		       "refused: tcp://127.0.0.1:%u; %s has bound 127.0.0.1:%u and does not listen yet", port,
		       ourselves(), port);
	assert_string_equal(err.text, expected);
	(void)snprintf(expected, sizeof(expected), "wait until it does: soket wait tcp://127.0.0.1:%u", port);
	assert_string_equal(err.hint, expected);
	(void)close(fd);
}

static void who_is_bound_elsewhere_is_not_waited_for(void **state)
{
	struct skt_error err;
	unsigned port = free_port();
	int fd = bind_at("127.0.0.2", port, SOCK_STREAM);

	(void)state;
	explain_dial("127.0.0.1:", port, &err);
	says(err.text, "nothing listens on");
	(void)close(fd);
}

static void who_has_the_port_for_udp_alone_is_named_with_that(void **state)
{
	struct skt_error err;
	unsigned port = free_port();
	int fd = bind_at("127.0.0.1", port, SOCK_DGRAM);
	char expected[TEXT];

	(void)state;
	explain_dial("127.0.0.1:", port, &err);
	(void)snprintf(expected, sizeof(expected),
		       "refused: nobody listens on tcp://127.0.0.1:%u; %s has the port of the other protocol, "
		       "udp://127.0.0.1:%u",
		       port, ourselves(), port);
	assert_string_equal(err.text, expected);
	(void)snprintf(expected, sizeof(expected), "look at it with: soket who %u", port);
	assert_string_equal(err.hint, expected);
	(void)close(fd);
}

static void who_listens_just_there_by_now_is_named(void **state)
{
	struct skt_error err;
	unsigned port = free_port();
	int fd = listen_at("127.0.0.1", port);
	char expected[TEXT];

	(void)state;
	explain_dial("127.0.0.1:", port, &err);
	(void)snprintf(expected, sizeof(expected),
		       "refused: tcp://127.0.0.1:%u; %s listens on 127.0.0.1:%u by now, or a firewall rule rejects us",
		       port, ourselves(), port);
	assert_string_equal(err.text, expected);
	says(err.hint, "retry=5");
	(void)close(fd);
}

/* From the farthest to the nearest: each that comes is named before those that were there. */
static void the_nearest_of_all_is_named(void **state)
{
	unsigned port = free_port();
	int fd[4];
	struct skt_error err;

	(void)state;
	if (!tells_bound())
		skip();
	fd[0] = bind_at("127.0.0.1", port, SOCK_DGRAM);
	explain_dial("127.0.0.1:", port, &err);
	says(err.text, "the other protocol");
	fd[1] = bind_at("127.0.0.1", port, SOCK_STREAM);
	explain_dial("127.0.0.1:", port, &err);
	says(err.text, "does not listen yet");
	fd[2] = listen_at("127.0.0.2", port);
	explain_dial("127.0.0.1:", port, &err);
	says(err.text, "listens on 127.0.0.2:");
	fd[3] = listen_at("127.0.0.1", port);
	explain_dial("127.0.0.1:", port, &err);
	says(err.text, "by now");
	for (size_t i = 0; i < SKT_LENGTH(fd); i++)
		(void)close(fd[i]);
}

static void other_errors_of_dialling_stay_as_they_are(void **state)
{
	static const struct {
		const char *before;
		enum skt_err kind;
		int sys;
	} cases[] = {
		{ "127.0.0.1:", SKT_OK, ECONNREFUSED },           { "127.0.0.1:", SKT_E_IO, ECONNREFUSED },
		{ "127.0.0.1:", SKT_E_USAGE, ECONNREFUSED },      { "127.0.0.1:", SKT_E_RESOLVE, ECONNREFUSED },
		{ "127.0.0.1:", SKT_E_TIMEOUT, ECONNREFUSED },    { "127.0.0.1:", SKT_E_DENIED, ECONNREFUSED },
		{ "127.0.0.1:", SKT_E_LIMIT, ECONNREFUSED },      { "127.0.0.1:", SKT_E_PEER, ECONNREFUSED },
		{ "127.0.0.1:", SKT_E_REFUSED, EHOSTUNREACH },    { "127.0.0.1:", SKT_E_REFUSED, 0 },
		{ "192.0.2.7:", SKT_E_REFUSED, ECONNREFUSED },    { "[2001:db8::7]:", SKT_E_REFUSED, ECONNREFUSED },
		{ "example.org:", SKT_E_REFUSED, ECONNREFUSED },  { "exec:true ", SKT_E_REFUSED, ECONNREFUSED },
		{ "unix:/nonexistent/x", SKT_E_REFUSED, ENOENT },
	};
	unsigned port = free_port();
	int fd = listen_at("127.0.0.1", port);

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases); i++) {
		struct skt_error err = failure(cases[i].kind, cases[i].sys);
		struct skt_endpoint e;

		if (cases[i].before[strlen(cases[i].before) - 1] == ':')
			endpoint_at(cases[i].before, port, &e);
		else
			endpoint(cases[i].before, &e);
		skt_holder_explain_dial(&e, NULL, &err);
		check_untouched(&err, cases[i].kind, cases[i].sys);
		skt_endpoint_release(&e);
	}
	(void)close(fd);
}

static void explain_name(const char *name, struct skt_error *ret)
{
	char text[TEXT];
	struct skt_endpoint e;

	(void)snprintf(text, sizeof(text), "unix:%s", name);
	endpoint(text, &e);
	*ret = failure(SKT_E_REFUSED, ECONNREFUSED);
	skt_holder_explain_dial(&e, NULL, ret);
	assert_int_equal(ret->kind, SKT_E_REFUSED);
	assert_int_equal(ret->sys, ECONNREFUSED);
	skt_endpoint_release(&e);
}

static void a_path_tells_who_is_behind_it_from_its_beginning_to_its_end(void **state)
{
	char dir[SUPPORT_PATH], path[SUPPORT_PATH], expected[TEXT];
	struct skt_error err;
	int fd;

	(void)state;
	support_dir(dir);
	support_join(dir, "x", path);
	fd = unix_bind(path, SOCK_STREAM);
	explain_name(path, &err);
	(void)snprintf(expected, sizeof(expected), "refused: %s has bound %s and does not listen yet", ourselves(), path);
	assert_string_equal(err.text, expected);
	(void)snprintf(expected, sizeof(expected), "wait until it does: soket wait %s", path);
	assert_string_equal(err.hint, expected);
	assert_int_equal(listen(fd, 1), 0);
	explain_name(path, &err); /* by now it would not be refused: nothing is known */
	check_untouched(&err, SKT_E_REFUSED, ECONNREFUSED);
	(void)close(fd);
	explain_name(path, &err);
	(void)snprintf(expected, sizeof(expected),
		       "refused: nobody listens on %s: the file was left behind by a program that has ended", path);
	assert_string_equal(err.text, expected);
	says(err.hint, "start the server again");
	(void)unlink(path);
	(void)rmdir(dir);
}

static void an_abstract_name_that_nobody_has_is_said_to_be_nobodys(void **state)
{
	char name[64], expected[TEXT];
	struct skt_error err;

	(void)state;
	(void)snprintf(name, sizeof(name), "@soket-unit-nobody-%d", (int)getpid());
	explain_name(name, &err);
	(void)snprintf(expected, sizeof(expected), "refused: nobody has the name %s", name);
	assert_string_equal(err.text, expected);
	says(err.hint, "network namespace");
}

/* --- before rights are dropped ------------------------------------------------------------------------------------ */

static void check_nothing_foreseen(const char *text)
{
	static const struct skt_holders nothing;
	struct skt_holders before;
	struct skt_endpoint e;

	memset(&before, 0xff, sizeof(before));
	endpoint(text, &e);
	skt_holder_foresee(&e, &before);
	if (memcmp(&before, &nothing, sizeof(nothing)) != 0)
		fail_msg("something was foreseen of %s", text);
	skt_holders_release(&before);
	skt_endpoint_release(&e);
}

static void nothing_is_foreseen_where_all_is_well_or_far(void **state)
{
	static const char *const elsewhere[] = { "192.0.2.7:80", "example.org:80", "unix:/x", "unix:@x",
						 "exec:cat",     "vsock:2:80",     "udp::53" };
	char text[TEXT];
	unsigned port;
	int fd = support_listen(1, &port);

	(void)state;
	(void)snprintf(text, sizeof(text), "127.0.0.1:%u", port);
	check_nothing_foreseen(text);
	(void)snprintf(text, sizeof(text), "localhost:%u", port);
	check_nothing_foreseen(text);
	for (size_t i = 0; i < SKT_LENGTH(elsewhere); i++)
		check_nothing_foreseen(elsewhere[i]);
	(void)close(fd);
}

static void foresee_at(unsigned port, struct skt_endpoint *e, struct skt_holders *ret)
{
	endpoint_at("127.0.0.1:", port, e);
	skt_holder_foresee(e, ret);
}

static void who_is_near_is_foreseen(void **state)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM };

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(types); i++) {
		struct skt_holders before;
		struct skt_endpoint e;
		unsigned port = free_port();
		int fd = bind_at("127.0.0.2", port, types[i]);

		if (types[i] == SOCK_STREAM)
			assert_int_equal(listen(fd, 1), 0);
		foresee_at(port, &e, &before);
		check_words(&before, NULL, the_bound(&before), ourselves());
		skt_holders_release(&before);
		skt_endpoint_release(&e);
		(void)close(fd);
	}
}

/* A child that listens, and hides from other processes of its user when a byte comes. Returns the port. */
static unsigned hiding_begin(struct child *c)
{
	unsigned port = free_port();
	int fd = listen_at("127.0.0.2", port), hold[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, hold), 0);
	c->pid = fork();
	if (c->pid == 0) {
		(void)close(hold[1]);
		child_wait(hold[0]);
		(void)prctl(PR_SET_DUMPABLE, 0);
		(void)!write(hold[0], "", 1);
		child_wait(hold[0]);
		_exit(0);
	}
	assert_true(c->pid > 0);
	(void)close(fd);
	(void)close(hold[0]);
	c->hold = hold[1];
	return port;
}

/* From here on we may not look at that child: its descriptors are hidden, and root becomes somebody else. */
static void blindness_begin(const struct child *c)
{
	assert_int_equal(write(c->hold, "", 1), 1);
	child_wait(c->hold);
	if (geteuid() == 0)
		assert_int_equal(seteuid(NOBODY), 0);
}

static void blindness_end(void)
{
	if (getuid() == 0) {
		assert_int_equal(seteuid(0), 0);
		assert_int_equal(prctl(PR_SET_DUMPABLE, 1), 0);
	}
}

static void what_was_foreseen_names_who_cannot_be_seen_any_more(void **state)
{
	struct child c;
	struct skt_error seen = failure(SKT_E_REFUSED, ECONNREFUSED), unseen = seen;
	struct skt_holders before;
	struct skt_endpoint e;
	unsigned port = hiding_begin(&c);
	char expected[TEXT];

	(void)state;
	foresee_at(port, &e, &before);
	blindness_begin(&c);
	skt_holder_explain_dial(&e, &before, &seen);
	skt_holder_explain_dial(&e, NULL, &unseen);
	blindness_end();
	(void)snprintf(expected, sizeof(expected), "; test_holder_exp (pid %d, %s) listens on 127.0.0.2:%u", (int)c.pid,
		       geteuid() == 0 ? "root" : "you", port);
	says(seen.text, expected);
	says(unseen.text, geteuid() == 0 ? "; a program of root, which cannot be seen listens on 127.0.0.2:"
					 : "; a program of yours, which cannot be seen from here listens on 127.0.0.2:");
	skt_holders_release(&before);
	skt_endpoint_release(&e);
	child_end(&c);
}

/* A child that listens in a network namespace of its own. Returns the port, or 0: we may not make one. */
static unsigned foreign_begin(struct child *c)
{
	unsigned port = free_port();
	int hold[2];
	char byte = 'n';

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, hold), 0);
	c->pid = fork();
	if (c->pid == 0) {
		(void)close(hold[1]);
		if (unshare(CLONE_NEWNET) == 0 && listen(try_bind("0.0.0.0", port, SOCK_STREAM, true), 1) == 0)
			byte = 'y';
		(void)!write(hold[0], &byte, 1);
		child_wait(hold[0]);
		_exit(0);
	}
	(void)close(hold[0]);
	c->hold = hold[1];
	assert_int_equal(read(c->hold, &byte, 1), 1);
	return byte == 'y' ? port : 0;
}

static void who_listens_in_another_network_namespace_is_named(void **state)
{
	struct child c;
	struct skt_error now = failure(SKT_E_REFUSED, ECONNREFUSED), foreseen = now;
	struct skt_holders before;
	struct skt_endpoint e;
	unsigned port = foreign_begin(&c);
	char expected[TEXT];

	(void)state;
	if (geteuid() != 0 || port == 0) {
		child_end(&c);
		skip();
	}
	foresee_at(port, &e, &before);
	skt_holder_explain_dial(&e, NULL, &now);
	(void)snprintf(expected, sizeof(expected),
		       "refused: nobody listens on tcp://127.0.0.1:%u; test_holder_exp (pid %d, you) listens there in another "
		       "network namespace",
		       port, (int)c.pid);
	assert_string_equal(now.text, expected);
	(void)snprintf(expected, sizeof(expected), "try: nsenter -t %d -n soket connect tcp://127.0.0.1:%u", (int)c.pid,
		       port);
	assert_string_equal(now.hint, expected);
	assert_int_equal(seteuid(NOBODY), 0); /* now that cannot be looked at */
	skt_holder_explain_dial(&e, &before, &foreseen);
	blindness_end();
	assert_string_equal(foreseen.hint, expected);
	skt_holders_release(&before);
	skt_endpoint_release(&e);
	child_end(&c);
}

static bool no_memory(void)
{
	return true;
}

static void without_memory_an_error_stays_as_it_is(void **state)
{
	struct skt_error in_use = failure(SKT_E_INUSE, EADDRINUSE), refused = failure(SKT_E_REFUSED, ECONNREFUSED);
	struct skt_holders before;
	struct skt_endpoint e;
	unsigned port;
	int fd = support_listen(1, &port);

	(void)state;
	endpoint_at("127.0.0.1:", port, &e);
	skt_alloc_fails = no_memory;
	skt_holder_explain(&e, &in_use);
	skt_holder_explain_dial(&e, NULL, &refused);
	skt_holder_foresee(&e, &before);
	skt_alloc_fails = NULL;
	check_untouched(&in_use, SKT_E_INUSE, EADDRINUSE);
	check_untouched(&refused, SKT_E_REFUSED, ECONNREFUSED);
	assert_int_equal(before.census.table.n, 0);
	skt_holders_release(&before);
	skt_endpoint_release(&e);
	(void)close(fd);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SUPPORT_TEST(a_port_in_use_is_explained_with_its_holder),
		SUPPORT_TEST(a_port_of_udp_in_use_is_explained_with_udp),
		SUPPORT_TEST(another_address_that_is_in_the_way_is_said),
		SUPPORT_TEST(a_socket_that_is_not_in_the_way_explains_nothing),
		SUPPORT_TEST(who_listens_is_named_before_who_is_bound),
		SUPPORT_TEST(a_connection_that_outlives_its_listener_is_called_one),
		SUPPORT_TEST(what_is_left_of_connections_is_said_to_end_by_itself),
		SUPPORT_TEST(a_connection_is_named_before_what_is_left_of_others),
		SUPPORT_TEST(a_path_in_use_is_explained_with_its_holder),
		SUPPORT_TEST(a_port_that_only_root_may_have_is_explained),
		SUPPORT_TEST(other_errors_of_listening_stay_as_they_are),
		SUPPORT_TEST(a_port_that_nobody_has_is_said_to_be_nobodys),
		SUPPORT_TEST(who_listens_on_another_address_is_named_with_it),
		SUPPORT_TEST(who_is_bound_and_does_not_listen_is_waited_for),
		SUPPORT_TEST(who_is_bound_elsewhere_is_not_waited_for),
		SUPPORT_TEST(who_has_the_port_for_udp_alone_is_named_with_that),
		SUPPORT_TEST(who_listens_just_there_by_now_is_named),
		SUPPORT_TEST(the_nearest_of_all_is_named),
		SUPPORT_TEST(other_errors_of_dialling_stay_as_they_are),
		SUPPORT_TEST(a_path_tells_who_is_behind_it_from_its_beginning_to_its_end),
		SUPPORT_TEST(an_abstract_name_that_nobody_has_is_said_to_be_nobodys),
		SUPPORT_TEST(nothing_is_foreseen_where_all_is_well_or_far),
		SUPPORT_TEST(who_is_near_is_foreseen),
		SUPPORT_TEST(what_was_foreseen_names_who_cannot_be_seen_any_more),
		SUPPORT_TEST(who_listens_in_another_network_namespace_is_named),
		SUPPORT_TEST(without_memory_an_error_stays_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

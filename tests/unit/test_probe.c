/* SPDX-License-Identifier: Apache-2.0 */
/* Probes: what counts as ready, what as free, and how a probe leaves. */
#include "support.h"

#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

#include "inspect/probe.h"
#include "inspect/socktable.h"

struct outcome {
	struct skt_loop *loop;
	struct skt_endpoint e;
	struct skt_probe *probe;
	struct skt_error err;
	int calls;
	bool is_good;
};

static void probed(void *user, const struct skt_error *err)
{
	struct outcome *o = user;

	o->calls++;
	o->probe = NULL;
	o->is_good = !err;
	if (err)
		o->err = *err;
}

static void outcome_begin(struct outcome *o, const char *text, enum skt_probe_want want)
{
	struct skt_error err = { 0 };

	*o = (struct outcome){ .loop = support_loop() };
	SUPPORT_OK(skt_endpoint_parse(text, &o->e, &err), &err);
	SUPPORT_OK(skt_probe_prepare(&o->e, want, &err), &err);
	SUPPORT_OK(skt_probe_new(o->loop, &o->e, want, probed, o, &o->probe, &err), &err);
	assert_int_equal(o->calls, 0); /* never from within */
}

static void outcome_release(struct outcome *o)
{
	skt_probe_free(o->probe);
	skt_endpoint_release(&o->e);
	skt_loop_free(o->loop);
}

/* Ask once: SKT_OK where it is as wanted, else the kind of what was seen. */
static enum skt_err ask(const char *text, enum skt_probe_want want)
{
	struct outcome o;
	enum skt_err kind;

	outcome_begin(&o, text, want);
	SUPPORT_UNTIL(o.loop, o.calls);
	assert_int_equal(o.calls, 1);
	assert_int_equal(o.is_good, o.err.kind == SKT_OK);
	kind = o.err.kind;
	outcome_release(&o);
	return kind;
}

static const char *at_port(unsigned port, char *ret)
{
	(void)snprintf(ret, 64, "127.0.0.1:%u", port);
	return ret;
}

/* A port of loopback that nobody has: bound and let go. */
static unsigned nobodys_port(void)
{
	unsigned port;
	int fd = support_listen(1, &port);

	(void)close(fd);
	return port;
}

static int bound(unsigned *port, bool reuse)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = reuse;

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &n), 0);
	*port = ntohs(in.sin_port);
	return fd;
}

static void a_server_that_accepts_is_ready(void **state)
{
	unsigned port;
	int fd = support_listen(4, &port);
	char text[64];

	(void)state;
	assert_int_equal(ask(at_port(port, text), SKT_PROBE_READY), SKT_OK);
	(void)close(fd);
}

static void nobody_there_is_refused(void **state)
{
	char text[64];

	(void)state;
	assert_int_equal(ask(at_port(nobodys_port(), text), SKT_PROBE_READY), SKT_E_REFUSED);
	assert_int_equal(ask("unix:/nonexistent/x.sock", SKT_PROBE_READY), SKT_E_REFUSED);
	assert_int_equal(ask("@soket-test-nobody", SKT_PROBE_READY), SKT_E_REFUSED);
}

static void a_socket_that_is_bound_and_does_not_listen_is_not_ready(void **state)
{
	unsigned port;
	int fd = bound(&port, true);
	char text[64];

	(void)state;
	assert_int_equal(ask(at_port(port, text), SKT_PROBE_READY), SKT_E_REFUSED);
	(void)close(fd);
}

static void the_server_sees_an_end_and_no_byte_and_no_reset(void **state)
{
	unsigned port;
	int fd = support_listen(4, &port), got, flags = fcntl(fd, F_GETFL);
	char text[64], byte;

	(void)state;
	assert_int_equal(ask(at_port(port, text), SKT_PROBE_READY), SKT_OK);
	(void)fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
	got = accept(fd, NULL, NULL);
	assert_true(got >= 0);
	assert_int_equal(read(got, &byte, 1), 0);
	(void)close(got);
	(void)close(fd);
}

/* A server that greets at once, before the probe has gone: its bytes are taken, or closing would reset the connection. */
static int greeting_listener;
static int greeting_client = -1;

static int greeting_shutdown(int fd, int how)
{
	greeting_client = accept(greeting_listener, NULL, NULL);
	assert_int_equal(write(greeting_client, "220 hello\r\n", 11), 11);
	return support_calls.shutdown(fd, how);
}

static void a_greeting_is_not_answered_with_a_reset(void **state)
{
	unsigned port;
	int sys = 0, flags;
	socklen_t n = sizeof(sys);
	char text[64], byte;

	(void)state;
	greeting_listener = support_listen(4, &port);
	flags = fcntl(greeting_listener, F_GETFL);
	(void)fcntl(greeting_listener, F_SETFL, flags & ~O_NONBLOCK);
	skt_sys.shutdown = greeting_shutdown;
	assert_int_equal(ask(at_port(port, text), SKT_PROBE_READY), SKT_OK);
	assert_true(greeting_client >= 0);
	assert_int_equal(read(greeting_client, &byte, 1), 0);
	assert_int_equal(getsockopt(greeting_client, SOL_SOCKET, SO_ERROR, &sys, &n), 0);
	assert_int_equal(sys, 0);
	(void)close(greeting_client);
	(void)close(greeting_listener);
}

/* connect(2) that dials from the port it dials to, as the kernel may pick it. */
static int connect_to_itself(int fd, const struct sockaddr *addr, socklen_t len)
{
	int one = 1;

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), 0);
	assert_int_equal(bind(fd, addr, len), 0);
	return support_calls.connect(fd, addr, len);
}

static void a_connection_to_oneself_is_nobody_and_leaves_the_port_to_a_server(void **state)
{
	unsigned port = nobodys_port();
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[64];

	(void)state;
	skt_sys.connect = connect_to_itself;
	assert_int_equal(ask(at_port(port, text), SKT_PROBE_READY), SKT_E_REFUSED);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0); /* without SO_REUSEADDR */
	(void)close(fd);
}

static void a_try_has_the_time_that_the_endpoint_says(void **state)
{
	struct support_hole hole;
	char text[80];
	skt_time began = skt_now();

	(void)state;
	support_hole_open(&hole);
	(void)snprintf(text, sizeof(text), "127.0.0.1:%u timeout=60ms", ntohs(hole.in.sin_port));
	assert_int_equal(ask(text, SKT_PROBE_READY), SKT_E_TIMEOUT);
	assert_true(skt_now() - began >= 60 * SKT_MS);
	support_hole_close(&hole);
}

static void a_unix_socket_is_ready_and_not_free_while_somebody_listens(void **state)
{
	char dir[SUPPORT_PATH], path[SUPPORT_PATH], text[SUPPORT_PATH + 8];
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	support_dir(dir);
	support_join(dir, "s", path);
	memcpy(un.sun_path, path, strlen(path) + 1);
	(void)snprintf(text, sizeof(text), "unix:%s", path);
	assert_int_equal(ask(text, SKT_PROBE_READY), SKT_E_REFUSED);
	assert_int_equal(ask(text, SKT_PROBE_FREE), SKT_OK);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(ask(text, SKT_PROBE_READY), SKT_E_REFUSED);
	assert_int_equal(ask(text, SKT_PROBE_FREE), SKT_E_INUSE); /* bound is enough */
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(ask(text, SKT_PROBE_READY), SKT_OK);
	assert_int_equal(ask(text, SKT_PROBE_FREE), SKT_E_INUSE);
	(void)close(fd);
	assert_int_equal(ask(text, SKT_PROBE_FREE), SKT_OK); /* the file is left over */
	(void)unlink(path);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	(void)close(fd);
	assert_int_equal(ask(text, SKT_PROBE_FREE), SKT_E_INUSE); /* a file, and no socket */
	(void)unlink(path);
	(void)rmdir(dir);
}

static void an_abstract_name_is_free_once_nobody_has_it(void **state)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char name[64], text[80];
	int n = snprintf(name, sizeof(name), "soket-test-%d", (int)getpid());

	(void)state;
	(void)snprintf(text, sizeof(text), "@%s", name);
	memcpy(un.sun_path + 1, name, (size_t)n);
	assert_int_equal(
		bind(fd, (struct sockaddr *)&un, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(ask(text, SKT_PROBE_FREE), SKT_E_INUSE);
	(void)close(fd);
	assert_int_equal(ask(text, SKT_PROBE_FREE), SKT_OK);
}

static void a_port_is_free_once_nobody_listens_or_has_it_bound(void **state)
{
	unsigned port;
	int fd = support_listen(4, &port);
	char text[64];

	(void)state;
	assert_int_equal(ask(at_port(port, text), SKT_PROBE_FREE), SKT_E_INUSE);
	(void)close(fd);
	assert_int_equal(ask(text, SKT_PROBE_FREE), SKT_OK);
	fd = bound(&port, false);
	assert_int_equal(ask(at_port(port, text), SKT_PROBE_FREE), SKT_E_INUSE);
	(void)close(fd);
	assert_int_equal(ask(text, SKT_PROBE_FREE), SKT_OK);
}

/* Binding alone would not see it; whether the table does is the kernel's matter (Linux >= 6.8). */
static void a_port_that_is_bound_to_be_reused_is_not_free_where_the_kernel_tells(void **state)
{
	struct skt_look look = { .protos = 1U << SKT_PROTO_TCP, .states = SKT_STATES_BOUND };
	struct skt_socktable t = { 0 };
	bool tells = false;
	unsigned port;
	int fd = bound(&port, true);
	char text[64];

	(void)state;
	assert_int_equal(skt_socktable_read(&look, &t, NULL), 0);
	for (size_t i = 0; i < t.n; i++)
		tells = tells || t.sock[i].local_port == port;
	skt_socktable_release(&t);
	assert_int_equal(ask(at_port(port, text), SKT_PROBE_FREE), tells ? SKT_E_INUSE : SKT_OK);
	(void)close(fd);
}

static void who_has_any_address_has_each_of_them(void **state)
{
	static const char *const asked[] = { "127.0.0.1:%u", "127.0.0.2:%u", "any:%u", "tcp4://any:%u",
					     "tcp4://localhost:%u" };
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t n = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[64];

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &n), 0);
	for (size_t i = 0; i < SKT_LENGTH(asked); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		(void)snprintf(text, sizeof(text), asked[i], ntohs(in.sin_port));
#pragma GCC diagnostic pop
		assert_int_equal(ask(text, SKT_PROBE_FREE), SKT_E_INUSE);
	}
	(void)close(fd);
}

static void who_listens_on_one_address_leaves_the_others_free(void **state)
{
	unsigned port;
	int fd = support_listen(4, &port);
	char text[64];

	(void)state;
	(void)snprintf(text, sizeof(text), "127.0.0.2:%u", port);
	assert_int_equal(ask(text, SKT_PROBE_FREE), SKT_OK);
	(void)snprintf(text, sizeof(text), "any:%u", port);
	assert_int_equal(ask(text, SKT_PROBE_FREE), SKT_E_INUSE);
	(void)close(fd);
}

static void an_address_of_another_machine_is_neither_free_nor_waited_for(void **state)
{
	struct skt_error err = { .kind = ask("192.0.2.1:80", SKT_PROBE_FREE) };

	(void)state;
	assert_int_equal(err.kind, SKT_E_USAGE);
	assert_false(skt_probe_may_change(&err));
}

static void a_name_that_has_to_be_looked_up_is_asked_about_too(void **state)
{
	(void)state;
	assert_int_equal(ask("no-such-host.invalid:80", SKT_PROBE_FREE), SKT_E_RESOLVE);
	assert_int_equal(ask("no-such-host.invalid:80", SKT_PROBE_READY), SKT_E_RESOLVE);
}

static int bind_is_denied(int fd, const struct sockaddr *addr, socklen_t len)
{
	(void)fd;
	(void)addr;
	(void)len;
	errno = EACCES;
	return -1;
}

static void where_binding_is_not_allowed_the_table_decides(void **state)
{
	unsigned port;
	int fd = support_listen(4, &port);
	char text[64];

	(void)state;
	skt_sys.bind = bind_is_denied;
	assert_int_equal(ask(at_port(port, text), SKT_PROBE_FREE), SKT_E_INUSE);
	(void)close(fd);
	assert_int_equal(ask(text, SKT_PROBE_FREE), SKT_OK);
}

static void what_cannot_be_asked_is_refused_as_usage(void **state)
{
	static const struct {
		const char *text;
		enum skt_probe_want want;
	} rows[] = {
		{ "echo:", SKT_PROBE_READY },
		{ "exec:cat", SKT_PROBE_READY },
		{ "file:/etc/passwd", SKT_PROBE_READY },
		{ "127.0.0.1:0", SKT_PROBE_READY },
		{ "127.0.0.1:0", SKT_PROBE_FREE },
		{ "127.0.0.1:80 retry=3", SKT_PROBE_READY },
		{ "listen:127.0.0.1:80", SKT_PROBE_READY },
		{ "127.0.0.1:80 backlog=3", SKT_PROBE_READY },
		{ "dial:127.0.0.1:80", SKT_PROBE_FREE },
		{ "127.0.0.1:80 sport=81", SKT_PROBE_FREE },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(rows); i++) {
		struct skt_error err = { 0 };
		struct skt_endpoint e;

		SUPPORT_OK(skt_endpoint_parse(rows[i].text, &e, &err), &err);
		if (skt_probe_prepare(&e, rows[i].want, &err) != -SKT_E_USAGE)
			fail_msg("taken: %s", rows[i].text);
		assert_true(err.text[0]);
		skt_endpoint_release(&e);
	}
}

static void what_may_change_and_what_may_not(void **state)
{
	static const struct {
		enum skt_err kind;
		int sys;
		bool may;
	} rows[] = {
		{ SKT_E_REFUSED, ECONNREFUSED, true },
		{ SKT_E_REFUSED, ENOENT, true },
		{ SKT_E_RESOLVE, 0, true },
		{ SKT_E_TIMEOUT, 0, true },
		{ SKT_E_INUSE, EADDRINUSE, true },
		{ SKT_E_IO, ECONNRESET, true },
		{ SKT_E_LIMIT, EAGAIN, true },
		{ SKT_E_LIMIT, EMFILE, true },
		{ SKT_E_LIMIT, ENOMEM, false },
		{ SKT_E_USAGE, 0, false },
		{ SKT_E_DENIED, EACCES, false },
		{ SKT_E_BUG, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(rows); i++) {
		struct skt_error err = { .kind = rows[i].kind, .sys = rows[i].sys };

		assert_int_equal(skt_probe_may_change(&err), rows[i].may);
	}
}

static void giving_up_calls_nobody(void **state)
{
	static const char *const texts[] = { "127.0.0.1:9", "no-such-host.invalid:9" };

	(void)state;
	for (int want = SKT_PROBE_READY; want <= SKT_PROBE_FREE; want++) {
		for (size_t i = 0; i < SKT_LENGTH(texts); i++) {
			struct outcome o;

			outcome_begin(&o, texts[i], (enum skt_probe_want)want);
			skt_probe_free(o.probe);
			o.probe = NULL;
			support_settle(o.loop);
			assert_int_equal(o.calls, 0);
			outcome_release(&o);
		}
	}
}

static bool memory_fails(void)
{
	return true;
}

static void without_memory_it_says_so(void **state)
{
	struct skt_loop *loop = support_loop();
	struct skt_error err = { 0 };
	struct skt_probe *probe;
	struct skt_endpoint e;
	struct outcome o = { 0 };

	(void)state;
	SUPPORT_OK(skt_endpoint_parse("127.0.0.1:9", &e, &err), &err);
	SUPPORT_OK(skt_probe_prepare(&e, SKT_PROBE_READY, &err), &err);
	skt_alloc_fails = memory_fails;
	assert_int_equal(skt_probe_new(loop, &e, SKT_PROBE_READY, probed, &o, &probe, &err), -SKT_E_LIMIT);
	skt_alloc_fails = NULL;
	skt_endpoint_release(&e);
	skt_loop_free(loop);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SUPPORT_TEST(a_server_that_accepts_is_ready),
		SUPPORT_TEST(nobody_there_is_refused),
		SUPPORT_TEST(a_socket_that_is_bound_and_does_not_listen_is_not_ready),
		SUPPORT_TEST(the_server_sees_an_end_and_no_byte_and_no_reset),
		SUPPORT_TEST(a_greeting_is_not_answered_with_a_reset),
		SUPPORT_TEST(a_connection_to_oneself_is_nobody_and_leaves_the_port_to_a_server),
		SUPPORT_TEST(a_try_has_the_time_that_the_endpoint_says),
		SUPPORT_TEST(a_unix_socket_is_ready_and_not_free_while_somebody_listens),
		SUPPORT_TEST(an_abstract_name_is_free_once_nobody_has_it),
		SUPPORT_TEST(a_port_is_free_once_nobody_listens_or_has_it_bound),
		SUPPORT_TEST(a_port_that_is_bound_to_be_reused_is_not_free_where_the_kernel_tells),
		SUPPORT_TEST(who_has_any_address_has_each_of_them),
		SUPPORT_TEST(who_listens_on_one_address_leaves_the_others_free),
		SUPPORT_TEST(an_address_of_another_machine_is_neither_free_nor_waited_for),
		SUPPORT_TEST(a_name_that_has_to_be_looked_up_is_asked_about_too),
		SUPPORT_TEST(where_binding_is_not_allowed_the_table_decides),
		SUPPORT_TEST(what_cannot_be_asked_is_refused_as_usage),
		SUPPORT_TEST(what_may_change_and_what_may_not),
		SUPPORT_TEST(giving_up_calls_nobody),
		SUPPORT_TEST(without_memory_it_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

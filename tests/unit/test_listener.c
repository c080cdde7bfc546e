/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets: what accept(2) may say, pauses, and socket files. */
#include "support.h"

#include "endpoint/endpoint.h"
#include "io/listener.h"
#include "relay/session.h"
#include "transport/transport.h"

static int accept_errno, accept_times, accept_calls;

/* Fails `accept_times` times, then is itself. */
static int failing_accept(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	accept_calls++;
	if (accept_times != 0) {
		accept_times -= accept_times > 0;
		errno = accept_errno;
		return -1;
	}
	return accept4(fd, addr, len, flags);
}

static struct skt_listener *listener_on(struct skt_loop *loop, unsigned *port)
{
	struct skt_listener *l;

	assert_int_equal(skt_listener_new(loop, SKT_FD_TCP, "tcp", &l, NULL), 0);
	assert_int_equal(skt_listener_add(l, support_listen(64, port), NULL), 0);
	assert_int_equal(skt_addr_port(&l->socket[0].addr), *port);
	return l;
}

static int client_of(unsigned port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	return fd;
}

static void each_errno_of_accept_has_its_meaning(void **state)
{
	/* accept(2): what happened to one connection is passed over, limits and broken sockets are told */
	static const struct {
		int sys, once, always;
	} rows[] = {
		{ EAGAIN, -SKT_AGAIN, -SKT_AGAIN },
		{ ECONNABORTED, 0, -SKT_AGAIN },
		{ EINTR, 0, -SKT_AGAIN },
		{ EPROTO, 0, -SKT_AGAIN },
		{ ENETDOWN, 0, -SKT_E_LIMIT },
		{ ENOPROTOOPT, 0, -SKT_E_LIMIT },
		{ EHOSTDOWN, 0, -SKT_E_LIMIT },
		{ ENONET, 0, -SKT_E_LIMIT },
		{ EHOSTUNREACH, 0, -SKT_E_LIMIT },
		{ EOPNOTSUPP, 0, -SKT_E_LIMIT },
		{ ENETUNREACH, 0, -SKT_E_LIMIT },
		{ ETIMEDOUT, 0, -SKT_E_LIMIT },
		{ EPERM, 0, -SKT_E_LIMIT },
		{ ENOSR, 0, -SKT_E_LIMIT },
		{ ESOCKTNOSUPPORT, 0, -SKT_E_LIMIT },
		{ EPROTONOSUPPORT, 0, -SKT_E_LIMIT },
		{ EMFILE, -SKT_E_LIMIT, -SKT_E_LIMIT },
		{ ENFILE, -SKT_E_LIMIT, -SKT_E_LIMIT },
		{ ENOBUFS, -SKT_E_LIMIT, -SKT_E_LIMIT },
		{ ENOMEM, -SKT_E_LIMIT, -SKT_E_LIMIT },
		{ EBADF, 0, -SKT_E_IO },
		{ EINVAL, 0, -SKT_E_IO },
		{ ENOTSOCK, 0, -SKT_E_IO },
		{ EFAULT, 0, -SKT_E_IO },
	};

	(void)state;
	skt_sys.accept4 = failing_accept;
	for (size_t i = 0; i < SKT_LENGTH(rows); i++) {
		struct skt_loop *loop = support_loop();
		struct skt_stream *s = NULL;
		struct skt_addr peer;
		struct skt_error err = { 0 };
		unsigned port;
		struct skt_listener *l = listener_on(loop, &port);
		int client = client_of(port), ret;

		accept_errno = rows[i].sys;
		accept_times = -1;
		accept_calls = 0;
		ret = skt_listener_accept(l, &s, &peer, &err);
		if (ret != rows[i].always || s)
			fail_msg("%s, always: %d", strerror(rows[i].sys), ret);
		assert_true(accept_calls <= 65); /* a storm of them does not hold the loop */
		if (ret != -SKT_AGAIN)
			assert_int_equal(err.sys, rows[i].sys);
		accept_times = 1;
		ret = skt_listener_accept(l, &s, &peer, &err);
		if (ret != rows[i].once)
			fail_msg("%s, once: %d", strerror(rows[i].sys), ret);
		if (ret != 0) { /* nothing was lost: the connection is still there */
			assert_int_equal(skt_listener_accept(l, &s, &peer, &err), 0);
		}
		assert_true(skt_addr_is_loopback(&peer));
		assert_int_equal(skt_listener_accept(l, &(struct skt_stream *){ NULL }, &(struct skt_addr){ 0 }, &err),
				 -SKT_AGAIN);
		skt_stream_free(s);
		(void)close(client);
		skt_listener_free(l);
		skt_loop_free(loop);
	}
}

static int ready_calls;

static void on_ready(void *user)
{
	(void)user;
	ready_calls++;
}

static void a_paused_listener_is_quiet_and_tells_when_it_goes_on(void **state)
{
	struct skt_loop *loop = support_loop();
	unsigned port;
	struct skt_listener *l = listener_on(loop, &port);
	int client;

	(void)state;
	l->on_ready = on_ready;
	ready_calls = 0;
	assert_int_equal(skt_listener_watch(l), 0);
	assert_int_equal(skt_listener_watch(l), 0);
	skt_listener_pause(l);
	skt_listener_pause(l);
	client = client_of(port);
	support_settle(loop);
	assert_int_equal(ready_calls, 0);
	assert_int_equal(skt_listener_watch(l), 0);
	SUPPORT_UNTIL(loop, ready_calls);
	(void)close(client);
	skt_listener_free(l);
	skt_loop_free(loop);
}

static void closing_a_shared_view_keeps_the_socket_open(void **state)
{
	struct skt_loop *loop = support_loop(), *other = support_loop();
	unsigned port;
	struct skt_listener *l = listener_on(loop, &port), *view;
	struct skt_stream *s;
	struct skt_addr peer;
	int client;

	(void)state;
	assert_int_equal(skt_listener_share(l, other, &view, NULL), 0);
	assert_int_equal(skt_listener_watch(view), 0);
	skt_listener_free(l);
	client = client_of(port);
	SUPPORT_UNTIL(other, skt_listener_accept(view, &s, &peer, NULL) == 0);
	skt_stream_free(s);
	(void)close(client);
	skt_listener_free(view);
	skt_loop_free(loop);
	skt_loop_free(other);
}

static void more_sockets_than_there_is_room_for_are_refused_and_closed(void **state)
{
	struct skt_loop *loop = support_loop();
	struct skt_listener *l;
	struct skt_error err;
	unsigned port;
	int fd;

	(void)state;
	assert_int_equal(skt_listener_new(loop, SKT_FD_TCP, "tcp", &l, NULL), 0);
	for (int i = 0; i < SKT_LISTEN_MAX; i++)
		assert_int_equal(skt_listener_add(l, support_listen(1, &port), NULL), 0);
	fd = support_listen(1, &port);
	assert_int_equal(skt_listener_add(l, fd, &err), -SKT_E_LIMIT);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	skt_listener_free(l);
	skt_loop_free(loop);
}

/* A relay from that text to one that is never reached, with its listener. */
struct accepting {
	struct skt_loop *loop;
	struct skt_endpoint from, to;
	struct skt_relay_config config;
	struct skt_relay *relay;
	unsigned port;
};

static void accepting_init(struct accepting *a, const char *to)
{
	struct skt_error err = { 0 };
	struct skt_listener *l;

	*a = (struct accepting){ .loop = support_loop() };
	SUPPORT_OK(skt_endpoint_parse("127.0.0.1:0", &a->from, &err), &err);
	SUPPORT_OK(skt_endpoint_parse(to, &a->to, &err), &err);
	a->config = (struct skt_relay_config){ .from = &a->from, .to = &a->to, .link.done = skt_session_link_done };
	SUPPORT_OK(skt_tcp.listen(a->loop, &a->from, &l, &err), &err);
	a->port = skt_addr_port(&l->socket[0].addr);
	SUPPORT_OK(skt_relay_new(a->loop, &a->config, l, 1, &a->relay, &err), &err);
	SUPPORT_OK(skt_relay_start(a->relay, &err), &err);
}

static void accepting_release(struct accepting *a)
{
	skt_relay_stop(a->relay);
	SUPPORT_UNTIL(a->loop, skt_relay_is_done(a->relay));
	skt_relay_free(a->relay);
	skt_endpoint_release(&a->from);
	skt_endpoint_release(&a->to);
	skt_loop_free(a->loop);
}

static void at_the_limit_of_descriptors_accepting_pauses_and_resumes(void **state)
{
	struct accepting a;
	int client;
	char bytes[8] = { 0 };

	(void)state;
	accepting_init(&a, "echo:");
	skt_sys.accept4 = failing_accept;
	accept_errno = EMFILE;
	accept_times = 3;
	accept_calls = 0;
	client = client_of(a.port);
	SUPPORT_UNTIL(a.loop, accept_calls == 1);
	assert_false(a.relay->listener->watching); /* the loop is not woken by what waits */
	for (int i = 0; i < 5; i++)
		assert_int_equal(skt_loop_round(a.loop, 0, NULL), 0);
	assert_int_equal(accept_calls, 1);
	assert_int_equal(write(client, "again", 5), 5);
	SUPPORT_UNTIL(a.loop, recv(client, bytes, sizeof(bytes), MSG_DONTWAIT) == 5);
	assert_string_equal(bytes, "again");
	assert_int_equal(a.relay->totals.links, 1);
	assert_int_equal(accept_times, 0);
	(void)close(client);
	accepting_release(&a);
}

static void a_listening_socket_that_breaks_ends_the_relay_with_its_reason(void **state)
{
	struct accepting a;
	int client;

	(void)state;
	accepting_init(&a, "echo:");
	skt_sys.accept4 = failing_accept;
	accept_errno = EBADF;
	accept_times = -1;
	client = client_of(a.port);
	SUPPORT_UNTIL(a.loop, skt_relay_is_done(a.relay));
	assert_int_equal(a.relay->outcome.kind, SKT_E_IO);
	assert_int_equal(a.relay->outcome.sys, EBADF);
	(void)close(client);
	accepting_release(&a);
}

/* Listen on a unix path; 0 or -kind. */
static int listen_at(struct skt_loop *loop, const char *path, const char *options, struct skt_listener **ret,
		     struct skt_error *err)
{
	struct skt_endpoint e = { 0 };
	char text[SUPPORT_PATH + 64];
	int ret_code;

	(void)snprintf(text, sizeof(text), "unix:%s %s", path, options);
	SUPPORT_OK(skt_endpoint_parse(text, &e, err), err);
	ret_code = skt_unix.listen(loop, &e, ret, err);
	skt_endpoint_release(&e);
	return ret_code;
}

static bool is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static void make_file(const char *path)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	(void)close(fd);
}

static void the_socket_file_is_removed_at_the_end_but_only_our_own(void **state)
{
	struct skt_loop *loop = support_loop();
	struct skt_listener *l;
	struct skt_error err = { 0 };
	char dir[SUPPORT_PATH], path[SUPPORT_PATH];

	(void)state;
	support_dir(dir);
	support_join(dir, "s", path);
	SUPPORT_OK(listen_at(loop, path, "", &l, &err), &err);
	assert_true(is_there(path));
	skt_listener_free(l);
	assert_false(is_there(path));

	SUPPORT_OK(listen_at(loop, path, "unlink=no", &l, &err), &err);
	skt_listener_free(l);
	assert_true(is_there(path));
	assert_int_equal(unlink(path), 0);

	SUPPORT_OK(listen_at(loop, path, "", &l, &err), &err);
	assert_int_equal(unlink(path), 0);
	make_file(path); /* somebody else's now */
	skt_listener_free(l);
	assert_true(is_there(path));
	(void)unlink(path);
	(void)rmdir(dir);
	skt_loop_free(loop);
}

static void a_stale_socket_file_is_replaced_a_live_one_is_not(void **state)
{
	struct skt_loop *loop = support_loop();
	struct skt_listener *l, *second;
	struct skt_error err = { 0 };
	char dir[SUPPORT_PATH], path[SUPPORT_PATH];
	struct stat st;

	(void)state;
	support_dir(dir);
	support_join(dir, "s", path);
	SUPPORT_OK(listen_at(loop, path, "unlink=no", &l, &err), &err);
	assert_int_equal(listen_at(loop, path, "", &second, &err), -SKT_E_INUSE);
	assert_non_null(strstr(err.text, "address in use"));
	assert_true(is_there(path));
	skt_listener_free(l); /* stale now */
	assert_true(is_there(path));
	SUPPORT_OK(listen_at(loop, path, "mode=0600", &l, &err), &err);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	skt_listener_free(l);
	assert_false(is_there(path));

	make_file(path);
	assert_int_equal(listen_at(loop, path, "", &l, &err), -SKT_E_INUSE);
	assert_true(is_there(path)); /* what is no socket is not ours to remove */
	(void)unlink(path);
	(void)rmdir(dir);
	skt_loop_free(loop);
}

static void a_live_socket_whose_queue_is_full_is_not_taken_for_stale(void **state)
{
	struct skt_loop *loop = support_loop();
	struct skt_listener *l;
	struct skt_error err = { 0 };
	char dir[SUPPORT_PATH], path[SUPPORT_PATH];
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int live = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), clients[4], n = 0;

	(void)state;
	support_dir(dir);
	support_join(dir, "s", path);
	memcpy(un.sun_path, path, strlen(path) + 1);
	assert_int_equal(bind(live, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(live, 0), 0);
	for (; n < 4; n++) {
		clients[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (connect(clients[n], (struct sockaddr *)&un, sizeof(un)) < 0)
			break;
	}
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(listen_at(loop, path, "", &l, &err), -SKT_E_INUSE);
	assert_true(is_there(path));
	for (int i = 0; i <= n; i++)
		(void)close(clients[i]);
	(void)close(live);
	(void)unlink(path);
	(void)rmdir(dir);
	skt_loop_free(loop);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SUPPORT_TEST(each_errno_of_accept_has_its_meaning),
		SUPPORT_TEST(a_paused_listener_is_quiet_and_tells_when_it_goes_on),
		SUPPORT_TEST(closing_a_shared_view_keeps_the_socket_open),
		SUPPORT_TEST(more_sockets_than_there_is_room_for_are_refused_and_closed),
		SUPPORT_TEST(at_the_limit_of_descriptors_accepting_pauses_and_resumes),
		SUPPORT_TEST(a_listening_socket_that_breaks_ends_the_relay_with_its_reason),
		SUPPORT_TEST(the_socket_file_is_removed_at_the_end_but_only_our_own),
		SUPPORT_TEST(a_stale_socket_file_is_replaced_a_live_one_is_not),
		SUPPORT_TEST(a_live_socket_whose_queue_is_full_is_not_taken_for_stale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

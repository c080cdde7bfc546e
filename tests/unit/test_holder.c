/* SPDX-License-Identifier: Apache-2.0 */
/* Who holds a port: found here is this very process. */
#include "support.h"

#include "inspect/holder.h"

static void check_own(const struct skt_holder *h)
{
	char cwd[128];

	assert_int_equal(h->pid, getpid());
	assert_int_equal(h->user, getuid());
	assert_true(h->age >= 0 && h->age < 3600 * SKT_SECOND);
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_string_equal(h->cwd, cwd);
	assert_true(h->name[0]);
}

static void the_holder_of_a_port_is_found_and_named(void **state)
{
	struct skt_endpoint e = { 0 };
	struct skt_error err = { 0 };
	struct skt_holder h;
	unsigned port;
	int listening = support_listen(1, &port);
	char text[64], pid[32];

	(void)state;
	assert_int_equal(skt_holder_of_port(port, &h), 0);
	check_own(&h);
	(void)snprintf(text, sizeof(text), "127.0.0.1:%u", port);
	SUPPORT_OK(skt_endpoint_parse(text, &e, &err), &err);
	skt_holder_explain(&e, &err);
	assert_int_equal(err.kind, SKT_E_INUSE);
	(void)snprintf(pid, sizeof(pid), "(pid %d, you)", (int)getpid());
	assert_non_null(strstr(err.text, text));
	assert_non_null(strstr(err.text, pid));
	assert_non_null(strstr(err.hint, "kill"));
	skt_endpoint_release(&e);
	(void)close(listening);
	assert_int_equal(skt_holder_of_port(port, &h), -SKT_E_RESOLVE);
	assert_int_equal(h.pid, 0);
}

static void a_listener_of_ipv6_is_found_too(void **state)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	socklen_t n = sizeof(in6);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct skt_holder h;

	(void)state;
	if (fd < 0 || bind(fd, (struct sockaddr *)&in6, sizeof(in6)) < 0)
		skip();
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in6, &n), 0);
	assert_int_equal(skt_holder_of_port(ntohs(in6.sin6_port), &h), 0);
	check_own(&h);
	(void)close(fd);
}

static void the_holder_of_a_path_is_found_by_its_whole_name(void **state)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char dir[SUPPORT_PATH], path[SUPPORT_PATH];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct skt_holder h;

	(void)state;
	support_dir(dir);
	support_join(dir, "with a blank", path);
	memcpy(un.sun_path, path, strlen(path) + 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(skt_holder_of_path(path, &h), -SKT_E_RESOLVE); /* bound, but nobody listens */
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(skt_holder_of_path(path, &h), 0);
	assert_int_equal(h.pid, getpid());
	path[strlen(path) - 1] = '\0';
	assert_int_equal(skt_holder_of_path(path, &h), -SKT_E_RESOLVE);
	(void)close(fd);
	(void)unlink(un.sun_path);
	(void)rmdir(dir);
}

/* honest: what is known of a path's holder is its socket's user as well */
static void the_user_of_a_path_is_known(void **state)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), n;
	struct skt_holder h = { 0 };

	(void)state;
	n = snprintf(un.sun_path, sizeof(un.sun_path), "@soket-unit-%d", (int)getpid());
	un.sun_path[0] = '\0';
	assert_int_equal(
		bind(fd, (struct sockaddr *)&un, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n)), 0);
	assert_int_equal(listen(fd, 1), 0);
	un.sun_path[0] = '@';
	assert_int_equal(skt_holder_of_path(un.sun_path, &h), 0);
	assert_int_equal(h.pid, getpid());
	assert_int_equal(h.user, getuid());
	(void)close(fd);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SUPPORT_TEST(the_holder_of_a_port_is_found_and_named),
		SUPPORT_TEST(a_listener_of_ipv6_is_found_too),
		SUPPORT_TEST(the_holder_of_a_path_is_found_by_its_whole_name),
		SUPPORT_TEST(the_user_of_a_path_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

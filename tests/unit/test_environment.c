/* SPDX-License-Identifier: Apache-2.0 */
/* What children are told about their connection. */
#include "support.h"

#include "transport/environment.h"

static char **made(const char *text, const struct skt_origin *origin)
{
	struct skt_endpoint e = { 0 };
	struct skt_error err = { 0 };
	char **envp;

	SUPPORT_OK(skt_endpoint_parse(text, &e, &err), &err);
	SUPPORT_OK(skt_environment_new(&e, origin, &envp, &err), &err);
	skt_endpoint_release(&e);
	return envp;
}

/* The value, or "none"; fails where it is there twice. */
static const char *value(char **envp, const char *name)
{
	const char *found = NULL;
	size_t n = strlen(name);

	for (char **at = envp; *at; at++) {
		if (strncmp(*at, name, n) != 0 || (*at)[n] != '=')
			continue;
		assert_null(found);
		found = *at + n + 1;
	}
	return found ? found : "none";
}

static void a_tcp_connection_is_told_in_both_customs(void **state)
{
	struct skt_origin origin = { .scheme = "tcp" };
	char **envp;

	(void)state;
	assert_int_equal(skt_addr_parse_ip("192.0.2.7", NULL, 50312, &origin.peer), 0);
	assert_int_equal(skt_addr_parse_ip("2001:db8::1", NULL, 80, &origin.local), 0);
	assert_int_equal(setenv("TCPREMOTEIP", "stale", 1), 0);
	envp = made("exec:true", &origin);
	assert_string_equal(value(envp, "SOKET_PROTOCOL"), "tcp");
	assert_string_equal(value(envp, "SOKET_REMOTE_ADDRESS"), "192.0.2.7");
	assert_string_equal(value(envp, "SOKET_REMOTE_PORT"), "50312");
	assert_string_equal(value(envp, "SOKET_LOCAL_ADDRESS"), "2001:db8::1");
	assert_string_equal(value(envp, "SOKET_LOCAL_PORT"), "80");
	assert_string_equal(value(envp, "PROTO"), "TCP");
	assert_string_equal(value(envp, "TCPREMOTEIP"), "192.0.2.7");
	assert_string_equal(value(envp, "TCPREMOTEPORT"), "50312");
	assert_string_equal(value(envp, "TCPLOCALIP"), "2001:db8::1");
	assert_string_equal(value(envp, "TCPLOCALPORT"), "80");
	skt_environment_free(envp);
	(void)unsetenv("TCPREMOTEIP");
}

static void a_unix_connection_has_paths_and_no_ports(void **state)
{
	struct skt_origin origin = { .scheme = "unix" };
	char **envp;

	(void)state;
	assert_int_equal(skt_addr_from_path("/run/x", &origin.local), 0);
	envp = made("exec:true", &origin);
	assert_string_equal(value(envp, "SOKET_PROTOCOL"), "unix");
	assert_string_equal(value(envp, "SOKET_LOCAL_ADDRESS"), "/run/x");
	assert_string_equal(value(envp, "SOKET_LOCAL_PORT"), "none");
	assert_string_equal(value(envp, "SOKET_REMOTE_ADDRESS"), "none");
	assert_string_equal(value(envp, "PROTO"), "none");
	assert_string_equal(value(envp, "TCPLOCALIP"), "none");
	skt_environment_free(envp);
}

static void ours_is_inherited_but_not_what_spoke_of_us(void **state)
{
	struct skt_origin origin = { 0 };
	char **envp;

	(void)state;
	assert_int_equal(setenv("SOKET_UNIT_MARK", "here", 1), 0);
	assert_int_equal(setenv("LISTEN_FDS", "3", 1), 0);
	assert_int_equal(setenv("LISTEN_PID", "1", 1), 0);
	envp = made("exec:true", &origin);
	assert_string_equal(value(envp, "SOKET_UNIT_MARK"), "here");
	assert_string_equal(value(envp, "LISTEN_FDS"), "none");
	assert_string_equal(value(envp, "LISTEN_PID"), "none");
	assert_string_equal(value(envp, "SOKET_PROTOCOL"), "none");
	skt_environment_free(envp);
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_PID");
}

static void options_add_replace_and_clear(void **state)
{
	struct skt_origin origin = { 0 };
	char **envp;

	(void)state;
	assert_int_equal(setenv("SOKET_UNIT_MARK", "here", 1), 0);
	envp = made("exec:true env=SOKET_UNIT_MARK=there env=NEW=1 env=EMPTY=", &origin);
	assert_string_equal(value(envp, "SOKET_UNIT_MARK"), "there");
	assert_string_equal(value(envp, "NEW"), "1");
	assert_string_equal(value(envp, "EMPTY"), "");
	skt_environment_free(envp);
	envp = made("exec:true clear-env=yes env=NEW=1", &origin);
	assert_string_equal(value(envp, "NEW"), "1");
	assert_null(envp[1]);
	skt_environment_free(envp);
	(void)unsetenv("SOKET_UNIT_MARK");
}

static int allocations_left;

static bool later_allocations_fail(void)
{
	return allocations_left-- == 0;
}

static void without_memory_it_fails_and_leaves_nothing(void **state)
{
	struct skt_origin origin = { .scheme = "tcp" };
	struct skt_endpoint e = { 0 };
	struct skt_error err = { 0 };

	(void)state;
	assert_int_equal(skt_addr_parse_ip("192.0.2.7", NULL, 50312, &origin.peer), 0);
	SUPPORT_OK(skt_endpoint_parse("exec:true clear-env=yes env=A=1", &e, &err), &err);
	skt_alloc_fails = later_allocations_fail;
	for (int i = 0; i < 8; i++) {
		char **envp = NULL;

		allocations_left = i;
		assert_int_equal(skt_environment_new(&e, &origin, &envp, &err), -SKT_E_LIMIT);
		assert_null(envp);
	}
	skt_alloc_fails = NULL;
	skt_endpoint_release(&e);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SUPPORT_TEST(a_tcp_connection_is_told_in_both_customs),
		SUPPORT_TEST(a_unix_connection_has_paths_and_no_ports),
		SUPPORT_TEST(ours_is_inherited_but_not_what_spoke_of_us),
		SUPPORT_TEST(options_add_replace_and_clear),
		SUPPORT_TEST(without_memory_it_fails_and_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Looking up names, with a resolver of the test's own: order, failures, giving up. No network. */
#include "support.h"

#include <netdb.h>
#include <poll.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "sys/resolve.h"

/* What getaddrinfo(3) says, by name: "46446" gives addresses of these families, "fail-N" the error N, "hang" waits for `gate`. */
static sem_t gate;
static atomic_int asked;

static struct addrinfo *made_up(int family, int number, struct addrinfo *next)
{
	struct addrinfo *a = calloc(1, sizeof(*a) + sizeof(struct sockaddr_storage));

	a->ai_family = family;
	a->ai_addr = (struct sockaddr *)(void *)(a + 1);
	a->ai_addrlen = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	a->ai_addr->sa_family = (sa_family_t)family;
	if (family == AF_INET)
		((struct sockaddr_in *)(void *)a->ai_addr)->sin_addr.s_addr = htonl(0x0a000000U + (unsigned)number);
	else
		((struct sockaddr_in6 *)(void *)a->ai_addr)->sin6_addr.s6_addr[15] = (uint8_t)number;
	a->ai_next = next;
	return a;
}

int getaddrinfo(const char *host, const char *service, const struct addrinfo *want, struct addrinfo **ret)
{
	(void)service;
	atomic_fetch_add(&asked, 1);
	if (strncmp(host, "fail", 4) == 0)
		return (int)strtol(host + 4, NULL, 10);
	if (strcmp(host, "hang") == 0)
		(void)sem_wait(&gate);
	*ret = NULL;
	for (size_t i = strlen(host); strcmp(host, "hang") != 0 && i-- > 0;) {
		int family = host[i] == '4' ? AF_INET : AF_INET6;

		if (want->ai_family == AF_UNSPEC || want->ai_family == family)
			*ret = made_up(family, (int)i + 1, *ret);
	}
	return 0;
}

void freeaddrinfo(struct addrinfo *a)
{
	for (struct addrinfo *next; a; a = next) {
		next = a->ai_next;
		free(a);
	}
}

static int look_up(const char *host, int family, struct skt_addr *ret, struct skt_error *err)
{
	struct skt_resolve *r;
	struct pollfd wait;
	int n;

	SUPPORT_OK(skt_resolve_new(host, 80, family, &r, err), err);
	wait = (struct pollfd){ .fd = skt_resolve_fd(r), .events = POLLIN };
	assert_int_equal(poll(&wait, 1, 10000), 1);
	n = skt_resolve_take(r, ret, SKT_RESOLVED_MAX, err);
	skt_resolve_free(r);
	return n;
}

static void families_take_turns_and_the_systems_first_leads(void **state)
{
	static const struct {
		const char *host, *order;
	} rows[] = {
		{ "666444", "6 1 4 4 6 2 4 5 6 3 4 6" },
		{ "466", "4 1 6 2 6 3" },
		{ "444", "4 1 4 2 4 3" },
		{ "6", "6 1" },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(rows); i++) {
		struct skt_addr addr[SKT_RESOLVED_MAX];
		struct skt_error err = { 0 };
		char order[128] = "";
		int n = look_up(rows[i].host, AF_UNSPEC, addr, &err);

		assert_int_equal(n, strlen(rows[i].host));
		for (int k = 0; k < n; k++) {
			int length = 0;
			const unsigned char *bytes = skt_addr_bytes(&addr[k], &length);
			size_t at = strlen(order);

			(void)snprintf(order + at, sizeof(order) - at, "%s%d %d", k ? " " : "", length == 4 ? 4 : 6,
				       bytes[length - 1]);
			assert_int_equal(skt_addr_port(&addr[k]), 80);
		}
		assert_string_equal(order, rows[i].order);
	}
}

static void more_addresses_than_there_is_room_for_are_left_out(void **state)
{
	struct skt_addr addr[SKT_RESOLVED_MAX];
	struct skt_error err = { 0 };

	(void)state;
	assert_int_equal(look_up("6666666666666666666666666666666644444444444444444444", AF_UNSPEC, addr, &err),
			 SKT_RESOLVED_MAX);
	assert_int_equal(addr[1].sa.sa_family, AF_INET);
}

static void what_the_resolver_says_is_told(void **state)
{
	static const struct {
		int says;
		enum skt_err kind;
		const char *hint;
	} rows[] = {
		{ EAI_NONAME, SKT_E_RESOLVE, "spelling" },
		{ EAI_AGAIN, SKT_E_RESOLVE, "name server" },
		{ EAI_FAIL, SKT_E_RESOLVE, "name server" },
		{ EAI_MEMORY, SKT_E_LIMIT, "memory" },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(rows); i++) {
		struct skt_addr addr[SKT_RESOLVED_MAX];
		struct skt_error err = { 0 };
		char host[32];

		(void)snprintf(host, sizeof(host), "fail%d", rows[i].says);
		assert_int_equal(look_up(host, AF_UNSPEC, addr, &err), -(int)rows[i].kind);
		if (!strstr(err.hint, rows[i].hint))
			fail_msg("%s: %s", err.text, err.hint);
	}
}

static void a_family_that_the_name_lacks_is_a_failure(void **state)
{
	struct skt_addr addr[SKT_RESOLVED_MAX];
	struct skt_error err = { 0 };

	(void)state;
	assert_int_equal(look_up("44", AF_INET6, addr, &err), -SKT_E_RESOLVE);
	assert_int_equal(look_up("4646", AF_INET6, addr, &err), 2);
}

static void many_that_hang_do_not_keep_their_owner_and_the_queue_goes_on(void **state)
{
	enum { MANY = 20 };
	struct skt_resolve *r[MANY];
	struct skt_addr addr[SKT_RESOLVED_MAX];
	struct skt_error err = { 0 };
	int n_asked = atomic_load(&asked);

	(void)state;
	for (int i = 0; i < MANY; i++) {
		SUPPORT_OK(skt_resolve_new("hang", 80, AF_UNSPEC, &r[i], &err), &err);
		assert_int_equal(skt_resolve_take(r[i], addr, SKT_RESOLVED_MAX, &err), -SKT_AGAIN);
	}
	for (int i = 0; i < MANY; i++)
		skt_resolve_free(r[i]);
	for (int i = 0; i < MANY; i++)
		(void)sem_post(&gate);
	assert_int_equal(look_up("64", AF_UNSPEC, addr, &err), 2);
	assert_true(atomic_load(&asked) - n_asked <= 8 + 1); /* those given up while they waited are never asked */
}

static int no_thread(void *(*fn)(void *), void *argument)
{
	(void)fn, (void)argument;
	errno = EAGAIN;
	return -1;
}

static int no_eventfd(unsigned value, int flags)
{
	(void)value, (void)flags;
	errno = EMFILE;
	return -1;
}

static void without_descriptors_it_says_so(void **state)
{
	struct skt_resolve *r = NULL;
	struct skt_error err = { 0 };

	(void)state;
	skt_sys.eventfd = no_eventfd;
	skt_sys.thread = no_thread;
	assert_int_equal(skt_resolve_new("46", 80, AF_UNSPEC, &r, &err), -SKT_E_LIMIT);
	assert_int_equal(err.sys, EMFILE);
	assert_null(r);
}

static void localhost_needs_no_resolver(void **state)
{
	struct skt_addr addr[2];
	char text[SKT_ADDR_LENGTH];

	(void)state;
	assert_true(skt_resolve_is_localhost("localhost"));
	assert_true(skt_resolve_is_localhost("LocalHost."));
	assert_true(skt_resolve_is_localhost("a.b.localhost"));
	assert_false(skt_resolve_is_localhost("notlocalhost"));
	assert_false(skt_resolve_is_localhost("localhost.example"));
	assert_false(skt_resolve_is_localhost(""));
	assert_int_equal(skt_resolve_loopback(80, AF_UNSPEC, addr), 2);
	assert_string_equal(skt_addr_print(&addr[0], text), "[::1]:80");
	assert_string_equal(skt_addr_print(&addr[1], text), "127.0.0.1:80");
	assert_int_equal(skt_resolve_loopback(80, AF_INET, addr), 1);
	assert_string_equal(skt_addr_print(&addr[0], text), "127.0.0.1:80");
	assert_int_equal(skt_resolve_loopback(80, AF_INET6, addr), 1);
	assert_string_equal(skt_addr_print(&addr[0], text), "[::1]:80");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SUPPORT_TEST(without_descriptors_it_says_so),
		SUPPORT_TEST(families_take_turns_and_the_systems_first_leads),
		SUPPORT_TEST(more_addresses_than_there_is_room_for_are_left_out),
		SUPPORT_TEST(what_the_resolver_says_is_told),
		SUPPORT_TEST(a_family_that_the_name_lacks_is_a_failure),
		SUPPORT_TEST(many_that_hang_do_not_keep_their_owner_and_the_queue_goes_on),
		SUPPORT_TEST(localhost_needs_no_resolver),
	};

	(void)sem_init(&gate, 0, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

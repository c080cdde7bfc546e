/* SPDX-License-Identifier: Apache-2.0 */
/* Who may connect. */
#include "support.h"

#include "relay/access.h"

static struct skt_access made(const char *allow, const char *deny)
{
	struct skt_access a = { 0 };

	if (allow)
		assert_int_equal(skt_access_add(&a, true, allow, NULL), 0);
	if (deny)
		assert_int_equal(skt_access_add(&a, false, deny, NULL), 0);
	return a;
}

static void deny_wins_and_allow_shuts_out_the_rest(void **state)
{
	static const struct {
		const char *allow, *deny, *peer;
		bool in;
	} rows[] = {
		{ NULL, NULL, "192.0.2.1", true },
		{ "10.0.0.0/8", NULL, "10.1.2.3", true },
		{ "10.0.0.0/8", NULL, "192.0.2.1", false },
		{ "10.0.0.0/8", NULL, "::1", false },
		{ NULL, "10.0.0.0/8", "10.1.2.3", false },
		{ NULL, "10.0.0.0/8", "192.0.2.1", true },
		{ "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", false },
		{ "10.1.0.0/16", "10.0.0.0/8", "10.1.2.3", false },
		{ "10.0.0.0/8", "10.1.0.0/16", "10.2.2.3", true },
		{ "10.0.0.0/8", NULL, "::ffff:10.1.2.3", true }, /* an IPv4 client of a socket of both families */
		{ NULL, "10.0.0.0/8", "::ffff:10.1.2.3", false },
		{ "::1", NULL, "::1", true },
		{ "2001:db8::/32", NULL, "2001:db9::1", false },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(rows); i++) {
		struct skt_access a = made(rows[i].allow, rows[i].deny);
		struct skt_addr peer;

		assert_int_equal(skt_addr_parse_ip(rows[i].peer, NULL, 1, &peer), 0);
		if (skt_access_lets_in(&a, &peer) != rows[i].in)
			fail_msg("row %zu: %s", i, rows[i].peer);
	}
}

static void peers_without_an_ip_address_are_in(void **state)
{
	struct skt_access a = made("10.0.0.0/8", NULL);
	struct skt_addr peer;

	(void)state;
	assert_int_equal(skt_addr_from_path("/run/x", &peer), 0);
	assert_true(skt_access_lets_in(&a, &peer));
	skt_addr_from_vsock(3, 1, &peer);
	assert_true(skt_access_lets_in(&a, &peer));
}

static void each_list_has_a_limit_and_mistakes_add_nothing(void **state)
{
	struct skt_access a = { 0 };
	struct skt_error err;

	(void)state;
	assert_int_equal(skt_access_add(&a, true, "nonsense", &err), -SKT_E_USAGE);
	assert_int_equal(a.n_allow, 0);
	for (int i = 0; i < SKT_ACCESS_MAX; i++)
		assert_int_equal(skt_access_add(&a, true, "10.0.0.0/8", &err), 0);
	assert_int_equal(skt_access_add(&a, true, "10.0.0.0/8", &err), -SKT_E_LIMIT);
	assert_int_equal(skt_access_add(&a, false, "11.0.0.0/8", &err), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SUPPORT_TEST(deny_wins_and_allow_shuts_out_the_rest),
		SUPPORT_TEST(peers_without_an_ip_address_are_in),
		SUPPORT_TEST(each_list_has_a_limit_and_mistakes_add_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Networks: what is accepted, what it matches, and where mistakes are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/alloc.h"
#include "endpoint/cidr.h"

static void a_network_prints_as_it_is_meant(void **state)
{
	static const char *const cases[][2] = {
		{ "10.0.0.0/8", "10.0.0.0/8" },
		{ "192.0.2.7", "192.0.2.7/32" },
		{ "0.0.0.0/0", "0.0.0.0/0" },
		{ "192.0.2.128/25", "192.0.2.128/25" },
		{ "::1", "::1/128" },
		{ "fe80::/10", "fe80::/10" },
		{ "::/0", "::/0" },
		{ "2001:DB8:0:0::/32", "2001:db8::/32" },
		{ "::ffff:10.0.0.0/104", "10.0.0.0/8" },
		{ "::ffff:192.0.2.7", "192.0.2.7/32" },
		{ "::ffff:0:0/96", "0.0.0.0/0" },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases); i++) {
		struct skt_cidr cidr;
		struct skt_error err = { 0 };
		char text[SKT_CIDR_LENGTH];

		if (skt_cidr_parse(cases[i][0], &cidr, &err) < 0)
			fail_msg("%s: %s", cases[i][0], err.text);
		assert_string_equal(skt_cidr_print(&cidr, text), cases[i][1]);
	}
}

static void an_address_is_in_a_network_when_the_leading_bits_agree(void **state)
{
	static const struct {
		const char *network, *address;
		bool matches;
	} cases[] = {
		{ "10.0.0.0/8", "10.255.0.1", true },
		{ "10.0.0.0/8", "11.0.0.1", false },
		{ "192.0.2.128/25", "192.0.2.128", true },
		{ "192.0.2.128/25", "192.0.2.127", false },
		{ "192.0.2.7", "192.0.2.7", true },
		{ "192.0.2.7", "192.0.2.6", false },
		{ "0.0.0.0/0", "203.0.113.9", true },
		{ "0.0.0.0/0", "::1", false },
		{ "0.0.0.0/0", "::ffff:203.0.113.9", true },
		{ "10.0.0.0/8", "::ffff:10.1.2.3", true },
		{ "10.0.0.0/8", "::ffff:11.1.2.3", false },
		{ "::ffff:10.0.0.0/104", "10.1.2.3", true },
		{ "fe80::/10", "fe80::1", true },
		{ "fe80::/10", "febf::1", true },
		{ "fe80::/10", "fec0::1", false },
		{ "::1", "::1", true },
		{ "::1", "::2", false },
		{ "::/0", "2001:db8::1", true },
		{ "::/0", "192.0.2.1", false },
		{ "::/0", "::ffff:192.0.2.1", false },
		{ "2001:db8::/33", "2001:db8:7fff::", true },
		{ "2001:db8::/33", "2001:db8:8000::", false },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases); i++) {
		struct skt_cidr cidr;
		struct skt_ip ip;
		size_t wrong;

		assert_int_equal(skt_cidr_parse(cases[i].network, &cidr, NULL), 0);
		assert_int_equal(skt_ip_parse(cases[i].address, strlen(cases[i].address), &ip, &wrong), 0);
		if (skt_cidr_matches(&cidr, &ip) != cases[i].matches ||
		    skt_cidr_matches_bytes(&cidr, ip.bytes, ip.family == 4 ? 4 : 16) != cases[i].matches)
			fail_msg("%s and %s", cases[i].network, cases[i].address);
	}
}

static void bytes_of_any_other_number_are_in_no_network(void **state)
{
	static const uint8_t bytes[16] = { 0 };
	struct skt_cidr cidr;

	(void)state;
	assert_int_equal(skt_cidr_parse("0.0.0.0/0", &cidr, NULL), 0);
	assert_true(skt_cidr_matches_bytes(&cidr, bytes, 4));
	assert_false(skt_cidr_matches_bytes(&cidr, bytes, 0));
	assert_false(skt_cidr_matches_bytes(&cidr, bytes, 5));
}

static void mistakes_point_at_the_first_wrong_character_and_show_what_is_right(void **state)
{
	static const struct {
		const char *text;
		int at;
		const char *says, *hints;
	} cases[] = {
		{ "", 0, "not an IP address", "10.0.0.0/8" },
		{ "localhost", 0, "not an IP address", "10.0.0.0/8" },
		{ "10.0.0", 6, "not an IP address", "10.0.0.0/8" },
		{ "10.0.0.256/8", 7, "not an IP address", "10.0.0.0/8" },
		{ "10.0.0.0 /8", 8, "not an IP address", "10.0.0.0/8" },
		{ "fe80::1%eth0", 7, "not an IP address", "10.0.0.0/8" },
		{ "[::1]/128", 0, "not an IP address", "10.0.0.0/8" },
		{ "::1::/64", 4, "not an IP address", "10.0.0.0/8" },
		{ "10.0.0.0/", 9, "not a prefix length", "0 to 32" },
		{ "10.0.0.0/x", 9, "not a prefix length", "0 to 32" },
		{ "10.0.0.0/8x", 10, "not a prefix length", "0 to 32" },
		{ "10.0.0.0/-1", 9, "not a prefix length", "0 to 32" },
		{ "::/64/64", 5, "not a prefix length", "0 to 128" },
		{ "10.0.0.0/33", 9, "longer than the address", "32 bits" },
		{ "10.0.0.0/99999999999", 9, "longer than the address", "32 bits" },
		{ "::/129", 3, "longer than the address", "128 bits" },
		{ "10.1.2.3/8", 0, "bits set behind the prefix", "10.0.0.0/8, the single address 10.1.2.3" },
		{ "10.0.0.1/0", 0, "bits set behind the prefix", "0.0.0.0/0" },
		{ "192.0.2.1/31", 0, "bits set behind the prefix", "192.0.2.0/31" },
		{ "2001:db8::1/64", 0, "bits set behind the prefix", "2001:db8::/64" },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases); i++) {
		struct skt_cidr cidr = { .bits = -5 };
		struct skt_error err = { 0 };

		assert_int_equal(skt_cidr_parse(cases[i].text, &cidr, &err), -SKT_E_USAGE);
		if (err.at != cases[i].at || !strstr(err.text, cases[i].says) || !strstr(err.hint, cases[i].hints))
			fail_msg("%s: at %d \"%s\" (%s)", cases[i].text, err.at, err.text, err.hint);
		assert_int_equal(cidr.bits, -5);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_network_prints_as_it_is_meant),
		cmocka_unit_test(an_address_is_in_a_network_when_the_leading_bits_agree),
		cmocka_unit_test(bytes_of_any_other_number_are_in_no_network),
		cmocka_unit_test(mistakes_point_at_the_first_wrong_character_and_show_what_is_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

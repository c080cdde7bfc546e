/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of addresses and of names, each by the block or the ending that an RFC gives it; and addresses as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>

#include "base/alloc.h"
#include "endpoint/addrkind.h"
#include "endpoint/cidr.h"
#include "endpoint/namekind.h"

static struct skt_ip read_ip(const char *text)
{
	struct skt_ip ip = { 0 };
	size_t wrong;

	if (skt_ip_parse(text, strlen(text), &ip, &wrong) < 0)
		fail_msg("%s: wrong at %zu", text, wrong);
	return ip;
}

static void each_block_has_its_kind_from_its_first_address_to_its_last(void **state)
{
	static const struct {
		const char *address, *kind, *rfc;
	} cases[] = {
		{ "0.0.0.0", "unspecified", "RFC 1122" },
		{ "0.0.0.1", "reserved", "RFC 1122" },
		{ "0.255.255.255", "reserved", "RFC 1122" },
		{ "1.0.0.0", "public", "RFC 791" },
		{ "8.8.8.8", "public", "RFC 791" },
		{ "9.255.255.255", "public", "RFC 791" },
		{ "10.0.0.0", "private", "RFC 1918" },
		{ "10.255.255.255", "private", "RFC 1918" },
		{ "11.0.0.0", "public", "RFC 791" },
		{ "100.63.255.255", "public", "RFC 791" },
		{ "100.64.0.0", "shared", "RFC 6598" },
		{ "100.127.255.255", "shared", "RFC 6598" },
		{ "100.128.0.0", "public", "RFC 791" },
		{ "127.0.0.1", "loopback", "RFC 1122" },
		{ "127.255.255.255", "loopback", "RFC 1122" },
		{ "169.254.0.1", "link-local", "RFC 3927" },
		{ "172.15.255.255", "public", "RFC 791" },
		{ "172.16.0.0", "private", "RFC 1918" },
		{ "172.31.255.255", "private", "RFC 1918" },
		{ "172.32.0.0", "public", "RFC 791" },
		{ "192.0.0.1", "reserved", "RFC 6890" },
		{ "192.0.2.1", "documentation", "RFC 5737" },
		{ "192.168.1.1", "private", "RFC 1918" },
		{ "192.169.0.0", "public", "RFC 791" },
		{ "198.17.255.255", "public", "RFC 791" },
		{ "198.18.0.0", "benchmarking", "RFC 2544" },
		{ "198.19.255.255", "benchmarking", "RFC 2544" },
		{ "198.51.100.7", "documentation", "RFC 5737" },
		{ "203.0.113.7", "documentation", "RFC 5737" },
		{ "224.0.0.1", "multicast", "RFC 5771" },
		{ "239.255.255.255", "multicast", "RFC 5771" },
		{ "240.0.0.1", "reserved", "RFC 1112" },
		{ "255.255.255.254", "reserved", "RFC 1112" },
		{ "255.255.255.255", "broadcast", "RFC 919" },
		{ "::", "unspecified", "RFC 4291" },
		{ "::1", "loopback", "RFC 4291" },
		{ "::2", "reserved", "RFC 4291" },
		{ "::ffff:192.168.1.1", "v4-mapped", "RFC 4291" },
		{ "64:ff9b::192.0.2.1", "translation", "RFC 6052" },
		{ "64:ff9b:1::1", "translation", "RFC 8215" },
		{ "100::1", "discard", "RFC 6666" },
		{ "2001::1", "tunnel", "RFC 4380" },
		{ "2001:2::1", "benchmarking", "RFC 5180" },
		{ "2001:db7:ffff::1", "public", "RFC 4291" },
		{ "2001:db8::1", "documentation", "RFC 3849" },
		{ "2001:db9::1", "public", "RFC 4291" },
		{ "2002:c000:201::1", "tunnel", "RFC 3056" },
		{ "2606:4700::1111", "public", "RFC 4291" },
		{ "3fff::1", "documentation", "RFC 9637" },
		{ "3fff:fff:ffff::1", "documentation", "RFC 9637" },
		{ "3fff:1000::1", "public", "RFC 4291" },
		{ "4000::1", "reserved", "RFC 4291" },
		{ "fbff::1", "reserved", "RFC 4291" },
		{ "fc00::1", "unique-local", "RFC 4193" },
		{ "fdff::1", "unique-local", "RFC 4193" },
		{ "fe80::1", "link-local", "RFC 4291" },
		{ "febf::1", "link-local", "RFC 4291" },
		{ "fec0::1", "reserved", "RFC 4291" },
		{ "ff02::1", "multicast", "RFC 4291" },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases); i++) {
		struct skt_ip ip = read_ip(cases[i].address);
		const struct skt_addrkind *kind = skt_addrkind_of(&ip);

		if (strcmp(kind->name, cases[i].kind) != 0 || strcmp(kind->rfc, cases[i].rfc) != 0)
			fail_msg("%s: %s, %s", cases[i].address, kind->name, kind->rfc);
	}
}

static void the_network_of_each_kind_is_written_as_it_is_matched(void **state)
{
	const struct skt_addrkind *kind;

	(void)state;
	for (size_t i = 0; (kind = skt_addrkind_at(i)); i++) {
		char address[SKT_IP_LENGTH] = "";
		struct skt_ip ip;

		assert_non_null(strchr(kind->network, '/'));
		memcpy(address, kind->network, strcspn(kind->network, "/"));
		assert_true(kind->help && kind->help[0] && strncmp(kind->rfc, "RFC ", 4) == 0);
		/* The first address of a block may be in a smaller one, which is then the row before. */
		ip = read_ip(address);
		assert_true(skt_addrkind_of(&ip) == kind || strcmp(address, "0.0.0.0") == 0 ||
			    strcmp(address, "::") == 0 || strcmp(address, "2000::") == 0);
	}
}

static void a_mapped_address_has_the_kind_of_the_one_inside_too(void **state)
{
	struct skt_ip ip = read_ip("::ffff:10.1.2.3"), inner = skt_ip_unmap(&ip);

	(void)state;
	assert_true(skt_ip_is_mapped(&ip));
	assert_false(skt_ip_is_mapped(&inner));
	assert_string_equal(skt_addrkind_of(&inner)->name, "private");
}

static void names_that_the_rfcs_set_apart_have_their_kind(void **state)
{
	static const char *const cases[][2] = {
		{ "localhost", "loopback" }, { "LOCALHOST.", "loopback" },       { "a.localhost", "loopback" },
		{ "notlocalhost", "name" },  { "example.com", "documentation" }, { "www.example.org", "documentation" },
		{ "myexample.com", "name" }, { "printer.local", "link-local" },  { "x.test", "test" },
		{ "x.invalid", "invalid" },  { "nas.home.arpa", "private" },     { "abc.onion", "onion" },
		{ "www.soket.dev", "name" },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases); i++)
		assert_string_equal(skt_namekind_of(cases[i][0])->kind, cases[i][1]);
}

static void addresses_are_read_and_printed_as_libc_does(void **state)
{
	static const char *const texts[] = {
		"0.0.0.0",
		"255.255.255.255",
		"1.2.3",
		"1.2.3.4.5",
		"01.2.3.4",
		"1..2.3",
		"1.2.3.4 ",
		"::",
		"::1",
		"1::",
		"1::2",
		"1:2:3:4:5:6:7:8",
		"1:2:3:4:5:6:7::",
		"::2:3:4:5:6:7:8",
		"1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:8:9",
		":::",
		"1:::2",
		":1::",
		"1::2::3",
		"::ffff:1.2.3.4",
		"::1.2.3.4",
		"1:2:3:4:5:6:1.2.3.4",
		"1:2:3:4:5:6:7:1.2.3.4",
		"::1.2.3.4:5",
		"2001:DB8::A",
		"0:0:1::",
		"1:0:0:2:0:0:0:3",
		"1:0:0:2:3:0:0:4",
		"12345::",
		"g::",
		"1:",
		":",
		"",
		"fe80::1%lo",
		"0:0:0:0:0:0:0:0",
		"0:1:0:1:0:1:0:1",
		"::ffff:0:0",
		"64:ff9b::102:304",
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(texts); i++) {
		int af = strchr(texts[i], ':') ? AF_INET6 : AF_INET;
		uint8_t bytes[16] = { 0 };
		struct skt_ip ip = { 0 };
		char ours[SKT_IP_LENGTH], theirs[INET6_ADDRSTRLEN];
		size_t wrong = 0;
		bool good = inet_pton(af, texts[i], bytes) == 1;

		if (good != (skt_ip_parse(texts[i], strlen(texts[i]), &ip, &wrong) == 0))
			fail_msg("%s: libc says %d", texts[i], good);
		if (!good) {
			assert_in_range(wrong, 0, strlen(texts[i]));
			continue;
		}
		assert_memory_equal(ip.bytes, bytes, sizeof(bytes));
		assert_non_null(inet_ntop(af, bytes, theirs, sizeof(theirs)));
		/* libc prints the long-gone ::a.b.c.d in that form; RFC 5952 does not ask for it. */
		if (strcmp(texts[i], "::1.2.3.4") != 0)
			assert_string_equal(skt_ip_print(&ip, ours), theirs);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_block_has_its_kind_from_its_first_address_to_its_last),
		cmocka_unit_test(the_network_of_each_kind_is_written_as_it_is_matched),
		cmocka_unit_test(a_mapped_address_has_the_kind_of_the_one_inside_too),
		cmocka_unit_test(names_that_the_rfcs_set_apart_have_their_kind),
		cmocka_unit_test(addresses_are_read_and_printed_as_libc_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

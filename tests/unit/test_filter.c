/* SPDX-License-Identifier: Apache-2.0 */
/* Filters: which words are read, which sockets they match, what they narrow, and where mistakes are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "inspect/direction.h"
#include "inspect/filter.h"

enum { WORDS_MAX = 8 };

/* The words of a text with blanks between them. */
static int parse(const char *text, enum skt_filter_scope scope, struct skt_filter **ret, struct skt_error *err)
{
	static char copy[256];
	const char *words[WORDS_MAX];
	int n = 0;

	(void)snprintf(copy, sizeof(copy), "%s", text);
	for (char *word = copy; *word && n < WORDS_MAX;) {
		char *end = strchr(word, ' ');

		words[n++] = word;
		if (!end)
			break;
		*end = '\0';
		word = end + 1;
	}
	return skt_filter_parse(words, n, scope, ret, err);
}

/* A few sockets that differ in everything; the table has one name and one info. */
static struct skt_sock web = {
	.proto = SKT_PROTO_TCP,
	.state = SKT_STATE_LISTEN,
	.local = { 4, { 0 } },
	.local_port = 80,
	.uid = 33,
	.inode = 1,
	.has_queue = true,
	.queue = 3,
	.limit = 128,
	.has_drops = true,
	.drops = 2,
	.info = -1,
};
static struct skt_sock both = {
	.proto = SKT_PROTO_TCP,
	.state = SKT_STATE_LISTEN,
	.local = { 6, { 0 } },
	.local_port = 8080,
	.interface = 7,
	.info = -1,
};
static struct skt_sock held = {
	.proto = SKT_PROTO_TCP,
	.state = SKT_STATE_BOUND,
	.local = { 4, { 127, 0, 0, 1 } },
	.local_port = 50000,
	.info = -1,
};
static struct skt_sock dns = {
	.proto = SKT_PROTO_UDP,
	.state = SKT_STATE_CLOSE,
	.local = { 6, { [15] = 1 } },
	.local_port = 53,
	.info = -1,
};
static struct skt_sock path = { .proto = SKT_PROTO_UNIX, .state = SKT_STATE_LISTEN, .name = 0, .name_len = 11, .info = -1 };
static struct skt_sock abstract = {
	.proto = SKT_PROTO_UNIX_DGRAM, .state = SKT_STATE_CLOSE, .name = 11, .name_len = 4, .info = -1
};
static struct skt_sock virtual = {
	.proto = SKT_PROTO_VSOCK, .state = SKT_STATE_LISTEN, .local_cid = UINT32_MAX, .local_port = 100000, .info = -1
};
static struct skt_sock flow = {
	.proto = SKT_PROTO_TCP,
	.state = SKT_STATE_ESTABLISHED,
	.local = { 4, { 192, 168, 1, 2 } },
	.remote = { 4, { 10, 0, 0, 5 } },
	.local_port = 40000,
	.remote_port = 5432,
	.has_queue = true,
	.queue = 10,
	.limit = 5000,
	.info = 0,
};
static struct skt_sock silent = {
	.proto = SKT_PROTO_TCP,
	.state = SKT_STATE_SYN_SENT,
	.local = { 6, { 0xfe, 0x80, [15] = 1 } },
	.remote = { 6, { 0xfe, 0x80, [15] = 2 } },
	.local_port = 40001,
	.remote_port = 443,
	.info = -1,
};

static struct skt_tcpinfo info = {
	.rtt = 150 * SKT_MS,
	.rtt_min = 20 * SKT_MS,
	.retransmits = 4,
	.congestion_window = 10,
	.bytes_sent = 2500000,
	.bytes_retransmitted = 500000,
	.bytes_received = 100,
};
static char names[] = "/run/x.sock\0abc";
static struct skt_census census = {
	.table = { .info = &info, .n_info = 1, .names = { .s = names, .len = sizeof(names) - 1, .cap = sizeof(names) } }
};
static const struct skt_measured measured = {
	.sent_rate = 2e6,
	.received_rate = 500,
	.age_least = 60 * SKT_SECOND,
	.age_most = 70 * SKT_SECOND,
	.direction = SKT_DIRECTION_OUT,
	.limited = SKT_LIMIT_NETWORK,
};

struct row {
	const char *words;
	const struct skt_sock *sock;
	bool matches;
};

static void check(const struct row *rows, size_t n, enum skt_filter_scope scope)
{
	for (size_t i = 0; i < n; i++) {
		struct skt_filter *f;
		struct skt_error err = { 0 };
		bool may, matches;

		if (parse(rows[i].words, scope, &f, &err) < 0)
			fail_msg("%s: %s", rows[i].words, err.text);
		may = skt_filter_may_match(f, &census.table, rows[i].sock);
		matches = may && skt_filter_matches(f, &census, rows[i].sock, &measured);
		if (matches != rows[i].matches)
			fail_msg("\"%s\" matches: %d (row %zu)", rows[i].words, matches, i);
		if (matches && !skt_filter_may_match(f, NULL, rows[i].sock))
			fail_msg("\"%s\" is refused before names are known", rows[i].words);
		skt_filter_free(f);
	}
}

static void words_match_bound_sockets_by_what_they_are(void **state)
{
	static const struct row rows[] = {
		{ "", &web, true },
		{ "80", &web, true },
		{ ":80", &web, true },
		{ "80", &both, false },
		{ "port=80", &web, true },
		{ "local-port=80", &web, true },
		{ "79-81", &web, true },
		{ "81-90", &web, false },
		{ "port=8000..", &both, true },
		{ "port=..100", &both, false },
		{ "port<1024", &web, true },
		{ "port>=80", &web, true },
		{ "port>80", &web, false },
		{ "port!=80", &web, false },
		{ "port!=80", &both, true },
		{ "port!=80", &path, false }, /* it has none */
		{ ":http", &web, true },
		{ "service=http", &web, true },
		{ ":http", &both, false },
		{ ":domain", &dns, true },
		{ "tcp", &web, true },
		{ "udp", &web, false },
		{ "udp", &dns, true },
		{ "ip", &dns, true },
		{ "unix", &path, true },
		{ "unix", &abstract, true },
		{ "unix-dgram", &abstract, true },
		{ "unix-stream", &abstract, false },
		{ "vsock", &virtual, true },
		{ "vsock 100000", &virtual, true },
		{ "protocol!=tcp", &web, false },
		{ "protocol!=tcp", &dns, true },
		{ "class=system", &web, true },
		{ "class=well-known", &web, true },
		{ "class=dynamic", &held, true },
		{ "class!=dynamic", &held, false },
		{ "class=user", &path, false },
		{ "user=33", &web, true },
		{ "user=root", &both, true },
		{ "user!=root", &web, true },
		{ "address=any", &web, true },
		{ "any", &both, true },
		{ "any", &held, false },
		{ "*:80", &web, true },
		{ "any:80", &both, false },
		{ "loopback", &held, true },
		{ "address=loopback", &dns, true },
		{ "address!=loopback", &dns, false },
		{ "address!=loopback", &path, false },
		{ "127.0.0.1", &held, true },
		{ "127.0.0.0/8", &held, true },
		{ "127.0.0.1:50000", &held, true },
		{ "127.0.0.1:50001", &held, false },
		{ "::1", &dns, true },
		{ "[::1]:53", &dns, true },
		{ "[::1]:54", &dns, false },
		{ "address=::1", &web, false },
		{ "vsock any", &virtual, true },
		{ "family=4", &web, true },
		{ "family=6", &web, false },
		{ "family=4", &both, true }, /* dual-stack */
		{ "family=ipv6", &both, true },
		{ "family=4", &dns, false },
		{ "interface=7", &both, true },
		{ "interface=7", &web, false },
		{ "state=listen", &web, true },
		{ "listen", &held, false },
		{ "bound", &held, true },
		{ "state=bound", &dns, true },
		{ "/run/x.sock", &path, true },
		{ "path=/run/*", &path, true },
		{ "path=/run/*", &web, false },
		{ "path=/tmp/*", &path, false },
		{ "@abc", &abstract, true },
		{ "path=@*", &abstract, true },
		{ "path!=@*", &abstract, false },
		{ "queue>2", &web, true },
		{ "queue>3", &web, false },
		{ "queue=1..", &web, true }, /* its limit is not what waits */
		{ "queue>100", &web, false },
		{ "queue>0", &both, false }, /* not known */
		{ "drops>0", &web, true },
		{ "drops=0", &web, false },
		{ "drops=1..5", &web, true },
		/* together */
		{ "tcp 80", &web, true },
		{ "tcp 81", &web, false },
		{ "80 81", &web, true },
		{ "81 80", &web, true },
		{ "80 :http tcp", &web, true },
		{ "service=ssh 80", &web, true },
		{ "udp tcp", &web, true },
		{ "port!=80 port!=81", &both, true },
		{ "port!=80 port!=8080", &both, false },
		{ "port>=80 port<=90", &web, true },
		{ "port>=80 port<=90", &both, false },
	};

	(void)state;
	check(rows, SKT_LENGTH(rows), SKT_FILTER_PORTS);
}

static void words_match_connections_by_both_ends_and_by_measurements(void **state)
{
	static const struct row rows[] = {
		{ "5432", &flow, true },
		{ "40000", &flow, true },
		{ "port=443", &flow, false },
		{ "remote-port=5432", &flow, true },
		{ "remote-port=40000", &flow, false },
		{ "local-port=40000", &flow, true },
		{ "remote=10.0.0.0/8", &flow, true },
		{ "remote=10.0.0.5:5432", &flow, true },
		{ "remote=10.0.0.5:443", &flow, false },
		{ "10.0.0.5:5432", &flow, true },
		{ "local=192.168.1.2", &flow, true },
		{ "local=10.0.0.0/8", &flow, false },
		{ "address=10.0.0.0/8", &flow, true },
		{ "remote!=10.0.0.0/8", &flow, false },
		{ "remote=fe80::/10", &silent, true },
		{ "[fe80::2]:443", &silent, true },
		{ "family=4", &flow, true },
		{ "family=4", &silent, false },
		{ "state=established", &flow, true },
		{ "established", &silent, false },
		{ "state!=established", &silent, true },
		{ "rtt>100ms", &flow, true },
		{ "rtt>=150ms", &flow, true },
		{ "rtt>150ms", &flow, false },
		{ "rtt<1s", &flow, true },
		{ "rtt=100ms..", &flow, true },
		{ "rtt=..100ms", &flow, false },
		{ "rtt=100ms..200ms", &flow, true },
		{ "rtt!=100ms..200ms", &flow, false },
		{ "rtt<1s", &silent, false }, /* not known */
		{ "min-rtt<=20ms", &flow, true },
		{ "retrans>3", &flow, true },
		{ "retrans=0", &flow, false },
		{ "cwnd=10", &flow, true },
		{ "sent>1M", &flow, true },
		{ "sent=2MB", &flow, true },
		{ "received<1K", &flow, true },
		{ "queue>4K", &flow, true },
		{ "rate>1MB", &flow, true },
		{ "rate>10Mbit", &flow, true },
		{ "rate>3MB", &flow, false },
		{ "rate>=2MB/s", &flow, true },
		{ "sent-rate>1MB", &flow, true },
		{ "received-rate>1MB", &flow, false },
		{ "age>50s", &flow, true },
		{ "age>65s", &flow, false }, /* perhaps not */
		{ "age<2m", &flow, true },
		{ "age<65s", &flow, false },
		{ "direction=out", &flow, true },
		{ "direction=in", &flow, false },
		{ "limited=network", &flow, true },
		{ "limited=send-buffer", &flow, false },
		{ "rtt>100ms retrans>0 remote=10.0.0.0/8", &flow, true },
		{ "rtt>100ms retrans>9 remote=10.0.0.0/8", &flow, false },
	};

	(void)state;
	check(rows, SKT_LENGTH(rows), SKT_FILTER_FLOWS);
}

static void what_was_not_measured_matches_no_measurement(void **state)
{
	static const char *const words[] = { "rate>0", "rate<1GB", "age>0", "age<9d", "direction=out", "limited=network" };
	struct skt_filter *f;

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(words); i++) {
		assert_int_equal(parse(words[i], SKT_FILTER_FLOWS, &f, NULL), 0);
		assert_true(skt_filter_may_match(f, &census.table, &flow));
		assert_false(skt_filter_matches(f, &census, &flow, NULL));
		skt_filter_free(f);
	}
}

static void a_process_is_asked_for_only_by_the_words_that_need_it(void **state)
{
	static const struct {
		const char *words;
		enum skt_filter_scope scope;
		bool owners, infos, rates;
	} rows[] = {
		{ "80 tcp user=me", SKT_FILTER_PORTS, false, false, false },
		{ "process=nginx", SKT_FILTER_PORTS, true, false, false },
		{ "pid=1", SKT_FILTER_FLOWS, true, false, false },
		{ "age>1s", SKT_FILTER_PORTS, true, false, false },
		{ "age>1s", SKT_FILTER_FLOWS, false, false, false },
		{ "rtt>1ms", SKT_FILTER_FLOWS, false, true, false },
		{ "rate>1MB", SKT_FILTER_FLOWS, false, true, true },
		{ "limited=network", SKT_FILTER_FLOWS, false, true, false },
	};
	struct skt_filter *f;

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(rows); i++) {
		assert_int_equal(parse(rows[i].words, rows[i].scope, &f, NULL), 0);
		assert_int_equal(skt_filter_wants_owners(f), rows[i].owners);
		assert_int_equal(skt_filter_wants_info(f), rows[i].infos);
		assert_int_equal(skt_filter_wants_rates(f), rows[i].rates);
		assert_false(skt_filter_is_empty(f));
		skt_filter_free(f);
	}
	assert_int_equal(parse("", SKT_FILTER_PORTS, &f, NULL), 0);
	assert_true(skt_filter_is_empty(f));
	skt_filter_free(f);
}

static void a_socket_that_nobody_is_seen_to_have_matches_no_process(void **state)
{
	static const char *const words[] = { "process=*", "pid=1", "process!=nginx" };
	struct skt_filter *f;

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(words); i++) {
		assert_int_equal(parse(words[i], SKT_FILTER_PORTS, &f, NULL), 0);
		assert_true(skt_filter_may_match(f, &census.table, &web));
		assert_false(skt_filter_matches(f, &census, &web, NULL));
		skt_filter_free(f);
	}
}

static void a_look_is_narrowed_to_what_can_match(void **state)
{
	enum { TCP = 1U << SKT_PROTO_TCP, UDP = 1U << SKT_PROTO_UDP, VSOCK = 1U << SKT_PROTO_VSOCK };
	static const struct {
		const char *words;
		enum skt_filter_scope scope;
		unsigned protos, states; /* 0: as it was */
	} rows[] = {
		{ "tcp", SKT_FILTER_PORTS, TCP, 0 },
		{ "tcp udp", SKT_FILTER_PORTS, TCP | UDP, 0 },
		{ "protocol!=tcp", SKT_FILTER_PORTS, SKT_PROTOS_ALL & ~TCP, 0 },
		{ "80", SKT_FILTER_PORTS, TCP | UDP | VSOCK, 0 },
		{ "80 udp", SKT_FILTER_PORTS, UDP, 0 },
		{ "class=user", SKT_FILTER_PORTS, TCP | UDP, 0 },
		{ "/run/x", SKT_FILTER_PORTS, SKT_PROTOS_UNIX, 0 },
		{ "user=me", SKT_FILTER_PORTS, SKT_PROTOS_ALL, 0 },
		{ "rtt>1ms", SKT_FILTER_FLOWS, TCP, 0 },
		{ "listen", SKT_FILTER_PORTS, SKT_PROTOS_ALL, 1U << SKT_STATE_LISTEN },
		{ "bound", SKT_FILTER_PORTS, SKT_PROTOS_ALL, 1U << SKT_STATE_BOUND | 1U << SKT_STATE_CLOSE },
		{ "state=time-wait", SKT_FILTER_FLOWS, SKT_PROTOS_ALL, 1U << SKT_STATE_TIME_WAIT },
		{ "state!=established", SKT_FILTER_FLOWS, SKT_PROTOS_ALL,
		  SKT_STATES_LIVE & ~(1U << SKT_STATE_ESTABLISHED) },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(rows); i++) {
		unsigned before = rows[i].scope == SKT_FILTER_PORTS ? SKT_STATES_BOUND : SKT_STATES_LIVE;
		struct skt_look look = { .states = before };
		struct skt_filter *f;

		assert_int_equal(parse(rows[i].words, rows[i].scope, &f, NULL), 0);
		skt_filter_narrow(f, &look);
		if (look.protos != rows[i].protos || look.states != (rows[i].states ? rows[i].states : before))
			fail_msg("%s: protocols %x, states %x", rows[i].words, look.protos, look.states);
		skt_filter_free(f);
	}
}

static void what_cannot_match_is_matched_by_nothing(void **state)
{
	static const struct row rows[] = {
		{ "tcp path=/run/x.sock", &path, false },
		{ "tcp path=/run/x.sock", &web, false },
		{ "family=4 unix", &path, false },
	};

	(void)state;
	check(rows, SKT_LENGTH(rows), SKT_FILTER_PORTS);
}

static void mistakes_point_at_the_word_and_show_what_is_right(void **state)
{
	static const struct {
		const char *words;
		enum skt_filter_scope scope;
		int at;
		const char *says, *hints;
	} rows[] = {
		{ "usr=me", SKT_FILTER_PORTS, 0, "usr", "user=" },
		{ "tcp usr=me", SKT_FILTER_PORTS, 4, "usr", "user=" },
		{ "tpc", SKT_FILTER_PORTS, 0, "tpc", "did you mean tcp" },
		{ "ngnix", SKT_FILTER_PORTS, 0, "ngnix", "process=ngnix" },
		{ "tcp user=", SKT_FILTER_PORTS, 9, "user", "user=me" },
		{ "user", SKT_FILTER_PORTS, 4, "user", "user=" },
		{ "rtt", SKT_FILTER_FLOWS, 3, "rtt", "'rtt>DURATION'" },
		{ "80 rtt>5ms", SKT_FILTER_PORTS, 3, "rtt", "soket flows 'rtt>5ms'" },
		{ "remote=::1", SKT_FILTER_PORTS, 0, "remote", "soket flows" },
		{ "user>5", SKT_FILTER_PORTS, 4, "user", "user=" },
		{ "70000", SKT_FILTER_PORTS, 0, "70000", "65535" },
		{ "port=70000", SKT_FILTER_PORTS, 5, "70000", "65535" },
		{ "99999999999999999999", SKT_FILTER_PORTS, 0, "9999", "65535" },
		{ "90-80", SKT_FILTER_PORTS, 3, "90-80", "80-90" },
		{ "80-", SKT_FILTER_PORTS, 3, "80-", "1000-2000" },
		{ "80x", SKT_FILTER_PORTS, 2, "80x", "1000-2000" },
		{ ":htpt", SKT_FILTER_PORTS, 0, "htpt", "http" },
		{ "rtt>5", SKT_FILTER_FLOWS, 4, "5", "5s" },
		{ "rtt=1ms..5", SKT_FILTER_FLOWS, 9, "5", "5s" },
		{ "rate>1", SKT_FILTER_FLOWS, 5, "1", "1MB" },
		{ "sent>1Q", SKT_FILTER_FLOWS, 5, "1Q", "64K" },
		{ "retrans>x", SKT_FILTER_FLOWS, 8, "x", "whole number" },
		{ "class=dynamik", SKT_FILTER_PORTS, 6, "dynamik", "dynamic" },
		{ "state=established", SKT_FILTER_PORTS, 6, "established", "soket flows state=established" },
		{ "state=established1", SKT_FILTER_FLOWS, 6, "established1", "established" },
		{ "address=10.0.0.300", SKT_FILTER_PORTS, 15, "10.0.0.300", "10.0.0.5" },
		{ "address=10.0.0.1/8", SKT_FILTER_PORTS, 8, "", "" },
		{ "family=5", SKT_FILTER_PORTS, 7, "5", "4" },
		{ "pid=0", SKT_FILTER_PORTS, 4, "0", "pid=" },
		{ "user=no-such-user-here", SKT_FILTER_PORTS, 5, "no-such-user-here", "user=me" },
		{ "interface=no-such-one", SKT_FILTER_PORTS, 10, "no-such-one", "" },
		{ "process=", SKT_FILTER_PORTS, 8, "", "process=" },
		{ "=", SKT_FILTER_PORTS, 0, "", "--help" },
		{ "!", SKT_FILTER_PORTS, 0, "", "--help" },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(rows); i++) {
		struct skt_filter *f = NULL;
		struct skt_error err = { 0 };

		assert_int_equal(parse(rows[i].words, rows[i].scope, &f, &err), -SKT_E_USAGE);
		if ((err.at != rows[i].at && *rows[i].says) || !strstr(err.text, rows[i].says) ||
		    !strstr(err.hint, rows[i].hints))
			fail_msg("%s: at %d \"%s\" (%s)", rows[i].words, err.at, err.text, err.hint);
		assert_null(f);
	}
}

static void every_key_of_the_table_is_read_and_has_help(void **state)
{
	const struct skt_filter_key *key;
	size_t n = 0;

	(void)state;
	for (; (key = skt_filter_key_at(n)) != NULL; n++) {
		assert_true(strlen(key->word) > 0 && strlen(key->help) > 0 && strlen(key->help) <= 110);
		assert_non_null(key->unit);
		assert_true(key->scopes != 0);
	}
	assert_true(n > 25);
}

static bool failing_now;

static bool fails(void)
{
	return failing_now;
}

static void without_memory_nothing_is_lost(void **state)
{
	struct skt_filter *f = NULL;
	struct skt_error err = { 0 };

	(void)state;
	skt_alloc_fails = fails;
	failing_now = true;
	assert_int_equal(parse("80", SKT_FILTER_PORTS, &f, &err), -SKT_E_LIMIT);
	failing_now = false;
	skt_alloc_fails = NULL;
	assert_null(f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_match_bound_sockets_by_what_they_are),
		cmocka_unit_test(words_match_connections_by_both_ends_and_by_measurements),
		cmocka_unit_test(what_was_not_measured_matches_no_measurement),
		cmocka_unit_test(a_process_is_asked_for_only_by_the_words_that_need_it),
		cmocka_unit_test(a_socket_that_nobody_is_seen_to_have_matches_no_process),
		cmocka_unit_test(a_look_is_narrowed_to_what_can_match),
		cmocka_unit_test(what_cannot_match_is_matched_by_nothing),
		cmocka_unit_test(mistakes_point_at_the_word_and_show_what_is_right),
		cmocka_unit_test(every_key_of_the_table_is_read_and_has_help),
		cmocka_unit_test(without_memory_nothing_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Who dialled: from tables that the tests make. */
#include "support.h"

#include <string.h>

#include "inspect/direction.h"

enum { MOST = 16 };

/* A table in the making. */
struct made {
	struct skt_sock sock[MOST];
	struct skt_socktable table;
	struct skt_listeners listeners;
};

static struct skt_ip ip(const char *text)
{
	struct skt_ip ret = { 0 };
	size_t wrong;

	if (skt_ip_parse(text, strlen(text), &ret, &wrong) < 0)
		fail_msg("no address: %s", text);
	return ret;
}

static struct skt_sock *add(struct made *m, enum skt_proto proto, enum skt_sockstate state, const char *local,
			    unsigned port)
{
	struct skt_sock *s = &m->sock[m->table.n++];

	assert_true(m->table.n <= MOST);
	*s = (struct skt_sock){ .proto = (uint8_t)proto, .state = (uint8_t)state, .local_port = port, .info = -1 };
	if (local)
		s->local = ip(local);
	m->table.sock = m->sock;
	return s;
}

static struct skt_sock *add_listener(struct made *m, const char *local, unsigned port)
{
	return add(m, SKT_PROTO_TCP, SKT_STATE_LISTEN, local, port);
}

static struct skt_sock *add_flow(struct made *m, const char *local, unsigned port, const char *remote,
				 unsigned remote_port)
{
	struct skt_sock *s = add(m, SKT_PROTO_TCP, SKT_STATE_ESTABLISHED, local, port);

	s->remote = ip(remote);
	s->remote_port = remote_port;
	return s;
}

static void gather(struct made *m)
{
	assert_int_equal(skt_listeners_gather(&m->table, &m->listeners), 0);
	m->listeners.dynamic_first = 32768;
	m->listeners.dynamic_last = 60999;
}

static void expect(const struct made *m, const struct skt_sock *s, enum skt_direction direction,
		   enum skt_direction_from from)
{
	enum skt_direction_from how;
	enum skt_direction found = skt_direction_of(&m->listeners, s, &how);

	assert_int_equal(found, direction);
	assert_int_equal(how, from);
}

static void release(struct made *m)
{
	skt_listeners_release(&m->listeners);
}

static void a_listener_on_the_local_end_means_in_and_on_the_remote_end_out(void **state)
{
	struct made m = { 0 };
	struct skt_sock *in, *out;

	(void)state;
	add_listener(&m, "127.0.0.1", 5432);
	in = add_flow(&m, "127.0.0.1", 5432, "127.0.0.1", 40000);
	out = add_flow(&m, "127.0.0.1", 40000, "127.0.0.1", 5432);
	gather(&m);
	expect(&m, in, SKT_DIRECTION_IN, SKT_FROM_LISTENER);
	expect(&m, out, SKT_DIRECTION_OUT, SKT_FROM_LISTENER);
	release(&m);
}

static void a_listener_of_every_address_takes_each_address_of_its_family(void **state)
{
	struct made m = { 0 };
	struct skt_sock *four, *six, *mapped;

	(void)state;
	add_listener(&m, "0.0.0.0", 80);
	add_listener(&m, "::", 81)->v6only = true;
	add_listener(&m, "::", 82);
	four = add_flow(&m, "10.0.0.1", 80, "10.0.0.2", 40000);
	six = add_flow(&m, "2001:db8::1", 81, "2001:db8::2", 40000);
	mapped = add_flow(&m, "::ffff:10.0.0.1", 82, "::ffff:10.0.0.2", 40000);
	gather(&m);
	expect(&m, four, SKT_DIRECTION_IN, SKT_FROM_LISTENER);
	expect(&m, six, SKT_DIRECTION_IN, SKT_FROM_LISTENER);
	expect(&m, mapped, SKT_DIRECTION_IN, SKT_FROM_LISTENER);
	release(&m);
}

static void a_listener_of_another_family_address_port_protocol_or_namespace_says_nothing(void **state)
{
	struct made m = { 0 };
	struct skt_sock *family, *address, *port, *proto, *netns;

	(void)state;
	add_listener(&m, "::", 81)->v6only = true;
	add_listener(&m, "10.0.0.9", 82);
	add(&m, SKT_PROTO_UDP, SKT_STATE_CLOSE, "0.0.0.0", 83);
	add_listener(&m, "0.0.0.0", 84)->netns = 1;
	family = add_flow(&m, "10.0.0.1", 81, "10.0.0.2", 8000);
	address = add_flow(&m, "10.0.0.1", 82, "10.0.0.2", 8000);
	port = add_flow(&m, "10.0.0.9", 85, "10.0.0.2", 8000);
	proto = add_flow(&m, "10.0.0.1", 83, "10.0.0.2", 8000);
	netns = add_flow(&m, "10.0.0.1", 84, "10.0.0.2", 8000);
	gather(&m);
	expect(&m, family, SKT_DIRECTION_UNKNOWN, SKT_FROM_NOTHING);
	expect(&m, address, SKT_DIRECTION_UNKNOWN, SKT_FROM_NOTHING);
	expect(&m, port, SKT_DIRECTION_UNKNOWN, SKT_FROM_NOTHING);
	expect(&m, proto, SKT_DIRECTION_UNKNOWN, SKT_FROM_NOTHING);
	expect(&m, netns, SKT_DIRECTION_UNKNOWN, SKT_FROM_NOTHING);
	release(&m);
}

static void our_own_listener_on_the_port_of_a_far_host_says_nothing_of_that_host(void **state)
{
	struct made m = { 0 };
	struct skt_sock *s;

	(void)state;
	add_listener(&m, "0.0.0.0", 443);
	s = add_flow(&m, "10.0.0.1", 8443, "192.0.2.7", 443);
	gather(&m);
	expect(&m, s, SKT_DIRECTION_UNKNOWN, SKT_FROM_NOTHING);
	release(&m);
}

static void a_port_of_the_range_for_outgoing_connections_is_a_guess(void **state)
{
	struct made m = { 0 };
	struct skt_sock *out, *in, *both, *neither;

	(void)state;
	out = add_flow(&m, "10.0.0.1", 50000, "192.0.2.7", 443);
	in = add_flow(&m, "10.0.0.1", 443, "192.0.2.7", 50000);
	both = add_flow(&m, "10.0.0.1", 50000, "192.0.2.7", 50001);
	neither = add_flow(&m, "10.0.0.1", 443, "192.0.2.7", 444);
	gather(&m);
	expect(&m, out, SKT_DIRECTION_OUT, SKT_FROM_RANGE);
	expect(&m, in, SKT_DIRECTION_IN, SKT_FROM_RANGE);
	expect(&m, both, SKT_DIRECTION_OUT, SKT_FROM_RANGE);
	expect(&m, neither, SKT_DIRECTION_UNKNOWN, SKT_FROM_NOTHING);
	m.listeners.dynamic_first = m.listeners.dynamic_last = 0;
	expect(&m, out, SKT_DIRECTION_UNKNOWN, SKT_FROM_NOTHING);
	release(&m);
}

static void what_waits_itself_has_no_direction(void **state)
{
	struct made m = { 0 };
	struct skt_sock *tcp, *udp;

	(void)state;
	tcp = add_listener(&m, "0.0.0.0", 50000);
	udp = add(&m, SKT_PROTO_UDP, SKT_STATE_CLOSE, "0.0.0.0", 50000);
	gather(&m);
	expect(&m, tcp, SKT_DIRECTION_UNKNOWN, SKT_FROM_NOTHING);
	expect(&m, udp, SKT_DIRECTION_UNKNOWN, SKT_FROM_NOTHING);
	release(&m);
}

static void a_unix_socket_with_a_name_was_accepted_and_its_peer_dialled(void **state)
{
	struct made m = { 0 };
	struct skt_sock *accepted, *dialled, *pair[2];

	(void)state;
	accepted = add(&m, SKT_PROTO_UNIX, SKT_STATE_ESTABLISHED, NULL, 0);
	dialled = add(&m, SKT_PROTO_UNIX, SKT_STATE_ESTABLISHED, NULL, 0);
	pair[0] = add(&m, SKT_PROTO_UNIX, SKT_STATE_ESTABLISHED, NULL, 0);
	pair[1] = add(&m, SKT_PROTO_UNIX, SKT_STATE_ESTABLISHED, NULL, 0);
	for (uint64_t i = 0; i < 4; i++) {
		m.sock[i].inode = 100 + i;
		m.sock[i].peer = 100 + (i ^ 1);
	}
	accepted->name_len = 6;
	gather(&m);
	expect(&m, accepted, SKT_DIRECTION_IN, SKT_FROM_LISTENER);
	expect(&m, dialled, SKT_DIRECTION_OUT, SKT_FROM_LISTENER);
	expect(&m, pair[0], SKT_DIRECTION_UNKNOWN, SKT_FROM_NOTHING);
	assert_ptr_equal(skt_listeners_peer(&m.listeners, pair[0]), pair[1]);
	release(&m);
}

static void a_thousand_listeners_are_all_found_and_the_memory_is_used_again(void **state)
{
	enum { MANY = 1000 };
	struct skt_listeners listeners = { 0 };
	struct skt_socktable table = { 0 };
	struct skt_sock *sock = skt_zalloc((MANY + 1) * sizeof(*sock)), *flow = sock + MANY;
	enum skt_direction_from from;

	(void)state;
	assert_non_null(sock);
	for (unsigned i = 0; i < MANY; i++)
		sock[i] = (struct skt_sock){ .state = SKT_STATE_LISTEN, .local = ip("0.0.0.0"), .local_port = 2000 + i };
	*flow = (struct skt_sock){
		.state = SKT_STATE_ESTABLISHED, .local = ip("127.0.0.1"), .remote = ip("127.0.0.1"), .remote_port = 9
	};
	table.sock = sock;
	for (int round = 0; round < 2; round++) {
		const uint64_t *before = listeners.key;

		table.n = MANY;
		assert_int_equal(skt_listeners_gather(&table, &listeners), 0);
		assert_true(round == 0 || before == listeners.key);
		for (unsigned i = 0; i < MANY; i++) {
			flow->local_port = 2000 + i;
			assert_int_equal(skt_direction_of(&listeners, flow, &from), SKT_DIRECTION_IN);
		}
	}
	table.n = 0;
	assert_int_equal(skt_listeners_gather(&table, &listeners), 0);
	listeners.dynamic_last = 0;
	assert_int_equal(skt_direction_of(&listeners, flow, &from), SKT_DIRECTION_UNKNOWN);
	skt_listeners_release(&listeners);
	skt_free(sock);
}

static bool never(void)
{
	return true;
}

static void without_memory_there_are_no_listeners_and_no_crash(void **state)
{
	struct made m = { 0 };

	(void)state;
	add_listener(&m, "0.0.0.0", 80);
	skt_alloc_fails = never;
	assert_int_equal(skt_listeners_gather(&m.table, &m.listeners), -SKT_E_LIMIT);
	skt_alloc_fails = NULL;
	expect(&m, add_flow(&m, "10.0.0.1", 80, "10.0.0.2", 8000), SKT_DIRECTION_UNKNOWN, SKT_FROM_NOTHING);
	release(&m);
}

static void the_words_are_stable(void **state)
{
	(void)state;
	assert_string_equal(skt_direction_name(SKT_DIRECTION_IN), "in");
	assert_string_equal(skt_direction_name(SKT_DIRECTION_OUT), "out");
	assert_null(skt_direction_name(SKT_DIRECTION_UNKNOWN));
	assert_string_equal(skt_direction_from_name(SKT_FROM_LISTENER), "listener");
	assert_string_equal(skt_direction_from_name(SKT_FROM_RANGE), "range");
	assert_null(skt_direction_from_name(SKT_FROM_NOTHING));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SUPPORT_TEST(a_listener_on_the_local_end_means_in_and_on_the_remote_end_out),
		SUPPORT_TEST(a_listener_of_every_address_takes_each_address_of_its_family),
		SUPPORT_TEST(a_listener_of_another_family_address_port_protocol_or_namespace_says_nothing),
		SUPPORT_TEST(our_own_listener_on_the_port_of_a_far_host_says_nothing_of_that_host),
		SUPPORT_TEST(a_port_of_the_range_for_outgoing_connections_is_a_guess),
		SUPPORT_TEST(what_waits_itself_has_no_direction),
		SUPPORT_TEST(a_unix_socket_with_a_name_was_accepted_and_its_peer_dialled),
		SUPPORT_TEST(a_thousand_listeners_are_all_found_and_the_memory_is_used_again),
		SUPPORT_TEST(without_memory_there_are_no_listeners_and_no_crash),
		SUPPORT_TEST(the_words_are_stable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

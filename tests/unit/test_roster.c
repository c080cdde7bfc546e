/* SPDX-License-Identifier: Apache-2.0 */
/* The roster: what relays write down when they are asked, and links that are ended on a wish. Two relays on one loop: the first leads to
 * the second, which leads to echo:. */
#include "support.h"

#include "relay/relay.h"
#include "relay/roster.h"
#include "relay/session.h"
#include "sys/limit.h"

struct chain {
	struct skt_loop *loop;
	struct skt_endpoint from[2], to[2];
	struct skt_relay_config config[2];
	struct skt_relay *relay[2];
	struct skt_addr addr[2];
};

static void chain_poked(void *user)
{
	skt_roster_poked(((struct chain *)user)->loop);
}

static void chain_relay(struct chain *c, int i, const char *to)
{
	struct skt_relay_config *config = &c->config[i];
	struct skt_listener *l;
	struct skt_error err = { 0 };

	SUPPORT_OK(skt_endpoint_parse("tcp://127.0.0.1:0", &c->from[i], &err), &err);
	SUPPORT_OK(skt_endpoint_parse(to, &c->to[i], &err), &err);
	SUPPORT_OK(skt_transport_of(&c->from[i], &err)->listen(c->loop, &c->from[i], &l, &err), &err);
	c->addr[i] = l->socket[0].addr;
	config->from = &c->from[i];
	config->to = &c->to[i];
	config->link.waits_for_stdin = true;
	config->link.done = skt_session_link_done;
	SUPPORT_OK(skt_relay_new(c->loop, config, l, 2, &c->relay[i], &err), &err);
	SUPPORT_OK(skt_relay_start(c->relay[i], &err), &err);
}

static void chain_open(struct chain *c, bool names)
{
	char second[SKT_ADDR_LENGTH];

	*c = (struct chain){ .loop = support_loop() };
	c->config[0].names_links = c->config[1].names_links = names;
	skt_loop_on_poke(c->loop, chain_poked, c);
	chain_relay(c, 1, "echo:");
	chain_relay(c, 0, skt_addr_print_endpoint(&c->addr[1], "tcp", second));
}

static int chain_dial(const struct chain *c, int relay)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, &c->addr[relay].sa, c->addr[relay].len), 0);
	return fd;
}

static void chain_until(struct chain *c, int first, int second)
{
	SUPPORT_UNTIL(c->loop, c->relay[0]->n_sessions == first && c->relay[1]->n_sessions == second);
	support_settle(c->loop);
}

static void chain_close(struct chain *c)
{
	for (int i = 0; i < 2; i++) {
		skt_relay_stop(c->relay[i]);
		skt_relay_stop(c->relay[i]);
	}
	SUPPORT_UNTIL(c->loop, skt_relay_is_done(c->relay[0]) && skt_relay_is_done(c->relay[1]));
	for (int i = 0; i < 2; i++) {
		skt_relay_free(c->relay[i]);
		skt_endpoint_release(&c->from[i]);
		skt_endpoint_release(&c->to[i]);
	}
	skt_loop_free(c->loop);
}

/* Ask, and get what was answered. */

static void chain_roster(struct chain *c, struct skt_roster *ret)
{
	skt_roster_ask();
	support_settle(c->loop);
	assert_int_equal(skt_roster_get(ret), 0);
}

static void links_are_listed_with_both_sockets(void **state)
{
	struct skt_roster r;
	struct chain c;
	int fd;

	(void)state;
	chain_open(&c, true);
	fd = chain_dial(&c, 0);
	assert_int_equal(write(fd, "12345", 5), 5);
	SUPPORT_UNTIL(c.loop, c.relay[1]->n_sessions == 1 && c.relay[1]->sessions.next->link.flow[1].given == 5);
	support_settle(c.loop);
	chain_roster(&c, &r);
	assert_int_equal(r.n, 2);
	assert_int_equal(r.n_links, 2);
	assert_true(r.row[0].id > r.row[1].id); /* the youngest first: the relay behind */
	assert_string_equal(r.row[0].to, "echo:");
	assert_int_equal(r.row[1].sent, 5);
	assert_int_equal(r.row[1].received, 5);
	assert_string_equal(r.row[1].mover[0], "copy");
	assert_int_equal(r.row[1].state, SKT_ROSTER_OPEN);
	assert_int_equal(r.row[1].n_requests, -1);
	assert_true(r.row[1].age >= r.row[1].idle);
	assert_null(r.row[1].layers[0][0]);
	/* what the first dialled from is what the second accepted */
	assert_true(skt_roster_end_is(&r.row[1].local[1], &r.row[0].peer[0]));
	assert_true(skt_roster_end_is(&r.row[1].peer[1], &r.row[0].local[0]));
	assert_false(skt_roster_end_is(&r.row[0].local[1], &r.row[0].local[1])); /* echo: has no socket */
	skt_roster_release(&r);
	close(fd);
	chain_close(&c);
}

static void an_end_of_our_bytes_is_seen_as_closing(void **state)
{
	struct skt_roster r;
	struct chain c;
	int fd;

	(void)state;
	chain_open(&c, true);
	fd = chain_dial(&c, 0);
	chain_until(&c, 1, 1);
	/* nobody reads what the first still has to deliver: it stays */
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	SUPPORT_UNTIL(c.loop,
		      c.relay[0]->n_sessions == 0 || c.relay[0]->sessions.next->link.flow[0].state != SKT_FLOW_MOVES);
	if (c.relay[0]->n_sessions == 1) {
		skt_roster_ask();
		skt_roster_poked(c.loop);
		assert_int_equal(skt_roster_get(&r), 0);
		assert_int_equal(r.row[r.n - 1].state, SKT_ROSTER_CLOSING);
		skt_roster_release(&r);
	}
	close(fd);
	chain_close(&c);
}

static void links_without_names_are_counted_only(void **state)
{
	struct skt_roster r;
	struct chain c;
	int fd;

	(void)state;
	chain_open(&c, false);
	fd = chain_dial(&c, 1);
	chain_until(&c, 0, 1);
	chain_roster(&c, &r);
	assert_int_equal(r.n, 0);
	assert_int_equal(r.n_links, 1);
	skt_roster_release(&r);
	close(fd);
	chain_close(&c);
}

static void a_roster_that_nobody_has_asked_for_is_empty(void **state)
{
	struct skt_roster r;
	struct chain c;
	int fd;

	(void)state;
	chain_open(&c, true);
	fd = chain_dial(&c, 1);
	chain_until(&c, 0, 1);
	assert_int_equal(skt_roster_get(&r), 0);
	assert_int_equal(r.n, 0);
	assert_int_equal(r.n_links, 0);
	skt_roster_release(&r);
	close(fd);
	chain_close(&c);
}

static void of_very_many_the_youngest_are_listed_and_all_are_counted(void **state)
{
	enum { MANY = SKT_ROSTER_MAX + 60 };
	struct skt_roster r;
	struct chain c;
	int fd[MANY];

	(void)state;
	if (skt_limit_raise() < 0 || skt_limit_left() < 3 * MANY)
		skip();
	chain_open(&c, true);
	for (int i = 0; i < MANY; i++) {
		fd[i] = chain_dial(&c, 1);
		chain_until(&c, 0, i + 1);
	}
	chain_roster(&c, &r);
	assert_int_equal(r.n, SKT_ROSTER_MAX);
	assert_int_equal(r.n_links, MANY);
	for (size_t i = 1; i < r.n; i++)
		assert_int_equal(r.row[i].id, r.row[i - 1].id - 1);
	skt_roster_release(&r);
	for (int i = 0; i < MANY; i++)
		close(fd[i]);
	chain_until(&c, 0, 0);
	chain_close(&c);
}

static int wish_outcome(struct chain *c, uint64_t id)
{
	struct skt_roster_wish *wish;
	int outcome;

	assert_int_equal(skt_roster_end_link(id, &wish), 0);
	assert_int_equal(skt_roster_outcome(wish), -SKT_AGAIN);
	SUPPORT_UNTIL(c->loop, skt_roster_outcome(wish) != -SKT_AGAIN);
	outcome = skt_roster_outcome(wish);
	skt_roster_forget(wish);
	return outcome;
}

static void a_wish_cuts_that_link_and_no_other(void **state)
{
	struct skt_roster r;
	struct chain c;
	uint64_t id;
	int fd[2];
	char byte;

	(void)state;
	chain_open(&c, true);
	fd[0] = chain_dial(&c, 1);
	chain_until(&c, 0, 1);
	fd[1] = chain_dial(&c, 1);
	chain_until(&c, 0, 2);
	chain_roster(&c, &r);
	assert_int_equal(r.n, 2);
	id = r.row[1].id; /* the older one */
	skt_roster_release(&r);
	assert_int_equal(wish_outcome(&c, id), 1);
	chain_until(&c, 0, 1);
	assert_true(read(fd[0], &byte, 1) <= 0);
	assert_int_equal(write(fd[1], "x", 1), 1);
	SUPPORT_UNTIL(c.loop, c.relay[1]->sessions.next->link.flow[1].given == 1);
	assert_int_equal(wish_outcome(&c, id), 0); /* it is gone */
	assert_int_equal(wish_outcome(&c, UINT64_MAX), 0);
	close(fd[0]);
	close(fd[1]);
	chain_close(&c);
}

static void a_relay_that_goes_leaves_no_wish_waiting(void **state)
{
	struct skt_roster_wish *wish;
	struct chain c;

	(void)state;
	chain_open(&c, true);
	assert_int_equal(skt_roster_end_link(1, &wish), 0);
	chain_close(&c);
	assert_int_equal(skt_roster_outcome(wish), 0);
	skt_roster_forget(wish);
	assert_int_equal(skt_roster_end_link(1, &wish), 0); /* there is no relay at all */
	assert_int_equal(skt_roster_outcome(wish), 0);
	skt_roster_forget(wish);
}

static void wishes_are_bounded(void **state)
{
	enum { MANY = 64 };
	struct skt_roster_wish *wish[MANY], *more;
	struct chain c;

	(void)state;
	chain_open(&c, true);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(skt_roster_end_link((uint64_t)i + 1000, &wish[i]), 0);
	assert_int_equal(skt_roster_end_link(1, &more), -SKT_E_LIMIT);
	support_settle(c.loop);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(skt_roster_outcome(wish[i]), 0);
		skt_roster_forget(wish[i]);
	}
	chain_close(&c);
}

static bool never(void)
{
	return true;
}

static void without_memory_there_is_no_roster_and_links_go_on(void **state)
{
	struct skt_roster_wish *wish;
	struct skt_roster r;
	struct chain c;
	int fd;

	(void)state;
	chain_open(&c, true);
	fd = chain_dial(&c, 1);
	chain_until(&c, 0, 1);
	skt_roster_ask();
	skt_alloc_fails = never;
	skt_roster_poked(c.loop);
	assert_int_equal(skt_roster_get(&r), -SKT_E_LIMIT);
	assert_int_equal(skt_roster_end_link(1, &wish), -SKT_E_LIMIT);
	skt_alloc_fails = NULL;
	assert_int_equal(skt_roster_get(&r), 0);
	assert_int_equal(r.n, 0);
	skt_roster_release(&r);
	assert_int_equal(c.relay[1]->n_sessions, 1);
	close(fd);
	chain_close(&c);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SUPPORT_TEST(links_are_listed_with_both_sockets),
		SUPPORT_TEST(an_end_of_our_bytes_is_seen_as_closing),
		SUPPORT_TEST(links_without_names_are_counted_only),
		SUPPORT_TEST(a_roster_that_nobody_has_asked_for_is_empty),
		SUPPORT_TEST(of_very_many_the_youngest_are_listed_and_all_are_counted),
		SUPPORT_TEST(a_wish_cuts_that_link_and_no_other),
		SUPPORT_TEST(a_relay_that_goes_leaves_no_wish_waiting),
		SUPPORT_TEST(wishes_are_bounded),
		SUPPORT_TEST(without_memory_there_is_no_roster_and_links_go_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

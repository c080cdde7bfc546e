/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of the live page that need no server: who may speak to it, its query, and events that say the same. */
#include "support.h"

#include "view/parts.h"
#include "view/query.h"

static struct skt_span span(const char *s)
{
	return (struct skt_span){ s, s ? strlen(s) : 0 };
}

static void only_names_of_the_loopback_network_are_hosts(void **state)
{
	static const char *const good[] = { "127.0.0.1",    "127.0.0.1:8000", "localhost",
					    "LocalHost:1",  "[::1]",          "[::1]:65535",
					    "127.8.9.1:80", "localhost:0",    "[::ffff:127.0.0.1]:80" };
	static const char *const bad[] = {
		"",
		"example.org",
		"127.0.0.1.example.org",
		"localhost.example.org",
		"10.0.0.1:80",
		"127.0.0.1:",
		"127.0.0.1:80a",
		"127.0.0.1:123456",
		"127.1",
		"2130706433",
		"0x7f000001",
		"[::1",
		"[::1]80",
		"[::1]:",
		"::1",
		"[127.0.0.1]",
		"localhost:80:80",
		"user@127.0.0.1",
		"127.0.0.1/",
		"0.0.0.0",
		"[::]",
		"localhost.",
		" localhost",
		":80",
		"[]",
		"[:]",
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(good); i++)
		if (!skt_guard_host(span(good[i])))
			fail_msg("%s was refused", good[i]);
	for (size_t i = 0; i < SKT_LENGTH(bad); i++)
		if (skt_guard_host(span(bad[i])))
			fail_msg("%s was taken", bad[i]);
	assert_false(skt_guard_host(span(NULL)));
}

static bool origin(const char *host, const char *from, const char *site)
{
	struct skt_request r = { 0 };

	r.field[SKT_FIELD_HOST] = span(host);
	r.field[SKT_FIELD_ORIGIN] = span(from);
	r.field[SKT_FIELD_FETCH_SITE] = span(site);
	return skt_guard_origin(&r);
}

static void only_the_page_itself_may_change_things(void **state)
{
	struct skt_request twice = { .repeated = 1U << SKT_FIELD_ORIGIN };

	(void)state;
	assert_true(origin("127.0.0.1:1", NULL, NULL));
	assert_true(origin("127.0.0.1:1", "http://127.0.0.1:1", "same-origin"));
	assert_true(origin("localhost:1", "https://localhost:1", NULL)); /* a relay before it does TLS */
	assert_true(origin("127.0.0.1:1", NULL, "none"));
	assert_false(origin("127.0.0.1:1", "http://127.0.0.1:2", "same-site"));
	assert_false(origin("127.0.0.1:1", "http://127.0.0.1:1", "cross-site"));
	assert_false(origin("127.0.0.1:1", "http://127.0.0.1:10", NULL));
	assert_false(origin("127.0.0.1:10", "http://127.0.0.1:1", NULL));
	assert_false(origin("127.0.0.1:1", "null", NULL));
	assert_false(origin("127.0.0.1:1", "", NULL));
	assert_false(origin(NULL, "http://", NULL));
	assert_false(origin("127.0.0.1:1", "ftp://127.0.0.1:1", NULL));
	assert_false(origin("127.0.0.1:1", NULL, "same-origin, none"));
	assert_false(skt_guard_origin(&twice));
}

static ssize_t random_fails(void *buf, size_t n, unsigned flags)
{
	(void)buf;
	(void)n;
	(void)flags;
	errno = ENOSYS;
	return -1;
}

static void a_token_is_new_each_time_and_compared_whole(void **state)
{
	char token[2][SKT_TOKEN_LENGTH + 1], other[SKT_TOKEN_LENGTH + 1];

	(void)state;
	assert_int_equal(skt_token_make(token[0]), 0);
	assert_int_equal(skt_token_make(token[1]), 0);
	assert_int_equal(strspn(token[0], "0123456789abcdef"), SKT_TOKEN_LENGTH);
	assert_string_not_equal(token[0], token[1]);
	assert_true(skt_token_is(token[0], span(token[0])));
	assert_false(skt_token_is(token[0], span(token[1])));
	for (size_t i = 0; i < SKT_TOKEN_LENGTH; i++) {
		memcpy(other, token[0], sizeof(other));
		other[i] ^= 1;
		assert_false(skt_token_is(token[0], span(other)));
	}
	assert_false(skt_token_is(token[0], (struct skt_span){ token[0], SKT_TOKEN_LENGTH - 1 }));
	assert_false(skt_token_is(token[0], span("")));
	skt_sys.getrandom = random_fails;
	assert_int_equal(skt_token_make(token[0]), -1);
}

static void value_is(const char *query, const char *name, int ret, const char *value)
{
	struct skt_text t = { 0 };

	assert_int_equal(skt_query_get(span(query), name, &t), ret);
	if (ret > 0)
		assert_string_equal(skt_text_get(&t), value);
	skt_text_release(&t);
}

static void queries_are_decoded(void **state)
{
	struct skt_text t = { 0 };

	(void)state;
	assert_int_equal(skt_query_get((struct skt_span){ "ports=a\0b", 9 }, "ports", &t), -1);
	skt_text_release(&t);
	value_is("ports=tcp+user%3Dme&flows=x", "ports", 1, "tcp user=me");
	value_is("ports=a&ports=b", "ports", 1, "a");
	value_is("ports=", "ports", 1, "");
	value_is("xports=a", "ports", 0, NULL);
	value_is("portsx=a", "ports", 0, NULL);
	value_is("ports", "ports", 0, NULL);
	value_is("", "ports", 0, NULL);
	value_is(NULL, "ports", 0, NULL);
	value_is("&&ports=%C3%A9", "ports", 1, "\xc3\xa9");
	value_is("ports=%00", "ports", -1, NULL);
	value_is("ports=%4", "ports", -1, NULL);
	value_is("ports=%", "ports", -1, NULL);
	value_is("ports=%zz", "ports", -1, NULL);
}

static void words_know_where_they_were(void **state)
{
	struct skt_query_words w;
	char many[SKT_QUERY_WORDS * 2 + 3];

	(void)state;
	assert_int_equal(skt_query_words("  tcp   user=me ", &w), 0);
	assert_int_equal(w.n, 2);
	assert_string_equal(w.word[0], "tcp");
	assert_string_equal(w.word[1], "user=me");
	assert_int_equal(skt_query_words_at(&w, 0), 2);
	assert_int_equal(skt_query_words_at(&w, 4), 8);
	assert_int_equal(skt_query_words_at(&w, 9), 13);
	skt_query_words_release(&w);
	assert_int_equal(skt_query_words(" 'rtt>1 ms' \"a'b\" c'd 'e", &w), 0);
	assert_int_equal(w.n, 4);
	assert_string_equal(w.word[0], "rtt>1 ms");
	assert_string_equal(w.word[1], "a'b");
	assert_string_equal(w.word[2], "c'd");
	assert_string_equal(w.word[3], "e");
	assert_int_equal(skt_query_words_at(&w, 3), 5);
	skt_query_words_release(&w);
	assert_int_equal(skt_query_words("", &w), 0);
	assert_int_equal(w.n, 0);
	skt_query_words_release(&w);
	for (size_t i = 0; i < sizeof(many) - 1; i++)
		many[i] = i % 2 ? ' ' : 'a';
	many[sizeof(many) - 1] = '\0';
	assert_int_equal(skt_query_words(many, &w), -SKT_E_LIMIT);
	skt_query_words_release(&w);
}

static struct skt_news *news(int64_t age, int64_t bytes, const char *name)
{
	struct skt_json j = { 0 };

	skt_json_object(&j, NULL);
	skt_json_int(&j, "age_ns", age);
	skt_json_int(&j, "bytes", bytes);
	skt_json_string(&j, "name", name);
	skt_json_end_object(&j);
	return skt_news_new("test", &j);
}

static void ages_alone_are_no_news(void **state)
{
	struct skt_news *a = news(5, 1, "x"), *older = news(123456, 1, "x"), *more = news(5, 2, "x"),
			*other = news(5, 1, "xy");

	(void)state;
	assert_string_equal(a->s, "event: test\ndata: {\"age_ns\":5,\"bytes\":1,\"name\":\"x\"}\n\n");
	assert_int_equal(a->n, strlen(a->s));
	assert_true(skt_news_is_same(a, older));
	assert_true(skt_news_is_same(older, a));
	assert_false(skt_news_is_same(a, more));
	assert_false(skt_news_is_same(a, other));
	assert_false(skt_news_is_same(a, NULL));
	assert_false(skt_news_is_same(NULL, a));
	skt_news_drop(a);
	skt_news_drop(older);
	skt_news_drop(more);
	skt_news_drop(other);
	skt_news_drop(NULL);
}

static void a_line_break_in_a_name_ends_no_event(void **state)
{
	struct skt_news *a = news(1, 1, "x\n\nevent: hello\rdata: {}");

	(void)state;
	assert_ptr_equal(strstr(a->s, "\n\n"), a->s + a->n - 2);
	assert_null(strchr(a->s, '\r'));
	skt_news_drop(a);
}

/* The ends of a connected pair, as a relay's row has them. */
static void ends(int fd, struct skt_roster_end *local, struct skt_roster_end *peer)
{
	struct skt_addr addr;

	assert_int_equal(skt_addr_of_local(fd, &addr), 0);
	skt_roster_end_of(&addr, local);
	assert_int_equal(skt_addr_of_peer(fd, &addr), 0);
	skt_roster_end_of(&addr, peer);
}

/* A browser speaks to relay 7, that to relay 8, and that to the page; link 9 is somebody else's. */
static void a_chain_is_found_by_its_addresses_outermost_first(void **state)
{
	struct skt_roster_row row[3] = { { .id = 9 }, { .id = 8 }, { .id = 7 } };
	struct skt_roster roster = { .row = row, .n = 3 };
	struct skt_loop *loop = support_loop();
	struct skt_stream *client;
	uint64_t chain[4] = { 0 };
	struct skt_error err = { 0 };
	int to_7[2], to_8[2], to_page[2];

	(void)state;
	support_tcp(to_7);
	support_tcp(to_8);
	support_tcp(to_page);
	ends(to_7[1], &row[2].local[0], &row[2].peer[0]);
	ends(to_8[0], &row[2].local[1], &row[2].peer[1]);
	ends(to_8[1], &row[1].local[0], &row[1].peer[0]);
	ends(to_page[0], &row[1].local[1], &row[1].peer[1]);
	SUPPORT_OK(skt_fd_new_socket(loop, to_page[1], SKT_FD_TCP, &client, &err), &err);
	assert_int_equal(skt_chain_to(&roster, client, chain, 4), 2);
	assert_int_equal(chain[0], 7);
	assert_int_equal(chain[1], 8);
	assert_int_equal(skt_chain_to(&roster, client, chain, 1), 1);
	assert_int_equal(chain[0], 8); /* no more room: the nearest */
	row[1].peer[1].port++;
	assert_int_equal(skt_chain_to(&roster, client, chain, 4), 0);
	skt_stream_free(client);
	close(to_7[0]);
	close(to_7[1]);
	close(to_8[0]);
	close(to_8[1]);
	close(to_page[0]);
	skt_loop_free(loop);
}

static void a_chain_that_leads_to_itself_ends(void **state)
{
	struct skt_roster_row row = { .id = 7 };
	struct skt_roster roster = { .row = &row, .n = 1 };
	struct skt_loop *loop = support_loop();
	struct skt_stream *client;
	struct skt_error err = { 0 };
	uint64_t chain[4];
	int pair[2];

	(void)state;
	support_tcp(pair);
	ends(pair[0], &row.local[1], &row.peer[1]);
	row.peer[0] = row.local[1];
	row.local[0] = row.peer[1];
	SUPPORT_OK(skt_fd_new_socket(loop, pair[1], SKT_FD_TCP, &client, &err), &err);
	assert_int_equal(skt_chain_to(&roster, client, chain, 4), 4);
	skt_stream_free(client);
	close(pair[0]);
	skt_loop_free(loop);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SUPPORT_TEST(only_names_of_the_loopback_network_are_hosts),
		SUPPORT_TEST(only_the_page_itself_may_change_things),
		SUPPORT_TEST(a_token_is_new_each_time_and_compared_whole),
		SUPPORT_TEST(queries_are_decoded),
		SUPPORT_TEST(words_know_where_they_were),
		SUPPORT_TEST(ages_alone_are_no_news),
		SUPPORT_TEST(a_line_break_in_a_name_ends_no_event),
		SUPPORT_TEST(a_chain_is_found_by_its_addresses_outermost_first),
		SUPPORT_TEST(a_chain_that_leads_to_itself_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The nearest known word to one that was mistyped. */
#include "support.h"

#include "base/word.h"

static void distances_count_single_edits(void **state)
{
	static const struct {
		const char *a, *b;
		size_t n;
	} rows[] = {
		{ "", "", 0 },
		{ "a", "", 1 },
		{ "timeout", "timeout", 0 },
		{ "timout", "timeout", 1 },
		{ "timeoutt", "timeout", 1 },
		{ "tomeout", "timeout", 1 },
		{ "itmeout", "timeout", 1 },
		{ "linger", "link", 3 },
		{ "kitten", "sitting", 3 },
		{ "abc", "xyz", 3 },
		{ "ab", "ba", 1 },
		{ "retry", "tries", 5 },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(rows); i++) {
		assert_int_equal(skt_word_distance(rows[i].a, rows[i].b), rows[i].n);
		assert_int_equal(skt_word_distance(rows[i].b, rows[i].a), rows[i].n);
	}
}

static void words_that_are_too_long_are_far(void **state)
{
	char longest[64], longer[65];

	(void)state;
	memset(longest, 'a', sizeof(longest));
	memset(longer, 'a', sizeof(longer));
	longest[63] = longer[64] = '\0';
	assert_int_equal(skt_word_distance(longest, longest), 0);
	assert_true(skt_word_distance(longer, longer) > 20);
	assert_int_equal(skt_word_distance(longest, ""), 63);
}

static const char *nearest(const char *wanted)
{
	static const char *const words[] = { "connect", "listen", "link", "explain", "demo",
					     "help",    "tcp",    "tcp4", "udp" };
	struct skt_nearest n = { .wanted = wanted };

	for (size_t i = 0; i < SKT_LENGTH(words); i++)
		skt_nearest_offer(&n, words[i]);
	return n.word ? n.word : "none";
}

static void the_nearest_is_remembered_and_never_far(void **state)
{
	(void)state;
	assert_string_equal(nearest("conect"), "connect");
	assert_string_equal(nearest("lisetn"), "listen");
	assert_string_equal(nearest("lnk"), "link");
	assert_string_equal(nearest("tpc"), "tcp");
	assert_string_equal(nearest("tcp"), "tcp");
	assert_string_equal(nearest("serve"), "none");
	assert_string_equal(nearest("x"), "none");
	assert_string_equal(nearest(""), "none");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SUPPORT_TEST(distances_count_single_edits),
		SUPPORT_TEST(words_that_are_too_long_are_far),
		SUPPORT_TEST(the_nearest_is_remembered_and_never_far),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

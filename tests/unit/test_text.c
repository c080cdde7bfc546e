/* SPDX-License-Identifier: Apache-2.0 */
/* Strings that grow: adding, failing, handing over. */
#include "support.h"

#include "base/text.h"

static void it_grows_with_what_is_added(void **state)
{
	struct skt_text t = { 0 };

	(void)state;
	assert_string_equal(skt_text_get(&t), "");
	skt_text_add(&t, "one");
	skt_text_addc(&t, ' ');
	skt_text_addn(&t, "twofold", 3);
	skt_text_addf(&t, " %d%s", 3, "!");
	assert_string_equal(skt_text_get(&t), "one two 3!");
	assert_int_equal(t.len, 10);
	for (int i = 0; i < 10000; i++)
		skt_text_addf(&t, "%c", 'a' + i % 26);
	assert_int_equal(t.len, 10010);
	assert_int_equal(strlen(skt_text_get(&t)), 10010);
	assert_int_equal(t.s[10 + 9999], 'a' + 9999 % 26);
	skt_text_clear(&t);
	assert_string_equal(skt_text_get(&t), "");
	skt_text_release(&t);
	skt_text_release(&t);
}

static void taking_it_leaves_it_empty(void **state)
{
	struct skt_text t = { 0 };
	char *s;

	(void)state;
	s = skt_text_take(&t);
	assert_string_equal(s, "");
	skt_free(s);
	skt_text_add(&t, "mine");
	s = skt_text_take(&t);
	assert_string_equal(s, "mine");
	assert_string_equal(skt_text_get(&t), "");
	skt_free(s);
}

static bool every_allocation_fails(void)
{
	return true;
}

static void a_failure_stays_until_it_is_cleared(void **state)
{
	struct skt_text t = { 0 };
	char room[300];

	(void)state;
	memset(room, 'x', sizeof(room));
	skt_text_add(&t, "kept");
	skt_alloc_fails = every_allocation_fails;
	skt_text_addn(&t, room, sizeof(room));
	skt_alloc_fails = NULL;
	assert_true(t.failed);
	skt_text_add(&t, "no");
	assert_string_equal(skt_text_get(&t), "kept");
	assert_null(skt_text_take(&t));
	assert_false(t.failed);
	skt_text_add(&t, "again");
	assert_string_equal(skt_text_get(&t), "again");
	skt_text_release(&t);
}

static void a_length_that_no_memory_holds_is_a_failure_too(void **state)
{
	struct skt_text t = { 0 };
	volatile size_t n = SIZE_MAX / 2;

	(void)state;
	skt_text_add(&t, "kept");
	skt_text_addn(&t, "x", n);
	assert_true(t.failed);
	skt_text_release(&t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SUPPORT_TEST(it_grows_with_what_is_added),
		SUPPORT_TEST(taking_it_leaves_it_empty),
		SUPPORT_TEST(a_failure_stays_until_it_is_cleared),
		SUPPORT_TEST(a_length_that_no_memory_holds_is_a_failure_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

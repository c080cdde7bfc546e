/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 and Basic credentials: what is written comes back, and nothing else is taken. */
#include "support.h"

#include <string.h>

#include "wire/base64.h"

static struct skt_span span(const char *s)
{
	return (struct skt_span){ s, strlen(s) };
}

static void the_rows_of_the_standard(void **state)
{
	static const char *const rows[][2] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xff\xef\xbe", "/+++" },
	};
	struct skt_text t = { 0 };
	char back[8];

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(rows); i++) {
		skt_text_clear(&t);
		skt_base64_encode(rows[i][0], strlen(rows[i][0]), &t);
		assert_string_equal(skt_text_get(&t), rows[i][1]);
		assert_int_equal(skt_base64_decode(span(rows[i][1]), back, sizeof(back)), strlen(rows[i][0]));
		assert_memory_equal(back, rows[i][0], strlen(rows[i][0]));
	}
	skt_text_release(&t);
}

static void any_bytes_come_back_and_need_just_their_room(void **state)
{
	struct skt_text t = { 0 };
	char back[200];

	(void)state;
	for (size_t n = 1; n < sizeof(back); n++) {
		char *bytes = support_bytes(n, (uint32_t)n);

		skt_text_clear(&t);
		skt_base64_encode(bytes, n, &t);
		assert_int_equal(t.len, (n + 2) / 3 * 4);
		assert_int_equal(skt_base64_decode((struct skt_span){ t.s, t.len }, back, n), n);
		assert_memory_equal(back, bytes, n);
		assert_int_equal(skt_base64_decode((struct skt_span){ t.s, t.len }, back, n - 1), -1);
		test_free(bytes);
	}
	skt_text_release(&t);
}

static void what_is_not_base64_is_refused(void **state)
{
	static const char *const rows[] = {
		"Z",      "Zg",   "Zg=",  "Zg===", "====", "=Zg=",     "Zg==Zg==", "Z===",
		"Zm9v\n", "Zm 9", "Zm-_", "Zh==",  "Zm9=", "Zm9vYg=x", "Zm\377v",  "A=A=",
	};
	char back[16];

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(rows); i++)
		if (skt_base64_decode(span(rows[i]), back, sizeof(back)) != -1)
			fail_msg("%s is taken", rows[i]);
	assert_int_equal(skt_base64_decode((struct skt_span){ "Zm\0v", 4 }, back, sizeof(back)), -1);
	assert_int_equal(skt_base64_decode((struct skt_span){ NULL, 0 }, back, sizeof(back)), 0);
}

static void credentials_are_split_at_the_first_colon(void **state)
{
	static const struct {
		const char *field, *user, *password; /* user NULL: refused */
	} rows[] = {
		{ "Basic YW5hOnNlOmNyZXQ=", "ana", "se:cret" },
		{ "bASIC   YW5hOg==", "ana", "" },
		{ "Basic OnNlY3JldA==", "", "secret" },
		{ "Basic dGVzdDoxMjPCow==", "test", "123\xc2\xa3" }, /* RFC 7617 */
		{ "Basic YW5h", NULL, NULL },                        /* no colon */
		{ "Basic YQA6Yg==", NULL, NULL },                    /* a NUL */
		{ "Basic YTpiAA==", NULL, NULL },
		{ "Basic YW5hOnNlOmNyZXQ", NULL, NULL },
		{ "Basic ", NULL, NULL },
		{ "BasicYW5hOg==", NULL, NULL },
		{ "Bearer YW5hOg==", NULL, NULL },
		{ "Basic", NULL, NULL },
		{ "", NULL, NULL },
	};
	struct skt_span user, password;
	char room[32];

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(rows); i++) {
		bool is = skt_basic_parse(span(rows[i].field), room, sizeof(room), &user, &password);

		assert_int_equal(is, rows[i].user != NULL);
		if (is)
			assert_true(skt_span_is(user, rows[i].user) && skt_span_is(password, rows[i].password));
	}
	assert_false(skt_basic_parse((struct skt_span){ NULL, 0 }, room, sizeof(room), &user, &password));
	assert_false(skt_basic_parse(span(rows[0].field), room, 10, &user, &password));
	assert_true(skt_basic_parse(span(rows[0].field), room, 11, &user, &password));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SUPPORT_TEST(the_rows_of_the_standard),
		SUPPORT_TEST(any_bytes_come_back_and_need_just_their_room),
		SUPPORT_TEST(what_is_not_base64_is_refused),
		SUPPORT_TEST(credentials_are_split_at_the_first_colon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

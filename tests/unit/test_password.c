/* SPDX-License-Identifier: Apache-2.0 */
/* Users: plain ones are known at once, hashed ones after a slow check, and a bad file says where. */
#include "support.h"

#include <string.h>
#include <time.h>

#include "base/text.h"
#include "http/password.h"

/* All of "geheim". */
#define ARGON2ID "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$qASOLaGX+P0epRpm1t9sb89XH6vB26z1m7LoiG0+sDM"
#define ARGON2I "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$IBbfe7kXA3MN5p1BzXs1daVavPdmUiW2hjTp6xK3vh8"
#define BCRYPT "$2y$04$PZ6Rgaaget.IdwXQj.u75.f2Fbj4CRTCGbFD/2D4NSGiuNAYJ9M4G"
#define SHA256 "$5$abcdefgh$azU9PNNJw9essBuwq5yihWY9lFXM0dF54Ph4sAxX.YB"
#define SHA512 "$6$abcdefgh$msgktWxVAbjjh3X7lA5LaM7dS/ZfABJL6T4qcRsnjcOTj0kptUvZcrvrXIoO5fgPA9xz6UnF2To2Y7jGc/IZY/"
#define SHA512_DEAR                   \
	"$6$rounds=200000$abcdefgh$c" \
	"7TxCrMPThkiY0OJGMp04ZJ.Vy4IQo3k185Fv0ZiL3hNT2TkFhGz.iK7l5wrNdEiZ8Hijs16AEn4CHnGqo/Td."
#define YESCRYPT "$y$j75$abcdefghijkl$aQZviFidrxL.RLdcfLxxQ5Ym6YR9/ZSlUZxkyLrq7o8"

static struct skt_span span(const char *s)
{
	return (struct skt_span){ s, strlen(s) };
}

/* The users of a file that holds that text. */
static int read_file(struct skt_passwords *p, const char *text, size_t n, struct skt_error *err)
{
	char dir[SUPPORT_PATH], path[SUPPORT_PATH];
	int fd, ret;

	support_dir(dir);
	support_join(dir, "users", path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, text, n), n);
	(void)close(fd);
	ret = skt_passwords_add_file(p, path, err);
	assert_int_equal(unlink(path) | rmdir(dir), 0);
	return ret;
}

static struct skt_passwords *users_of(const char *text)
{
	struct skt_passwords *p = skt_passwords_new();
	struct skt_error err = { 0 };

	assert_non_null(p);
	SUPPORT_OK(read_file(p, text, strlen(text), &err), &err);
	return p;
}

static enum skt_password_said check(struct skt_passwords *p, const char *user, const char *password)
{
	return skt_password_check(p, span(user), span(password));
}

static void plain_passwords_are_known_at_once(void **state)
{
	struct skt_passwords *p = skt_passwords_new();
	struct skt_error err = { 0 };

	(void)state;
	assert_true(skt_passwords_is_empty(p));
	assert_int_equal(check(p, "ana", "x"), SKT_PASSWORD_NO);
	for (const char *const *bad = (const char *const[]){ "", "ana", ":x", "ana:", NULL }; *bad; bad++)
		assert_int_equal(skt_passwords_add(p, *bad, &err), -SKT_E_USAGE);
	assert_true(skt_passwords_is_empty(p));
	SUPPORT_OK(skt_passwords_add(p, "ana:se:cret", &err), &err);
	SUPPORT_OK(skt_passwords_add(p, "bob:b", &err), &err);
	assert_int_equal(check(p, "ana", "se:cret"), SKT_PASSWORD_YES);
	assert_int_equal(check(p, "bob", "b"), SKT_PASSWORD_YES);
	assert_int_equal(check(p, "bob", "se:cret"), SKT_PASSWORD_NO);
	assert_int_equal(check(p, "ana", "se:cre"), SKT_PASSWORD_NO);
	assert_int_equal(check(p, "ana:se", "cret"), SKT_PASSWORD_NO); /* the colon is no part of the digest */
	assert_int_equal(check(p, "anas", "e:cret"), SKT_PASSWORD_NO);
	assert_int_equal(check(p, "", ""), SKT_PASSWORD_NO);
	assert_int_equal(check(p, "eve", "b"), SKT_PASSWORD_NO);
	assert_false(skt_password_verify(p, "ana", "se:cret")); /* there is no hash */
	skt_passwords_free(p);
	skt_passwords_free(NULL);
}

static void each_kind_of_hash_is_checked_once_and_remembered(void **state)
{
	static const char *const hashes[] = { ARGON2ID, ARGON2I, BCRYPT, SHA256, SHA512, YESCRYPT };
	struct skt_text line = { 0 };

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(hashes); i++) {
		struct skt_passwords *p;

		skt_text_clear(&line);
		skt_text_addf(&line, "\n# people\r\nana:%s \t\r\nbob:%s", hashes[i], hashes[i]);
		p = users_of(skt_text_get(&line));
		assert_int_equal(check(p, "ana", "geheim"), SKT_PASSWORD_SLOW);
		assert_false(skt_password_verify(p, "ana", "falsch"));
		assert_false(skt_password_verify(p, "ana", ""));
		assert_false(skt_password_verify(p, "eve", "geheim")); /* the password of others opens nothing */
		assert_int_equal(check(p, "eve", "geheim"), SKT_PASSWORD_SLOW);
		assert_true(skt_password_verify(p, "ana", "geheim"));
		assert_int_equal(check(p, "ana", "geheim"), SKT_PASSWORD_YES);
		assert_int_equal(check(p, "ana", "falsch"), SKT_PASSWORD_SLOW);
		assert_int_equal(check(p, "bob", "geheim"), SKT_PASSWORD_SLOW);
		assert_true(skt_password_verify(p, "bob", "geheim"));
		skt_passwords_free(p);
	}
	skt_text_release(&line);
}

static void plain_users_and_hashed_ones_stand_side_by_side(void **state)
{
	struct skt_passwords *p = users_of("ana:" SHA512 "\n");
	struct skt_error err = { 0 };

	(void)state;
	SUPPORT_OK(skt_passwords_add(p, "bob:b", &err), &err);
	assert_int_equal(check(p, "bob", "b"), SKT_PASSWORD_YES);
	assert_int_equal(check(p, "bob", "geheim"), SKT_PASSWORD_NO);
	assert_false(skt_password_verify(p, "bob", "geheim"));
	assert_int_equal(check(p, "ana", "geheim"), SKT_PASSWORD_SLOW);
	skt_passwords_free(p);
}

static void no_more_than_so_many_are_remembered(void **state)
{
	struct skt_text users = { 0 };
	struct skt_passwords *p;
	char name[16];

	(void)state;
	for (int i = 0; i <= 256; i++)
		skt_text_addf(&users, "u%d:" ARGON2ID "\n", i);
	p = users_of(skt_text_get(&users));
	for (int i = 0; i <= 256; i++) {
		(void)snprintf(name, sizeof(name), "u%d", i);
		assert_true(skt_password_verify(p, name, "geheim"));
	}
	assert_int_equal(check(p, "u0", "geheim"), SKT_PASSWORD_SLOW); /* the oldest has gone */
	assert_int_equal(check(p, "u1", "geheim"), SKT_PASSWORD_YES);
	assert_int_equal(check(p, "u256", "geheim"), SKT_PASSWORD_YES);
	skt_passwords_free(p);
	skt_text_release(&users);
}

static void a_bad_file_says_where(void **state)
{
	static const char *const bad[] = {
		"ana",
		"ana:",
		":" SHA512,
		"ana:plain",
		"ana:$6$",
		"ana:$6$salt",
		"ana:$6$abcdefgh$short",
		"ana:" SHA512 "x",
		"ana:$9$abc$def",
		"ana:$argon2d$v=19$m=64,t=1,p=1$c29tZXNhbHQ$IBbfe7kXA3MN5p1BzXs1daVavPdmUiW2hjTp6xK3vh8",
		"ana:$argon2id$nonsense",
		"ana:" BCRYPT ":more",
	};
	struct skt_text text = { 0 };
	struct skt_error err;

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(bad); i++) {
		struct skt_passwords *p = skt_passwords_new();

		err = (struct skt_error){ 0 };
		skt_text_clear(&text);
		/* good ones before it do not make it pass */
		skt_text_addf(&text, "a:" SHA512 "\nb:" BCRYPT "\nc:" ARGON2I "\n%s\nd:" SHA256 "\n", bad[i]);
		assert_int_equal(read_file(p, text.s, text.len, &err), -SKT_E_USAGE);
		if (!strstr(err.text, "line 4:"))
			fail_msg("%s: %s", bad[i], err.text);
		assert_null(strstr(err.text, "plain:"));
		skt_passwords_free(p);
	}
	skt_text_release(&text);
}

static void lines_have_a_limit_and_bytes_of_any_kind_are_refused(void **state)
{
	struct skt_passwords *p = skt_passwords_new();
	struct skt_error err = { 0 };
	struct skt_text text = { 0 };
	char *bytes = support_bytes(5000, 7);

	(void)state;
	skt_text_addf(&text, "ana:$6$%02000d\n", 0);
	assert_int_equal(read_file(p, text.s, text.len, &err), -SKT_E_USAGE);
	assert_non_null(strstr(err.text, "line 1:"));
	assert_int_equal(read_file(p, bytes, 5000, &err), -SKT_E_USAGE);
	assert_int_equal(read_file(p, "", 0, &err), 0);
	assert_true(skt_passwords_is_empty(p));
	assert_int_equal(skt_passwords_add_file(p, "/nowhere/at/all", &err), -SKT_E_USAGE);
	assert_int_equal(skt_passwords_add_file(p, "/", &err), -SKT_E_USAGE);
	test_free(bytes);
	skt_text_release(&text);
	skt_passwords_free(p);
}

/* One of these hashes takes about a tenth of a second. */
static void many_users_do_not_hold_up_the_start(void **state)
{
	struct skt_text users = { 0 };
	struct skt_passwords *p;
	clock_t began;

	(void)state;
	for (int i = 0; i < 500; i++)
		skt_text_addf(&users, "u%d:" SHA512_DEAR "\n", i);
	began = clock();
	p = users_of(skt_text_get(&users));
	assert_true(clock() - began < 5 * CLOCKS_PER_SEC);
	assert_true(skt_password_verify(p, "u499", "geheim"));
	skt_passwords_free(p);
	skt_text_release(&users);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SUPPORT_TEST(plain_passwords_are_known_at_once),
		SUPPORT_TEST(each_kind_of_hash_is_checked_once_and_remembered),
		SUPPORT_TEST(plain_users_and_hashed_ones_stand_side_by_side),
		SUPPORT_TEST(no_more_than_so_many_are_remembered),
		SUPPORT_TEST(a_bad_file_says_where),
		SUPPORT_TEST(lines_have_a_limit_and_bytes_of_any_kind_are_refused),
		SUPPORT_TEST(many_users_do_not_hold_up_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

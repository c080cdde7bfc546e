/* SPDX-License-Identifier: Apache-2.0 */
/* Leases: records as text, who is alive, and the directory that holds them. */
#include "support.h"

#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "inspect/leasebook.h"

/* A runtime directory of the test's own; the records are below it. */
struct place {
	char dir[SUPPORT_PATH], ours[SUPPORT_PATH], leases[SUPPORT_PATH];
};

static void place_open(struct place *p)
{
	support_dir(p->dir);
	support_join(p->dir, "soket", p->ours);
	support_join(p->ours, "leases", p->leases);
	assert_int_equal(setenv("XDG_RUNTIME_DIR", p->dir, 1), 0);
}

static void place_close(struct place *p)
{
	char line[SUPPORT_PATH + 16];

	(void)snprintf(line, sizeof(line), "rm -rf %s", p->dir);
	assert_int_equal(system(line), 0);
	(void)unsetenv("XDG_RUNTIME_DIR");
}

static void lease_of(const char *name, unsigned port, const char *directory, struct skt_lease *ret)
{
	*ret = (struct skt_lease){ .port = port, .since = 1764000000123456789, .child = 4312 };
	memcpy(ret->name, name, strlen(name) + 1);
	ret->command = skt_strdup("npm start");
	ret->directory = skt_strdup(directory);
	skt_lease_own(ret);
}

static void record_of(struct skt_lease *l)
{
	struct skt_leasebook book;
	struct skt_error err = { 0 };

	SUPPORT_OK(skt_leasebook_open(&book, true, &err), &err);
	SUPPORT_OK(skt_leasebook_write(&book, l, &err), &err);
	skt_leasebook_close(&book);
}

static size_t n_alive(size_t *n_stale, size_t *n_unreadable)
{
	struct skt_leases all;
	struct skt_error err = { 0 };
	size_t n;

	SUPPORT_OK(skt_leases_read(&all, &err), &err);
	n = all.n;
	if (n_stale)
		*n_stale = all.n_stale;
	if (n_unreadable)
		*n_unreadable = all.n_unreadable;
	skt_leases_release(&all);
	return n;
}

static void file_put(const char *path, const char *text)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	(void)close(fd);
}

static void names_are_small_letters_digits_and_two_signs(void **state)
{
	static const char *const good[] = { "a", "web", "web-2", "a_b", "abcdefghijklmnopqrstuvwxyz012345" };
	static const char *const bad[] = { "",    "Web", "2web", "-a",  "_a",
					   "a b", "a.b", "a/b",  "a\n", "abcdefghijklmnopqrstuvwxyz0123456" };

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(good); i++)
		assert_true(skt_lease_is_name(good[i]));
	for (size_t i = 0; i < SKT_LENGTH(bad); i++)
		assert_false(skt_lease_is_name(bad[i]));
}

static void a_record_reads_back_as_the_lease_it_was(void **state)
{
	struct skt_lease l, again;
	struct skt_json j = { 0 };

	(void)state;
	lease_of("web-2", 23456, "/home/\"x\"/\033[31m", &l);
	skt_lease_print(&l, &j);
	assert_int_equal(skt_lease_parse(skt_json_get(&j), j.text.len, &again), 0);
	assert_string_equal(again.name, "web-2");
	assert_int_equal(again.port, 23456);
	assert_int_equal(again.owner, getpid());
	assert_true(again.ticks == l.ticks && again.ticks > 0);
	assert_true(again.pidns == l.pidns);
	assert_int_equal(again.child, 4312);
	assert_true(again.since == l.since);
	assert_string_equal(again.command, "npm start");
	assert_string_equal(again.directory, l.directory);
	skt_lease_release(&again);
	skt_lease_release(&l);
	skt_json_release(&j);
}

static void what_is_no_record_is_refused(void **state)
{
	static const char *const rest = "\"owner\":1,\"ticks\":1,\"pid_namespace\":1,\"child\":0,\"since_ns\":1}";
	static const char *const begin[] = {
		"{\"name\":\"\",\"port\":0,",
		"{\"name\":\"\",\"port\":65536,",
		"{\"name\":\"A\",\"port\":1,",
		"{\"name\":\"../x\",\"port\":1,",
		"{\"port\":1,",
		"{\"name\":\"\",\"port\":\"1\",",
		"{\"name\":\"\",\"port\":1,\"port\":1,",
		"[{\"name\":\"\",\"port\":1,",
	};
	struct skt_lease l = { 0 };
	char text[256];

	(void)state;
	(void)snprintf(text, sizeof(text), "{\"name\":\"\",\"port\":1,%s", rest);
	assert_int_equal(skt_lease_parse(text, strlen(text), &l), 0);
	assert_string_equal(l.command, "");
	skt_lease_release(&l);
	for (size_t i = 0; i < SKT_LENGTH(begin); i++) {
		(void)snprintf(text, sizeof(text), "%s%s", begin[i], rest);
		if (skt_lease_parse(text, strlen(text), &l) != -SKT_E_USAGE)
			fail_msg("taken: %s", text);
	}
	for (size_t n = 0; n < 20; n++)
		assert_int_equal(skt_lease_parse(text, n, &l), -SKT_E_USAGE);
}

static void an_owner_is_its_pid_and_when_it_began(void **state)
{
	struct skt_lease l = { 0 };
	int status, pipes[2];
	siginfo_t info;

	(void)state;
	skt_lease_own(&l);
	assert_true(skt_lease_is_alive(&l));
	l.ticks++;
	assert_false(skt_lease_is_alive(&l)); /* the pid was used again */
	assert_int_equal(pipe(pipes), 0);
	l.owner = fork();
	if (l.owner == 0)
		_exit(0);
	l.ticks = 0;
	assert_int_equal(waitid(P_PID, (id_t)l.owner, &info, WEXITED | WNOWAIT), 0);
	assert_false(skt_lease_is_alive(&l)); /* it waits to be reaped, and holds nothing */
	assert_int_equal(waitpid(l.owner, &status, 0), l.owner);
	assert_false(skt_lease_is_alive(&l));
	(void)close(pipes[0]);
	(void)close(pipes[1]);
}

static void leases_are_read_by_port_and_removed_by_their_owner(void **state)
{
	struct place p;
	struct skt_lease web, api, none;
	struct skt_leases all;
	struct skt_error err = { 0 };

	(void)state;
	place_open(&p);
	assert_int_equal(n_alive(NULL, NULL), 0); /* no directory yet */
	lease_of("web", 30002, "/a", &web);
	lease_of("api", 30001, "/a", &api);
	lease_of("", 30003, "/a", &none);
	record_of(&web);
	record_of(&api);
	record_of(&none);
	SUPPORT_OK(skt_leases_read(&all, &err), &err);
	assert_int_equal(all.n, 3);
	assert_string_equal(all.lease[0].name, "api");
	assert_string_equal(all.lease[1].name, "web");
	assert_int_equal(skt_leases_of_port(&all, 30003)->owner, getpid());
	assert_null(skt_leases_of_port(&all, 30004));
	assert_string_equal(all.lease[1].path, web.path);
	skt_leases_release(&all);
	skt_lease_remove(&web);
	assert_null(web.path);
	assert_int_equal(n_alive(NULL, NULL), 2);
	skt_lease_remove(&web);
	skt_lease_remove(&api);
	skt_lease_remove(&none);
	assert_int_equal(n_alive(NULL, NULL), 0);
	skt_lease_release(&web);
	skt_lease_release(&api);
	skt_lease_release(&none);
	place_close(&p);
}

static void a_name_is_found_in_its_own_directory_only(void **state)
{
	struct place p;
	struct skt_leasebook book;
	struct skt_leases all;
	struct skt_lease l;
	struct skt_error err = { 0 };

	(void)state;
	place_open(&p);
	lease_of("web", 30002, "/a/\xff", &l);
	record_of(&l);
	SUPPORT_OK(skt_leasebook_open(&book, true, &err), &err);
	SUPPORT_OK(skt_leasebook_read(&book, &all, &err), &err);
	assert_int_equal(skt_leasebook_find(&book, &all, "/a/\xff", "web")->port, 30002);
	assert_null(skt_leasebook_find(&book, &all, "/a/\xfe", "web")); /* which the record cannot tell apart */
	assert_null(skt_leasebook_find(&book, &all, "/a/\xff", "api"));
	assert_null(skt_leasebook_find(&book, &all, "/a/\xff", ""));
	skt_leases_release(&all);
	skt_leasebook_close(&book);
	skt_lease_remove(&l);
	skt_lease_release(&l);
	place_close(&p);
}

static void stale_and_half_written_records_are_removed(void **state)
{
	struct place p;
	struct skt_lease l;
	char half[SUPPORT_PATH], stranger[SUPPORT_PATH], bad[SUPPORT_PATH];
	size_t stale, unreadable;

	(void)state;
	place_open(&p);
	lease_of("web", 30002, "/a", &l);
	l.ticks++;
	record_of(&l);
	support_join(p.leases, ".half", half);
	support_join(p.leases, "README", stranger);
	support_join(p.leases, "bad.json", bad);
	file_put(half, "{");
	file_put(stranger, "hello");
	file_put(bad, "{}");
	assert_int_equal(n_alive(&stale, &unreadable), 0);
	assert_int_equal(stale, 1);
	assert_int_equal(unreadable, 1);
	assert_int_equal(access(l.path, F_OK), -1);
	assert_int_equal(access(half, F_OK), -1);
	assert_int_equal(access(stranger, F_OK), 0);
	assert_int_equal(access(bad, F_OK), 0);
	assert_int_equal(n_alive(&stale, NULL), 0);
	assert_int_equal(stale, 0);
	skt_lease_release(&l);
	place_close(&p);
}

static void while_somebody_writes_nothing_is_removed(void **state)
{
	struct place p;
	struct skt_leasebook book;
	struct skt_lease l;
	struct skt_error err = { 0 };
	size_t stale;

	(void)state;
	place_open(&p);
	lease_of("web", 30002, "/a", &l);
	l.ticks++;
	record_of(&l);
	SUPPORT_OK(skt_leasebook_open(&book, true, &err), &err);
	assert_int_equal(n_alive(&stale, NULL), 0);
	assert_int_equal(stale, 1);
	assert_int_equal(access(l.path, F_OK), 0);
	skt_leasebook_close(&book);
	assert_int_equal(n_alive(NULL, NULL), 0);
	assert_int_equal(access(l.path, F_OK), -1);
	skt_lease_release(&l);
	place_close(&p);
}

static void a_lease_of_another_pid_namespace_is_neither_shown_nor_removed(void **state)
{
	struct place p;
	struct skt_lease l;

	(void)state;
	place_open(&p);
	lease_of("web", 30002, "/a", &l);
	l.pidns++;
	l.ticks++;
	record_of(&l);
	assert_int_equal(n_alive(NULL, NULL), 0);
	assert_int_equal(access(l.path, F_OK), 0);
	skt_lease_release(&l);
	place_close(&p);
}

static void the_record_of_another_that_has_taken_the_name_stays(void **state)
{
	struct place p;
	struct skt_lease mine, other;

	(void)state;
	place_open(&p);
	lease_of("web", 30002, "/a", &mine);
	record_of(&mine);
	lease_of("web", 30003, "/a", &other);
	other.owner = getppid();
	record_of(&other);
	assert_string_equal(mine.path, other.path);
	skt_lease_remove(&mine);
	assert_int_equal(access(other.path, F_OK), 0);
	skt_lease_release(&mine);
	skt_lease_release(&other);
	place_close(&p);
}

static void a_directory_in_which_others_have_a_hand_is_not_used(void **state)
{
	struct place p;
	struct skt_leasebook book;
	struct skt_error err = { 0 };
	char elsewhere[SUPPORT_PATH];

	(void)state;
	place_open(&p);
	assert_int_equal(mkdir(p.ours, 0700), 0);
	assert_int_equal(chmod(p.ours, 0770), 0);
	assert_int_equal(skt_leasebook_open(&book, true, &err), -SKT_E_DENIED);
	assert_non_null(strstr(err.text, "others may write"));
	assert_int_equal(rmdir(p.ours), 0);
	support_dir(elsewhere);
	assert_int_equal(symlink(elsewhere, p.ours), 0);
	assert_int_equal(skt_leasebook_open(&book, true, &err), -SKT_E_DENIED);
	assert_non_null(strstr(err.text, "not a directory"));
	assert_int_equal(n_alive(NULL, NULL), 0);
	assert_int_equal(rmdir(elsewhere), 0); /* nothing was put there */
	if (geteuid() == 0) {
		assert_int_equal(chown(p.dir, 65534, 65534), 0);
		assert_int_equal(skt_leasebook_open(&book, true, &err), -SKT_E_DENIED);
		assert_non_null(strstr(err.text, "belongs to another user"));
	}
	place_close(&p);
}

static void without_a_runtime_directory_it_is_in_the_temporary_one(void **state)
{
	struct place p;
	struct skt_leasebook book;
	struct skt_error err = { 0 };
	struct stat st;
	char run[64];

	(void)state;
	(void)snprintf(run, sizeof(run), "/run/user/%u", (unsigned)geteuid());
	if (stat(run, &st) == 0)
		skip();
	place_open(&p);
	(void)unsetenv("XDG_RUNTIME_DIR");
	assert_int_equal(setenv("TMPDIR", p.dir, 1), 0);
	SUPPORT_OK(skt_leasebook_open(&book, true, &err), &err);
	(void)snprintf(p.leases, sizeof(p.leases), "%.60s/soket-%u/leases", p.dir, (unsigned)geteuid());
	assert_string_equal(book.path, p.leases);
	assert_int_equal(fstat(book.fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	skt_leasebook_close(&book);
	(void)unsetenv("TMPDIR");
	place_close(&p);
}

static ssize_t full_write(int fd, const void *buf, size_t n)
{
	(void)fd, (void)buf, (void)n;
	errno = ENOSPC;
	return -1;
}

static void a_full_disk_leaves_nothing_behind(void **state)
{
	struct place p;
	struct skt_leasebook book;
	struct skt_lease l;
	struct skt_error err = { 0 };

	(void)state;
	place_open(&p);
	lease_of("web", 30002, "/a", &l);
	SUPPORT_OK(skt_leasebook_open(&book, true, &err), &err);
	skt_sys.write = full_write;
	assert_int_equal(skt_leasebook_write(&book, &l, &err), -SKT_E_IO);
	assert_int_equal(err.sys, ENOSPC);
	skt_sys = support_calls;
	assert_null(l.path);
	skt_leasebook_close(&book);
	assert_int_equal(rmdir(p.leases), 0);
	skt_lease_release(&l);
	place_close(&p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SUPPORT_TEST(names_are_small_letters_digits_and_two_signs),
		SUPPORT_TEST(a_record_reads_back_as_the_lease_it_was),
		SUPPORT_TEST(what_is_no_record_is_refused),
		SUPPORT_TEST(an_owner_is_its_pid_and_when_it_began),
		SUPPORT_TEST(leases_are_read_by_port_and_removed_by_their_owner),
		SUPPORT_TEST(a_name_is_found_in_its_own_directory_only),
		SUPPORT_TEST(stale_and_half_written_records_are_removed),
		SUPPORT_TEST(while_somebody_writes_nothing_is_removed),
		SUPPORT_TEST(a_lease_of_another_pid_namespace_is_neither_shown_nor_removed),
		SUPPORT_TEST(the_record_of_another_that_has_taken_the_name_stays),
		SUPPORT_TEST(a_directory_in_which_others_have_a_hand_is_not_used),
		SUPPORT_TEST(without_a_runtime_directory_it_is_in_the_temporary_one),
		SUPPORT_TEST(a_full_disk_leaves_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Rights that were given up are gone: in a child of the test, because they do not come back. */
#include "support.h"

#include <sys/prctl.h>
#include <sys/wait.h>

#include "sys/sandbox.h"

enum { NO_LANDLOCK = 99 };

static char dir[SUPPORT_PATH], inside[SUPPORT_PATH], outside[SUPPORT_PATH];

static bool can_write(const char *in, const char *name)
{
	char path[SUPPORT_PATH * 2];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", in, name);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	skt_close(fd);
	return fd >= 0;
}

static bool can_read(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	skt_close(fd);
	return fd >= 0;
}

/* Run `fn` in a child; its result. */
static int in_a_child(int (*fn)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(fn());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* The number of the first thing that is not as it should be. */
static int only_what_was_named_is_writable(void)
{
	struct skt_needs needs = { .write = { inside }, .n_write = 1 };
	char made[SUPPORT_PATH * 2];

	if (skt_sandbox_enter(&needs) == 0)
		return NO_LANDLOCK;
	(void)snprintf(made, sizeof(made), "%s/a", inside);
	return !can_write(inside, "a")                         ? 1
	       : can_write(outside, "a")                       ? 2
	       : can_write(dir, "a")                           ? 3
	       : !can_read("/etc/passwd")                      ? 4
	       : can_read(outside)                             ? 5
	       : unlink(made) < 0                              ? 6
	       : prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1   ? 7
	       : execl("/bin/true", "true", (char *)NULL) == 0 ? 8
	       : errno != EACCES                               ? 9
							       : 0;
}

static int only_what_was_named_is_readable(void)
{
	struct skt_needs needs = { .read = { inside }, .n_read = 1 };

	if (skt_sandbox_enter(&needs) == 0)
		return NO_LANDLOCK;
	return !can_read(inside) ? 1 : can_read(outside) ? 2 : can_write(inside, "b") ? 3 : 0;
}

static int programs_keep_their_rights(void)
{
	struct skt_needs needs = { .programs = true };

	if (skt_sandbox_enter(&needs) != 0)
		return 1;
	return !can_write(outside, "c") ? 2 : prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 0 ? 3 : 0;
}

/* Network rights are those of Landlock from version 4 on. */
static int neither_bind_nor_connect(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct skt_needs needs = { 0 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (skt_sandbox_enter(&needs) < 4)
		return NO_LANDLOCK;
	if (bind(fd, (struct sockaddr *)&in, sizeof(in)) == 0 || errno != EACCES)
		return 1;
	in.sin_port = htons(9);
	return connect(fd, (struct sockaddr *)&in, sizeof(in)) == 0 || errno != EACCES ? 2 : 0;
}

static void check(int (*fn)(void))
{
	int status = in_a_child(fn);

	if (status == NO_LANDLOCK)
		skip();
	assert_int_equal(status, 0);
}

static void writing_elsewhere_is_denied(void **state)
{
	(void)state;
	check(only_what_was_named_is_writable);
}

static void reading_elsewhere_is_denied(void **state)
{
	(void)state;
	check(only_what_was_named_is_readable);
}

static void where_programs_are_started_nothing_is_dropped(void **state)
{
	(void)state;
	check(programs_keep_their_rights);
}

static void ports_that_are_not_needed_are_denied(void **state)
{
	(void)state;
	check(neither_bind_nor_connect);
}

static int make_directories(void **state)
{
	(void)state;
	support_dir(dir);
	support_join(dir, "inside", inside);
	support_join(dir, "outside", outside);
	return mkdir(inside, 0700) || mkdir(outside, 0700);
}

static int remove_directories(void **state)
{
	static const char *const names[] = { "a", "b", "c" };
	char path[SUPPORT_PATH * 2];

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", inside, names[i]);
		(void)unlink(path);
		(void)snprintf(path, sizeof(path), "%s/%s", outside, names[i]);
		(void)unlink(path);
	}
	return rmdir(inside) || rmdir(outside) || rmdir(dir);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SUPPORT_TEST(writing_elsewhere_is_denied),
		SUPPORT_TEST(reading_elsewhere_is_denied),
		SUPPORT_TEST(where_programs_are_started_nothing_is_dropped),
		SUPPORT_TEST(ports_that_are_not_needed_are_denied),
	};

	return cmocka_run_group_tests(tests, make_directories, remove_directories);
}

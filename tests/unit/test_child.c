/* SPDX-License-Identifier: Apache-2.0 */
/* Children: their status, their descriptors, their directory, and signals that reach all of them. */
#include "support.h"

#include <poll.h>

#include "sys/child.h"

static char *const environment[] = { (char[]){ "PATH=/usr/bin:/bin" }, (char[]){ "MARK=seen" }, NULL };

/* Run a command with these as 0, 1 and 2; its status. */
static int run(struct skt_spawn *spawn, char *const *argv)
{
	struct skt_error err = { 0 };
	struct pollfd ended;
	int status = -1;
	pid_t pid;

	spawn->argv = argv;
	spawn->envp = environment;
	SUPPORT_OK(skt_child_spawn(spawn, &pid, &ended.fd, &err), &err);
	assert_true(ended.fd >= 0);
	ended.events = POLLIN;
	assert_int_equal(poll(&ended, 1, 10000), 1);
	assert_true(skt_child_reap(pid, &status));
	(void)close(ended.fd);
	return status;
}

static int shell(struct skt_spawn *spawn, const char *script)
{
	char text[256];
	char *const argv[] = { (char[]){ "sh" }, (char[]){ "-c" }, text, NULL };

	(void)snprintf(text, sizeof(text), "%s", script);
	return run(spawn, argv);
}

/* The same, and what it wrote. */
static int shell_output(struct skt_spawn *spawn, const char *script, char *ret, size_t size)
{
	int pipes[2], status;
	ssize_t n;

	assert_int_equal(pipe2(pipes, O_CLOEXEC | O_NONBLOCK), 0);
	spawn->fd[1] = pipes[1];
	status = shell(spawn, script);
	n = read(pipes[0], ret, size - 1);
	ret[n < 0 ? 0 : n] = '\0';
	(void)close(pipes[0]);
	(void)close(pipes[1]);
	return status;
}

static void the_status_is_the_one_a_shell_would_give(void **state)
{
	struct skt_spawn spawn = { .fd = { 0, 1, 2 } };

	(void)state;
	assert_int_equal(shell(&spawn, "exit 0"), 0);
	assert_int_equal(shell(&spawn, "exit 37"), 37);
	assert_int_equal(shell(&spawn, "kill -TERM $$"), 128 + SIGTERM);
	assert_int_equal(shell(&spawn, "kill -KILL $$"), 128 + SIGKILL);
}

static void a_child_that_runs_is_not_reaped_and_ends_with_its_signal(void **state)
{
	char *const argv[] = { (char[]){ "cat" }, NULL };
	int pipes[2], status = -1;
	struct skt_spawn spawn = { .argv = argv, .envp = environment, .fd = { 0, 1, 2 } };
	struct pollfd ended = { .events = POLLIN };
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	spawn.fd[0] = pipes[0];
	assert_int_equal(skt_child_spawn(&spawn, &pid, &ended.fd, NULL), 0);
	assert_false(skt_child_reap(pid, &status));
	assert_int_equal(status, -1);
	skt_child_kill(pid, false, SIGTERM);
	assert_int_equal(poll(&ended, 1, 10000), 1);
	assert_true(skt_child_reap(pid, &status));
	assert_int_equal(status, 128 + SIGTERM);
	for (int i = 0; i < 2; i++)
		(void)close(pipes[i]);
	(void)close(ended.fd);
}

static void a_program_that_is_not_there_is_told_with_what_to_do(void **state)
{
	char dir[SUPPORT_PATH], file[SUPPORT_PATH];
	struct {
		char *argv[2];
		const char *cwd;
		int sys;
		const char *hint;
	} rows[] = {
		{ { (char[]){ "no-such-program-anywhere" }, NULL }, NULL, ENOENT, "PATH" },
		{ { file, NULL }, NULL, EACCES, "chmod +x" },
		{ { (char[]){ "true" }, NULL }, "/no/such/directory", ENOENT, "cwd=" },
	};

	(void)state;
	support_dir(dir);
	support_join(dir, "plain", file);
	(void)close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	for (size_t i = 0; i < SKT_LENGTH(rows); i++) {
		struct skt_spawn spawn = {
			.argv = rows[i].argv, .envp = environment, .cwd = rows[i].cwd, .fd = { 0, 1, 2 }
		};
		struct skt_error err = { 0 };
		int pidfd = -7;
		pid_t pid = -7;

		assert_int_equal(skt_child_spawn(&spawn, &pid, &pidfd, &err), -SKT_E_CHILD);
		assert_int_equal(err.sys, rows[i].sys);
		assert_non_null(strstr(err.text, rows[i].argv[0]));
		if (!strstr(err.hint, rows[i].hint))
			fail_msg("%s: %s", err.text, err.hint);
		assert_int_equal(pid, -7);
		assert_int_equal(pidfd, -7);
	}
	(void)unlink(file);
	(void)rmdir(dir);
}

static void it_has_its_directory_and_its_environment_and_no_other(void **state)
{
	struct skt_spawn spawn = { .fd = { 0, 1, 2 }, .cwd = "/usr" };
	char out[256];

	(void)state;
	assert_int_equal(setenv("SOKET_UNIT_SECRET", "1", 1), 0);
	assert_int_equal(shell_output(&spawn, "echo $(/bin/pwd) $MARK ${SOKET_UNIT_SECRET:-none}", out, sizeof(out)), 0);
	assert_string_equal(out, "/usr seen none\n");
	(void)unsetenv("SOKET_UNIT_SECRET");
}

static void it_has_descriptors_0_1_and_2_and_no_other(void **state)
{
	struct skt_spawn spawn = { .fd = { 0, 1, 2 } };
	int inherited = dup(0); /* not close-on-exec, as something that we inherited */
	char out[256];

	(void)state;
	assert_true(inherited > 2);
	/* the shell lists the descriptors it started with, one by one, so that opening the list adds none */
	assert_int_equal(shell_output(&spawn,
				      "for i in 0 1 2 3 4 5 6 7 8 9; do [ -e /proc/$$/fd/$i ] && echo $i; done; true",
				      out, sizeof(out)),
			 0);
	assert_string_equal(out, "0\n1\n2\n");
	(void)close(inherited);
}

static void descriptors_may_be_equal_or_in_each_others_places(void **state)
{
	struct skt_spawn spawn = { .fd = { 0, 1, 2 } };
	int pair[2], kept[3];
	char out[64];
	ssize_t n;

	(void)state;
	support_socketpair(SOCK_STREAM, pair);
	for (int i = 0; i < 3; i++)
		spawn.fd[i] = pair[0];
	assert_int_equal(write(pair[1], "in\n", 3), 3);
	assert_int_equal(shell(&spawn, "read x; echo $x; echo err >&2"), 0);
	n = read(pair[1], out, sizeof(out) - 1);
	out[n < 0 ? 0 : n] = '\0';
	assert_string_equal(out, "in\nerr\n");

	/* 0, 1 and 2 turned round */
	for (int i = 0; i < 3; i++)
		kept[i] = fcntl(i, F_DUPFD_CLOEXEC, 20);
	assert_int_equal(dup2(pair[0], 0), 0);
	spawn.fd[0] = 1;
	spawn.fd[1] = 0;
	spawn.fd[2] = 2;
	n = shell(&spawn, "echo turned");
	assert_int_equal(dup2(kept[0], 0), 0);
	for (int i = 0; i < 3; i++)
		(void)close(kept[i]);
	assert_int_equal(n, 0);
	assert_int_equal(read(pair[1], out, sizeof(out)), 7);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

static void ignored_and_blocked_signals_are_as_a_program_expects_them(void **state)
{
	struct skt_spawn spawn = { .fd = { 0, 1, 2 } };
	sigset_t set, old;
	int status;

	(void)state;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	assert_int_equal(sigprocmask(SIG_BLOCK, &set, &old), 0);
	status = shell(&spawn, "kill -TERM $$; exit 0");
	assert_int_equal(sigprocmask(SIG_SETMASK, &old, NULL), 0);
	assert_int_equal(status, 128 + SIGTERM);
	assert_int_equal(shell(&spawn, "kill -PIPE $$; exit 0"), 128 + SIGPIPE); /* which we ignore ourselves */
}

static void a_signal_reaches_the_whole_group(void **state)
{
	char *const argv[] = { (char[]){ "sh" }, (char[]){ "-c" }, (char[]){ "sleep 1000 & echo; wait" }, NULL };
	int pipes[2], status;
	struct skt_spawn spawn = { .argv = argv, .envp = environment, .fd = { 0, 1, 2 }, .own_group = true };
	struct pollfd ended = { .events = POLLIN }, out;
	char c;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	spawn.fd[1] = pipes[1];
	assert_int_equal(skt_child_spawn(&spawn, &pid, &ended.fd, NULL), 0);
	(void)close(pipes[1]);
	assert_int_equal(read(pipes[0], &c, 1), 1); /* the grandchild is there, and holds our pipe */
	assert_int_equal(getpgid(pid), pid);
	skt_child_kill(pid, true, SIGTERM);
	assert_int_equal(poll(&ended, 1, 10000), 1);
	assert_true(skt_child_reap(pid, &status));
	assert_int_equal(status, 128 + SIGTERM);
	out = (struct pollfd){ .fd = pipes[0], .events = POLLIN };
	assert_int_equal(poll(&out, 1, 10000), 1);
	assert_int_equal(read(pipes[0], &c, 1), 0); /* the grandchild has ended too */
	(void)close(pipes[0]);
	(void)close(ended.fd);
}

static int no_pipe(int *fds, int flags)
{
	(void)fds, (void)flags;
	errno = EMFILE;
	return -1;
}

static pid_t no_fork(void)
{
	errno = EAGAIN;
	return -1;
}

static int n_open(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void limits_are_told_and_leave_no_descriptor(void **state)
{
	char *const argv[] = { (char[]){ "true" }, NULL };
	struct skt_spawn spawn = { .argv = argv, .envp = environment, .fd = { 0, 1, 2 } };
	struct skt_error err;
	int before = n_open(), pidfd;
	sigset_t set;
	pid_t pid;

	(void)state;
	skt_sys.pipe2 = no_pipe;
	assert_int_equal(skt_child_spawn(&spawn, &pid, &pidfd, &err), -SKT_E_LIMIT);
	assert_int_equal(err.sys, EMFILE);
	skt_sys = support_calls;
	skt_sys.fork = no_fork;
	assert_int_equal(skt_child_spawn(&spawn, &pid, &pidfd, &err), -SKT_E_LIMIT);
	assert_int_equal(err.sys, EAGAIN);
	assert_int_equal(n_open(), before);
	assert_int_equal(sigprocmask(SIG_BLOCK, NULL, &set), 0);
	assert_false(sigismember(&set, SIGTERM));
}

static void in_our_place_it_has_our_signals_and_descriptors(void **state)
{
	struct skt_spawn spawn = { .fd = { 0, 1, 2 } };
	int inherited = fcntl(0, F_DUPFD, 9);
	sigset_t mask;
	char out[64];

	(void)state;
	assert_int_equal(inherited, 9);
	(void)sigemptyset(&mask);
	spawn.mask = &mask;
	(void)signal(SIGUSR1, SIG_IGN);
	assert_int_equal(shell_output(&spawn, "[ -e /proc/$$/fd/9 ] && kill -USR1 $$ && echo alive", out, sizeof(out)),
			 0);
	(void)signal(SIGUSR1, SIG_DFL);
	assert_string_equal(out, "alive\n");
	(void)close(inherited);
}

/* Also where they lie in each other's places, and where the pipe that reports a failure would. */
static void descriptors_are_passed_from_3_on(void **state)
{
	struct skt_spawn spawn = { .fd = { 0, 1, 2 } };
	char dir[SUPPORT_PATH], one[SUPPORT_PATH], two[SUPPORT_PATH], out[64];
	int first, second, pass[2];
	sigset_t mask;

	(void)state;
	(void)sigemptyset(&mask);
	support_dir(dir);
	support_join(dir, "one", one);
	support_join(dir, "two", two);
	first = open(one, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	second = open(two, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_int_equal(write(first, "one\n", 4), 4);
	assert_int_equal(write(second, "two\n", 4), 4);
	assert_int_equal(lseek(first, 0, SEEK_SET) + lseek(second, 0, SEEK_SET), 0);
	pass[0] = second;
	pass[1] = first;
	spawn.mask = &mask;
	spawn.pass = pass;
	spawn.n_pass = 2;
	assert_int_equal(
		shell_output(&spawn, "cat <&3; cat <&4; [ -e /proc/$$/fd/5 ] && echo five; true", out, sizeof(out)), 0);
	assert_string_equal(out, "two\none\n");
	(void)close(first);
	(void)close(second);
	(void)unlink(one);
	(void)unlink(two);
	(void)rmdir(dir);
}

static void what_is_dropped_is_closed_before_the_program_begins(void **state)
{
	struct skt_spawn spawn = { .fd = { 0, 1, 2 } };
	int pipes[2], drop[1];

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	drop[0] = pipes[1];
	spawn.drop = drop;
	spawn.n_drop = 1;
	/* the program reads the end at once, because nobody has the other end any more */
	spawn.fd[0] = pipes[0];
	assert_int_equal(shell(&spawn, "read x; exit 7"), 7);
	assert_int_equal(drop[0], -1);
	assert_int_equal(fcntl(pipes[1], F_GETFD), -1);
	(void)close(pipes[0]);
}

static void the_child_writes_its_pid_into_its_environment(void **state)
{
	char entry[16 + SKT_SPAWN_PID_TEXT] = "LISTEN_PID=";
	char *const envp[] = { (char[]){ "PATH=/usr/bin:/bin" }, entry, NULL };
	char *const argv[] = { (char[]){ "sh" }, (char[]){ "-c" }, (char[]){ "[ $LISTEN_PID = $$ ]" }, NULL };
	struct skt_spawn spawn = { .argv = argv, .envp = envp, .fd = { 0, 1, 2 }, .pid_text = entry + strlen(entry) };
	struct skt_error err = { 0 };
	struct pollfd ended = { .events = POLLIN };
	int status;
	pid_t pid;

	(void)state;
	SUPPORT_OK(skt_child_spawn(&spawn, &pid, &ended.fd, &err), &err);
	assert_int_equal(poll(&ended, 1, 10000), 1);
	assert_true(skt_child_reap(pid, &status));
	assert_int_equal(status, 0);
	assert_string_equal(entry, "LISTEN_PID="); /* ours is not changed */
	(void)close(ended.fd);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SUPPORT_TEST(the_status_is_the_one_a_shell_would_give),
		SUPPORT_TEST(a_child_that_runs_is_not_reaped_and_ends_with_its_signal),
		SUPPORT_TEST(a_program_that_is_not_there_is_told_with_what_to_do),
		SUPPORT_TEST(it_has_its_directory_and_its_environment_and_no_other),
		SUPPORT_TEST(it_has_descriptors_0_1_and_2_and_no_other),
		SUPPORT_TEST(descriptors_may_be_equal_or_in_each_others_places),
		SUPPORT_TEST(ignored_and_blocked_signals_are_as_a_program_expects_them),
		SUPPORT_TEST(a_signal_reaches_the_whole_group),
		SUPPORT_TEST(limits_are_told_and_leave_no_descriptor),
		SUPPORT_TEST(in_our_place_it_has_our_signals_and_descriptors),
		SUPPORT_TEST(descriptors_are_passed_from_3_on),
		SUPPORT_TEST(what_is_dropped_is_closed_before_the_program_begins),
		SUPPORT_TEST(the_child_writes_its_pid_into_its_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

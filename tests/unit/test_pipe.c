/* SPDX-License-Identifier: Apache-2.0 */
/* The pool of pipes: its limits, and that it takes none that is too small. */
#include "support.h"

#include "sys/pipe.h"

static int pipes_open(void)
{
	int n = 0;

	for (int fd = 3; fd < 1024; fd++)
		n += skt_fd_kind(fd) == SKT_FD_PIPE;
	return n;
}

static void a_pipe_is_empty_wide_and_used_again(void **state)
{
	struct skt_pipepool pool = { 0 };
	struct skt_pipe *a = skt_pipe_get(&pool), *b;

	(void)state;
	assert_non_null(a);
	assert_int_equal(a->n, 0);
	assert_int_equal(a->size, fcntl(a->fd[0], F_GETPIPE_SZ));
	assert_true(a->size >= 32 * 1024);
	assert_true(fcntl(a->fd[0], F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(a->fd[1], F_GETFD) & FD_CLOEXEC);
	skt_pipe_put(&pool, a);
	b = skt_pipe_get(&pool);
	assert_ptr_equal(a, b);
	skt_pipe_put(&pool, b);
	skt_pipe_put(&pool, NULL);
	skt_pipepool_release(&pool);
}

static void there_are_never_more_than_the_limit(void **state)
{
	struct skt_pipepool pool = { 0 };
	struct skt_pipe *all[SKT_PIPES_MAX];
	int before = pipes_open();

	(void)state;
	for (int i = 0; i < SKT_PIPES_MAX; i++)
		assert_non_null(all[i] = skt_pipe_get(&pool));
	assert_null(skt_pipe_get(&pool));
	assert_int_equal(pipes_open() - before, 2 * SKT_PIPES_MAX);
	for (int i = 0; i < SKT_PIPES_MAX; i++)
		skt_pipe_put(&pool, all[i]);
	assert_int_equal(pool.n_free, SKT_PIPES_KEPT);
	assert_int_equal(pool.n_all, SKT_PIPES_KEPT);
	assert_int_equal(pipes_open() - before, 2 * SKT_PIPES_KEPT);
	assert_int_equal(skt_pipepool_trim(&pool), SKT_PIPES_KEPT);
	assert_int_equal(skt_pipepool_trim(&pool), 0);
	assert_int_equal(pipes_open(), before);
	assert_non_null(all[0] = skt_pipe_get(&pool));
	skt_pipe_put(&pool, all[0]);
	skt_pipepool_release(&pool);
	assert_int_equal(pipes_open(), before);
}

static void a_pipe_with_bytes_in_it_is_not_kept(void **state)
{
	struct skt_pipepool pool = { 0 };
	struct skt_pipe *p = skt_pipe_get(&pool);

	(void)state;
	assert_int_equal(write(p->fd[1], "x", 1), 1);
	p->n = 1;
	skt_pipe_put(&pool, p);
	assert_int_equal(pool.n_free, 0);
	assert_int_equal(pool.n_all, 0);
	skt_pipepool_release(&pool);
}

static int size_given;

static int small_pipes(int fd, int command, long argument)
{
	if (command == F_SETPIPE_SZ) {
		errno = EPERM;
		return -1;
	}
	return command == F_GETPIPE_SZ ? size_given : fcntl(fd, command, argument);
}

static void a_pipe_of_the_default_size_serves_and_a_tiny_one_is_refused(void **state)
{
	struct skt_pipepool pool = { 0 };
	struct skt_pipe *p;
	int before = pipes_open();

	(void)state;
	skt_sys.fcntl = small_pipes;
	size_given = 64 * 1024;
	p = skt_pipe_get(&pool);
	assert_int_equal(p->size, 64 * 1024);
	size_given = 4096;
	assert_null(skt_pipe_get(&pool));
	assert_int_equal(pool.n_all, 1);
	assert_int_equal(pipes_open() - before, 2);
	skt_pipe_put(&pool, p);
	skt_pipepool_release(&pool);
}

static int no_pipe(int *fds, int flags)
{
	(void)fds, (void)flags;
	errno = EMFILE;
	return -1;
}

static bool every_allocation_fails(void)
{
	return true;
}

static void without_descriptors_or_memory_there_is_none_and_nothing_is_counted(void **state)
{
	struct skt_pipepool pool = { 0 };

	(void)state;
	skt_sys.pipe2 = no_pipe;
	assert_null(skt_pipe_get(&pool));
	skt_sys = support_calls;
	skt_alloc_fails = every_allocation_fails;
	assert_null(skt_pipe_get(&pool));
	assert_int_equal(pool.n_all, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SUPPORT_TEST(a_pipe_is_empty_wide_and_used_again),
		SUPPORT_TEST(there_are_never_more_than_the_limit),
		SUPPORT_TEST(a_pipe_with_bytes_in_it_is_not_kept),
		SUPPORT_TEST(a_pipe_of_the_default_size_serves_and_a_tiny_one_is_refused),
		SUPPORT_TEST(without_descriptors_or_memory_there_is_none_and_nothing_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

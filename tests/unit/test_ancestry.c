/* SPDX-License-Identifier: Apache-2.0 */
/* The parents of a process: those of this test and of processes that it makes. */
#include "support.h"

#include <string.h>
#include <sys/wait.h>

#include "inspect/ancestry.h"

static void read_process(pid_t pid, struct skt_process *ret)
{
	struct skt_error err = { 0 };

	SUPPORT_OK(skt_process_read(pid, SKT_PROCESS_BRIEF, ret, &err), &err);
}

static void read_parents(const struct skt_process *p, struct skt_ancestry *ret)
{
	struct skt_error err = { 0 };

	memset(ret, 0xff, sizeof(*ret)); /* what was there does not matter */
	SUPPORT_OK(skt_ancestry_read(p, SKT_PROCESS_BRIEF, ret, &err), &err);
}

static void read_parents_of(pid_t pid, struct skt_ancestry *ret)
{
	struct skt_process p;

	read_process(pid, &p);
	read_parents(&p, ret);
	skt_process_release(&p);
}

/* A line of processes, each the child of the one before; all end when the pipe is closed. */
struct line {
	pid_t first, last;
	int hold;
};

/* Each forks the next and waits for it; the last one says who it is. */
static void line_go_on(int length, int hold, int tell)
{
	pid_t pid = 0;
	char byte;

	for (int i = 1; i < length && pid == 0; i++)
		pid = fork();
	if (pid != 0) {
		(void)waitpid(pid, NULL, 0);
	} else {
		pid = getpid();
		(void)!write(tell, &pid, sizeof(pid));
		(void)!read(hold, &byte, 1);
	}
	_exit(0);
}

static void line_begin(int length, struct line *ret)
{
	int hold[2], tell[2];

	assert_int_equal(pipe2(hold, O_CLOEXEC), 0);
	assert_int_equal(pipe2(tell, O_CLOEXEC), 0);
	ret->first = fork();
	if (ret->first == 0) {
		(void)close(hold[1]);
		line_go_on(length, hold[0], tell[1]);
	}
	assert_true(ret->first > 0);
	(void)close(hold[0]);
	(void)close(tell[1]);
	assert_int_equal(read(tell[0], &ret->last, sizeof(ret->last)), sizeof(ret->last));
	(void)close(tell[0]);
	ret->hold = hold[1];
}

static void line_end(struct line *l)
{
	(void)close(l->hold);
	assert_int_equal(waitpid(l->first, NULL, 0), l->first);
}

static void parents_come_in_order_up_to_one_without(void **state)
{
	struct skt_ancestry a, ours;
	struct line l;

	(void)state;
	line_begin(3, &l);
	read_parents_of(l.last, &a);
	read_parents_of(getpid(), &ours);
	assert_true(a.n >= 4);
	assert_int_equal(a.n, ours.n + 3);
	assert_int_equal(a.process[1].pid, l.first);
	assert_int_equal(a.process[0].parent, l.first);
	assert_int_equal(a.process[2].pid, getpid());
	assert_int_equal(a.process[3].pid, getppid());
	for (size_t i = 0; i < ours.n; i++)
		assert_int_equal(a.process[i + 3].pid, ours.process[i].pid);
	for (size_t i = 1; i < a.n; i++)
		assert_int_equal(a.process[i - 1].parent, a.process[i].pid);
	assert_int_equal(a.process[a.n - 1].parent, 0);
	assert_false(a.is_cut);
	skt_ancestry_release(&ours);
	skt_ancestry_release(&a);
	assert_true(a.n == 0 && !a.process);
	skt_ancestry_release(&a); /* twice is as good as once */
	line_end(&l);
}

static void who_has_no_parent_has_no_ancestry(void **state)
{
	static const struct skt_process orphan = { .pid = 1, .ticks = 1 };
	struct skt_ancestry a;

	(void)state;
	read_parents(&orphan, &a);
	assert_int_equal(a.n, 0);
	assert_false(a.is_cut);
	skt_ancestry_release(&a);
}

static void as_much_is_read_as_was_asked_for(void **state)
{
	struct skt_process child = { .parent = getpid(), .ticks = UINT64_MAX };
	struct skt_ancestry a;
	struct skt_error err = { 0 };

	(void)state;
	SUPPORT_OK(skt_ancestry_read(&child, SKT_PROCESS_BRIEF, &a, &err), &err);
	assert_true(a.n > 0 && !a.process[0].command);
	skt_ancestry_release(&a);
	SUPPORT_OK(skt_ancestry_read(&child, SKT_PROCESS_COMMAND, &a, &err), &err);
	assert_true(a.n > 0 && a.process[0].command && strstr(a.process[0].command, "test_ancestry"));
	skt_ancestry_release(&a);
}

/* A parent that has ended, and one whose pid a younger process has got. */
static void a_parent_that_is_gone_cuts_the_chain(void **state)
{
	struct skt_process child, us;
	struct skt_ancestry a;
	struct line l;

	(void)state;
	read_process(getpid(), &us);
	child = (struct skt_process){ .parent = getpid(), .ticks = us.ticks };
	read_parents(&child, &a); /* as old as its child: within one tick */
	assert_true(a.n > 0 && a.process[0].pid == getpid());
	skt_ancestry_release(&a);
	child.ticks = us.ticks - 1;
	read_parents(&child, &a);
	assert_int_equal(a.n, 0);
	assert_true(a.is_cut);
	skt_ancestry_release(&a);
	line_begin(1, &l);
	child = (struct skt_process){ .parent = l.first, .ticks = UINT64_MAX };
	line_end(&l);
	read_parents(&child, &a);
	assert_int_equal(a.n, 0);
	assert_true(a.is_cut);
	skt_ancestry_release(&a);
	skt_process_release(&us);
}

static void too_long_a_chain_is_cut_and_says_so(void **state)
{
	struct skt_ancestry a;
	struct line l;

	(void)state;
	line_begin(SKT_ANCESTRY_MAX + 2, &l);
	read_parents_of(l.last, &a);
	assert_int_equal(a.n, SKT_ANCESTRY_MAX);
	assert_true(a.is_cut);
	skt_ancestry_release(&a);
	line_end(&l);
}

static bool no_memory(void)
{
	return true;
}

static void without_memory_there_is_no_ancestry(void **state)
{
	struct skt_process child = { .parent = getpid(), .ticks = UINT64_MAX };
	struct skt_ancestry a = { .n = 7 };
	struct skt_error err = { 0 };

	(void)state;
	skt_alloc_fails = no_memory;
	assert_int_equal(skt_ancestry_read(&child, SKT_PROCESS_BRIEF, &a, &err), -SKT_E_LIMIT);
	skt_alloc_fails = NULL;
	assert_int_equal(err.kind, SKT_E_LIMIT);
	assert_int_equal(a.n, 7);
}

static void we_and_our_ancestors_are_ours_and_nobody_else(void **state)
{
	struct skt_ancestry a;
	struct line l;

	(void)state;
	assert_true(skt_ancestry_is_ours(getpid()));
	assert_true(skt_ancestry_is_ours(getppid()));
	read_parents_of(getpid(), &a);
	for (size_t i = 0; i < a.n; i++)
		assert_true(skt_ancestry_is_ours(a.process[i].pid));
	skt_ancestry_release(&a);
	line_begin(2, &l);
	assert_false(skt_ancestry_is_ours(l.first));
	assert_false(skt_ancestry_is_ours(l.last));
	line_end(&l);
	assert_false(skt_ancestry_is_ours(l.last));
	assert_false(skt_ancestry_is_ours(0));
	assert_false(skt_ancestry_is_ours(-1));
}

/* A child sees its parent's parents as its own. */
static void a_child_has_us_among_its_ancestors(void **state)
{
	pid_t parent = getpid(), grandparent = getppid(), child = fork();
	int status;

	(void)state;
	if (child == 0)
		_exit(skt_ancestry_is_ours(parent) && skt_ancestry_is_ours(grandparent) ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SUPPORT_TEST(parents_come_in_order_up_to_one_without),
		SUPPORT_TEST(who_has_no_parent_has_no_ancestry),
		SUPPORT_TEST(as_much_is_read_as_was_asked_for),
		SUPPORT_TEST(a_parent_that_is_gone_cuts_the_chain),
		SUPPORT_TEST(too_long_a_chain_is_cut_and_says_so),
		SUPPORT_TEST(without_memory_there_is_no_ancestry),
		SUPPORT_TEST(we_and_our_ancestors_are_ours_and_nobody_else),
		SUPPORT_TEST(a_child_has_us_among_its_ancestors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

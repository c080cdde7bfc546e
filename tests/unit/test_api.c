/* SPDX-License-Identifier: Apache-2.0 */
/* The public library, through its header alone: what a program can rely on. SIGPIPE keeps its default action here, so
 * that a library that lets one through ends the test. */
#include <soket.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE = 10000, SOON = 30, LARGE = 4 * 1024 * 1024 };

static void fail_of(const char *what, const struct soket_error *err)
{
	fail_msg("%s: %s: %s (%s)", what, soket_kind_name(err->kind), err->text, err->hint);
}

static struct soket_stream *dial(const char *text)
{
	struct soket_error err;
	struct soket_stream *s = soket_dial(text, PATIENCE, &err);

	if (!s)
		fail_of(text, &err);
	return s;
}

static struct soket_stream *dial_shell(const char *script, const char *option)
{
	const char *const words[] = { "sh", "-c", script, NULL };
	struct soket_endpoint *e = soket_endpoint_from_command(words, NULL);
	struct soket_stream *s;
	char text[256];

	assert_non_null(e);
	(void)snprintf(text, sizeof(text), "%s %s", soket_endpoint_print(e), option);
	s = dial(text);
	soket_endpoint_free(e);
	return s;
}

static struct soket_listener *listen_on(const char *text)
{
	struct soket_error err;
	struct soket_listener *l = soket_listen(text, &err);

	if (!l)
		fail_of(text, &err);
	return l;
}

static struct soket_stream *accept_on(struct soket_listener *l)
{
	struct soket_error err;
	struct soket_stream *s = soket_accept(l, PATIENCE, &err);

	if (!s)
		fail_of("accept", &err);
	return s;
}

static void say(struct soket_stream *s, const char *text)
{
	struct soket_error err;

	if (soket_write(s, text, strlen(text), PATIENCE, &err) < 0)
		fail_of(text, &err);
}

/* Read exactly what was said. */
static void hear(struct soket_stream *s, const char *expected)
{
	char got[256] = "";
	size_t n = 0, want = strlen(expected);
	struct soket_error err;

	while (n < want) {
		ssize_t more = soket_read(s, got + n, want - n, PATIENCE, &err);

		if (more < 0)
			fail_of(expected, &err);
		assert_true(more > 0);
		n += (size_t)more;
	}
	assert_string_equal(got, expected);
}

static void hear_the_end(struct soket_stream *s)
{
	char c;

	assert_int_equal(soket_read(s, &c, 1, PATIENCE, NULL), 0);
}

/* A pair of streams joined by a listener that is gone again. */
static void join(const char *text, struct soket_stream **client, struct soket_stream **server)
{
	struct soket_listener *l = listen_on(text);

	*client = dial(soket_listener_address(l, 0));
	*server = accept_on(l);
	soket_listener_close(l);
}

static const char *unique(const char *prefix)
{
	static char text[80];
	static int n;

	(void)snprintf(text, sizeof(text), "%s@soket-api-%d-%d", prefix, (int)getpid(), n++);
	return text;
}

/* --- what is pure --------------------------------------------------------------------------------------------- */

static void the_header_and_the_library_have_one_version(void **state)
{
	(void)state;
	assert_string_equal(soket_version(), SOKET_VERSION);
}

static void kinds_have_the_words_of_the_json_output(void **state)
{
	(void)state;
	assert_string_equal(soket_kind_name(SOKET_E_REFUSED), "refused");
	assert_string_equal(soket_kind_name(SOKET_E_INUSE), "in-use");
}

static void an_endpoint_tells_its_parts(void **state)
{
	struct soket_endpoint *e = soket_endpoint_parse("[::1]:8080 nodelay=no timeout=2s", NULL);

	(void)state;
	assert_non_null(e);
	assert_string_equal(soket_endpoint_print(e), "tcp://[::1]:8080 nodelay=no timeout=2s");
	assert_string_equal(soket_endpoint_scheme(e), "tcp");
	assert_string_equal(soket_endpoint_layer(e, 0), "tcp");
	assert_null(soket_endpoint_layer(e, 1));
	assert_string_equal(soket_endpoint_host(e), "::1");
	assert_int_equal(soket_endpoint_port(e), 8080);
	assert_string_equal(soket_endpoint_option(e, "timeout"), "2s");
	assert_null(soket_endpoint_option(e, "retry"));
	soket_endpoint_free(e);
}

static void an_endpoint_without_host_and_port_says_so(void **state)
{
	struct soket_endpoint *e = soket_endpoint_parse("/run/app.sock", NULL);

	(void)state;
	assert_non_null(e);
	assert_string_equal(soket_endpoint_address(e), "/run/app.sock");
	assert_null(soket_endpoint_host(e));
	assert_int_equal(soket_endpoint_port(e), -1);
	soket_endpoint_free(e);
	soket_endpoint_free(NULL);
}

static void words_become_a_text_with_the_quotes_it_needs(void **state)
{
	const char *const file[] = { "file:/tmp/my \"notes\"", "append=yes", NULL }, *const none[] = { NULL };
	struct soket_endpoint *e = soket_endpoint_from_words(file, NULL), *again;
	struct soket_error err;

	(void)state;
	assert_non_null(e);
	assert_string_equal(soket_endpoint_print(e), "file:\"/tmp/my \\\"notes\\\"\" append=yes");
	again = soket_endpoint_parse(soket_endpoint_print(e), NULL);
	assert_non_null(again);
	assert_string_equal(soket_endpoint_address(again), "/tmp/my \"notes\"");
	soket_endpoint_free(again);
	soket_endpoint_free(e);
	assert_null(soket_endpoint_from_words(none, &err));
	assert_int_equal(err.kind, SOKET_E_USAGE);
	assert_null(soket_endpoint_from_command(none, NULL));
}

static void layers_are_told_from_the_top_down(void **state)
{
	struct soket_endpoint *e = soket_endpoint_parse("tls://example.org:443", NULL);

	(void)state;
	assert_non_null(e);
	assert_string_equal(soket_endpoint_layer(e, 0), "tls");
	assert_string_equal(soket_endpoint_layer(e, 1), "tcp");
	assert_string_equal(soket_endpoint_scheme(e), "tcp");
	soket_endpoint_free(e);
}

static void a_mistake_in_an_endpoint_is_located(void **state)
{
	struct soket_error err = { .kind = SOKET_OK };

	(void)state;
	assert_null(soket_endpoint_parse("tcp://h:80 nodelay=perhaps", &err));
	assert_int_equal(err.kind, SOKET_E_USAGE);
	assert_int_equal(err.at, 19);
	assert_string_not_equal(err.text, "");
}

/* --- streams -------------------------------------------------------------------------------------------------- */

static void talk(const char *text)
{
	struct soket_stream *client, *server;

	join(text, &client, &server);
	say(client, "question");
	assert_int_equal(soket_shut(client, PATIENCE, NULL), 0);
	hear(server, "question");
	hear_the_end(server);
	say(server, "answer");
	soket_close(server);
	hear(client, "answer");
	hear_the_end(client);
	assert_int_equal(soket_stream_sent(client), 8);
	assert_int_equal(soket_stream_received(client), 6);
	soket_close(client);
}

static void bytes_go_both_ways_after_a_half_close(void **state)
{
	(void)state;
	talk("127.0.0.1:0");
	talk("[::1]:0");
	talk(unique("unix:"));
	talk(unique("unix-seqpacket:"));
}

static void both_families_of_loopback_share_one_port(void **state)
{
	struct soket_listener *l = listen_on(":0");
	struct soket_stream *client, *server;
	char text[64];

	(void)state;
	assert_non_null(soket_listener_address(l, 1));
	assert_null(soket_listener_address(l, 2));
	assert_true(soket_listener_fd(l, 1) >= 0);
	assert_int_equal(soket_listener_fd(l, 2), -1);
	(void)snprintf(text, sizeof(text), "localhost%s", strrchr(soket_listener_address(l, 0), ':'));
	client = dial(text);
	server = accept_on(l);
	say(server, "hello");
	hear(client, "hello");
	assert_string_equal(soket_stream_peer(client), soket_stream_local(server));
	assert_string_equal(soket_stream_local(client), soket_stream_peer(server));
	soket_close(client);
	soket_close(server);
	soket_listener_close(l);
}

static void a_peer_without_an_address_is_called_by_its_endpoint(void **state)
{
	struct soket_stream *client, *server, *program = dial("exec:cat");
	const char *text = unique("unix:");
	char name[100];

	(void)state;
	(void)snprintf(name, sizeof(name), "%s", text);
	join(text, &client, &server);
	assert_string_equal(soket_stream_peer(client), name);
	assert_string_equal(soket_stream_peer(server), name);
	assert_string_equal(soket_stream_local(client), "");
	assert_string_equal(soket_stream_peer(program), "exec:cat");
	soket_close(client);
	soket_close(server);
	soket_close(program);
}

static void messages_keep_their_boundaries(void **state)
{
	struct soket_stream *client, *server;
	struct soket_error err;
	char got[8];

	(void)state;
	join(unique("unix-seqpacket:"), &client, &server);
	say(client, "one");
	say(client, "two");
	say(client, "much too long");
	say(client, "four");
	assert_int_equal(soket_read(server, got, sizeof(got), PATIENCE, NULL), 3);
	assert_int_equal(soket_read(server, got, sizeof(got), PATIENCE, NULL), 3);
	assert_int_equal(soket_read(server, got, sizeof(got), PATIENCE, &err), -SOKET_E_LIMIT);
	assert_int_equal(err.sys, EMSGSIZE);
	assert_int_equal(soket_read(server, got, sizeof(got), PATIENCE, NULL), 4);
	soket_close(client);
	soket_close(server);
}

static void *take_all(void *argument)
{
	static char bytes[65536];
	size_t *sum = malloc(sizeof(*sum));
	ssize_t n;

	assert_non_null(sum);
	*sum = 0;
	while ((n = soket_read(argument, bytes, sizeof(bytes), PATIENCE, NULL)) > 0)
		for (ssize_t i = 0; i < n; i++)
			*sum += (unsigned char)bytes[i];
	return sum;
}

static void datagrams_keep_their_boundaries_and_an_empty_one_is_one(void **state)
{
	struct soket_error err = { 0 };
	struct soket_listener *l = soket_listen("udp://127.0.0.1:0", &err);
	struct soket_stream *client, *server;
	char buf[100];

	(void)state;
	assert_non_null(l);
	server = soket_accept(l, PATIENCE, &err);
	assert_non_null(server);
	assert_null(soket_accept(l, 0, &err));
	assert_int_equal(err.kind, SOKET_E_USAGE);
	client = soket_dial(soket_listener_address(l, 0), PATIENCE, &err);
	assert_non_null(client);
	soket_listener_close(l); /* the stream lives on */
	assert_int_equal(soket_write(client, "one", 3, PATIENCE, &err), 0);
	assert_int_equal(soket_write(client, "", 0, PATIENCE, &err), 0);
	assert_int_equal(soket_write(client, "three", 5, PATIENCE, &err), 0);
	assert_int_equal(soket_read(server, buf, sizeof(buf), PATIENCE, &err), 3);
	assert_int_equal(soket_read(server, buf, sizeof(buf), PATIENCE, &err), 0);
	assert_int_equal(soket_read(server, buf, 2, PATIENCE, &err), -SOKET_E_LIMIT);
	assert_int_equal(soket_read(server, buf, sizeof(buf), PATIENCE, &err), 5);
	assert_int_equal(soket_write(server, "answer", 6, PATIENCE, &err), 0);
	assert_int_equal(soket_read(client, buf, sizeof(buf), PATIENCE, &err), 6);
	assert_int_equal(soket_read(client, buf, sizeof(buf), 10, &err), -SOKET_E_TIMEOUT);
	soket_close(client);
	soket_close(server);
}

static void a_large_write_is_whole(void **state)
{
	struct soket_stream *client, *server;
	char *bytes = malloc(LARGE);
	size_t sum = 0;
	void *ret;
	pthread_t thread;

	(void)state;
	assert_non_null(bytes);
	for (size_t i = 0; i < LARGE; i++)
		sum += (unsigned char)(bytes[i] = (char)(i * 7 + i / 251));
	join("127.0.0.1:0", &client, &server);
	assert_int_equal(pthread_create(&thread, NULL, take_all, server), 0);
	assert_int_equal(soket_write(client, bytes, LARGE, PATIENCE, NULL), 0);
	assert_int_equal(soket_shut(client, PATIENCE, NULL), 0);
	assert_int_equal(pthread_join(thread, &ret), 0);
	assert_int_equal(*(size_t *)ret, sum);
	assert_int_equal(soket_stream_received(server), LARGE);
	free(ret);
	free(bytes);
	soket_close(client);
	soket_close(server);
}

static void a_write_that_times_out_tells_how_much_was_taken(void **state)
{
	struct soket_stream *client, *server;
	char *bytes = calloc(1, LARGE * 4);
	struct soket_error err;
	uint64_t taken, got = 0;
	ssize_t n;

	(void)state;
	assert_non_null(bytes);
	join(unique("unix:"), &client, &server);
	assert_int_equal(soket_write(client, bytes, LARGE * 4, SOON, &err), -SOKET_E_TIMEOUT);
	taken = soket_stream_sent(client);
	assert_true(taken > 0 && taken < LARGE * 4);
	assert_int_equal(soket_shut(client, PATIENCE, NULL), 0);
	while ((n = soket_read(server, bytes, LARGE, PATIENCE, NULL)) > 0)
		got += (uint64_t)n;
	assert_int_equal(got, taken);
	free(bytes);
	soket_close(client);
	soket_close(server);
}

static void waiting_has_a_deadline_and_goes_on_after_it(void **state)
{
	struct soket_listener *l = listen_on("127.0.0.1:0");
	struct soket_stream *client, *server;
	struct soket_error err;
	char c;

	(void)state;
	assert_null(soket_accept(l, 0, &err));
	assert_int_equal(err.kind, SOKET_E_TIMEOUT);
	assert_null(soket_accept(l, SOON, &err));
	assert_int_equal(err.kind, SOKET_E_TIMEOUT);
	client = dial(soket_listener_address(l, 0));
	server = accept_on(l);
	assert_int_equal(soket_read(server, &c, 1, 0, &err), -SOKET_E_TIMEOUT);
	assert_int_equal(soket_read(server, &c, 1, SOON, NULL), -SOKET_E_TIMEOUT);
	say(client, "x");
	hear(server, "x");
	soket_close(client);
	soket_close(server);
	soket_listener_close(l);
}

static void a_descriptor_that_polls_readable_can_be_read_at_once(void **state)
{
	struct soket_stream *client, *server;
	struct pollfd wait;
	char got[8];

	(void)state;
	join("127.0.0.1:0", &client, &server);
	wait = (struct pollfd){ .fd = soket_stream_fd(server), .events = POLLIN };
	for (int i = 0; i < 3; i++) {
		say(client, "now");
		assert_int_equal(poll(&wait, 1, PATIENCE), 1);
		assert_int_equal(soket_read(server, got, sizeof(got), 0, NULL), 3);
	}
	soket_close(client);
	soket_close(server);
}

static void a_dial_that_nobody_answers_times_out(void **state)
{
	struct soket_error err;
	char path[40], text[100];

	(void)state;
	(void)snprintf(path, sizeof(path), "/tmp/soket-api-fifo-%d", (int)getpid());
	(void)snprintf(text, sizeof(text), "pipe:%s create=yes write=yes timeout=1h", path);
	assert_null(soket_dial(text, SOON, &err)); /* a FIFO opens for writing only once there is a reader */
	assert_int_equal(err.kind, SOKET_E_TIMEOUT);
	assert_non_null(strstr(err.text, path));
	(void)unlink(path);
}

static void failures_of_dialling_have_their_kinds(void **state)
{
	struct soket_listener *l = listen_on("127.0.0.1:0");
	struct soket_error err;
	char closed[64];

	(void)state;
	(void)snprintf(closed, sizeof(closed), "%s", soket_listener_address(l, 0));
	soket_listener_close(l);
	assert_null(soket_dial(closed, PATIENCE, &err));
	assert_int_equal(err.kind, SOKET_E_REFUSED);
	assert_int_equal(err.sys, ECONNREFUSED);
	assert_string_not_equal(err.hint, "");
	assert_null(soket_dial("exec:/no/such/program", PATIENCE, &err));
	assert_int_equal(err.kind, SOKET_E_CHILD);
	assert_null(soket_dial("listen:127.0.0.1:1", PATIENCE, &err));
	assert_int_equal(err.kind, SOKET_E_USAGE);
	assert_null(soket_dial("tls://127.0.0.1:1", PATIENCE, &err));
	assert_int_equal(err.kind, SOKET_E_REFUSED);
	assert_null(soket_dial("tls://127.0.0.1:1 ca=/no/such/file", PATIENCE, &err));
	assert_int_equal(err.kind, SOKET_E_USAGE);
	assert_null(soket_dial("", PATIENCE, NULL));
}

static void failures_of_listening_have_their_kinds(void **state)
{
	struct soket_listener *l = listen_on("127.0.0.1:0");
	struct soket_error err;

	(void)state;
	assert_null(soket_listen(soket_listener_address(l, 0), &err));
	assert_int_equal(err.kind, SOKET_E_INUSE);
	assert_null(soket_listen("exec:cat", &err));
	assert_int_equal(err.kind, SOKET_E_USAGE);
	assert_null(soket_listen("dial:127.0.0.1:0", &err));
	assert_int_equal(err.kind, SOKET_E_USAGE);
	assert_null(soket_listen("/no/such/directory/socket", NULL));
	soket_listener_close(l);
	soket_listener_close(NULL);
}

static void nothing_is_written_after_the_end_was_told(void **state)
{
	struct soket_stream *client, *server;
	struct soket_error err;

	(void)state;
	join(unique("unix:"), &client, &server);
	assert_int_equal(soket_shut(client, PATIENCE, NULL), 0);
	assert_int_equal(soket_shut(client, PATIENCE, NULL), 0);
	assert_int_equal(soket_write(client, "x", 1, PATIENCE, &err), -SOKET_E_USAGE);
	assert_int_equal(soket_read(server, &err, 0, PATIENCE, NULL), -SOKET_E_USAGE);
	soket_close(client);
	soket_close(server);
	soket_close(NULL);
}

/* Write until it fails: the first bytes after the peer has gone may still be taken. */
static int write_in_vain(struct soket_stream *s, struct soket_error *err)
{
	int failed = 0;

	for (int i = 0; i < 1000 && failed == 0; i++) {
		failed = soket_write(s, "into the void", 13, PATIENCE, err);
		(void)poll(NULL, 0, failed ? 0 : 1);
	}
	return -failed;
}

static bool sigpipe_is_as_it_was(void)
{
	struct sigaction act;
	sigset_t mask, pending;

	return sigaction(SIGPIPE, NULL, &act) == 0 && act.sa_handler == SIG_DFL &&
	       pthread_sigmask(SIG_SETMASK, NULL, &mask) == 0 && !sigismember(&mask, SIGPIPE) &&
	       sigpending(&pending) == 0 && !sigismember(&pending, SIGPIPE);
}

static void a_peer_that_has_gone_is_an_error_and_no_signal(void **state)
{
	struct soket_stream *client, *server, *program = dial("exec:true");
	struct soket_error err;

	(void)state;
	join("127.0.0.1:0", &client, &server);
	soket_close(server);
	assert_int_equal(write_in_vain(client, &err), SOKET_E_IO);
	soket_close(client);
	assert_int_equal(write_in_vain(program, &err), SOKET_E_IO);
	assert_int_equal(err.sys, EPIPE);
	soket_close(program);
	assert_true(sigpipe_is_as_it_was());
}

static void a_program_is_a_stream_and_has_a_status(void **state)
{
	struct soket_stream *s = dial("exec:sort");
	int status = -2;

	(void)state;
	assert_int_equal(soket_stream_fd(s), -1);
	say(s, "b\na\n");
	assert_int_equal(soket_shut(s, PATIENCE, NULL), 0);
	hear(s, "a\nb\n");
	hear_the_end(s);
	assert_int_equal(soket_finish(s, PATIENCE, &status, NULL), 0);
	assert_int_equal(status, 0);
	assert_int_equal(soket_read(s, &status, 1, 0, NULL), -SOKET_E_USAGE);
	soket_close(s);
	s = dial_shell("exit 7", "");
	assert_int_equal(soket_finish(s, PATIENCE, &status, NULL), 0);
	assert_int_equal(status, 7);
	soket_close(s);
}

static void closing_ends_a_program_that_still_runs(void **state)
{
	struct soket_stream *s = dial_shell("exec sleep 1000", "");
	int status = -2;

	(void)state;
	assert_int_equal(soket_finish(s, SOON, &status, NULL), -SOKET_E_TIMEOUT);
	assert_int_equal(status, -2);
	soket_close(s);
	s = dial_shell("trap : TERM; echo; while :; do sleep 0.01; done", "kill=50ms");
	hear(s, "\n");
	soket_close(s);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void a_terminal_can_be_talked_to(void **state)
{
	struct soket_stream *s = dial("pty:cat");
	int status = -2;

	(void)state;
	assert_true(soket_stream_fd(s) >= 0);
	say(s, "hello\n");
	hear(s, "hello\r\nhello\r\n"); /* what was typed, and what cat says */
	assert_int_equal(soket_shut(s, PATIENCE, NULL), 0);
	hear_the_end(s);
	assert_int_equal(soket_finish(s, PATIENCE, &status, NULL), 0);
	assert_int_equal(status, 0);
	soket_close(s);
}

static void the_little_services_answer(void **state)
{
	struct soket_stream *s = dial("echo:");
	struct soket_error err;
	char c;

	(void)state;
	say(s, "again");
	hear(s, "again");
	assert_int_equal(soket_read(s, &c, 1, SOON, &err), -SOKET_E_TIMEOUT);
	soket_close(s);
	s = dial("text:hello");
	hear(s, "hello");
	hear_the_end(s);
	soket_close(s);
}

static void files_are_written_and_read(void **state)
{
	char text[100], path[] = "/tmp/soket-api-XXXXXX";
	int fd = mkstemp(path);
	struct soket_stream *s;

	(void)state;
	assert_true(fd >= 0);
	(void)close(fd);
	(void)snprintf(text, sizeof(text), "file:%s", path);
	s = dial(text);
	say(s, "kept");
	assert_int_equal(soket_shut(s, PATIENCE, NULL), 0);
	soket_close(s);
	(void)snprintf(text, sizeof(text), "file:%s read=yes", path);
	s = dial(text);
	hear(s, "kept");
	hear_the_end(s);
	soket_close(s);
	(void)unlink(path);
}

static void stdin_and_stdout_stay_the_programs_own(void **state)
{
	struct stat before, after;
	struct soket_stream *s;

	(void)state;
	assert_int_equal(fstat(STDOUT_FILENO, &before), 0);
	s = dial("-");
	assert_int_equal(soket_shut(s, PATIENCE, NULL), 0);
	soket_close(s);
	assert_int_equal(fstat(STDOUT_FILENO, &after), 0);
	assert_true(before.st_dev == after.st_dev && before.st_ino == after.st_ino);
}

/* --- links ---------------------------------------------------------------------------------------------------- */

/* A link on a thread of its own, and what it told. */
struct rig {
	struct soket_link_options options;
	struct soket_link *link;
	pthread_t thread;
	int ret, count[SOKET_EVENT_STOPPING + 1];
	struct soket_error err, told;
	uint64_t sent, received;
	unsigned port;
	char how[16];
	bool is_same, signals_kept; /* each event was of this link; signals were left alone */
};

static void rig_tell(struct soket_link *link, const struct soket_event *event, void *user)
{
	struct rig *rig = user;

	rig->is_same &= link == rig->link;
	rig->count[event->kind]++;
	if (event->error)
		rig->told = *event->error;
	if (event->kind == SOKET_EVENT_LISTENING)
		rig->port = event->port;
	if (event->kind == SOKET_EVENT_CLOSED) {
		rig->sent = event->sent;
		rig->received = event->received;
		(void)snprintf(rig->how, sizeof(rig->how), "%s", event->how);
	}
}

static void *rig_run(void *argument)
{
	struct rig *rig = argument;

	rig->ret = soket_link_run(rig->link, &rig->err);
	rig->signals_kept = sigpipe_is_as_it_was();
	return NULL;
}

static void rig_start(struct rig *rig, const char *from, const char *to)
{
	rig->is_same = true;
	rig->options.on_event = rig_tell;
	rig->options.user = rig;
	rig->link = soket_link_new(from, to, &rig->options, &rig->err);
	if (!rig->link)
		fail_of(from, &rig->err);
	assert_int_equal(pthread_create(&rig->thread, NULL, rig_run, rig), 0);
}

/* Wait for its end. */
static void rig_end(struct rig *rig)
{
	assert_int_equal(pthread_join(rig->thread, NULL), 0);
	assert_true(rig->is_same && rig->signals_kept);
}

static void a_link_joins_clients_to_a_server_until_it_is_stopped(void **state)
{
	struct soket_listener *server = listen_on("127.0.0.1:0");
	struct rig rig = { .link = NULL };
	struct soket_link_totals totals;
	struct soket_stream *a, *b;

	(void)state;
	rig_start(&rig, "127.0.0.1:0", soket_listener_address(server, 0));
	for (int i = 0; i < 2; i++) {
		a = dial(soket_link_address(rig.link, 0));
		b = accept_on(server);
		say(a, "there");
		hear(b, "there");
		say(b, "back again");
		hear(a, "back again");
		soket_close(a);
		hear_the_end(b);
		soket_close(b);
	}
	soket_link_stop(rig.link);
	rig_end(&rig);
	assert_int_equal(rig.ret, 0);
	assert_int_equal(rig.count[SOKET_EVENT_LISTENING], 1);
	assert_int_equal(rig.count[SOKET_EVENT_OPENED], 2);
	assert_int_equal(rig.count[SOKET_EVENT_CLOSED], 2);
	assert_int_equal(rig.sent, 5);
	assert_int_equal(rig.received, 10);
	assert_string_equal(rig.how, "done");
	assert_true(rig.port > 0);
	soket_link_totals(rig.link, &totals);
	assert_int_equal(totals.links, 2);
	assert_int_equal(totals.sent, 10);
	assert_int_equal(totals.received, 20);
	soket_link_free(rig.link);
	soket_listener_close(server);
}

static void a_second_stop_cuts_what_is_open(void **state)
{
	struct rig rig = { .options.grace_ms = 3600 * 1000 };
	struct soket_stream *a;

	(void)state;
	rig_start(&rig, unique("unix:"), "echo:");
	a = dial(soket_link_address(rig.link, 0));
	say(a, "x");
	hear(a, "x");
	soket_link_stop(rig.link);
	soket_link_stop(rig.link);
	rig_end(&rig);
	assert_int_equal(rig.ret, 0);
	assert_string_equal(rig.how, "cut");
	soket_close(a);
	soket_link_free(rig.link);
}

static struct soket_link *signalled;

static void on_alarm(int number)
{
	(void)number;
	soket_link_stop(signalled);
}

static void a_signal_handler_may_stop_a_link(void **state)
{
	struct itimerval soon = { .it_value.tv_usec = SOON * 1000 };
	struct sigaction act = { .sa_handler = on_alarm }, before, after;

	(void)state;
	assert_int_equal(sigaction(SIGALRM, &act, NULL), 0);
	assert_int_equal(sigaction(SIGTERM, NULL, &before), 0);
	signalled = soket_link_new("127.0.0.1:0", "discard:", NULL, NULL);
	assert_non_null(signalled);
	assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
	assert_int_equal(soket_link_run(signalled, NULL), 0);
	assert_int_equal(sigaction(SIGTERM, NULL, &after), 0);
	assert_true(before.sa_handler == after.sa_handler);
	soket_link_free(signalled);
}

static void a_link_runs_once_and_may_be_stopped_before(void **state)
{
	struct soket_link *link = soket_link_new("127.0.0.1:0", "discard:", NULL, NULL);

	(void)state;
	assert_non_null(link);
	soket_link_stop(link);
	assert_int_equal(soket_link_run(link, NULL), 0);
	assert_int_equal(soket_link_run(link, NULL), -SOKET_E_USAGE);
	soket_link_free(link);
	soket_link_free(NULL);
	link = soket_link_new("127.0.0.1:0", "discard:", NULL, NULL);
	soket_link_free(link); /* never run */
}

static void an_endpoint_that_cannot_listen_makes_one_link(void **state)
{
	struct rig rig = { .link = NULL };
	struct soket_link_totals totals;

	(void)state;
	rig_start(&rig, "text:hello", "exec:\"sh -c \\\"cat > /dev/null; exit 3\\\"\"");
	rig_end(&rig);
	assert_int_equal(rig.ret, 0);
	assert_int_equal(rig.sent, 5);
	assert_null(soket_link_address(rig.link, 0));
	soket_link_totals(rig.link, &totals);
	assert_int_equal(totals.status, 3);
	soket_link_free(rig.link);
}

static void stop_it(struct soket_link *link, const struct soket_event *event, void *user)
{
	(void)user;
	if (event->kind == SOKET_EVENT_LISTENING)
		soket_link_stop(link);
}

static void the_short_form_says_how_it_ended(void **state)
{
	struct soket_link_options options = { .on_event = stop_it };
	struct soket_error err;

	(void)state;
	assert_int_equal(soket_link("text:hello", "exec:cat", NULL, NULL), 0);
	assert_int_equal(soket_link("127.0.0.1:0", "discard:", &options, NULL), 0);
	assert_int_equal(soket_link("text:x", "/no/such/socket", NULL, &err), -SOKET_E_REFUSED);
	assert_int_equal(err.kind, SOKET_E_REFUSED);
	assert_int_equal(soket_link(":0", "listen::0", NULL, &err), -SOKET_E_USAGE);
	assert_int_equal(soket_link("text:x", "tcp://h:80 nodelay=perhaps", NULL, &err), -SOKET_E_USAGE);
	assert_int_equal(strncmp(err.text, "TO: ", 4), 0);
}

static void a_link_that_is_idle_too_long_times_out(void **state)
{
	struct soket_link_options options = { .idle_ms = SOON };
	struct soket_error err;

	(void)state;
	assert_int_equal(soket_link("exec:\"sleep 1000\"", "discard:", &options, &err), -SOKET_E_TIMEOUT);
	assert_int_equal(err.kind, SOKET_E_TIMEOUT);
}

static void the_access_list_keeps_clients_out(void **state)
{
	const char *const nets[] = { "127.0.0.0/8", NULL };
	const char *const wrong[] = { "127.0.0.0/99", NULL };
	struct rig rig = { .options.deny = nets };
	struct soket_stream *a;
	char c;

	(void)state;
	rig_start(&rig, "127.0.0.1:0", "echo:");
	a = dial(soket_link_address(rig.link, 0));
	assert_true(soket_read(a, &c, 1, PATIENCE, NULL) <= 0);
	soket_close(a);
	soket_link_stop(rig.link);
	rig_end(&rig);
	assert_int_equal(rig.count[SOKET_EVENT_REFUSED], 1);
	assert_int_equal(rig.count[SOKET_EVENT_OPENED], 0);
	soket_link_free(rig.link);
	rig.options.deny = wrong;
	assert_null(soket_link_new("127.0.0.1:0", "echo:", &rig.options, &rig.err));
	assert_int_equal(rig.err.kind, SOKET_E_USAGE);
}

static void a_link_that_cannot_be_opened_is_told(void **state)
{
	struct rig rig = { .link = NULL };
	struct soket_stream *a;

	(void)state;
	rig_start(&rig, "127.0.0.1:0", "/no/such/socket");
	a = dial(soket_link_address(rig.link, 0));
	hear_the_end(a);
	soket_close(a);
	soket_link_stop(rig.link);
	rig_end(&rig);
	assert_int_equal(rig.ret, 0);
	assert_int_equal(rig.count[SOKET_EVENT_FAILED], 1);
	assert_int_equal(rig.told.kind, SOKET_E_REFUSED);
	assert_int_equal(rig.told.sys, ENOENT);
	soket_link_free(rig.link);
}

static void a_relay_survives_clients_that_go_while_it_writes(void **state)
{
	struct rig rig = { .options.grace_ms = -1 };
	char bytes[4096];

	(void)state;
	rig_start(&rig, "127.0.0.1:0", "chargen:");
	for (int i = 0; i < 20; i++) {
		struct soket_stream *a = dial(soket_link_address(rig.link, 0));

		assert_true(soket_read(a, bytes, sizeof(bytes), PATIENCE, NULL) > 0);
		soket_close(a);
	}
	soket_link_stop(rig.link);
	rig_end(&rig);
	assert_int_equal(rig.ret, 0);
	soket_link_free(rig.link);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_header_and_the_library_have_one_version),
		cmocka_unit_test(kinds_have_the_words_of_the_json_output),
		cmocka_unit_test(an_endpoint_tells_its_parts),
		cmocka_unit_test(an_endpoint_without_host_and_port_says_so),
		cmocka_unit_test(words_become_a_text_with_the_quotes_it_needs),
		cmocka_unit_test(layers_are_told_from_the_top_down),
		cmocka_unit_test(a_mistake_in_an_endpoint_is_located),
		cmocka_unit_test(bytes_go_both_ways_after_a_half_close),
		cmocka_unit_test(both_families_of_loopback_share_one_port),
		cmocka_unit_test(a_peer_without_an_address_is_called_by_its_endpoint),
		cmocka_unit_test(messages_keep_their_boundaries),
		cmocka_unit_test(datagrams_keep_their_boundaries_and_an_empty_one_is_one),
		cmocka_unit_test(a_large_write_is_whole),
		cmocka_unit_test(a_write_that_times_out_tells_how_much_was_taken),
		cmocka_unit_test(waiting_has_a_deadline_and_goes_on_after_it),
		cmocka_unit_test(a_descriptor_that_polls_readable_can_be_read_at_once),
		cmocka_unit_test(a_dial_that_nobody_answers_times_out),
		cmocka_unit_test(failures_of_dialling_have_their_kinds),
		cmocka_unit_test(failures_of_listening_have_their_kinds),
		cmocka_unit_test(nothing_is_written_after_the_end_was_told),
		cmocka_unit_test(a_peer_that_has_gone_is_an_error_and_no_signal),
		cmocka_unit_test(a_program_is_a_stream_and_has_a_status),
		cmocka_unit_test(closing_ends_a_program_that_still_runs),
		cmocka_unit_test(a_terminal_can_be_talked_to),
		cmocka_unit_test(the_little_services_answer),
		cmocka_unit_test(files_are_written_and_read),
		cmocka_unit_test(stdin_and_stdout_stay_the_programs_own),
		cmocka_unit_test(a_link_joins_clients_to_a_server_until_it_is_stopped),
		cmocka_unit_test(a_second_stop_cuts_what_is_open),
		cmocka_unit_test(a_signal_handler_may_stop_a_link),
		cmocka_unit_test(a_link_runs_once_and_may_be_stopped_before),
		cmocka_unit_test(an_endpoint_that_cannot_listen_makes_one_link),
		cmocka_unit_test(the_short_form_says_how_it_ended),
		cmocka_unit_test(a_link_that_is_idle_too_long_times_out),
		cmocka_unit_test(the_access_list_keeps_clients_out),
		cmocka_unit_test(a_link_that_cannot_be_opened_is_told),
		cmocka_unit_test(a_relay_survives_clients_that_go_while_it_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* ask: sends one line to an endpoint, and prints what comes back until it ends.
 *
 * usage: ask ENDPOINT LINE          for example: ask localhost:7 hello */
#include <soket.h>

#include <stdio.h>
#include <string.h>

enum { PATIENCE = 5000 }; /* milliseconds */

/* Print all that comes. Returns 0 or the kind of failure. */
static int print_answer(struct soket_stream *stream, struct soket_error *err)
{
	char bytes[4096];
	ssize_t n;

	while ((n = soket_read(stream, bytes, sizeof(bytes), PATIENCE, err)) > 0)
		fwrite(bytes, 1, (size_t)n, stdout);
	return (int)-n;
}

static int ask(struct soket_stream *stream, const char *line, struct soket_error *err)
{
	if (soket_write(stream, line, strlen(line), PATIENCE, err) < 0 ||
	    soket_write(stream, "\n", 1, PATIENCE, err) < 0 || soket_shut(stream, PATIENCE, err) < 0)
		return err->kind;
	return print_answer(stream, err);
}

int main(int argc, char **argv)
{
	struct soket_error err;
	struct soket_stream *stream;
	int failed;

	if (argc != 3) {
		fprintf(stderr, "usage: ask ENDPOINT LINE\n");
		return SOKET_E_USAGE;
	}
	stream = soket_dial(argv[1], PATIENCE, &err);
	failed = stream ? ask(stream, argv[2], &err) : err.kind;
	soket_close(stream);
	if (failed)
		fprintf(stderr, "ask: %s\n%s%s", err.text, err.hint, err.hint[0] ? "\n" : "");
	return failed; /* the kinds are exit statuses, the same as soket's own */
}

/* SPDX-License-Identifier: Apache-2.0 */
/* shout: a server that sends everything back in capitals, with a thread for each client.
 *
 * usage: shout ENDPOINT             for example: shout :8080, or shout /tmp/shout.sock */
#include <soket.h>

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>

enum { PATIENCE = 60000 }; /* milliseconds: a client may be silent for so long */

static void *serve(void *argument)
{
	struct soket_stream *client = argument;
	char bytes[4096];
	ssize_t n;

	while ((n = soket_read(client, bytes, sizeof(bytes), PATIENCE, NULL)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			bytes[i] = (char)toupper((unsigned char)bytes[i]);
		if (soket_write(client, bytes, (size_t)n, PATIENCE, NULL) < 0)
			break;
	}
	soket_close(client);
	return NULL;
}

/* A stream belongs to one thread at a time: from here on to the new one. */
static void start(struct soket_stream *client)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, serve, client) != 0) {
		fprintf(stderr, "shout: no thread for %s\n", soket_stream_peer(client));
		soket_close(client);
		return;
	}
	pthread_detach(thread);
}

int main(int argc, char **argv)
{
	struct soket_listener *listener;
	struct soket_stream *client;
	struct soket_error err;

	if (argc != 2) {
		fprintf(stderr, "usage: shout ENDPOINT\n");
		return SOKET_E_USAGE;
	}
	listener = soket_listen(argv[1], &err);
	if (!listener) {
		fprintf(stderr, "shout: %s\n", err.text);
		return err.kind;
	}
	for (int i = 0; soket_listener_address(listener, i); i++)
		printf("listening on %s\n", soket_listener_address(listener, i));
	fflush(stdout);
	while ((client = soket_accept(listener, -1, &err)) != NULL)
		start(client);
	fprintf(stderr, "shout: %s\n", err.text);
	soket_listener_close(listener);
	return err.kind;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* gateway: joins each client of one endpoint to another endpoint, and says what happens, until SIGINT or SIGTERM.
 *
 * usage: gateway FROM TO            for example: gateway :8080 /run/app.sock */
#include <soket.h>

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

static struct soket_link *the_link;

/* The first signal lets open links end by themselves for a while, the second cuts them. */
static void asked_to_stop(int number)
{
	(void)number;
	soket_link_stop(the_link);
}

static void tell(struct soket_link *link, const struct soket_event *event, void *user)
{
	(void)link;
	(void)user;
	switch (event->kind) {
	case SOKET_EVENT_LISTENING:
		printf("listening on %s\n", event->from);
		break;
	case SOKET_EVENT_OPENED:
		printf("%" PRIu64 ": %s joined to %s\n", event->link, event->from, event->to);
		break;
	case SOKET_EVENT_CLOSED:
		printf("%" PRIu64 ": %s, %" PRIu64 " bytes there, %" PRIu64 " back\n", event->link, event->how,
		       event->sent, event->received);
		break;
	case SOKET_EVENT_FAILED:
		printf("%" PRIu64 ": no link for %s: %s\n", event->link, event->from, event->error->text);
		break;
	default:
		break;
	}
	fflush(stdout);
}

static int run(struct soket_error *err)
{
	int failed;

	signal(SIGINT, asked_to_stop);
	signal(SIGTERM, asked_to_stop);
	failed = soket_link_run(the_link, err);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	return -failed;
}

int main(int argc, char **argv)
{
	struct soket_link_options options = { 0 };
	struct soket_error err;
	int failed;

	if (argc != 3) {
		fprintf(stderr, "usage: gateway FROM TO\n");
		return SOKET_E_USAGE;
	}
	options.on_event = tell;
	the_link = soket_link_new(argv[1], argv[2], &options, &err);
	failed = the_link ? run(&err) : err.kind;
	soket_link_free(the_link);
	if (failed)
		fprintf(stderr, "gateway: %s\n", err.text);
	return failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* soket demo: a real server, a real relay in front of it, and a client through both, on this machine.
 *
 * How it works: two relays on one loop, made of the same parts as soket link: one leads to echo:, the other to the first. The client is a
 * stream that soket dials itself; it measures round trips and sends a large piece through, comparing what comes back. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/message.h"
#include "cli/commands.h"
#include "cli/demo.h"
#include "cli/say.h"
#include "endpoint/portclass.h"
#include "loop/signal.h"
#include "relay/roster.h"
#include "sys/clock.h"
#include "sys/limit.h"

enum { DEMO_CHUNK = 64 * 1024 };

/* Sends a large piece, and compares what comes back. */
struct demo_bulk {
	struct demo_client client;
	size_t sent, received;
	skt_time began, took;
	char chunk[DEMO_CHUNK];
};

struct demo {
	struct skt_loop *loop;
	struct demo_service echo, front;
	struct demo_pings pings;
	struct demo_bulk bulk;
	struct demo_web web;
	struct skt_addr client;
	bool json;
};

/* The byte at place i of what is sent: a pattern with no short period. */
static char demo_byte(size_t i)
{
	return (char)((i * 2654435761U) >> 13);
}

static bool bulk_send(struct demo_bulk *b)
{
	size_t n = DEMO_BULK - b->sent > DEMO_CHUNK ? DEMO_CHUNK : DEMO_BULK - b->sent;
	ssize_t put;

	if (n == 0)
		return false;
	for (size_t i = 0; i < n; i++)
		b->chunk[i] = demo_byte(b->sent + i);
	put = skt_stream_write(b->client.stream, b->chunk, n);
	if (put < 0 && put != -SKT_AGAIN)
		demo_client_end(&b->client, -1);
	b->sent += put > 0 ? (size_t)put : 0;
	if (b->sent == DEMO_BULK)
		(void)skt_stream_shut(b->client.stream);
	return put > 0;
}

static bool bulk_receive(struct demo_bulk *b)
{
	ssize_t got = skt_stream_read(b->client.stream, b->chunk, DEMO_CHUNK);

	for (ssize_t i = 0; i < got; i++)
		if (b->chunk[i] != demo_byte(b->received + (size_t)i)) {
			demo_client_end(&b->client, 1);
			return false;
		}
	if (got > 0) {
		b->received += (size_t)got;
	} else if (got == 0) {
		b->took = skt_now() - b->began;
		demo_client_end(&b->client, b->received != DEMO_BULK);
	} else if (got != -SKT_AGAIN) {
		demo_client_end(&b->client, -1);
	}
	return got > 0;
}

static void bulk_step(struct demo_client *c)
{
	struct demo_bulk *b = SKT_OUTER(c, struct demo_bulk, client);
	bool moved = true;

	if (b->began == 0)
		b->began = skt_now();
	while (moved && !c->is_over) {
		moved = bulk_send(b);
		if (!c->is_over)
			moved |= bulk_receive(b);
	}
}

/* Its address is the example of a client's. */
static void demo_step(struct demo_client *c)
{
	struct demo *d = SKT_OUTER(SKT_OUTER(c, struct demo_pings, client), struct demo, pings);

	if (d->client.len == 0)
		(void)skt_addr_of_local(skt_stream_raw(c->stream)->in.fd, &d->client);
	demo_pings_step(c);
}

static int demo_start(struct demo *d, struct skt_error *err)
{
	int failed = demo_service_start(&d->echo, d->loop, "tcp://127.0.0.1:0", "echo:", err);

	if (failed == 0)
		failed = demo_service_start(&d->front, d->loop, "tcp://127.0.0.1:0", d->echo.name, err);
	return failed == 0 ? demo_web_start(&d->web, d->loop, err) : failed;
}

/* Run the clients to their ends, one after the other. */
static int demo_measure(struct demo *d, struct skt_error *err)
{
	int ret;

	d->pings.client.step = demo_step;
	d->bulk.client.step = bulk_step;
	ret = demo_client_run(&d->pings.client, d->loop, d->front.name, err);
	demo_client_release(&d->pings.client);
	demo_pings_sort(&d->pings);
	if (ret == 0)
		ret = demo_client_run(&d->bulk.client, d->loop, d->front.name, err);
	demo_client_release(&d->bulk.client);
	return ret == 0 ? demo_web_measure(&d->web, d->loop, err) : ret;
}

/* How to call this program from the user's shell: its name where PATH finds it, else its path. Caller frees. */
static char *demo_program(void)
{
	char exe[512], cwd[512];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	const char *path = getenv("PATH");
	size_t length, dir;

	if (n <= 0)
		return skt_strdup("soket");
	exe[n] = '\0';
	dir = (size_t)(strrchr(exe, '/') - exe);
	for (; path && *path; path += length + (path[length] == ':')) {
		length = strcspn(path, ":");
		if (length == dir && strncmp(path, exe, dir) == 0)
			return skt_strdup(exe + dir + 1);
	}
	if (getcwd(cwd, sizeof(cwd)) && (length = strlen(cwd)) > 1 && strncmp(exe, cwd, length) == 0 && exe[length] == '/')
		return skt_strdup(exe + length + 1);
	return skt_strdup(exe);
}

static void demo_party(struct skt_text *t, const char *what, const struct skt_addr *addr, const char *role)
{
	char address[SKT_ADDR_LENGTH];
	unsigned port = skt_addr_port(addr);

	skt_text_addf(t, "  %s%s%s\n", skt_ink(1, SKT_INK_BOLD), what, skt_ink(1, SKT_INK_PLAIN));
	skt_text_addf(t, _("      endpoint        tcp://%s\n"), skt_addr_print(addr, address));
	skt_text_addf(t, _("      socket address  %s\n"), address);
	skt_text_addf(t, _("      port            %u, a %s port\n"), port, _(skt_portclass_of((uint16_t)port)->name));
	skt_text_addf(t, _("      role            %s\n\n"), role);
}

static void demo_report(struct demo *d)
{
	struct skt_text t = { 0 };
	char median[SKT_UNIT_LENGTH], best[SKT_UNIT_LENGTH], size[SKT_UNIT_LENGTH], took[SKT_UNIT_LENGTH],
		rate[SKT_UNIT_LENGTH];
	char relay[SKT_ADDR_LENGTH], *program = demo_program();

	skt_text_addf(&t, "%s\n\n", _("A server, a relay in front of it, and a client through both, on this machine:"));
	demo_party(&t, _("echo server"), &d->echo.addr, _("listens; sends back what it gets (RFC 862)"));
	demo_party(&t, _("relay"), &d->front.addr, _("listens, and dials the echo server for each client"));
	demo_party(&t, _("client"), &d->client, _("dialled the relay; the kernel lent it a port for that"));
	skt_text_addf(&t, _("  %d round trips of %d bytes through the relay: median %s, fastest %s\n"), DEMO_PINGS,
		      DEMO_PING_SIZE, skt_duration_print(d->pings.took[DEMO_PINGS / 2], median),
		      skt_duration_print(d->pings.took[0], best));
	skt_text_addf(
		&t, _("  %s there and back in %s (%s each way), every byte compared\n\n"),
		skt_size_print(DEMO_BULK, size), skt_duration_print(d->bulk.took, took),
		skt_rate_print((int64_t)((double)DEMO_BULK * 1e9 / (double)(d->bulk.took ? d->bulk.took : 1)), rate));
	demo_web_add_text(&d->web, &t);
	skt_text_addf(&t, _("Try it from another terminal:\n\n    %s connect %s\n\n"), program ? program : "soket",
		      skt_addr_print(&d->front.addr, relay));
	skt_text_add(&t, _("Whatever you type comes back, through two links. Ctrl-C here ends the demo.\n"));
	(void)skt_say_text(&t);
	skt_text_release(&t);
	skt_free(program);
}

static void demo_report_json(struct demo *d)
{
	struct skt_json j = { 0 };
	char client[SKT_ADDR_LENGTH];

	skt_json_object(&j, NULL);
	skt_json_string(&j, "event", "demo");
	skt_json_string(&j, "echo", d->echo.name);
	skt_json_string(&j, "relay", d->front.name);
	skt_json_string(&j, "client", skt_addr_print_endpoint(&d->client, "tcp", client));
	skt_json_int(&j, "round_trips", DEMO_PINGS);
	skt_json_int(&j, "round_trip_bytes", DEMO_PING_SIZE);
	skt_json_int(&j, "round_trip_median_ns", d->pings.took[DEMO_PINGS / 2]);
	skt_json_int(&j, "round_trip_min_ns", d->pings.took[0]);
	skt_json_int(&j, "bulk_bytes", DEMO_BULK);
	skt_json_int(&j, "bulk_duration_ns", d->bulk.took);
	demo_web_add_json(&d->web, &j);
	skt_json_end_object(&j);
	(void)skt_say_json(&j);
	skt_json_release(&j);
}

static void demo_summary(const struct demo *d, skt_time began)
{
	const struct skt_relay_totals *totals = skt_relay_totals(d->front.relay);
	char sent[SKT_UNIT_LENGTH], received[SKT_UNIT_LENGTH], took[SKT_UNIT_LENGTH];
	struct skt_json j = { 0 };
	struct skt_text t = { 0 };

	if (d->json) {
		skt_json_object(&j, NULL);
		skt_json_string(&j, "event", "stats");
		skt_json_int(&j, "links", (int64_t)totals->links);
		skt_json_int(&j, "sent", (int64_t)totals->sent);
		skt_json_int(&j, "received", (int64_t)totals->received);
		skt_json_int(&j, "duration_ns", skt_now() - began);
		skt_json_end_object(&j);
		(void)skt_say_json(&j);
		skt_json_release(&j);
		return;
	}
	skt_text_addf(&t,
		      NG_("\nThe relay carried %llu link in %s: %s to the server, %s back.\n",
			  "\nThe relay carried %llu links in %s: %s to the server, %s back.\n", totals->links),
		      (unsigned long long)totals->links, skt_duration_print(skt_now() - began, took),
		      skt_size_print((int64_t)totals->sent, sent), skt_size_print((int64_t)totals->received, received));
	(void)skt_say_text(&t);
	skt_text_release(&t);
}

/* Serve until a signal, then let both relays end. */
static int demo_serve(struct demo *d, struct skt_error *err)
{
	skt_time deadline;
	int ret = 0;

	while (ret == 0 && skt_signals_stops() == 0)
		ret = skt_loop_round(d->loop, SKT_FOREVER, err);
	demo_web_stop(&d->web);
	demo_service_stop(&d->front);
	demo_service_stop(&d->echo);
	deadline = skt_now() + SKT_SECOND;
	while (ret == 0 && skt_now() < deadline &&
	       !(demo_web_is_done(&d->web) && demo_service_is_done(&d->front) && demo_service_is_done(&d->echo)))
		ret = skt_loop_round(d->loop, 50 * SKT_MS, err);
	return ret;
}

static void demo_release(struct demo *d)
{
	demo_client_release(&d->pings.client);
	demo_client_release(&d->bulk.client);
	demo_web_release(&d->web);
	demo_service_release(&d->front);
	demo_service_release(&d->echo);
	if (d->loop)
		skt_signals_remove(d->loop);
	skt_loop_free(d->loop);
	skt_free(d);
}

static void demo_poked(void *user)
{
	skt_roster_poked(((struct demo *)user)->loop);
}

static int demo_all(struct demo *d, struct skt_error *err)
{
	skt_time began = skt_now();
	int ret = skt_loop_new(&d->loop, err);

	if (ret == 0 && skt_signals_catch() < 0)
		ret = skt_fail(err, SKT_E_LIMIT, 0, "%s", _("cannot catch signals"));
	if (ret < 0)
		return ret;
	skt_signals_add(d->loop);
	skt_loop_on_poke(d->loop, demo_poked, d);
	ret = demo_start(d, err);
	if (ret == 0)
		ret = demo_measure(d, err);
	if (ret == 0 && skt_signals_stops() == 0) {
		if (d->json)
			demo_report_json(d);
		else
			demo_report(d);
	}
	if (ret == 0)
		ret = demo_serve(d, err);
	if (ret == 0)
		demo_summary(d, began);
	return ret;
}

static int demo_run(const struct skt_args *args)
{
	struct demo *d = SKT_NEW(struct demo);
	struct skt_error err = { 0 };
	int ret = skt_args_finish(args, 0, &err);

	(void)skt_limit_raise();
	if (ret == 0 && !d)
		ret = skt_fail_memory(&err);
	if (ret == 0) {
		d->json = skt_args_has(args, "json");
		ret = demo_all(d, &err);
	}
	if (d)
		demo_release(d);
	return ret < 0 ? skt_say_error(&err, NULL, skt_args_has(args, "json")) : SKT_OK;
}

static const struct skt_example demo_examples[] = {
	{ "soket demo", N_("see a server, a relay and a client work, and join in") },
	{ NULL, NULL },
};

const struct skt_command skt_cmd_demo = {
	.name = "demo",
	.summary = N_("a real server, relay and client on this machine, to look at"),
	.synopsis = "[FLAGS]",
	.description = N_(
		"Starts an echo server and a relay in front of it, a UDP echo, and a web server with files and the live page behind "
		"another relay, all on ports of the loopback network that the kernel picks. Sends a client through each, says what each "
		"is and how fast it went, prints where a browser sees all of it live, and goes on serving until Ctrl-C. Nothing outside "
		"this machine can reach it."),
	.examples = demo_examples,
	.run = demo_run,
};

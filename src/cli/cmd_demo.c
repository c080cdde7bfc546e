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
#include "cli/say.h"
#include "endpoint/portclass.h"
#include "loop/signal.h"
#include "relay/relay.h"
#include "relay/session.h"
#include "sys/clock.h"
#include "sys/limit.h"
#include "transport/open.h"

enum { DEMO_PINGS = 200, DEMO_PING_SIZE = 64, DEMO_BULK = 32 * 1024 * 1024, DEMO_CHUNK = 64 * 1024 };

#define DEMO_PATIENCE (20 * SKT_SECOND)

enum demo_phase { DEMO_CONNECTS, DEMO_PINGS_ON, DEMO_BULK_ON, DEMO_DONE, DEMO_FAILED };

/* One of the two services. */
struct demo_service {
	struct skt_endpoint from, to;
	struct skt_relay_config config;
	struct skt_relay *relay;
	struct skt_addr addr; /* where it listens */
	char name[SKT_ADDR_LENGTH];
};

struct demo {
	struct skt_loop *loop;
	struct demo_service echo, front;
	struct skt_endpoint target; /* of the client: front */
	struct skt_dialer *dialer;
	struct skt_stream *stream;
	struct skt_addr client;
	enum demo_phase phase;
	int n_pings;
	size_t ping_sent, ping_received, sent, received;
	skt_time ping_began, bulk_began, bulk_took;
	skt_time ping[DEMO_PINGS];
	struct skt_error err;
	char chunk[DEMO_CHUNK];
	bool json;
};

/* The byte at place i of what is sent: a pattern with no short period. */
static char demo_byte(size_t i)
{
	return (char)((i * 2654435761U) >> 13);
}

static int demo_service_start(struct demo *d, struct demo_service *s, const char *to, struct skt_error *err)
{
	struct skt_listener *l;
	int failed = skt_endpoint_parse("tcp://127.0.0.1:0", &s->from, err);

	if (failed == 0)
		failed = skt_endpoint_parse(to, &s->to, err);
	if (failed == 0)
		failed = skt_transport_of(&s->from, err)->listen(d->loop, &s->from, &l, err);
	if (failed)
		return failed;
	s->addr = l->socket[0].addr;
	skt_addr_print_endpoint(&s->addr, "tcp", s->name);
	s->config.from = &s->from;
	s->config.to = &s->to;
	s->config.link.waits_for_stdin = true;
	s->config.link.done = skt_session_link_done;
	failed = skt_relay_new(d->loop, &s->config, l, 2, &s->relay, err);
	return failed ? failed : skt_relay_start(s->relay, err);
}

static void demo_fail(struct demo *d, int side_failed)
{
	if (side_failed < 0)
		skt_stream_why(d->stream, &d->err);
	else
		(void)skt_fail(&d->err, SKT_E_BUG, 0, "%s", _("what came back is not what was sent"));
	d->phase = DEMO_FAILED;
}

/* One 64-byte message there and back, as often as wanted. True where something moved. */
static bool demo_ping(struct demo *d)
{
	char bytes[DEMO_PING_SIZE] = { 0 };
	ssize_t n;

	if (d->ping_sent < sizeof(bytes)) {
		if (d->ping_sent == 0)
			d->ping_began = skt_now();
		n = skt_stream_write(d->stream, bytes, sizeof(bytes) - d->ping_sent);
		d->ping_sent += n > 0 ? (size_t)n : 0;
	} else {
		n = skt_stream_read(d->stream, bytes, sizeof(bytes) - d->ping_received);
		d->ping_received += n > 0 ? (size_t)n : 0;
	}
	if (n < 0 && n != -SKT_AGAIN)
		demo_fail(d, -1);
	if (d->ping_received == sizeof(bytes)) {
		d->ping[d->n_pings++] = skt_now() - d->ping_began;
		d->ping_sent = d->ping_received = 0;
	}
	if (d->n_pings == DEMO_PINGS) {
		d->phase = DEMO_BULK_ON;
		d->bulk_began = skt_now();
	}
	return n > 0;
}

static bool demo_bulk_send(struct demo *d)
{
	size_t n = DEMO_BULK - d->sent > DEMO_CHUNK ? DEMO_CHUNK : DEMO_BULK - d->sent;
	ssize_t put;

	if (n == 0)
		return false;
	for (size_t i = 0; i < n; i++)
		d->chunk[i] = demo_byte(d->sent + i);
	put = skt_stream_write(d->stream, d->chunk, n);
	if (put < 0 && put != -SKT_AGAIN)
		demo_fail(d, -1);
	d->sent += put > 0 ? (size_t)put : 0;
	if (d->sent == DEMO_BULK)
		(void)skt_stream_shut(d->stream);
	return put > 0;
}

static bool demo_bulk_receive(struct demo *d)
{
	ssize_t got = skt_stream_read(d->stream, d->chunk, DEMO_CHUNK);

	for (ssize_t i = 0; i < got; i++)
		if (d->chunk[i] != demo_byte(d->received + (size_t)i)) {
			demo_fail(d, 1);
			return false;
		}
	if (got > 0) {
		d->received += (size_t)got;
	} else if (got == 0) {
		d->bulk_took = skt_now() - d->bulk_began;
		d->phase = DEMO_DONE;
		if (d->received != DEMO_BULK)
			demo_fail(d, 1);
	} else if (got != -SKT_AGAIN) {
		demo_fail(d, -1);
	}
	return got > 0;
}

static void demo_step(void *user)
{
	struct demo *d = user;
	bool moved = true;

	while (moved && (d->phase == DEMO_PINGS_ON || d->phase == DEMO_BULK_ON)) {
		if (d->phase == DEMO_PINGS_ON) {
			moved = demo_ping(d);
			continue;
		}
		moved = demo_bulk_send(d);
		if (d->phase == DEMO_BULK_ON)
			moved |= demo_bulk_receive(d);
	}
}

static void demo_dialled(void *user, struct skt_stream *stream, const struct skt_error *err)
{
	struct demo *d = user;

	d->dialer = NULL;
	if (!stream) {
		d->err = *err;
		d->phase = DEMO_FAILED;
		return;
	}
	d->stream = stream;
	(void)skt_addr_of_local(skt_stream_raw(stream)->in.fd, &d->client);
	d->phase = DEMO_PINGS_ON;
	skt_stream_on_wake(stream, demo_step, d);
	demo_step(d);
}

static int demo_start(struct demo *d, struct skt_error *err)
{
	struct skt_origin origin = { .is_source = false };
	int failed = demo_service_start(d, &d->echo, "echo:", err);

	if (failed == 0)
		failed = demo_service_start(d, &d->front, d->echo.name, err);
	if (failed == 0)
		failed = skt_endpoint_parse(d->front.name, &d->target, err);
	if (failed == 0)
		failed = skt_dialer_new(d->loop, &d->target, &origin, demo_dialled, d, &d->dialer, err);
	return failed;
}

/* Run the client to its end. */
static int demo_measure(struct demo *d, struct skt_error *err)
{
	skt_time deadline = skt_now() + DEMO_PATIENCE;
	int ret = 0;

	while (ret == 0 && d->phase < DEMO_DONE && skt_signals_stops() == 0 && skt_now() < deadline)
		ret = skt_loop_round(d->loop, SKT_SECOND, err);
	if (ret == 0 && d->phase == DEMO_FAILED) {
		*err = d->err;
		ret = -(int)err->kind;
	} else if (ret == 0 && d->phase != DEMO_DONE && skt_signals_stops() == 0) {
		ret = skt_fail(err, SKT_E_TIMEOUT, 0, "%s", _("timed out: the demo's own client got no answer"));
	}
	skt_stream_free(d->stream);
	d->stream = NULL;
	return ret;
}

static int demo_compare(const void *a, const void *b)
{
	skt_time x = *(const skt_time *)a, y = *(const skt_time *)b;

	return x < y ? -1 : x > y;
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

	qsort(d->ping, DEMO_PINGS, sizeof(d->ping[0]), demo_compare);
	skt_text_addf(&t, "%s\n\n", _("A server, a relay in front of it, and a client through both, on this machine:"));
	demo_party(&t, _("echo server"), &d->echo.addr, _("listens; sends back what it gets (RFC 862)"));
	demo_party(&t, _("relay"), &d->front.addr, _("listens, and dials the echo server for each client"));
	demo_party(&t, _("client"), &d->client, _("dialled the relay; the kernel lent it a port for that"));
	skt_text_addf(&t, _("  %d round trips of %d bytes through the relay: median %s, fastest %s\n"), DEMO_PINGS,
		      DEMO_PING_SIZE, skt_duration_print(d->ping[DEMO_PINGS / 2], median),
		      skt_duration_print(d->ping[0], best));
	skt_text_addf(
		&t, _("  %s there and back in %s (%s each way), every byte compared\n\n"),
		skt_size_print(DEMO_BULK, size), skt_duration_print(d->bulk_took, took),
		skt_rate_print((int64_t)((double)DEMO_BULK * 1e9 / (double)(d->bulk_took ? d->bulk_took : 1)), rate));
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

	qsort(d->ping, DEMO_PINGS, sizeof(d->ping[0]), demo_compare);
	skt_json_object(&j, NULL);
	skt_json_string(&j, "event", "demo");
	skt_json_string(&j, "echo", d->echo.name);
	skt_json_string(&j, "relay", d->front.name);
	skt_json_string(&j, "client", skt_addr_print_endpoint(&d->client, "tcp", client));
	skt_json_int(&j, "round_trips", DEMO_PINGS);
	skt_json_int(&j, "round_trip_bytes", DEMO_PING_SIZE);
	skt_json_int(&j, "round_trip_median_ns", d->ping[DEMO_PINGS / 2]);
	skt_json_int(&j, "round_trip_min_ns", d->ping[0]);
	skt_json_int(&j, "bulk_bytes", DEMO_BULK);
	skt_json_int(&j, "bulk_duration_ns", d->bulk_took);
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
	skt_relay_stop(d->front.relay);
	skt_relay_stop(d->echo.relay);
	deadline = skt_now() + SKT_SECOND;
	while (ret == 0 && skt_now() < deadline &&
	       !(skt_relay_is_done(d->front.relay) && skt_relay_is_done(d->echo.relay)))
		ret = skt_loop_round(d->loop, 50 * SKT_MS, err);
	return ret;
}

static void demo_release(struct demo *d)
{
	skt_dialer_free(d->dialer);
	skt_stream_free(d->stream);
	skt_relay_free(d->front.relay);
	skt_relay_free(d->echo.relay);
	skt_endpoint_release(&d->target);
	skt_endpoint_release(&d->front.from);
	skt_endpoint_release(&d->front.to);
	skt_endpoint_release(&d->echo.from);
	skt_endpoint_release(&d->echo.to);
	if (d->loop)
		skt_signals_remove(d->loop);
	skt_loop_free(d->loop);
	skt_free(d);
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
	ret = demo_start(d, err);
	if (ret == 0)
		ret = demo_measure(d, err);
	if (ret == 0 && d->phase == DEMO_DONE) {
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
		"Starts an echo server and a relay in front of it on ports of the loopback network that the kernel picks, "
		"sends a client through both, says what each is and how fast it went, and goes on serving until "
		"Ctrl-C. Nothing outside this machine can reach it."),
	.examples = demo_examples,
	.run = demo_run,
};

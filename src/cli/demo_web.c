/* SPDX-License-Identifier: Apache-2.0 */
/* soket demo: a web server with files and the live page, a relay in front of it, a UDP echo, and a client for each.
 *
 * How it works: files and page are one server, on the page's thread: what is not below the page's token is a file of a small directory that
 * is made for the demo, and removed after it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/message.h"
#include "cli/demo.h"
#include "cli/say.h"
#include "cli/viewing.h"
#include "sys/clock.h"

static const char *const web_names[] = { "index.html", "zeros" };

/* --- the directory */

static void web_path(const struct demo_web *w, int name, char *ret, size_t size)
{
	(void)snprintf(ret, size, "%s/%s", w->dir, web_names[name]);
}

static bool web_write(const char *path, const char *text, off_t size)
{
	FILE *f = fopen(path, "we");
	bool good = f && fputs(text, f) >= 0 && fflush(f) == 0 && (size == 0 || ftruncate(fileno(f), size) == 0);

	if (f)
		(void)fclose(f);
	return good;
}

static void web_remove_dir(struct demo_web *w)
{
	char path[192];

	for (int i = 0; w->dir[0] && i < (int)SKT_LENGTH(web_names); i++) {
		web_path(w, i, path, sizeof(path));
		(void)unlink(path);
	}
	if (w->dir[0])
		(void)rmdir(w->dir);
	w->dir[0] = '\0';
}

static int web_make_dir(struct demo_web *w, struct skt_error *err)
{
	const char *tmp = getenv("TMPDIR");
	char path[2][192];
	int n = snprintf(w->dir, sizeof(w->dir), "%s/soket-demo-XXXXXX", tmp && tmp[0] == '/' ? tmp : "/tmp");

	if (n < 0 || (size_t)n >= sizeof(w->dir) || !mkdtemp(w->dir)) {
		w->dir[0] = '\0';
		return skt_fail(err, SKT_E_IO, 0, "%s",
				_("no directory can be made for the demo's files: set TMPDIR to one that can be written"));
	}
	web_path(w, 0, path[0], sizeof(path[0]));
	web_path(w, 1, path[1], sizeof(path[1]));
	if (web_write(path[0],
		      "<!DOCTYPE html>\n<title>soket demo</title>\n<p>A file that soket serves. <a href=\"zeros\">Another one</a>.\n",
		      0) &&
	    web_write(path[1], "", DEMO_BULK))
		return 0;
	return skt_fail(err, SKT_E_IO, 0, _("the demo's files cannot be written to %s"), w->dir);
}

/* --- services */

/* The server's endpoint, from http://127.0.0.1:40001/TOKEN/. Returns the path. */
static const char *web_set_server(struct demo_web *w)
{
	const char *host = skt_view_url(w->view) + strlen("http://"), *path = strchr(host, '/');

	(void)snprintf(w->server, sizeof(w->server), "tcp://%.*s", (int)(path - host), host);
	return path;
}

static int web_start_server(struct demo_web *w, struct skt_loop *loop, struct skt_error *err)
{
	struct skt_site_options options = { .dir = w->dir, .lines = "" };
	char relay[SKT_ADDR_LENGTH];
	const char *path;
	int ret = skt_site_new(&options, &w->site, err);

	if (ret == 0)
		ret = skt_viewing_start("demo", NULL, skt_site_handler(w->site), &w->view, err);
	if (ret < 0)
		return ret;
	path = web_set_server(w);
	ret = demo_service_start(&w->front, loop, "tcp://127.0.0.1:0", w->server, err);
	if (ret == 0)
		(void)snprintf(w->url, sizeof(w->url), "http://%s%s", skt_addr_print(&w->front.addr, relay), path);
	return ret;
}

int demo_web_start(struct demo_web *w, struct skt_loop *loop, struct skt_error *err)
{
	int ret = demo_service_start(&w->udp, loop, "udp://127.0.0.1:0", "echo:", err);

	if (ret < 0 || !skt_viewing_is_built())
		return ret;
	ret = web_make_dir(w, err);
	return ret < 0 ? ret : web_start_server(w, loop, err);
}

void demo_web_stop(struct demo_web *w)
{
	demo_service_stop(&w->front);
	demo_service_stop(&w->udp);
}

bool demo_web_is_done(const struct demo_web *w)
{
	return demo_service_is_done(&w->front) && demo_service_is_done(&w->udp);
}

void demo_web_release(struct demo_web *w)
{
	demo_client_release(&w->pings.client);
	demo_service_release(&w->front);
	demo_service_release(&w->udp);
	skt_view_stop(w->view);
	skt_site_free(w->site);
	web_remove_dir(w);
}

/* --- clients */

/* Gets one file, and counts its bytes: zeros. */
struct fetch {
	struct demo_client client;
	size_t head_sent, line; /* of the request; bytes in the answer's line under way */
	bool in_body;
	uint64_t n_body;
	char first[16]; /* of the answer */
	size_t n_first;
};

static const char fetch_request[] = "GET /zeros HTTP/1.1\r\nHost: soket-demo\r\nConnection: close\r\n\r\n";

/* Look at what came: the head ends with an empty line. False where it is not what it should be. */
static bool fetch_take(struct fetch *f, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n && f->n_first < sizeof(f->first) - 1; i++)
		f->first[f->n_first++] = bytes[i];
	for (; n > 0 && !f->in_body; bytes++, n--) {
		if (*bytes != '\n' && *bytes != '\r')
			f->line++;
		if (*bytes != '\n')
			continue;
		f->in_body = f->line == 0;
		f->line = 0;
	}
	for (size_t i = 0; i < n; i++)
		if (bytes[i] != 0)
			return false;
	f->n_body += n;
	return true;
}

static bool fetch_is_good(const struct fetch *f)
{
	return strncmp(f->first, "HTTP/1.1 200 ", 13) == 0 && f->n_body == DEMO_BULK;
}

static void fetch_step(struct demo_client *c)
{
	struct fetch *f = SKT_OUTER(c, struct fetch, client);
	const size_t length = sizeof(fetch_request) - 1;
	char *room = skt_loop_scratch(c->loop);
	ssize_t n = 1;

	while (n > 0 && f->head_sent < length) {
		n = skt_stream_write(c->stream, fetch_request + f->head_sent, length - f->head_sent);
		f->head_sent += n > 0 ? (size_t)n : 0;
	}
	while (n > 0) {
		n = skt_stream_read(c->stream, room, SKT_SCRATCH_SIZE);
		if (n > 0 && !fetch_take(f, room, (size_t)n)) {
			demo_client_end(c, 1);
			return;
		}
	}
	if (n == -SKT_AGAIN)
		return;
	demo_client_end(c, n < 0 ? -1 : fetch_is_good(f) ? 0 : 1);
}

static int web_fetch(struct demo_web *w, struct skt_loop *loop, struct skt_error *err)
{
	struct fetch f = { .client = { .step = fetch_step } };
	skt_time began = skt_now();
	int ret = demo_client_run(&f.client, loop, w->front.name, err);

	w->fetched = f.n_body;
	w->fetch_took = skt_now() - began;
	demo_client_release(&f.client);
	return ret;
}

int demo_web_measure(struct demo_web *w, struct skt_loop *loop, struct skt_error *err)
{
	int ret;

	w->pings.client.step = demo_pings_step;
	ret = demo_client_run(&w->pings.client, loop, w->udp.name, err);
	demo_client_release(&w->pings.client);
	demo_pings_sort(&w->pings);
	return ret == 0 && w->view ? web_fetch(w, loop, err) : ret;
}

/* --- words */

static int64_t web_rate(const struct demo_web *w)
{
	return (int64_t)((double)w->fetched * 1e9 / (double)(w->fetch_took ? w->fetch_took : 1));
}

void demo_web_add_text(const struct demo_web *w, struct skt_text *t)
{
	char median[SKT_UNIT_LENGTH], best[SKT_UNIT_LENGTH], size[SKT_UNIT_LENGTH], took[SKT_UNIT_LENGTH],
		rate[SKT_UNIT_LENGTH];
	char relay[SKT_ADDR_LENGTH];

	skt_text_addf(t, _("  %sUDP echo%s\n      endpoint        %s\n"), skt_ink(1, SKT_INK_BOLD),
		      skt_ink(1, SKT_INK_PLAIN), w->udp.name);
	skt_text_addf(t, _("      %d messages of %d bytes there and back: median %s, fastest %s\n\n"), DEMO_PINGS,
		      DEMO_PING_SIZE, skt_duration_print(w->pings.took[DEMO_PINGS / 2], median),
		      skt_duration_print(w->pings.took[0], best));
	if (!w->view) {
		skt_text_add(t, _("  This soket was built without the live page, so there is no web server here.\n\n"));
		return;
	}
	skt_text_addf(t, _("  %sweb server%s, files and the live page\n      URL             http://%s/\n"),
		      skt_ink(1, SKT_INK_BOLD), skt_ink(1, SKT_INK_PLAIN), w->server + strlen("tcp://"));
	skt_text_addf(t, _("      relay before it http://%s/\n"), skt_addr_print(&w->front.addr, relay));
	skt_text_addf(t, _("      a file of %s through the relay in %s (%s)\n\n"),
		      skt_size_print((int64_t)w->fetched, size), skt_duration_print(w->fetch_took, took),
		      skt_rate_print(web_rate(w), rate));
	skt_text_addf(t, _("See all of it live, in a browser of this machine, through that relay:\n\n    %s\n\n"),
		      w->url);
}

void demo_web_add_json(const struct demo_web *w, struct skt_json *j)
{
	skt_json_string(j, "udp_echo", w->udp.name);
	skt_json_int(j, "udp_round_trip_median_ns", w->pings.took[DEMO_PINGS / 2]);
	skt_json_int(j, "udp_round_trip_min_ns", w->pings.took[0]);
	skt_json_string(j, "web", w->view ? w->server : NULL);
	skt_json_string(j, "web_relay", w->view ? w->front.name : NULL);
	skt_json_string(j, "page", w->view ? w->url : NULL);
	if (!w->view) {
		skt_json_null(j, "fetch_bytes");
		skt_json_null(j, "fetch_duration_ns");
		return;
	}
	skt_json_int(j, "fetch_bytes", (int64_t)w->fetched);
	skt_json_int(j, "fetch_duration_ns", w->fetch_took);
}

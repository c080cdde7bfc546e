/* SPDX-License-Identifier: Apache-2.0 */
/* The live page: starting and stopping its server.
 *
 * How it works: everything is made by who starts it, so that what goes wrong is told there; then a thread runs the loop until it is told to
 * stop. From then on all of it belongs to that thread, but for `is_stopping` and `has_ended`. */
#include "view/view.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/message.h"
#include "inspect/process.h"
#include "relay/session.h"
#include "sys/call.h"
#include "sys/clock.h"
#include "transport/chain.h"
#include "view/assets.h"
#include "view/parts.h"

enum { VIEW_CONNECTIONS = 128, VIEW_GONE_MS = 500 };

static void view_poked(void *user)
{
	struct skt_view *view = user;

	if (atomic_load(&view->is_stopping) && !skt_relay_is_done(view->relay))
		skt_relay_stop(view->relay);
	skt_roster_poked(view->loop);
}

static void *view_thread(void *argument)
{
	struct skt_view *view = argument;

	view_poked(view); /* it may have been told to stop already */
	if (!skt_relay_is_done(view->relay))
		(void)skt_loop_run(view->loop, NULL);
	(void)pthread_mutex_lock(&view->lock);
	view->thread = gettid();
	view->has_ended = true;
	(void)pthread_cond_signal(&view->ended);
	(void)pthread_mutex_unlock(&view->lock);
	return NULL;
}

/* How long the process has been running, so that times count from its start. */
static void view_set_clocks(struct skt_view *view)
{
	struct skt_process p = { 0 };

	view->started = skt_unix_now();
	view->zero = skt_now();
	if (skt_process_read(getpid(), SKT_PROCESS_BRIEF, &p, NULL) == 0 && p.started > 0 && p.started < view->started) {
		view->zero -= view->started - p.started;
		view->started = p.started;
	}
	skt_process_release(&p);
}

static void view_set_config(struct skt_view *view)
{
	view->handler = (struct skt_http_handler){
		.open = skt_page_open, .close = skt_page_close, .handle = skt_page_handle, .ended = skt_page_ended
	};
	view->watch.on = skt_life_on;
	view->http.handler = &view->handler;
	view->http.watch = &view->watch;
	view->config.from = &view->from;
	view->config.to = &view->to;
	view->config.link.done = skt_session_link_done;
	view->config.max = VIEW_CONNECTIONS;
	view->config.names_links = true;
	view->readers.next = view->readers.last = &view->readers;
}

/* Over TCP, and TLS where that is asked for. */
static int view_check_endpoint(const struct skt_endpoint *e, struct skt_error *err)
{
	bool tls = e->n_layer == 2 && strcmp(e->layer[0]->name, "tls") == 0;

	if (strcmp(skt_endpoint_transport(e)->name, "tcp") == 0 && (e->n_layer == 1 || tls))
		return 0;
	(void)skt_fail(err, SKT_E_USAGE, 0, "%s", _("the live page is for a browser: it needs a tcp or tls endpoint"));
	skt_hint(err, "%s", _("for example: soket view :8000"));
	err->at = -1;
	return -SKT_E_USAGE;
}

/* The page shows what this machine does, and can end links: it is for this machine only. */
static int view_check_listener(const struct skt_listener *l, struct skt_error *err)
{
	char address[SKT_ADDR_LENGTH];

	for (int i = 0; i < l->n; i++) {
		const struct skt_addr *addr = &l->socket[i].addr;

		if (skt_addr_is_loopback(addr))
			continue;
		(void)skt_fail(err, SKT_E_USAGE, 0, _("the live page is for this machine only, and not on %s"),
			       skt_addr_print(addr, address));
		skt_hint(err, "%s", _("leave the host out; from another machine: ssh -L 8000:127.0.0.1:8000 HERE"));
		err->at = -1;
		return -SKT_E_USAGE;
	}
	return 0;
}

/* Endpoints keep what they point to: it is printed and read anew. */
static int view_set_endpoints(struct skt_view *view, const struct skt_view_options *options, struct skt_error *err)
{
	struct skt_text text = { 0 };
	int ret;

	if (options->at)
		skt_endpoint_print(options->at, &text);
	else
		skt_text_add(&text, ":0");
	ret = text.failed ? skt_fail_memory(err) : skt_endpoint_parse(skt_text_get(&text), &view->from, err);
	skt_text_release(&text);
	if (ret == 0)
		ret = view_check_endpoint(&view->from, err);
	if (ret == 0)
		ret = skt_endpoint_settle(&view->from, SKT_ROLE_LISTEN, err);
	return ret == 0 ? skt_endpoint_parse("text:live-page", &view->to, err) : ret;
}

/* An address that every browser can write: IPv4 where there is one. */
static void view_set_url(struct skt_view *view, const struct skt_listener *l)
{
	const struct skt_addr *addr = &l->socket[0].addr;
	char text[SKT_ADDR_LENGTH];

	for (int i = l->n - 1; i >= 0; i--)
		if (l->socket[i].addr.sa.sa_family == AF_INET)
			addr = &l->socket[i].addr;
	(void)snprintf(view->url, sizeof(view->url), "%s://%s/%s/", view->http.is_tls ? "https" : "http",
		       skt_addr_print(addr, text), view->token);
}

static int view_listen(struct skt_view *view, struct skt_error *err)
{
	struct skt_listener *l;
	int ret = skt_chain_listen(view->loop, &view->from, &l, err);

	if (ret < 0)
		return ret;
	ret = view_check_listener(l, err);
	if (ret < 0) {
		skt_listener_free(l);
		return ret;
	}
	view_set_url(view, l);
	ret = skt_relay_new(view->loop, &view->config, l, 1, &view->relay, err);
	return ret == 0 ? skt_relay_start(view->relay, err) : ret;
}

static int view_make(struct skt_view *view, const struct skt_view_options *options, struct skt_error *err)
{
	int ret = view_set_endpoints(view, options, err);

	if (ret < 0)
		return ret;
	view->rest = options->rest;
	view->page = options->page;
	view->version = options->version;
	view->http.is_tls = view->from.n_layer > 1;
	view_set_config(view);
	view_set_clocks(view);
	if (skt_token_make(view->token) < 0)
		return skt_fail(err, SKT_E_LIMIT, errno, _("the kernel gives no random numbers: %s"), strerror(errno));
	ret = skt_http_server_new(&view->http, &view->service, err);
	view->config.service = view->service;
	if (ret == 0)
		ret = skt_loop_new(&view->loop, err);
	if (ret == 0)
		ret = view_listen(view, err);
	if (ret == 0)
		skt_loop_on_poke(view->loop, view_poked, view);
	return ret;
}

static void view_free(struct skt_view *view)
{
	if (view->loop)
		skt_round_end(view);
	skt_relay_free(view->relay);
	skt_http_server_free(view->service);
	skt_loop_free(view->loop);
	skt_endpoint_release(&view->from);
	skt_endpoint_release(&view->to);
	(void)pthread_cond_destroy(&view->ended);
	(void)pthread_mutex_destroy(&view->lock);
	skt_free(view);
}

int skt_view_start(const struct skt_view_options *options, struct skt_view **ret, struct skt_error *err)
{
	struct skt_view *view;
	int failed;

	if (skt_n_assets == 0) {
		(void)skt_fail(err, SKT_E_USAGE, 0, "%s", _("this soket was built without the live page"));
		skt_hint(err, "%s",
			 _("build it again where Node.js is installed; soket ports and soket flows show much of it"));
		err->at = -1;
		return -SKT_E_USAGE;
	}
	view = SKT_NEW(struct skt_view);
	if (!view)
		return skt_fail_memory(err);
	(void)pthread_mutex_init(&view->lock, NULL);
	(void)pthread_cond_init(&view->ended, NULL);
	failed = view_make(view, options, err);
	if (failed == 0 && skt_sys.thread(view_thread, view) < 0)
		failed = skt_fail(err, SKT_E_LIMIT, errno, _("cannot start a thread: %s"), strerror(errno));
	if (failed < 0) {
		view_free(view);
		return failed;
	}
	*ret = view;
	return 0;
}

const char *skt_view_url(const struct skt_view *view)
{
	return view->url;
}

/* It has told that it is done, and is gone when the kernel does not know it any more. A leak checker, which stops all threads at exit, could not
 * stop one that has kept rights which the others gave up. */
static void view_await_thread(const struct skt_view *view)
{
	for (int i = 0; i < VIEW_GONE_MS && tgkill(getpid(), view->thread, 0) == 0; i++)
		(void)skt_sys.poll(NULL, 0, 1);
}

void skt_view_stop(struct skt_view *view)
{
	if (!view)
		return;
	atomic_store(&view->is_stopping, true);
	skt_loop_poke(view->loop);
	(void)pthread_mutex_lock(&view->lock);
	while (!view->has_ended)
		(void)pthread_cond_wait(&view->ended, &view->lock);
	(void)pthread_mutex_unlock(&view->lock);
	view_await_thread(view);
	view_free(view);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* From http to https. */
#include "cli/redirecting.h"

#include <pthread.h>

#include "base/alloc.h"
#include "base/message.h"
#include "cli/say.h"
#include "cli/serve.h"
#include "http/redirect.h"
#include "http/server.h"
#include "inspect/holder.h"
#include "loop/signal.h"
#include "relay/relay.h"
#include "relay/session.h"
#include "sys/call.h"
#include "sys/clock.h"
#include "sys/sandbox.h"
#include "transport/chain.h"

struct skt_redirecting {
	struct skt_redirect redirect;
	struct skt_http_options http;
	struct skt_relay_config config;
	struct skt_endpoint from, to;
	struct skt_loop *loop;
	struct skt_listener *listener; /* until the relay has it */
	struct skt_addr addr[SKT_LISTEN_MAX];
	int n_addrs;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_running;
};

static void redirecting_free(struct skt_redirecting *r)
{
	skt_listener_free(r->listener);
	skt_loop_free(r->loop);
	skt_http_server_free(r->config.service);
	skt_endpoint_release(&r->from);
	skt_endpoint_release(&r->to);
	(void)pthread_cond_destroy(&r->changed);
	(void)pthread_mutex_destroy(&r->lock);
	skt_free(r);
}

static void *redirecting_thread(void *argument)
{
	struct skt_redirecting *r = argument;
	struct skt_needs nothing = { 0 };
	struct skt_relay_totals totals = { 0 };
	struct skt_listener *listener = r->listener;
	struct skt_error err;
	int status;

	r->listener = NULL;
	(void)skt_sandbox_enter(&nothing);
	(void)skt_relay_run(&r->config, r->loop, listener, 1, NULL, NULL, &totals, &status, &err);
	(void)pthread_mutex_lock(&r->lock);
	r->is_running = false;
	(void)pthread_cond_signal(&r->changed);
	(void)pthread_mutex_unlock(&r->lock);
	return NULL;
}

static int redirecting_prepare(struct skt_redirecting *r, const char *endpoint, struct skt_error *err)
{
	int ret = skt_endpoint_parse(endpoint, &r->from, err);

	if (ret == 0)
		ret = skt_serve_check(&r->from, err);
	if (ret == 0 && skt_serve_is_tls(&r->from))
		ret = skt_fail(err, SKT_E_USAGE, 0, "%s", _("--redirect wants an endpoint of plain HTTP"));
	if (ret == 0)
		ret = skt_endpoint_parse("text:redirect", &r->to, err);
	if (ret == 0)
		ret = skt_loop_new(&r->loop, err);
	if (ret == 0)
		ret = skt_http_server_new(&r->http, &r->config.service, err);
	if (ret < 0)
		return ret;
	ret = skt_chain_listen(r->loop, &r->from, &r->listener, err);
	if (ret < 0)
		skt_holder_explain(&r->from, err);
	for (int i = 0; ret == 0 && i < r->listener->n; i++)
		r->addr[r->n_addrs++] = r->listener->socket[i].addr;
	return ret;
}

int skt_redirecting_start(const char *endpoint, int https_port, struct skt_redirecting **ret, struct skt_error *err)
{
	struct skt_redirecting *r = SKT_NEW(struct skt_redirecting);
	int failed;

	if (!r)
		return skt_fail_memory(err);
	(void)pthread_mutex_init(&r->lock, NULL);
	(void)pthread_cond_init(&r->changed, NULL);
	skt_redirect_init(&r->redirect, https_port);
	r->http.handler = &r->redirect.handler;
	r->config.from = &r->from;
	r->config.to = &r->to;
	r->config.link.done = skt_session_link_done;
	r->config.grace = SKT_SECOND;
	failed = redirecting_prepare(r, endpoint, err);
	r->is_running = true;
	if (failed == 0 && skt_sys.thread(redirecting_thread, r) < 0)
		failed = skt_fail(err, SKT_E_LIMIT, 0, "%s", _("no thread is to be had for --redirect"));
	if (failed == 0)
		*ret = r;
	else
		redirecting_free(r);
	return failed;
}

static void redirecting_event(const struct skt_addr *addr)
{
	char endpoint[SKT_ADDR_LENGTH], host[SKT_ADDR_LENGTH], time[SKT_UNIT_LENGTH];
	struct skt_json j = { 0 };

	skt_json_object(&j, NULL);
	skt_json_string(&j, "event", "listening");
	skt_json_string(&j, "time", skt_instant_print(skt_unix_now(), time));
	skt_json_string(&j, "endpoint", skt_addr_print_endpoint(addr, "tcp", endpoint));
	skt_json_string(&j, "address", skt_addr_print_host(addr, host));
	skt_json_int(&j, "port", (int64_t)skt_addr_port(addr));
	skt_json_bool(&j, "redirects", true);
	skt_json_end_object(&j);
	(void)skt_say_json(&j);
	skt_json_release(&j);
}

void skt_redirecting_say(const struct skt_redirecting *r, bool json)
{
	char where[SKT_ADDR_LENGTH];

	for (int i = 0; i < r->n_addrs; i++) {
		if (json)
			redirecting_event(&r->addr[i]);
		else
			skt_say(_("http://%s/ leads to https"), skt_addr_print(&r->addr[i], where));
	}
}

void skt_redirecting_stop(struct skt_redirecting *r)
{
	if (!r)
		return;
	skt_signals_stop();
	(void)pthread_mutex_lock(&r->lock);
	while (r->is_running)
		(void)pthread_cond_wait(&r->changed, &r->lock);
	(void)pthread_mutex_unlock(&r->lock);
	redirecting_free(r);
}

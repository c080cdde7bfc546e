/* SPDX-License-Identifier: Apache-2.0 */
/* soket view: the live page alone. */
#include "base/message.h"
#include "cli/commands.h"
#include "cli/joining.h"
#include "cli/say.h"
#include "cli/viewing.h"
#include "loop/signal.h"
#include "sys/limit.h"

static int view_endpoint(const struct skt_args *args, int *at, struct skt_endpoint *ret, struct skt_error *err)
{
	int failed = args->n_words > 0 ? skt_args_endpoint(args, at, _("an endpoint"), ret, err) : 0;

	if (failed == 0)
		failed = skt_args_finish(args, *at, err);
	return failed;
}

static int view_announce(const struct skt_view *view, bool json)
{
	struct skt_json j = { 0 };
	struct skt_text t = { 0 };
	int ret;

	if (!json)
		skt_say("%s", _("open this in a browser of this machine; Ctrl-C ends it"));
	skt_viewing_event(view, &j);
	skt_text_addf(&t, "%s\n", skt_view_url(view));
	ret = json ? skt_say_json(&j) : skt_say_text(&t);
	skt_json_release(&j);
	skt_text_release(&t);
	return ret;
}

/* Nothing is to be done on this thread but to wait for the signal. */
static int view_wait(struct skt_loop *loop, struct skt_error *err)
{
	int ret = 0;

	while (ret == 0 && skt_signals_stops() == 0)
		ret = skt_loop_round(loop, SKT_FOREVER, err);
	return ret;
}

static int view_serve(const struct skt_args *args, const struct skt_endpoint *at, struct skt_error *err)
{
	struct skt_view *view = NULL;
	struct skt_loop *loop = NULL;
	int ret = skt_loop_new(&loop, err);

	if (ret == 0 && skt_signals_catch() < 0)
		ret = skt_fail(err, SKT_E_LIMIT, 0, "%s", _("cannot catch signals"));
	if (ret == 0) {
		skt_signals_add(loop);
		ret = skt_viewing_start("view", at, NULL, &view, err);
	}
	if (ret == 0)
		ret = view_announce(view, skt_args_has(args, "json"));
	if (ret == 0)
		ret = view_wait(loop, err);
	skt_view_stop(view);
	if (loop)
		skt_signals_remove(loop);
	skt_loop_free(loop);
	return ret;
}

static int view_run(const struct skt_args *args)
{
	struct skt_endpoint e = { 0 };
	struct skt_error err = { .at = -1 };
	int at = 0, status = SKT_OK;

	(void)skt_limit_raise();
	if (view_endpoint(args, &at, &e, &err) < 0)
		status = skt_joining_refuse(args, at, &err);
	else if (view_serve(args, args->n_words > 0 ? &e : NULL, &err) < 0)
		status = err.kind ? skt_say_error(&err, NULL, skt_args_has(args, "json")) : SKT_E_IO;
	skt_endpoint_release(&e);
	return status;
}

static const struct skt_example view_examples[] = {
	{ "soket view", N_("the page on a port that the kernel picks") },
	{ "soket view :8000", N_("on port 8000; the token in its address is new each time") },
	{ "soket link :8080 localhost:3000 --view", N_("the page of a relay, with its links") },
	{ NULL, NULL },
};

const struct skt_command skt_cmd_view = {
	.name = "view",
	.summary = N_("the live page: sockets, ports and connections of this machine in a browser"),
	.synopsis = "[ENDPOINT [OPTION=VALUE]...] [FLAGS]",
	.description = N_(
		"Serves a page to browsers of this machine, and prints its address. The page shows, live: the very connection that it came "
		"through, with both of its socket addresses, its handshake and its end; who listens on which port; who is connected to whom, "
		"as a map; and what sockets, endpoints and ports are, with examples from this machine. In English and in Indonesian.\n\n"
		"With --view the commands link, listen, serve and demo show the same page, and their own links on it: both ends, layers, how the "
		"bytes are moved, rates and ages; a link can be ended there.\n\n"
		"The page is for this machine only: it is on the loopback network, its address has a random token in it that is new at "
		"each start, and requests that other web pages cause are refused. Whoever knows the whole address and has an account on this "
		"machine sees what the page shows. Without root, sockets of other users are shown without their process."),
	.examples = view_examples,
	.takes_endpoints = 1,
	.run = view_run,
};

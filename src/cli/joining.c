/* SPDX-License-Identifier: Apache-2.0 */
/* connect, listen and link: from flags to a relay, and from its outcome to an exit status.
 *
 * The order is that of the promise closed-by-default: endpoints are parsed, listening sockets opened, then every right that is
 * not needed any more is dropped, and only then does the first byte come from the network. */
#include "cli/joining.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/message.h"
#include "cli/progress.h"
#include "cli/say.h"
#include "cli/viewing.h"
#include "inspect/holder.h"
#include "io/batch.h"
#include "loop/signal.h"
#include "observe/events.h"
#include "relay/mixing.h"
#include "relay/relay.h"
#include "relay/session.h"
#include "sys/call.h"
#include "sys/clock.h"
#include "sys/limit.h"
#include "sys/sandbox.h"
#include "transport/chain.h"
#include "transport/sockopt.h"

/* The last look around a failure: a flood of failing clients costs one a second. */
struct joining_explained {
	pthread_mutex_t lock;
	skt_time until;
	struct skt_error was, is;
};

struct joining_run {
	struct skt_joining *j;
	struct skt_relay_config config;
	struct skt_events events;
	struct skt_observer explainer; /* before events: makes errors of dialling say who is near */
	struct skt_holders before[2];  /* around FROM and TO, while we could still look at other processes */
	struct joining_explained explained;
	const struct skt_listener *unannounced; /* of datagrams: until all threads have bound their sockets */
	struct skt_relay_totals totals;
	struct skt_progress progress;
	struct skt_view *view; /* or NULL */
	skt_time began;
	bool json;
};

int skt_joining_refuse(const struct skt_args *args, int at, const struct skt_error *err)
{
	char *source = at < args->n_words ? skt_say_source(args, at) : NULL; /* else the error names what it speaks of */
	int status = skt_say_error(err, source, skt_args_has(args, "json"));

	skt_free(source);
	return status;
}

int skt_joining_command(const struct skt_args *args, struct skt_endpoint *ret, struct skt_error *err)
{
	if (args->n_after > 0)
		return skt_endpoint_from_command(args->after, args->n_after, ret, err);
	(void)skt_fail(err, SKT_E_USAGE, 0, "%s", _("a command is missing after --"));
	skt_hint(err, "%s", _("for example: -- cat"));
	return -SKT_E_USAGE;
}

static atomic_bool joining_has_lost; /* a line could not be built for want of memory */

static void joining_line_out(const char *line)
{
	struct skt_text t = { 0 };

	skt_text_addf(&t, "%s\n", line);
	(void)skt_say_text(&t);
	skt_text_release(&t);
}

static void joining_line_err(const char *line)
{
	struct skt_text t = { 0 };

	skt_text_addf(&t, "%s\n", line);
	if (t.failed)
		joining_has_lost = true;
	else
		skt_say_plain(skt_text_get(&t));
	skt_text_release(&t);
}

static void joining_line_said(const char *line)
{
	skt_progress_clear();
	skt_say("%s", line);
}

static bool joining_uses_stdout(const struct skt_joining *j)
{
	return strcmp(skt_endpoint_transport(&j->from)->name, "stdio") == 0 ||
	       strcmp(skt_endpoint_transport(&j->to)->name, "stdio") == 0;
}

static const struct skt_endpoint *joining_side(const struct joining_run *run, int side)
{
	return side ? &run->j->to : &run->j->from;
}

/* Which side an error of dialling speaks of: TO, unless FROM is dialled as well and the error names it. */
static int joining_blamed(const struct joining_run *run, const struct skt_error *err)
{
	const struct skt_endpoint *from = joining_side(run, 0);
	enum skt_form form = skt_endpoint_transport(from)->form;
	char port[16];

	(void)snprintf(port, sizeof(port), ":%d", from->port);
	if (run->j->listens || (form != SKT_FORM_HOST && form != SKT_FORM_PATH))
		return 1;
	return strstr(err->text, form == SKT_FORM_HOST ? port : from->address) == NULL;
}

static void joining_explain(struct joining_run *run, struct skt_error *err)
{
	struct joining_explained *e = &run->explained;
	int side = joining_blamed(run, err);

	(void)pthread_mutex_lock(&e->lock);
	if (skt_now() >= e->until) {
		e->was = *err;
		skt_holder_explain_dial(joining_side(run, side), &run->before[side], err);
		e->is = *err;
		e->until = skt_now() + SKT_SECOND;
	} else if (err->kind == e->was.kind && strcmp(err->text, e->was.text) == 0) {
		*err = e->is;
	}
	(void)pthread_mutex_unlock(&e->lock);
}

static void joining_on(struct skt_observer *observer, const struct skt_event *event)
{
	struct joining_run *run = SKT_OUTER(observer, struct joining_run, explainer);
	struct skt_event explained = *event;
	struct skt_error err;

	if (event->kind == SKT_EVENT_FAILED && event->err && (run->json || (!run->j->only_one && skt_say_level() >= 0))) {
		err = *event->err;
		joining_explain(run, &err);
		explained.err = &err;
	}
	run->events.observer.on(&run->events.observer, &explained);
}

static void joining_events(struct joining_run *run)
{
	struct skt_events *e = &run->events;

	skt_events_init(e);
	e->json = run->json;
	/* the failure of the only link is the command's own error, said at the end with its hint */
	e->level = skt_say_level();
	e->only_one = run->j->only_one;
	e->clock = skt_unix_now;
	e->line = !run->json ? joining_line_said : joining_uses_stdout(run->j) ? joining_line_err : joining_line_out;
	run->explainer.on = joining_on;
	run->config.observers = &run->explainer;
}

static bool joining_flag(const struct skt_args *args, const char *flag)
{
	const struct skt_flag *f = args->command->flags;

	while (f && f->name && strcmp(f->name, flag) != 0)
		f++;
	return f && f->name && skt_args_has(args, flag);
}

static int64_t joining_number(const struct skt_args *args, const char *flag, int64_t otherwise)
{
	return joining_flag(args, flag) ? skt_args_number(args, flag, otherwise) : otherwise;
}

static int joining_access(const struct skt_args *args, struct skt_access *access, struct skt_error *err)
{
	static const char *const flag[] = { "deny", "allow" };
	const char *cidr;

	for (int allow = 0; allow < 2; allow++)
		for (int i = 0; joining_flag(args, flag[allow]) && (cidr = skt_args_each(args, flag[allow], i)) != NULL;
		     i++)
			if (skt_access_add(access, allow, cidr, err) < 0) {
				err->at = -1; /* the error names the text */
				return -(int)err->kind;
			}
	return 0;
}

static bool joining_is(const struct skt_endpoint *e, const char *scheme)
{
	return strncmp(skt_endpoint_transport(e)->name, scheme, strlen(scheme)) == 0;
}

static bool joining_is_dgram(const struct skt_endpoint *e)
{
	return skt_endpoint_transport(e)->is_dgram;
}

static int joining_config(struct joining_run *run, struct skt_error *err)
{
	struct skt_joining *j = run->j;
	const struct skt_args *args = j->args;
	struct skt_relay_config *c = &run->config;
	int failed = skt_mixing_check(&j->from, &j->to, err);

	if (failed < 0)
		return failed;

	c->from = &j->from;
	c->to = &j->to;
	c->service = j->service;
	skt_relay_config_dgrams(c, j->listens, j->with_stdio);
	c->link.idle = joining_number(args, "idle", c->link.idle);
	c->link.mover = (enum skt_mover_choice)joining_number(args, "mover", SKT_MOVER_AUTO);
	c->link.waits_for_stdin = !j->with_stdio || joining_flag(args, "half-open") ||
				  skt_endpoint_number(&j->from, "half-open", 0) ||
				  skt_endpoint_number(&j->to, "half-open", 0);
	c->link.linger[0] = skt_endpoint_number(&j->from, "linger", 0);
	c->link.linger[1] = skt_endpoint_number(&j->to, "linger", 0);
	c->link.done = skt_session_link_done;
	c->max = (int)joining_number(args, "max", 0);
	c->once = j->only_one;
	c->one_at_a_time = j->keeps;
	c->grace = j->with_stdio ? 0 : joining_number(args, "grace", 5 * SKT_SECOND);
	joining_events(run);
	/* it costs an idle link as much as all the rest */
	c->names_links = run->json || skt_say_level() > 0 || joining_flag(args, "view") || j->names;
	return joining_access(args, &c->access, err);
}

static void joining_announce(struct joining_run *run, const struct skt_listener *l)
{
	char endpoint[SKT_ADDR_LENGTH], host[SKT_ADDR_LENGTH];
	struct skt_chain_facts facts;

	skt_chain_facts(&run->j->from, SKT_ROLE_LISTEN, &facts);
	for (int i = 0; i < l->n; i++) {
		const struct skt_addr *addr = &l->socket[i].addr;
		struct skt_event event = { .kind = SKT_EVENT_LISTENING,
					   .pin = facts.pin,
					   .fingerprint = facts.fingerprint };

		event.from = skt_addr_print_endpoint(addr, l->scheme, endpoint);
		event.address = skt_addr_print_host(addr, host);
		event.path = addr->sa.sa_family == AF_UNIX ? event.address : NULL;
		event.port = skt_addr_port(addr);
		if (run->json || !run->j->announce)
			run->events.observer.on(&run->events.observer, &event);
	}
	if (run->json || skt_say_level() < 0)
		return;
	if (facts.self_names) {
		skt_say(_("a certificate was made for %s"), facts.self_names);
		skt_say(_("its fingerprint: %s"), facts.fingerprint);
		skt_say(_("clients know it by: pin=%s"), facts.pin);
	}
	if (facts.open_key)
		skt_say(_("everybody on this machine can read the private key in %s: chmod 600 it"), facts.open_key);
}

/* What is not checked is said, once. */
static void joining_say_unchecked(const struct joining_run *run)
{
	for (int side = run->j->listens; side < 2; side++) {
		const struct skt_endpoint *e = side ? &run->j->to : &run->j->from;
		struct skt_chain_facts facts;
		struct skt_text name = { 0 };

		skt_chain_facts(e, SKT_ROLE_DIAL, &facts);
		if (!facts.no_verify || run->json)
			continue;
		skt_endpoint_print_address(e, &name);
		skt_say(_("verify=no: whoever answers as %s is believed, and may read and change everything"),
			skt_text_get(&name));
		skt_text_release(&name);
	}
}

/* Certificates and names are looked at before anything is opened: what is wrong with them is told at once. */
static int joining_prepare(struct joining_run *run, struct skt_error *err)
{
	const struct skt_chain *chain;
	int ret = 0;

	if (run->j->listens)
		ret = skt_chain_of(&run->j->from, SKT_ROLE_LISTEN, &chain, err);
	else
		ret = skt_chain_of(&run->j->from, SKT_ROLE_DIAL, &chain, err);
	if (ret == 0)
		ret = skt_chain_of(&run->j->to, SKT_ROLE_DIAL, &chain, err);
	if (ret == 0)
		joining_say_unchecked(run);
	return ret;
}

/* The directory of a path, for rules about what lies in it. Caller frees. */
static char *joining_directory(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return skt_strdup(".");
	return slash == path ? skt_strdup("/") : skt_strndup(path, (size_t)(slash - path));
}

struct joining_rights {
	struct skt_needs needs;
	char *owned[16];
	int n_owned;
};

static void joining_path(struct joining_rights *r, char *path, bool writes)
{
	struct skt_needs *n = &r->needs;

	if (!path || r->n_owned == (int)SKT_LENGTH(r->owned)) {
		skt_free(path);
		return;
	}
	r->owned[r->n_owned++] = path;
	if (writes && n->n_write < (int)SKT_LENGTH(n->write))
		n->write[n->n_write++] = path;
	else if (!writes && n->n_read < (int)SKT_LENGTH(n->read))
		n->read[n->n_read++] = path;
}

/* stdin and stdout are opened anew when the link begins: a terminal, or a FIFO with a name */
static void joining_needs_stdio(struct joining_rights *r)
{
	char link[40], path[512];

	for (int fd = 0; fd < 2; fd++) {
		ssize_t n;

		(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, path, sizeof(path) - 1);
		if (n > 0 && path[0] == '/')
			joining_path(r, skt_strndup(path, (size_t)n), true);
	}
}

/* Where the path is, and where it leads through symbolic links. */
static void joining_needs_path(struct joining_rights *r, const char *path)
{
	char *real = realpath(path, NULL);

	joining_path(r, joining_directory(path), true);
	if (real)
		joining_path(r, joining_directory(real), true);
	free(real);
}

/* Certificates to trust are read when a peer shows its own. */
static void joining_needs_roots(struct joining_rights *r)
{
	const char *list = getenv("SSL_CERT_DIR");

	while (list && *list) {
		size_t n = strcspn(list, ":");

		joining_path(r, skt_strndup(list, n), false);
		list += n + (list[n] == ':');
	}
}

static void joining_needs_of(struct joining_rights *r, const struct skt_endpoint *e, bool listens)
{
	bool writes = skt_endpoint_transport(e)->form == SKT_FORM_PATH;

	r->needs.programs |= skt_endpoint_transport(e)->form == SKT_FORM_COMMAND;
	if (joining_is(e, "tcp")) {
		r->needs.dials |= !listens;
		r->needs.listens |= skt_endpoint_option(e, "bind") || skt_endpoint_option(e, "sport");
	}
	if (!listens)
		joining_needs_roots(r);
	if (joining_is(e, "stdio"))
		joining_needs_stdio(r);
	else if (writes && e->address[0] != '@')
		joining_needs_path(r, e->address);
}

/* A file that is read again on SIGHUP, perhaps replaced by then. */
static void joining_needs_file(void *user, const char *path)
{
	struct joining_rights *r = user;
	char *real = realpath(path, NULL);

	joining_path(r, joining_directory(path), false);
	if (real)
		joining_path(r, joining_directory(real), false);
	free(real);
}

static void joining_drop_rights(struct joining_run *run)
{
	const struct skt_joining *j = run->j;
	struct joining_rights r = { 0 };
	int version;

	joining_needs_of(&r, &j->from, j->listens);
	if (!j->service)
		joining_needs_of(&r, &j->to, false);
	if (j->reads)
		joining_path(&r, skt_strdup(j->reads), false);
	if (j->writes)
		joining_path(&r, skt_strdup(j->writes), true);
	if (j->listens)
		skt_chain_files(&j->from, joining_needs_file, &r);
	for (int side = j->listens; side < 2 && !r.needs.programs; side++)
		skt_holder_foresee(joining_side(run, side), &run->before[side]);
	version = skt_sandbox_enter(&r.needs);
	if (r.needs.programs)
		skt_say_more("%s", _("rights are kept, because programs are started"));
	else if (version)
		skt_say_more(_("rights that are not needed are dropped (Landlock %d)"), version);
	else
		skt_say_more("%s", _("the kernel has no Landlock here: rights are kept"));
	for (int i = 0; i < r.n_owned; i++)
		skt_free(r.owned[i]);
}

static int joining_listen(struct joining_run *run, struct skt_loop *loop, struct skt_listener **ret, struct skt_error *err)
{
	int failed = skt_chain_listen(loop, &run->j->from, ret, err);

	while (failed == -SKT_E_INUSE && run->j->next && run->j->next(run->j))
		failed = skt_chain_listen(loop, &run->j->from, ret, err);
	if (failed < 0)
		skt_holder_explain(&run->j->from, err);
	if (failed == 0 &&
	    (*ret)->is_dgram) /* a peer that comes before the last socket of the group would change its thread */
		run->unannounced = *ret;
	else if (failed == 0)
		joining_announce(run, *ret);
	if (failed == 0 && run->j->announce && (failed = run->j->announce(run->j, *ret, err)) < 0) {
		skt_listener_free(*ret);
		return failed;
	}
	if (failed == 0 && joining_is(&run->j->from, "tcp") && skt_sockopt_loopback_congestion(&run->j->from))
		skt_say_more(
			_("loopback sockets use %s instead of the system's congestion control (congestion= overrides)"),
			skt_sockopt_loopback_congestion(&run->j->from));
	return failed;
}

static void joining_announce_view(struct joining_run *run)
{
	struct skt_json j = { 0 };

	if (!run->json) {
		skt_say(_("live page: %s"), skt_view_url(run->view));
		return;
	}
	skt_viewing_event(run->view, &j);
	if (j.text.failed)
		joining_has_lost = true;
	else
		run->events.line(skt_json_get(&j));
	skt_json_release(&j);
}

static void joining_watch(void *user, struct skt_loop *loop, struct skt_relay *relay)
{
	struct joining_run *run = user;

	if (run->unannounced)
		joining_announce(run, run->unannounced);
	if (run->view)
		joining_announce_view(run);
	if (run->j->with_stdio && !run->json && skt_say_level() >= 0)
		skt_progress_start(&run->progress, loop, relay);
}

static void joining_stats(struct joining_run *run)
{
	struct skt_event event = {
		.kind = SKT_EVENT_STATS,
		.links = run->totals.links,
		.failed = run->totals.failed,
		.refused = run->totals.refused,
		.sent = run->totals.sent,
		.received = run->totals.received,
		.duration = skt_now() - run->began,
		.messages = run->totals.has_messages ? &run->totals.messages : NULL,
	};

	if (joining_flag(run->j->args, "stats"))
		run->events.observer.on(&run->events.observer, &event);
}

/* Nothing came back: that is no proof of anything, and people take it for one. */
static void joining_silence(struct joining_run *run, int ret)
{
	const struct skt_messages *m = &run->totals.messages;

	if (ret < 0 || run->j->listens || !run->j->with_stdio || run->json || !joining_is_dgram(&run->j->to) ||
	    m->sent == 0 || m->received > 0)
		return;
	skt_say("%s", _("no answer came: that proves nothing, the messages may have arrived, or been lost or filtered"));
}

/* With -v: that many messages with one call are not to be had. */
static void joining_say_lacks(const struct joining_run *run)
{
	const char *lacks = joining_is(&run->j->from, "udp") || joining_is(&run->j->to, "udp") ? skt_dgsock_lacks()
											       : NULL;

	if (lacks)
		skt_say_more(_("the kernel has no %s here: messages move one by one"), lacks);
}

/* The page looks at other processes: it begins while that is still allowed. */
static int joining_view(struct joining_run *run, struct skt_error *err)
{
	if (!joining_flag(run->j->args, "view"))
		return 0;
	return skt_viewing_start(run->j->args->command->name, NULL, NULL, &run->view, err);
}

static int joining_relay(struct joining_run *run, struct skt_loop *loop, int *status, struct skt_error *err)
{
	struct skt_listener *listener = NULL;
	int ret = joining_prepare(run, err);

	if (ret < 0)
		return ret;
	if (run->j->listens) {
		ret = joining_listen(run, loop, &listener, err);
		if (ret < 0)
			return ret;
	}
	ret = joining_view(run, err);
	if (ret < 0) {
		skt_listener_free(listener);
		return ret;
	}
	if (skt_mixing_is_guessed(&run->j->from, &run->j->to) && !run->json && !run->j->with_stdio)
		skt_say("%s",
			_("messages meet a stream: their boundaries are lost there; frame=line or len16 keeps them"));
	joining_say_lacks(run);
	if (run->j->listens &&
	    (skt_endpoint_option(&run->j->from, "cert") || skt_endpoint_option(&run->j->from, "client-ca")))
		skt_signals_hup_reloads();
	joining_drop_rights(run);
	ret = skt_relay_run(&run->config, loop, listener, (int)joining_number(run->j->args, "threads", 1),
			    joining_watch, run, &run->totals, status, err);
	skt_view_stop(run->view);
	skt_progress_end(&run->progress, run->totals.sent + run->totals.received);
	if (run->totals.n_cut && !run->j->only_one && !run->json)
		skt_say(NG_("%llu link was cut before it had ended", "%llu links were cut before they had ended",
			    run->totals.n_cut),
			(unsigned long long)run->totals.n_cut);
	joining_stats(run);
	joining_silence(run, ret);
	if (ret == 0 && (run->events.has_lost || joining_has_lost))
		ret = skt_fail_memory(err);
	return ret;
}

/* connect to a program gives its own status; what else went wrong is said, and decides where the program did not. */
static int joining_status(struct joining_run *run, int ret, int status, struct skt_error *err)
{
	if (ret < 0)
		joining_explain(run, err);
	if (run->j->passes_status && status >= 0) {
		if (ret < 0)
			skt_say_more("%s", err->text);
		return status;
	}
	return ret < 0 ? skt_say_error(err, NULL, run->json) : SKT_OK;
}

int skt_joining_run(struct skt_joining *j)
{
	struct joining_run run = { .j = j,
				   .began = skt_now(),
				   .json = skt_args_has(j->args, "json"),
				   .explained.lock = PTHREAD_MUTEX_INITIALIZER };
	struct skt_error err = { 0 };
	struct skt_loop *loop = NULL;
	int status = -1, ret = joining_config(&run, &err);

	(void)skt_limit_raise();
	if (ret == 0)
		ret = skt_loop_new(&loop, &err);
	if (ret == 0)
		ret = joining_relay(&run, loop, &status, &err);
	skt_loop_free(loop);
	status = joining_status(&run, ret, status, &err);
	for (int side = 0; side < 2; side++)
		skt_holders_release(&run.before[side]);
	skt_endpoint_release(&j->from);
	skt_endpoint_release(&j->to);
	return status;
}

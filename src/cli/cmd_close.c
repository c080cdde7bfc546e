/* SPDX-License-Identifier: Apache-2.0 */
/* soket close: ends connections in the kernel; the processes go on.
 *
 * How it works. One look, the filter, then SOCK_DESTROY for each connection that matches, named by its cookie: a connection that
 * ended meanwhile is never mistaken for another one with the same ends. That it has ended is what was wanted, so it counts as
 * such. The connection that this session itself comes in by (SSH_CONNECTION) is spared, unless --mine. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "cli/commands.h"
#include "cli/flows.h"
#include "cli/looking.h"
#include "cli/say.h"
#include "inspect/destroy.h"
#include "inspect/sockjson.h"
#include "sys/call.h"
#include "sys/netlink.h"
#include "sys/netns.h"

/* The ends of the ssh connection we run through. */
struct ssh {
	bool is_known;
	struct skt_ip client, server;
	int64_t client_port, server_port;
};

struct closing {
	struct skt_flowlook flows;
	struct ssh ssh;
	bool json, dry_run, spare_mine;
	int *netlink;               /* of each namespace; -1: not open yet */
	size_t n_matched, n_closed; /* closed: by us */
	size_t n_gone;              /* had ended already */
	size_t n_failed, n_spared;
	struct skt_error first; /* of what failed */
};

/* "CLIENT PORT SERVER PORT". ssh(1), ENVIRONMENT. A text that is none is no connection. */
static struct ssh close_ssh(const char *text)
{
	struct ssh ssh = { 0 };
	char client[64], server[64], port[2][8];
	size_t wrong;

	if (!text || sscanf(text, "%63s %7s %63s %7s", client, port[0], server, port[1]) != 4)
		return ssh;
	ssh.is_known = skt_ip_parse(client, strlen(client), &ssh.client, &wrong) == 0 &&
		       skt_ip_parse(server, strlen(server), &ssh.server, &wrong) == 0 &&
		       skt_number_parse(port[0], &ssh.client_port) == 0 &&
		       skt_number_parse(port[1], &ssh.server_port) == 0;
	return ssh;
}

static bool close_same_ip(struct skt_ip a, struct skt_ip b)
{
	a = skt_ip_bare(&a);
	b = skt_ip_bare(&b);
	return skt_ip_is_same(&a, &b);
}

/* Either end of it: both are on this machine where one is logged in to it from itself. */
static bool close_is_ssh(const struct ssh *ssh, const struct skt_sock *s)
{
	if (!ssh->is_known || s->proto != SKT_PROTO_TCP || !s->remote.family)
		return false;
	if (s->local_port == ssh->server_port && s->remote_port == ssh->client_port)
		return close_same_ip(s->local, ssh->server) && close_same_ip(s->remote, ssh->client);
	return s->local_port == ssh->client_port && s->remote_port == ssh->server_port &&
	       close_same_ip(s->local, ssh->client) && close_same_ip(s->remote, ssh->server);
}

/* A channel to the kernel in the namespace of a socket. Returns it, or -kind. */
static int close_channel(struct closing *c, const struct skt_sock *s, struct skt_error *err)
{
	int *fd = &c->netlink[s->netns];

	if (*fd < 0)
		*fd = skt_netlink_open(c->flows.netns_fd[s->netns]);
	if (*fd < 0)
		return skt_fail(err, SKT_E_DENIED, 0, "%s",
				_("netlink is closed here, and the kernel ends connections by it only"));
	return *fd;
}

static int close_one(struct closing *c, const struct skt_sock *s, struct skt_error *err)
{
	int fd = close_channel(c, s, err);

	return fd < 0 ? fd : skt_destroy(fd, s, err);
}

static void close_name(const struct closing *c, const struct skt_sock *s, struct skt_text *ret)
{
	const struct skt_process *p = skt_census_holder(&c->flows.census, s, 0, NULL);

	skt_text_addf(ret, "%s ", skt_proto_name(s->proto));
	flows_add_end(&c->flows, s, false, ret);
	skt_text_add(ret, " - ");
	flows_add_end(&c->flows, s, true, ret);
	skt_text_addf(ret, " %s", skt_sock_state_name(s));
	if (p)
		skt_text_addf(ret, _(", of %s (pid %d)"), p->name, (int)p->pid);
}

/* What was done with it: "closed", "gone", "failed", "spared", "matched" (with --dry-run). */
static void close_tell_json(const struct closing *c, const struct skt_sock *s, const char *event,
			    const struct skt_error *err)
{
	struct skt_json j = { 0 };

	skt_json_object(&j, NULL);
	skt_json_string(&j, "event", event);
	skt_sockjson_add(&j, &c->flows.census, s);
	skt_sockjson_add_processes(&j, &c->flows.census, s);
	skt_json_string(&j, "error", err->kind ? err->text : NULL);
	skt_json_end_object(&j);
	(void)skt_say_json(&j);
	skt_json_release(&j);
}

static void close_tell_text(const struct closing *c, const struct skt_sock *s, const char *what,
			    const struct skt_error *err)
{
	struct skt_text t = { 0 };

	close_name(c, s, &t);
	if (err->kind)
		skt_say(_("%s: %s: %s"), what, skt_text_get(&t), err->text);
	else if (c->dry_run)
		skt_say("%s: %s", what, skt_text_get(&t));
	else
		skt_say_more("%s: %s", what, skt_text_get(&t));
	skt_text_release(&t);
}

enum outcome { CLOSE_CLOSED, CLOSE_GONE, CLOSE_FAILED, CLOSE_SPARED, CLOSE_MATCHED };

static void close_tell(const struct closing *c, const struct skt_sock *s, enum outcome outcome,
		       const struct skt_error *err)
{
	static const struct {
		const char *event, *what;
	} words[] = {
		[CLOSE_CLOSED] = { "closed", N_("closed") },
		[CLOSE_GONE] = { "gone", N_("had ended already") },
		[CLOSE_FAILED] = { "failed", N_("not closed") },
		[CLOSE_SPARED] = { "spared", N_("not closed, for this session runs through it") },
		[CLOSE_MATCHED] = { "matched", N_("would be closed") },
	};

	if (c->json)
		close_tell_json(c, s, words[outcome].event, err);
	else
		close_tell_text(c, s, _(words[outcome].what), err);
}

static enum outcome close_try(struct closing *c, const struct skt_sock *s, struct skt_error *err)
{
	int ret;

	if (c->spare_mine && close_is_ssh(&c->ssh, s)) {
		c->n_spared++;
		return CLOSE_SPARED;
	}
	if (c->dry_run)
		return CLOSE_MATCHED;
	ret = close_one(c, s, err);
	if (ret < 0) {
		c->n_failed++;
		if (!c->first.kind)
			c->first = *err;
		return CLOSE_FAILED;
	}
	c->n_closed += ret == 0;
	c->n_gone += ret > 0;
	return ret == 0 ? CLOSE_CLOSED : CLOSE_GONE;
}

/* What the rights or the kernel forbid for one they forbid for all: the rest need not be tried. */
static bool close_is_hopeless(const struct skt_error *err)
{
	return err->sys == EPERM || err->sys == EACCES || err->sys == EOPNOTSUPP;
}

static void close_all(struct closing *c)
{
	c->n_matched = c->flows.n_rows;
	for (size_t i = 0; i < c->n_matched; i++) {
		const struct skt_sock *s = c->flows.row[i].s;
		struct skt_error err = { 0 };
		enum outcome outcome = close_try(c, s, &err);

		if (c->json || !close_is_hopeless(&err))
			close_tell(c, s, outcome, &err);
		if (close_is_hopeless(&err)) {
			c->n_failed += c->n_matched - i - 1;
			return;
		}
	}
}

static void close_end_json(const struct closing *c)
{
	struct skt_json j = { 0 };

	skt_json_object(&j, NULL);
	skt_json_string(&j, "event", "end");
	skt_json_int(&j, "matched", (int64_t)c->n_matched);
	skt_json_int(&j, "closed", (int64_t)c->n_closed);
	skt_json_int(&j, "gone", (int64_t)c->n_gone);
	skt_json_int(&j, "failed", (int64_t)c->n_failed);
	skt_json_int(&j, "spared", (int64_t)c->n_spared);
	skt_json_bool(&j, "dry_run", c->dry_run);
	skt_json_end_object(&j);
	(void)skt_say_json(&j);
	skt_json_release(&j);
}

static void close_end_text(const struct closing *c)
{
	size_t n = c->n_closed + c->n_gone, would = c->n_matched - c->n_spared;

	if (c->dry_run)
		skt_say(NG_("%zu connection would be closed", "%zu connections would be closed", would), would);
	else if (n > 0 || c->n_failed == 0)
		skt_say(NG_("%zu connection closed", "%zu connections closed", n), n);
	if (c->n_gone > 0)
		skt_say_more(NG_("%zu of them had ended already", "%zu of them had ended already", c->n_gone), c->n_gone);
	if (c->n_spared > 0 && !c->dry_run)
		skt_say("%s", _("the connection that this session runs through was left alone; --mine closes it too"));
}

/* 1 where nothing matched, as pkill(1) does. */
static int close_nothing(const struct closing *c)
{
	struct skt_error err = { 0 };

	(void)skt_fail(&err, SKT_E_IO, 0, "%s", _("no connection matches"));
	skt_hint(&err, "%s", _("soket flows with the same filter shows what there is"));
	return skt_say_error(&err, NULL, c->json);
}

static int close_end(const struct closing *c)
{
	if (c->json)
		close_end_json(c);
	if (c->n_matched == 0)
		return close_nothing(c);
	if (!c->json)
		close_end_text(c);
	if (c->n_failed > 0)
		return skt_say_error(&c->first, NULL, c->json);
	return c->n_spared == c->n_matched && !c->dry_run ? SKT_E_DENIED : SKT_OK;
}

/* What the kernel cannot end, and what soket take is for. */
static int close_check(struct skt_flowlook *f, struct skt_error *err)
{
	if (!(f->spec.look.protos & SKT_PROTOS_IP)) {
		(void)skt_fail(err, SKT_E_USAGE, 0, "%s", _("the kernel can end TCP and UDP connections only"));
		skt_hint(err, "%s", _("a unix or vsock connection ends with one of its programs"));
		return -SKT_E_USAGE;
	}
	if (!(f->states & ~(unsigned)SKT_STATES_BOUND)) {
		(void)skt_fail(err, SKT_E_USAGE, 0, "%s",
			       _("soket close ends connections, and none of what waits for them"));
		skt_hint(err, "%s", _("soket take PORT ends who holds a port"));
		return -SKT_E_USAGE;
	}
	f->spec.look.protos &= SKT_PROTOS_IP;
	f->states &= ~(unsigned)SKT_STATES_BOUND;
	return 0;
}

static int close_open(struct closing *c, const struct skt_args *args, struct skt_error *err)
{
	int ret;

	if (args->n_words == 0) {
		(void)skt_fail(err, SKT_E_USAGE, 0, "%s",
			       _("soket close: which connections? At least one filter is needed"));
		skt_hint(err, "%s", _("try: soket close remote=10.0.0.5:443, or: soket close port=5432 process=psql"));
		return -SKT_E_USAGE;
	}
	ret = flows_open(&c->flows, args, err);
	return ret < 0 ? ret : close_check(&c->flows, err);
}

static int close_look(struct closing *c, struct skt_error *err)
{
	struct skt_flowlook *f = &c->flows;
	bool with_owners = c->json || c->dry_run || skt_say_level() > 0 || skt_filter_wants_owners(f->filter);
	int ret = skt_flowlook_look_twice(f, skt_filter_wants_rates(f->filter) ? FLOWS_APART : 0, with_owners, err);

	if (ret == 0)
		ret = skt_flowlook_fill(f, err);
	if (ret < 0)
		return ret;
	c->netlink = skt_malloc(f->census.n_netns * sizeof(*c->netlink));
	if (!c->netlink)
		return skt_fail_memory(err);
	for (size_t i = 0; i < f->census.n_netns; i++)
		c->netlink[i] = -1;
	return 0;
}

static void close_release(struct closing *c)
{
	for (size_t i = 0; c->netlink && i < c->flows.census.n_netns; i++)
		skt_close(c->netlink[i]);
	skt_free(c->netlink);
	skt_flowlook_release(&c->flows);
}

static int close_refuse(const struct skt_args *args, const struct skt_error *err, bool json)
{
	char *source = skt_say_source(args, 0);
	int status = skt_say_error(err, source, json);

	skt_free(source);
	return status;
}

static int close_run(const struct skt_args *args)
{
	struct closing c = { .json = skt_args_has(args, "json"), .dry_run = skt_args_has(args, "dry-run") };
	struct skt_error err = { 0 };
	int status;

	c.spare_mine = !skt_args_has(args, "mine");
	c.ssh = close_ssh(getenv("SSH_CONNECTION"));
	if (close_open(&c, args, &err) < 0) {
		status = close_refuse(args, &err, c.json);
	} else if (close_look(&c, &err) < 0) {
		status = skt_say_error(&err, NULL, c.json);
	} else {
		close_all(&c);
		status = close_end(&c);
	}
	close_release(&c);
	return status;
}

static const struct skt_flag close_flags[] = {
	{ .name = "dry-run", .letter = 'n', .help = N_("say what would be closed, and close nothing") },
	{ .name = "mine", .help = N_("also the ssh connection that this session runs through") },
	SKT_FLAG_NETNS,
	SKT_FLAG_ALL_NETNS,
	{ .name = NULL },
};

static const struct skt_example close_examples[] = {
	{ "soket close --dry-run state=close-wait", N_("what would be closed") },
	{ "soket close remote=10.0.0.5", N_("every connection with that host") },
	{ "soket close port=5432 'age>1h'", N_("old connections to a database") },
	{ "soket close process=firefox remote=192.0.2.0/24 -v", N_("those of one program with one network, each named") },
	{ NULL, NULL },
};

const struct skt_command skt_cmd_close = {
	.name = "close",
	.summary = N_("ends connections in the kernel, without ending the process"),
	.synopsis = "FILTER... [FLAGS]",
	.description = N_(
		"Ends every TCP and connected UDP connection that the filters match, as the kernel's administrator "
		"(SOCK_DESTROY): its program is told that the connection was aborted, the other end gets a reset, and both "
		"processes go on. It takes root, or CAP_NET_ADMIN. The filters are those of soket flows, and at least one is "
		"needed; --dry-run says what would be closed.\n\n"
		"Sockets that listen are never ended: that is what soket take is for. Nor is the ssh connection that this "
		"session runs through (SSH_CONNECTION), unless with --mine.\n\n"
		"A connection that has ended meanwhile counts as closed. The status is 0 where all that matched are gone, 1 where "
		"nothing matched or the kernel cannot end connections, and 6 where the rights are missing."),
	.flags = close_flags,
	.examples = close_examples,
	.words = "@flows-filter",
	.run = close_run,
};

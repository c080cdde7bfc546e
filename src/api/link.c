/* SPDX-License-Identifier: Apache-2.0 */
/* Links: the relay, run by whoever calls.
 *
 * How it works: the relay's own loop takes rounds until nothing is left to do. soket_link_stop() counts and pokes the
 * loop, both of which signal-safety(7) allows; the loop then tells the relay as often as it was asked. No signal is
 * caught here. */
#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "api/failure.h"
#include "api/listener.h"
#include "api/quiet.h"
#include "base/alloc.h"
#include "base/message.h"
#include "relay/mixing.h"
#include "relay/relay.h"
#include "relay/session.h"

#define LINK_GRACE (5 * SKT_SECOND)

struct soket_link {
	struct skt_endpoint from, to;
	struct soket_link_options options;
	struct skt_relay_config config;
	struct skt_observer observer;
	struct skt_loop *loop;
	struct skt_relay *relay;
	struct skt_api_addresses names;
	atomic_int asked; /* how often we were asked to stop */
	int stops;        /* how often the relay was told */
	bool has_run;
};

/* What the relay says, as soket.h has it. Statistics are the command's own. */
static const int link_event_kinds[] = {
	[SKT_EVENT_LISTENING] = SOKET_EVENT_LISTENING,
	[SKT_EVENT_OPENED] = SOKET_EVENT_OPENED,
	[SKT_EVENT_CLOSED] = SOKET_EVENT_CLOSED,
	[SKT_EVENT_FAILED] = SOKET_EVENT_FAILED,
	[SKT_EVENT_REFUSED] = SOKET_EVENT_REFUSED,
	[SKT_EVENT_STOPPING] = SOKET_EVENT_STOPPING,
	[SKT_EVENT_STATS] = -1,
};

static_assert((int)SOKET_MOVER_AUTO == (int)SKT_MOVER_AUTO && (int)SOKET_MOVER_COPY == (int)SKT_MOVER_COPY &&
		      (int)SOKET_MOVER_SPLICE == (int)SKT_MOVER_SPLICE,
	      "soket.h and link/link.h differ");

static void link_on(struct skt_observer *observer, const struct skt_event *event)
{
	struct soket_link *link = SKT_OUTER(observer, struct soket_link, observer);
	struct soket_error error;
	struct soket_event ret = {
		.link = event->link,
		.from = event->from,
		.to = event->to,
		.address = event->address,
		.path = event->path,
		.port = event->port,
		.sent = event->sent,
		.received = event->received,
		.duration_ns = (uint64_t)event->duration,
		.how = event->how,
		.links = event->links,
	};

	if (link_event_kinds[event->kind] < 0)
		return;
	ret.kind = (enum soket_event_kind)link_event_kinds[event->kind];
	if (event->err) {
		(void)skt_api_fail(&error, event->err);
		ret.error = &error;
	}
	link->options.on_event(link, &ret, link->options.user);
}

/* One event for each address. */
static void link_announce(struct soket_link *link, const struct skt_listener *l)
{
	char host[SKT_ADDR_LENGTH];

	for (int i = 0; i < l->n; i++) {
		const struct skt_addr *addr = &l->socket[i].addr;
		struct skt_event event = { .kind = SKT_EVENT_LISTENING, .from = skt_api_address(&link->names, i) };

		event.address = skt_addr_print_host(addr, host);
		event.path = addr->sa.sa_family == AF_UNIX ? event.address : NULL;
		event.port = skt_addr_port(addr);
		link_on(&link->observer, &event);
	}
}

static int link_access(struct skt_access *access, bool allow, const char *const *cidr, struct skt_error *err)
{
	for (int failed; cidr && *cidr; cidr++) {
		failed = skt_access_add(access, allow, *cidr, err);
		if (failed) {
			err->at = -1; /* the error names the text */
			return failed;
		}
	}
	return 0;
}

static int link_config(struct soket_link *link, struct skt_error *err)
{
	const struct soket_link_options *o = &link->options;
	struct skt_relay_config *c = &link->config;
	int failed = skt_mixing_check(&link->from, &link->to, err);

	if (failed < 0)
		return failed;
	c->from = &link->from;
	c->to = &link->to;
	skt_relay_config_dgrams(c, skt_transport_listens(&link->from), false);
	if (o->idle_ms)
		c->link.idle = o->idle_ms * SKT_MS;
	c->link.mover = (enum skt_mover_choice)o->mover;
	c->link.waits_for_stdin = true;
	c->link.linger[0] = skt_endpoint_number(&link->from, "linger", 0);
	c->link.linger[1] = skt_endpoint_number(&link->to, "linger", 0);
	c->link.done = skt_session_link_done;
	c->max = o->max;
	/* there is one stdin: whoever comes first has it */
	c->once = o->once || strcmp(skt_endpoint_transport(&link->to)->name, "stdio") == 0;
	c->grace = o->grace_ms < 0 ? 0 : o->grace_ms ? o->grace_ms * SKT_MS : LINK_GRACE;
	if (o->on_event) {
		link->observer.on = link_on;
		c->observers = &link->observer;
		c->names_links = true;
	}
	failed = link_access(&c->access, false, o->deny, err);
	return failed ? failed : link_access(&c->access, true, o->allow, err);
}

/* A listen: prefix overrides the place: the end that listens is FROM. As `soket link` has it. */
static int link_order(struct soket_link *link, bool *listens, struct skt_error *err)
{
	if (!skt_transport_of(&link->from, err) || !skt_transport_of(&link->to, err))
		return -SKT_E_USAGE;
	*listens = skt_transport_listens(&link->from);
	if (link->to.role == SKT_ROLE_LISTEN) {
		struct skt_endpoint e = link->from;

		if (*listens) {
			(void)skt_fail(err, SKT_E_USAGE, 0, "%s", _("both ends listen: nobody would dial"));
			skt_hint(err, "%s", _("leave listen: out at one of them, or write dial: before the other"));
			return -SKT_E_USAGE;
		}
		link->from = link->to;
		link->to = e;
		*listens = true;
	}
	return 0;
}

static int link_settle(struct soket_link *link, bool listens, struct skt_error *err)
{
	int failed = skt_endpoint_settle(&link->from, listens ? SKT_ROLE_LISTEN : SKT_ROLE_DIAL, err);

	return failed ? failed : skt_endpoint_settle(&link->to, SKT_ROLE_DIAL, err);
}

/* Asked to stop, once or more. */
static void link_poked(void *user)
{
	struct soket_link *link = user;

	for (; link->stops < atomic_load(&link->asked) && link->stops < 2; link->stops++)
		skt_relay_stop(link->relay);
}

/* Which of the two texts an error is about cannot be told from its position: the sentence begins with it. */
static int link_parse(const char *which, const char *text, struct skt_endpoint *ret, struct skt_error *err)
{
	struct skt_error why;
	int failed = skt_endpoint_parse(text, ret, &why);

	if (failed == 0)
		return 0;
	*err = why;
	(void)snprintf(err->text, sizeof(err->text), "%s: %.240s", which, why.text);
	return failed;
}

static int link_open(struct soket_link *link, const char *from, const char *to, struct skt_error *err)
{
	struct skt_listener *listener = NULL;
	bool listens = false;
	int failed = link_parse("FROM", from, &link->from, err);

	if (failed == 0)
		failed = link_parse("TO", to, &link->to, err);
	if (failed == 0)
		failed = link_order(link, &listens, err);
	if (failed == 0)
		failed = link_settle(link, listens, err);
	if (failed == 0)
		failed = link_config(link, err);
	if (failed == 0)
		failed = skt_quiet_loop_new(&link->loop, err);
	if (failed == 0 && listens)
		failed = skt_api_listen(link->loop, &link->from, &listener, &link->names, err);
	if (failed == 0)
		failed = skt_relay_new(link->loop, &link->config, listener, 1, &link->relay, err);
	if (failed == 0)
		skt_loop_on_poke(link->loop, link_poked, link);
	return failed;
}

struct soket_link *soket_link_new(const char *from, const char *to, const struct soket_link_options *options,
				  struct soket_error *err)
{
	struct soket_link *link = SKT_NEW(struct soket_link);
	struct skt_error why;
	int failed;

	if (link && options)
		link->options = *options;
	failed = link ? link_open(link, from, to, &why) : skt_fail_memory(&why);
	if (failed) {
		(void)skt_api_fail(err, &why);
		soket_link_free(link);
		return NULL;
	}
	link->options.allow = link->options.deny = NULL; /* read already; they may be gone from now on */
	return link;
}

const char *soket_link_address(const struct soket_link *link, int i)
{
	return skt_api_address(&link->names, i);
}

static int link_rounds(struct soket_link *link, struct skt_error *err)
{
	int ret, unused;

	if (link->relay->listener && link->options.on_event)
		link_announce(link, link->relay->listener);
	ret = skt_relay_start(link->relay, err);
	while (ret == 0 && !skt_relay_is_done(link->relay))
		ret = skt_loop_round(link->loop, SKT_FOREVER, err);
	if (ret == 0 && skt_relay_outcome(link->relay, &unused)->kind != SKT_OK) {
		*err = *skt_relay_outcome(link->relay, &unused);
		ret = -(int)err->kind;
	}
	return ret;
}

int soket_link_run(struct soket_link *link, struct soket_error *err)
{
	struct skt_quiet quiet;
	struct skt_error why;
	int ret;

	if (link->has_run)
		ret = skt_fail(&why, SKT_E_USAGE, 0, "%s", _("the link has run already: make a new one"));
	else {
		link->has_run = true;
		skt_quiet_begin(&quiet);
		ret = link_rounds(link, &why);
		skt_quiet_end(&quiet);
	}
	return ret < 0 ? skt_api_fail(err, &why) : 0;
}

void soket_link_stop(struct soket_link *link)
{
	atomic_fetch_add(&link->asked, 1);
	skt_loop_poke(link->loop);
}

void soket_link_totals(const struct soket_link *link, struct soket_link_totals *ret)
{
	const struct skt_relay_totals *totals = skt_relay_totals(link->relay);

	*ret = (struct soket_link_totals){
		.links = totals->links,
		.failed = totals->failed,
		.refused = totals->refused,
		.sent = totals->sent,
		.received = totals->received,
	};
	(void)skt_relay_outcome(link->relay, &ret->status);
}

void soket_link_free(struct soket_link *link)
{
	if (!link)
		return;
	skt_relay_free(link->relay);
	skt_loop_free(link->loop);
	skt_endpoint_release(&link->from);
	skt_endpoint_release(&link->to);
	skt_free(link);
}

int soket_link(const char *from, const char *to, const struct soket_link_options *options, struct soket_error *err)
{
	struct soket_error own;
	struct soket_link *link = soket_link_new(from, to, options, &own);
	int ret = link ? soket_link_run(link, &own) : -own.kind;

	soket_link_free(link);
	if (ret < 0 && err)
		*err = own;
	return ret;
}

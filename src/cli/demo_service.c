/* SPDX-License-Identifier: Apache-2.0 */
/* soket demo: its relays, made of the same parts as soket link. */
#include "cli/demo.h"
#include "relay/session.h"
#include "transport/chain.h"

static int service_endpoints(struct demo_service *s, const char *from, const char *to, struct skt_error *err)
{
	int failed = skt_endpoint_parse(from, &s->from, err);

	if (failed == 0)
		failed = skt_endpoint_parse(to, &s->to, err);
	if (failed == 0)
		failed = skt_endpoint_settle(&s->from, SKT_ROLE_LISTEN, err);
	return failed ? failed : skt_endpoint_settle(&s->to, SKT_ROLE_DIAL, err);
}

int demo_service_start(struct demo_service *s, struct skt_loop *loop, const char *from, const char *to,
		       struct skt_error *err)
{
	struct skt_listener *l;
	int failed = service_endpoints(s, from, to, err);

	if (failed == 0)
		failed = skt_chain_listen(loop, &s->from, &l, err);
	if (failed)
		return failed;
	s->addr = l->socket[0].addr;
	skt_addr_print_endpoint(&s->addr, l->scheme, s->name);
	s->config.from = &s->from;
	s->config.to = &s->to;
	s->config.link.waits_for_stdin = true;
	s->config.link.done = skt_session_link_done;
	s->config.names_links = true;
	skt_relay_config_dgrams(&s->config, true, false);
	failed = skt_relay_new(loop, &s->config, l, 4, &s->relay, err);
	return failed ? failed : skt_relay_start(s->relay, err);
}

void demo_service_stop(struct demo_service *s)
{
	if (s->relay)
		skt_relay_stop(s->relay);
}

bool demo_service_is_done(const struct demo_service *s)
{
	return !s->relay || skt_relay_is_done(s->relay);
}

void demo_service_release(struct demo_service *s)
{
	skt_relay_free(s->relay);
	s->relay = NULL;
	skt_endpoint_release(&s->from);
	skt_endpoint_release(&s->to);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The gate of a site: who shows a good password goes on, others are asked for one (RFC 7617).
 *
 * How it works: most are known at once. A hash is checked by a thread beside the loop; the request waits, and so do those behind it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "http/password.h"
#include "http/siteparts.h"
#include "wire/base64.h"

enum { GATE_ROOM = 1024 };

struct gate {
	struct skt_sitework work; /* the exchange's */
	struct skt_job job;
	struct skt_siteplace *place;
	struct skt_exchange *x; /* NULL: it has gone */
	bool good;
	char user[GATE_ROOM], password[GATE_ROOM];
};

static void gate_free(struct gate *g)
{
	explicit_bzero(g->password, sizeof(g->password));
	skt_free(g);
}

static void gate_refuse(struct skt_siteplace *place, struct skt_exchange *x)
{
	skt_exchange_field(x, "WWW-Authenticate", "Basic realm=\"soket\", charset=\"UTF-8\"");
	skt_site_fields(place->site, x);
	skt_exchange_reply_status(x, 401, "a user and a password are asked for");
}

static void gate_work(struct skt_job *job)
{
	struct gate *g = SKT_OUTER(job, struct gate, job);

	g->good = skt_password_verify(g->place->site->options.passwords, g->user, g->password);
}

static void gate_done(struct skt_job *job)
{
	struct gate *g = SKT_OUTER(job, struct gate, job);
	struct skt_siteplace *place = g->place;
	struct skt_exchange *x = g->x;
	bool good = g->good;

	if (x) {
		skt_exchange_set_user(x, NULL);
		skt_exchange_set_name(x, g->user, strlen(g->user));
	}
	gate_free(g);
	if (!x)
		return;
	if (good)
		skt_site_route(place, x);
	else
		gate_refuse(place, x);
}

static void gate_ended(struct skt_sitework *work, bool good)
{
	(void)good;
	SKT_OUTER(work, struct gate, work)->x = NULL;
}

static void gate_verify(struct skt_siteplace *place, struct skt_exchange *x, struct skt_span user, struct skt_span password)
{
	struct gate *g = SKT_NEW(struct gate);

	if (!g) {
		skt_site_refuse(place, x, ENOMEM);
		return;
	}
	(void)snprintf(g->user, sizeof(g->user), "%.*s", (int)user.n, user.s);
	(void)snprintf(g->password, sizeof(g->password), "%.*s", (int)password.n, password.s);
	g->place = place;
	g->x = x;
	g->job.work = gate_work;
	g->job.done = gate_done;
	g->work.ended = gate_ended;
	skt_exchange_set_user(x, &g->work);
	if (skt_jobs_start(place->jobs, &g->job) == 0)
		return;
	skt_exchange_set_user(x, NULL);
	gate_free(g);
	skt_site_refuse(place, x, EMFILE);
}

void skt_gate_pass(struct skt_siteplace *place, struct skt_exchange *x)
{
	char room[GATE_ROOM];
	struct skt_span user, password;
	enum skt_password_said said = SKT_PASSWORD_NO;

	if (skt_basic_parse(skt_request_field(skt_exchange_request(x), SKT_FIELD_AUTHORIZATION), room, sizeof(room), &user, &password))
		said = skt_password_check(place->site->options.passwords, user, password);
	if (said == SKT_PASSWORD_SLOW) {
		gate_verify(place, x, user, password);
	} else if (said == SKT_PASSWORD_YES) {
		skt_exchange_set_name(x, user.s, user.n);
		skt_site_route(place, x);
	} else {
		gate_refuse(place, x);
	}
	explicit_bzero(room, sizeof(room));
}

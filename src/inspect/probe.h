/* SPDX-License-Identifier: Apache-2.0 */
/* Asking an endpoint once: does somebody accept there, or is it free? */
#ifndef SKT_INSPECT_PROBE_H
#define SKT_INSPECT_PROBE_H

#include "endpoint/endpoint.h"
#include "loop/loop.h"

enum skt_probe_want {
	SKT_PROBE_READY, /* somebody accepts */
	SKT_PROBE_FREE,  /* nobody has it */
	SKT_PROBE_OURS,  /* nobody has it, and we may have it: a listen there would succeed */
};

struct skt_probe;

/* Called once, from the loop: err is NULL where it is as wanted, else what was seen instead. The probe is gone afterwards. */
typedef void skt_probed(void *user, const struct skt_error *err);

/* Make e, as it was parsed, fit to be asked: its role is settled, and where it has no timeout= each probe has 5 s. Returns 0;
 * -SKT_E_USAGE for a scheme that nobody can accept on, that this version cannot open, and for options that make no sense here;
 * -SKT_E_LIMIT. */
int skt_probe_prepare(struct skt_endpoint *e, enum skt_probe_want want, struct skt_error *err);

/* Ask. `e` was prepared, and must outlive the probe. No byte is sent, and the connection is closed at once, in order. Returns 0
 * (done() is called later, never from within), or -SKT_E_LIMIT. */
int skt_probe_new(struct skt_loop *loop, const struct skt_endpoint *e, enum skt_probe_want want, skt_probed *done,
		  void *user, struct skt_probe **ret, struct skt_error *err);
/* Give it up; done() is not called. NULL is fine. */
void skt_probe_free(struct skt_probe *p);

/* Whether asking again later may end otherwise: a server may come up, a name may be learnt, a queue may get room. Not so where
 * the text is wrong or permission lacks. */
bool skt_probe_may_change(const struct skt_error *err);

/* Whether the endpoint is on this machine, so that asking costs next to nothing. */
bool skt_probe_is_local(const struct skt_endpoint *e);

#endif

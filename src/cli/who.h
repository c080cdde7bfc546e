/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of soket who: one look at one place (who_look.c), and the ways to show it (who_page.c, who_json.c). */
#ifndef SKT_CLI_WHO_H
#define SKT_CLI_WHO_H

#include "cli/args.h"
#include "inspect/ancestry.h"
#include "inspect/counterpart.h"
#include "inspect/holder.h"

/* A process that has the place open. */
struct skt_who_holder {
	const struct skt_process *process;
	struct skt_ancestry parents;
};

/* A connection at the place. */
struct skt_who_flow {
	const struct skt_sock *s;     /* its end there; of a place on another machine, the end that is here */
	const struct skt_sock *other; /* the other end, where that is on this machine too; or NULL */
};

struct skt_who {
	bool json;
	struct skt_endpoint e;
	bool is_port;          /* a port alone was asked for: of any address */
	struct skt_text place; /* the endpoint as text, or the port */
	struct skt_spot spot;
	struct skt_holders_spec spec;

	/* what was seen */
	struct skt_holders h;
	struct skt_counterparts counterparts;
	const struct skt_sock **bound; /* sockets that wait for others there */
	size_t n_bound;
	struct skt_who_flow *flow;
	size_t n_flows, n_ended; /* ended: connections in TIME_WAIT */
	struct skt_who_holder *holder;
	size_t n_holders;
	const struct skt_lease *lease;

	/* what listening there would meet */
	bool has_verdict;
	struct skt_error verdict; /* kind SKT_OK: it would succeed */
};

/* Read the command line. Returns 0 or -kind; release in any case. */
int skt_who_init(struct skt_who *w, const struct skt_args *args, struct skt_error *err);
void skt_who_release(struct skt_who *w);
/* Look. Returns 0 or -kind. */
int skt_who_look(struct skt_who *w, struct skt_error *err);
/* Whether that socket listens, or waits for messages, and nobody whom we may see has it. */
bool skt_who_is_unseen(const struct skt_who *w, const struct skt_sock *s);

/* Print what was seen. Returns an exit status. */
int skt_who_page(const struct skt_who *w);
int skt_who_json(const struct skt_who *w);

#endif

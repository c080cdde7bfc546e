/* SPDX-License-Identifier: Apache-2.0 */
/* Who holds a port or a socket's name, and the other half of errors about them: "address in use", "permission denied", "refused". */
#ifndef SKT_INSPECT_HOLDER_H
#define SKT_INSPECT_HOLDER_H

#include "endpoint/endpoint.h"
#include "inspect/census.h"
#include "inspect/lease.h"

/* What is looked for. Its texts belong to whoever made it. */
struct skt_spot {
	unsigned protos;  /* set of 1 << enum skt_proto */
	unsigned port;    /* TCP, UDP, vsock; 0: none */
	struct skt_ip ip; /* family 0: none was given as a number */
	bool is_any;      /* every address of this machine is meant: any:, 0.0.0.0, [::] */
	bool is_remote;   /* the address is not one of this machine: who talks to it is looked for */
	bool is_local;    /* TCP, UDP: to dial it reaches this machine, for certain */
	int family;       /* 4 or 6: of this family alone; else 0 */
	const char *name; /* unix: the path or @name, or NULL */
	char path[128];   /* unix: the same path in its canonical form, or "" */
};

/* A zeroed struct is safe to release. */
struct skt_holders {
	struct skt_spot spot;
	struct skt_census census;
	struct skt_leases leases;
};

/* The spot of an endpoint: protocols of its scheme. Returns 0, or -SKT_E_USAGE: it is neither a port nor a unix socket, or it
 * is port 0, which stands for any. `e` must
 * outlive the spot. Asks the kernel for the addresses of this machine. */
int skt_spot_of(const struct skt_endpoint *e, struct skt_spot *ret, struct skt_error *err);
/* Where its host is a name of another machine, or may be one: look it up, and mean its first address. Waits for the resolver, at most
 * timeout= (5 s). Returns 0, -SKT_E_RESOLVE, -SKT_E_TIMEOUT or -SKT_E_LIMIT. */
int skt_spot_resolve(const struct skt_endpoint *e, struct skt_spot *spot, struct skt_error *err);
/* Whether a socket is bound to the spot's port on any address, or to its name. Connections that came in on the port are so too. */
bool skt_spot_has(const struct skt_spot *spot, const struct skt_socktable *t, const struct skt_sock *s);
/* Whether a socket's other end is at the spot: a client. */
bool skt_spot_is_dialled(const struct skt_spot *spot, const struct skt_sock *s);
/* Whether to dial the spot would reach that listening (or bound datagram) socket. */
bool skt_spot_reaches(const struct skt_spot *spot, const struct skt_sock *s);
/* Whether to listen on the spot is impossible because of that socket's address (its state is not looked at). */
bool skt_spot_conflicts(const struct skt_spot *spot, const struct skt_sock *s);

/* How to look. */
struct skt_holders_spec {
	unsigned protos; /* 0: those of the spot */
	unsigned states; /* 0: SKT_STATES_BOUND */
	enum skt_process_depth depth;
	const char *netns;
	bool all_netns;
	bool no_owners;
	bool clients; /* the owners of sockets whose other end is at the spot too */
	bool info;    /* what TCP knows of connections */
};

/* Look. The census then has the sockets of the spot among others: skt_spot_has() picks them. Returns as skt_census_take(). */
int skt_holders_look(const struct skt_spot *spot, const struct skt_holders_spec *spec, struct skt_holders *ret,
		     struct skt_error *err);
void skt_holders_release(struct skt_holders *h);

/* Append "node (pid 4312, you)", the first holder of a socket; "and 3 more" where there are more; "a program of root, which cannot
 * be seen"; or "soket run (pid 7, you), a lease for web". `before` may be NULL: an earlier look, at a time when more could be seen. */
void skt_holder_words(const struct skt_holders *h, const struct skt_holders *before, const struct skt_sock *s,
		      struct skt_text *ret);
/* The holder that stands for a socket, or NULL. */
const struct skt_process *skt_holder_of(const struct skt_holders *h, const struct skt_holders *before,
					const struct skt_sock *s);
/* "you", or the name of the user, in `room`. */
const char *skt_holder_user(uint32_t uid, char *room, size_t size);
/* A directory as people write it, in `room`: "~/shop" where it is in our own home. */
const char *skt_holder_directory(const char *directory, char *room, size_t size);

/* An error of listening on that endpoint, SKT_E_INUSE or SKT_E_DENIED: who holds it, or which rule forbids it, and what to do. Any
 * other error, and one of which nothing is found out, stays as it is. Never fails. */
void skt_holder_explain(const struct skt_endpoint *e, struct skt_error *err);

/* Before rights are dropped (sys/sandbox.h): where that endpoint is of this machine and nobody accepts there, remember who has
 * its port in another way, because afterwards other processes cannot be looked at. Costs one question to the kernel where all
 * is well. Release it. */
void skt_holder_foresee(const struct skt_endpoint *e, struct skt_holders *ret);
/* An error of dialling that endpoint, SKT_E_REFUSED: where it is of this machine, whether somebody has its port on another
 * address, of the other family, for the other protocol, in another network namespace; or what is left of a unix socket. `before` may
 * be NULL. Other errors stay as they are. Never fails. */
void skt_holder_explain_dial(const struct skt_endpoint *e, const struct skt_holders *before, struct skt_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A listening endpoint: one or more listening sockets (a host may have both families) that give connected streams. */
#ifndef SKT_IO_LISTENER_H
#define SKT_IO_LISTENER_H

#include "io/fd.h"
#include "sys/addr.h"

struct skt_endpoint; /* the transport knows it; here it is only passed on */

enum { SKT_LISTEN_MAX = 16 };

struct skt_listener;

/* What a listener of another kind does in its own way: one that makes clients of a datagram socket's messages. */
struct skt_listener_ops {
	int (*accept)(struct skt_listener *l, struct skt_stream **ret, struct skt_addr *peer, struct skt_error *err);
	int (*watch)(struct skt_listener *l);
	void (*pause)(struct skt_listener *l);
	int (*share)(struct skt_listener *l, struct skt_loop *loop, struct skt_listener **ret, struct skt_error *err);
	void (*free)(struct skt_listener *l);
};

/* What works for a listener beside it, and ends with it; `share`: the same for another thread's sockets. */
struct skt_keeper {
	void (*free)(struct skt_keeper *keeper);
	void (*share)(const struct skt_keeper *keeper, struct skt_listener *view);
};

struct skt_listener {
	const struct skt_listener_ops *ops; /* NULL: listening sockets, whose connections are accepted */
	struct skt_loop *loop;
	enum skt_fdkind kind; /* of the accepted sockets */
	const char *scheme;   /* to print the addresses */
	int n;
	struct skt_listening {
		struct skt_watch watch;
		struct skt_listener *listener;
		struct skt_addr addr; /* where it really listens */
	} socket[SKT_LISTEN_MAX];
	bool watching, shared;
	bool is_dgram; /* its clients are peers of datagram sockets */
	bool merges; /* datagrams: all peers are one client, whose answers go to the last that spoke; set before watching */
	uint64_t n_away;              /* datagrams: messages of peers that there was no room for */
	uint64_t n_overflowed;        /* datagrams: messages that the kernel threw away because our buffer was full */
	char *path;                   /* a unix socket file to remove at the end, or NULL */
	uint64_t device, inode;       /* which file that was */
	void (*on_ready)(void *user); /* connections wait */
	void *user;
	int (*tune)(struct skt_listener *l, int fd,
		    const struct skt_addr *peer);   /* of the transport, for an accepted socket, or NULL */
	const struct skt_endpoint *tuning;          /* of tune(); outlives the listener */
	struct skt_keeper *keeper;                  /* or NULL */
	void (*tell)(void *user, const char *text); /* what happened to it and is no failure, as a sentence, or NULL */
	void *tell_user;
};

/* Make an empty listener; add sockets that listen already (each is taken over, also on failure). Returns 0 or -SKT_E_LIMIT. */
int skt_listener_new(struct skt_loop *loop, enum skt_fdkind kind, const char *scheme, struct skt_listener **ret,
		     struct skt_error *err);
int skt_listener_add(struct skt_listener *l, int fd, struct skt_error *err);
/* The same sockets for another loop, by descriptors of its own: each thread closes its own, the last one ends the listening.
 * Several threads then accept in turn. Returns 0 or -SKT_E_LIMIT. */
int skt_listener_share(struct skt_listener *l, struct skt_loop *loop, struct skt_listener **ret, struct skt_error *err);

/* Begin, or go on, to call on_ready while connections wait. Returns 0 or -SKT_E_LIMIT. */
int skt_listener_watch(struct skt_listener *l);
/* Stop calling it; connections wait in the kernel's queue. */
void skt_listener_pause(struct skt_listener *l);

/* Take one connection: 0 with its stream and the peer's address; -SKT_AGAIN when none waits (connections that were
 * reset before they were accepted are passed over); -SKT_E_LIMIT at the limit of descriptors or memory: pause and come back.
 * Nothing was lost then, unless *peer says whose connection was taken and could not be kept; it is zeroed otherwise. */
int skt_listener_accept(struct skt_listener *l, struct skt_stream **ret, struct skt_addr *peer, struct skt_error *err);

/* For implementations: end the keeper. */
void skt_listener_end_keeper(struct skt_listener *l);
/* For implementations: remove the socket file, where there is one, and it is still the one that was made. */
void skt_listener_remove_file(const struct skt_listener *l);

/* Close the sockets and remove the socket file. NULL is fine. */
void skt_listener_free(struct skt_listener *l);

#endif

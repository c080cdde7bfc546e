/* SPDX-License-Identifier: Apache-2.0 */
/* The sockets of this machine: asked from the kernel by netlink, or read from /proc/net where netlink is closed. */
#ifndef SKT_INSPECT_SOCKTABLE_H
#define SKT_INSPECT_SOCKTABLE_H

#include "base/error.h"
#include "inspect/sock.h"

/* What is asked for; a zeroed member means what its comment says. */
struct skt_look {
	unsigned protos; /* set of 1 << enum skt_proto; 0: all */
	unsigned states; /* set of 1 << enum skt_sockstate; 0: all */
	bool info;       /* TCP: fill the infos of connections too */
	bool memory;     /* drops of TCP connections too: those that wait for others, and UDP, always tell */
	int netns_fd;    /* of another network namespace, where has_netns; else ours */
	bool has_netns;
	int16_t netns;   /* kept in each sock */
	bool no_netlink; /* read /proc/net at once: for tests */
};

enum skt_source { SKT_SOURCE_NETLINK = 1, SKT_SOURCE_PROC = 2 };

struct skt_socktable {
	struct skt_sock *sock;
	size_t n, cap;
	struct skt_tcpinfo *info;
	size_t n_info, cap_info;
	struct skt_text names;
	unsigned sources; /* set of enum skt_source: where the rows came from */
	unsigned retries; /* dumps that the kernel's own changes interrupted, and that were made again */
	unsigned torn;    /* those that stayed interrupted after every retry: rows may be missing or twice */
	unsigned hidden;  /* set of protocols that neither source tells about here */
};

/* Append what the look asks for to *ret (which begins zeroed). Returns 0; -SKT_E_DENIED where neither source is open to us;
 * -SKT_E_LIMIT. What was there before stays, also on failure. A dump that the kernel marks as interrupted is made again, up to
 * 8 times (netlink(7), NLM_F_DUMP_INTR). sock_diag(7). */
int skt_socktable_read(const struct skt_look *look, struct skt_socktable *ret, struct skt_error *err);
/* Forget the rows, keep the memory. */
void skt_socktable_clear(struct skt_socktable *t);
void skt_socktable_release(struct skt_socktable *t);

/* The name of a unix socket: s->name_len bytes, not NUL-terminated; an abstract name begins with NUL. */
const char *skt_socktable_name(const struct skt_socktable *t, const struct skt_sock *s);
/* Append it as endpoints write it: "/run/x.sock", "@name" (NUL inside as @), or nothing. */
void skt_socktable_add_name(const struct skt_socktable *t, const struct skt_sock *s, struct skt_text *ret);
/* What TCP knows, or NULL. */
const struct skt_tcpinfo *skt_socktable_info(const struct skt_socktable *t, const struct skt_sock *s);

#endif

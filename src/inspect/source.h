/* SPDX-License-Identifier: Apache-2.0 */
/* Where the rows of a table come from: one function for each source and kind. For socktable.c only. */
#ifndef SKT_INSPECT_SOURCE_H
#define SKT_INSPECT_SOURCE_H

#include "inspect/socktable.h"

/* The netlink socket's descriptor; each appends and returns 0, -EINTR for a dump that the kernel interrupted, or another
 * -errno. Of the rows of a failed dump the caller takes care. */
int skt_source_tcp(int netlink, const struct skt_look *look, struct skt_socktable *t);
int skt_source_udp(int netlink, const struct skt_look *look, struct skt_socktable *t);
int skt_source_unix(int netlink, const struct skt_look *look, struct skt_socktable *t);
int skt_source_vsock(int netlink, const struct skt_look *look, struct skt_socktable *t);

/* The same from the text files of /proc/net, which tell less. Returns 0 or -errno. */
int skt_source_proc_ip(const char *file, enum skt_proto proto, const struct skt_look *look, struct skt_socktable *t);
int skt_source_proc_unix(const struct skt_look *look, struct skt_socktable *t);

/* For the sources: a zeroed row at the end, with its netns and no info, or NULL: no memory. */
struct skt_sock *skt_socktable_append(struct skt_socktable *t, const struct skt_look *look, enum skt_proto proto);
/* A zeroed info for that row, or NULL. */
struct skt_tcpinfo *skt_socktable_append_info(struct skt_socktable *t, struct skt_sock *s);
/* Keep a unix name of n bytes. Returns 0 or -ENOMEM. */
int skt_socktable_append_name(struct skt_socktable *t, struct skt_sock *s, const char *name, size_t n);

#endif

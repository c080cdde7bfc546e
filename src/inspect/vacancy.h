/* SPDX-License-Identifier: Apache-2.0 */
/* Whether nobody holds an address: what listening there would meet, found out without listening. */
#ifndef SKT_INSPECT_VACANCY_H
#define SKT_INSPECT_VACANCY_H

#include "base/error.h"
#include "inspect/sock.h"
#include "sys/addr.h"

/* TCP or UDP, n addresses that are to be had together. Decided by binding each (TCP with SO_REUSEADDR, as servers do; for no longer
 * than the call takes) and by the table of sockets, which also shows who has bound a port and does not listen yet. Where
 * binding is not allowed (a system port), the table alone decides, unless that counts too (`for_us`). A family that the machine
 * lacks is left out while another is there. Returns 0: vacant; -SKT_E_INUSE; -SKT_E_USAGE: not an address of this machine;
 * -SKT_E_DENIED: cannot be found out, or vacant and not for us; -SKT_E_LIMIT. */
int skt_vacancy_ip(enum skt_proto proto, const struct skt_addr *addr, int n, bool for_us, struct skt_error *err);

/* A unix socket's path, or the abstract name of a socket of that type (SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM: each type has names
 * of its own). A file that is left over from a server that died is vacant, as `listen` replaces it; a file that is no socket is
 * not. Returns 0, -SKT_E_INUSE, -SKT_E_DENIED, -SKT_E_USAGE (too long, no such directory) or -SKT_E_LIMIT. */
int skt_vacancy_unix(const char *path, int type, struct skt_error *err);

/* A vsock address. Returns 0, -SKT_E_INUSE, -SKT_E_REFUSED (no vsock here), -SKT_E_USAGE or -SKT_E_LIMIT. */
int skt_vacancy_vsock(const struct skt_addr *addr, struct skt_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A socket and its processes as members of a JSON object: the one schema of ports, flows, who and close. */
#ifndef SKT_INSPECT_SOCKJSON_H
#define SKT_INSPECT_SOCKJSON_H

#include "base/json.h"
#include "inspect/census.h"

/* protocol, family ("ipv4", "ipv6", null), state, local, local_address, local_port, remote, remote_address, remote_port (null
 * where there is none), path (unix), interface (its name, or its number where that is of another namespace), reach (bound
 * sockets), class, service, uid, user, inode, cookie; queues: accept_queue and accept_limit of sockets that listen,
 * receive_queue and send_queue of the others; drops, netns (its inode), netns_name. */
void skt_sockjson_add(struct skt_json *j, const struct skt_census *c, const struct skt_sock *s);
/* "processes": [{pid, name, user, uid, command, started, age_ns, fd}]; null where they could not be looked up. */
void skt_sockjson_add_processes(struct skt_json *j, const struct skt_census *c, const struct skt_sock *s);
/* The members of one process, without braces. */
void skt_sockjson_add_process(struct skt_json *j, const struct skt_process *p);

#endif

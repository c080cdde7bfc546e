/* SPDX-License-Identifier: Apache-2.0 */
/* A socket and its processes as members of a JSON object. */
#include "inspect/sockjson.h"

#include <stdio.h>

#include "endpoint/portclass.h"
#include "endpoint/service.h"
#include "inspect/names.h"

static void sockjson_number(struct skt_json *j, const char *key, bool known, int64_t value)
{
	if (known)
		skt_json_int(j, key, value);
	else
		skt_json_null(j, key);
}

/* One end: its text, its address and its port, under the keys that are given; nulls where there is none. */
static void sockjson_end(struct skt_json *j, const char *const keys[3], const struct skt_ip *ip, uint32_t interface,
			 uint32_t port)
{
	struct skt_text text = { 0 };
	char address[SKT_IP_LENGTH];

	if (ip->family)
		skt_sock_print(ip, interface, port, &text);
	skt_json_string(j, keys[0], ip->family ? skt_text_get(&text) : NULL);
	skt_json_string(j, keys[1], ip->family ? skt_ip_print(ip, address) : NULL);
	sockjson_number(j, keys[2], ip->family != 0, port);
	skt_text_release(&text);
}

/* As endpoints write it: 2:1234, any:1234. */
static void sockjson_vsock_end(struct skt_json *j, const char *const keys[3], uint32_t cid, uint32_t port, bool known)
{
	char text[32], address[16];

	skt_names_cid(cid, address, sizeof(address));
	(void)snprintf(text, sizeof(text), "%s:%u", address, port);
	skt_json_string(j, keys[0], known ? text : NULL);
	skt_json_string(j, keys[1], known ? address : NULL);
	sockjson_number(j, keys[2], known, port);
}

static void sockjson_ends(struct skt_json *j, const struct skt_census *c, const struct skt_sock *s)
{
	static const char *const local[] = { "local", "local_address", "local_port" };
	static const char *const remote[] = { "remote", "remote_address", "remote_port" };
	struct skt_text path = { 0 };

	if (s->proto == SKT_PROTO_VSOCK) {
		sockjson_vsock_end(j, local, s->local_cid, s->local_port, true);
		sockjson_vsock_end(j, remote, s->remote_cid, s->remote_port, !skt_sock_is_bound(s));
		skt_json_null(j, "path");
		return;
	}
	if (s->local.family) {
		sockjson_end(j, local, &s->local, s->interface, s->local_port);
		sockjson_end(j, remote, &s->remote, s->interface, s->remote_port);
		skt_json_null(j, "path");
		return;
	}
	skt_socktable_add_name(&c->table, s, &path);
	skt_json_string(j, local[0], s->name_len ? skt_text_get(&path) : NULL);
	skt_json_null(j, local[1]);
	skt_json_null(j, local[2]);
	sockjson_end(j, remote, &s->remote, 0, 0);
	skt_json_string(j, "path", s->name_len ? skt_text_get(&path) : NULL);
	skt_text_release(&path);
}

static void sockjson_port(struct skt_json *j, const struct skt_sock *s)
{
	bool is_ip = s->local.family != 0;

	skt_json_string(j, "class", is_ip ? skt_portclass_of((uint16_t)s->local_port)->name : NULL);
	skt_json_string(j, "service", skt_names_service(s));
}

static void sockjson_queues(struct skt_json *j, const struct skt_sock *s)
{
	bool listens = s->state == SKT_STATE_LISTEN;

	sockjson_number(j, "accept_queue", listens && s->has_queue, s->queue);
	sockjson_number(j, "accept_limit", listens && s->has_queue, s->limit);
	sockjson_number(j, "receive_queue", !listens && s->has_queue, s->queue);
	sockjson_number(j, "send_queue", !listens && s->has_queue, s->limit);
	sockjson_number(j, "drops", s->has_drops, s->drops);
}

static void sockjson_netns(struct skt_json *j, const struct skt_census *c, const struct skt_sock *s)
{
	const struct skt_netns *netns = (size_t)s->netns < c->n_netns ? &c->netns[s->netns] : NULL;

	sockjson_number(j, "netns", netns && netns->inode, netns ? (int64_t)netns->inode : 0);
	skt_json_string(j, "netns_name", netns && netns->name[0] ? netns->name : NULL);
}

void skt_sockjson_add(struct skt_json *j, const struct skt_census *c, const struct skt_sock *s)
{
	char room[64];

	skt_json_string(j, "protocol", skt_proto_name(s->proto));
	skt_json_string(j, "family", s->local.family == 4 ? "ipv4" : s->local.family == 6 ? "ipv6" : NULL);
	skt_json_string(j, "state", skt_sock_state_name(s));
	sockjson_ends(j, c, s);
	skt_json_string(j, "interface", skt_names_interface(c, s, room, sizeof(room)));
	skt_json_string(j, "reach", skt_sock_is_bound(s) ? skt_reach_name(skt_sock_reach(s)) : NULL);
	sockjson_port(j, s);
	sockjson_number(j, "uid", s->uid != UINT32_MAX, s->uid);
	skt_json_string(j, "user", s->uid != UINT32_MAX ? skt_names_user(s->uid, room, sizeof(room)) : NULL);
	sockjson_number(j, "inode", s->inode != 0, (int64_t)s->inode);
	sockjson_number(j, "cookie", s->cookie != 0, (int64_t)s->cookie);
	sockjson_queues(j, s);
	sockjson_netns(j, c, s);
}

void skt_sockjson_add_process(struct skt_json *j, const struct skt_process *p)
{
	char room[64], started[SKT_UNIT_LENGTH];
	int64_t age = skt_process_age(p);

	skt_json_int(j, "pid", p->pid);
	skt_json_string(j, "name", p->name[0] ? p->name : NULL);
	skt_json_string(j, "user", p->uid != UINT32_MAX ? skt_names_user(p->uid, room, sizeof(room)) : NULL);
	sockjson_number(j, "uid", p->uid != UINT32_MAX, p->uid);
	skt_json_string(j, "command", p->command);
	skt_json_string(j, "started", p->started ? skt_instant_print(p->started, started) : NULL);
	sockjson_number(j, "age_ns", age >= 0, age);
}

void skt_sockjson_add_processes(struct skt_json *j, const struct skt_census *c, const struct skt_sock *s)
{
	const struct skt_process *p;
	int fd;

	if (!c->has_owners || skt_census_n_holders(c, s) == 0) {
		skt_json_null(j, "processes");
		return;
	}
	skt_json_array(j, "processes");
	for (size_t i = 0; (p = skt_census_holder(c, s, i, &fd)) != NULL; i++) {
		skt_json_object(j, NULL);
		skt_sockjson_add_process(j, p);
		skt_json_int(j, "fd", fd);
		skt_json_end_object(j);
	}
	skt_json_end_array(j);
}

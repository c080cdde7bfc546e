/* SPDX-License-Identifier: Apache-2.0 */
/* event: socket: the very connection that events are read through. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "endpoint/portclass.h"
#include "inspect/names.h"
#include "inspect/tcpinfo.h"
#include "io/fd.h"
#include "io/filter/tls.h"
#include "sys/clock.h"
#include "sys/ossl.h"
#include "view/parts.h"

enum { SELF_CHAIN = 16 };

static bool self_is(const struct skt_ip *ip, uint32_t port, const struct skt_roster_end *end)
{
	struct skt_roster_end it = { .port = (uint16_t)port };

	if (ip->family == 4) {
		it.ip[10] = it.ip[11] = 0xff;
		memcpy(it.ip + 12, ip->bytes, 4);
	} else {
		memcpy(it.ip, ip->bytes, sizeof(it.ip));
	}
	return skt_roster_end_is(&it, end);
}

/* The socket at the other end, where it is one of this machine: its inode, or 0. */
static uint64_t self_inode(const struct skt_roster_end *peer, const struct skt_roster_end *local)
{
	const struct skt_look look = { .protos = 1U << SKT_PROTO_TCP, .states = 1U << SKT_STATE_ESTABLISHED };
	struct skt_socktable t = { 0 };
	uint64_t inode = 0;

	if (skt_socktable_read(&look, &t, NULL) == 0)
		for (size_t i = 0; i < t.n && !inode; i++)
			if (self_is(&t.sock[i].local, t.sock[i].local_port, peer) &&
			    self_is(&t.sock[i].remote, t.sock[i].remote_port, local))
				inode = t.sock[i].inode;
	skt_socktable_release(&t);
	return inode;
}

/* Whose it is: looked for once, because it takes a walk through /proc, and stays right as long as the connection lives. */
static void self_find_peer(struct skt_reader *r, const struct skt_addr *peer_addr, const struct skt_addr *local_addr)
{
	struct skt_roster_end peer, local;
	struct skt_owners owners = { 0 };
	struct skt_process p = { 0 };
	uint64_t inode;

	r->has_looked = true;
	skt_roster_end_of(peer_addr, &peer);
	skt_roster_end_of(local_addr, &local);
	inode = self_inode(&peer, &local);
	if (!inode || skt_owners_read(&inode, 1, 0, &owners, NULL) < 0)
		return;
	if (owners.n > 0 && skt_process_read(owners.owner[0].pid, SKT_PROCESS_BRIEF, &p, NULL) == 0) {
		r->peer_pid = (int)p.pid;
		(void)snprintf(r->peer_name, sizeof(r->peer_name), "%s", p.name);
		skt_process_release(&p);
	}
	skt_owners_release(&owners);
}

static void self_end(struct skt_json *j, const char *key, const struct skt_addr *addr, int pid, const char *name)
{
	unsigned port = skt_addr_port(addr);
	char ip[SKT_ADDR_LENGTH];

	skt_json_object(j, key);
	skt_json_string(j, "ip", skt_addr_print_host(addr, ip));
	skt_json_int(j, "port", port);
	skt_json_string(j, "class", skt_portclass_of((uint16_t)port)->name);
	skt_json_string(j, "service", skt_names_service_of_port(false, port));
	if (pid) {
		skt_json_object(j, "process");
		skt_json_int(j, "pid", pid);
		skt_json_string(j, "name", name[0] ? name : NULL);
		skt_json_end_object(j);
	} else {
		skt_json_null(j, "process");
	}
	skt_json_end_object(j);
}

static void self_time(struct skt_json *j, const char *key, skt_time t)
{
	if (t > 0)
		skt_json_int(j, key, t);
	else
		skt_json_null(j, key);
}

static void self_tcp(struct skt_json *j, int fd)
{
	struct skt_tcpinfo info;
	unsigned state = 0;

	if (skt_tcpinfo_ask(fd, &info, &state) < 0)
		return;
	skt_json_string(j, "state", skt_sockstate_name(state));
	self_time(j, "rtt_ns", info.rtt);
	self_time(j, "rtt_min_ns", info.rtt_min);
	self_time(j, "rtt_var_ns", info.rtt ? info.rtt_variance : 0);
	skt_json_int(j, "sent", (int64_t)(info.bytes_sent - info.bytes_retransmitted));
	skt_json_int(j, "received", (int64_t)info.bytes_received);
	skt_json_int(j, "acked", (int64_t)info.bytes_acked);
	skt_json_int(j, "retransmits", info.retransmits);
	skt_json_int(j, "cwnd", info.congestion_window);
	skt_json_int(j, "mss", info.mss_sent);
	skt_json_string(j, "congestion", info.congestion[0] ? info.congestion : NULL);
}

static void self_chain(struct skt_json *j, struct skt_reader *r)
{
	uint64_t chain[SELF_CHAIN];
	int n = skt_chain_to(&r->view->roster, r->client, chain, SELF_CHAIN);

	skt_json_array(j, "chain");
	for (int i = 0; i < n; i++)
		skt_json_int(j, NULL, (int64_t)chain[i]);
	skt_json_end_array(j);
}

static void self_age(struct skt_json *j, const struct skt_reader *r)
{
	char opened[SKT_UNIT_LENGTH];

	if (!r->opened) {
		skt_json_null(j, "opened");
		return;
	}
	skt_json_string(j, "opened", skt_instant_print(r->opened, opened));
	skt_json_int(j, "age_ns", skt_unix_now() - r->opened);
}

struct skt_news *skt_self_news(struct skt_reader *r)
{
	const struct skt_fd *bottom = skt_stream_bottom(r->client);
	struct skt_addr peer = { 0 }, local = { 0 };
	struct skt_json j = { 0 };
	const SSL *ssl;

	if (!bottom || skt_addr_of_peer(bottom->in.fd, &peer) < 0 || skt_addr_of_local(bottom->in.fd, &local) < 0)
		return NULL;
	if (!r->has_looked)
		self_find_peer(r, &peer, &local);
	skt_json_object(&j, NULL);
	skt_json_int(&j, "id", (int64_t)r->connection);
	skt_json_string(&j, "scheme", "tcp");
	self_end(&j, "peer", &peer, r->peer_pid, r->peer_name);
	self_end(&j, "local", &local, (int)getpid(), "soket");
	self_tcp(&j, bottom->in.fd);
	self_age(&j, r);
	ssl = r->is_tls ? skt_tls_of(r->client) : NULL;
	skt_json_string(&j, "tls", ssl ? SSL_get_version(ssl) : NULL);
	skt_json_int(&j, "requests", (int64_t)r->n_requests);
	self_chain(&j, r);
	skt_json_end_object(&j);
	return skt_news_new("socket", &j);
}

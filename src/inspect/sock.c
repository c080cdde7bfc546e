/* SPDX-License-Identifier: Apache-2.0 */
/* One socket of the machine: its words. */
#include "inspect/sock.h"

#include <net/if.h>
#include <string.h>

#include "base/alloc.h"

static const char *const proto_names[] = {
	[SKT_PROTO_TCP] = "tcp",
	[SKT_PROTO_UDP] = "udp",
	[SKT_PROTO_UNIX] = "unix",
	[SKT_PROTO_UNIX_DGRAM] = "unix-dgram",
	[SKT_PROTO_UNIX_SEQPACKET] = "unix-seqpacket",
	[SKT_PROTO_VSOCK] = "vsock",
};
_Static_assert(SKT_LENGTH(proto_names) == SKT_PROTO_COUNT, "every protocol has its word");

static const char *const state_names[] = {
	[SKT_STATE_ESTABLISHED] = "established",
	[SKT_STATE_SYN_SENT] = "syn-sent",
	[SKT_STATE_SYN_RECV] = "syn-received",
	[SKT_STATE_FIN_WAIT1] = "fin-wait-1",
	[SKT_STATE_FIN_WAIT2] = "fin-wait-2",
	[SKT_STATE_TIME_WAIT] = "time-wait",
	[SKT_STATE_CLOSE] = "closed",
	[SKT_STATE_CLOSE_WAIT] = "close-wait",
	[SKT_STATE_LAST_ACK] = "last-ack",
	[SKT_STATE_LISTEN] = "listen",
	[SKT_STATE_CLOSING] = "closing",
	[SKT_STATE_NEW_SYN_RECV] = "new-syn-received",
	[SKT_STATE_BOUND] = "bound",
};
_Static_assert(SKT_LENGTH(state_names) == SKT_STATE_COUNT, "every state has its word");

static const char *const limited_names[] = {
	[SKT_LIMIT_NONE] = NULL,           [SKT_LIMIT_APPLICATION] = "application",
	[SKT_LIMIT_RECEIVER] = "receiver", [SKT_LIMIT_SENDBUF] = "send buffer",
	[SKT_LIMIT_NETWORK] = "network",
};

static const char *const reach_names[] = {
	[SKT_REACH_LOOPBACK] = "loopback", [SKT_REACH_ADDRESS] = "address", [SKT_REACH_INTERFACE] = "interface",
	[SKT_REACH_ANY] = "any",           [SKT_REACH_LOCAL] = "local",
};

const char *skt_proto_name(enum skt_proto proto)
{
	return proto_names[proto];
}

const char *skt_sockstate_name(unsigned state)
{
	return state < SKT_STATE_COUNT ? state_names[state] : NULL;
}

unsigned skt_sockstate_find(const char *word)
{
	for (unsigned i = 1; i < SKT_STATE_COUNT; i++)
		if (strcmp(state_names[i], word) == 0)
			return i;
	return 0;
}

bool skt_sock_is_stream(const struct skt_sock *s)
{
	return s->proto != SKT_PROTO_UDP && s->proto != SKT_PROTO_UNIX_DGRAM;
}

const char *skt_sock_state_name(const struct skt_sock *s)
{
	if (!skt_sock_is_stream(s) && s->state == SKT_STATE_CLOSE)
		return "bound";
	return s->state && s->state < SKT_STATE_COUNT ? state_names[s->state] : "unknown";
}

const char *skt_limited_name(enum skt_limited limited)
{
	return limited_names[limited];
}

/* A datagram socket without an address holds nothing: nobody can send to it. */
bool skt_sock_is_bound(const struct skt_sock *s)
{
	if (skt_sock_is_stream(s))
		return s->state == SKT_STATE_LISTEN || s->state == SKT_STATE_BOUND;
	return s->state == SKT_STATE_CLOSE && (s->proto == SKT_PROTO_UDP ? s->local_port != 0 : s->name_len != 0);
}

enum skt_reach skt_sock_reach(const struct skt_sock *s)
{
	if (s->proto == SKT_PROTO_VSOCK)
		return s->local_cid == UINT32_MAX ? SKT_REACH_ANY
		       : s->local_cid == 1        ? SKT_REACH_LOOPBACK
						  : SKT_REACH_ADDRESS;
	if (s->local.family == 0)
		return SKT_REACH_LOCAL;
	if (skt_ip_is_any(&s->local))
		return s->interface ? SKT_REACH_INTERFACE : SKT_REACH_ANY;
	return skt_ip_is_loopback(&s->local) ? SKT_REACH_LOOPBACK : SKT_REACH_ADDRESS;
}

const char *skt_reach_name(enum skt_reach reach)
{
	return reach_names[reach];
}

bool skt_sock_takes_v4(const struct skt_sock *s)
{
	if (s->local.family == 6)
		return (skt_ip_is_any(&s->local) && !s->v6only) || skt_ip_is_mapped(&s->local);
	return s->local.family == 4;
}

bool skt_sock_takes_v6(const struct skt_sock *s)
{
	return s->local.family == 6 && !skt_ip_is_mapped(&s->local);
}

static bool sock_has_zone(const struct skt_ip *ip)
{
	return ip->family == 6 && ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80;
}

void skt_sock_print(const struct skt_ip *ip, uint32_t interface, uint32_t port, struct skt_text *ret)
{
	char text[SKT_IP_LENGTH], zone[IF_NAMESIZE];

	if (ip->family == 0) {
		skt_text_add(ret, "any");
		return;
	}
	skt_text_add(ret, ip->family == 6 ? "[" : "");
	skt_text_add(ret, skt_ip_print(ip, text));
	if (interface && sock_has_zone(ip)) {
		if (if_indextoname(interface, zone))
			skt_text_addf(ret, "%%%s", zone);
		else
			skt_text_addf(ret, "%%%u", interface);
	}
	skt_text_addf(ret, "%s:%u", ip->family == 6 ? "]" : "", port);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of filters: one table, a row each, and how each is tested. */
#include "inspect/filterkey.h"

#include <fnmatch.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"

enum {
	BOTH = SKT_FILTER_PORTS | SKT_FILTER_FLOWS,
	PORTED = SKT_PROTOS_IP | 1U << SKT_PROTO_VSOCK, /* protocols that have ports */
	TCP = 1U << SKT_PROTO_TCP,
	COMM_LENGTH = 15, /* the kernel keeps so much of a program's name */
};

static bool key_in_range(const struct skt_filter_term *term, int64_t n)
{
	return n >= term->first && n <= term->last;
}

/* Numbers that are 0 for "not known". */
static bool key_in_range_known(const struct skt_filter_term *term, int64_t n)
{
	return n != 0 && key_in_range(term, n);
}

static bool key_test_protocol(const struct skt_filter_term *term, const struct skt_filter_view *view)
{
	return term->set >> view->sock->proto & 1;
}

/* A bound datagram socket is CLOSE to the kernel. */
static bool key_test_state(const struct skt_filter_term *term, const struct skt_filter_view *view)
{
	const struct skt_sock *s = view->sock;
	unsigned state = s->state;

	if (state == SKT_STATE_CLOSE && !skt_sock_is_stream(s))
		state = SKT_STATE_BOUND;
	return term->set >> state & 1;
}

/* Where a service has other numbers over TCP and over UDP, that of the socket's protocol counts. */
static bool key_is_port(const struct skt_filter_term *term, const struct skt_sock *s, int64_t port)
{
	if (!(PORTED >> s->proto & 1))
		return false;
	if (term->other >= 0 && s->proto == SKT_PROTO_UDP)
		return port == term->other;
	return key_in_range(term, port);
}

static bool key_test_local_port(const struct skt_filter_term *term, const struct skt_filter_view *view)
{
	return key_is_port(term, view->sock, view->sock->local_port);
}

static bool key_has_remote(const struct skt_filter_view *view)
{
	return view->scope == SKT_FILTER_FLOWS && !skt_sock_is_bound(view->sock);
}

static bool key_test_remote_port(const struct skt_filter_term *term, const struct skt_filter_view *view)
{
	return key_has_remote(view) && key_is_port(term, view->sock, view->sock->remote_port);
}

static bool key_test_port(const struct skt_filter_term *term, const struct skt_filter_view *view)
{
	return key_test_local_port(term, view) || key_test_remote_port(term, view);
}

static bool key_test_class(const struct skt_filter_term *term, const struct skt_filter_view *view)
{
	return SKT_PROTOS_IP >> view->sock->proto & 1 && key_in_range(term, view->sock->local_port);
}

/* The socket's maker; where the kernel does not tell, that of its processes, which are not known yet before the census. */
static bool key_test_user(const struct skt_filter_term *term, const struct skt_filter_view *view)
{
	const struct skt_process *p;

	if (view->sock->uid != UINT32_MAX)
		return key_in_range(term, view->sock->uid);
	if (!view->census)
		return true;
	for (size_t i = 0; (p = skt_census_holder(view->census, view->sock, i, NULL)) != NULL; i++)
		if (p->uid != UINT32_MAX && key_in_range(term, p->uid))
			return true;
	return false;
}

/* The name that the kernel keeps of a longer one is cut. */
static bool key_test_process(const struct skt_filter_term *term, const struct skt_filter_view *view)
{
	const char *name = view->process->name;

	if (strlen(name) == COMM_LENGTH && strlen(term->text) > COMM_LENGTH && !strpbrk(term->text, "*?["))
		return strncmp(name, term->text, COMM_LENGTH) == 0;
	return fnmatch(term->text, name, 0) == 0;
}

static bool key_test_pid(const struct skt_filter_term *term, const struct skt_filter_view *view)
{
	return key_in_range(term, view->process->pid);
}

static bool key_is_any(const struct skt_ip *ip)
{
	static const uint8_t none[16];

	return memcmp(ip->bytes, none, ip->family == 4 ? 4 : 16) == 0;
}

static bool key_is_loopback(const struct skt_ip *ip)
{
	static const struct skt_cidr v4 = { { 4, { 127 } }, 8 };
	static const struct skt_cidr v6 = { { 6, { [15] = 1 } }, 128 };

	return skt_cidr_matches(&v4, ip) || skt_cidr_matches(&v6, ip);
}

static bool key_is_place(const struct skt_filter_term *term, const struct skt_sock *s, const struct skt_ip *ip,
			 int64_t port)
{
	if (!ip->family || !key_is_port(term, s, port))
		return false;
	if (term->place == SKT_PLACE_ANY)
		return key_is_any(ip);
	if (term->place == SKT_PLACE_LOOPBACK)
		return key_is_loopback(ip);
	return skt_cidr_matches(&term->cidr, ip);
}

/* Of vsock only the words: its addresses are numbers of machines. */
static bool key_is_vsock_place(const struct skt_filter_term *term, const struct skt_sock *s)
{
	enum skt_reach reach = skt_sock_reach(s);

	return key_is_port(term, s, s->local_port) &&
	       ((term->place == SKT_PLACE_ANY && reach == SKT_REACH_ANY) ||
		(term->place == SKT_PLACE_LOOPBACK && reach == SKT_REACH_LOOPBACK));
}

static bool key_test_local(const struct skt_filter_term *term, const struct skt_filter_view *view)
{
	const struct skt_sock *s = view->sock;

	return s->proto == SKT_PROTO_VSOCK ? key_is_vsock_place(term, s)
					   : key_is_place(term, s, &s->local, s->local_port);
}

static bool key_test_remote(const struct skt_filter_term *term, const struct skt_filter_view *view)
{
	return key_has_remote(view) && key_is_place(term, view->sock, &view->sock->remote, view->sock->remote_port);
}

static bool key_test_address(const struct skt_filter_term *term, const struct skt_filter_view *view)
{
	return key_test_local(term, view) || key_test_remote(term, view);
}

/* A dual-stack socket is of both families; a mapped address is IPv4. */
static bool key_test_family(const struct skt_filter_term *term, const struct skt_filter_view *view)
{
	return term->set == 4 ? skt_sock_takes_v4(view->sock) : skt_sock_takes_v6(view->sock);
}

static bool key_test_interface(const struct skt_filter_term *term, const struct skt_filter_view *view)
{
	return view->sock->interface && key_in_range(term, view->sock->interface);
}

static bool key_test_path(const struct skt_filter_term *term, const struct skt_filter_view *view)
{
	const char *name = skt_socktable_name(view->table, view->sock);
	char path[128]; /* sun_path has 108 bytes */
	size_t n = view->sock->name_len;

	if (n == 0 || n >= sizeof(path))
		return false;
	for (size_t i = 0; i < n; i++)
		path[i] = name[i] ? name[i] : '@';
	path[n] = '\0';
	return fnmatch(term->text, path, 0) == 0;
}

/* Name of ip-netns(8), inode, or the pid by which it was found. */
static bool key_test_netns(const struct skt_filter_term *term, const struct skt_filter_view *view)
{
	const struct skt_census *c = view->census;
	const struct skt_netns *netns = (size_t)view->sock->netns < c->n_netns ? &c->netns[view->sock->netns] : NULL;
	char number[24];

	if (!netns)
		return false;
	(void)snprintf(number, sizeof(number), "%llu", (unsigned long long)netns->inode);
	if (strcmp(number, term->text) == 0)
		return true;
	(void)snprintf(number, sizeof(number), "%d", (int)netns->pid);
	return (netns->pid && strcmp(number, term->text) == 0) ||
	       (netns->name[0] && fnmatch(term->text, netns->name, 0) == 0);
}

static bool key_test_drops(const struct skt_filter_term *term, const struct skt_filter_view *view)
{
	return view->sock->has_drops && key_in_range(term, view->sock->drops);
}

/* Either way: the longer of the two. The limit of a socket that listens is none. */
static bool key_test_queue(const struct skt_filter_term *term, const struct skt_filter_view *view)
{
	const struct skt_sock *s = view->sock;
	uint32_t longest = s->state != SKT_STATE_LISTEN && s->limit > s->queue ? s->limit : s->queue;

	return s->has_queue && key_in_range(term, longest);
}

/* Of a bound socket: how long its process runs; of a flow what was measured, which is known only from - to. */
static bool key_test_age(const struct skt_filter_term *term, const struct skt_filter_view *view)
{
	const struct skt_measured *m = view->measured;
	const struct skt_process *p;
	int64_t most;

	if (view->scope == SKT_FILTER_PORTS) {
		for (size_t i = 0; (p = skt_census_holder(view->census, view->sock, i, NULL)) != NULL; i++)
			if (skt_process_age(p) >= 0 && key_in_range(term, skt_process_age(p)))
				return true;
		return false;
	}
	if (!m || m->age_least < 0)
		return false;
	most = m->age_most < 0 ? INT64_MAX : m->age_most;
	return m->age_least >= term->first && most <= term->last;
}

static bool key_test_rtt(const struct skt_filter_term *term, const struct skt_filter_view *view)
{
	return key_in_range_known(term, skt_socktable_info(view->table, view->sock)->rtt);
}

static bool key_test_rtt_min(const struct skt_filter_term *term, const struct skt_filter_view *view)
{
	return key_in_range_known(term, skt_socktable_info(view->table, view->sock)->rtt_min);
}

static bool key_test_retransmits(const struct skt_filter_term *term, const struct skt_filter_view *view)
{
	return key_in_range(term, skt_socktable_info(view->table, view->sock)->retransmits);
}

static bool key_test_window(const struct skt_filter_term *term, const struct skt_filter_view *view)
{
	return key_in_range(term, skt_socktable_info(view->table, view->sock)->congestion_window);
}

/* Payload, each byte counted once; a kernel before 4.19 does not count what was sent, only what arrived. */
static bool key_test_sent(const struct skt_filter_term *term, const struct skt_filter_view *view)
{
	const struct skt_tcpinfo *info = skt_socktable_info(view->table, view->sock);

	return key_in_range(
		term, (int64_t)(info->bytes_sent ? info->bytes_sent - info->bytes_retransmitted : info->bytes_acked));
}

static bool key_test_received(const struct skt_filter_term *term, const struct skt_filter_view *view)
{
	return key_in_range(term, (int64_t)skt_socktable_info(view->table, view->sock)->bytes_received);
}

static bool key_is_rate(const struct skt_filter_term *term, double rate)
{
	return rate >= 0 && rate < 9e18 && key_in_range(term, (int64_t)(rate + 0.5));
}

static bool key_test_rate(const struct skt_filter_term *term, const struct skt_filter_view *view)
{
	const struct skt_measured *m = view->measured;

	return m && key_is_rate(term, m->sent_rate > m->received_rate ? m->sent_rate : m->received_rate);
}

static bool key_test_sent_rate(const struct skt_filter_term *term, const struct skt_filter_view *view)
{
	return view->measured && key_is_rate(term, view->measured->sent_rate);
}

static bool key_test_received_rate(const struct skt_filter_term *term, const struct skt_filter_view *view)
{
	return view->measured && key_is_rate(term, view->measured->received_rate);
}

static bool key_test_direction(const struct skt_filter_term *term, const struct skt_filter_view *view)
{
	return view->measured && view->measured->direction && (unsigned)view->measured->direction == term->set;
}

static bool key_test_limited(const struct skt_filter_term *term, const struct skt_filter_view *view)
{
	return view->measured && view->measured->limited && view->measured->limited == term->set;
}

/* ROW(key, what help shows, its help, unit, scopes, reader, test, stage) and members that differ from 0. */
#define ROW(key, shows, explains, completes, in, reads, tests, when, ...)                                         \
	{                                                                                                         \
		.shown = { .word = shows, .help = explains, .unit = completes, .scopes = in }, .name = key,       \
		.read = skt_filter_read_##reads, .test = key_test_##tests, .stage = SKT_STAGE_##when, __VA_ARGS__ \
	}

static const struct skt_filter_row rows[] = {
	ROW("port", "8080", N_("this port; of connections, at either end; also 1000-2000, :http, port=8080"), "@port",
	    BOTH, port, port, SOCK, .compares = true, .protos = PORTED),
	ROW("protocol", "tcp", N_("the protocol: tcp, udp, unix, unix-stream, unix-dgram, unix-seqpacket, vsock, ip"),
	    "tcp udp unix unix-stream unix-dgram unix-seqpacket vsock ip", BOTH, protocol, protocol, SOCK, .protos = 0),
	ROW("service", "service=NAME", N_("the port of a service: service=http, or :http"), "@service", BOTH, service,
	    port, SOCK, .protos = SKT_PROTOS_IP),
	ROW("class", "class=CLASS", N_("the class of the local port: system, user or dynamic"), "system user dynamic",
	    BOTH, class, class, SOCK, .protos = SKT_PROTOS_IP),
	ROW("user", "user=USER", N_("the user whose socket it is: me, a name or a number"), "@user", BOTH, user, user,
	    SOCK, .protos = 0),
	ROW("process", "process=NAME", N_("the name of a process that has it; * stands for any characters"), "@process",
	    BOTH, text, process, PROCESS, .protos = 0),
	ROW("pid", "pid=PID", N_("the number of a process that has it"), "@pid", BOTH, pid, pid, PROCESS, .protos = 0),
	ROW("address", "address=PLACE",
	    N_("any, loopback, an address, a network, or an address and its port; of connections, at either end"),
	    "any loopback", BOTH, place, address, SOCK, .protos = PORTED),
	ROW("state", "state=STATE", N_("listen or bound; of connections: established, time-wait and so on"),
	    "listen bound established syn-sent time-wait close-wait", BOTH, state, state, SOCK, .protos = 0),
	ROW("family", "family=4", N_("4 or 6; a dual-stack socket is of both"), "4 6", BOTH, family, family, SOCK,
	    .protos = SKT_PROTOS_IP),
	ROW("interface", "interface=NAME", N_("the interface that it is bound to"), "@interface", BOTH, interface,
	    interface, SOCK, .protos = SKT_PROTOS_IP),
	ROW("path", "path=PATH", N_("the path or @name of a unix socket; * stands for any characters"), "@path", BOTH,
	    path, path, NAME, .protos = SKT_PROTOS_UNIX),
	ROW("netns", "netns=NAME", N_("with --all-netns: the network namespace, by name, inode or process"), "@netns",
	    BOTH, text, netns, CENSUS, .protos = 0),
	ROW("queue", "queue>SIZE", N_("what waits: clients to be accepted, or bytes, either way"), "", BOTH, size,
	    queue, SOCK, .compares = true),
	ROW("drops", "drops>N", N_("how often something was thrown away because a queue was full"), "", BOTH, count,
	    drops, SOCK, .compares = true),
	ROW("age", "age>DURATION", N_("how long the connection is there; in soket ports: how long the process runs"),
	    "", BOTH, duration, age, MEASURED, .compares = true),
	ROW("local-port", "local-port=PORT", N_("the port of this end"), "@port", BOTH, port, local_port, SOCK,
	    .compares = true, .protos = PORTED),
	ROW("remote-port", "remote-port=PORT", N_("the port of the other end"), "@port", SKT_FILTER_FLOWS, port,
	    remote_port, SOCK, .compares = true, .protos = PORTED),
	ROW("local", "local=PLACE", N_("the address of this end: an address, a network, or an address and its port"),
	    "any loopback", BOTH, place, local, SOCK, .protos = PORTED),
	ROW("remote", "remote=PLACE",
	    N_("the address of the other end: an address, a network, or an address and its port"), "loopback",
	    SKT_FILTER_FLOWS, place, remote, SOCK, .protos = PORTED),
	ROW("direction", "direction=in", N_("who dialled: in or out, where it is known"), "in out", SKT_FILTER_FLOWS,
	    direction, direction, MEASURED, .protos = 0),
	ROW("rtt", "rtt>DURATION", N_("the round-trip time"), "", SKT_FILTER_FLOWS, duration, rtt, INFO,
	    .compares = true, .protos = TCP),
	ROW("min-rtt", "min-rtt>DURATION", N_("the shortest round-trip time seen"), "", SKT_FILTER_FLOWS, duration,
	    rtt_min, INFO, .compares = true, .protos = TCP),
	ROW("retrans", "retrans>N", N_("segments that had to be sent again"), "", SKT_FILTER_FLOWS, count, retransmits,
	    INFO, .compares = true, .protos = TCP),
	ROW("rate", "rate>RATE", N_("bytes a second, the faster way: 1MB, 10Mbit"), "", SKT_FILTER_FLOWS, rate, rate,
	    MEASURED, .compares = true, .wants_rates = true, .protos = TCP),
	ROW("sent-rate", "sent-rate>RATE", N_("bytes a second sent"), "", SKT_FILTER_FLOWS, rate, sent_rate, MEASURED,
	    .compares = true, .wants_rates = true, .protos = TCP),
	ROW("received-rate", "received-rate>RATE", N_("bytes a second received"), "", SKT_FILTER_FLOWS, rate,
	    received_rate, MEASURED, .compares = true, .wants_rates = true, .protos = TCP),
	ROW("sent", "sent>SIZE", N_("bytes sent in all"), "", SKT_FILTER_FLOWS, size, sent, INFO, .compares = true,
	    .protos = TCP),
	ROW("received", "received>SIZE", N_("bytes received in all"), "", SKT_FILTER_FLOWS, size, received, INFO,
	    .compares = true, .protos = TCP),
	ROW("cwnd", "cwnd>N", N_("the congestion window, in segments"), "", SKT_FILTER_FLOWS, count, window, INFO,
	    .compares = true, .protos = TCP),
	ROW("limited", "limited=BY", N_("what it waits for: application, receiver, send-buffer or network"),
	    "application receiver send-buffer network", SKT_FILTER_FLOWS, limited, limited, MEASURED, .protos = TCP),
};

const struct skt_filter_row *skt_filter_row_at(size_t i)
{
	return i < SKT_LENGTH(rows) ? &rows[i] : NULL;
}

const struct skt_filter_row *skt_filter_row_find(const char *name)
{
	for (size_t i = 0; i < SKT_LENGTH(rows); i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

const struct skt_filter_key *skt_filter_key_at(size_t i)
{
	return i < SKT_LENGTH(rows) ? &rows[i].shown : NULL;
}

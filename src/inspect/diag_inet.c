/* SPDX-License-Identifier: Apache-2.0 */
/* TCP and UDP sockets from the kernel: sock_diag(7), linux/inet_diag.h, linux/tcp.h.
 *
 * How it works: TCP is asked with the old request (TCPDIAG_GETSOCK), which walks the kernel's tables once for both families; the
 * new one (SOCK_DIAG_BY_FAMILY) walks them once for each, and is asked where the old one is unknown, and for UDP. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "inspect/source.h"
#include "inspect/tcpinfo.h"
#include "sys/netlink.h"
#include "sys/proc.h"

/* Newer than the headers of Debian 12. */
enum { DIAG_BOUND_INACTIVE = 13 };

struct diag_dump {
	const struct skt_look *look;
	struct skt_socktable *table;
	enum skt_proto proto;
	unsigned states; /* wanted */
	unsigned asked;  /* of the kernel: see diag_asks() */
};

/* What the attributes of one answer hold; NULL where they are missing. */
struct diag_attributes {
	const struct nlattr *of[INET_DIAG_MAX + 1];
};

static int diag_attribute(const struct nlattr *a, void *user)
{
	struct diag_attributes *found = user;
	uint16_t type = mnl_attr_get_type(a);

	if (type <= INET_DIAG_MAX)
		found->of[type] = a;
	return MNL_CB_OK;
}

static int diag_info(const struct diag_dump *dump, struct skt_sock *s, const struct diag_attributes *found)
{
	const struct nlattr *a = found->of[INET_DIAG_INFO], *congestion = found->of[INET_DIAG_CONG];
	struct skt_tcpinfo *info;

	if (!a || s->state == SKT_STATE_LISTEN || s->state == SKT_STATE_BOUND)
		return 0;
	info = skt_socktable_append_info(dump->table, s);
	if (!info)
		return -ENOMEM;
	skt_tcpinfo_read(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a), info);
	if (congestion) {
		size_t n = strnlen(mnl_attr_get_payload(congestion), mnl_attr_get_payload_len(congestion));

		memcpy(info->congestion, mnl_attr_get_payload(congestion),
		       n < sizeof(info->congestion) ? n : sizeof(info->congestion) - 1);
	}
	return 0;
}

static void diag_memory(struct skt_sock *s, const struct nlattr *a)
{
	const uint32_t *memory;

	if (!a || mnl_attr_get_payload_len(a) < (SK_MEMINFO_DROPS + 1) * sizeof(*memory))
		return;
	memory = mnl_attr_get_payload(a);
	s->drops = memory[SK_MEMINFO_DROPS];
	s->has_drops = true;
}

static void diag_ip(int family, const void *bytes, struct skt_ip *ret)
{
	ret->family = family == AF_INET6 ? 6 : 4;
	memcpy(ret->bytes, bytes, family == AF_INET6 ? 16 : 4);
}

static void diag_fill(const struct inet_diag_msg *m, struct skt_sock *s)
{
	s->state = m->idiag_state;
	diag_ip(m->idiag_family, m->id.idiag_src, &s->local);
	s->local_port = ntohs(m->id.idiag_sport);
	s->remote_port = ntohs(m->id.idiag_dport);
	if (s->remote_port ||
	    (s->state != SKT_STATE_LISTEN && s->state != SKT_STATE_CLOSE && s->state != SKT_STATE_BOUND))
		diag_ip(m->idiag_family, m->id.idiag_dst, &s->remote);
	s->interface = m->id.idiag_if;
	s->inode = m->idiag_inode;
	s->cookie = (uint64_t)m->id.idiag_cookie[1] << 32 | m->id.idiag_cookie[0];
	/* what has no program any more has no owner either: the kernel writes 0, which would be root */
	s->uid = s->inode ? m->idiag_uid : UINT32_MAX;
	s->queue = m->idiag_rqueue;
	s->limit = m->idiag_wqueue;
	s->has_queue = true;
}

static int diag_answer(const struct nlmsghdr *m, void *user)
{
	const struct diag_dump *dump = user;
	const struct inet_diag_msg *d = mnl_nlmsg_get_payload(m);
	struct diag_attributes found = { 0 };
	struct skt_sock *s;
	uint8_t state;

	if (mnl_nlmsg_get_payload_len(m) < sizeof(*d))
		return 0;
	/* the kernel tells of bound ones with the state that they have inside */
	state = dump->proto == SKT_PROTO_TCP && d->idiag_state == SKT_STATE_CLOSE ? SKT_STATE_BOUND : d->idiag_state;
	if (!(dump->states & 1U << state))
		return 0;
	s = skt_socktable_append(dump->table, dump->look, dump->proto);
	if (!s)
		return -ENOMEM;
	diag_fill(d, s);
	s->state = state;
	if (m->nlmsg_len <= NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(*d)))
		return 0;
	(void)mnl_attr_parse(m, sizeof(*d), diag_attribute, &found);
	diag_memory(s, found.of[INET_DIAG_SKMEMINFO]);
	if (found.of[INET_DIAG_SKV6ONLY])
		s->v6only = mnl_attr_get_u8(found.of[INET_DIAG_SKV6ONLY]);
	return diag_info(dump, s, &found);
}

static uint8_t diag_extensions(const struct diag_dump *dump)
{
	uint8_t ret = 0;

	if (dump->look->info && dump->proto == SKT_PROTO_TCP)
		ret |= 1U << (INET_DIAG_INFO - 1) | 1U << (INET_DIAG_CONG - 1);
	if (dump->look->memory || dump->proto == SKT_PROTO_UDP || !(dump->states & SKT_STATES_LIVE))
		ret |= 1U << (INET_DIAG_SKMEMINFO - 1);
	return ret;
}

/* Both families, in one walk over the kernel's tables. */
static int diag_ask_old(int netlink, struct diag_dump *dump)
{
	struct {
		struct nlmsghdr header;
		struct inet_diag_req body;
	} request = {
		.header = { sizeof(request), TCPDIAG_GETSOCK, NLM_F_DUMP, 0, 0 },
		.body = { .idiag_family = AF_INET, .idiag_ext = diag_extensions(dump), .idiag_states = dump->asked },
	};

	return skt_netlink_ask(netlink, &request.header, diag_answer, dump);
}

static int diag_ask_family(int netlink, int family, struct diag_dump *dump)
{
	struct {
		struct nlmsghdr header;
		struct inet_diag_req_v2 body;
	} request = {
		.header = { sizeof(request), SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, 0, 0 },
		.body = { .sdiag_family = (uint8_t)family,
			  .sdiag_protocol = dump->proto == SKT_PROTO_TCP ? IPPROTO_TCP : IPPROTO_UDP,
			  .idiag_ext = diag_extensions(dump),
			  .idiag_states = dump->asked },
	};

	return skt_netlink_ask(netlink, &request.header, diag_answer, dump);
}

/* A machine without IPv6 has no handler for it. */
static int diag_ask_families(int netlink, struct diag_dump *dump)
{
	int ret = diag_ask_family(netlink, AF_INET, dump), also;

	if (ret < 0 && ret != -EINTR)
		return ret;
	also = diag_ask_family(netlink, AF_INET6, dump);
	return also == -ENOENT || also == -EAFNOSUPPORT ? ret : also ? also : ret;
}

/* The number behind a word of a line of /proc/net/sockstat: "TCP: inuse 4 orphan 0 tw 0 alloc 5 mem 3"; -1: none. */
static long diag_count(const char *file, const char *line, const char *word)
{
	char text[512];
	const char *at = skt_proc_read(0, file, text, sizeof(text)) > 0 ? strstr(text, line) : NULL;

	at = at ? strstr(at, word) : NULL;
	return at ? strtol(at + strlen(word), NULL, 10) : -1;
}

/* Whether a TCP socket may be there that neither listens nor is connected: more are allocated than are in the kernel's tables of those
 * that do. Other namespaces count as allocated too: then the answer is yes. */
static bool diag_may_be_bound(const struct skt_look *look)
{
	long all = diag_count("net/sockstat", "TCP: ", "alloc "), v4 = diag_count("net/sockstat", "TCP: ", "inuse ");
	long v6 = diag_count("net/sockstat6", "TCP6: ", "inuse ");

	return look->has_netns || all < 0 || v4 < 0 || all > v4 + (v6 > 0 ? v6 : 0);
}

/* What to ask the kernel for. Where it is asked for more than sockets that listen, it walks its table of connections, which has a
 * quarter of a million places on an ordinary machine: 3 ms, whatever is there. So what is not there is not asked for: closed TCP
 * sockets, which are in no table, and those that are merely bound, where all are accounted for. */
static unsigned diag_asks(const struct diag_dump *dump)
{
	unsigned bound = 1U << SKT_STATE_BOUND, closed = 1U << SKT_STATE_CLOSE;

	if (dump->proto != SKT_PROTO_TCP || dump->states & ~(bound | closed | 1U << SKT_STATE_LISTEN))
		return dump->states;
	return dump->states & ~closed & ~(diag_may_be_bound(dump->look) ? 0 : bound);
}

static struct diag_dump diag_dump_of(enum skt_proto proto, const struct skt_look *look, struct skt_socktable *t)
{
	struct diag_dump dump = { .look = look, .table = t, .proto = proto };

	dump.states = look->states ? look->states : (unsigned)SKT_STATES_ALL;
	dump.asked = diag_asks(&dump);
	return dump;
}

int skt_source_tcp(int netlink, const struct skt_look *look, struct skt_socktable *t)
{
	struct diag_dump dump = diag_dump_of(SKT_PROTO_TCP, look, t);
	int ret;

	if (dump.asked == 0)
		return 0;
	_Static_assert(DIAG_BOUND_INACTIVE == (int)SKT_STATE_BOUND, "the kernel's number");
	ret = diag_ask_old(netlink, &dump);
	if (ret == 0 || ret == -EINTR || ret == -ENOMEM)
		return ret;
	return diag_ask_families(netlink, &dump);
}

int skt_source_udp(int netlink, const struct skt_look *look, struct skt_socktable *t)
{
	struct diag_dump dump = diag_dump_of(SKT_PROTO_UDP, look, t);

	return diag_ask_families(netlink, &dump);
}

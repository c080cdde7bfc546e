/* SPDX-License-Identifier: Apache-2.0 */
/* Unix and vsock sockets from the kernel: sock_diag(7), linux/unix_diag.h, linux/vm_sockets_diag.h. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <linux/vm_sockets_diag.h>
#include <string.h>
#include <sys/socket.h>

#include "inspect/source.h"
#include "sys/netlink.h"

enum { DIAG_UNIX_UID = 7, DIAG_UNIX_SHOW_UID = 0x40 }; /* Linux >= 5.3 */

struct diag_unix {
	const struct skt_look *look;
	struct skt_socktable *table;
	unsigned states, protos;
};

struct diag_unix_row {
	struct skt_socktable *table;
	struct skt_sock *sock;
	bool failed;
};

static int diag_unix_attribute(const struct nlattr *a, void *user)
{
	struct diag_unix_row *row = user;
	struct skt_sock *s = row->sock;
	const void *p = mnl_attr_get_payload(a);
	size_t n = mnl_attr_get_payload_len(a);

	switch (mnl_attr_get_type(a)) {
	case UNIX_DIAG_NAME:
		/* a path may come with the NUL at its end, an abstract name begins with one */
		if (n > 1 && ((const char *)p)[0] != '\0')
			n = strnlen(p, n);
		row->failed |= skt_socktable_append_name(row->table, s, p, n) < 0;
		break;
	case UNIX_DIAG_PEER:
		s->peer = n >= 4 ? mnl_attr_get_u32(a) : 0;
		break;
	case UNIX_DIAG_RQLEN:
		if (n >= sizeof(struct unix_diag_rqlen)) {
			const struct unix_diag_rqlen *q = p;

			s->queue = q->udiag_rqueue;
			s->limit = q->udiag_wqueue;
			s->has_queue = true;
		}
		break;
	case DIAG_UNIX_UID:
		s->uid = n >= 4 ? mnl_attr_get_u32(a) : UINT32_MAX;
		break;
	case UNIX_DIAG_MEMINFO:
		if (n >= (SK_MEMINFO_DROPS + 1) * sizeof(uint32_t)) {
			s->drops = ((const uint32_t *)p)[SK_MEMINFO_DROPS];
			s->has_drops = true;
		}
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static int diag_unix_proto(int type)
{
	return type == SOCK_STREAM  ? SKT_PROTO_UNIX
	       : type == SOCK_DGRAM ? SKT_PROTO_UNIX_DGRAM
				    : SKT_PROTO_UNIX_SEQPACKET;
}

/* A datagram socket is called connected from the moment that somebody else has connected to it (unix_dgram_connect() in the
 * kernel). As long as it has no peer of its own it is a server like any other: everybody can send to it. */
static bool diag_unix_is_dialled(const struct skt_sock *s)
{
	return s->proto == SKT_PROTO_UNIX_DGRAM && s->state == SKT_STATE_ESTABLISHED && s->peer == 0;
}

static unsigned diag_unix_states(unsigned states)
{
	return states & 1U << SKT_STATE_CLOSE ? states | 1U << SKT_STATE_ESTABLISHED : states;
}

/* The kernel filters by state only what it calls so; the rest is ours. */
static int diag_unix_answer(const struct nlmsghdr *m, void *user)
{
	struct diag_unix *dump = user;
	const struct unix_diag_msg *d = mnl_nlmsg_get_payload(m);
	struct diag_unix_row row = { .table = dump->table };
	unsigned states;
	int proto;

	if (mnl_nlmsg_get_payload_len(m) < sizeof(*d))
		return 0;
	proto = diag_unix_proto(d->udiag_type);
	states = proto == SKT_PROTO_UNIX_DGRAM ? diag_unix_states(dump->states) : dump->states;
	if (!(dump->protos & 1U << proto) || !(states & 1U << d->udiag_state))
		return 0;
	row.sock = skt_socktable_append(dump->table, dump->look, (enum skt_proto)proto);
	if (!row.sock)
		return -ENOMEM;
	row.sock->state = d->udiag_state;
	row.sock->inode = d->udiag_ino;
	row.sock->cookie = (uint64_t)d->udiag_cookie[1] << 32 | d->udiag_cookie[0];
	(void)mnl_attr_parse(m, sizeof(*d), diag_unix_attribute, &row);
	if (diag_unix_is_dialled(row.sock))
		row.sock->state = SKT_STATE_CLOSE;
	if (!(dump->states & 1U << row.sock->state))
		dump->table->n--;
	return row.failed ? -ENOMEM : 0;
}

int skt_source_unix(int netlink, const struct skt_look *look, struct skt_socktable *t)
{
	struct diag_unix dump = { look, t, look->states ? look->states : (unsigned)SKT_STATES_ALL,
				  look->protos ? look->protos : (unsigned)SKT_PROTOS_ALL };
	struct {
		struct nlmsghdr header;
		struct unix_diag_req body;
	} request = {
		.header = { sizeof(request), SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, 0, 0 },
		.body = { .sdiag_family = AF_UNIX,
			  .udiag_states = diag_unix_states(dump.states),
			  .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN | UDIAG_SHOW_MEMINFO |
					DIAG_UNIX_SHOW_UID },
	};

	return skt_netlink_ask(netlink, &request.header, diag_unix_answer, &dump);
}

struct diag_vsock {
	const struct skt_look *look;
	struct skt_socktable *table;
	unsigned states;
};

static int diag_vsock_answer(const struct nlmsghdr *m, void *user)
{
	struct diag_vsock *dump = user;
	const struct vsock_diag_msg *d = mnl_nlmsg_get_payload(m);
	struct skt_sock *s;

	if (mnl_nlmsg_get_payload_len(m) < sizeof(*d) || !(dump->states & 1U << d->vdiag_state) ||
	    d->vdiag_type != SOCK_STREAM)
		return 0;
	s = skt_socktable_append(dump->table, dump->look, SKT_PROTO_VSOCK);
	if (!s)
		return -ENOMEM;
	s->state = d->vdiag_state;
	s->local_cid = d->vdiag_src_cid;
	s->local_port = d->vdiag_src_port;
	s->remote_cid = d->vdiag_dst_cid;
	s->remote_port = d->vdiag_dst_port;
	s->inode = d->vdiag_ino;
	s->cookie = (uint64_t)d->vdiag_cookie[1] << 32 | d->vdiag_cookie[0];
	return 0;
}

int skt_source_vsock(int netlink, const struct skt_look *look, struct skt_socktable *t)
{
	struct diag_vsock dump = { look, t, look->states ? look->states : (unsigned)SKT_STATES_ALL };
	struct {
		struct nlmsghdr header;
		struct vsock_diag_req body;
	} request = {
		.header = { sizeof(request), SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, 0, 0 },
		.body = { .sdiag_family = AF_VSOCK, .vdiag_states = dump.states },
	};

	return skt_netlink_ask(netlink, &request.header, diag_vsock_answer, &dump);
}

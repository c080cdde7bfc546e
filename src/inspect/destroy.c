/* SPDX-License-Identifier: Apache-2.0 */
/* Ending a connection in the kernel. */
#include "inspect/destroy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>

#include "base/message.h"
#include "sys/netlink.h"

bool skt_destroy_can(const struct skt_sock *s)
{
	return (SKT_PROTOS_IP >> s->proto & 1U) && s->local.family;
}

struct destroy_request {
	struct nlmsghdr header;
	struct inet_diag_req_v2 diag;
};

static struct destroy_request destroy_request(const struct skt_sock *s)
{
	struct destroy_request r = {
		.header = { .nlmsg_len = sizeof(r), .nlmsg_type = SOCK_DESTROY, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK }
	};
	size_t n = s->local.family == 4 ? 4 : 16;

	r.diag.sdiag_family = s->local.family == 4 ? AF_INET : AF_INET6;
	r.diag.sdiag_protocol = s->proto == SKT_PROTO_TCP ? IPPROTO_TCP : IPPROTO_UDP;
	r.diag.idiag_states = SKT_STATES_ALL;
	r.diag.id.idiag_sport = htons((uint16_t)s->local_port);
	r.diag.id.idiag_dport = htons((uint16_t)s->remote_port);
	memcpy(r.diag.id.idiag_src, s->local.bytes, n);
	if (s->remote.family)
		memcpy(r.diag.id.idiag_dst, s->remote.bytes, n);
	r.diag.id.idiag_if = s->interface;
	r.diag.id.idiag_cookie[0] = s->cookie ? (uint32_t)s->cookie : INET_DIAG_NOCOOKIE;
	r.diag.id.idiag_cookie[1] = s->cookie ? (uint32_t)(s->cookie >> 32) : INET_DIAG_NOCOOKIE;
	return r;
}

static int destroy_answer(const struct nlmsghdr *answer, void *user)
{
	(void)answer;
	(void)user;
	return 0;
}

static int destroy_fail(int sys, struct skt_error *err)
{
	if (sys == EPERM || sys == EACCES) {
		(void)skt_fail(err, SKT_E_DENIED, sys, "%s", _("the kernel ends connections for administrators only"));
		skt_hint(err, "%s",
			 _("it takes root, or the right CAP_NET_ADMIN; one's own program can be ended: soket take"));
		return -SKT_E_DENIED;
	}
	if (sys == EOPNOTSUPP) {
		(void)skt_fail(err, SKT_E_IO, sys, "%s",
			       _("this kernel cannot end connections: it is built without CONFIG_INET_DIAG_DESTROY"));
		skt_hint(err, "%s", _("end the program that has it: soket take PORT, or kill PID"));
		return -SKT_E_IO;
	}
	(void)skt_fail(err, SKT_E_IO, sys, _("the kernel did not end the connection: %s"), strerror(sys));
	skt_hint(err, "%s", _("end the program that has it: soket take PORT, or kill PID"));
	return -SKT_E_IO;
}

int skt_destroy(int fd, const struct skt_sock *s, struct skt_error *err)
{
	struct destroy_request request = destroy_request(s);
	int ret = skt_netlink_ask(fd, &request.header, destroy_answer, NULL);

	if (ret == 0)
		return 0;
	if (ret == -ENOENT || ret == -ESTALE)
		return 1;
	return destroy_fail(-ret, err);
}

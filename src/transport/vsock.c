/* SPDX-License-Identifier: Apache-2.0 */
/* vsock: sockets between a virtual machine and its host; vsock(7). */
#include <errno.h>
#include <linux/vm_sockets.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "sys/call.h"
#include "transport/connect.h"
#include "transport/listening.h"
#include "transport/sockopt.h"
#include "transport/transport.h"

#ifndef VMADDR_CID_LOCAL
#define VMADDR_CID_LOCAL 1
#endif

/* The well-known contexts by name, or a number. */
static int vsock_address(const struct skt_endpoint *e, bool listens, struct skt_addr *ret, struct skt_error *err)
{
	static const struct {
		const char *name;
		uint32_t cid;
	} names[] = { { "any", VMADDR_CID_ANY },
		      { "local", VMADDR_CID_LOCAL },
		      { "host", VMADDR_CID_HOST },
		      { "hypervisor", VMADDR_CID_HYPERVISOR },
		      { "", VMADDR_CID_LOCAL } };
	int64_t cid;

	for (size_t i = 0; i < SKT_LENGTH(names); i++)
		if (strcmp(names[i].name, e->host) == 0) {
			skt_addr_from_vsock(listens && !e->host[0] ? VMADDR_CID_ANY : names[i].cid,
					    listens && e->vport == 0 ? VMADDR_PORT_ANY : e->vport, ret);
			return 0;
		}
	if (skt_number_parse(e->host, &cid) < 0 || cid > UINT32_MAX)
		return skt_fail(err, SKT_E_USAGE, 0,
				_("%s is not a vsock context: a number, any, local, host or hypervisor"), e->host);
	skt_addr_from_vsock((uint32_t)cid, e->vport, ret);
	return 0;
}

static int vsock_socket(const struct skt_endpoint *e, enum skt_role role, struct skt_error *err)
{
	int fd = skt_sys.socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), ret;

	if (fd < 0) {
		(void)skt_fail(err, SKT_E_REFUSED, errno, _("cannot make a vsock socket: %s"), strerror(errno));
		skt_hint(err, "%s", _("the kernel has no vsock here: load the module vsock"));
		return -SKT_E_REFUSED;
	}
	ret = skt_sockopt_apply(fd, AF_VSOCK, e, role, err);
	if (ret < 0)
		skt_close(fd);
	return ret < 0 ? ret : fd;
}

static int vsock_dial(struct skt_loop *loop, const struct skt_endpoint *e, const struct skt_origin *origin,
		      struct skt_stream **ret, struct skt_error *err)
{
	struct skt_addr to;
	int fd = vsock_address(e, false, &to, err);

	(void)origin;
	if (fd == 0)
		fd = vsock_socket(e, SKT_ROLE_DIAL, err);
	return fd < 0 ? fd : skt_connect_new(loop, fd, &to, SKT_FD_SOCKET, ret, err);
}

static int vsock_listen(struct skt_loop *loop, const struct skt_endpoint *e, struct skt_listener **ret,
			struct skt_error *err)
{
	struct skt_addr addr;
	struct skt_listener *l;
	int failed = vsock_address(e, true, &addr, err), fd;

	if (failed)
		return failed;
	fd = vsock_socket(e, SKT_ROLE_LISTEN, err);
	if (fd < 0)
		return fd;
	failed = skt_listener_new(loop, SKT_FD_SOCKET, "vsock", &l, err);
	if (failed) {
		skt_close(fd);
		return failed;
	}
	failed = skt_listening_bind(l, fd, &addr, (int)skt_endpoint_number(e, "backlog", 128), err);
	if (failed)
		skt_listener_free(l);
	else
		*ret = l;
	return failed;
}

const struct skt_transport skt_vsock = { .scheme = "vsock", .n_fds = 1, .dial = vsock_dial, .listen = vsock_listen };

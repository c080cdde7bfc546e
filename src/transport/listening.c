/* SPDX-License-Identifier: Apache-2.0 */
/* Binding and listening. */
#include "transport/listening.h"

#include <errno.h>
#include <string.h>

#include "base/message.h"
#include "sys/call.h"

static int listening_denied(const struct skt_addr *addr, const char *address, int sys, struct skt_error *err)
{
	unsigned port = skt_addr_port(addr);

	if (addr->sa.sa_family == AF_UNIX) {
		(void)skt_fail(err, SKT_E_DENIED, sys, _("permission denied: cannot make the socket %s"), address);
		skt_hint(err, "%s", _("check the owner and mode of its directory"));
	} else if (port > 0 && port < 1024) {
		(void)skt_fail(err, SKT_E_DENIED, sys, _("permission denied: port %u of %s is a system port (0-1023)"),
			       port, address);
		skt_hint(err,
			 _("use a port from 1024 up (such as %u), or run it as root, or lower "
			   "net.ipv4.ip_unprivileged_port_start"),
			 port + 8000);
	} else {
		(void)skt_fail(err, SKT_E_DENIED, sys, _("permission denied: cannot listen on %s"), address);
		skt_hint(err, "%s", _("a security policy forbids it"));
	}
	return -SKT_E_DENIED;
}

int skt_listening_failed(const struct skt_addr *addr, int sys, struct skt_error *err)
{
	char address[SKT_ADDR_LENGTH];

	skt_addr_print(addr, address);
	switch (sys) {
	case EADDRINUSE:
		(void)skt_fail(err, SKT_E_INUSE, sys, _("address in use: %s"), address);
		skt_hint(err, "%s", _("choose another one; port 0 lets the kernel pick a free port"));
		return -SKT_E_INUSE;
	case EACCES:
	case EPERM:
		return listening_denied(addr, address, sys, err);
	case EADDRNOTAVAIL:
		(void)skt_fail(err, SKT_E_USAGE, sys, _("%s is not an address of this machine"), address);
		skt_hint(err, "%s", _("ip address lists those it has; any: listens on all of them"));
		return -SKT_E_USAGE;
	case ENOENT:
	case ENOTDIR:
		(void)skt_fail(err, SKT_E_USAGE, sys, _("no such directory for the socket %s"), address);
		skt_hint(err, "%s", _("make the directory first, or use an abstract name: @name"));
		return -SKT_E_USAGE;
	default:
		return skt_fail(err, SKT_E_LIMIT, sys, _("cannot listen on %s: %s"), address, strerror(sys));
	}
}

int skt_listening_bind(struct skt_listener *l, int fd, const struct skt_addr *addr, int backlog, struct skt_error *err)
{
	if (skt_sys.bind(fd, &addr->sa, addr->len) < 0 || skt_sys.listen(fd, backlog) < 0) {
		int sys = errno;

		skt_close(fd);
		return skt_listening_failed(addr, sys, err);
	}
	return skt_listener_add(l, fd, err);
}

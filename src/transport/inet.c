/* SPDX-License-Identifier: Apache-2.0 */
/* What transports over IP share. */
#include "transport/inet.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/message.h"
#include "io/listener.h"
#include "sys/call.h"
#include "sys/clock.h"
#include "sys/resolve.h"
#include "transport/listening.h"
#include "transport/sockopt.h"

enum { INET_PORT_TRIES = 16 };

int skt_inet_family(const struct skt_endpoint *e)
{
	const char *scheme = skt_endpoint_transport(e)->name, *family = skt_endpoint_string(e, "family", "any");

	char last = scheme[strlen(scheme) - 1]; /* of tcp4, udp6 */

	if (last == '4' || strcmp(family, "4") == 0)
		return AF_INET;
	if (last == '6' || strcmp(family, "6") == 0)
		return AF_INET6;
	return AF_UNSPEC;
}

int skt_inet_socket(int family, int type, const struct skt_endpoint *e, enum skt_role role, struct skt_error *err)
{
	int fd = skt_sys.socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), ret;

	if (fd < 0) {
		int sys = errno;

		return skt_fail(err, sys == EAFNOSUPPORT ? SKT_E_REFUSED : SKT_E_LIMIT, sys,
				_("cannot make a socket: %s"), strerror(sys));
	}
	ret = skt_sockopt_apply(fd, family, e, role, err);
	if (ret < 0)
		skt_close(fd);
	return ret < 0 ? ret : fd;
}

int skt_inet_bind_source(int fd, const struct skt_endpoint *e, int family, bool shares, struct skt_error *err)
{
	const struct skt_opt *address = skt_endpoint_option(e, "bind"), *port = skt_endpoint_option(e, "sport");
	const char *host = address ? address->value : family == AF_INET ? "0.0.0.0" : "::";
	struct skt_addr from;
	int one = 1;

	if (!address && !port)
		return 0;
	if (skt_addr_parse_ip(host, NULL, port ? (int)port->number : 0, &from) < 0)
		return skt_fail_at(err, address ? address->at : -1, _("bind=%s is not an IP address"), host);
	if (from.sa.sa_family != family)
		return skt_fail(err, SKT_E_REFUSED, EAFNOSUPPORT, _("bind=%s is of the other address family"), host);
	if (shares)
		(void)skt_sys.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (!port) /* the port is chosen at connect, when the whole four-tuple is known */
		(void)skt_sys.setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	if (skt_sys.bind(fd, &from.sa, from.len) < 0)
		return skt_listening_failed(&from, errno, err);
	return 0;
}

/* The addresses to listen on, into SKT_LISTEN_MAX places: count, or -kind. Waits for the resolver: nothing else runs yet. */
static int inet_listen_addresses(const struct skt_endpoint *e, struct skt_addr *ret, struct skt_error *err)
{
	int family = skt_inet_family(e), n = 0;
	skt_time deadline = skt_now() + skt_endpoint_number(e, "timeout", 10 * SKT_SECOND);
	struct skt_resolve *r;

	if (e->host[0] == '\0' || skt_resolve_is_localhost(e->host))
		return skt_resolve_loopback(e->port, family, ret);
	if (strcmp(e->host, "any") == 0) {
		n += family != AF_INET && skt_addr_parse_ip("::", NULL, e->port, &ret[n]) == 0;
		if (n == 0 || skt_endpoint_number(e, "v6only", 1)) /* else :: takes IPv4 along */
			n += family != AF_INET6 && skt_addr_parse_ip("0.0.0.0", NULL, e->port, &ret[n]) == 0;
		return n;
	}
	if (skt_addr_parse_ip(e->host, e->zone, e->port, ret) == 0)
		return 1;
	n = skt_resolve_new(e->host, e->port, family, &r, err);
	if (n < 0)
		return n;
	while ((n = skt_resolve_take(r, ret, SKT_LISTEN_MAX, err)) == -SKT_AGAIN && skt_now() < deadline) {
		struct pollfd wait = { .fd = skt_resolve_fd(r), .events = POLLIN };

		(void)skt_sys.poll(&wait, 1, 100);
	}
	skt_resolve_free(r);
	return n == -SKT_AGAIN ? skt_fail(err, SKT_E_TIMEOUT, 0, _("timed out: no answer for the name %s"), e->host) : n;
}

/* Whether an address could not be listened on because this machine lacks its family. */
static bool inet_is_missing(const struct skt_error *err)
{
	return err->sys == EAFNOSUPPORT || err->sys == EADDRNOTAVAIL;
}

/* One try: all addresses on one port. A family that the machine lacks is left out while another works. */
static int inet_listen_all(struct skt_listener *l, const struct skt_endpoint *e, skt_inet_listen_one *one,
			   struct skt_addr *addr, int n, struct skt_error *err)
{
	struct skt_error first = { 0 };

	for (int i = 0; i < n; i++) {
		int ret = one(l, e, &addr[i], err);

		if (ret == 0 && e->port == 0)
			for (int k = i + 1; k < n; k++)
				skt_addr_port_set(&addr[k], skt_addr_port(&l->socket[l->n - 1].addr));
		if (ret == 0)
			continue;
		if (!inet_is_missing(err))
			return ret;
		if (first.kind == SKT_OK)
			first = *err;
	}
	if (l->n > 0)
		return 0;
	*err = first;
	return -(int)first.kind;
}

int skt_inet_listen(struct skt_loop *loop, const struct skt_endpoint *e, skt_inet_listener *make,
		    skt_inet_listen_one *one, struct skt_listener **ret, struct skt_error *err)
{
	struct skt_addr addr[SKT_LISTEN_MAX];
	struct skt_listener *l;
	struct skt_error own;
	int n, failed = 0;

	if (!err)
		err = &own;
	n = inet_listen_addresses(e, addr, err);
	if (n < 0)
		return n;
	for (int i = 0; i < INET_PORT_TRIES; i++) {
		failed = make(loop, &l, err);
		if (failed)
			return failed;
		failed = inet_listen_all(l, e, one, addr, n, err);
		if (failed == 0) {
			*ret = l;
			return 0;
		}
		skt_listener_free(l);
		if (failed != -SKT_E_INUSE || e->port != 0)
			return failed;
		for (int k = 0; k < n; k++) /* the other family had the port that the kernel picked: pick again */
			skt_addr_port_set(&addr[k], 0);
	}
	return failed;
}

int skt_inet_dial(struct skt_loop *loop, const struct skt_endpoint *e, const struct skt_origin *origin, bool four_first,
		  skt_race_start *start, struct skt_stream **ret, struct skt_error *err)
{
	const char *host = strcmp(e->host, "any") == 0 || e->host[0] == '\0' ? "localhost" : e->host;
	struct skt_addr addr[2];
	int family = skt_inet_family(e), n;

	if (e->port == 0) {
		(void)skt_fail(err, SKT_E_USAGE, 0, "%s",
			       _("port 0 cannot be dialled: it means that the kernel picks one"));
		skt_hint(err, "%s", _("0 is for listening; write the server's port"));
		return -SKT_E_USAGE;
	}
	if (skt_addr_parse_ip(host, e->zone, e->port, &addr[0]) == 0) {
		if (family != AF_UNSPEC && addr[0].sa.sa_family != family)
			return skt_fail(err, SKT_E_USAGE, 0, _("%s is not an address of that family"), host);
		return start(loop, e, &addr[0], origin, ret, err);
	}
	if (e->zone && strchr(host, ':')) {
		(void)skt_fail(err, SKT_E_USAGE, ENODEV, _("no such interface: %s"), e->zone);
		skt_hint(err, "%s", _("ip link lists those there are"));
		return -SKT_E_USAGE;
	}
	if (!skt_resolve_is_localhost(host))
		return skt_race_new(loop, e, host, family, NULL, 0, origin, start, ret, err);
	n = skt_resolve_loopback(e->port, family, addr);
	if (n == 2 && four_first) {
		struct skt_addr six = addr[0];

		addr[0] = addr[1];
		addr[1] = six;
	}
	return n == 1 ? start(loop, e, &addr[0], origin, ret, err)
		      : skt_race_new(loop, e, host, family, addr, n, origin, start, ret, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets that stay on a network interface which goes away and comes back.
 *
 * How it works: a socket is bound to an interface, and a member of a group on it, by the interface's index. One that is pulled out or
 * whose VPN reconnects comes back under its name with another index: the socket then hears nothing for ever, and nobody tells it. The
 * kernel announces every change of an interface; what it says is not read, the index of the one name is asked for instead. */
#include "transport/regain.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/message.h"
#include "sys/call.h"

struct regain {
	struct skt_keeper keeper;
	struct skt_watch watch;
	struct skt_listener *l;
	struct skt_loop *loop;
	const struct skt_endpoint *e;
	const char *name; /* the endpoint's */
	skt_regain_again *again;
	unsigned index; /* that the sockets are on; */
	bool is_gone;   /* of an interface that is not there now */
	bool is_silent; /* another thread's tells */
};

static void regain_tell(const struct regain *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void regain_tell(const struct regain *r, const char *format, ...)
{
	char text[256];
	va_list args;

	if (!r->l->tell || r->is_silent)
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	r->l->tell(r->l->tell_user, text);
}

static void regain_back(struct regain *r, unsigned now)
{
	struct skt_error err = { 0 };
	int ret = 0;

	for (int i = 0; ret == 0 && i < r->l->n; i++)
		ret = r->again(r->l->socket[i].watch.fd, r->e, &r->l->socket[i].addr, r->index, now, &err);
	r->index = now;
	r->is_gone = false;
	if (ret < 0)
		regain_tell(r, _("interface %s is back, but cannot be listened on again: %s"), r->name, err.text);
	else
		regain_tell(r, _("interface %s is back: listening on it again"), r->name);
}

static void regain_look(struct regain *r)
{
	unsigned now = if_nametoindex(r->name);

	if (now == r->index) {
		r->is_gone = false;
	} else if (now != 0) {
		regain_back(r, now);
	} else if (!r->is_gone) {
		r->is_gone = true;
		regain_tell(r, _("interface %s is gone: nothing is heard until it is back"), r->name);
	}
}

static void regain_event(struct skt_watch *watch, unsigned ready)
{
	enum { PIECES = 64 }; /* the rest comes with the next round */
	char room[4096];
	ssize_t n = 1;

	(void)ready;
	/* ENOBUFS: announcements were lost, which is no matter; the next receive has the next */
	for (int i = 0; i < PIECES && (n > 0 || errno == ENOBUFS || errno == EINTR); i++)
		n = skt_sys.recv(watch->fd, room, sizeof(room), MSG_DONTWAIT);
	regain_look(SKT_OUTER(watch, struct regain, watch));
}

static void regain_start(struct skt_listener *l, const struct skt_endpoint *e, skt_regain_again *again, bool is_silent);

static void regain_share(const struct skt_keeper *keeper, struct skt_listener *view)
{
	const struct regain *r = SKT_OUTER(keeper, const struct regain, keeper);

	regain_start(view, r->e, r->again, true);
}

static void regain_free(struct skt_keeper *keeper)
{
	struct regain *r = SKT_OUTER(keeper, struct regain, keeper);

	skt_loop_unwatch(r->loop, &r->watch);
	skt_close(r->watch.fd);
	skt_free(r);
}

static int regain_socket(void)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	int fd = skt_sys.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd >= 0 && skt_sys.bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	skt_close(fd);
	return -1;
}

static void regain_start(struct skt_listener *l, const struct skt_endpoint *e, skt_regain_again *again, bool is_silent)
{
	const struct skt_opt *interface = skt_endpoint_option(e, "interface");
	struct regain *r;
	int fd;

	if (!interface || (fd = regain_socket()) < 0)
		return;
	r = SKT_NEW(struct regain);
	if (!r) {
		skt_close(fd);
		return;
	}
	*r = (struct regain){ .keeper = { .free = regain_free, .share = regain_share },
			      .watch = { .fd = fd, .fn = regain_event },
			      .l = l,
			      .loop = l->loop,
			      .e = e,
			      .name = interface->value,
			      .again = again,
			      .is_silent = is_silent,
			      .index = if_nametoindex(interface->value) };
	if (skt_loop_watch(l->loop, &r->watch, SKT_LEVEL) < 0) {
		skt_close(fd);
		skt_free(r);
		return;
	}
	l->keeper = &r->keeper;
}

void skt_regain_start(struct skt_listener *l, const struct skt_endpoint *e, skt_regain_again *again)
{
	regain_start(l, e, again, false);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets. */
#include "io/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/message.h"
#include "sys/call.h"

int skt_listener_new(struct skt_loop *loop, enum skt_fdkind kind, const char *scheme, struct skt_listener **ret,
		     struct skt_error *err)
{
	struct skt_listener *l = SKT_NEW(struct skt_listener);

	if (!l)
		return skt_fail_memory(err);
	l->loop = loop;
	l->kind = kind;
	l->scheme = scheme;
	*ret = l;
	return 0;
}

static void listener_ready(struct skt_watch *watch, unsigned ready)
{
	struct skt_listener *l = SKT_OUTER(watch, struct skt_listening, watch)->listener;

	(void)ready;
	if (l->on_ready)
		l->on_ready(l->user);
}

int skt_listener_add(struct skt_listener *l, int fd, struct skt_error *err)
{
	struct skt_listening *s = &l->socket[l->n];

	if (l->n == SKT_LISTEN_MAX) {
		skt_close(fd);
		return skt_fail(err, SKT_E_LIMIT, 0, _("more than %d addresses to listen on"), SKT_LISTEN_MAX);
	}
	s->watch.fd = fd;
	s->watch.fn = listener_ready;
	s->listener = l;
	if (skt_addr_of_local(fd, &s->addr) < 0) {
		int sys = errno;

		skt_close(fd);
		return skt_fail(err, SKT_E_LIMIT, sys, _("cannot ask where a socket listens: %s"), strerror(sys));
	}
	l->n++;
	return 0;
}

static int listener_share(struct skt_listener *l, struct skt_loop *loop, struct skt_listener **ret, struct skt_error *err)
{
	struct skt_listener *view = NULL;
	int failed = skt_listener_new(loop, l->kind, l->scheme, &view, err);

	if (failed || !view)
		return failed;
	view->shared = l->shared = true;
	view->tune = l->tune;
	view->tuning = l->tuning;
	for (int i = 0; failed == 0 && i < l->n; i++) {
		int fd = skt_sys.fcntl(l->socket[i].watch.fd, F_DUPFD_CLOEXEC, 3);

		failed = fd < 0 ? skt_fail(err, SKT_E_LIMIT, errno, _("cannot share a socket: %s"), strerror(errno))
				: skt_listener_add(view, fd, err);
	}
	if (failed)
		skt_listener_free(view);
	else
		*ret = view;
	return failed;
}

int skt_listener_share(struct skt_listener *l, struct skt_loop *loop, struct skt_listener **ret, struct skt_error *err)
{
	if (l->ops)
		return l->ops->share(l, loop, ret, err);
	return listener_share(l, loop, ret, err);
}

int skt_listener_watch(struct skt_listener *l)
{
	if (l->ops)
		return l->ops->watch(l);
	for (int i = 0; !l->watching && i < l->n; i++) {
		if (skt_loop_watch(l->loop, &l->socket[i].watch, l->shared ? SKT_SHARED : SKT_LEVEL) == 0)
			continue;
		while (--i >= 0)
			skt_loop_unwatch(l->loop, &l->socket[i].watch);
		return -SKT_E_LIMIT;
	}
	l->watching = true;
	return 0;
}

void skt_listener_pause(struct skt_listener *l)
{
	if (l->ops) {
		l->ops->pause(l);
		return;
	}
	for (int i = 0; l->watching && i < l->n; i++)
		skt_loop_unwatch(l->loop, &l->socket[i].watch);
	l->watching = false;
}

/* What accept(2) says of this socket or this process, not of one connection that has gone wrong already. */
static bool listener_is_limit(int sys)
{
	return sys == EMFILE || sys == ENFILE || sys == ENOBUFS || sys == ENOMEM;
}

/* Errors that will not go away: a programming error of ours, or a socket that is none. */
static bool listener_is_broken(int sys)
{
	return sys == EBADF || sys == EINVAL || sys == ENOTSOCK || sys == EFAULT || sys == EIO;
}

static int listener_accept_one(struct skt_listener *l, int listening, struct skt_addr *peer, int *ret)
{
	int fd;

	*peer = (struct skt_addr){ .len = sizeof(peer->room) };
	fd = skt_sys.accept4(listening, &peer->sa, &peer->len, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) {
		*peer = (struct skt_addr){ 0 };
		return errno;
	}
	if (l->tune)
		(void)l->tune(l, fd, peer);
	*ret = fd;
	return 0;
}

int skt_listener_accept(struct skt_listener *l, struct skt_stream **ret, struct skt_addr *peer, struct skt_error *err)
{
	enum { TRIES = 64 }; /* resets before accept: a storm of them must not hold the loop */

	if (l->ops)
		return l->ops->accept(l, ret, peer, err);
	for (int i = 0, fd = -1, sys, tries = 0; i < l->n; i++) {
		while ((sys = listener_accept_one(l, l->socket[i].watch.fd, peer, &fd)) != 0 && sys != EAGAIN) {
			if (listener_is_limit(sys))
				return skt_fail(err, SKT_E_LIMIT, sys, _("cannot accept more connections: %s"),
						strerror(sys));
			if (listener_is_broken(sys) && ++tries > 2)
				return skt_fail(err, SKT_E_IO, sys, _("cannot accept connections: %s"), strerror(sys));
			if (++tries > TRIES && (sys == ECONNABORTED || sys == EPROTO || sys == EINTR))
				return -SKT_AGAIN;
			if (tries > TRIES) /* it will not go away at once: wait a little, like at a limit */
				return skt_fail(err, SKT_E_LIMIT, sys, _("cannot accept connections: %s"), strerror(sys));
		}
		if (sys == 0)
			return skt_fd_new_socket(l->loop, fd, l->kind, ret, err);
	}
	return -SKT_AGAIN;
}

/* Remove the socket file if it is still the one that we made. */
void skt_listener_remove_file(const struct skt_listener *l)
{
	struct stat st;

	if (l->path && skt_sys.lstat(l->path, &st) == 0 && st.st_dev == l->device && st.st_ino == l->inode)
		(void)skt_sys.unlink(l->path);
}

void skt_listener_end_keeper(struct skt_listener *l)
{
	if (l->keeper)
		l->keeper->free(l->keeper);
	l->keeper = NULL;
}

void skt_listener_free(struct skt_listener *l)
{
	if (!l)
		return;
	if (l->ops) {
		l->ops->free(l);
		return;
	}
	skt_listener_end_keeper(l);
	skt_listener_pause(l);
	skt_listener_remove_file(l);
	for (int i = 0; i < l->n; i++)
		skt_close(l->socket[i].watch.fd);
	skt_free(l->path);
	skt_free(l);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* One connecting socket. */
#include "transport/connect.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "sys/call.h"

/* errno of connect(2) -> kind, what it means, what to do */
static const struct connect_verdict {
	int sys;
	enum skt_err kind;
	const char *text; /* %s: the address */
	const char *hint;
} connect_verdicts[] = {
	{ ECONNREFUSED, SKT_E_REFUSED, N_("connection refused: nothing listens on %s"),
	  N_("start the server, or check the address; retry=forever waits for it") },
	{ ENETUNREACH, SKT_E_REFUSED, N_("network unreachable: this machine has no route to %s"),
	  N_("check the address and the network (ip route)") },
	{ EHOSTUNREACH, SKT_E_REFUSED, N_("host unreachable: nothing answers for %s"),
	  N_("check the address and the network") },
	{ EADDRNOTAVAIL, SKT_E_REFUSED, N_("no address of this machine can reach %s"),
	  N_("check bind= and sport=, or whether all dynamic ports are in use") },
	{ EAFNOSUPPORT, SKT_E_REFUSED, N_("this machine does not speak the address family of %s"),
	  N_("try family=4, or an IPv4 address") },
	{ ETIMEDOUT, SKT_E_TIMEOUT, N_("timed out: %s does not answer"),
	  N_("a firewall may drop it; check the address, or wait longer with timeout=") },
	{ ENOENT, SKT_E_REFUSED, N_("no such socket: %s"), N_("check the path; is the server running?") },
	{ EACCES, SKT_E_DENIED, N_("permission denied: %s"),
	  N_("check the owner and mode of the path, or a firewall rule") },
	{ EPERM, SKT_E_DENIED, N_("permission denied: %s"), N_("a firewall rule or a security policy forbids it") },
	{ EPROTOTYPE, SKT_E_REFUSED, N_("%s is a unix socket of another type"),
	  N_("try unix:, unix-seqpacket: or unix-dgram: before the path") },
	{ ENODEV, SKT_E_REFUSED, N_("no vsock device to reach %s"),
	  N_("load the vsock modules (vsock_loopback for one machine)") },
	{ ECONNRESET, SKT_E_IO, N_("%s accepted the connection, and reset it at once"),
	  N_("the program there refuses us, or stopped: look at its log") },
	{ EAGAIN, SKT_E_LIMIT, N_("%s is busy: its queue of connections is full"), N_("try again, or retry=10") },
};

int skt_connect_failed(const struct skt_addr *to, int sys, struct skt_error *err)
{
	char address[SKT_ADDR_LENGTH];

	skt_addr_print(to, address);
	for (size_t i = 0; i < SKT_LENGTH(connect_verdicts); i++) {
		const struct connect_verdict *v = &connect_verdicts[i];

		if (v->sys != sys)
			continue;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		(void)skt_fail(err, v->kind, sys, _(v->text), address);
#pragma GCC diagnostic pop
		skt_hint(err, "%s", _(v->hint));
		return -(int)v->kind;
	}
	return skt_fail(err, SKT_E_REFUSED, sys, _("cannot connect to %s: %s"), address, strerror(sys));
}

static void connect_free(struct skt_stream *s)
{
	skt_fd_ops.free(s);
}

static void connect_is_up(struct skt_fd *f)
{
	skt_free(f->opening);
	f->opening = NULL;
	f->stream.ops = &skt_fd_ops;
}

static int connect_open(struct skt_stream *s)
{
	struct skt_fd *f = skt_fd_of(s);
	struct skt_error err;
	int sys = 0;
	socklen_t n = sizeof(sys);

	if (!(f->ready & SKT_OUT))
		return -SKT_AGAIN;
	if ((f->ready & (SKT_ERR | SKT_HUP)) && skt_sys.getsockopt(f->in.fd, SOL_SOCKET, SO_ERROR, &sys, &n) < 0)
		sys = errno;
	if (sys) {
		(void)skt_connect_failed(f->opening, sys, &err);
		return skt_stream_fail(s, &err);
	}
	connect_is_up(f); /* also when it has ended already: reading will tell */
	return 0;
}

/* While connecting; afterwards the stream is a plain one. */
static const struct skt_stream_ops connect_ops = { .name = "connect", .open = connect_open, .free = connect_free };

/* Remember where it goes, for the error. */
static int connect_wait(struct skt_fd *f, const struct skt_addr *to, struct skt_error *err)
{
	struct skt_addr *copy = skt_malloc(sizeof(*copy));

	if (!copy)
		return skt_fail_memory(err);
	*copy = *to;
	f->opening = copy;
	f->stream.ops = &connect_ops;
	return 0;
}

int skt_connect_new(struct skt_loop *loop, int fd, const struct skt_addr *to, enum skt_fdkind kind,
		    struct skt_stream **ret, struct skt_error *err)
{
	struct skt_stream *stream;
	bool waits = false;
	int failed;

	while (skt_sys.connect(fd, &to->sa, to->len) < 0) {
		int sys = errno;

		if (sys == EINPROGRESS) {
			waits = true;
			break;
		}
		if (sys == EISCONN)
			break;
		if (sys == EINTR)
			continue;
		skt_close(fd);
		return skt_connect_failed(to, sys, err);
	}
	failed = skt_fd_new_socket(loop, fd, kind, &stream, err);
	if (failed)
		return failed;
	if (waits)
		failed = connect_wait(skt_fd_of(stream), to, err);
	if (failed)
		skt_stream_free(stream);
	else
		*ret = stream;
	return failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Asking an endpoint once.
 *
 * How it works: what is asked, and how, is a row of probe_kinds by the scheme of the endpoint's top layer; a scheme whose
 * readiness is more than an accepted connection (an answer, a handshake, a status of HTTP) is one more row. A datagram endpoint
 * is asked with an empty message: what answers is there, "nobody has that port" is a no, and silence proves nothing.
 *
 * A port of loopback that nobody listens on may be the one that the kernel picks for us to dial from: then we meet ourselves
 * (RFC 9293 section 3.5, simultaneous open). That is nobody, and the socket is reset, because it would otherwise keep the port in
 * TIME_WAIT for the server that we wait for. */
#include "inspect/probe.h"

#include <errno.h>
#include <linux/vm_sockets.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "inspect/vacancy.h"
#include "io/fd.h"
#include "sys/call.h"
#include "sys/resolve.h"
#include "transport/connect.h"
#include "transport/open.h"

#define PROBE_TIMEOUT (5 * SKT_SECOND)
#define PROBE_SILENCE SKT_SECOND

enum { PROBE_DRAINS = 16 };

struct skt_probe {
	struct skt_loop *loop;
	const struct skt_endpoint *e;
	enum skt_probe_want want;
	struct skt_dialer *dialer;   /* while it dials */
	struct skt_stream *stream;   /* datagrams: while it waits for an answer */
	struct skt_resolve *resolve; /* while it looks up what is to be free */
	struct skt_watch answered;
	struct skt_timer timer;
	struct skt_task task; /* tells what is decided */
	struct skt_error err;
	skt_probed *done;
	void *user;
};

static void probe_stop_resolving(struct skt_probe *p)
{
	if (!p->resolve)
		return;
	skt_loop_unwatch(p->loop, &p->answered);
	skt_resolve_free(p->resolve);
	p->resolve = NULL;
}

void skt_probe_free(struct skt_probe *p)
{
	if (!p)
		return;
	skt_dialer_free(p->dialer);
	skt_stream_free(p->stream);
	probe_stop_resolving(p);
	skt_loop_clear(p->loop, &p->timer);
	skt_loop_undefer(p->loop, &p->task);
	skt_free(p);
}

static void probe_tell(struct skt_task *task)
{
	struct skt_probe *p = SKT_OUTER(task, struct skt_probe, task);
	struct skt_error err = p->err;
	skt_probed *done = p->done;
	void *user = p->user;

	skt_probe_free(p);
	done(user, err.kind ? &err : NULL);
}

/* --- ready: somebody accepts ---------------------------------------------------------------------------------------- */

/* Whether both ends of a connection are the same one; then *peer is its address. */
static bool probe_met_itself(int fd, struct skt_addr *peer)
{
	struct skt_addr local;

	if (skt_addr_of_local(fd, &local) < 0 || skt_addr_of_peer(fd, peer) < 0)
		return false;
	if (local.sa.sa_family != AF_INET && local.sa.sa_family != AF_INET6)
		return false;
	return local.len == peer->len && memcmp(local.room, peer->room, local.len) == 0;
}

/* Go without a reset: our end is told first, and what came meanwhile (a greeting) is taken. From the socket itself: the stream
 * waits for the loop to tell of bytes. */
static void probe_part(struct skt_probe *p, struct skt_stream *s, int fd)
{
	(void)skt_stream_shut(s);
	for (int i = 0; fd >= 0 && i < PROBE_DRAINS; i++)
		if (skt_sys.recv(fd, skt_loop_scratch(p->loop), SKT_SCRATCH_SIZE, MSG_DONTWAIT) <= 0)
			break;
	skt_stream_free(s);
}

static void probe_dialed(void *user, struct skt_stream *stream, const struct skt_error *err)
{
	static const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	struct skt_probe *p = user;
	struct skt_fd *f = stream ? skt_stream_raw(stream) : NULL;
	struct skt_addr peer;

	p->dialer = NULL;
	if (!stream) {
		p->err = *err;
	} else if (f && probe_met_itself(f->in.fd, &peer)) {
		(void)skt_sys.setsockopt(f->in.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		(void)skt_connect_failed(&peer, ECONNREFUSED, &p->err);
		skt_stream_free(stream);
	} else {
		probe_part(p, stream, f ? f->in.fd : -1);
	}
	probe_tell(&p->task);
}

static int probe_dial(struct skt_probe *p, struct skt_error *err)
{
	static const struct skt_origin nobody;

	return skt_dialer_new(p->loop, p->e, &nobody, probe_dialed, p, &p->dialer, err);
}

/* --- ready: somebody answers ---------------------------------------------------------------------------------------- */

static void probe_decide(struct skt_probe *p);

/* A message, of whatever content, is an answer; so is the word that nobody has that port. */
static void probe_heard(void *user)
{
	struct skt_probe *p = user;
	ssize_t got = skt_stream_read(p->stream, skt_loop_scratch(p->loop), SKT_SCRATCH_SIZE);

	if (got == -SKT_AGAIN)
		return;
	if (got < 0 && got != -SKT_EMPTY)
		skt_stream_why(p->stream, &p->err);
	skt_stream_on_wake(p->stream, NULL, NULL);
	probe_decide(p);
}

static void probe_silent(struct skt_timer *timer)
{
	struct skt_probe *p = SKT_OUTER(timer, struct skt_probe, timer);
	struct skt_text name = { 0 };

	skt_endpoint_print_address(p->e, &name);
	(void)skt_fail(&p->err, SKT_E_TIMEOUT, 0,
		       _("silent: %.140s does not answer an empty message, which proves nothing"), skt_text_get(&name));
	skt_text_release(&name);
	skt_stream_on_wake(p->stream, NULL, NULL);
	probe_decide(p);
}

static void probe_dialed_dgram(void *user, struct skt_stream *stream, const struct skt_error *err)
{
	struct skt_probe *p = user;

	p->dialer = NULL;
	p->stream = stream;
	if (!stream) {
		p->err = *err;
		probe_decide(p);
		return;
	}
	skt_stream_on_wake(stream, probe_heard, p);
	if (skt_stream_write(stream, "", 0) < 0) {
		skt_stream_why(stream, &p->err);
		probe_decide(p);
	} else if (skt_loop_after(p->loop, &p->timer, PROBE_SILENCE, probe_silent) < 0) {
		(void)skt_fail_memory(&p->err);
		probe_decide(p);
	}
}

static int probe_ask_dgram(struct skt_probe *p, struct skt_error *err)
{
	static const struct skt_origin nobody;

	return skt_dialer_new(p->loop, p->e, &nobody, probe_dialed_dgram, p, &p->dialer, err);
}

/* --- free: nobody has it -------------------------------------------------------------------------------------------- */

static int probe_family(const struct skt_endpoint *e)
{
	const char *scheme = skt_endpoint_transport(e)->name, *family = skt_endpoint_string(e, "family", "any");
	char last = scheme[strlen(scheme) - 1]; /* of tcp4, udp6 */

	if (last == '4' || strcmp(family, "4") == 0)
		return AF_INET;
	if (last == '6' || strcmp(family, "6") == 0)
		return AF_INET6;
	return AF_UNSPEC;
}

/* The addresses that `listen` would take, where no name has to be looked up: count, or 0. */
static int probe_addresses(const struct skt_endpoint *e, struct skt_addr *ret)
{
	int family = probe_family(e), n = 0;

	if (e->host[0] == '\0' || skt_resolve_is_localhost(e->host))
		return skt_resolve_loopback(e->port, family, ret);
	if (strcmp(e->host, "any") == 0) {
		n += family != AF_INET && skt_addr_parse_ip("::", NULL, e->port, &ret[n]) == 0;
		n += family != AF_INET6 && skt_addr_parse_ip("0.0.0.0", NULL, e->port, &ret[n]) == 0;
		return n;
	}
	return skt_addr_parse_ip(e->host, e->zone, e->port, ret) == 0;
}

static void probe_vacancy(struct skt_probe *p, const struct skt_addr *addr, int n)
{
	bool udp = strncmp(skt_endpoint_transport(p->e)->name, "udp", 3) == 0;

	(void)skt_vacancy_ip(udp ? SKT_PROTO_UDP : SKT_PROTO_TCP, addr, n, p->want == SKT_PROBE_OURS, &p->err);
}

static void probe_decide(struct skt_probe *p)
{
	probe_stop_resolving(p);
	skt_loop_clear(p->loop, &p->timer);
	skt_loop_defer(p->loop, &p->task);
}

static void probe_looked_up(struct skt_watch *watch, unsigned ready)
{
	struct skt_probe *p = SKT_OUTER(watch, struct skt_probe, answered);
	struct skt_addr addr[SKT_RESOLVED_MAX];
	int n = skt_resolve_take(p->resolve, addr, SKT_RESOLVED_MAX, &p->err);

	(void)ready;
	if (n == -SKT_AGAIN)
		return;
	if (n > 0)
		probe_vacancy(p, addr, n);
	probe_decide(p);
}

static void probe_expired(struct skt_timer *timer)
{
	struct skt_probe *p = SKT_OUTER(timer, struct skt_probe, timer);

	(void)skt_fail(&p->err, SKT_E_TIMEOUT, 0, _("timed out: no answer for the name %s"), p->e->host);
	probe_decide(p);
}

static int probe_look_up(struct skt_probe *p, struct skt_error *err)
{
	int failed = skt_resolve_new(p->e->host, p->e->port, probe_family(p->e), &p->resolve, err);

	if (failed)
		return failed;
	p->answered = (struct skt_watch){ .fd = skt_resolve_fd(p->resolve), .fn = probe_looked_up };
	if (skt_loop_watch(p->loop, &p->answered, SKT_LEVEL) < 0) {
		failed = skt_fail(err, SKT_E_LIMIT, errno, _("cannot watch a descriptor: %s"), strerror(errno));
		skt_resolve_free(p->resolve);
		p->resolve = NULL;
		return failed;
	}
	failed = skt_loop_after(p->loop, &p->timer, skt_endpoint_number(p->e, "timeout", PROBE_TIMEOUT), probe_expired);
	return failed < 0 ? skt_fail_memory(err) : 0;
}

static int probe_free_port(struct skt_probe *p, struct skt_error *err)
{
	struct skt_addr addr[2];
	int n = probe_addresses(p->e, addr);

	if (n == 0)
		return probe_look_up(p, err);
	probe_vacancy(p, addr, n);
	probe_decide(p);
	return 0;
}

static int probe_free_unix(struct skt_probe *p, struct skt_error *err)
{
	const char *scheme = skt_endpoint_transport(p->e)->name;
	int type = strcmp(scheme, "unix-seqpacket") == 0 ? SOCK_SEQPACKET
		   : strcmp(scheme, "unix-dgram") == 0   ? SOCK_DGRAM
							 : SOCK_STREAM;

	(void)err;
	(void)skt_vacancy_unix(p->e->address, type, &p->err);
	probe_decide(p);
	return 0;
}

static int probe_free_vsock(struct skt_probe *p, struct skt_error *err)
{
	struct skt_addr addr;

	(void)err;
	skt_addr_from_vsock(p->e->vcid == UINT32_MAX ? VMADDR_CID_ANY : p->e->vcid, p->e->vport, &addr);
	(void)skt_vacancy_vsock(&addr, &p->err);
	probe_decide(p);
	return 0;
}

/* --- the schemes ---------------------------------------------------------------------------------------------------- */

typedef int probe_ask(struct skt_probe *p, struct skt_error *err);

/* By the name of the top layer. */
static const struct probe_kind {
	const char *scheme;
	probe_ask *ready, *free; /* NULL: nobody can be asked */
} probe_kinds[] = {
	{ "tcp", probe_dial, probe_free_port },
	{ "tcp4", probe_dial, probe_free_port },
	{ "tcp6", probe_dial, probe_free_port },
	{ "udp", probe_ask_dgram, probe_free_port },
	{ "unix", probe_dial, probe_free_unix },
	{ "unix-seqpacket", probe_dial, probe_free_unix },
	{ "unix-dgram", probe_ask_dgram, probe_free_unix },
	{ "vsock", probe_dial, probe_free_vsock },
};

static probe_ask *probe_ask_of(const struct skt_endpoint *e, enum skt_probe_want want)
{
	for (size_t i = 0; i < SKT_LENGTH(probe_kinds); i++)
		if (strcmp(probe_kinds[i].scheme, skt_endpoint_transport(e)->name) == 0)
			return want == SKT_PROBE_READY ? probe_kinds[i].ready : probe_kinds[i].free;
	return NULL;
}

static int probe_refuse_scheme(const struct skt_endpoint *e, struct skt_error *err)
{
	(void)skt_fail(err, SKT_E_USAGE, 0, _("%s: nobody accepts connections there, so there is nothing to wait for"),
		       e->layer[0]->name);
	skt_hint(err, "%s", _("tcp, udp, unix, unix-seqpacket, unix-dgram and vsock endpoints can be waited for"));
	return -SKT_E_USAGE;
}

/* What the text says and waiting cannot follow. */
static int probe_check(const struct skt_endpoint *e, enum skt_probe_want want, struct skt_error *err)
{
	const struct skt_opt *retry = skt_endpoint_option(e, "retry");

	if ((want == SKT_PROBE_READY || !probe_ask_of(e, want)) && !skt_transport_of(e, err))
		return -SKT_E_USAGE;
	if (!probe_ask_of(e, want))
		return probe_refuse_scheme(e, err);
	if (retry) {
		(void)skt_fail_at(err, retry->at, "%s", _("retry= makes no sense here: waiting tries again by itself"));
		skt_hint(err, "%s", _("leave it out; --timeout says how long"));
		return -SKT_E_USAGE;
	}
	if (want == SKT_PROBE_READY && e->role == SKT_ROLE_LISTEN) {
		(void)skt_fail(err, SKT_E_USAGE, 0, "%s",
			       _("listen: makes no sense here: what is waited for is dialled"));
		skt_hint(err, "%s", _("leave listen: out, or add --free to wait until nobody listens there"));
		return -SKT_E_USAGE;
	}
	if (want != SKT_PROBE_READY && e->role == SKT_ROLE_DIAL) {
		(void)skt_fail(err, SKT_E_USAGE, 0, "%s",
			       _("dial: makes no sense here: what is to be free is listened on"));
		skt_hint(err, "%s", _("leave dial: out"));
		return -SKT_E_USAGE;
	}
	if (skt_endpoint_transport(e)->form != SKT_FORM_HOST || e->port > 0)
		return 0;
	(void)skt_fail(err, SKT_E_USAGE, 0, "%s", _("port 0 cannot be waited for: it means that the kernel picks one"));
	skt_hint(err, "%s", _("write the server's port"));
	return -SKT_E_USAGE;
}

int skt_probe_prepare(struct skt_endpoint *e, enum skt_probe_want want, struct skt_error *err)
{
	int ret = probe_check(e, want, err);

	if (ret == 0)
		ret = skt_endpoint_settle(e, want == SKT_PROBE_READY ? SKT_ROLE_DIAL : SKT_ROLE_LISTEN, err);
	if (ret == 0 && want == SKT_PROBE_READY)
		ret = skt_endpoint_default(e, "timeout", "5s", err);
	return ret;
}

int skt_probe_new(struct skt_loop *loop, const struct skt_endpoint *e, enum skt_probe_want want, skt_probed *done,
		  void *user, struct skt_probe **ret, struct skt_error *err)
{
	probe_ask *ask = probe_ask_of(e, want);
	struct skt_probe *p = ask ? SKT_NEW(struct skt_probe) : NULL;
	int failed;

	if (!ask)
		return probe_refuse_scheme(e, err);
	if (!p)
		return skt_fail_memory(err);
	p->loop = loop;
	p->e = e;
	p->want = want;
	p->done = done;
	p->user = user;
	p->task.fn = probe_tell;
	failed = ask(p, err);
	if (failed)
		skt_probe_free(p);
	else
		*ret = p;
	return failed;
}

/* Room that others may give back; unlike memory, which nobody does. */
static bool probe_is_passing(int sys)
{
	return sys == EAGAIN || sys == EMFILE || sys == ENFILE || sys == ENOBUFS;
}

bool skt_probe_may_change(const struct skt_error *err)
{
	switch (err->kind) {
	case SKT_E_IO:
	case SKT_E_RESOLVE:
	case SKT_E_REFUSED:
	case SKT_E_TIMEOUT:
	case SKT_E_INUSE:
	case SKT_E_PEER:
		return true;
	case SKT_E_LIMIT:
		return probe_is_passing(err->sys);
	default:
		return false;
	}
}

bool skt_probe_is_local(const struct skt_endpoint *e)
{
	struct skt_addr addr;

	if (skt_endpoint_transport(e)->form != SKT_FORM_HOST)
		return skt_endpoint_transport(e)->form == SKT_FORM_PATH;
	if (e->host[0] == '\0' || strcmp(e->host, "any") == 0 || skt_resolve_is_localhost(e->host))
		return true;
	return skt_addr_parse_ip(e->host, e->zone, e->port, &addr) == 0 && skt_addr_is_loopback(&addr);
}

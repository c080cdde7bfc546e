/* SPDX-License-Identifier: Apache-2.0 */
/* Names to addresses without blocking.
 *
 * How it works: each look-up is one detached thread; at most RESOLVE_THREADS run, the others wait in a queue that those
 * threads empty. A look-up has two holders, its owner and its thread; the last to let go frees it. The thread writes the
 * answer, then the eventfd: the owner reads the answer only after it has seen the eventfd. */
#include "sys/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/message.h"
#include "sys/call.h"

enum { RESOLVE_THREADS = 8 };

struct skt_resolve {
	struct skt_resolve *next; /* in the queue */
	atomic_int holders;
	atomic_bool answered;
	int fd, port, family;
	int failed, sys; /* what getaddrinfo said */
	struct addrinfo *list;
	char host[];
};

static pthread_mutex_t resolve_lock = PTHREAD_MUTEX_INITIALIZER;
static struct skt_resolve *resolve_queue, **resolve_tail = &resolve_queue;
static int resolve_threads;

static void resolve_drop(struct skt_resolve *r)
{
	if (atomic_fetch_sub(&r->holders, 1) != 1)
		return;
	if (r->list)
		freeaddrinfo(r->list);
	skt_close(r->fd);
	skt_free(r);
}

static void resolve_answer(struct skt_resolve *r)
{
	struct addrinfo want = { .ai_family = r->family, .ai_socktype = SOCK_STREAM };
	uint64_t one = 1;

	r->failed = getaddrinfo(r->host, NULL, &want, &r->list);
	r->sys = errno;
	atomic_store(&r->answered, true);
	(void)!write(r->fd, &one, sizeof(one));
}

static struct skt_resolve *resolve_next(void)
{
	struct skt_resolve *r;

	(void)pthread_mutex_lock(&resolve_lock);
	r = resolve_queue;
	if (r) {
		resolve_queue = r->next;
		if (!resolve_queue)
			resolve_tail = &resolve_queue;
	} else {
		resolve_threads--;
	}
	(void)pthread_mutex_unlock(&resolve_lock);
	return r;
}

static void *resolve_thread(void *unused)
{
	(void)unused;
	for (struct skt_resolve *r; (r = resolve_next()) != NULL; resolve_drop(r))
		if (atomic_load(&r->holders) > 1) /* else given up while it waited */
			resolve_answer(r);
	return NULL;
}

static void resolve_unqueue(struct skt_resolve *r)
{
	struct skt_resolve **at = &resolve_queue;

	while (*at && *at != r)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = r->next;
	if (!r->next)
		resolve_tail = at;
}

/* Queue it, with a new thread where there may be one more. Returns 0 or -1 with errno. */
static int resolve_start(struct skt_resolve *r)
{
	int ret = 0;

	(void)pthread_mutex_lock(&resolve_lock);
	*resolve_tail = r;
	resolve_tail = &r->next;
	if (resolve_threads < RESOLVE_THREADS) {
		ret = skt_sys.thread(resolve_thread, NULL);
		if (ret == 0)
			resolve_threads++;
		else if (resolve_threads > 0)
			ret = 0; /* those that run will come to it */
		else
			resolve_unqueue(r);
	}
	(void)pthread_mutex_unlock(&resolve_lock);
	return ret;
}

int skt_resolve_new(const char *host, int port, int family, struct skt_resolve **ret, struct skt_error *err)
{
	size_t n = strlen(host) + 1;
	struct skt_resolve *r = skt_zalloc(sizeof(*r) + n);

	if (!r)
		return skt_fail_memory(err);
	memcpy(r->host, host, n);
	r->port = port;
	r->family = family;
	atomic_store(&r->holders, 2);
	r->fd = skt_sys.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->fd < 0 || resolve_start(r) < 0) {
		int sys = errno;

		skt_close(r->fd);
		skt_free(r);
		return skt_fail(err, SKT_E_LIMIT, sys, _("cannot look up %.200s: %s"), host, strerror(sys));
	}
	*ret = r;
	return 0;
}

int skt_resolve_fd(const struct skt_resolve *r)
{
	return r->fd;
}

static int resolve_failed(const struct skt_resolve *r, struct skt_error *err)
{
	const char *why = r->failed == EAI_SYSTEM ? strerror(r->sys) : gai_strerror(r->failed);

	if (r->failed == EAI_MEMORY)
		return skt_fail_memory(err);
	(void)skt_fail(err, SKT_E_RESOLVE, r->failed == EAI_SYSTEM ? r->sys : 0, _("cannot resolve %.120s: %s"),
		       r->host, why);
	skt_hint(err, "%s",
		 r->failed == EAI_NONAME
			 ? _("check the spelling, or write the address itself")
			 : _("the name server does not answer: check the network, or write the address itself"));
	return -SKT_E_RESOLVE;
}

static const struct addrinfo *resolve_of_family(const struct addrinfo *a, int family, bool same)
{
	while (a && ((a->ai_family == family) != same || a->ai_addrlen > sizeof(((struct skt_addr *)NULL)->room)))
		a = a->ai_next;
	return a;
}

/* The first family of the system's order leads, then they take turns. */
static int resolve_interleave(const struct skt_resolve *r, struct skt_addr *ret, int max)
{
	int family = r->list ? r->list->ai_family : AF_UNSPEC, n = 0;
	const struct addrinfo *turn[2] = { resolve_of_family(r->list, family, true),
					   resolve_of_family(r->list, family, false) };

	for (int i = 0; n < max && (turn[0] || turn[1]); i = !i) {
		const struct addrinfo *a = turn[i];

		if (!a)
			continue;
		ret[n] = (struct skt_addr){ .len = a->ai_addrlen };
		memcpy(ret[n].room, a->ai_addr, a->ai_addrlen);
		skt_addr_port_set(&ret[n++], (unsigned)r->port);
		turn[i] = resolve_of_family(a->ai_next, family, i == 0);
	}
	return n;
}

int skt_resolve_take(struct skt_resolve *r, struct skt_addr *ret, int max, struct skt_error *err)
{
	int n;

	if (!atomic_load(&r->answered))
		return -SKT_AGAIN;
	if (r->failed)
		return resolve_failed(r, err);
	n = resolve_interleave(r, ret, max);
	if (n == 0)
		return skt_fail(err, SKT_E_RESOLVE, 0, _("cannot resolve %.120s: it has no address of that family"),
				r->host);
	return n;
}

void skt_resolve_free(struct skt_resolve *r)
{
	if (r)
		resolve_drop(r);
}

bool skt_resolve_is_localhost(const char *host)
{
	static const char name[] = "localhost";
	size_t n = strlen(host), m = sizeof(name) - 1;

	if (n && host[n - 1] == '.')
		n--;
	return n >= m && strncasecmp(host + n - m, name, m) == 0 && (n == m || host[n - m - 1] == '.');
}

int skt_resolve_loopback(int port, int family, struct skt_addr *ret)
{
	int n = 0;

	if (family != AF_INET && skt_addr_parse_ip("::1", NULL, port, &ret[n]) == 0)
		n++;
	if (family != AF_INET6 && skt_addr_parse_ip("127.0.0.1", NULL, port, &ret[n]) == 0)
		n++;
	return n;
}

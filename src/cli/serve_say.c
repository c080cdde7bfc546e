/* SPDX-License-Identifier: Apache-2.0 */
/* Where the files can be reached: every URL that leads to the listening sockets. */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/message.h"
#include "cli/qr.h"
#include "cli/say.h"
#include "cli/serve.h"
#include "sys/clock.h"
#include "transport/transport.h"

struct serve_urls {
	const char *dir, *scheme;
	bool json;
	char farthest[SKT_ADDR_LENGTH + 32]; /* the URL for a phone: of a network, else of loopback */
	bool has_far;
	struct skt_text text;
};

bool skt_serve_is_tls(const struct skt_endpoint *e)
{
	for (int i = 0; i < e->n_layer; i++)
		if (strcmp(e->layer[i]->name, "tls") == 0)
			return true;
	return false;
}

int skt_serve_check(struct skt_endpoint *e, struct skt_error *err)
{
	const struct skt_transport *t = skt_transport_of(e, err);
	const struct skt_scheme *scheme;

	if (!t)
		return -SKT_E_USAGE;
	scheme = skt_endpoint_transport(e);
	for (int i = 0; i < e->n_layer - 1; i++)
		if (strcmp(e->layer[i]->name, "tls") != 0) {
			(void)skt_fail(err, SKT_E_USAGE, 0, _("HTTP is not served over %s"), e->layer[i]->name);
			skt_hint(err, "%s", _("soket serve takes tcp, tls and unix endpoints"));
			return -SKT_E_USAGE;
		}
	if (!t->listen || scheme->is_dgram || strcmp(scheme->name, "unix-seqpacket") == 0) {
		(void)skt_fail(err, SKT_E_USAGE, 0, _("HTTP is not served over %s"), scheme->name);
		skt_hint(err, "%s", _("soket serve takes tcp, tls and unix endpoints"));
		return -SKT_E_USAGE;
	}
	return skt_endpoint_settle(e, SKT_ROLE_LISTEN, err);
}

static void serve_url(struct serve_urls *u, const char *url)
{
	struct skt_json j = { 0 };
	char time[SKT_UNIT_LENGTH];

	if (!u->json) {
		skt_text_addf(&u->text, "  %s\n", url);
		return;
	}
	skt_json_object(&j, NULL);
	skt_json_string(&j, "event", "serving");
	skt_json_string(&j, "time", skt_instant_print(skt_unix_now(), time));
	skt_json_string(&j, "dir", u->dir);
	skt_json_string(&j, "url", url);
	skt_json_end_object(&j);
	(void)skt_say_json(&j);
	skt_json_release(&j);
}

static bool serve_is_loopback(const struct skt_addr *addr)
{
	if (addr->sa.sa_family == AF_INET)
		return (ntohl(addr->in.sin_addr.s_addr) >> 24) == 127;
	return IN6_IS_ADDR_LOOPBACK(&addr->in6.sin6_addr);
}

static void serve_url_of(struct serve_urls *u, const struct skt_addr *addr)
{
	char host[SKT_ADDR_LENGTH], url[SKT_ADDR_LENGTH + 32], port[16] = "";
	bool is_v6 = addr->sa.sa_family == AF_INET6;
	unsigned n = skt_addr_port(addr);

	if (n != (strcmp(u->scheme, "https") == 0 ? 443 : 80))
		(void)snprintf(port, sizeof(port), ":%u", n);
	(void)skt_addr_print_host(addr, host);
	(void)snprintf(url, sizeof(url), is_v6 && host[0] != '[' ? "%s://[%s]%s/" : "%s://%s%s/", u->scheme, host, port);
	if (!u->farthest[0] || (!u->has_far && !serve_is_loopback(addr) && !is_v6)) {
		u->has_far = !serve_is_loopback(addr);
		(void)snprintf(u->farthest, sizeof(u->farthest), "%s", url);
	}
	serve_url(u, url);
}

/* Every address of this machine, for a socket that listens on all of them. */
static void serve_urls_of_any(struct serve_urls *u, const struct skt_addr *any)
{
	struct ifaddrs *list = NULL;

	if (getifaddrs(&list) < 0) {
		serve_url_of(u, any);
		return;
	}
	for (const struct ifaddrs *i = list; i; i = i->ifa_next) {
		struct skt_addr addr = *any;

		if (!i->ifa_addr || !(i->ifa_flags & IFF_UP) || i->ifa_addr->sa_family != any->sa.sa_family)
			continue;
		if (any->sa.sa_family == AF_INET) {
			addr.in.sin_addr = ((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr;
		} else {
			addr.in6.sin6_addr = ((const struct sockaddr_in6 *)(const void *)i->ifa_addr)->sin6_addr;
			if (IN6_IS_ADDR_LINKLOCAL(&addr.in6.sin6_addr)) /* a browser cannot be told the interface */
				continue;
		}
		serve_url_of(u, &addr);
	}
	freeifaddrs(list);
}

static bool serve_is_any(const struct skt_addr *addr)
{
	return (addr->sa.sa_family == AF_INET && addr->in.sin_addr.s_addr == 0) ||
	       (addr->sa.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&addr->in6.sin6_addr));
}

/* For a phone, which reaches this machine by the network only. */
static int serve_qr(struct serve_urls *u, struct skt_error *err)
{
	int ret;

	if (!u->farthest[0])
		return skt_fail(err, SKT_E_USAGE, 0, "%s", _("--qr: there is no URL that a phone could open"));
	ret = skt_qr_print(u->farthest, &u->text, err);
	if (ret == 0 && !u->has_far)
		skt_say("%s", _("--qr: only this machine can open that URL; any:8080 lets others in"));
	return ret;
}

int skt_serve_announce(const struct skt_args *args, const struct skt_endpoint *e, const struct skt_listener *l, const char *dir,
		       struct skt_error *err)
{
	struct serve_urls u = { .dir = dir, .scheme = skt_serve_is_tls(e) ? "https" : "http", .json = skt_args_has(args, "json") };
	char path[SKT_ADDR_LENGTH];
	int ret = 0;

	if (!u.json && skt_say_level() < 0)
		return 0;
	skt_text_addf(&u.text, _("serving %s\n"), dir);
	for (int i = 0; i < l->n; i++) {
		const struct skt_addr *addr = &l->socket[i].addr;

		if (addr->sa.sa_family == AF_UNIX) {
			skt_text_addf(&u.text, "  curl --unix-socket %s %s://localhost/\n", skt_addr_print_host(addr, path), u.scheme);
			if (u.json)
				serve_url(&u, skt_addr_print_endpoint(addr, "unix", path));
		} else if (serve_is_any(addr)) {
			serve_urls_of_any(&u, addr);
		} else {
			serve_url_of(&u, addr);
		}
	}
	if (!u.json && skt_args_has(args, "qr"))
		ret = serve_qr(&u, err);
	if (!u.json)
		skt_say_plain(skt_text_get(&u.text));
	skt_text_release(&u.text);
	return ret;
}

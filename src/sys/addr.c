/* SPDX-License-Identifier: Apache-2.0 */
/* Socket addresses. */
#include "sys/addr.h"

#include <arpa/inet.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/unit.h"
#include "sys/call.h"

static uint32_t addr_zone(const char *zone)
{
	int64_t number;

	if (skt_number_parse(zone, &number) == 0 && number <= UINT32_MAX)
		return (uint32_t)number;
	return if_nametoindex(zone);
}

int skt_addr_parse_ip(const char *host, const char *zone, int port, struct skt_addr *ret)
{
	struct skt_addr a = { 0 };

	if (inet_pton(AF_INET, host, &a.in.sin_addr) == 1) {
		a.in.sin_family = AF_INET;
		a.len = sizeof(a.in);
	} else if (inet_pton(AF_INET6, host, &a.in6.sin6_addr) == 1) {
		a.in6.sin6_family = AF_INET6;
		a.len = sizeof(a.in6);
		if (zone && (a.in6.sin6_scope_id = addr_zone(zone)) == 0)
			return -SKT_E_RESOLVE;
	} else {
		return -SKT_E_RESOLVE;
	}
	skt_addr_port_set(&a, (unsigned)port);
	*ret = a;
	return 0;
}

int skt_addr_from_path(const char *path, struct skt_addr *ret)
{
	struct skt_addr a = { 0 };
	size_t n = strlen(path);

	if (n >= sizeof(a.un.sun_path))
		return -SKT_E_USAGE;
	a.un.sun_family = AF_UNIX;
	memcpy(a.un.sun_path, path, n);
	a.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
	if (path[0] == '@') {
		a.un.sun_path[0] = '\0';
		a.len--;
	}
	*ret = a;
	return 0;
}

void skt_addr_from_vsock(uint32_t cid, uint32_t port, struct skt_addr *ret)
{
	struct sockaddr_vm vm = { .svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port };

	*ret = (struct skt_addr){ .len = sizeof(vm) };
	memcpy(ret->room, &vm, sizeof(vm));
}

static struct sockaddr_vm addr_vsock(const struct skt_addr *a)
{
	struct sockaddr_vm vm;

	memcpy(&vm, a->room, sizeof(vm));
	return vm;
}

static void addr_print_unix(const struct skt_addr *a, char *ret)
{
	size_t head = offsetof(struct sockaddr_un, sun_path), n = a->len > head ? a->len - head : 0;

	if (n == 0)
		ret[0] = '\0';
	else if (a->un.sun_path[0] == '\0')
		(void)snprintf(ret, SKT_ADDR_LENGTH, "@%.*s", (int)n - 1, a->un.sun_path + 1);
	else
		(void)snprintf(ret, SKT_ADDR_LENGTH, "%.*s", (int)n, a->un.sun_path);
}

char *skt_addr_print_host(const struct skt_addr *a, char *ret)
{
	char zone[IF_NAMESIZE];
	size_t n;

	ret[0] = '\0';
	switch (a->sa.sa_family) {
	case AF_INET:
		(void)inet_ntop(AF_INET, &a->in.sin_addr, ret, SKT_ADDR_LENGTH);
		break;
	case AF_INET6:
		(void)inet_ntop(AF_INET6, &a->in6.sin6_addr, ret, SKT_ADDR_LENGTH);
		n = strlen(ret);
		if (a->in6.sin6_scope_id && if_indextoname(a->in6.sin6_scope_id, zone))
			(void)snprintf(ret + n, SKT_ADDR_LENGTH - n, "%%%s", zone);
		else if (a->in6.sin6_scope_id)
			(void)snprintf(ret + n, SKT_ADDR_LENGTH - n, "%%%u", a->in6.sin6_scope_id);
		break;
	case AF_UNIX:
		addr_print_unix(a, ret);
		break;
	case AF_VSOCK:
		if (addr_vsock(a).svm_cid == VMADDR_CID_ANY)
			memcpy(ret, "any", sizeof("any"));
		else
			(void)snprintf(ret, SKT_ADDR_LENGTH, "%u", addr_vsock(a).svm_cid);
		break;
	default:
		break;
	}
	return ret;
}

char *skt_addr_print(const struct skt_addr *a, char *ret)
{
	char host[SKT_ADDR_LENGTH];

	skt_addr_print_host(a, host);
	if (a->sa.sa_family == AF_INET6)
		(void)snprintf(ret, SKT_ADDR_LENGTH, "[%.100s]:%u", host, skt_addr_port(a));
	else if (a->sa.sa_family == AF_INET || a->sa.sa_family == AF_VSOCK)
		(void)snprintf(ret, SKT_ADDR_LENGTH, "%.100s:%u", host, skt_addr_port(a));
	else
		memcpy(ret, host, sizeof(host));
	return ret;
}

char *skt_addr_print_endpoint(const struct skt_addr *a, const char *scheme, char *ret)
{
	char address[SKT_ADDR_LENGTH];

	skt_addr_print(a, address);
	(void)snprintf(ret, SKT_ADDR_LENGTH, a->sa.sa_family == AF_UNIX ? "%.16s:%.130s" : "%.16s://%.130s", scheme,
		       address);
	return ret;
}

unsigned skt_addr_port(const struct skt_addr *a)
{
	switch (a->sa.sa_family) {
	case AF_INET:
		return ntohs(a->in.sin_port);
	case AF_INET6:
		return ntohs(a->in6.sin6_port);
	case AF_VSOCK:
		return addr_vsock(a).svm_port;
	default:
		return 0;
	}
}

void skt_addr_port_set(struct skt_addr *a, unsigned port)
{
	if (a->sa.sa_family == AF_INET)
		a->in.sin_port = htons((uint16_t)port);
	else if (a->sa.sa_family == AF_INET6)
		a->in6.sin6_port = htons((uint16_t)port);
}

const unsigned char *skt_addr_bytes(const struct skt_addr *a, int *n)
{
	if (a->sa.sa_family == AF_INET) {
		*n = 4;
		return (const unsigned char *)&a->in.sin_addr;
	}
	if (a->sa.sa_family != AF_INET6)
		return NULL;
	*n = IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr) ? 4 : 16;
	return a->in6.sin6_addr.s6_addr + 16 - *n;
}

bool skt_addr_is_loopback(const struct skt_addr *a)
{
	int n = 0;
	const unsigned char *bytes = skt_addr_bytes(a, &n);

	if (!bytes)
		return false;
	return n == 4 ? bytes[0] == 127 : IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr);
}

static int addr_ask(int (*ask)(int, struct sockaddr *, socklen_t *), int fd, struct skt_addr *ret)
{
	*ret = (struct skt_addr){ .len = sizeof(ret->room) };
	if (ask(fd, &ret->sa, &ret->len) == 0)
		return 0;
	*ret = (struct skt_addr){ 0 };
	return -1;
}

int skt_addr_of_local(int fd, struct skt_addr *ret)
{
	return addr_ask(skt_sys.getsockname, fd, ret);
}

int skt_addr_of_peer(int fd, struct skt_addr *ret)
{
	return addr_ask(skt_sys.getpeername, fd, ret);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets from the text files of /proc/net, for places where netlink is closed. proc_net_tcp.rst of the kernel; net/unix/af_unix.c
 * for the columns of /proc/net/unix. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "inspect/source.h"

/* Addresses stand there as 32-bit words in the machine's own byte order. Returns 0 or -1. */
static int procnet_ip(const char *hex, struct skt_ip *ret)
{
	size_t n = strlen(hex);

	if (n != 8 && n != 32)
		return -1;
	*ret = (struct skt_ip){ .family = n == 8 ? 4 : 6 };
	for (size_t i = 0; i < n / 8; i++) {
		char word[9] = "";
		uint32_t value;

		memcpy(word, hex + 8 * i, 8);
		value = (uint32_t)strtoul(word, NULL, 16);
		memcpy(ret->bytes + 4 * i, &value, 4);
	}
	return 0;
}

/* One line of tcp, tcp6, udp or udp6. Returns false for what is none: the title. */
static bool procnet_ip_row(const char *line, struct skt_sock *s)
{
	char local[40], remote[40];
	unsigned local_port, remote_port, state, sent, received, uid;
	uint64_t inode;
	uint32_t drops;
	int n;

	n = sscanf(line, "%*d: %36[0-9A-F]:%x %36[0-9A-F]:%x %x %x:%x %*x:%*x %*x %u %*u %" SCNu64 " %*d %*x %" SCNu32,
		   local, &local_port, remote, &remote_port, &state, &sent, &received, &uid, &inode, &drops);
	if (n < 9 || state >= SKT_STATE_COUNT || procnet_ip(local, &s->local) < 0 || procnet_ip(remote, &s->remote) < 0)
		return false;
	s->state = (uint8_t)state;
	s->local_port = local_port;
	s->remote_port = remote_port;
	s->uid = inode ? uid : UINT32_MAX;
	s->inode = inode;
	s->queue = received; /* of a listening socket these are the clients that wait, and nobody tells the limit */
	s->limit = sent;
	s->has_queue = state != SKT_STATE_LISTEN;
	s->has_drops = n >= 10 && s->proto == SKT_PROTO_UDP;
	s->drops = s->has_drops ? drops : 0;
	if (!remote_port && skt_sock_is_bound(s))
		s->remote = (struct skt_ip){ 0 };
	return true;
}

static FILE *procnet_open(const char *file)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%.40s", file);
	return fopen(path, "re");
}

int skt_source_proc_ip(const char *file, enum skt_proto proto, const struct skt_look *look, struct skt_socktable *t)
{
	FILE *f = procnet_open(file);
	char line[512];
	int ret = 0;

	if (!f)
		return -errno;
	while (ret == 0 && fgets(line, sizeof(line), f)) {
		struct skt_sock *s = skt_socktable_append(t, look, proto);

		if (!s)
			ret = -ENOMEM;
		else if (!procnet_ip_row(line, s) || (look->states && !(look->states & 1U << s->state)))
			t->n--;
	}
	(void)fclose(f);
	return ret;
}

/* SS_UNCONNECTED, SS_CONNECTING, SS_CONNECTED and the flag of sockets that listen, in the words of TCP, as netlink has them. */
static uint8_t procnet_unix_state(unsigned state, unsigned flags)
{
	enum { ACCEPTS = 0x10000, CONNECTED = 3 };

	return flags & ACCEPTS ? SKT_STATE_LISTEN : state == CONNECTED ? SKT_STATE_ESTABLISHED : SKT_STATE_CLOSE;
}

static const char *procnet_unix_row(const char *line, struct skt_sock *s)
{
	unsigned flags, type, state;
	uint64_t inode;
	int at = 0;

	if (sscanf(line, "%*[0-9a-fA-F]: %*x %*x %x %x %x %" SCNu64 "%n", &flags, &type, &state, &inode, &at) < 4 ||
	    at == 0)
		return NULL;
	s->proto = type == SOCK_STREAM  ? SKT_PROTO_UNIX
		   : type == SOCK_DGRAM ? SKT_PROTO_UNIX_DGRAM
					: SKT_PROTO_UNIX_SEQPACKET;
	at += line[at] == ' ';
	s->state = procnet_unix_state(state, flags);
	/* whether it has a peer of its own, or only somebody who connected to it, is not told: what has a name can be sent to */
	if (s->proto == SKT_PROTO_UNIX_DGRAM && line[at] && line[at] != '\n')
		s->state = SKT_STATE_CLOSE;
	s->inode = inode;
	return line + at;
}

/* The name as it stands there: an abstract one with @ for its first NUL. */
static int procnet_unix_name(struct skt_socktable *t, struct skt_sock *s, const char *name)
{
	size_t n = strcspn(name, "\n");
	uint32_t at;
	int ret;

	if (n == 0)
		return 0;
	at = (uint32_t)t->names.len;
	ret = skt_socktable_append_name(t, s, name, n);
	if (ret == 0 && name[0] == '@')
		t->names.s[at] = '\0';
	return ret;
}

int skt_source_proc_unix(const struct skt_look *look, struct skt_socktable *t)
{
	unsigned protos = look->protos ? look->protos : (unsigned)SKT_PROTOS_ALL;
	FILE *f = procnet_open("net/unix");
	char line[512];
	int ret = 0;

	if (!f)
		return -errno;
	while (ret == 0 && fgets(line, sizeof(line), f)) {
		struct skt_sock *s = skt_socktable_append(t, look, SKT_PROTO_UNIX);
		const char *name = s ? procnet_unix_row(line, s) : NULL;

		if (!s)
			ret = -ENOMEM;
		else if (!name || !(protos & 1U << s->proto) || (look->states && !(look->states & 1U << s->state)))
			t->n--;
		else
			ret = procnet_unix_name(t, s, name);
	}
	(void)fclose(f);
	return ret;
}

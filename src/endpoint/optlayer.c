/* SPDX-License-Identifier: Apache-2.0 */
/* The options of layers and of proxies. */
#include "endpoint/optlayer.h"

#include <string.h>

#include "base/message.h"
#include "base/unit.h"
#include "endpoint/cidr.h"
#include "endpoint/via.h"

/* NAME[,NAME]: names of at most 255 bytes */
static int optlayer_read_names(const char *value, int64_t *ret)
{
	*ret = 0;
	for (size_t at = 0;;) {
		size_t n = strcspn(value + at, ",");

		if (n == 0 || n > 255 || strcspn(value + at, " \t") < n)
			return (int)at;
		(*ret)++;
		at += n;
		if (value[at] == '\0')
			return -1;
		at++;
	}
}

static int optlayer_read_via(const char *value, int64_t *ret)
{
	struct skt_via via;

	*ret = 0;
	return strcmp(value, "env") == 0 ? -1 : skt_via_parse(value, &via);
}

/* ADDRESS[/BITS] */
static int optlayer_read_cidr(const char *value, int64_t *ret)
{
	struct skt_cidr cidr;
	struct skt_error err;

	*ret = 0;
	if (skt_cidr_parse(value, &cidr, &err) == 0)
		return -1;
	return err.at > 0 ? err.at : 0;
}

/* Name: value */
static int optlayer_read_field(const char *value, int64_t *ret)
{
	size_t n = strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~");

	*ret = 0;
	if (n == 0 || value[n] != ':')
		return (int)n;
	for (size_t i = n; value[i]; i++)
		if ((unsigned char)value[i] < ' ' || value[i] == 127)
			return (int)i;
	return -1;
}

const struct skt_optspec skt_group_tls[] = {
	{ .key = "alpn",
	  .type = SKT_OPT_STRING,
	  .unit = "NAME[,NAME]",
	  .read = optlayer_read_names,
	  .help = N_("what is spoken inside TLS: h2,http/1.1 (RFC 7301)") },
	{ .key = "sni",
	  .type = SKT_OPT_STRING,
	  .unit = "NAME",
	  .role = SKT_ROLE_DIAL,
	  .help = N_("the server's name, where it is not the host (RFC 6066)") },
	{ .key = "verify",
	  .type = SKT_OPT_BOOL,
	  .def = "yes",
	  .unit = YES_NO,
	  .role = SKT_ROLE_DIAL,
	  .help = N_("check the server's certificate, and its name") },
	{ .key = "pin",
	  .type = SKT_OPT_STRING,
	  .unit = "SHA256",
	  .role = SKT_ROLE_DIAL,
	  .help = N_("the fingerprint of the server's public key") },
	{ .key = "ca",
	  .type = SKT_OPT_STRING,
	  .unit = "FILE",
	  .role = SKT_ROLE_DIAL,
	  .help = N_("the certificates to trust, instead of the system's") },
	{ .key = "cert",
	  .type = SKT_OPT_STRING,
	  .unit = "FILE",
	  .many = true,
	  .help = N_("the certificate to show; several: by the name asked for") },
	{ .key = "key",
	  .type = SKT_OPT_STRING,
	  .unit = "FILE",
	  .many = true,
	  .help = N_("its private key, where cert= does not hold it") },
	{ .key = "client-ca",
	  .type = SKT_OPT_STRING,
	  .unit = "FILE",
	  .role = SKT_ROLE_LISTEN,
	  .help = N_("let in only clients whose certificate these have signed") },
	{ .key = "tls-min",
	  .type = SKT_OPT_WORD,
	  .choices = "1.2|1.3",
	  .def = "1.2",
	  .unit = "1.2|1.3",
	  .help = N_("the oldest version of TLS to speak") },
	{ .key = NULL },
};

const struct skt_optspec skt_group_ws[] = {
	{ .key = "path",
	  .type = SKT_OPT_STRING,
	  .def = "/",
	  .unit = "PATH",
	  .help = N_("the path of the web address; listening: the only one") },
	{ .key = "protocol",
	  .type = SKT_OPT_STRING,
	  .unit = "NAME[,NAME]",
	  .read = optlayer_read_names,
	  .help = N_("the protocol to speak inside the WebSocket (RFC 6455)") },
	{ .key = "origin",
	  .type = SKT_OPT_STRING,
	  .unit = "ORIGIN",
	  .help = N_("our page; listening: the pages to let in, * for all") },
	{ .key = "header",
	  .type = SKT_OPT_STRING,
	  .unit = "\"NAME: VALUE\"",
	  .role = SKT_ROLE_DIAL,
	  .many = true,
	  .read = optlayer_read_field,
	  .help = N_("one more field of the request") },
	{ .key = "text",
	  .type = SKT_OPT_BOOL,
	  .def = "no",
	  .unit = YES_NO,
	  .help = N_("send messages as text, not as binary data") },
	{ .key = "deflate",
	  .type = SKT_OPT_BOOL,
	  .def = "no",
	  .unit = YES_NO,
	  .help = N_("compress messages where the peer can too (RFC 7692)") },
	{ .key = "max-message",
	  .type = SKT_OPT_SIZE,
	  .min = 1,
	  .max = INT64_MAX / 2,
	  .def = "16M",
	  .unit = "SIZE",
	  .help = N_("the longest message to take from the peer") },
	{ .key = "ping",
	  .type = SKT_OPT_DURATION,
	  .min = 10 * SKT_MS,
	  .max = SKT_FOREVER,
	  .unit = "DURATION",
	  .help = N_("how often to ask whether the peer is there, and how far") },
	{ .key = "frame",
	  .type = SKT_OPT_STRING,
	  .def = "none",
	  .unit = "FRAME",
	  .read = skt_read_frame,
	  .help = N_("messages in a stream: line, len16, len32, chunk=N, none") },
	{ .key = NULL },
};

const struct skt_optspec skt_group_via[] = {
	{ .key = "via",
	  .type = SKT_OPT_STRING,
	  .unit = "PROXY|env",
	  .role = SKT_ROLE_DIAL,
	  .many = true,
	  .read = optlayer_read_via,
	  .help = N_("a proxy to go through; several: one through the other") },
	{ .key = NULL },
};

const struct skt_optspec skt_group_proxy[] = {
	{ .key = "proxy",
	  .type = SKT_OPT_WORD,
	  .choices = "v1|v2",
	  .unit = "v1|v2",
	  .role = SKT_ROLE_DIAL,
	  .help = N_("tell the server first who the client is (PROXY protocol)") },
	{ .key = "accept-proxy",
	  .type = SKT_OPT_BOOL,
	  .def = "no",
	  .unit = YES_NO,
	  .role = SKT_ROLE_LISTEN,
	  .help = N_("be told by each client first whom it speaks for") },
	{ .key = "proxy-from",
	  .type = SKT_OPT_STRING,
	  .unit = "CIDR",
	  .role = SKT_ROLE_LISTEN,
	  .many = true,
	  .read = optlayer_read_cidr,
	  .help = N_("who may tell: this network; without it only this machine") },
	{ .key = NULL },
};

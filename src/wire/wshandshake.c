/* SPDX-License-Identifier: Apache-2.0 */
/* The handshake of WebSocket. */
#include "wire/wshandshake.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/message.h"
#include "sys/ossl.h"

#define WS_VERSION "13"
/* What every server adds to the key (RFC 6455, section 1.3). */
#define WS_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

enum { WS_SHA1 = 20, WS_KEY_LENGTH = SKT_WS_KEY_ROOM - 1 };

void skt_ws_key(const unsigned char nonce[SKT_WS_NONCE], char ret[SKT_WS_KEY_ROOM])
{
	ret[0] = '\0';
	if (skt_ossl_load(NULL) == 0)
		(void)EVP_EncodeBlock((unsigned char *)ret, nonce, SKT_WS_NONCE);
}

bool skt_ws_accept(struct skt_span key, char ret[SKT_WS_ACCEPT_ROOM])
{
	unsigned char text[WS_KEY_LENGTH + sizeof(WS_GUID)], digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (key.n != WS_KEY_LENGTH || skt_ossl_load(NULL) < 0)
		return false;
	memcpy(text, key.s, key.n);
	memcpy(text + key.n, WS_GUID, sizeof(WS_GUID) - 1);
	if (!EVP_Digest(text, key.n + sizeof(WS_GUID) - 1, digest, &n, EVP_sha1(), NULL) || n != WS_SHA1)
		return false;
	(void)EVP_EncodeBlock((unsigned char *)ret, digest, WS_SHA1);
	return true;
}

static struct skt_span span_of(const char *s)
{
	return (struct skt_span){ s, s ? strlen(s) : 0 };
}

static bool span_same(struct skt_span a, struct skt_span b)
{
	return a.n == b.n && memcmp(a.s, b.s, a.n) == 0;
}

static bool span_same_nocase(struct skt_span a, struct skt_span b)
{
	return a.n == b.n && strncasecmp(a.s, b.s, a.n) == 0;
}

/* The client's request */

static bool ask_is_clean(const char *s, bool may_have_blanks)
{
	for (; s && *s; s++)
		if ((unsigned char)*s < (may_have_blanks ? ' ' : '!') || *s == 127)
			return false;
	return true;
}

static const char *ask_unclean(const struct skt_wsask *ask)
{
	if (!ask_is_clean(ask->host, false))
		return N_("the host");
	if (!ask_is_clean(ask->path, false))
		return N_("the path");
	if (!ask_is_clean(ask->protocols, true))
		return N_("the list of protocols");
	if (!ask_is_clean(ask->origin, true))
		return N_("the origin");
	for (int i = 0; i < ask->n_header; i++)
		if (!ask_is_clean(ask->header[i], true))
			return N_("a field of the header");
	return NULL;
}

int skt_wsask_compose(const struct skt_wsask *ask, const char *key, struct skt_text *ret, const char **what)
{
	*what = ask_unclean(ask);
	if (*what)
		return -1;
	skt_text_addf(ret,
		      "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		      "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: " WS_VERSION "\r\n",
		      ask->path && *ask->path ? ask->path : "/", ask->host ? ask->host : "", key);
	if (ask->protocols && *ask->protocols)
		skt_text_addf(ret, "Sec-WebSocket-Protocol: %s\r\n", ask->protocols);
	if (ask->zips)
		skt_text_add(ret, "Sec-WebSocket-Extensions: " SKT_WSZIP_OFFER "\r\n");
	if (ask->origin && *ask->origin)
		skt_text_addf(ret, "Origin: %s\r\n", ask->origin);
	for (int i = 0; i < ask->n_header; i++)
		skt_text_addf(ret, "%s\r\n", ask->header[i]);
	skt_text_add(ret, "\r\n");
	return 0;
}

/* What a server checks */

/* 24 characters of base64, for 16 bytes. */
static bool key_is_sound(struct skt_span key)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	if (key.n != WS_KEY_LENGTH || memcmp(key.s + key.n - 2, "==", 2) != 0)
		return false;
	for (size_t i = 0; i < key.n - 2; i++)
		if (!memchr(digits, key.s[i], sizeof(digits) - 1))
			return false;
	return true;
}

/* A request with a body: its bytes would be taken for frames. */
static bool has_body(const struct skt_head *head)
{
	struct skt_span length = skt_head_field(head, "Content-Length");

	return skt_head_count(head, "Transfer-Encoding") > 0 || skt_head_count(head, "Content-Length") > 1 ||
	       (length.s && !skt_span_is(length, "0"));
}

/* The host of an address such as http://example.org:8080, without a port that its scheme has anyway. */
static struct skt_span origin_host(struct skt_span origin, const char **default_port)
{
	static const struct {
		const char *scheme, *port;
	} schemes[] = { { "http://", ":80" }, { "https://", ":443" } };

	for (size_t i = 0; i < SKT_LENGTH(schemes); i++) {
		size_t n = strlen(schemes[i].scheme);

		if (origin.n <= n || strncasecmp(origin.s, schemes[i].scheme, n) != 0)
			continue;
		*default_port = schemes[i].port;
		return (struct skt_span){ origin.s + n, origin.n - n };
	}
	return (struct skt_span){ NULL, 0 };
}

static struct skt_span without_port(struct skt_span host, const char *port)
{
	size_t n = strlen(port);

	if (host.n > n && memcmp(host.s + host.n - n, port, n) == 0)
		host.n -= n;
	return host;
}

/* Whether a page of `origin` may connect to the host it came from, and to no other. */
static bool origin_is_host(struct skt_span origin, struct skt_span host)
{
	const char *port = "";
	struct skt_span own = origin_host(origin, &port);

	return own.n && span_same_nocase(without_port(own, port), without_port(host, port));
}

static bool origin_is_let_in(const struct skt_head *head, const char *let_in)
{
	struct skt_span list = span_of(let_in), one, origin = skt_head_field(head, "Origin");

	if (!origin.s) /* no browser: whoever sends none could send any */
		return true;
	if (!let_in)
		return origin_is_host(origin, skt_head_field(head, "Host"));
	while (skt_span_next(&list, &one))
		if (skt_span_is(one, "*") || span_same_nocase(one, origin) || origin_is_host(origin, one))
			return true;
	return false;
}

/* The path of a target: without its query, and without the scheme and host of an absolute one. */
static struct skt_span target_path(struct skt_span target)
{
	const char *start = target.n && target.s[0] != '/' ? memmem(target.s, target.n, "://", 3) : NULL, *end;

	if (start) {
		size_t left = target.n - (size_t)(start + 3 - target.s);
		const char *slash = memchr(start + 3, '/', left);

		if (!slash)
			return (struct skt_span){ "/", 1 };
		target = (struct skt_span){ slash, left - (size_t)(slash - start - 3) };
	}
	end = memchr(target.s, '?', target.n);
	if (end)
		target.n = (size_t)(end - target.s);
	return target;
}

static bool path_is_served(const struct skt_head *head, const char *path)
{
	return !path || span_same(target_path(head->target), span_of(path));
}

/* Each check is a row: the first that does not hold decides. */
struct ask_facts {
	const struct skt_head *head;
	const struct skt_wsserves *serves;
};

static bool ask_is_get(const struct ask_facts *f)
{
	return skt_span_is(f->head->method, "GET");
}

static bool ask_is_recent(const struct ask_facts *f)
{
	return f->head->minor == 1;
}

static bool ask_has_host(const struct ask_facts *f)
{
	return skt_head_count(f->head, "Host") == 1;
}

static bool ask_has_no_body(const struct ask_facts *f)
{
	return !has_body(f->head);
}

static bool ask_upgrades(const struct ask_facts *f)
{
	return skt_head_lists(f->head, "Upgrade", "websocket");
}

static bool ask_connects(const struct ask_facts *f)
{
	return skt_head_lists(f->head, "Connection", "upgrade");
}

static bool ask_has_version(const struct ask_facts *f)
{
	return skt_head_count(f->head, "Sec-WebSocket-Version") == 1 &&
	       skt_span_is(skt_head_field(f->head, "Sec-WebSocket-Version"), WS_VERSION);
}

static bool ask_has_key(const struct ask_facts *f)
{
	return skt_head_count(f->head, "Sec-WebSocket-Key") == 1 &&
	       key_is_sound(skt_head_field(f->head, "Sec-WebSocket-Key"));
}

static bool ask_has_path(const struct ask_facts *f)
{
	return path_is_served(f->head, f->serves->path);
}

static bool ask_has_one_origin(const struct ask_facts *f)
{
	return skt_head_count(f->head, "Origin") <= 1;
}

static bool ask_has_origin(const struct ask_facts *f)
{
	return origin_is_let_in(f->head, f->serves->origin);
}

static const struct {
	bool (*holds)(const struct ask_facts *f);
	int status;
	const char *why;
} ask_checks[] = {
	{ ask_is_get, 405, N_("a WebSocket is asked for with GET") },
	{ ask_is_recent, 400, N_("a WebSocket is asked for with HTTP/1.1") },
	{ ask_has_host, 400, N_("there must be one field Host") },
	{ ask_has_no_body, 400, N_("a request for a WebSocket has no body") },
	{ ask_upgrades, 426, N_("only a WebSocket is to be had here") },
	{ ask_connects, 400, N_("the field Connection does not list upgrade") },
	{ ask_has_version, 426, N_("only version 13 of WebSocket is spoken here") },
	{ ask_has_key, 400, N_("the field Sec-WebSocket-Key is missing or is no 16 bytes in base64") },
	{ ask_has_path, 404, N_("there is no WebSocket at this path") },
	{ ask_has_one_origin, 400, N_("there is more than one field Origin") },
	{ ask_has_origin, 403, N_("pages of this origin are not let in") },
};

/* Take the protocol that comes first with us among those that the client speaks. */
static void ask_choose_protocol(const struct skt_head *head, const char *protocols, char *ret)
{
	struct skt_span list = span_of(protocols), own;

	while (skt_span_next(&list, &own)) {
		for (int i = 0; i < head->n_fields; i++) {
			struct skt_span offered = head->field[i].value, one;

			if (!skt_span_is_nocase(head->field[i].name, "Sec-WebSocket-Protocol"))
				continue;
			while (own.n < SKT_WS_PROTOCOL_ROOM && skt_span_next(&offered, &one)) {
				if (!span_same(own, one))
					continue;
				memcpy(ret, own.s, own.n);
				ret[own.n] = '\0';
				return;
			}
		}
	}
}

void skt_wsask_check(const struct skt_head *head, const struct skt_wsserves *serves, struct skt_wsanswer *ret)
{
	struct ask_facts facts = { head, serves };

	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < SKT_LENGTH(ask_checks); i++) {
		if (ask_checks[i].holds(&facts))
			continue;
		ret->status = ask_checks[i].status;
		ret->why = ask_checks[i].why;
		return;
	}
	if (!skt_ws_accept(skt_head_field(head, "Sec-WebSocket-Key"), ret->accept)) {
		ret->status = 500;
		ret->why = N_("this machine's libcrypto has no SHA-1, which WebSocket needs");
		return;
	}
	ret->status = 101;
	ask_choose_protocol(head, serves->protocols, ret->agreed.protocol);
	if (serves->zips)
		skt_wszip_choose(head, &ret->agreed.zipping);
}

/* The server's answer */

static const struct {
	int status;
	const char *reason, *fields;
} refusals[] = {
	{ 400, "Bad Request", "Connection: close\r\n" },
	{ 403, "Forbidden", "Connection: close\r\n" },
	{ 404, "Not Found", "Connection: close\r\n" },
	{ 405, "Method Not Allowed", "Connection: close\r\nAllow: GET\r\n" },
	{ 426, "Upgrade Required",
	  "Connection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: " WS_VERSION "\r\n" },
	{ 431, "Request Header Fields Too Large", "Connection: close\r\n" },
	{ 500, "Internal Server Error", "Connection: close\r\n" },
};

/* The body is English whoever reads it: it is for another machine's user. */
static void answer_refuse(const struct skt_wsanswer *answer, struct skt_text *ret)
{
	size_t i = 0;

	while (i + 1 < SKT_LENGTH(refusals) && refusals[i].status != answer->status)
		i++;
	skt_text_addf(ret, "HTTP/1.1 %d %s\r\n%sContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n%s\n",
		      refusals[i].status, refusals[i].reason, refusals[i].fields, strlen(answer->why) + 1, answer->why);
}

void skt_wsanswer_compose(const struct skt_wsanswer *answer, struct skt_text *ret)
{
	if (answer->status != 101) {
		answer_refuse(answer, ret);
		return;
	}
	skt_text_addf(ret,
		      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		      "Sec-WebSocket-Accept: %s\r\n",
		      answer->accept);
	if (answer->agreed.protocol[0])
		skt_text_addf(ret, "Sec-WebSocket-Protocol: %s\r\n", answer->agreed.protocol);
	if (answer->agreed.zipping.is_on) {
		skt_text_add(ret, "Sec-WebSocket-Extensions: ");
		skt_wszip_compose(&answer->agreed.zipping, ret);
		skt_text_add(ret, "\r\n");
	}
	skt_text_add(ret, "\r\n");
}

/* What a client checks */

static bool protocol_was_offered(struct skt_span protocol, const char *offered)
{
	struct skt_span list = span_of(offered), one;

	while (skt_span_next(&list, &one))
		if (span_same(one, protocol))
			return true;
	return false;
}

static const char *answer_protocol(const struct skt_head *head, const char *offered, struct skt_wsagreed *ret)
{
	struct skt_span protocol = skt_head_field(head, "Sec-WebSocket-Protocol");

	if (!protocol.s)
		return NULL;
	if (skt_head_count(head, "Sec-WebSocket-Protocol") > 1)
		return N_("it chose more than one subprotocol");
	if (!protocol_was_offered(protocol, offered))
		return N_("it chose a subprotocol that was not offered");
	if (protocol.n >= SKT_WS_PROTOCOL_ROOM)
		return N_("the subprotocol it chose has too long a name");
	memcpy(ret->protocol, protocol.s, protocol.n);
	return NULL;
}

static const char *answer_upgrade(const struct skt_head *head, const char *key)
{
	char accept[SKT_WS_ACCEPT_ROOM];

	if (head->minor != 1)
		return N_("it answered with HTTP/1.0");
	if (!skt_head_lists(head, "Upgrade", "websocket"))
		return N_("its field Upgrade does not say websocket");
	if (!skt_head_lists(head, "Connection", "upgrade"))
		return N_("its field Connection does not list upgrade");
	if (!skt_ws_accept(span_of(key), accept))
		return N_("this machine's libcrypto has no SHA-1, which WebSocket needs");
	if (skt_head_count(head, "Sec-WebSocket-Accept") != 1 ||
	    !skt_span_is(skt_head_field(head, "Sec-WebSocket-Accept"), accept))
		return N_("its field Sec-WebSocket-Accept does not fit the key that was sent");
	return NULL;
}

int skt_wsanswer_check(const struct skt_head *head, const struct skt_wsask *ask, const char *key,
		       struct skt_wsagreed *ret, const char **why)
{
	struct skt_wsagreed agreed = { 0 };

	*why = answer_upgrade(head, key);
	if (!*why)
		*why = answer_protocol(head, ask->protocols, &agreed);
	if (!*why)
		*why = skt_wszip_check(head, ask->zips, &agreed.zipping);
	if (*why)
		return -1;
	*ret = agreed;
	return 0;
}

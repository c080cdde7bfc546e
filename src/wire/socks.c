/* SPDX-License-Identifier: Apache-2.0 */
/* What a client of a SOCKS proxy says and hears. */
#include "wire/socks.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"

enum { SOCKS5 = 5, SOCKS4 = 4, SOCKS_CONNECT = 1, SOCKS5_LOGIN_VERSION = 1, SOCKS4_GRANTED = 90 };
enum { ATYP_IPV4 = 1, ATYP_NAME = 3, ATYP_IPV6 = 4 };

/* What can be said */

static bool is_too_long(const char *text)
{
	return text && strlen(text) > SKT_SOCKS_TEXT_MAX;
}

static const char *socks_objection(const char *user, const char *host)
{
	if (is_too_long(host))
		return N_("a name for SOCKS has at most 255 bytes");
	if (host[0] == '\0')
		return N_("the target has no name");
	return is_too_long(user) ? N_("a user for SOCKS has at most 255 bytes") : NULL;
}

const char *skt_socks5_objection(const char *user, const char *password, const char *host)
{
	const char *why = socks_objection(user, host);

	if (why)
		return why;
	return is_too_long(password) ? N_("a password for SOCKS5 has at most 255 bytes") : NULL;
}

const char *skt_socks4a_objection(const char *user, const char *password, const char *host)
{
	const char *why = socks_objection(user, host);

	if (why)
		return why;
	if (strchr(host, ':'))
		return N_("SOCKS4a has no IPv6 addresses");
	return password ? N_("SOCKS4a has no passwords") : NULL;
}

/* Messages */

struct socks_message {
	unsigned char *bytes;
	size_t n;
};

static void add_byte(struct socks_message *m, size_t byte)
{
	m->bytes[m->n++] = (unsigned char)byte;
}

static void add_bytes(struct socks_message *m, const void *bytes, size_t n)
{
	if (n)
		memcpy(m->bytes + m->n, bytes, n);
	m->n += n;
}

/* A text after its length. */
static void add_counted(struct socks_message *m, const char *text)
{
	size_t n = text ? strlen(text) : 0;

	add_byte(m, n);
	add_bytes(m, text, n);
}

/* A text and a NUL. */
static void add_ended(struct socks_message *m, const char *text)
{
	add_bytes(m, text, text ? strlen(text) : 0);
	add_byte(m, 0);
}

static void add_port(struct socks_message *m, unsigned port)
{
	add_byte(m, port >> 8);
	add_byte(m, port);
}

size_t skt_socks5_hello(bool with_password, unsigned char *ret)
{
	struct socks_message m = { .bytes = ret };

	add_byte(&m, SOCKS5);
	add_byte(&m, with_password ? 2 : 1);
	add_byte(&m, SKT_SOCKS5_NO_LOGIN);
	if (with_password)
		add_byte(&m, SKT_SOCKS5_PASSWORD);
	return m.n;
}

size_t skt_socks5_login(const char *user, const char *password, unsigned char *ret)
{
	struct socks_message m = { .bytes = ret };

	add_byte(&m, SOCKS5_LOGIN_VERSION);
	add_counted(&m, user);
	add_counted(&m, password);
	return m.n;
}

size_t skt_socks5_connect(const char *host, unsigned port, unsigned char *ret)
{
	struct socks_message m = { .bytes = ret };
	unsigned char ip[16];

	add_byte(&m, SOCKS5);
	add_byte(&m, SOCKS_CONNECT);
	add_byte(&m, 0);
	if (inet_pton(AF_INET, host, ip) == 1) {
		add_byte(&m, ATYP_IPV4);
		add_bytes(&m, ip, 4);
	} else if (inet_pton(AF_INET6, host, ip) == 1) {
		add_byte(&m, ATYP_IPV6);
		add_bytes(&m, ip, 16);
	} else {
		add_byte(&m, ATYP_NAME);
		add_counted(&m, host);
	}
	add_port(&m, port);
	return m.n;
}

size_t skt_socks4a_connect(const char *user, const char *host, unsigned port, unsigned char *ret)
{
	static const unsigned char name_follows[4] = { 0, 0, 0, 1 };
	struct socks_message m = { .bytes = ret };
	unsigned char ip[4];
	bool is_ip = inet_pton(AF_INET, host, ip) == 1;

	add_byte(&m, SOCKS4);
	add_byte(&m, SOCKS_CONNECT);
	add_port(&m, port);
	add_bytes(&m, is_ip ? ip : name_follows, 4);
	add_ended(&m, user);
	if (!is_ip)
		add_ended(&m, host);
	return m.n;
}

/* Replies */

static struct skt_socksanswer answer(enum skt_socksverdict verdict, size_t n, int code)
{
	return (struct skt_socksanswer){ verdict, n, code };
}

static struct skt_socksanswer answer_more(size_t whole, size_t n)
{
	return answer(SKT_SOCKS_MORE, whole - n, 0);
}

static struct skt_socksanswer parse_method(const unsigned char *s, size_t n)
{
	if (n > 0 && s[0] != SOCKS5)
		return answer(SKT_SOCKS_FOREIGN, 0, 0);
	if (n < 2)
		return answer_more(2, n);
	if (s[1] == 0xff)
		return answer(SKT_SOCKS_REFUSED, 2, s[1]);
	return answer(s[1] == SKT_SOCKS5_NO_LOGIN || s[1] == SKT_SOCKS5_PASSWORD ? SKT_SOCKS_OK : SKT_SOCKS_FOREIGN, 2,
		      s[1]);
}

/* Some proxies begin this one with the version of SOCKS instead of the login's. */
static struct skt_socksanswer parse_login(const unsigned char *s, size_t n)
{
	if (n > 0 && s[0] != SOCKS5_LOGIN_VERSION && s[0] != SOCKS5)
		return answer(SKT_SOCKS_FOREIGN, 0, 0);
	if (n < 2)
		return answer_more(2, n);
	return answer(s[1] ? SKT_SOCKS_REFUSED : SKT_SOCKS_OK, 2, s[1]);
}

/* The length of a reply to connect with its address, from its first five bytes; 0 where there is no such kind of address. */
static size_t connect_length(const unsigned char *s)
{
	switch (s[3]) {
	case ATYP_IPV4:
		return 4 + 4 + 2;
	case ATYP_IPV6:
		return 4 + 16 + 2;
	case ATYP_NAME:
		return 4 + 1 + (size_t)s[4] + 2;
	default:
		return 0;
	}
}

static struct skt_socksanswer parse_connect(const unsigned char *s, size_t n)
{
	size_t whole;

	if (n > 0 && s[0] != SOCKS5)
		return answer(SKT_SOCKS_FOREIGN, 0, 0);
	if (n < 2)
		return answer_more(2, n);
	if (s[1])
		return answer(SKT_SOCKS_REFUSED, 2, s[1]); /* some proxies close without sending the rest */
	if (n < 5)
		return answer_more(5, n);
	whole = connect_length(s);
	if (whole == 0)
		return answer(SKT_SOCKS_FOREIGN, 0, 0);
	return n < whole ? answer_more(whole, n) : answer(SKT_SOCKS_OK, whole, 0);
}

static struct skt_socksanswer parse_socks4(const unsigned char *s, size_t n)
{
	if (n > 0 && s[0] != 0)
		return answer(SKT_SOCKS_FOREIGN, 0, 0);
	if (n < 2)
		return answer_more(2, n);
	if (s[1] > SOCKS4_GRANTED && s[1] <= 93)
		return answer(SKT_SOCKS_REFUSED, 2, s[1]);
	if (s[1] != SOCKS4_GRANTED)
		return answer(SKT_SOCKS_FOREIGN, 0, 0);
	return n < 8 ? answer_more(8, n) : answer(SKT_SOCKS_OK, 8, 0);
}

struct skt_socksanswer skt_socks_parse(enum skt_socksreply which, const void *bytes, size_t n)
{
	static struct skt_socksanswer (*const parsers[])(const unsigned char *s, size_t n) = {
		[SKT_SOCKS5_METHOD] = parse_method,
		[SKT_SOCKS5_LOGIN] = parse_login,
		[SKT_SOCKS5_CONNECT] = parse_connect,
		[SKT_SOCKS4_CONNECT] = parse_socks4,
	};

	return parsers[which](bytes, n);
}

/* Refusals */

static const struct {
	enum skt_socksreply which;
	int code;
	struct skt_sockswhy why;
} socks_reasons[] = {
	{ SKT_SOCKS5_METHOD, 0xff, { SKT_E_DENIED, N_("it accepts none of the ways to log in that were offered") } },
	{ SKT_SOCKS5_CONNECT, 1, { SKT_E_REFUSED, N_("it failed, and the proxy does not say why") } },
	{ SKT_SOCKS5_CONNECT, 2, { SKT_E_DENIED, N_("the proxy's rules do not allow it") } },
	{ SKT_SOCKS5_CONNECT, 3, { SKT_E_REFUSED, N_("the network is unreachable") } },
	{ SKT_SOCKS5_CONNECT, 4, { SKT_E_REFUSED, N_("the host is unreachable, or has no address") } },
	{ SKT_SOCKS5_CONNECT, 5, { SKT_E_REFUSED, N_("the connection was refused") } },
	{ SKT_SOCKS5_CONNECT, 6, { SKT_E_TIMEOUT, N_("the target did not answer in time") } },
	{ SKT_SOCKS5_CONNECT, 7, { SKT_E_PEER, N_("the proxy does not make connections") } },
	{ SKT_SOCKS5_CONNECT, 8, { SKT_E_PEER, N_("the proxy does not take addresses of this kind") } },
	{ SKT_SOCKS4_CONNECT, 91, { SKT_E_REFUSED, N_("it was refused, or it failed") } },
	{ SKT_SOCKS4_CONNECT, 92, { SKT_E_DENIED, N_("the proxy found no identd here that tells who the user is") } },
	{ SKT_SOCKS4_CONNECT, 93, { SKT_E_DENIED, N_("the identd here names another user") } },
};

const struct skt_sockswhy *skt_socks_why(enum skt_socksreply which, int code)
{
	static const struct skt_sockswhy login = { SKT_E_DENIED, N_("it does not accept this user and password") };
	static const struct skt_sockswhy unknown = { SKT_E_REFUSED, N_("the proxy's reason is not known here") };

	for (size_t i = 0; i < SKT_LENGTH(socks_reasons); i++)
		if (socks_reasons[i].which == which && socks_reasons[i].code == code)
			return &socks_reasons[i].why;
	return which == SKT_SOCKS5_LOGIN ? &login : &unknown;
}

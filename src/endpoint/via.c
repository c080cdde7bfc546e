/* SPDX-License-Identifier: Apache-2.0 */
/* The address of a proxy. */
#include "endpoint/via.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"

static const struct via_scheme {
	const char *name;
	enum skt_viakind kind;
	int port;
} via_schemes[] = {
	{ "socks5", SKT_VIA_SOCKS5, 1080 },  { "socks5h", SKT_VIA_SOCKS5, 1080 }, { "socks4a", SKT_VIA_SOCKS4A, 1080 },
	{ "socks4", SKT_VIA_SOCKS4A, 1080 }, { "http", SKT_VIA_HTTP, 80 },        { "https", SKT_VIA_HTTPS, 443 },
};

static int via_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* n bytes of s with %XX decoded, into SKT_VIA_WORD bytes. Returns -1, or the offset of what is wrong. */
static int via_decode(const char *s, size_t n, char *ret)
{
	size_t out = 0;

	for (size_t i = 0; i < n; i++) {
		char c = s[i];

		if (c == '%') {
			int high = i + 2 < n ? via_digit(s[i + 1]) : -1, low = high < 0 ? -1 : via_digit(s[i + 2]);

			if (low < 0 || (high == 0 && low == 0))
				return (int)i;
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (out + 1 >= SKT_VIA_WORD)
			return (int)i;
		ret[out++] = c;
	}
	ret[out] = '\0';
	return -1;
}

static int via_parse_user(const char *s, size_t n, struct skt_via *ret)
{
	const char *colon = memchr(s, ':', n);
	size_t user = colon ? (size_t)(colon - s) : n;
	int wrong = via_decode(s, user, ret->user);

	ret->has_user = true;
	if (wrong >= 0 || !colon)
		return wrong;
	ret->has_password = true;
	wrong = via_decode(colon + 1, n - user - 1, ret->password);
	return wrong < 0 ? wrong : wrong + (int)user + 1;
}

static int via_parse_port(const char *s, struct skt_via *ret)
{
	size_t n = strspn(s, "0123456789");
	int port = 0;

	if (n == 0 || n > 5)
		return 0;
	for (size_t i = 0; i < n; i++)
		port = port * 10 + (s[i] - '0');
	if (port < 1 || port > 65535)
		return 0;
	ret->port = port;
	return s[n] == '\0' || (s[n] == '/' && s[n + 1] == '\0') ? -1 : (int)n;
}

/* host, host:port, [address]:port; perhaps a slash behind it */
static int via_parse_host(const char *s, struct skt_via *ret)
{
	bool is_bracketed = *s == '[';
	const char *host = s + is_bracketed;
	size_t n = strcspn(host, is_bracketed ? "]" : ":/"), end = n + (is_bracketed ? 2U : 0U);
	int wrong;

	if (n == 0 || n >= SKT_VIA_WORD || (is_bracketed && host[n] != ']') || strcspn(host, " \t@%?#") < n)
		return 0;
	memcpy(ret->host, host, n);
	ret->host[n] = '\0';
	if (s[end] == '\0' || (s[end] == '/' && s[end + 1] == '\0'))
		return -1;
	if (s[end] != ':')
		return (int)end;
	wrong = via_parse_port(s + end + 1, ret);
	return wrong < 0 ? wrong : wrong + (int)end + 1;
}

int skt_via_parse(const char *text, struct skt_via *ret)
{
	const char *rest = strstr(text, "://"), *at;
	int wrong, begin;

	*ret = (struct skt_via){ .port = 0 };
	if (!rest)
		return 0;
	for (size_t i = 0; i < SKT_LENGTH(via_schemes); i++)
		if (strlen(via_schemes[i].name) == (size_t)(rest - text) &&
		    strncasecmp(via_schemes[i].name, text, (size_t)(rest - text)) == 0) {
			ret->kind = via_schemes[i].kind;
			ret->port = via_schemes[i].port;
		}
	if (ret->port == 0)
		return 0;
	rest += 3;
	at = strrchr(rest, '@');
	if (at) {
		wrong = via_parse_user(rest, (size_t)(at - rest), ret);
		if (wrong >= 0)
			return wrong + (int)(rest - text);
		rest = at + 1;
	}
	begin = (int)(rest - text);
	wrong = via_parse_host(rest, ret);
	return wrong < 0 ? wrong : begin + wrong;
}

char *skt_via_print(const struct skt_via *via, char *ret)
{
	static const char *const names[] = {
		[SKT_VIA_SOCKS5] = "socks5", [SKT_VIA_SOCKS4A] = "socks4a", [SKT_VIA_HTTP] = "http", [SKT_VIA_HTTPS] = "https"
	};
	bool is_bracketed = strchr(via->host, ':') != NULL;

	(void)snprintf(ret, SKT_VIA_WORD + 32, "%s://%s%s%s:%d", names[via->kind], is_bracketed ? "[" : "", via->host,
		       is_bracketed ? "]" : "", via->port);
	return ret;
}

static bool via_is_address(const char *host)
{
	return strchr(host, ':') || host[strspn(host, "0123456789.")] == '\0';
}

bool skt_via_is_excepted(const char *list, const char *host)
{
	size_t length = strlen(host);

	while (list && *list) {
		const char *word = list + strspn(list, ", \t");
		size_t n = strcspn(word, ", \t");

		list = word + n;
		if (n == 1 && *word == '*')
			return true;
		if (n > 0 && *word == '.') {
			word++;
			n--;
		}
		if (n == 0 || n > length || strncasecmp(host + length - n, word, n) != 0)
			continue;
		if (n == length || (host[length - n - 1] == '.' && !via_is_address(host)))
			return true;
	}
	return false;
}

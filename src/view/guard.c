/* SPDX-License-Identifier: Apache-2.0 */
/* Who may speak to the live page.
 *
 * A relay of this machine may stand before the page, on another port, and another one with TLS: so the port of a Host is not looked at, and
 * an Origin is the page's own where it names the same host and port as Host does, with either scheme. */
#include "view/guard.h"

#include <string.h>
#include <strings.h>

#include "endpoint/ip.h"
#include "sys/call.h"

int skt_token_make(char ret[SKT_TOKEN_LENGTH + 1])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char bytes[SKT_TOKEN_LENGTH / 2];

	if (skt_sys.getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return -1;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		ret[2 * i] = digits[bytes[i] >> 4];
		ret[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret[SKT_TOKEN_LENGTH] = '\0';
	return 0;
}

bool skt_token_is(const char *token, struct skt_span other)
{
	volatile unsigned differs = 0;

	if (other.n != SKT_TOKEN_LENGTH)
		return false;
	for (size_t i = 0; i < SKT_TOKEN_LENGTH; i++)
		differs |= (unsigned char)token[i] ^ (unsigned char)other.s[i];
	return differs == 0;
}

/* Digits up to the end, after a colon; or nothing. */
static bool guard_is_port(const char *s, size_t n)
{
	if (n == 0)
		return true;
	if (s[0] != ':' || n < 2 || n > 6)
		return false;
	for (size_t i = 1; i < n; i++)
		if (s[i] < '0' || s[i] > '9')
			return false;
	return true;
}

static bool guard_is_loopback(const char *s, size_t n)
{
	struct skt_ip ip;
	size_t wrong;

	return skt_ip_parse(s, n, &ip, &wrong) == 0 && skt_ip_is_loopback(&ip);
}

bool skt_guard_host(struct skt_span host)
{
	const char *end, *colon;
	size_t n;

	if (!host.s || host.n == 0)
		return false;
	if (host.s[0] == '[') {
		end = memchr(host.s, ']', host.n);
		if (!end)
			return false;
		n = (size_t)(end - host.s);
		return guard_is_port(end + 1, host.n - n - 1) && memchr(host.s + 1, ':', n - 1) &&
		       guard_is_loopback(host.s + 1, n - 1);
	}
	colon = memchr(host.s, ':', host.n);
	n = colon ? (size_t)(colon - host.s) : host.n;
	if (!guard_is_port(host.s + n, host.n - n))
		return false;
	return (n == 9 && strncasecmp(host.s, "localhost", n) == 0) || guard_is_loopback(host.s, n);
}

static bool span_is(struct skt_span span, const char *text)
{
	return span.n == strlen(text) && memcmp(span.s, text, span.n) == 0;
}

static bool guard_is_own(struct skt_span origin, struct skt_span host)
{
	static const char *const schemes[] = { "http://", "https://" };

	for (int i = 0; i < 2; i++) {
		size_t n = strlen(schemes[i]);

		if (host.s && origin.n == n + host.n && memcmp(origin.s, schemes[i], n) == 0 &&
		    strncasecmp(origin.s + n, host.s, host.n) == 0)
			return true;
	}
	return false;
}

bool skt_guard_origin(const struct skt_request *r)
{
	struct skt_span origin = r->field[SKT_FIELD_ORIGIN], site = r->field[SKT_FIELD_FETCH_SITE];

	if (r->repeated & (1U << SKT_FIELD_ORIGIN | 1U << SKT_FIELD_FETCH_SITE))
		return false;
	if (origin.s && !guard_is_own(origin, r->field[SKT_FIELD_HOST]))
		return false;
	return !site.s || span_is(site, "same-origin") || span_is(site, "none");
}

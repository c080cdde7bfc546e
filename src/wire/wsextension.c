/* SPDX-License-Identifier: Apache-2.0 */
/* permessage-deflate: how two ends agree on compressing messages. */
#include "wire/wsextension.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"

enum zip_parameter { ZIP_SERVER_FORGETS, ZIP_CLIENT_FORGETS, ZIP_SERVER_BITS, ZIP_CLIENT_BITS, ZIP_PARAMETERS };

static const char *const zip_words[] = {
	[ZIP_SERVER_FORGETS] = "server_no_context_takeover",
	[ZIP_CLIENT_FORGETS] = "client_no_context_takeover",
	[ZIP_SERVER_BITS] = "server_max_window_bits",
	[ZIP_CLIENT_BITS] = "client_max_window_bits",
};
static_assert(SKT_LENGTH(zip_words) == ZIP_PARAMETERS, "a word for each parameter");

/* The parameters of one element: which are there, and the number of each that has one, else 0. */
struct zip_element {
	bool has[ZIP_PARAMETERS];
	uint8_t bits[ZIP_PARAMETERS];
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct skt_span zip_trim(const char *s, size_t n)
{
	while (n && is_blank(s[0])) {
		s++;
		n--;
	}
	while (n && is_blank(s[n - 1]))
		n--;
	return (struct skt_span){ s, n };
}

/* Take what comes before the next separator off *list, empty or not; a separator in quotes is none: a parameter of another extension
 * might hold our name. False at the end. */
static bool zip_split(struct skt_span *list, char separator, struct skt_span *ret)
{
	bool is_quoted = false;
	size_t i;

	if (!list->s)
		return false;
	for (i = 0; i < list->n && (is_quoted || list->s[i] != separator); i++) {
		if (list->s[i] == '"')
			is_quoted = !is_quoted;
		else if (list->s[i] == '\\' && is_quoted && i + 1 < list->n)
			i++;
	}
	*ret = zip_trim(list->s, i);
	*list = i < list->n ? (struct skt_span){ list->s + i + 1, list->n - i - 1 } : (struct skt_span){ NULL, 0 };
	return true;
}

/* 8 to 15 without a leading zero, bare or in quotes; 0 where it is no such number. */
static uint8_t zip_bits(struct skt_span value)
{
	unsigned bits = 0;

	if (value.n >= 2 && value.s[0] == '"' && value.s[value.n - 1] == '"')
		value = (struct skt_span){ value.s + 1, value.n - 2 };
	if (value.n < 1 || value.n > 2 || value.s[0] == '0')
		return 0;
	for (size_t i = 0; i < value.n; i++) {
		if (value.s[i] < '0' || value.s[i] > '9')
			return 0;
		bits = bits * 10 + (unsigned)(value.s[i] - '0');
	}
	return bits >= SKT_WSZIP_BITS_MIN && bits <= SKT_WSZIP_BITS ? (uint8_t)bits : 0;
}

/* A value must be there for the server's bits, may be for the client's, and must not be for the rest. */
static bool zip_value(struct zip_element *e, enum zip_parameter p, const struct skt_span *value)
{
	if (!value)
		return p != ZIP_SERVER_BITS;
	if (p != ZIP_SERVER_BITS && p != ZIP_CLIENT_BITS)
		return false;
	e->bits[p] = zip_bits(*value);
	return e->bits[p] != 0;
}

static bool zip_parameter(struct zip_element *e, struct skt_span one)
{
	const char *sign = memchr(one.s, '=', one.n);
	struct skt_span name = zip_trim(one.s, sign ? (size_t)(sign - one.s) : one.n), value = { NULL, 0 };

	if (sign)
		value = zip_trim(sign + 1, (size_t)(one.s + one.n - sign - 1));
	for (int p = 0; p < ZIP_PARAMETERS; p++) {
		if (!skt_span_is(name, zip_words[p]))
			continue;
		if (e->has[p])
			return false;
		e->has[p] = true;
		return zip_value(e, (enum zip_parameter)p, sign ? &value : NULL);
	}
	return false;
}

/* Returns 1; 0 where the element is another extension; -1 where a parameter is unknown, malformed or there twice. */
static int zip_element(struct skt_span element, struct zip_element *ret)
{
	struct skt_span one = { NULL, 0 };

	memset(ret, 0, sizeof(*ret));
	(void)zip_split(&element, ';', &one);
	if (!skt_span_is(one, "permessage-deflate"))
		return 0;
	while (zip_split(&element, ';', &one))
		if (!zip_parameter(ret, one))
			return -1;
	return 1;
}

static uint8_t zip_or_most(uint8_t bits)
{
	return bits ? bits : SKT_WSZIP_BITS;
}

static struct skt_wszipping zip_agree(const struct zip_element *e)
{
	return (struct skt_wszipping){
		.is_on = true,
		.server_forgets = e->has[ZIP_SERVER_FORGETS],
		.client_forgets = e->has[ZIP_CLIENT_FORGETS],
		.server_bits = zip_or_most(e->bits[ZIP_SERVER_BITS]),
		.client_bits = zip_or_most(e->bits[ZIP_CLIENT_BITS]),
	};
}

void skt_wszip_choose(const struct skt_head *request, struct skt_wszipping *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (int i = 0; i < request->n_fields; i++) {
		struct skt_span list = request->field[i].value, one;
		struct zip_element e;

		if (!skt_span_is_nocase(request->field[i].name, "Sec-WebSocket-Extensions"))
			continue;
		while (zip_split(&list, ',', &one)) {
			if (zip_element(one, &e) <= 0)
				continue;
			*ret = zip_agree(&e);
			return;
		}
	}
}

/* What the client has not asked for need not be said: it is then the most, or the client's own affair. */
void skt_wszip_compose(const struct skt_wszipping *agreed, struct skt_text *ret)
{
	skt_text_add(ret, "permessage-deflate");
	if (agreed->server_forgets)
		skt_text_addf(ret, "; %s", zip_words[ZIP_SERVER_FORGETS]);
	if (agreed->client_forgets)
		skt_text_addf(ret, "; %s", zip_words[ZIP_CLIENT_FORGETS]);
	if (agreed->server_bits < SKT_WSZIP_BITS)
		skt_text_addf(ret, "; %s=%u", zip_words[ZIP_SERVER_BITS], agreed->server_bits);
	if (agreed->client_bits < SKT_WSZIP_BITS)
		skt_text_addf(ret, "; %s=%u", zip_words[ZIP_CLIENT_BITS], agreed->client_bits);
}

static const char *zip_check_one(struct skt_span one, bool offered, struct skt_wszipping *ret)
{
	struct zip_element e;
	int kind = zip_element(one, &e);

	if (kind == 0 || !offered)
		return N_("it uses an extension that was not offered");
	if (kind < 0 || (e.has[ZIP_CLIENT_BITS] && !e.bits[ZIP_CLIENT_BITS]))
		return N_("its parameters of permessage-deflate are wrong");
	if (ret->is_on)
		return N_("it uses permessage-deflate twice");
	*ret = zip_agree(&e);
	return NULL;
}

const char *skt_wszip_check(const struct skt_head *answer, bool offered, struct skt_wszipping *ret)
{
	struct skt_wszipping found = { 0 };

	for (int i = 0; i < answer->n_fields; i++) {
		struct skt_span list = answer->field[i].value, one;

		if (!skt_span_is_nocase(answer->field[i].name, "Sec-WebSocket-Extensions"))
			continue;
		while (zip_split(&list, ',', &one)) {
			const char *why = one.n ? zip_check_one(one, offered, &found) : NULL;

			if (why)
				return why;
		}
	}
	*ret = found;
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Which scheme an address word means.
 *
 * How it works. "-", and words that begin with a path, an @, a bracket, a colon or a star, have a shape of their own.
 * Any other word is cut at its first colon. What stands before it is a chain of schemes where every part is one; else
 * the host of a socket address where a port could follow; else a scheme that nobody knows. */
#include "endpoint/shorthand.h"

#include <string.h>

#include "base/message.h"
#include "base/word.h"
#include "endpoint/ip.h"
#include "endpoint/service.h"

static int shorthand_push(struct skt_endpoint *e, const struct skt_scheme *scheme, int at, struct skt_error *err)
{
	if (e->n_layer == SKT_LAYERS_MAX) {
		int r = skt_fail_at(err, at, _("more than %d layers"), SKT_LAYERS_MAX);

		skt_hint(err, "%s", _("leave some of them out"));
		return r;
	}
	e->layer[e->n_layer++] = scheme;
	return 0;
}

static int shorthand_fail_scheme(const char *name, size_t n, int at, bool is_url, struct skt_error *err)
{
	char wanted[64] = "";
	struct skt_nearest nearest = { .wanted = wanted };
	const struct skt_scheme *s;
	const struct skt_service *service;
	int r;

	if (n == 0) {
		r = skt_fail_at(err, at, "%s", _("a scheme is missing here"));
		skt_hint(err, "%s", _("layers are joined by one plus sign: tls+unix:/run/app.sock"));
		return r;
	}
	r = skt_fail_at(err, at, _("unknown scheme: %.*s"), n < 60 ? (int)n : 60, name);
	if (n < sizeof(wanted))
		memcpy(wanted, name, n);
	for (size_t i = 0; (s = skt_scheme_at(i)); i++)
		skt_nearest_offer(&nearest, s->name);
	service = is_url ? skt_service_of_name(wanted, "TCP") : NULL;
	if (service)
		skt_hint(err, _("%s is a service, not a scheme: write %s://HOST:%u"), service->name,
			 service->port == 443 ? "tls" : "tcp", service->port);
	else if (nearest.word)
		skt_hint(err, _("did you mean %s?"), nearest.word);
	else
		skt_hint(err, "%s",
			 _("some schemes: tcp, tls, unix, exec, file; a host and a port need none: example.com:80"));
	return r;
}

/* tcp+tls: what carries bytes is last. */
static int shorthand_fail_order(const struct skt_scheme *inner, int at, struct skt_error *err)
{
	int r = skt_fail_at(err, at, _("%s is not a layer: nothing can follow it"), inner->name);

	skt_hint(err, _("layers come first, and what carries them last: tls+%s"), inner->name);
	return r;
}

static int shorthand_add_layer(struct skt_endpoint *e, const char *name, size_t n, int at, struct skt_error *err)
{
	const struct skt_scheme *s = skt_scheme_find(name, n);
	int r = 0;

	if (!s)
		return shorthand_fail_scheme(name, n, at, false, err);
	if (e->n_layer > 0 && !e->layer[e->n_layer - 1]->is_layer)
		return shorthand_fail_order(e->layer[e->n_layer - 1], at, err);
	if (!s->alias)
		return shorthand_push(e, s, at, err);
	for (const char *part = s->alias; r == 0 && *part; part += strspn(part, "+")) {
		size_t length = strcspn(part, "+");

		r = shorthand_push(e, skt_scheme_find(part, length), at, err);
		part += length;
	}
	return r;
}

/* "tls+unix" into layers, and what carries the last of them where that was left out. */
static int shorthand_chain(struct skt_endpoint *e, const char *chain, size_t n, struct skt_error *err)
{
	const struct skt_scheme *last;

	for (size_t i = 0; i <= n;) {
		size_t length = strcspn(chain + i, "+:");
		int r = shorthand_add_layer(e, chain + i, length, (int)i, err);

		if (r < 0)
			return r;
		i += length + 1;
	}
	last = e->layer[e->n_layer - 1];
	if (last->is_layer)
		return shorthand_push(e, skt_scheme_find(last->below, strlen(last->below)), (int)n, err);
	if (last->is_dgram && e->n_layer > 1) {
		int r = skt_fail_at(err, (int)(n - strlen(last->name)), _("%s carries messages, and %s needs a stream"),
				    last->name, e->layer[e->n_layer - 2]->name);

		skt_hint(err, _("a stream: %s+tcp"), e->layer[e->n_layer - 2]->name);
		return r;
	}
	return 0;
}

/* How many bytes of the word could be a chain of schemes: letters, digits, - and +, a letter first, up to a colon;
 * else 0. */
static size_t shorthand_chain_length(const char *word)
{
	size_t n = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-+");

	if (word[n] != ':' || strchr("0123456789-+", word[0]))
		return 0;
	return n;
}

static bool shorthand_is_known(const char *chain, size_t n)
{
	for (size_t i = 0; i <= n;) {
		size_t length = strcspn(chain + i, "+:");

		if (!skt_scheme_find(chain + i, length))
			return false;
		i += length + 1;
	}
	return true;
}

static bool shorthand_is_near_scheme(const char *name, size_t n)
{
	char wanted[64] = "";
	struct skt_nearest nearest = { .wanted = wanted };
	const struct skt_scheme *s;

	if (n < 2 || n >= sizeof(wanted))
		return false;
	memcpy(wanted, name, n);
	for (size_t i = 0; (s = skt_scheme_at(i)); i++)
		skt_nearest_offer(&nearest, s->name);
	return nearest.word != NULL;
}

/* fe80::1 and 2001:db8::1:80 look like "scheme:rest"; the host reader knows what to say about them. */
static bool shorthand_is_ip6(const char *word)
{
	size_t n = strcspn(word, "%"), wrong = 0;
	const char *last = strrchr(word, ':');
	struct skt_ip ip;

	return skt_ip6_parse(word, n, &ip, &wrong) == 0 || skt_ip6_parse(word, (size_t)(last - word), &ip, &wrong) == 0;
}

/* Whether "head:rest" is a socket address whose host is the head, though the head could be the name of a scheme. */
static bool shorthand_is_socket_address(const char *word, size_t n)
{
	const char *rest = word + n + 1;
	size_t digits = strspn(rest, "0123456789");
	bool is_near = shorthand_is_near_scheme(word, n);

	if (memchr(word, '+', n) || strncmp(rest, "//", 2) == 0)
		return false;
	if (digits > 0 && rest[digits] == '\0')
		return true;
	if (rest[0] == '\0' || digits > 0)
		return !is_near;
	if (rest[strspn(rest, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_+")] != '\0')
		return shorthand_is_ip6(word);
	return !is_near || skt_service_port(rest, "TCP") > 0;
}

static int shorthand_fail_chain(const char *word, size_t n, struct skt_error *err)
{
	size_t i = 0, length;
	bool is_url = strncmp(word + n + 1, "//", 2) == 0 && !memchr(word, '+', n);

	for (;; i += length + 1) {
		length = strcspn(word + i, "+:");
		if (!skt_scheme_find(word + i, length))
			return shorthand_fail_scheme(word + i, length, (int)i, is_url, err);
	}
}

static int shorthand_use(struct skt_endpoint *e, const char *name, struct skt_error *err)
{
	return shorthand_push(e, skt_scheme_find(name, strlen(name)), 0, err);
}

/* A word without any colon: a port, by number or name. */
static int shorthand_bare(struct skt_endpoint *e, const char *word, struct skt_error *err)
{
	const struct skt_scheme *s = skt_scheme_find(word, strlen(word));
	int r;

	if (s && s->form == SKT_FORM_NONE) {
		r = skt_fail_at(err, (int)strlen(word), _("a scheme ends in a colon: %s"), word);
		skt_hint(err,
			 skt_service_port(word, NULL) ? _("%s: is the scheme, :%s the port of that service")
						      : _("write %s:"),
			 word, word);
		return r;
	}
	return shorthand_use(e, "tcp", err);
}

static int shorthand_fail_slashes(const char *word, struct skt_error *err)
{
	int r = skt_fail_at(err, 0, "%s", _("the scheme before // is missing"));

	skt_hint(err, _("for a host: tcp:%.80s; for a path, one slash: %.80s"), word, word + strspn(word, "/") - 1);
	return r;
}

int skt_shorthand_read(struct skt_endpoint *e, const char *word, size_t *rest, struct skt_error *err)
{
	size_t n = shorthand_chain_length(word);

	*rest = 0;
	if (strcmp(word, "-") == 0) {
		*rest = 1;
		return shorthand_use(e, "stdio", err);
	}
	if (strncmp(word, "//", 2) == 0)
		return shorthand_fail_slashes(word, err);
	if (word[0] == '/' || word[0] == '@' || strncmp(word, "./", 2) == 0 || strncmp(word, "../", 3) == 0)
		return shorthand_use(e, "unix", err);
	if (n > 0 && shorthand_is_known(word, n)) {
		*rest = n + 1;
		return shorthand_chain(e, word, n, err);
	}
	if (n > 0 && !shorthand_is_socket_address(word, n))
		return shorthand_fail_chain(word, n, err);
	return strchr(word, ':') ? shorthand_use(e, "tcp", err) : shorthand_bare(e, word, err);
}

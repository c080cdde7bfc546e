/* SPDX-License-Identifier: Apache-2.0 */
/* The values of filter words: text becomes numbers, sets, networks and patterns. */
#include <net/if.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/message.h"
#include "base/word.h"
#include "endpoint/portclass.h"
#include "endpoint/service.h"
#include "inspect/direction.h"
#include "inspect/filterkey.h"

enum { VALUE_MAX = 1024 };

static int value_fail(struct skt_error *err, size_t at, const char *value, const char *expected)
{
	(void)skt_fail_at(err, (int)at, _("not what is expected here: %.60s"), *value ? value : "\"\"");
	skt_hint(err, _("expected: %s"), expected);
	return -SKT_E_USAGE;
}

/* Whether a number n, compared by the term's operator, can be written as its range; sets the range. */
static void value_range(struct skt_filter_term *term, int64_t n)
{
	term->first = INT64_MIN;
	term->last = INT64_MAX;
	switch (term->op) {
	case SKT_FILTER_IS:
	case SKT_FILTER_NOT:
		term->first = term->last = n;
		break;
	case SKT_FILTER_LESS:
		term->last = n > INT64_MIN ? n - 1 : n;
		break;
	case SKT_FILTER_LESS_OR_IS:
		term->last = n;
		break;
	case SKT_FILTER_MORE:
		term->first = n < INT64_MAX ? n + 1 : n;
		break;
	case SKT_FILTER_MORE_OR_IS:
		term->first = n;
		break;
	}
}

/* A quantity, or with = and != a range of them: a..b, a.., ..b, both ends included. */
static int value_quantity(const char *value, struct skt_filter_term *term, int (*parse)(const char *s, int64_t *ret),
			  const char *expected, struct skt_error *err)
{
	const char *dots = strstr(value, "..");
	char first[64];
	int64_t n;

	if (!dots || (term->op != SKT_FILTER_IS && term->op != SKT_FILTER_NOT)) {
		if (parse(value, &n) < 0)
			return value_fail(err, 0, value, expected);
		value_range(term, n);
		return 0;
	}
	(void)snprintf(first, sizeof(first), "%.*s", (int)(dots - value < 63 ? dots - value : 63), value);
	term->first = INT64_MIN;
	term->last = INT64_MAX;
	if (first[0] && parse(first, &term->first) < 0)
		return value_fail(err, 0, first, expected);
	if ((dots[2] || !first[0]) && parse(dots + 2, &term->last) < 0)
		return value_fail(err, (size_t)(dots - value) + 2, dots + 2, expected);
	return 0;
}

int skt_filter_read_count(const char *value, enum skt_filter_scope scope, struct skt_filter_term *term,
			  struct skt_error *err)
{
	(void)scope;
	return value_quantity(value, term, skt_number_parse, _("a whole number, or a range: 5..10, 5.., ..10"), err);
}

int skt_filter_read_duration(const char *value, enum skt_filter_scope scope, struct skt_filter_term *term,
			     struct skt_error *err)
{
	(void)scope;
	return value_quantity(value, term, skt_duration_parse,
			      _("a duration with its unit: 500us 100ms 5s 2m 1h 3d; or a range: 1ms..5ms, 100ms.."), err);
}

/* Sizes count in 1024 with K M G, and in 1000 with kB MB GB. */
static int value_size(const char *s, int64_t *ret)
{
	int64_t bits;
	size_t digits = strspn(s, "0123456789.");

	if (skt_size_parse(s, ret) == 0)
		return 0;
	if (strlen(s + digits) != 2 || s[digits + 1] != 'B' || skt_rate_parse(s, &bits) < 0)
		return -SKT_E_USAGE;
	*ret = bits / 8;
	return 0;
}

int skt_filter_read_size(const char *value, enum skt_filter_scope scope, struct skt_filter_term *term,
			 struct skt_error *err)
{
	(void)scope;
	return value_quantity(value, term, value_size, _("a size: 1500, 64K, 10M, 2G, 10MB; or a range: 1M..10M, 1M.."),
			      err);
}

/* Bytes a second; "/s" behind it is fine. */
static int value_rate(const char *s, int64_t *ret)
{
	char text[64];
	size_t n = strnlen(s, sizeof(text) - 1);
	int64_t bits;

	memcpy(text, s, n);
	text[n] = '\0';
	if (n > 2 && strcmp(text + n - 2, "/s") == 0)
		text[n - 2] = '\0';
	if (strcmp(text, "0") == 0) {
		*ret = 0;
		return 0;
	}
	if (skt_rate_parse(text, &bits) < 0)
		return -SKT_E_USAGE;
	*ret = bits / 8;
	return 0;
}

int skt_filter_read_rate(const char *value, enum skt_filter_scope scope, struct skt_filter_term *term,
			 struct skt_error *err)
{
	(void)scope;
	return value_quantity(value, term, value_rate, _("a rate with its unit: 500kB 1MB 10Mbit; or a range: 1MB.."),
			      err);
}

/* Digits only, at most UINT32_MAX; or -1. */
static int64_t value_port(const char *s, size_t n)
{
	int64_t port = 0;

	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		port = port * 10 + (s[i] - '0');
		if (port > UINT32_MAX)
			return -1;
	}
	return n > 0 ? port : -1;
}

static int value_fail_port(struct skt_error *err, size_t at, const char *value)
{
	return value_fail(err, at, value, _("a port from 0 to 65535, a range: 1000-2000, or a service: http"));
}

/* 80, 1000-2000, 1000.., http, ":" before it is fine. */
int skt_filter_read_port(const char *value, enum skt_filter_scope scope, struct skt_filter_term *term,
			 struct skt_error *err)
{
	size_t colon = value[0] == ':', n = strspn(value + colon, "0123456789");
	const char *s = value + colon, *rest = s + n;
	int64_t port = value_port(s, n), last = -1;

	if (n == 0 && strncmp(s, "..", 2) == 0 && (last = value_port(s + 2, strlen(s + 2))) >= 0) {
		term->first = 0;
		term->last = last;
		return 0;
	}
	if (n == 0 && *s)
		return skt_filter_read_service(s, scope, term, err);
	if (port < 0)
		return value_fail_port(err, colon, s);
	value_range(term, port);
	if (!*rest)
		return 0;
	rest += strncmp(rest, "..", 2) == 0 ? 2 : *rest == '-' ? 1 : 0;
	if (rest == s + n || (term->op != SKT_FILTER_IS && term->op != SKT_FILTER_NOT))
		return value_fail_port(err, colon + n, s);
	last = *rest ? value_port(rest, strlen(rest)) : *(rest - 1) == '.' ? (int64_t)UINT32_MAX : -1;
	if (last < port) {
		(void)value_fail_port(err, (size_t)(rest - value), s);
		if (last >= 0)
			skt_hint(err, _("a range begins with its lower end: %lld-%lld"), (long long)last,
				 (long long)port);
		return -SKT_E_USAGE;
	}
	term->first = port;
	term->last = last;
	return 0;
}

int skt_filter_read_service(const char *value, enum skt_filter_scope scope, struct skt_filter_term *term,
			    struct skt_error *err)
{
	struct skt_nearest nearest = { .wanted = value };
	const struct skt_service *service;
	int tcp = skt_service_port(value, "TCP"), udp = skt_service_port(value, "UDP");

	(void)scope;
	if (tcp > 0 || udp > 0) {
		value_range(term, tcp > 0 ? tcp : udp);
		term->other = udp > 0 ? udp : tcp;
		return 0;
	}
	for (size_t i = 0; (service = skt_service_at(i)) != NULL; i++)
		skt_nearest_offer(&nearest, service->name);
	(void)skt_fail_at(err, 0, _("there is no service %.60s"), *value ? value : "\"\"");
	if (nearest.word)
		skt_hint(err, _("did you mean %s?"), nearest.word);
	else
		skt_hint(err, "%s",
			 _("services have their names in /etc/services: http, ssh, domain; a port works too: 8080"));
	return -SKT_E_USAGE;
}

int skt_filter_read_pid(const char *value, enum skt_filter_scope scope, struct skt_filter_term *term,
			struct skt_error *err)
{
	int64_t pid;

	(void)scope;
	if (skt_number_parse(value, &pid) < 0 || pid == 0 || pid > INT32_MAX)
		return value_fail(err, 0, value, _("the number of a process: pid=812"));
	value_range(term, pid);
	return 0;
}

int skt_filter_read_user(const char *value, enum skt_filter_scope scope, struct skt_filter_term *term,
			 struct skt_error *err)
{
	struct passwd entry, *found = NULL;
	char buf[2048];
	int64_t uid;

	(void)scope;
	if (strcmp(value, "me") == 0) {
		value_range(term, geteuid());
		return 0;
	}
	if (getpwnam_r(value, &entry, buf, sizeof(buf), &found) == 0 && found) {
		value_range(term, found->pw_uid);
		return 0;
	}
	if (skt_number_parse(value, &uid) == 0 && uid < UINT32_MAX) {
		value_range(term, uid);
		return 0;
	}
	(void)skt_fail_at(err, 0, _("there is no user %.60s"), *value ? value : "\"\"");
	skt_hint(err, "%s", _("expected: me, the name of a user, or a number: user=me, user=root, user=1000"));
	return -SKT_E_USAGE;
}

/* Split "10.0.0.5:443" and "[::1]:443": the host into `host`, the port's offset into *port (0: none). */
static void value_split(const char *value, char *host, size_t size, size_t *port)
{
	const char *colon = strrchr(value, ':'), *bracket = strchr(value, ']');
	size_t n = strlen(value), skip = 0;

	*port = 0;
	if (value[0] == '[' && bracket) {
		skip = 1;
		n = (size_t)(bracket - value) - 1;
		if (bracket[1] == ':')
			*port = (size_t)(bracket - value) + 2;
	} else if (colon && strchr(value, ':') == colon) {
		n = (size_t)(colon - value);
		*port = n + 1;
	}
	(void)snprintf(host, size, "%.*s", (int)(n < size ? n : size - 1), value + skip);
}

static int value_place_host(const char *host, struct skt_filter_term *term, struct skt_error *err)
{
	if (strcmp(host, "any") == 0 || strcmp(host, "*") == 0)
		term->place = SKT_PLACE_ANY;
	else if (strcmp(host, "loopback") == 0 || strcmp(host, "localhost") == 0)
		term->place = SKT_PLACE_LOOPBACK;
	else if (skt_cidr_parse(host, &term->cidr, err) < 0)
		return -SKT_E_USAGE;
	return 0;
}

/* any, loopback, an address or a network; an address may have its port behind it. */
int skt_filter_read_place(const char *value, enum skt_filter_scope scope, struct skt_filter_term *term,
			  struct skt_error *err)
{
	char host[80];
	size_t port;
	int failed;

	value_split(value, host, sizeof(host), &port);
	term->first = INT64_MIN;
	term->last = INT64_MAX;
	failed = value_place_host(host, term, err);
	if (failed < 0) {
		skt_hint(err, "%s",
			 _("expected: any, loopback, an address or a network: 10.0.0.5, 10.0.0.0/8, 10.0.0.5:443"));
		return failed;
	}
	if (!port)
		return 0;
	failed = skt_filter_read_port(value + port, scope, term, err);
	if (failed < 0 && err)
		err->at += (int)port;
	return failed;
}

int skt_filter_read_text(const char *value, enum skt_filter_scope scope, struct skt_filter_term *term,
			 struct skt_error *err)
{
	size_t n = strlen(value);

	(void)scope;
	if (n == 0 || n > VALUE_MAX)
		return value_fail(err, 0, value, _("a name; * stands for any characters: process=python*"));
	term->text = skt_strdup(value);
	return term->text ? 0 : skt_fail_memory(err);
}

int skt_filter_read_path(const char *value, enum skt_filter_scope scope, struct skt_filter_term *term,
			 struct skt_error *err)
{
	if (!*value)
		return value_fail(err, 0, value, _("a path, or @name; * stands for any characters: path=/run/*"));
	return skt_filter_read_text(value, scope, term, err);
}

int skt_filter_read_interface(const char *value, enum skt_filter_scope scope, struct skt_filter_term *term,
			      struct skt_error *err)
{
	struct skt_nearest nearest = { .wanted = value };
	struct if_nameindex *all;
	unsigned index = if_nametoindex(value);
	int64_t number;

	(void)scope;
	if (index || (skt_number_parse(value, &number) == 0 && number > 0 && number <= INT32_MAX)) {
		value_range(term, index ? index : number);
		return 0;
	}
	all = if_nameindex();
	for (size_t i = 0; all && all[i].if_name; i++)
		skt_nearest_offer(&nearest, all[i].if_name);
	(void)skt_fail_at(err, 0, _("there is no interface %.60s"), *value ? value : "\"\"");
	if (nearest.word)
		skt_hint(err, _("did you mean %s?"), nearest.word);
	else
		skt_hint(err, "%s",
			 _("ip link lists them; those of another network namespace have a number: interface=2"));
	if (all)
		if_freenameindex(all);
	return -SKT_E_USAGE;
}

/* Which of the words it is; the set of a row goes to the term. */
struct value_word {
	const char *word; /* NULL ends them */
	unsigned set;
};

static int value_fail_word(const char *value, const struct value_word *words, struct skt_error *err)
{
	struct skt_nearest nearest = { .wanted = value };
	struct skt_text all = { 0 };

	for (const struct value_word *w = words; w->word; w++) {
		skt_nearest_offer(&nearest, w->word);
		skt_text_addf(&all, "%s%s", w == words ? "" : ", ", w->word);
	}
	(void)skt_fail_at(err, 0, _("not one of the words that are known here: %.60s"), *value ? value : "\"\"");
	if (nearest.word)
		skt_hint(err, _("did you mean %s?"), nearest.word);
	else
		skt_hint(err, _("expected: %s"), skt_text_get(&all));
	skt_text_release(&all);
	return -SKT_E_USAGE;
}

static int value_word(const char *value, const struct value_word *words, struct skt_filter_term *term,
		      struct skt_error *err)
{
	for (const struct value_word *w = words; w->word; w++) {
		if (strcmp(w->word, value) != 0)
			continue;
		term->set = w->set;
		return 0;
	}
	return value_fail_word(value, words, err);
}

int skt_filter_read_protocol(const char *value, enum skt_filter_scope scope, struct skt_filter_term *term,
			     struct skt_error *err)
{
	static const struct value_word words[] = {
		{ "tcp", 1U << SKT_PROTO_TCP },
		{ "udp", 1U << SKT_PROTO_UDP },
		{ "unix", SKT_PROTOS_UNIX },
		{ "unix-stream", 1U << SKT_PROTO_UNIX },
		{ "unix-dgram", 1U << SKT_PROTO_UNIX_DGRAM },
		{ "unix-seqpacket", 1U << SKT_PROTO_UNIX_SEQPACKET },
		{ "vsock", 1U << SKT_PROTO_VSOCK },
		{ "ip", SKT_PROTOS_IP },
		{ NULL, 0 },
	};

	(void)scope;
	return value_word(value, words, term, err);
}

int skt_filter_read_state(const char *value, enum skt_filter_scope scope, struct skt_filter_term *term,
			  struct skt_error *err)
{
	struct value_word words[SKT_STATE_COUNT + 2] = { { "listen", 1U << SKT_STATE_LISTEN },
							 { "bound", 1U << SKT_STATE_BOUND } };
	size_t n = 2;

	for (unsigned i = 1; i < SKT_STATE_COUNT && scope == SKT_FILTER_FLOWS; i++)
		if (i != SKT_STATE_LISTEN && i != SKT_STATE_BOUND)
			words[n++] = (struct value_word){ skt_sockstate_name(i), 1U << i };
	if (scope == SKT_FILTER_PORTS && skt_sockstate_find(value) && strcmp(value, "listen") != 0 &&
	    strcmp(value, "bound") != 0) {
		(void)skt_fail_at(err, 0, _("a socket that holds a port is never %.60s"), value);
		skt_hint(err, _("soket ports has listen and bound; for connections: soket flows state=%s"), value);
		return -SKT_E_USAGE;
	}
	return value_word(value, words, term, err);
}

int skt_filter_read_class(const char *value, enum skt_filter_scope scope, struct skt_filter_term *term,
			  struct skt_error *err)
{
	struct value_word words[8] = { { NULL, 0 } };
	const struct skt_portclass *class;
	size_t n = 0;

	(void)scope;
	for (int i = 0; (class = skt_portclass_at(i)) != NULL && n + 2 < SKT_LENGTH(words); i++) {
		words[n++] = (struct value_word){ class->name, 1U << i };
		words[n++] = (struct value_word){ class->also, 1U << i };
	}
	if (value_word(value, words, term, err) < 0)
		return -SKT_E_USAGE;
	for (int i = 0; (class = skt_portclass_at(i)) != NULL; i++) {
		if (term->set != 1U << i)
			continue;
		term->first = class->first;
		term->last = class->last;
	}
	return 0;
}

int skt_filter_read_family(const char *value, enum skt_filter_scope scope, struct skt_filter_term *term,
			   struct skt_error *err)
{
	static const struct value_word words[] = { { "4", 4 }, { "6", 6 }, { "ipv4", 4 }, { "ipv6", 6 }, { NULL, 0 } };

	(void)scope;
	return value_word(value, words, term, err);
}

int skt_filter_read_direction(const char *value, enum skt_filter_scope scope, struct skt_filter_term *term,
			      struct skt_error *err)
{
	static const struct value_word words[] = { { "in", SKT_DIRECTION_IN }, { "out", SKT_DIRECTION_OUT }, { NULL, 0 } };

	(void)scope;
	return value_word(value, words, term, err);
}

int skt_filter_read_limited(const char *value, enum skt_filter_scope scope, struct skt_filter_term *term,
			    struct skt_error *err)
{
	static const struct value_word words[] = {
		{ "application", SKT_LIMIT_APPLICATION },
		{ "receiver", SKT_LIMIT_RECEIVER },
		{ "send-buffer", SKT_LIMIT_SENDBUF },
		{ "network", SKT_LIMIT_NETWORK },
		{ NULL, 0 },
	};

	(void)scope;
	return value_word(value, words, term, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints: text into struct.
 *
 * How it works. An endpoint is an address word and option words. They come from one string, which the lexer cuts and
 * unquotes, or from a shell, which has done so. The readers below see plain words only, and their errors count from
 * the start of the word; endpoint_locate() then finds that byte again in the source text. Reading fills a struct of
 * its own, which becomes the caller's only when all is well. */
#include "endpoint/endpoint.h"

#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "endpoint/address.h"
#include "endpoint/argv.h"
#include "endpoint/lexer.h"
#include "endpoint/option.h"
#include "endpoint/shorthand.h"
#include "endpoint/store.h"

static int endpoint_fail_missing(int at, struct skt_error *err)
{
	int r = skt_fail_at(err, at, "%s", _("the address is missing"));

	skt_hint(err, "%s", _("an endpoint begins with an address: example.com:80, :8080, /run/app.sock"));
	return r;
}

static int endpoint_fail_long(struct skt_error *err)
{
	int r = skt_fail(err, SKT_E_LIMIT, 0, _("the endpoint has more than %d bytes"), SKT_ENDPOINT_TEXT_MAX);

	skt_hint(err, "%s", _("send long texts from a file: file:PATH"));
	return r;
}

/* Takes "listen:" or "dial:" off the front. Returns how many bytes those are. */
static size_t endpoint_read_role(struct skt_endpoint *e, const char *word)
{
	if (strncmp(word, "listen:", 7) == 0) {
		e->role = SKT_ROLE_LISTEN;
		return 7;
	}
	if (strncmp(word, "dial:", 5) == 0) {
		e->role = SKT_ROLE_DIAL;
		return 5;
	}
	return 0;
}

static int endpoint_fail_cannot(const struct skt_endpoint *e, enum skt_role role, int at, struct skt_error *err)
{
	int r = skt_fail_at(err, at, role == SKT_ROLE_LISTEN ? _("%s cannot listen") : _("%s cannot dial"),
			    skt_endpoint_transport(e)->name);

	if (role == SKT_ROLE_LISTEN)
		skt_hint(err, "%s",
			 _("tcp, unix and vsock can listen; a program is run for each client by: soket listen :8080 -- PROGRAM"));
	return r;
}

static bool endpoint_can(const struct skt_endpoint *e, enum skt_role role)
{
	const struct skt_scheme *s = skt_endpoint_transport(e);

	return role == SKT_ROLE_ANY || (role == SKT_ROLE_LISTEN ? s->can_listen : s->can_dial);
}

static int endpoint_read_address(struct skt_endpoint *e, const char *word, struct skt_error *err)
{
	size_t role = endpoint_read_role(e, word), rest = 0;
	int r;

	if (word[role] == '\0')
		return endpoint_fail_missing((int)role, err);
	if (role > 0 && endpoint_read_role(e, word + role) > 0) {
		r = skt_fail_at(err, (int)role, "%s", _("a second role"));
		skt_hint(err, "%s", _("an endpoint listens or dials; keep one of the two"));
		return r;
	}
	r = skt_shorthand_read(e, word + role, &rest, err);
	if (r == 0)
		r = skt_address_read(e, word + role + rest, (int)rest, rest == 0, err);
	if (r == 0 && !endpoint_can(e, e->role))
		r = endpoint_fail_cannot(e, e->role, 0, err);
	if (r == -(int)SKT_E_USAGE && err && err->at >= 0)
		err->at += (int)role;
	return r;
}

/* Reads one plain word: the address first, then options. */
static int endpoint_read_word(struct skt_endpoint *e, const char *word, bool may_be_bare, struct skt_error *err)
{
	if (e->n_layer == 0)
		return endpoint_read_address(e, word, err);
	return skt_option_add(e, word, may_be_bare, err);
}

/* From an offset in the word that starts at `start` of the source to an offset in the source. A NULL text means that
 * the word stands there as it is. */
static int endpoint_locate(int r, const char *text, int start, struct skt_error *err)
{
	if (r == -(int)SKT_E_USAGE && err && err->at >= 0)
		err->at = text ? skt_lexer_source(text, start, err->at) : start + err->at;
	return r;
}

static void endpoint_place_option(struct skt_endpoint *e, int n_before, int start)
{
	if (e->n_opt > n_before)
		e->opt[n_before].at = start;
}

static int endpoint_fixed_family(const struct skt_endpoint *e)
{
	const char *name = skt_endpoint_transport(e)->name;

	if (strcmp(name, "tcp4") == 0)
		return 4;
	return strcmp(name, "tcp6") == 0 ? 6 : 0;
}

/* An address of one family where the scheme, or an option, asks for the other. */
static int endpoint_check_family(const struct skt_endpoint *e, int address_at, struct skt_error *err)
{
	const struct skt_opt *family = skt_endpoint_option(e, "family"), *bind = skt_endpoint_option(e, "bind");
	int wanted = endpoint_fixed_family(e), r = 0;

	if (wanted && e->family && wanted != e->family)
		r = skt_fail_at(err, address_at, _("%s, and the host is an IPv%d address"),
				skt_endpoint_transport(e)->name, e->family);
	if (r == 0 && family && family->number > 0)
		wanted = family->number == 1 ? 4 : 6;
	if (r == 0 && family && wanted && e->family && wanted != e->family)
		r = skt_fail_at(err, family->at, _("family=%d, and the host is an IPv%d address"), wanted, e->family);
	if (e->family)
		wanted = e->family;
	if (r == 0 && bind && wanted && bind->number != wanted)
		r = skt_fail_at(err, bind->at, _("bind=%.60s is not an IPv%d address"), bind->value, wanted);
	if (r < 0)
		skt_hint(err, "%s", _("both ends of a connection are of one family"));
	return r;
}

/* Whether something stands between the endpoint and its transport. */
static bool endpoint_has_more(const struct skt_endpoint *e)
{
	return e->n_layer > 1 || skt_endpoint_option(e, "via") || skt_endpoint_option(e, "proxy") ||
	       skt_endpoint_option(e, "accept-proxy");
}

/* What can be judged only when the whole endpoint is there. */
static int endpoint_finish(struct skt_endpoint *e, int address_at, struct skt_error *err)
{
	if (e->n_layer == 0)
		return endpoint_fail_missing(address_at, err);
	if (endpoint_has_more(e)) {
		e->kept = skt_store_take(&e->store, sizeof(*e->kept));
		if (!e->kept)
			return skt_fail_memory(err);
	}
	return endpoint_check_family(e, address_at, err);
}

static int endpoint_read_string(struct skt_endpoint *e, const char *text, struct skt_text *word, struct skt_error *err)
{
	struct skt_lexer lexer = { .text = text };
	int start = 0, address_at = -1, r;

	while ((r = skt_lexer_next(&lexer, word, &start, err)) > 0) {
		int n_before = e->n_opt;

		if (word->failed)
			return skt_fail_memory(err);
		if (address_at < 0)
			address_at = start;
		r = endpoint_locate(endpoint_read_word(e, skt_text_get(word), true, err), text, start, err);
		if (r < 0)
			return r;
		endpoint_place_option(e, n_before, start);
	}
	return r < 0 ? r : endpoint_finish(e, address_at < 0 ? start : address_at, err);
}

int skt_endpoint_parse(const char *text, struct skt_endpoint *ret, struct skt_error *err)
{
	struct skt_endpoint e = { 0 };
	struct skt_text word = { 0 };
	int r;

	if (strlen(text) > SKT_ENDPOINT_TEXT_MAX)
		return endpoint_fail_long(err);
	r = endpoint_read_string(&e, text, &word, err);
	skt_text_release(&word);
	if (r < 0)
		skt_endpoint_release(&e);
	else
		*ret = e;
	return r;
}

int skt_endpoint_from_words(const char *const *words, int n, struct skt_endpoint *ret, struct skt_error *err)
{
	struct skt_endpoint e = { 0 };
	size_t start = 0;
	int r = 0;

	for (int i = 0; i < n && r == 0; i++) {
		int n_before = e.n_opt;
		size_t length = strlen(words[i]);

		if (length > SKT_ENDPOINT_TEXT_MAX || start + length > SKT_ENDPOINT_TEXT_MAX)
			r = endpoint_fail_long(err);
		else
			r = endpoint_locate(endpoint_read_word(&e, words[i], false, err), NULL, (int)start, err);
		endpoint_place_option(&e, n_before, (int)start);
		start += length + 1;
	}
	if (r == 0)
		r = endpoint_finish(&e, 0, err);
	if (r < 0)
		skt_endpoint_release(&e);
	else
		*ret = e;
	return r;
}

static int endpoint_keep_command(struct skt_endpoint *e, const char *const *argv, int n)
{
	struct skt_text joined = { 0 };

	e->layer[e->n_layer++] = skt_scheme_find("exec", 4);
	e->host = "";
	e->argv = skt_store_take(&e->store, ((size_t)n + 1) * sizeof(char *));
	for (int i = 0; i < n && e->argv; i++) {
		e->argv[i] = skt_store_text(&e->store, argv[i], strlen(argv[i]));
		if (!e->argv[i])
			return -(int)SKT_E_LIMIT;
	}
	e->argc = n;
	skt_argv_join(argv, n, &joined);
	e->address = joined.failed ? NULL : skt_store_text(&e->store, skt_text_get(&joined), joined.len);
	skt_text_release(&joined);
	return e->argv && e->address ? 0 : -(int)SKT_E_LIMIT;
}

int skt_endpoint_from_command(const char *const *argv, int n, struct skt_endpoint *ret, struct skt_error *err)
{
	struct skt_endpoint e = { 0 };

	if (n < 1 || argv[0][0] == '\0') {
		int r = skt_fail_at(err, -1, "%s", _("the program is missing"));

		skt_hint(err, "%s", _("a program and its arguments follow the two hyphens: -- sort -n"));
		return r;
	}
	if (endpoint_keep_command(&e, argv, n) < 0) {
		skt_endpoint_release(&e);
		return skt_fail_memory(err);
	}
	*ret = e;
	return 0;
}

bool skt_endpoint_word_is_option(const char *word)
{
	size_t n = skt_option_key(word);

	return n > 0 && word[n] == '=';
}

int skt_endpoint_settle(struct skt_endpoint *e, enum skt_role place, struct skt_error *err)
{
	enum skt_role role = e->role != SKT_ROLE_ANY ? e->role : place;

	if (!endpoint_can(e, role))
		return endpoint_fail_cannot(e, role, 0, err);
	for (int i = 0; i < e->n_opt && role != SKT_ROLE_ANY; i++)
		if (e->opt[i].spec->role != SKT_ROLE_ANY && e->opt[i].spec->role != role)
			return skt_option_fail_role(e->opt[i].spec, role, e->opt[i].at, err);
	e->role = role;
	return 0;
}

int skt_endpoint_default(struct skt_endpoint *e, const char *key, const char *value, struct skt_error *err)
{
	struct skt_text word = { 0 };
	int n_before = e->n_opt, r;

	if (skt_endpoint_option(e, key))
		return 0;
	skt_text_addf(&word, "%s=%s", key, value);
	r = word.failed ? skt_fail_memory(err) : skt_option_add(e, skt_text_get(&word), false, err);
	skt_text_release(&word);
	endpoint_place_option(e, n_before, -1);
	return r;
}

void skt_endpoint_release(struct skt_endpoint *e)
{
	if (e->kept && e->kept->release)
		e->kept->release(e->kept);
	skt_store_release(&e->store);
	*e = (struct skt_endpoint){ 0 };
}

const struct skt_scheme *skt_endpoint_transport(const struct skt_endpoint *e)
{
	return e->layer[e->n_layer - 1];
}

const struct skt_opt *skt_endpoint_option(const struct skt_endpoint *e, const char *key)
{
	for (int i = 0; i < e->n_opt; i++)
		if (strcmp(e->opt[i].spec->key, key) == 0)
			return &e->opt[i];
	return NULL;
}

int64_t skt_endpoint_number(const struct skt_endpoint *e, const char *key, int64_t otherwise)
{
	const struct skt_opt *opt = skt_endpoint_option(e, key);

	return opt ? opt->number : otherwise;
}

const char *skt_endpoint_string(const struct skt_endpoint *e, const char *key, const char *otherwise)
{
	const struct skt_opt *opt = skt_endpoint_option(e, key);

	return opt ? opt->value : otherwise;
}

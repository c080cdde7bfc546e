/* SPDX-License-Identifier: Apache-2.0 */
/* Options: KEY=VALUE words read by the tables of scheme.c. */
#include "endpoint/option.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/message.h"
#include "base/unit.h"
#include "base/word.h"
#include "endpoint/store.h"

enum { OPTION_WORD_MAX = 64 };

/* The first wrong byte of a number with a unit: behind its digits, or the start where it is wrong as a whole. */
static int option_unit_at(const char *value)
{
	size_t n = strspn(value, "0123456789.");

	return n > 0 && value[n] ? (int)n : 0;
}

static const char *option_sample(enum skt_opttype type)
{
	switch (type) {
	case SKT_OPT_DURATION:
		return _("a number and its unit, ns us ms s m h d: 250ms, 5s, 2m");
	case SKT_OPT_SIZE:
		return _("a number of bytes, or one with K M G T: 4096, 64K, 1.5M");
	case SKT_OPT_RATE:
		return _("a number and its unit, bit or B with k M G T before it: 10Mbit, 1.5MB");
	case SKT_OPT_MODE:
		return _("octal digits, as chmod takes them: 0600, 0644");
	case SKT_OPT_BOOL:
		return _("yes or no");
	default:
		return "";
	}
}

/* The unit that was probably meant, in another case or another spelling; or NULL. */
static const char *option_near_unit(enum skt_opttype type, const char *wanted)
{
	static const struct {
		enum skt_opttype type;
		const char *wrong, *right; /* what begins like the wrong one means the right one */
	} meant[] = {
		{ SKT_OPT_DURATION, "msec", "ms" }, { SKT_OPT_DURATION, "milli", "ms" },
		{ SKT_OPT_DURATION, "usec", "us" }, { SKT_OPT_DURATION, "micro", "us" },
		{ SKT_OPT_DURATION, "nano", "ns" }, { SKT_OPT_DURATION, "min", "m" },
		{ SKT_OPT_DURATION, "s", "s" },     { SKT_OPT_DURATION, "h", "h" },
		{ SKT_OPT_DURATION, "d", "d" },     { SKT_OPT_DURATION, "m", "m" },
		{ SKT_OPT_SIZE, "b", "B" },         { SKT_OPT_SIZE, "k", "K" },
		{ SKT_OPT_SIZE, "m", "M" },         { SKT_OPT_SIZE, "g", "G" },
		{ SKT_OPT_SIZE, "t", "T" },         { SKT_OPT_RATE, "mbit", "Mbit" },
		{ SKT_OPT_RATE, "gbit", "Gbit" },   { SKT_OPT_RATE, "kbit", "kbit" },
		{ SKT_OPT_RATE, "mbps", "Mbit" },   { SKT_OPT_RATE, "gbps", "Gbit" },
		{ SKT_OPT_RATE, "kbps", "kbit" },   { SKT_OPT_RATE, "mb", "MB" },
		{ SKT_OPT_RATE, "gb", "GB" },       { SKT_OPT_RATE, "kb", "kB" },
		{ SKT_OPT_RATE, "b", "bit" },
	};

	for (size_t i = 0; i < SKT_LENGTH(meant); i++)
		if (meant[i].type == type && strncasecmp(wanted, meant[i].wrong, strlen(meant[i].wrong)) == 0)
			return meant[i].right;
	return NULL;
}

/* A number whose unit is missing or unknown: show the value as it was probably meant. */
static int option_fail_unit(const struct skt_optspec *spec, const char *value, int at, struct skt_error *err)
{
	int unit_at = option_unit_at(value), digits = (int)strspn(value, "0123456789.");
	const char *near = unit_at > 0 ? option_near_unit(spec->type, value + digits) : NULL;
	int r;

	if (digits > 0 && value[digits] == '\0' && spec->type != SKT_OPT_SIZE &&
	    strchr(value, '.') == strrchr(value, '.')) {
		r = skt_fail_at(err, at + digits, _("%s=%.40s has no unit"), spec->key, value);
		skt_hint(err,
			 spec->type == SKT_OPT_DURATION
				 ? _("%s=%.40ss is in seconds, %s=%.40sms in milliseconds")
				 : _("%s=%.40sMbit is in megabits a second, %s=%.40sMB in megabytes"),
			 spec->key, value, spec->key, value);
		return r;
	}
	if (unit_at > 0)
		r = skt_fail_at(err, at + unit_at, _("%s=%.40s: unknown unit %.20s"), spec->key, value, value + unit_at);
	else
		r = skt_fail_at(err, at, _("%s takes a %s, not %.40s"), spec->key, spec->unit, value);
	if (near)
		skt_hint(err, _("did you mean %s=%.*s%s?"), spec->key, digits, value, near);
	else
		skt_hint(err, "%s", option_sample(spec->type));
	return r;
}

static int option_fail_range(const struct skt_optspec *spec, const char *value, int at, struct skt_error *err)
{
	char min[SKT_UNIT_LENGTH], max[SKT_UNIT_LENGTH];
	int r = skt_fail_at(err, at, _("%s=%.40s is out of range"), spec->key, value);

	if (spec->type == SKT_OPT_DURATION) {
		skt_duration_print(spec->min, min);
		skt_duration_print(spec->max, max);
	} else if (spec->type == SKT_OPT_SIZE) {
		skt_size_print(spec->min, min);
		skt_size_print(spec->max, max);
	} else {
		(void)snprintf(min, sizeof(min), "%" PRId64, spec->min);
		(void)snprintf(max, sizeof(max), "%" PRId64, spec->max);
	}
	if (spec->max == SKT_FOREVER)
		skt_hint(err, _("%s is at least %s"), spec->key, min);
	else
		skt_hint(err, _("%s goes from %s to %s"), spec->key, min, max);
	return r;
}

static bool option_in_range(const struct skt_optspec *spec, int64_t number)
{
	return (spec->min == 0 && spec->max == 0) || (number >= spec->min && number <= spec->max);
}

static int option_read_int(const struct skt_optspec *spec, const char *value, int at, int64_t *ret, struct skt_error *err)
{
	size_t digits = strspn(value, "0123456789");
	int r;

	if (value[digits]) {
		r = skt_fail_at(err, at + (int)digits, _("%s takes a whole number, not %.40s"), spec->key, value);
		skt_hint(err, _("%s goes from %lld to %lld"), spec->key, (long long)spec->min, (long long)spec->max);
		return r;
	}
	if (skt_number_parse(value, ret) < 0 || !option_in_range(spec, *ret))
		return option_fail_range(spec, value, at, err);
	return 0;
}

static int option_read_unit(const struct skt_optspec *spec, const char *value, int at, int64_t *ret, struct skt_error *err)
{
	int r = spec->type == SKT_OPT_DURATION ? skt_duration_parse(value, ret)
		: spec->type == SKT_OPT_SIZE   ? skt_size_parse(value, ret)
					       : skt_rate_parse(value, ret);

	if (r < 0)
		return option_fail_unit(spec, value, at, err);
	return option_in_range(spec, *ret) ? 0 : option_fail_range(spec, value, at, err);
}

static int option_read_mode(const struct skt_optspec *spec, const char *value, int at, int64_t *ret, struct skt_error *err)
{
	int64_t mode = 0;
	size_t i = 0;

	for (; value[i] >= '0' && value[i] <= '7' && mode <= 07777; i++)
		mode = mode * 8 + (value[i] - '0');
	if (value[i] || mode > 07777) {
		int r = skt_fail_at(err, at + (mode > 07777 ? 0 : (int)i), _("%s takes a file mode, not %.40s"),
				    spec->key, value);

		skt_hint(err, "%s", option_sample(SKT_OPT_MODE));
		return r;
	}
	*ret = mode;
	return 0;
}

/* Shows each of "a|b|c" to `nearest`, and returns the index of the one that is wanted, or -1. */
static int option_choose(const char *choices, struct skt_nearest *nearest, char (*words)[OPTION_WORD_MAX], int n_words)
{
	int i = 0, chosen = -1;

	for (const char *c = choices; *c && i < n_words; i++) {
		size_t n = strcspn(c, "|");

		(void)snprintf(words[i], OPTION_WORD_MAX, "%.*s", (int)n, c);
		if (strcmp(words[i], nearest->wanted) == 0)
			chosen = i;
		skt_nearest_offer(nearest, words[i]);
		c += n + (c[n] == '|');
	}
	return chosen;
}

static int option_read_word(const struct skt_optspec *spec, const char *value, int at, int64_t *ret, struct skt_error *err)
{
	char words[8][OPTION_WORD_MAX];
	struct skt_nearest nearest = { .wanted = value };
	int r, chosen = option_choose(spec->choices, &nearest, words, SKT_LENGTH(words));

	if (chosen >= 0) {
		*ret = chosen;
		return 0;
	}
	r = skt_fail_at(err, at, _("%s takes %s, not %.40s"), spec->key, spec->choices, value);
	if (nearest.word)
		skt_hint(err, _("did you mean %s=%s?"), spec->key, nearest.word);
	else
		skt_hint(err, _("one of: %s"), spec->choices);
	return r;
}

static int option_read_bool(const struct skt_optspec *spec, const char *value, int at, int64_t *ret, struct skt_error *err)
{
	static const char *const meant_yes[] = { "1", "true", "on", "y", "Yes", "YES", "True", "yess", "yeah" };
	bool is_yes = strcmp(value, "yes") == 0;
	int r;

	if (is_yes || strcmp(value, "no") == 0) {
		*ret = is_yes;
		return 0;
	}
	for (size_t i = 0; i < SKT_LENGTH(meant_yes); i++)
		is_yes = is_yes || strcmp(value, meant_yes[i]) == 0;
	r = skt_fail_at(err, at, _("%s takes yes or no, not %.40s"), spec->key, value);
	skt_hint(err, _("did you mean %s=%s?"), spec->key, is_yes ? "yes" : "no");
	return r;
}

static int option_read_string(const struct skt_optspec *spec, const char *value, int at, int64_t *ret,
			      struct skt_error *err)
{
	int wrong = -1, r;

	*ret = 0;
	if (spec->read)
		wrong = spec->read(value, ret);
	if (wrong < 0)
		return 0;
	if (strcmp(spec->key, "via") == 0) { /* its value may hold a password */
		r = skt_fail_at(err, -1, "%s", _("via takes the address of a proxy, or env"));
		skt_hint(err, "%s",
			 strchr(value, ',')
				 ? _("several proxies, one behind the other: via=FIRST via=SECOND")
				 : _("for example socks5://10.0.0.1:1080; also socks4a://, http://, https://, with user:password@"));
		return r;
	}
	r = skt_fail_at(err, at + wrong, _("%s takes %s, not %.60s"), spec->key, spec->unit, value);
	if (strstr(spec->unit, "forever"))
		skt_hint(err, "%s", _("how many times, or forever: 3"));
	else if (strstr(spec->unit, "DURATION"))
		skt_hint(err, "%s", option_sample(SKT_OPT_DURATION));
	else if (strcmp(spec->unit, "ADDRESS") == 0)
		skt_hint(err, "%s", _("an IP address without brackets: 192.0.2.7, 2001:db8::7, fe80::1%eth0"));
	else if (strcmp(spec->unit, "NAME=VALUE") == 0)
		skt_hint(err, _("for example: %s=LANG=C"), spec->key);
	else if (strcmp(spec->unit, "FRAME") == 0)
		skt_hint(err, "%s", _("line, len16, len32, none, or chunk=1400: at most 65507 bytes"));
	else if (strcmp(spec->unit, "RATE|pcr") == 0)
		skt_hint(err, "%s", _("a rate such as 20Mbit, or pcr: the clock of an MPEG stream"));
	else
		skt_hint(err, "%s", _("a name of at most 15 characters"));
	return r;
}

int skt_option_value(const struct skt_optspec *spec, const char *value, int at, int64_t *ret, struct skt_error *err)
{
	static int (*const readers[])(const struct skt_optspec *, const char *, int, int64_t *, struct skt_error *) = {
		[SKT_OPT_BOOL] = option_read_bool,     [SKT_OPT_INT] = option_read_int,
		[SKT_OPT_DURATION] = option_read_unit, [SKT_OPT_SIZE] = option_read_unit,
		[SKT_OPT_RATE] = option_read_unit,     [SKT_OPT_MODE] = option_read_mode,
		[SKT_OPT_WORD] = option_read_word,     [SKT_OPT_STRING] = option_read_string,
	};
	int64_t number = 0;
	int r;

	if (*value == '\0') {
		r = skt_fail_at(err, at, _("%s has no value"), spec->key);
		skt_hint(err, _("it takes %s"), spec->unit);
		return r;
	}
	r = readers[spec->type](spec, value, at, &number, err);
	if (r == 0)
		*ret = number;
	return r;
}

size_t skt_option_key(const char *word)
{
	if (*word < 'a' || *word > 'z')
		return 0;
	return strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-");
}

const struct skt_optspec *skt_option_find(const struct skt_endpoint *e, const char *key)
{
	const struct skt_optspec *spec = NULL;

	for (int i = 0; i < e->n_layer && !spec; i++)
		spec = skt_scheme_option(e->layer[i], key);
	return spec;
}

static void option_offer_keys(const struct skt_scheme *scheme, struct skt_nearest *nearest)
{
	for (size_t g = 0; g < SKT_OPTGROUPS_MAX && scheme->options[g]; g++)
		for (const struct skt_optspec *o = scheme->options[g]; o->key; o++)
			skt_nearest_offer(nearest, o->key);
}

/* The first scheme that knows the key, or NULL. */
static const struct skt_scheme *option_owner(const char *key)
{
	const struct skt_scheme *s;

	for (size_t i = 0; (s = skt_scheme_at(i)); i++)
		if (skt_scheme_option(s, key))
			return s;
	return NULL;
}

static int option_fail_key(const struct skt_endpoint *e, const char *key, struct skt_error *err)
{
	struct skt_nearest nearest = { .wanted = key };
	const struct skt_scheme *owner = option_owner(key);
	const char *name = e->layer[0]->name;
	int r;

	for (int i = 0; i < e->n_layer; i++)
		option_offer_keys(e->layer[i], &nearest);
	r = skt_fail_at(err, 0, _("%s has no option %.40s"), name, key);
	if (owner)
		skt_hint(err, _("%s is an option of %s"), key, owner->name);
	else if (nearest.word)
		skt_hint(err, _("did you mean %s?"), nearest.word);
	else
		skt_hint(err, _("\"soket explain\" lists the options of an endpoint"));
	return r;
}

static int option_fail_word(const struct skt_endpoint *e, const char *word, size_t key, struct skt_error *err)
{
	int r = skt_fail_at(err, (int)key, _("not an option: %.60s"), word);

	if (skt_endpoint_transport(e)->form == SKT_FORM_COMMAND || skt_endpoint_transport(e)->form == SKT_FORM_TEXT)
		skt_hint(err, _("an address with blanks is put in double quotes: %s:\"a b\""),
			 skt_endpoint_transport(e)->name);
	else
		skt_hint(err, "%s", _("an option is KEY=VALUE"));
	return r;
}

int skt_option_fail_role(const struct skt_optspec *spec, enum skt_role role, int at, struct skt_error *err)
{
	int r = skt_fail_at(err, at,
			    role == SKT_ROLE_DIAL ? _("%s is for listening, and this endpoint dials")
						  : _("%s is for dialling, and this endpoint listens"),
			    spec->key);

	skt_hint(err, _("leave %s out"), spec->key);
	return r;
}

static int option_check(const struct skt_endpoint *e, const struct skt_optspec *spec, struct skt_error *err)
{
	int r;

	if (spec->role != SKT_ROLE_ANY && e->role != SKT_ROLE_ANY && spec->role != e->role)
		return skt_option_fail_role(spec, e->role, 0, err);
	if (!spec->many && skt_endpoint_option(e, spec->key)) {
		r = skt_fail_at(err, 0, _("%s is there twice"), spec->key);
		skt_hint(err, "%s", _("keep the one that you mean"));
		return r;
	}
	if (e->n_opt == SKT_OPTIONS_MAX) {
		r = skt_fail(err, SKT_E_LIMIT, 0, _("more than %d options"), SKT_OPTIONS_MAX);
		skt_hint(err, "%s", _("an endpoint holds no more"));
		return r;
	}
	return 0;
}

/* The first control character of a value, or -1: no value needs one, and none should reach a terminal by way of a
 * message. */
static int option_control_at(const char *word)
{
	for (int i = 0; word[i]; i++)
		if ((unsigned char)word[i] < 0x20 || word[i] == 0x7f)
			return i;
	return -1;
}

static int option_fail_control(int at, struct skt_error *err)
{
	int r = skt_fail_at(err, at, "%s", _("a control character in an option"));

	skt_hint(err, "%s", _("remove it"));
	return r;
}

/* KEY alone means yes; for what takes more than yes or no, it means that something was forgotten. */
static int option_fail_bare(const struct skt_optspec *spec, size_t key, struct skt_error *err)
{
	int r = skt_fail_at(err, (int)key, _("%s has no value"), spec->key);

	skt_hint(err, _("write %s=%s"), spec->key, spec->unit);
	return r;
}

static int option_store(struct skt_endpoint *e, const struct skt_optspec *spec, const char *value, int64_t number,
			struct skt_error *err)
{
	char *copy = skt_store_text(&e->store, value, strlen(value));

	if (!copy)
		return skt_fail_memory(err);
	e->opt[e->n_opt++] = (struct skt_opt){ .spec = spec, .value = copy, .number = number };
	return 0;
}

int skt_option_add(struct skt_endpoint *e, const char *word, bool may_be_bare, struct skt_error *err)
{
	size_t n = skt_option_key(word);
	int control = option_control_at(word), r;
	const struct skt_optspec *spec;
	const char *value = "yes";
	char key[OPTION_WORD_MAX];
	int64_t number = 0;

	if (control >= 0)
		return option_fail_control(control, err);
	if (n == 0 || (word[n] != '=' && word[n] != '\0'))
		return option_fail_word(e, word, n, err);
	(void)snprintf(key, sizeof(key), "%.*s", (int)n, word);
	spec = skt_option_find(e, key);
	if (!spec)
		return option_fail_key(e, key, err);
	r = option_check(e, spec, err);
	if (r < 0)
		return r;
	if (word[n] == '=')
		value = word + n + 1;
	else if (!may_be_bare || spec->type != SKT_OPT_BOOL)
		return option_fail_bare(spec, n, err);
	r = skt_option_value(spec, value, (int)n + (word[n] == '='), &number, err);
	return r < 0 ? r : option_store(e, spec, value, number, err);
}

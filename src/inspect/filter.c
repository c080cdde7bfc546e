/* SPDX-License-Identifier: Apache-2.0 */
/* Filters over sockets.
 *
 * How it works: each word becomes a term, a few numbers that are quick to compare. Terms of one key stand together as a group, and
 * a socket must satisfy each group. A group knows when it can be tested, so that most sockets are refused before anybody looks
 * for their processes. What a row of the table does not apply to (the port of a unix socket) does not match, whatever the
 * operator. */
#include "inspect/filter.h"

#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "base/word.h"
#include "inspect/filterkey.h"

struct group {
	size_t first, n; /* terms */
	const struct skt_filter_row *row;
};

struct skt_filter {
	enum skt_filter_scope scope;
	struct skt_filter_term *term;
	size_t n_terms;
	struct group *group;
	size_t n_groups;
};

/* A word while it is read. */
struct word {
	const char *text;
	size_t base; /* of the word, in all words joined by one blank */
	enum skt_filter_scope scope;
	bool has_vsock; /* ports may have 32 bits */
	struct skt_error *err;
};

static const char *word_command(const struct word *w)
{
	return w->scope == SKT_FILTER_PORTS ? "ports" : "flows";
}

/* The nearest of what may stand at the beginning of a word. */
static int word_fail_unknown(const struct word *w, const char *name)
{
	struct skt_nearest nearest = { .wanted = name };
	const struct skt_filter_row *row;

	for (size_t i = 0; (row = skt_filter_row_at(i)) != NULL; i++)
		if (row->shown.scopes & w->scope)
			skt_nearest_offer(&nearest, row->name);
	for (unsigned i = 0; i < SKT_PROTO_COUNT && !strpbrk(w->text, "=<>!"); i++)
		skt_nearest_offer(&nearest, skt_proto_name(i));
	(void)skt_fail_at(w->err, (int)w->base, _("there is no filter %.60s"), *name ? name : "\"\"");
	row = nearest.word ? skt_filter_row_find(nearest.word) : NULL;
	if (row && strcmp(row->name, "port") != 0 && strcmp(row->name, "protocol") != 0)
		skt_hint(w->err, _("did you mean %s?"), row->shown.word);
	else if (nearest.word)
		skt_hint(w->err, _("did you mean %s?"), nearest.word);
	else if (strpbrk(w->text, "=<>!"))
		skt_hint(w->err, _("soket %s --help lists the keys"), word_command(w));
	else
		skt_hint(w->err, _("a program: process=%.40s; a service: :%.40s; soket %s --help lists all keys"), name,
			 name, word_command(w));
	return -SKT_E_USAGE;
}

/* A key alone: perhaps the shell took the rest for a redirection. */
static int word_fail_alone(const struct word *w, const struct skt_filter_row *row)
{
	(void)skt_fail_at(w->err, (int)(w->base + strlen(w->text)), _("%s needs a value"), row->name);
	if (row->compares)
		skt_hint(w->err, _("in quotes, because > is the shell's: '%s'; or as a range: %s=FROM..TO"),
			 row->shown.word, row->name);
	else
		skt_hint(w->err, _("for example: %s"), row->shown.word);
	return -SKT_E_USAGE;
}

static int word_fail_scope(const struct word *w, const struct skt_filter_row *row)
{
	(void)skt_fail_at(w->err, (int)w->base, _("%s is about connections, and soket ports shows what waits for them"),
			  row->name);
	skt_hint(w->err, _("try: soket flows '%.100s'"), w->text);
	return -SKT_E_USAGE;
}

static int word_fail_operator(const struct word *w, const struct skt_filter_row *row, size_t at)
{
	(void)skt_fail_at(w->err, (int)(w->base + at), _("%s is not a number: it takes = and !="), row->name);
	skt_hint(w->err, _("for example: %s"), row->shown.word);
	return -SKT_E_USAGE;
}

/* Read the operator at s: its length, or 0. */
static size_t word_operator(const char *s, enum skt_filter_op *ret)
{
	static const struct {
		const char *sign;
		enum skt_filter_op op;
	} signs[] = {
		{ "!=", SKT_FILTER_NOT }, { "<=", SKT_FILTER_LESS_OR_IS }, { ">=", SKT_FILTER_MORE_OR_IS },
		{ "=", SKT_FILTER_IS },   { "<", SKT_FILTER_LESS },        { ">", SKT_FILTER_MORE },
	};

	for (size_t i = 0; i < SKT_LENGTH(signs); i++) {
		size_t n = strlen(signs[i].sign);

		if (strncmp(s, signs[i].sign, n) != 0)
			continue;
		*ret = signs[i].op;
		return n;
	}
	return 0;
}

/* Ports above 65535 are vsock's only; an open end is no port. */
static int word_check_ports(const struct word *w, const struct skt_filter_term *term, size_t at)
{
	bool too_high = (term->first > 65535 && term->first != INT64_MAX) ||
			(term->last > 65535 && term->last < UINT32_MAX);

	if (term->row->read != skt_filter_read_port || w->has_vsock || !too_high)
		return 0;
	(void)skt_fail_at(w->err, (int)(w->base + at), _("not a port: %.60s"), w->text + at);
	skt_hint(w->err, "%s", _("ports go from 0 to 65535; those of vsock further: add the word vsock"));
	return -SKT_E_USAGE;
}

/* Read a value, which stands `at` bytes into the word, as that of a row. */
static int word_read(const struct word *w, const struct skt_filter_row *row, enum skt_filter_op op, size_t at,
		     struct skt_filter_term *ret)
{
	struct skt_filter_term term = { .row = row, .op = op, .other = -1, .first = INT64_MIN, .last = INT64_MAX };
	int failed = row->read(w->text + at, w->scope, &term, w->err);

	if (failed == 0)
		failed = word_check_ports(w, &term, at);
	else if (w->err && w->err->at >= 0)
		w->err->at += (int)(w->base + at);
	if (failed < 0) {
		skt_free(term.text);
		return failed;
	}
	*ret = term;
	return 0;
}

static bool word_is_one_of(const char *word, const char *words)
{
	size_t n = strlen(word);

	for (const char *s = words; *s; s += strcspn(s, " "), s += strspn(s, " "))
		if (strcspn(s, " ") == n && strncmp(s, word, n) == 0)
			return true;
	return false;
}

/* An address, or one with its port: it has a dot, a slash or a colon; or it is a word for addresses. */
static bool word_is_place(const char *word)
{
	size_t n = strcspn(word, ":");

	if (word[strspn(word, "0123456789.")] == '\0' && strchr(word, '.') && !strstr(word, ".."))
		return true;
	if (strncmp(word, "::", 2) == 0 || (word[0] == '[' && strchr(word, ']')))
		return true;
	if ((n == 3 && strncmp(word, "any", n) == 0) || (n == 1 && word[0] == '*') ||
	    (n == 8 && strncmp(word, "loopback", n) == 0) || (n == 9 && strncmp(word, "localhost", n) == 0))
		return true;
	return n > 0 && word[strspn(word, "0123456789abcdefABCDEF:./")] == '\0' && strpbrk(word, ":/") != NULL;
}

/* The key that a word without an operator belongs to, or NULL. */
static const char *word_key(const struct word *w)
{
	const char *s = w->text;

	if (s[0] == '/' || s[0] == '@' || strncmp(s, "./", 2) == 0)
		return "path";
	if (word_is_place(s))
		return "address";
	if (s[0] == ':' || (s[0] >= '0' && s[0] <= '9'))
		return "port";
	if (word_is_one_of(s, skt_filter_row_find("protocol")->shown.unit))
		return "protocol";
	if (skt_sockstate_find(s))
		return "state";
	return NULL;
}

static int word_parse_bare(const struct word *w, struct skt_filter_term *ret)
{
	const char *key = word_key(w);
	const struct skt_filter_row *row = skt_filter_row_find(key ? key : w->text);

	if (key)
		return word_read(w, row, SKT_FILTER_IS, 0, ret);
	if (!row)
		return word_fail_unknown(w, w->text);
	return row->shown.scopes & w->scope ? word_fail_alone(w, row) : word_fail_scope(w, row);
}

static int word_parse(const struct word *w, struct skt_filter_term *ret)
{
	size_t n = strcspn(w->text, "=<>!"), sign;
	const struct skt_filter_row *row;
	enum skt_filter_op op;
	char name[32];

	if (!w->text[n] || w->text[0] == '/' || w->text[0] == '@')
		return word_parse_bare(w, ret);
	(void)snprintf(name, sizeof(name), "%.*s", (int)(n < sizeof(name) ? n : sizeof(name) - 1), w->text);
	row = n < sizeof(name) ? skt_filter_row_find(name) : NULL;
	sign = word_operator(w->text + n, &op);
	if (!row || !sign)
		return word_fail_unknown(w, name);
	if (!(row->shown.scopes & w->scope))
		return word_fail_scope(w, row);
	if (!row->compares && op != SKT_FILTER_IS && op != SKT_FILTER_NOT)
		return word_fail_operator(w, row, n);
	return word_read(w, row, op, n + sign, ret);
}

/* Keep a term beside those of its key: port and service are one. */
static void filter_add(struct skt_filter *f, const struct skt_filter_term *term)
{
	struct group *group = NULL;
	size_t at = f->n_terms;

	for (size_t i = 0; i < f->n_groups && !group; i++)
		if (f->group[i].row->test == term->row->test)
			group = &f->group[i];
	if (group) {
		at = group->first + group->n;
		memmove(f->term + at + 1, f->term + at, (f->n_terms - at) * sizeof(*f->term));
		for (struct group *g = group + 1; g < f->group + f->n_groups; g++)
			g->first++;
		group->n++;
	} else {
		f->group[f->n_groups++] = (struct group){ .first = at, .n = 1, .row = term->row };
	}
	f->term[at] = *term;
	f->n_terms++;
}

static int filter_read(struct skt_filter *f, const char *const *words, int n, struct skt_error *err)
{
	struct word w = { .scope = f->scope, .err = err };
	struct skt_filter_term term;

	for (int i = 0; i < n; i++)
		w.has_vsock |= strcmp(words[i], "vsock") == 0 || strcmp(words[i], "protocol=vsock") == 0;
	for (int i = 0; i < n; i++) {
		int failed;

		w.text = words[i];
		failed = word_parse(&w, &term);
		if (failed < 0)
			return failed;
		filter_add(f, &term);
		w.base += strlen(words[i]) + 1;
	}
	return 0;
}

int skt_filter_parse(const char *const *words, int n, enum skt_filter_scope scope, struct skt_filter **ret,
		     struct skt_error *err)
{
	struct skt_filter *f = SKT_NEW(struct skt_filter);
	int failed;

	if (!f)
		return skt_fail_memory(err);
	f->scope = scope;
	f->term = skt_zalloc(((size_t)n + 1) * sizeof(*f->term));
	f->group = skt_zalloc(((size_t)n + 1) * sizeof(*f->group));
	failed = f->term && f->group ? filter_read(f, words, n, err) : skt_fail_memory(err);
	if (failed < 0) {
		skt_filter_free(f);
		return failed;
	}
	*ret = f;
	return 0;
}

void skt_filter_free(struct skt_filter *f)
{
	if (!f)
		return;
	for (size_t i = 0; f->term && i < f->n_terms; i++)
		skt_free(f->term[i].text);
	skt_free(f->term);
	skt_free(f->group);
	skt_free(f);
}

bool skt_filter_is_empty(const struct skt_filter *f)
{
	return f->n_terms == 0;
}

/* What a group of words leaves of a set. */
static unsigned group_set(const struct skt_filter *f, const struct group *g)
{
	unsigned in = 0, out = 0;
	bool has_in = false;

	for (size_t i = g->first; i < g->first + g->n; i++) {
		if (f->term[i].op == SKT_FILTER_NOT)
			out |= f->term[i].set;
		else
			in |= f->term[i].set;
		has_in |= f->term[i].op != SKT_FILTER_NOT;
	}
	return (has_in ? in : ~0U) & ~out;
}

static void filter_narrow_protos(const struct skt_filter *f, struct skt_look *look)
{
	unsigned protos = look->protos ? look->protos : SKT_PROTOS_ALL;

	for (size_t i = 0; i < f->n_groups; i++) {
		const struct group *g = &f->group[i];

		if (g->row->protos)
			protos &= g->row->protos;
		if (g->row->read == skt_filter_read_protocol)
			protos &= group_set(f, g);
	}
	if (protos) /* else nothing can match, and what is read makes no difference */
		look->protos = protos;
}

static void filter_narrow_states(const struct skt_filter *f, const struct group *g, struct skt_look *look)
{
	unsigned states = group_set(f, g), all = look->states ? look->states : SKT_STATES_ALL;
	bool names = false;

	if (states & 1U << SKT_STATE_BOUND)
		states |= 1U << SKT_STATE_CLOSE;
	for (size_t i = g->first; i < g->first + g->n; i++)
		names |= f->term[i].op == SKT_FILTER_IS;
	states &= f->scope == SKT_FILTER_FLOWS && names ? SKT_STATES_ALL : all;
	if (states)
		look->states = states;
}

void skt_filter_narrow(const struct skt_filter *f, struct skt_look *look)
{
	filter_narrow_protos(f, look);
	for (size_t i = 0; i < f->n_groups; i++) {
		if (f->group[i].row->read == skt_filter_read_state)
			filter_narrow_states(f, &f->group[i], look);
		if (strcmp(f->group[i].row->name, "drops") == 0)
			look->memory = true;
	}
}

bool skt_filter_wants_owners(const struct skt_filter *f)
{
	for (size_t i = 0; i < f->n_groups; i++)
		if (f->group[i].row->stage == SKT_STAGE_PROCESS ||
		    (f->scope == SKT_FILTER_PORTS && f->group[i].row->stage == SKT_STAGE_MEASURED))
			return true;
	return false;
}

bool skt_filter_wants_info(const struct skt_filter *f)
{
	for (size_t i = 0; i < f->n_groups; i++)
		if (f->group[i].row->protos == 1U << SKT_PROTO_TCP)
			return true;
	return false;
}

bool skt_filter_wants_rates(const struct skt_filter *f)
{
	for (size_t i = 0; i < f->n_groups; i++)
		if (f->group[i].row->wants_rates)
			return true;
	return false;
}

static bool group_holds(const struct skt_filter *f, const struct group *g, const struct skt_filter_view *view)
{
	bool has_is = false, is = false;

	if (g->row->protos && !(g->row->protos >> view->sock->proto & 1))
		return false;
	for (size_t i = g->first; i < g->first + g->n; i++) {
		const struct skt_filter_term *term = &f->term[i];
		bool hit = term->row->test(term, view);

		if (term->op == SKT_FILTER_IS) {
			has_is = true;
			is |= hit;
		} else if (hit == (term->op == SKT_FILTER_NOT)) {
			return false;
		}
	}
	return !has_is || is;
}

bool skt_filter_may_match(const struct skt_filter *f, const struct skt_socktable *t, const struct skt_sock *s)
{
	struct skt_filter_view view = { .table = t, .sock = s, .scope = f->scope };

	for (size_t i = 0; i < f->n_groups; i++) {
		const struct group *g = &f->group[i];
		bool can = g->row->stage == SKT_STAGE_SOCK || (g->row->stage == SKT_STAGE_NAME && t) ||
			   (g->row->stage == SKT_STAGE_INFO && t && skt_socktable_info(t, s));

		if (can && !group_holds(f, g, &view))
			return false;
	}
	return true;
}

/* Whether every group that speaks of a process holds for this one. */
static bool filter_holds_of_process(const struct skt_filter *f, struct skt_filter_view *view)
{
	for (size_t i = 0; i < f->n_groups; i++)
		if (f->group[i].row->stage == SKT_STAGE_PROCESS && !group_holds(f, &f->group[i], view))
			return false;
	return true;
}

static bool filter_holds_of_one(const struct skt_filter *f, struct skt_filter_view *view)
{
	for (size_t i = 0; (view->process = skt_census_holder(view->census, view->sock, i, NULL)) != NULL; i++)
		if (filter_holds_of_process(f, view))
			return true;
	return false;
}

bool skt_filter_matches(const struct skt_filter *f, const struct skt_census *c, const struct skt_sock *s,
			const struct skt_measured *m)
{
	struct skt_filter_view view = { .table = &c->table, .sock = s, .census = c, .measured = m, .scope = f->scope };
	bool asks_process = false;

	for (size_t i = 0; i < f->n_groups; i++) {
		const struct group *g = &f->group[i];

		if (g->row->stage == SKT_STAGE_INFO && !skt_socktable_info(&c->table, s))
			return false;
		if (g->row->stage == SKT_STAGE_PROCESS)
			asks_process = true;
		else if (!group_holds(f, g, &view))
			return false;
	}
	return !asks_process || filter_holds_of_one(f, &view);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* soket complete: words of the moment for the completion scripts: ports, processes, users, filters. Not listed in help.
 *
 * How it works: a kind is a row of complete_kinds, whose function offers words; those that begin with the prefix are kept, sorted,
 * and printed once each, with a tab and what they are behind them. Words come from others (a program names itself), and a shell
 * puts them on a command line: one with a character that a shell may take to mean something is left out. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "base/unit.h"
#include "base/word.h"
#include "cli/args.h"
#include "cli/column.h"
#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/say.h"
#include "endpoint/service.h"
#include "inspect/census.h"
#include "inspect/filter.h"

enum { COMPLETE_MOST = 4096 };

struct complete_row {
	char *word, *what;
};

struct complete {
	const char *prefix; /* what the value must begin with */
	const char *head;   /* stands before each value: "user=" */
	size_t n_head;
	struct complete_row *row;
	size_t n, cap;
	struct skt_error *err;
};

typedef int complete_offer(struct complete *c); /* 0 or -kind */

static bool complete_is_harmless(const char *word)
{
	static const char others[] = "._+@%/:,=<>-";

	for (const char *s = word; *s; s++)
		if (!(*s >= 'a' && *s <= 'z') && !(*s >= 'A' && *s <= 'Z') && !(*s >= '0' && *s <= '9') &&
		    !strchr(others, *s))
			return false;
	return *word != '\0' && *word != '-';
}

/* Keep a value where it fits. Returns 0 or -SKT_E_LIMIT. */
static int complete_add(struct complete *c, const char *value, const char *what)
{
	struct skt_text word = { 0 }, plain = { 0 };
	struct complete_row row;

	if (strncmp(value, c->prefix, strlen(c->prefix)) != 0 || !complete_is_harmless(value) || c->n == COMPLETE_MOST)
		return 0;
	if (c->n == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 64;
		struct complete_row *grown = skt_realloc(c->row, cap * sizeof(*grown));

		if (!grown)
			return skt_fail_memory(c->err);
		c->row = grown;
		c->cap = cap;
	}
	skt_text_addn(&word, c->head, c->n_head);
	skt_text_add(&word, value);
	skt_column_add_plain(&plain, what ? what : "");
	row.word = skt_text_take(&word);
	row.what = plain.len ? skt_text_take(&plain) : skt_strdup("");
	if (!row.word || !row.what) {
		skt_free(row.word);
		skt_free(row.what);
		return skt_fail_memory(c->err);
	}
	c->row[c->n++] = row;
	return 0;
}

static void complete_release(struct complete *c)
{
	for (size_t i = 0; i < c->n; i++) {
		skt_free(c->row[i].word);
		skt_free(c->row[i].what);
	}
	skt_free(c->row);
}

/* Numbers by size, words by letter. */
static int complete_compare(const void *a, const void *b)
{
	const struct complete_row *x = a, *y = b;
	size_t digits_x = strspn(x->word, "0123456789"), digits_y = strspn(y->word, "0123456789");
	int by_word = strcmp(x->word, y->word);

	if (!x->word[digits_x] && !y->word[digits_y] && digits_x != digits_y)
		return digits_x < digits_y ? -1 : 1;
	return by_word ? by_word : strcmp(x->what, y->what);
}

static int complete_print(const struct complete *c, bool json)
{
	struct skt_text t = { 0 };
	int failed = 0;

	for (size_t i = 0; i < c->n && !failed; i++) {
		const struct complete_row *row = &c->row[i];
		struct skt_json j = { 0 };

		if (i > 0 && strcmp(row->word, c->row[i - 1].word) == 0)
			continue;
		if (!json) {
			skt_text_addf(&t, "%s%s%s\n", row->word, row->what[0] ? "\t" : "", row->what);
			continue;
		}
		skt_json_object(&j, NULL);
		skt_json_string(&j, "word", row->word);
		skt_json_string(&j, "what", row->what[0] ? row->what : NULL);
		skt_json_end_object(&j);
		failed = skt_say_json(&j);
		skt_json_release(&j);
	}
	if (t.len || t.failed)
		failed = skt_say_text(&t);
	skt_text_release(&t);
	return -failed;
}

/* --- the sockets of the machine -------------------------------------------------------------------------------------- */

typedef int complete_each(struct complete *c, const struct skt_census *census, const struct skt_sock *s);

/* Take a census of these protocols and give each socket to fn. */
static int complete_look(struct complete *c, const struct skt_look *look, enum skt_owners_wanted owners, complete_each *fn)
{
	struct skt_census_spec spec = { .look = *look, .owners = owners };
	struct skt_census census = { 0 };
	int ret = skt_census_take(&spec, &census, c->err);

	for (size_t i = 0; ret == 0 && i < census.table.n; i++)
		ret = fn(c, &census, &census.table.sock[i]);
	skt_census_release(&census);
	return ret;
}

static int complete_census(struct complete *c, unsigned states, enum skt_owners_wanted owners, complete_each *fn)
{
	struct skt_look look = { .protos = SKT_PROTOS_IP, .states = states };

	return complete_look(c, &look, owners, fn);
}

static const char *complete_holder(const struct skt_census *census, const struct skt_sock *s)
{
	const struct skt_process *p = skt_census_holder(census, s, 0, NULL);

	return p ? p->name : NULL;
}

/* "tcp nginx, http" */
static int complete_port_of(struct complete *c, const struct skt_census *census, const struct skt_sock *s)
{
	const char *protocol = s->proto == SKT_PROTO_TCP ? "TCP" : "UDP", *holder = complete_holder(census, s);
	const struct skt_service *service = skt_service_of_port((uint16_t)s->local_port, protocol);
	struct skt_text what = { 0 };
	char port[SKT_UNIT_LENGTH];
	int ret;

	if (!skt_sock_is_bound(s))
		return 0;
	(void)snprintf(port, sizeof(port), "%u", s->local_port);
	skt_text_addf(&what, "%s%s%s%s%s", skt_proto_name((enum skt_proto)s->proto), holder ? " " : "",
		      holder ? holder : "", service ? ", " : "", service ? service->name : "");
	ret = complete_add(c, port, skt_text_get(&what));
	skt_text_release(&what);
	return ret;
}

/* Looking takes longer than knowing that nothing can fit. */
static int complete_ports(struct complete *c)
{
	return c->prefix[strspn(c->prefix, "0123456789")]
		       ? 0
		       : complete_census(c, SKT_STATES_BOUND, SKT_OWNERS_ALL, complete_port_of);
}

static int complete_process_of(struct complete *c, const struct skt_census *census, const struct skt_sock *s)
{
	const struct skt_process *p;
	int ret = 0;

	for (size_t i = 0; ret == 0 && (p = skt_census_holder(census, s, i, NULL)) != NULL; i++)
		ret = complete_add(c, p->name, NULL);
	return ret;
}

static int complete_processes(struct complete *c)
{
	return complete_census(c, SKT_STATES_BOUND | SKT_STATES_LIVE, SKT_OWNERS_ALL, complete_process_of);
}

static int complete_pid_of(struct complete *c, const struct skt_census *census, const struct skt_sock *s)
{
	const struct skt_process *p;
	char pid[SKT_UNIT_LENGTH];
	int ret = 0;

	for (size_t i = 0; ret == 0 && (p = skt_census_holder(census, s, i, NULL)) != NULL; i++) {
		(void)snprintf(pid, sizeof(pid), "%d", (int)p->pid);
		ret = complete_add(c, pid, p->name);
	}
	return ret;
}

static int complete_pids(struct complete *c)
{
	return complete_census(c, SKT_STATES_BOUND | SKT_STATES_LIVE, SKT_OWNERS_ALL, complete_pid_of);
}

static int complete_user_of(struct complete *c, const struct skt_census *census, const struct skt_sock *s)
{
	char room[64];

	(void)census;
	return s->uid == UINT32_MAX ? 0 : complete_add(c, skt_user_name(s->uid, room, sizeof(room)), NULL);
}

static int complete_users(struct complete *c)
{
	int ret = complete_add(c, "me", NULL);

	return ret < 0 ? ret : complete_census(c, SKT_STATES_BOUND | SKT_STATES_LIVE, SKT_OWNERS_NONE, complete_user_of);
}

/* The other end of each connection, with the process at ours. */
static int complete_connection_of(struct complete *c, const struct skt_census *census, const struct skt_sock *s)
{
	struct skt_text remote = { 0 };
	int ret = 0;

	if (s->remote.family && s->remote_port) {
		skt_sock_print(&s->remote, s->interface, s->remote_port, &remote);
		ret = complete_add(c, skt_text_get(&remote), complete_holder(census, s));
	}
	skt_text_release(&remote);
	return ret;
}

static int complete_connections(struct complete *c)
{
	return complete_census(c, SKT_STATES_LIVE, SKT_OWNERS_ALL, complete_connection_of);
}

static int complete_path_of(struct complete *c, const struct skt_census *census, const struct skt_sock *s)
{
	struct skt_text name = { 0 };
	int ret = 0;

	skt_socktable_add_name(&census->table, s, &name);
	if (name.len > 0 && skt_sock_is_bound(s))
		ret = complete_add(c, skt_text_get(&name), NULL);
	skt_text_release(&name);
	return ret;
}

static int complete_paths(struct complete *c)
{
	static const struct skt_look look = { .protos = SKT_PROTOS_UNIX };

	return complete_look(c, &look, SKT_OWNERS_NONE, complete_path_of);
}

static int complete_services(struct complete *c)
{
	const struct skt_service *service;
	int ret = 0;

	for (size_t i = 0; ret == 0 && (service = skt_service_at(i)) != NULL; i++)
		ret = complete_add(c, service->name, _(service->help));
	return ret;
}

/* The names in a directory of the kernel's. */
static int complete_names_in(struct complete *c, const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	int ret = 0;

	while (dir && ret == 0 && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			ret = complete_add(c, entry->d_name, NULL);
	if (dir)
		(void)closedir(dir);
	return ret;
}

static int complete_netns(struct complete *c)
{
	return complete_names_in(c, "/run/netns");
}

static int complete_interfaces(struct complete *c)
{
	return complete_names_in(c, "/sys/class/net");
}

/* --- filters --------------------------------------------------------------------------------------------------------- */

static complete_offer *complete_kind(const char *name);

/* Words with blanks between them, or "@kind". */
static int complete_unit(struct complete *c, const char *unit)
{
	complete_offer *offer = unit[0] == '@' ? complete_kind(unit + 1) : NULL;
	int ret = 0;

	if (unit[0] == '@')
		return offer ? offer(c) : 0;
	while (ret == 0 && *(unit += strspn(unit, " "))) {
		size_t n = strcspn(unit, " ");
		char *word = skt_strndup(unit, n);

		ret = word ? complete_add(c, word, NULL) : skt_fail_memory(c->err);
		skt_free(word);
		unit += n;
	}
	return ret;
}

/* How many bytes of a key's word come before its value: "user=" of "user=NAME", none of "8080". */
static size_t complete_head(const char *word)
{
	size_t name = strcspn(word, "=<>!");

	return word[name] ? name + strspn(word + name, "=<>!") : 0;
}

/* The values of that key where the prefix has come so far, else the key itself. */
static int complete_key(struct complete *c, const struct skt_filter_key *key)
{
	size_t n = complete_head(key->word);
	char *head;
	int ret;

	if (n == 0)
		return key->unit[0] ? complete_unit(c, key->unit) : 0;
	if (strncmp(c->prefix, key->word, n) == 0) {
		c->head = key->word;
		c->n_head = n;
		c->prefix += n;
		ret = complete_unit(c, key->unit);
		c->n_head = 0;
		c->prefix -= n;
		return ret;
	}
	head = skt_strndup(key->word, n);
	ret = head ? complete_add(c, head, _(key->help)) : skt_fail_memory(c->err);
	skt_free(head);
	return ret;
}

static int complete_filter(struct complete *c, enum skt_filter_scope scope)
{
	const struct skt_filter_key *key;
	int ret = 0;

	for (size_t i = 0; ret == 0 && (key = skt_filter_key_at(i)) != NULL; i++)
		if (key->scopes & scope)
			ret = complete_key(c, key);
	return ret;
}

static int complete_ports_filter(struct complete *c)
{
	return complete_filter(c, SKT_FILTER_PORTS);
}

static int complete_flows_filter(struct complete *c)
{
	return complete_filter(c, SKT_FILTER_FLOWS);
}

/* --- the command ----------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	complete_offer *offer;
} complete_kinds[] = {
	{ "port", complete_ports },
	{ "process", complete_processes },
	{ "pid", complete_pids },
	{ "user", complete_users },
	{ "connection", complete_connections },
	{ "path", complete_paths },
	{ "service", complete_services },
	{ "interface", complete_interfaces },
	{ "netns", complete_netns },
	{ "ports-filter", complete_ports_filter },
	{ "flows-filter", complete_flows_filter },
};

static complete_offer *complete_kind(const char *name)
{
	for (size_t i = 0; i < SKT_LENGTH(complete_kinds); i++)
		if (strcmp(complete_kinds[i].name, name) == 0)
			return complete_kinds[i].offer;
	return NULL;
}

static int complete_fail(const char *kind, struct skt_error *err)
{
	struct skt_nearest nearest = { .wanted = kind ? kind : "" };

	if (kind)
		(void)skt_fail(err, SKT_E_USAGE, 0, _("there is no kind of completion %s"), kind);
	else
		(void)skt_fail(err, SKT_E_USAGE, 0, "%s", _("a kind of completion is missing"));
	for (size_t i = 0; kind && i < SKT_LENGTH(complete_kinds); i++)
		skt_nearest_offer(&nearest, complete_kinds[i].name);
	if (nearest.word)
		skt_hint(err, _("did you mean: soket complete %s"), nearest.word);
	else
		skt_hint(err, "%s", _("for example: soket complete port 80"));
	return -SKT_E_USAGE;
}

static int complete_run(const struct skt_args *args)
{
	bool json = skt_args_has(args, "json");
	struct skt_error err = { 0 };
	struct complete c = { .prefix = args->n_words > 1 ? args->word[1] : "", .head = "", .err = &err };
	complete_offer *offer = args->n_words > 0 ? complete_kind(args->word[0]) : NULL;
	int ret = skt_args_finish(args, 2, &err);

	if (ret == 0)
		ret = offer ? offer(&c) : complete_fail(args->n_words > 0 ? args->word[0] : NULL, &err);
	if (c.n > 0)
		qsort(c.row, c.n, sizeof(*c.row), complete_compare);
	ret = ret < 0 ? skt_say_error(&err, NULL, json) : complete_print(&c, json);
	complete_release(&c);
	return ret;
}

const struct skt_command skt_cmd_complete = {
	.name = "complete",
	.summary = N_("prints words for completion"),
	.synopsis = "KIND [PREFIX]",
	.description = N_("Each line has a word, and behind a tab what it is. The scripts of soket completion call this."),
	.run = complete_run,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* Manual pages as scdoc(5) source: one paragraph a line, what comes from tables escaped. */
#include "cli/manual.h"

#include <string.h>

#include "base/message.h"
#include "cli/grammar.h"
#include "cli/help.h"

/* Append n bytes of s, in which nothing is markup. */
static void manual_addn(struct skt_text *t, const char *s, size_t n)
{
	for (; n > 0; s++, n--) {
		if (strchr("\\*_#[]|-.+`~<>", *s) && *s)
			skt_text_addc(t, '\\');
		skt_text_addc(t, *s);
	}
}

static void manual_add(struct skt_text *t, const char *s)
{
	manual_addn(t, s, strlen(s));
}

static void manual_title(struct skt_text *t, const char *page, int section, const char *summary)
{
	skt_text_addf(t, "%s(%d) \"\" \"soket\"\n\n# %s\n\n%s - ", page, section, _("NAME"), page);
	manual_add(t, summary);
	skt_text_addc(t, '\n');
}

static void manual_heading(struct skt_text *t, const char *title)
{
	skt_text_addf(t, "\n# %s\n\n", title);
}

/* Paragraphs, "\n\n" between them; a single newline breaks the line, as help does. */
static void manual_paragraphs(struct skt_text *t, const char *s)
{
	while (*s) {
		size_t n = strcspn(s, "\n"), blanks = strspn(s, " ");

		manual_addn(t, s + (blanks < n ? blanks : n), n - (blanks < n ? blanks : n));
		s += n;
		if (s[0] == '\n' && s[1] && s[1] != '\n' && n > 0)
			skt_text_add(t, "++");
		skt_text_addc(t, '\n');
		s += *s != '\0';
	}
}

/* "*label*", then the explanation indented. */
static void manual_row(struct skt_text *t, const char *label, const char *what)
{
	skt_text_addc(t, '*');
	manual_add(t, label);
	skt_text_add(t, "*\n\t");
	manual_add(t, what);
	skt_text_add(t, "\n\n");
}

static void manual_rows(struct skt_text *t, const struct skt_row *rows)
{
	for (; rows->label; rows++)
		manual_row(t, rows->label, _(rows->what));
}

static void manual_synopsis(struct skt_text *t, const struct skt_command *command)
{
	for (const char *s = command->synopsis; s;) {
		size_t n = strcspn(s, "\n");

		skt_text_addf(t, "*soket %s* ", command->name);
		manual_addn(t, s, n);
		skt_text_add(t, s[n] ? "++\n" : "\n");
		s = s[n] ? s + n + 1 : NULL;
	}
}

static void manual_flag(struct skt_text *t, const struct skt_flag *flag)
{
	struct skt_text label = { 0 }, what = { 0 };

	skt_help_flag_label(flag, &label);
	skt_help_flag_meaning(flag, &what);
	manual_row(t, skt_text_get(&label) + strspn(skt_text_get(&label), " "), skt_text_get(&what));
	t->failed |= label.failed | what.failed;
	skt_text_release(&label);
	skt_text_release(&what);
}

static void manual_examples(struct skt_text *t, const struct skt_example *examples)
{
	for (const struct skt_example *e = examples; e && e->line; e++)
		manual_row(t, e->line, _(e->what));
}

/* The other pages. */
static void manual_see_also(struct skt_text *t, const char *page)
{
	const struct skt_command *command;

	manual_heading(t, _("SEE ALSO"));
	if (strcmp(page, "soket") != 0)
		skt_text_add(t, "*soket*(1), ");
	for (int i = 0; (command = skt_command_at(i)) != NULL; i++)
		if (strcmp(page, command->name) != 0)
			skt_text_addf(t, "*soket-%s*(1), ", command->name);
	skt_text_addf(t, "%s\n", strcmp(page, "endpoints") == 0 ? "*socket*(7)" : "*soket-endpoints*(7)");
}

void skt_manual_command(const struct skt_command *command, struct skt_text *t)
{
	const struct skt_flag *flag;
	struct skt_text page = { 0 };

	skt_text_addf(&page, "soket-%s", command->name);
	manual_title(t, skt_text_get(&page), 1, _(command->summary));
	t->failed |= page.failed;
	skt_text_release(&page);
	manual_heading(t, _("SYNOPSIS"));
	manual_synopsis(t, command);
	manual_heading(t, _("DESCRIPTION"));
	manual_paragraphs(t, _(command->description ? command->description : command->summary));
	if (command->takes_endpoints) {
		skt_text_addc(t, '\n');
		manual_add(t, _("How endpoints are written, and the options of each:"));
		skt_text_add(t, " *soket-endpoints*(7)\n");
	}
	manual_heading(t, _("FLAGS"));
	for (int i = 0; (flag = skt_command_flag_at(command, i)) != NULL; i++)
		manual_flag(t, flag);
	manual_heading(t, _("EXIT STATUS"));
	manual_rows(t, skt_exit_statuses);
	if (command->examples && command->examples->line) {
		manual_heading(t, _("EXAMPLES"));
		manual_examples(t, command->examples);
	}
	manual_see_also(t, command->name);
}

void skt_manual_overview(struct skt_text *t)
{
	const struct skt_command *command;
	const struct skt_flag *flag;

	manual_title(t, "soket", 1, _(skt_overview_summary));
	manual_heading(t, _("SYNOPSIS"));
	skt_text_add(t, "*soket* COMMAND ...++\n*soket* \\-\\-help++\n*soket* \\-\\-version\n");
	manual_heading(t, _("DESCRIPTION"));
	manual_paragraphs(t, _(skt_overview_intro));
	skt_text_addc(t, '\n');
	manual_paragraphs(t, _(skt_grammar_intro));
	manual_heading(t, _("COMMANDS"));
	for (int i = 0; (command = skt_command_at(i)) != NULL; i++)
		manual_row(t, command->name, _(command->summary));
	manual_heading(t, _("FLAGS OF EVERY COMMAND"));
	for (int i = 0; (flag = skt_flag_common_at(i)) != NULL; i++)
		manual_flag(t, flag);
	manual_heading(t, _("EXIT STATUS"));
	manual_rows(t, skt_exit_statuses);
	manual_heading(t, _("ENVIRONMENT"));
	manual_rows(t, skt_environment);
	manual_heading(t, _("EXAMPLES"));
	manual_examples(t, skt_overview_examples);
	manual_see_also(t, "soket");
}

static void manual_scheme(struct skt_text *t, const struct skt_scheme *scheme)
{
	struct skt_text what = { 0 };

	skt_grammar_add_summary(scheme, &what);
	if (scheme->example)
		skt_text_addf(&what, _("; for example: %s"), scheme->example);
	manual_row(t, scheme->name, skt_text_get(&what));
	t->failed |= what.failed;
	skt_text_release(&what);
}

static void manual_option(struct skt_text *t, const struct skt_optspec *spec)
{
	struct skt_text label = { 0 }, what = { 0 };

	skt_grammar_add_option(spec, &label);
	skt_grammar_add_meaning(spec, &what);
	manual_row(t, skt_text_get(&label), skt_text_get(&what));
	t->failed |= label.failed | what.failed;
	skt_text_release(&label);
	skt_text_release(&what);
}

static void manual_groups(struct skt_text *t, const struct skt_scheme *scheme)
{
	for (int g = 0; g < SKT_OPTGROUPS_MAX; g++) {
		struct skt_text names = { 0 };
		bool is_shown = skt_grammar_group(scheme, g, &names);

		if (names.len > 0) {
			skt_text_add(t, "\n## ");
			skt_text_addf(t, _("Options of %s"), skt_text_get(&names));
			skt_text_add(t, "\n\n");
		}
		for (const struct skt_optspec *spec = scheme->options[g]; is_shown && spec->key; spec++)
			manual_option(t, spec);
		t->failed |= names.failed;
		skt_text_release(&names);
	}
}

void skt_manual_endpoints(struct skt_text *t)
{
	const struct skt_scheme *scheme;

	manual_title(t, "soket-endpoints", 7, _("how soket's endpoints are written, and their options"));
	manual_heading(t, _("DESCRIPTION"));
	manual_paragraphs(t, _(skt_grammar_intro));
	manual_heading(t, _("FORMS"));
	manual_rows(t, skt_grammar_forms);
	manual_heading(t, _("VALUES"));
	manual_rows(t, skt_grammar_values);
	manual_heading(t, _("SCHEMES"));
	for (size_t i = 0; (scheme = skt_scheme_at(i)) != NULL; i++)
		manual_scheme(t, scheme);
	manual_heading(t, _("OPTIONS"));
	for (size_t i = 0; (scheme = skt_scheme_at(i)) != NULL; i++)
		manual_groups(t, scheme);
	manual_heading(t, _("ENVIRONMENT OF PROGRAMS"));
	manual_rows(t, skt_child_environment);
	manual_see_also(t, "endpoints");
}

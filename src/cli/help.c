/* SPDX-License-Identifier: Apache-2.0 */
/* Help for people. Every text is built whole before it is written, so that a failure leaves no half of it. */
#include "cli/help.h"

#include <string.h>

#include "base/message.h"
#include "cli/column.h"
#include "cli/grammar.h"
#include "cli/help_json.h"
#include "cli/say.h"

/* The widest label that has its explanation on the same line. */
enum { HELP_LABEL_MAX = 26, HELP_INDENT = 2, HELP_GAP = 2 };

/* Release a part of the text; where it is not whole, the text is not. */
static void help_drop(struct skt_text *t, struct skt_text *part)
{
	t->failed |= part->failed;
	skt_text_release(part);
}

static void help_heading(struct skt_text *t, const char *title)
{
	skt_text_addf(t, "\n%s%s%s\n", skt_ink(1, SKT_INK_BOLD), title, skt_ink(1, SKT_INK_PLAIN));
}

static void help_paragraph(struct skt_text *t, const char *s)
{
	skt_column_wrap(t, s, 0, 0);
}

/* "  label    what it means", where `width` is the width of the widest label of the list. */
static void help_row(struct skt_text *t, const char *label, size_t width, const char *what)
{
	size_t column;

	width = width < HELP_LABEL_MAX ? width : HELP_LABEL_MAX;
	column = HELP_INDENT + width + HELP_GAP;
	skt_column_pad(t, "", HELP_INDENT);
	skt_column_pad(t, label, width + HELP_GAP);
	if (skt_columns(label) > width) {
		skt_text_addc(t, '\n');
		skt_column_pad(t, "", column);
	}
	skt_column_wrap(t, what, column, column);
}

static size_t help_wider(size_t width, const char *label)
{
	size_t columns = skt_columns(label);

	return columns > width ? columns : width;
}

static void help_rows(struct skt_text *t, const struct skt_row *rows)
{
	size_t width = 0;

	for (const struct skt_row *row = rows; row->label; row++)
		width = help_wider(width, row->label);
	for (const struct skt_row *row = rows; row->label; row++)
		help_row(t, row->label, width, _(row->what));
}

void skt_help_flag_label(const struct skt_flag *flag, struct skt_text *ret)
{
	const char *argument = flag->type == SKT_OPT_WORD && !flag->argument ? flag->choices : flag->argument;

	if (flag->letter)
		skt_text_addf(ret, "-%c, --%s", flag->letter, flag->name);
	else
		skt_text_addf(ret, "    --%s", flag->name);
	if (flag->type != SKT_OPT_BOOL)
		skt_text_addf(ret, " %s", argument ? argument : "TEXT");
}

void skt_help_flag_meaning(const struct skt_flag *flag, struct skt_text *ret)
{
	skt_text_add(ret, _(flag->help));
	if (flag->type == SKT_OPT_WORD && flag->argument)
		skt_text_add(ret, ": ");
	for (const char *c = flag->choices; c && flag->type == SKT_OPT_WORD && flag->argument && *c; c++)
		if (*c == '|')
			skt_text_add(ret, ", "); /* a long list is broken into lines */
		else
			skt_text_addc(ret, *c);
	if (flag->many)
		skt_text_addf(ret, "; %s", _("may be given several times"));
}

static size_t help_flag_width(struct skt_text *t, size_t width, const struct skt_flag *flag)
{
	struct skt_text label = { 0 };

	skt_help_flag_label(flag, &label);
	width = help_wider(width, skt_text_get(&label));
	help_drop(t, &label);
	return width;
}

static void help_flag(struct skt_text *t, const struct skt_flag *flag, size_t width)
{
	struct skt_text label = { 0 }, what = { 0 };

	skt_help_flag_label(flag, &label);
	skt_help_flag_meaning(flag, &what);
	help_row(t, skt_text_get(&label), width, skt_text_get(&what));
	help_drop(t, &label);
	help_drop(t, &what);
}

/* The command's own flags and the common ones; without a command, only those. */
static void help_flags(struct skt_text *t, const struct skt_command *command)
{
	const struct skt_flag *flag;
	size_t width = 0;

	for (int i = 0; (flag = command ? skt_command_flag_at(command, i) : skt_flag_common_at(i)) != NULL; i++)
		width = help_flag_width(t, width, flag);
	for (int i = 0; (flag = command ? skt_command_flag_at(command, i) : skt_flag_common_at(i)) != NULL; i++)
		help_flag(t, flag, width);
}

/* A line for each line of the synopsis. */
static void help_usage(struct skt_text *t, const struct skt_command *command)
{
	for (const char *s = command->synopsis; s;) {
		size_t n = strcspn(s, "\n"), indent = HELP_INDENT + strlen("soket ") + strlen(command->name) + 1;
		struct skt_text rest = { 0 };

		skt_text_addn(&rest, s, n);
		skt_text_addf(t, "  soket %s%s", command->name, n ? " " : "");
		skt_column_wrap(t, skt_text_get(&rest), indent, indent);
		help_drop(t, &rest);
		s = s[n] ? s + n + 1 : NULL;
	}
}

static void help_examples(struct skt_text *t, const struct skt_example *examples)
{
	for (const struct skt_example *e = examples; e && e->line; e++) {
		skt_text_addf(t, "  %s\n", e->line);
		skt_column_pad(t, "", 6);
		skt_column_wrap(t, _(e->what), 6, 6);
	}
}

static void help_schemes(struct skt_text *t)
{
	const struct skt_scheme *scheme;
	size_t width = 0;

	for (size_t i = 0; (scheme = skt_scheme_at(i)) != NULL; i++)
		width = help_wider(width, scheme->name);
	for (size_t i = 0; (scheme = skt_scheme_at(i)) != NULL; i++) {
		struct skt_text what = { 0 };

		skt_grammar_add_summary(scheme, &what);
		help_row(t, scheme->name, width, skt_text_get(&what));
		help_drop(t, &what);
	}
}

/* Write the text out and release it. Returns an exit status. */
static int help_done(struct skt_text *t)
{
	int failed = skt_say_text(t);

	skt_text_release(t);
	return -failed;
}

static int help_overview_json(void)
{
	const struct skt_command *command;

	for (int i = 0; (command = skt_command_at(i)) != NULL; i++)
		if (skt_help_json_command(command) < 0)
			return SKT_E_IO;
	return 0;
}

static void help_commands(struct skt_text *t)
{
	const struct skt_command *command;
	size_t width = 0;

	for (int i = 0; (command = skt_command_at(i)) != NULL; i++)
		width = help_wider(width, command->name);
	for (int i = 0; (command = skt_command_at(i)) != NULL; i++)
		help_row(t, command->name, width, _(command->summary));
}

static const struct skt_row overview_usage[] = {
	{ "soket COMMAND ...", N_("run a command") },
	{ "soket help COMMAND", N_("what a command does, and all its flags") },
	{ "soket help endpoints", N_("how endpoints are written, and every scheme with its options") },
	{ "soket help SCHEME", N_("one scheme with its options, as in: soket help tcp") },
	{ "soket --version", N_("which version this is") },
	{ NULL, NULL },
};

const char *const skt_overview_summary = N_("opens, joins and explains every socket of this machine");

const char *const skt_overview_intro = N_(
	"soket opens endpoints of every kind and joins any two of them: hosts and ports, unix sockets, programs, files, this "
	"terminal. It shows who holds which port and what is connected, and gives you a port of your own.");

const struct skt_example skt_overview_examples[] = {
	{ "soket demo", N_("see a server, a relay and a client at work on this machine") },
	{ "soket explain 443", N_("what a port is, and what uses it") },
	{ "soket listen :8080", N_("wait for a client on port 8080 of this machine, and talk to it") },
	{ "soket connect example.com:80", N_("talk to a server") },
	{ "soket link :8080 example.com:80", N_("pass everything that comes to port 8080 on to a server") },
	{ "soket ports", N_("which ports are listened on, and by which programs") },
	{ "soket who 8080", N_("all about one port: who holds it, and who talks to it") },
	{ "soket flows", N_("what is connected, and how well") },
	{ NULL, NULL },
};

int skt_help_overview(bool json)
{
	struct skt_text t = { 0 };

	if (json)
		return help_overview_json();
	help_paragraph(&t, _(skt_overview_intro));
	help_heading(&t, _("Usage"));
	help_rows(&t, overview_usage);
	help_heading(&t, _("Commands"));
	help_commands(&t);
	help_heading(&t, _("Flags of every command"));
	help_flags(&t, NULL);
	help_heading(&t, _("Examples"));
	help_examples(&t, skt_overview_examples);
	help_heading(&t, _("Exit status"));
	help_rows(&t, skt_exit_statuses);
	skt_text_addc(&t, '\n');
	help_paragraph(&t, _("connect to a program ends with the program's own status; 128 and the signal's number where a "
			     "signal ended it."));
	return help_done(&t);
}

int skt_help_command(const struct skt_command *command, bool json)
{
	struct skt_text t = { 0 };

	if (json)
		return -skt_help_json_command(command);
	skt_text_addf(&t, "soket %s: ", command->name);
	skt_column_wrap(&t, _(command->summary), skt_columns(skt_text_get(&t)), 0);
	help_heading(&t, _("Usage"));
	help_usage(&t, command);
	if (command->description && *command->description) {
		skt_text_addc(&t, '\n');
		help_paragraph(&t, _(command->description));
	}
	help_heading(&t, _("Flags"));
	help_flags(&t, command);
	if (command->takes_endpoints) {
		help_heading(&t, _("Schemes of endpoints"));
		help_schemes(&t);
		skt_text_addc(&t, '\n');
		help_paragraph(&t, _("How endpoints are written, and the options of each: soket help endpoints"));
	}
	if (command->examples && command->examples->line) {
		help_heading(&t, _("Examples"));
		help_examples(&t, command->examples);
	}
	return help_done(&t);
}

static void help_option(struct skt_text *t, const struct skt_optspec *spec, size_t width)
{
	struct skt_text label = { 0 }, what = { 0 };

	skt_grammar_add_option(spec, &label);
	skt_grammar_add_meaning(spec, &what);
	help_row(t, skt_text_get(&label), width, skt_text_get(&what));
	help_drop(t, &label);
	help_drop(t, &what);
}

static size_t help_options_width(struct skt_text *t, size_t width, const struct skt_optspec *group)
{
	for (const struct skt_optspec *spec = group; spec && spec->key; spec++) {
		struct skt_text label = { 0 };

		skt_grammar_add_option(spec, &label);
		width = help_wider(width, skt_text_get(&label));
		help_drop(t, &label);
	}
	return width;
}

static void help_options(struct skt_text *t, const struct skt_optspec *group, size_t width)
{
	for (const struct skt_optspec *spec = group; spec && spec->key; spec++)
		help_option(t, spec, width);
}

/* "Options of tcp, tcp4, tcp6", in as many lines as it needs. */
static void help_group_heading(struct skt_text *t, const char *names)
{
	struct skt_text title = { 0 };

	skt_text_addf(&title, _("Options of %s"), names);
	skt_text_addf(t, "\n%s", skt_ink(1, SKT_INK_BOLD));
	skt_column_wrap(t, skt_text_get(&title), 0, 0);
	skt_text_add(t, skt_ink(1, SKT_INK_PLAIN));
	help_drop(t, &title);
}

/* The groups of options that are shown with this scheme; those of the same schemes under one heading. */
static void help_groups(struct skt_text *t, const struct skt_scheme *scheme)
{
	for (int g = 0; g < SKT_OPTGROUPS_MAX; g++) {
		struct skt_text names = { 0 };

		if (skt_grammar_group(scheme, g, &names)) {
			if (names.len > 0)
				help_group_heading(t, skt_text_get(&names));
			help_options(t, scheme->options[g], help_options_width(t, 0, scheme->options[g]));
		}
		help_drop(t, &names);
	}
}

static int help_endpoints_json(void)
{
	const struct skt_scheme *scheme;

	for (size_t i = 0; (scheme = skt_scheme_at(i)) != NULL; i++)
		if (skt_help_json_scheme(scheme) < 0)
			return SKT_E_IO;
	return 0;
}

int skt_help_endpoints(bool json)
{
	const struct skt_scheme *scheme;
	struct skt_text t = { 0 };

	if (json)
		return help_endpoints_json();
	help_paragraph(&t, _(skt_grammar_intro));
	help_heading(&t, _("How endpoints are written"));
	help_rows(&t, skt_grammar_forms);
	help_heading(&t, _("Values"));
	help_rows(&t, skt_grammar_values);
	help_heading(&t, _("Schemes"));
	help_schemes(&t);
	for (size_t i = 0; (scheme = skt_scheme_at(i)) != NULL; i++)
		help_groups(&t, scheme);
	help_heading(&t, _("Environment of a program"));
	help_rows(&t, skt_child_environment);
	return help_done(&t);
}

int skt_help_scheme(const struct skt_scheme *scheme, bool json)
{
	struct skt_text t = { 0 }, what = { 0 };
	size_t width = 0;

	if (json)
		return -skt_help_json_scheme(scheme);
	skt_text_addf(&t, "%s: ", scheme->name);
	skt_grammar_add_summary(scheme, &what);
	skt_column_wrap(&t, skt_text_get(&what), skt_columns(skt_text_get(&t)), 0);
	help_drop(&t, &what);
	if (scheme->example)
		skt_text_addf(&t, _("For example: %s\n"), scheme->example);
	help_heading(&t, _("Options"));
	for (int g = 0; g < SKT_OPTGROUPS_MAX; g++)
		width = help_options_width(&t, width, scheme->options[g]);
	for (int g = 0; g < SKT_OPTGROUPS_MAX; g++)
		help_options(&t, scheme->options[g], width);
	return help_done(&t);
}

/* What there is to do, by what one wants; every command is in one of the rows. */
static const struct skt_row help_wishes[] = {
	{ "connect listen link", N_("open endpoints, and join any two of them") },
	{ "serve view", N_("give files to browsers; see this machine's sockets in one") },
	{ "ports flows who", N_("see who holds a port, what is connected, and how well") },
	{ "free run wait", N_("get a port of your own; wait until one answers, or is free") },
	{ "take close", N_("end the program that holds a port; end a connection") },
	{ "explain demo", N_("learn what an endpoint is; see it all at work") },
	{ "help completion", N_("read on; complete what you type") },
	{ NULL, NULL },
};

int skt_help_nothing(void)
{
	struct skt_text t = { 0 };

	help_paragraph(&t, _("soket opens, joins and explains every socket of this machine. Say what to do:"));
	skt_text_addc(&t, '\n');
	help_rows(&t, help_wishes);
	skt_text_addc(&t, '\n');
	help_paragraph(&t, _("Start with \"soket demo\", or ask \"soket help COMMAND\"."));
	skt_say_plain(skt_text_get(&t));
	skt_text_release(&t);
	return SKT_E_USAGE;
}

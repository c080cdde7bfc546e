/* SPDX-License-Identifier: Apache-2.0 */
/* The completion script for zsh: tables as associative arrays, and one function that reads them. It works from a file _soket
 * in a folder of $fpath, and read by `source`. */
#include "cli/completion.h"

#include <string.h>

#include "base/message.h"
#include "cli/grammar.h"

static const char zsh_function[] =
	"# Leave in REPLY the schemes of an address, from the top layer down.\n"
	"_soket_schemes_of() {\n"
	"\tlocal head=${${1#listen:}#dial:} layers\n"
	"\n"
	"\tlayers=${head%%:*}\n"
	"\tcase $head in\n"
	"\t(-) REPLY=stdio ;;\n"
	"\t(/* | ./* | ../* | @*) REPLY=unix ;;\n"
	"\t(*)\n"
	"\t\tREPLY=tcp\n"
	"\t\tif [[ $head == *:* && -n $layers ]] && (( ${+_soket_options[${layers%%+*}]} )); then\n"
	"\t\t\tREPLY=\"${layers//+/ } ${_soket_below[${layers##*+}]-}\"\n"
	"\t\tfi\n"
	"\t\t;;\n"
	"\tesac\n"
	"}\n"
	"\n"
	"# Words of the moment: ports, processes, filters.\n"
	"_soket_live() {\n"
	"\tlocal -a lines keys\n"
	"\n"
	"\tlines=(${(f)\"$(command $words[1] complete $1 ${(Q)PREFIX} 2>/dev/null)\"})\n"
	"\tlines=(${lines//:/\\\\:})\n"
	"\tlines=(${lines/$'\\t'/:})\n"
	"\tkeys=(${(M)lines:#*[=<>](:*|)})\n"
	"\tlines=(${lines:#*[=<>](:*|)})\n"
	"\t(( $#keys )) && _describe -V -t keys key keys -S ''\n"
	"\t(( $#lines )) && _describe -V -t values value lines\n"
	"}\n"
	"\n"
	"# Complete a value of the kind $1.\n"
	"_soket_offer() {\n"
	"\tcase $1 in\n"
	"\t(@file) _files ;;\n"
	"\t(@directory) _files -/ ;;\n"
	"\t(@command) _command_names -e ;;\n"
	"\t(@user) _users ;;\n"
	"\t(@group) _groups ;;\n"
	"\t(@host) compset -P '//'; _hosts -S : ;;\n"
	"\t(@interface) _net_interfaces ;;\n"
	"\t(@*) _soket_live ${1#@} ;;\n"
	"\t(*:*) compadd -S '' -- ${=1} ;;\n"
	"\t(?*) compadd -- ${=1} ;;\n"
	"\tesac\n"
	"}\n"
	"\n"
	"# Endpoints and their options: $1 is the schemes of the endpoint before, $2 whether one more may come.\n"
	"_soket_endpoint() {\n"
	"\tlocal scheme key head cur=$words[CURRENT]\n"
	"\tlocal -a keys\n"
	"\n"
	"\tif [[ $cur =~ '^[a-z][a-z0-9-]*=' ]]; then\n"
	"\t\tkey=${cur%%=*}\n"
	"\t\tcompset -P '*='\n"
	"\t\tfor scheme in ${=1}; do\n"
	"\t\t\tif (( ${+_soket_choices[$scheme:$key]} )); then\n"
	"\t\t\t\t_soket_offer $_soket_choices[$scheme:$key]\n"
	"\t\t\t\treturn\n"
	"\t\t\tfi\n"
	"\t\tdone\n"
	"\t\treturn 1\n"
	"\tfi\n"
	"\tfor scheme in ${=1}; do\n"
	"\t\tkeys+=(${(f)_soket_options[$scheme]-})\n"
	"\tdone\n"
	"\t(( $#keys )) && _describe -t keys option keys -S =\n"
	"\t[[ -n $2 ]] || return\n"
	"\tcompset -P '(listen|dial):'\n"
	"\tcur=${${cur#listen:}#dial:} head=${${cur%%:*}##*+}\n"
	"\tif [[ $cur == [./~]* ]]; then\n"
	"\t\t_files\n"
	"\telif [[ $cur == *:* && -n $head ]] && (( ${+_soket_address[$head]} )); then\n"
	"\t\tcompset -P '[^:]#:'\n"
	"\t\t_soket_offer $_soket_address[$head]\n"
	"\telse\n"
	"\t\tcompset -P '*+'\n"
	"\t\t_describe -t schemes scheme _soket_schemes -S ''\n"
	"\tfi\n"
	"}\n"
	"\n"
	"_soket() {\n"
	"\temulate -L zsh -o extendedglob\n"
	"\tlocal word command flag schemes REPLY cur=$words[CURRENT]\n"
	"\tlocal -a flags\n"
	"\tlocal -i i n=0\n"
	"\n"
	"\tfor (( i = 2; i < CURRENT; i++ )); do\n"
	"\t\tword=$words[i]\n"
	"\t\tif [[ -n $flag ]]; then\n"
	"\t\t\tflag=\n"
	"\t\telif [[ $word == -- ]]; then\n"
	"\t\t\tshift $i words\n"
	"\t\t\t(( CURRENT -= i ))\n"
	"\t\t\t_normal\n"
	"\t\t\treturn\n"
	"\t\telif [[ $word == -?* ]]; then\n"
	"\t\t\t(( ${+_soket_values[$command:$word]} )) && flag=$word\n"
	"\t\telif [[ -z $command ]]; then\n"
	"\t\t\tcommand=$word\n"
	"\t\telif [[ ! $word =~ '^[a-z][a-z0-9-]*=' ]]; then\n"
	"\t\t\t_soket_schemes_of $word\n"
	"\t\t\tschemes=$REPLY\n"
	"\t\t\tn+=1\n"
	"\t\tfi\n"
	"\tdone\n"
	"\tif [[ -n $flag ]]; then\n"
	"\t\t_soket_offer $_soket_values[$command:$flag]\n"
	"\telif [[ -z $command ]]; then\n"
	"\t\t_describe -t commands command _soket_commands\n"
	"\t\t[[ $cur == -* ]] && compadd -- --help --version\n"
	"\telif [[ $cur == --*=* ]]; then\n"
	"\t\tcompset -P '*='\n"
	"\t\t_soket_offer ${_soket_values[$command:${cur%%=*}]-}\n"
	"\telif [[ $cur == -* ]]; then\n"
	"\t\tflags=(${(f)_soket_flags[$command]-})\n"
	"\t\t_describe -o -t flags flag flags\n"
	"\telif (( ${+_soket_endpoints[$command]} )); then\n"
	"\t\t_soket_endpoint \"$schemes\" \"${${:-$(( n < _soket_endpoints[$command] ))}#0}\"\n"
	"\t\t(( n < _soket_endpoints[$command] )) && _soket_offer ${_soket_words[$command]-}\n"
	"\telse\n"
	"\t\t_soket_offer ${_soket_words[$command]-}\n"
	"\tfi\n"
	"}\n"
	"\n"
	"if [[ $funcstack[1] == _soket ]]; then\n"
	"\t_soket \"$@\"\n"
	"elif (( $+functions[compdef] )); then\n"
	"\tcompdef _soket soket\n"
	"fi\n";

/* A row of a list for _describe: "name:what it is", where `name` has no colon that is not escaped. */
static void zsh_row(struct skt_text *t, const char *name, const char *what)
{
	struct skt_text row = { 0 };

	skt_text_addf(&row, "%s:%s", name, what);
	skt_completion_quote(t, skt_text_get(&row), 0);
	t->failed |= row.failed;
	skt_text_release(&row);
}

static void zsh_commands(struct skt_text *t)
{
	const struct skt_command *command;

	skt_text_add(t, "typeset -ga _soket_commands=(\n");
	for (int i = 0; (command = skt_command_at(i)) != NULL; i++) {
		skt_text_addc(t, '\t');
		zsh_row(t, command->name, _(command->summary));
		skt_text_addc(t, '\n');
	}
	skt_text_add(t, ")\n");
}

static void zsh_schemes(struct skt_text *t)
{
	const struct skt_scheme *scheme;

	skt_text_add(t, "typeset -ga _soket_schemes=(\n");
	for (size_t i = 0; (scheme = skt_scheme_at(i)) != NULL; i++) {
		if (scheme->is_later)
			continue;
		skt_text_addf(t, "\t%s'\\:'", scheme->name);
		zsh_row(t, "", _(scheme->summary));
		skt_text_addc(t, '\n');
	}
	skt_text_add(t, ")\n");
}

/* The flags of each command, one a line, in one string. */
static void zsh_flags(struct skt_text *t)
{
	const struct skt_command *command;
	const struct skt_flag *flag;

	skt_text_add(t, "typeset -gA _soket_flags=(\n");
	for (int i = 0; (command = skt_command_at(i)) != NULL; i++) {
		struct skt_text rows = { 0 };

		for (int f = 0; (flag = skt_command_flag_at(command, f)) != NULL; f++) {
			skt_text_addf(&rows, "--%s:%s\n", flag->name, _(flag->help));
			if (flag->letter)
				skt_text_addf(&rows, "-%c:%s\n", flag->letter, _(flag->help));
		}
		skt_text_addf(t, "%s ", command->name);
		skt_completion_quote(t, skt_text_get(&rows), 0);
		skt_text_addc(t, '\n');
		t->failed |= rows.failed;
		skt_text_release(&rows);
	}
	skt_text_add(t, ")\n");
}

static void zsh_flag_values(struct skt_text *t, const struct skt_command *command)
{
	const struct skt_flag *flag;

	for (int i = 0; (flag = skt_command_flag_at(command, i)) != NULL; i++) {
		struct skt_text value = { 0 };

		if (flag->type == SKT_OPT_BOOL)
			continue;
		skt_completion_add_flag_value(flag, &value);
		skt_text_addf(t, "\t%s:--%s '%s'\n", command->name, flag->name, skt_text_get(&value));
		if (flag->letter)
			skt_text_addf(t, "\t%s:-%c '%s'\n", command->name, flag->letter, skt_text_get(&value));
		t->failed |= value.failed;
		skt_text_release(&value);
	}
}

static void zsh_command_tables(struct skt_text *t)
{
	const struct skt_command *command;

	skt_text_add(t, "typeset -gA _soket_values=(\n");
	for (int i = 0; (command = skt_command_at(i)) != NULL; i++)
		zsh_flag_values(t, command);
	skt_text_add(t, ")\ntypeset -gA _soket_endpoints=(");
	for (int i = 0; (command = skt_command_at(i)) != NULL; i++)
		if (command->takes_endpoints)
			skt_text_addf(t, " %s %d", command->name, command->takes_endpoints);
	skt_text_add(t, " )\ntypeset -gA _soket_words=(\n");
	for (int i = 0; (command = skt_command_at(i)) != NULL; i++) {
		skt_text_addf(t, "\t%s '", command->name);
		skt_completion_add_words(command, t);
		skt_text_add(t, "'\n");
	}
	skt_text_add(t, ")\n");
}

static void zsh_options(struct skt_text *t, const struct skt_scheme *scheme)
{
	struct skt_text rows = { 0 };

	for (int g = 0; g < SKT_OPTGROUPS_MAX && scheme->options[g]; g++)
		for (const struct skt_optspec *spec = scheme->options[g]; spec->key; spec++)
			skt_text_addf(&rows, "%s:%s\n", spec->key, _(spec->help));
	skt_text_addf(t, "%s ", scheme->name);
	skt_completion_quote(t, skt_text_get(&rows), 0);
	skt_text_addc(t, '\n');
	t->failed |= rows.failed;
	skt_text_release(&rows);
}

static void zsh_choices(struct skt_text *t, const struct skt_scheme *scheme)
{
	for (int g = 0; g < SKT_OPTGROUPS_MAX && scheme->options[g]; g++) {
		for (const struct skt_optspec *spec = scheme->options[g]; spec->key; spec++) {
			skt_text_addf(t, "\t%s:%s '", scheme->name, spec->key);
			skt_completion_add_option_value(spec, t);
			skt_text_add(t, "'\n");
		}
	}
}

static void zsh_scheme_tables(struct skt_text *t)
{
	const struct skt_scheme *scheme;

	skt_text_add(t, "typeset -gA _soket_options=(\n");
	for (size_t i = 0; (scheme = skt_scheme_at(i)) != NULL; i++)
		zsh_options(t, scheme);
	skt_text_add(t, ")\ntypeset -gA _soket_choices=(\n");
	for (size_t i = 0; (scheme = skt_scheme_at(i)) != NULL; i++)
		zsh_choices(t, scheme);
	skt_text_add(t, ")\ntypeset -gA _soket_address=(\n");
	for (size_t i = 0; (scheme = skt_scheme_at(i)) != NULL; i++)
		skt_text_addf(t, "\t%s '%s'\n", scheme->name, skt_completion_address(scheme));
	skt_text_add(t, ")\ntypeset -gA _soket_below=(");
	for (size_t i = 0; (scheme = skt_scheme_at(i)) != NULL; i++)
		if (scheme->below)
			skt_text_addf(t, " %s '%s'", scheme->name, scheme->below);
	skt_text_add(t, " )\n");
}

void skt_completion_zsh(struct skt_text *t)
{
	skt_text_add(t, "#compdef soket\n# zsh completion for soket, printed by: soket completion zsh\n");
	zsh_commands(t);
	zsh_schemes(t);
	zsh_flags(t);
	zsh_command_tables(t);
	zsh_scheme_tables(t);
	skt_text_addc(t, '\n');
	skt_text_add(t, zsh_function);
}

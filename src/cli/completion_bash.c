/* SPDX-License-Identifier: Apache-2.0 */
/* The completion script for bash (4.3 or later): tables as associative arrays, and one function that reads them.
 *
 * How it works: bash splits the words of a command line at ":" and "=" too, which endpoints are full of. So the function
 * splits COMP_LINE by itself, at blanks, builds whole words as candidates, and takes off the part that bash believes to be a
 * word before: that is the current word without $2 at its end. */
#include "cli/completion.h"

static const char bash_helpers[] =
	"# Leave in REPLY the schemes of an address, from the top layer down.\n"
	"_soket_schemes_of()\n"
	"{\n"
	"\tlocal head=${1#listen:} layers\n"
	"\n"
	"\thead=${head#dial:} layers=${head%%:*}\n"
	"\tcase $head in\n"
	"\t-) REPLY=stdio ;;\n"
	"\t/* | ./* | ../* | @*) REPLY=unix ;;\n"
	"\t*)\n"
	"\t\tREPLY=tcp\n"
	"\t\tif [[ $head == *:* && -n $layers && -v _soket_options[${layers%%+*}] ]]; then\n"
	"\t\t\tREPLY=\"${layers//+/ } ${_soket_below[${layers##*+}]-}\"\n"
	"\t\tfi\n"
	"\t\t;;\n"
	"\tesac\n"
	"}\n"
	"\n"
	"# Leave in found the words of the moment, of the kind $1, that begin with $2; in a list with what they are behind them.\n"
	"_soket_live()\n"
	"{\n"
	"\tlocal word what\n"
	"\tlocal -a whats=()\n"
	"\n"
	"\twhile IFS=$'\\t' read -r word what; do\n"
	"\t\t[[ $word == *[\\<\\>]* ]] && printf -v word %q \"$word\"\n"
	"\t\tfound+=(\"$word\") whats+=(\"${what:+  ($what)}\")\n"
	"\tdone < <(command \"${COMP_WORDS[0]}\" complete \"$1\" \"$2\" 2>/dev/null)\n"
	"\t((${#found[@]} > 1 && COMP_TYPE == 63)) || return\n"
	"\tfor word in \"${!found[@]}\"; do found[word]+=${whats[word]}; done\n"
	"}\n"
	"\n"
	"# Add to COMPREPLY what completes $2 by the kind $1; each candidate begins with $3.\n"
	"_soket_offer()\n"
	"{\n"
	"\tlocal -a found=()\n"
	"\n"
	"\tcase $1 in\n"
	"\t@file) mapfile -t found < <(compgen -f -- \"$2\"); compopt -o filenames 2>/dev/null ;;\n"
	"\t@directory) mapfile -t found < <(compgen -d -- \"$2\"); compopt -o filenames 2>/dev/null ;;\n"
	"\t@command) mapfile -t found < <(compgen -c -- \"$2\") ;;\n"
	"\t@user) mapfile -t found < <(compgen -u -- \"$2\") ;;\n"
	"\t@group) mapfile -t found < <(compgen -g -- \"$2\") ;;\n"
	"\t@host) mapfile -t found < <(compgen -S : -A hostname -- \"${2#//}\")\n"
	"\t\t[[ $2 == //* ]] && found=(\"${found[@]/#////}\") ;;\n"
	"\t@interface) mapfile -t found < <(cd /sys/class/net 2>/dev/null && compgen -W \"$(echo *)\" -- \"$2\") ;;\n"
	"\t@*) _soket_live \"${1#@}\" \"$2\" ;;\n"
	"\t*) mapfile -t found < <(compgen -W \"$1\" -- \"$2\") ;;\n"
	"\tesac\n"
	"\tCOMPREPLY+=(\"${found[@]/#/$3}\")\n"
	"}\n"
	"\n";

static const char bash_function[] =
	"# Endpoints and their options: $1 is the word so far, $2 the schemes of the endpoint before it, $3 whether one more may come.\n"
	"_soket_endpoint()\n"
	"{\n"
	"\tlocal cur=$1 scheme key head= layers=\n"
	"\n"
	"\tif [[ $cur =~ ^[a-z][a-z0-9-]*= ]]; then\n"
	"\t\tkey=${cur%%=*}\n"
	"\t\tfor scheme in $2; do\n"
	"\t\t\tif [[ -v _soket_choices[$scheme:$key] ]]; then\n"
	"\t\t\t\t_soket_offer \"${_soket_choices[$scheme:$key]}\" \"${cur#*=}\" \"$key=\"\n"
	"\t\t\t\treturn\n"
	"\t\t\tfi\n"
	"\t\tdone\n"
	"\t\treturn\n"
	"\tfi\n"
	"\tfor scheme in $2; do\n"
	"\t\t_soket_offer \"${_soket_options[$scheme]}\" \"$cur\"\n"
	"\tdone\n"
	"\t(($3)) || return\n"
	"\tcase $cur in listen:* | dial:*) head=${cur%%:*}: cur=${cur#*:} ;; esac\n"
	"\tlayers=${cur%%:*}\n"
	"\tif [[ $cur == [./~]* ]]; then\n"
	"\t\t_soket_offer @file \"$cur\" \"$head\"\n"
	"\telif [[ $cur == *:* && -n $layers && -v _soket_address[${layers##*+}] ]]; then\n"
	"\t\t_soket_offer \"${_soket_address[${layers##*+}]}\" \"${cur#*:}\" \"$head$layers:\"\n"
	"\telif [[ $cur == *+* ]]; then\n"
	"\t\t_soket_offer \"$_soket_schemes\" \"${cur##*+}\" \"$head${cur%+*}+\"\n"
	"\telse\n"
	"\t\t_soket_offer \"$_soket_schemes\" \"$cur\" \"$head\"\n"
	"\tfi\n"
	"}\n"
	"\n"
	"# The words after \"--\": another program's.\n"
	"_soket_after()\n"
	"{\n"
	"\tlocal i\n"
	"\n"
	"\tif declare -F _command_offset >/dev/null; then\n"
	"\t\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	"\t\t\tif [[ ${COMP_WORDS[i]} == -- ]]; then\n"
	"\t\t\t\t_command_offset $((i + 1))\n"
	"\t\t\t\treturn\n"
	"\t\t\tfi\n"
	"\t\tdone\n"
	"\tfi\n"
	"\tif (($1 == 0)); then _soket_offer @command \"$2\"; else _soket_offer @file \"$2\"; fi\n"
	"}\n"
	"\n"
	"_soket()\n"
	"{\n"
	"\tlocal line=${COMP_LINE:0:COMP_POINT} word cur prefix command= schemes= flag= REPLY\n"
	"\tlocal -i i n=0\n"
	"\tlocal -a words\n"
	"\n"
	"\tCOMPREPLY=()\n"
	"\tread -ra words <<<\"$line\"\n"
	"\t[[ $line == *[[:space:]] ]] && words+=('')\n"
	"\tcur=${words[-1]} prefix=${words[-1]%\"$2\"}\n"
	"\tfor ((i = 1; i < ${#words[@]} - 1; i++)); do\n"
	"\t\tword=${words[i]}\n"
	"\t\tif [[ -n $flag ]]; then\n"
	"\t\t\tflag=\n"
	"\t\telif [[ $word == -- ]]; then\n"
	"\t\t\t_soket_after $((${#words[@]} - i - 2)) \"$cur\"\n"
	"\t\t\treturn\n"
	"\t\telif [[ $word == -?* ]]; then\n"
	"\t\t\t[[ -n $command && -v _soket_values[$command:$word] ]] && flag=$word\n"
	"\t\telif [[ -z $command ]]; then\n"
	"\t\t\tcommand=$word\n"
	"\t\telif [[ ! $word =~ ^[a-z][a-z0-9-]*= ]]; then\n"
	"\t\t\t_soket_schemes_of \"$word\"\n"
	"\t\t\tschemes=$REPLY n+=1\n"
	"\t\tfi\n"
	"\tdone\n"
	"\tif [[ -n $flag ]]; then\n"
	"\t\t_soket_offer \"${_soket_values[$command:$flag]}\" \"$cur\"\n"
	"\telif [[ -z $command ]]; then\n"
	"\t\t_soket_offer \"$_soket_commands --help --version\" \"$cur\"\n"
	"\telif [[ ! -v _soket_flags[$command] ]]; then\n"
	"\t\treturn\n"
	"\telif [[ $cur == --*=* ]]; then\n"
	"\t\t_soket_offer \"${_soket_values[$command:${cur%%=*}]-}\" \"${cur#*=}\" \"${cur%%=*}=\"\n"
	"\telif [[ $cur == -* ]]; then\n"
	"\t\t_soket_offer \"${_soket_flags[$command]}\" \"$cur\"\n"
	"\telif [[ -v _soket_endpoints[$command] ]]; then\n"
	"\t\t_soket_endpoint \"$cur\" \"$schemes\" $((n < _soket_endpoints[$command]))\n"
	"\t\t((n < _soket_endpoints[$command])) && _soket_offer \"${_soket_words[$command]-}\" \"$cur\"\n"
	"\telse\n"
	"\t\t_soket_offer \"${_soket_words[$command]-}\" \"$cur\"\n"
	"\tfi\n"
	"\t[[ ${COMPREPLY[0]-} == *[:=\\<\\>] ]] && compopt -o nospace 2>/dev/null\n"
	"\tCOMPREPLY=(\"${COMPREPLY[@]#\"$prefix\"}\")\n"
	"}\n"
	"\n"
	"complete -F _soket soket\n";

/* "[command:--flag]='words'" for each spelling of a flag that takes a value. */
static void bash_flag_values(struct skt_text *t, const struct skt_command *command)
{
	const struct skt_flag *flag;

	for (int i = 0; (flag = skt_command_flag_at(command, i)) != NULL; i++) {
		struct skt_text value = { 0 };

		if (flag->type == SKT_OPT_BOOL)
			continue;
		skt_completion_add_flag_value(flag, &value);
		skt_text_addf(t, "\t[%s:--%s]='%s'\n", command->name, flag->name, skt_text_get(&value));
		if (flag->letter)
			skt_text_addf(t, "\t[%s:-%c]='%s'\n", command->name, flag->letter, skt_text_get(&value));
		t->failed |= value.failed;
		skt_text_release(&value);
	}
}

static void bash_flags(struct skt_text *t, const struct skt_command *command)
{
	const struct skt_flag *flag;

	skt_text_addf(t, "\t[%s]='", command->name);
	for (int i = 0; (flag = skt_command_flag_at(command, i)) != NULL; i++) {
		skt_text_addf(t, "%s--%s", i ? " " : "", flag->name);
		if (flag->letter)
			skt_text_addf(t, " -%c", flag->letter);
	}
	skt_text_add(t, "'\n");
}

static void bash_words(struct skt_text *t, const struct skt_command *command)
{
	skt_text_addf(t, "\t[%s]='", command->name);
	skt_completion_add_words(command, t);
	skt_text_add(t, "'\n");
}

static void bash_endpoints(struct skt_text *t, const struct skt_command *command)
{
	if (command->takes_endpoints)
		skt_text_addf(t, "\t[%s]=%d\n", command->name, command->takes_endpoints);
}

/* A table of the commands, in which `row` writes the row of each. */
static void bash_of_commands(struct skt_text *t, const char *name,
			     void (*row)(struct skt_text *t, const struct skt_command *command))
{
	const struct skt_command *command;

	skt_text_addf(t, "declare -gA %s=(\n", name);
	for (int i = 0; (command = skt_command_at(i)) != NULL; i++)
		row(t, command);
	skt_text_add(t, ")\n");
}

static void bash_options(struct skt_text *t, const struct skt_scheme *scheme)
{
	const char *blank = "";

	skt_text_addf(t, "\t[%s]='", scheme->name);
	for (int g = 0; g < SKT_OPTGROUPS_MAX && scheme->options[g]; g++) {
		for (const struct skt_optspec *spec = scheme->options[g]; spec->key; spec++, blank = " ")
			skt_text_addf(t, "%s%s=", blank, spec->key);
	}
	skt_text_add(t, "'\n");
}

static void bash_choices(struct skt_text *t, const struct skt_scheme *scheme)
{
	for (int g = 0; g < SKT_OPTGROUPS_MAX && scheme->options[g]; g++) {
		for (const struct skt_optspec *spec = scheme->options[g]; spec->key; spec++) {
			skt_text_addf(t, "\t[%s:%s]='", scheme->name, spec->key);
			skt_completion_add_option_value(spec, t);
			skt_text_add(t, "'\n");
		}
	}
}

static void bash_address(struct skt_text *t, const struct skt_scheme *scheme)
{
	skt_text_addf(t, "\t[%s]='%s'\n", scheme->name, skt_completion_address(scheme));
}

static void bash_below(struct skt_text *t, const struct skt_scheme *scheme)
{
	if (scheme->below)
		skt_text_addf(t, "\t[%s]='%s'\n", scheme->name, scheme->below);
}

static void bash_of_schemes(struct skt_text *t, const char *name,
			    void (*row)(struct skt_text *t, const struct skt_scheme *scheme))
{
	const struct skt_scheme *scheme;

	skt_text_addf(t, "declare -gA %s=(\n", name);
	for (size_t i = 0; (scheme = skt_scheme_at(i)) != NULL; i++)
		row(t, scheme);
	skt_text_add(t, ")\n");
}

void skt_completion_bash(struct skt_text *t)
{
	const struct skt_command *command;
	const struct skt_scheme *scheme;

	skt_text_add(t, "# bash completion for soket, printed by: soket completion bash\n_soket_commands='");
	for (int i = 0; (command = skt_command_at(i)) != NULL; i++)
		skt_text_addf(t, "%s%s", i ? " " : "", command->name);
	skt_text_add(t, "'\n_soket_schemes='");
	for (size_t i = 0; (scheme = skt_scheme_at(i)) != NULL; i++)
		if (!scheme->is_later)
			skt_text_addf(t, "%s%s:", i ? " " : "", scheme->name);
	skt_text_add(t, "'\n");
	bash_of_commands(t, "_soket_flags", bash_flags);
	bash_of_commands(t, "_soket_values", bash_flag_values);
	bash_of_commands(t, "_soket_words", bash_words);
	bash_of_commands(t, "_soket_endpoints", bash_endpoints);
	bash_of_schemes(t, "_soket_options", bash_options);
	bash_of_schemes(t, "_soket_choices", bash_choices);
	bash_of_schemes(t, "_soket_address", bash_address);
	bash_of_schemes(t, "_soket_below", bash_below);
	skt_text_addc(t, '\n');
	skt_text_add(t, bash_helpers);
	skt_text_add(t, bash_function);
}

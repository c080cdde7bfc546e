/* SPDX-License-Identifier: Apache-2.0 */
/* The completion script for fish: functions that look things up, and one `complete` for each flag. */
#include "cli/completion.h"

#include <string.h>

#include "base/message.h"

static const char fish_functions[] =
	"# The command, once it is typed.\n"
	"function __soket_command\n"
	"\tfor word in (commandline -opc)[2..]\n"
	"\t\tif not string match -q -- '-*' $word\n"
	"\t\t\techo $word\n"
	"\t\t\treturn 0\n"
	"\t\tend\n"
	"\tend\n"
	"\treturn 1\n"
	"end\n"
	"\n"
	"function __soket_after\n"
	"\tcontains -- -- (commandline -opc)\n"
	"end\n"
	"\n"
	"# The number of the word after \"--\" that is being typed.\n"
	"function __soket_after_first\n"
	"\tset -l words (commandline -opc)\n"
	"\ttest \"$words[-1]\" = --\n"
	"end\n"
	"\n"
	"function __soket_is\n"
	"\ttest (__soket_command; or echo -) = $argv[1]; and not __soket_after\n"
	"end\n"
	"\n"
	"# The schemes of an address, from the top layer down.\n"
	"function __soket_schemes_of\n"
	"\tset -l head (string replace -r '^(listen|dial):' '' -- $argv[1])\n"
	"\tswitch $head\n"
	"\t\tcase -\n"
	"\t\t\techo stdio\n"
	"\t\tcase '/*' './*' '../*' '@*'\n"
	"\t\t\techo unix\n"
	"\t\tcase '*'\n"
	"\t\t\tset -l layers (string match -r '^[a-z0-9+-]+(?=:)' -- $head | string split +)\n"
	"\t\t\tif set -q layers[1]; and __soket_knows $layers[1]\n"
	"\t\t\t\tprintf '%s\\n' $layers\n"
	"\t\t\t\t__soket_below $layers[-1]\n"
	"\t\t\telse\n"
	"\t\t\t\techo tcp\n"
	"\t\t\tend\n"
	"\tend\n"
	"end\n"
	"\n"
	"# Values of the kind $argv[1] for the text $argv[2], each with $argv[3] in front.\n"
	"function __soket_offer\n"
	"\tset -l found\n"
	"\tswitch \"$argv[1]\"\n"
	"\t\tcase ''\n"
	"\t\t\treturn\n"
	"\t\tcase @file\n"
	"\t\t\tset found (__fish_complete_path \"$argv[2]\")\n"
	"\t\tcase @directory\n"
	"\t\t\tset found (__fish_complete_directories \"$argv[2]\" '')\n"
	"\t\tcase @command\n"
	"\t\t\tset found (complete -C \"$argv[2]\" | string match -v -- '*/')\n"
	"\t\tcase @user\n"
	"\t\t\tset found (__fish_complete_users)\n"
	"\t\tcase @group\n"
	"\t\t\tset found (__fish_complete_groups)\n"
	"\t\tcase @host\n"
	"\t\t\tset found (__fish_print_hostnames):\n"
	"\t\t\tstring match -q -- '//*' \"$argv[2]\"; and set found //$found\n"
	"\t\tcase @interface\n"
	"\t\t\tset found (command ls /sys/class/net 2>/dev/null)\n"
	"\t\tcase '@*'\n"
	"\t\t\tset -l self (commandline -opc)[1]\n"
	"\t\t\tcommand -q $self; or return\n"
	"\t\t\tset found (command $self complete (string sub -s 2 -- \"$argv[1]\") \"$argv[2]\" 2>/dev/null)\n"
	"\t\tcase '*'\n"
	"\t\t\tset found (string split -n ' ' -- \"$argv[1]\")\n"
	"\tend\n"
	"\tset -q found[1]; and printf '%s\\n' \"$argv[3]\"$found\n"
	"end\n"
	"\n"
	"# Endpoints and their options.\n"
	"function __soket_endpoint\n"
	"\tset -l command (__soket_command)\n"
	"\tset -l cur (commandline -ct)\n"
	"\tset -l n 0\n"
	"\tset -l flag ''\n"
	"\tset -l schemes\n"
	"\tset -l seen ''\n"
	"\tfor word in (commandline -opc)[2..]\n"
	"\t\tif test -n \"$flag\"\n"
	"\t\t\tset flag ''\n"
	"\t\telse if string match -q -- '-?*' $word\n"
	"\t\t\t__soket_takes_value $command $word; and set flag $word\n"
	"\t\telse if test -z \"$seen\"\n"
	"\t\t\tset seen $word\n"
	"\t\telse if not string match -qr -- '^[a-z][a-z0-9-]*=' $word\n"
	"\t\t\tset schemes (__soket_schemes_of $word)\n"
	"\t\t\tset n (math $n + 1)\n"
	"\t\tend\n"
	"\tend\n"
	"\tif string match -qr -- '^[a-z][a-z0-9-]*=' $cur\n"
	"\t\tset -l pair (string split -m 1 = -- $cur)\n"
	"\t\tfor scheme in $schemes\n"
	"\t\t\tset -l kind (__soket_choices $scheme $pair[1]); and begin\n"
	"\t\t\t\t__soket_offer \"$kind\" \"$pair[2]\" $pair[1]=\n"
	"\t\t\t\treturn\n"
	"\t\t\tend\n"
	"\t\tend\n"
	"\t\treturn\n"
	"\tend\n"
	"\tfor scheme in $schemes\n"
	"\t\t__soket_options $scheme\n"
	"\tend\n"
	"\ttest $n -lt (__soket_endpoints $command); or return\n"
	"\tset -l role (string match -r '^(?:listen|dial):' -- $cur)\n"
	"\tset cur (string replace -r '^(listen|dial):' '' -- $cur)\n"
	"\tset -l layers (string match -r '^[a-z0-9+-]+(?=:)' -- $cur)\n"
	"\tif string match -qr '^[./~]' -- \"$cur\"\n"
	"\t\t__soket_offer @file $cur \"$role\"\n"
	"\telse if test -n \"$layers\"; and __soket_knows (string split + -- $layers)[-1]\n"
	"\t\tset -l rest (string split -m 1 : -- $cur)[2]\n"
	"\t\t__soket_offer (__soket_address (string split + -- $layers)[-1]) \"$rest\" \"$role$layers:\"\n"
	"\telse\n"
	"\t\tset -l upper (string match -r '^.*\\+' -- $cur)\n"
	"\t\t__soket_schemes | string replace -r '^' -- \"$role$upper\"\n"
	"\tend\n"
	"end\n"
	"\n"
	"complete -c soket -f\n"
	"complete -c soket -n '__soket_after; and __soket_after_first' -x -a '(__fish_complete_command)'\n"
	"complete -c soket -n '__soket_after; and not __soket_after_first' -F\n"
	"complete -c soket -n 'not __soket_command; and not __soket_after' -l version -d 'version'\n"
	"complete -c soket -n 'test (__soket_endpoints (__soket_command)) -gt 0; and not __soket_after' -x -a "
	"'(__soket_endpoint)'\n";

/* "name<tab>what it is", quoted so that fish reads it back. */
static void fish_row(struct skt_text *t, const char *name, const char *mark, const char *what)
{
	skt_text_addf(t, "\t\t\techo '%s%s'\\t", name, mark);
	skt_completion_quote(t, what, '\\');
	skt_text_addc(t, '\n');
}

static void fish_schemes(struct skt_text *t)
{
	const struct skt_scheme *scheme;

	skt_text_add(t, "function __soket_knows\n\tcontains -- $argv[1]");
	for (size_t i = 0; (scheme = skt_scheme_at(i)) != NULL; i++)
		skt_text_addf(t, " %s", scheme->name);
	skt_text_add(t, "\nend\n\nfunction __soket_below\n\tswitch $argv[1]\n");
	for (size_t i = 0; (scheme = skt_scheme_at(i)) != NULL; i++)
		if (scheme->below)
			skt_text_addf(t, "\t\tcase %s\n\t\t\techo '%s' | string split +\n", scheme->name, scheme->below);
	skt_text_add(t, "\tend\nend\n\nfunction __soket_address\n\tswitch $argv[1]\n");
	for (size_t i = 0; (scheme = skt_scheme_at(i)) != NULL; i++)
		skt_text_addf(t, "\t\tcase %s\n\t\t\techo '%s'\n", scheme->name, skt_completion_address(scheme));
	skt_text_add(t, "\tend\nend\n\nfunction __soket_schemes\n");
	for (size_t i = 0; (scheme = skt_scheme_at(i)) != NULL; i++)
		if (!scheme->is_later)
			fish_row(t, scheme->name, ":", _(scheme->summary));
	skt_text_add(t, "end\n\n");
}

static void fish_options(struct skt_text *t)
{
	const struct skt_scheme *scheme;

	skt_text_add(t, "function __soket_options\n\tswitch $argv[1]\n");
	for (size_t i = 0; (scheme = skt_scheme_at(i)) != NULL; i++) {
		skt_text_addf(t, "\t\tcase %s\n", scheme->name);
		for (int g = 0; g < SKT_OPTGROUPS_MAX && scheme->options[g]; g++)
			for (const struct skt_optspec *spec = scheme->options[g]; spec->key; spec++)
				fish_row(t, spec->key, "=", _(spec->help));
	}
	skt_text_add(t, "\tend\nend\n\n");
}

static void fish_choices(struct skt_text *t)
{
	const struct skt_scheme *scheme;

	skt_text_add(t, "function __soket_choices\n\tswitch \"$argv[1]:$argv[2]\"\n");
	for (size_t i = 0; (scheme = skt_scheme_at(i)) != NULL; i++) {
		for (int g = 0; g < SKT_OPTGROUPS_MAX && scheme->options[g]; g++) {
			for (const struct skt_optspec *spec = scheme->options[g]; spec->key; spec++) {
				skt_text_addf(t, "\t\tcase %s:%s\n\t\t\techo '", scheme->name, spec->key);
				skt_completion_add_option_value(spec, t);
				skt_text_add(t, "'\n");
			}
		}
	}
	skt_text_add(t, "\t\tcase '*'\n\t\t\treturn 1\n\tend\nend\n\n");
}

static void fish_command_tables(struct skt_text *t)
{
	const struct skt_command *command;
	const struct skt_flag *flag;

	skt_text_add(t, "function __soket_endpoints\n\tswitch \"$argv[1]\"\n");
	for (int i = 0; (command = skt_command_at(i)) != NULL; i++)
		if (command->takes_endpoints)
			skt_text_addf(t, "\t\tcase %s\n\t\t\techo %d\n", command->name, command->takes_endpoints);
	skt_text_add(t,
		     "\t\tcase '*'\n\t\t\techo 0\n\tend\nend\n\nfunction __soket_takes_value\n\tcontains -- \"$argv\"");
	for (int i = 0; (command = skt_command_at(i)) != NULL; i++) {
		for (int f = 0; (flag = skt_command_flag_at(command, f)) != NULL; f++) {
			if (flag->type == SKT_OPT_BOOL)
				continue;
			skt_text_addf(t, " '%s --%s'", command->name, flag->name);
			if (flag->letter)
				skt_text_addf(t, " '%s -%c'", command->name, flag->letter);
		}
	}
	skt_text_add(t, "\nend\n\n");
}

static void fish_flag(struct skt_text *t, const struct skt_command *command, const struct skt_flag *flag)
{
	struct skt_text value = { 0 };

	skt_text_addf(t, "complete -c soket -n '__soket_is %s' -l %s", command->name, flag->name);
	if (flag->letter)
		skt_text_addf(t, " -s %c", flag->letter);
	if (flag->type != SKT_OPT_BOOL) {
		skt_completion_add_flag_value(flag, &value);
		skt_text_addf(t, " -x -a '(__soket_offer \"%s\" (commandline -ct) \"\")'", skt_text_get(&value));
	}
	skt_text_add(t, " -d ");
	skt_completion_quote(t, _(flag->help), '\\');
	skt_text_addc(t, '\n');
	t->failed |= value.failed;
	skt_text_release(&value);
}

static void fish_commands(struct skt_text *t)
{
	const struct skt_command *command;
	const struct skt_flag *flag;

	for (int i = 0; (command = skt_command_at(i)) != NULL; i++) {
		struct skt_text words = { 0 };

		skt_text_addf(t, "complete -c soket -n 'not __soket_command; and not __soket_after' -a %s -d ",
			      command->name);
		skt_completion_quote(t, _(command->summary), '\\');
		skt_text_addc(t, '\n');
		skt_completion_add_words(command, &words);
		if (words.len > 0)
			skt_text_addf(t,
				      "complete -c soket -n '__soket_is %s' -k -a '(__soket_offer \"%s\" "
				      "(commandline -ct) \"\")'\n",
				      command->name, skt_text_get(&words));
		for (int f = 0; (flag = skt_command_flag_at(command, f)) != NULL; f++)
			fish_flag(t, command, flag);
		t->failed |= words.failed;
		skt_text_release(&words);
	}
}

void skt_completion_fish(struct skt_text *t)
{
	skt_text_add(t, "# fish completion for soket, printed by: soket completion fish\n");
	fish_schemes(t);
	fish_options(t);
	fish_choices(t);
	fish_command_tables(t);
	skt_text_add(t, fish_functions);
	fish_commands(t);
}

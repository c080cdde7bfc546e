/* SPDX-License-Identifier: Apache-2.0 */
/* soket help: what commands, endpoints and schemes are. */
#include <string.h>

#include "base/message.h"
#include "base/word.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/say.h"

static int help_fail(const char *topic, struct skt_error *err)
{
	struct skt_nearest nearest = { .wanted = topic };
	const struct skt_command *command;
	const struct skt_scheme *scheme;

	for (int i = 0; (command = skt_command_at(i)) != NULL; i++)
		skt_nearest_offer(&nearest, command->name);
	skt_nearest_offer(&nearest, "endpoints");
	for (size_t i = 0; (scheme = skt_scheme_at(i)) != NULL; i++)
		skt_nearest_offer(&nearest, scheme->name);
	skt_fail(err, SKT_E_USAGE, 0, _("there is no help on %s"), topic);
	if (nearest.word)
		skt_hint(err, _("did you mean: soket help %s"), nearest.word);
	else
		skt_hint(err, "%s", _("there is help on commands, on schemes, and on \"endpoints\""));
	return -SKT_E_USAGE;
}

static int help_run(const struct skt_args *args)
{
	bool json = skt_args_has(args, "json");
	struct skt_error err = { 0 };
	const struct skt_command *command;
	const struct skt_scheme *scheme;
	const char *topic;

	if (args->n_words == 0)
		return skt_help_overview(json);
	topic = args->word[0];
	if (skt_args_finish(args, 1, &err) < 0)
		return skt_say_error(&err, NULL, json);
	if (strcmp(topic, "endpoints") == 0)
		return skt_help_endpoints(json);
	command = skt_command_find(topic);
	if (command)
		return skt_help_command(command, json);
	scheme = skt_scheme_find(topic, strlen(topic));
	if (scheme)
		return skt_help_scheme(scheme, json);
	help_fail(topic, &err);
	return skt_say_error(&err, NULL, json);
}

static const struct skt_example help_examples[] = {
	{ "soket help connect", N_("what connect does, and all its flags") },
	{ "soket help endpoints", N_("how endpoints are written, and every scheme with its options") },
	{ "soket help tcp", N_("the options of one scheme") },
	{ NULL, NULL },
};

const struct skt_command skt_cmd_help = {
	.name = "help",
	.summary = N_("explains commands, endpoints and schemes"),
	.synopsis = "[COMMAND | SCHEME | endpoints] [FLAGS]",
	.description = N_(
		"Without a word it lists the commands, the flags that all of them have, and what each exit status means. "
		"With --json it prints the tables that help is made from: one object for each command or scheme."),
	.examples = help_examples,
	.run = help_run,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* soket manual: the source of a manual page, for the build; not listed in help. */
#include <string.h>

#include "base/message.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/manual.h"
#include "cli/say.h"

static int manual_run(const struct skt_args *args)
{
	bool json = skt_args_has(args, "json");
	struct skt_error err = { 0 };
	struct skt_text t = { 0 };
	const struct skt_command *command;
	const char *page = args->n_words > 0 ? args->word[0] : "soket";
	int failed;

	if (skt_args_finish(args, 1, &err) < 0)
		return skt_say_error(&err, NULL, json);
	command = skt_command_find(page);
	if (strcmp(page, "soket") == 0) {
		skt_manual_overview(&t);
	} else if (strcmp(page, "endpoints") == 0) {
		skt_manual_endpoints(&t);
	} else if (command) {
		skt_manual_command(command, &t);
	} else {
		skt_fail(&err, SKT_E_USAGE, 0, _("there is no manual page %s"), page);
		skt_hint(&err, "%s", _("there is one for soket, for endpoints, and for each command"));
		return skt_say_error(&err, NULL, json);
	}
	failed = skt_say_text(&t);
	skt_text_release(&t);
	return -failed;
}

const struct skt_command skt_cmd_manual = {
	.name = "manual",
	.summary = N_("prints the source of a manual page"),
	.synopsis = "[COMMAND | endpoints | soket]",
	.description = N_("The source is for scdoc(1). The pages are made from the same tables as the help."),
	.run = manual_run,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* soket completion: a completion script for a shell, on standard output. */
#include <string.h>

#include "base/alloc.h"
#include "base/message.h"
#include "base/word.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/say.h"

static const struct {
	const char *name;
	void (*write)(struct skt_text *t);
} shells[] = {
	{ "bash", skt_completion_bash },
	{ "zsh", skt_completion_zsh },
	{ "fish", skt_completion_fish },
};

static int completion_fail(const char *shell, struct skt_error *err)
{
	struct skt_nearest nearest = { .wanted = shell ? shell : "" };

	if (shell)
		skt_fail(err, SKT_E_USAGE, 0, _("there is no completion for the shell %s"), shell);
	else
		skt_fail(err, SKT_E_USAGE, 0, "%s", _("a shell is missing"));
	for (size_t i = 0; shell && i < SKT_LENGTH(shells); i++)
		skt_nearest_offer(&nearest, shells[i].name);
	if (nearest.word)
		skt_hint(err, _("did you mean: soket completion %s"), nearest.word);
	else
		skt_hint(err, "%s", _("usage: soket completion bash|zsh|fish"));
	return -SKT_E_USAGE;
}

static int completion_print(const char *shell, const struct skt_text *script, bool json)
{
	struct skt_json j = { .text.failed = script->failed };
	int ret;

	if (!json)
		return skt_say_text(script);
	skt_json_object(&j, NULL);
	skt_json_string(&j, "shell", shell);
	skt_json_string(&j, "script", skt_text_get(script));
	skt_json_end_object(&j);
	ret = skt_say_json(&j);
	skt_json_release(&j);
	return ret;
}

static int completion_run(const struct skt_args *args)
{
	bool json = skt_args_has(args, "json");
	const char *shell = args->n_words > 0 ? args->word[0] : NULL;
	struct skt_error err = { 0 };

	if (skt_args_finish(args, 1, &err) < 0)
		return skt_say_error(&err, NULL, json);
	for (size_t i = 0; shell && i < SKT_LENGTH(shells); i++) {
		struct skt_text script = { 0 };
		int failed;

		if (strcmp(shells[i].name, shell) != 0)
			continue;
		shells[i].write(&script);
		failed = completion_print(shell, &script, json);
		skt_text_release(&script);
		return -failed;
	}
	completion_fail(shell, &err);
	return skt_say_error(&err, NULL, json);
}

static const struct skt_example completion_examples[] = {
	{ "source <(soket completion bash)", N_("in ~/.bashrc: completion in bash") },
	{ "source <(soket completion zsh)", N_("in ~/.zshrc, after compinit: completion in zsh") },
	{ "soket completion fish | source", N_("in ~/.config/fish/config.fish: completion in fish") },
	{ NULL, NULL },
};

const struct skt_command skt_cmd_completion = {
	.name = "completion",
	.summary = N_("prints a completion script for your shell"),
	.synopsis = "bash|zsh|fish [FLAGS]",
	.description = N_(
		"The script knows every command, flag and scheme, the options of the scheme that is being typed, and the "
		"values that they take. It is made from soket's own tables, so it always fits this version. Ports, processes, "
		"connections and namespaces are those of the moment: the script asks soket for them."),
	.examples = completion_examples,
	.words = "bash zsh fish",
	.run = completion_run,
};

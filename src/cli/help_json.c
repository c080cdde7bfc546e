/* SPDX-License-Identifier: Apache-2.0 */
/* Help as JSON lines. */
#include "cli/help_json.h"

#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/message.h"
#include "cli/say.h"

static const char *const type_names[] = {
	[SKT_OPT_BOOL] = "bool", [SKT_OPT_INT] = "int",   [SKT_OPT_DURATION] = "duration", [SKT_OPT_SIZE] = "size",
	[SKT_OPT_RATE] = "rate", [SKT_OPT_MODE] = "mode", [SKT_OPT_WORD] = "word",         [SKT_OPT_STRING] = "string",
};

_Static_assert(SKT_LENGTH(type_names) == SKT_OPT_STRING + 1, "a name for each type");

static const char *const role_names[] = {
	[SKT_ROLE_ANY] = NULL,
	[SKT_ROLE_LISTEN] = "listen",
	[SKT_ROLE_DIAL] = "dial",
};

/* An array of the pieces of `s` between separators. */
static void help_json_pieces(struct skt_json *j, const char *key, const char *s, char separator)
{
	const char separators[] = { separator, '\0' };

	skt_json_array(j, key);
	while (s && *s) {
		size_t n = strcspn(s, separators);
		char *piece = skt_strndup(s, n);

		if (!piece)
			j->text.failed = true;
		else
			skt_json_string(j, NULL, piece);
		skt_free(piece);
		s += n + (s[n] != '\0');
	}
	skt_json_end_array(j);
}

static void help_json_usage(struct skt_json *j, const struct skt_command *command)
{
	struct skt_text t = { 0 };

	for (const char *s = command->synopsis; s;) {
		size_t n = strcspn(s, "\n");

		skt_text_addf(&t, "soket %s%s%.*s\n", command->name, n ? " " : "", (int)n, s);
		s = s[n] ? s + n + 1 : NULL;
	}
	j->text.failed |= t.failed;
	help_json_pieces(j, "usage", skt_text_get(&t), '\n');
	skt_text_release(&t);
}

static void help_json_flag(struct skt_json *j, const struct skt_flag *flag)
{
	const char letter[] = { flag->letter, '\0' };

	skt_json_object(j, NULL);
	skt_json_string(j, "flag", flag->name);
	skt_json_string(j, "letter", flag->letter ? letter : NULL);
	skt_json_string(j, "type", type_names[flag->type]);
	skt_json_string(j, "argument", flag->argument);
	if (flag->choices)
		help_json_pieces(j, "choices", flag->choices, '|');
	skt_json_bool(j, "many", flag->many);
	skt_json_string(j, "help", _(flag->help));
	skt_json_end_object(j);
}

int skt_help_json_command(const struct skt_command *command)
{
	const struct skt_flag *flag;
	struct skt_json j = { 0 };
	int ret;

	skt_json_object(&j, NULL);
	skt_json_string(&j, "command", command->name);
	skt_json_string(&j, "summary", _(command->summary));
	help_json_usage(&j, command);
	skt_json_string(&j, "description", command->description ? _(command->description) : NULL);
	skt_json_array(&j, "flags");
	for (int i = 0; (flag = skt_command_flag_at(command, i)) != NULL; i++)
		help_json_flag(&j, flag);
	skt_json_end_array(&j);
	skt_json_array(&j, "examples");
	for (const struct skt_example *e = command->examples; e && e->line; e++) {
		skt_json_object(&j, NULL);
		skt_json_string(&j, "line", e->line);
		skt_json_string(&j, "what", _(e->what));
		skt_json_end_object(&j);
	}
	skt_json_end_array(&j);
	skt_json_end_object(&j);
	ret = skt_say_json(&j);
	skt_json_release(&j);
	return ret;
}

static void help_json_option(struct skt_json *j, const struct skt_optspec *spec)
{
	skt_json_object(j, NULL);
	skt_json_string(j, "key", spec->key);
	skt_json_string(j, "type", type_names[spec->type]);
	skt_json_string(j, "value", spec->unit);
	if (spec->choices)
		help_json_pieces(j, "choices", spec->choices, '|');
	skt_json_string(j, "default", spec->def);
	skt_json_string(j, "role", role_names[spec->role]);
	skt_json_string(j, "help", _(spec->help));
	skt_json_end_object(j);
}

int skt_help_json_scheme(const struct skt_scheme *scheme)
{
	struct skt_json j = { 0 };
	int ret;

	skt_json_object(&j, NULL);
	skt_json_string(&j, "scheme", scheme->name);
	skt_json_string(&j, "summary", _(scheme->summary));
	skt_json_string(&j, "protocol", scheme->protocol);
	skt_json_bool(&j, "layer", scheme->is_layer);
	skt_json_bool(&j, "later", scheme->is_later);
	skt_json_bool(&j, "listens", scheme->can_listen);
	skt_json_bool(&j, "dials", scheme->can_dial);
	skt_json_string(&j, "example", scheme->example);
	skt_json_array(&j, "options");
	for (int g = 0; g < SKT_OPTGROUPS_MAX; g++)
		for (const struct skt_optspec *spec = scheme->options[g]; spec && spec->key; spec++)
			help_json_option(&j, spec);
	skt_json_end_array(&j);
	skt_json_end_object(&j);
	ret = skt_say_json(&j);
	skt_json_release(&j);
	return ret;
}

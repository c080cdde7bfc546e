/* SPDX-License-Identifier: Apache-2.0 */
/* What the completion scripts of all shells have in common: what a value is completed with. */
#include "cli/completion.h"

#include <string.h>

#include "base/alloc.h"

/* How values are completed, by the option's key or by what its value looks like; the first row that fits counts. */
static const struct {
	const char *key, *unit, *what;
} values[] = {
	{ "cwd", NULL, "@directory" },       { "user", NULL, "@user" },    { "group", NULL, "@group" },
	{ "interface", NULL, "@interface" }, { "netns", NULL, "@netns" },  { "retry", NULL, "forever" },
	{ "keepalive", NULL, "yes no" },     { "path", NULL, "" }, /* of a web address */
	{ NULL, "PATH", "@file" },           { NULL, "FILE", "@file" },    { NULL, "DIRECTORY", "@directory" },
	{ NULL, "DIR", "@directory" },       { NULL, "yes|no", "yes no" },
};

static void completion_add(enum skt_opttype type, const char *key, const char *unit, const char *choices,
			   struct skt_text *ret)
{
	if (choices) {
		for (const char *c = choices; *c; c++)
			skt_text_addc(ret, *c == '|' ? ' ' : *c);
		return;
	}
	if (type == SKT_OPT_BOOL)
		unit = "yes|no";
	for (size_t i = 0; i < SKT_LENGTH(values); i++) {
		if (values[i].key ? strcmp(values[i].key, key) == 0 : unit && strcmp(values[i].unit, unit) == 0) {
			skt_text_add(ret, values[i].what);
			return;
		}
	}
}

void skt_completion_add_flag_value(const struct skt_flag *flag, struct skt_text *ret)
{
	completion_add(flag->type, flag->name, flag->argument, flag->choices, ret);
}

void skt_completion_add_option_value(const struct skt_optspec *spec, struct skt_text *ret)
{
	completion_add(spec->type, spec->key, spec->unit, spec->choices, ret);
}

const char *skt_completion_address(const struct skt_scheme *scheme)
{
	switch (scheme->form) {
	case SKT_FORM_HOST:
		return "@host";
	case SKT_FORM_PATH:
		return "@file";
	case SKT_FORM_COMMAND:
		return "@command";
	case SKT_FORM_VSOCK:
		return "any: local: host: hypervisor:";
	case SKT_FORM_NONE:
	case SKT_FORM_NUMBER:
	case SKT_FORM_TEXT:
		break;
	}
	return "";
}

void skt_completion_add_words(const struct skt_command *command, struct skt_text *ret)
{
	const struct skt_command *other;
	const struct skt_scheme *scheme;

	if (command->words)
		skt_text_add(ret, command->words);
	if (strcmp(command->name, "help") != 0)
		return;
	for (int i = 0; (other = skt_command_at(i)) != NULL; i++)
		skt_text_addf(ret, "%s ", other->name);
	skt_text_add(ret, "endpoints");
	for (size_t i = 0; (scheme = skt_scheme_at(i)) != NULL; i++)
		skt_text_addf(ret, " %s", scheme->name);
}

void skt_completion_quote(struct skt_text *t, const char *s, char escape)
{
	skt_text_addc(t, '\'');
	for (; *s; s++) {
		if (escape && (*s == escape || *s == '\\'))
			skt_text_addc(t, '\\');
		if (*s == '\'')
			skt_text_add(t, "'\\''");
		else
			skt_text_addc(t, *s);
	}
	skt_text_addc(t, '\'');
}

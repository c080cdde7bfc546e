/* SPDX-License-Identifier: Apache-2.0 */
/* The list of commands. */
#include "cli/command.h"

#include <string.h>

#include "base/alloc.h"
#include "cli/commands.h"

static const struct skt_command *const commands[] = {
	&skt_cmd_connect, &skt_cmd_listen, &skt_cmd_link,    &skt_cmd_serve, &skt_cmd_view,       &skt_cmd_ports,
	&skt_cmd_flows,   &skt_cmd_who,    &skt_cmd_explain, &skt_cmd_wait,  &skt_cmd_free,       &skt_cmd_run,
	&skt_cmd_take,    &skt_cmd_close,  &skt_cmd_demo,    &skt_cmd_help,  &skt_cmd_completion,
};

/* Found by name, but listed nowhere. */
static const struct skt_command *const hidden[] = { &skt_cmd_manual, &skt_cmd_complete };

const struct skt_command *skt_command_at(int i)
{
	return i >= 0 && (size_t)i < SKT_LENGTH(commands) ? commands[i] : NULL;
}

const struct skt_command *skt_command_find(const char *name)
{
	for (size_t i = 0; i < SKT_LENGTH(commands); i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	for (size_t i = 0; i < SKT_LENGTH(hidden); i++)
		if (strcmp(hidden[i]->name, name) == 0)
			return hidden[i];
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The flags of commands: their own, and those that all of them share. */
#include "cli/command.h"

#include "base/alloc.h"
#include "base/message.h"

static const struct skt_flag common_flags[] = {
	{ .name = "json", .help = N_("print one JSON object a line, for scripts") },
	{ .name = "verbose", .letter = 'v', .help = N_("say more about what happens") },
	{ .name = "quiet", .letter = 'q', .help = N_("say nothing but errors") },
	{ .name = "help", .letter = 'h', .help = N_("show this help and end") },
};

const struct skt_flag *skt_flag_common_at(int i)
{
	return i >= 0 && (size_t)i < SKT_LENGTH(common_flags) ? &common_flags[i] : NULL;
}

const struct skt_flag *skt_command_flag_at(const struct skt_command *command, int i)
{
	int own = 0;

	while (command->flags && command->flags[own].name)
		own++;
	return i < own ? &command->flags[i] : skt_flag_common_at(i - own);
}

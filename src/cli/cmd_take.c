/* SPDX-License-Identifier: Apache-2.0 */
/* soket take. */
#include "cli/commands.h"

static int take_run(const struct skt_args *args)
{
	(void)args;
	return SKT_E_BUG;
}

const struct skt_command skt_cmd_take = {
	.name = "take", .summary = "take", .synopsis = "", .description = "", .run = take_run
};

/* SPDX-License-Identifier: Apache-2.0 */
/* soket who. */
#include "cli/commands.h"

static int who_run(const struct skt_args *args)
{
	(void)args;
	return SKT_E_BUG;
}

const struct skt_command skt_cmd_who = {
	.name = "who", .summary = "who", .synopsis = "", .description = "", .words = "@port", .run = who_run
};
